//! One writer at a time, between threads and between processes.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// A file `NAME.lock` beside the file, there while it is being changed.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Waits at most 30 s for the other writers.
    pub(super) fn take(target: &Path) -> io::Result<Self> {
        let mut path = target.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let patience = Instant::now();
        loop {
            if let Some(file) = try_take(&path)? {
                return Ok(Self { path, _file: file });
            }
            if patience.elapsed() > PATIENCE {
                let message = format!("another program has held {} for 30 s", path.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever waits for it sees that it is gone and makes a new one; if it stays, it does no harm.
        _ = fs::remove_file(&self.path);
    }
}

/// The system lets go of the lock when its owner dies, so that a file left behind locks nobody out. A lock on a file
/// that its owner has removed in the meantime is none.
#[cfg(unix)]
fn try_take(path: &Path) -> io::Result<Option<File>> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

    use rustix::fs::{FlockOperation, flock};

    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let locked = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (locked.dev(), locked.ino()) => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Without advisory locks the file itself is the lock; one that a killed program left behind is named in the error
/// and has to be removed by hand.
#[cfg(not(unix))]
fn try_take(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().create_new(true).append(true).open(path) {
        Ok(file) => Ok(Some(file)),
        // Windows denies access while a removed file is still open somewhere.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::AlreadyExists | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
