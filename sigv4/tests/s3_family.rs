//! The services that sign as S3 does. S3 Express One Zone has its own name for the session token.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, Payload, Request, Rules, Scope, Signer, Timestamp, Ttl, verify::Verifier,
};

const HOST: &str = "b--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com";

fn session() -> Credentials {
    let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    keys.unwrap().with_session_token("session/token+").unwrap()
}

fn at() -> Timestamp {
    "20260101T000000Z".parse().unwrap()
}

fn verifier() -> Verifier {
    let scope = Scope::new("us-west-2", "s3express").unwrap();
    Verifier::with_rules(scope, Rules::S3_EXPRESS)
}

#[test]
fn each_service_takes_the_path_as_sent_and_gets_the_hash_of_the_body() {
    const TARGET: &str = "/a//../mac@2x%20b";
    for (service, host) in [
        (
            "s3-outposts",
            "ap-123456789012.op-1a2b.s3-outposts.us-west-2.amazonaws.com",
        ),
        (
            "s3-object-lambda",
            "ap-123456789012.s3-object-lambda.us-west-2.amazonaws.com",
        ),
        (
            "s3",
            "my-ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com",
        ),
    ] {
        let scope = Scope::new("us-west-2", service).unwrap();
        let signer = Signer::with_rules(scope.clone(), Rules::S3);
        let verifier = Verifier::with_rules(scope, Rules::S3);
        let body = Payload::Bytes(b"body");
        let request = Request::from_parts("PUT", "https", host, TARGET)
            .unwrap()
            .payload(body);
        let explained = signer.explain(&request, &session(), at()).unwrap();
        assert!(
            explained
                .canonical_request()
                .starts_with("PUT\n/a//../mac%402x%20b\n\n"),
            "{host}"
        );
        let scope = format!("\n20260101/us-west-2/{service}/aws4_request\n");
        assert!(explained.string_to_sign().contains(&scope), "{host}");

        let signature = signer.sign(&request, &session(), at()).unwrap();
        assert!(
            signature
                .headers()
                .any(|(name, _)| name == "x-amz-content-sha256"),
            "{host}"
        );
        let verify = |headers: &[(&str, &str)], target: &str| {
            let received = Request::from_wire("PUT", target, headers)
                .unwrap()
                .payload(body);
            verifier
                .verify(&received, at(), |_| Some(session()))
                .is_ok()
        };
        let sent: Vec<_> = [("host", host)]
            .into_iter()
            .chain(signature.headers())
            .collect();
        assert!(verify(&sent, TARGET), "{host}");
        assert!(!verify(&sent, "/mac@2x%20b"), "{host}");

        let url = signer
            .presign(&request, &session(), at(), Ttl::from_secs(300).unwrap())
            .unwrap();
        let target = &url.as_str()["https://".len() + host.len()..];
        assert!(target.starts_with("/a//../mac%402x%20b?"), "{target}");
        assert!(verify(&[("host", host)], target), "{host}");
    }
}

#[test]
fn a_header_signature_signs_the_token_under_its_own_name() {
    let url = format!("https://{HOST}/key");
    let request = Request::new("GET", &url)
        .unwrap()
        .payload(Payload::Unsigned);
    let signer = Signer::s3_express("us-west-2").unwrap();
    let signature = signer.sign(&request, &session(), at()).unwrap();
    let names: Vec<_> = signature.headers().map(|(name, _)| name).collect();
    assert!(names.contains(&"x-amz-s3session-token") && !names.contains(&"x-amz-security-token"));
    assert!(
        signature
            .authorization()
            .contains(";x-amz-s3session-token,")
    );
    let headers: Vec<_> = [("host", HOST)]
        .into_iter()
        .chain(signature.headers())
        .collect();
    let received = Request::from_wire("GET", "/key", &headers)
        .unwrap()
        .payload(Payload::Declared);
    assert!(
        verifier()
            .verify(&received, at(), |_| Some(session()))
            .is_ok()
    );
}

#[test]
fn a_presigned_url_carries_the_token_under_its_own_name() {
    let url = format!("https://{HOST}/key");
    let request = Request::new("GET", &url).unwrap();
    let signer = Signer::s3_express("us-west-2").unwrap();
    let ttl = Ttl::from_secs(300).unwrap();
    let presigned = signer.presign(&request, &session(), at(), ttl).unwrap();
    assert!(
        presigned
            .as_str()
            .contains("&X-Amz-S3session-Token=session%2Ftoken%2B&")
    );
    assert!(!presigned.as_str().contains("Security-Token"));
    let target = &presigned.as_str()[8 + HOST.len()..];
    let headers = [("host", HOST)];
    let received = Request::from_wire("GET", target, &headers).unwrap();
    assert!(
        verifier()
            .verify(&received, at(), |_| Some(session()))
            .is_ok()
    );
}

#[test]
#[cfg(feature = "http")]
fn the_general_token_header_is_removed() {
    let mut request = http::Request::get(format!("https://{HOST}/key"))
        .header("x-amz-security-token", "stale")
        .body(())
        .unwrap();
    let signer = Signer::s3_express("us-west-2").unwrap();
    signer
        .sign_http(&mut request, Payload::Unsigned, &session(), at())
        .unwrap();
    assert!(!request.headers().contains_key("x-amz-security-token"));
    assert!(request.headers()["x-amz-s3session-token"].is_sensitive());
}
