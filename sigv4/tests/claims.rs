//! What a signature claims, what it covers, and how a verifier explains itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, Payload, Request, Scope, Signer, Timestamp, Ttl,
    verify::{self, ErrorKind, Verified, Verifier},
};

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn now() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

const URL: &str = "https://b.s3.amazonaws.com/key";

fn s3(region: &str) -> Verifier {
    Verifier::s3(region).unwrap()
}

/// Returns the headers of a signed PUT, as a server receives it.
fn received(given: &[(&'static str, &'static str)], key: &Credentials) -> Vec<(String, String)> {
    let request = Request::new("PUT", URL).unwrap().headers(given).unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let signature = signer
        .sign(&request.payload(Payload::Bytes(b"hello")), key, now())
        .unwrap();
    let host = [("host", "b.s3.amazonaws.com")].into_iter();
    let all = host.chain(given.iter().copied()).chain(signature.headers());
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect()
}

fn presigned(headers: &[(&str, &str)]) -> String {
    let request = Request::new("PUT", URL).unwrap().headers(headers).unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    signer
        .presign(&request, &credentials(), now(), Ttl::MAX)
        .unwrap()
        .as_str()
        .to_owned()
}

fn verify(
    verifier: &Verifier,
    url: &str,
    sent: &[(&str, &str)],
) -> Result<Verified, verify::Error> {
    let request = Request::new("PUT", url).unwrap().headers(sent).unwrap();
    verifier.verify(&request, now(), |_| Some(credentials()))
}

#[test]
fn a_claim_says_who_signed_for_which_scope_before_the_key_is_known() {
    let headers = received(&[("content-type", "text/plain")], &credentials());
    let headers = borrowed(&headers);
    let request = Request::from_wire("PUT", "/key", &headers).unwrap();
    let request = request.payload(Payload::Bytes(b"hello"));
    let verifier = s3("us-east-1");
    let claim = verifier.claim(&request).unwrap();
    assert_eq!(claim.access_key_id(), "AKIDEXAMPLE");
    assert_eq!(claim.scope(), "20150830/us-east-1/s3/aws4_request");
    assert_eq!((claim.region(), claim.service()), (Some("us-east-1"), "s3"));
    assert_eq!(claim.signed_at(), now());
    let names = "content-type;host;x-amz-content-sha256;x-amz-date";
    assert_eq!(claim.signed_headers(), names);
    assert!(!claim.is_presigned());
    let verified = claim.verify(&credentials(), now()).unwrap();
    assert_eq!(verified.signed_headers(), names);
    let other = Credentials::new("AKIDEXAMPLE", "other").unwrap();
    assert_eq!(
        claim.verify(&other, now()).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
    assert_eq!(
        claim.verify(None, now()).unwrap_err().kind(),
        ErrorKind::UnknownKey
    );
    let later = now().plus_seconds(901);
    assert_eq!(
        claim.verify(&other, later).unwrap_err().kind(),
        ErrorKind::Skew
    );

    let url = presigned(&[]);
    let request = Request::new("PUT", &url).unwrap();
    let claim = verifier.claim(&request).unwrap();
    assert!(claim.is_presigned() && claim.verify(&credentials(), now()).is_ok());
}

#[test]
fn a_server_of_several_regions_finds_the_verifier_for_a_claim() {
    let verifiers = [s3("eu-west-1"), s3("us-east-1")];
    let url = presigned(&[]);
    let request = Request::new("PUT", &url).unwrap();
    let claim = verifiers[0].claim(&request).unwrap();
    let wrong = claim.verify(&credentials(), now()).unwrap_err();
    assert_eq!(wrong.expected_region(), Some("eu-west-1"));
    assert_eq!(claim.region(), Some("us-east-1"));
    let claim = verifiers[1].claim(&request).unwrap();
    assert!(claim.verify(&credentials(), now()).is_ok());
}

#[test]
#[cfg(feature = "v4a")]
fn the_claim_of_a_set_of_regions_has_no_region() {
    let signer = keyfob_sigv4::v4a::Signer::s3("us-*".parse().unwrap());
    let request = Request::new("PUT", URL).unwrap();
    let signature = signer.sign(&request, &credentials(), now()).unwrap();
    let mut headers = vec![("host", "b.s3.amazonaws.com")];
    headers.extend(signature.headers());
    let request = Request::from_wire("PUT", "/key", &headers).unwrap();
    let verifier = s3("us-east-1").accept_v4a();
    let claim = verifier.claim(&request).unwrap();
    assert_eq!((claim.region(), claim.service()), (None, "s3"));
    assert!(claim.verify(&credentials(), now()).is_ok());
    let steps = claim.explain().unwrap();
    assert!(
        steps
            .string_to_sign()
            .starts_with("AWS4-ECDSA-P256-SHA256\n")
    );
    let error = s3("us-east-1").claim(&request).unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Mechanism, "InvalidRequest")
    );
}

#[test]
fn a_header_that_must_be_signed_cannot_be_added_on_the_way() {
    let strict = s3("us-east-1").require_signed(&["content-type", "Range"]);
    let url = presigned(&[]);
    for added in ["content-type", "Content-Type", "range"] {
        let error = verify(&strict, &url, &[(added, "x")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HeaderUnsigned);
        assert_eq!(error.unsigned_headers(), Some(&*added.to_ascii_lowercase()));
        assert!(verify(&s3("us-east-1"), &url, &[(added, "x")]).is_ok());
    }
    assert!(verify(&strict, &url, &[("accept", "*/*")]).is_ok());
    let headers = [("content-type", "text/plain")];
    let url = presigned(&headers);
    let verified = verify(&strict, &url, &headers).unwrap();
    assert_eq!(verified.signed_headers(), "content-type;host");
    let other = [("content-type", "text/html")];
    assert_eq!(
        verify(&strict, &url, &other).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
    assert_eq!(
        verify(&strict, &url, &[]).unwrap_err().kind(),
        ErrorKind::Mismatch
    );
}

#[test]
fn long_lists_of_signed_headers_are_returned_whole() {
    let names: Vec<_> = (10..40).map(|n| format!("x-amz-meta-{n}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (&**name, "v")).collect();
    let verified = verify(&s3("us-east-1"), &presigned(&headers), &headers).unwrap();
    assert_eq!(
        verified.signed_headers(),
        format!("host;{}", names.join(";"))
    );
}

#[test]
fn a_verifier_shows_the_steps_that_the_signer_took() {
    let session = credentials().with_session_token("token").unwrap();
    let given = [("content-type", "text/plain")];
    let headers = received(&given, &session);
    let headers = borrowed(&headers);
    let request = Request::from_wire("PUT", "/key", &headers).unwrap();
    let request = request.payload(Payload::Bytes(b"hello"));
    let theirs = s3("us-east-1").explain(&request).unwrap();
    let to_sign = Request::new("PUT", URL).unwrap().headers(&given).unwrap();
    let to_sign = to_sign.payload(Payload::Bytes(b"hello"));
    let signer = Signer::s3("us-east-1").unwrap();
    assert_eq!(theirs, signer.explain(&to_sign, &session, now()).unwrap());

    let url = presigned(&[]);
    let request = Request::new("PUT", &url).unwrap();
    let theirs = s3("us-east-1").explain(&request).unwrap();
    let to_sign = Request::new("PUT", URL).unwrap();
    let ours = signer
        .explain_presign(&to_sign, &credentials(), now(), Ttl::MAX)
        .unwrap();
    assert_eq!(theirs, ours);
    let anonymous = s3("us-east-1").explain(&to_sign).unwrap_err();
    assert_eq!(anonymous.kind(), ErrorKind::NoSignature);
}

#[test]
#[cfg(feature = "diagnose")]
fn what_a_verifier_answers_is_enough_to_find_the_difference() {
    use keyfob_sigv4::diagnose::{Part, ServerView};
    let given = [("content-type", "text/plain")];
    let headers = received(&given, &credentials());
    let headers = borrowed(&headers);
    let request = Request::from_wire("PUT", "/key%20", &headers).unwrap();
    let request = request.payload(Payload::Bytes(b"hello"));
    let error = s3("us-east-1")
        .verify(&request, now(), |_| Some(credentials()))
        .unwrap_err();
    let to_sign = Request::new("PUT", URL).unwrap().headers(&given).unwrap();
    let to_sign = to_sign.payload(Payload::Bytes(b"hello"));
    let signer = Signer::s3("us-east-1").unwrap();
    let ours = signer.explain(&to_sign, &credentials(), now()).unwrap();
    let differences = ours.compare(&ServerView::parse(&error.body("id")));
    assert_eq!(differences[0].part(), &Part::Path);
    assert_eq!(differences[0].theirs(), "/key%20");
    assert_eq!(
        error
            .explanation()
            .unwrap()
            .canonical_request()
            .lines()
            .nth(1),
        Some("/key%20")
    );
}

#[test]
fn a_clone_of_a_verifier_has_its_settings() {
    let strict = s3("us-east-1")
        .skew_seconds(60)
        .require_signed(&["range"])
        .clone();
    let url = presigned(&[]);
    assert!(verify(&strict, &url, &[]).is_ok());
    assert!(verify(&strict, &url, &[("range", "bytes=0-")]).is_err());
    let scope = Scope::new("us-east-1", "s3").unwrap();
    assert!(format!("{strict:?}").contains(scope.region()) && format!("{strict:?}").contains("60"));
}
