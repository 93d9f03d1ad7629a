use std::{
    fmt,
    io::{self, Read},
    vec,
    vec::Vec,
};

use super::{ChunkEncoder, cutter::Cutter};
use crate::error::Error;

impl ChunkEncoder {
    /// Encodes the body that is read from `source`, for blocking clients.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// use keyfob_sigv4::chunked::{ChunkEncoder, Chunked};
    ///
    /// let plan = Chunked::unsigned(11);
    /// let mut body = String::new();
    /// ChunkEncoder::unsigned(&plan)?
    ///     .reader(&b"hello world"[..])
    ///     .read_to_string(&mut body)?;
    /// assert_eq!(body, "b\r\nhello world\r\n0\r\n\r\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reader<R: Read>(self, source: R) -> ChunkReader<R> {
        ChunkReader {
            source,
            piece: vec![0; self.plan().size_of_chunks()],
            cutter: Cutter::new(self),
            out: Vec::new(),
            given: 0,
        }
    }
}

/// The encoded body of a [`Read`], created by [`ChunkEncoder::reader`].
///
/// If the source does not have the planned length, reading fails with
/// [`io::ErrorKind::InvalidData`].
pub struct ChunkReader<R> {
    source: R,
    cutter: Cutter,
    piece: Vec<u8>,
    out: Vec<u8>,
    /// How many bytes of `out` the caller has.
    given: usize,
}

impl<R: Read> ChunkReader<R> {
    /// Reads until there is output or the body has ended.
    fn fill(&mut self) -> io::Result<()> {
        self.out.clear();
        self.given = 0;
        while self.out.is_empty() && self.cutter.is_open() {
            let taken = match self.source.read(&mut self.piece)? {
                0 => self.cutter.end(&mut self.out),
                length => self.cutter.push(&self.piece[..length], &mut self.out),
            };
            taken.map_err(invalid)?;
        }
        // Once failed, each further read fails too.
        self.cutter.outcome().map_err(invalid)
    }
}

impl<R: Read> Read for ChunkReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.out.len() {
            self.fill()?;
        }
        let length = (&self.out[self.given..]).read(buffer)?;
        self.given += length;
        Ok(length)
    }
}

fn invalid(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl<R> fmt::Debug for ChunkReader<R> {
    /// Shows no part of the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkReader").finish_non_exhaustive()
    }
}
