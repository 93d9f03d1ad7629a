use zeroize::Zeroizing;

use crate::call::{json, xml};

/// A part of an answer: its name, its text and the parts in it.
///
/// XML and JSON are read into the same tree. Of XML, attributes and prefixes of names are dropped;
/// of JSON, members that are `null`. The items of a JSON array are named `member`, as in the
/// answers of the query protocol, and numbers and booleans are text.
///
/// The text, which may be a secret, is zeroed on drop.
#[derive(Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: Zeroizing<String>,
    pub(super) children: Vec<Self>,
}

/// The format of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    /// Returns the format that the first character tells: JSON in answers of these services is an
    /// object.
    pub(super) fn detect(document: &[u8]) -> Self {
        if without_bom(document).trim_ascii_start().starts_with(b"{") {
            Self::Json
        } else {
            Self::Xml
        }
    }
}

impl Element {
    /// Parses a whole document.
    ///
    /// The error is the reason in words, without any of the document, which may hold secrets.
    pub(super) fn parse(format: Format, document: &[u8]) -> Result<Self, &'static str> {
        match format {
            Format::Json => json::parse(without_bom(document)),
            Format::Xml => xml::parse(without_bom(document)),
        }
    }

    /// Returns the first child with that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Returns the first child with that name and drops the rest.
    pub(super) fn into_child(self, name: &str) -> Option<Self> {
        self.children.into_iter().find(|child| child.name == name)
    }

    /// Returns the element's own text, unless it is empty or whitespace.
    pub(super) fn text(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| !text.trim().is_empty())
    }

    /// Returns the text of the first child with that name, unless it is empty or whitespace.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name)?.text()
    }

    /// Returns the first element with that name, in document order, beginning with this one.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }
}

fn without_bom(document: &[u8]) -> &[u8] {
    document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document)
}
