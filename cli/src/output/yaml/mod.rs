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
        other => {
            let scalar = json::scalar(other);
            writer.out.push_str(&json::escape_controls(&scalar));
        }
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
            Value::Array(_) => self.push("[]"),
            Value::Object(_) => self.push("{}"),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Source: ruamel.yaml 0.18.17 without its C library.
    #[test]
    fn a_text_has_quotes_only_if_it_would_be_taken_for_something_else() {
        for (text, expected) in [
            ("plain words", "plain words"),
            ("a:b", "a:b"),
            ("a: b", "'a: b'"),
            ("a:", "'a:'"),
            ("a #b", "'a #b'"),
            ("a#b", "a#b"),
            ("- x", "'- x'"),
            ("-x", "-x"),
            ("? x", "'? x'"),
            ("?x", "?x"),
            (":", "':'"),
            ("---", "'---'"),
            ("'q'", "\"'q'\""),
            ("it's", "it's"),
            ("a\"b", "a\"b"),
            ("[y]", "'[y]'"),
            ("x]", "x]"),
            ("true", "'true'"),
            ("tRue", "tRue"),
            ("yes", "yes"),
            ("null", "'null'"),
            ("~", "'~'"),
            ("", "''"),
            ("007", "'007'"),
            ("1.5", "'1.5'"),
            ("1e5", "'1e5'"),
            ("1.", "'1.'"),
            ("1.2.3", "1.2.3"),
            (".5", "'.5'"),
            (".5e3", ".5e3"),
            ("-", "'-'"),
            ("-_", "'-_'"),
            ("_1", "_1"),
            ("1_000", "'1_000'"),
            ("0x1f", "'0x1f'"),
            ("0o18", "0o18"),
            ("2026-11-22", "'2026-11-22'"),
            ("2026-1-2", "2026-1-2"),
            ("2026-1-2 1:02:03", "'2026-1-2 1:02:03'"),
            ("2026-11-22T02:42:50+00:00", "'2026-11-22T02:42:50+00:00'"),
            ("12:30:45", "12:30:45"),
            (".inf", "'.inf'"),
            (".nan", "'.nan'"),
            ("<<", "'<<'"),
            ("=", "'='"),
            ("!x", "'!x'"),
            ("%x", "'%x'"),
            ("@x", "'@x'"),
            ("`t`", "'`t`'"),
            ("*s", "'*s'"),
            ("&a", "'&a'"),
            (" lead", "' lead'"),
            ("trail ", "'trail '"),
            ("tab\there", "\"tab\\there\""),
            ("two\nlines", "\"two\\nlines\""),
            ("100%", "100%"),
            ("\\back", "\\back"),
            ("ü✓日本", "ü✓日本"),
        ] {
            let yaml = render(&json!({ "a": text }));
            assert_eq!(yaml, format!("a: {expected}\n"), "{text:?}");
        }
    }

    /// Source: as above. The space at the end of a line is theirs.
    #[test]
    fn long_texts_are_folded_and_long_words_stand_below_their_name() {
        let value = json!({
            "a": "word ".repeat(20) + "end",
            "b": "x".repeat(90),
            "c": "it's ".repeat(25),
            "d": ["word ".repeat(18) + "end", "y".repeat(90)],
        });
        let expected = [
            "a: word word word word word word word word word word word word word word word \n",
            "  word word word word word end\n",
            "b: \n",
            &format!("  {}\n", "x".repeat(90)),
            "c: \"it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's it's\n",
            "  it's it's it's it's it's it's it's it's it's \"\n",
            "d:\n",
            "- word word word word word word word word word word word word word word word \n",
            "  word word word end\n",
            &format!("- {}\n", "y".repeat(90)),
        ];
        let yaml = render(&value);
        let lines: Vec<&str> = yaml.split_inclusive('\n').collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_name_is_never_folded_and_what_controls_a_terminal_is_escaped() {
        let name = "word ".repeat(30) + "end";
        let yaml = render(&json!({ name.as_str(): [] }));
        assert_eq!(yaml, format!("{name}: []\n"));
        let yaml = render(&json!({"a": "\u{1b}[31m\u{202e}"}));
        assert_eq!(yaml, "a: \"\\e[31m\\u202E\"\n");
    }

    #[test]
    fn a_text_alone_cannot_steer_a_terminal_and_reads_back_the_same() {
        let value = json!("\u{1b}[31mE\u{9b}31mF\u{202e}G\u{85}H\u{7f}K\u{2028}L\u{feff}é");
        let yaml = render(&value);
        assert_eq!(
            yaml,
            "\"\\u001b[31mE\\u009b31mF\\u202eG\\u0085H\\u007fK\\u2028L\\ufeffé\"\n"
        );
        assert_eq!(serde_json::from_str::<Value>(&yaml).unwrap(), value);
    }

    #[test]
    fn a_stream_is_a_list_of_one_page() {
        assert_eq!(
            render_stream(&json!({"b": [], "a": {}})),
            "- a: {}\n  b: []\n"
        );
    }
}
