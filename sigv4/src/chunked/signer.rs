use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use super::{chain::Chain, plan::Signing, signature::ChunkSignature};
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

/// Signs the chunks of one `aws-chunked` body.
///
/// The signatures form a chain: that of each chunk covers the one before it, that of the first
/// chunk covers the request's. All chunks have the time and the scope of the request, however long
/// the body takes.
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
    /// The key, and the hash state after the lines that all chunks share.
    chunk: HmacKey,
}

impl ChunkSigner {
    /// Starts a chain after a signed request, with the credentials and the time that signed it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, Request, Signer};
    /// # use keyfob_sigv4::chunked::{ChunkSigner, Chunked};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let at = "20150830T123600Z".parse()?;
    /// # let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?
    /// #     .payload(Payload::Streaming(Chunked::signed(5).streaming()));
    /// let signer = Signer::s3("us-east-1")?;
    /// let signature = signer.sign(&request, &credentials, at)?;
    /// let mut chain = ChunkSigner::new(&signer, &credentials, at, &signature);
    /// let first = chain.sign(b"hello");
    /// let last = chain.sign(b"");
    /// assert_ne!(first, last);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn new(
        signer: &Signer,
        credentials: &Credentials,
        at: Timestamp,
        request: &Signature,
    ) -> Self {
        Self::after(signer, credentials, at, request.signature())
    }

    /// Starts a chain after this signature of the signer's.
    pub(crate) fn after(
        signer: &Signer,
        credentials: &Credentials,
        at: Timestamp,
        seed: &str,
    ) -> Self {
        let seed = ChunkSignature::from_digits(seed.as_bytes());
        let key = signer.signing_key(credentials, at);
        Self::v4(key, signer.scope(), at.amz_date(), seed)
    }

    /// Continues a chain after any signature in hex, such as that of a presigned URL or of a chunk.
    ///
    /// `key` is the derived key that made the signature, `scope` and `at` are those of the request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] if the signature is not 64 lower-case hex digits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Scope, SigningKey, chunked::ChunkSigner};
    /// # let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    /// # let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret)?;
    /// // The second chunk of the published example.
    /// let scope = Scope::new("us-east-1", "s3")?;
    /// let at = "20130524T000000Z".parse()?;
    /// let key = SigningKey::derive(&credentials, &scope, at);
    /// let first = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
    /// let mut chain = ChunkSigner::resume(&key, &scope, at, first)?;
    /// assert_eq!(
    ///     chain.sign(&[b'a'; 1024]).as_str(),
    ///     "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
    /// );
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn resume(
        key: &SigningKey,
        scope: &Scope,
        at: Timestamp,
        previous: &str,
    ) -> Result<Self, Error> {
        let seed = ChunkSignature::parse(previous)
            .filter(|seed| seed.as_str().len() == 64)
            .ok_or_else(|| Error::secret(ErrorKind::Signature))?;
        Ok(Self::v4(key.clone(), scope, at.amz_date(), seed))
    }

    fn v4(key: SigningKey, scope: &Scope, date: AmzDate, seed: ChunkSignature) -> Self {
        let chunk = key.prefixed(PAYLOAD_ALGORITHM, &date, scope.suffix());
        Self {
            chain: Chain::new(ALGORITHM, date, scope.suffix(), seed),
            key: Key::V4(V4Key { key, chunk }.into()),
        }
    }

    /// Starts a chain after a request that was signed with SigV4a.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SecretAccessKey`], never in practice: see [`v4a::Signer`](crate::v4a::Signer).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, Request, v4a};
    /// # use keyfob_sigv4::chunked::{ChunkEncoder, ChunkSigner, Chunked};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let at = "20150830T123600Z".parse()?;
    /// let signer = v4a::Signer::s3("*".parse()?);
    /// let plan = Chunked::signed_v4a(11);
    /// let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?
    ///     .payload(Payload::Streaming(plan.streaming()));
    /// let signature = signer.sign(&request, &credentials, at)?;
    /// let chain = ChunkSigner::v4a(&signer, &credentials, at, &signature)?;
    /// let encoder = ChunkEncoder::new(&plan, chain)?;
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[cfg(feature = "v4a")]
    pub fn v4a(
        signer: &v4a::Signer,
        credentials: &Credentials,
        at: Timestamp,
        request: &Signature,
    ) -> Result<Self, Error> {
        Self::resume_v4a(signer, credentials, at, request.signature())
    }

    /// Continues a chain after any signature in hex that was made with SigV4a.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] if the signature is not 1 to 144 lower-case hex digits.
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

    /// Returns the chain and the public key, for SigV4a.
    #[cfg(feature = "v4a")]
    pub(super) fn public(&self) -> Option<(Chain, v4a::VerifyingKey)> {
        match &self.key {
            Key::V4a(key) => Some((self.chain.clone(), key.verifying_key())),
            Key::V4(_) => None,
        }
    }

    /// Signs the next chunk. The last one is empty.
    pub fn sign(&mut self, chunk: &[u8]) -> ChunkSignature {
        self.sign_hash(&Sha256::digest(chunk))
    }

    /// Signs the next chunk by its SHA-256.
    pub fn sign_hash(&mut self, sha256: &[u8; 32]) -> ChunkSignature {
        self.chain.previous = match &self.key {
            Key::V4(v4) => {
                ChunkSignature::from_mac(&v4.chunk.mac(self.chain.chunk_lines(sha256).as_slice()))
            }
            #[cfg(feature = "v4a")]
            Key::V4a(key) => ChunkSignature::from_v4a(key, &self.chain.chunk_text(sha256)),
        };
        self.chain.previous
    }

    /// Signs the trailer, after the empty chunk.
    ///
    /// The order, the case of names and space around values make no difference.
    pub fn sign_trailer<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        trailer: &[(N, V)],
    ) -> ChunkSignature {
        let text = self.chain.trailer_text(trailer);
        self.chain.previous = match &self.key {
            Key::V4(v4) => ChunkSignature::from_mac(&v4.key.mac(&text)),
            #[cfg(feature = "v4a")]
            Key::V4a(key) => ChunkSignature::from_v4a(key, &text),
        };
        self.chain.previous
    }

    /// Returns the string that [`sign`](Self::sign) would sign, to compare with a server's.
    pub fn string_to_sign(&self, chunk: &[u8]) -> String {
        text_of(self.chain.chunk_text(&Sha256::digest(chunk)))
    }

    /// Returns the string that [`sign_trailer`](Self::sign_trailer) would sign.
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
    // It was made from strings, so the fallback is never taken.
    String::from_utf8(text).unwrap_or_default()
}
