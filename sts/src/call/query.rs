//! The query protocol and EC2's flavor of it: requests are forms.

use http::{HeaderValue, Request};
use keyfob_sigv4::{Secret, uri};

use crate::{call::body::Body, endpoint::Endpoint};

/// Posts a form.
///
/// Source: AWS Query protocol.
pub(super) fn request<'a, N: AsRef<str>>(
    pairs: impl Iterator<Item = (N, &'a str)> + Clone,
    endpoint: &Endpoint,
) -> Request<Body> {
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    Body::from(form(pairs)).post(endpoint, HeaderValue::from_static(content_type))
}

/// Returns the name of a parameter in EC2's flavor, where lists have no `member`.
///
/// Source: AWS EC2 Query protocol.
pub(super) fn ec2_name(name: &str) -> String {
    name.replace(".member.", ".")
}

/// Encodes names and values. A space becomes `%20`, which, unlike `+`, means a space in every part
/// of a URL.
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
