use std::str::FromStr;

use serde_json::{Map, Value};

use crate::error::Error;

/// A JSON object whose member names are read in any case. A member that is missing or has another
/// type than expected is not an error unless it is required.
pub(crate) struct Members {
    /// The document's name in messages.
    what: &'static str,
    /// By name in lower case.
    values: Map<String, Value>,
}

impl Members {
    /// Parses an object. `what` names the document in messages, which never repeat its content.
    pub(crate) fn parse(document: &[u8], what: &'static str) -> Result<Self, Error> {
        let members: Map<String, Value> =
            serde_json::from_slice(document).map_err(|source| not_json(&source, what, "object"))?;
        Ok(Self::new(members, what))
    }

    /// Parses an array of objects. Other values in it are left out.
    pub(crate) fn parse_list(document: &[u8], what: &'static str) -> Result<Vec<Self>, Error> {
        let values: Vec<Value> =
            serde_json::from_slice(document).map_err(|source| not_json(&source, what, "array"))?;
        let objects = values.into_iter().filter_map(|value| match value {
            Value::Object(members) => Some(Self::new(members, what)),
            _ => None,
        });
        Ok(objects.collect())
    }

    fn new(members: Map<String, Value>, what: &'static str) -> Self {
        let lower = |(name, value): (String, Value)| (name.to_ascii_lowercase(), value);
        let values = members.into_iter().map(lower).collect();
        Self { what, values }
    }

    /// Takes a string out, so that a secret is in one place only. A string of whitespace counts as
    /// missing.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    /// Takes out a string that must be there.
    pub(crate) fn required(&mut self, name: &str) -> Result<String, Error> {
        self.text(name).ok_or_else(|| self.lacks(name))
    }

    /// Takes out a string and parses it. One that cannot be parsed counts as missing.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str) -> Option<T> {
        self.text(name)?.trim().parse().ok()
    }

    /// Takes out and parses a string that must be there.
    pub(crate) fn required_parsed<T: FromStr>(&mut self, name: &str) -> Result<T, Error> {
        self.parsed(name).ok_or_else(|| self.lacks(name))
    }

    /// Takes the strings out of an array.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        match self.take(name) {
            Some(Value::Array(values)) => values
                .into_iter()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Returns true if the member is an empty string.
    pub(crate) fn is_empty_text(&self, name: &str) -> bool {
        let value = self.values.get(&name.to_ascii_lowercase());
        value.is_some_and(|value| value == "")
    }

    /// Returns the error for a member that is missing or cannot be used.
    pub(crate) fn lacks(&self, name: &str) -> Error {
        Error::response(format!("the {} has no usable {name}", self.what))
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(&name.to_ascii_lowercase())
    }
}

fn not_json(source: &serde_json::Error, what: &str, expected: &str) -> Error {
    Error::response(format!(
        "the {what} is not a JSON {expected} (line {}, column {})",
        source.line(),
        source.column()
    ))
}
