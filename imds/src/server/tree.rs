use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

/// The items below `/latest/`, by path without that. Directories are where items have more segments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree(BTreeMap<String, Bytes>);

impl Tree {
    pub(crate) fn set(&mut self, path: &str, value: impl Into<Bytes>) {
        self.0.insert(path.to_owned(), value.into());
    }

    /// A value or a directory's listing. A path with a slash at its end is a directory only.
    pub(crate) fn get(&self, path: &str) -> Option<Bytes> {
        let directory = path.trim_end_matches('/');
        self.0.get(path).cloned().or_else(|| self.list(directory))
    }

    /// The names in a directory, one a line, directories among them with a slash.
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
        let names: Vec<&str> = names.into_iter().collect();
        (!names.is_empty()).then(|| names.join("\n").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let get = |path: &str| {
            tree.get(path)
                .map(|body| String::from_utf8(body.into()).unwrap())
        };
        assert_eq!(get("").as_deref(), Some("meta-data/"));
        assert_eq!(get("meta-data").as_deref(), Some("a\nb-2\nb/"));
        assert_eq!(get("meta-data/b/").as_deref(), Some("c\nd/"));
        assert_eq!(get("meta-data/a").as_deref(), Some("x"));
        assert_eq!(get("meta-data/a/"), None);
        assert_eq!(get("meta-data/x"), None);
    }
}
