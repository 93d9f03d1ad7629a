//! Edits the text of a configuration file. Lines are found as the parser finds them, and every byte
//! that an edit does not concern stays as it is.

use std::{borrow::Cow, ops::Range};

use keyfob_sigv4::Secret;

use crate::{
    error::{Error, ErrorKind},
    order::Order,
    profiles::{
        line::{
            Line, Lines, NAME_CHARACTERS, comment_start, decode, ends_with_header, header, is_name,
            is_utf16, parse_header, without_comment,
        },
        section::{FileKind, SectionName, has_no_brackets},
    },
};

/// One change, already checked.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Set(Target, Secret),
    Remove(Target),
    RemoveSection(SectionName),
}

impl Change {
    pub(super) fn section(&self) -> &SectionName {
        match self {
            Self::Set(target, _) | Self::Remove(target) => &target.section,
            Self::RemoveSection(section) => section,
        }
    }
}

/// A property of a section, or an indented property below one.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) section: SectionName,
    pub(super) name: String,
    pub(super) nested: Option<String>,
}

impl Target {
    /// Checks that the file can have the section, and that the parser would read the names.
    pub(super) fn check(&self, kind: FileKind) -> Result<(), Error> {
        checked_header(kind, &self.section)?;
        for name in [Some(&self.name), self.nested.as_ref()]
            .into_iter()
            .flatten()
        {
            if !is_name(name) {
                // It may be a value in the wrong place, so it is not repeated.
                return Err(invalid(format!(
                    "the name of the property is not valid: use {NAME_CHARACTERS} only"
                )));
            }
        }
        Ok(())
    }

    /// Checks that the parser would read the value back. The error does not repeat the value, which
    /// may be a secret.
    pub(super) fn check_value(&self, kind: FileKind, value: &str) -> Result<(), Error> {
        let problem = |text| invalid(format!("the value for {} {text}", self.name));
        if value.contains(|c: char| c.is_control() && c != '\t') {
            return Err(problem("has a line end or another control character"));
        }
        // The files of the AWS CLI and boto3 cut a line at the first colon or equals sign, and are
        // refused as a whole if that makes a name come twice.
        if self.nested.is_none() && self.name.contains(':') {
            return Err(invalid(
                "the name of the property has a colon, where aws and boto3 would cut it".to_owned(),
            ));
        }
        let line = format!("= {value}");
        // Indented lines have no comments.
        if self.nested.is_none() && comment_start(&line) < line.len() {
            return Err(problem(
                "has a # or ; after whitespace, which would start a comment",
            ));
        }
        // The parser refuses the whole file: a line end may be missing there.
        if self.nested.is_none()
            && has_no_brackets(&self.name.to_ascii_lowercase())
            && ends_with_header(Order::Cli, kind, value)
        {
            return Err(problem(
                "ends with text in brackets, which would be read as the header of a section",
            ));
        }
        Ok(())
    }
}

/// Returns the header of a section.
///
/// # Errors
///
/// [`ErrorKind::InvalidEdit`] if the file cannot have the section, or the name cannot be written.
pub(super) fn checked_header(kind: FileKind, section: &SectionName) -> Result<String, Error> {
    header(kind, section).ok_or_else(|| {
        // The name may be a value in the wrong place, so it is not repeated.
        invalid(match (kind, section) {
            (FileKind::Credentials, SectionName::Profile(_)) => {
                format!(
                    "the name cannot be a profile of the credentials file: use {NAME_CHARACTERS}"
                )
            }
            (FileKind::Credentials, _) => format!("{section} belongs in the config file"),
            (FileKind::Config, _) => {
                "the name cannot be that of a section: remove quotes, brackets, backslashes, \
                 control characters, and spaces at its ends"
                    .to_owned()
            }
        })
    })
}

/// Applies the changes in order.
pub(super) fn apply(kind: FileKind, bytes: &[u8], changes: &[Change]) -> Result<Vec<u8>, Error> {
    if is_utf16(bytes) {
        return Err(Error::new(
            ErrorKind::ConfigFile,
            "the file is UTF-16: save it as UTF-8",
        ));
    }
    let mut text = Text::new(kind, bytes);
    for change in changes {
        match change {
            Change::Set(target, value) => text.set(target, value.expose())?,
            Change::Remove(target) => text.remove(target),
            Change::RemoveSection(section) => text.remove_section(section),
        }
    }
    Ok(text.into_bytes())
}

/// A file as lines with their line ends.
struct Text {
    kind: FileKind,
    has_bom: bool,
    /// The line end of new lines: that of the first line.
    line_end: &'static str,
    lines: Vec<Vec<u8>>,
}

/// A property: its own line, and the indented lines after it.
struct Entry {
    line: usize,
    more: Vec<usize>,
}

impl Entry {
    fn into_lines(self) -> impl Iterator<Item = usize> {
        [self.line].into_iter().chain(self.more)
    }
}

impl Text {
    fn new(kind: FileKind, bytes: &[u8]) -> Self {
        let stripped = bytes.strip_prefix(b"\xef\xbb\xbf");
        let body = stripped.unwrap_or(bytes);
        let lines: Vec<_> = body
            .split_inclusive(|&byte| byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        let crlf = lines.first().is_some_and(|line| line.ends_with(b"\r\n"));
        Self {
            kind,
            has_bom: stripped.is_some(),
            line_end: if crlf { "\r\n" } else { "\n" },
            lines,
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        let bom: &[u8] = if self.has_bom { b"\xef\xbb\xbf" } else { b"" };
        [bom, &self.lines.concat()].concat()
    }

    fn set(&mut self, target: &Target, value: &str) -> Result<(), Error> {
        let blocks = self.merged_blocks(&target.section);
        let Some(last) = blocks.last().cloned() else {
            let at = self.append_section(&target.section)?;
            self.insert_property(at, target, value);
            return Ok(());
        };
        // The last value of a property is the one that counts.
        let mut entries: Vec<Entry> = blocks
            .into_iter()
            .flat_map(|block| self.entries(block, &target.name))
            .collect();
        match (entries.pop(), &target.nested) {
            (None, _) => {
                let at = self.content_end(last);
                self.insert_property(at, target, value);
            }
            (Some(entry), None) => {
                for entry in entries.iter().chain([&entry]) {
                    self.check_no_block(entry, target)?;
                }
                self.replace_value(entry.line, without_comment, value);
                // Another value is an error for a key, so no other one stays.
                let others = entries.into_iter().flat_map(Entry::into_lines);
                self.delete(others.chain(entry.more).collect());
            }
            (Some(entry), Some(name)) => self.set_nested(&entry, target, name, value)?,
        }
        Ok(())
    }

    fn set_nested(
        &mut self,
        entry: &Entry,
        target: &Target,
        name: &str,
        value: &str,
    ) -> Result<(), Error> {
        if !value_of(without_comment(&self.text(entry.line))).is_empty() {
            return Err(invalid(format!(
                "{} of {} has a value of its own: remove it before setting {name} below it",
                target.name, target.section
            )));
        }
        let mut lines = entry.more.clone();
        lines.retain(|&line| self.is_named(line, name));
        if let Some(line) = lines.pop() {
            // The line of an indented property has no comment.
            self.replace_value(line, |text| text, value);
            self.delete(lines);
            return Ok(());
        }
        let indent = match entry.more.first() {
            Some(&line) => self.indent(line),
            None => self.indent(entry.line) + "    ",
        };
        let line = format!("{indent}{name} = {value}");
        let at = entry.more.last().unwrap_or(&entry.line) + 1;
        self.insert(at, &line);
        Ok(())
    }

    /// Refuses to replace indented properties by a value.
    fn check_no_block(&self, entry: &Entry, target: &Target) -> Result<(), Error> {
        let is_property = |line: &usize| self.text(*line).contains('=');
        let has_value = !value_of(without_comment(&self.text(entry.line))).is_empty();
        if has_value || !entry.more.iter().any(is_property) {
            return Ok(());
        }
        let (name, section) = (&target.name, &target.section);
        Err(invalid(format!(
            "{name} of {section} has settings below it: remove them before setting a value, or \
             set one of them"
        )))
    }

    fn indent(&self, line: usize) -> String {
        let text = self.text(line);
        text[..text.len() - text.trim_start().len()].to_owned()
    }

    fn insert_property(&mut self, at: usize, target: &Target, value: &str) {
        let name = &target.name;
        match &target.nested {
            None => self.insert(at, &format!("{name} = {value}")),
            Some(nested) => {
                self.insert(at, &format!("{name} ="));
                self.insert(at + 1, &format!("    {nested} = {value}"));
            }
        }
    }

    /// Removes every value of the property. If only the last were removed, the one before it would
    /// count again.
    fn remove(&mut self, target: &Target) {
        let mut lines = Vec::new();
        for block in self.merged_blocks(&target.section) {
            for entry in self.entries(block, &target.name) {
                match &target.nested {
                    None => lines.extend(entry.into_lines()),
                    Some(name) => {
                        let more = entry.more.into_iter();
                        lines.extend(more.filter(|&line| self.is_named(line, name)));
                    }
                }
            }
        }
        self.delete(lines);
    }

    /// Removes a section from its header to its last property. Empty lines and comments after that
    /// may belong to the next section, so they stay.
    fn remove_section(&mut self, section: &SectionName) {
        let mut lines = Vec::new();
        for block in self.blocks(section) {
            lines.extend(block.start..self.content_end(block));
        }
        self.delete(lines);
    }

    /// Returns the blocks that the parser merges into the section.
    fn merged_blocks(&self, section: &SectionName) -> Vec<Range<usize>> {
        let (bare, prefixed): (Vec<_>, Vec<_>) = self
            .blocks(section)
            .into_iter()
            .partition(|block| self.is_bare_default(block.start));
        // The parser ignores `[default]` in a config file that has `[profile default]`.
        if prefixed.is_empty() { bare } else { prefixed }
    }

    fn is_bare_default(&self, header: usize) -> bool {
        let text = self.text(header);
        let line = Lines::new(Order::Cli).read(&text);
        let is_default = matches!(line, Line::Header { inner, .. } if inner.trim() == "default");
        is_default && self.kind == FileKind::Config
    }

    /// Returns the lines of each block with that name, from its header up to the next header.
    fn blocks(&self, section: &SectionName) -> Vec<Range<usize>> {
        // One reader for all lines: what continues a value is not a header.
        let mut lines = Lines::new(Order::Cli);
        let headers: Vec<_> = (0..self.lines.len())
            .filter_map(|line| match lines.read(&self.text(line)) {
                // By the rules of the AWS CLI, which reads every name that it writes.
                Line::Header { inner, .. } => {
                    Some((line, parse_header(Order::Cli, self.kind, inner).ok()))
                }
                Line::UnclosedHeader(_) | Line::LostHeader(_) => Some((line, None)),
                _ => None,
            })
            .collect();
        let starts = headers.iter().map(|(line, _)| *line);
        let ends = starts.skip(1).chain([self.lines.len()]);
        headers
            .iter()
            .zip(ends)
            .filter(|((_, name), _)| name.as_ref() == Some(section))
            .map(|((start, _), end)| *start..end)
            .collect()
    }

    /// Returns the properties of that name in a block.
    fn entries(&self, block: Range<usize>, name: &str) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut is_open = false;
        let mut lines = Lines::new(Order::Cli);
        for line in block.skip(1) {
            match lines.read(&self.text(line)) {
                Line::Property(_) => {
                    is_open = self.is_named(line, name);
                    if is_open {
                        let more = Vec::new();
                        entries.push(Entry { line, more });
                    }
                }
                Line::Continuation(_) if is_open => {
                    if let Some(entry) = entries.last_mut() {
                        entry.more.push(line);
                    }
                }
                _ => {}
            }
        }
        entries
    }

    /// Returns the line after the last property of a block, or after its header.
    ///
    /// An indented comment counts as a property: below a new line in the first column it would
    /// become part of that line's value.
    fn content_end(&self, block: Range<usize>) -> usize {
        let start = block.start;
        let is_content = |&line: &usize| {
            let text = self.text(line);
            !text.trim().is_empty() && !text.starts_with(['#', ';'])
        };
        block.rev().find(is_content).unwrap_or(start) + 1
    }

    fn is_named(&self, line: usize, name: &str) -> bool {
        self.text(line)
            .split_once('=')
            .is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case(name))
    }

    /// Returns a line without its line end, as the parser sees it.
    fn text(&self, line: usize) -> Cow<'_, str> {
        let line = &self.lines[line];
        let end = line.len() - line_end_of(line).len();
        decode(&line[..end])
    }

    /// Replaces the bytes of the value, up to a comment that `cut` removes. Name, whitespace,
    /// comment and line end stay.
    fn replace_value(&mut self, line: usize, cut: fn(&str) -> &str, value: &str) {
        let text = self.text(line);
        let property = cut(&text);
        let (end, old) = (property.trim_end().len(), value_of(property).len());
        // `name =` gets a space before the value, `name=` does not.
        let needs_space = old == 0 && !value.is_empty() && property.trim_end().ends_with(" =");
        let new = format!("{}{value}", if needs_space { " " } else { "" });
        self.lines[line].splice(end - old..end, new.into_bytes());
    }

    /// Appends a header, after an empty line. Returns the line after it.
    fn append_section(&mut self, section: &SectionName) -> Result<usize, Error> {
        let header = checked_header(self.kind, section)?;
        let last = self.lines.last();
        if last.is_some_and(|line| !line.trim_ascii().is_empty()) {
            self.insert(self.lines.len(), "");
        }
        self.insert(self.lines.len(), &header);
        Ok(self.lines.len())
    }

    fn insert(&mut self, at: usize, line: &str) {
        let line_end = self.line_end.as_bytes();
        // The last line of a file may have no line end.
        if let Some(before) = at
            .checked_sub(1)
            .and_then(|before| self.lines.get_mut(before))
            && !before.ends_with(b"\n")
        {
            before.extend(line_end);
        }
        self.lines.insert(at, [line.as_bytes(), line_end].concat());
    }

    fn delete(&mut self, mut lines: Vec<usize>) {
        lines.sort_unstable();
        // From the end, so that the other numbers stay valid.
        for line in lines.into_iter().rev() {
            self.lines.remove(line);
        }
    }
}

fn value_of(property: &str) -> &str {
    property
        .split_once('=')
        .map_or("", |(_, value)| value.trim())
}

fn line_end_of(line: &[u8]) -> &'static [u8] {
    if line.ends_with(b"\r\n") {
        b"\r\n"
    } else if line.ends_with(b"\n") {
        b"\n"
    } else {
        b""
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidEdit, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(section: &str, name: &str) -> Target {
        let (name, nested) = match name.split_once('.') {
            Some((name, nested)) => (name, Some(nested.to_owned())),
            None => (name, None),
        };
        Target {
            section: SectionName::profile(section),
            name: name.to_owned(),
            nested,
        }
    }

    fn set(text: &str, section: &str, name: &str, value: &str) -> String {
        let change = Change::Set(target(section, name), value.into());
        edit(text, change)
    }

    fn edit(text: &str, change: Change) -> String {
        let bytes = apply(FileKind::Config, text.as_bytes(), &[change]).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_value_is_replaced_and_the_rest_of_its_line_stays() {
        for (before, after) in [
            ("[default]\nregion = a\n", "[default]\nregion = new\n"),
            ("[default]\nregion=a", "[default]\nregion=new"),
            ("[default]\nregion =\n", "[default]\nregion = new\n"),
            ("[default]\nregion=\n", "[default]\nregion=new\n"),
            (
                "[default]\r\nRegion\t= a ; why\r\n",
                "[default]\r\nRegion\t= new ; why\r\n",
            ),
            ("[default]\nregion = # c\n", "[default]\nregion = new # c\n"),
            (
                "\u{feff}[ default ]\nregion = a\n -b\n# c\nx = y\n",
                "\u{feff}[ default ]\nregion = new\n# c\nx = y\n",
            ),
            (
                "[default]\nregion = a\n -z\n# c\nRegion = b # d\nx = y\n",
                "[default]\n# c\nRegion = new # d\nx = y\n",
            ),
            (
                "[default]\nregion = a\nx = 1\n[profile b]\nregion = c\n[default]\nregion = b\n",
                "[default]\nx = 1\n[profile b]\nregion = c\n[default]\nregion = new\n",
            ),
        ] {
            assert_eq!(set(before, "default", "region", "new"), after);
        }
    }

    #[test]
    fn a_new_property_goes_after_the_last_one_of_its_section() {
        for (before, after) in [
            ("", "[default]\nregion = new\n"),
            ("[default]", "[default]\nregion = new\n"),
            (
                "[default]\nx = y\n\n# about b\n[profile b]\n",
                "[default]\nx = y\nregion = new\n\n# about b\n[profile b]\n",
            ),
            (
                "[default]\ns3 =\n  region = z\n",
                "[default]\ns3 =\n  region = z\nregion = new\n",
            ),
            (
                "[profile b]\nx = y",
                "[profile b]\nx = y\n\n[default]\nregion = new\n",
            ),
            (
                "[profile b]\r\n\r\n",
                "[profile b]\r\n\r\n[default]\r\nregion = new\r\n",
            ),
            (
                "[default]\nx = 1\n[profile default]\ny = 2\n",
                "[default]\nx = 1\n[profile default]\ny = 2\nregion = new\n",
            ),
        ] {
            assert_eq!(set(before, "default", "region", "new"), after);
        }
        assert_eq!(
            set("[profile \"a b\"]\n", "a b", "x", "y"),
            "[profile \"a b\"]\nx = y\n"
        );
        assert_eq!(set("", "a b", "x", "y"), "[profile 'a b']\nx = y\n");
    }

    #[test]
    fn indented_properties_are_set_in_their_block() {
        for (before, after) in [
            ("[default]\n", "[default]\ns3 =\n    k = new\n"),
            (
                "[default]\ns3 =\n\tj = 1\nx = y\n",
                "[default]\ns3 =\n\tj = 1\n\tk = new\nx = y\n",
            ),
            (
                "[default]\ns3 =\n  K = a # b\n  j = 1\n",
                "[default]\ns3 =\n  K = new\n  j = 1\n",
            ),
            (
                "[default]\ns3 =\n  k = a\n  j = 1\n  k = b\n",
                "[default]\ns3 =\n  j = 1\n  k = new\n",
            ),
        ] {
            assert_eq!(set(before, "default", "s3.k", "new"), after);
        }
        let change = Change::Set(target("default", "s3.k"), "new".into());
        let error = apply(FileKind::Config, b"[default]\ns3 = path\n", &[change]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidEdit);
    }

    #[test]
    fn a_removed_property_takes_all_its_lines_and_nothing_else() {
        let text =
            "[default]\na = 1\ns3 =\n  k = 1\n# c\n  j = 2\nA = 3\n\n# b\n[profile b]\na = 4\n";
        for (change, after) in [
            (
                Change::Remove(target("default", "a")),
                "[default]\ns3 =\n  k = 1\n# c\n  j = 2\n\n# b\n[profile b]\na = 4\n",
            ),
            (
                Change::Remove(target("default", "s3")),
                "[default]\na = 1\n# c\nA = 3\n\n# b\n[profile b]\na = 4\n",
            ),
            (
                Change::Remove(target("default", "s3.k")),
                "[default]\na = 1\ns3 =\n# c\n  j = 2\nA = 3\n\n# b\n[profile b]\na = 4\n",
            ),
            (
                Change::RemoveSection(SectionName::profile("default")),
                "\n# b\n[profile b]\na = 4\n",
            ),
            (Change::Remove(target("c", "a")), text),
        ] {
            assert_eq!(edit(text, change), after);
        }
    }

    #[test]
    fn a_value_that_would_not_be_read_back_is_rejected_and_not_repeated() {
        let region = target("default", "region");
        for value in ["a\ncanary", "a\rcanary", "canary #x", "#canary", "canary\0"] {
            let error = region.check_value(FileKind::Config, value).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        for (kind, name, value) in [
            (FileKind::Config, "region", "https://x/start/#"),
            (FileKind::Config, "s3.k", "a # b"),
            (FileKind::Config, "credential_process", "cat [a]"),
            (FileKind::Credentials, "aws_secret_access_key", "a]b"),
        ] {
            assert!(target("default", name).check_value(kind, value).is_ok());
        }
        let key = target("default", "aws_secret_access_key");
        let error = key.check_value(FileKind::Credentials, "canary[x]");
        assert_eq!(
            error.unwrap_err().to_string(),
            "the value for aws_secret_access_key ends with text in brackets, which would be read \
             as the header of a section"
        );
        assert!(
            target("default", "re gion")
                .check(FileKind::Config)
                .is_err()
        );
        assert!(target("a]b", "x").check(FileKind::Config).is_err());
        assert!(target("a b", "x").check(FileKind::Credentials).is_ok());
        assert!(
            target("profile a", "x")
                .check(FileKind::Credentials)
                .is_err()
        );
        assert!(target("a b", "x").check(FileKind::Config).is_ok());
    }
}
