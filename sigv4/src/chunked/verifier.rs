use core::fmt;

use ctutils::CtEq as _;

#[cfg(feature = "v4a")]
use super::chain::Chain;
use super::{
    error::{ChunkError, ChunkErrorKind},
    signature::ChunkSignature,
    signer::ChunkSigner,
};
#[cfg(feature = "v4a")]
use crate::{
    codec::sha256::Sha256,
    error::{Error, ErrorKind},
    key::V4A_ALGORITHM,
    scope::Scope,
    timestamp::Timestamp,
    v4a::VerifyingKey,
};

/// Verifies the chain of signatures of one `aws-chunked` body.
///
/// Convert it from a [`ChunkSigner`], which signs each chunk again to compare; or, for SigV4a,
/// create it with the public key.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Scope, SigningKey};
/// # use keyfob_sigv4::chunked::{ChunkDecoder, ChunkSigner, ChunkVerifier};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// # let scope = Scope::new("us-east-1", "s3")?;
/// # let at = "20130524T000000Z".parse()?;
/// # let key = SigningKey::derive(&credentials, &scope, at);
/// # let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
/// let chain = ChunkSigner::resume(&key, &scope, at, seed)?;
/// let decoder = ChunkDecoder::signed(ChunkVerifier::from(chain));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone)]
pub struct ChunkVerifier {
    check: Check,
    /// The signature of the next chunk or trailer, as received.
    presented: Option<ChunkSignature>,
}

#[derive(Clone)]
enum Check {
    SignAgain(ChunkSigner),
    #[cfg(feature = "v4a")]
    PublicKey(Chain, VerifyingKey),
}

impl ChunkVerifier {
    /// Starts a chain after a SigV4a signature in hex, made with the private half of `key`.
    ///
    /// Only the service of the scope is used.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] if the signature is not 1 to 144 lower-case hex digits.
    #[cfg(feature = "v4a")]
    pub fn v4a(
        key: VerifyingKey,
        scope: &Scope,
        at: Timestamp,
        previous: &str,
    ) -> Result<Self, Error> {
        let seed =
            ChunkSignature::parse(previous).ok_or_else(|| Error::secret(ErrorKind::Signature))?;
        let suffix = scope.suffix_without_region();
        let chain = Chain::new(V4A_ALGORITHM, at.amz_date(), suffix, seed);
        Ok(Self {
            check: Check::PublicKey(chain, key),
            presented: None,
        })
    }

    /// Takes the signature that was sent with the next chunk or trailer.
    pub(super) fn present(&mut self, signature: &str) -> Result<(), ChunkError> {
        let presented = ChunkSignature::parse(signature.trim_end_matches('*'));
        self.presented = Some(presented.ok_or(ChunkErrorKind::Malformed)?);
        Ok(())
    }

    pub(super) fn check_chunk(&mut self, chunk: &[u8]) -> Result<(), ChunkError> {
        let presented = self.presented.take();
        match &mut self.check {
            Check::SignAgain(signer) => compare(presented, &signer.sign(chunk)),
            #[cfg(feature = "v4a")]
            Check::PublicKey(chain, key) => {
                let text = chain.chunk_text(&Sha256::digest(chunk));
                advance(chain, key, presented, &text)
            }
        }
    }

    pub(super) fn check_trailer<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        trailer: &[(N, V)],
    ) -> Result<(), ChunkError> {
        let presented = self.presented.take();
        match &mut self.check {
            Check::SignAgain(signer) => compare(presented, &signer.sign_trailer(trailer)),
            #[cfg(feature = "v4a")]
            Check::PublicKey(chain, key) => {
                let text = chain.trailer_text(trailer);
                advance(chain, key, presented, &text)
            }
        }
    }
}

impl From<ChunkSigner> for ChunkVerifier {
    fn from(signer: ChunkSigner) -> Self {
        // SigV4a signatures need not be the same each time, so they are verified with the public
        // key instead of compared.
        #[cfg(feature = "v4a")]
        if let Some((chain, key)) = signer.public() {
            return Self {
                check: Check::PublicKey(chain, key),
                presented: None,
            };
        }
        Self {
            check: Check::SignAgain(signer),
            presented: None,
        }
    }
}

impl fmt::Debug for ChunkVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkVerifier").finish_non_exhaustive()
    }
}

fn compare(presented: Option<ChunkSignature>, expected: &ChunkSignature) -> Result<(), ChunkError> {
    let matches =
        presented.is_some_and(|presented| presented.as_bytes().ct_eq(expected.as_bytes()).into());
    if !matches {
        return Err(ChunkErrorKind::SignatureMismatch.into());
    }
    Ok(())
}

/// Verifies a signature, and continues the chain from it.
#[cfg(feature = "v4a")]
fn advance(
    chain: &mut Chain,
    key: &VerifyingKey,
    presented: Option<ChunkSignature>,
    text: &[u8],
) -> Result<(), ChunkError> {
    let valid = presented.filter(|presented| key.verify(text, presented.as_str()));
    chain.previous = valid.ok_or(ChunkErrorKind::SignatureMismatch)?;
    Ok(())
}
