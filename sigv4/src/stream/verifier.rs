use core::fmt;

use super::{
    error::{ChunkError, ChunkErrorKind},
    signature::ChunkSignature,
    signer::ChunkSigner,
};
use crate::constant_time;

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
}

impl ChunkVerifier {
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
        }
    }

    pub(super) fn check_trailer<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        trailer: &[(N, V)],
    ) -> Result<(), ChunkError> {
        let claimed = self.claimed.take();
        match &mut self.check {
            Check::Again(signer) => compare(claimed, &signer.sign_trailer(trailer)),
        }
    }
}

impl From<ChunkSigner> for ChunkVerifier {
    fn from(signer: ChunkSigner) -> Self {
        Self {
            check: Check::Again(signer),
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
    let equal =
        |claimed: ChunkSignature| constant_time::is_equal(claimed.as_bytes(), right.as_bytes());
    match claimed.is_some_and(equal) {
        true => Ok(()),
        false => Err(ChunkErrorKind::SignatureMismatch.into()),
    }
}
