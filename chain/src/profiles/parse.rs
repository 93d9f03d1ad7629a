//! Parses one file into sections.
//!
//! A file may have thousands of profiles, and a program needs one or two of them. So this tells the
//! sections apart and finds what is wrong with their lines; [`properties`](super::properties)
//! reads the lines of a section.

use std::{borrow::Cow, ops::Range, path::Path, sync::Arc};

use super::{
    line::{DEFAULTS, Ignored, Line, Lines, decode, is_name, is_utf16, parse_header},
    problem::{Problem, ProblemKind},
    properties::{Lazy, Source},
    section::{FileKind, SectionName},
};
use crate::{
    order::{Names, Order},
    origin::Location,
};

/// The contents of one file.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// In the order of their headers. A name may have more than one.
    pub(super) sections: Vec<(SectionName, Lazy)>,
    pub(super) ignored: Vec<IgnoredSection>,
    pub(super) problems: Vec<Problem>,
}

/// A section that is ignored because of its header.
#[derive(Clone, Debug)]
pub(super) struct IgnoredSection {
    /// The order by whose rules it is ignored.
    pub(super) order: Order,
    pub(super) kind: FileKind,
    /// The text between the brackets.
    pub(super) inner: String,
    pub(super) location: Location,
}

/// Parses a file. Never fails as a whole: `problems` has what is wrong.
pub(super) fn parse(order: Order, kind: FileKind, file: &Arc<Path>, bytes: &[u8]) -> Parsed {
    let mut reader = Reader {
        source: Source::new(order, kind, file.clone(), bytes.len()),
        lines: Lines::new(order),
        at: At::Start,
        is_in_section: false,
        headers: Vec::new(),
        ignored: Vec::new(),
        has_prefixed_default: false,
        has_bad_comment: false,
        problems: Vec::new(),
    };
    if is_utf16(bytes) {
        reader.report(None, None, ProblemKind::Utf16);
        return reader.finish();
    }
    // A byte order mark of UTF-8 is not part of the first line.
    let marked = bytes.strip_prefix(b"\xef\xbb\xbf");
    if marked.is_some() {
        reader.report(Some(1), None, ProblemKind::ByteOrderMark);
    }
    let text = marked.unwrap_or(bytes);
    match str::from_utf8(text) {
        Ok(text) => {
            for (number, line) in (1..).zip(text.split('\n')) {
                if order.rules().reads_like_python {
                    // A carriage return ends a line, too.
                    let lines = line.strip_suffix('\r').unwrap_or(line).split('\r');
                    lines.for_each(|line| reader.read_line(number, line, true));
                } else {
                    reader.read_line(number, line, true);
                }
            }
        }
        Err(_) => {
            for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
                let line = decode(line);
                reader.read_line(number, &line, matches!(line, Cow::Borrowed(_)));
            }
        }
    }
    reader.finish()
}

struct Reader {
    source: Source,
    lines: Lines,
    /// Where the previous line left the reader.
    at: At,
    /// Whether the next line belongs to the last of `headers`.
    is_in_section: bool,
    headers: Vec<Header>,
    ignored: Vec<IgnoredSection>,
    /// Whether the config file has `[profile default]`.
    has_prefixed_default: bool,
    /// Whether a comment that is not UTF-8 has been reported.
    has_bad_comment: bool,
    problems: Vec<Problem>,
}

/// A header that can be read.
struct Header {
    line: u32,
    /// The section that it opens, or `None` if that is ignored.
    section: Option<SectionName>,
    /// Whether it is `[default]` in a config file.
    is_bare_default: bool,
    /// Whether its properties are the defaults of all other sections.
    is_default_values: bool,
    /// Where its lines are in the source.
    lines: Range<usize>,
    /// Whether a property has indented lines.
    has_continuations: bool,
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

impl Reader {
    /// Reads one line: adds it to the tagged lines if it is usable, and reports what is wrong.
    fn read_line(&mut self, number: u32, text: &str, is_utf8: bool) {
        let text = &*self.lines.with_equals(text);
        let line = self.lines.read(text);
        // Bytes that are not UTF-8 do no harm here in a comment.
        let is_comment = !is_utf8 && !line.content().contains('\u{1a}');
        if is_comment && !self.has_bad_comment {
            self.has_bad_comment = true;
            self.report(Some(number), None, ProblemKind::NotUtf8Comment);
        }
        let is_utf8 = is_utf8 || is_comment;
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
            self.lose_section();
            self.report_damaged(number, lost, text);
            return;
        }
        if let Some(problem) = self.tag(number, line, text) {
            self.report_damaged(number, problem, text);
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
                self.lose_section();
                Some(ProblemKind::UnclosedHeader)
            }
            Line::LostHeader(_) => {
                let kind = match self.at {
                    At::Start => ProblemKind::OutsideSection,
                    _ => ProblemKind::LostHeader,
                };
                // It may also be a bad line of the section above.
                self.report_damaged(number, kind, text);
                self.lose_section();
                None
            }
            Line::Header { inner, trailing } => {
                self.open(number, inner);
                let is_python = self.source.order.rules().reads_like_python;
                if !is_python && self.section().is_some() && self.has_spaces(inner) {
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
            _ if self.at == At::Start && self.source.order.rules().reads_like_javascript => None,
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
                if self.source.has_header_at_end(property) {
                    self.report_damaged(number, ProblemKind::HeaderAfterValue, text);
                    self.lose_section();
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

    /// Adds a line to the section.
    fn push(&mut self, indentation: &str, number: u32, line: &str) {
        self.source.push(indentation, number, line);
        if let Some(header) = self.headers.last_mut() {
            header.lines.end = self.source.len();
            header.has_continuations |= !indentation.is_empty();
        }
    }

    /// Returns the section of the next line, if it is not ignored or unknown.
    fn section(&self) -> Option<&SectionName> {
        let header = self.headers.last().filter(|_| self.is_in_section);
        header.and_then(|header| header.section.as_ref())
    }

    /// Takes the next lines for those of an unknown section.
    fn lose_section(&mut self) {
        (self.at, self.is_in_section) = (At::InUnknownSection, false);
    }

    /// Starts a section.
    fn open(&mut self, line: u32, inner: &str) {
        let rules = self.source.order.rules();
        let has_other_name = rules.keeps_header_spaces && self.has_spaces(inner);
        let is_default_values = rules.reads_like_python && inner == DEFAULTS;
        let section = match parse_header(self.source.order, self.source.kind, inner) {
            Ok(_) if has_other_name => {
                self.ignore(line, inner, Ignored::Spaced);
                None
            }
            Ok(section) => Some(section),
            Err(reason) => {
                self.ignore(line, inner, reason);
                None
            }
        };
        let is_default = self.source.kind == FileKind::Config
            && section.as_ref().is_some_and(SectionName::is_default);
        let is_bare_default = is_default && inner.trim() == "default";
        self.has_prefixed_default |= is_default && !is_bare_default;
        let start = self.source.len();
        self.headers.push(Header {
            line,
            section,
            is_bare_default,
            is_default_values,
            lines: start..start,
            has_continuations: false,
        });
        (self.at, self.is_in_section) = (At::Header, true);
    }

    /// Returns true if botocore, or the SDK in use, does not find the section because of whitespace
    /// inside the brackets. botocore splits a header with a prefix into words, at ASCII whitespace.
    /// The SDK for JavaScript knows a header by one space between two words.
    fn has_spaces(&self, inner: &str) -> bool {
        let rules = self.source.order.rules();
        if rules.keeps_header_spaces {
            return inner.split(char::is_whitespace).any(str::is_empty);
        }
        let is_split = self.source.kind == FileKind::Config && inner.trim() != "default";
        let end = if is_split {
            inner.trim_ascii_end()
        } else {
            inner
        };
        inner.starts_with(char::is_whitespace) || end.ends_with(char::is_whitespace)
    }

    fn ignore(&mut self, line: u32, inner: &str, reason: Ignored) {
        let inner = match reason {
            Ignored::Spaced => inner.to_owned(),
            _ => inner.trim().to_owned(),
        };
        let order = self.source.order;
        let has_others = !inner.split_whitespace().all(is_name);
        let kind = match reason {
            Ignored::InvalidName | Ignored::UnknownPrefix
                if order.rules().names != Names::Any
                    && (has_others || reason == Ignored::InvalidName) =>
            {
                ProblemKind::InvalidCharacters(inner.clone())
            }
            Ignored::InvalidName => ProblemKind::InvalidSectionName(inner.clone()),
            Ignored::UnknownPrefix => ProblemKind::UnknownSection(inner.clone()),
            Ignored::Prefixed => ProblemKind::PrefixedSection(inner.clone()),
            Ignored::Spaced => ProblemKind::SpacedSection(inner.clone()),
            Ignored::Foreign => return,
        };
        self.report(Some(line), None, kind);
        self.ignored.push(IgnoredSection {
            order,
            kind: self.source.kind,
            inner,
            location: self.source.location(line),
        });
    }

    /// Gives each section its lines.
    ///
    /// They are read later, but for those whose problems concern more than the section: a value of
    /// several lines may contain the header of another, and one that is ignored has no name.
    fn finish(self) -> Parsed {
        let source = Arc::new(self.source);
        let mut problems = self.problems;
        let defaults = self.headers.iter();
        let defaults = defaults.filter(|header| header.is_default_values);
        let defaults: Arc<[Lazy]> = defaults
            .map(|header| Lazy::new(source.clone(), header.line, header.lines.clone()))
            .collect();
        let mut sections = Vec::with_capacity(self.headers.len());
        for header in self.headers {
            // For botocore the last one counts, whatever its header.
            let is_shadowed = header.is_bare_default
                && self.has_prefixed_default
                && !source.order.rules().reads_like_python;
            if is_shadowed {
                problems.push(source.problem(
                    Some(header.line),
                    None,
                    ProblemKind::ShadowedDefault,
                ));
            }
            let name = header.section.filter(|_| !is_shadowed);
            let part = Lazy::new(source.clone(), header.line, header.lines);
            let mut part = part.with_defaults(&defaults);
            if header.has_continuations || name.is_none() {
                problems.append(&mut part.read_now(name.as_ref()));
            }
            sections.extend(name.map(|name| (name, part)));
        }
        Parsed {
            sections,
            ignored: self.ignored,
            problems,
        }
    }

    /// Reports a problem of a line in the current section.
    fn report_line(&mut self, line: u32, kind: ProblemKind) {
        let section = self.section().cloned();
        self.report(Some(line), section.as_ref(), kind);
    }

    /// Reports a problem of a line in the current section. If it is an error, the line may have
    /// been a header.
    fn report_damaged(&mut self, line: u32, kind: ProblemKind, text: &str) {
        let section = self.section().cloned();
        let problem = self.source.problem(Some(line), section.as_ref(), kind);
        self.problems.push(problem.with_damaged(text));
    }

    fn report(&mut self, line: Option<u32>, section: Option<&SectionName>, kind: ProblemKind) {
        self.problems.push(self.source.problem(line, section, kind));
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
