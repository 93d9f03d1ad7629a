use std::{
    io::{self, Read},
    vec,
    vec::Vec,
};

use super::{cutter::Cutter, encoder::ChunkEncoder};
use crate::error::Error;

impl ChunkEncoder {
    /// The encoded body of a source that is read, for blocking clients.
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

/// The encoded body of a [`Read`]; made by [`ChunkEncoder::reader`].
///
/// A source of another than the planned length ends in an error of kind [`io::ErrorKind::InvalidData`], never as if
/// it were whole.
#[derive(Debug)]
pub struct ChunkReader<R> {
    source: R,
    cutter: Cutter,
    piece: Vec<u8>,
    out: Vec<u8>,
    /// How much of `out` the caller has.
    given: usize,
}

impl<R: Read> ChunkReader<R> {
    /// Reads on until there is something to give or the body has ended.
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
        // A body that failed once never ends well.
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
