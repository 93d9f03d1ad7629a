use serde_json::{Map, Value};

use crate::error::Error;

/// A JSON object whose member names are read in any case, and whose values may be missing or of another type than
/// expected without harm.
pub(crate) struct Members(Map<String, Value>);

impl Members {
    /// `what` names the document in messages, which never repeat what is in it.
    pub(crate) fn parse(document: &[u8], what: &str) -> Result<Self, Error> {
        let members: Map<String, Value> =
            serde_json::from_slice(document).map_err(|source| not_json(&source, what, "object"))?;
        Ok(Self::of(members))
    }

    /// An array of objects; whatever else is in it is left out.
    pub(crate) fn parse_list(document: &[u8], what: &str) -> Result<Vec<Self>, Error> {
        let values: Vec<Value> =
            serde_json::from_slice(document).map_err(|source| not_json(&source, what, "array"))?;
        let objects = values.into_iter().filter_map(|value| match value {
            Value::Object(members) => Some(Self::of(members)),
            _ => None,
        });
        Ok(objects.collect())
    }

    fn of(members: Map<String, Value>) -> Self {
        let lower = |(name, value): (String, Value)| (name.to_ascii_lowercase(), value);
        Self(members.into_iter().map(lower).collect())
    }

    /// Takes a text out, so that a secret lives in one place only. Blank is missing. The name is in lower case.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    /// A text that means something, or nothing where it does not.
    pub(crate) fn parsed<T: std::str::FromStr>(&mut self, name: &str) -> Option<T> {
        self.text(name)?.trim().parse().ok()
    }

    /// The texts in an array.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        match self.0.remove(name) {
            Some(Value::Array(values)) => values
                .into_iter()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the member is there, as an empty text.
    pub(crate) fn is_empty_text(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value == "")
    }
}

fn not_json(source: &serde_json::Error, what: &str, expected: &str) -> Error {
    Error::bad_response(format!(
        "the {what} is not a JSON {expected} (line {}, column {})",
        source.line(),
        source.column()
    ))
}
