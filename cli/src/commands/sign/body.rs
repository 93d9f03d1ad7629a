use std::path::Path;

use crate::{failure::Failure, syntax::read_file};

/// The body of a request, as it was given: curl is given it in the same way.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) enum Body {
    None,
    Text(Vec<u8>),
    /// An unchanged file.
    File {
        path: String,
        bytes: Vec<u8>,
    },
}

impl Body {
    pub(in crate::commands) fn bytes(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Text(bytes) | Self::File { bytes, .. } => bytes,
        }
    }

    pub(in crate::commands) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// The longest body, which is signed in memory.
const MAX_BODY: u64 = 256 << 20;

/// Reads a file, or standard input for `-`, of at most 256 MiB. `argument` is what names the file.
///
/// # Errors
///
/// If it cannot be read.
pub(in crate::commands) fn read(argument: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    read_file(argument, path, MAX_BODY)
}

/// Reads a file, or standard input for `-`, as text.
///
/// # Errors
///
/// If it cannot be read, or if it is not UTF-8.
pub(super) fn read_text(argument: &str, path: &Path) -> Result<String, Failure> {
    into_text(read(argument, path)?)
}

/// Converts data to text.
///
/// # Errors
///
/// If it is not UTF-8.
pub(super) fn into_text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| {
        Failure::usage("data that is encoded or appended to the URL must be UTF-8 text")
    })
}
