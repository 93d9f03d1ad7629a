//! Edits of the text of a configuration file. Lines are found with the eyes of the reader, and every byte that an
//! edit is not about stays as it is.

use std::{borrow::Cow, ops::Range};

use keyfob_sigv4::Secret;

use super::{
    FileKind, SectionName,
    line::{Line, comment_start, decode, is_name, is_quotable, is_utf16, section_name},
};
use crate::error::{Error, ErrorKind};

/// One change that has been checked.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Set(Target, Secret),
    Remove(Target),
    RemoveSection(SectionName),
}

/// A property of a section, or an indented property below one.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) section: SectionName,
    pub(super) name: String,
    pub(super) nested: Option<String>,
}

impl Target {
    /// # Errors
    ///
    /// When the file cannot have such a section, or the reader would not read such a name.
    pub(super) fn check(&self, kind: FileKind) -> Result<(), Error> {
        header(kind, &self.section)?;
        for name in [Some(&self.name), self.nested.as_ref()]
            .into_iter()
            .flatten()
        {
            if !is_name(name) {
                return Err(refused(format!(
                    "\"{}\" is no name of a property: it may hold letters, digits and _-/.%@:+ only",
                    shown(name)
                )));
            }
        }
        Ok(())
    }
}

/// # Errors
///
/// When the value would not be read back. The value is in no message: it may be a secret.
pub(super) fn check_value(target: &Target, value: &str) -> Result<(), Error> {
    let what = |problem| refused(format!("the value for {} {problem}", target.name));
    if value.contains(|c: char| c.is_control() && c != '\t') {
        return Err(what("holds a line end or another control character"));
    }
    let line = format!("= {value}");
    if target.nested.is_none() && comment_start(&line) < line.len() {
        return Err(what(
            "holds a # or ; after a blank, which would start a comment",
        ));
    }
    Ok(())
}

/// The header of a section in a file of that kind.
///
/// # Errors
///
/// When the file has no such sections, or the name cannot be written.
pub(super) fn header(kind: FileKind, section: &SectionName) -> Result<String, Error> {
    let name = section.name();
    let prefix = match (kind, section) {
        (_, SectionName::Profile(name)) if name == "default" => return Ok("[default]".to_owned()),
        (FileKind::Credentials, SectionName::Profile(_)) if is_name(name) => {
            return Ok(format!("[{name}]"));
        }
        (FileKind::Credentials, SectionName::Profile(_)) => {
            return Err(refused(format!(
                "\"{}\" cannot be a profile of the credentials file: its name may hold letters, digits and _-/.%@:+ only",
                shown(name)
            )));
        }
        (FileKind::Credentials, _) => {
            return Err(refused(format!("{section} belongs into the config file")));
        }
        (FileKind::Config, SectionName::Profile(_)) => "profile",
        (FileKind::Config, SectionName::SsoSession(_)) => "sso-session",
        (FileKind::Config, SectionName::Services(_)) => "services",
    };
    if is_name(name) {
        Ok(format!("[{prefix} {name}]"))
    } else if is_quotable(name) {
        // Single quotes: the AWS CLI finds no others when it edits the file.
        Ok(format!("[{prefix} '{name}']"))
    } else {
        Err(refused(format!(
            "\"{}\" cannot be the name of a section: quotes, brackets, backslashes and control characters cannot be written",
            shown(name)
        )))
    }
}

/// Applies the changes in order.
///
/// # Errors
///
/// When the file is UTF-16, or an indented property is to go below one that has a value.
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
    bom: bool,
    line_end: &'static str,
    lines: Vec<Vec<u8>>,
}

/// A property: its own line and the indented lines that go on with it.
struct Entry {
    line: usize,
    more: Vec<usize>,
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
            bom: stripped.is_some(),
            line_end: if crlf { "\r\n" } else { "\n" },
            lines,
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        let bom: &[u8] = if self.bom { b"\xef\xbb\xbf" } else { b"" };
        [bom, &self.lines.concat()].concat()
    }

    fn set(&mut self, target: &Target, value: &str) -> Result<(), Error> {
        let blocks = self.blocks(&target.section);
        let Some(last) = blocks.last().cloned() else {
            let at = self.append_section(&target.section)?;
            self.insert_property(at, target, value);
            return Ok(());
        };
        let entry = blocks
            .into_iter()
            .filter_map(|block| self.entries(block, &target.name).pop())
            .next_back();
        match (entry, &target.nested) {
            (None, _) => {
                let at = self.end_of(last);
                self.insert_property(at, target, value);
            }
            (Some(entry), None) => {
                self.replace_value(entry.line, value);
                self.delete(entry.more);
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
            return Err(refused(format!(
                "{} of {} has a value of its own: remove it before setting {name} below it",
                target.name, target.section
            )));
        }
        if let Some(&line) = entry.more.iter().rfind(|&&line| self.is_named(line, name)) {
            self.replace_value(line, value);
            return Ok(());
        }
        let indent = entry.more.first().map_or("    ".to_owned(), |&line| {
            let text = self.text(line);
            text[..text.len() - text.trim_start().len()].to_owned()
        });
        let line = format!("{indent}{name} = {value}");
        let at = entry.more.last().unwrap_or(&entry.line) + 1;
        self.insert(at, &line);
        Ok(())
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

    /// Every value of the property goes, not only the last: the one before it must not come back to life.
    fn remove(&mut self, target: &Target) {
        let blocks = self.blocks(&target.section).into_iter();
        let entries: Vec<_> = blocks
            .flat_map(|block| self.entries(block, &target.name))
            .collect();
        let lines = entries
            .into_iter()
            .flat_map(|Entry { line, more }| match &target.nested {
                None => [vec![line], more].concat(),
                Some(name) => more
                    .into_iter()
                    .filter(|&line| self.is_named(line, name))
                    .collect(),
            });
        let lines: Vec<_> = lines.collect();
        self.delete(lines);
    }

    /// From the header to the last property. What follows it, blank lines and comments, may be about the next
    /// section.
    fn remove_section(&mut self, section: &SectionName) {
        let mut lines = Vec::new();
        for block in self.all_blocks(section) {
            lines.extend(block.start..self.end_of(block));
        }
        self.delete(lines);
    }

    /// The sections that the reader merges under this name, from header to next header.
    fn blocks(&self, section: &SectionName) -> Vec<Range<usize>> {
        let all = self.all_blocks(section);
        let (bare, prefixed): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|block| self.is_bare_default(block.start));
        // Beside `[profile default]`, a `[default]` of the config file does not count.
        if prefixed.is_empty() { bare } else { prefixed }
    }

    fn is_bare_default(&self, header: usize) -> bool {
        matches!(Line::of(&self.text(header)), Line::Header { inner, .. } if inner.trim() == "default")
            && self.kind == FileKind::Config
    }

    fn all_blocks(&self, section: &SectionName) -> Vec<Range<usize>> {
        let headers = (0..self.lines.len()).filter_map(|line| match Line::of(&self.text(line)) {
            Line::Header { inner, .. } => Some((line, section_name(self.kind, inner).ok())),
            Line::UnclosedHeader => Some((line, None)),
            _ => None,
        });
        let headers: Vec<_> = headers.collect();
        let starts = headers.iter().map(|(line, _)| *line);
        let ends = starts.skip(1).chain([self.lines.len()]);
        headers
            .iter()
            .zip(ends)
            .filter(|((_, name), _)| name.as_ref() == Some(section))
            .map(|((start, _), end)| *start..end)
            .collect()
    }

    /// The properties of that name in a block.
    fn entries(&self, block: Range<usize>, name: &str) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut open = false;
        for line in block.skip(1) {
            match Line::of(&self.text(line)) {
                Line::Property(_) => {
                    open = self.is_named(line, name);
                    if open {
                        let more = Vec::new();
                        entries.push(Entry { line, more });
                    }
                }
                Line::Indented(_) if open => {
                    if let Some(entry) = entries.last_mut() {
                        entry.more.push(line);
                    }
                }
                _ => {}
            }
        }
        entries
    }

    /// The line behind the last property of a block, or behind its header.
    fn end_of(&self, block: Range<usize>) -> usize {
        let start = block.start;
        let is_content =
            |&line: &usize| !matches!(Line::of(&self.text(line)), Line::Blank | Line::Comment);
        block.rev().find(is_content).unwrap_or(start) + 1
    }

    fn is_named(&self, line: usize, name: &str) -> bool {
        self.text(line)
            .split_once('=')
            .is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case(name))
    }

    /// A line without its line end, as the reader sees it.
    fn text(&self, line: usize) -> Cow<'_, str> {
        let line = &self.lines[line];
        let end = line.len() - line_end_of(line).len();
        decode(&line[..end])
    }

    /// The bytes of the value give way; name, blanks, comment and line end stay.
    fn replace_value(&mut self, line: usize, value: &str) {
        let text = self.text(line);
        let property = without_comment(&text);
        let (whole, old) = (property.trim_end().len(), value_of(property).len());
        // `name =` gets a blank, `name=` does not.
        let blank = old == 0 && !value.is_empty() && property.trim_end().ends_with(" =");
        let new = format!("{}{value}", if blank { " " } else { "" });
        self.lines[line].splice(whole - old..whole, new.into_bytes());
    }

    fn append_section(&mut self, section: &SectionName) -> Result<usize, Error> {
        let header = header(self.kind, section)?;
        if self
            .lines
            .last()
            .is_some_and(|line| !line.trim_ascii().is_empty())
        {
            self.insert(self.lines.len(), "");
        }
        self.insert(self.lines.len(), &header);
        Ok(self.lines.len())
    }

    fn insert(&mut self, at: usize, line: &str) {
        let line_end = self.line_end.as_bytes();
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
        for line in lines.into_iter().rev() {
            self.lines.remove(line);
        }
    }
}

/// A line up to its comment. Indented lines have none.
fn without_comment(text: &str) -> &str {
    match Line::of(text) {
        Line::Property(property) => property,
        _ => text,
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

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidEdit, message)
}

fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
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
    fn a_value_is_replaced_and_all_else_of_its_line_stays() {
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
                "[default]\nregion = a\nregion = b\n",
                "[default]\nregion = a\nregion = new\n",
            ),
        ] {
            assert_eq!(set(before, "default", "region", "new"), after);
        }
    }

    #[test]
    fn a_new_property_goes_behind_the_last_one_of_its_section() {
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
        ] {
            assert_eq!(set(before, "default", "s3.k", "new"), after);
        }
        let change = Change::Set(target("default", "s3.k"), "new".into());
        let error = apply(FileKind::Config, b"[default]\ns3 = path\n", &[change]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidEdit);
    }

    #[test]
    fn what_is_removed_goes_with_all_its_lines_and_nothing_else() {
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
    fn what_would_not_be_read_back_is_refused_without_being_repeated() {
        let region = target("default", "region");
        for value in ["a\ncanary", "a\rcanary", "canary #x", "#canary", "canary\0"] {
            let error = check_value(&region, value).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        assert!(check_value(&region, "https://x/start/#").is_ok());
        assert!(check_value(&target("default", "s3.k"), "a # b").is_ok());
        assert!(
            target("default", "re gion")
                .check(FileKind::Config)
                .is_err()
        );
        assert!(target("a]b", "x").check(FileKind::Config).is_err());
        assert!(target("a b", "x").check(FileKind::Credentials).is_err());
        assert!(target("a b", "x").check(FileKind::Config).is_ok());
    }
}
