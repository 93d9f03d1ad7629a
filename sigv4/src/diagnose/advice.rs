//! The usual cause of each difference, and the cure.

use alloc::{string::String, vec::Vec};

use crate::{
    canonical::write_path,
    codec::{hex, percent},
};

pub(super) const METHOD: &str =
    "the request was sent with a different method than it was signed with";
pub(super) const SIGNED_HEADERS: &str =
    "the list of signed headers in the request is not the one that was signed";
pub(super) const ALGORITHM: &str = "the service expects another algorithm";
pub(super) const TIME: &str =
    "another time was sent than was signed: read the clock once for each request";
pub(super) const CLOCKS: &str = "the clocks differ by more than is tolerated: set this machine's clock, or sign with the server's time";
pub(super) const SCOPE_DATE: &str = "the date of the credential scope is not that of the time: it comes from another reading of the clock, around midnight";
pub(super) const REGION: &str =
    "the request was signed for another region than the endpoint's: sign for the endpoint's region";
pub(super) const BUCKET_REGION: &str =
    "the request was signed for another region than the bucket's: sign for the bucket's region";
pub(super) const SERVICE: &str = "the request was signed for another service: the signing name is often not the first label of the host";
pub(super) const UNKNOWN_KEY: &str = "the service does not know the access key id: if it is a temporary one (ASIA…), its session token must be sent and signed too";
pub(super) const SECRET: &str = "everything that is signed is the same, only the signature differs: the secret access key does not belong to this access key id; copy both again from where they were created";
pub(super) const REQUEST_HASH: &str = "the canonical requests differ, and the server does not show its own: compare method, path, query, headers and body with what was sent";

pub(super) fn for_path(ours: &str, theirs: &str) -> &'static str {
    let written = |path: &str, normalize, encode| {
        let mut text = Vec::new();
        write_path(&mut text, path, normalize, encode);
        String::from_utf8_lossy(&text).into_owned()
    };
    let encoded = |path| written(path, false, true);
    let normalized = |path| written(path, true, false);
    // The order matters: a path that is encoded twice is also equal after decoding.
    if theirs.contains("%25") && encoded(ours) == theirs {
        "the service encodes the path once more than it was signed: either the client escaped characters after signing, so escape them where the URL is made; or it was signed by the rules of S3, and the general ones hold here"
    } else if ours.contains("%25") && encoded(theirs) == ours {
        "the path was encoded twice, but the service takes it as it was sent: sign by the rules of S3"
    } else if encoded(theirs).replace("%25", "%") == ours {
        "the service signs the path as it was sent, with characters that S3 would escape: escape them where the URL is made"
    } else if is_same_when_decoded(ours, theirs, decoded_path) {
        "the path arrived or was read in another encoding: a server that decodes a path writes it again with escapes in upper case, and none for letters, digits and `-._~`, so write it that way where the URL is made; else the HTTP client or a proxy changed it after signing"
    } else if normalized(ours) == theirs {
        "the service, or a proxy before it, removes `//`, `.` and `..` from the path: normalize it when signing"
    } else if normalized(theirs) == ours {
        "the path was normalized when signing, but the service takes it as it was sent: sign by the rules of S3"
    } else if ours.replace("%2B", "%20") == theirs {
        "the service reads a bare `+` in a path as a space: write it as `%2B` where the URL is made"
    } else {
        "the path was changed after signing: look for a proxy that rewrites it, or a client that builds it again"
    }
}

/// Decodes a path, in which `+` is a literal plus.
fn decoded_path(path: &str) -> String {
    percent::decoded(path.replace('+', "%2B").as_bytes())
}

pub(super) fn for_parameter(ours: Option<&str>, theirs: Option<&str>) -> &'static str {
    let decoded = |text: &str| percent::decoded(text.as_bytes());
    match (ours, theirs) {
        (Some(_), None) => "the parameter was signed but did not arrive",
        (None, _) => "the parameter was added after signing",
        (Some(ours), Some(theirs)) if is_same_when_decoded(ours, theirs, decoded) => {
            "the encoding of the parameter was changed after signing: send the query as it was signed"
        }
        _ => "the parameter was changed after signing",
    }
}

pub(super) fn for_header(name: &str, ours: Option<&str>, theirs: Option<&str>) -> &'static str {
    match (name, ours, theirs) {
        ("x-amz-security-token", Some(_), None | Some("")) => {
            "the session token was signed but not sent: send the header x-amz-security-token too"
        }
        ("x-amz-security-token", ..) => {
            "the session token that was sent is not the one that was signed: the credentials were refreshed in between; take id, secret and token from one snapshot"
        }
        ("host", Some(_), Some(_)) => {
            "another Host arrived than was signed: a proxy, a tunnel or the HTTP client changed it, or added or dropped the port; sign for the host that is sent"
        }
        ("x-amz-date" | "date", Some(_), Some(_)) => TIME,
        (_, Some(_), None | Some("")) => {
            "the header was signed but did not arrive: a proxy or the HTTP client dropped it; do not sign it"
        }
        (_, None, _) => "the server signs a header that was not signed: it was added after signing",
        (_, Some(ours), Some(theirs)) if ours.split_whitespace().eq(theirs.split_whitespace()) => {
            "the white space in the header was changed after signing: send single spaces, and none at the ends"
        }
        _ => "the header was changed after signing",
    }
}

pub(super) fn for_content(ours: &str, theirs: &str) -> &'static str {
    let is_hash = |text: &str| hex::decode(text.as_bytes()).is_some();
    match (is_hash(ours), is_hash(theirs)) {
        (true, true) => {
            "another body arrived than was signed: it was changed, compressed or left out after signing"
        }
        (false, true) => {
            "the body was signed as unsigned or streaming, but the service wants its hash"
        }
        _ => {
            "the service takes another form of the body's hash: set the same value as x-amz-content-sha256"
        }
    }
}

/// Returns true if both stand for the same text, encoded once or twice.
fn is_same_when_decoded(a: &str, b: &str, decode: impl Fn(&str) -> String) -> bool {
    let (a, b) = (decode(a), decode(b));
    a == b || decode(&a) == decode(&b)
}
