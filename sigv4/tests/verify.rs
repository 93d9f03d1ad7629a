//! What the signer makes, the verifier accepts; what was changed, it refuses in AWS's words.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, Payload, Request, Scope, Signer, Timestamp, Ttl,
    verify::{ErrorKind, Verified, Verifier},
};

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("20150830T123600Z")
}

fn sts() -> Scope {
    Scope::new("us-east-1", "sts").unwrap()
}

const BODY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

/// Headers of a signed POST to STS, as a server receives them.
fn signed(credentials: &Credentials) -> Vec<(String, String)> {
    let request = Request::new("POST", "https://sts.us-east-1.amazonaws.com/")
        .unwrap()
        .header("content-type", "application/x-www-form-urlencoded")
        .unwrap()
        .payload(Payload::Bytes(BODY));
    let signature = Signer::new(sts()).sign(&request, credentials, now());
    let mut headers = vec![
        ("Host".into(), "sts.us-east-1.amazonaws.com".into()),
        (
            "Content-Type".into(),
            "application/x-www-form-urlencoded".into(),
        ),
    ];
    headers.extend(
        signature
            .headers()
            .map(|(name, value)| (name.into(), value.into())),
    );
    headers
}

fn verify(
    headers: &[(String, String)],
    body: &[u8],
    now: Timestamp,
) -> Result<Verified, keyfob_sigv4::verify::Error> {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let request = Request::from_wire("POST", "/", &headers)
        .unwrap()
        .payload(Payload::Bytes(body));
    Verifier::new(sts()).verify(&request, now, |id| (id == "AKIDEXAMPLE").then(credentials))
}

#[test]
fn a_right_signature_names_its_signer() {
    let verified = verify(&signed(&credentials()), BODY, now()).unwrap();
    assert_eq!(verified.access_key_id(), "AKIDEXAMPLE");
    assert_eq!(verified.signed_at(), now());
    assert!(!verified.is_presigned() && verified.expiry().is_none());
}

#[test]
fn refusals_have_the_codes_and_messages_of_sts() {
    let refused = |headers: &[(String, String)], body, now| verify(headers, body, now).unwrap_err();
    let right = signed(&credentials());
    let without = |name: &str| -> Vec<_> {
        right
            .iter()
            .filter(|(other, _)| other != name)
            .cloned()
            .collect()
    };

    let error = refused(&without("authorization"), BODY, now());
    assert_eq!(
        (error.code(), error.status()),
        ("MissingAuthenticationToken", 403)
    );
    assert_eq!(error.to_string(), "Request is missing Authentication Token");

    let error = refused(&without("x-amz-date"), BODY, now());
    assert_eq!((error.code(), error.status()), ("IncompleteSignature", 400));

    let error = refused(&right, b"Action=AssumeRole", now());
    assert_eq!(
        (error.code(), error.status()),
        ("SignatureDoesNotMatch", 403)
    );
    assert!(
        error
            .to_string()
            .starts_with("The request signature we calculated does not match")
    );

    let error = refused(&right, BODY, now().plus_seconds(901));
    assert_eq!(error.code(), "SignatureDoesNotMatch");
    assert_eq!(
        error.to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"
    );
    assert_eq!(
        refused(&right, BODY, now().plus_seconds(-901)).kind(),
        ErrorKind::Skew
    );
    assert!(verify(&right, BODY, now().plus_seconds(900)).is_ok());
    assert!(verify(&right, BODY, now().plus_seconds(-900)).is_ok());

    let other = Credentials::new("AKIDOTHER", "secret").unwrap();
    let error = refused(&signed(&other), BODY, now());
    assert_eq!(
        (error.code(), error.status()),
        ("InvalidClientTokenId", 403)
    );
    assert_eq!(
        error.to_string(),
        "The security token included in the request is invalid."
    );

    let with_token = credentials().with_session_token("token").unwrap();
    assert_eq!(
        refused(&signed(&with_token), BODY, now()).kind(),
        ErrorKind::Token
    );

    let mut added = right.clone();
    added.push(("X-Amz-Target".into(), "Other".into()));
    assert_eq!(
        refused(&added, BODY, now()).kind(),
        ErrorKind::HeaderUnsigned
    );
}

#[test]
fn sessions_need_their_token_and_end() {
    let session = credentials().with_session_token("token").unwrap();
    let ended = session.clone().with_expiry(now());
    let headers = signed(&session);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let request = Request::from_wire("POST", "/", &headers)
        .unwrap()
        .payload(Payload::Bytes(BODY));
    let verifier = Verifier::new(sts());
    assert!(
        verifier
            .verify(&request, now(), |_| Some(session.clone()))
            .is_ok()
    );
    let error = verifier
        .verify(&request, now(), |_| Some(ended.clone()))
        .unwrap_err();
    assert_eq!((error.code(), error.status()), ("ExpiredToken", 403));
    let error = verifier
        .verify(&request, now(), |_| Some(credentials()))
        .unwrap_err();
    assert_eq!(error.code(), "InvalidClientTokenId");
}

#[test]
fn a_presigned_url_works_until_it_ends() {
    let signer = Signer::s3("us-east-1").unwrap();
    let url = "https://examplebucket.s3.amazonaws.com/a%20b//c?versionId=1";
    let request = Request::new("GET", url).unwrap();
    let presigned = signer.presign(&request, &credentials(), now(), Ttl::from_secs(60).unwrap());
    assert_eq!(presigned.expiry(), Some(now().plus_seconds(60)));
    assert_eq!(presigned.signed_headers(), "host");
    let verifier = Verifier::s3("us-east-1").unwrap();
    let verify = |url: &str, seconds| {
        let request = Request::new("GET", url).unwrap();
        verifier.verify(&request, now().plus_seconds(seconds), |_| {
            Some(credentials())
        })
    };
    assert!(verify(presigned.as_str(), 60).unwrap().is_presigned());
    let error = verify(presigned.as_str(), 61).unwrap_err();
    assert_eq!((error.code(), error.status()), ("AccessDenied", 403));
    assert_eq!(error.to_string(), "Request has expired");
    let longer = presigned
        .as_str()
        .replace("X-Amz-Expires=60", "X-Amz-Expires=600");
    assert_eq!(
        verify(&longer, 61).unwrap_err().code(),
        "SignatureDoesNotMatch"
    );
    let week = presigned
        .as_str()
        .replace("X-Amz-Expires=60", "X-Amz-Expires=604801");
    assert_eq!(
        verify(&week, 61).unwrap_err().code(),
        "AuthorizationQueryParametersError"
    );
    assert_eq!(verify(url, 0).unwrap_err().code(), "AccessDenied");
}

#[test]
fn another_secret_of_the_same_key_id_is_another_key() {
    let signer = Signer::new(sts());
    let request = Request::new("GET", "https://sts.us-east-1.amazonaws.com/").unwrap();
    let one = Credentials::new("AKID", "one").unwrap();
    let two = Credentials::new("AKID", "two").unwrap();
    let sign = |credentials| {
        signer
            .sign(&request, credentials, now())
            .signature()
            .to_owned()
    };
    let (first, second) = (sign(&one), sign(&two));
    assert_ne!(first, second);
    assert_eq!(first, sign(&Credentials::new("AKID", "one").unwrap()));
    assert_eq!(
        second,
        Signer::new(sts()).sign(&request, &two, now()).signature()
    );
}

#[test]
fn refusals_have_the_codes_of_s3() {
    let signer = Signer::s3("us-east-1").unwrap();
    let verifier = Verifier::s3("us-east-1").unwrap();
    let url = "https://examplebucket.s3.amazonaws.com/key";
    let request = Request::new("PUT", url)
        .unwrap()
        .payload(Payload::Bytes(b"body"));
    let signature = signer.sign(&request, &credentials(), now());
    let mut received = vec![("host", "examplebucket.s3.amazonaws.com")];
    received.extend(signature.headers());
    let verify = |headers: &[(&str, &str)], payload, verifier: &Verifier, now| {
        let request = Request::from_wire("PUT", "/key", headers)
            .unwrap()
            .payload(payload);
        let verified = verifier.verify(&request, now, |_| Some(credentials()));
        verified.map_err(|error| (error.status(), error.code()))
    };
    let body = Payload::Bytes(b"body");
    let declared = verify(&received, Payload::Declared, &verifier, now()).unwrap();
    assert_eq!(declared.content_sha256().unwrap()[..2], [0x23, 0x0d]);
    assert!(verify(&received, body, &verifier, now()).is_ok());
    assert_eq!(
        verify(&received, Payload::Bytes(b"other"), &verifier, now()).unwrap_err(),
        (400, "XAmzContentSHA256Mismatch")
    );
    assert_eq!(
        verify(&received, body, &verifier, now().plus_seconds(901)).unwrap_err(),
        (403, "RequestTimeTooSkewed")
    );
    let strict = Verifier::s3("us-east-1").unwrap().skew_seconds(60);
    assert!(verify(&received, body, &strict, now().plus_seconds(61)).is_err());
    let elsewhere = Verifier::s3("eu-west-1").unwrap();
    assert_eq!(
        verify(&received, body, &elsewhere, now()).unwrap_err(),
        (400, "AuthorizationHeaderMalformed")
    );
    received.push(("x-amz-acl", "public-read"));
    assert_eq!(
        verify(&received, body, &verifier, now()).unwrap_err(),
        (403, "AccessDenied")
    );
}

#[test]
fn a_server_may_take_shorter_urls_only() {
    let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key").unwrap();
    let ttl = Ttl::from_secs(3600).unwrap();
    let presigned = Signer::s3("us-east-1")
        .unwrap()
        .presign(&request, &credentials(), now(), ttl);
    let request = Request::new("GET", presigned.as_str()).unwrap();
    let verify = |longest| {
        let verifier = Verifier::s3("us-east-1")
            .unwrap()
            .longest(Ttl::from_secs(longest).unwrap());
        verifier.verify(&request, now(), |_| Some(credentials()))
    };
    assert!(verify(3600).is_ok());
    assert_eq!(
        verify(3599).unwrap_err().code(),
        "AuthorizationQueryParametersError"
    );
}
