//! The form of a body that is signed: announced where only a header can tell it, and refused where
//! it can never be verified.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, ErrorKind, Payload, Request, Scope, Signer, Timestamp, Ttl, chunked::Streaming,
};

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn now() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

const FORMS: [Streaming; 6] = [
    Streaming::Signed,
    Streaming::SignedTrailer,
    Streaming::UnsignedTrailer,
    Streaming::SignedV4a,
    Streaming::SignedTrailerV4a,
    Streaming::Events,
];

#[test]
fn a_body_in_pieces_cannot_be_presigned() {
    for form in FORMS {
        let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")
            .unwrap()
            .payload(Payload::Streaming(form));
        for signer in [
            Signer::s3("us-east-1").unwrap(),
            Signer::new(Scope::new("us-east-1", "transcribe").unwrap()),
        ] {
            let presigned = signer.presign(&request, &credentials(), now(), Ttl::MAX);
            assert_eq!(presigned.unwrap_err().kind(), ErrorKind::Payload);
            let explained = signer.explain_presign(&request, &credentials(), now(), Ttl::MAX);
            assert_eq!(explained.unwrap_err().kind(), ErrorKind::Payload);
        }
    }
}

#[test]
#[cfg(feature = "v4a")]
fn pieces_are_signed_with_the_algorithm_of_the_request() {
    use keyfob_sigv4::v4a::{self, RegionSet};

    let signer = v4a::Signer::s3(RegionSet::ALL);
    for (form, is_right) in [
        (Streaming::Signed, false),
        (Streaming::SignedTrailer, false),
        (Streaming::Events, false),
        (Streaming::UnsignedTrailer, true),
        (Streaming::SignedV4a, true),
        (Streaming::SignedTrailerV4a, true),
    ] {
        let request = Request::new(
            "PUT",
            "https://a.mrap.accesspoint.s3-global.amazonaws.com/k",
        )
        .unwrap()
        .payload(Payload::Streaming(form));
        let signature = signer.sign(&request, &credentials(), now());
        assert_eq!(signature.is_ok(), is_right, "{form:?}");
        let explained = signer.explain(&request, &credentials(), now());
        assert_eq!(explained.is_ok(), is_right, "{form:?}");
        let presigned = signer.presign(&request, &credentials(), now(), Ttl::MAX);
        assert_eq!(presigned.unwrap_err().kind(), ErrorKind::Payload);
    }
}

#[test]
#[cfg(feature = "http")]
fn a_request_is_unchanged_if_its_pieces_have_another_algorithm() {
    let signer = Signer::s3("us-east-1").unwrap();
    for form in [Streaming::SignedV4a, Streaming::SignedTrailerV4a] {
        let mut request = http::Request::put("https://EXAMPLEbucket.s3.amazonaws.com/key")
            .body(())
            .unwrap();
        let payload = Payload::Streaming(form);
        let error = signer.sign_http(&mut request, payload, &credentials(), now());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Payload);
        assert!(request.headers().is_empty());
    }
}
