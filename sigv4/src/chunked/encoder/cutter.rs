use alloc::{boxed::Box, string::ToString, vec::Vec};

use super::ChunkEncoder;
use crate::error::{Error, ErrorKind};

/// Cuts a body that comes in pieces of any length into chunks of the planned size.
///
/// A body of another length than planned is an error, because its `Content-Length` was sent
/// already.
pub(super) struct Cutter {
    state: State,
    /// The start of the next chunk.
    pending: Vec<u8>,
    chunk_size: usize,
    /// Bytes still to come.
    left: u64,
}

enum State {
    Open(Box<ChunkEncoder>),
    Done,
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

    /// Takes a piece of the body, and appends the chunks that it completes.
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

    /// Ends the body: appends the last chunks and the trailer, once.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.left > 0 {
            return self.fail();
        }
        match core::mem::replace(&mut self.state, State::Done) {
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

    /// Stops with an error, so that a body of another length than planned is never sent as whole.
    fn fail(&mut self) -> Result<(), Error> {
        if let State::Open(encoder) = &self.state {
            let planned = encoder.plan().decoded_length().to_string();
            self.state = State::Failed(Error::new(ErrorKind::BodyLength, &planned));
        }
        self.outcome()
    }

    /// Returns the error that stopped the body, on each call.
    pub(super) fn outcome(&self) -> Result<(), Error> {
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            State::Open(_) | State::Done => Ok(()),
        }
    }
}
