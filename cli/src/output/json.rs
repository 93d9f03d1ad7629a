use std::fmt::Write as _;

use serde::Serialize as _;
use serde_json::{Serializer, Value, ser::PrettyFormatter};

use crate::terminal::printable;

/// Formats JSON with an indent of four spaces. Members keep their order, and characters that
/// control a terminal are escaped, which changes nothing for a program.
pub(super) fn render(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    let mut serializer = Serializer::with_formatter(&mut out, formatter);
    // Writing a `Value` into memory cannot fail: its keys are strings.
    let _ = value.serialize(&mut serializer);
    out.push(b'\n');
    escape_controls(&String::from_utf8(out).unwrap_or_default())
}

/// Escapes what JSON lets stand in a string although it controls a terminal: DEL, and controls and
/// marks that are not ASCII. These are in strings only.
fn escape_controls(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for char in json.chars() {
        let may_control = char == '\u{7f}' || !char.is_ascii();
        if may_control && printable(char.encode_utf8(&mut [0; 4])) != char.to_string() {
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
