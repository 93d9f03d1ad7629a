//! Uploads as real clients send them, received as a server does.
//!
//! `uploads/*.http` were captured from clients; `uploads/README.md` has the list. The bodies of the
//! Java SDKs are written here as their sources write them.

#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{fs, path::Path};

use keyfob_sigv4::{
    Credentials, Payload, Request, Signer, Timestamp,
    chunked::{self, Checksum, ChunkDecoder, ChunkErrorKind, ChunkSigner, Streaming},
    verify::{self, ErrorKind, Verified, Verifier},
};

const BODY: &str = "hello world, hello again";
const HOST: (&str, &str) = ("host", "bucket.s3.amazonaws.com");

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn verifier() -> Verifier {
    Verifier::s3("us-east-1").unwrap()
}

/// Verifies a request and its body, which comes in pieces of this length.
fn receive(request: &Request<'_>, now: Timestamp, body: &[u8], piece: usize) -> Vec<u8> {
    let verified = verifier()
        .verify(request, now, |_| Some(credentials()))
        .unwrap();
    match verifier().chunk_decoder(&verified, request).unwrap() {
        Some(decoder) => decode(decoder, body, piece).unwrap(),
        None => body.to_vec(),
    }
}

fn decode(mut decoder: ChunkDecoder, body: &[u8], piece: usize) -> Result<Vec<u8>, ChunkErrorKind> {
    let mut decoded = Vec::new();
    for piece in body.chunks(piece) {
        let fed = decoder.feed(piece, &mut decoded);
        fed.map_err(|error| error.kind())?;
    }
    decoder.finish().map_err(|error| error.kind())?;
    Ok(decoded)
}

#[test]
fn what_real_clients_send_is_received() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/uploads");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let captured: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|end| end == "http"))
        .collect();
    assert_eq!(captured.len(), 25);
    for file in captured {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(file).unwrap();
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
        let (head, body) = (str::from_utf8(&bytes[..end]).unwrap(), &bytes[end + 4..]);
        let mut lines = head.split("\r\n");
        let target = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
        let request = Request::from_wire("PUT", target, &headers)
            .unwrap()
            .payload(Payload::Declared);
        let is_date = |(name, _): &&(&str, &str)| name.eq_ignore_ascii_case("x-amz-date");
        let now = headers.iter().find(is_date).unwrap().1.parse().unwrap();
        let expected = if name.ends_with("empty") { "" } else { BODY };
        for piece in 1..=body.len().max(1) {
            let received = receive(&request, now, body, piece);
            assert_eq!(received, expected.as_bytes(), "{name}");
        }
        let verified = verifier().verify(&request, now, |_| Some(credentials()));
        let decoder = verifier().chunk_decoder(&verified.unwrap(), &request);
        if let (Some(decoder), BODY) = (decoder.unwrap(), expected) {
            let changed = str::from_utf8(body).unwrap().replace("world", "World");
            let kind = if head.contains("STREAMING-UNSIGNED") {
                ChunkErrorKind::Checksum
            } else {
                ChunkErrorKind::SignatureMismatch
            };
            assert_eq!(decode(decoder, changed.as_bytes(), 9), Err(kind), "{name}");
        }
        let is_gzip = name.ends_with("gzip") || name == "boto3-stream";
        let encoding = is_gzip.then_some("gzip");
        let stored = chunked::stored_encoding(&request);
        assert_eq!(stored.as_deref(), encoding, "{name}");
    }
}

/// An upload that this crate signs, to receive bodies written by hand.
struct Upload {
    headers: Vec<(String, String)>,
    chain: ChunkSigner,
}

impl Upload {
    fn new(streaming: Streaming, trailer: &str, length: usize) -> Self {
        let length = length.to_string();
        let mut headers = vec![
            HOST,
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", &*length),
        ];
        if !trailer.is_empty() {
            headers.push(("x-amz-trailer", trailer));
        }
        let request = Request::from_wire("PUT", "/key", &headers)
            .unwrap()
            .payload(Payload::Streaming(streaming));
        let signer = Signer::s3("us-east-1").unwrap();
        let signature = signer.sign(&request, &credentials(), at()).unwrap();
        let chain = ChunkSigner::new(&signer, &credentials(), at(), &signature);
        let headers = headers.iter().copied().chain(signature.headers());
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            headers: headers.collect(),
            chain,
        }
    }

    fn unsigned(trailer: &str) -> Self {
        Self::new(Streaming::UnsignedTrailer, trailer, BODY.len())
    }

    fn decoder(&self) -> ChunkDecoder {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        let request = Request::from_wire("PUT", "/key", &headers)
            .unwrap()
            .payload(Payload::Declared);
        let verified: Verified = verifier()
            .verify(&request, at(), |_| Some(credentials()))
            .unwrap();
        let decoder = verifier().chunk_decoder(&verified, &request).unwrap();
        decoder.unwrap()
    }

    /// Decodes a body that comes in pieces of every length.
    fn receive(&self, body: &str) -> Result<Vec<u8>, ChunkErrorKind> {
        let whole = decode(self.decoder(), body.as_bytes(), body.len());
        for piece in 1..body.len() {
            assert_eq!(decode(self.decoder(), body.as_bytes(), piece), whole);
        }
        whole
    }
}

fn at() -> Timestamp {
    "20260101T000000Z".parse().unwrap()
}

/// Checked against the sources of both versions.
///
/// Version 1, `AwsChunkedEncodingInputStream`: chunks of 128 KiB, each with a signature; the last
/// one is empty. There are no trailers.
///
/// Version 2, `ChunkedEncodedInputStream`: the same chunks, signed or not. The trailers follow the
/// last chunk, the checksum before the signature, each with a CRLF; one more CRLF ends the body.
/// Earlier releases wrote the same bytes with `AwsUnsignedChunkedEncodingInputStream`. So does the
/// asynchronous client with `ChecksumCalculatingAsyncRequestBody`, in chunks of 16 KiB.
#[test]
fn what_the_aws_sdks_for_java_write_is_received() {
    let checksum = "x-amz-checksum-sha256";
    let long = "0123456789abcdef".repeat(0x2000) + BODY;
    for text in [BODY, "", &long] {
        let sum = Checksum::Sha256.digest(text.as_bytes());
        for (streaming, trailer, chunk) in [
            (Streaming::Signed, "", 0x2_0000),
            (Streaming::SignedTrailer, checksum, 0x2_0000),
            (Streaming::UnsignedTrailer, checksum, 0x2_0000),
            (Streaming::UnsignedTrailer, checksum, 0x4000),
        ] {
            let upload = Upload::new(streaming, trailer, text.len());
            let mut chain = upload.chain.clone();
            let mut body = String::new();
            for data in text.as_bytes().chunks(chunk).chain([&b""[..]]) {
                body += &format!("{:x}", data.len());
                if streaming != Streaming::UnsignedTrailer {
                    body += &format!(";chunk-signature={}", chain.sign(data).as_str());
                }
                body += "\r\n";
                if !data.is_empty() {
                    body += &format!("{}\r\n", str::from_utf8(data).unwrap());
                }
            }
            if !trailer.is_empty() {
                body += &format!("{trailer}:{sum}\r\n");
            }
            if streaming == Streaming::SignedTrailer {
                let signature = chain.sign_trailer(&[(trailer, &*sum)]);
                body += &format!("x-amz-trailer-signature:{}\r\n", signature.as_str());
            }
            body += "\r\n";
            for piece in [1, 7, 4096, body.len()] {
                let received = decode(upload.decoder(), body.as_bytes(), piece);
                assert_eq!(received.unwrap(), text.as_bytes(), "{streaming:?}");
            }
        }
    }
}

/// minio-go ends them so, and the trailer with an empty line.
#[test]
fn unsigned_trailers_whose_lines_end_with_a_bare_line_feed_are_received() {
    let sum = "SSOpYgIohwt8SHMnSTrur+rYHWg0sVBSfCwQYwYKLzY=";
    let upload = Upload::unsigned("x-amz-checksum-crc32, x-amz-checksum-sha256");
    for end in ["\n", "\r\n", "\n\r\n"] {
        let body = format!(
            "18\r\n{BODY}\r\n0\r\nx-amz-checksum-sha256:{sum}{end}x-amz-checksum-crc32:Gnt47g=={end}\r\n"
        );
        assert_eq!(upload.receive(&body).unwrap(), BODY.as_bytes(), "{end:?}");
    }

    let empty = ChunkDecoder::unsigned().trailer("x-amz-checksum-crc32");
    let body = b"0\r\nx-amz-checksum-crc32:AAAAAA==\n\r\n\r\n";
    assert_eq!(decode(empty, body, 3), Ok(Vec::new()));
}

#[test]
fn signed_trailers_whose_lines_end_with_a_bare_line_feed_are_received() {
    let names = ["x-amz-checksum-crc32", "x-amz-checksum-crc32c"];
    let upload = Upload::new(Streaming::SignedTrailer, &names.join(","), BODY.len());
    let lines = [
        (names[0], "Gnt47g=="),
        (names[1], &*Checksum::Crc32c.digest(BODY.as_bytes())),
    ];
    let mut chain = upload.chain.clone();
    let (data, end) = (chain.sign(BODY.as_bytes()), chain.sign(b""));
    let (data, end) = (data.as_str(), end.as_str());
    let trailer = chain.sign_trailer(&lines);
    let text = lines
        .map(|(name, value)| format!("{name}:{value}\n"))
        .concat();
    let body = format!(
        "18;chunk-signature={data}\r\n{BODY}\r\n0;chunk-signature={end}\r\n\
         {text}\r\nx-amz-trailer-signature:{}\r\n\r\n",
        trailer.as_str()
    );
    let result = upload.receive(&body);
    assert_eq!(result.unwrap(), BODY.as_bytes());
}

#[test]
fn spaces_around_the_colon_of_a_trailer_are_no_part_of_name_and_value() {
    let upload = Upload::unsigned("x-amz-checksum-crc32");
    for colon in [" :", ": ", " : ", "\t:\t "] {
        let body = format!("18\r\n{BODY}\r\n0\r\nX-Amz-Checksum-Crc32{colon}Gnt47g== \r\n\r\n");
        assert_eq!(upload.receive(&body).unwrap(), BODY.as_bytes(), "{colon:?}");
    }
}

#[test]
fn a_trailer_that_comes_twice_does_not_stand_for_another_one() {
    let upload = Upload::unsigned("x-amz-checksum-crc32, x-amz-checksum-sha256");
    let line = "x-amz-checksum-crc32:Gnt47g==\r\n";
    let begin = format!("18\r\n{BODY}\r\n0\r\n{line}");
    for again in [line, &line.to_uppercase()] {
        let result = upload.receive(&format!("{begin}{again}\r\n"));
        assert_eq!(result, Err(ChunkErrorKind::Trailer), "{again}");
    }
}

#[test]
fn only_one_line_end_may_follow_a_bare_line_feed() {
    let upload = Upload::unsigned("x-amz-checksum-crc32");
    let begin = format!("18\r\n{BODY}\r\n0\r\nx-amz-checksum-crc32:Gnt47g==");
    for (end, kind) in [
        ("\n\r\n\r\n\r\n", ChunkErrorKind::Malformed),
        ("\r\n\r\n\r\n", ChunkErrorKind::Malformed),
        ("\n\r\n\n", ChunkErrorKind::Malformed),
        ("\n\r\nmore", ChunkErrorKind::Malformed),
        ("\n\r\n\r", ChunkErrorKind::Incomplete),
        ("\n", ChunkErrorKind::Incomplete),
    ] {
        let result = upload.receive(&format!("{begin}{end}"));
        assert_eq!(result, Err(kind), "{end:?}");
    }
}

/// Returns the decoder of an upload that announces itself with these headers, or the refusal.
fn announced(
    streaming: Streaming,
    headers: &[(&'static str, &'static str)],
) -> Result<ChunkDecoder, verify::Error> {
    let headers = [&[HOST, ("content-encoding", "aws-chunked")], headers].concat();
    let request = Request::from_wire("PUT", "/key", &headers)
        .unwrap()
        .payload(Payload::Streaming(streaming));
    let signer = Signer::s3("us-east-1").unwrap();
    let signature = signer.sign(&request, &credentials(), at()).unwrap();
    let headers: Vec<_> = headers.into_iter().chain(signature.headers()).collect();
    let request = Request::from_wire("PUT", "/key", &headers)
        .unwrap()
        .payload(Payload::Declared);
    let verified = verifier().verify(&request, at(), |_| Some(credentials()))?;
    let decoder = verifier().chunk_decoder(&verified, &request)?;
    Ok(decoder.unwrap())
}

const FRAMINGS: [Streaming; 3] = [
    Streaming::Signed,
    Streaming::SignedTrailer,
    Streaming::UnsignedTrailer,
];

/// S3 cannot tell the length of the object from that of the encoded body.
#[test]
fn an_upload_in_chunks_without_its_decoded_length_is_refused() {
    for streaming in FRAMINGS {
        let refusal = announced(streaming, &[]).err().unwrap();
        assert_eq!(refusal.kind(), ErrorKind::MissingLength);
        let answer = (refusal.status(), refusal.code());
        assert_eq!(answer, (411, "MissingContentLength"), "{streaming:?}");
        assert!(announced(streaming, &[("x-amz-decoded-content-length", "24")]).is_ok());
    }
}

#[test]
fn a_decoded_length_that_is_not_one_number_is_refused() {
    for streaming in FRAMINGS {
        for length in ["", "+24", "-1", "24 24", "0x18", "18446744073709551616"] {
            let headers = [("x-amz-decoded-content-length", length)];
            let refusal = announced(streaming, &headers).err().unwrap();
            assert_eq!(refusal.kind(), ErrorKind::Malformed, "{length:?}");
        }
        let twice = [("x-amz-decoded-content-length", "24"); 2];
        let refusal = announced(streaming, &twice).err().unwrap();
        assert_eq!(refusal.kind(), ErrorKind::Malformed);
    }
}

/// RFC 9110, section 5.3: one list may be spread over several headers.
#[test]
fn a_trailer_that_is_announced_in_two_headers_is_received() {
    let headers = [
        ("x-amz-decoded-content-length", "24"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-trailer", "x-amz-checksum-sha256"),
    ];
    let decoder = announced(Streaming::UnsignedTrailer, &headers).unwrap();
    let missing = announced(Streaming::UnsignedTrailer, &headers).unwrap();
    let body = format!("18\r\n{BODY}\r\n0\r\nx-amz-checksum-crc32:Gnt47g==\r\n\r\n");
    let refused = decode(missing, body.as_bytes(), 9);
    assert_eq!(refused, Err(ChunkErrorKind::Trailer));
    let sum = "SSOpYgIohwt8SHMnSTrur+rYHWg0sVBSfCwQYwYKLzY=";
    let body = format!(
        "18\r\n{BODY}\r\n0\r\nx-amz-checksum-crc32:Gnt47g==\r\nx-amz-checksum-sha256:{sum}\r\n\r\n"
    );
    assert_eq!(decode(decoder, body.as_bytes(), 9), Ok(BODY.into()));
}

#[test]
fn a_trailer_that_is_announced_twice_is_sent_once() {
    let names = "x-amz-checksum-crc32, X-Amz-Checksum-Crc32";
    let body = format!("18\r\n{BODY}\r\n0\r\nx-amz-checksum-crc32:Gnt47g==\r\n\r\n");
    let received = Upload::unsigned(names).receive(&body);
    assert_eq!(received.unwrap(), BODY.as_bytes());
}

#[test]
fn an_unsigned_chunk_of_any_length_is_given_out_as_it_comes() {
    let mut decoder = ChunkDecoder::unsigned();
    let mut body = Vec::new();
    decoder.feed(b"7fffffffffffffff\r\n", &mut body).unwrap();
    let megabyte = vec![7; 1 << 20];
    for _ in 0..64 {
        decoder.feed(&megabyte, &mut body).unwrap();
        assert_eq!(body.len(), megabyte.len());
        body.clear();
    }
    assert_eq!(decoder.finish().unwrap_err().code(), "IncompleteBody");
}
