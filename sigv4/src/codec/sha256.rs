//! SHA-256 and HMAC at block level: what makes signing cheap is resuming from saved states, which the general
//! `Digest` interface does not offer. The compression function itself is `sha2`'s.

use sha2::block_api::compress256;
use zeroize::Zeroize;

use super::sink::Sink;

/// FIPS 180-4, section 5.3.3.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
const BLOCK: usize = 64;
/// Several blocks are compressed in one call, which spares loading and storing the state in between.
const BUFFER: usize = 8 * BLOCK;

/// A running SHA-256.
#[derive(Clone)]
pub(crate) struct Sha256 {
    state: [u32; 8],
    /// Bytes that went into `state`, always whole blocks.
    compressed: u64,
    used: usize,
    /// One block more than is ever used, so that the padding always fits.
    buffer: [u8; BUFFER + BLOCK],
}

impl Sha256 {
    pub(crate) fn new() -> Self {
        Self::resume(INITIAL, 0)
    }

    /// Continues from a state that `compressed` bytes, a multiple of 64, went into.
    fn resume(state: [u32; 8], compressed: u64) -> Self {
        Self {
            state,
            compressed,
            used: 0,
            buffer: [0; BUFFER + BLOCK],
        }
    }

    /// The hash of one text. Of a long text nothing is copied but the last block.
    pub(crate) fn digest(text: &[u8]) -> [u8; 32] {
        let mut hash = Self::new();
        hash.write(text);
        hash.finish()
    }

    /// The hash of all that was written.
    pub(crate) fn finish(&mut self) -> [u8; 32] {
        let end = pad(&mut self.buffer, self.used, self.compressed);
        compress256(&mut self.state, self.buffer[..end].as_chunks().0);
        bytes_of(self.state)
    }

    fn flush(&mut self) {
        compress256(&mut self.state, self.buffer[..BUFFER].as_chunks().0);
        self.compressed += BUFFER as u64;
        self.used = 0;
    }

    /// Of bytes that fill the buffer: only those that complete a block begun before are copied.
    #[inline(never)]
    fn write_through(&mut self, mut bytes: &[u8]) {
        if self.used > 0 {
            let (head, rest) = bytes.split_at(BUFFER - self.used);
            self.buffer[self.used..BUFFER].copy_from_slice(head);
            self.flush();
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks();
        if !blocks.is_empty() {
            compress256(&mut self.state, blocks);
            self.compressed += (blocks.len() * BLOCK) as u64;
        }
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

    /// The spare block takes what is beyond the end of the buffer.
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

/// An HMAC-SHA256 key as the two states that its pads lead to (RFC 2104): half of the work of a short message.
#[derive(Clone)]
pub(crate) struct HmacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacKey {
    /// The key is the concatenation of the parts.
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        let mut block = [0; BLOCK];
        if parts.iter().map(|part| part.len()).sum::<usize>() > BLOCK {
            let mut hash = Sha256::new();
            parts.iter().for_each(|part| hash.write(part));
            let mut digest = hash.finish();
            block[..32].copy_from_slice(&digest);
            digest.zeroize();
            hash.state.zeroize();
            hash.buffer.zeroize();
        } else {
            let mut at = 0;
            for part in parts {
                block[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
        }
        let key = Self {
            inner: padded(&block, 0x36),
            outer: padded(&block, 0x5c),
        };
        block.zeroize();
        key
    }

    pub(crate) fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut inner = Sha256::resume(self.inner, BLOCK as u64);
        inner.write(message);
        outer_code(self.outer, &inner.finish())
    }

    /// The state after the key and `prefix`, for messages that all begin so.
    pub(crate) fn prefixed(&self, prefix: &[u8]) -> Prefixed {
        let (blocks, rest) = prefix.as_chunks();
        let mut state = self.inner;
        compress256(&mut state, blocks);
        let mut tail = [0; BLOCK];
        tail[..rest.len()].copy_from_slice(rest);
        Prefixed {
            state,
            outer: self.outer,
            compressed: (BLOCK + blocks.len() * BLOCK) as u64,
            tail,
            tail_length: rest.len(),
        }
    }
}

impl Drop for HmacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// An HMAC that has already seen the beginning of its message.
#[derive(Clone)]
pub(crate) struct Prefixed {
    state: [u32; 8],
    outer: [u32; 8],
    compressed: u64,
    /// What of the prefix did not fill a block.
    tail: [u8; BLOCK],
    tail_length: usize,
}

impl Prefixed {
    /// The code of the prefix followed by `rest`.
    pub(crate) fn mac(&self, rest: &[u8]) -> [u8; 32] {
        let inner = if rest.len() <= SHORT {
            self.short(rest)
        } else {
            let mut inner = Sha256::resume(self.state, self.compressed);
            inner.write(&self.tail[..self.tail_length]);
            inner.write(rest);
            inner.finish()
        };
        outer_code(self.outer, &inner)
    }

    /// The inner hash of a text of a few more blocks, as a string to sign has: compressed in one go, without the buffer of a longer
    /// hash.
    #[inline]
    fn short(&self, rest: &[u8]) -> [u8; 32] {
        let mut blocks = [0; 2 * BLOCK + SHORT];
        let length = self.tail_length + rest.len();
        blocks[..BLOCK].copy_from_slice(&self.tail);
        blocks[self.tail_length..length].copy_from_slice(rest);
        let mut state = self.state;
        let end = pad(&mut blocks, length, self.compressed);
        compress256(&mut state, blocks[..end].as_chunks().0);
        bytes_of(state)
    }
}

/// Bytes after the prefix that are still few: the lines of a chunk's string to sign are 194.
const SHORT: usize = 4 * BLOCK;

impl Drop for Prefixed {
    fn drop(&mut self) {
        self.state.zeroize();
        self.outer.zeroize();
    }
}

/// The state that a pad of the key leads to.
fn padded(key: &[u8; BLOCK], byte: u8) -> [u32; 8] {
    let mut state = INITIAL;
    let mut block = key.map(|key| key ^ byte);
    compress256(&mut state, &[block]);
    block.zeroize();
    state
}

/// The outer hash of an HMAC, always of one more block.
fn outer_code(outer: [u32; 8], inner: &[u8; 32]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    block[..32].copy_from_slice(inner);
    pad(&mut block, 32, BLOCK as u64);
    let mut state = outer;
    compress256(&mut state, &[block]);
    bytes_of(state)
}

/// Fills up the last block of a text of which `before` bytes were compressed already; returns where the block ends.
///
/// FIPS 180-4, section 5.1.1: a one bit, zeros, and the length in bits.
#[inline]
fn pad(buffer: &mut [u8], used: usize, before: u64) -> usize {
    let bits = (before + used as u64) * 8;
    let end = (used + 9).next_multiple_of(BLOCK);
    buffer[used] = 0x80;
    buffer[used + 1..end].fill(0);
    buffer[end - 8..end].copy_from_slice(&bits.to_be_bytes());
    end
}

fn bytes_of(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, word) in bytes.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use sha2::Digest;

    use super::*;

    #[test]
    fn any_length_in_any_pieces_hashes_as_sha2_does() {
        let text: Vec<u8> = (0..2000_u32).map(|n| (n * 7) as u8).collect();
        for length in (0..700).chain([1023, 1024, 1025, 1999]) {
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

    /// RFC 4231, test cases 2, 6 and 7.
    #[test]
    fn hmac_gives_the_published_codes() {
        let long = [0xaa; 131];
        for (key, message, begins) in [
            (&b"Jefe"[..], &b"what do ya want for nothing?"[..], [0x5b, 0xdc, 0xc1, 0x46]),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                [0x60, 0xe4, 0x31, 0x59],
            ),
            (
                &long,
                b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
                [0x9b, 0x09, 0xff, 0xa7],
            ),
        ] {
            let hmac = HmacKey::new(&[&key[..2], &key[2..]]);
            let code = hmac.mac(message);
            assert_eq!(code[..4], begins);
            let text = [b'x'; 400];
            for length in 0..400 {
                let (prefix, rest) = text.split_at(length);
                let code = hmac.mac(&text);
                assert_eq!(hmac.prefixed(prefix).mac(rest), code, "cut at {length}");
            }
        }
    }
}
