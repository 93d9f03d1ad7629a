//! No body makes the decoder panic, or give out more than came in.
#![no_main]

use keyfob_sigv4::stream::ChunkDecoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, body) = input;
    let mut decoder = ChunkDecoder::unsigned().max_chunk(1 << 20);
    if piece & 1 == 1 {
        decoder = decoder.trailer("x-amz-checksum-crc32");
    }
    if piece & 2 == 2 {
        decoder = decoder.decoded_length(11);
    }
    let mut out = Vec::new();
    for part in body.chunks(usize::from(piece / 4) + 1) {
        if decoder.feed(part, &mut out).is_err() {
            return;
        }
        assert!(out.len() <= body.len());
    }
    let _ = decoder.finish();
});
