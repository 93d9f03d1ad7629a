use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{
    access, cannot,
    folder::{RANDOM, folder_of, follow, sync},
    lock::refuse_special,
    update::persist,
};
use crate::error::Error;

/// A new version of a file that no other program writes, such as a download: of any length, written
/// piece by piece.
///
/// It is a temporary file in the same folder. Until [`finish`](Self::finish) the old version stays
/// as it is; without it, dropping the new version removes it.
#[derive(Debug)]
pub struct Replacement {
    temporary: NamedTempFile,
    target: PathBuf,
}

impl Replacement {
    /// Starts a new version of a file, which need not exist. It gets the mode of the old version; a
    /// new file gets what the process gives new files.
    ///
    /// Follows symbolic links to the file. Takes no lock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if the temporary file cannot be created, as
    /// without the folder, or if the old version is read-only, not a regular file, or has a second
    /// name (a hard link).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write as _;
    ///
    /// use keyfob_chain::files::Replacement;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("object");
    /// let mut new = Replacement::new(&path)?;
    /// new.write_all(b"one piece").unwrap();
    /// assert!(!path.exists());
    /// new.finish()?;
    /// assert!(path.exists());
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn new(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        refuse_special(path)?;
        let target = follow(path).map_err(|error| cannot("find", path, error))?;
        let path = &*target;
        let mut builder = tempfile::Builder::new();
        // Without the name of the file, which may be as long as a name can be.
        builder.prefix(".keyfob-").rand_bytes(RANDOM);
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
        Ok(Self { temporary, target })
    }

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
        persist(&self.target, self.temporary)?;
        sync(folder_of(&self.target));
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
