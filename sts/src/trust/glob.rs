/// A pattern in which `*` stands for any text and `?` for any character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(Vec<Piece>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Char(char),
    AnyChar,
    AnyText,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        pattern.chars().map(Piece::from_pattern).collect()
    }

    /// Splits the pattern at its colons into six parts, as an ARN has; the last one keeps further
    /// colons. `None` if there are fewer.
    pub(super) fn arn_parts(&self) -> Option<Vec<Self>> {
        let parts = self.0.splitn(6, |piece| *piece == Piece::Char(':'));
        let parts: Vec<Self> = parts.map(|part| Self(part.to_vec())).collect();
        (parts.len() == 6).then_some(parts)
    }

    /// Matches in time proportional to the product of both lengths, whatever the pattern.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut piece) = (0, 0);
        // The last `*`, and where the text that it stands for ends so far.
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(piece) {
                Some(Piece::AnyText) => {
                    star = Some((piece, at));
                    piece += 1;
                }
                Some(next) if next.is(text[at]) => {
                    at += 1;
                    piece += 1;
                }
                _ => {
                    let Some((its_piece, end)) = star else {
                        return false;
                    };
                    star = Some((its_piece, end + 1));
                    at = end + 1;
                    piece = its_piece + 1;
                }
            }
        }
        self.0[piece..].iter().all(|rest| *rest == Piece::AnyText)
    }
}

impl FromIterator<Piece> for Glob {
    fn from_iter<I: IntoIterator<Item = Piece>>(pieces: I) -> Self {
        Self(pieces.into_iter().collect())
    }
}

impl Piece {
    pub(super) fn from_pattern(char: char) -> Self {
        match char {
            '*' => Self::AnyText,
            '?' => Self::AnyChar,
            other => Self::Char(other),
        }
    }

    fn is(self, char: char) -> bool {
        match self {
            Self::Char(own) => own == char,
            Self::AnyChar => true,
            Self::AnyText => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_in_policies() {
        for (pattern, text, is_match) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "axbxbxc", true),
            ("?", "é", true),
            ("?", "", false),
            ("a?", "a", false),
            ("**a", "aa", true),
            ("*a*", "bbb", false),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                is_match,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_exponential_time() {
        let pattern = "*a".repeat(500) + "b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(3000)));
    }
}
