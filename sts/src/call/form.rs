use std::fmt;

use bytes::Bytes;
use keyfob_sigv4::Secret;

/// The body of a request, `application/x-www-form-urlencoded`. It may hold secrets: `Debug` shows only its length,
/// and the memory is zeroed on drop.
#[derive(Clone)]
pub struct Form(Secret);

impl Form {
    pub(super) fn new(encoded: String) -> Self {
        Self(encoded.into())
    }

    /// The encoded text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The same memory as `Bytes`, zeroed when the last clone is dropped.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Form {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form({} bytes)", self.as_ref().len())
    }
}

/// Unreserved characters stand for themselves, every other byte of the UTF-8 text is `%XX`. A space is `%20`: unlike
/// `+` it means the same in every part of a URL.
///
/// Source: RFC 3986 section 2.3; AWS Query protocol.
pub(super) fn escape_into(to: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            to.push(char::from(byte));
        } else {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            to.extend(['%', char::from(HEX[high]), char::from(HEX[low])]);
        }
    }
}
