use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    cannot,
    folder::{create_private_folder, folder_of, follow, remove_leftovers},
};
use crate::error::Error;

const PAUSE: Duration = Duration::from_millis(5);

/// An exclusive lock on a file, between threads and between processes.
///
/// The lock is a file `NAME.lock` beside the locked file, which need not exist. The system releases
/// it when its holder exits or is killed. It is removed on drop. Only programs that take the lock
/// are excluded: the AWS CLI does not.
///
/// # Examples
///
/// ```
/// use keyfob_chain::files::Lock;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("cache/token.json");
/// let lock = Lock::acquire(&path, Lock::PATIENCE)?;
/// lock.replace(b"{}")?;
/// assert_eq!(keyfob_chain::files::read(lock.target()).unwrap(), b"{}");
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
#[derive(Debug)]
pub struct Lock {
    target: PathBuf,
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// How long a command waits for a lock: 30 s.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// Takes the lock on a file. Blocks for up to `patience` while another writer holds it.
    ///
    /// Follows symbolic links to the file, but none at the place of the lock. Creates the folder,
    /// with mode 0700, if it is missing. Removes the temporary files of killed writers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if the wait is over, if the target or the
    /// lock exists and is not a regular file, or if the folder or the lock cannot be created.
    pub fn acquire(target: impl AsRef<Path>, patience: Duration) -> Result<Self, Error> {
        Self::acquire_unless(|| false, target.as_ref(), patience)
    }

    /// Takes the lock as [`acquire`](Self::acquire) does, without blocking the task. Needs no
    /// particular runtime. A caller that drops the future stops waiting.
    ///
    /// # Errors
    ///
    /// As for [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use keyfob_chain::files::Lock;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_chain::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("token.json");
    /// let lock = Lock::acquire_async(&path, Lock::PATIENCE).await?;
    /// assert!(Lock::acquire_async(&path, Duration::ZERO).await.is_err());
    /// drop(lock);
    /// assert!(Lock::acquire_async(&path, Duration::ZERO).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn acquire_async(
        target: impl AsRef<Path>,
        patience: Duration,
    ) -> Result<Self, Error> {
        let target = target.as_ref().to_owned();
        let failed = {
            let target = target.clone();
            move |error: io::Error| cannot("lock", &target, error)
        };
        // A thread, because a lock of the system cannot be awaited, and the caller's runtime is
        // not known.
        let (sender, receiver) = oneshot::channel();
        let wait = move || {
            let lock = Self::acquire_unless(|| sender.is_closed(), &target, patience);
            // If the caller is gone, this drops the lock.
            _ = sender.send(lock);
        };
        thread::Builder::new()
            .name("keyfob-lock".to_owned())
            .spawn(wait)
            .map_err(&failed)?;
        match receiver.await {
            Ok(lock) => lock,
            Err(_) => Err(failed(io::Error::other("the waiting thread is gone"))),
        }
    }

    /// Returns the locked file, with symbolic links followed.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Returns the path of the lock file. A program that ends without dropping the lock, as after a
    /// signal, leaves the file behind unless it removes it. It blocks no one.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn acquire_unless(
        is_abandoned: impl Fn() -> bool,
        target: &Path,
        patience: Duration,
    ) -> Result<Self, Error> {
        // Before the lock file, which would be created in /dev for `/dev/null`.
        refuse_special(target)?;
        let named = target;
        let target = follow(named).map_err(|error| cannot("find", named, error))?;
        let folder = folder_of(&target);
        if target == named {
            create_private_folder(folder)?;
        } else if let Err(error) = fs::metadata(folder) {
            // It may be on a disk that is not mounted, and a file below the mount would be hidden.
            return Err(cannot("follow the symbolic link to", &target, error));
        }
        let mut path = target.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let start = Instant::now();
        loop {
            let taken = try_take(&path).map_err(|error| cannot("take the lock", &path, error))?;
            if let Some(file) = taken {
                remove_leftovers(&target);
                return Ok(Self {
                    target,
                    path,
                    _file: file,
                });
            }
            if start.elapsed() >= patience || is_abandoned() {
                let waited = patience.as_secs();
                let message = format!("another program has held {} for {waited} s", path.display());
                let timeout = io::Error::new(io::ErrorKind::TimedOut, message);
                return Err(cannot("lock", &target, timeout));
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A waiting writer notices that the file is gone and creates a new one. If the removal
        // fails, the file that stays is not locked. Windows removes it when it is closed.
        if cfg!(unix) {
            _ = fs::remove_file(&self.path);
        }
    }
}

/// Refuses a path to anything but a regular file. Renaming over a device would replace the device.
pub(super) fn refuse_special(path: &Path) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(cannot(
            "write",
            path,
            io::Error::other("it is not a regular file"),
        )),
        _ => Ok(()),
    }
}

/// Takes the lock if it is free. The system releases it when its holder dies, so a `.lock` file
/// that was left behind does not block anyone.
#[cfg(unix)]
fn try_take(path: &Path) -> io::Result<Option<File>> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

    use rustix::fs::{FlockOperation, OFlags, flock};

    // Whoever may write to the folder can put something else in the place of the lock: a symbolic
    // link must not be followed, and opening a pipe must not wait.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = fs::OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .mode(0o600)
        .custom_flags(flags.cast_signed())
        .open(path);
    let not_regular = || io::Error::other("it is not a regular file: remove it");
    let file = match file {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(not_regular());
        }
        file => file?,
    };
    let locked = file.metadata()?;
    if !locked.is_file() {
        return Err(not_regular());
    }
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // Between open and flock the previous holder may have removed the file. A lock on a removed
    // file excludes no other writer, so compare with the file that is at the path now.
    match fs::symlink_metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (locked.dev(), locked.ino()) => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes the lock if it is free. A file that is open without sharing cannot be opened a second
/// time; the system closes and removes it when its holder dies.
#[cfg(windows)]
fn try_take(path: &Path) -> io::Result<Option<File>> {
    use std::os::windows::fs::OpenOptionsExt as _;

    const DELETE_ON_CLOSE: u32 = 0x0400_0000;
    // Opens a symbolic link itself instead of its target.
    const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .share_mode(0)
        .custom_flags(DELETE_ON_CLOSE | OPEN_REPARSE_POINT)
        .open(path);
    match file {
        Ok(file) => Ok(Some(file)),
        // Access is denied while a file that was removed is not closed yet.
        Err(error)
            if matches!(
                error.raw_os_error(),
                Some(ACCESS_DENIED | SHARING_VIOLATION)
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(not(any(unix, windows)))]
fn try_take(_path: &Path) -> io::Result<Option<File>> {
    Err(io::ErrorKind::Unsupported.into())
}
