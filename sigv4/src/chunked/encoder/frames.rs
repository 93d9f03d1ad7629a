use alloc::vec::Vec;
use core::fmt;

use super::{ChunkEncoder, cutter::Cutter};
use crate::error::Error;

impl ChunkEncoder {
    /// Encodes a source that comes in pieces of any length. Each item is one or more whole chunks.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::{Checksum, ChunkEncoder, Chunked};
    /// let plan = Chunked::unsigned(11).checksum(Checksum::Crc32);
    /// let body: Result<Vec<Vec<u8>>, _> = ChunkEncoder::unsigned(&plan)?
    ///     .frames(["hello ", "world"])
    ///     .collect();
    /// assert_eq!(
    ///     body?.concat(),
    ///     b"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"
    /// );
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn frames<I>(self, pieces: I) -> ChunkFrames<I::IntoIter>
    where
        I: IntoIterator<Item: AsRef<[u8]>>,
    {
        ChunkFrames {
            pieces: pieces.into_iter(),
            cutter: Cutter::new(self),
        }
    }
}

/// The encoded body of an iterator, created by [`ChunkEncoder::frames`].
///
/// If the source does not have the planned length, the last item is an error.
pub struct ChunkFrames<I> {
    pieces: I,
    cutter: Cutter,
}

impl<I: Iterator<Item: AsRef<[u8]>>> Iterator for ChunkFrames<I> {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut out = Vec::new();
        while self.cutter.is_open() && out.is_empty() {
            let taken = match self.pieces.next() {
                Some(piece) => self.cutter.push(piece.as_ref(), &mut out),
                None => self.cutter.end(&mut out),
            };
            if let Err(error) = taken {
                return Some(Err(error));
            }
        }
        (!out.is_empty()).then_some(Ok(out))
    }
}

impl<I> fmt::Debug for ChunkFrames<I> {
    /// Shows no part of the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkFrames").finish_non_exhaustive()
    }
}
