//! The form of a body that is signed: announced where only a header can tell it, and refused where
//! it can never be verified.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, Error, ErrorKind, Payload, Request, Scope, Signer, Timestamp, Ttl,
    chunked::Streaming, verify::Verifier,
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

/// The body in pieces, named by the payload or by the header that the payload refers to.
fn in_pieces(form: &Streaming) -> [Request<'static>; 2] {
    let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key").unwrap();
    let announced = request.clone().payload(Payload::Declared);
    [
        request.payload(Payload::Streaming(*form)),
        announced
            .header("X-Amz-Content-SHA256", form.as_str())
            .unwrap(),
    ]
}

#[test]
fn every_way_to_sign_refuses_pieces_of_another_algorithm() {
    for service in ["s3", "transcribe"] {
        let signer = Signer::new(Scope::new("us-east-1", service).unwrap());
        for form in FORMS {
            let is_v4a = matches!(form, Streaming::SignedV4a | Streaming::SignedTrailerV4a);
            let answer = if is_v4a {
                Err(ErrorKind::Payload)
            } else {
                Ok(())
            };
            let is_expected = |signed: Result<(), Error>, answer| {
                assert_eq!(signed.map_err(|error| error.kind()), answer, "{form:?}");
            };
            for request in in_pieces(&form) {
                let (keys, at) = (credentials(), now());
                is_expected(signer.sign(&request, &keys, at).map(drop), answer);
                is_expected(signer.explain(&request, &keys, at).map(drop), answer);
            }
            // A header can announce what a URL cannot.
            let [_, announced] = in_pieces(&form);
            let (keys, at) = (credentials(), now());
            let presigned = signer.presign(&announced, &keys, at, Ttl::MAX);
            is_expected(presigned.map(drop), answer);
            let explained = signer.explain_presign(&announced, &keys, at, Ttl::MAX);
            is_expected(explained.map(drop), answer);
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
        let [_, announced] = in_pieces(&form);
        let signature = signer.sign(&announced, &credentials(), now());
        assert_eq!(signature.is_ok(), is_right, "{form:?}");
        let presigned = signer.presign(&announced, &credentials(), now(), Ttl::MAX);
        assert_eq!(presigned.is_ok(), is_right, "{form:?}");
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
        assert_eq!(request.uri().host(), Some("EXAMPLEbucket.s3.amazonaws.com"));

        let announced = http::HeaderValue::from_static(form.as_str());
        request
            .headers_mut()
            .insert("x-amz-content-sha256", announced);
        let error = signer.sign_http(&mut request, Payload::Declared, &credentials(), now());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Payload);
        assert_eq!(request.headers().len(), 1);
        assert_eq!(request.uri().host(), Some("EXAMPLEbucket.s3.amazonaws.com"));
    }
}

/// `awslabs/aws-sigv4-proxy#116`: without the header, VPC Lattice cannot know that the body is not
/// signed.
#[test]
fn a_body_that_only_a_header_can_announce_is_announced_under_any_rules() {
    for service in ["vpc-lattice-svcs", "transcribe", "ebs", "execute-api", "s3"] {
        let signer = Signer::new(Scope::new("us-east-1", service).unwrap());
        for (payload, name) in [
            (Payload::Unsigned, "UNSIGNED-PAYLOAD"),
            (
                Payload::Streaming(Streaming::Events),
                "STREAMING-AWS4-HMAC-SHA256-EVENTS",
            ),
        ] {
            let request = Request::new("POST", "https://example.com/")
                .unwrap()
                .payload(payload);
            let signature = signer.sign(&request, &credentials(), now()).unwrap();
            let announced = ("x-amz-content-sha256", name);
            assert!(signature.headers().any(|header| header == announced));
            assert!(signature.authorization().contains("x-amz-content-sha256"));
        }
    }
    let request = Request::new("PUT", "https://example.com/")
        .unwrap()
        .payload(Payload::Unsigned);
    let signer = Signer::new(Scope::new("us-east-1", "execute-api").unwrap());
    let url = signer.presign(&request, &credentials(), now(), Ttl::MAX);
    assert_eq!(url.unwrap().signed_headers(), "host;x-amz-content-sha256");
}

#[test]
fn a_presigned_url_signs_the_header_that_declares_its_body_unsigned() {
    let request = Request::new("PUT", "https://example.com/")
        .unwrap()
        .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .unwrap()
        .payload(Payload::Declared);
    let scope = Scope::new("us-east-1", "execute-api").unwrap();
    let url = Signer::new(scope.clone()).presign(&request, &credentials(), now(), Ttl::MAX);
    let url = url.unwrap();
    assert_eq!(url.signed_headers(), "host;x-amz-content-sha256");
    let received = Request::new("PUT", url.as_str())
        .unwrap()
        .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .unwrap()
        .payload(Payload::Bytes(b"any"));
    let verified = Verifier::new(scope).verify(&received, now(), |_| Some(credentials()));
    assert!(verified.is_ok());
}

/// `usebruno/bruno#8149`: OpenSearch Serverless refused requests without the header.
#[test]
fn the_service_decides_the_rules() {
    let signed = |service: &str| {
        let signer = Signer::new(Scope::new("us-east-1", service).unwrap());
        let request = Request::new("GET", "https://example.com/a%20b").unwrap();
        let steps = signer.explain(&request, &credentials(), now()).unwrap();
        let path = steps.canonical_request().lines().nth(1).unwrap().to_owned();
        (
            path,
            steps.signed_headers().contains("x-amz-content-sha256"),
        )
    };
    for (service, path, sends_hash) in [
        ("s3", "/a%20b", true),
        ("s3express", "/a%20b", true),
        ("s3-outposts", "/a%20b", true),
        ("s3-object-lambda", "/a%20b", true),
        ("aoss", "/a%2520b", true),
        ("glacier", "/a%2520b", true),
        ("vpc-lattice-svcs", "/a%2520b", true),
        ("es", "/a%2520b", false),
        ("execute-api", "/a%2520b", false),
    ] {
        assert_eq!(signed(service), (path.to_owned(), sends_hash), "{service}");
    }
}
