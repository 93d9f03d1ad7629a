//! `scratchstack-aws-signature` accepts what keyfob signs by header, and refuses the rest.
//!
//! It knows neither chunked bodies nor SigV4a, reads no presigned URL, and encodes the path of no service twice, so paths of
//! general services have no escapes here. Nor are there parameters of which one's name begins another's (it sorts
//! them as joined text), nor a `+` in a path (it reads a blank).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

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

/// The paths and queries, with the rules they are for.
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

fn by_header(rules: Rules, target: &str, secret: &str, at: Timestamp) -> http::Request<Bytes> {
    let credentials = Credentials::new("AKIDEXAMPLE", secret).unwrap();
    let mut request = request(target);
    signer(rules)
        .sign_http(&mut request, Payload::Bytes(BODY), &credentials, at)
        .unwrap();
    request
}

fn by_url(rules: Rules, target: &str, secret: &str, at: Timestamp) -> http::Request<Bytes> {
    let credentials = Credentials::new("AKIDEXAMPLE", secret).unwrap();
    let (parts, body) = request(target).into_parts();
    let unsigned = Request::from_http(&parts).unwrap();
    let ttl = Ttl::from_secs(60).unwrap();
    let presigned = signer(rules).presign(
        &unsigned.payload(Payload::Bytes(BODY)),
        &credentials,
        at,
        ttl,
    );
    let mut signed = http::Request::from_parts(parts, body);
    *signed.uri_mut() = presigned.as_str().parse().unwrap();
    signed
}

async fn signing_key(asked: GetSigningKeyRequest) -> Result<GetSigningKeyResponse, BoxError> {
    let secret: KSecretKey = SECRET.parse()?;
    let key = secret.to_ksigning(asked.request_date(), asked.region(), asked.service());
    Ok(GetSigningKeyResponse::builder().signing_key(key).build()?)
}

fn accepted(rules: Rules, request: http::Request<Bytes>) -> Result<(), String> {
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
        Poll::Pending => unreachable!("nothing is waited for"),
    }
}

#[test]
fn it_accepts_what_is_signed_and_nothing_else() {
    let late = now().plus_seconds(-3600);
    for (rules, target) in TARGETS {
        let accepted = |secret, at| accepted(rules, by_header(rules, target, secret, at));
        assert_eq!(accepted(SECRET, now()), Ok(()), "{target}");
        accepted("wrong", now()).unwrap_err();
        accepted(SECRET, late).unwrap_err();
    }
}

/// It looks for the slashes of `X-Amz-Credential` before it has decoded it, and S3 takes no URL with bare ones
/// (`durch/rust-s3#115`). Once this fails, URLs belong into the test above.
#[test]
fn it_reads_no_presigned_url() {
    for (rules, target) in TARGETS {
        let error = accepted(rules, by_url(rules, target, SECRET, now())).unwrap_err();
        assert!(error.contains("5 slash-delimited elements"), "{error}");
    }
}
