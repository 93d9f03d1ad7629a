use std::fmt;

use serde_core::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use zeroize::Zeroizing;

use crate::{call::answer::element::Element, json::NUMBER};

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

/// Returns a number as the visitor of numbers writes it: `200` for `200.0`.
fn number(text: String) -> String {
    let is_whole = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    match text.parse::<f64>() {
        Ok(value) if !is_whole => value.to_string(),
        _ => text,
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
        while let Some(name) = members.next_key::<String>()? {
            if name == NUMBER {
                return members.next_value().map(|text| leaf(number(text)));
            }
            let Present(member) = members.next_value()?;
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
