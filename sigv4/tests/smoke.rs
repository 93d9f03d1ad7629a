//! The checks of the fuzz targets on a fixed sequence of mutations, short enough for each test run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sigv4::{
    Credentials, HostScope, Payload, Request, Scope, Signer, SigningKey, Timestamp, Ttl,
    chunked::{Checksum, ChunkDecoder, ChunkEncoder, ChunkSigner, Chunked},
    event_stream::{HeaderValue, Message},
    resign::Resigner,
    verify::Verifier,
};

/// A xorshift generator. Its sequence is the same on each machine.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }

    /// Changes, duplicates, cuts or moves a few bytes.
    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.next(4) {
            let at = self.next(bytes.len());
            match self.next(5) {
                0 => bytes.truncate(at),
                1 if !bytes.is_empty() => bytes[at] = b"0fF;:\r\n\0\xff-"[self.next(10)],
                2 if !bytes.is_empty() => bytes[at] ^= 1 << self.next(8),
                3 => bytes.extend_from_within(at..),
                _ => {
                    let end = at + self.next(bytes.len() - at);
                    bytes.drain(at..end);
                }
            }
        }
        bytes
    }
}

#[test]
fn the_decoder_panics_on_no_chunked_body() {
    let mut random = Random(1);
    let seeds: [&[u8]; 3] = [
        b"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n",
        b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n",
        b"ffffffff\r\n0;chunk-signature=00\r\n\r\n",
    ];
    let mut whole = 0;
    for round in 0..60_000 {
        let body = random.mutate(seeds[round % seeds.len()]);
        let mut decoder = ChunkDecoder::unsigned().max_chunk(1 << 20);
        if round % 3 == 0 {
            decoder = decoder.trailer("x-amz-checksum-crc32");
        }
        let mut out = Vec::new();
        let mut parts = body.chunks(1 + random.next(20));
        let fed = parts.try_for_each(|part| decoder.feed(part, &mut out));
        assert!(out.len() <= body.len());
        whole += usize::from(fed.is_ok() && decoder.finish().is_ok());
    }
    assert!(whole > 100, "only {whole} bodies were whole");
}

#[test]
fn the_decoder_gives_out_only_signed_bytes_of_a_signed_body() {
    let mut random = Random(13);
    for plan in [
        Chunked::signed(11),
        Chunked::signed(11).checksum(Checksum::Crc32),
    ] {
        let (headers, chain) = signed_upload(&plan);
        let mut seed = Vec::new();
        let mut encoder = ChunkEncoder::new(&plan, chain.clone()).unwrap();
        encoder.chunk(b"hello worl", &mut seed);
        encoder.chunk(b"d", &mut seed);
        encoder.end(&mut seed);
        let text = String::from_utf8(seed.clone()).unwrap();
        let loose = text.replace("a;", "00A;").replace("32:", "32: \t");
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let received = Request::from_wire("PUT", "/key", &headers)
            .unwrap()
            .payload(Payload::Declared);
        let resigner = Resigner::s3("us-east-1").unwrap();
        let (mut begun, mut whole) = (0, 0);
        for round in 0..6_000 {
            let body = random.mutate([&*seed, loose.as_bytes()][round % 2]);
            let mut decoder = ChunkDecoder::signed(chain.clone()).decoded_length(11);
            if let Some((_, names)) = headers.iter().find(|(name, _)| *name == "x-amz-trailer") {
                decoder = decoder.trailer(names);
            }
            let resigned = resigner.resign(&received, &credentials(), &credentials(), at());
            let (_, mut passing) = resigned.unwrap();
            let (mut out, mut sent) = (Vec::new(), Vec::new());
            for part in body.chunks(1 + random.next(100)) {
                let fed = decoder.feed(part, &mut out);
                assert_eq!(fed.is_ok(), passing.feed(part, &mut sent).is_ok());
                assert!(b"hello world".starts_with(&out) && sent.len() <= body.len());
            }
            let is_whole = decoder.finish().is_ok();
            // The same keys make the same signatures.
            assert!(body.starts_with(&sent) && is_whole == passing.finish().is_ok());
            assert!(!is_whole || (out == b"hello world" && sent == body));
            begun += usize::from(!is_whole && !out.is_empty());
            whole += usize::from(is_whole && body != seed);
        }
        assert!(whole > 5 && begun > 1_000, "{whole} whole, {begun} begun");
    }
}

/// Returns the headers of an upload as received, and the chain of signatures that they start.
fn signed_upload(plan: &Chunked) -> (Vec<(&'static str, String)>, ChunkSigner) {
    let signer = Signer::s3("us-east-1").unwrap();
    let mut headers = vec![("host", "bucket.s3.amazonaws.com".to_owned())];
    headers.extend(plan.headers());
    let given: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let request = Request::from_wire("PUT", "/key", &given)
        .unwrap()
        .payload(Payload::Streaming(plan.streaming()));
    let signature = signer.sign(&request, &credentials(), at()).unwrap();
    headers.extend(
        signature
            .headers()
            .map(|(name, value)| (name, value.to_owned())),
    );
    (
        headers,
        ChunkSigner::new(&signer, &credentials(), at(), &signature),
    )
}

#[test]
fn the_reader_panics_on_no_event_stream_and_messages_encode_to_the_bytes_they_had() {
    let mut random = Random(2);
    let seed = Message::new(*b"payload")
        .unwrap()
        .header("a", HeaderValue::String("text".into()))
        .unwrap()
        .header("b", HeaderValue::Uuid([1; 16]))
        .unwrap()
        .header("c", HeaderValue::Timestamp(-1))
        .unwrap()
        .encode();
    let mut whole = 0;
    for _ in 0..60_000 {
        let bytes = repaired(random.mutate(&seed));
        if let Ok(Some((message, length))) = Message::decode(&bytes) {
            assert_eq!(message.encode(), bytes[..length]);
            whole += 1;
        }
    }
    assert!(whole > 100, "only {whole} messages were whole");
}

/// Corrects length and checksums, which no mutation would hit.
fn repaired(mut message: Vec<u8>) -> Vec<u8> {
    if message.len() >= 16 {
        let end = message.len() - 4;
        let total = u32::try_from(message.len()).unwrap();
        message[..4].copy_from_slice(&total.to_be_bytes());
        let prelude = crc32(&message[..8]);
        message[8..12].copy_from_slice(&prelude.to_be_bytes());
        let whole = crc32(&message[..end]);
        message[end..].copy_from_slice(&whole.to_be_bytes());
    }
    message
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |register, byte| {
        (0..8).fold(register ^ u32::from(*byte), |register, _| {
            (register >> 1) ^ (0xedb8_8320 & (register & 1).wrapping_neg())
        })
    })
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "canary-secret").unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_unix_seconds(1_440_938_160)
}

#[test]
fn signing_panics_on_no_request_and_no_part_leaves_its_line() {
    let mut random = Random(3);
    let signer = Signer::s3("us-east-1").unwrap();
    let mut taken = 0;
    for _ in 0..8_000 {
        let url = random.mutate("https://EXAMPLE.com:443/a%20b/../%zz?x=1&&y=%2f+#f".as_bytes());
        let value = random.mutate("a  b\t\"c   d\" \u{e9}".as_bytes());
        let (url, value) = (
            String::from_utf8_lossy(&url),
            String::from_utf8_lossy(&value),
        );
        let request = Request::new("GET", &url).and_then(|request| request.header("X-A", &*value));
        let Ok(request) = request.map(|request| request.payload(Payload::Bytes(b"x"))) else {
            continue;
        };
        taken += 1;
        let at = Timestamp::from_unix_seconds(i64::try_from(random.next(1 << 30)).unwrap() * 1000);
        signer.sign(&request, &credentials(), at).unwrap();
        let url = signer
            .presign(&request, &credentials(), at, Ttl::MAX)
            .unwrap();
        let explained = signer
            .explain_presign(&request, &credentials(), at, Ttl::MAX)
            .unwrap();
        assert_eq!(explained.signature(), url.signature());
        let names = explained.signed_headers().split(';').count();
        assert_eq!(explained.canonical_request().split('\n').count(), 6 + names);
    }
    assert!(taken > 1_000, "{taken} requests were taken");
}

#[test]
fn canonical_paths_and_queries_stay_as_they_are() {
    let mut random = Random(5);
    let signer = Signer::new(Scope::new("us-east-1", "service").unwrap());
    let canonical = |target: &str| {
        let request = Request::from_parts("GET", "https", "example.com", target).ok()?;
        let explained = signer
            .explain(&request, &credentials(), Timestamp::MIN)
            .unwrap();
        let mut lines = explained.canonical_request().split('\n').skip(1);
        Some((lines.next()?.to_owned(), lines.next()?.to_owned()))
    };
    for _ in 0..8_000 {
        let target = random.mutate("/a//b/./../%2e%C3%A9?b=1&a=%zz&a=+&=&a&%41==\u{e9}".as_bytes());
        let Some((path, query)) = canonical(&String::from_utf8_lossy(&target)) else {
            continue;
        };
        assert_eq!(canonical(&format!("/?{query}")).unwrap().1, query);
        assert!(!path.contains("//") && !path.contains("/./"), "{path}");
    }
}

#[test]
fn the_verifier_panics_on_no_request_and_accepts_no_changed_one() {
    let mut random = Random(7);
    let now = Timestamp::from_unix_seconds(1_440_938_160);
    let general = Verifier::new(Scope::new("us-east-1", "service").unwrap());
    let s3 = Verifier::s3("us-east-1").unwrap();
    for _ in 0..8_000 {
        let authorization = random.mutate(
            b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
        let target = random.mutate(
            b"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
        let date = random.mutate(b"20150830T123600Z");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (authorization, target, date) = (text(&authorization), text(&target), text(&date));
        let headers = [
            ("Host", "example.com"),
            ("X-Amz-Date", &*date),
            ("Authorization", &*authorization),
        ];
        for (verifier, target, count) in [(&general, "/", 3), (&s3, &*target, 1)] {
            let Ok(request) = Request::from_wire("GET", target, &headers[..count]) else {
                continue;
            };
            let error = verifier
                .verify(&request, now, |_| Some(credentials()))
                .unwrap_err();
            assert!(error.status() >= 400 && !error.body("id").contains("canary"));
        }
    }
}

#[test]
fn the_reader_of_policies_panics_on_no_signed_policy() {
    let mut random = Random(17);
    let key = SigningKey::derive(
        &credentials(),
        &Scope::new("us-east-1", "s3").unwrap(),
        at(),
    );
    let verifier = Verifier::s3("us-east-1").unwrap();
    let seed = br#"{"expiration":"2030-01-01T00:00:00Z","conditions":[{"bucket":"b"},["starts-with","$key","\u00e9\ud83d\ude00"],["content-length-range",1,9],{"x-amz-algorithm":"AWS4-HMAC-SHA256","x-amz-credential":"AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request","x-amz-date":"20150830T123600Z"}]}"#;
    let mut accepted = 0;
    for round in 0..4_000 {
        let policy = match round % 8 {
            0 => seed.to_vec(),
            _ => random.mutate(seed),
        };
        let encoded = BASE64_STANDARD.encode(&policy);
        let signature = key.sign(encoded.as_bytes());
        let fields = [
            ("key", "\u{e9}\u{1f600}.png"),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            (
                "x-amz-credential",
                "AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request",
            ),
            ("x-amz-date", "20150830T123600Z"),
            ("policy", &*encoded),
            ("x-amz-signature", &*signature),
        ];
        let claim = verifier.claim_post("b", &fields).unwrap();
        match claim.verify(&credentials(), at()) {
            Ok(_) => accepted += 1,
            Err(error) => assert!(error.status() >= 400 && !error.body("id").contains("canary")),
        }
    }
    assert!((500..3_000).contains(&accepted), "{accepted} were accepted");
}

#[test]
fn what_a_host_name_tells_can_stand_in_a_scope() {
    let mut random = Random(19);
    let seeds = [
        "bucket.s3.dualstack.us-west-2.amazonaws.com:443",
        "vpce-0abc.sqs.cn-north-1.vpce.amazonaws.com.cn.",
        "a1-ats.iot.us-gov-west-1.amazonaws.com",
        "b.s3-eu-west-1.amazonaws.com",
        "b.nyc3.cdn.digitaloceanspaces.com",
        "STS-fips.fips-us-east-1.api.aws",
    ];
    let (mut known, mut with_region) = (0, 0);
    for round in 0..20_000 {
        let host = random.mutate(seeds[round % seeds.len()].as_bytes());
        let host = String::from_utf8_lossy(&host);
        let (told, scope) = (HostScope::parse(&host), Scope::from_host(&host));
        let Some(told) = told else {
            assert!(scope.is_err(), "{host}");
            continue;
        };
        let region = told.region().unwrap_or("us-east-1");
        let stated = Scope::new(region, told.service()).unwrap();
        assert_eq!(scope.ok(), told.region().map(|_| stated), "{host}");
        let name = host.split(':').next().unwrap();
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_uppercase();
        for same in [format!("{name}:443"), format!("{name}.")] {
            assert_eq!(HostScope::parse(&same).as_ref(), Some(&told), "{host}");
        }
        known += 1;
        with_region += usize::from(told.region().is_some());
    }
    let without = known - with_region;
    assert!(
        with_region > 1_000 && without > 100,
        "{with_region}, {without}"
    );
}

#[test]
#[cfg(feature = "diagnose")]
fn the_comparison_panics_on_no_answer_and_shows_no_secret() {
    let mut random = Random(11);
    let credentials = credentials().with_session_token("canary-token").unwrap();
    let request = Request::new("GET", "https://example.com/a%20b?c=d").unwrap();
    let at = Timestamp::from_unix_seconds(1_440_938_160);
    let signer = Signer::s3("us-east-1").unwrap();
    let ours = signer.explain(&request, &credentials, at).unwrap();
    let seed = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>{}</StringToSign><CanonicalRequestBytes>47 45 54</CanonicalRequestBytes>\
         <CanonicalRequest>{}</CanonicalRequest></Error>",
        ours.string_to_sign(),
        ours.canonical_request().replace("canary-token", "x")
    );
    let mut compared = 0;
    for _ in 0..8_000 {
        let answer = random.mutate(seed.as_bytes());
        let differences = ours.compare(&keyfob_sigv4::diagnose::ServerView::parse(
            &String::from_utf8_lossy(&answer),
        ));
        assert!(!format!("{differences:?}").contains("canary"));
        compared += usize::from(!differences.is_empty());
    }
    assert!(compared > 1_000, "{compared} answers were compared");
}
