//! Percent-encoding by RFC 3986, and the canonical forms of a path and of a query.

use alloc::{string::String, vec::Vec};

use super::{hex, scan, sink::Sink};

pub(crate) const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// RFC 3986, section 2.3: what never needs encoding. Without a branch, for [`scan::all`].
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
/// What stays in a path.
pub(crate) const PATH: [bool; 256] = unreserved_and(b"/");
/// What stays in a path that was encoded already: the escapes too.
pub(crate) const ENCODED_PATH: [bool; 256] = unreserved_and(b"/%");

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

/// Every byte but the unreserved ones as `%XX`.
pub(crate) fn component(out: &mut impl Sink, text: &[u8]) {
    if scan::all(text, is_unreserved) {
        out.write(text);
    } else {
        escape(out, text, &UNRESERVED);
    }
}

/// Every byte but the unreserved ones and `/` as `%XX`.
pub(crate) fn path_bytes(out: &mut impl Sink, text: &[u8]) {
    escape(out, text, &PATH);
}

/// An upper bound of what [`component`] or [`Query::add`] writes.
pub(crate) fn component_length(text: &[u8]) -> usize {
    let escaped = text.iter().filter(|byte| !is_unreserved(**byte));
    text.len() + 2 * escaped.count()
}

pub(crate) fn escape(out: &mut impl Sink, mut text: &[u8], kept: &[bool; 256]) {
    while !text.is_empty() {
        let run = text
            .iter()
            .take_while(|byte| kept[usize::from(**byte)])
            .count();
        out.write(&text[..run]);
        let Some(byte) = text.get(run) else { return };
        escaped(out, *byte);
        text = &text[run + 1..];
    }
}

pub(crate) fn escaped(out: &mut impl Sink, byte: u8) {
    let [high, low] = hex_of(byte);
    out.write(&[b'%', high, low]);
}

/// The text that a query component stands for; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn decoded(mut text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some(first) = text.first() {
        let (byte, taken) = unit(*first, text);
        bytes.push(byte);
        text = &text[taken..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that the beginning of a query component stands for, and how many bytes say so. A `%` that begins no escape stands
/// for itself.
pub(crate) fn unit(first: u8, text: &[u8]) -> (u8, usize) {
    match (first, text) {
        (b'%', [_, high, low, ..]) => match (hex::value(*high), hex::value(*low)) {
            (Some(high), Some(low)) => (high << 4 | low, 3),
            _ => (b'%', 1),
        },
        (b'+', _) => (b' ', 1),
        (byte, _) => (byte, 1),
    }
}

const fn hex_of(byte: u8) -> [u8; 2] {
    [HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]]
}
