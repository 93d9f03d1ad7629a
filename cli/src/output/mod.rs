//! The three forms of an answer, byte for byte as `aws` writes them.

mod json;
mod table;
mod text;

use serde_json::Value;

use crate::args::OutputFormat;

/// The answer of `operation` in the given form. An answer with nothing in it prints nothing.
///
/// `width` is that of the terminal: a table that is wider stands its single rows upright.
pub(crate) fn render(
    format: OutputFormat,
    operation: &str,
    answer: &Value,
    width: usize,
) -> String {
    if answer.as_object().is_some_and(serde_json::Map::is_empty) {
        return String::new();
    }
    match format {
        OutputFormat::Json => json::render(answer),
        OutputFormat::Text => text::render(answer),
        OutputFormat::Table => table::render(operation, answer, width),
    }
}

/// A scalar as `aws` writes it outside JSON: the names of Python.
fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// The members of an object, sorted by name, apart: scalars, and the others.
#[expect(
    clippy::type_complexity,
    reason = "a name for this pair would be longer than the function"
)]
fn parted(
    object: &serde_json::Map<String, Value>,
) -> (Vec<(&String, &Value)>, Vec<(&String, &Value)>) {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(name, _)| *name);
    members.into_iter().partition(|(_, value)| is_scalar(value))
}
