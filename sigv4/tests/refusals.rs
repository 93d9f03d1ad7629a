//! The details that S3 names in a refusal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, Payload, Request, Signer, Timestamp, Ttl,
    verify::{Error, ErrorKind, Verifier},
};

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn now() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

const URL: &str = "https://b.s3.amazonaws.com/key";

fn presigned(seconds: u64) -> String {
    let request = Request::new("PUT", URL).unwrap();
    let ttl = Ttl::from_secs(seconds).unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    signer
        .presign(&request, &credentials(), now(), ttl)
        .unwrap()
        .into_string()
}

fn refuse(request: &Request<'_>, later: i64) -> Error {
    let verifier = Verifier::s3("us-east-1").unwrap();
    let lookup = |id: &str| (id == "AKIDEXAMPLE").then(credentials);
    verifier
        .verify(request, now().plus_seconds(later), lookup)
        .unwrap_err()
}

/// Returns the answer to a request with these headers, signed for the body `hello` by header.
fn refuse_headers(change: impl Fn(&mut Vec<(String, String)>), later: i64) -> Error {
    let request = Request::new("PUT", URL).unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let session = credentials();
    let signature = signer
        .sign(&request.payload(Payload::Bytes(b"hello")), &session, now())
        .unwrap();
    let mut headers = vec![("host".to_owned(), "b.s3.amazonaws.com".to_owned())];
    let made = signature.headers();
    headers.extend(made.map(|(name, value)| (name.to_owned(), value.to_owned())));
    change(&mut headers);
    let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
    let request = Request::from_wire("PUT", "/key", &headers).unwrap();
    refuse(&request.payload(Payload::Bytes(b"hello")), later)
}

fn elements(error: &Error) -> String {
    let body = error.body("ID");
    let (_, details) = body.split_once("</Message>").unwrap();
    details.replace("<RequestId>ID</RequestId></Error>", "")
}

#[test]
fn the_headers_that_were_not_signed_are_named() {
    let url = presigned(60);
    let headers = [
        ("X-Amz-Meta-B", "1"),
        ("accept", "*/*"),
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-b", "2"),
    ];
    let request = Request::new("PUT", &url)
        .unwrap()
        .headers(&headers)
        .unwrap();
    let error = refuse(&request, 0);
    assert_eq!((error.status(), error.code()), (403, "AccessDenied"));
    let message = "There were headers present in the request which were not signed";
    assert_eq!(error.to_string(), message);
    let names = "x-amz-meta-b, x-amz-acl";
    assert_eq!(
        elements(&error),
        format!("<HeadersNotSigned>{names}</HeadersNotSigned>")
    );
    assert_eq!(error.unsigned_headers(), Some(names));

    for list in ["content-type%253Bhost", "content-type%3Bx-amz-date", ""] {
        let url = url.replace("SignedHeaders=host", &format!("SignedHeaders={list}"));
        let request = Request::new("PUT", &url).unwrap();
        let error = refuse(&request, 0);
        assert_eq!(error.kind(), ErrorKind::HostUnsigned);
        assert_eq!(
            elements(&error),
            "<HeadersNotSigned>host</HeadersNotSigned>"
        );
    }
}

#[test]
fn a_content_md5_that_was_not_signed_is_refused_by_s3_alone() {
    let url = presigned(60);
    let request = Request::new("PUT", &url).unwrap();
    let request = request
        .header("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")
        .unwrap();
    let error = refuse(&request, 0);
    assert_eq!(error.unsigned_headers(), Some("content-md5"));
}

#[test]
fn a_skewed_time_is_answered_with_both_times_and_the_limit() {
    let details = "<RequestTime>20150830T123600Z</RequestTime>\
        <ServerTime>2015-08-30T12:51:01Z</ServerTime>\
        <MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>";
    let error = refuse_headers(|_| (), 901);
    assert_eq!(error.code(), "RequestTimeTooSkewed");
    assert_eq!(elements(&error), details);
    let early = refuse_headers(|_| (), -901);
    assert!(elements(&early).contains("<ServerTime>2015-08-30T12:20:59Z</ServerTime>"));
}

#[test]
fn an_expired_url_is_answered_with_its_end_and_the_time() {
    let url = presigned(60);
    let error = refuse(&Request::new("PUT", &url).unwrap(), 61);
    assert_eq!(
        (error.code(), &*error.to_string()),
        ("AccessDenied", "Request has expired")
    );
    assert_eq!(
        elements(&error),
        "<X-Amz-Expires>60</X-Amz-Expires><Expires>2015-08-30T12:37:00Z</Expires>\
         <ServerTime>2015-08-30T12:37:01Z</ServerTime>"
    );
}

#[test]
fn a_signature_that_does_not_match_is_answered_with_every_step() {
    let error = refuse_headers(|headers| headers[0].1.push('x'), 0);
    let steps = error.explanation().unwrap();
    assert!(
        steps
            .canonical_request()
            .contains("\nhost:b.s3.amazonaws.comx\n")
    );
    let expected = format!(
        "<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><StringToSign>{}</StringToSign>\
         <SignatureProvided>{}</SignatureProvided><CanonicalRequest>{}</CanonicalRequest>",
        steps.string_to_sign(),
        steps.signature(),
        steps.canonical_request()
    );
    assert_eq!(elements(&error), expected);
}

#[test]
fn debug_of_a_refusal_shows_nothing_that_the_client_sent_in_secret() {
    let session = credentials().with_session_token("canary-token").unwrap();
    let request = Request::new("PUT", URL).unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let signature = signer.sign(&request, &session, now()).unwrap();
    let mut headers: Vec<_> = signature.headers().collect();
    headers.push(("host", "b.s3.amazonaws.com"));
    let request = Request::from_wire("GET", "/key", &headers).unwrap();
    let verifier = Verifier::s3("us-east-1").unwrap();
    let error = verifier
        .verify(&request, now(), |_| Some(session.clone()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.body("ID").contains("canary-token"));
    assert!(!format!("{error:?} {error}").contains("canary"));
}

#[test]
fn hashes_that_differ_and_values_that_are_no_hash_are_named() {
    let lie = "0".repeat(64);
    let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let set = |value: &str| {
        let value = value.to_owned();
        move |headers: &mut Vec<(String, String)>| {
            for (name, old) in headers {
                if name == "x-amz-content-sha256" {
                    old.clone_from(&value);
                }
            }
        }
    };
    let error = refuse_headers(set(&lie), 0);
    assert_eq!(error.code(), "XAmzContentSHA256Mismatch");
    assert_eq!(
        elements(&error),
        format!(
            "<ClientComputedContentSHA256>{lie}</ClientComputedContentSHA256>\
             <S3ComputedContentSHA256>{hello}</S3ComputedContentSHA256>"
        )
    );
    let error = refuse_headers(set("a<b"), 0);
    assert_eq!(
        elements(&error),
        "<ArgumentName>x-amz-content-sha256</ArgumentName><ArgumentValue>a&lt;b</ArgumentValue>"
    );
}

#[test]
fn an_unknown_key_is_named() {
    let rename = |headers: &mut Vec<(String, String)>| {
        for (_, value) in headers {
            *value = value.replace("AKIDEXAMPLE", "AKIDOTHER");
        }
    };
    let error = refuse_headers(rename, 0);
    assert_eq!(error.code(), "InvalidAccessKeyId");
    assert_eq!(
        elements(&error),
        "<AWSAccessKeyId>AKIDOTHER</AWSAccessKeyId>"
    );
}

#[test]
fn other_mechanisms_are_answered_as_s3_answers_them() {
    let text = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    let expected = (400, "InvalidRequest", text.to_owned());
    let answer = |error: Error| (error.status(), error.code(), error.to_string());
    for authorization in [
        "AWS AKIDEXAMPLE:c2lnbmF0dXJl",
        "Bearer canary",
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA512 Credential=A/20150830/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
        "",
    ] {
        let set = |headers: &mut Vec<(String, String)>| {
            headers.retain(|(name, _)| name != "authorization");
            headers.push(("authorization".into(), authorization.into()));
        };
        assert_eq!(answer(refuse_headers(set, 0)), expected, "{authorization}");
    }
    let headers = [("host", "b.s3.amazonaws.com")];
    let target = "/key?AWSAccessKeyId=AKIDEXAMPLE&Expires=1440938160&Signature=c2ln";
    let request = Request::from_wire("GET", target, &headers).unwrap();
    assert_eq!(answer(refuse(&request, 0)), expected);
    let request = Request::from_wire("GET", "/key?Signature=c2ln", &headers).unwrap();
    assert_eq!(refuse(&request, 0).kind(), ErrorKind::NoSignature);
}

#[test]
fn two_signatures_are_an_invalid_argument() {
    let url = presigned(60);
    let v2 = format!("{URL}?AWSAccessKeyId=A&Expires=1&Signature=s");
    for url in [url, v2] {
        let request = Request::new("PUT", &url).unwrap();
        let error = refuse(
            &request
                .header("authorization", "AWS4-HMAC-SHA256 x")
                .unwrap(),
            0,
        );
        assert_eq!(error.kind(), ErrorKind::TwoSignatures);
        assert_eq!((error.status(), error.code()), (400, "InvalidArgument"));
    }
}
