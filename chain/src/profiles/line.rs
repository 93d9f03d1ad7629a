//! What one line of a configuration file is. The reader and the editor share this module, so that
//! the editor finds exactly what the reader reads.

use std::borrow::Cow;

use super::section::{FileKind, SectionName};

/// The characters of a name, for messages.
pub(super) const NAME_CHARACTERS: &str = "letters, digits and _-/.%@:+";

/// One line without its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Empty, or only whitespace.
    Empty,
    /// `#` or `;` in the first column.
    Comment,
    /// `[` without a `]`.
    UnclosedHeader,
    Header {
        /// The text between the brackets.
        inner: &'a str,
        /// Whether something other than a comment follows the bracket.
        trailing: bool,
    },
    /// A line that starts with whitespace, and so continues the property before it. It has no
    /// comment: `#` is part of the value.
    Indented(&'a str),
    /// A line from its first column up to a comment after whitespace.
    Property(&'a str),
}

impl<'a> Line<'a> {
    /// Source: SDKs and Tools Reference Guide, "Shared config and credentials files", "Format of
    /// the config file", and the parser conformance cases that the SDKs share.
    pub(super) fn parse(line: &'a str) -> Self {
        let text = line.trim();
        if text.is_empty() {
            return Self::Empty;
        }
        // Before the check for a comment: an indented `# x` continues a value.
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

    /// Returns the text without comment and brackets.
    pub(super) fn content(self) -> &'a str {
        match self {
            Self::Header { inner, .. } => inner,
            Self::Indented(text) | Self::Property(text) => text,
            Self::Empty | Self::Comment | Self::UnclosedHeader => "",
        }
    }
}

/// Returns true if a file is UTF-16, by its byte order mark or by a zero byte beside its first
/// character.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0, c, ..] | [c, 0, ..] => c.is_ascii_graphic(),
        _ => false,
    }
}

/// Decodes a line. Each byte that is not UTF-8 becomes one control character (U+001A), so that
/// byte positions stay the same.
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

/// Returns where a comment starts: at the whitespace before a `#` or `;` that follows a space or
/// tab. Returns the length of the line if it has no comment.
pub(super) fn comment_start(line: &str) -> usize {
    let mut after_space = false;
    for (at, c) in line.char_indices() {
        if after_space && matches!(c, '#' | ';') {
            return line[..at].trim_end().len();
        }
        after_space = c == ' ' || c == '\t';
    }
    line.len()
}

/// Parses the text between the brackets of a header.
pub(super) fn parse_header(kind: FileKind, inner: &str) -> Result<SectionName, Ignored> {
    let inner = inner.trim();
    match kind {
        // The credentials file has profiles only, without a prefix.
        FileKind::Credentials if is_name(inner) => Ok(SectionName::Profile(inner.to_owned())),
        FileKind::Credentials => Err(Ignored::InvalidName),
        FileKind::Config => parse_config_header(inner),
    }
}

fn parse_config_header(inner: &str) -> Result<SectionName, Ignored> {
    if inner == "default" {
        return Ok(SectionName::Profile(inner.to_owned()));
    }
    let (word, rest) = inner.split_once([' ', '\t']).unwrap_or((inner, ""));
    let section = match word {
        "profile" => SectionName::Profile,
        "sso-session" => SectionName::SsoSession,
        "services" => SectionName::Services,
        // Sections that the AWS CLI uses for itself.
        "plugins" | "preview" if rest.is_empty() => return Err(Ignored::Foreign),
        _ => return Err(Ignored::UnknownPrefix),
    };
    match unquote(rest.trim()) {
        Some(name) => Ok(section(name.to_owned())),
        None => Err(Ignored::InvalidName),
    }
}

/// Why a section is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ignored {
    InvalidName,
    UnknownPrefix,
    Foreign,
}

/// Returns the header of a section, which [`parse_header`] reads back. Returns `None` if the file
/// cannot have the section, or if the name cannot be written.
pub(super) fn header(kind: FileKind, section: &SectionName) -> Option<String> {
    let name = section.name();
    if section.is_default() {
        return Some("[default]".to_owned());
    }
    match kind {
        FileKind::Credentials if kind.may_hold(section) && is_name(name) => {
            Some(format!("[{name}]"))
        }
        FileKind::Credentials => None,
        FileKind::Config if is_name(name) => Some(format!("[{} {name}]", section.prefix())),
        // Single quotes: the AWS CLI finds no others when it edits the file.
        FileKind::Config => is_quotable(name).then(|| format!("[{} '{name}']", section.prefix())),
    }
}

/// Returns true if a header that was ignored looks as if it was meant for `section`: with or
/// without prefix and quotes.
pub(super) fn is_meant_for(inner: &str, section: &SectionName) -> bool {
    let name = inner.strip_prefix(section.prefix()).unwrap_or(inner);
    [inner, name]
        .iter()
        .any(|text| text.trim().trim_matches(['"', '\'']) == section.name())
}

/// Removes single or double quotes, which the AWS CLI writes around profile names with spaces.
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

/// Returns true for a name that can be written in quotes.
fn is_quotable(name: &str) -> bool {
    !name.trim().is_empty()
        && name.trim() == name
        && !name.contains(|c: char| c.is_control() || matches!(c, '"' | '\'' | '[' | ']' | '\\'))
}

/// Returns true for a name of a section or property that needs no quotes.
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
    fn a_comment_needs_whitespace_before_it_unless_it_is_the_whole_line() {
        for (line, kept) in [
            ("a = b # c", "a = b"),
            ("a = b \t; c # d", "a = b"),
            ("a = b#c", "a = b#c"),
            ("a = https://x/start/#", "a = https://x/start/#"),
            ("a =  ; c", "a ="),
        ] {
            assert_eq!(Line::parse(line), Line::Property(kept), "{line}");
        }
        assert_eq!(Line::parse("# a"), Line::Comment);
        assert_eq!(Line::parse(" # a"), Line::Indented("# a"));
    }

    #[test]
    fn only_comments_are_expected_after_a_header() {
        for (line, inner, trailing) in [
            ("[a]", "a", false),
            ("[profile a]; c]", "profile a", false),
            ("[a] /* b */", "a", true),
        ] {
            assert_eq!(
                Line::parse(line),
                Line::Header { inner, trailing },
                "{line}"
            );
        }
        assert_eq!(Line::parse("[profile a"), Line::UnclosedHeader);
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
            assert_eq!(parse_header(kind, inner), section, "{inner}");
        }
    }
}
