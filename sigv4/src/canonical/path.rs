use alloc::vec::Vec;

use crate::codec::{
    percent::{ENCODED_PATH, PATH, escape, is_unreserved},
    scan,
    sink::Sink,
};

/// The canonical URI. By the general rules the path is normalised, then encoded once more as it stands on the wire. S3 reads
/// the key and encodes that, so an escape stays what it is (in whichever case, as botocore and the C signer have it), and what the wire has bare, such as `@` or `=`, becomes one. (S3
/// itself takes a bare `+` for a blank, other servers of its kind take it for itself. Signed as itself, S3 refuses it
/// rather than reach for another key.)
pub(crate) fn write(out: &mut impl Sink, path: &str, normalize: bool, encode: bool) {
    let path = if path.is_empty() { "/" } else { path };
    let is_plain = |byte| is_unreserved(byte) | (byte == b'/') | (!encode & (byte == b'%'));
    let kept = if encode { &PATH } else { &ENCODED_PATH };
    if normalize && is_unnormalized(path) {
        escape(out, &normalized(path), kept);
    } else if scan::all(path.as_bytes(), is_plain) {
        out.write(path.as_bytes());
    } else {
        escape(out, path.as_bytes(), kept);
    }
}

fn is_unnormalized(path: &str) -> bool {
    scan::any_pair(path.as_bytes(), |a, b| {
        (a == b'/') & ((b == b'/') | (b == b'.'))
    })
}

/// Empty and `.` segments go, `..` takes the segment before with it but never passes the root, and a slash at the end
/// stays. (RFC 3986 section 5.2.4 would also leave one after a final dot segment; the majority of AWS's own signers
/// does not.) Escaped dots are no dots.
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
    if normal.is_empty() || path.ends_with('/') {
        normal.push(b'/');
    }
    normal
}
