//! Which files boto3 and the AWS CLI refuse as a whole.
//!
//! They read a file with Python's `configparser`, whose rules are stricter and, on white space,
//! other than those of the SDKs. This follows its rules, and botocore's for nested properties.

use std::collections::HashSet;

use super::line::DEFAULTS;

/// Returns the line because of which botocore refuses a file, counted from 1, and the reason with a
/// cure. `None` stands for a file that it reads.
pub(super) fn refusal(bytes: &[u8]) -> Option<(u32, &'static str)> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let lines = before.iter().filter(|byte| **byte == b'\n').count();
            let number = u32::try_from(lines + 1).unwrap_or(u32::MAX);
            return Some((number, "it is not UTF-8 there: save the file as UTF-8"));
        }
    };
    if text.starts_with('\u{feff}') {
        let reason = "it begins with a byte order mark: save the file as UTF-8 without one";
        return Some((1, reason));
    }
    let mut reader = Reader::default();
    let mut nested = None;
    for (number, line) in (1..).zip(text.split('\n')) {
        // Python ends a line at a carriage return, too.
        for line in line.strip_suffix('\r').unwrap_or(line).split('\r') {
            match reader.read(line) {
                Ok(()) => {}
                Err(Refused::Now(reason)) => return Some((number, reason)),
                Err(Refused::Later(reason)) => {
                    nested.get_or_insert((number, reason));
                }
            }
        }
    }
    nested
}

enum Refused {
    Now(&'static str),
    /// If the file is read to its end.
    Later(&'static str),
}

#[derive(Default)]
struct Reader<'a> {
    /// The section of the next line.
    section: Option<&'a str>,
    sections: HashSet<&'a str>,
    /// The properties of all sections, in lower case.
    properties: HashSet<(&'a str, String)>,
    /// Whether a line that is indented more continues a value, and whether that has nested
    /// properties.
    value: Option<Value>,
    indentation: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Value {
    Text,
    Nested,
}

impl<'a> Reader<'a> {
    fn read(&mut self, line: &'a str) -> Result<(), Refused> {
        let text = line.trim_matches(is_space);
        if text.is_empty() || text.starts_with(['#', ';']) {
            return Ok(());
        }
        let indentation = line.chars().take_while(|c| is_space(*c)).count();
        if let Some(value) = self.value
            && indentation > self.indentation
        {
            return match value {
                Value::Nested if !text.contains('=') => Err(Refused::Later(
                    "an indented line without \"=\" below a property without a value: write NAME \
                     = VALUE",
                )),
                _ => Ok(()),
            };
        }
        self.indentation = indentation;
        if let Some(section) = header(text) {
            self.value = None;
            self.section = Some(section);
            // The one with the defaults may be there twice.
            if section != DEFAULTS && !self.sections.insert(section) {
                return Err(Refused::Now(
                    "a second section of this name: make one section of the two",
                ));
            }
            return Ok(());
        }
        let Some(section) = self.section else {
            return Err(Refused::Now(
                "a line before the first section: put a header such as [default] above it",
            ));
        };
        let parts = text.split_once(['=', ':']);
        let Some((name, value)) = parts.filter(|(name, _)| !name.is_empty()) else {
            return Err(Refused::Later(
                "a line that is not a property: write NAME = VALUE",
            ));
        };
        let name = name.trim_end_matches(is_space).to_lowercase();
        if !self.properties.insert((section, name)) {
            return Err(Refused::Now(
                "a second value for this property: remove one of the two",
            ));
        }
        let is_empty = value.trim_matches(is_space).is_empty();
        self.value = Some(if is_empty { Value::Nested } else { Value::Text });
        Ok(())
    }
}

/// Returns the text between the brackets of a header. Text after them is ignored.
fn header(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.rfind(']')?;
    inner.get(..end).filter(|inner| !inner.is_empty())
}

/// Returns true for what Python strips from a text.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
