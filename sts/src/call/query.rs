//! Forms: the bodies of the query protocol, and the queries of URLs.

use keyfob_sigv4::{Secret, uri};

/// Encodes names and values. A space becomes `%20`, which, unlike `+`, means a space in every part
/// of a URL.
///
/// Source: AWS Query protocol.
pub(super) fn form<'a, N: AsRef<str>>(pairs: impl Iterator<Item = (N, &'a str)> + Clone) -> String {
    // Room for three bytes for each one: text that grows would leave copies of secrets in freed
    // memory.
    let lengths = pairs
        .clone()
        .map(|(name, value)| name.as_ref().len() + value.len());
    let mut form = String::with_capacity(lengths.map(|length| 3 * length + 2).sum());
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(&uri::encode_component(name.as_ref()));
        form.push('=');
        form.push_str(Secret::from(uri::encode_component(value)).expose());
    }
    form
}
