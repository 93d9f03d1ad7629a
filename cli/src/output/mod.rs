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

pub(crate) use self::query::Query;
use crate::{
    args::OutputFormat,
    terminal::{Screen, printable},
};

/// Formats the answer of an operation, or what `--query` selected of it, with a line end.
pub(crate) fn render(
    format: OutputFormat,
    operation: &str,
    answer: &Value,
    screen: Screen,
) -> String {
    match format {
        OutputFormat::Json => json::render(answer),
        OutputFormat::Text => text::render(&without_controls(answer, screen)),
        OutputFormat::Table => {
            table::render(operation, &without_controls(answer, screen), screen.width)
        }
        OutputFormat::Yaml => yaml::render(answer),
        OutputFormat::YamlStream => yaml::render_stream(answer),
        OutputFormat::Off => String::new(),
    }
}

/// Escapes the characters that control a terminal, which JSON and YAML do by themselves. Line ends
/// and tabs are data for a program, but on a terminal they would be taken for those of the format.
fn without_controls(answer: &Value, screen: Screen) -> Value {
    let safe = |text: &str| -> String {
        if screen.is_terminal {
            return printable(text).into_owned();
        }
        let parts = text.split_inclusive(['\n', '\t']);
        let escape = |part: &str| match part.strip_suffix(['\n', '\t']) {
            Some(text) => format!("{}{}", printable(text), &part[text.len()..]),
            None => printable(part).into_owned(),
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
    members.sort_by_key(|(name, _)| *name);
    members
}

/// Returns the sorted names of the scalars that at least one of these objects has.
fn scalar_names(objects: &[Value]) -> Vec<&String> {
    let members = objects.iter().filter_map(Value::as_object).flatten();
    let scalars = members.filter(|(_, value)| is_scalar(value));
    let names: BTreeSet<_> = scalars.map(|(name, _)| name).collect();
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
}
