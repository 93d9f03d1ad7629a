use zeroize::Zeroizing;

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

impl Element {
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
