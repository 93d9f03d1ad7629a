//! Parses one file into sections.
//!
//! The crate `configparser` reads the INI syntax: the split at the first `=`, and values over
//! several lines. It reports neither line numbers nor order, does not know AWS's comments, and
//! rejects a whole file for one bad line.
//!
//! So each line goes in with its number as a tag: a property becomes `4 region = x`, an indented
//! line ` 5 k = v`. Headers, comments and lines that it would reject are left out. The tags in its
//! result restore the line numbers and the order, and so tell the section of each property.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    mem,
    path::Path,
    sync::Arc,
};

use configparser::ini::{Ini, IniDefault};

use super::{
    line::{
        Ignored, Line, Lines, decode, ends_with_header, is_header_like, is_name, is_quoted,
        is_utf16, parse_header,
    },
    problem::{Problem, ProblemKind},
    section::{FileKind, Part, SectionName, Value, has_no_brackets, is_identity},
};
use crate::{order::Order, origin::Location};

/// The contents of one file.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// In the order of their first headers.
    pub(super) sections: Vec<(SectionName, Part)>,
    pub(super) ignored: Vec<IgnoredSection>,
    pub(super) problems: Vec<Problem>,
}

/// A section that is ignored because of its header.
#[derive(Clone, Debug)]
pub(super) struct IgnoredSection {
    pub(super) kind: FileKind,
    /// The text between the brackets.
    pub(super) inner: String,
    pub(super) location: Location,
}

/// Parses a file. Never fails as a whole: `problems` has what is wrong.
pub(super) fn parse(order: Order, kind: FileKind, file: &Arc<Path>, bytes: &[u8]) -> Parsed {
    let mut reader = Reader {
        order,
        kind,
        file,
        lines: Lines::new(order),
        tagged: String::with_capacity(2 * bytes.len()),
        at: At::Start,
        section: None,
        headers: Vec::new(),
        ignored: Vec::new(),
        bare_defaults: BTreeSet::new(),
        has_prefixed_default: false,
        problems: Vec::new(),
    };
    if is_utf16(bytes) {
        reader.report(None, None, ProblemKind::Utf16);
        return reader.finish(Vec::new());
    }
    // A byte order mark of UTF-8 is not part of the first line.
    let marked = bytes.strip_prefix(b"\xef\xbb\xbf");
    if marked.is_some() {
        reader.report(Some(1), None, ProblemKind::ByteOrderMark);
    }
    let text = marked.unwrap_or(bytes);
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        reader.read_line(number, line);
    }
    let tagged = mem::take(&mut reader.tagged);
    let properties = read_ini(tagged).unwrap_or_else(|reason| {
        reader.report(None, None, ProblemKind::Ini(reason));
        reader.headers.clear();
        Vec::new()
    });
    reader.finish(properties)
}

/// A property as `configparser` returns it, without its tags.
struct RawProperty {
    line: u32,
    name: String,
    value: String,
    /// The indented lines after it, with their numbers.
    more: Vec<(u32, String)>,
}

/// Runs `configparser` on the tagged lines. Returns the properties in the order of the file.
fn read_ini(tagged: String) -> Result<Vec<RawProperty>, String> {
    let mut settings = IniDefault::default();
    settings.case_sensitive = true;
    settings.multiline = true;
    settings.delimiters = vec!['='];
    // Comments are already gone.
    settings.comment_symbols = Vec::new();
    settings.enable_inline_comments = false;
    let sections = Ini::new_from_defaults(settings).read(tagged)?;
    let properties = sections.into_values().flatten();
    let mut properties: Vec<_> = properties.filter_map(untag).collect();
    properties.sort_unstable_by_key(|property| property.line);
    Ok(properties)
}

fn untag((mut key, value): (String, Option<String>)) -> Option<RawProperty> {
    let (line, name) = key.split_once(' ')?;
    let (line, name) = (line.parse().ok()?, key.len() - name.trim_start().len());
    key.drain(..name);
    let mut value = value.unwrap_or_default();
    let mut more = Vec::new();
    if let Some((first, lines)) = value.split_once('\n') {
        let first = first.trim_end_matches('\r').len();
        more.extend(lines.lines().filter_map(|line| {
            let (tag, text) = line.trim().split_once(' ')?;
            Some((tag.parse().ok()?, text.trim().to_owned()))
        }));
        value.truncate(first);
    }
    Some(RawProperty {
        line,
        name: key,
        value,
        more,
    })
}

struct Reader<'a> {
    order: Order,
    kind: FileKind,
    file: &'a Arc<Path>,
    lines: Lines,
    /// The usable lines, each with its number as a tag.
    tagged: String,
    /// Where the previous line left the reader.
    at: At,
    /// The section of the next line, if it is not ignored or unknown.
    section: Option<SectionName>,
    /// Each header's line, with the section it opens, or `None` if that is ignored.
    headers: Vec<(u32, Option<SectionName>)>,
    ignored: Vec<IgnoredSection>,
    /// The lines with `[default]` in a config file.
    bare_defaults: BTreeSet<u32>,
    /// Whether the config file has `[profile default]`.
    has_prefixed_default: bool,
    problems: Vec<Problem>,
}

/// A position between two lines.
#[derive(Clone, Copy, PartialEq)]
enum At {
    /// Before any header.
    Start,
    /// After a header that cannot be read, or after a line before any header. The section of these
    /// lines is unknown.
    InUnknownSection,
    /// Right after a header.
    Header,
    /// After a property.
    Property,
    /// After a line that is not a valid property. Its indented lines are left out with it.
    BadProperty,
}

impl Reader<'_> {
    /// Reads one line: adds it to the tagged lines if it is usable, and reports what is wrong.
    fn read_line(&mut self, number: u32, bytes: &[u8]) {
        let text = decode(bytes);
        let line = self.lines.read(&text);
        // Bytes that are not UTF-8 do no harm in a comment.
        let is_utf8 = matches!(text, Cow::Borrowed(_)) || !line.content().contains('\u{1a}');
        if matches!(line, Line::Header { .. } | Line::UnclosedHeader(_))
            && text.starts_with(char::is_whitespace)
        {
            self.report_line(number, ProblemKind::IndentedHeader);
        }
        let is_header = matches!(line, Line::Header { .. });
        let has_return = text.contains('\r') && text.trim().contains('\r');
        if is_header && (has_return || !is_utf8) {
            // What botocore reads as lines of their own would be lost with the carriage return.
            let lost = if has_return {
                ProblemKind::LostHeader
            } else {
                ProblemKind::HeaderNotUtf8
            };
            // The lines after this header do not belong to the section before it.
            (self.at, self.section) = (At::InUnknownSection, None);
            self.report_damaged(number, lost, &text);
            return;
        }
        if let Some(problem) = self.tag(number, line, &text) {
            self.report_damaged(number, problem, &text);
        }
        if !is_utf8 {
            self.report_line(number, ProblemKind::NotUtf8);
        }
        if has_return {
            self.report_line(number, ProblemKind::CarriageReturn);
        }
    }

    /// Adds a line with its tag, in a form that `configparser` accepts, and follows the sections.
    /// Returns what is wrong with the line.
    fn tag(&mut self, number: u32, line: Line<'_>, text: &str) -> Option<ProblemKind> {
        match line {
            Line::Comment
                if matches!(self.at, At::Property | At::BadProperty)
                    && text.starts_with(char::is_whitespace) =>
            {
                Some(ProblemKind::SkippedComment)
            }
            Line::Empty | Line::Comment => None,
            Line::UnclosedHeader(_) => {
                (self.at, self.section) = (At::InUnknownSection, None);
                Some(ProblemKind::UnclosedHeader)
            }
            Line::LostHeader(_) => {
                let kind = match self.at {
                    At::Start => ProblemKind::OutsideSection,
                    _ => ProblemKind::LostHeader,
                };
                // It may also be a bad line of the section above.
                self.report_damaged(number, kind, text);
                (self.at, self.section) = (At::InUnknownSection, None);
                None
            }
            Line::Header { inner, trailing } => {
                (self.at, self.section) = (At::Header, self.open(number, inner));
                if self.section.is_some() && self.has_spaces(inner) {
                    self.report_line(number, ProblemKind::SpacedHeader);
                }
                trailing.then_some(ProblemKind::TextAfterHeader)
            }
            // The reason has been reported. A line that is damaged, too, may begin yet another
            // section.
            Line::Property(property) if self.at == At::InUnknownSection => {
                check_property(property, text).filter(ProblemKind::is_error)
            }
            _ if self.at == At::InUnknownSection => None,
            Line::Continuation(_) if self.at == At::BadProperty => None,
            _ if self.at == At::Start => {
                // Report only the first of these lines.
                self.at = At::InUnknownSection;
                Some(ProblemKind::OutsideSection)
            }
            Line::Stray(_) => Some(ProblemKind::IndentedFirst),
            Line::Continuation(more) => {
                self.push(" ", number, more);
                None
            }
            Line::Property(property) => {
                // One report for all indented properties of the section.
                if self.at == At::Header && property.starts_with(char::is_whitespace) {
                    self.report_line(number, ProblemKind::IndentedProperty);
                }
                if self.has_header_at_end(property) {
                    self.report_damaged(number, ProblemKind::HeaderAfterValue, text);
                    (self.at, self.section) = (At::InUnknownSection, None);
                    return None;
                }
                let problem = check_property(property, text);
                if problem.as_ref().is_some_and(ProblemKind::is_error) {
                    self.at = At::BadProperty;
                } else {
                    self.at = At::Property;
                    self.push("", number, property);
                }
                problem
            }
        }
    }

    /// Adds a line with its tag.
    fn push(&mut self, indentation: &str, number: u32, line: &str) {
        self.tagged.push_str(indentation);
        // Writing to a string cannot fail.
        _ = write!(self.tagged, "{number}");
        self.tagged.extend([" ", line, "\n"]);
    }

    /// Returns true if a header stands at the end of a value that has no brackets otherwise.
    fn has_header_at_end(&self, property: &str) -> bool {
        // Of most lines, one look at the end is enough.
        property.trim_end().ends_with(']')
            && property.split_once('=').is_some_and(|(name, value)| {
                ends_with_header(self.order, self.kind, value.trim())
                    && has_no_brackets(&name.trim().to_ascii_lowercase())
            })
    }

    /// Starts a section. Returns `None` if it is ignored.
    fn open(&mut self, line: u32, inner: &str) -> Option<SectionName> {
        let section = match parse_header(self.order, self.kind, inner) {
            Ok(section) => Some(section),
            Err(reason) => {
                self.ignore(line, inner, reason);
                None
            }
        };
        if self.kind == FileKind::Config && section.as_ref().is_some_and(SectionName::is_default) {
            if inner.trim() == "default" {
                self.bare_defaults.insert(line);
            } else {
                self.has_prefixed_default = true;
            }
        }
        self.headers.push((line, section.clone()));
        section
    }

    /// Returns true if botocore does not find the section, because of whitespace inside the
    /// brackets. It splits a header with a prefix into words, at ASCII whitespace.
    fn has_spaces(&self, inner: &str) -> bool {
        let is_split = self.kind == FileKind::Config && inner.trim() != "default";
        let end = if is_split {
            inner.trim_ascii_end()
        } else {
            inner
        };
        inner.starts_with(char::is_whitespace) || end.ends_with(char::is_whitespace)
    }

    fn ignore(&mut self, line: u32, inner: &str, reason: Ignored) {
        let inner = inner.trim().to_owned();
        let kind = match reason {
            Ignored::InvalidName => ProblemKind::InvalidSectionName(inner.clone()),
            Ignored::UnknownPrefix => ProblemKind::UnknownSection(inner.clone()),
            Ignored::Prefixed => ProblemKind::PrefixedSection(inner.clone()),
            Ignored::Foreign => return,
        };
        self.report(Some(line), None, kind);
        self.ignored.push(IgnoredSection {
            kind: self.kind,
            inner,
            location: Location::new(self.file.clone(), line),
        });
    }

    /// Merges the sections of each name, in the order of the file. The last value of a property
    /// wins.
    fn finish(mut self, properties: Vec<RawProperty>) -> Parsed {
        let mut parsed = Parsed::default();
        let mut index = BTreeMap::new();
        let mut properties = properties.into_iter().peekable();
        let mut headers = mem::take(&mut self.headers).into_iter().peekable();
        while let Some((line, section)) = headers.next() {
            let end = headers.peek().map_or(u32::MAX, |(next, _)| *next);
            let name = section.filter(|_| !self.is_shadowed(line));
            let mut part = Part::new(Location::new(self.file.clone(), line));
            while let Some(property) = properties.next_if(|property| property.line < end) {
                self.read_property(name.as_ref(), &mut part, property);
            }
            if let Some(name) = name {
                let at = *index.entry(name.clone()).or_insert(parsed.sections.len());
                match parsed.sections.get_mut(at) {
                    None => parsed.sections.push((name, part)),
                    Some((_, first)) => {
                        self.report(Some(line), Some(&name), ProblemKind::DuplicateSection);
                        first.merge(part);
                    }
                }
            }
        }
        parsed.ignored = self.ignored;
        parsed.problems = self.problems;
        parsed.problems.sort_by_key(|problem| problem.line);
        parsed
    }

    /// Returns true for a `[default]` in a config file that has `[profile default]`.
    fn is_shadowed(&mut self, line: u32) -> bool {
        let is_shadowed = self.has_prefixed_default && self.bare_defaults.contains(&line);
        if is_shadowed {
            self.report(Some(line), None, ProblemKind::ShadowedDefault);
        }
        is_shadowed
    }

    fn read_property(
        &mut self,
        section: Option<&SectionName>,
        part: &mut Part,
        property: RawProperty,
    ) {
        let RawProperty {
            line,
            mut name,
            value,
            more,
        } = property;
        // Indented lines continue a value. Without a value they are properties themselves.
        let (text, nested) = if value.is_empty() {
            (value, self.read_nested(section, &more))
        } else {
            (self.read_continued(section, line, value, &more), Vec::new())
        };
        if !is_name(&name) {
            self.report(Some(line), section, ProblemKind::InvalidPropertyName);
            return;
        }
        name.make_ascii_lowercase();
        // A command has quotes of its own.
        if name != "credential_process" {
            self.check_quotes(section, line, &text);
        }
        let value = Value::new(text, nested, Location::new(self.file.clone(), line));
        let refuses_conflicts = self.order.rules().refuses_conflicts && is_identity(&name);
        if let Some(old) = part.get(&name) {
            let kind = if refuses_conflicts && old.as_str() != value.as_str() {
                ProblemKind::ConflictingProperty
            } else {
                ProblemKind::DuplicateProperty
            };
            self.report(Some(line), section, kind);
        }
        part.insert(name, value);
    }

    /// Joins a value and the lines that continue it. `first` is the line of the property.
    fn read_continued(
        &mut self,
        section: Option<&SectionName>,
        first: u32,
        value: String,
        more: &[(u32, String)],
    ) -> String {
        let mut text = value;
        for (line, more) in more {
            if is_comment(more) {
                self.report(Some(*line), section, ProblemKind::IndentedComment);
            } else if is_header_like(more) || self.has_header_at_end(more) {
                self.report(Some(*line), section, ProblemKind::HeaderInValue(first));
                self.keep_damaged(more);
            } else if more
                .split_once('=')
                .is_some_and(|(name, _)| is_name(name.trim()))
            {
                self.report(Some(*line), section, ProblemKind::PropertyInValue(first));
            }
            text.push('\n');
            text.push_str(more);
        }
        text
    }

    /// Reports quotes around a value, which are part of it.
    fn check_quotes(&mut self, section: Option<&SectionName>, line: u32, value: &str) {
        if is_quoted(value) {
            self.report(Some(line), section, ProblemKind::QuotedValue);
        }
    }

    fn read_nested(
        &mut self,
        section: Option<&SectionName>,
        lines: &[(u32, String)],
    ) -> Vec<(String, Value)> {
        let mut nested = Vec::with_capacity(lines.len());
        for (line, text) in lines {
            match text.split_once('=') {
                None if is_comment(text) => {
                    self.report(Some(*line), section, ProblemKind::NestedComment);
                }
                None => {
                    self.report(Some(*line), section, ProblemKind::NestedNoEquals);
                    self.keep_damaged(text);
                }
                Some((name, _)) if name.trim().is_empty() => {
                    self.report(Some(*line), section, ProblemKind::NestedNoName);
                }
                Some((name, value)) => {
                    if is_comment(text) {
                        self.report(Some(*line), section, ProblemKind::IndentedComment);
                    }
                    let (name, value) = (name.trim(), value.trim());
                    self.check_quotes(section, *line, value);
                    let location = Location::new(self.file.clone(), *line);
                    let value = Value::new(value.to_owned(), Vec::new(), location);
                    nested.push((name.to_ascii_lowercase(), value));
                }
            }
        }
        nested
    }

    /// Reports a problem of a line in the current section.
    fn report_line(&mut self, line: u32, kind: ProblemKind) {
        let section = self.section.clone();
        self.report(Some(line), section.as_ref(), kind);
    }

    /// Reports a problem of a line in the current section. If it is an error, the line may have
    /// been a header.
    fn report_damaged(&mut self, line: u32, kind: ProblemKind, text: &str) {
        self.report_line(line, kind);
        self.keep_damaged(text);
    }

    /// Keeps the line of the problem just reported.
    fn keep_damaged(&mut self, text: &str) {
        if let Some(problem) = self.problems.last_mut() {
            problem.damaged = Some(text.into());
        }
    }

    fn report(&mut self, line: Option<u32>, section: Option<&SectionName>, kind: ProblemKind) {
        self.problems.push(Problem {
            file: self.file.to_path_buf(),
            file_kind: self.kind,
            line,
            section: section.cloned(),
            kind,
            damaged: None,
        });
    }
}

/// Returns what is wrong with a property. `property` is `line` without its comment.
fn check_property(property: &str, line: &str) -> Option<ProblemKind> {
    match property.split_once('=') {
        None if has_colon(property) => Some(ProblemKind::Colon),
        None => Some(ProblemKind::NoEquals),
        Some((name, _)) if name.trim().is_empty() => Some(ProblemKind::NoName),
        Some(_) => (property.len() < line.trim_end().len()).then_some(ProblemKind::InlineComment),
    }
}

/// Returns true for `NAME: VALUE`.
fn has_colon(property: &str) -> bool {
    property
        .split_once(':')
        .is_some_and(|(name, _)| is_name(name.trim()))
}

fn is_comment(text: &str) -> bool {
    text.starts_with(['#', ';'])
}
