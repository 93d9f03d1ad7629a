use alloc::{format, string::String};

use super::{
    Verified, Verifier,
    error::Error,
    refusal::{ErrorKind, Refusal},
};
#[cfg(feature = "v4a")]
use crate::chunked::ChunkVerifier;
use crate::{
    chunked::{ChunkDecoder, ChunkSigner},
    header_names::{DECODED_LENGTH, TRAILER},
    key::SigningKey,
    payload::Streaming,
    request::Request,
};

impl Verifier {
    /// Returns the decoder of the body of a verified request, if the signature is one for an
    /// `aws-chunked` body.
    ///
    /// The decoder continues the chain of signatures from the request's, and knows the announced
    /// length and trailer. `None` if the body is sent as it is, or as event-stream messages.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ContentMismatch`] if the chunks are of another algorithm than the request;
    /// [`ErrorKind::MissingLength`] if it has no `x-amz-decoded-content-length`;
    /// [`ErrorKind::Malformed`] if that is not a number.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, Request, Signer, Timestamp};
    /// # use keyfob_sigv4::{chunked::*, verify::Verifier};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let plan = Chunked::unsigned(11).checksum(Checksum::Crc32);
    /// # let announced = plan.headers();
    /// # let mut headers: Vec<_> = announced.iter().map(|(name, v)| (*name, v.as_str())).collect();
    /// # let to_sign = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?
    /// #     .headers(&headers)?
    /// #     .payload(Payload::Streaming(plan.streaming()));
    /// # let signature = Signer::s3("us-east-1")?.sign(&to_sign, &credentials, now)?;
    /// # headers.extend(signature.headers());
    /// # headers.push(("host", "examplebucket.s3.amazonaws.com"));
    /// let verifier = Verifier::s3("us-east-1")?;
    /// let request = Request::from_wire("PUT", "/key", &headers)?.payload(Payload::Declared);
    /// let verified = verifier.verify(&request, now, |_| Some(credentials.clone()))?;
    /// let mut body = Vec::new();
    /// if let Some(mut decoder) = verifier.chunk_decoder(&verified, &request)? {
    ///     // Feed what is received, in pieces of any length.
    ///     decoder.feed(b"b\r\nhello world\r\n0\r\n", &mut body)?;
    ///     decoder.feed(b"x-amz-checksum-crc32:DUoRhQ==\r\n\r\n", &mut body)?;
    ///     decoder.finish()?;
    /// }
    /// assert_eq!(body, b"hello world");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn chunk_decoder(
        &self,
        verified: &Verified,
        request: &Request<'_>,
    ) -> Result<Option<ChunkDecoder>, Error> {
        self.announced_decoder(verified, request)
            .map_err(|refusal| Error::new(refusal, self.dialect))
    }

    fn announced_decoder(
        &self,
        verified: &Verified,
        request: &Request<'_>,
    ) -> Result<Option<ChunkDecoder>, Refusal> {
        // What was signed, and not what a header says that need not be signed.
        let Some(streaming) = verified.streaming.filter(|form| *form != Streaming::Events) else {
            return Ok(None);
        };
        let decoder = self
            .chained_decoder(verified, streaming)
            .ok_or(Refusal::new(ErrorKind::ContentMismatch))?
            .decoded_length(decoded_length(request)?);
        if !streaming.has_trailer() {
            return Ok(Some(decoder));
        }
        Ok(Some(match joined(request, TRAILER) {
            Some(names) => decoder.trailer(&names),
            None => decoder,
        }))
    }

    /// Returns a decoder whose chain starts at the request's signature; `None` if the chunks are of
    /// another algorithm.
    fn chained_decoder(&self, verified: &Verified, streaming: Streaming) -> Option<ChunkDecoder> {
        let (scope, at) = (&self.scope, verified.at);
        let seed = verified.signature();
        match (streaming, verified.is_v4a) {
            (Streaming::UnsignedTrailer, _) => Some(ChunkDecoder::unsigned()),
            (Streaming::Signed | Streaming::SignedTrailer, false) => {
                let key = SigningKey::derive(&verified.credentials, scope, at);
                let chain = ChunkSigner::resume(&key, scope, at, seed);
                chain.ok().map(ChunkDecoder::signed)
            }
            #[cfg(feature = "v4a")]
            (Streaming::SignedV4a | Streaming::SignedTrailerV4a, true) => {
                let key = self.v4a.as_ref()?.get(&verified.credentials).ok()?;
                let chain = ChunkVerifier::v4a(key.verifying_key(), scope, at, seed);
                chain.ok().map(ChunkDecoder::signed)
            }
            _ => None,
        }
    }
}

/// Returns the length that `x-amz-decoded-content-length` announces.
///
/// Source: S3, "Signature calculations: transferring payload in multiple chunks": the header is
/// required, because the `Content-Length` is that of the encoded body.
fn decoded_length(request: &Request<'_>) -> Result<u64, Refusal> {
    let text = joined(request, DECODED_LENGTH).ok_or(Refusal::new(ErrorKind::MissingLength))?;
    // `str::parse` would accept a sign.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let length = text.parse().ok().filter(|_| is_number);
    length.ok_or_else(|| {
        let text = format!("{DECODED_LENGTH} should be a number, not '{text}'");
        Refusal::with_text(ErrorKind::Malformed, text)
    })
}

/// Returns the values of all headers of this name, joined by `,`, as they were signed.
fn joined(request: &Request<'_>, name: &str) -> Option<String> {
    let mut joined: Option<String> = None;
    request.for_each_header(|other, value| {
        if other.eq_ignore_ascii_case(name.as_bytes()) {
            let value = String::from_utf8_lossy(value.trim_ascii());
            match &mut joined {
                Some(before) => {
                    before.push(',');
                    before.push_str(&value);
                }
                None => joined = Some(value.into_owned()),
            }
        }
    });
    joined
}
