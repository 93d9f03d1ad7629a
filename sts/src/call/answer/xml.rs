use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesRef, Event},
};

use crate::call::answer::element::{Builder, Tree};

const MALFORMED: &str = "it is not well-formed XML";

const FORBIDDEN: &str = "it has a character that XML forbids";

/// The number of levels beyond which a document is refused. Answers of the service have four or
/// five.
const MAX_DEPTH: usize = 32;

/// Parses a whole document, which must have one root and no document type, and so no entities of
/// its own.
///
/// The error is the reason in words, without any of the document, which may hold secrets.
pub(super) fn parse(document: &[u8]) -> Result<Tree, &'static str> {
    let document = str::from_utf8(document).map_err(|_| "it is not UTF-8")?;
    if !document.chars().all(is_allowed) {
        return Err(FORBIDDEN);
    }
    let mut reader = Reader::from_str(document);
    let mut tree = Builder::new(document.len());
    loop {
        match reader.read_event().map_err(|_| MALFORMED)? {
            Event::Eof => return tree.finish(),
            event => handle(&mut tree, event)?,
        }
    }
}

/// Takes an event of the document.
fn handle(tree: &mut Builder, event: Event<'_>) -> Result<(), &'static str> {
    match event {
        Event::Start(tag) => open(tree, tag.local_name().as_ref()),
        Event::End(_) => close(tree),
        Event::Empty(tag) => {
            open(tree, tag.local_name().as_ref())?;
            close(tree)
        }
        Event::Text(text) => add(tree, &text.xml10_content()),
        Event::CData(text) => add(tree, &text.xml10_content()),
        Event::GeneralRef(reference) => add(tree, &resolve(&reference)?),
        // It could define entities that expand to gigabytes or read files.
        Event::DocType(_) => Err("it has a document type"),
        Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
    }
}

fn open(tree: &mut Builder, name: &str) -> Result<(), &'static str> {
    // Callers recurse into answers: without a limit, they could overflow the stack.
    if tree.depth() >= MAX_DEPTH {
        return Err("it is nested too deep");
    }
    if tree.depth() == 0 && !tree.is_empty() {
        return Err(MALFORMED);
    }
    tree.open(name);
    Ok(())
}

fn close(tree: &mut Builder) -> Result<(), &'static str> {
    if tree.depth() == 0 {
        return Err(MALFORMED);
    }
    tree.close();
    Ok(())
}

fn add(tree: &mut Builder, text: &str) -> Result<(), &'static str> {
    match tree.depth() {
        0 if text.trim().is_empty() => Ok(()),
        0 => Err("it is not XML"),
        _ => {
            tree.text(text);
            Ok(())
        }
    }
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
    use crate::call::answer::element::Element;

    fn parse(document: &str) -> Result<Tree, &'static str> {
        super::parse(document.as_bytes())
    }

    #[test]
    fn prefixes_comments_cdata_and_entities_are_resolved() {
        let root = parse(
            "\u{feff}<?xml version='1.0'?>\n<s:R xmlns:s='x'><!-- <A>no</A> -->\
             <s:A>a&amp;b&#x26;c&#38;<![CDATA[<d>&amp;]]>&lt;&gt;&quot;&apos;</s:A><B/><C></C></s:R>\n",
        )
        .unwrap();
        let root = root.root();
        assert_eq!(root.name(), "R");
        assert_eq!(root.text_of("A"), Some("a&b&c&<d>&amp;<>\"'"));
        assert!(root.child("B").is_some() && root.text_of("B").is_none());
        assert!(root.text_of("C").is_none() && root.child("D").is_none());
    }

    #[test]
    fn find_looks_through_the_whole_tree_in_document_order() {
        let tree = parse("<R><A><X>1</X></A><B><X>2</X></B></R>").unwrap();
        let root = tree.root();
        assert_eq!(root.find("X").and_then(Element::text), Some("1"));
        assert_eq!(root.find("R").map(Element::name), Some("R"));
        assert!(root.find("Y").is_none());
    }

    #[test]
    fn text_beside_elements_is_dropped_and_their_own_is_not() {
        let tree = parse("<R> a <A>1</A> b <B>2<!-- -->3</B><C><D/></C> c </R>").unwrap();
        let root = tree.root();
        assert_eq!(root.whole_text(), "");
        let children: Vec<_> = root
            .children()
            .map(|child| (child.name(), child.whole_text()))
            .collect();
        assert_eq!(children, [("A", "1"), ("B", "23"), ("C", "")]);
        assert!(root.child("D").is_none() && root.find("D").is_some());
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
