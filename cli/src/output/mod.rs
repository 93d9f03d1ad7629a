//! The output formats, byte for byte as version 2 of `aws` writes them.

#[cfg(test)]
mod corpora;
mod json;
mod python;
mod query;
mod table;
mod text;
mod yaml;

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::{Map, Value};

pub(crate) use self::{json::List as JsonList, query::Query, table::char_width};
use crate::{
    args::OutputFormat,
    terminal::{Screen, printable},
};

/// Characters that are invisible, but belong to words: the soft hyphen, the space without a width,
/// and what joins letters and emoji or keeps them apart. They cannot steer a terminal.
const INSIDE_WORDS: [char; 5] = ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}'];

/// Formats the answer of an operation, or what `--query` selected of it, with a line end.
pub(crate) fn render(
    format: OutputFormat,
    operation: &str,
    answer: &Value,
    screen: Screen,
) -> String {
    match format {
        OutputFormat::Json => json::render(answer),
        OutputFormat::Text => text::render(&safe(answer, screen)),
        OutputFormat::Table => table::render(operation, &safe(answer, screen), screen.width),
        OutputFormat::Yaml => yaml::render(answer),
        OutputFormat::YamlStream => yaml::render_stream(answer),
        OutputFormat::Off => String::new(),
    }
}

/// Formats an object of the list in an answer as text, as [`render`] does the whole. The columns
/// are the names of the scalars that the objects of the list have, sorted.
pub(crate) fn text_of_item(list: &str, columns: &[&str], item: &Value, screen: Screen) -> String {
    let item = safe(item, screen);
    let members = item.as_object();
    members.map_or_else(String::new, |item| text::render_item(list, columns, item))
}

/// Escapes the characters that control a terminal, which JSON and YAML do by themselves. An answer
/// without any is not copied.
fn safe(answer: &Value, screen: Screen) -> Cow<'_, Value> {
    if is_safe(answer, screen) {
        return Cow::Borrowed(answer);
    }
    Cow::Owned(without_controls(answer, screen))
}

fn is_safe(answer: &Value, screen: Screen) -> bool {
    let is_safe_text = |text: &str| !text.contains(|c| controls_terminal(c) && !is_kept(c, screen));
    match answer {
        Value::String(text) => is_safe_text(text),
        Value::Array(items) => items.iter().all(|item| is_safe(item, screen)),
        Value::Object(members) => {
            let mut members = members.iter();
            members.all(|(name, value)| is_safe_text(name) && is_safe(value, screen))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Line ends and tabs are data for a program, but on a terminal they would be taken for those of
/// the format. A text has no escapes that read back, so what belongs to words stays as it is.
fn is_kept(c: char, screen: Screen) -> bool {
    INSIDE_WORDS.contains(&c) || (matches!(c, '\n' | '\t') && !screen.is_terminal)
}

fn without_controls(answer: &Value, screen: Screen) -> Value {
    let is_kept = |c| is_kept(c, screen);
    let safe = |text: &str| -> String {
        let parts = text.split_inclusive(is_kept);
        let escape = |part: &str| {
            let text = part.strip_suffix(is_kept).unwrap_or(part);
            format!("{}{}", printable(text), &part[text.len()..])
        };
        parts.map(escape).collect()
    };
    match answer {
        Value::String(text) => safe(text).into(),
        Value::Array(items) => {
            let items = items.iter();
            items.map(|item| without_controls(item, screen)).collect()
        }
        Value::Object(members) => {
            let members = members.iter();
            let members =
                members.map(|(name, value)| (safe(name), without_controls(value, screen)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// Returns true for a character that controls a terminal, also a line end.
fn controls_terminal(c: char) -> bool {
    matches!(printable(c.encode_utf8(&mut [0; 4])), Cow::Owned(_))
}

fn is_scalar(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// The members of an object, sorted by name.
struct Members<'a> {
    scalars: Vec<(&'a String, &'a Value)>,
    /// The objects and arrays.
    others: Vec<(&'a String, &'a Value)>,
}

impl<'a> Members<'a> {
    fn new(object: &'a Map<String, Value>) -> Self {
        let members = sorted(object);
        let (scalars, others) = members.into_iter().partition(|(_, value)| is_scalar(value));
        Self { scalars, others }
    }
}

/// Returns the members of an object, sorted by name.
fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    members
}

/// Returns the sorted names of the scalars that at least one of these objects has.
fn scalar_names(objects: &[Value]) -> Vec<&str> {
    let members = objects.iter().filter_map(Value::as_object).flatten();
    let scalars = members.filter(|(_, value)| is_scalar(value));
    let names: BTreeSet<_> = scalars.map(|(name, _)| name.as_str()).collect();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_keeps_its_line_ends_for_a_program_and_loses_them_on_a_terminal() {
        let answer = json!({"a": "x\ty\n\u{1b}[31m"});
        for (is_terminal, expected) in [
            (false, "x\ty\n\\u{1b}[31m\n"),
            (true, "x\\ty\\n\\u{1b}[31m\n"),
        ] {
            let screen = Screen {
                width: 80,
                is_terminal,
            };
            assert_eq!(render(OutputFormat::Text, "Op", &answer, screen), expected);
        }
    }

    #[test]
    fn text_and_tables_keep_what_joins_letters_and_escape_what_steers_a_terminal() {
        let words = "👨\u{200d}👩 می\u{200c}خواهم a\u{ad}b\u{200b}c\u{2060}d";
        let marks = "\u{7}\u{7f}\u{9b}\u{200e}\u{202e}\u{2028}\u{2066}";
        let escaped = "\\u{7}\\u{7f}\\u{9b}\\u{200e}\\u{202e}\\u{2028}\\u{2066}";
        let answer = json!({ "a": format!("{words}{marks}") });
        for is_terminal in [false, true] {
            let screen = Screen {
                width: 200,
                is_terminal,
            };
            let expected = format!("{words}{escaped}");
            let text = render(OutputFormat::Text, "Op", &answer, screen);
            assert_eq!(text, format!("{expected}\n"));
            let table = render(OutputFormat::Table, "Op", &answer, screen);
            assert!(table.contains(&expected), "{table}");
        }
    }
}
