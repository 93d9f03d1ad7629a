use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use super::{chain::Chain, layout::Signing, signature::ChunkSignature};
use crate::{
    codec::{hmac::HmacKey, sha256::Sha256},
    credentials::Credentials,
    error::{Error, ErrorKind},
    key::{ALGORITHM, PAYLOAD_ALGORITHM, SigningKey},
    scope::Scope,
    sign::{Signature, Signer},
    timestamp::{AmzDate, Timestamp},
};
#[cfg(feature = "v4a")]
use crate::{key::V4A_ALGORITHM, v4a};

/// The chain of signatures of one `aws-chunked` body: each chunk's stands on that of the chunk before, the first
/// one's on that of the request's header.
///
/// The time and the scope are those of the request for all chunks, however long the body takes.
#[derive(Clone)]
pub struct ChunkSigner {
    chain: Chain,
    key: Key,
}

#[derive(Clone)]
enum Key {
    V4(Box<V4Key>),
    #[cfg(feature = "v4a")]
    V4a(v4a::SigningKey),
}

#[derive(Clone)]
struct V4Key {
    key: SigningKey,
    /// The key and the lines that are the same for every chunk.
    chunk: HmacKey,
}

impl ChunkSigner {
    /// The chain that a signed request begins. Credentials and time are those that signed it.
    pub fn new(
        signer: &Signer,
        credentials: &Credentials,
        at: Timestamp,
        request: &Signature,
    ) -> Self {
        Self::behind(signer, credentials, at, request.signature())
    }

    /// The chain behind this signature of the signer's.
    pub(crate) fn behind(
        signer: &Signer,
        credentials: &Credentials,
        at: Timestamp,
        seed: &str,
    ) -> Self {
        let seed = ChunkSignature::filled(seed.as_bytes());
        let key = signer.signing_key(credentials, at);
        Self::v4(key, signer.scope(), at.amz_date(), seed)
    }

    /// The chain behind any signature, in hex, made with a derived key: that of a presigned URL, or of a chunk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] when it is not 64 lower-case hex digits.
    pub fn resume(
        key: &SigningKey,
        scope: &Scope,
        at: Timestamp,
        previous: &str,
    ) -> Result<Self, Error> {
        let seed = ChunkSignature::parse(previous).filter(|seed| seed.as_str().len() == 64);
        let seed = seed.ok_or_else(|| Error::secret(ErrorKind::Signature))?;
        Ok(Self::v4(key.clone(), scope, at.amz_date(), seed))
    }

    fn v4(key: SigningKey, scope: &Scope, date: AmzDate, seed: ChunkSignature) -> Self {
        let chunk = key.prefixed(PAYLOAD_ALGORITHM, &date, scope.suffix());
        Self {
            chain: Chain::new(ALGORITHM, date, scope.suffix(), seed),
            key: Key::V4(V4Key { key, chunk }.into()),
        }
    }

    /// The chain that a request begins that was signed with SigV4a.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SecretAccessKey`], never in practice: see [`v4a::Signer`](crate::v4a::Signer).
    #[cfg(feature = "v4a")]
    pub fn v4a(
        signer: &v4a::Signer,
        credentials: &Credentials,
        at: Timestamp,
        request: &Signature,
    ) -> Result<Self, Error> {
        Self::resume_v4a(signer, credentials, at, request.signature())
    }

    /// The chain behind any signature, in hex, made with SigV4a.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] when it is not 1 to 144 lower-case hex digits.
    #[cfg(feature = "v4a")]
    pub fn resume_v4a(
        signer: &v4a::Signer,
        credentials: &Credentials,
        at: Timestamp,
        previous: &str,
    ) -> Result<Self, Error> {
        let seed =
            ChunkSignature::parse(previous).ok_or_else(|| Error::secret(ErrorKind::Signature))?;
        Ok(Self {
            chain: Chain::new(V4A_ALGORITHM, at.amz_date(), signer.suffix(), seed),
            key: Key::V4a(signer.signing_key(credentials)?),
        })
    }

    pub(super) fn signing(&self) -> Signing {
        match self.key {
            Key::V4(_) => Signing::V4,
            #[cfg(feature = "v4a")]
            Key::V4a(_) => Signing::V4a,
        }
    }

    /// The chain and the public half of the key, with SigV4a.
    #[cfg(feature = "v4a")]
    pub(super) fn public(&self) -> Option<(Chain, v4a::VerifyingKey)> {
        match &self.key {
            Key::V4a(key) => Some((self.chain.clone(), key.verifying_key())),
            Key::V4(_) => None,
        }
    }

    /// Signs the next chunk. An empty one is the last.
    pub fn sign(&mut self, chunk: &[u8]) -> ChunkSignature {
        self.sign_hash(&Sha256::digest(chunk))
    }

    /// Signs the next chunk by its SHA-256.
    pub fn sign_hash(&mut self, sha256: &[u8; 32]) -> ChunkSignature {
        self.chain.previous = match &self.key {
            Key::V4(v4) => {
                ChunkSignature::of_mac(&v4.chunk.mac(self.chain.chunk_lines(sha256).as_slice()))
            }
            #[cfg(feature = "v4a")]
            Key::V4a(key) => ChunkSignature::of_v4a(key, &self.chain.chunk_text(sha256)),
        };
        self.chain.previous
    }

    /// Signs the trailer, after the last, empty chunk: names lower-case, values trimmed, in any order.
    pub fn sign_trailer<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        trailer: &[(N, V)],
    ) -> ChunkSignature {
        let text = self.chain.trailer_text(trailer);
        self.chain.previous = match &self.key {
            Key::V4(v4) => ChunkSignature::of_mac(&v4.key.mac(&text)),
            #[cfg(feature = "v4a")]
            Key::V4a(key) => ChunkSignature::of_v4a(key, &text),
        };
        self.chain.previous
    }

    /// What [`sign`](Self::sign) would sign for this chunk, to compare with what a server shows.
    pub fn string_to_sign(&self, chunk: &[u8]) -> String {
        text_of(self.chain.chunk_text(&Sha256::digest(chunk)))
    }

    /// What [`sign_trailer`](Self::sign_trailer) would sign.
    pub fn trailer_string_to_sign<N: AsRef<str>, V: AsRef<str>>(
        &self,
        trailer: &[(N, V)],
    ) -> String {
        text_of(self.chain.trailer_text(trailer))
    }
}

impl fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkSigner").finish_non_exhaustive()
    }
}

fn text_of(text: Vec<u8>) -> String {
    // It was put together from texts, so the fallback is never taken.
    String::from_utf8(text).unwrap_or_default()
}
