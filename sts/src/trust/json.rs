use super::error::PolicyError;
use crate::json::Value;

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
            // Policies may write `true` or `"true"`.
            Value::Text(text) => Ok(text),
            Value::Literal(text) => Ok(text),
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
