//! A reader of small JSON documents (RFC 8259), without a feature or a dependency.

use alloc::{string::String, vec::Vec};
use core::str::Chars;

/// A value. `true`, `false` and `null`, which no policy has, cannot be read.
#[derive(Debug, PartialEq)]
pub(super) enum Json {
    String(String),
    /// As it is written.
    Number(String),
    List(Vec<Json>),
    /// Members in order. A name may be repeated.
    Object(Vec<(String, Json)>),
}

/// Deeper documents are refused: the reader calls itself.
const MAX_DEPTH: usize = 8;

impl Json {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader(text.chars());
        let value = reader.value(MAX_DEPTH)?;
        reader.skip_whitespace();
        reader.0.as_str().is_empty().then_some(value)
    }
}

struct Reader<'a>(Chars<'a>);

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Json> {
        let below = depth.checked_sub(1)?;
        match self.peek()? {
            '"' => self.string().map(Json::String),
            '[' => self
                .items('[', ']', |reader| reader.value(below))
                .map(Json::List),
            '{' => self
                .items('{', '}', |reader| reader.member(below))
                .map(Json::Object),
            _ => self.number().map(Json::Number),
        }
    }

    fn member(&mut self, depth: usize) -> Option<(String, Json)> {
        self.peek()?;
        let name = self.string()?;
        self.expect(':')?;
        Some((name, self.value(depth)?))
    }

    /// Reads items that are joined by commas, and the brackets around them.
    fn items<T>(
        &mut self,
        open: char,
        close: char,
        mut item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.expect(open)?;
        let mut items = Vec::new();
        if self.peek()? == close {
            self.0.next();
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            match self.peek()? {
                ',' => self.0.next(),
                _ => return self.expect(close).map(|()| items),
            };
        }
    }

    fn string(&mut self) -> Option<String> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.0.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                c if c < ' ' => return None,
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.0.next()? {
            c @ ('"' | '\\' | '/') => c,
            // S3 also reads the dollar sign, which begins the name of a field, escaped.
            '$' => '$',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.code_point()?,
            _ => return None,
        })
    }

    /// Reads the digits of `\u`, and of a second one if the first is half of a character.
    fn code_point(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        let (backslash, u) = (self.0.next()?, self.0.next()?);
        let second = self.four_digits()?;
        if (backslash, u) != ('\\', 'u') || !(0xdc00..0xe000).contains(&second) {
            return None;
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second - 0xdc00)
    }

    fn four_digits(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |number, _| {
            Some(number * 16 + self.0.next()?.to_digit(16)?)
        })
    }

    fn number(&mut self) -> Option<String> {
        let text = self.0.as_str();
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)))
            .unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        number.parse::<f64>().ok()?;
        self.0 = rest.chars();
        Some(number.into())
    }

    fn expect(&mut self, expected: char) -> Option<()> {
        if self.peek()? != expected {
            return None;
        }
        self.0.next().map(|_| ())
    }

    /// Returns the next character that is not whitespace.
    fn peek(&mut self) -> Option<char> {
        self.skip_whitespace();
        self.0.as_str().chars().next()
    }

    fn skip_whitespace(&mut self) {
        self.0 = self
            .0
            .as_str()
            .trim_start_matches([' ', '\t', '\n', '\r'])
            .chars();
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn values_of_each_type_are_read() {
        let text = r#" { "a" : [ 1, "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\$" ], "b":{}, "c":[] } "#;
        let list = [
            Json::Number("1".into()),
            Json::String("\"\\/\u{8}\u{c}\n\r\té😀$".into()),
        ];
        let members = [
            ("a".into(), Json::List(list.into())),
            ("b".into(), Json::Object(Vec::new())),
            ("c".into(), Json::List(Vec::new())),
        ];
        assert_eq!(Json::parse(text), Some(Json::Object(members.into())));
    }

    #[test]
    fn malformed_documents_are_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "\"a",
            "\"\n\"",
            "1 2",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\u12\"",
            "-",
            "1e",
            "nul",
            "[}",
        ] {
            assert_eq!(Json::parse(text), None, "{text}");
        }
        assert_eq!(Json::parse(&"[".repeat(100_000)), None);
        let nested = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse(&nested(7)).is_some() && Json::parse(&nested(8)).is_none());
    }
}
