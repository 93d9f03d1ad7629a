use alloc::{collections::BTreeSet, format, string::String, vec, vec::Vec};

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};

use zeroize::Zeroizing;

use crate::secret::Secret;

/// The length in bytes below which a secret is not looked for: it may be part of any word. A code
/// of an MFA device has six digits.
const SHORTEST_SECRET: usize = 6;
/// The length in bytes above which a secret is not looked for in Base64 and hex. Longer ones, such
/// as assertions, are Base64 themselves.
const LONGEST_ENCODED: usize = 4096;
/// How often escapes are undone: a value in a form, in a URL, in JSON.
const ESCAPES: usize = 3;

/// What stands in the place of a secret.
const REDACTED: &str = "(redacted)";

impl Secret {
    /// Replaces secrets in a text, whole or in part, as they are or encoded: in Base64, in hex,
    /// with percent signs, with the escapes of JSON or XML, or several of these. A space counts as
    /// the `+` that it takes the place of when a form is read.
    ///
    /// Services repeat values that they find invalid, often cut, and the signed headers if a
    /// signature does not match. Any part counts that is half as long as the secret, or 12 bytes of
    /// a long one, but at least 8. A secret of less than 6 bytes is not looked for, and one of more
    /// than 4,096 not in Base64 and hex. In the middle of Base64, up to two bytes at each end may
    /// stay.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Secret;
    /// let token = Secret::new("AQoDYXdzEPT//////////wEXAMPLE");
    /// let message = "the token AQoDYXdzEPT////... is not valid";
    /// assert_eq!(Secret::redact(message, &[&token]), "the token (redacted)... is not valid");
    /// let message = "bad token QVFvRFlYZHpFUFQvLy8vLy8vLy8vL3dFWEFNUExF";
    /// assert_eq!(Secret::redact(message, &[&token]), "bad token (redacted)");
    /// ```
    pub fn redact(text: &str, secrets: &[&Self]) -> String {
        let mut hidden = vec![false; text.len()];
        let mut view = View::new(text);
        for _ in 0..=ESCAPES {
            for secret in secrets {
                for form in forms(secret.expose()) {
                    view.hide(form.expose(), &mut hidden);
                }
            }
            match view.unescaped() {
                Some(unescaped) => view = unescaped,
                None => break,
            }
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

/// Returns the secret as it is, in hex, and in Base64 at each of its three alignments.
fn forms(secret: &str) -> Vec<Secret> {
    let mut forms = vec![Secret::from(secret)];
    let bytes = secret.as_bytes();
    if !(SHORTEST_SECRET..=LONGEST_ENCODED).contains(&bytes.len()) {
        return forms;
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    forms.push(Secret::from(hex.to_ascii_uppercase()));
    forms.push(Secret::from(hex));
    for start in 0..3 {
        // Whole groups of three bytes: what comes after them changes the last digits.
        let whole = bytes.len() - start - (bytes.len() - start) % 3;
        let aligned = &bytes[start..start + whole];
        forms.push(Secret::from(BASE64_STANDARD_NO_PAD.encode(aligned)));
        forms.push(Secret::from(BASE64_URL_SAFE_NO_PAD.encode(aligned)));
    }
    forms
}

/// A text with some escapes undone, and the bytes of the original that each byte stands for.
struct View {
    bytes: Vec<u8>,
    origins: Vec<(usize, usize)>,
}

impl View {
    fn new(text: &str) -> Self {
        Self {
            bytes: text.bytes().map(plus_for_space).collect(),
            origins: (0..text.len()).map(|at| (at, at + 1)).collect(),
        }
    }

    /// Undoes one level of escapes. Returns `None` if there is none.
    fn unescaped(&self) -> Option<Self> {
        let (mut bytes, mut origins) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            let (byte, length) = unescape(&self.bytes[at..]).unwrap_or((*byte, 1));
            bytes.push(plus_for_space(byte));
            origins.push((self.origins[at].0, self.origins[at + length - 1].1));
            at += length;
        }
        (bytes.len() < self.bytes.len()).then_some(Self { bytes, origins })
    }

    /// Marks the bytes of the original that belong to a part of `secret`.
    fn hide(&self, secret: &str, hidden: &mut [bool]) {
        let secret: Zeroizing<Vec<u8>> =
            Zeroizing::new(secret.bytes().map(plus_for_space).collect());
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let length = (secret.len() / 2).clamp(8, 12).min(secret.len());
        // A set, because an assertion has up to 100,000 bytes and an answer a million: searching
        // the one for each part of the other would take minutes.
        let parts: BTreeSet<&[u8]> = secret.windows(length).collect();
        for (at, part) in self.bytes.windows(length).enumerate() {
            if parts.contains(part) {
                let (start, _) = self.origins[at];
                let (_, end) = self.origins[at + length - 1];
                hidden[start..end].fill(true);
            }
        }
    }
}

/// Takes a space for a `+`: a form has a `+` in the place of a space, so what reads a `+` as a form
/// repeats a space.
fn plus_for_space(byte: u8) -> u8 {
    if byte == b' ' { b'+' } else { byte }
}

/// Returns the ASCII character of an escape at the start of the text, and the length of the escape:
/// `%2F`, `\/`, `\u002f`, `&#47;`, `&#x2f;` and `&amp;`.
fn unescape(text: &[u8]) -> Option<(u8, usize)> {
    let number = |digits: &[u8], radix| {
        let digits = core::str::from_utf8(digits).ok()?;
        let byte = u8::from_str_radix(digits, radix).ok()?;
        byte.is_ascii().then_some(byte)
    };
    match text {
        [b'%', high, low, ..] => Some((number(&[*high, *low], 16)?, 3)),
        [b'\\', b'u', digits @ ..] => Some((number(digits.get(..4)?, 16)?, 6)),
        [b'\\', byte @ (b'/' | b'\\' | b'"'), ..] => Some((*byte, 2)),
        [b'&', rest @ ..] => {
            let end = rest.iter().take(8).position(|byte| *byte == b';')?;
            let byte = match &rest[..end] {
                b"amp" => b'&',
                b"quot" => b'"',
                b"apos" => b'\'',
                b"lt" => b'<',
                b"gt" => b'>',
                [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
                [b'#', digits @ ..] => number(digits, 10)?,
                _ => return None,
            };
            Some((byte, end + 2))
        }
        _ => None,
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
    fn a_secret_is_replaced_in_any_encoding() {
        const TOKEN: &str = "ab/cd+ef=gh/ij+kl=mn";
        let base64 = |text: &str| BASE64_STANDARD_NO_PAD.encode(text);
        let percent = |text: &str| text.replace('/', "%2f").replace('+', "%2b");
        let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
        for (text, expected) in [
            (base64(TOKEN), "(redacted)"),
            // At each end, two bytes at most share their digits with the bytes beside them.
            (base64(&format!("{TOKEN}\n")), "(redacted)"),
            (base64(&format!("Bearer {TOKEN}")), "QmVhcmVyIGFi(redacted)"),
            (BASE64_URL_SAFE_NO_PAD.encode(TOKEN), "(redacted)"),
            (hex.to_ascii_uppercase(), "(redacted)"),
            (hex, "(redacted)"),
            (format!("t={}&x", percent(TOKEN)), "t=(redacted)&x"),
            (percent(TOKEN).replace('%', "%25"), "(redacted)"),
            (
                TOKEN.replace('/', "\\/").replace('=', "\\u003D"),
                "(redacted)",
            ),
            (TOKEN.replace('/', "\\\\u002f"), "(redacted)"),
            (TOKEN.replace('+', " "), "(redacted)"),
            (percent(TOKEN).replace("%2b", "%20"), "(redacted)"),
            (
                TOKEN.replace('=', "&#61;").replace('/', "&#x2F;"),
                "(redacted)",
            ),
        ] {
            let shown = Secret::redact(&text, &[&Secret::from(TOKEN)]);
            let rest = shown.strip_prefix(expected);
            assert!(rest.is_some_and(|rest| rest.len() <= 4), "{text}: {shown}");
        }
    }

    #[test]
    fn escapes_that_are_none_are_text() {
        let secret = Secret::from("100% \\u00 &# &#300; &nosuchname; %\u{e9}");
        let text = "x 100% \\u00 &# &#300; &nosuchname; %\u{e9} x";
        assert_eq!(Secret::redact(text, &[&secret]), "x (redacted) x");
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
    #[cfg_attr(miri, ignore = "too long for Miri")]
    fn a_long_text_is_redacted_in_linear_time() {
        let (secret, text) = (Secret::from("ab".repeat(50_000)), "ba".repeat(500_000));
        assert_eq!(Secret::redact(&text, &[&secret]), REDACTED);
    }
}
