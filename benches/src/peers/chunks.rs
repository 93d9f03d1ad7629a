//! Signs the chunks of an `aws-chunked` upload and its trailer, each with the signature of the one
//! before.

use aws_sigv4::sign::v4::{sign_chunk, sign_trailer};
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::http::Headers;
use bytes::Bytes;
use keyfob_sigv4::chunked::{ChunkSignature, ChunkSigner};
use keyfob_sigv4::{Signer, Timestamp};
use sha2::{Digest, Sha256};

use super::Comparison;
use super::aws_sigv4::{identity, params, system_time};
use super::keyfob::NAME;
use crate::BoxError;
use crate::case::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use crate::measure::Contender;

/// The comparisons.
pub const CASES: [Comparison; 3] = [
    ("chunk-64kib", || signers(64 * 1024)),
    ("chunk-1-byte", || signers(1)),
    ("chunk-trailer", trailers),
];

/// The signature of the request's head, from which the first chunk's signature is made.
pub const SEED: &str = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
/// The time of the request, in Unix seconds.
pub const AT: i64 = 1_369_353_600;

/// Returns the contenders for chunks of this size: keyfob, aws-sigv4 and the hash alone.
fn signers(size: usize) -> Result<Vec<Contender<'static>>, BoxError> {
    let (mut ours, mut theirs) = (keyfob()?, Chain::new());
    for n in 0..8 {
        let chunk = chunk(size, n);
        compare(n, ours.sign(&chunk), theirs.sign(&chunk)?)?;
    }
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
            move |chunk| theirs.sign(chunk).map(drop),
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

/// Returns the contenders for a trailer with a checksum.
fn trailers() -> Result<Vec<Contender<'static>>, BoxError> {
    let (mut ours, mut theirs) = (keyfob()?, Chain::new());
    for n in 0..8 {
        let signature = ours.sign_trailer(&trailer(n));
        compare(n, signature, theirs.sign_trailer(&headers(n))?)?;
    }
    Ok(vec![
        Contender::new(
            NAME,
            |n| Ok((trailer(n), None::<ChunkSignature>)),
            move |(trailer, signature)| {
                *signature = Some(ours.sign_trailer(trailer));
                Ok(())
            },
        ),
        Contender::new(
            "aws-sigv4",
            |n| Ok(headers(n)),
            move |headers| theirs.sign_trailer(headers).map(drop),
        ),
    ])
}

fn compare(n: u64, ours: ChunkSignature, theirs: &str) -> Result<(), BoxError> {
    if ours.as_str() == theirs {
        return Ok(());
    }
    Err(format!("chunk {n}: keyfob and aws-sigv4 disagree").into())
}

fn chunk(size: usize, n: u64) -> Bytes {
    vec![n.to_le_bytes()[0]; size].into()
}

/// A trailer with a CRC-64, as S3 has it.
fn trailer(n: u64) -> [(&'static str, String); 1] {
    [(
        "x-amz-checksum-crc64nvme",
        format!("{:08}AAA=", n % 100_000_000),
    )]
}

fn headers(n: u64) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in trailer(n) {
        headers.insert(name, value);
    }
    headers
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
    previous: String,
}

impl Chain {
    fn new() -> Self {
        Chain {
            identity: identity(None),
            previous: SEED.into(),
        }
    }

    fn sign(&mut self, chunk: &Bytes) -> Result<&str, BoxError> {
        let params = params(&self.identity, "s3", at(), ())?;
        let (_, signature) = sign_chunk(chunk, &self.previous, &params)?.into_parts();
        self.previous = signature;
        Ok(&self.previous)
    }

    fn sign_trailer(&mut self, headers: &Headers) -> Result<&str, BoxError> {
        let params = params(&self.identity, "s3", at(), ())?;
        let (_, signature) = sign_trailer(headers, &self.previous, &params)?.into_parts();
        self.previous = signature;
        Ok(&self.previous)
    }
}

fn at() -> std::time::SystemTime {
    system_time(Timestamp::from_unix_seconds(AT))
}
