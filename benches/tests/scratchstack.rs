//! Checks that `scratchstack-aws-signature` accepts requests that keyfob signs by header, and no
//! others.
//!
//! It supports neither chunked bodies nor SigV4a, reads no presigned URL, and never encodes a path
//! twice, so the paths of general services have no escapes here. It sorts parameters as joined
//! text, so no parameter's name is the beginning of another's. It reads a `+` in a path as a space,
//! so no path has one.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot continue panics where it stops"
)]

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use chrono::DateTime;
use keyfob_benches::BoxError;
use keyfob_sigv4::{Credentials, Payload, Request, Rules, Scope, Signer, Timestamp, Ttl};
use scratchstack_aws_signature::{
    GetSigningKeyRequest, GetSigningKeyResponse, KSecretKey, NO_ADDITIONAL_SIGNED_HEADERS,
    SignatureOptions, service_for_signing_key_fn, sigv4_validate_request,
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const BODY: &[u8] = b"{}";

fn now() -> Timestamp {
    "20260301T090000Z".parse().unwrap()
}

fn signer(rules: Rules) -> Signer {
    let service = if rules == Rules::S3 { "s3" } else { "es" };
    Signer::with_rules(Scope::new("eu-west-1", service).unwrap(), rules)
}

/// The paths and queries, with their rules.
const TARGETS: [(Rules, &str); 6] = [
    (Rules::GENERAL, "/"),
    (Rules::GENERAL, "/_search/a-b_c.d~e?q=x%20y&q=a&A=%2F&empty"),
    (Rules::GENERAL, "/a//b/./c/../d"),
    (Rules::S3, "/bucket/key"),
    (Rules::S3, "/bucket/a%20b/%C3%A9%2Bx%40y?versionId=1"),
    (Rules::S3, "/bucket/mac@2x(1)=a,b:c.png"),
];

fn request(target: &str) -> http::Request<Bytes> {
    http::Request::post(format!("https://example.amazonaws.com{target}"))
        .header("host", "example.amazonaws.com")
        .header("content-type", "application/json")
        .header("x-amz-meta-a", " a  b ")
        .body(Bytes::from_static(BODY))
        .unwrap()
}

fn signed_by_header(
    rules: Rules,
    target: &str,
    secret: &str,
    at: Timestamp,
) -> http::Request<Bytes> {
    let credentials = Credentials::new("AKIDEXAMPLE", secret).unwrap();
    let mut request = request(target);
    signer(rules)
        .sign_http(&mut request, Payload::Bytes(BODY), &credentials, at)
        .unwrap();
    request
}

fn signed_by_url(rules: Rules, target: &str, secret: &str, at: Timestamp) -> http::Request<Bytes> {
    let credentials = Credentials::new("AKIDEXAMPLE", secret).unwrap();
    let (parts, body) = request(target).into_parts();
    let unsigned = Request::from_http(&parts).unwrap();
    let ttl = Ttl::from_secs(60).unwrap();
    let presigned = signer(rules)
        .presign(
            &unsigned.payload(Payload::Bytes(BODY)),
            &credentials,
            at,
            ttl,
        )
        .unwrap();
    let mut signed = http::Request::from_parts(parts, body);
    *signed.uri_mut() = presigned.as_str().parse().unwrap();
    signed
}

async fn signing_key(request: GetSigningKeyRequest) -> Result<GetSigningKeyResponse, BoxError> {
    let secret: KSecretKey = SECRET.parse()?;
    let key = secret.to_ksigning(request.request_date(), request.region(), request.service());
    Ok(GetSigningKeyResponse::builder().signing_key(key).build()?)
}

fn verify(rules: Rules, request: http::Request<Bytes>) -> Result<(), String> {
    let mut keys = service_for_signing_key_fn(signing_key);
    let options = SignatureOptions {
        s3: rules == Rules::S3,
        url_encode_form: false,
    };
    let signer = signer(rules);
    let verifying = sigv4_validate_request(
        request,
        signer.scope().region(),
        signer.scope().service(),
        &mut keys,
        DateTime::from_timestamp(now().unix_seconds(), 0).unwrap(),
        &NO_ADDITIONAL_SIGNED_HEADERS,
        options,
    );
    match pin!(verifying).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome.map(drop).map_err(|error| error.to_string()),
        Poll::Pending => unreachable!("scratchstack waited while verifying"),
    }
}

#[test]
fn it_accepts_requests_that_are_signed_and_no_others() {
    let late = now().plus_seconds(-3600);
    for (rules, target) in TARGETS {
        let verify = |secret, at| verify(rules, signed_by_header(rules, target, secret, at));
        assert_eq!(verify(SECRET, now()), Ok(()), "{target}");
        verify("wrong", now()).unwrap_err();
        verify(SECRET, late).unwrap_err();
    }
}

/// It looks for the slashes in `X-Amz-Credential` before it decodes it, and S3 accepts no URL with
/// unencoded slashes there (`durch/rust-s3#115`). Once this test fails, add URLs to the one above.
#[test]
fn it_reads_no_presigned_url() {
    for (rules, target) in TARGETS {
        let error = verify(rules, signed_by_url(rules, target, SECRET, now())).unwrap_err();
        assert!(error.contains("5 slash-delimited elements"), "{error}");
    }
}
