//! Temporary files for other programs of the same user.

#[cfg(unix)]
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::signals::{Undo, undo_on_signal};

/// How the names of folders begin that have the files of a command of `keyfob exec --serve`.
const OF_EXEC: &str = "keyfob-exec-";

/// A temporary folder that other users cannot read. Dropping it removes it, and so does a signal
/// that ends the process.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    folder: tempfile::TempDir,
    _undo: Undo,
}

impl PrivateFolder {
    /// Creates a folder for the files of a command of `keyfob exec --serve`.
    pub(crate) fn create_for_exec() -> io::Result<Self> {
        Self::create(OF_EXEC)
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
