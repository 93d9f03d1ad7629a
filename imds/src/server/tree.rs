use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::error::Error;

/// The items below `/latest/`, by their path from there. A directory exists as long as it has
/// items.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree(BTreeMap<String, Bytes>);

/// The items that are JSON objects. Any other object is a directory.
const DOCUMENTS: [&str; 4] = [
    "dynamic/instance-identity/document",
    "meta-data/events/recommendations/rebalance",
    "meta-data/iam/info",
    "meta-data/spot/instance-action",
];

impl Tree {
    /// Parses JSON. Objects are directories, except for the few items that are objects. Strings are
    /// served as they are, arrays of strings as lines, and anything else as JSON.
    pub(crate) fn from_json(json: &str) -> Result<Self, Error> {
        let root: Map<String, Value> = serde_json::from_str(json).map_err(|source| {
            Error::setting("the metadata is not a JSON object").with_source(source)
        })?;
        let mut tree = Self::default();
        tree.add("", root);
        Ok(tree)
    }

    fn add(&mut self, directory: &str, members: Map<String, Value>) {
        for (name, value) in members {
            let path = format!("{directory}{name}");
            match value {
                Value::Object(members) if !DOCUMENTS.contains(&path.as_str()) => {
                    self.add(&format!("{path}/"), members);
                }
                Value::String(text) => self.set(&path, text),
                value => self.set(&path, lines(&value).unwrap_or_else(|| value.to_string())),
            }
        }
    }

    pub(crate) fn set(&mut self, path: &str, value: impl Into<Bytes>) {
        self.0.insert(path.to_owned(), value.into());
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// Returns a value or the listing of a directory. A path that ends with a slash is always a
    /// directory.
    pub(crate) fn get(&self, path: &str) -> Option<Bytes> {
        let found = self.0.get(path).cloned();
        found.or_else(|| self.list(path.trim_end_matches('/')))
    }

    /// Returns the names in a directory, one a line. Directories end with a slash; public keys have
    /// an index and a name.
    fn list(&self, directory: &str) -> Option<Bytes> {
        let prefix = match directory {
            "" => String::new(),
            _ => format!("{directory}/"),
        };
        let names: BTreeSet<&str> = self
            .0
            .range(prefix.clone()..)
            .map_while(|(path, _)| path.strip_prefix(&prefix))
            .map(|rest| rest.find('/').map_or(rest, |slash| &rest[..=slash]))
            .collect();
        let line = |name: &str| match directory {
            "meta-data/public-keys" => key_name(name),
            _ => name.to_owned(),
        };
        let lines: Vec<String> = names.into_iter().map(line).collect();
        (!lines.is_empty()).then(|| lines.join("\n").into())
    }
}

/// Returns the listed name of the public key in this directory: `0=key-0` for `0/`.
fn key_name(directory: &str) -> String {
    let index = directory.trim_end_matches('/');
    format!("{index}=key-{index}")
}

/// Returns an array of strings as lines, or `None` for any other value.
fn lines(value: &Value) -> Option<String> {
    let values = value.as_array().filter(|values| !values.is_empty())?;
    let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    Some(texts?.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(tree: &Tree, path: &str) -> Option<String> {
        tree.get(path)
            .map(|body| String::from_utf8(body.into()).unwrap())
    }

    #[test]
    fn directories_are_listed_with_and_without_a_slash() {
        let mut tree = Tree::default();
        for path in [
            "meta-data/a",
            "meta-data/b/c",
            "meta-data/b/d/e",
            "meta-data/b-2",
        ] {
            tree.set(path, "x");
        }
        assert_eq!(get(&tree, "").as_deref(), Some("meta-data/"));
        assert_eq!(get(&tree, "meta-data").as_deref(), Some("a\nb-2\nb/"));
        assert_eq!(get(&tree, "meta-data/b/").as_deref(), Some("c\nd/"));
        assert_eq!(get(&tree, "meta-data/a").as_deref(), Some("x"));
        assert_eq!(get(&tree, "meta-data/a/"), None);
        assert_eq!(get(&tree, "meta-data/x"), None);
    }

    #[test]
    fn json_becomes_directories_values_lines_and_documents() {
        let tree = Tree::from_json(
            r#"{"user-data": "hello", "meta-data": {"ami-launch-index": 0, "security-groups": ["a", "b"],
                "events": {"maintenance": {"scheduled": []}}, "public-keys": {"0": {"openssh-key": "ssh-ed25519"}},
                "spot": {"instance-action": {"action": "stop", "time": "2026-01-01T00:02:00Z"}}}}"#,
        )
        .unwrap();
        for (path, value) in [
            ("user-data", "hello"),
            ("meta-data/ami-launch-index", "0"),
            ("meta-data/security-groups", "a\nb"),
            ("meta-data/events/maintenance/scheduled", "[]"),
            ("meta-data/public-keys/", "0=key-0"),
            ("meta-data/public-keys/0/", "openssh-key"),
            (
                "meta-data/spot/instance-action",
                r#"{"action":"stop","time":"2026-01-01T00:02:00Z"}"#,
            ),
        ] {
            assert_eq!(get(&tree, path).as_deref(), Some(value), "{path}");
        }
        assert!(Tree::from_json("[]").is_err());
    }
}
