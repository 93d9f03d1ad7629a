use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::cannot;
use crate::error::Error;

/// The number of random characters at the end of the name of a temporary file.
pub(super) const RANDOM: usize = 6;

/// Creates a folder and its missing parents, each with mode 0700. The mode of a folder that exists
/// stays.
///
/// # Errors
///
/// [`ErrorKind::Write`](crate::ErrorKind::Write) if a folder cannot be created.
///
/// # Examples
///
/// ```
/// # let home = tempfile::tempdir().unwrap();
/// # let home = home.path();
/// let cache = home.join(".aws/cli/cache");
/// keyfob_chain::files::create_private_folder(&cache)?;
/// assert!(cache.is_dir());
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
pub fn create_private_folder(folder: impl AsRef<Path>) -> Result<(), Error> {
    let folder = folder.as_ref();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| cannot("create the folder", folder, error))
}

/// Returns the path that a chain of symbolic links ends at, whether or not a file is there.
pub(super) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // The limit of Linux.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(to) => path = folder_of(&path).join(to),
            // Not a link, or not there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Returns the folder of a file; that of a bare name is `.`.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Returns how the names of temporary files for `target` start. The name of the target is part of
/// it, because the lock on one file says nothing about writers of another one beside it.
pub(super) fn temporary_prefix(target: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or(OsStr::new("file")));
    prefix.push(".keyfob-");
    prefix
}

/// Removes the temporary files that killed writers of `target` left behind, each of which may be a
/// copy of the whole file. The caller has the lock. Ignores failures: the next writer tries again.
pub(super) fn remove_leftovers(target: &Path) {
    let prefix = temporary_prefix(target);
    let Ok(entries) = fs::read_dir(folder_of(target)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let random = name
            .as_encoded_bytes()
            .strip_prefix(prefix.as_encoded_bytes());
        let is_ours = random
            .is_some_and(|end| end.len() == RANDOM && end.iter().all(u8::is_ascii_alphanumeric));
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            _ = fs::remove_file(entry.path());
        }
    }
}

/// Syncs the folder, so that a rename in it survives a power failure. Returns a warning if that
/// fails.
pub(super) fn sync(folder: &Path) -> Option<String> {
    if !cfg!(unix) {
        return None;
    }
    let error = File::open(folder)
        .and_then(|folder| folder.sync_all())
        .err()?;
    match error.kind() {
        // A folder that may be written but not read, and file systems that sync no folders.
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::Unsupported => None,
        _ => Some(format!(
            "{} could not be synced: {error}: after a power failure the old version may be back",
            folder.display()
        )),
    }
}
