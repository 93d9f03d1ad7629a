use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use keyfob_sigv4::Secret;
use tokio::sync::oneshot;

/// The longest file that is read: 16 MiB. Configuration, credentials and token files are a few KiB.
pub const MAX_LENGTH: u64 = 16 * 1024 * 1024;

/// How long a file that looks truncated must be unchanged.
const QUIET: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);

/// Reads a file of at most [`MAX_LENGTH`] bytes.
///
/// Regular files, pipes and character devices are read, because programs hand over configuration
/// as `/dev/null`, as `/dev/fd/63` (the shell's `<(…)`) and as a named pipe. Reading a pipe blocks
/// until its writer closes it. A regular file that was written a moment ago and is empty or ends
/// within a line looks truncated by a program that is still writing; it is read again until it is
/// quiet, for half a second at most.
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
    let start = Instant::now();
    loop {
        let file = File::open(&path)?;
        let bytes = read_open(&file)?;
        let is_finished = bytes.ends_with(b"\n") || !was_just_written(&file);
        if is_finished || start.elapsed() > PATIENCE {
            return Ok(bytes);
        }
        thread::sleep(PAUSE);
    }
}

fn was_just_written(file: &File) -> bool {
    let Ok(metadata) = file.metadata() else {
        return false;
    };
    let age = metadata
        .modified()
        .and_then(|time| time.elapsed().map_err(io::Error::other));
    // A time in the future says nothing.
    metadata.is_file() && age.is_ok_and(|age| age < QUIET)
}

/// Reads a token or another secret, whose bytes are zeroed on drop.
///
/// # Errors
///
/// As for [`read`], and [`io::ErrorKind::InvalidData`] if the file is not UTF-8.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("token");
/// std::fs::write(&path, "eyJhbGciOi")?;
/// assert_eq!(keyfob_chain::files::read_secret(&path)?.expose(), "eyJhbGciOi");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_secret(path: impl AsRef<Path>) -> io::Result<Secret> {
    let not_utf8 = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    Ok(Secret::new(
        String::from_utf8(read(path)?).map_err(not_utf8)?,
    ))
}

/// Reads a secret as [`read_secret`] does, from a regular file only: opening a named pipe would
/// wait for its writer.
///
/// # Errors
///
/// As for [`read_secret`], and [`io::ErrorKind::InvalidInput`] if it is not a regular file.
///
/// # Examples
///
/// ```
/// use keyfob_chain::files::read_secret_file;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("token");
/// std::fs::write(&path, "eyJhbGciOi")?;
/// assert_eq!(read_secret_file(&path)?.expose(), "eyJhbGciOi");
/// let error = read_secret_file(folder.path()).unwrap_err();
/// assert_eq!(error.to_string(), "it is not a regular file");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_secret_file(path: impl AsRef<Path>) -> io::Result<Secret> {
    if !fs::metadata(&path)?.is_file() {
        let kind = io::ErrorKind::InvalidInput;
        return Err(io::Error::new(kind, "it is not a regular file"));
    }
    read_secret(path)
}

/// Reads a secret as [`read_secret`] does, without blocking the task. Needs no particular runtime.
/// A caller that drops the future stops waiting.
///
/// # Errors
///
/// As for [`read_secret`], and [`io::ErrorKind::TimedOut`] if reading takes longer than `patience`,
/// as that of a named pipe without a writer does.
///
/// # Examples
///
/// ```
/// use keyfob_chain::files::{Lock, read_secret_async};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::io::Error> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("token");
/// std::fs::write(&path, "eyJhbGciOi")?;
/// let token = read_secret_async(&path, Lock::PATIENCE).await?;
/// assert_eq!(token.expose(), "eyJhbGciOi");
/// # Ok(()) }
/// ```
pub async fn read_secret_async(path: impl AsRef<Path>, patience: Duration) -> io::Result<Secret> {
    let path = path.as_ref().to_owned();
    let (sender, receiver) = oneshot::channel();
    // The thread that reads may never come back, so another one watches the clock.
    reader().spawn(move || {
        _ = sender.send(read_in_time(patience, move || read_secret(path)));
    })?;
    match receiver.await {
        Ok(read) => read,
        Err(_) => Err(io::Error::other("the reading thread is gone")),
    }
}

/// Reads on a thread of its own, because opening a pipe may never come back. After `patience`, the
/// error is [`io::ErrorKind::TimedOut`].
pub(crate) fn read_in_time<T: Send + 'static>(
    patience: Duration,
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (result, results) = mpsc::sync_channel(1);
    reader().spawn(move || _ = result.send(read()))?;
    results.recv_timeout(patience).unwrap_or_else(|_| {
        let message = format!("nothing was written to it for {} s", patience.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    })
}

fn reader() -> thread::Builder {
    thread::Builder::new().name("keyfob-read".to_owned())
}

/// Reads all of a file, a pipe or standard input, of at most `limit` bytes.
///
/// # Errors
///
/// - [`io::ErrorKind::FileTooLarge`] if there is more. The message gives the limit in whole MiB.
/// - The error of the system if it cannot be read.
///
/// # Examples
///
/// ```
/// use keyfob_chain::files::read_at_most;
///
/// assert_eq!(read_at_most(&b"value"[..], 1 << 20)?, b"value");
/// let error = read_at_most(std::io::repeat(0), 1 << 20).unwrap_err();
/// assert_eq!(error.to_string(), "it is larger than 1 MiB");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_at_most(source: impl io::Read, limit: u64) -> io::Result<Vec<u8>> {
    fill(Vec::new(), source, limit)
}

/// Reads an open file from its current position.
pub(super) fn read_open(file: &File) -> io::Result<Vec<u8>> {
    // All of it at once: a buffer that grows leaves copies of secrets behind.
    let length = file.metadata()?.len().min(MAX_LENGTH) + 1;
    let bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    fill(bytes, file, MAX_LENGTH)
}

fn fill(mut bytes: Vec<u8>, source: impl io::Read, limit: u64) -> io::Result<Vec<u8>> {
    // One byte more than allowed tells a file that is too long.
    source.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

pub(super) fn too_large(limit: u64) -> io::Error {
    let message = format!("it is larger than {} MiB", limit >> 20);
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}
