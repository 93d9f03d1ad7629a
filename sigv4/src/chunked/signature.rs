use core::fmt;

use crate::codec::{hex, scan};

/// The length of the longest signature in hex: one of SigV4a in DER has up to 72 bytes.
pub(super) const MAX_LENGTH: usize = 144;

/// The signature of a chunk or a trailer in lower-case hex, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChunkSignature {
    text: [u8; MAX_LENGTH],
    length: u8,
}

impl ChunkSignature {
    /// Returns 64 digits for SigV4, or up to 144 for SigV4a.
    pub fn as_str(&self) -> &str {
        // Hex digits only, so the fallback is never taken.
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }

    /// Returns the signature padded with `*`, as SigV4a chunks have it: so the length of the body
    /// is known in advance.
    #[cfg(feature = "v4a")]
    pub(super) fn padded(&self) -> &[u8; MAX_LENGTH] {
        &self.text
    }

    pub(crate) fn from_mac(mac: &[u8; 32]) -> Self {
        Self::from_digits(&hex::encode(mac))
    }

    #[cfg(feature = "v4a")]
    pub(super) fn from_v4a(key: &crate::v4a::SigningKey, text: &[u8]) -> Self {
        Self::from_digits(key.sign(text).as_bytes())
    }

    /// Parses 1 to 144 lower-case hex digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| byte.is_ascii_digit() | (b'a'..=b'f').contains(&byte);
        let is_valid = (1..=MAX_LENGTH).contains(&text.len()) && scan::all(text.as_bytes(), digit);
        is_valid.then(|| Self::from_digits(text.as_bytes()))
    }

    pub(super) fn from_digits(digits: &[u8]) -> Self {
        let mut text = [b'*'; MAX_LENGTH];
        text[..digits.len()].copy_from_slice(digits);
        Self {
            text,
            length: digits.len() as u8,
        }
    }
}

impl fmt::Display for ChunkSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ChunkSignature {
    /// Redacted: with the signature of a presigned URL, anyone can use the URL until it expires.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkSignature(redacted)")
    }
}
