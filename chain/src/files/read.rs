use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// The longest file that is read: 16 MiB. Configuration, credentials and token files are a few KiB.
pub const MAX_LENGTH: u64 = 16 * 1024 * 1024;

/// Reads a file of at most [`MAX_LENGTH`] bytes.
///
/// Regular files, pipes and character devices are read, because programs hand over configuration
/// as `/dev/null`, as `/dev/fd/63` (the shell's `<(…)`) and as a named pipe. Reading a pipe blocks
/// until its writer closes it.
///
/// # Errors
///
/// - [`io::ErrorKind::FileTooLarge`] if there is more, also of a device such as `/dev/zero`.
/// - The error of the system if the file cannot be opened or read.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("config");
/// std::fs::write(&path, "[default]\n")?;
/// assert_eq!(keyfob_chain::files::read(&path)?, b"[default]\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    read_open(&File::open(path)?)
}

/// Reads an open file from its current position.
pub(super) fn read_open(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too long.
    file.take(MAX_LENGTH + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_LENGTH {
        let message = "it is larger than 16 MiB";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
