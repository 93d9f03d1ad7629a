use core::fmt;

use crate::codec::{hex, scan};

/// The longest signature in hex: SigV4a in DER, 72 bytes.
pub(super) const MAX_LENGTH: usize = 144;

/// The signature of a chunk or of a trailer, in lower-case hex, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChunkSignature {
    text: [u8; MAX_LENGTH],
    length: u8,
}

impl ChunkSignature {
    /// 64 digits for SigV4, up to 144 for SigV4a.
    pub fn as_str(&self) -> &str {
        // Hex digits only, so the fallback is never taken.
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }

    /// As it stands behind a SigV4a chunk: filled up with `*`, so that the body's length is known beforehand.
    #[cfg(feature = "v4a")]
    pub(super) fn padded(&self) -> &[u8; MAX_LENGTH] {
        &self.text
    }

    pub(crate) fn of_mac(mac: &[u8; 32]) -> Self {
        Self::filled(&hex::encode(mac))
    }

    #[cfg(feature = "v4a")]
    pub(super) fn of_v4a(key: &crate::v4a::SigningKey, text: &[u8]) -> Self {
        Self::filled(key.sign(text).as_bytes())
    }

    /// Reads hex digits of either length; anything else is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| byte.is_ascii_digit() | (b'a'..=b'f').contains(&byte);
        let right = (1..=MAX_LENGTH).contains(&text.len()) && scan::all(text.as_bytes(), digit);
        right.then(|| Self::filled(text.as_bytes()))
    }

    pub(super) fn filled(digits: &[u8]) -> Self {
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
    /// That of a presigned URL is good for as long as the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkSignature(redacted)")
    }
}
