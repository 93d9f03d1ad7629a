use alloc::vec::Vec;

use super::rules::Rules;
use crate::codec::{
    percent::{PATH, UNRESERVED, canonical_run, decode_escape, escape, escape_byte, is_unreserved},
    scan,
    sink::Sink,
};

/// The path of a request, which becomes the canonical URI.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// As it is sent.
    Sent(&'a str),
    /// As it is signed.
    Signed(&'a [u8]),
}

impl Path<'_> {
    pub(super) fn write(self, out: &mut impl Sink, rules: Rules) {
        match self {
            Self::Sent(path) => write(out, path, rules.normalizes(), rules.encodes_twice()),
            Self::Signed(path) => out.write(path),
        }
    }
}

/// Writes the canonical URI of a path as it is sent.
///
/// The general rules normalize the path and encode it once more. S3's do neither: S3 decodes the
/// path to the key, and encodes that. So an escape is signed in upper case, and one of a byte that
/// needs none is signed as the byte. `%2F` stays an escape, as all signers of AWS sign it.
///
/// Source: Signature Version 4, "Create a canonical request", the canonical URI; S3, the function
/// `UriEncode`.
pub(crate) fn write(out: &mut impl Sink, path: &str, normalize: bool, encode: bool) {
    let path = if path.is_empty() { "/" } else { path };
    let is_plain = |byte| is_unreserved(byte) | (byte == b'/');
    let write_as = |out: &mut _, path: &[u8]| {
        if encode {
            escape(out, path, &PATH);
        } else {
            recode(out, path);
        }
    };
    if normalize && is_unnormalized(path) {
        write_as(out, &normalized(path));
    } else if scan::all(path.as_bytes(), is_plain) {
        out.write(path.as_bytes());
    } else {
        write_as(out, path.as_bytes());
    }
}

/// Returns true if a path as it is sent is in the form that is signed.
pub(crate) fn is_signed(path: &str, rules: Rules) -> bool {
    let is_changed = rules.encodes_twice() || rules.normalizes() && is_unnormalized(path);
    !is_changed && is_canonical(path)
}

/// Returns true if a path is sent as it is signed, where paths are not encoded once more.
pub(crate) fn is_canonical(path: &str) -> bool {
    canonical_run(path.as_bytes(), &PATH) == path.len()
}

/// Decodes a path and encodes it again.
fn recode(out: &mut impl Sink, mut path: &[u8]) {
    loop {
        // Runs that are canonical already are copied as they are.
        let (run, rest) = path.split_at(canonical_run(path, &PATH));
        out.write(run);
        let Some(first) = rest.first() else { return };
        // A bare `+` is ambiguous: S3 reads a space, some compatible servers a plus. It is signed
        // as a plus, so S3 rejects the request instead of using another key.
        let (byte, taken) = decode_escape(*first, rest);
        if UNRESERVED[usize::from(byte)] {
            out.push(byte);
        } else {
            escape_byte(out, byte);
        }
        path = &rest[taken..];
    }
}

fn is_unnormalized(path: &str) -> bool {
    scan::any_pair(path.as_bytes(), |a, b| {
        (a == b'/') & ((b == b'/') | (b == b'.'))
    })
}

/// Removes empty and `.` segments; `..` removes the segment before it but never passes the root. A
/// slash at the end stays. Escaped dots are ordinary segments.
fn normalized(path: &str) -> Vec<u8> {
    let mut normal = Vec::with_capacity(path.len());
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                let parent = normal.iter().rposition(|byte| *byte == b'/');
                normal.truncate(parent.unwrap_or(0));
            }
            segment => {
                normal.push(b'/');
                normal.extend_from_slice(segment.as_bytes());
            }
        }
    }
    // RFC 3986, section 5.2.4, also leaves a slash after a final dot segment. Most of AWS's own
    // signers do not.
    if normal.is_empty() || path.ends_with('/') {
        normal.push(b'/');
    }
    normal
}
