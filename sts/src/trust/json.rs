use std::fmt;

use serde_core::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::error::PolicyError;

/// A JSON value that keeps the order of members, and those that stand twice.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    /// A text, a number or a boolean, as text: policies may write `true` or `"true"`.
    Text(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// A value and its place in the document.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) place: String,
    pub(super) value: &'a Value,
}

pub(super) fn parse(document: &str) -> Result<Value, PolicyError> {
    // The parser limits the depth.
    serde_json::from_str(document).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        PolicyError::new(place, "the document is not well-formed JSON")
    })
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        let place = String::new();
        Self { place, value }
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> PolicyError {
        PolicyError::new(self.place.as_str(), reason)
    }

    /// Returns the members of an object.
    pub(super) fn members(&self) -> Result<Vec<(&'a str, Node<'a>)>, PolicyError> {
        let Value::Object(members) = self.value else {
            return Err(self.error("this must be an object"));
        };
        let mut nodes: Vec<(&str, Node<'_>)> = Vec::with_capacity(members.len());
        for (name, value) in members {
            let node = Node {
                place: child(&self.place, name),
                value,
            };
            if nodes.iter().any(|(known, _)| known == name) {
                return Err(node.error("this is in the object twice"));
            }
            nodes.push((name, node));
        }
        Ok(nodes)
    }

    /// Returns the items of an array, or the value itself if it is not one.
    pub(super) fn items(&self) -> Vec<Node<'a>> {
        let Value::Array(items) = self.value else {
            return vec![self.clone()];
        };
        let items = items.iter().enumerate().map(|(index, value)| Node {
            place: format!("{}[{index}]", self.place),
            value,
        });
        items.collect()
    }

    pub(super) fn text(&self) -> Result<&'a str, PolicyError> {
        match self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.error("this must be a text")),
        }
    }

    /// Returns the texts of a text or of an array of texts, at least one.
    pub(super) fn texts(&self) -> Result<Vec<Node<'a>>, PolicyError> {
        let items = self.items();
        if items.is_empty() {
            return Err(self.error("this must not be empty"));
        }
        for item in &items {
            item.text()?;
        }
        Ok(items)
    }
}

fn child(place: &str, name: &str) -> String {
    if place.is_empty() {
        return name.to_owned();
    }
    format!("{place}.{name}")
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(item) = items.next_element()? {
            values.push(item);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(member) = members.next_entry()? {
            values.push(member);
        }
        Ok(Value::Object(values))
    }
}
