//! Reads the properties of one section.
//!
//! The crate `configparser` reads the INI syntax: the split at the first `=`, and values over
//! several lines. It reports neither line numbers nor order, does not know AWS's comments, and
//! rejects all of its input for one bad line.
//!
//! So each line goes in with its number as a tag: a property becomes `4 region = x`, an indented
//! line ` 5 k = v`. Headers, comments and lines that it would reject are left out. The tags in its
//! result restore the line numbers and the order.

use std::{
    fmt::{self, Write as _},
    mem,
    ops::Range,
    path::Path,
    sync::{Arc, OnceLock},
};

use configparser::ini::{Ini, IniDefault};
use zeroize::Zeroizing;

use super::{
    line::{ends_with_header, is_header_like, is_name, is_quoted},
    problem::{Problem, ProblemKind},
    section::{FileKind, Part, SectionName, Value, has_no_brackets, is_identity},
};
use crate::{order::Order, origin::Location};

/// The usable lines of a file, each with its number as a tag.
pub(super) struct Source {
    pub(super) order: Order,
    pub(super) kind: FileKind,
    file: Arc<Path>,
    tagged: Zeroizing<String>,
}

impl Source {
    /// Starts without lines. The file has `length` bytes.
    pub(super) fn new(order: Order, kind: FileKind, file: Arc<Path>, length: usize) -> Self {
        Self {
            order,
            kind,
            file,
            // Most tags are shorter than what the lines lose.
            tagged: Zeroizing::new(String::with_capacity(2 * length)),
        }
    }

    /// Returns the length of all lines.
    pub(super) fn len(&self) -> usize {
        self.tagged.len()
    }

    /// Adds a line.
    pub(super) fn push(&mut self, indentation: &str, number: u32, line: &str) {
        self.tagged.push_str(indentation);
        // Writing to a string cannot fail.
        _ = write!(self.tagged, "{number}");
        self.tagged.extend([" ", line, "\n"]);
    }

    pub(super) fn location(&self, line: u32) -> Location {
        Location::new(self.file.clone(), line)
    }

    pub(super) fn problem(
        &self,
        line: Option<u32>,
        section: Option<&SectionName>,
        kind: ProblemKind,
    ) -> Problem {
        Problem {
            file: self.file.to_path_buf(),
            file_kind: self.kind,
            line,
            section: section.cloned(),
            kind,
            damaged: None,
        }
    }

    /// Returns true if a header stands at the end of a value that has no brackets otherwise.
    pub(super) fn has_header_at_end(&self, property: &str) -> bool {
        // Of most lines, one look at the end is enough.
        property.trim_end().ends_with(']')
            // For botocore it is a part of the value.
            && !self.order.rules().reads_like_python
            && property.split_once('=').is_some_and(|(name, value)| {
                ends_with_header(self.order, self.kind, value.trim())
                    && has_no_brackets(&name.trim().to_ascii_lowercase())
            })
    }
}

/// The part of a section in one file, which is read when it is first asked for.
#[derive(Clone)]
pub(super) struct Lazy {
    source: Arc<Source>,
    header: u32,
    lines: Range<usize>,
    /// What gives values to the properties that it has not.
    defaults: Arc<[Self]>,
    part: OnceLock<Part>,
}

impl Lazy {
    /// Creates a part of the lines below the header on line `header`.
    pub(super) fn new(source: Arc<Source>, header: u32, lines: Range<usize>) -> Self {
        Self {
            source,
            header,
            lines,
            defaults: Arc::default(),
            part: OnceLock::new(),
        }
    }

    pub(super) fn with_defaults(mut self, defaults: &Arc<[Self]>) -> Self {
        self.defaults = defaults.clone();
        self
    }

    /// Returns a problem of the header.
    pub(super) fn problem(&self, section: &SectionName, kind: ProblemKind) -> Problem {
        self.source.problem(Some(self.header), Some(section), kind)
    }

    /// Returns true if an earlier section of the same profile does not count beside this one.
    pub(super) fn replaces_earlier(&self) -> bool {
        self.source.order.rules().reads_like_python
    }

    /// Returns the part, as that of a section of this name.
    pub(super) fn get(&self, section: &SectionName) -> &Part {
        self.part.get_or_init(|| self.read(Some(section)))
    }

    /// Reads the part now. Returns the problems, which it then no longer has.
    pub(super) fn read_now(&mut self, section: Option<&SectionName>) -> Vec<Problem> {
        let mut part = self.take(section);
        let problems = mem::take(part.problems_mut());
        self.part = OnceLock::from(part);
        problems
    }

    /// Adds the properties of a second section of the same name.
    pub(super) fn merge(&mut self, section: &SectionName, mut later: Self) {
        let mut part = self.take(Some(section));
        part.merge(later.take(Some(section)));
        self.part = OnceLock::from(part);
    }

    /// Takes the part out. It is to be put back.
    fn take(&mut self, section: Option<&SectionName>) -> Part {
        self.part.take().unwrap_or_else(|| self.read(section))
    }

    fn read(&self, section: Option<&SectionName>) -> Part {
        let mut reader = Reader {
            source: &self.source,
            section,
            part: Part::new(self.source.location(self.header)),
        };
        let lines = self.source.tagged.get(self.lines.clone());
        match read_ini(lines.unwrap_or_default().to_owned()) {
            Ok(properties) => {
                for property in properties {
                    reader.read_property(property);
                }
            }
            Err(reason) => reader.report(self.header, ProblemKind::Ini(reason)),
        }
        let mut part = reader.part;
        for defaults in self.defaults.iter() {
            let defaults = defaults.read(section);
            part.add_defaults(&defaults);
        }
        part
    }
}

/// Shows the file and line only, because the lines may have secrets.
impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lazy({})", self.source.location(self.header))
    }
}

/// A property as `configparser` returns it, without its tags.
struct RawProperty {
    line: u32,
    name: String,
    value: Zeroizing<String>,
    /// The indented lines after it, with their numbers.
    more: Vec<(u32, Zeroizing<String>)>,
}

/// Runs `configparser` on the tagged lines. Returns the properties in the order of the file.
///
/// The lines may have secrets. All copies of them are zeroed, but for the one that `configparser`
/// takes for its own: it drops that as soon as it has read it.
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
    let mut value = Zeroizing::new(value.unwrap_or_default());
    let mut more = Vec::new();
    if let Some((first, lines)) = value.split_once('\n') {
        let first = first.trim_end_matches('\r').len();
        more.extend(lines.lines().filter_map(|line| {
            let (tag, text) = line.trim().split_once(' ')?;
            Some((tag.parse().ok()?, Zeroizing::new(text.trim().to_owned())))
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

/// Reads the properties of a section into its part.
struct Reader<'a> {
    source: &'a Source,
    section: Option<&'a SectionName>,
    part: Part,
}

impl Reader<'_> {
    fn read_property(&mut self, property: RawProperty) {
        let RawProperty {
            line,
            mut name,
            value,
            more,
        } = property;
        // Indented lines continue a value. Without a value they are properties themselves.
        let (text, nested) = if value.is_empty() {
            (String::new(), self.read_nested(&more))
        } else {
            (self.read_continued(line, value, &more), Vec::new())
        };
        if !is_name(&name) {
            self.report(line, ProblemKind::InvalidPropertyName);
            return;
        }
        if !self.is_known(&name) {
            return;
        }
        name.make_ascii_lowercase();
        // A command has quotes of its own.
        if name != "credential_process" {
            self.check_quotes(line, &text);
        }
        let value = Value::new(text, nested, self.source.location(line));
        let refuses_conflicts = self.source.order.rules().refuses_conflicts && is_identity(&name);
        if let Some(old) = self.part.get(&name) {
            let kind = if refuses_conflicts && old.as_str() != value.as_str() {
                ProblemKind::ConflictingProperty
            } else {
                ProblemKind::DuplicateProperty
            };
            self.report(line, kind);
        }
        self.part.insert(name, value);
    }

    /// Joins a value and the lines that continue it. `first` is the line of the property.
    fn read_continued(
        &mut self,
        first: u32,
        mut value: Zeroizing<String>,
        more: &[(u32, Zeroizing<String>)],
    ) -> String {
        if more.is_empty() {
            return mem::take(&mut *value);
        }
        // With room for all: a string that grows leaves its old memory as it was.
        let length = value.len() + more.iter().map(|(_, line)| 1 + line.len()).sum::<usize>();
        let mut text = String::with_capacity(length);
        text.push_str(&value);
        for (line, more) in more {
            if is_comment(more) {
                self.report(*line, ProblemKind::IndentedComment);
            } else if is_header_like(more) || self.source.has_header_at_end(more) {
                self.report_damaged(*line, ProblemKind::HeaderInValue(first), more);
            } else if more
                .split_once('=')
                .is_some_and(|(name, _)| is_name(name.trim()))
            {
                self.report(*line, ProblemKind::PropertyInValue(first));
            }
            text.push('\n');
            text.push_str(more);
        }
        text
    }

    fn read_nested(&mut self, lines: &[(u32, Zeroizing<String>)]) -> Vec<(String, Value)> {
        let mut nested = Vec::with_capacity(lines.len());
        for (line, text) in lines {
            match text.split_once('=') {
                None if is_comment(text) => self.report(*line, ProblemKind::NestedComment),
                None => self.report_damaged(*line, ProblemKind::NestedNoEquals, text),
                Some((name, _)) if name.trim().is_empty() => {
                    self.report(*line, ProblemKind::NestedNoName);
                }
                Some((name, _)) if !self.is_known(name) => {}
                Some((name, value)) => {
                    if is_comment(text) {
                        self.report(*line, ProblemKind::IndentedComment);
                    }
                    let (name, value) = (name.trim(), value.trim());
                    self.check_quotes(*line, value);
                    let location = self.source.location(*line);
                    let value = Value::new(value.to_owned(), Vec::new(), location);
                    nested.push((name.to_ascii_lowercase(), value));
                }
            }
        }
        nested
    }

    /// Returns false for a name with capitals if the rules take it for another one.
    fn is_known(&self, name: &str) -> bool {
        !self.source.order.rules().reads_like_javascript
            || !name.contains(|char: char| char.is_ascii_uppercase())
    }

    /// Reports quotes around a value, which are part of it.
    fn check_quotes(&mut self, line: u32, value: &str) {
        if is_quoted(value) {
            self.report(line, ProblemKind::QuotedValue);
        }
    }

    fn report(&mut self, line: u32, kind: ProblemKind) {
        let problem = self.source.problem(Some(line), self.section, kind);
        self.part.problems_mut().push(problem);
    }

    /// Reports a problem of a line that may have been a header.
    fn report_damaged(&mut self, line: u32, kind: ProblemKind, text: &str) {
        let problem = self.source.problem(Some(line), self.section, kind);
        self.part.problems_mut().push(problem.with_damaged(text));
    }
}

fn is_comment(text: &str) -> bool {
    text.starts_with(['#', ';'])
}
