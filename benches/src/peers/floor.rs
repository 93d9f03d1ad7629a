//! The hashing that no signer can avoid, with canonical request and string to sign prepared.

use sha2::{Digest, Sha256};

use super::{Job, keyfob};
use crate::BoxError;
use crate::case::{Body, Case, Input};
use crate::measure::Contender;

/// The texts to hash for one request.
struct Texts<'a> {
    input: &'a Input,
    canonical_request: String,
    string_to_sign: String,
    signature: [u8; 32],
}

/// Creates the contender that computes SHA-256 of the canonical request and of the payload, and one
/// HMAC whose pads are already hashed.
///
/// # Errors
///
/// If the case is malformed.
pub fn contender(case: &Case) -> Result<Contender<'_>, BoxError> {
    let signer = keyfob::Signer::new(case)?;
    let inner = Sha256::new_with_prefix([0x36; 64]);
    let outer = Sha256::new_with_prefix([0x5c; 64]);
    Ok(Contender::new(
        "sha256-floor",
        move |n| {
            let job = Job::new(case, n)?;
            let (canonical_request, string_to_sign) = signer.explain(case.form, &job)?;
            Ok(Texts {
                input: job.input,
                canonical_request,
                string_to_sign,
                signature: [0; 32],
            })
        },
        move |texts| {
            texts.signature = hash(texts, &inner, &outer);
            Ok(())
        },
    ))
}

fn hash(texts: &Texts<'_>, inner: &Sha256, outer: &Sha256) -> [u8; 32] {
    // The hash of an empty body is a constant.
    if let Body::Signed(bytes) = &texts.input.body
        && !bytes.is_empty()
    {
        std::hint::black_box(Sha256::digest(bytes));
    }
    std::hint::black_box(Sha256::digest(&texts.canonical_request));
    let inner = inner.clone().chain_update(&texts.string_to_sign).finalize();
    outer.clone().chain_update(inner).finalize().into()
}
