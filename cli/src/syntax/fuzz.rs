use keyfob_chain::Variables;
use serde_json::json;

use super::{
    Form, authority, has_dot_segments, parse_brackets, parse_header, parse_value, to_wire_form,
};
use crate::{
    args::Text,
    generator::{Generator, LONG, SHORT},
    terminal::{printable, printable_lines},
};

const PIECES: [&str; 34] = [
    "Key=", "Value=", "Key", "Value", "=", ",", "[", "]", "{", "}", "\"", "\\", ":", ";", " ",
    "\t", "\n", "\r\n", "#", "?", "/", "//", ".", "..", "%2e", "%", "://", "http", "é", "\u{202e}",
    "\u{1b}[", "\u{9b}", "\0", "a",
];

fn check_all(count: u64) {
    Generator::each(count, |generator| {
        let text = generator.text(&PIECES);
        shorthand(&text);
        if let Ok((name, _)) = parse_header(&text) {
            assert!(!name.contains(':'), "{text:?}");
        }
        let wire = to_wire_form(&text);
        assert!(wire.is_ascii() && !wire.contains([' ', '#']), "{text:?}");
        assert_eq!(to_wire_form(&wire), wire);
        let _ = has_dot_segments(&text);
        assert!(text.contains(authority(&text)));
        let shown = printable(&text);
        assert!(!shown.contains(char::is_control), "{text:?}");
        assert_eq!(printable(&shown), shown);
        let lines = printable_lines(&text);
        assert!(lines.lines().skip(1).all(|line| line.starts_with("  ")));
    });
}

/// A structure reads the same as shorthand and as JSON, whatever its values are.
fn shorthand(text: &str) {
    let read = |written: &str| {
        let (flag, written) = ("--tags".to_owned(), written.to_owned());
        let words = [Text { flag, written }];
        let list = Form::List(Box::new(Form::Text));
        let members = [("Key", Form::Text), ("Value", Form::Text), ("List", list)];
        let form = Form::List(Box::new(Form::Structure(members.into())));
        parse_value(&words, &form, &Variables::default())
    };
    let _ = read(text);
    let _ = parse_brackets(text);
    let _ = read(&format!("List={text}"));
    let expected = json!([{"Key": text, "Value": "v"}]);
    assert_eq!(read(&expected.to_string()).unwrap(), expected);
    if !text.contains('\\') {
        let quoted = text.replace('"', "\\\"");
        let word = format!("Value=v,Key=\"{quoted}\"");
        assert_eq!(read(&word).unwrap(), expected);
    }
}

#[test]
fn many_brackets_are_a_text() {
    assert_eq!(parse_brackets("[a,b,]"), Some(json!(["a", "b"])));
    assert!(parse_brackets(&"[".repeat(100_000)).is_none());
    let nested = "[".repeat(900) + &"]".repeat(900);
    assert!(parse_brackets(&nested).is_some());
}

#[test]
fn no_input_breaks_a_notation() {
    check_all(SHORT);
}

#[test]
#[ignore = "long"]
fn no_input_breaks_a_notation_long() {
    check_all(LONG);
}
