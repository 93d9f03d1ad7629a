use std::fmt;

use serde_core::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use crate::{
    call::answer::element::{Builder, Tree},
    json::NUMBER,
};

/// Parses a whole document, which must be an object. An empty one counts as an empty object, which
/// is what operations without a result answer.
///
/// The error is the reason in words, without any of the document, which may hold secrets.
pub(super) fn parse(document: &[u8]) -> Result<Tree, &'static str> {
    let document = document.trim_ascii();
    let mut tree = Builder::new(document.len());
    tree.open("");
    match document.first() {
        None => tree.close(),
        // The parser limits the depth.
        Some(b'{') => read(document, &mut tree)?,
        Some(_) => return Err("it is not a JSON object"),
    }
    tree.finish()
}

fn read(document: &[u8], tree: &mut Builder) -> Result<(), &'static str> {
    let mut reader = serde_json::Deserializer::from_slice(document);
    let read = Content(tree).deserialize(&mut reader);
    match read.and_then(|()| reader.end()) {
        Ok(()) => Ok(()),
        Err(error) if error.is_eof() => Err("it ends in the middle"),
        Err(_) => Err("it is not well-formed JSON"),
    }
}

/// Returns a number as the visitor of numbers writes it: `200` for `200.0`.
fn number(text: String) -> String {
    let is_whole = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    match text.parse::<f64>() {
        Ok(value) if !is_whole => value.to_string(),
        _ => text,
    }
}

/// The content of the element that is open, which ends with it. For `null`, there is no element.
struct Content<'a>(&'a mut Builder);

impl Content<'_> {
    fn leaf(self, text: &str) {
        self.0.text(text);
        self.0.close();
    }
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Content<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.cancel();
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.leaf(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.leaf(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.leaf(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        // Writes 200.0 as `200`, which is the same number.
        self.leaf(&value.to_string());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.leaf(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            self.0.open("member");
            if items.next_element_seed(Content(self.0))?.is_none() {
                // There was no item for it.
                self.0.cancel();
                self.0.close();
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == NUMBER {
                self.leaf(&number(members.next_value()?));
                return Ok(());
            }
            self.0.open(&name);
            members.next_value_seed(Content(self.0))?;
        }
        self.0.close();
        Ok(())
    }
}
