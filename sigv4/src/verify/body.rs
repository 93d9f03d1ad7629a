use alloc::format;

use super::{Error, ErrorKind, Verified, Verifier};
#[cfg(feature = "v4a")]
use crate::chunked::ChunkVerifier;
use crate::{
    chunked::{ChunkDecoder, ChunkSigner},
    header_names::CONTENT_SHA256,
    key::SigningKey,
    payload::Streaming,
    request::Request,
};

impl Verifier {
    /// The decoder of the body of a request that was verified, when the request says that it is `aws-chunked`: it goes
    /// on from the request's signature, and knows the announced length and trailer. `None` when the body comes as it
    /// is, or as event-stream messages.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ContentMismatch`] when the request announces another algorithm than it is signed with, or a form
    /// that is not known; [`ErrorKind::Malformed`] when the announced length is no number.
    pub fn chunk_decoder(
        &self,
        verified: &Verified,
        request: &Request<'_>,
    ) -> Result<Option<ChunkDecoder>, Error> {
        self.decoder(verified, request)
            .map_err(|error| error.within(self.dialect))
    }

    fn decoder(
        &self,
        verified: &Verified,
        request: &Request<'_>,
    ) -> Result<Option<ChunkDecoder>, Error> {
        let header = |name: &[u8]| {
            let value = request.find_header(name)?;
            core::str::from_utf8(value).ok()
        };
        let announced = header(CONTENT_SHA256.as_bytes()).unwrap_or_default();
        if !announced.starts_with("STREAMING-") {
            return Ok(None);
        }
        let streaming =
            Streaming::parse(announced).ok_or(Error::new(ErrorKind::ContentMismatch))?;
        let Some(mut decoder) = self.begin(verified, streaming)? else {
            return Ok(None);
        };
        if let Some(length) = header(b"x-amz-decoded-content-length") {
            let length = length.parse().map_err(|_| {
                let text =
                    format!("x-amz-decoded-content-length should be a number, not '{length}'");
                Error::saying(ErrorKind::Malformed, text)
            })?;
            decoder = decoder.decoded_length(length);
        }
        Ok(Some(match header(b"x-amz-trailer") {
            Some(names) if streaming.has_trailer() => decoder.trailer(names),
            _ => decoder,
        }))
    }

    fn begin(
        &self,
        verified: &Verified,
        streaming: Streaming,
    ) -> Result<Option<ChunkDecoder>, Error> {
        let (scope, at) = (&self.scope, verified.at);
        let seed = verified.signature();
        let decoder = match (streaming, verified.is_v4a) {
            (Streaming::Events, _) => return Ok(None),
            (Streaming::UnsignedTrailer, _) => Some(ChunkDecoder::unsigned()),
            (Streaming::Signed | Streaming::SignedTrailer, false) => {
                let key = SigningKey::derive(&verified.credentials, scope, at);
                let chain = ChunkSigner::resume(&key, scope, at, seed);
                chain.ok().map(ChunkDecoder::signed)
            }
            #[cfg(feature = "v4a")]
            (Streaming::SignedV4a | Streaming::SignedTrailerV4a, true) => {
                let keys = self.v4a.as_ref();
                let key = keys.and_then(|keys| keys.get(&verified.credentials).ok());
                let chain = key
                    .and_then(|key| ChunkVerifier::v4a(key.verifying_key(), scope, at, seed).ok());
                chain.map(ChunkDecoder::signed)
            }
            _ => None,
        };
        match decoder {
            Some(decoder) => Ok(Some(decoder)),
            None => Err(Error::new(ErrorKind::ContentMismatch)),
        }
    }
}
