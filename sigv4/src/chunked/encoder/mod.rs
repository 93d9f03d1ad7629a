#[cfg(feature = "http-body")]
mod body;
mod cutter;
mod frames;
#[cfg(feature = "std")]
mod read;

use alloc::{string::String, vec::Vec};
use core::fmt;

#[cfg(feature = "http-body")]
pub use body::{ChunkBody, ChunkBodyError};
pub use frames::ChunkFrames;
#[cfg(feature = "std")]
pub use read::ChunkReader;

use super::{
    checksum::Running,
    plan::{CHUNK_SIGNATURE, Chunked, Signing, TRAILER_SIGNATURE},
    signature::ChunkSignature,
    signer::ChunkSigner,
};
use crate::error::{Error, ErrorKind};

/// Encodes one body in chunks.
///
/// [`frames`](Self::frames), `reader` (feature `std`) and `body` (feature `http-body`) encode whole
/// sources. With [`chunk`](Self::chunk) and [`end`](Self::end), the caller cuts the body.
#[derive(Clone)]
pub struct ChunkEncoder {
    plan: Chunked,
    signer: Option<ChunkSigner>,
    checksum: Option<Running>,
}

impl ChunkEncoder {
    /// Creates an encoder of a body with signed chunks.
    ///
    /// `signer` continues the chain of signatures that starts with the signed request's. For a body
    /// without signatures, use [`unsigned`](Self::unsigned).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChunkAlgorithm`] if the body was planned for another algorithm than the
    /// signer's, or unsigned.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::chunked::{ChunkEncoder, ChunkSigner, Chunked};
    /// # use keyfob_sigv4::{Credentials, Payload, Request, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let at = "20150830T123600Z".parse()?;
    /// # let signer = Signer::s3("us-east-1")?;
    /// # let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?;
    ///
    /// let plan = Chunked::signed(11);
    /// // The request also needs the plan's headers.
    /// let request = request.payload(Payload::Streaming(plan.streaming()));
    /// let signature = signer.sign(&request, &credentials, at)?;
    /// let chain = ChunkSigner::new(&signer, &credentials, at, &signature);
    ///
    /// let mut encoder = ChunkEncoder::new(&plan, chain)?;
    /// let mut body = Vec::new();
    /// encoder.chunk(b"hello world", &mut body);
    /// encoder.end(&mut body);
    /// assert_eq!(body.len() as u64, plan.content_length());
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn new(plan: &Chunked, signer: ChunkSigner) -> Result<Self, Error> {
        if plan.signing() != signer.signing() {
            return Err(Error::new(
                ErrorKind::ChunkAlgorithm,
                plan.streaming().as_str(),
            ));
        }
        Ok(Self::with_signer(plan, Some(signer)))
    }

    /// Creates an encoder of a body planned with [`Chunked::unsigned`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChunkAlgorithm`] if the body was planned to be signed.
    pub fn unsigned(plan: &Chunked) -> Result<Self, Error> {
        if plan.signing() != Signing::None {
            return Err(Error::new(
                ErrorKind::ChunkAlgorithm,
                plan.streaming().as_str(),
            ));
        }
        Ok(Self::with_signer(plan, None))
    }

    fn with_signer(plan: &Chunked, signer: Option<ChunkSigner>) -> Self {
        Self {
            plan: plan.clone(),
            signer,
            checksum: plan.trailing_checksum().map(Running::new),
        }
    }

    /// Returns the plan of the body.
    pub fn plan(&self) -> &Chunked {
        &self.plan
    }

    /// Appends one chunk to `out`. An empty chunk is skipped.
    pub fn chunk(&mut self, data: &[u8], out: &mut Vec<u8>) {
        // An empty chunk ends the body.
        if data.is_empty() {
            return;
        }
        self.head(data, out);
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }

    /// Appends the line before a chunk's data, for writers that avoid a copy of the data.
    ///
    /// The caller then writes the data and `\r\n`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::{ChunkEncoder, Chunked};
    /// let mut encoder = ChunkEncoder::unsigned(&Chunked::unsigned(11))?;
    /// let mut head = Vec::new();
    /// encoder.head(b"hello world", &mut head);
    /// assert_eq!(head, b"b\r\n");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
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

    /// Appends the empty chunk that ends the body, and the trailer.
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

/// Appends a number in lower-case hex without leading zeros.
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
