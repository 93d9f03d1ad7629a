//! The verifier accepts what the signer makes, and refuses changed requests as AWS words it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says where"
)]

use keyfob_sigv4::{
    Credentials, Payload, Request, Rules, Scope, Signer, Timestamp, TokenRule, Ttl,
    chunked::Streaming,
    verify::{self, Dialect, ErrorKind, Verified, Verifier},
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

/// Returns the headers of a signed POST to STS, as a server receives them.
fn signed(credentials: &Credentials) -> Vec<(String, String)> {
    let request = Request::new("POST", "https://sts.us-east-1.amazonaws.com/")
        .unwrap()
        .header("content-type", "application/x-www-form-urlencoded")
        .unwrap()
        .payload(Payload::Bytes(BODY));
    let signature = Signer::new(sts())
        .sign(&request, credentials, now())
        .unwrap();
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

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    let headers = headers.iter();
    headers.map(|(name, value)| (&**name, &**value)).collect()
}

fn verify(
    headers: &[(String, String)],
    body: &[u8],
    now: Timestamp,
) -> Result<Verified, verify::Error> {
    let headers = borrowed(headers);
    let request = Request::from_wire("POST", "/", &headers)
        .unwrap()
        .payload(Payload::Bytes(body));
    Verifier::new(sts()).verify(&request, now, |id| (id == "AKIDEXAMPLE").then(credentials))
}

#[test]
fn a_valid_signature_names_its_signer() {
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
fn clocks_may_differ_by_fifteen_minutes() {
    let right = signed(&credentials());
    let error = verify(&right, BODY, now().plus_seconds(901)).unwrap_err();
    assert_eq!(error.code(), "SignatureDoesNotMatch");
    assert_eq!(
        error.to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"
    );
    assert_eq!(
        verify(&right, BODY, now().plus_seconds(-901))
            .unwrap_err()
            .kind(),
        ErrorKind::Skew
    );
    assert!(verify(&right, BODY, now().plus_seconds(900)).is_ok());
    assert!(verify(&right, BODY, now().plus_seconds(-900)).is_ok());
}

#[test]
fn a_skew_that_is_not_a_whole_minute_is_given_in_seconds() {
    let strict = Verifier::new(sts()).skew_seconds(90);
    let request = Request::new("GET", "https://sts.us-east-1.amazonaws.com/").unwrap();
    let signer = Signer::new(sts());
    let url = signer
        .presign(&request, &credentials(), now(), Ttl::UNSTATED)
        .unwrap();
    let request = Request::new("GET", url.as_str()).unwrap();
    let answer = |seconds| {
        let now = now().plus_seconds(seconds);
        strict.verify(&request, now, |_| Some(credentials()))
    };
    assert!(answer(90).is_ok() && answer(-90).is_ok());
    assert_eq!(
        answer(91).unwrap_err().to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T123731Z - 90 s)"
    );
    assert_eq!(
        answer(-91).unwrap_err().to_string(),
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123429Z + 90 s)"
    );
}

#[test]
fn sessions_need_their_token_and_expire() {
    let session = credentials().with_session_token("token").unwrap();
    let ended = session.clone().with_expiry(now());
    let received = signed(&session);
    let headers = borrowed(&received);
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
fn a_presigned_url_is_valid_until_it_expires() {
    let signer = Signer::s3("us-east-1").unwrap();
    let url = "https://examplebucket.s3.amazonaws.com/a%20b//c?versionId=1";
    let request = Request::new("GET", url).unwrap();
    let presigned = signer
        .presign(&request, &credentials(), now(), Ttl::from_secs(60).unwrap())
        .unwrap();
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
fn a_new_secret_for_the_same_key_id_is_not_served_from_the_cache() {
    let signer = Signer::new(sts());
    let request = Request::new("GET", "https://sts.us-east-1.amazonaws.com/").unwrap();
    let one = Credentials::new("AKID", "one").unwrap();
    let two = Credentials::new("AKID", "two").unwrap();
    let sign = |credentials| {
        signer
            .sign(&request, credentials, now())
            .unwrap()
            .signature()
            .to_owned()
    };
    let (first, second) = (sign(&one), sign(&two));
    assert_ne!(first, second);
    assert_eq!(first, sign(&Credentials::new("AKID", "one").unwrap()));
    assert_eq!(
        second,
        Signer::new(sts())
            .sign(&request, &two, now())
            .unwrap()
            .signature()
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
    let signature = signer.sign(&request, &credentials(), now()).unwrap();
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

/// Returns the answers of an S3 server to a body sent with this signed `x-amz-content-sha256`, by
/// header and by query.
fn answers_to_declared(
    hash: &str,
    body: Payload<'_>,
) -> [Result<Verified, (u16, &'static str)>; 2] {
    // The rules of S3, except that a URL signs the hash in the header too.
    let rules = Rules::GENERAL
        .normalize_path(false)
        .encode_path_twice(false)
        .content_sha256_header(true);
    let signer = Signer::with_rules(Scope::new("us-east-1", "s3").unwrap(), rules);
    let host = ("host", "examplebucket.s3.amazonaws.com");
    let lie = [host, ("x-amz-content-sha256", hash)];
    let request = Request::from_wire("PUT", "/key", &lie)
        .unwrap()
        .payload(Payload::Declared);
    let signature = signer.sign(&request, &credentials(), now()).unwrap();
    let mut signed = lie.to_vec();
    signed.extend(signature.headers());
    let presigned = signer
        .presign(&request, &credentials(), now(), Ttl::MAX)
        .unwrap();
    let target = presigned.as_str().split_once("amazonaws.com").unwrap().1;
    [("/key", &signed[..]), (target, &lie[..])].map(|(target, headers)| {
        let request = Request::from_wire("PUT", target, headers).unwrap();
        Verifier::s3("us-east-1")
            .unwrap()
            .verify(&request.payload(body), now(), |_| Some(credentials()))
            .map_err(|error| (error.status(), error.code()))
    })
}

#[test]
fn a_declared_hash_is_a_sha256_or_a_known_name() {
    for body in [Payload::Bytes(b"evil"), Payload::Declared] {
        for lie in [
            "lieslieslies",
            "UNSIGNED-PAYLOADx",
            "unsigned-payload",
            "STREAMING-X",
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-X",
            "",
            &"g".repeat(64),
            &"0".repeat(63),
        ] {
            for answer in answers_to_declared(lie, body) {
                assert_eq!(answer.unwrap_err(), (400, "InvalidArgument"), "{lie}");
            }
        }
        for name in ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
            for answer in answers_to_declared(name, body) {
                assert!(answer.unwrap().content_sha256().is_none(), "{name}");
            }
        }
    }
    for answer in answers_to_declared(&"0".repeat(64), Payload::Bytes(b"evil")) {
        assert_eq!(answer.unwrap_err(), (400, "XAmzContentSHA256Mismatch"));
    }
}

/// The last line of the canonical request is the value of the header, whoever the service is.
#[test]
fn a_body_that_a_signed_header_declares_unsigned_or_in_pieces_is_accepted_by_any_rules() {
    for service in ["execute-api", "transcribe", "vpc-lattice-svcs", "s3"] {
        let scope = Scope::new("us-east-1", service).unwrap();
        let (signer, verifier) = (Signer::new(scope.clone()), Verifier::new(scope));
        for payload in [
            Payload::Unsigned,
            Payload::Streaming(Streaming::Events),
            Payload::Streaming(Streaming::UnsignedTrailer),
        ] {
            let request = Request::new("POST", "https://example.com/").unwrap();
            let request = request.payload(payload);
            let signature = signer.sign(&request, &credentials(), now()).unwrap();
            let mut received = vec![("host", "example.com")];
            received.extend(signature.headers());
            for body in [Payload::Bytes(b"any"), Payload::Declared, payload] {
                let request = Request::from_wire("POST", "/", &received).unwrap();
                let lookup = |_: &str| Some(credentials());
                let verified = verifier.verify(&request.payload(body), now(), lookup);
                let verified = verified.unwrap_or_else(|e| panic!("{service} {body:?}: {e}"));
                assert_eq!(verified.content_sha256(), None);
            }
        }
    }
}

#[test]
fn an_unsigned_header_cannot_declare_the_body_unsigned() {
    let scope = Scope::new("us-east-1", "execute-api").unwrap();
    let request = Request::new("POST", "https://example.com/").unwrap();
    let request = request.payload(Payload::Bytes(b"hello"));
    let signature = Signer::new(scope.clone()).sign(&request, &credentials(), now());
    let signature = signature.unwrap();
    let mut received = vec![("host", "example.com")];
    received.extend(signature.headers());
    received.push(("x-amz-content-sha256", "UNSIGNED-PAYLOAD"));
    for (body, is_good) in [(&b"hello"[..], true), (b"evil", false)] {
        let request = Request::from_wire("POST", "/", &received).unwrap();
        let request = request.payload(Payload::Bytes(body));
        let verified =
            Verifier::new(scope.clone()).verify(&request, now(), |_| Some(credentials()));
        assert_eq!(verified.is_ok(), is_good);
    }
}

#[test]
fn an_unsigned_header_cannot_declare_a_signed_body_to_be_in_chunks() {
    let scope = Scope::new("us-east-1", "execute-api").unwrap();
    let body = Payload::Bytes(b"5\r\nhello\r\n0\r\n\r\n");
    let request = Request::new("POST", "https://example.com/").unwrap();
    let request = request.payload(body);
    let signature = Signer::new(scope.clone()).sign(&request, &credentials(), now());
    let signature = signature.unwrap();
    for form in ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-X"] {
        let mut received = vec![("host", "example.com"), ("x-amz-content-sha256", form)];
        received.extend(signature.headers());
        let request = Request::from_wire("POST", "/", &received).unwrap();
        let request = request.payload(body);
        let verifier = Verifier::new(scope.clone());
        let verified = verifier.verify(&request, now(), |_| Some(credentials()));
        let decoder = verifier.chunk_decoder(&verified.unwrap(), &request);
        assert!(decoder.unwrap().is_none(), "{form}");
    }
}

#[test]
fn an_unsigned_body_in_chunks_is_refused_as_s3_refuses_it() {
    let answer = |encodings: &[&'static str], hash: &'static str| {
        let mut headers = vec![
            ("host", "b.s3.amazonaws.com"),
            ("x-amz-content-sha256", hash),
        ];
        headers.extend(encodings.iter().map(|value| ("content-encoding", *value)));
        let body = b"5\r\nhello\r\n0\r\n\r\n";
        let request = Request::from_wire("PUT", "/key", &headers).unwrap();
        let request = request.payload(Payload::Declared);
        let signature = Signer::s3("us-east-1")
            .unwrap()
            .sign(&request, &credentials(), now())
            .unwrap();
        let received: Vec<_> = headers.iter().copied().chain(signature.headers()).collect();
        let request = Request::from_wire("PUT", "/key", &received).unwrap();
        let verifier = Verifier::s3("us-east-1").unwrap();
        verifier
            .verify(&request.payload(Payload::Bytes(body)), now(), |_| {
                Some(credentials())
            })
            .map(|_| ())
            .map_err(|error| (error.status(), error.code(), error.to_string()))
    };
    let text = "aws-chunked encoding is not supported when x-amz-content-sha256 UNSIGNED-PAYLOAD is supplied";
    for encodings in [
        &["aws-chunked"][..],
        &["gzip, AWS-Chunked "],
        &["gzip", "aws-chunked"],
    ] {
        let refusal = (400, "InvalidArgument", text.to_owned());
        assert_eq!(answer(encodings, "UNSIGNED-PAYLOAD"), Err(refusal));
    }
    assert_eq!(answer(&["gzip"], "UNSIGNED-PAYLOAD"), Ok(()));
    // With the hash of the body S3 stores the framing.
    let hash = "1d776e2fe456054d29a304ac4fdc70ecf6dd085237a7f0dff8bdeababec372fd";
    assert_eq!(answer(&["aws-chunked"], hash), Ok(()));
}

#[test]
fn each_header_of_a_signature_may_appear_only_once() {
    let signed = signed(&credentials());
    for name in ["authorization", "x-amz-date"] {
        let mut headers = signed.clone();
        let again = headers.iter().find(|(other, _)| other == name).unwrap();
        headers.push(again.clone());
        let error = verify(&headers, BODY, now()).unwrap_err();
        assert_eq!((error.status(), error.code()), (400, "IncompleteSignature"));
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// The canonical query leaves out some parameters. None of them may be a way to extend a signed
/// request.
#[test]
fn parameters_of_a_signature_cannot_be_added_under_escaped_names() {
    let omitting = Rules::GENERAL.session_token(TokenRule::Unsigned);
    for rules in [Rules::GENERAL, Rules::S3, omitting] {
        let (signer, verifier) = (
            Signer::with_rules(sts(), rules),
            Verifier::with_rules(sts(), rules),
        );
        let headers = [("host", "sts.us-east-1.amazonaws.com")];
        let request = Request::from_wire("GET", "/?a=1", &headers).unwrap();
        let signature = signer.sign(&request, &credentials(), now()).unwrap();
        let presigned = signer
            .presign(&request, &credentials(), now(), Ttl::MAX)
            .unwrap();
        let by_header: Vec<_> = headers.into_iter().chain(signature.headers()).collect();
        let target = &presigned.as_str()["https://sts.us-east-1.amazonaws.com".len()..];
        let is_accepted = |target: &str, headers: &[(&str, &str)]| {
            let request = Request::from_wire("GET", target, headers).unwrap();
            verifier
                .verify(&request, now(), |_| Some(credentials()))
                .is_ok()
        };
        assert!(is_accepted("/?a=1", &by_header) && is_accepted(target, &headers));
        for added in [
            "X-Amz-Signature=1",
            "X%2DAmz-Signature=1",
            "%58-Amz-Signature",
            "X-Amz-Security-Token=t",
            "X-Amz-Security%2dToken=t",
            "X-Amz-Expires=9",
            "X%2DAmz-Expires=9",
        ] {
            assert!(
                !is_accepted(&format!("/?a=1&{added}"), &by_header),
                "{added}"
            );
            assert!(
                !is_accepted(&format!("{target}&{added}"), &headers),
                "{added}"
            );
        }
    }
}

#[test]
fn signed_names_that_no_header_can_have_are_refused() {
    let signed = signed(&credentials());
    for names in [
        "host;\u{ff}",
        "\u{10ffff}",
        "host;",
        "Host",
        "host;host",
        "",
    ] {
        let mut headers = signed.clone();
        let authorization = &mut headers.last_mut().unwrap().1;
        *authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request, SignedHeaders={names}, Signature=0"
        );
        assert!(verify(&headers, BODY, now()).is_err(), "{names}");
    }
}

#[test]
fn a_server_can_limit_the_lifetime_of_urls() {
    let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key").unwrap();
    let ttl = Ttl::from_secs(3600).unwrap();
    let presigned = Signer::s3("us-east-1")
        .unwrap()
        .presign(&request, &credentials(), now(), ttl)
        .unwrap();
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

#[test]
fn a_server_can_refuse_urls_that_state_a_lifetime() {
    let request = Request::new("GET", "https://sts.us-east-1.amazonaws.com/").unwrap();
    let verifier = Verifier::new(sts()).longest(Ttl::UNSTATED);
    let is_taken = |ttl| {
        let url = Signer::new(sts())
            .presign(&request, &credentials(), now(), ttl)
            .unwrap();
        let request = Request::new("GET", url.as_str()).unwrap();
        let verified = verifier.verify(&request, now(), |_| Some(credentials()));
        verified.is_ok()
    };
    assert!(is_taken(Ttl::UNSTATED));
    assert!(!is_taken(Ttl::from_secs(1).unwrap()));
}

/// Returns the code of each dialect for a changed request, received `later` seconds after signing.
fn answers(change: impl Fn(&mut Vec<(String, String)>), later: i64) -> Vec<String> {
    let session = credentials().with_session_token("canary").unwrap();
    let mut received = signed(&session);
    change(&mut received);
    let headers = borrowed(&received);
    let request = Request::from_wire("POST", "/", &headers)
        .unwrap()
        .payload(Payload::Bytes(BODY));
    let session = session.with_expiry(now().plus_seconds(60));
    let dialects = [Dialect::Query, Dialect::Json, Dialect::Ec2, Dialect::S3];
    dialects
        .map(|dialect| {
            let verifier = Verifier::new(sts()).dialect(dialect);
            let lookup = |id: &str| (id == "AKIDEXAMPLE").then(|| session.clone());
            let error = verifier
                .verify(&request, now().plus_seconds(later), lookup)
                .unwrap_err();
            assert_eq!(error.dialect(), dialect);
            format!("{} {}", error.status(), error.code())
        })
        .to_vec()
}

/// Replaces one text with another in all headers.
fn replacing(from: &str, to: &str) -> impl Fn(&mut Vec<(String, String)>) {
    move |headers| {
        headers
            .iter_mut()
            .for_each(|(_, value)| *value = value.replace(from, to));
    }
}

#[test]
fn each_dialect_has_its_own_codes() {
    let missing = [
        "403 MissingAuthenticationToken",
        "400 MissingAuthenticationTokenException",
        "403 MissingAuthenticationToken",
        "403 AccessDenied",
    ];
    let unsign = |headers: &mut Vec<_>| headers.retain(|(name, _)| name != "authorization");
    assert_eq!(answers(unsign, 0), missing);
    let incomplete = [
        "400 IncompleteSignature",
        "400 IncompleteSignatureException",
        "400 IncompleteSignature",
        "400 AuthorizationHeaderMalformed",
    ];
    assert_eq!(answers(replacing("Signature=", "Sig="), 0), incomplete);
    let unknown = [
        "403 InvalidClientTokenId",
        "400 UnrecognizedClientException",
        "401 AuthFailure",
        "403 InvalidAccessKeyId",
    ];
    assert_eq!(answers(replacing("AKIDEXAMPLE", "AKIDOTHER"), 0), unknown);
    let token = [unknown[0], unknown[1], unknown[2], "400 InvalidToken"];
    assert_eq!(answers(replacing("canary", "other"), 0), token);
    let ended = [
        "403 ExpiredToken",
        "400 ExpiredTokenException",
        "400 RequestExpired",
        "400 ExpiredToken",
    ];
    assert_eq!(answers(|_| (), 60), ended);
    let late = [
        "403 SignatureDoesNotMatch",
        "400 InvalidSignatureException",
        "400 RequestExpired",
        "403 RequestTimeTooSkewed",
    ];
    assert_eq!(answers(|_| (), 901), late);
    let mismatch = [late[0], late[1], "401 AuthFailure", late[0]];
    assert_eq!(answers(replacing("Signature=", "Signature=0"), 0), mismatch);
    let scope = [late[0], late[1], mismatch[2], incomplete[3]];
    assert_eq!(
        answers(replacing("us-east-1/sts", "us-east-2/sts"), 0),
        scope
    );
}

#[test]
fn each_dialect_has_its_own_body_and_escapes_the_message() {
    let [message, id] = ["a<b & \"c\" 'd' > \u{7}e\r\n\u{ffff}", "1</RequestId>"];
    let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let text = "a&lt;b &amp; &quot;c&quot; &apos;d&apos; &gt; \u{fffd}e&#xD;\n\u{fffd}";
    let error = format!("<Code>C</Code><Message>{text}</Message>");
    let id_text = "1&lt;/RequestId&gt;";
    for (dialect, body) in [
        (
            Dialect::Query,
            format!(
                "{xml}<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>{id_text}</RequestId></ErrorResponse>"
            ),
        ),
        (
            Dialect::Ec2,
            format!(
                "{xml}<Response><Errors><Error>{error}</Error></Errors><RequestID>{id_text}</RequestID></Response>"
            ),
        ),
        (
            Dialect::S3,
            format!("{xml}<Error>{error}<RequestId>{id_text}</RequestId></Error>"),
        ),
        (
            Dialect::Json,
            "{\"__type\":\"C\",\"message\":\"a<b & \\\"c\\\" 'd' > \\u0007e\\r\\n\u{ffff}\"}"
                .to_owned(),
        ),
    ] {
        assert_eq!(dialect.body("C", message, id), body);
    }
}

#[test]
fn s3_alone_names_the_expected_region_in_the_body() {
    let url = "https://examplebucket.s3.amazonaws.com/key";
    let request = Request::new("GET", url).unwrap();
    let presigned = Signer::s3("us-east-1")
        .unwrap()
        .presign(&request, &credentials(), now(), Ttl::MAX)
        .unwrap();
    let request = Request::new("GET", presigned.as_str()).unwrap();
    for dialect in [Dialect::Query, Dialect::Json, Dialect::Ec2, Dialect::S3] {
        let verifier = Verifier::s3("eu-west-1").unwrap().dialect(dialect);
        let answer = verifier.verify(&request, now(), |_| Some(credentials()));
        let body = answer.unwrap_err().body("id");
        let region = body.contains("<Region>eu-west-1</Region>");
        assert_eq!(region, dialect == Dialect::S3, "{body}");
    }
}

/// Returns the answers of S3 in `eu-west-1` to a request whose scope was changed, by header and by
/// query.
fn answers_to_scope(from: &str, to: &str) -> [verify::Error; 2] {
    let verifier = Verifier::s3("eu-west-1").unwrap();
    let signer = Signer::s3("eu-west-1").unwrap();
    let host = [("host", "examplebucket.s3.amazonaws.com")];
    let request = Request::from_wire("GET", "/key", &host).unwrap();
    let signature = signer.sign(&request, &credentials(), now()).unwrap();
    let presigned = signer
        .presign(&request, &credentials(), now(), Ttl::MAX)
        .unwrap();
    let authorization = signature.authorization().replace(from, to);
    let mut signed = host.to_vec();
    signed.extend(signature.headers().map(|(name, value)| match name {
        "authorization" => (name, &*authorization),
        _ => (name, value),
    }));
    let [from, to] = [from, to].map(|text| text.replace('/', "%2F"));
    let (_, signed_target) = presigned.as_str().split_once("amazonaws.com").unwrap();
    let target = signed_target.replace(&from, &to);
    [("/key", &signed[..]), (&target, &host[..])].map(|(target, headers)| {
        let request = Request::from_wire("GET", target, headers).unwrap();
        let verified = verifier.verify(&request, now(), |_| Some(credentials()));
        verified.unwrap_err()
    })
}

#[test]
fn s3_names_the_wrong_part_of_a_scope_and_where_it_was_read() {
    for (from, to, wrong) in [
        (
            "/eu-west-1/",
            "/us-east-1/",
            "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
        ),
        (
            "/s3/",
            "/sts/",
            "incorrect service \"sts\". This endpoint belongs to \"s3\".",
        ),
        (
            "/aws4_request",
            "/aws4",
            "incorrect terminal \"aws4\". This endpoint uses \"aws4_request\".",
        ),
    ] {
        let [by_header, by_query] = answers_to_scope(from, to);
        assert_eq!(
            by_header.to_string(),
            format!("The authorization header is malformed; {wrong}")
        );
        assert_eq!(
            by_query.to_string(),
            format!("Error parsing the X-Amz-Credential parameter; {wrong}")
        );
    }
    let date = "Invalid credential date \"20150829\". This date is not the same as X-Amz-Date: \"20150830\".";
    let [by_header, by_query] = answers_to_scope("/20150830/", "/20150829/");
    assert_eq!(
        by_header.to_string(),
        format!("The authorization header is malformed; {date}")
    );
    assert_eq!(by_query.to_string(), date);
}

#[test]
fn s3_has_different_codes_for_headers_and_queries() {
    let codes = [
        (400, "AuthorizationHeaderMalformed"),
        (400, "AuthorizationQueryParametersError"),
    ];
    for (from, to, kind) in [
        ("/eu-west-1/", "/us-east-1/", ErrorKind::Scope),
        ("/eu-west-1/", "/", ErrorKind::Malformed),
    ] {
        let answers = answers_to_scope(from, to);
        assert!(answers.iter().all(|error| error.kind() == kind));
        assert_eq!(answers.map(|error| (error.status(), error.code())), codes);
    }
    let url = "https://examplebucket.s3.amazonaws.com/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A/20150830/eu-west-1/s3/aws4_request";
    for (date, message) in [
        (
            "",
            "Query-string authentication requires the parameter X-Amz-Date",
        ),
        (
            "&X-Amz-Date=today",
            "Date must be in ISO-8601 'basic format'. Got 'today'.",
        ),
    ] {
        let url = format!("{url}{date}");
        let request = Request::new("GET", &url).unwrap();
        let verifier = Verifier::s3("eu-west-1").unwrap();
        let error = verifier.verify(&request, now(), |_| None).unwrap_err();
        assert_eq!((error.status(), error.code()), codes[1]);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn an_error_of_s3_has_the_expected_region() {
    for error in answers_to_scope("/eu-west-1/", "/us-east-1/") {
        assert_eq!(error.expected_region(), Some("eu-west-1"));
    }
}
