/// Which paths take part, by patterns of which the last one that matches decides. Without one,
/// every path does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters(Vec<Filter>);

#[derive(Clone, Debug)]
struct Filter {
    includes: bool,
    pattern: Vec<char>,
}

impl Filters {
    /// Returns the filters for paths below each of `roots`, from patterns in their order, each of
    /// which includes (`true`) or excludes.
    pub(crate) fn new<'a>(
        patterns: impl IntoIterator<Item = (bool, &'a str)>,
        roots: &[&str],
    ) -> Self {
        let filter = |(includes, pattern): (bool, &str), root: &str| {
            // As when paths are joined: a pattern with a `/` at its start is the whole one.
            let pattern = if pattern.starts_with('/') || root.is_empty() {
                pattern.to_owned()
            } else {
                format!("{}/{pattern}", root.trim_end_matches('/'))
            };
            Filter {
                includes,
                pattern: pattern.chars().collect(),
            }
        };
        let below_each = |pattern| roots.iter().map(move |root| filter(pattern, root));
        Self(patterns.into_iter().flat_map(below_each).collect())
    }

    /// Returns true if the path takes part.
    pub(crate) fn admit(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let path: Vec<char> = path.chars().collect();
        let decides = |filter: &&Filter| matches(&filter.pattern, &path);
        self.0
            .iter()
            .rev()
            .find(decides)
            .is_none_or(|filter| filter.includes)
    }

    /// Returns true if a pattern that includes is the path itself.
    pub(crate) fn names(&self, path: &str) -> bool {
        let mut including = self.0.iter().filter(|filter| filter.includes);
        including.any(|filter| filter.pattern.iter().copied().eq(path.chars()))
    }
}

/// Matches as a shell does, with `*`, `?`, `[a-z]` and `[!a-z]`, but a `/` is a character as any
/// other.
///
/// Source: the module `fnmatch` of Python, with which `aws` matches.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where to go on if the rest does not match: after the last `*`, with one more character in it.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(at) {
            Some('*') => {
                at += 1;
                retry = Some((at, from));
                continue;
            }
            Some(_) => text
                .get(from)
                .and_then(|&char| single(&pattern[at..], char)),
            None if from == text.len() => return true,
            None => None,
        };
        match (step, retry) {
            (Some(length), _) => (at, from) = (at + length, from + 1),
            (None, Some((after, start))) if start < text.len() => {
                (at, from) = (after, start + 1);
                retry = Some((after, start + 1));
            }
            (None, _) => return false,
        }
    }
}

/// Returns the length of the pattern for one character, if it matches that.
fn single(pattern: &[char], char: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => match set(rest) {
            Some((members, is_negated, length)) => {
                (contains(members, char) != is_negated).then_some(length + 1)
            }
            // Without its end, it is a character as any other.
            None => (char == '[').then_some(1),
        },
        [literal, ..] => (*literal == char).then_some(1),
        [] => None,
    }
}

/// Splits what follows `[` into the members of a set, whether they are excluded, and the length
/// with `]`.
fn set(rest: &[char]) -> Option<(&[char], bool, usize)> {
    let is_negated = rest.first() == Some(&'!');
    let start = usize::from(is_negated);
    // The first one is a member.
    let after = rest.get(start + 1..)?;
    let end = start + 1 + after.iter().position(|&char| char == ']')?;
    Some((&rest[start..end], is_negated, end + 1))
}

fn contains(members: &[char], char: char) -> bool {
    match members {
        [first, '-', last, rest @ ..] => (*first..=*last).contains(&char) || contains(rest, char),
        [first, rest @ ..] => *first == char || contains(rest, char),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_python() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a/b", true),
            ("*.txt", "a/b.txt", true),
            ("*.txt", "a.txt2", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[!a-c]x", "dx", true),
            ("[]]x", "]x", true),
            ("[a-]x", "-x", true),
            ("[ab", "[ab", true),
            ("[", "a", false),
            ("\u{fc}*", "\u{fc}b", true),
            ("A", "a", false),
            ("", "", true),
            ("", "a", false),
        ] {
            let [pattern, text] = [pattern, text].map(|text| text.chars().collect::<Vec<_>>());
            assert_eq!(matches(&pattern, &text), expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern: Vec<char> = "*a".repeat(50).chars().collect();
        let text: Vec<char> = "a".repeat(5000).chars().chain(['b']).collect();
        assert!(!matches(&pattern, &text));
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let filters = Filters::new(
            [(false, "*"), (true, "*.txt"), (false, "dir/*")],
            &["b/p/", "/f"],
        );
        assert!(filters.admit("b/p/a.txt"));
        assert!(!filters.admit("b/p/a.rs"));
        assert!(!filters.admit("b/p/dir/a.txt"));
        assert!(filters.admit("b/q/a.rs"));
        assert!(filters.admit("/f/a.txt") && !filters.admit("/f/a.rs"));
        assert!(Filters::default().admit("x"));
    }
}
