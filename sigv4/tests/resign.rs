//! Requests signed with stand-in keys are verified and signed again with real ones.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says where"
)]

use keyfob_sigv4::{
    Credentials, Payload, Request, Rules, Scope, Signer, SigningKey, Timestamp, Ttl,
    chunked::{Checksum, ChunkEncoder, ChunkErrorKind, ChunkSigner, Chunked},
    event_stream::{EventSigner, Message},
    resign::{BodyResigner, Resigned, Resigner},
    verify::{Dialect, Verifier},
};
use sha2::{Digest as _, Sha256};

fn now() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

fn stand_in() -> Credentials {
    Credentials::new("AKIDSTANDIN", "worthless")
        .unwrap()
        .with_session_token("stand-in")
        .unwrap()
}

fn real() -> Credentials {
    Credentials::new("AKIDREAL", "real").unwrap()
}

#[test]
fn a_header_signature_is_replaced_and_the_stand_in_token_removed() {
    let scope = Scope::new("us-east-1", "sqs").unwrap();
    let body = Payload::Bytes(b"{}");
    let request = Request::new("POST", "https://sqs.us-east-1.amazonaws.com/")
        .unwrap()
        .payload(body);
    let signature = Signer::new(scope.clone())
        .sign(&request, &stand_in(), now())
        .unwrap();
    let mut received = vec![("Host", "sqs.us-east-1.amazonaws.com")];
    received.extend(signature.headers());
    let request = Request::from_wire("POST", "/", &received)
        .unwrap()
        .payload(body);
    let resigner = Resigner::new(scope.clone());

    let resigned = resigner.resign(&request, &stand_in(), &real(), now());
    let (Resigned::Headers(resigned), body_resigner) = resigned.unwrap() else {
        panic!("headers are replaced by headers");
    };
    assert!(body_resigner.is_unchanged());
    assert!(!resigned.authorization().contains("x-amz-security-token"));
    let mut sent = vec![("host", "sqs.us-east-1.amazonaws.com")];
    sent.extend(resigned.headers());
    let request = Request::from_wire("POST", "/", &sent)
        .unwrap()
        .payload(body);
    let verified = Verifier::new(scope).verify(&request, now(), |_| Some(real()));
    assert_eq!(verified.unwrap().access_key_id(), "AKIDREAL");
    assert!(
        resigner
            .resign(&request, &stand_in(), &real(), now())
            .is_err()
    );
}

#[test]
fn a_presigned_url_keeps_its_time_and_lifetime() {
    let url = "https://examplebucket.s3.amazonaws.com/a%20b?versionId=1";
    let signer = Signer::s3("us-east-1").unwrap();
    let ttl = Ttl::from_secs(60).unwrap();
    let request = Request::new("GET", url).unwrap();
    let presigned = signer.presign(&request, &stand_in(), now(), ttl).unwrap();
    let received = Request::new("GET", presigned.as_str()).unwrap();
    let later = now().plus_seconds(30);
    let resigner = Resigner::s3("us-east-1").unwrap();
    let resigned = resigner.resign(&received, &stand_in(), &real(), later);
    let (Resigned::Url(resigned), _) = resigned.unwrap() else {
        panic!("a URL is replaced by a URL");
    };
    let direct = signer.presign(&request, &real(), now(), ttl).unwrap();
    assert_eq!(resigned.as_str(), direct.as_str());
    assert_eq!(resigned.expiry(), Some(now().plus_seconds(60)));
}

#[test]
fn the_token_and_regions_of_the_older_signature_are_removed() {
    let older = [
        ("host", "sqs.us-east-1.amazonaws.com"),
        ("x-amz-date", "20140101T000000Z"),
        ("x-amz-security-token", "older"),
        ("X-Amz-S3Session-Token", "older"),
        ("x-amz-region-set", "*"),
        ("authorization", "older"),
    ];
    let signer = Signer::new(Scope::new("us-east-1", "sqs").unwrap());
    let request = Request::from_wire("GET", "/", &older).unwrap();
    let names = |request: &Request<'_>| {
        let signed = signer.explain(request, &real(), now()).unwrap();
        let presigned = signer
            .explain_presign(request, &real(), now(), Ttl::MAX)
            .unwrap();
        [signed, presigned].map(|form| form.signed_headers().to_owned())
    };
    let kept = "x-amz-region-set;x-amz-s3session-token;x-amz-security-token";
    assert_eq!(
        names(&request),
        [format!("host;x-amz-date;{kept}"), format!("host;{kept}")]
    );
    let again = request.without_older_signature();
    assert_eq!(names(&again), ["host;x-amz-date", "host"]);
}

/// The published example signs `content-length`.
const WITH_LENGTH: Rules = Rules::S3.also_signed_headers(&["content-length"]);

fn scope() -> Scope {
    Scope::new("us-east-1", "s3").unwrap()
}

/// An upload on the wire: its headers and its body.
#[derive(Clone)]
struct Upload {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Upload {
    /// Signs the request of the published example with any key, time and body.
    fn new(plan: &Chunked, body: &[u8], key: &Credentials, at: Timestamp) -> Self {
        let signer = Signer::with_rules(scope(), WITH_LENGTH);
        let length = plan.content_length().to_string();
        let mut headers = vec![
            ("host", "s3.amazonaws.com".to_owned()),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY".to_owned()),
        ];
        // The published example with a trailer does not sign the length.
        if !plan
            .headers()
            .iter()
            .any(|(name, _)| *name == "x-amz-trailer")
        {
            headers.push(("content-length", length));
        }
        headers.extend(plan.headers());
        let request = request(URL, &headers).payload(Payload::Streaming(plan.streaming()));
        let signature = signer.sign(&request, key, at).unwrap();
        let chain = ChunkSigner::new(&signer, key, at, &signature);
        let encoder = ChunkEncoder::new(plan, chain).or_else(|_| ChunkEncoder::unsigned(plan));
        let frames = encoder.unwrap().frames([body]).map(Result::unwrap);
        let body = frames.collect::<Vec<_>>().concat();
        let signed = signature
            .headers()
            .map(|(name, value)| (name, value.to_owned()));
        headers.extend(signed.collect::<Vec<_>>());
        let own = |(name, value): (&str, String)| (name.to_owned(), value);
        Self {
            headers: headers.into_iter().map(own).collect(),
            body,
        }
    }

    /// Signs the request again with the real key, and returns its body's resigner.
    fn resigned(
        &self,
        resigner: &Resigner,
        at: Timestamp,
    ) -> (Vec<(String, String)>, BodyResigner) {
        let request = request(URL, &self.headers);
        let resigned = resigner.resign(&request, &stand_in(), &published(), at);
        let (Resigned::Headers(signature), body) = resigned.unwrap() else {
            panic!("headers are replaced by headers");
        };
        let mut headers = self.headers.clone();
        headers.retain(|(name, _)| name != "x-amz-security-token");
        for (name, value) in signature.headers() {
            headers.retain(|(other, _)| other != name);
            headers.push((name.into(), value.into()));
        }
        (headers, body)
    }
}

const URL: &str = "https://s3.amazonaws.com/examplebucket/chunkObject.txt";

fn request<'a, N: AsRef<str>>(url: &'a str, headers: &'a [(N, String)]) -> Request<'a> {
    let unsigned = Request::new("PUT", url).unwrap();
    let request = headers.iter().fold(unsigned, |request, (name, value)| {
        request.header(name.as_ref(), value).unwrap()
    });
    request.payload(Payload::Declared)
}

/// Returns the key of the published examples.
fn published() -> Credentials {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    Credentials::new("AKIAIOSFODNN7EXAMPLE", secret).unwrap()
}

/// Feeds a body in pieces of this length, and returns the output.
fn passed(mut body: BodyResigner, received: &[u8], piece: usize) -> Vec<u8> {
    let mut sent = Vec::new();
    for piece in received.chunks(piece) {
        body.feed(piece, &mut sent).unwrap();
    }
    body.finish().unwrap();
    sent
}

#[test]
fn chunks_signed_with_a_stand_in_key_become_the_published_ones() {
    let at: Timestamp = "20130524T000000Z".parse().unwrap();
    let resigner = Resigner::with_rules(scope(), WITH_LENGTH);
    let plain = Chunked::signed(66_560);
    let trailer = plain.clone().checksum(Checksum::Crc32c);
    for (plan, signatures) in [
        (
            plain,
            &[
                "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ][..],
        ),
        (
            trailer,
            &[
                "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
                "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
                "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
            ],
        ),
    ] {
        let received = Upload::new(&plan, &[b'a'; 66_560], &stand_in(), at.plus_seconds(60));
        let (headers, body) = received.resigned(&resigner, at);
        assert!(
            headers
                .iter()
                .any(|(_, value)| value.contains(signatures[0]))
        );
        let sent = String::from_utf8(passed(body, &received.body, 1000)).unwrap();
        let mut lines = sent.lines().filter(|line| line.contains("signature"));
        for signature in &signatures[1..] {
            assert!(lines.next().unwrap().ends_with(signature));
        }
        assert_eq!(sent.len() as u64, plan.content_length());
    }
}

#[test]
fn a_body_signed_again_equals_one_signed_with_the_real_key() {
    let resigner = Resigner::with_rules(scope(), WITH_LENGTH);
    let verifier = Verifier::s3("us-east-1").unwrap();
    let later = now().plus_seconds(5);
    let bytes: Vec<u8> = (0..40_000_u32).map(|n| (n % 251) as u8).collect();
    for length in [0, 1, 8192, 16_384, 20_000, 40_000] {
        let plan = Chunked::signed(length).chunk_size(8192).unwrap();
        let trailers = plan.clone().trailer("x-amz-meta-b", "2").unwrap();
        for plan in [
            plan.clone(),
            plan.checksum(Checksum::Crc64Nvme),
            trailers.checksum(Checksum::Sha256),
        ] {
            let data = &bytes[..usize::try_from(length).unwrap()];
            let received = Upload::new(&plan, data, &stand_in(), now());
            let direct = Upload::new(&plan, data, &published(), later);
            for piece in [1, 7, 89, 8192, 100_000] {
                let (headers, body) = received.resigned(&resigner, later);
                assert!(!body.is_unchanged());
                let sent = passed(body, &received.body, piece);
                assert!(sent == direct.body, "{plan:?}, pieces of {piece}");
                let request = request(URL, &headers);
                let verified = verifier.verify(&request, later, |_| Some(published()));
                let decoder = verifier.chunk_decoder(&verified.unwrap(), &request);
                let (mut decoder, mut decoded) = (decoder.unwrap().unwrap(), Vec::new());
                decoder.feed(&sent, &mut decoded).unwrap();
                decoder.finish().unwrap();
                assert!(decoded == data, "{plan:?}, pieces of {piece}");
            }
        }
    }
}

#[test]
fn unusual_framing_is_kept() {
    let resigner = Resigner::s3("us-east-1").unwrap();
    let plan = Chunked::signed(9).checksum(Checksum::Crc32);
    let unusual = |body: Vec<u8>| {
        String::from_utf8(body)
            .unwrap()
            .replace("9;chunk", "009;chunk")
            .replace(
                "x-amz-trailer-signature:",
                "\r\nX-Amz-Trailer-Signature: \t",
            )
            .replace("0;chunk", "0000;chunk")
            .replace("==\r\n", "== \n")
    };
    let mut received = Upload::new(&plan, b"some data", &stand_in(), now());
    received.body = unusual(received.body).into();
    let (_, body) = received.resigned(&resigner, now());
    let sent = passed(body, &received.body, 1);
    let direct = Upload::new(&plan, b"some data", &published(), now());
    assert_eq!(String::from_utf8(sent).unwrap(), unusual(direct.body));
}

#[test]
fn nothing_of_a_changed_chunk_is_given_out() {
    let resigner = Resigner::s3("us-east-1").unwrap();
    let plan = Chunked::signed(20_000)
        .chunk_size(8192)
        .unwrap()
        .checksum(Checksum::Crc32);
    let received = Upload::new(&plan, &[7; 20_000], &stand_in(), now());
    let direct = Upload::new(&plan, &[7; 20_000], &published(), now());
    let chunk = usize::try_from(plan.chunk_length(8192)).unwrap();
    let last = usize::try_from(plan.chunk_length(20_000 - 2 * 8192)).unwrap();
    // `0;chunk-signature=…`, and `x-amz-checksum-crc32:…`.
    let trailer = 2 * chunk + last + 84;
    let signature = trailer + 31;
    for (at, before, kind) in [
        // In the data, the signature and the length of a chunk, and in the last chunk.
        (chunk + 200, chunk, ChunkErrorKind::SignatureMismatch),
        (chunk + 30, chunk, ChunkErrorKind::SignatureMismatch),
        (chunk, chunk, ChunkErrorKind::Malformed),
        (
            2 * chunk + last + 30,
            2 * chunk + last,
            ChunkErrorKind::SignatureMismatch,
        ),
        // In the value of the trailer, and in its signature.
        (trailer + 22, trailer, ChunkErrorKind::SignatureMismatch),
        (signature + 30, trailer, ChunkErrorKind::SignatureMismatch),
    ] {
        let mut changed = received.body.clone();
        changed[at] = if changed[at] == b'1' { b'0' } else { b'1' };
        for piece in [1, 100_000] {
            let (_, mut body) = received.resigned(&resigner, now());
            let mut sent = Vec::new();
            let mut pieces = changed.chunks(piece);
            let error = pieces.find_map(|piece| body.feed(piece, &mut sent).err());
            assert_eq!(error.map(|error| error.kind()), Some(kind), "at {at}");
            assert!(sent == direct.body[..before], "at {at}: {}", sent.len());
            assert!(body.feed(&received.body, &mut sent).is_err());
            assert!(body.finish().is_err() && sent.len() == before);
        }
    }
}

#[test]
fn bodies_that_are_cut_short_or_signed_with_the_real_key_are_refused() {
    let resigner = Resigner::s3("us-east-1").unwrap();
    let plan = Chunked::signed(9);
    let received = Upload::new(&plan, b"some data", &stand_in(), now());
    for length in 0..received.body.len() {
        let (_, mut body) = received.resigned(&resigner, now());
        body.feed(&received.body[..length], &mut Vec::new())
            .unwrap();
        let error = body.finish().unwrap_err();
        assert_eq!(error.kind(), ChunkErrorKind::Incomplete);
    }
    let direct = Upload::new(&plan, b"some data", &published(), now());
    let (_, mut body) = received.resigned(&resigner, now());
    let mut sent = Vec::new();
    let error = body.feed(&direct.body, &mut sent).unwrap_err();
    assert_eq!(error.kind(), ChunkErrorKind::SignatureMismatch);
    assert!(sent.is_empty());
}

#[test]
fn a_body_without_signatures_passes_unchanged() {
    let resigner = Resigner::s3("us-east-1").unwrap();
    let plan = Chunked::unsigned(9).checksum(Checksum::Crc32);
    let received = Upload::new(&plan, b"some data", &stand_in(), now());
    let (_, body) = received.resigned(&resigner, now());
    assert!(body.is_unchanged());
    assert!(passed(body, &received.body, 4) == received.body);
}

#[test]
fn the_declared_hash_of_a_presigned_upload_is_signed_again() {
    let scope = Scope::new("us-east-1", "s3").unwrap();
    let plan = Chunked::signed(9);
    let mut headers = vec![
        ("host", "s3.amazonaws.com".to_owned()),
        ("x-amz-content-sha256", plan.streaming().as_str().to_owned()),
    ];
    headers.extend(plan.headers());
    let ttl = Ttl::from_secs(60).unwrap();
    let presign = |key: &Credentials| {
        let signer = Signer::s3("us-east-1").unwrap();
        signer
            .presign(&request(URL, &headers), key, now(), ttl)
            .unwrap()
    };
    let (received, direct) = (presign(&stand_in()), presign(&published()));
    let given = request(received.as_str(), &headers);
    let resigner = Resigner::s3("us-east-1").unwrap();
    let resigned = resigner.resign(&given, &stand_in(), &published(), now().plus_seconds(9));
    let (Resigned::Url(resigned), body) = resigned.unwrap() else {
        panic!("a URL is replaced by a URL");
    };
    assert_eq!(resigned.signature(), direct.signature());

    let chunks = |key: &Credentials, seed: &str| {
        let key = Signer::s3("us-east-1").unwrap().signing_key(key, now());
        let chain = ChunkSigner::resume(&key, &scope, now(), seed).unwrap();
        let frames = ChunkEncoder::new(&plan, chain)
            .unwrap()
            .frames([b"some data"]);
        frames.map(Result::unwrap).collect::<Vec<_>>().concat()
    };
    let sent = passed(body, &chunks(&stand_in(), received.signature()), 5);
    assert!(sent == chunks(&published(), direct.signature()));
}

#[test]
fn the_messages_of_an_event_stream_are_signed_again() {
    let scope = Scope::new("us-east-1", "transcribe").unwrap();
    let events = "STREAMING-AWS4-HMAC-SHA256-EVENTS".to_owned();
    let headers = [("x-amz-content-sha256", events)];
    let begun = |key: &Credentials| {
        let opening = Signer::new(scope.clone())
            .sign(&request(URL, &headers), key, now())
            .unwrap();
        let secret = key.secret_access_key();
        let mut signer = EventSigner::new(scope.clone(), secret, opening.signature()).unwrap();
        let midnight: Timestamp = "20150831T000000Z".parse().unwrap();
        let event = Message::new(*b"audio").unwrap().encode();
        let messages = [
            signer.sign(&event, midnight.plus_seconds(-1)).unwrap(),
            signer.sign(&event, midnight).unwrap(),
            signer.sign(b"", midnight).unwrap(),
        ];
        (opening, messages)
    };
    let (opening, received) = begun(&stand_in());
    let (_, direct) = begun(&published());
    let mut given = headers.to_vec();
    given.extend(
        opening
            .headers()
            .map(|(name, value)| (name, value.to_owned())),
    );
    let resign = || {
        let request = request(URL, &given);
        let resigned =
            Resigner::new(scope.clone()).resign(&request, &stand_in(), &published(), now());
        resigned.unwrap().1
    };
    for piece in [1, 50, 1000] {
        assert!(passed(resign(), &received.concat(), piece) == direct.concat());
    }

    let first = received[0].len();
    for (at, kind) in [
        (first + 3, ChunkErrorKind::Malformed),
        (2 * first - 6, ChunkErrorKind::Malformed),
    ] {
        let mut changed = received.concat();
        changed[at] ^= 1;
        let (mut body, mut sent) = (resign(), Vec::new());
        let error = body.feed(&changed, &mut sent).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(sent == direct[0]);
        assert!(body.feed(&received[1], &mut sent).is_err());
        assert!(body.finish().is_err() && sent == direct[0]);
    }
    for (body, kind) in [
        (direct.concat(), ChunkErrorKind::SignatureMismatch),
        (
            [&*received[1], &received[0]].concat(),
            ChunkErrorKind::SignatureMismatch,
        ),
        (
            [received.concat(), vec![0]].concat(),
            ChunkErrorKind::Malformed,
        ),
    ] {
        let error = resign().feed(&body, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), kind);
    }
    let mut body = resign();
    body.feed(&received[..2].concat(), &mut Vec::new()).unwrap();
    let error = body.finish().unwrap_err();
    assert_eq!(error.kind(), ChunkErrorKind::Incomplete);
}

#[test]
fn a_refusal_is_in_the_chosen_dialect() {
    let scope = Scope::new("us-east-1", "dynamodb").unwrap();
    let resigner = Resigner::new(scope).dialect(Dialect::Json);
    let request = Request::new("POST", "https://dynamodb.us-east-1.amazonaws.com/").unwrap();
    let error = resigner.resign(&request, &stand_in(), &real(), now());
    let code = error.unwrap_err().code();
    assert_eq!(code, "MissingAuthenticationTokenException");
}

/// Returns the names of the signed headers.
#[cfg(feature = "http")]
fn signed_headers(request: &http::Request<()>) -> String {
    let authorization = request.headers()["authorization"].to_str().unwrap();
    let (_, rest) = authorization.split_once("SignedHeaders=").unwrap();
    rest.split(',').next().unwrap().to_owned()
}

#[test]
#[cfg(feature = "http")]
fn an_http_request_is_signed_again_without_the_headers_that_a_proxy_added() {
    let mut request = http::Request::put("https://b.s3.amazonaws.com/a%20key?x=1")
        .header("content-type", "text/plain")
        .header("x-amz-meta-a", "1")
        .body(())
        .unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let body = Payload::Bytes(b"hello");
    signer
        .sign_http(&mut request, body, &stand_in(), now())
        .unwrap();
    let signed = signed_headers(&request);
    let added = [
        ("x-forwarded-for", "10.0.0.1"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "10.0.0.1"),
        ("x-company-trace", "1"),
        ("range", "bytes=0-9"),
        ("connection", "keep-alive"),
    ];
    for (name, value) in added {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let resigner = Resigner::s3("us-east-1").unwrap().clone();
    let passing = resigner
        .resign_http(&mut request, Payload::Declared, &stand_in(), &real(), now())
        .unwrap();
    assert!(passing.is_unchanged());
    let without_token = signed.replace(";x-amz-security-token", "");
    assert_eq!(
        signed_headers(&request).replace(";x-amz-security-token", ""),
        without_token
    );
    assert_eq!(request.headers()["via"], "1.1 proxy");
    assert!(request.headers()["authorization"].is_sensitive());
    let (parts, ()) = request.into_parts();
    let received = Request::from_http(&parts).unwrap().payload(body);
    let verified = Verifier::s3("us-east-1")
        .unwrap()
        .verify(&received, now(), |_| Some(real()));
    assert_eq!(verified.unwrap().access_key_id(), real().access_key_id());
}

/// `minio-py` and the JavaScript SDK sign `content-length`, some programs `user-agent`.
#[test]
fn what_the_program_signed_is_signed_again_whatever_it_is() {
    let given = [
        ("host", "b.s3.amazonaws.com"),
        ("content-length", "5"),
        ("user-agent", "program/1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("cache-control", "no-cache"),
    ];
    let names = "cache-control;content-length;host;user-agent;x-amz-content-sha256;x-amz-date";
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let canonical = format!(
        "PUT\n/key\n\ncache-control:no-cache\ncontent-length:5\nhost:b.s3.amazonaws.com\n\
         user-agent:program/1\nx-amz-content-sha256:{hash}\nx-amz-date:{date}\n\n{names}\n{hash}",
        date = now().amz_date()
    );
    let stand_in = Credentials::new("AKIDSTANDIN", "worthless").unwrap();
    let scope = Scope::new("us-east-1", "s3").unwrap();
    let digest = Sha256::digest(canonical);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let date = now().amz_date();
    let scope_text = format!("{}/us-east-1/s3/aws4_request", date.date());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope_text}\n{digest}");
    let signature = SigningKey::derive(&stand_in, &scope, now()).sign(text.as_bytes());
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDSTANDIN/{scope_text}, SignedHeaders={names}, Signature={signature}"
    );
    let mut headers = given.to_vec();
    headers.extend([
        ("x-amz-content-sha256", hash),
        ("x-amz-date", date.as_str()),
        ("authorization", &authorization),
    ]);
    let request = Request::from_wire("PUT", "/key", &headers).unwrap();
    let request = request.payload(Payload::Declared);
    let (resigned, _) = Resigner::s3("us-east-1")
        .unwrap()
        .resign(&request, &stand_in, &stand_in, now())
        .unwrap();
    let Resigned::Headers(again) = resigned else {
        unreachable!("the signature was in a header");
    };
    assert_eq!(again.authorization(), authorization);
}

/// Source: RFC 9110, sections 7.6.1, 10.1.1 and 11.7.
#[test]
fn what_ends_at_the_proxy_is_not_signed_again_even_if_it_was_signed() {
    let ending = [
        ("Connection", "TE, X-Hop, X-Amz-Meta-A"),
        ("X-Hop", "1"),
        ("TE", "trailers"),
        ("Trailer", "x-a"),
        ("Keep-Alive", "timeout=5"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABk"),
        ("Transfer-Encoding", "chunked"),
        ("Expect", "100-continue"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic x"),
        ("Proxy-Anything", "x"),
    ];
    let staying = [
        ("host", "b.s3.amazonaws.com"),
        ("user-agent", "program/1"),
        ("x-amz-meta-a", "1"),
        ("via", "1.1 proxy"),
    ];
    let given = [&ending[..], &staying].concat();
    let to_sign = Request::from_wire("GET", "/key", &given).unwrap();
    let every = Rules::S3.also_signed_headers(&["*"]);
    let signer = Signer::with_rules(Scope::new("us-east-1", "s3").unwrap(), every);
    let signature = signer.sign(&to_sign, &published(), now()).unwrap();
    assert!(signature.authorization().contains(";http2-settings;"));
    let received: Vec<_> = given.iter().copied().chain(signature.headers()).collect();
    let received = Request::from_wire("GET", "/key", &received).unwrap();
    let resigner = Resigner::s3("us-east-1").unwrap();
    let resigned = resigner.resign(&received, &published(), &real(), now());
    let (Resigned::Headers(again), _) = resigned.unwrap() else {
        unreachable!("the signature was in a header");
    };
    let mut sent: Vec<_> = staying.iter().copied().chain(again.headers()).collect();
    // The program chose this form of hash, so its header stays.
    sent.extend(
        signature
            .headers()
            .filter(|(name, _)| name.ends_with("sha256")),
    );
    let sent = Request::from_wire("GET", "/key", &sent).unwrap();
    let verifier = Verifier::s3("us-east-1").unwrap();
    let verified = verifier.verify(&sent, now(), |_| Some(real())).unwrap();
    let names = "host;user-agent;via;x-amz-content-sha256;x-amz-date;x-amz-meta-a";
    let token = ";x-amz-security-token";
    assert_eq!(verified.signed_headers().replace(token, ""), names);
}

#[test]
#[cfg(feature = "http")]
fn a_presigned_http_request_keeps_the_form_of_its_uri() {
    let to_sign = Request::new("GET", "https://b.s3.amazonaws.com/a%20key").unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let url = signer
        .presign(&to_sign, &stand_in(), now(), Ttl::from_secs(60).unwrap())
        .unwrap();
    let target = url
        .as_str()
        .strip_prefix("https://b.s3.amazonaws.com")
        .unwrap();
    for (uri, start) in [
        (target, "/a%20key?"),
        (url.as_str(), "https://b.s3.amazonaws.com/a%20key?"),
    ] {
        let mut request = http::Request::get(uri)
            .header("host", "b.s3.amazonaws.com")
            .header("range", "bytes=0-9")
            .body(())
            .unwrap();
        let resigner = Resigner::s3("us-east-1").unwrap();
        let body =
            resigner.resign_http(&mut request, Payload::Declared, &stand_in(), &real(), now());
        assert!(body.unwrap().is_unchanged());
        assert!(request.uri().to_string().starts_with(start));
        assert!(
            request
                .uri()
                .query()
                .unwrap()
                .contains("SignedHeaders=host&")
        );
        let (parts, ()) = request.into_parts();
        let received = Request::from_http(&parts).unwrap();
        let verifier = Verifier::s3("us-east-1").unwrap();
        assert!(verifier.verify(&received, now(), |_| Some(real())).is_ok());
    }
}

#[test]
#[cfg(feature = "http")]
fn the_token_in_a_header_of_a_presigned_request_is_not_passed_on() {
    let to_sign = Request::new("GET", "https://b.s3.amazonaws.com/key").unwrap();
    let to_sign = to_sign.header("x-amz-security-token", "stand-in").unwrap();
    let key = Credentials::new("AKIDSTANDIN", "worthless").unwrap();
    let ttl = Ttl::from_secs(60).unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let url = signer.presign(&to_sign, &key, now(), ttl).unwrap();
    assert_eq!(url.signed_headers(), "host;x-amz-security-token");
    let mut request = http::Request::get(url.as_str())
        .header("x-amz-security-token", "stand-in")
        .body(())
        .unwrap();
    let resigner = Resigner::s3("us-east-1").unwrap();
    resigner
        .resign_http(&mut request, Payload::Declared, &key, &real(), now())
        .unwrap();
    assert!(!request.headers().contains_key("x-amz-security-token"));
    let (parts, ()) = request.into_parts();
    let received = Request::from_http(&parts).unwrap();
    let verifier = Verifier::s3("us-east-1").unwrap();
    assert!(verifier.verify(&received, now(), |_| Some(real())).is_ok());
}

#[test]
#[cfg(feature = "http")]
fn a_refused_http_request_is_unchanged() {
    let mut request = http::Request::get("https://b.s3.amazonaws.com/key")
        .header("authorization", "Bearer x")
        .body(())
        .unwrap();
    let resigner = Resigner::s3("us-east-1").unwrap();
    let payload = Payload::Declared;
    let error = resigner
        .resign_http(&mut request, payload, &stand_in(), &real(), now())
        .unwrap_err();
    assert_eq!(error.code(), "InvalidRequest");
    assert_eq!(request.headers()["authorization"], "Bearer x");
    *request.uri_mut() = "/key".parse().unwrap();
    let error = resigner
        .resign_http(&mut request, payload, &stand_in(), &real(), now())
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (keyfob_sigv4::verify::ErrorKind::Host, 400)
    );
}

/// As a proxy does that programs know by its own address.
#[cfg(feature = "http")]
#[test]
fn what_is_sent_may_have_another_host_path_and_scope_than_what_was_signed() {
    let real = Credentials::new("AKIDREAL", "real-secret")
        .unwrap()
        .with_session_token("real-token")
        .unwrap();
    let stand_in = Credentials::new("AKIDSTANDIN", "worthless").unwrap();
    let (claimed, sent_for) = ("eu-west-1", "us-east-1");
    let signer = |region| Signer::new(Scope::new(region, "iam").unwrap());
    let now: Timestamp = "20150830T123600Z".parse().unwrap();
    let body = Payload::Bytes(b"Action=ListUsers");
    let mut received = http::Request::post("http://127.0.0.1:9913/-/iam/")
        .header("x-amz-meta-a", "signed")
        .body(())
        .unwrap();
    let program = signer(claimed);
    program
        .sign_http(&mut received, body, &stand_in, now)
        .unwrap();
    received
        .headers_mut()
        .insert("x-other", "unsigned".parse().unwrap());
    let (received, ()) = received.into_parts();
    let resigner = Resigner::new(Scope::new(claimed, "iam").unwrap());
    let request = Request::from_http(&received).unwrap();
    let verify = |request: Request<'_>, now| resigner.verify(&request, &stand_in, now);
    assert!(
        verify(
            request.clone().payload(Payload::Bytes(b"Action=Other")),
            now
        )
        .is_err()
    );
    assert!(verify(request.clone().payload(body), now.plus_seconds(1_000)).is_err());
    let checked = verify(request.payload(body), now).unwrap();
    assert_eq!(checked.verified().access_key_id(), "AKIDSTANDIN");

    let mut sent = http::Request::from_parts(received, ());
    *sent.uri_mut() = "https://iam.amazonaws.com/".parse().unwrap();
    // What a proxy adds is signed if the service wants that.
    for name in ["x-amz-added", "x-added"] {
        sent.headers_mut().insert(name, "1".parse().unwrap());
    }
    let later = now.plus_seconds(3_600);
    let resigned = checked.sign_http(&mut sent, body, &signer(sent_for), &real, later);
    assert!(resigned.unwrap().is_unchanged());
    let authorization = sent.headers()["authorization"].to_str().unwrap();
    assert!(
        authorization.contains("AKIDREAL/20150830/us-east-1/iam/"),
        "{authorization}"
    );
    assert!(
        authorization.contains("SignedHeaders=host;x-amz-added;x-amz-date;x-amz-meta-a;"),
        "{authorization}"
    );
    let (sent, ()) = sent.into_parts();
    let request = Request::from_http(&sent).unwrap().payload(body);
    let service = Verifier::new(Scope::new(sent_for, "iam").unwrap());
    let verified = service.verify(&request, later, |_| Some(real.clone()));
    assert_eq!(verified.unwrap().signed_at(), later);
}
