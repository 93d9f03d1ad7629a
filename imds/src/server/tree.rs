use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::error::Error;

/// The items below `/latest/`, by their path from there. A directory exists as long as it has
/// items.
#[derive(Clone, Default)]
pub(crate) struct Tree(BTreeMap<String, Bytes>);

/// The items that are JSON objects. Any other object is a directory.
const DOCUMENTS: [&str; 4] = [
    "dynamic/instance-identity/document",
    "meta-data/events/recommendations/rebalance",
    "meta-data/iam/info",
    "meta-data/spot/instance-action",
];

impl Tree {
    /// Adds the items of JSON to those that are there, and replaces those with the same path.
    /// Objects are directories, except for the few items that are objects. Strings are served as
    /// they are, arrays of strings as lines, and anything else as JSON. `null` removes an item or a
    /// directory.
    pub(crate) fn merge_json(&mut self, json: &str) -> Result<(), Error> {
        // The source is left out, because it could repeat a part of the metadata.
        let root: Map<String, Value> = serde_json::from_str(json).map_err(|source| {
            Error::setting(format!(
                "the metadata is not a JSON object (line {}, column {})",
                source.line(),
                source.column()
            ))
        })?;
        self.add("", root);
        Ok(())
    }

    fn add(&mut self, directory: &str, members: Map<String, Value>) {
        for (name, value) in members {
            let path = format!("{directory}{name}");
            match value {
                Value::Object(members) if !DOCUMENTS.contains(&path.as_str()) => {
                    self.add(&format!("{path}/"), members);
                }
                Value::Null => self.remove_all(&normalized(&path)),
                Value::String(text) => self.set(&path, text),
                value => self.set(&path, lines(&value).unwrap_or_else(|| value.to_string())),
            }
        }
    }

    /// Sets an item. What was a directory becomes an item, and the other way round. A path without
    /// a name sets nothing.
    pub(crate) fn set(&mut self, path: &str, value: impl Into<Bytes>) {
        let path = normalized(path);
        self.remove_all(&path);
        for (at, _) in path.match_indices('/') {
            self.0.remove(&path[..at]);
        }
        // Nothing can be asked for without a name.
        if !path.is_empty() {
            self.0.insert(path, value.into());
        }
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.0.remove(&normalized(path));
    }

    /// Removes an item, or everything in a directory, by its normalized path.
    fn remove_all(&mut self, path: &str) {
        let directory = format!("{path}/");
        let below = self.0.range(directory.clone()..);
        let below: Vec<String> = below
            .map(|(own, _)| own)
            .take_while(|own| own.starts_with(&directory))
            .cloned()
            .collect();
        for own in below {
            self.0.remove(&own);
        }
        self.0.remove(path);
    }

    /// Returns a value or the listing of a directory, with or without a slash at the end of the
    /// path, as EC2 does: clients ask for `placement/availability-zone/`, which is an item.
    pub(crate) fn get(&self, path: &str) -> Option<Bytes> {
        let path = path.trim_end_matches('/');
        let found = self.0.get(path).cloned();
        found.or_else(|| self.list(path))
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

/// Shows how many items there are but not their values, which may be secrets.
impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("items", &self.0.len())
            .finish_non_exhaustive()
    }
}

/// Joins slashes that follow each other, as the server does in the path of a request.
fn normalized(path: &str) -> String {
    let names: Vec<_> = path.split('/').filter(|name| !name.is_empty()).collect();
    names.join("/")
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
    fn slashes_that_follow_each_other_are_one_and_an_item_needs_a_name() {
        let mut tree = Tree::default();
        tree.set("meta-data//x/", "1");
        tree.set("//", "2");
        tree.merge_json(r#"{"": "3", "meta-data": {"": {"y": "4"}}}"#)
            .unwrap();
        assert_eq!(get(&tree, "meta-data/x").as_deref(), Some("1"));
        assert_eq!(get(&tree, "meta-data").as_deref(), Some("x\ny"));
        assert_eq!(get(&tree, "").as_deref(), Some("meta-data/"));
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
        assert_eq!(get(&tree, "meta-data/a/").as_deref(), Some("x"));
        assert_eq!(get(&tree, "meta-data/x"), None);
    }

    #[test]
    fn json_becomes_directories_values_lines_and_documents() {
        let mut tree = Tree::default();
        tree.merge_json(
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
        assert!(tree.merge_json("[]").is_err());
        let error = tree.merge_json("{\"canary\": canary}").unwrap_err();
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }

    #[test]
    fn json_is_merged_into_what_is_there_and_null_removes_it() {
        let mut tree = Tree::default();
        for path in [
            "meta-data/a",
            "meta-data/b/c",
            "meta-data/b/d",
            "meta-data/e",
            "user-data",
        ] {
            tree.set(path, "old");
        }
        tree.merge_json(
            r#"{"meta-data": {"a": "new", "b": {"d": {"f": "new"}}, "e": null}, "user-data": null}"#,
        )
        .unwrap();
        for (path, value) in [
            ("", Some("meta-data/")),
            ("meta-data", Some("a\nb/")),
            ("meta-data/a", Some("new")),
            ("meta-data/b", Some("c\nd/")),
            ("meta-data/b/c", Some("old")),
            ("meta-data/b/d/f", Some("new")),
            ("meta-data/e", None),
        ] {
            assert_eq!(get(&tree, path).as_deref(), value, "{path}");
        }
        tree.merge_json(r#"{"meta-data": {"b": "an item now"}}"#)
            .unwrap();
        assert_eq!(get(&tree, "meta-data").as_deref(), Some("a\nb"));
    }
}
