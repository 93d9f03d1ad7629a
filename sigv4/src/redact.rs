use alloc::{collections::BTreeSet, string::String, vec};

use crate::{secret::Secret, uri};

/// The length in bytes below which a secret is not looked for: it may be part of any word. A code
/// of an MFA device has six digits.
const SHORTEST_SECRET: usize = 6;

/// What stands in the place of a secret.
const REDACTED: &str = "(redacted)";

impl Secret {
    /// Replaces secrets in a text, whole or in part, as they are or as a form encodes them.
    ///
    /// Services repeat values that they find invalid, often cut, and the signed headers if a
    /// signature does not match. Any part counts that is half as long as the secret, or 12 bytes of
    /// a long one, but at least 8.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Secret;
    /// let token = Secret::new("AQoDYXdzEPT//////////wEXAMPLE");
    /// let message = "the token AQoDYXdzEPT////... is not valid";
    /// assert_eq!(Secret::redact(message, &[&token]), "the token (redacted)... is not valid");
    /// ```
    pub fn redact(text: &str, secrets: &[&Self]) -> String {
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
    let parts: BTreeSet<&[u8]> = secret.windows(length).collect();
    for (at, part) in text.as_bytes().windows(length).enumerate() {
        if parts.contains(part) {
            hidden[at..at + length].fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, format, string::String};

    use super::*;

    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn redacted(text: &str) -> String {
        Secret::redact(text, &[&Secret::from(KEY), &Secret::from("909090")])
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
        assert_eq!(Secret::redact("the latest test", &short), "the latest test");
    }

    #[test]
    fn a_part_that_splits_a_character_hides_all_of_it() {
        let secret = Secret::from("éèéèéèéè");
        assert_eq!(Secret::redact("aèéèéèéb", &[&secret]), "a(redacted)b");
    }

    #[test]
    fn a_long_text_is_redacted_in_linear_time() {
        let (secret, text) = (Secret::from("ab".repeat(50_000)), "ba".repeat(500_000));
        assert_eq!(Secret::redact(&text, &[&secret]), REDACTED);
    }
}
