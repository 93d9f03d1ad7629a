use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// An exclusive lock on a file, between threads and between processes.
///
/// The lock is a file `NAME.lock` beside the locked file. It is removed on drop.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock. Waits up to 30 s while another writer holds it.
    pub(crate) fn take(target: &Path) -> io::Result<Self> {
        let mut name = target.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let start = Instant::now();
        loop {
            if let Some(file) = try_take(&path)? {
                return Ok(Self { path, _file: file });
            }
            if start.elapsed() > PATIENCE {
                let message = format!("another program has held {} for 30 s", path.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A waiting writer notices that the file is gone and creates a new one. If the removal
        // fails, the file that stays is not locked.
        _ = fs::remove_file(&self.path);
    }
}

/// Takes the lock if it is free. The system releases it when its holder dies, so a `.lock` file
/// that was left behind does not block anyone.
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
    // Between open and flock the previous holder may have removed the file. A lock on a removed
    // file excludes no other writer, so compare with the file that is at the path now.
    let locked = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (locked.dev(), locked.ino()) => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes the lock if it is free. Without advisory locks the existence of the file is the lock. The
/// error names a file that a killed program left behind, which has to be removed by hand.
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
