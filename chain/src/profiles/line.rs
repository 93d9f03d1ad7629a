//! What one line of a configuration file is. The reader and the editor share this module, so that
//! the editor finds exactly what the reader reads.

use std::borrow::Cow;

use super::section::{FileKind, SectionName};
use crate::{
    order::{Names, Order},
    sources::split_posix,
};

/// The characters of a name, for messages.
pub(super) const NAME_CHARACTERS: &str = "letters, digits and _-/.%@:+";

/// The words before the name in headers of the config file.
pub(super) const PREFIXES: [&str; 3] = ["profile", "sso-session", "services"];

/// Quotes as people write them in a shell, and as web pages and word processors print those.
const QUOTES: [char; 7] = ['"', '\'', '“', '”', '„', '‘', '’'];

/// Returns true for text that begins or ends with a quote, straight or typographic. In a
/// configuration file the quotes are part of the value.
///
/// # Examples
///
/// ```
/// use keyfob_chain::profiles::is_quoted;
///
/// assert!(is_quoted("\"eu-west-1\""));
/// assert!(!is_quoted("eu-west-1"));
/// ```
pub fn is_quoted(text: &str) -> bool {
    text.starts_with(QUOTES) || text.ends_with(QUOTES)
}

/// One line without its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Empty, or only whitespace.
    Empty,
    /// `#` or `;` in the first column.
    Comment,
    /// `[` without a `]`, with the text after it.
    UnclosedHeader(&'a str),
    /// A line without `=` that may be a header without its brackets.
    LostHeader(&'a str),
    Header {
        /// The text between the brackets.
        inner: &'a str,
        /// Whether something other than a comment follows the bracket.
        trailing: bool,
    },
    /// A line that continues the property above it. It has no comment: `#` is part of the value.
    Continuation(&'a str),
    /// A line up to a comment after whitespace.
    Property(&'a str),
    /// An indented line that continues nothing and is not `NAME = VALUE`.
    Stray(&'a str),
}

impl<'a> Line<'a> {
    /// Returns the text without comment and brackets.
    pub(super) fn content(self) -> &'a str {
        match self {
            Self::Header { inner, .. } => inner,
            Self::Continuation(text)
            | Self::Property(text)
            | Self::Stray(text)
            | Self::UnclosedHeader(text)
            | Self::LostHeader(text) => text,
            Self::Empty | Self::Comment => "",
        }
    }
}

/// Reads one line after the other, and tells those that continue a property from the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    order: Order,
    /// The indentation of the property above, or `None` right below a header.
    property: Option<usize>,
}

impl Lines {
    /// Starts right below a header, or at the start of a file.
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            property: None,
        }
    }

    /// Returns true if a line with this indentation continues the property above it.
    fn continues(&self, indentation: usize) -> bool {
        self.property.is_some_and(|property| indentation > property)
    }

    /// Returns a line with the `=` that stands for a colon after the name of a property, where the
    /// rules have both.
    pub(super) fn with_equals<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if !self.order.rules().reads_like_python
            || self.continues(indentation(line))
            || line.trim_start().starts_with(['[', '#', ';'])
        {
            return Cow::Borrowed(line);
        }
        match line.find(['=', ':']) {
            Some(at) if line[at..].starts_with(':') => {
                let (name, value) = line.split_at(at);
                Cow::Owned(format!("{name}={}", &value[1..]))
            }
            _ => Cow::Borrowed(line),
        }
    }

    /// Reads the next line.
    ///
    /// Source: SDKs and Tools Reference Guide, "Shared config and credentials files", "Format of
    /// the config file", and the parser conformance cases that the SDKs share. They refuse each
    /// indented line that continues nothing. The AWS CLI reads `NAME = VALUE` right below a header
    /// as a property, as botocore does, and then also the lines that are not indented more.
    pub(super) fn read<'a>(&mut self, line: &'a str) -> Line<'a> {
        let text = line.trim();
        if text.is_empty() {
            return Line::Empty;
        }
        let rules = self.order.rules();
        if rules.reads_like_javascript {
            return self.read_alone(line, text);
        }
        let indentation = indentation(line);
        if indentation > 0 && self.property.is_none() && !rules.allows_indented_properties {
            return Line::Stray(text);
        }
        let is_comment = text.starts_with(['#', ';']);
        let continues = self.continues(indentation);
        // botocore skips each comment. For the parser that the SDKs share, one that is indented
        // more than a property continues its value.
        if is_comment && (!continues || rules.allows_indented_properties) {
            return Line::Comment;
        }
        if continues {
            return Line::Continuation(text);
        }
        // Indented, too, as botocore reads it.
        if let Some(inner) = text.strip_prefix('[') {
            self.property = None;
            let end = if rules.reads_like_python {
                inner.rfind(']')
            } else {
                inner.find(']')
            };
            return header_line(inner, end);
        }
        let content = if rules.reads_like_python {
            line
        } else {
            without_comment(line)
        };
        if may_be_header(content.trim()) {
            self.property = None;
            return Line::LostHeader(text);
        }
        if indentation > 0 {
            let is_property = text
                .split_once('=')
                .is_some_and(|(name, _)| is_name(name.trim()));
            if !is_property {
                return Line::Stray(text);
            }
        }
        self.property = Some(indentation);
        Line::Property(content)
    }

    /// Reads a line whose indentation matters only below a property without a value. It skips what
    /// is neither a header nor a property.
    ///
    /// Source: `parseIni` of `@smithy/core`.
    fn read_alone<'a>(&mut self, line: &'a str, text: &'a str) -> Line<'a> {
        if text.starts_with(['#', ';']) {
            return Line::Comment;
        }
        let content = without_comment(line).trim();
        if let Some(inner) = content
            .strip_prefix('[')
            .filter(|inner| inner.ends_with(']'))
        {
            self.property = None;
            return header_line(inner, inner.rfind(']'));
        }
        if content.find('=').is_none_or(|at| at == 0) {
            return Line::Empty;
        }
        if self.continues(indentation(line)) {
            return Line::Continuation(content);
        }
        let is_empty = content.ends_with('=');
        self.property = is_empty.then(|| indentation(line));
        Line::Property(content)
    }
}

fn indentation(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).count()
}

/// Parses a header after its `[`, whose `]` is at `end`.
fn header_line(text: &str, end: Option<usize>) -> Line<'_> {
    let Some((inner, rest)) = end.and_then(|end| text.split_at_checked(end)) else {
        return Line::UnclosedHeader(text);
    };
    let rest = rest.strip_prefix(']').unwrap_or(rest).trim_start();
    Line::Header {
        inner,
        trailing: !rest.is_empty() && !rest.starts_with(['#', ';']),
    }
}

/// Returns true for a line that may have been a header: it has a bracket, or begins as a header
/// does, and is not a property.
pub(super) fn may_be_header(text: &str) -> bool {
    let property = text.split_once('=');
    if property.is_some_and(|(name, _)| !name.trim().is_empty()) {
        return false;
    }
    let first = text.split_whitespace().next().unwrap_or_default();
    text == "default" || PREFIXES.contains(&first) || folded(text).contains(is_bracket)
}

fn is_bracket(c: char) -> bool {
    // Those of East Asian keyboards, too.
    matches!(c, '[' | ']' | '(' | ')' | '{' | '}' | '<' | '>')
        || ('\u{3008}'..='\u{3011}').contains(&c)
        || ('\u{3014}'..='\u{301b}').contains(&c)
}

/// Returns true if a line that continues a value may have been a header. Text with brackets in it
/// may be part of a command, a note or JSON, so a header has one at an end, and a name.
pub(super) fn is_header_like(text: &str) -> bool {
    let folded = folded(text);
    let is_word = !folded.contains(char::is_whitespace);
    may_be_header(text)
        && folded.contains(char::is_alphanumeric)
        && (!folded.contains(is_bracket)
            || folded.starts_with('[')
            || is_word && folded.starts_with(is_bracket)
            || !folded.contains('[')
                && (folded.ends_with(']') || is_word && folded.ends_with(is_bracket)))
}

/// Returns true if a value ends with a header, whose line was joined to it.
pub(super) fn ends_with_header(order: Order, kind: FileKind, value: &str) -> bool {
    let inner = value
        .strip_suffix(']')
        .and_then(|value| Some(value.rsplit_once('[')?.1));
    inner.is_some_and(|inner| parse_header(order, kind, inner).is_ok())
}

/// Returns true if a header without its end begins as that of a section with this name does.
pub(super) fn begins(unclosed: &str, name: &str) -> bool {
    let folded_line = folded(unclosed.trim_start().trim_start_matches('['));
    let words = folded_line.trim();
    let start = PREFIXES
        .iter()
        .find_map(|prefix| words.strip_prefix(prefix))
        .unwrap_or(words)
        .trim();
    // Cut within its prefix, it may be that of any section.
    let is_cut = PREFIXES.iter().any(|prefix| prefix.starts_with(words));
    is_cut || !start.is_empty() && folded(name).starts_with(start)
}

/// Returns true if a damaged line has a name in it, as a word, in any case.
pub(super) fn mentions(line: &str, name: &str) -> bool {
    let (line, name) = (folded(line), folded(name));
    let is_part_of_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    line.match_indices(&name).any(|(at, name)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        !is_part_of_word(before.chars().next_back()) && !is_part_of_word(after.chars().next())
    })
}

/// Returns true for characters that are not seen, as web pages and chats put them into text.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}

/// Returns a text in lower case, without invisible characters, and with the wide forms of ASCII as
/// ASCII.
pub(super) fn folded(text: &str) -> String {
    let visible = text.chars().filter(|c| !is_invisible(*c));
    let narrow = visible.map(|c| match c {
        // U+FF01 to U+FF5E are `!` to `~`.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    });
    narrow.flat_map(char::to_lowercase).collect()
}

/// Returns the line of a property up to its comment.
pub(super) fn without_comment(line: &str) -> &str {
    &line[..comment_start(line)]
}

/// Returns true if a file is UTF-16, by its byte order mark or by a zero byte beside each of its
/// first two characters.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0, first, 0, second, ..] | [first, 0, second, 0, ..] => {
            first.is_ascii_graphic() && second.is_ascii()
        }
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
    // Most lines have none, which is quick to see.
    if !line.bytes().any(|byte| matches!(byte, b'#' | b';')) {
        return line.len();
    }
    let is_start = |pair: &[u8]| matches!(pair, [b' ' | b'\t', b'#' | b';']);
    match line.as_bytes().windows(2).position(is_start) {
        Some(space) => line[..space].trim_end().len(),
        None => line.len(),
    }
}

/// Parses the text between the brackets of a header.
pub(super) fn parse_header(
    order: Order,
    kind: FileKind,
    inner: &str,
) -> Result<SectionName, Ignored> {
    if order.rules().reads_like_python {
        return parse_python_header(kind, inner);
    }
    let inner = inner.trim();
    match kind {
        FileKind::Credentials => parse_credentials_header(order, inner),
        FileKind::Config => parse_config_header(order, inner),
    }
}

/// The section that gives all others of its file their defaults, for Python's `configparser`.
pub(super) const DEFAULTS: &str = "DEFAULT";

/// In the credentials file, all that stands between the brackets is the name of a profile. In the
/// config file, a header that begins with a prefix has two words as a shell splits them, and the
/// second one is the name.
///
/// Source: botocore, `build_profile_map` and `_parse_section`.
fn parse_python_header(kind: FileKind, inner: &str) -> Result<SectionName, Ignored> {
    if inner == DEFAULTS {
        return Err(Ignored::Foreign);
    }
    if kind == FileKind::Credentials || inner == "default" {
        return Ok(SectionName::Profile(inner.to_owned()));
    }
    let begins = |text: &str| PREFIXES.iter().position(|prefix| text.starts_with(prefix));
    let section = match begins(inner) {
        Some(0) => SectionName::Profile,
        Some(1) => SectionName::SsoSession,
        Some(_) => SectionName::Services,
        None if inner.trim() == "default" || begins(inner.trim()).is_some() => {
            return Err(Ignored::Spaced);
        }
        None if matches!(inner, "plugins" | "preview") => return Err(Ignored::Foreign),
        None => return Err(Ignored::UnknownPrefix),
    };
    match split_posix(inner).as_deref() {
        Some([_, name]) => Ok(section(name.clone())),
        _ => Err(Ignored::InvalidName),
    }
}

/// The credentials file has profiles only, without a prefix and without quotes.
fn parse_credentials_header(order: Order, inner: &str) -> Result<SectionName, Ignored> {
    if has_prefix(inner) {
        return Err(Ignored::Prefixed);
    }
    let is_allowed = match order.rules().names {
        Names::Any | Names::Unquoted => is_quotable(inner),
        Names::Plain => is_name(inner),
        Names::PlainInConfig => is_bare(inner),
    };
    if is_allowed {
        return Ok(SectionName::Profile(inner.to_owned()));
    }
    Err(Ignored::InvalidName)
}

fn parse_config_header(order: Order, inner: &str) -> Result<SectionName, Ignored> {
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
    let rest = rest.trim();
    let name = match order.rules().names {
        Names::Any => unquote(rest).or_else(|| Some(rest).filter(|name| is_bare(name))),
        Names::Plain => Some(rest).filter(|name| is_name(name)),
        Names::PlainInConfig => Some(unquote(rest).unwrap_or(rest)).filter(|name| is_name(name)),
        Names::Unquoted => Some(rest).filter(|name| is_quotable(name)),
    };
    match name {
        Some(name) => Ok(section(name.to_owned())),
        None => Err(Ignored::InvalidName),
    }
}

/// Why a section is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ignored {
    InvalidName,
    UnknownPrefix,
    /// A prefix of the config file in the credentials file.
    Prefixed,
    /// Whitespace inside the brackets, which is part of the name.
    Spaced,
    Foreign,
}

/// Returns the header of a section, which [`parse_header`] reads back by the rules of the AWS CLI.
/// Returns `None` if the file cannot have the section, or if the name cannot be written.
pub(super) fn header(kind: FileKind, section: &SectionName) -> Option<String> {
    let name = section.name();
    if section.is_default() {
        return Some("[default]".to_owned());
    }
    match kind {
        FileKind::Credentials => {
            let can_hold = kind.may_hold(section) && is_quotable(name) && !has_prefix(name);
            can_hold.then(|| format!("[{name}]"))
        }
        FileKind::Config if is_bare(name) => Some(format!("[{} {name}]", section.prefix())),
        // Single quotes: the AWS CLI finds no others when it edits the file.
        FileKind::Config => is_quotable(name).then(|| format!("[{} '{name}']", section.prefix())),
    }
}

/// Returns the same header if it is read back by the rules of an order.
pub(super) fn header_for(order: Order, kind: FileKind, section: &SectionName) -> Option<String> {
    let header = header(kind, section)?;
    let inner = header.strip_prefix('[')?.strip_suffix(']')?;
    let is_read = parse_header(order, kind, inner).is_ok_and(|read| read == *section);
    is_read.then_some(header)
}

/// Returns true if a header that was ignored looks as if it was meant for `section`: with or
/// without prefix and quotes, and in any case.
pub(super) fn is_meant_for(inner: &str, section: &SectionName) -> bool {
    let prefix = section.prefix();
    let name = match inner.get(..prefix.len()) {
        Some(start) if start.eq_ignore_ascii_case(prefix) => &inner[prefix.len()..],
        _ => inner,
    };
    [inner, name].iter().any(|text| {
        let text = text.trim().trim_matches(['"', '\'']);
        folded(text) == folded(section.name())
    })
}

/// Removes single or double quotes, which the AWS CLI writes around profile names with spaces.
fn unquote(name: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| {
        let inner = name.strip_prefix(quote)?.strip_suffix(quote)?;
        is_quotable(inner).then_some(inner)
    })
}

/// Returns true if a text starts with a word that only headers of the config file have.
fn has_prefix(inner: &str) -> bool {
    inner
        .split_once(char::is_whitespace)
        .is_some_and(|(word, _)| PREFIXES.contains(&word))
}

/// Returns true for a name that the AWS CLI reads without quotes in the config file.
fn is_bare(name: &str) -> bool {
    is_quotable(name) && !name.contains(char::is_whitespace)
}

/// Returns true for a name that can be written in quotes.
pub(super) fn is_quotable(name: &str) -> bool {
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

    fn first(line: &str) -> Line<'_> {
        Lines::new(Order::Cli).read(line)
    }

    #[test]
    fn a_comment_needs_whitespace_before_it_unless_it_is_the_whole_line() {
        for (line, kept) in [
            ("a = b # c", "a = b"),
            ("a = b \t; c # d", "a = b"),
            ("a = b#c", "a = b#c"),
            ("a = https://x/start/#", "a = https://x/start/#"),
            ("a =  ; c", "a ="),
        ] {
            assert_eq!(first(line), Line::Property(kept), "{line}");
        }
        assert_eq!(first("# a"), Line::Comment);
        assert_eq!(first(" # a"), Line::Comment);
        for (order, read) in [
            (Order::Cli, Line::Comment),
            (Order::Rust, Line::Continuation("# a")),
        ] {
            let mut lines = Lines::new(order);
            lines.read("a = b");
            assert_eq!(lines.read(" # a"), read);
        }
    }

    #[test]
    fn an_indented_line_continues_a_property_that_is_indented_less() {
        use Line::{Comment, Continuation, Empty, Property, Stray};
        let mut lines = Lines::new(Order::Cli);
        for (line, read) in [
            ("  -x", Stray("-x")),
            ("  a b = c", Stray("a b = c")),
            ("    a = 1 # c", Property("    a = 1")),
            ("    # c", Comment),
            ("      more", Continuation("more")),
            ("", Empty),
            ("\t\t\t\tb = 2", Property("\t\t\t\tb = 2")),
            ("  c =", Property("  c =")),
            ("    d = 3", Continuation("d = 3")),
            ("  no", Stray("no")),
            ("e = 4", Property("e = 4")),
            (" f = 5", Continuation("f = 5")),
        ] {
            assert_eq!(lines.read(line), read, "{line}");
        }
        for line in [" a = 1", " # c"] {
            assert_eq!(Lines::new(Order::Rust).read(line), Stray(&line[1..]));
        }
    }

    #[test]
    fn only_comments_are_expected_after_a_header() {
        for (line, inner, trailing) in [
            ("[a]", "a", false),
            ("[profile a]; c]", "profile a", false),
            ("[a] /* b */", "a", true),
        ] {
            assert_eq!(first(line), Line::Header { inner, trailing }, "{line}");
        }
        assert_eq!(first("[profile a"), Line::UnclosedHeader("profile a"));
        for lost in [
            "default]",
            "(default)",
            "{default]",
            "- [default]",
            "=[default]",
            "default",
            "profile dev",
        ] {
            assert_eq!(first(lost), Line::LostHeader(lost), "{lost}");
        }
        for property in [
            "region",
            "region eu-west-1",
            "region:eu-west-1",
            "a = [b]",
            "= b",
        ] {
            assert_eq!(first(property), Line::Property(property), "{property}");
        }
    }

    #[test]
    fn headers_name_sections_by_the_rules_of_their_file() {
        use FileKind::{Config, Credentials};
        use Order::{Boto3, Cli, Go, JavaScript, JavaV2, Rust};
        let profile = |name: &str| Ok(SectionName::Profile(name.to_owned()));
        for (kind, inner, section) in [
            (Config, "default", profile("default")),
            (Config, " profile \t dev ", profile("dev")),
            (Config, "profile a b", Err(Ignored::InvalidName)),
            (Config, "profile", Err(Ignored::InvalidName)),
            (Config, "profiledev", Err(Ignored::UnknownPrefix)),
            (Config, "Profile dev", Err(Ignored::UnknownPrefix)),
            (Config, "DEFAULT", Err(Ignored::UnknownPrefix)),
            (Config, "plugins", Err(Ignored::Foreign)),
            (Credentials, " dev ", profile("dev")),
            (Credentials, "profile dev", Err(Ignored::Prefixed)),
            (Credentials, "", Err(Ignored::InvalidName)),
            (Credentials, "a'b", Err(Ignored::InvalidName)),
        ] {
            for order in [Cli, Rust] {
                assert_eq!(parse_header(order, kind, inner), section, "{inner}");
            }
        }
        for (inner, name, readers) in [
            ("profile \"a b\"", "a b", &[Cli, Boto3][..]),
            ("profile 'q'", "q", &[Cli, Boto3, JavaScript]),
            ("profile a b", "a b", &[Go]),
        ] {
            for order in [Cli, Boto3, JavaScript, Go, JavaV2, Rust] {
                let read = parse_header(order, Config, inner);
                let is_read = readers.contains(&order);
                assert_eq!(read == profile(name), is_read, "{order:?}: {inner}");
                assert_eq!(read.is_err(), !is_read, "{order:?}: {inner}");
            }
        }
        // As the AWS CLI writes them.
        for (kind, inner, name) in [
            (Config, "profile gr\u{fc}n", "gr\u{fc}n"),
            (Credentials, "gr\u{fc}n", "gr\u{fc}n"),
            (Credentials, "my team", "my team"),
        ] {
            assert_eq!(parse_header(Cli, kind, inner), profile(name));
            let sdk = parse_header(JavaV2, kind, inner);
            assert_eq!(sdk, Err(Ignored::InvalidName));
        }
    }

    #[test]
    fn a_header_that_is_cut_within_its_prefix_may_be_that_of_any_section() {
        for cut in ["prof", "profile", "sso-s", "[pro", "profile p"] {
            assert!(begins(cut, "prod"), "{cut}");
        }
        for cut in ["profile dev", "dev", "prod-eu"] {
            assert!(!begins(cut, "prod"), "{cut}");
        }
    }
}
