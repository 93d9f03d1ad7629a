//! Outputs of text: a hash, a list of bytes.

use alloc::vec::Vec;

use super::small_vec::SmallVec;

/// An output of bytes: a hash, or a text.
pub(crate) trait Sink {
    fn write(&mut self, bytes: &[u8]);

    fn push(&mut self, byte: u8) {
        self.write(&[byte]);
    }

    /// Writes the first `length` bytes of 16. A copy of constant length is cheaper than one whose
    /// length is known only at run time.
    fn write_short(&mut self, bytes: &[u8; 16], length: usize) {
        self.write(&bytes[..length]);
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn write_short(&mut self, bytes: &[u8; 16], length: usize) {
        let end = self.len() + length;
        self.extend_from_slice(bytes);
        self.truncate(end);
    }
}

/// An output that can be read back.
pub(crate) trait Text: Sink {
    fn bytes(&self) -> &[u8];

    /// Drops all but the first `length` bytes.
    fn cut(&mut self, length: usize);

    fn length(&self) -> usize {
        self.bytes().len()
    }
}

impl Text for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn cut(&mut self, length: usize) {
        self.truncate(length);
    }
}

impl<const N: usize> Sink for SmallVec<u8, N> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.extend(bytes);
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        SmallVec::push(self, byte);
    }
}

impl<const N: usize> Text for SmallVec<u8, N> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.as_slice()
    }

    fn cut(&mut self, length: usize) {
        self.truncate(length);
    }
}
