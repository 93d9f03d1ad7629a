use std::fmt::{self, Write as _};

/// Returns the first `length` characters of a text.
pub(crate) fn cut(text: &str, length: usize) -> &str {
    let end = text.char_indices().nth(length);
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// Shows a text in one line, without characters that could steer a terminal or reorder the line:
/// control characters and invisible formatting are escaped as in Rust, `\u{1b}`.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            if is_shown(char) {
                f.write_char(char)?;
            } else {
                write!(f, "{}", char.escape_default())?;
            }
        }
        Ok(())
    }
}

/// Returns false for control characters (C0, DEL and C1), line and paragraph separators, marks of
/// direction, and invisible characters.
fn is_shown(char: char) -> bool {
    let is_format = matches!(
        char,
        '\u{AD}'
            | '\u{61C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{E0000}'..='\u{E007F}'
    );
    !char.is_control() && !is_format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped() {
        for (text, shown) in [
            ("plain é 日本 \"'\\", "plain é 日本 \"'\\"),
            ("a\x1b[2Jb\r\n\tc\0\x7f", r"a\u{1b}[2Jb\r\n\tc\u{0}\u{7f}"),
            ("\u{9b}31m", r"\u{9b}31m"),
            (
                "\u{202e}txt\u{2069}\u{2028}\u{feff}",
                r"\u{202e}txt\u{2069}\u{2028}\u{feff}",
            ),
        ] {
            assert_eq!(Escaped(text).to_string(), shown);
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(
            (cut("éàü", 2), cut("éàü", 3), cut("", 1)),
            ("éà", "éàü", "")
        );
    }
}
