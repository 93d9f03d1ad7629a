//! Decodes and resigns any body: it never panics, and never returns more than was received. Of a
//! signed body it returns only bytes that were signed.
#![no_main]

use std::sync::LazyLock;

use keyfob_sigv4::{
    Credentials, Payload, Request, Signer, Timestamp,
    chunked::{Checksum, ChunkDecoder, ChunkEncoder, ChunkSigner, Chunked},
    resign::{BodyResigner, Resigner},
};
use libfuzzer_sys::fuzz_target;

const DATA: &[u8] = b"hello world";
const CHECKSUM: &str = "x-amz-checksum-crc32";

/// An upload without a trailer, and one with a trailer.
static UPLOADS: LazyLock<[Upload; 2]> = LazyLock::new(|| {
    let plan = Chunked::signed(DATA.len() as u64);
    [
        Upload::new(&plan),
        Upload::new(&plan.clone().checksum(Checksum::Crc32)),
    ]
});

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (control, begin, body) = input;
    let is = |bit: u8| control & bit == bit;
    let signed = is(4).then(|| &UPLOADS[usize::from(is(1))]);
    let mut decoder = match signed {
        Some(upload) => ChunkDecoder::signed(upload.chain.clone()),
        None => ChunkDecoder::unsigned(),
    };
    decoder = decoder.max_chunk(1 << 20);
    if is(1) {
        decoder = decoder.trailer(CHECKSUM);
    }
    if is(2) {
        decoder = decoder.decoded_length(DATA.len() as u64);
    }
    // A fuzzer cannot find a signature, so a signed body begins as it should.
    let begin = signed.map_or(&[][..], |upload| {
        &upload.body[..usize::from(begin).min(upload.body.len())]
    });
    let body = [begin, body].concat();
    let mut resigner = signed.map(Upload::resigner);
    let (mut out, mut sent) = (Vec::new(), Vec::new());
    for part in body.chunks(usize::from(control / 8) + 1) {
        let fed = decoder.feed(part, &mut out);
        if let Some(resigner) = &mut resigner {
            let _ = resigner.feed(part, &mut sent);
            assert!(DATA.starts_with(&out) && body.starts_with(&sent));
        }
        if fed.is_err() {
            return;
        }
        assert!(out.len() <= body.len());
    }
    let whole = decoder.finish().is_ok();
    if let Some(resigner) = resigner {
        let passed = resigner.finish().is_ok();
        assert!(!whole || (out == DATA && passed && sent == body));
    }
});

/// A request whose chunks are signed, and its body.
struct Upload {
    headers: Vec<(&'static str, String)>,
    chain: ChunkSigner,
    body: Vec<u8>,
}

impl Upload {
    fn new(plan: &Chunked) -> Self {
        let signer = Signer::s3("us-east-1").unwrap();
        let mut headers = plan.headers();
        let request = received(&headers).payload(Payload::Streaming(plan.streaming()));
        let signature = signer.sign(&request, &key(), at()).unwrap();
        let chain = ChunkSigner::new(&signer, &key(), at(), &signature);
        let made = signature
            .headers()
            .map(|(name, value)| (name, value.to_owned()));
        headers.extend(made.collect::<Vec<_>>());
        let mut body = Vec::new();
        let mut encoder = ChunkEncoder::new(plan, chain.clone()).unwrap();
        encoder.chunk(DATA, &mut body);
        encoder.end(&mut body);
        Self {
            headers,
            chain,
            body,
        }
    }

    /// Returns a resigner with the same key on both sides, which changes no signature.
    fn resigner(&self) -> BodyResigner {
        let request = received(&self.headers).payload(Payload::Declared);
        let resigner = Resigner::s3("us-east-1").unwrap();
        resigner.resign(&request, &key(), &key(), at()).unwrap().1
    }
}

fn received<'a>(headers: &'a [(&'static str, String)]) -> Request<'a> {
    let request = Request::from_parts("PUT", "https", "bucket.s3.amazonaws.com", "/key").unwrap();
    headers.iter().fold(request, |request, (name, value)| {
        request.header(name, value).unwrap()
    })
}

fn key() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret").unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_unix_seconds(1_440_938_160)
}
