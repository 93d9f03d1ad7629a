//! Facts of presigned URLs that neither the corpora nor the tests of the verifier cover.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, ErrorKind, Payload, Request, Scope, Signer, Timestamp, Ttl,
    event_stream::EventSigner, verify::Verifier,
};

fn now() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret").unwrap()
}

const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");
/// The SHA-256 of `hello`.
const HASH: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// Returns the target of an upload with this `x-amz-content-sha256`, and its signed headers.
fn presigned(declared: Option<&str>) -> (String, String) {
    let headers: Vec<_> = declared
        .map(|value| ("x-amz-content-sha256", value))
        .into_iter()
        .collect();
    let url = format!("https://{}/key", HOST.1);
    let request = Request::new("PUT", &url).unwrap().headers(&headers);
    let signer = Signer::s3("us-east-1").unwrap();
    let presigned = signer
        .presign(&request.unwrap(), &credentials(), now(), Ttl::MAX)
        .unwrap();
    let target = presigned.as_str().split_once(HOST.1).unwrap().1.to_owned();
    (target, presigned.signed_headers())
}

fn is_taken(target: &str, headers: &[(&str, &str)], body: &[u8]) -> bool {
    let request = Request::from_wire("PUT", target, headers)
        .unwrap()
        .payload(Payload::Bytes(body));
    let verifier = Verifier::s3("us-east-1").unwrap();
    verifier
        .verify(&request, now(), |_| Some(credentials()))
        .is_ok()
}

#[test]
fn s3_signs_the_body_of_a_url_if_the_request_declares_its_hash() {
    let (target, names) = presigned(Some(HASH));
    assert_eq!(names, "host;x-amz-content-sha256");
    let declared = ("x-amz-content-sha256", HASH);
    assert!(is_taken(&target, &[HOST, declared], b"hello"));
    assert!(!is_taken(&target, &[HOST, declared], b"other"));
    assert!(!is_taken(&target, &[HOST], b"hello"));

    let (target, names) = presigned(None);
    assert_eq!(names, "host");
    assert!(is_taken(&target, &[HOST], b"anything"));
}

#[test]
fn an_error_does_not_repeat_a_url_given_as_its_signature() {
    let url = format!("https://{}{}", HOST.1, presigned(None).0);
    let scope = Scope::new("us-east-1", "s3").unwrap();
    let error = EventSigner::new(scope, credentials().secret_access_key(), &url).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("X-Amz-Signature"), "{shown}");
}

#[test]
fn debug_of_a_verified_request_shows_no_signature() {
    let (target, _) = presigned(None);
    let headers = [HOST];
    let request = Request::from_wire("PUT", &target, &headers).unwrap();
    let verifier = Verifier::s3("us-east-1").unwrap();
    let verified = verifier
        .verify(&request, now(), |_| Some(credentials()))
        .unwrap();
    assert!(!format!("{verified:?}").contains(verified.signature()));
}

#[test]
fn header_names_with_any_token_character_are_listed_unescaped() {
    let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/")
        .unwrap()
        .header("x-amz-meta-a!b", "c")
        .unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let presigned = signer
        .presign(&request, &credentials(), now(), Ttl::MAX)
        .unwrap();
    assert_eq!(presigned.signed_headers(), "host;x-amz-meta-a!b");
}

/// `url`, which most clients use, and browsers write such a path again.
#[test]
fn a_presigned_url_has_no_character_that_clients_escape() {
    let (credentials, now) = (credentials(), now());
    for service in ["execute-api", "s3"] {
        let scope = Scope::new("us-east-1", service).unwrap();
        let signer = Signer::new(scope.clone());
        for path in [
            "/items/{id}",
            "/x\"y",
            "/a<b>`c",
            "/x\\y",
            "/\u{e9}",
            "/a|b^c[d]",
            "/a%20{b}:@!$&'()*+,;=",
        ] {
            let given = format!("https://example.com{path}");
            let request = Request::new("GET", &given).unwrap();
            let presigned = signer
                .presign(&request, &credentials, now, Ttl::MAX)
                .unwrap();
            let sent = url::Url::parse(presigned.as_str()).unwrap();
            assert_eq!(sent.as_str(), presigned.as_str());
            let received = Request::new("GET", sent.as_str()).unwrap();
            let verifier = Verifier::new(scope.clone());
            let verified = verifier.verify(&received, now, |_| Some(credentials.clone()));
            assert!(verified.is_ok(), "{service} {path}");
            let steps = signer.explain_presign(&request, &credentials, now, Ttl::MAX);
            assert_eq!(steps.unwrap().signature(), presigned.signature());
        }
    }
}

#[test]
fn a_url_of_s3_without_a_lifetime_is_not_signed() {
    let request = Request::new("GET", "https://b.s3.amazonaws.com/key").unwrap();
    for signer in [
        Signer::s3("us-east-1").unwrap(),
        Signer::s3_express("us-east-1").unwrap(),
        Signer::new(Scope::new("us-east-1", "s3-outposts").unwrap()),
    ] {
        let presigned = signer.presign(&request, &credentials(), now(), Ttl::UNSTATED);
        assert_eq!(presigned.unwrap_err().kind(), ErrorKind::Ttl);
        let steps = signer.explain_presign(&request, &credentials(), now(), Ttl::UNSTATED);
        assert_eq!(steps.unwrap_err().kind(), ErrorKind::Ttl);
    }
}
