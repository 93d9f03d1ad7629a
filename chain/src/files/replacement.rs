use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use tempfile::NamedTempFile;

use super::{
    access, cannot,
    folder::{RANDOM, folder_of, sync, temporary_prefix},
    lock::Lock,
    update::persist,
};
use crate::error::Error;

/// A new version of a locked file, written piece by piece: [`Lock::begin`] creates it.
///
/// It is a temporary file in the same folder. Until [`finish`](Self::finish) the old version stays
/// as it is; without it, dropping the new version removes it.
#[derive(Debug)]
pub struct Replacement {
    temporary: NamedTempFile,
    // Released after the temporary file is gone.
    lock: Lock,
}

impl Lock {
    /// Starts a new version of the locked file, of any length, which
    /// [`finish`](Replacement::finish) puts in its place. It gets the mode of the old version; a
    /// new file gets what the process gives new files, as for a download.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if the temporary file cannot be created, or if
    /// the old version is read-only or has a second name (a hard link).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write as _;
    ///
    /// use keyfob_chain::files::Lock;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("object");
    /// let mut new = Lock::acquire(&path, Lock::PATIENCE)?.begin()?;
    /// new.write_all(b"one piece").unwrap();
    /// assert!(!path.exists());
    /// new.finish()?;
    /// assert!(path.exists());
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn begin(self) -> Result<Replacement, Error> {
        let path = self.target();
        let prefix = temporary_prefix(path);
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).rand_bytes(RANDOM);
        let old = match fs::metadata(path) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(cannot("look at", path, error)),
        };
        match &old {
            Some(old) => access::refuse(path, old)?,
            #[cfg(unix)]
            None => {
                use std::os::unix::fs::PermissionsExt as _;

                // Less what the umask takes away.
                builder.permissions(fs::Permissions::from_mode(0o666));
            }
            #[cfg(not(unix))]
            None => {}
        }
        let temporary = builder
            .tempfile_in(folder_of(path))
            .map_err(|error| cannot("create a temporary file beside", path, error))?;
        if let Some(old) = old {
            let kept = temporary.as_file().set_permissions(old.permissions());
            kept.map_err(|error| cannot("keep the mode of", path, error))?;
        }
        Ok(Replacement {
            temporary,
            lock: self,
        })
    }
}

impl Replacement {
    /// Returns the path of the temporary file, which a process that ends without dropping this
    /// should remove.
    pub fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    /// Syncs the new version and puts it in the place of the old one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if a step fails; the message names the step
    /// and the file. The old version is still there then.
    pub fn finish(self) -> Result<(), Error> {
        persist(self.lock.target(), self.temporary)?;
        sync(folder_of(self.lock.target()));
        Ok(())
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}
