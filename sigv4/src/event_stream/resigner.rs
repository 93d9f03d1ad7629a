use alloc::vec::Vec;

use super::{
    message::Message,
    signer::{EventSigner, EventVerifier},
};
use crate::{
    chunked::{ChunkError, ChunkErrorKind},
    codec::accumulator::Accumulator,
    error::{Error, ErrorKind},
};

/// Replaces the signatures of one chain with those of another. Times, payloads and lengths stay.
pub(crate) struct EventResigner {
    verifier: EventVerifier,
    signer: EventSigner,
    pending: Accumulator,
    state: State,
}

enum State {
    Open,
    /// After the empty message that ends a stream.
    Ended,
    Failed(ChunkError),
}

impl EventResigner {
    pub(crate) fn new(verifier: EventVerifier, signer: EventSigner) -> Self {
        Self {
            verifier,
            signer,
            pending: Accumulator::default(),
            state: State::Open,
        }
    }

    pub(crate) fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkError> {
        let mut pending = core::mem::take(&mut self.pending);
        let fed = pending.feed(input, |rest| self.message(rest, out));
        self.pending = pending;
        if let Err(error) = fed {
            self.state = State::Failed(error);
        }
        fed
    }

    /// Signs the message at the front again, and returns its length; `None` if it is incomplete.
    fn message(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, ChunkError> {
        match self.state {
            State::Open => self
                .open_message(input, out)
                .map_err(|e| to_chunk_error(&e)),
            State::Ended if input.is_empty() => Ok(None),
            State::Ended => Err(ChunkErrorKind::Malformed.into()),
            State::Failed(error) => Err(error),
        }
    }

    fn open_message(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Error> {
        let Some((message, length)) = Message::decode(input)? else {
            return Ok(None);
        };
        let (at, payload) = self.verifier.verify(&message)?;
        out.extend_from_slice(&self.signer.sign(payload, at)?);
        if payload.is_empty() {
            self.state = State::Ended;
        }
        Ok(Some(length))
    }

    pub(crate) fn finish(self) -> Result<(), ChunkError> {
        match self.state {
            State::Ended => Ok(()),
            State::Open => Err(ChunkErrorKind::Incomplete.into()),
            State::Failed(error) => Err(error),
        }
    }
}

fn to_chunk_error(error: &Error) -> ChunkError {
    match error.kind() {
        ErrorKind::SignatureMismatch => ChunkErrorKind::SignatureMismatch.into(),
        ErrorKind::EventLength => ChunkErrorKind::TooLarge.into(),
        _ => ChunkErrorKind::Malformed.into(),
    }
}
