use quick_xml::{Reader, escape::resolve_xml_entity, events::Event};

/// The number of levels beyond which a document is refused. Answers of S3 have five.
const MAX_DEPTH: usize = 16;

/// Reads a document, and gives `visit` each element at its end: its path, such as `Error/Code`, and
/// its text. An element that has others in it has none.
///
/// # Errors
///
/// The reason in words, if the document is not well-formed, has a document type, or ends early.
pub(super) fn read(
    document: &[u8],
    mut visit: impl FnMut(&str, Option<&str>),
) -> Result<(), &'static str> {
    const MALFORMED: &str = "it is not well-formed XML";

    let document = str::from_utf8(document).map_err(|_| "it is not UTF-8")?;
    let mut reader = Reader::from_str(document);
    let mut path = Path::default();
    let mut text = String::new();
    let mut is_leaf = false;
    let mut has_root = false;
    loop {
        match reader.read_event().map_err(|_| MALFORMED)? {
            Event::Start(tag) => {
                path.push(tag.local_name().as_ref())?;
                text.clear();
                (is_leaf, has_root) = (true, true);
            }
            Event::End(_) => {
                visit(&path.names, is_leaf.then_some(&text));
                path.pop();
                is_leaf = false;
            }
            Event::Empty(tag) => {
                path.push(tag.local_name().as_ref())?;
                visit(&path.names, Some(""));
                path.pop();
                (is_leaf, has_root) = (false, true);
            }
            Event::Text(piece) if is_leaf => text.push_str(&piece.xml10_content()),
            Event::CData(piece) if is_leaf => text.push_str(&piece.xml10_content()),
            Event::GeneralRef(reference) if is_leaf => match reference.resolve_char_ref() {
                Ok(Some(char)) => text.push(char),
                Ok(None) => text.push_str(resolve_xml_entity(&reference).ok_or(MALFORMED)?),
                Err(_) => return Err(MALFORMED),
            },
            Event::DocType(_) => return Err("it has a document type"),
            Event::Eof if path.starts.is_empty() && has_root => return Ok(()),
            Event::Eof => return Err("it ends in the middle"),
            _ => {}
        }
    }
}

/// Appends a text as XML has it.
pub(super) fn escape(text: &str, document: &mut String) {
    for char in text.chars() {
        match char {
            '&' => document.push_str("&amp;"),
            '<' => document.push_str("&lt;"),
            '>' => document.push_str("&gt;"),
            // A reader would change these to spaces and line ends of its own.
            '\t' | '\n' | '\r' => document.push_str(&format!("&#{};", u32::from(char))),
            char => document.push(char),
        }
    }
}

/// The names of the open elements, the innermost last.
#[derive(Default)]
struct Path {
    names: String,
    /// Where each name begins, with its `/`.
    starts: Vec<usize>,
}

impl Path {
    fn push(&mut self, name: &str) -> Result<(), &'static str> {
        if self.starts.len() == MAX_DEPTH {
            return Err("it is nested too deep");
        }
        self.starts.push(self.names.len());
        if !self.names.is_empty() {
            self.names.push('/');
        }
        self.names.push_str(name);
        Ok(())
    }

    fn pop(&mut self) {
        self.names.truncate(self.starts.pop().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(document: &str) -> Result<Vec<(String, String)>, &'static str> {
        let mut leaves = Vec::new();
        read(document.as_bytes(), |path, text| {
            leaves.push((path.to_owned(), text.unwrap_or("(others)").to_owned()));
        })?;
        Ok(leaves)
    }

    #[test]
    fn each_element_is_visited_at_its_end_with_its_path_and_its_text() {
        let found = leaves(
            "<?xml version=\"1.0\"?>\n<R xmlns='x'> <A>a&amp;b&#x26;c<![CDATA[<d>]]></A>\
             <s:B xmlns:s='y'><C/><D></D> </s:B><!-- no --></R>\n",
        );
        let expected = [
            ("R/A", "a&b&c<d>"),
            ("R/B/C", ""),
            ("R/B/D", ""),
            ("R/B", "(others)"),
            ("R", "(others)"),
        ];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn what_is_not_a_whole_document_is_refused() {
        let deep = "<a>".repeat(100);
        for document in [
            "",
            "Bad Gateway",
            "<R><A>x",
            "<R><A>x</R>",
            "<!DOCTYPE R><R/>",
            "<R>&e;</R>",
            &deep,
        ] {
            assert!(leaves(document).is_err(), "{document}");
        }
        assert!(read(b"<R>\xff</R>", |_, _| {}).is_err());
    }
}
