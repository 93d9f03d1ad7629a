#[cfg(any(feature = "client", feature = "server"))]
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    thread,
    time::Duration,
};

use http::HeaderValue;
#[cfg(any(feature = "client", feature = "server"))]
use keyfob_sigv4::Secret;
#[cfg(any(feature = "client", feature = "server"))]
use tokio::{sync::oneshot, time::timeout};

use crate::error::Error;

/// The longest file of a token, in bytes. Tokens have one or two thousand.
#[cfg(any(feature = "client", feature = "server"))]
const MAX_FILE: u64 = 64 << 10;

/// How long a file may take that is a pipe: half of what a call may.
#[cfg(any(feature = "client", feature = "server"))]
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the value of `Authorization` for a token. Whitespace and line ends around the token are
/// cut off, because a file often ends with one; nothing is added.
///
/// # Errors
///
/// [`ErrorKind::BadToken`](crate::ErrorKind::BadToken) if it is empty, or contains a line end or
/// another character that cannot be sent in a header. The message does not show it.
///
/// # Examples
///
/// ```
/// use keyfob_imds::container::authorization;
///
/// assert_eq!(authorization("Basic abc\n")?, "Basic abc");
/// assert!(authorization("abc\nX-Header: 1").is_err());
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
pub fn authorization(token: &str) -> Result<HeaderValue, Error> {
    let token = token.trim();
    match HeaderValue::from_str(token) {
        Ok(mut value) if !token.is_empty() => {
            value.set_sensitive(true);
            Ok(value)
        }
        _ => Err(Error::bad_token(
            "the container authorization token is empty or contains a line end or another control \
             character",
        )),
    }
}

/// Reads a token from its file.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) async fn read_token(path: &Path) -> Result<Secret, Error> {
    let file = path.to_owned();
    // Reading may block: the file is on a volume of the container, or is a pipe. A runtime would
    // wait for its own thread when it ends.
    let (sender, receiver) = oneshot::channel();
    let reader = thread::Builder::new().name("keyfob-token".to_owned());
    let started = reader.spawn(move || _ = sender.send(read_limited(&file)));
    let read = async {
        started?;
        match timeout(PATIENCE, receiver).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err(io::Error::other("the reading thread is gone")),
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                let reason = format!("nothing was written to it for {seconds} s");
                Err(io::Error::new(io::ErrorKind::TimedOut, reason))
            }
        }
    };
    read.await.map_err(|source| Error::token_file(path, source))
}

/// Reads a file that may be a device without an end.
#[cfg(any(feature = "client", feature = "server"))]
fn read_limited(path: &Path) -> io::Result<Secret> {
    let mut text = String::with_capacity(4096);
    File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        let reason = "it is longer than 64 KiB";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(text.into())
}
