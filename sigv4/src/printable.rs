use alloc::{borrow::Cow, string::String};
use core::fmt::Write as _;

/// Escapes the characters that control a terminal instead of being shown by it: controls, and marks
/// that are invisible or change the direction of the text around them. Everything else, also quotes
/// and backslashes, stays as it is.
///
/// Texts from services, files and variables pass through here before they are shown to people. Data
/// that a program asked for stays unchanged.
///
/// # Examples
///
/// ```
/// use keyfob_sigv4::printable;
///
/// assert_eq!(printable("[profile it's \"mine\"]"), "[profile it's \"mine\"]");
/// assert_eq!(printable("\u{1b}[31mred"), "\\u{1b}[31mred");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if is_printable(char) => out.push(char),
            // Writing to a string cannot fail.
            char => _ = write!(out, "{}", char.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// Returns false for C0 and C1 controls, and for marks that change the direction of the text around
/// them or are invisible.
///
/// # Examples
///
/// ```
/// use keyfob_sigv4::is_printable;
///
/// assert!(is_printable('é'));
/// // The right-to-left override.
/// assert!(!is_printable('\u{202e}'));
/// ```
pub fn is_printable(char: char) -> bool {
    !char.is_control()
        && !matches!(
            char,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_escaped_and_text_is_not() {
        for (text, expected) in [
            ("plain \"é\\\"", "plain \"é\\\""),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\r\t\u{7}", "a\\nb\\r\\t\\u{7}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("\u{202e}txt", "\\u{202e}txt"),
            ("a\u{ad}b\u{61c}\u{e0041}", "a\\u{ad}b\\u{61c}\\u{e0041}"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }
}
