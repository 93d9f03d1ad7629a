use std::{fmt, io, path::PathBuf};

use keyfob_sigv4::{Secret, printable};

use super::{
    FileKind, Section, SectionName,
    line::{NAME_CHARACTERS, PREFIXES, begins, is_invisible, is_quotable, mentions},
    near::nearest,
};
use crate::{cure::for_unreadable, error::shown, files, shell};

/// Something in a configuration file that cannot be used, or that other tools read differently.
///
/// Its text names the file, the line and the reason. It never repeats the line, which may contain a
/// secret.
///
/// # Examples
///
/// ```
/// use keyfob_chain::profiles::{ConfigFiles, FileKind, ProblemKind};
///
/// let config = b"[default]\nregion eu-west-1\n";
/// let files = ConfigFiles::parse([(FileKind::Config, "config", &config[..])]);
/// let problem = &files.problems()[0];
/// assert_eq!(problem.kind, ProblemKind::NoEquals);
/// assert_eq!(problem.to_string(), "config:2: a line without \"=\": write NAME = VALUE");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Which of the two files it is.
    pub file_kind: FileKind,
    /// The line, counted from 1, or `None` for the whole file.
    pub line: Option<u32>,
    /// The section of the line, if it is in one that is not ignored.
    pub section: Option<SectionName>,
    /// What is wrong.
    pub kind: ProblemKind,
    /// The line, if it may have been a header.
    pub(super) damaged: Option<Secret>,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// The kind of the system's error.
    pub kind: io::ErrorKind,
    /// The system's reason, without the number of the error.
    pub reason: String,
    /// Whether a variable names the file.
    pub(super) is_named: bool,
    /// Whether the file counts as empty by the rules in use.
    pub(super) is_passed_over: bool,
    /// The user's home folder.
    pub(super) home: Option<PathBuf>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file exists but cannot be opened or read.
    Unreadable(Unreadable),
    /// The file is UTF-16.
    Utf16,
    /// The file begins with the byte order mark of UTF-8. It is read; botocore rejects the file.
    ByteOrderMark,
    /// The line is not UTF-8.
    NotUtf8,
    /// A comment is not UTF-8. botocore rejects the file. Only the first one of a file is reported.
    NotUtf8Comment,
    /// Whitespace inside the brackets of a header. It is read; botocore does not find the section.
    SpacedHeader,
    /// `[` without `]`.
    UnclosedHeader,
    /// A line without `=` that may be the header of a section.
    LostHeader,
    /// The header of a section is not UTF-8.
    HeaderNotUtf8,
    /// A line before the first section.
    OutsideSection,
    /// An indented line that is neither a property nor below one.
    IndentedFirst,
    /// An indented header. It is read, as the AWS CLI reads it.
    IndentedHeader,
    /// An indented property right below a header. It is read, as the AWS CLI reads it, and so are
    /// the lines after it that are not indented more.
    IndentedProperty,
    /// An indented `NAME = VALUE` below a property that has a value, on the line of the number. It
    /// is part of that value.
    PropertyInValue(u32),
    /// An indented `[NAME]` below a property that has a value, on the line of the number. It is
    /// part of that value.
    HeaderInValue(u32),
    /// `[NAME]` at the end of a value, as in a file that had no line end before something was
    /// appended to it.
    HeaderAfterValue,
    /// `NAME: VALUE`, which only the AWS CLI reads.
    Colon,
    /// A line without `=`.
    NoEquals,
    /// A line that starts with `=`.
    NoName,
    /// An indented line without `=` below a property without a value.
    NestedNoEquals,
    /// An indented line that starts with `=`.
    NestedNoName,
    /// An indented comment, without `=`, below a property without a value. botocore skips it.
    NestedComment,
    /// The same, with or without `=`, skipped by the rules of the AWS CLI.
    SkippedComment,
    /// An indented comment that counts as text. botocore skips it.
    IndentedComment,
    /// A carriage return inside a line, which ends the line for botocore.
    CarriageReturn,
    /// A value in quotes, which are part of it.
    QuotedValue,
    /// The underlying INI reader rejected the file, with its reason, which names a line.
    Ini(String),
    /// Text after `]` that is not a comment. It is ignored.
    TextAfterHeader,
    /// A section whose name, in this header, cannot be used. It is ignored.
    InvalidSectionName(String),
    /// A section whose name has characters that the rules do not allow. It is ignored.
    InvalidCharacters(String),
    /// A section of the config file whose header has no known prefix such as `profile`. It is
    /// ignored.
    UnknownSection(String),
    /// A section of the credentials file whose header has a prefix of the config file. It is
    /// ignored.
    PrefixedSection(String),
    /// A section whose header has whitespace inside its brackets, which is part of its name by the
    /// rules of botocore. It is ignored.
    SpacedSection(String),
    /// `[default]` in a file that also has `[profile default]`. `[default]` is ignored.
    ShadowedDefault,
    /// A section with a later one of the same profile, by the rules of botocore. Only the last one
    /// counts.
    ReplacedSection,
    /// A second section of the same name. They are merged; botocore rejects the file.
    DuplicateSection,
    /// A second value for the same property. The last one counts; botocore rejects the file.
    DuplicateProperty,
    /// A second, different value for a property that says whose credentials these are. It may
    /// belong to a section whose header is lost.
    ConflictingProperty,
    /// A property name with characters other than letters, digits and `_-/.%@:+`. The property is
    /// ignored.
    InvalidPropertyName,
    /// A comment after a value. It is removed; botocore reads it as part of the value.
    InlineComment,
}

impl ProblemKind {
    /// Returns true if a part of the file cannot be used. Otherwise the problem is only a warning.
    pub fn is_error(&self) -> bool {
        matches!(
            self,
            Self::Unreadable(Unreadable {
                is_passed_over: false,
                ..
            }) | Self::Utf16
                | Self::NotUtf8
                | Self::UnclosedHeader
                | Self::HeaderNotUtf8
                | Self::OutsideSection
                | Self::IndentedFirst
                | Self::LostHeader
                | Self::HeaderInValue(_)
                | Self::HeaderAfterValue
                | Self::ConflictingProperty
                | Self::Colon
                | Self::NoEquals
                | Self::NoName
                | Self::NestedNoEquals
                | Self::NestedNoName
                | Self::NestedComment
                | Self::Ini(_)
        )
    }
}

impl ProblemKind {
    /// Returns what to write instead of a header that is ignored.
    fn header_cure(&self, header: &str) -> String {
        let (word, name) = match header.split_once(char::is_whitespace) {
            Some((word, name)) => (word, name.trim()),
            None => (header, ""),
        };
        let is_named = is_quotable(name);
        match self {
            Self::SpacedSection(_) => "remove the whitespace inside its brackets".to_owned(),
            Self::PrefixedSection(_) if word != "profile" => MOVE_TO_CONFIG.to_owned(),
            Self::PrefixedSection(_) if is_named => {
                format!("this file has no prefixes: write [{}]", shown(name))
            }
            Self::PrefixedSection(_) => "this file has no prefixes: write [NAME]".to_owned(),
            _ if header.contains(is_invisible) => {
                "it has an invisible character: write the header again".to_owned()
            }
            Self::InvalidSectionName(_) if PREFIXES.contains(&word) && is_named => {
                format!("write [{word} '{}']", shown(name))
            }
            Self::InvalidSectionName(_) | Self::InvalidCharacters(_) => {
                format!("use {NAME_CHARACTERS} in its name")
            }
            _ if header.eq_ignore_ascii_case("default") => {
                "the default profile is written [default], in lower case".to_owned()
            }
            _ if is_named => match nearest(word, PREFIXES).first() {
                Some(prefix) => format!("did you mean [{prefix} {}]?", shown(name)),
                None => SECTIONS.to_owned(),
            },
            _ => {
                let name = header.strip_prefix("profile").unwrap_or(header);
                if !is_quotable(name) {
                    return SECTIONS.to_owned();
                }
                format!(
                    "in this file a profile is written [profile {}]",
                    shown(name)
                )
            }
        }
    }
}

/// What to do with a section of the credentials file that is not a profile.
pub(super) const MOVE_TO_CONFIG: &str =
    "this file has only profiles: move the section to the config file";

const SECTIONS: &str =
    "in this file a section is [default], [profile NAME], [sso-session NAME] or [services NAME]";

impl Problem {
    /// Returns where it is, in the order of the files and their lines.
    pub(super) fn place(&self) -> (FileKind, Option<u32>) {
        (self.file_kind, self.line)
    }

    /// Keeps the line, which may have been a header.
    pub(super) fn with_damaged(mut self, line: &str) -> Self {
        self.damaged = Some(line.into());
        self
    }

    /// Returns the text as it is, for data and for the message of an error.
    pub(crate) fn raw(&self) -> String {
        let (file, kind) = (self.file.display(), self.kind.raw());
        match self.line {
            Some(line) => format!("{file}:{line}: {kind}"),
            None => format!("{file}: {kind}"),
        }
    }

    /// Returns the command line that ends it: the user's editor, or what lets an unreadable file be
    /// read, for which the file and the folders above it are looked at.
    pub(crate) fn cure(&self) -> String {
        match &self.kind {
            ProblemKind::Unreadable(reason) => for_unreadable(
                &self.file,
                reason.kind,
                self.file_kind.variable(),
                reason.is_named,
                reason.home.as_deref(),
            ),
            _ if files::is_out_of_reach(&self.file) => {
                format!("sudo {}", shell::editor(&self.file))
            }
            _ => shell::editor(&self.file),
        }
    }

    /// Returns the name of the section that it is about: that of its header, if it is one that is
    /// ignored.
    pub(crate) fn section_name(&self) -> &str {
        use ProblemKind::{
            InvalidCharacters, InvalidSectionName, PrefixedSection, SpacedSection, UnknownSection,
        };
        match (&self.kind, &self.section) {
            (
                InvalidSectionName(header)
                | InvalidCharacters(header)
                | UnknownSection(header)
                | PrefixedSection(header)
                | SpacedSection(header),
                _,
            ) => header,
            (_, Some(section)) => section.name(),
            (_, None) => "",
        }
    }

    /// Returns true if the section, or the file without one, cannot be used. Otherwise the problem
    /// is only a warning.
    pub fn is_error(&self) -> bool {
        self.kind.is_error()
    }

    /// Returns true if this problem makes the contents of a section unknowable. `section` is what
    /// the files say about it.
    ///
    /// An unreadable file may define any section. Lines without a readable header may belong to any
    /// section that this file does not otherwise define; a `role_arn` among them would override a
    /// key in the other file. A damaged line also stops the section above it, which it may belong
    /// to, and the one that it mentions, which it may have begun.
    pub(super) fn makes_unusable(&self, name: &SectionName, section: Option<&Section>) -> bool {
        if !self.is_error() || !self.file_kind.may_hold(name) {
            return false;
        }
        let is_defined = section.is_some_and(|section| section.part(self.file_kind).is_some());
        let damaged = self.damaged.as_ref().map(Secret::expose);
        self.section.as_ref() == Some(name)
            || damaged.is_some_and(|line| mentions(line, name.name()))
            || self.kind == ProblemKind::UnclosedHeader
                && damaged.is_some_and(|line| begins(line, name.name()))
            || self.hides_file()
            || self.hides_sections() && !is_defined
    }

    /// Returns true if lines cannot be assigned to a section because of this problem.
    pub(crate) fn hides_sections(&self) -> bool {
        use ProblemKind::{
            HeaderAfterValue, HeaderInValue, HeaderNotUtf8, LostHeader, OutsideSection,
            UnclosedHeader,
        };
        self.hides_file()
            || matches!(
                self.kind,
                UnclosedHeader
                    | LostHeader
                    | HeaderNotUtf8
                    | HeaderInValue(_)
                    | HeaderAfterValue
                    | OutsideSection
            )
    }

    fn hides_file(&self) -> bool {
        use ProblemKind::{Ini, Unreadable, Utf16};
        matches!(self.kind, Unreadable(_) | Utf16 | Ini(_)) && self.is_error()
    }

    /// Returns true if the problem is relevant to the user of a profile. Warnings about other
    /// sections are not.
    pub(crate) fn concerns(&self, profile: &SectionName) -> bool {
        let section = self.section.as_ref();
        self.is_error() || section.is_none_or(|section| section == profile)
    }
}

/// `/home/ada/.aws/config:3: a line without "=": write NAME = VALUE`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.raw()))
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.raw()))
    }
}

impl ProblemKind {
    /// Returns the text as it is, for data and for the message of an error.
    pub(crate) fn raw(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        _ = self.write_raw(&mut text);
        text
    }

    fn write_raw(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable(file) if file.kind == io::ErrorKind::FileTooLarge => {
                return write!(f, "cannot be read: {}, the limit of this program", file.reason);
            }
            Self::Unreadable(file) => return write!(f, "cannot be read: {}", file.reason),
            Self::Ini(reason) => return write!(f, "cannot be read: {reason}"),
            Self::Utf16 => "the file is UTF-16: save it as UTF-8",
            Self::ByteOrderMark => {
                "the file begins with a byte order mark, with which the AWS CLI refuses it: save it \
                 as UTF-8 without one"
            }
            Self::NotUtf8 => "the line is not UTF-8",
            Self::NotUtf8Comment => {
                "a comment is not UTF-8, so boto3 and the AWS CLI refuse the file: save it as UTF-8"
            }
            Self::UnclosedHeader => "a section header without \"]\"",
            Self::LostHeader => {
                "a line that may be the header of a section: write [NAME], or NAME = VALUE"
            }
            Self::IndentedHeader => {
                "an indented header: it is read here, other SDKs refuse the file: remove the \
                 whitespace at its start"
            }
            Self::HeaderInValue(line) => {
                return write!(
                    f,
                    "the line looks like a header, but its whitespace makes it part of the value \
                     of line {line}: remove the whitespace at its start"
                );
            }
            Self::HeaderAfterValue => {
                "a section header at the end of a value: start a new line before its \"[\""
            }
            Self::ConflictingProperty => {
                "a second, different value for this property: remove one of the two, or put back \
                 the header that is missing above it"
            }
            Self::SpacedHeader => {
                "whitespace inside the brackets of a header: it is read here, the AWS CLI does not \
                 find the section: remove it"
            }
            Self::Colon => "\":\" in place of \"=\", which only the AWS CLI reads: write NAME = VALUE",
            Self::HeaderNotUtf8 => "a section header that is not UTF-8: save the file as UTF-8",
            Self::OutsideSection => {
                "a line before the first section: put a header such as [default] above it"
            }
            Self::IndentedFirst => {
                "an indented line with no property above it in this section: write NAME = VALUE, \
                 without whitespace at its start"
            }
            Self::IndentedProperty => {
                "indented properties below a header: they are read here, other SDKs refuse the \
                 file: remove the whitespace at their start"
            }
            Self::PropertyInValue(line) => {
                return write!(
                    f,
                    "the line looks like a property, but its whitespace makes it part of the value \
                     of line {line}: remove the whitespace at its start"
                );
            }
            Self::NoEquals => "a line without \"=\": write NAME = VALUE",
            Self::NoName => "a value without a name: write NAME = VALUE",
            Self::NestedNoEquals => {
                "an indented line without \"=\" below a property without a value: write NAME = VALUE"
            }
            Self::NestedNoName => "an indented value without a name: write NAME = VALUE",
            Self::NestedComment => {
                "an indented comment below a property without a value: put # in the first column"
            }
            Self::SkippedComment => {
                "an indented comment: it is skipped here, other SDKs refuse the file: put # in the \
                 first column"
            }
            Self::IndentedComment => {
                "an indented comment counts as text here, the AWS CLI skips it: put # in the first \
                 column"
            }
            Self::CarriageReturn => {
                "a carriage return inside the line: the AWS CLI reads the rest as a line of its \
                 own: remove it"
            }
            Self::QuotedValue => "the value has quotes, which are part of it: remove them",
            Self::TextAfterHeader => "text after \"]\" is ignored: start it with # if it is a comment",
            Self::InvalidSectionName(header)
            | Self::InvalidCharacters(header)
            | Self::UnknownSection(header)
            | Self::PrefixedSection(header)
            | Self::SpacedSection(header) => {
                let cure = self.header_cure(header);
                return write!(f, "[{}] is ignored: {cure}", shown(header));
            }
            Self::ShadowedDefault => {
                "[default] is ignored, because the file also has [profile default]: for boto3 and \
                 the AWS CLI, the last one counts"
            }
            Self::ReplacedSection => "the section is ignored, because a later one is the same profile",
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
