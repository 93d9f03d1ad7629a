use std::{
    collections::HashSet,
    fmt::{self, Write as _},
};

use keyfob_sigv4::{Secret, uri};

/// The length in bytes below which a secret is not looked for: it may be part of any word. A code
/// of an MFA device has six digits.
const SHORTEST_SECRET: usize = 6;

/// What stands in the place of a secret.
const REDACTED: &str = "(redacted)";

/// Replaces secrets in a text, whole or in part, as they are or as a form encodes them.
///
/// Services repeat values that they find invalid, often cut, and the signed headers if a signature
/// does not match. Any part counts that is half as long as the secret, or 12 bytes of a long one,
/// but at least 8.
pub(crate) fn redact(text: &str, secrets: &[&Secret]) -> String {
    let mut hidden = vec![false; text.len()];
    for secret in secrets {
        let encoded = Secret::from(uri::encode_component(secret.expose()));
        hide(text, secret.expose(), &mut hidden);
        hide(text, encoded.expose(), &mut hidden);
    }
    let mut shown = String::with_capacity(text.len());
    let mut was_hidden = false;
    for (at, char) in text.char_indices() {
        let is_hidden = hidden[at..at + char.len_utf8()].contains(&true);
        if !is_hidden {
            shown.push(char);
        } else if !was_hidden {
            shown.push_str(REDACTED);
        }
        was_hidden = is_hidden;
    }
    shown
}

/// Marks the bytes of `text` that belong to a part of `secret`.
fn hide(text: &str, secret: &str, hidden: &mut [bool]) {
    let secret = secret.as_bytes();
    if secret.len() < SHORTEST_SECRET {
        return;
    }
    let length = (secret.len() / 2).clamp(8, 12).min(secret.len());
    // A set, because an assertion has up to 100,000 bytes and an answer a million: searching the
    // one for each part of the other would take minutes.
    let parts: HashSet<&[u8]> = secret.windows(length).collect();
    for (at, part) in text.as_bytes().windows(length).enumerate() {
        if parts.contains(part) {
            hidden[at..at + length].fill(true);
        }
    }
}

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

    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn redacted(text: &str) -> String {
        redact(text, &[&Secret::from(KEY), &Secret::from("909090")])
    }

    #[test]
    fn a_secret_is_replaced_whole_in_part_and_encoded() {
        for (text, expected) in [
            (KEY.to_owned(), "(redacted)"),
            (format!("<{KEY}>"), "<(redacted)>"),
            (format!("{KEY}{KEY}, {KEY}"), "(redacted), (redacted)"),
            (format!("'{}...'", &KEY[..12]), "'(redacted)...'"),
            (format!("...{}", &KEY[20..]), "...(redacted)"),
            (format!("a {} b", &KEY[10..30]), "a (redacted) b"),
            (
                format!("x={}&", KEY.replace('/', "%2F").replace('+', "%2B")),
                "x=(redacted)&",
            ),
            ("code 909090!".to_owned(), "code (redacted)!"),
        ] {
            assert_eq!(redacted(&text), expected, "{text}");
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in [
            "",
            "é",
            "Rate exceeded",
            "90909",
            &KEY[..11],
            "role/é-ü-deploy 90 90 90",
        ] {
            assert_eq!(redacted(text), text);
        }
        let short = [&Secret::from("test"), &Secret::from("")];
        assert_eq!(redact("the latest test", &short), "the latest test");
    }

    #[test]
    fn a_part_that_splits_a_character_hides_all_of_it() {
        let secret = Secret::from("éèéèéèéè");
        assert_eq!(redact("aèéèéèéb", &[&secret]), "a(redacted)b");
    }

    #[test]
    fn a_long_text_is_redacted_in_linear_time() {
        let (secret, text) = (Secret::from("ab".repeat(50_000)), "ba".repeat(500_000));
        assert_eq!(redact(&text, &[&secret]), REDACTED);
    }

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
