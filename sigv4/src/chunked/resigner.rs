use alloc::vec::Vec;

use super::{
    decoder::{ChunkDecoder, State, data_of},
    error::ChunkError,
    signature::ChunkSignature,
    signer::ChunkSigner,
};

/// Replaces the signatures of one chain with those of another. All other bytes pass unchanged, and
/// so the length of the body stays.
pub(crate) struct ChunkResigner {
    decoder: ChunkDecoder,
    signer: ChunkSigner,
    /// Received but not verified yet: the line before a chunk, or the trailer.
    held: Vec<u8>,
}

impl ChunkResigner {
    pub(crate) fn new(decoder: ChunkDecoder, signer: ChunkSigner) -> Self {
        Self {
            decoder,
            signer,
            held: Vec::new(),
        }
    }

    pub(crate) fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkError> {
        let (signer, held) = (&mut self.signer, &mut self.held);
        self.decoder.for_each_part(input, |decoder, before, part| {
            match (before, decoder.state()) {
                (State::Head, State::Data(_)) | (State::Trailer, State::Trailer) => {
                    held.extend_from_slice(part);
                }
                (State::Data(_), _) => {
                    put_line(out, held, &signer.sign(data_of(before, part)));
                    held.clear();
                    out.extend_from_slice(part);
                }
                (State::Head, _) => put_line(out, part, &signer.sign(b"")),
                (_, State::LastLine) => {
                    out.append(held);
                    put_line(out, part, &signer.sign_trailer(decoder.trailer_so_far()));
                }
                _ => out.extend_from_slice(part),
            }
        })
    }

    pub(crate) fn finish(self) -> Result<(), ChunkError> {
        self.decoder.finish().map(drop)
    }
}

/// Appends a line, `400;chunk-signature=…` or `x-amz-trailer-signature:…`, with its signature
/// replaced.
fn put_line(out: &mut Vec<u8>, line: &[u8], signature: &ChunkSignature) {
    let signature = signature.as_bytes();
    // The signature is the only run of 64 hex digits: the length before it has at most 16.
    let is_digits = |window: &[u8]| window.iter().all(u8::is_ascii_hexdigit);
    let at = line.windows(signature.len()).position(is_digits);
    let (before, rest) = line.split_at(at.unwrap_or(line.len()));
    out.extend_from_slice(before);
    if let Some(after) = rest.get(signature.len()..) {
        out.extend_from_slice(signature);
        out.extend_from_slice(after);
    }
}
