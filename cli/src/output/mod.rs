//! The output formats, byte for byte as `aws` writes them.

#[cfg(test)]
mod corpora;
mod json;
mod query;
mod table;
mod text;

use serde_json::{Map, Value};

pub(crate) use self::query::Query;
use crate::{args::OutputFormat, terminal::printable};

/// Formats the answer of an operation, with a line end. An empty object gives an empty string.
///
/// A table that would be wider than `width` columns lists the members of an object as rows.
pub(crate) fn render(
    format: OutputFormat,
    operation: &str,
    answer: &Value,
    width: usize,
) -> String {
    // aws prints nothing for an operation without output.
    if answer.as_object().is_some_and(Map::is_empty) {
        return String::new();
    }
    render_selected(format, operation, answer, width)
}

/// Formats what `--query` selected of an answer, which may be anything, as [`render`] does.
pub(crate) fn render_selected(
    format: OutputFormat,
    operation: &str,
    answer: &Value,
    width: usize,
) -> String {
    match format {
        OutputFormat::Json => json::render(answer),
        OutputFormat::Text => text::render(answer),
        OutputFormat::Table => table::render(operation, answer, width),
    }
}

/// Formats a scalar as `aws` does outside JSON: as Python. Characters that control a terminal are
/// escaped, as a line end or a tab would be taken for one of the format.
fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => printable(text).into_owned(),
        other => other.to_string(),
    }
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
        let mut members: Vec<_> = object.iter().collect();
        members.sort_by_key(|(name, _)| *name);
        let (scalars, others) = members.into_iter().partition(|(_, value)| is_scalar(value));
        Self { scalars, others }
    }
}
