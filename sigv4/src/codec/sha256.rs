//! SHA-256 of text that is written in small pieces.
//!
//! Signing into `sha2::Sha256` without the buffer takes 4 % longer for a small request, and 12 %
//! longer for one with 20 headers and 20 parameters (`small-get` and `20-headers-20-params` of the
//! program `compare` in `benches`).

use sha2::Digest;

use super::sink::Sink;

const BLOCK: usize = 64;
/// Several blocks are hashed in one call, which avoids loading and storing the state in between.
const BUFFER: usize = 8 * BLOCK;

/// A running SHA-256 that collects small pieces in a buffer before it hashes them.
pub(crate) struct Sha256 {
    hash: sha2::Sha256,
    used: usize,
    /// 16 bytes more than are ever used, for [`write_short`](Sink::write_short).
    buffer: [u8; BUFFER + 16],
}

impl Sha256 {
    pub(crate) fn new() -> Self {
        Self {
            hash: sha2::Sha256::new(),
            used: 0,
            buffer: [0; BUFFER + 16],
        }
    }

    /// Returns the hash of one text, without the buffer.
    pub(crate) fn digest(text: &[u8]) -> [u8; 32] {
        sha2::Sha256::digest(text).into()
    }

    /// Returns the hash of all that was written.
    pub(crate) fn finish(&mut self) -> [u8; 32] {
        self.hash.update(&self.buffer[..self.used]);
        self.hash.finalize_reset().into()
    }

    fn flush(&mut self) {
        self.hash.update(&self.buffer[..BUFFER]);
        self.used = 0;
    }

    /// Takes bytes that fill the buffer. Whole blocks beyond it are hashed where they are.
    #[inline(never)]
    fn write_through(&mut self, bytes: &[u8]) {
        let (head, bytes) = bytes.split_at(BUFFER - self.used);
        self.buffer[self.used..BUFFER].copy_from_slice(head);
        self.flush();
        let (blocks, rest) = bytes.split_at(bytes.len() - bytes.len() % BLOCK);
        self.hash.update(blocks);
        self.buffer[..rest.len()].copy_from_slice(rest);
        self.used = rest.len();
    }
}

impl Sink for Sha256 {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        if end >= BUFFER {
            return self.write_through(bytes);
        }
        self.buffer[self.used..end].copy_from_slice(bytes);
        self.used = end;
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.buffer[self.used] = byte;
        self.used += 1;
        if self.used == BUFFER {
            self.flush();
        }
    }

    /// Copies all 16 bytes. Those after `length` are overwritten later, or go into the spare bytes.
    #[inline]
    fn write_short(&mut self, bytes: &[u8; 16], length: usize) {
        self.buffer[self.used..self.used + 16].copy_from_slice(bytes);
        if self.used + length < BUFFER {
            self.used += length;
        } else {
            self.write_through(&bytes[..length]);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn any_length_in_any_pieces_hashes_as_sha2_does() {
        let text: Vec<u8> = (0..2000_u32).map(|n| (n * 7) as u8).collect();
        let lengths = (0..700).chain([1023, 1024, 1025, 1999]);
        // Miri takes seconds for each.
        for length in lengths.step_by(if cfg!(miri) { 233 } else { 1 }) {
            let text = &text[..length];
            let expected: [u8; 32] = sha2::Sha256::digest(text).into();
            assert_eq!(Sha256::digest(text), expected, "{length}");
            for piece in [1, 3, 63, 64, 511, 512, 600] {
                let mut hash = Sha256::new();
                for part in text.chunks(piece) {
                    match part {
                        [byte] => hash.push(*byte),
                        part => hash.write(part),
                    }
                }
                assert_eq!(hash.finish(), expected, "{length} by {piece}");
            }
        }
    }
}
