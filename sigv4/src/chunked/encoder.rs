use alloc::{string::String, vec::Vec};
use core::fmt;

use super::{
    checksum::Running,
    layout::{CHUNK_SIGNATURE, Chunked, Signing, TRAILER_SIGNATURE},
    signature::ChunkSignature,
    signer::ChunkSigner,
};
use crate::error::{Error, ErrorKind};

/// Writes the chunks of one body.
///
/// The low-level way is [`chunk`](Self::chunk) and [`end`](Self::end): whoever calls them cuts the body.
/// [`frames`](Self::frames), `reader` (feature `std`) and `body` (feature `http-body`) do it for whole sources.
#[derive(Clone)]
pub struct ChunkEncoder {
    plan: Chunked,
    signer: Option<ChunkSigner>,
    checksum: Option<Running>,
}

impl ChunkEncoder {
    /// An encoder for the body that was planned, with the chain of signatures that the signed request began. A body
    /// without signatures needs [`unsigned`](Self::unsigned).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChunkAlgorithm`] when the body was planned for another algorithm than the signer's, or unsigned.
    pub fn new(plan: &Chunked, signer: ChunkSigner) -> Result<Self, Error> {
        if plan.signing() != signer.signing() {
            return Err(Error::new(
                ErrorKind::ChunkAlgorithm,
                plan.streaming().as_str(),
            ));
        }
        Ok(Self::with(plan, Some(signer)))
    }

    /// An encoder for a body planned with [`Chunked::unsigned`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChunkAlgorithm`] when it was planned to be signed.
    pub fn unsigned(plan: &Chunked) -> Result<Self, Error> {
        if plan.signing() != Signing::None {
            return Err(Error::new(
                ErrorKind::ChunkAlgorithm,
                plan.streaming().as_str(),
            ));
        }
        Ok(Self::with(plan, None))
    }

    fn with(plan: &Chunked, signer: Option<ChunkSigner>) -> Self {
        Self {
            plan: plan.clone(),
            signer,
            checksum: plan.trailing_checksum().map(Running::new),
        }
    }

    /// The plan it was made with.
    pub fn plan(&self) -> &Chunked {
        &self.plan
    }

    /// Appends one chunk. Nothing is written for an empty one: it would end the body.
    pub fn chunk(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if data.is_empty() {
            return;
        }
        self.head(data, out);
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }

    /// Appends what stands before a chunk's data, for writers that do not want the data copied. Data and `\r\n` must
    /// follow.
    pub fn head(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if let Some(checksum) = &mut self.checksum {
            checksum.update(data);
        }
        put_hex(out, data.len());
        if let Some(signer) = &mut self.signer {
            let signature = signer.sign(data);
            out.extend_from_slice(CHUNK_SIGNATURE.as_bytes());
            put_signature(&self.plan, &signature, out);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Appends the last, empty chunk and the trailer.
    pub fn end(mut self, out: &mut Vec<u8>) {
        let trailer = self.trailer();
        self.head(b"", out);
        for (name, value) in &trailer {
            put_line(out, name, value.as_bytes());
        }
        if let (Some(signer), false) = (&mut self.signer, trailer.is_empty()) {
            let signature = signer.sign_trailer(&trailer);
            out.extend_from_slice(TRAILER_SIGNATURE.as_bytes());
            out.push(b':');
            put_signature(&self.plan, &signature, out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    fn trailer(&self) -> Vec<(String, String)> {
        let mut trailer = self.plan.known_trailers().to_vec();
        if let (Some(checksum), Some(running)) = (self.plan.trailing_checksum(), &self.checksum) {
            trailer.push((checksum.name().into(), running.value()));
        }
        trailer
    }
}

impl fmt::Debug for ChunkEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkEncoder")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

fn put_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Lower-case, without leading zeros.
fn put_hex(out: &mut Vec<u8>, number: usize) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        let digit = (number >> (4 * place)) & 15;
        out.push(b"0123456789abcdef"[digit]);
    }
}

fn put_signature(plan: &Chunked, signature: &ChunkSignature, out: &mut Vec<u8>) {
    match plan.signing() {
        #[cfg(feature = "v4a")]
        Signing::V4a => out.extend_from_slice(signature.padded()),
        Signing::V4 | Signing::None => out.extend_from_slice(signature.as_bytes()),
    }
}
