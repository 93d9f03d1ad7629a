//! Signed event streams.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    ErrorKind, Scope, Secret, Timestamp,
    event_stream::{EventSigner, EventVerifier, HeaderValue, Message},
};

const OPENING: &str = "be1f8c7d79ef8e1abc5254a2c70e4da3bfaf4f07328f527444e1fc6ea67273e2";

fn scope() -> Scope {
    Scope::new("us-east-1", "testservice").unwrap()
}

fn signer() -> EventSigner {
    EventSigner::new(scope(), &Secret::new("fake secret key"), OPENING).unwrap()
}

fn verifier() -> EventVerifier {
    EventVerifier::new(scope(), &Secret::new("fake secret key"), OPENING).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn read(frame: &[u8]) -> Message {
    let (message, length) = Message::decode(frame).unwrap().unwrap();
    assert_eq!(length, frame.len());
    message
}

fn inner() -> Vec<u8> {
    Message::new(*b"test payload")
        .unwrap()
        .header("some-header", HeaderValue::String("value".into()))
        .unwrap()
        .encode()
}

#[test]
fn a_known_message_is_signed_byte_for_byte() {
    let frame = signer()
        .sign(&inner(), at("1973-11-29T21:33:09.001234Z"))
        .unwrap();
    let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "00000083000000437cb10501053a64617465080000001cbe991a08103a6368756e6b2d7369676e61747572650600201ea04a4f6becd85ae3e38e379ffaf4bb95042603f209512476cc6416868b31ee0000003000000014ded9b3920b736f6d652d68656164657207000576616c756574657374207061796c6f61643e89b924c913cb4c"
    );
}

#[test]
fn a_stream_verifies_across_midnight_to_its_end() {
    let (mut signer, mut verifier) = (signer(), verifier());
    for (payload, time) in [
        (inner(), "2025-12-31T23:59:59.999Z"),
        (inner(), "2026-01-01T00:00:00Z"),
        (Vec::new(), "2026-01-01T00:00:01Z"),
    ] {
        let explained = signer.string_to_sign(&payload, at(time));
        let day = at(time).amz_date().date().to_owned();
        assert!(explained.contains(&format!("\n{day}/us-east-1/testservice/aws4_request\n")));
        let message = read(&signer.sign(&payload, at(time)).unwrap());
        let (signed_at, read) = verifier.verify(&message).unwrap();
        assert_eq!(signed_at.unix_seconds(), at(time).unix_seconds());
        assert_eq!(read, payload);
    }
}

#[test]
fn a_changed_or_reordered_message_does_not_verify() {
    let mut signer = signer();
    let frames: Vec<_> = ["one", "two"]
        .map(|text| {
            signer
                .sign(text.as_bytes(), at("2026-01-01T00:00:00Z"))
                .unwrap()
        })
        .into();
    let error = verifier().verify(&read(&frames[1])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignatureMismatch);
    let mut verifier = verifier();
    verifier.verify(&read(&frames[0])).unwrap();
    let replay = verifier.verify(&read(&frames[0])).unwrap_err();
    assert_eq!(replay.kind(), ErrorKind::SignatureMismatch);
}

#[test]
fn an_envelope_has_only_a_signature_and_a_date() {
    let date = |millis| (":date", HeaderValue::Timestamp(millis));
    let signature = |length| (":chunk-signature", HeaderValue::Bytes(vec![0; length]));
    for headers in [
        vec![],
        vec![date(0)],
        vec![signature(32)],
        vec![date(0), signature(31)],
        vec![date(i64::MAX), signature(32)],
        vec![(":date", HeaderValue::Int64(0)), signature(32)],
        vec![date(0), signature(32), ("more", HeaderValue::Bool(true))],
    ] {
        let message = headers
            .into_iter()
            .fold(Message::new(*b"").unwrap(), |message, (name, value)| {
                message.header(name, value).unwrap()
            });
        let error = verifier().verify(&message).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EventHeader, "{message:?}");
    }
}

/// As the SDK for JavaScript writes it.
#[test]
fn a_date_with_milliseconds_is_covered_by_the_signature() {
    let at = Timestamp::from_unix_millis(1_767_225_600_250);
    let message = |millis, signature: [u8; 32]| {
        let message = Message::new(*b"hello").unwrap();
        let message = message.header(":date", HeaderValue::Timestamp(millis));
        let signature = HeaderValue::Bytes(signature.into());
        message
            .unwrap()
            .header(":chunk-signature", signature)
            .unwrap()
    };
    let mut headers = b"\x05:date\x08".to_vec();
    headers.extend(at.unix_millis().to_be_bytes());
    let signature = signer().signature(&headers, b"hello", at);
    let signed = message(at.unix_millis(), signature);
    assert_eq!(verifier().verify(&signed), Ok((at, &b"hello"[..])));
    for millis in [at.unix_millis() - 250, at.unix_millis() + 1] {
        let changed = message(millis, signature);
        let error = verifier().verify(&changed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SignatureMismatch);
    }
}

#[test]
fn the_opening_signature_is_hex_digits() {
    for wrong in ["", "AB", &"g".repeat(64), &"0".repeat(145)] {
        let error = EventSigner::new(scope(), &Secret::new("secret"), wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signature);
    }
    assert!(!format!("{:?} {:?}", signer(), verifier()).contains("fake"));
}

/// The vectors are from smithy-go, which does not write headers and frames itself.
#[test]
fn a_message_framed_elsewhere_can_be_signed() {
    let scope = Scope::new("us-east-1", "transcribestreaming").unwrap();
    let opening = "666f6f62617262617a717578";
    let mut signer = EventSigner::new(scope, &Secret::new("SECRET"), opening).unwrap();
    for (seconds, part, signature) in [
        (
            10,
            "foo",
            "e3a136405ec1152f62136742efd41f8639cd647a1cf21fab12aedb22cccd8999",
        ),
        (
            20,
            "bar",
            "92a6ad677e839d3003672cb2cefc71ef80d42e8cb300fefce0807e8398c74068",
        ),
        (
            30,
            "baz",
            "46d6660bd40f2ff5d6246a347895cabe7f4e89d9e1f4c6dad6dabdc801923be1",
        ),
        (
            30,
            "",
            "492bcb3e21de447c85f8a9bef6c0eb833e992e405b9b3584be84edaccc5aad18",
        ),
    ] {
        let at = Timestamp::from_unix_seconds(seconds);
        let made: String = signer
            .signature(part.as_bytes(), part.as_bytes(), at)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(made, signature, "{part}");
    }
}
