//! Signs the chunks of an `aws-chunked` upload, each with the signature of the one before.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{SigningParams, sign_chunk};
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use keyfob_sigv4::chunked::{ChunkSignature, ChunkSigner};
use keyfob_sigv4::{Signer, Timestamp};
use sha2::{Digest, Sha256};

use super::keyfob::NAME;
use crate::BoxError;
use crate::case::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use crate::measure::Contender;

/// The signature of the request's head, from which the first chunk's signature is made.
const SEED: &str = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
const AT: i64 = 1_369_353_600;

/// Returns the contenders for chunks of this size: keyfob, aws-sigv4 and the hash alone.
///
/// # Errors
///
/// If keyfob rejects the seed, or if the two make different signatures of a chunk.
pub fn signers(size: usize) -> Result<Vec<Contender<'static>>, BoxError> {
    check(size)?;
    let (mut ours, mut theirs) = (keyfob()?, Chain::new());
    Ok(vec![
        Contender::new(
            NAME,
            move |n| Ok((chunk(size, n), None::<ChunkSignature>)),
            move |(chunk, signature)| {
                *signature = Some(ours.sign(chunk));
                Ok(())
            },
        ),
        Contender::new(
            "aws-sigv4",
            move |n| Ok(chunk(size, n)),
            move |chunk| theirs.sign(chunk),
        ),
        Contender::new(
            "sha256-floor",
            move |n| Ok((chunk(size, n), [0; 32])),
            |(chunk, hash)| {
                *hash = Sha256::digest(chunk).into();
                Ok(())
            },
        ),
    ])
}

fn check(size: usize) -> Result<(), BoxError> {
    let (mut ours, mut theirs) = (keyfob()?, Chain::new());
    for n in 0..8 {
        let chunk = chunk(size, n);
        theirs.sign(&chunk)?;
        let signature = ours.sign(&chunk);
        if signature.as_str() != theirs.previous {
            return Err(format!("chunk {n}: keyfob and aws-sigv4 disagree").into());
        }
    }
    Ok(())
}

fn chunk(size: usize, n: u64) -> Bytes {
    vec![n.to_le_bytes()[0]; size].into()
}

fn keyfob() -> Result<ChunkSigner, BoxError> {
    let credentials = keyfob_sigv4::Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)?;
    let (signer, at) = (Signer::s3(REGION)?, Timestamp::from_unix_seconds(AT));
    let key = signer.signing_key(&credentials, at);
    Ok(ChunkSigner::resume(&key, signer.scope(), at, SEED)?)
}

/// The chain of signatures, which aws-sigv4 leaves to its caller.
struct Chain {
    identity: Identity,
    time: SystemTime,
    previous: String,
}

impl Chain {
    fn new() -> Self {
        Chain {
            identity: Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "benches")
                .into(),
            time: UNIX_EPOCH + Duration::from_secs(AT.unsigned_abs()),
            previous: SEED.into(),
        }
    }

    fn sign(&mut self, chunk: &Bytes) -> Result<(), BoxError> {
        let params = SigningParams::builder()
            .identity(&self.identity)
            .region(REGION)
            .name("s3")
            .time(self.time)
            .settings(())
            .build()?;
        let (_, signature) = sign_chunk(chunk, &self.previous, &params)?.into_parts();
        self.previous = signature;
        Ok(())
    }
}
