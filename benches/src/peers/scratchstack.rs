//! `scratchstack-aws-signature`, which verifies only.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use scratchstack_aws_signature::{
    GetSigningKeyRequest, GetSigningKeyResponse, KSecretKey, NO_ADDITIONAL_SIGNED_HEADERS,
    SignatureOptions, service_for_signing_key_fn, sigv4_validate_request,
};

use super::{VerifyJob, keyfob, ready};
use crate::BoxError;
use crate::case::{Body, Case, REGION, Rules, SECRET_ACCESS_KEY};
use crate::measure::Contender;

/// A request as it arrived. Verification consumes it.
struct Arrived {
    request: Option<http::Request<Bytes>>,
    now: DateTime<Utc>,
}

/// Creates the contender that verifies a request that keyfob signed. As in scratchstack's
/// documentation, the key is derived for each request.
///
/// # Errors
///
/// If the case is malformed.
pub fn verifier(case: &Case) -> Result<Contender<'_>, BoxError> {
    let signer = keyfob::Signer::new(case)?;
    Ok(Contender::new(
        "scratchstack",
        move |n| {
            let job = VerifyJob::new(case, &signer, n)?;
            let body = match &job.input.body {
                Body::Signed(bytes) => Bytes::copy_from_slice(bytes),
                Body::Unsigned => Bytes::new(),
            };
            let now = DateTime::from_timestamp(job.at.unix_seconds(), 0)
                .ok_or("the time is out of range")?;
            Ok(Arrived {
                request: Some(http::Request::from_parts(job.parts, body)),
                now,
            })
        },
        move |arrived| {
            let request = arrived
                .request
                .take()
                .ok_or("the request was verified twice")?;
            verify(case.rules, request, arrived.now)
        },
    ))
}

fn verify(rules: Rules, request: http::Request<Bytes>, now: DateTime<Utc>) -> Result<(), BoxError> {
    let mut keys = service_for_signing_key_fn(signing_key);
    let options = SignatureOptions {
        s3: rules == Rules::S3,
        url_encode_form: false,
    };
    let required = &NO_ADDITIONAL_SIGNED_HEADERS;
    let verifying = sigv4_validate_request(
        request,
        REGION,
        rules.service(),
        &mut keys,
        now,
        required,
        options,
    );
    ready(verifying)?.map(drop)
}

async fn signing_key(request: GetSigningKeyRequest) -> Result<GetSigningKeyResponse, BoxError> {
    let secret: KSecretKey = SECRET_ACCESS_KEY.parse()?;
    let key = secret.to_ksigning(request.request_date(), request.region(), request.service());
    Ok(GetSigningKeyResponse::builder().signing_key(key).build()?)
}
