use std::{fmt, path::PathBuf};

use super::{FileKind, Section, SectionName};

/// Something in a configuration file that the reader could not use, or that other tools read otherwise.
///
/// It names the file, the line and the reason, and never repeats the line: a line may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Which of the two it is.
    pub file_kind: FileKind,
    /// The line, counted from 1; nothing when the whole file is meant.
    pub line: Option<u32>,
    /// The section the line belongs to, when it belongs to one that can be used.
    pub section: Option<SectionName>,
    /// What it is.
    pub kind: ProblemKind,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file is there and cannot be opened or read: the system's reason.
    Unreadable(String),
    /// The file is UTF-16.
    Utf16,
    /// The line is not UTF-8.
    NotUtf8,
    /// `[` without `]`.
    UnclosedHeader,
    /// The header of a section is not UTF-8.
    HeaderNotUtf8,
    /// A line with text before the first section.
    OutsideSection,
    /// An indented line right after a section's header.
    IndentedFirst,
    /// A line without `=`.
    NoEquals,
    /// A line that starts with `=`.
    NoName,
    /// An indented line without `=` below a property without a value.
    NestedNoEquals,
    /// An indented line that starts with `=`.
    NestedNoName,
    /// The underlying INI reader gave up: its reason, which names a line.
    Ini(String),
    /// Text that is no comment follows the `]`. It is ignored.
    TextAfterHeader,
    /// A section whose name is not made of letters, digits and `_-/.%@:+`. It is ignored.
    InvalidSectionName,
    /// A section of the config file without a known prefix such as `profile`. It is ignored.
    UnknownSection,
    /// `[default]` beside `[profile default]` in the same file. The one without the prefix is ignored.
    ShadowedDefault,
    /// A second section of the same name. They are merged; botocore refuses the file.
    DuplicateSection,
    /// A second value for the same property. The last counts; botocore refuses the file.
    DuplicateProperty,
    /// A property whose name is not made of letters, digits and `_-/.%@:+`. It is ignored.
    InvalidPropertyName,
    /// A comment after a value. It is cut off; botocore takes it for part of the value.
    InlineComment,
}

impl ProblemKind {
    /// Whether the part of the file it stands in cannot be used. Otherwise it is worth knowing, no more.
    pub fn is_error(&self) -> bool {
        matches!(
            self,
            Self::Unreadable(_)
                | Self::Utf16
                | Self::NotUtf8
                | Self::UnclosedHeader
                | Self::HeaderNotUtf8
                | Self::OutsideSection
                | Self::IndentedFirst
                | Self::NoEquals
                | Self::NoName
                | Self::NestedNoEquals
                | Self::NestedNoName
                | Self::Ini(_)
        )
    }
}

impl Problem {
    /// Whether the section, or without one the file, cannot be used as it is. Otherwise it is a warning.
    pub fn is_error(&self) -> bool {
        self.kind.is_error()
    }

    /// Whether nobody can say, because of it, what the files say about a section.
    ///
    /// A file that cannot be read may say something about every section. A part of it without a header may belong to
    /// every section of which this file says nothing else: a role in it would take the place of the other file's key.
    pub(crate) fn spoils(&self, name: &SectionName, section: Option<&Section>) -> bool {
        let is_there = || section.is_some_and(|section| section.part(self.file_kind).is_some());
        match self.hides() {
            true => self.file_kind.may_hold(name) && (self.hides_file() || !is_there()),
            false => self.is_error() && self.section.as_ref() == Some(name),
        }
    }

    /// Whether it hides a part of the file of which nobody can say to which section it belongs.
    pub(crate) fn hides(&self) -> bool {
        self.hides_file() || self.hides_section()
    }

    fn hides_file(&self) -> bool {
        use ProblemKind::{Ini, Unreadable, Utf16};
        matches!(self.kind, Unreadable(_) | Utf16 | Ini(_))
    }

    fn hides_section(&self) -> bool {
        use ProblemKind::{HeaderNotUtf8, OutsideSection, UnclosedHeader};
        matches!(self.kind, UnclosedHeader | HeaderNotUtf8 | OutsideSection)
    }

    /// Whether somebody who uses a profile may want to know of it. What only other tools read otherwise is for those
    /// who use the section.
    pub(crate) fn concerns(&self, profile: &SectionName) -> bool {
        let section = self.section.as_ref();
        self.is_error() || section.is_none_or(|section| section == profile)
    }
}

/// `/home/ada/.aws/config:3: a line without "=": write NAME = VALUE`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.kind)
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable(reason) => return write!(f, "cannot be read: {reason}"),
            Self::Ini(reason) => return write!(f, "cannot be read: {reason}"),
            Self::Utf16 => "the file is UTF-16: save it as UTF-8",
            Self::NotUtf8 => "the line is not UTF-8",
            Self::UnclosedHeader => "a section header without \"]\"",
            Self::HeaderNotUtf8 => "a section header that is not UTF-8: save the file as UTF-8",
            Self::OutsideSection => {
                "a line before the first section: put a header such as [default] above it"
            }
            Self::IndentedFirst => {
                "an indented line with no property above it in this section: remove the blanks at its start"
            }
            Self::NoEquals => "a line without \"=\": write NAME = VALUE",
            Self::NoName => "a value without a name: write NAME = VALUE",
            Self::NestedNoEquals => {
                "an indented line without \"=\" below a property without a value: write NAME = VALUE"
            }
            Self::NestedNoName => "an indented value without a name: write NAME = VALUE",
            Self::TextAfterHeader => "text after \"]\" is ignored: start it with # if it is a comment",
            Self::InvalidSectionName => {
                "the section is ignored: its name may hold letters, digits and _-/.%@:+ only"
            }
            Self::UnknownSection => {
                "the section is ignored: in this file a profile is written [profile NAME], the default one [default]"
            }
            Self::ShadowedDefault => "[default] is ignored, because the file also has [profile default]",
            Self::DuplicateSection => {
                "a second section of this name: they are merged here, the AWS CLI refuses the file"
            }
            Self::DuplicateProperty => {
                "a second value for this property: the last one counts here, the AWS CLI refuses the file"
            }
            Self::InvalidPropertyName => {
                "the property is ignored: its name may hold letters, digits and _-/.%@:+ only"
            }
            Self::InlineComment => {
                "a comment after a value: it is cut off here, the AWS CLI takes it for part of the value"
            }
        })
    }
}
