//! One file, from bytes to sections.
//!
//! `configparser` reads the INI part: sections, the split at the first `=`, and values over several lines. It knows
//! neither line numbers, nor the order of things, nor AWS's comments, and gives up a whole file for one bad line. So
//! every line gets its number as a tag on the way in: a header becomes `[3]`, a property `4 region = x`, an indented
//! line ` 5 k = v`; comments and lines that cannot be used stay behind. On the way out the tags say where
//! everything came from.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use configparser::ini::{Ini, IniDefault};

use super::{
    FileKind, SectionName,
    line::{Ignored, Line, decode, is_name, is_utf16, section_name},
    problem::{Problem, ProblemKind},
    section::{Part, Value},
};
use crate::origin::Location;

/// What one file holds.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) sections: BTreeMap<SectionName, Part>,
    /// The sections in the order in which the file first names them.
    pub(super) order: Vec<SectionName>,
    pub(super) problems: Vec<Problem>,
}

/// Reads a whole file. There is no file that it refuses as a whole; what is wrong is in `problems`.
pub(super) fn parse(kind: FileKind, file: &Arc<Path>, bytes: &[u8]) -> Parsed {
    let mut reader = Reader {
        kind,
        file,
        headers: BTreeMap::new(),
        bare_defaults: BTreeSet::new(),
        prefixed_default: false,
        problems: Vec::new(),
    };
    if is_utf16(bytes) {
        reader.report(None, None, ProblemKind::Utf16);
        return reader.finish(Vec::new());
    }
    let tagged = reader.tag(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let sections = read_ini(tagged).unwrap_or_else(|reason| {
        reader.report(None, None, ProblemKind::Ini(reason));
        Vec::new()
    });
    reader.finish(sections)
}

/// A property with the tags of its lines: its own line, its name, its value, and the lines that go on with it.
struct RawProperty {
    line: u32,
    name: String,
    value: String,
    more: Vec<(u32, String)>,
}

/// `configparser` set to AWS's ways, and its answer put back in the order of the file by the tags.
fn read_ini(tagged: String) -> Result<Vec<(u32, Vec<RawProperty>)>, String> {
    let mut settings = IniDefault::default();
    settings.case_sensitive = true;
    settings.multiline = true;
    settings.delimiters = vec!['='];
    settings.comment_symbols = Vec::new();
    settings.enable_inline_comments = false;
    let mut sections: Vec<_> = Ini::new_from_defaults(settings)
        .read(tagged)?
        .into_iter()
        .filter_map(|(tag, properties)| {
            let mut properties: Vec<_> = properties.into_iter().filter_map(untag).collect();
            properties.sort_by_key(|property| property.line);
            Some((tag.parse().ok()?, properties))
        })
        .collect();
    sections.sort_by_key(|(line, _)| *line);
    Ok(sections)
}

fn untag((key, value): (String, Option<String>)) -> Option<RawProperty> {
    let (line, name) = key.split_once(' ')?;
    let value = value.unwrap_or_default();
    let mut lines = value.lines();
    Some(RawProperty {
        line: line.parse().ok()?,
        name: name.trim().to_owned(),
        value: lines.next().unwrap_or_default().to_owned(),
        more: lines
            .filter_map(|line| {
                let (tag, text) = line.trim().split_once(' ')?;
                Some((tag.parse().ok()?, text.trim().to_owned()))
            })
            .collect(),
    })
}

struct Reader<'a> {
    kind: FileKind,
    file: &'a Arc<Path>,
    /// The usable and the ignored sections by the line of their header.
    headers: BTreeMap<u32, Option<SectionName>>,
    /// The lines with `[default]` in a config file, and whether it also has a `[profile default]`.
    bare_defaults: BTreeSet<u32>,
    prefixed_default: bool,
    problems: Vec<Problem>,
}

/// Where the line before this one left us.
#[derive(Clone, Copy, PartialEq)]
enum At {
    /// Before any header.
    Start,
    /// Below a header that cannot be read: nobody knows whose lines these are.
    Lost,
    /// Right below a header.
    Header,
    /// Below a property.
    Property,
    /// Below a line that should have been a property: what goes on with it goes with it.
    Refused,
}

impl Reader<'_> {
    /// Every usable line with its number before it, in a form that `configparser` cannot refuse.
    fn tag(&mut self, bytes: &[u8]) -> String {
        let mut tagged = String::with_capacity(bytes.len() + bytes.len() / 4);
        let (mut at, mut section) = (At::Start, None);
        for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            // A header that is not UTF-8 is a header all the same: what follows belongs to no section before it.
            let text = decode(line);
            let line = Line::of(&text);
            let not_utf8 = matches!(text, Cow::Owned(_)) && line.content().contains('\u{1a}');
            let problem = match line {
                Line::Blank | Line::Comment => None,
                Line::UnclosedHeader => {
                    (at, section) = (At::Lost, None);
                    Some(ProblemKind::UnclosedHeader)
                }
                Line::Header { .. } if not_utf8 => {
                    (at, section) = (At::Lost, None);
                    Some(ProblemKind::HeaderNotUtf8)
                }
                Line::Header { inner, trailing } => {
                    (at, section) = (At::Header, self.open(number, inner));
                    tagged.push_str(&format!("[{number}]\n"));
                    trailing.then_some(ProblemKind::TextAfterHeader)
                }
                _ if at == At::Lost => None,
                Line::Indented(_) if at == At::Refused => None,
                _ if at == At::Start => {
                    // One report is enough for a file that starts with keys.
                    at = At::Lost;
                    Some(ProblemKind::OutsideSection)
                }
                Line::Indented(_) if at == At::Header => Some(ProblemKind::IndentedFirst),
                Line::Indented(more) => {
                    tagged.push_str(&format!(" {number} {more}\n"));
                    None
                }
                Line::Property(property) => {
                    let problem = tag_property(&mut tagged, number, property, &text);
                    let refused = problem.as_ref().is_some_and(ProblemKind::is_error);
                    at = if refused { At::Refused } else { At::Property };
                    problem
                }
            };
            let not_utf8 = not_utf8 && problem != Some(ProblemKind::HeaderNotUtf8);
            let not_utf8 = not_utf8.then_some(ProblemKind::NotUtf8);
            for kind in [problem, not_utf8].into_iter().flatten() {
                self.report(Some(number), section.as_ref(), kind);
            }
        }
        tagged
    }

    fn open(&mut self, line: u32, inner: &str) -> Option<SectionName> {
        let section = match section_name(self.kind, inner) {
            Ok(section) => Some(section),
            Err(reason) => {
                let kind = match reason {
                    Ignored::InvalidName => Some(ProblemKind::InvalidSectionName),
                    Ignored::UnknownPrefix => Some(ProblemKind::UnknownSection),
                    Ignored::Foreign => None,
                };
                if let Some(kind) = kind {
                    self.report(Some(line), None, kind);
                }
                None
            }
        };
        if self.kind == FileKind::Config && section.as_ref().is_some_and(SectionName::is_default) {
            match inner.trim() == "default" {
                true => _ = self.bare_defaults.insert(line),
                false => self.prefixed_default = true,
            }
        }
        self.headers.insert(line, section.clone());
        section
    }

    /// Puts sections of one name together, in the order of the file, the last value of a property winning.
    fn finish(mut self, sections: Vec<(u32, Vec<RawProperty>)>) -> Parsed {
        let mut parsed = Parsed::default();
        for (line, properties) in sections {
            let name = self.headers.get(&line).cloned().flatten();
            let name = name.filter(|_| !self.is_shadowed(line));
            let mut part = Part::new(Location::new(self.file.clone(), line));
            for property in properties {
                self.read_property(name.as_ref(), &mut part, property);
            }
            if let Some(name) = name {
                self.merge(&mut parsed, name, part);
            }
        }
        parsed.problems = self.problems;
        parsed.problems.sort_by_key(|problem| problem.line);
        parsed
    }

    /// Beside `[profile default]`, a `[default]` of the same config file does not count.
    fn is_shadowed(&mut self, line: u32) -> bool {
        let shadowed = self.prefixed_default && self.bare_defaults.contains(&line);
        if shadowed {
            self.report(Some(line), None, ProblemKind::ShadowedDefault);
        }
        shadowed
    }

    fn merge(&mut self, parsed: &mut Parsed, name: SectionName, part: Part) {
        match parsed.sections.get_mut(&name) {
            None => {
                parsed.order.push(name.clone());
                parsed.sections.insert(name, part);
            }
            Some(first) => {
                self.report(
                    Some(part.location().line()),
                    Some(&name),
                    ProblemKind::DuplicateSection,
                );
                first.merge(part);
            }
        }
    }

    fn read_property(
        &mut self,
        section: Option<&SectionName>,
        part: &mut Part,
        property: RawProperty,
    ) {
        let RawProperty {
            line,
            name,
            value,
            more,
        } = property;
        let nested = if value.is_empty() {
            self.read_nested(section, &more)
        } else {
            Vec::new()
        };
        let text = match value.is_empty() {
            true => value,
            false => more
                .iter()
                .fold(value, |text, (_, more)| text + "\n" + more),
        };
        if !is_name(&name) {
            self.report(Some(line), section, ProblemKind::InvalidPropertyName);
            return;
        }
        let value = Value::new(text, nested, Location::new(self.file.clone(), line));
        if part.insert(name.to_ascii_lowercase(), value) {
            self.report(Some(line), section, ProblemKind::DuplicateProperty);
        }
    }

    /// Indented lines below a property without a value are properties themselves, one level deep.
    fn read_nested(
        &mut self,
        section: Option<&SectionName>,
        lines: &[(u32, String)],
    ) -> Vec<(String, Value)> {
        let mut nested = Vec::with_capacity(lines.len());
        for (line, text) in lines {
            match text.split_once('=') {
                None => self.report(Some(*line), section, ProblemKind::NestedNoEquals),
                Some((name, _)) if name.trim().is_empty() => {
                    self.report(Some(*line), section, ProblemKind::NestedNoName);
                }
                Some((name, value)) => {
                    let location = Location::new(self.file.clone(), *line);
                    let value = Value::new(value.trim().to_owned(), Vec::new(), location);
                    nested.push((name.trim().to_ascii_lowercase(), value));
                }
            }
        }
        nested
    }

    fn report(&mut self, line: Option<u32>, section: Option<&SectionName>, kind: ProblemKind) {
        self.problems.push(Problem {
            file: self.file.to_path_buf(),
            file_kind: self.kind,
            line,
            section: section.cloned(),
            kind,
        });
    }
}

/// A property that `configparser` will accept, or what is wrong with it. `text` is `line` without its comment.
fn tag_property(tagged: &mut String, number: u32, text: &str, line: &str) -> Option<ProblemKind> {
    match text.split_once('=') {
        None => Some(ProblemKind::NoEquals),
        Some((name, _)) if name.trim().is_empty() => Some(ProblemKind::NoName),
        Some(_) => {
            tagged.push_str(&format!("{number} {text}\n"));
            (text.len() < line.trim_end().len()).then_some(ProblemKind::InlineComment)
        }
    }
}
