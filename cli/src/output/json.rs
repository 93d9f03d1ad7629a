use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::output::{controls_terminal, python};

/// The indent of a level, in spaces.
const INDENT: usize = 4;

/// Formats JSON with an indent of four spaces. Members keep their order, and characters that
/// control a terminal are escaped, which changes nothing for a program. An empty object gives an
/// empty string, as in `aws`.
pub(super) fn render(value: &Value) -> String {
    if value.as_object().is_some_and(Map::is_empty) {
        return String::new();
    }
    let mut out = String::new();
    write(&mut out, value, Some(0));
    out = escape_controls(&out);
    out.push('\n');
    out
}

/// An object with one long list, which is formatted item by item, as [`render`] does the whole.
#[derive(Debug)]
pub(crate) struct List {
    name: &'static str,
    /// Whether there was an item.
    is_open: bool,
}

impl List {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            is_open: false,
        }
    }

    /// Returns true if something was formatted, which needs an end.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Formats one more item.
    pub(crate) fn add(&mut self, item: &Value) -> String {
        let mut out = String::new();
        if self.is_open {
            out.push(',');
        } else {
            self.is_open = true;
            out.push('{');
            start_member(&mut out, 0, self.name, Some(1));
            out.push('[');
        }
        new_line(&mut out, Some(2));
        write(&mut out, item, Some(2));
        escape_controls(&out)
    }

    /// Formats the end, with the members of the object after the list.
    pub(crate) fn end(&self, members: &Map<String, Value>) -> String {
        let mut out = String::new();
        end(&mut out, ']', Some(1));
        for (name, member) in members.iter().filter(|(name, _)| *name != self.name) {
            start_member(&mut out, 1, name, Some(1));
            write(&mut out, member, Some(1));
        }
        end(&mut out, '}', Some(0));
        out.push('\n');
        escape_controls(&out)
    }
}

/// Formats JSON without whitespace.
pub(super) fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None);
    out
}

/// Formats a scalar, or an empty list or object.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::Number(number) => python::number(number),
        other => other.to_string(),
    }
}

/// Writes a value. `level` is the depth that members are indented by; `None` writes no whitespace.
fn write(out: &mut String, value: &Value, level: Option<usize>) {
    let inner = level.map(|level| level + 1);
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                start(out, index, inner);
                write(out, item, inner);
            }
            end(out, ']', level);
        }
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                start_member(out, index, name, inner);
                write(out, member, inner);
            }
            end(out, '}', level);
        }
        other => out.push_str(&scalar(other)),
    }
}

fn start_member(out: &mut String, index: usize, name: &str, level: Option<usize>) {
    start(out, index, level);
    out.push_str(&scalar(&name.into()));
    out.push_str(if level.is_some() { ": " } else { ":" });
}

fn start(out: &mut String, index: usize, level: Option<usize>) {
    if index > 0 {
        out.push(',');
    }
    new_line(out, level);
}

fn end(out: &mut String, bracket: char, level: Option<usize>) {
    new_line(out, level);
    out.push(bracket);
}

fn new_line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        out.push_str(&" ".repeat(INDENT * level));
    }
}

/// Escapes what JSON lets stand in a string although it controls a terminal: DEL, and controls and
/// marks that are not ASCII. These are in strings only.
pub(super) fn escape_controls(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for char in json.chars() {
        if char != '\n' && controls_terminal(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(char);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_indent_is_four_and_members_keep_their_order() {
        let value = json!({"UserId": "é/\"", "Account": 1, "Empty": []});
        assert_eq!(
            render(&value),
            "{\n    \"UserId\": \"é/\\\"\",\n    \"Account\": 1,\n    \"Empty\": []\n}\n"
        );
    }

    #[test]
    fn a_list_in_parts_is_the_same_text_as_the_whole() {
        let items = [json!({"a": [1, {}]}), json!("b\u{9b}"), json!([])];
        let members = json!({"Items": [], "c": {"d": null}, "NextToken": "t\u{7f}"});
        let Value::Object(mut members) = members else {
            unreachable!()
        };
        let mut list = List::new("Items");
        assert!(!list.is_open());
        let mut text: String = items.iter().map(|item| list.add(item)).collect();
        assert!(list.is_open());
        text += &list.end(&members);
        members["Items"] = items.to_vec().into();
        assert_eq!(text, render(&members.into()));
        let mut list = List::new("Items");
        let text = list.add(&items[0]) + &list.end(&Map::new());
        assert_eq!(text, render(&json!({"Items": items[..1]})));
    }

    #[test]
    fn what_controls_a_terminal_is_escaped_and_reads_back_the_same() {
        let value = json!({"a": "\u{1b}[1m\u{7f}\u{9b}2J\u{202e}\u{e0041}é😀"});
        let text = render(&value);
        assert_eq!(
            text,
            "{\n    \"a\": \"\\u001b[1m\\u007f\\u009b2J\\u202e\\udb40\\udc41é😀\"\n}\n"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
