//! JSON 1.0 and 1.1, and the objects that requests of all JSON protocols have.

use http::{HeaderName, HeaderValue, Request};

use crate::{
    call::{body::Body, value::Value},
    endpoint::Endpoint,
    error::Error,
};

/// The number of levels that a name with dots can have; what follows is part of the last one.
pub(super) const MAX_DEPTH: usize = 32;

/// Posts an object, with `target`, which names the operation, in the header `X-Amz-Target`.
/// `version` is that of the protocol.
///
/// Source: AWS JSON 1.0 and 1.1 protocols.
pub(super) fn request<'a>(
    version: &str,
    target: &str,
    parameters: impl Iterator<Item = (&'a str, &'a Value)>,
    endpoint: &Endpoint,
) -> Result<Request<Body>, Error> {
    let header = |text: String| {
        HeaderValue::try_from(text).map_err(|_| {
            let message = "the name of the operation cannot stand in a header".to_owned();
            Error::input("X-Amz-Target", message)
        })
    };
    let body = Body::from(object(parameters));
    let content_type = header(format!("application/x-amz-json-{version}"))?;
    let mut request = body.post(endpoint, content_type);
    let name = HeaderName::from_static("x-amz-target");
    let target = header(target.to_owned())?;
    request.headers_mut().insert(name, target);
    Ok(request)
}

/// Writes parameters as an object: `Tags.member.1.Key` is the member `Key` of the first item of the
/// array `Tags`.
pub(super) fn object<'a>(parameters: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let parameters: Vec<_> = parameters.collect();
    // Room for six bytes for each one, as in `\u001b`, and for the syntax around it: text that
    // grows would leave copies of secrets in freed memory.
    let lengths = parameters
        .iter()
        .map(|(name, value)| name.len() + value.expose().len());
    let mut out = Vec::with_capacity(lengths.map(|length| 6 * length + 8).sum::<usize>() + 2);
    put_object(&mut out, &parameters, MAX_DEPTH);
    // Written by a writer of text from text.
    String::from_utf8(out).unwrap_or_default()
}

type Entry<'a> = (&'a str, &'a Value);

fn put_object(out: &mut Vec<u8>, entries: &[Entry<'_>], depth: usize) {
    out.push(b'{');
    for (index, (head, inner)) in groups(entries, depth).into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put_text(out, head);
        out.push(b':');
        put_value(out, &inner, depth);
    }
    out.push(b'}');
}

fn put_array(out: &mut Vec<u8>, entries: &[Entry<'_>], depth: usize) {
    out.push(b'[');
    for (index, (_, inner)) in groups(entries, depth).into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put_value(out, &inner, depth);
    }
    out.push(b']');
}

fn put_value(out: &mut Vec<u8>, entries: &[Entry<'_>], depth: usize) {
    match entries {
        [("", value), ..] => match value {
            Value::Literal(text) => out.extend_from_slice(text.as_bytes()),
            other => put_text(out, other.expose()),
        },
        [(rest, _), ..] if rest.starts_with("member.") => {
            let items = entries
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix("member.")?, *value)));
            put_array(out, &items.collect::<Vec<_>>(), depth - 1);
        }
        entries => put_object(out, entries, depth - 1),
    }
}

/// Groups names by what stands before the first dot, in the order in which each first occurs. With
/// no depth left, dots are part of the name.
fn groups<'a>(entries: &[Entry<'a>], depth: usize) -> Vec<(&'a str, Vec<Entry<'a>>)> {
    let mut groups: Vec<(&str, Vec<Entry<'_>>)> = Vec::new();
    for (name, value) in entries {
        let (head, rest) = match name.split_once('.') {
            Some(parts) if depth > 0 => parts,
            _ => (*name, ""),
        };
        match groups.iter_mut().find(|(known, _)| *known == head) {
            Some((_, group)) => group.push((rest, value)),
            None => groups.push((head, vec![(rest, value)])),
        }
    }
    groups
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}
