//! The body of the request. It is read again for each attempt: a file from where it is, and what
//! comes through a pipe from a temporary file.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};

use super::meter::Meter;
use crate::{
    args::{Data, RequestArgs},
    commands::sign::{self, append_to_url, to_body},
    failure::Failure,
    signals,
};

/// How many bytes are read from a file at once. It is also the length of a chunk for S3.
const PIECE: usize = 64 << 10;

/// A body that can be sent more than once. Clones share it.
#[derive(Clone, Debug)]
pub(super) enum Content {
    None,
    Bytes(Bytes),
    File(Arc<Stored>),
}

/// A body in a file.
#[derive(Debug)]
pub(super) struct Stored {
    file: File,
    length: u64,
    sha256: OnceLock<[u8; 32]>,
    /// Whether it came through a pipe.
    pub(super) is_piped: bool,
}

/// Returns the body that the options give together, and the URL, to which `--get` appends it.
///
/// # Errors
///
/// If there is no URL, or if a file cannot be read.
pub(super) fn read(args: &RequestArgs) -> Result<(Content, String), Failure> {
    let http = &args.http;
    let url = http.url.clone().ok_or_else(|| {
        Failure::usage("the following arguments are required: URL")
            .with_hint("give the URL to call")
    })?;
    let data = &http.data.0;
    if let ([Data::Binary(text)], [], false) = (&data[..], &args.json[..], http.get)
        && let Some(path) = text.strip_prefix('@')
    {
        return Ok((Content::open(Path::new(path))?, url));
    }
    let mut content = match to_body(data)? {
        sign::Body::None => None,
        body => Some(body.bytes().to_vec()),
    };
    for text in &args.json {
        let joined = content.get_or_insert_default();
        match text.strip_prefix('@') {
            None => joined.extend(text.as_bytes()),
            Some(path) => joined.extend(sign::read("--json", Path::new(path))?),
        }
    }
    if http.get {
        let data = sign::Body::Text(content.unwrap_or_default());
        return Ok((Content::None, append_to_url(&url, &data)?));
    }
    let content = content.map_or(Content::None, |bytes| Content::Bytes(bytes.into()));
    Ok((content, url))
}

impl Content {
    /// Opens a file; `-` is standard input.
    fn open(path: &Path) -> Result<Self, Failure> {
        // The name is not repeated: it may be something else, such as a password that starts with
        // `@`.
        let unread = |error: io::Error| {
            Failure::usage(match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename => {
                    "--data: there is no file with this name".to_owned()
                }
                _ => format!("--data: cannot read the file with this name: {error}"),
            })
        };
        signals::watch();
        if path == Path::new("-") {
            return Self::store(io::stdin().lock()).map_err(|error| {
                Failure::other(format!("--data: cannot read standard input: {error}"))
            });
        }
        let file = File::open(path).map_err(unread)?;
        let metadata = file.metadata().map_err(unread)?;
        if metadata.is_dir() {
            return Err(unread(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        // Files of the system, as those in /proc, say that they are empty.
        if !metadata.is_file() || metadata.len() == 0 {
            return Self::store(file).map_err(unread);
        }
        Ok(Self::File(Arc::new(Stored {
            file,
            length: metadata.len(),
            sha256: OnceLock::new(),
            is_piped: false,
        })))
    }

    /// Copies what comes through a pipe to a file without a name, which only this process can read,
    /// and which is gone with it.
    fn store(mut source: impl Read) -> io::Result<Self> {
        let mut file = tempfile::tempfile().map_err(|error| {
            let folder = std::env::temp_dir();
            io::Error::other(format!(
                "there is no place for a copy in the folder {}, which TMPDIR chooses: {error}",
                folder.display()
            ))
        })?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; PIECE];
        let mut length = 0;
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hash.update(&buffer[..count]);
            file.write_all(&buffer[..count])?;
            length += count as u64;
        }
        Ok(Self::File(Arc::new(Stored {
            file,
            length,
            sha256: OnceLock::from(<[u8; 32]>::from(hash.finalize())),
            is_piped: true,
        })))
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(stored) => stored.length,
        }
    }

    /// Returns the SHA-256 of the body, for which a file is read once.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(super) fn sha256(&self) -> io::Result<[u8; 32]> {
        match self {
            Self::None => Ok(Sha256::digest(b"").into()),
            Self::Bytes(bytes) => Ok(Sha256::digest(bytes).into()),
            Self::File(stored) => stored.sha256(),
        }
    }

    /// Returns the body for one attempt.
    pub(super) fn upload(&self, meter: &Arc<Meter>) -> Upload {
        Upload {
            content: self.clone(),
            sent: 0,
            meter: Arc::clone(meter),
        }
    }
}

impl Stored {
    fn sha256(&self) -> io::Result<[u8; 32]> {
        if let Some(known) = self.sha256.get() {
            return Ok(*known);
        }
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < self.length {
            let piece = self.read_at(at)?;
            at += piece.len() as u64;
            hash.update(&piece);
        }
        Ok(*self.sha256.get_or_init(|| hash.finalize().into()))
    }

    /// Reads the bytes that start at a place. The place of the file is shared with earlier attempts
    /// that may still be on their way, so it is set each time.
    fn read_at(&self, at: u64) -> io::Result<Vec<u8>> {
        let left = self.length - at;
        let wanted = left.min(PIECE as u64);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        let mut piece = Vec::with_capacity(PIECE);
        file.take(wanted).read_to_end(&mut piece)?;
        if piece.is_empty() {
            let message = "the file of the body has become shorter while it was read";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        Ok(piece)
    }
}

/// The body of one attempt, which is read as it is sent.
pub(super) struct Upload {
    content: Content,
    sent: u64,
    meter: Arc<Meter>,
}

impl Upload {
    fn next(&self) -> io::Result<Option<Bytes>> {
        if self.is_end_stream() {
            return Ok(None);
        }
        match &self.content {
            Content::None => Ok(None),
            Content::Bytes(bytes) => {
                // In pieces, so that progress is seen.
                let start = usize::try_from(self.sent).unwrap_or(usize::MAX);
                let end = bytes.len().min(start + PIECE);
                Ok(Some(bytes.slice(start..end)))
            }
            Content::File(stored) => stored.read_at(self.sent).map(|piece| Some(piece.into())),
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = self.next().transpose();
        if let Some(Ok(piece)) = &piece {
            self.sent += piece.len() as u64;
            self.meter.sent(piece.len());
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.sent >= self.content.length()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.length().saturating_sub(self.sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_body_is_that_of_its_bytes_wherever_they_are() {
        // Longer than a piece.
        let bytes = vec![7; PIECE + 1];
        let expected: [u8; 32] = Sha256::digest(&bytes).into();
        let piped = Content::store(&bytes[..]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body");
        std::fs::write(&path, &bytes).unwrap();
        for content in [
            Content::open(&path).unwrap(),
            piped,
            Content::Bytes(bytes.into()),
        ] {
            assert_eq!(content.sha256().unwrap(), expected, "{content:?}");
            assert_eq!(content.length(), PIECE as u64 + 1);
        }
    }

    #[test]
    fn a_file_that_has_become_shorter_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body");
        std::fs::write(&path, "body").unwrap();
        let content = Content::open(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        let error = content.sha256().unwrap_err().to_string();
        assert!(error.contains("has become shorter"), "{error}");
    }
}
