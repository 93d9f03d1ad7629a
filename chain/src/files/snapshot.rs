//! One state of a file that other programs may be writing.

use std::{
    fs::{File, Metadata},
    io,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{cannot, read::read_open};
use crate::error::Error;

/// How long a file must be unchanged before its text counts. Some systems count time in steps of
/// 10 ms, so a shorter quiet could hide a write.
const QUIET: Duration = Duration::from_millis(50);
/// The same for a file that is empty or ends in the middle of a line: it looks truncated.
const QUIET_IF_UNFINISHED: Duration = Duration::from_millis(500);
/// How long a file that keeps changing is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// The text of a file, and what tells whether the file is still the same.
pub(super) struct Snapshot {
    /// The file, which may be replaced by now. Elsewhere it is closed: Windows replaces no file
    /// that is open.
    #[cfg(unix)]
    pub(super) file: File,
    pub(super) metadata: Metadata,
    pub(super) bytes: Vec<u8>,
}

/// Which file is at a path, its length, and when it was written last.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    place: (u64, u64),
    content: (u64, Option<SystemTime>),
}

impl Identity {
    #[cfg(unix)]
    pub(crate) fn new(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;

        Self {
            place: (metadata.dev(), metadata.ino()),
            content: content(metadata),
        }
    }

    /// Without the number of the file, its time of creation tells two files apart.
    #[cfg(not(unix))]
    pub(crate) fn new(metadata: &Metadata) -> Self {
        let age = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
        let created = metadata.created().ok().and_then(age).unwrap_or_default();
        Self {
            place: (created.as_secs(), created.subsec_nanos().into()),
            content: content(metadata),
        }
    }

    /// Returns the identity of the file that is at a path now, or `None` if there is no file.
    pub(super) fn at(path: &Path) -> Result<Option<Self>, Error> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::new(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot("look at", path, error)),
        }
    }
}

fn content(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

impl Snapshot {
    pub(super) fn identity(&self) -> Identity {
        Identity::new(&self.metadata)
    }

    /// Reads the file at `path` as soon as nothing is writing to it. Returns `None` if there is no
    /// file.
    pub(super) fn settled(path: &Path) -> Result<Option<Self>, Error> {
        let open = || match File::open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot("read", path, error)),
        };
        Self::settle(path, open)
    }

    /// Returns what another program wrote to this file after it was read, as soon as nothing is
    /// writing to it. The file may no longer be at `path`.
    #[cfg(unix)]
    pub(super) fn written_since(&self, path: &Path) -> Result<Option<Self>, Error> {
        let now = self.file.metadata();
        if !now.is_ok_and(|now| content(&now) != content(&self.metadata)) {
            return Ok(None);
        }
        let open = || {
            use std::io::Seek as _;

            let mut file = self
                .file
                .try_clone()
                .map_err(|error| cannot("read", path, error))?;
            file.rewind().map_err(|error| cannot("read", path, error))?;
            Ok(Some(file))
        };
        Self::settle(path, open)
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(super) fn written_since(&self, _path: &Path) -> Result<Option<Self>, Error> {
        Ok(None)
    }

    fn settle(
        path: &Path,
        open: impl Fn() -> Result<Option<File>, Error>,
    ) -> Result<Option<Self>, Error> {
        let start = Instant::now();
        let mut seen: Option<(Identity, Instant)> = None;
        loop {
            let Some(file) = open()? else { return Ok(None) };
            let snapshot = Self::read(file).map_err(|error| cannot("read", path, error))?;
            if let Some(snapshot) = snapshot {
                let identity = snapshot.identity();
                let since = match seen.take() {
                    Some((before, since)) if before == identity => since,
                    _ => Instant::now(),
                };
                if snapshot.quiet_for(since) >= snapshot.quiet_needed() {
                    return Ok(Some(snapshot));
                }
                seen = Some((identity, since));
            }
            if start.elapsed() > PATIENCE {
                let waited = PATIENCE.as_secs();
                let message = format!("another program has been writing to it for {waited} s");
                let timeout = io::Error::new(io::ErrorKind::TimedOut, message);
                return Err(cannot("read", path, timeout));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Reads a file. Returns `None` if it changed meanwhile.
    #[cfg_attr(
        not(unix),
        expect(clippy::needless_pass_by_value, reason = "it is kept open on Unix")
    )]
    fn read(file: File) -> io::Result<Option<Self>> {
        let before = file.metadata()?;
        let bytes = read_open(&file)?;
        let metadata = file.metadata()?;
        let is_whole = content(&before) == content(&metadata);
        Ok(is_whole.then_some(Self {
            #[cfg(unix)]
            file,
            metadata,
            bytes,
        }))
    }

    /// Returns how long the file has not changed, by the clock or by our own observation: its time
    /// may lie in the future.
    fn quiet_for(&self, since: Instant) -> Duration {
        let age = self.metadata.modified().ok();
        let age = age.and_then(|time| SystemTime::now().duration_since(time).ok());
        age.unwrap_or_default().max(since.elapsed())
    }

    fn quiet_needed(&self) -> Duration {
        if self.bytes.ends_with(b"\n") {
            QUIET
        } else {
            QUIET_IF_UNFINISHED
        }
    }
}
