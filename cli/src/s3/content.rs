use std::{
    fs::File,
    io,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use keyfob_sigv4::Payload;
use sha2::{Digest as _, Sha256};
use tokio::task;

use crate::s3::{Algorithm, Checksum, Summer};

/// The size in bytes of the pieces in which a body is read and written, each of which counts as
/// progress.
const PIECE: usize = 256 << 10;

/// What a request sends. It can be sent again.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Bytes(Bytes),
    Section(Section),
}

/// A part of a file, which is read each time it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    file: Arc<File>,
    start: u64,
    length: u64,
    sha256: Arc<OnceLock<[u8; 32]>>,
}

impl Content {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Section(section) => section.length,
        }
    }

    /// Returns how it is signed by its hash.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(super) async fn payload(&self) -> io::Result<Payload<'_>> {
        let section = match self {
            Self::Bytes(bytes) => return Ok(Payload::Bytes(bytes)),
            Self::Section(section) => section,
        };
        if let Some(hash) = section.sha256.get() {
            return Ok(Payload::Sha256(*hash));
        }
        let hash = section
            .clone()
            .digest(Sha256::new(), |hash, piece| hash.update(piece));
        let hash = hash.await?.finalize().into();
        Ok(Payload::Sha256(*section.sha256.get_or_init(|| hash)))
    }

    /// Returns the checksum of all of it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(crate) async fn checksum(&self, algorithm: Algorithm) -> io::Result<Checksum> {
        match self {
            Self::Bytes(bytes) => Ok(algorithm.compute(bytes)),
            Self::Section(section) => {
                let summer = Summer::new(algorithm);
                let read = section.clone().digest(summer, Summer::update);
                Ok(read.await?.finish())
            }
        }
    }

    /// Returns the body of a request, which counts in `progress` the pieces that were written.
    pub(super) fn body(&self, progress: &Arc<AtomicU64>) -> ContentBody {
        ContentBody {
            rest: self.clone(),
            progress: Arc::clone(progress),
        }
    }
}

impl Section {
    pub(crate) fn new(file: Arc<File>, start: u64, length: u64) -> Self {
        Self {
            file,
            start,
            length,
            sha256: Arc::default(),
        }
    }

    /// Reads all of it, while others go on.
    pub(super) async fn digest<T: Send + 'static>(
        mut self,
        mut digest: T,
        update: impl Fn(&mut T, &[u8]) + Send + 'static,
    ) -> io::Result<T> {
        let read = task::spawn_blocking(move || {
            let mut buffer = vec![0; PIECE.min(usize::try_from(self.length).unwrap_or(PIECE))];
            while self.length > 0 {
                let size = self.piece_size();
                self.read(&mut buffer[..size])?;
                update(&mut digest, &buffer[..size]);
            }
            Ok(digest)
        });
        read.await.map_err(io::Error::other)?
    }

    fn piece_size(&self) -> usize {
        usize::try_from(self.length).unwrap_or(PIECE).min(PIECE)
    }

    /// Reads the first bytes, and leaves the rest.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        read_at(&self.file, buffer, self.start).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it has become shorter while it was read",
            ),
            _ => error,
        })?;
        self.start += buffer.len() as u64;
        self.length -= buffer.len() as u64;
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, start)
}

#[cfg(windows)]
fn read_at(file: &File, mut buffer: &mut [u8], mut start: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, buffer, start)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (buffer, start) = (&mut buffer[count..], start + count as u64);
    }
    Ok(())
}

impl Default for Content {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// The body of a request.
pub(super) struct ContentBody {
    rest: Content,
    progress: Arc<AtomicU64>,
}

impl Body for ContentBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = match &mut self.rest {
            Content::Bytes(rest) => {
                let size = rest.len().min(PIECE);
                rest.split_to(size)
            }
            Content::Section(rest) => {
                let mut piece = vec![0; rest.piece_size()];
                if let Err(error) = rest.read(&mut piece) {
                    return Poll::Ready(Some(Err(error)));
                }
                piece.into()
            }
        };
        if piece.is_empty() {
            return Poll::Ready(None);
        }
        self.progress.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.length())
    }
}
