use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesRef, Event},
};
use zeroize::Zeroizing;

use crate::call::answer::element::Element;

const MALFORMED: &str = "it is not well-formed XML";

const FORBIDDEN: &str = "it has a character that XML forbids";

/// The number of levels beyond which a document is refused. Answers of the service have four or
/// five.
const MAX_DEPTH: usize = 32;

/// Parses a whole document, which must have one root and no document type, and so no entities of
/// its own.
///
/// The error is the reason in words, without any of the document, which may hold secrets.
pub(super) fn parse(document: &[u8]) -> Result<Element, &'static str> {
    let document = str::from_utf8(document).map_err(|_| "it is not UTF-8")?;
    if !document.chars().all(is_allowed) {
        return Err(FORBIDDEN);
    }
    let mut reader = Reader::from_str(document);
    let mut open = Open::default();
    loop {
        match reader.read_event().map_err(|_| MALFORMED)? {
            Event::Eof => return open.into_root(),
            event => open.handle(event)?,
        }
    }
}

/// The open elements, the innermost last. The first one stands for the document itself.
struct Open(Vec<Element>);

impl Default for Open {
    fn default() -> Self {
        Self(vec![Element::default()])
    }
}

impl Open {
    fn handle(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Start(tag) => self.open(tag.local_name().as_ref()),
            Event::End(_) => self.close(),
            Event::Empty(tag) => {
                self.open(tag.local_name().as_ref())?;
                self.close()
            }
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(reference) => self.text(&resolve(&reference)?),
            // It could define entities that expand to gigabytes or read files.
            Event::DocType(_) => Err("it has a document type"),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn open(&mut self, name: &str) -> Result<(), &'static str> {
        // Without a limit, `find` and `drop`, which recurse, could overflow the stack.
        if self.0.len() > MAX_DEPTH {
            return Err("it is nested too deep");
        }
        self.0.push(Element {
            name: name.to_owned(),
            ..Element::default()
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), &'static str> {
        let closed = self.0.pop();
        let (Some(mut closed), Some(parent)) = (closed, self.0.last_mut()) else {
            return Err(MALFORMED);
        };
        // A list has thousands of these: what stands between its items is not kept.
        if !closed.children.is_empty() && closed.text.trim().is_empty() {
            closed.text = Zeroizing::default();
        }
        closed.children.shrink_to_fit();
        parent.children.push(closed);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), &'static str> {
        match self.0.as_mut_slice() {
            [_document] if text.trim().is_empty() => Ok(()),
            [_document] => Err("it is not XML"),
            [.., innermost] => {
                push(&mut innermost.text, text);
                Ok(())
            }
            [] => Err(MALFORMED),
        }
    }

    fn into_root(mut self) -> Result<Element, &'static str> {
        let document = self.0.pop().filter(|_| self.0.is_empty());
        let mut roots = document
            .ok_or("it ends in the middle")?
            .children
            .into_iter();
        match (roots.next(), roots.next()) {
            (Some(root), None) => Ok(root),
            (None, _) => Err("it is empty"),
            (Some(_), Some(_)) => Err(MALFORMED),
        }
    }
}

/// Appends to a text. Where it has to grow, the memory that it leaves is zeroed.
fn push(text: &mut Zeroizing<String>, more: &str) {
    let length = text.len() + more.len();
    if text.capacity() < length {
        // Twice the length, unless it is the first piece: most texts have one.
        let capacity = if text.is_empty() { length } else { 2 * length };
        let mut larger = Zeroizing::new(String::with_capacity(capacity));
        larger.push_str(text);
        *text = larger;
    }
    text.push_str(more);
}

/// Returns true for the characters of XML: no control character but tab and line ends, and no
/// noncharacter.
///
/// Source: XML 1.0, section 2.2, `Char`.
fn is_allowed(char: char) -> bool {
    matches!(
        char,
        '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}'
    )
}

/// Returns the text of a numeric reference or of one of the five entities that XML defines.
fn resolve(reference: &BytesRef<'_>) -> Result<String, &'static str> {
    let text = match reference.resolve_char_ref() {
        // The rule holds for references, too (XML 1.0, section 4.1): `&#27;` is no way around it.
        Ok(Some(char)) if !is_allowed(char) => return Err(FORBIDDEN),
        Ok(Some(char)) => Some(char.to_string()),
        Ok(None) => resolve_xml_entity(reference).map(str::to_owned),
        Err(_) => None,
    };
    text.ok_or("it has an unknown entity")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(document: &str) -> Result<Element, &'static str> {
        super::parse(document.as_bytes())
    }

    #[test]
    fn prefixes_comments_cdata_and_entities_are_resolved() {
        let root = parse(
            "\u{feff}<?xml version='1.0'?>\n<s:R xmlns:s='x'><!-- <A>no</A> -->\
             <s:A>a&amp;b&#x26;c&#38;<![CDATA[<d>&amp;]]>&lt;&gt;&quot;&apos;</s:A><B/><C></C></s:R>\n",
        )
        .unwrap();
        assert_eq!(root.name, "R");
        assert_eq!(root.text_of("A"), Some("a&b&c&<d>&amp;<>\"'"));
        assert!(root.child("B").is_some() && root.text_of("B").is_none());
        assert!(root.text_of("C").is_none() && root.child("D").is_none());
    }

    #[test]
    fn find_looks_through_the_whole_tree_in_document_order() {
        let root = parse("<R><A><X>1</X></A><B><X>2</X></B></R>").unwrap();
        assert_eq!(root.find("X").and_then(Element::text), Some("1"));
        assert_eq!(root.find("R").map(|found| found.name.as_str()), Some("R"));
        assert!(root.find("Y").is_none());
    }

    #[test]
    fn what_is_not_one_whole_document_is_refused_with_a_reason() {
        let deep = "<a>".repeat(10_000);
        for (document, reason) in [
            ("", "it is empty"),
            ("  \n", "it is empty"),
            ("Bad Gateway", "it is not XML"),
            ("{\"json\":true}", "it is not XML"),
            ("<R><A>x", "it ends in the middle"),
            ("<R><A>x</R>", "it is not well-formed XML"),
            ("<R", "it is not well-formed XML"),
            ("</R>", "it is not well-formed XML"),
            ("<R/><R/>", "it is not well-formed XML"),
            ("<R/>x", "it is not XML"),
            (
                "<!DOCTYPE R [<!ENTITY e 'x'>]><R>&e;</R>",
                "it has a document type",
            ),
            ("<R>&e;</R>", "it has an unknown entity"),
            ("<R>&#0;</R>", "it has an unknown entity"),
            ("<R>&#x110000;</R>", "it has an unknown entity"),
            ("<R>\u{1b}[2J</R>", FORBIDDEN),
            ("<R a='\0'/>", FORBIDDEN),
            ("<R><!-- \u{8} --></R>", FORBIDDEN),
            ("<R>\u{FFFF}</R>", FORBIDDEN),
            ("<R>&#27;</R>", FORBIDDEN),
            ("<R>&#x1B;</R>", FORBIDDEN),
            ("<R>&#xFFFE;</R>", FORBIDDEN),
            (&deep, "it is nested too deep"),
        ] {
            assert_eq!(parse(document).err(), Some(reason), "{document:.40}");
        }
        assert_eq!(super::parse(b"<R>\xFF</R>").err(), Some("it is not UTF-8"));
    }
}
