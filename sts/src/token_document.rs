//! Documents of tokens, in the form in which the AWS CLI writes them.
//!
//! Other tools put members of their own there, so all of them are kept, in their order.

use std::fmt::Write as _;

use keyfob_sigv4::{Secret, Timestamp};
use zeroize::Zeroizing;

use crate::{error::Error, json::Value};

/// The members of an object.
#[derive(Clone, Default)]
pub(crate) struct TokenDocument(Vec<(String, Value)>);

impl TokenDocument {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Parses a document. `what` names it in the error.
    pub(crate) fn parse(text: &str, what: &str) -> Result<Self, Error> {
        // The parser limits the depth. Its error may repeat a part of the text.
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(Error::setting(format!(
                "the {what} is not a JSON object: sign in again"
            ))),
        }
    }

    fn member(&self, name: &str) -> Option<&Value> {
        let mut members = self.0.iter();
        Some(&members.find(|(known, _)| known == name)?.1)
    }

    /// Returns a text. An empty one counts as missing.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.member(name)? {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Returns a text that must be there. `what` names the document in the error.
    pub(crate) fn required(&self, name: &str, what: &str) -> Result<&str, Error> {
        self.text(name)
            .ok_or_else(|| Error::setting(format!("the {what} has no {name}: sign in again")))
    }

    /// Returns a time, which may end with `UTC`, as older tools wrote it.
    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let stripped = text.strip_suffix("UTC").map(|text| format!("{text}Z"));
        stripped.as_deref().unwrap_or(text).parse().ok()
    }

    /// Returns a time that must be there.
    pub(crate) fn required_time(&self, name: &str, what: &str) -> Result<Timestamp, Error> {
        self.required(name, what)?;
        let malformed =
            || Error::setting(format!("{name} in the {what} is not a time: sign in again"));
        self.time(name).ok_or_else(malformed)
    }

    /// Returns the texts of a list, or `None` if there is no list.
    #[cfg(feature = "sso")]
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        let Value::Array(items) = self.member(name)? else {
            return None;
        };
        let texts = items.iter().filter_map(|item| match item {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        });
        Some(texts.collect())
    }

    /// Returns a copy of an object in this one.
    #[cfg(feature = "signin")]
    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        match self.member(name)? {
            Value::Object(members) => Some(Self(members.clone())),
            _ => None,
        }
    }

    #[cfg(feature = "signin")]
    pub(crate) fn set_object(&mut self, name: &str, object: Self) {
        self.put(name, Value::Object(object.0));
    }

    /// Sets all members of another object.
    #[cfg(feature = "signin")]
    pub(crate) fn update(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            self.put(name, value.clone());
        }
    }

    /// Sets a text, in its place if it was there.
    pub(crate) fn set(&mut self, name: &str, text: &str) {
        self.put(name, Value::Text(Zeroizing::new(text.to_owned())));
    }

    /// Sets a time, without a fraction of a second.
    pub(crate) fn set_time(&mut self, name: &str, time: Timestamp) {
        let whole = Timestamp::from_unix_seconds(time.unix_seconds());
        self.set(name, &whole.to_string());
    }

    #[cfg(feature = "sso")]
    pub(crate) fn set_texts(&mut self, name: &str, texts: &[impl AsRef<str>]) {
        let text = |text: &str| Value::Text(Zeroizing::new(text.to_owned()));
        let items = texts.iter().map(|item| text(item.as_ref()));
        self.put(name, Value::Array(items.collect()));
    }

    #[cfg(feature = "sso")]
    pub(crate) fn set_null(&mut self, name: &str) {
        self.put(name, Value::Null);
    }

    #[cfg(feature = "sso")]
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// Adds the members of another document that are not in this one, except those with these
    /// names.
    pub(crate) fn keep_others(&mut self, other: &Self, except: &[&str]) {
        for (name, value) in &other.0 {
            if !except.contains(&name.as_str()) && self.member(name).is_none() {
                self.put(name, value.clone());
            }
        }
    }

    fn put(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Returns the text of the document in one line, without a line end.
    pub(crate) fn to_text(&self) -> Secret {
        // Room for all of it: text that grows would leave copies of secrets in freed memory.
        let mut out = String::with_capacity(size_of_members(&self.0));
        write_object(&mut out, &self.0);
        out.into()
    }
}

/// Returns a bound on the length of an object's text.
fn size_of_members(members: &[(String, Value)]) -> usize {
    let sizes = members
        .iter()
        .map(|(name, value)| 6 * name.len() + 6 + size_of(value));
    2 + sizes.sum::<usize>()
}

fn size_of(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        // `é` has two bytes, and is written with six.
        Value::Text(text) => 6 * text.len() + 2,
        Value::Literal(text) => text.len(),
        Value::Array(items) => 2 + items.iter().map(|item| size_of(item) + 2).sum::<usize>(),
        Value::Object(members) => size_of_members(members),
    }
}

/// Writes a value as Python's `json.dumps` does: a space after each comma and colon, and only
/// ASCII.
fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Text(text) => write_text(out, text),
        Value::Literal(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => write_object(out, members),
    }
}

fn write_object(out: &mut String, members: &[(String, Value)]) {
    out.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        write_text(out, name);
        out.push_str(": ");
        write_value(out, value);
    }
    out.push('}');
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(char),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_tools_wrote_is_kept_in_its_order_and_written_as_python_does() {
        let text = r#"{"z":"é🦀\u007f\n\"","n":[1,2.5,-3,true,null,{"b":"","a":{}}],"a":"x"}"#;
        let mut document = TokenDocument::parse(text, "file").unwrap();
        document.set("a", "y");
        document.set("new", "/");
        // Checked with `json.dumps` of Python 3.
        let expected = r#"{"z": "\u00e9\ud83e\udd80\u007f\n\"", "n": [1, 2.5, -3, true, null, {"b": "", "a": {}}], "a": "y", "new": "/"}"#;
        let seen = document.to_text();
        assert_eq!(seen.expose(), expected);
        assert!(seen.expose().len() <= size_of_members(&document.0));
    }

    #[test]
    fn times_are_read_as_all_tools_write_them() {
        for text in [
            "2026-11-22T03:00:00Z",
            "2026-11-22T03:00:00UTC",
            "2026-11-22T03:00:00.000Z",
            "2026-11-22T04:00:00+01:00",
        ] {
            let document = TokenDocument::parse(&format!(r#"{{"t":"{text}"}}"#), "file").unwrap();
            let time = document.time("t").unwrap();
            assert_eq!(time.to_string(), "2026-11-22T03:00:00Z", "{text}");
        }
    }

    #[test]
    fn an_error_does_not_repeat_the_document() {
        for text in ["canary", "[\"canary\"]", "{\"canary\": ", "", "\"canary\""] {
            let error = TokenDocument::parse(text, "token file").err().unwrap();
            assert_eq!(
                error.to_string(),
                "the token file is not a JSON object: sign in again"
            );
        }
    }
}
