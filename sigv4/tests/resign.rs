//! Stand-in keys are recognised and replaced by real ones.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says where"
)]

use keyfob_sigv4::{
    Credentials, Payload, Request, Resigned, Resigner, Scope, Signer, Timestamp, Ttl,
    verify::Verifier,
};

fn now() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

fn stand_in() -> Credentials {
    Credentials::new("AKIDSTANDIN", "worthless")
        .unwrap()
        .with_session_token("stand-in")
        .unwrap()
}

fn real() -> Credentials {
    Credentials::new("AKIDREAL", "real").unwrap()
}

#[test]
fn a_header_signature_is_replaced_and_the_stand_in_token_is_gone() {
    let scope = Scope::new("us-east-1", "sqs").unwrap();
    let body = Payload::Bytes(b"{}");
    let request = Request::new("POST", "https://sqs.us-east-1.amazonaws.com/")
        .unwrap()
        .payload(body);
    let signature = Signer::new(scope.clone()).sign(&request, &stand_in(), now());
    let mut received = vec![("Host", "sqs.us-east-1.amazonaws.com")];
    received.extend(signature.headers());
    let request = Request::from_wire("POST", "/", &received)
        .unwrap()
        .payload(body);
    let resigner = Resigner::new(scope.clone());

    let Resigned::Headers(resigned) = resigner
        .resign(&request, &stand_in(), &real(), now())
        .unwrap()
    else {
        panic!("headers are replaced by headers");
    };
    assert!(!resigned.authorization().contains("x-amz-security-token"));
    let mut sent = vec![("host", "sqs.us-east-1.amazonaws.com")];
    sent.extend(resigned.headers());
    let request = Request::from_wire("POST", "/", &sent)
        .unwrap()
        .payload(body);
    let verified = Verifier::new(scope).verify(&request, now(), |_| Some(real()));
    assert_eq!(verified.unwrap().access_key_id(), "AKIDREAL");
    assert!(
        resigner
            .resign(&request, &stand_in(), &real(), now())
            .is_err()
    );
}

#[test]
fn a_presigned_url_keeps_its_time() {
    let url = "https://examplebucket.s3.amazonaws.com/a%20b?versionId=1";
    let signer = Signer::s3("us-east-1").unwrap();
    let ttl = Ttl::from_secs(60).unwrap();
    let request = Request::new("GET", url).unwrap();
    let presigned = signer.presign(&request, &stand_in(), now(), ttl);
    let received = Request::new("GET", presigned.as_str()).unwrap();
    let later = now().plus_seconds(30);
    let resigner = Resigner::s3("us-east-1").unwrap();
    let Resigned::Url(resigned) = resigner
        .resign(&received, &stand_in(), &real(), later)
        .unwrap()
    else {
        panic!("a URL is replaced by a URL");
    };
    let direct = signer.presign(&request, &real(), now(), ttl);
    assert_eq!(resigned.as_str(), direct.as_str());
    assert_eq!(resigned.expiry(), Some(now().plus_seconds(60)));
}

#[test]
fn an_older_signature_leaves_no_token_and_no_regions_behind() {
    let older = [
        ("host", "sqs.us-east-1.amazonaws.com"),
        ("x-amz-date", "20140101T000000Z"),
        ("x-amz-security-token", "older"),
        ("X-Amz-S3Session-Token", "older"),
        ("x-amz-region-set", "*"),
        ("authorization", "older"),
    ];
    let signer = Signer::new(Scope::new("us-east-1", "sqs").unwrap());
    let request = Request::from_wire("GET", "/", &older).unwrap();
    let names = |request: &Request<'_>| {
        let signed = signer.explain(request, &real(), now());
        let presigned = signer.explain_presign(request, &real(), now(), Ttl::MAX);
        [signed, presigned].map(|form| form.signed_headers().to_owned())
    };
    let kept = "x-amz-region-set;x-amz-s3session-token;x-amz-security-token";
    assert_eq!(
        names(&request),
        [format!("host;x-amz-date;{kept}"), format!("host;{kept}")]
    );
    let again = request.without_older_signature();
    assert_eq!(names(&again), ["host;x-amz-date", "host"]);
}
