use alloc::vec::Vec;

use crate::codec::{
    percent::{ENCODED_PATH, PATH, escape, is_unreserved},
    scan,
    sink::Sink,
};

/// Writes the canonical URI of a path as it is sent.
///
/// The general rules normalize the path and encode it once more. S3's do neither: S3 decodes the
/// key and encodes it again, so escapes are kept as written, in either case of their digits, and
/// reserved bytes sent bare, such as `@`, are escaped.
///
/// Source: Signature Version 4, "Create a canonical request", the canonical URI.
pub(crate) fn write(out: &mut impl Sink, path: &str, normalize: bool, encode: bool) {
    let path = if path.is_empty() { "/" } else { path };
    let is_plain = |byte| is_unreserved(byte) | (byte == b'/') | (!encode & (byte == b'%'));
    let unescaped = if encode { &PATH } else { &ENCODED_PATH };
    // A bare `+` is ambiguous: S3 reads a space, some compatible servers a plus. It is signed as a
    // plus, so S3 rejects the request instead of using another key.
    if normalize && is_unnormalized(path) {
        escape(out, &normalized(path), unescaped);
    } else if scan::all(path.as_bytes(), is_plain) {
        out.write(path.as_bytes());
    } else {
        escape(out, path.as_bytes(), unescaped);
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
