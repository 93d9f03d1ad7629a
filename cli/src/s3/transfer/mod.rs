//! The bytes of files on their way to S3 and back.

mod composite;
mod concurrency;
mod copy;
mod download;
mod gate;
mod partial;
mod progress;
mod same;
mod target;
mod upload;

use std::{
    fmt, io, mem,
    ops::RangeInclusive,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{HeaderMap, HeaderValue, header::IF_NONE_MATCH};
use tokio::sync::{self, Semaphore};

use self::gate::{Gate, Permit};
pub(crate) use self::{
    copy::copy,
    download::{Destination, download},
    progress::Progress,
    same::find,
    upload::{Source, upload},
};
use crate::{
    s3::{Algorithm, Client, Error, MultipartUpload},
    signals::{Hold, hold},
};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// The size in bytes of a part, and of the largest object that is not sent in parts, as in `aws`.
const PART: u64 = 8 * MIB;
/// The sizes in bytes of parts that S3 takes, but for the last one.
const PARTS: RangeInclusive<u64> = 5 * MIB..=5 * GIB;
/// How many requests are on their way at a time, at most. More, with as many files, are more than
/// all systems allow a process to have open.
const REQUESTS: u32 = 64;
/// How many mebibytes of standard input are in memory at most.
const MEMORY: u32 = 64;

/// What all transfers of a command have in common.
pub(crate) struct Transfers {
    pub(crate) client: Client,
    pub(crate) progress: Arc<Progress>,
    /// The headers of what reads objects.
    pub(crate) reading: HeaderMap,
    /// The headers of what creates objects.
    pub(crate) writing: HeaderMap,
    /// The headers of what copies objects.
    pub(crate) copying: HeaderMap,
    /// The headers of what describes the sources of copies.
    pub(crate) reading_sources: HeaderMap,
    /// The headers of copies that say how their sources are read.
    pub(crate) reading_copied: HeaderMap,
    /// The headers with the key of the user's own, which each part has.
    pub(crate) customer_key: HeaderMap,
    /// Whether the media type of a file is guessed by its name.
    pub(crate) guesses_type: bool,
    pub(crate) request_payer: Option<&'static str>,
    /// The kind of the checksums of what is uploaded.
    pub(crate) algorithm: Option<Algorithm>,
    /// The kind of the checksums of copies. `None` if S3 chooses.
    pub(crate) copy_algorithm: Option<Algorithm>,
    /// Whether what is downloaded is compared with its checksum.
    pub(crate) verifies: bool,
    pub(crate) overwrite: Overwrite,
    /// Whether what was begun is left for the same command to go on with, which it does.
    pub(crate) resumes: bool,
    /// What is done about uploads that were begun before, and not completed.
    pub(crate) unfinished: sync::Mutex<Option<Unfinished>>,
    /// The uploads in parts that are neither completed nor aborted.
    open: Mutex<Vec<MultipartUpload>>,
    sizes: Sizes,
    requests: Arc<Gate>,
    memory: Arc<Semaphore>,
}

/// Looks once for uploads that were begun before, and not completed.
pub(crate) struct Unfinished {
    /// What their keys begin with, or are.
    pub(crate) prefix: String,
    /// Whether the key is the whole prefix.
    pub(crate) is_key: bool,
    /// Gets the number of such uploads, if there are some.
    pub(crate) tell: Box<dyn Fn(usize) + Send + Sync>,
}

/// When something is copied over what is at the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Overwrite {
    #[default]
    Always,
    Never,
    /// If its size or its content is another one.
    IfChanged,
}

/// What became of a file or an object that should be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Copied,
    /// Downloaded, and not compared with a checksum: there is none.
    Unverified,
    /// What is at the target is left alone.
    Skipped,
}

/// How large objects are divided, and how many requests there are at a time, at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// The size in bytes of the largest object that is not sent in parts.
    threshold: u64,
    /// The size in bytes of a part.
    part: u64,
    requests: u32,
}

impl Sizes {
    /// Returns what S3 takes of these numbers, or their defaults.
    pub(crate) fn new(threshold: Option<u64>, part: Option<u64>, requests: Option<u32>) -> Self {
        Self {
            threshold: threshold.unwrap_or(PART).min(*PARTS.end()),
            part: part.unwrap_or(PART).clamp(*PARTS.start(), *PARTS.end()),
            requests: requests.unwrap_or(REQUESTS).max(1),
        }
    }
}

impl Transfers {
    pub(crate) fn new(client: Client, sizes: Sizes) -> Self {
        let progress = Arc::new(Progress::new(client.moved()));
        let requests = Arc::new(Gate::new(&client, sizes.requests));
        Self {
            client,
            progress,
            overwrite: Overwrite::Always,
            resumes: false,
            unfinished: sync::Mutex::new(None),
            open: Mutex::default(),
            sizes,
            reading: HeaderMap::new(),
            writing: HeaderMap::new(),
            copying: HeaderMap::new(),
            reading_sources: HeaderMap::new(),
            reading_copied: HeaderMap::new(),
            customer_key: HeaderMap::new(),
            guesses_type: true,
            request_payer: None,
            algorithm: None,
            copy_algorithm: None,
            verifies: false,
            requests,
            memory: Arc::new(Semaphore::new(MEMORY as usize)),
        }
    }

    /// Returns how many files are copied at a time, at most.
    pub(crate) fn jobs(&self) -> usize {
        self.sizes.requests as usize
    }

    /// Returns the size in bytes of the parts in which an object of that size is uploaded.
    fn part_size(&self, size: Option<u64>) -> u64 {
        upload::part_size(self.sizes.part, size)
    }

    /// Waits until one more request can be sent. It counts until the permit is dropped.
    async fn request(&self) -> Permit {
        self.requests.pass().await
    }

    /// Keeps a signal from ending the process before an upload in parts is aborted, unless the same
    /// command goes on with it.
    fn hold(&self) -> Option<Hold> {
        (!self.resumes).then(hold)
    }

    /// Begins an upload in parts. Beside the first one, uploads that were begun before are looked
    /// for. Others begin later, because they would be found, too.
    async fn begun(
        &self,
        begin: impl Future<Output = Result<MultipartUpload, Error>>,
    ) -> Result<MultipartUpload, Error> {
        let mut unfinished = self.unfinished.lock().await;
        let Some(look) = unfinished.take() else {
            drop(unfinished);
            return begin.await;
        };
        let upload = begin.await?;
        // Not all users may list them.
        let found = upload.others(&self.client, &look.prefix).await;
        let mut found = found.unwrap_or_default();
        found.retain(|upload| !look.is_key || upload.key == look.prefix);
        if !found.is_empty() {
            (look.tell)(found.len());
        }
        Ok(upload)
    }

    /// Remembers an upload that has begun.
    fn opened(&self, upload: MultipartUpload) -> Arc<MultipartUpload> {
        self.open().push(upload.clone());
        Arc::new(upload)
    }

    /// Forgets an upload that is completed or aborted.
    fn closed(&self, upload: &MultipartUpload) {
        self.open().retain(|open| !open.is(upload));
    }

    fn open(&self) -> MutexGuard<'_, Vec<MultipartUpload>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Aborts the uploads that were given up in the middle, unless the same command goes on with
    /// them.
    pub(crate) async fn abort(&self) {
        let open = mem::take(&mut *self.open());
        if self.resumes {
            return;
        }
        for upload in open {
            // Why the transfers were given up says more than why the parts stay, should they do so.
            let _ = upload.abort(&self.client).await;
        }
    }

    /// Returns the headers of what makes an object, if it must not be there.
    fn condition(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.overwrite == Overwrite::Never {
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        headers
    }

    /// Returns true if S3 refused because the object is there, which it must not be.
    fn is_there(&self, problem: &Problem) -> bool {
        self.overwrite == Overwrite::Never && problem.status() == Some(412)
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
