use zeroize::Zeroizing;

/// A parsed answer. Its elements stand in the order of the document.
///
/// XML and JSON are read into the same tree. Of XML, attributes and prefixes of names are dropped,
/// and text beside elements; of JSON, members that are `null`. The items of a JSON array are named
/// `member`, as in the answers of the query protocol, and numbers and booleans are text.
///
/// A page of a list has 100,000 elements, so each is four numbers, and all names and texts are one
/// string. The string, which may have a secret, is zeroed on drop.
pub(super) struct Tree {
    nodes: Vec<Node>,
    text: Zeroizing<String>,
}

/// The places of an element: its name is at `name..text`, its text at `text..text_end`, and the
/// elements in it are the nodes from the next one to `end`.
struct Node {
    name: u32,
    text: u32,
    text_end: u32,
    end: u32,
}

impl Tree {
    /// Returns the element that has all others.
    pub(super) fn root(&self) -> Element<'_> {
        self.element(0)
    }

    /// Returns the element at an index of this tree.
    pub(super) fn element(&self, index: usize) -> Element<'_> {
        Element { tree: self, index }
    }
}

/// Builds a tree in the order of the document.
pub(super) struct Builder {
    tree: Tree,
    /// The open elements, the innermost last.
    open: Vec<usize>,
    is_too_long: bool,
}

impl Builder {
    /// Creates a builder for a document of that many bytes.
    pub(super) fn new(length: usize) -> Self {
        let tree = Tree {
            nodes: Vec::new(),
            text: Zeroizing::new(String::with_capacity(length)),
        };
        Self {
            tree,
            open: Vec::new(),
            is_too_long: false,
        }
    }

    /// Returns the number of open elements.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Returns true if there is no element yet.
    pub(super) fn is_empty(&self) -> bool {
        self.tree.nodes.is_empty()
    }

    /// Starts an element in the innermost open one, whose text is dropped.
    pub(super) fn open(&mut self, name: &str) {
        if let Some(leaf) = self.leaf() {
            let start = leaf.text;
            leaf.text_end = start;
            self.tree.text.truncate(start as usize);
        }
        let start = self.here();
        self.push(name);
        let text = self.here();
        self.open.push(self.tree.nodes.len());
        self.tree.nodes.push(Node {
            name: start,
            text,
            text_end: text,
            end: 0,
        });
    }

    /// Appends to the text of the innermost open element, unless there are elements in it.
    pub(super) fn text(&mut self, more: &str) {
        if self.leaf().is_some() {
            self.push(more);
            let end = self.here();
            if let Some(leaf) = self.leaf() {
                leaf.text_end = end;
            }
        }
    }

    /// Ends the innermost open element.
    pub(super) fn close(&mut self) {
        let end = number(self.tree.nodes.len());
        if let Some(node) = self.open.pop().and_then(|at| self.tree.nodes.get_mut(at)) {
            node.end = end;
        }
    }

    /// Drops the innermost open element, in which there is none.
    pub(super) fn cancel(&mut self) {
        if self.leaf().is_some()
            && let Some(node) = self.tree.nodes.pop()
        {
            self.open.pop();
            self.tree.text.truncate(node.name as usize);
        }
    }

    /// Returns the tree.
    ///
    /// # Errors
    ///
    /// If it has no element, or if an element is open, or if it is too long.
    pub(super) fn finish(self) -> Result<Tree, &'static str> {
        if self.is_too_long {
            return Err("it is too long");
        }
        if !self.open.is_empty() {
            return Err("it ends in the middle");
        }
        if self.is_empty() {
            return Err("it is empty");
        }
        Ok(self.tree)
    }

    /// Returns the innermost open element if there is none in it.
    fn leaf(&mut self) -> Option<&mut Node> {
        let last = self.tree.nodes.len().checked_sub(1)?;
        let is_leaf = self.open.last() == Some(&last);
        self.tree.nodes.last_mut().filter(|_| is_leaf)
    }

    fn here(&self) -> u32 {
        number(self.tree.text.len())
    }

    /// Appends to the string. If it has to grow, the memory that it leaves is zeroed.
    fn push(&mut self, more: &str) {
        let text = &mut self.tree.text;
        let length = text.len() + more.len();
        // What this leaves out is never read.
        if u32::try_from(length).is_err() {
            self.is_too_long = true;
            return;
        }
        if text.capacity() < length {
            let mut larger = Zeroizing::new(String::with_capacity(2 * length));
            larger.push_str(text);
            *text = larger;
        }
        text.push_str(more);
    }
}

/// Returns a place in a document, whose length was checked.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A part of an answer: its name, its text and the parts in it.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    tree: &'a Tree,
    index: usize,
}

impl<'a> Element<'a> {
    pub(super) fn index(self) -> usize {
        self.index
    }

    pub(super) fn name(self) -> &'a str {
        let node = self.node();
        self.tree
            .text
            .get(node.name as usize..node.text as usize)
            .unwrap_or_default()
    }

    /// Returns the element's own text.
    pub(super) fn whole_text(self) -> &'a str {
        let node = self.node();
        self.tree
            .text
            .get(node.text as usize..node.text_end as usize)
            .unwrap_or_default()
    }

    /// Returns the element's own text, unless it is empty or whitespace.
    pub(super) fn text(self) -> Option<&'a str> {
        Some(self.whole_text()).filter(|text| !text.trim().is_empty())
    }

    /// Returns the elements in this one.
    pub(super) fn children(self) -> impl Iterator<Item = Self> + use<'a> {
        let end = self.node().end as usize;
        let in_this = move |index: usize| (index < end).then(|| self.tree.element(index));
        std::iter::successors(in_this(self.index + 1), move |child| {
            in_this(child.node().end as usize)
        })
    }

    /// Returns the first child with that name.
    pub(super) fn child(self, name: &str) -> Option<Self> {
        self.children().find(|child| child.name() == name)
    }

    /// Returns the text of the first child with that name, unless it is empty or whitespace.
    pub(super) fn text_of(self, name: &str) -> Option<&'a str> {
        self.child(name)?.text()
    }

    /// Returns the first element with that name, in document order, beginning with this one.
    pub(super) fn find(self, name: &str) -> Option<Self> {
        let all = self.index..self.node().end as usize;
        let mut all = all.map(|index| self.tree.element(index));
        all.find(|element| element.name() == name)
    }

    fn node(self) -> &'a Node {
        // An index is that of a node, because only `Tree` and these methods make elements.
        &self.tree.nodes[self.index]
    }
}
