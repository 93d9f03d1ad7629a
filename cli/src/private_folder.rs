//! Temporary files for other programs of the same user.

#[cfg(unix)]
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use keyfob_chain::files::Lock;

use crate::signals::{Undo, undo_on_signal};

/// How the names of folders begin that have the files of a command of `keyfob exec --serve`.
const OF_EXEC: &str = "keyfob-exec-";
/// What is locked in such a folder for as long as its owner lives.
const IN_USE: &str = "in-use";

/// A temporary folder that other users cannot read. Dropping it removes it, and so does a signal
/// that ends the process.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    // Dropped before the folder is removed.
    in_use: Option<Lock>,
    folder: tempfile::TempDir,
    _undo: Undo,
}

impl PrivateFolder {
    /// Creates a folder for the files of a command of `keyfob exec --serve`. Removes those whose
    /// owner was killed.
    pub(crate) fn create_for_exec() -> io::Result<Self> {
        remove_abandoned();
        let mut folder = Self::create(OF_EXEC)?;
        // Without the lock, nothing removes the folder if this process is killed.
        folder.in_use = Lock::acquire(folder.path().join(IN_USE), Duration::ZERO).ok();
        Ok(folder)
    }

    /// Returns true for a file in such a folder.
    pub(crate) fn is_of_exec(file: &Path) -> bool {
        let folder = file.parent().and_then(Path::file_name);
        folder.is_some_and(|name| name.to_string_lossy().starts_with(OF_EXEC))
    }

    /// Creates a folder whose name starts with `prefix`.
    pub(crate) fn create(prefix: &str) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix);
        #[cfg(unix)]
        builder.permissions(fs::Permissions::from_mode(0o700));
        let folder = builder.tempdir()?;
        let path = folder.path().to_owned();
        let undo = undo_on_signal(move || {
            let _ = fs::remove_dir_all(path);
        });
        Ok(Self {
            in_use: None,
            folder,
            _undo: undo,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a new file that other users cannot read, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        options.open(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    }
}

/// Removes the folders of this user whose owner does not live, as after SIGKILL.
#[cfg(unix)]
fn remove_abandoned() {
    let user = rustix::process::getuid().as_raw();
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten();
    for folder in entries.flatten().map(|entry| entry.path()) {
        let file = folder.join(IN_USE);
        let is_ours = PrivateFolder::is_of_exec(&file)
            && fs::symlink_metadata(&folder)
                .is_ok_and(|folder| folder.is_dir() && folder.uid() == user)
            // Without it, the owner is about to make it.
            && folder.join(format!("{IN_USE}.lock")).exists();
        if is_ours && Lock::acquire(&file, Duration::ZERO).is_ok() {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// Elsewhere a folder is left to the cleaner of the system.
#[cfg(not(unix))]
fn remove_abandoned() {}
