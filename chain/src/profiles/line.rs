//! What one line of a configuration file is. The reader and the editor both look at lines through this module, so
//! that the editor finds exactly what the reader reads.

use std::borrow::Cow;

use super::{FileKind, SectionName};

/// One physical line without its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Blank,
    /// `#` or `;` in the first column.
    Comment,
    /// `[` without a `]`.
    UnclosedHeader,
    Header {
        /// What stands between the brackets.
        inner: &'a str,
        /// Whether something other than a comment follows the bracket.
        trailing: bool,
    },
    /// A line that starts with a blank goes on with the property before it. Its comments are part of it.
    Indented(&'a str),
    /// A line from its first column up to a comment after a blank.
    Property(&'a str),
}

impl<'a> Line<'a> {
    /// Source: SDKs and Tools Reference Guide, "Shared config and credentials files", "Format of the config file",
    /// and the parser conformance cases that the SDKs share.
    pub(super) fn of(line: &'a str) -> Self {
        let text = line.trim();
        if text.is_empty() {
            return Self::Blank;
        }
        if line.starts_with(char::is_whitespace) {
            return Self::Indented(text);
        }
        if text.starts_with(['#', ';']) {
            return Self::Comment;
        }
        let Some(inner) = text.strip_prefix('[') else {
            return Self::Property(&line[..comment_start(line)]);
        };
        let Some((inner, rest)) = inner.split_once(']') else {
            return Self::UnclosedHeader;
        };
        let rest = rest.trim_start();
        Self::Header {
            inner,
            trailing: !rest.is_empty() && !rest.starts_with(['#', ';']),
        }
    }

    /// What counts of it: no comment, no brackets.
    pub(super) fn content(self) -> &'a str {
        match self {
            Self::Header { inner, .. } => inner,
            Self::Indented(text) | Self::Property(text) => text,
            Self::Blank | Self::Comment | Self::UnclosedHeader => "",
        }
    }
}

/// Whether a file is UTF-16: by its mark, or by the zero beside its first character.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0, c, ..] | [c, 0, ..] => c.is_ascii_graphic(),
        _ => false,
    }
}

/// A line as text. Each byte that is not UTF-8 becomes one control character, so that positions stay.
pub(super) fn decode(line: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(line) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{1a}'));
    }
    Cow::Owned(text)
}

/// Where a comment starts: at the blanks before a `#` or `;` that follows a blank. Without one, the end.
pub(super) fn comment_start(line: &str) -> usize {
    let mut after_blank = false;
    for (at, c) in line.char_indices() {
        if after_blank && matches!(c, '#' | ';') {
            return line[..at].trim_end().len();
        }
        after_blank = c == ' ' || c == '\t';
    }
    line.len()
}

/// The section a header opens, or why it opens none.
pub(super) fn section_name(kind: FileKind, inner: &str) -> Result<SectionName, Ignored> {
    let inner = inner.trim();
    match kind {
        // The credentials file holds profiles only, and knows no prefix.
        FileKind::Credentials if is_name(inner) => Ok(SectionName::Profile(inner.to_owned())),
        FileKind::Credentials => Err(Ignored::InvalidName),
        FileKind::Config => config_section(inner),
    }
}

fn config_section(inner: &str) -> Result<SectionName, Ignored> {
    if inner == "default" {
        return Ok(SectionName::Profile(inner.to_owned()));
    }
    let (word, rest) = inner.split_once([' ', '\t']).unwrap_or((inner, ""));
    let section = match word {
        "profile" => SectionName::Profile,
        "sso-session" => SectionName::SsoSession,
        "services" => SectionName::Services,
        // Sections of the AWS CLI for itself.
        "plugins" | "preview" if rest.is_empty() => return Err(Ignored::Foreign),
        _ => return Err(Ignored::UnknownPrefix),
    };
    match unquote(rest.trim()) {
        Some(name) => Ok(section(name.to_owned())),
        None => Err(Ignored::InvalidName),
    }
}

/// Why a section is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ignored {
    InvalidName,
    UnknownPrefix,
    Foreign,
}

/// Profile names with blanks are written in quotes, single or double, as the AWS CLI does.
fn unquote(name: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(inner) = name
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return is_quotable(inner).then_some(inner);
        }
    }
    is_name(name).then_some(name)
}

/// A name that can stand in quotes.
pub(super) fn is_quotable(name: &str) -> bool {
    !name.trim().is_empty()
        && name.trim() == name
        && !name.contains(|c: char| c.is_control() || matches!(c, '"' | '\'' | '[' | ']' | '\\'))
}

/// Names of sections and properties: letters, digits and `_-/.%@:+`.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'-' | b'/' | b'.' | b'%' | b'@' | b':' | b'+')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_needs_a_blank_before_it_unless_it_is_the_line() {
        for (line, kept) in [
            ("a = b # c", "a = b"),
            ("a = b \t; c # d", "a = b"),
            ("a = b#c", "a = b#c"),
            ("a = https://x/start/#", "a = https://x/start/#"),
            ("a =  ; c", "a ="),
        ] {
            assert_eq!(Line::of(line), Line::Property(kept), "{line}");
        }
        assert_eq!(Line::of("# a"), Line::Comment);
        assert_eq!(Line::of(" # a"), Line::Indented("# a"));
    }

    #[test]
    fn only_comments_are_expected_after_a_header() {
        for (line, inner, trailing) in [
            ("[a]", "a", false),
            ("[profile a]; c]", "profile a", false),
            ("[a] /* b */", "a", true),
        ] {
            assert_eq!(Line::of(line), Line::Header { inner, trailing }, "{line}");
        }
        assert_eq!(Line::of("[profile a"), Line::UnclosedHeader);
    }

    #[test]
    fn headers_name_sections_by_the_rules_of_their_file() {
        use FileKind::{Config, Credentials};
        let profile = |name: &str| Ok(SectionName::Profile(name.to_owned()));
        for (kind, inner, section) in [
            (Config, "default", profile("default")),
            (Config, " profile \t dev ", profile("dev")),
            (Config, "profile \"a b\"", profile("a b")),
            (Config, "profile 'q'", profile("q")),
            (Config, "profile a b", Err(Ignored::InvalidName)),
            (Config, "profile", Err(Ignored::InvalidName)),
            (Config, "profiledev", Err(Ignored::UnknownPrefix)),
            (Config, "Profile dev", Err(Ignored::UnknownPrefix)),
            (Config, "DEFAULT", Err(Ignored::UnknownPrefix)),
            (Config, "plugins", Err(Ignored::Foreign)),
            (Credentials, " dev ", profile("dev")),
            (Credentials, "profile dev", Err(Ignored::InvalidName)),
        ] {
            assert_eq!(section_name(kind, inner), section, "{inner}");
        }
    }
}
