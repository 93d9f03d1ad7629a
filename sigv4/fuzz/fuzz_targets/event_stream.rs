//! Decodes any bytes as a message: it never panics, and a decoded message is encoded as it was.
#![no_main]

use keyfob_sigv4::event_stream::Message;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // A mutation cannot find the checksums, so they are corrected here.
    let repaired = repair(bytes);
    for bytes in [bytes, &repaired] {
        if let Ok(Some((message, length))) = Message::decode(bytes) {
            assert_eq!(message.encode(), bytes[..length]);
        }
    }
});

fn repair(bytes: &[u8]) -> Vec<u8> {
    let mut message = bytes.to_vec();
    let Ok(total) = u32::try_from(message.len()) else {
        return message;
    };
    if message.len() < 16 {
        return message;
    }
    message[..4].copy_from_slice(&total.to_be_bytes());
    let prelude = crc32(&message[..8]);
    message[8..12].copy_from_slice(&prelude.to_be_bytes());
    let end = message.len() - 4;
    let whole = crc32(&message[..end]);
    message[end..].copy_from_slice(&whole.to_be_bytes());
    message
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |register, byte| {
        (0..8).fold(register ^ u32::from(*byte), |register, _| {
            (register >> 1) ^ (0xedb8_8320 & (register & 1).wrapping_neg())
        })
    })
}
