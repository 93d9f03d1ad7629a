//! Requests of the crate `http` whose bodies are encoded while they are sent.
#![cfg(feature = "http-body")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says where"
)]

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use keyfob_sigv4::{
    Credentials, Payload, Request, Scope, Signer, SigningKey, Timestamp,
    chunked::{Checksum, Chunked},
    verify::Verifier,
};

/// A body that comes in one piece.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
    }
}

fn keys() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        .unwrap()
        .with_session_token("token")
        .unwrap()
}

fn at() -> Timestamp {
    "20260101T000000Z".parse().unwrap()
}

fn request(body: &'static [u8]) -> http::Request<Whole> {
    http::Request::put("https://b.s3.eu-west-1.amazonaws.com/a%20key")
        .header("content-encoding", "gzip")
        .header("content-length", "1")
        .body(Whole(Some(Bytes::from_static(body))))
        .unwrap()
}

fn collect<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Vec<u8>
where
    B::Error: std::fmt::Debug,
{
    let mut data = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut context) {
        data.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    data
}

/// Receives the request as a server does, and returns the decoded body.
fn receive<B: Body<Data = Bytes> + Unpin>(request: http::Request<B>, verifier: &Verifier) -> Vec<u8>
where
    B::Error: std::fmt::Debug,
{
    let (parts, body) = request.into_parts();
    assert_eq!(parts.headers["content-encoding"], "aws-chunked,gzip");
    let body = collect(body);
    assert_eq!(parts.headers["content-length"], body.len().to_string());
    let received = Request::from_http(&parts)
        .unwrap()
        .payload(Payload::Declared);
    let verified = verifier.verify(&received, at(), |_| Some(keys())).unwrap();
    let mut decoder = verifier
        .chunk_decoder(&verified, &received)
        .unwrap()
        .unwrap();
    let mut decoded = Vec::new();
    decoder.feed(&body, &mut decoded).unwrap();
    decoder.finish().unwrap();
    decoded
}

#[test]
fn a_request_is_signed_encoded_and_received() {
    let body: &[u8] = &[b'x'; 100_000];
    let length = body.len() as u64;
    for plan in [
        Chunked::signed(length),
        Chunked::signed(length).checksum(Checksum::Crc32c),
        Chunked::unsigned(length).checksum(Checksum::Crc64Nvme),
    ] {
        let signer = Signer::s3("eu-west-1").unwrap();
        let signed = signer
            .sign_http_chunked(request(body), &plan, &keys(), at())
            .unwrap();
        let authorization = signed.headers()["authorization"].to_str().unwrap();
        assert!(
            !authorization.contains(";content-length;"),
            "{authorization}"
        );
        assert!(
            receive(signed, &Verifier::s3("eu-west-1").unwrap()) == body,
            "{plan:?}"
        );
    }
}

#[test]
fn signing_a_signed_request_again_changes_nothing() {
    let signer = Signer::s3("eu-west-1").unwrap();
    let plan = Chunked::signed(3);
    let once = signer
        .sign_http_chunked(request(b"abc"), &plan, &keys(), at())
        .unwrap();
    let headers = once.headers().clone();
    let signed = once.map(|_| Whole(Some(Bytes::from_static(b"abc"))));
    let again = signer
        .sign_http_chunked(signed, &plan, &keys(), at())
        .unwrap();
    assert_eq!(*again.headers(), headers);
}

#[test]
fn the_encodings_of_the_object_follow_aws_chunked_however_they_were_written() {
    let signer = Signer::s3("eu-west-1").unwrap();
    let cases: [(&[&str], &str); 10] = [
        (&["aws-chunked", "gzip"], "aws-chunked,gzip"),
        (&["gzip", "br"], "aws-chunked,gzip,br"),
        (&["gzip,aws-chunked"], "aws-chunked,gzip"),
        (&["gzip, aws-chunked"], "aws-chunked,gzip"),
        (&["AWS-Chunked"], "aws-chunked"),
        (&["aws-chunked ,gzip"], "aws-chunked,gzip"),
        (&[" aws-chunked"], "aws-chunked"),
        (&[""], "aws-chunked"),
        (
            &["aws-chunked,AWS-CHUNKED", "", ",gzip,"],
            "aws-chunked,gzip",
        ),
        (&["deflate , gzip"], "aws-chunked,deflate,gzip"),
    ];
    for (given, sent) in cases {
        let mut upload = request(b"abc");
        upload.headers_mut().remove("content-encoding");
        for value in given {
            let value = value.parse().unwrap();
            upload.headers_mut().append("content-encoding", value);
        }
        let signed = signer
            .sign_http_chunked(upload, &Chunked::signed(3), &keys(), at())
            .unwrap();
        let sent_values: Vec<_> = signed
            .headers()
            .get_all("content-encoding")
            .iter()
            .collect();
        assert_eq!(sent_values, [sent], "{given:?}");
        let (parts, _) = signed.into_parts();
        let received = Request::from_http(&parts).unwrap();
        let stored = keyfob_sigv4::chunked::stored_encoding(&received).unwrap_or_default();
        assert_eq!(format!("aws-chunked,{stored}").trim_end_matches(','), sent);
    }
}

#[test]
#[cfg(feature = "v4a")]
fn a_request_for_a_set_of_regions_is_signed_encoded_and_received() {
    use keyfob_sigv4::v4a;
    let signer = v4a::Signer::s3(v4a::RegionSet::ALL);
    let plan = Chunked::signed_v4a(100).checksum(Checksum::Sha256);
    let signed = signer
        .sign_http_chunked(request(&[1; 100]), &plan, &keys(), at())
        .unwrap();
    assert_eq!(signed.headers()["x-amz-region-set"], "*");
    let verifier = Verifier::s3("eu-west-1").unwrap().accept_v4a();
    assert_eq!(receive(signed, &verifier), [1; 100]);
    let wrong = signer.sign_http_chunked(request(b""), &Chunked::signed(0), &keys(), at());
    assert!(wrong.is_err());
}

#[test]
fn the_encodings_of_the_request_and_of_the_plan_are_all_sent() {
    let signer = Signer::s3("eu-west-1").unwrap();
    let plan = Chunked::unsigned(5).content_encoding("gzip").unwrap();
    for (given, expected) in [
        (None, "aws-chunked,gzip"),
        (Some("br"), "aws-chunked,br,gzip"),
        (Some("gzip"), "aws-chunked,gzip"),
        (Some("aws-chunked, br, GZIP"), "aws-chunked,br,GZIP"),
    ] {
        let mut upload = request(b"hello");
        upload.headers_mut().remove("content-encoding");
        if let Some(given) = given {
            let given = given.parse().unwrap();
            upload.headers_mut().insert("content-encoding", given);
        }
        let signed = signer
            .sign_http_chunked(upload, &plan, &keys(), at())
            .unwrap();
        assert_eq!(signed.headers()["content-encoding"], expected);
    }
}

#[test]
fn a_plain_body_has_no_decoder_and_one_of_another_algorithm_is_refused() {
    let signer = Signer::s3("eu-west-1").unwrap();
    for (announced, expected) in [
        ("UNSIGNED-PAYLOAD", Some(false)),
        ("STREAMING-AWS4-HMAC-SHA256-EVENTS", Some(false)),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", Some(true)),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", None),
        ("STREAMING-SOMETHING-ELSE", None),
    ] {
        let mut signed = request(b"");
        let headers = signed.headers_mut();
        headers.insert("x-amz-decoded-content-length", "0".parse().unwrap());
        signer
            .sign_http(&mut signed, Payload::Unsigned, &keys(), at())
            .unwrap();
        let value = announced.parse().unwrap();
        signed.headers_mut().insert("x-amz-content-sha256", value);
        let (mut parts, _) = signed.into_parts();
        sign_as_verified(&mut parts);
        assert_eq!(has_decoder(&parts), expected, "{announced}");
    }
}

/// Signs what the verifier would sign, though a signer refuses the combination.
fn sign_as_verified(parts: &mut http::request::Parts) {
    let verifier = Verifier::s3("eu-west-1").unwrap();
    let received = Request::from_http(parts).unwrap();
    let Ok(steps) = verifier.explain(&received.payload(Payload::Declared)) else {
        return;
    };
    let scope = Scope::new("eu-west-1", "s3").unwrap();
    let key = SigningKey::derive(&keys(), &scope, at());
    let signature = key.sign(steps.string_to_sign().as_bytes());
    let authorization = parts.headers["authorization"].to_str().unwrap();
    let authorization = authorization.replace(steps.signature(), &signature);
    let authorization = authorization.parse().unwrap();
    parts.headers.insert("authorization", authorization);
}

/// Returns whether the body has a decoder; `None` if the request is refused.
fn has_decoder(parts: &http::request::Parts) -> Option<bool> {
    let verifier = Verifier::s3("eu-west-1").unwrap();
    let received = Request::from_http(parts).unwrap();
    let received = received.payload(Payload::Declared);
    let verified = verifier.verify(&received, at(), |_| Some(keys())).ok()?;
    let decoder = verifier.chunk_decoder(&verified, &received);
    decoder.ok().map(|decoder| decoder.is_some())
}
