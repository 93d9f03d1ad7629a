//! Lower-case hex.

#[cfg(feature = "v4a")]
use alloc::{string::String, vec::Vec};

/// Returns 32 bytes as 64 digits.
#[inline]
pub(crate) fn encode(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    for (to, byte) in text.as_chunks_mut().0.iter_mut().zip(bytes) {
        *to = [digit(byte >> 4), digit(byte & 15)];
    }
    text
}

const fn digit(value: u8) -> u8 {
    // Without a table or a branch, so that the compiler makes sixteen digits at once.
    value + b'0' + if value > 9 { b'a' - b'9' - 1 } else { 0 }
}

/// Returns the 32 bytes that 64 digits of either case stand for.
pub(crate) fn decode(text: &[u8]) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.try_into().ok()?;
    let mut bytes = [0; 32];
    for (to, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *to = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// Appends any number of bytes.
#[cfg(feature = "v4a")]
pub(crate) fn push(text: &mut String, bytes: &[u8]) {
    let digits = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
    text.extend(bytes.iter().flat_map(digits).map(char::from));
}

/// Returns the bytes that an even number of digits of either case stands for.
#[cfg(feature = "v4a")]
pub(crate) fn decode_all(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[a, b]| Some(value(*a)? << 4 | value(*b)?));
    rest.is_empty().then(|| bytes.collect())?
}

/// Returns the value of one digit of either case.
pub(crate) fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
