use std::{
    fs::File,
    io, mem,
    ops::Range,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use keyfob_sigv4::Payload;
use md5::Md5;
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
        self.sum(algorithm, None).await
    }

    /// Returns the checksum of all of it. A file is read once for it and for
    /// [`payload`](Self::payload).
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(super) async fn checksum_and_payload(&self, algorithm: Algorithm) -> io::Result<Checksum> {
        self.sum(algorithm, Some(Sha256::new())).await
    }

    async fn sum(&self, algorithm: Algorithm, hash: Option<Sha256>) -> io::Result<Checksum> {
        let section = match self {
            Self::Bytes(bytes) => return Ok(algorithm.compute(bytes)),
            Self::Section(section) => section,
        };
        let digests = (Summer::new(algorithm), hash);
        let read = section.clone().digest(digests, |(summer, hash), piece| {
            summer.update(piece);
            if let Some(hash) = hash {
                hash.update(piece);
            }
        });
        let (summer, hash) = read.await?;
        if let Some(hash) = hash {
            section.sha256.get_or_init(|| hash.finalize().into());
        }
        Ok(summer.finish())
    }

    /// Returns the body of a request, which counts in each of `progress` the bytes that were
    /// written.
    pub(super) fn body(&self, progress: [Option<Arc<AtomicU64>>; 2]) -> ContentBody {
        ContentBody {
            rest: self.clone(),
            progress,
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

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the MD5 hash of all of it, in hexadecimal digits: the ETag of what has no key of its
    /// own and no parts.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(super) async fn md5(self) -> io::Result<String> {
        let hash = self.digest(Md5::new(), |hash, piece| hash.update(piece));
        Ok(hex(&hash.await?.finalize()))
    }

    /// Reads all of it, while others go on.
    pub(super) async fn digest<T: Send + 'static>(
        mut self,
        mut digest: T,
        update: impl Fn(&mut T, &[u8]) + Send + 'static,
    ) -> io::Result<T> {
        let read = task::spawn_blocking(move || {
            let mut piece = Piece::default();
            while self.length > 0 {
                self.read(&mut piece)?;
                update(&mut digest, piece.as_ref());
            }
            Ok(digest)
        });
        read.await.map_err(io::Error::other)?
    }

    /// Reads the next bytes into a piece, in place of what is in it, and leaves the rest.
    fn read(&mut self, piece: &mut Piece) -> io::Result<()> {
        let size = usize::try_from(self.length).unwrap_or(PIECE).min(PIECE);
        read_at(&self.file, piece.resize(size), self.start).map_err(|error| {
            match error.kind() {
                io::ErrorKind::UnexpectedEof => io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "it has become shorter while it was read",
                ),
                _ => error,
            }
        })?;
        self.start += size as u64;
        self.length -= size as u64;
        Ok(())
    }
}

/// Writes bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(unix)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, start)
}

#[cfg(windows)]
pub(super) fn read_at(file: &File, mut buffer: &mut [u8], mut start: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, buffer, start)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (buffer, start) = (&mut buffer[count..], start + count as u64);
    }
    Ok(())
}

/// Bytes of a file. Their memory is used again: to get it from the system each time would take as
/// long as to read the file.
struct Piece {
    memory: Vec<u8>,
    used: Range<usize>,
}

/// The memory of pieces that are gone.
static FREE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// What the address of a piece is a multiple of. Large allocations begin 16 bytes after that of a
/// page, where some processors copy the pages of files to at a quarter of the speed.
const ALIGNMENT: usize = 64;

impl Piece {
    /// Returns memory of that many bytes, which may be those of another piece.
    fn resize(&mut self, size: usize) -> &mut [u8] {
        self.used.end = self.used.start + size;
        &mut self.memory[self.used.clone()]
    }

    fn free() -> MutexGuard<'static, Vec<Vec<u8>>> {
        FREE.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Piece {
    fn default() -> Self {
        let free = Self::free().pop();
        let memory = free.unwrap_or_else(|| vec![0; PIECE + ALIGNMENT]);
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self {
            memory,
            used: start..start,
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        Self::free().push(mem::take(&mut self.memory));
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.memory[self.used.clone()]
    }
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
    progress: [Option<Arc<AtomicU64>>; 2],
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
                let mut piece = Piece::default();
                if let Err(error) = rest.read(&mut piece) {
                    return Poll::Ready(Some(Err(error)));
                }
                Bytes::from_owner(piece)
            }
        };
        if piece.is_empty() {
            return Poll::Ready(None);
        }
        for progress in self.progress.iter().flatten() {
            progress.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.length())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use http_body_util::BodyExt as _;

    use super::*;

    /// Returns what is sent of a content.
    async fn sent(content: &Content) -> Vec<u8> {
        let body = content.body([None, None]);
        body.collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn a_section_is_hashed_and_sent_whole_and_nothing_else() {
        let bytes: Vec<u8> = (0..3 * PIECE + 5).map(|at| (at % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let file = Arc::new(file);
        // The memory of longer pieces is used again for shorter ones.
        for (start, end) in [
            (0, bytes.len()),
            (7, 2 * PIECE),
            (PIECE, PIECE + 3),
            (9, 9),
            (2 * PIECE + 1, bytes.len()),
        ] {
            let section = Section::new(Arc::clone(&file), start as u64, (end - start) as u64);
            let part = &bytes[start..end];
            let expected = Algorithm::Crc32.compute(part);
            for content in [
                Content::Section(section),
                Bytes::copy_from_slice(part).into(),
            ] {
                let found = content
                    .checksum_and_payload(Algorithm::Crc32)
                    .await
                    .unwrap();
                assert_eq!(found, expected, "{start}");
                let hash = match content.payload().await.unwrap() {
                    Payload::Sha256(hash) => hash,
                    Payload::Bytes(bytes) => Sha256::digest(bytes).into(),
                    payload => panic!("{payload:?}"),
                };
                assert_eq!(hash, <[u8; 32]>::from(Sha256::digest(part)), "{start}");
                assert!(sent(&content).await == part, "{start}");
            }
        }
    }

    #[test]
    fn pieces_are_aligned_also_when_their_memory_is_used_again() {
        for _ in 0..2 {
            let mut pieces = [Piece::default(), Piece::default()];
            for piece in &mut pieces {
                assert_eq!(piece.resize(PIECE).as_ptr().align_offset(ALIGNMENT), 0);
            }
        }
    }
}
