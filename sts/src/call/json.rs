//! JSON: the bodies of requests and answers of the JSON protocols.

use std::fmt;

use serde_core::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use zeroize::Zeroizing;

use crate::call::{element::Element, operation::Value};

/// The number of levels that a name with dots can have; what follows is part of the last one.
const MAX_DEPTH: usize = 32;

/// Parses a whole document, which must be an object. An empty one counts as an empty object, which
/// is what operations without a result answer.
///
/// The error is the reason in words, without any of the document, which may hold secrets.
pub(super) fn parse(document: &[u8]) -> Result<Element, &'static str> {
    let document = document.trim_ascii();
    match document.first() {
        None => Ok(Element::default()),
        // The parser limits the depth.
        Some(b'{') => match serde_json::from_slice(document) {
            Ok(Present(root)) => Ok(root.unwrap_or_default()),
            Err(error) if error.is_eof() => Err("it ends in the middle"),
            Err(_) => Err("it is not well-formed JSON"),
        },
        Some(_) => Err("it is not a JSON object"),
    }
}

/// An element without a name, or none for `null`.
struct Present(Option<Element>);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor).map(Self)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Option<Element>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(leaf(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(leaf(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(leaf(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        // Writes 200.0 as `200`, which is the same number.
        Ok(leaf(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(leaf(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut children = Vec::new();
        while let Some(Present(item)) = items.next_element()? {
            children.extend(item.map(|item| named("member".to_owned(), item)));
        }
        Ok(Some(parent(children)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut children = Vec::new();
        while let Some((name, Present(member))) = members.next_entry::<String, Present>()? {
            children.extend(member.map(|member| named(name, member)));
        }
        Ok(Some(parent(children)))
    }
}

fn leaf(text: String) -> Option<Element> {
    Some(Element {
        text: Zeroizing::new(text),
        ..Element::default()
    })
}

fn parent(children: Vec<Element>) -> Element {
    Element {
        children,
        ..Element::default()
    }
}

fn named(name: String, element: Element) -> Element {
    Element { name, ..element }
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
