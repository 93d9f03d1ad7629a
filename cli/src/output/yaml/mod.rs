//! YAML as `aws` writes it: in blocks, with sorted members, folded at 80 columns.

mod plain;
mod scalar;

use serde_json::{Map, Value};

use crate::output::{json, sorted};

/// The indent of a level, in spaces.
const INDENT: usize = 2;

/// Formats a value. A scalar alone is written as JSON.
pub(super) fn render(value: &Value) -> String {
    let mut writer = Writer::default();
    match value {
        Value::Object(members) if !members.is_empty() => writer.mapping(members, 0),
        Value::Array(items) if !items.is_empty() => writer.sequence(items, 0),
        other => writer.out.push_str(&json::scalar(other)),
    }
    writer.out.push('\n');
    writer.out
}

/// Formats a value as `yaml-stream`: a list with an item for each page, which is one.
pub(super) fn render_stream(value: &Value) -> String {
    render(&Value::Array(vec![value.clone()]))
}

/// Writes blocks, and knows the column, which decides where scalars are folded.
#[derive(Default)]
struct Writer {
    out: String,
    /// The number of characters in the current line.
    column: usize,
    /// The next member or item goes on with the line of the dash before it.
    continues: bool,
}

impl Writer {
    fn mapping(&mut self, members: &Map<String, Value>, indent: usize) {
        for (name, value) in sorted(members) {
            self.start_line(indent);
            self.text(name, None);
            self.push(":");
            match value {
                Value::Object(members) if !members.is_empty() => {
                    self.mapping(members, indent + INDENT);
                }
                // The dashes stand below the name.
                Value::Array(items) if !items.is_empty() => self.sequence(items, indent),
                scalar => {
                    self.push(" ");
                    self.scalar(scalar, indent + INDENT);
                }
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize) {
        for item in items {
            self.start_line(indent);
            self.push("- ");
            self.continues = true;
            match item {
                Value::Object(members) if !members.is_empty() => {
                    self.mapping(members, indent + INDENT);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.sequence(items, indent + INDENT);
                }
                scalar => {
                    self.continues = false;
                    self.scalar(scalar, indent + INDENT);
                }
            }
        }
    }

    /// Writes a scalar, or an empty list or object.
    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::String(text) => self.text(text, Some(indent)),
            other => self.plain(&json::scalar(other), Some(indent)),
        }
    }

    /// Starts a line, unless this goes on with the one of a dash.
    fn start_line(&mut self, indent: usize) {
        if self.continues {
            self.continues = false;
        } else {
            if !self.out.is_empty() {
                self.new_line(0);
            }
            self.push(&" ".repeat(indent));
        }
    }

    fn new_line(&mut self, indent: usize) {
        self.out.push('\n');
        self.column = 0;
        self.push(&" ".repeat(indent));
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }
}
