//! Percent-encoding, RFC 3986.

use alloc::{string::String, vec::Vec};

use super::{hex, scan, sink::Sink};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Returns true for the bytes that never need an escape. It has no branch, for [`scan::all`].
///
/// Source: RFC 3986, section 2.3.
#[inline]
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    is_letter
        | byte.is_ascii_digit()
        | (byte == b'-')
        | (byte == b'.')
        | (byte == b'_')
        | (byte == b'~')
}

pub(crate) const UNRESERVED: [bool; 256] = unreserved_and(b"");
/// The bytes that stay in a path.
pub(crate) const PATH: [bool; 256] = unreserved_and(b"/");
/// The bytes that may stand in the path of a URL, RFC 3986, section 3.3. A space may not, but it
/// stays: the test suite of AWS signs it as it is.
pub(crate) const URL_PATH: [bool; 256] = unreserved_and(b"/!$&'()*+,;=:@% ");

const fn unreserved_and(punctuation: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_unreserved(byte as u8);
        byte += 1;
    }
    let mut at = 0;
    while at < punctuation.len() {
        table[punctuation[at] as usize] = true;
        at += 1;
    }
    table
}

/// Writes every byte but the unreserved ones as `%XX`.
pub(crate) fn component(out: &mut impl Sink, text: &[u8]) {
    if scan::all(text, is_unreserved) {
        out.write(text);
    } else {
        escape(out, text, &UNRESERVED);
    }
}

/// Writes every byte but the unreserved ones and `/` as `%XX`.
pub(crate) fn path_bytes(out: &mut impl Sink, text: &[u8]) {
    escape(out, text, &PATH);
}

/// Returns the length of what [`component`] writes. Of a whole query it is an upper bound.
pub(crate) fn component_length(text: &[u8]) -> usize {
    let escaped = text.iter().filter(|byte| !is_unreserved(**byte));
    text.len() + 2 * escaped.count()
}

/// Writes every byte as `%XX` but those that `unescaped` has.
pub(crate) fn escape(out: &mut impl Sink, mut text: &[u8], unescaped: &[bool; 256]) {
    while !text.is_empty() {
        let run = text
            .iter()
            .take_while(|byte| unescaped[usize::from(**byte)])
            .count();
        out.write(&text[..run]);
        let Some(byte) = text.get(run) else { return };
        escape_byte(out, *byte);
        text = &text[run + 1..];
    }
}

/// Writes one byte as `%XX`.
pub(crate) fn escape_byte(out: &mut impl Sink, byte: u8) {
    let [high, low] = hex_of(byte);
    out.write(&[b'%', high, low]);
}

/// Returns the text that a query component stands for. Bytes that are not UTF-8 become U+FFFD.
pub(crate) fn decoded(mut text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some(first) = text.first() {
        let (byte, taken) = decode_first(*first, text);
        bytes.push(byte);
        text = &text[taken..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the byte at the beginning of a query component, decoded, and the number of bytes read.
///
/// A `%` that begins no escape stands for itself.
pub(crate) fn decode_first(first: u8, text: &[u8]) -> (u8, usize) {
    match first {
        b'+' => (b' ', 1),
        first => decode_escape(first, text),
    }
}

/// Returns the byte at the beginning of a path, decoded, and the number of bytes read: a `+` is a
/// plus there.
pub(crate) fn decode_escape(first: u8, text: &[u8]) -> (u8, usize) {
    match (first, text) {
        (b'%', [_, high, low, ..]) => match (hex::value(*high), hex::value(*low)) {
            (Some(high), Some(low)) => (high << 4 | low, 3),
            _ => (b'%', 1),
        },
        (byte, _) => (byte, 1),
    }
}

/// Returns how many bytes at the beginning are encoded the canonical way already: those that
/// `plain` has, and escapes in upper case of bytes that are not unreserved.
#[inline]
pub(crate) fn canonical_run(text: &[u8], plain: &[bool; 256]) -> usize {
    let mut rest = text;
    loop {
        rest = match rest {
            [byte, after @ ..] if plain[usize::from(*byte)] => after,
            [b'%', high, low, after @ ..] if is_needed_escape(*high, *low) => after,
            _ => return text.len() - rest.len(),
        }
    }
}

/// Returns true if these are upper-case digits and the byte they stand for must be escaped.
#[inline]
fn is_needed_escape(high: u8, low: u8) -> bool {
    let (high, low) = (UPPER_HEX[usize::from(high)], UPPER_HEX[usize::from(low)]);
    (high | low) < 16 && !UNRESERVED[usize::from(high << 4 | low)]
}

/// The values of the digits `0` to `9` and `A` to `F`; 255 for every other byte.
const UPPER_HEX: [u8; 256] = {
    let mut table = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        table[HEX[value as usize] as usize] = value;
        value += 1;
    }
    table
};

const fn hex_of(byte: u8) -> [u8; 2] {
    [HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]]
}
