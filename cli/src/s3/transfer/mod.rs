//! The bytes of files on their way to S3 and back.

mod download;
mod upload;

use std::{
    fmt, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::HeaderMap;
use tokio::sync::Semaphore;

pub(crate) use self::{
    download::{Destination, download},
    upload::{Source, upload},
};
use crate::s3::{Algorithm, Client, Error};

const MIB: u64 = 1 << 20;
/// The size in bytes of a part, and of the largest object that is not sent in parts, as in `aws`.
const PART: u64 = 8 * MIB;
/// How many parts are downloaded at most, beside the beginnings of files.
const REQUESTS: usize = 32;
/// How many mebibytes of bodies are in memory at most.
const MEMORY: u32 = 64;

/// What all transfers of a command have in common.
pub(crate) struct Transfers {
    pub(crate) client: Client,
    /// The headers of what reads objects.
    pub(crate) reading: HeaderMap,
    /// The headers of what creates objects.
    pub(crate) writing: HeaderMap,
    /// The headers of what copies objects.
    pub(crate) copying: HeaderMap,
    /// Whether the media type of a file is guessed by its name.
    pub(crate) guesses_type: bool,
    pub(crate) request_payer: Option<&'static str>,
    /// The kind of the checksums of what is uploaded.
    pub(crate) algorithm: Option<Algorithm>,
    /// Whether what is downloaded is compared with its checksum.
    pub(crate) verifies: bool,
    /// How many downloads there was no checksum for.
    unverified: AtomicU64,
    requests: Semaphore,
    memory: Arc<Semaphore>,
}

impl Transfers {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            reading: HeaderMap::new(),
            writing: HeaderMap::new(),
            copying: HeaderMap::new(),
            guesses_type: true,
            request_payer: None,
            algorithm: None,
            verifies: false,
            unverified: AtomicU64::new(0),
            requests: Semaphore::new(REQUESTS),
            memory: Arc::new(Semaphore::new(MEMORY as usize)),
        }
    }

    /// Returns how many downloads could not be compared with a checksum.
    pub(crate) fn unverified(&self) -> u64 {
        self.unverified.load(Ordering::Relaxed)
    }
}

/// Why bytes did not arrive.
#[derive(Debug)]
pub(crate) enum Problem {
    /// S3 refused, or could not be reached.
    S3(Error),
    /// A file or a stream could not be read or written.
    Local(String),
    /// The reader of standard output has closed it.
    Closed,
}

impl Problem {
    /// Creates the problem of a step with a file.
    pub(crate) fn file(step: &str, path: &Path, error: &io::Error) -> Self {
        Self::Local(format!("cannot {step} {}: {error}", path.display()))
    }

    /// Returns the status of the answer of S3, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::S3(error) => error.status(),
            Self::Local(_) | Self::Closed => None,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::S3(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(error) => error.fmt(f),
            Self::Local(text) => f.write_str(text),
            Self::Closed => f.write_str("standard output is closed"),
        }
    }
}
