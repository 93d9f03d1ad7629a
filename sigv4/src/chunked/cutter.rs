use alloc::{boxed::Box, string::ToString, vec::Vec};

use super::encoder::ChunkEncoder;
use crate::error::{Error, ErrorKind};

/// Cuts a body that comes in any pieces into chunks of the planned size, and holds it to the planned length: the
/// `Content-Length` has been promised.
#[derive(Debug)]
pub(super) struct Cutter {
    state: State,
    /// The beginning of the next chunk.
    pending: Vec<u8>,
    chunk_size: usize,
    /// Bytes still to come.
    left: u64,
}

#[derive(Debug)]
enum State {
    Open(Box<ChunkEncoder>),
    Ended,
    Failed(Error),
}

impl Cutter {
    pub(super) fn new(encoder: ChunkEncoder) -> Self {
        Self {
            chunk_size: encoder.plan().size_of_chunks(),
            left: encoder.plan().decoded_length(),
            pending: Vec::new(),
            state: State::Open(encoder.into()),
        }
    }

    /// Takes a piece and appends the chunks that it completes.
    pub(super) fn push(&mut self, mut data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        match self.left.checked_sub(data.len() as u64) {
            Some(left) => self.left = left,
            None => return self.fail(),
        }
        let State::Open(encoder) = &mut self.state else {
            return self.outcome();
        };
        while self.pending.len() + data.len() >= self.chunk_size {
            let (head, rest) = data.split_at(self.chunk_size - self.pending.len());
            if self.pending.is_empty() {
                encoder.chunk(head, out);
            } else {
                self.pending.extend_from_slice(head);
                encoder.chunk(&self.pending, out);
                self.pending.clear();
            }
            data = rest;
        }
        self.pending.extend_from_slice(data);
        Ok(())
    }

    /// Appends the last chunk and the trailer, once.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.left > 0 {
            return self.fail();
        }
        match core::mem::replace(&mut self.state, State::Ended) {
            State::Open(mut encoder) => {
                encoder.chunk(&self.pending, out);
                encoder.end(out);
            }
            state => self.state = state,
        }
        self.outcome()
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// A body of another length than planned is never sent as if it were whole.
    fn fail(&mut self) -> Result<(), Error> {
        if let State::Open(encoder) = &self.state {
            let planned = encoder.plan().decoded_length().to_string();
            self.state = State::Failed(Error::new(ErrorKind::BodyLength, &planned));
        }
        self.outcome()
    }

    pub(super) fn outcome(&self) -> Result<(), Error> {
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            State::Open(_) | State::Ended => Ok(()),
        }
    }
}
