//! What the fuzz targets check, on a fixed sequence of mutations: short enough for every test run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    event_stream::{HeaderValue, Message},
    stream::ChunkDecoder,
};

/// A xorshift generator: the same sequence on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }

    /// Changes, doubles, cuts or moves a few bytes.
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
fn no_chunked_body_makes_the_decoder_panic() {
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
fn no_event_stream_makes_the_reader_panic_and_what_it_reads_is_written_as_it_was() {
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

/// With the right length and checksums, which no mutation would find.
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
