//! Encoding of object keys and parameters for a URL.

use alloc::{string::String, vec::Vec};

use crate::codec::percent;

/// Encodes an object key or another path once, for a URL. Unreserved characters and `/` stay.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::uri;
/// assert_eq!(uri::encode_path("a b/é+c=d"), "a%20b/%C3%A9%2Bc%3Dd");
/// ```
pub fn encode_path(path: &str) -> String {
    let mut text = Vec::with_capacity(percent::component_length(path.as_bytes()));
    percent::path_bytes(&mut text, path.as_bytes());
    ascii(text)
}

/// Encodes the name or value of a query parameter, or one segment of a path, for a URL. Only
/// unreserved characters stay.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::uri;
/// assert_eq!(uri::encode_component("a/b c"), "a%2Fb%20c");
/// ```
pub fn encode_component(text: &str) -> String {
    let mut encoded = Vec::with_capacity(percent::component_length(text.as_bytes()));
    percent::component(&mut encoded, text.as_bytes());
    ascii(encoded)
}

fn ascii(encoded: Vec<u8>) -> String {
    // Encoded text is ASCII, so the fallback is never used.
    String::from_utf8(encoded).unwrap_or_default()
}
