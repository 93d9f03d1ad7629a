//! A writer of JSON strings, and of objects of strings.

use alloc::string::String;

/// Appends the text as a JSON string (RFC 8259, section 7).
pub(crate) fn put_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' => {
                out.push_str("\\u00");
                let digit = |n: u32| char::from_digit(n, 16).unwrap_or('0');
                out.extend([digit(u32::from(c) >> 4), digit(u32::from(c) & 15)]);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends an object of strings, `{"name":"value",…}`.
pub(crate) fn put_object<'a>(
    out: &mut String,
    members: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    out.push('{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        put_string(out, name);
        out.push(':');
        put_string(out, value);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_needs_an_escape_gets_one() {
        let mut text = String::new();
        put_object(
            &mut text,
            [("a\"b", "\\\n\r\t\u{1}\u{1f}\u{7f}é😀"), ("", "")],
        );
        assert_eq!(
            text,
            "{\"a\\\"b\":\"\\\\\\n\\r\\t\\u0001\\u001f\\u007fé😀\",\"\":\"\"}"
        );
    }
}
