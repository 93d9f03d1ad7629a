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

/// Checks the chain of signatures of one `aws-chunked` body.
///
/// Made from a [`ChunkSigner`]: with a shared secret, checking is signing again. Or, for SigV4a, with the public key.
#[derive(Clone)]
pub struct ChunkVerifier {
    check: Check,
    claimed: Option<ChunkSignature>,
}

#[derive(Clone)]
enum Check {
    Again(ChunkSigner),
    #[cfg(feature = "v4a")]
    PublicKey(Chain, VerifyingKey),
}

#[cfg(feature = "v4a")]
impl Check {
    /// Signing again gives another signature than the one that came, so SigV4a needs the public key.
    fn by_public_key(self) -> Self {
        match self {
            Self::Again(signer) => match signer.public() {
                Some((chain, key)) => Self::PublicKey(chain, key),
                None => Self::Again(signer),
            },
            check => check,
        }
    }
}

impl ChunkVerifier {
    /// The chain behind a SigV4a signature, in hex, of whoever holds the other half of this key. Of the scope, the
    /// service counts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] when it is not 1 to 144 lower-case hex digits.
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
            claimed: None,
        })
    }

    /// Takes the signature that the next chunk or trailer claims.
    pub(super) fn claim(&mut self, signature: &str) -> Result<(), ChunkError> {
        let claimed = ChunkSignature::parse(signature.trim_end_matches('*'));
        self.claimed = Some(claimed.ok_or(ChunkErrorKind::Malformed)?);
        Ok(())
    }

    pub(super) fn check_chunk(&mut self, chunk: &[u8]) -> Result<(), ChunkError> {
        let claimed = self.claimed.take();
        match &mut self.check {
            Check::Again(signer) => compare(claimed, &signer.sign(chunk)),
            #[cfg(feature = "v4a")]
            Check::PublicKey(chain, key) => {
                let text = chain.chunk_text(&Sha256::digest(chunk));
                advance(chain, key, claimed, &text)
            }
        }
    }

    pub(super) fn check_trailer<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        trailer: &[(N, V)],
    ) -> Result<(), ChunkError> {
        let claimed = self.claimed.take();
        match &mut self.check {
            Check::Again(signer) => compare(claimed, &signer.sign_trailer(trailer)),
            #[cfg(feature = "v4a")]
            Check::PublicKey(chain, key) => {
                let text = chain.trailer_text(trailer);
                advance(chain, key, claimed, &text)
            }
        }
    }
}

impl From<ChunkSigner> for ChunkVerifier {
    fn from(signer: ChunkSigner) -> Self {
        let check = Check::Again(signer);
        #[cfg(feature = "v4a")]
        let check = check.by_public_key();
        Self {
            check,
            claimed: None,
        }
    }
}

impl fmt::Debug for ChunkVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkVerifier").finish_non_exhaustive()
    }
}

fn compare(claimed: Option<ChunkSignature>, right: &ChunkSignature) -> Result<(), ChunkError> {
    let equal = |claimed: ChunkSignature| claimed.as_bytes().ct_eq(right.as_bytes()).into();
    match claimed.is_some_and(equal) {
        true => Ok(()),
        false => Err(ChunkErrorKind::SignatureMismatch.into()),
    }
}

/// ECDSA signatures differ each time, so the next one stands on the one that came.
#[cfg(feature = "v4a")]
fn advance(
    chain: &mut Chain,
    key: &VerifyingKey,
    claimed: Option<ChunkSignature>,
    text: &[u8],
) -> Result<(), ChunkError> {
    let right = claimed.filter(|claimed| key.verify(text, claimed.as_str()));
    chain.previous = right.ok_or(ChunkErrorKind::SignatureMismatch)?;
    Ok(())
}
