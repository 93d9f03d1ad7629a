//! `aws-chunked` bodies: the published examples, and properties of all bodies.

#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io::{self, Read};

use keyfob_sigv4::{
    Credentials, ErrorKind, Payload, Request, Rules, Scope, Signature, Signer, Timestamp,
    chunked::{
        Checksum, ChunkDecoder, ChunkEncoder, ChunkErrorKind, ChunkSigner, ChunkVerifier, Chunked,
    },
};

const URL: &str = "https://s3.amazonaws.com/examplebucket/chunkObject.txt";

fn credentials() -> Credentials {
    Credentials::new(
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )
    .unwrap()
}

fn at() -> Timestamp {
    "20130524T000000Z".parse().unwrap()
}

/// The published example signs `content-length`.
fn signer() -> Signer {
    let rules = Rules::S3.also_signed_headers(&["content-length"]);
    Signer::with_rules(Scope::new("us-east-1", "s3").unwrap(), rules)
}

fn seed(plan: &Chunked, headers: &[(&str, &str)]) -> Signature {
    let planned = plan.headers();
    let mut request = Request::new("PUT", URL)
        .unwrap()
        .payload(Payload::Streaming(plan.streaming()))
        .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
        .unwrap();
    for (name, value) in planned.iter().map(|(name, value)| (*name, &**value)) {
        request = request.header(name, value).unwrap();
    }
    for (name, value) in headers {
        request = request.header(name, *value).unwrap();
    }
    signer().sign(&request, &credentials(), at()).unwrap()
}

fn chunks(seed: &Signature) -> ChunkSigner {
    ChunkSigner::new(&signer(), &credentials(), at(), seed)
}

/// Returns an encoder for this plan, and the verifier of its output.
fn pair(plan: &Chunked) -> (ChunkEncoder, ChunkVerifier) {
    let signer = chunks(&seed(plan, &[]));
    let encoder = ChunkEncoder::new(plan, signer.clone()).unwrap();
    (encoder, signer.into())
}

fn encode(plan: &Chunked, body: &[u8]) -> Vec<u8> {
    let (encoder, _) = pair(plan);
    encoder
        .frames([body])
        .collect::<Result<Vec<_>, _>>()
        .unwrap()
        .concat()
}

#[test]
fn the_published_chunks_are_signed() {
    let plan = Chunked::signed(66_560);
    let seed = seed(&plan, &[("content-length", "66824")]);
    assert_eq!(
        seed.signature(),
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    );
    let mut signer = chunks(&seed);
    for (length, signature) in [
        (
            65_536,
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        ),
        (
            1024,
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        ),
        (
            0,
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ),
    ] {
        assert_eq!(signer.sign(&vec![b'a'; length]).as_str(), signature);
    }
}

#[test]
fn the_published_trailer_is_signed() {
    let plan = Chunked::signed(66_560).checksum(Checksum::Crc32c);
    let seed = seed(&plan, &[]);
    assert_eq!(
        seed.signature(),
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    );
    let encoder = ChunkEncoder::new(&plan, chunks(&seed)).unwrap();
    let mut body = Vec::new();
    let length = encoder.reader(&[b'a'; 66_560][..]).read_to_end(&mut body);
    assert_eq!(length.unwrap() as u64, plan.content_length());
    let end = String::from_utf8(body[body.len() - 208..].to_vec()).unwrap();
    assert_eq!(
        end,
        "0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n\
         x-amz-checksum-crc32c:sOO8/Q==\r\n\
         x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    );
}

#[test]
fn bodies_of_any_length_have_the_planned_length_and_decode_again() {
    let megabyte = vec![7; 5 * 1024 * 1024 + 1];
    for length in [0, 1, 8191, 8192, 8193, 65_536, 131_072, megabyte.len()] {
        for plan in [
            Chunked::signed(length as u64),
            Chunked::signed(length as u64).checksum(Checksum::Crc64Nvme),
            Chunked::signed(length as u64)
                .trailer("x-amz-meta-b", "2")
                .unwrap()
                .trailer("x-amz-meta-a", "1")
                .unwrap()
                .checksum(Checksum::Sha256),
            Chunked::signed(length as u64).chunk_size(8192).unwrap(),
        ] {
            let body = &megabyte[..length];
            let encoded = encode(&plan, body);
            assert_eq!(encoded.len() as u64, plan.content_length(), "{plan:?}");
            let mut decoder = ChunkDecoder::signed(pair(&plan).1).decoded_length(length as u64);
            for (name, value) in plan.headers() {
                if name == "x-amz-trailer" {
                    decoder = decoder.trailer(&value);
                }
            }
            let mut decoded = Vec::new();
            decoder.feed(&encoded, &mut decoded).unwrap();
            decoder.finish().unwrap();
            assert!(decoded == body, "{plan:?}");
        }
    }
}

#[test]
fn the_pieces_of_the_source_make_no_difference() {
    let body: Vec<u8> = (0..30_000_u32).map(|n| (n * 7) as u8).collect();
    let plan = Chunked::signed(30_000)
        .chunk_size(8192)
        .unwrap()
        .checksum(Checksum::Crc32);
    let expected = encode(&plan, &body);
    for piece in [1, 100, 8191, 8192, 8193, 20_000] {
        let frames: Vec<_> = pair(&plan)
            .0
            .frames(body.chunks(piece))
            .map(Result::unwrap)
            .collect();
        assert!(frames.iter().all(|frame| !frame.is_empty()));
        assert!(frames.concat() == expected, "pieces of {piece}");
    }
    let mut read = Vec::new();
    pair(&plan)
        .0
        .reader(Dribble(&body))
        .read_to_end(&mut read)
        .unwrap();
    assert!(read == expected);
}

/// A reader that returns a few bytes at a time.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(613);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn a_source_of_the_wrong_length_is_an_error_on_every_call() {
    for length in [9, 11] {
        let source = vec![b'x'; length];
        let plan = Chunked::signed(10);
        let mut frames = pair(&plan).0.frames([&source]);
        assert_eq!(
            frames.next().unwrap().unwrap_err().kind(),
            ErrorKind::BodyLength
        );
        assert!(frames.next().is_none());
        let mut reader = pair(&plan).0.reader(&source[..]);
        for _ in 0..2 {
            let error = reader.read(&mut [0; 100]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}

#[test]
fn plan_and_signer_must_agree() {
    let plan = Chunked::unsigned(1);
    let signer = chunks(&seed(&plan, &[]));
    let error = ChunkEncoder::new(&plan, signer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ChunkAlgorithm);
    let error = ChunkEncoder::unsigned(&Chunked::signed(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ChunkAlgorithm);
}

fn decode(decoder: ChunkDecoder, encoded: &[u8], piece: usize) -> Result<Vec<u8>, ChunkErrorKind> {
    let (mut decoder, mut body) = (decoder, Vec::new());
    for piece in encoded.chunks(piece) {
        decoder
            .feed(piece, &mut body)
            .map_err(|error| error.kind())?;
    }
    decoder.finish().map_err(|error| error.kind())?;
    Ok(body)
}

#[test]
fn a_body_decodes_in_any_pieces_and_each_changed_byte_is_refused() {
    let body = b"hello world, hello again";
    let plan = Chunked::signed(body.len() as u64).checksum(Checksum::Crc32);
    let encoded = encode(&plan, body);
    let decoder = || {
        ChunkDecoder::signed(pair(&plan).1)
            .decoded_length(body.len() as u64)
            .trailer("x-amz-checksum-crc32")
    };
    for piece in 1..encoded.len() {
        assert_eq!(decode(decoder(), &encoded, piece).unwrap(), body);
    }
    for at in 0..encoded.len() {
        let mut changed = encoded.clone();
        changed[at] ^= 1;
        let result = decode(decoder(), &changed, changed.len());
        assert!(result.is_err(), "byte {at} of {}", encoded.escape_ascii());
        let result = decode(decoder(), &encoded[..at], encoded.len());
        assert_eq!(result, Err(ChunkErrorKind::Incomplete), "cut at {at}");
    }
}

#[test]
fn no_byte_is_given_out_before_its_chunk_is_verified() {
    let plan = Chunked::signed(10);
    let mut encoded = encode(&plan, b"0123456789");
    let digit = encoded.iter().position(|byte| *byte == b'9').unwrap();
    encoded[digit] = b'8';
    let mut decoder = ChunkDecoder::signed(pair(&plan).1);
    let mut body = Vec::new();
    decoder.feed(&encoded[..digit], &mut body).unwrap();
    assert!(body.is_empty());
    let error = decoder.feed(&encoded[digit..], &mut body).unwrap_err();
    assert_eq!(
        (error.code(), error.status()),
        ("SignatureDoesNotMatch", 403)
    );
    assert!(body.is_empty());
}

#[test]
fn broken_bodies_have_different_kinds() {
    let unsigned = ChunkDecoder::unsigned;
    let crc = || unsigned().trailer("x-amz-checksum-crc32");
    for (decoder, body, kind) in [
        (unsigned(), "", ChunkErrorKind::Incomplete),
        (unsigned(), "x\r\n", ChunkErrorKind::Malformed),
        (
            unsigned(),
            "+1\r\na\r\n0\r\n\r\n",
            ChunkErrorKind::Malformed,
        ),
        (unsigned(), "\r\n", ChunkErrorKind::Malformed),
        (
            ChunkDecoder::signed(pair(&Chunked::signed(1)).1),
            "ffffffffffffffff;chunk-signature=00\r\n",
            ChunkErrorKind::TooLarge,
        ),
        (
            unsigned(),
            "ffffffffffffffff\r\n",
            ChunkErrorKind::Incomplete,
        ),
        (
            unsigned().min_chunk(2),
            "2\r\nab\r\n1\r\na\r\n1\r\na\r\n0\r\n\r\n",
            ChunkErrorKind::TooSmall,
        ),
        (
            unsigned(),
            "10000000000000000\r\n",
            ChunkErrorKind::Malformed,
        ),
        (
            unsigned().max_chunk(1),
            "2\r\nab\r\n",
            ChunkErrorKind::TooLarge,
        ),
        (unsigned(), "1\r\nab\r\n", ChunkErrorKind::Malformed),
        (
            unsigned(),
            "1;chunk-signature=00\r\n",
            ChunkErrorKind::Malformed,
        ),
        (unsigned(), "0\r\n\r\nmore", ChunkErrorKind::Malformed),
        (unsigned(), "0\r\na:b\r\n\r\n", ChunkErrorKind::Trailer),
        (
            unsigned().decoded_length(0),
            "1\r\na\r\n",
            ChunkErrorKind::Length,
        ),
        (
            unsigned().decoded_length(2),
            "1\r\na\r\n0\r\n",
            ChunkErrorKind::Length,
        ),
        (crc(), "0\r\n\r\n", ChunkErrorKind::Trailer),
        (crc(), "0\r\nnonsense\r\n\r\n", ChunkErrorKind::Trailer),
        (
            crc(),
            "0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n",
            ChunkErrorKind::Checksum,
        ),
    ] {
        assert_eq!(decode(decoder, body.as_bytes(), 3), Err(kind), "{body:?}");
    }
}

#[test]
fn malformed_framing_has_the_codes_of_s3() {
    let crc = || ChunkDecoder::unsigned().trailer("x-amz-checksum-crc32");
    for (decoder, body, answer) in [
        (crc(), "x\r\n", (400, "IncompleteBody")),
        (crc(), "1\r\nab\r\n", (400, "IncompleteBody")),
        (crc(), "1\r\n", (400, "IncompleteBody")),
        (
            crc().decoded_length(2),
            "1\r\na\r\n0\r\n",
            (400, "IncompleteBody"),
        ),
        (crc(), "0\r\n\r\n", (400, "MalformedTrailerError")),
        (
            crc(),
            "0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n",
            (400, "BadDigest"),
        ),
        (
            crc().min_chunk(8192),
            "1\r\na\r\n1\r\na\r\n",
            (403, "InvalidChunkSizeError"),
        ),
        (crc().max_chunk(1), "2\r\nab\r\n", (400, "EntityTooLarge")),
    ] {
        let mut decoder = decoder;
        let fed = decoder.feed(body.as_bytes(), &mut Vec::new());
        let error = fed.and_then(|()| decoder.finish()).unwrap_err();
        assert_eq!((error.status(), error.code()), answer, "{body:?}");
    }
}

#[test]
fn endless_lines_and_unsigned_chunks_of_signed_bodies_are_malformed() {
    let long = "0".repeat(300);
    assert_eq!(
        decode(ChunkDecoder::unsigned(), long.as_bytes(), 300),
        Err(ChunkErrorKind::Malformed)
    );
    let plan = Chunked::signed(1);
    let bare = ChunkDecoder::signed(pair(&plan).1);
    assert_eq!(
        decode(bare, b"1\r\na\r\n0\r\n\r\n", 99),
        Err(ChunkErrorKind::Malformed)
    );
}

#[test]
fn trailers_are_signed_sorted_in_lower_case_and_trimmed() {
    let chain = chunks(&seed(&Chunked::signed(1), &[]));
    let signed = |trailers: &[(&str, &str)]| chain.trailer_string_to_sign(trailers);
    let right = signed(&[("x-a", "1"), ("x-b", "2")]);
    assert_eq!(signed(&[("X-B", " 2\t"), ("x-a", "1")]), right);
    assert_ne!(signed(&[("x-a", "2"), ("x-b", "1")]), right);
}

#[test]
fn an_empty_line_before_the_signature_of_the_trailer_is_accepted() {
    let plan = Chunked::signed(1).checksum(Checksum::Crc32);
    let encoded = String::from_utf8(encode(&plan, b"a")).unwrap();
    let other = encoded.replace("\r\nx-amz-trailer-sig", "\n\r\nx-amz-trailer-sig");
    assert_ne!(encoded, other);
    let decoder = || ChunkDecoder::signed(pair(&plan).1).trailer("x-amz-checksum-crc32");
    assert_eq!(decode(decoder(), other.as_bytes(), 10), Ok(b"a".to_vec()));
    let more = encoded.replace("\r\nx-amz-trailer-sig", "\n\r\n\r\nx-amz-trailer-sig");
    assert_eq!(
        decode(decoder(), more.as_bytes(), 10),
        Err(ChunkErrorKind::Malformed)
    );
}

#[test]
fn types_that_hold_keys_are_send_and_their_debug_shows_none() {
    fn is_send_sync<T: Send + Sync>() {}
    is_send_sync::<ChunkEncoder>();
    is_send_sync::<ChunkDecoder>();
    is_send_sync::<ChunkSigner>();
    let (encoder, verifier) = pair(&Chunked::signed(1));
    let shown = format!(
        "{encoder:?} {verifier:?} {:?}",
        ChunkDecoder::signed(verifier.clone())
    );
    assert!(!shown.contains("wJalr") && shown.len() < 500, "{shown}");
}
