//! The wire form of names that people have in mind: object keys, parameters.

use alloc::{string::String, vec::Vec};

use crate::codec::percent;

/// An object key, or another path, as it must stand in a URL: everything but unreserved characters and `/` encoded once.
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

/// A name or value of a query parameter, or one segment of a path, as it must stand in a URL: everything but unreserved
/// characters encoded.
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

/// Encoded text is ASCII, so the fallback is never taken.
fn ascii(encoded: Vec<u8>) -> String {
    String::from_utf8(encoded).unwrap_or_default()
}
