use std::{
    fs::{self, File, Metadata},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Returns the path that a chain of symbolic links ends at, whether or not a file is there.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // The limit of Linux.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(to) => path = path.parent().unwrap_or(Path::new("")).join(to),
            // Not a link, or not there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Creates a folder and its parents, private to the owner.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Refuses a path to anything but a regular file. Renaming over a device would replace the device.
pub(crate) fn refuse_special(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is not a regular file")),
        _ => Ok(()),
    }
}

/// Reads a file; returns `None` if it does not exist.
pub(crate) fn read(path: &Path) -> io::Result<Option<(Metadata, Vec<u8>)>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata, fs::read(path)?))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a new file in `folder`, syncs it, and renames it to `path`. Keeps the mode and the owner
/// of the `old` file.
pub(crate) fn replace(
    folder: &Path,
    path: &Path,
    text: &[u8],
    old: Option<&Metadata>,
) -> io::Result<()> {
    // `tempfile` creates it with mode 0600.
    let mut file = tempfile::Builder::new()
        .prefix(".keyfob-")
        .tempfile_in(folder)?;
    file.write_all(text)?;
    if let Some(old) = old {
        keep_owner(file.as_file(), old)?;
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder);
    Ok(())
}

#[cfg(unix)]
fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(file, Some(old.uid()), Some(old.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _old: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Syncs the folder, so that the rename survives a power failure. Ignores failures: some file
/// systems cannot do it, and the file itself is already synced.
fn sync_folder(folder: &Path) {
    if cfg!(unix) {
        _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// Returns true if users other than the owner may read or write the file.
#[cfg(unix)]
pub(crate) fn is_open_to_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
pub(crate) fn is_open_to_others(_metadata: &Metadata) -> bool {
    false
}
