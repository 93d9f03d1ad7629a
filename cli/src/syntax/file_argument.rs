use std::{fs::File, io, path::Path};

use keyfob_chain::files;
use keyfob_sigv4::Secret;

use crate::failure::Failure;

/// Returns the text of the file for `file://PATH`, and any other value unchanged.
///
/// # Errors
///
/// If the file cannot be read. The message starts with `flag`.
pub(crate) fn file_or_text(flag: &str, value: &str) -> Result<String, Failure> {
    let Some(path) = value.strip_prefix("file://") else {
        return Ok(value.to_owned());
    };
    match files::read_secret(path) {
        Ok(text) => Ok(text.expose().to_owned()),
        Err(error) => Err(Failure::usage(format!(
            "{flag}: cannot read {path}: {error}"
        ))),
    }
}

/// Reads a file, or standard input for `-`, of at most `limit` bytes.
///
/// # Errors
///
/// If it cannot be read, or is longer.
pub(crate) fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if path == Path::new("-") {
        files::read_at_most(io::stdin().lock(), limit)
    } else {
        files::read_at_most(File::open(path)?, limit)
    }
}

/// Reads a value from standard input.
///
/// # Errors
///
/// If it cannot be read, is longer than 16 MiB, or is not UTF-8.
pub(crate) fn standard_input() -> io::Result<Secret> {
    let bytes = files::read_at_most(io::stdin().lock(), files::MAX_LENGTH)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Secret::from(text)),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not UTF-8",
        )),
    }
}
