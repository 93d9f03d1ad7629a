use std::{collections::BTreeMap, fmt};

use keyfob_sigv4::Secret;
use serde::Serialize;

use super::{Problem, ProblemKind, properties::Lazy};
use crate::{
    origin::Location,
    variables::{CONFIG_FILE, CREDENTIALS_FILE},
};

/// The properties that are part of an access key.
const KEY_PROPERTIES: [&str; 4] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
];

/// The other properties that decide whose credentials a profile gives.
const IDENTITY_PROPERTIES: [&str; 9] = [
    "role_arn",
    "source_profile",
    "credential_source",
    "web_identity_token_file",
    "credential_process",
    "sso_session",
    "sso_account_id",
    "sso_role_name",
    "login_session",
];

/// Returns true for a property, by its lower-case name, that decides whose credentials a profile
/// gives.
pub(super) fn is_identity(name: &str) -> bool {
    KEY_PROPERTIES.contains(&name) || IDENTITY_PROPERTIES.contains(&name)
}

/// Other properties with a value that has no brackets.
const WORD_PROPERTIES: [&str; 9] = [
    "region",
    "output",
    "duration_seconds",
    "external_id",
    "mfa_serial",
    "role_session_name",
    "retry_mode",
    "max_attempts",
    "aws_account_id",
];

/// Returns true for a property, by its lower-case name, whose value never has brackets. A command
/// may have them, and so may a property that no tool reads.
pub(super) fn has_no_brackets(name: &str) -> bool {
    (is_identity(name) && name != "credential_process") || WORD_PROPERTIES.contains(&name)
}

/// Which of the two shared files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// `~/.aws/config`: profiles with a prefix, SSO sessions, services.
    Config,
    /// `~/.aws/credentials`: profiles without a prefix.
    Credentials,
}

impl FileKind {
    /// Returns the variable that names another file.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Config => CONFIG_FILE,
            Self::Credentials => CREDENTIALS_FILE,
        }
    }

    /// Returns the file that the AWS CLI writes a property to: the parts of an access key go to the
    /// credentials file, everything else to the config file.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::FileKind;
    ///
    /// assert_eq!(FileKind::for_property("aws_session_token"), FileKind::Credentials);
    /// assert_eq!(FileKind::for_property("region"), FileKind::Config);
    /// ```
    pub fn for_property(name: &str) -> Self {
        let is_key = KEY_PROPERTIES
            .iter()
            .any(|property| property.eq_ignore_ascii_case(name));
        if is_key {
            Self::Credentials
        } else {
            Self::Config
        }
    }

    /// Returns true if the file can have the section. The credentials file has profiles only.
    pub(super) fn may_hold(self, name: &SectionName) -> bool {
        self == Self::Config || matches!(name, SectionName::Profile(_))
    }
}

/// The kind of a section, and its name without the prefix.
///
/// # Examples
///
/// ```
/// use keyfob_chain::profiles::SectionName;
///
/// assert_eq!(SectionName::profile("dev").to_string(), "profile \"dev\"");
/// assert_eq!(SectionName::SsoSession("corp".to_owned()).name(), "corp");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionName {
    /// `[profile NAME]` or `[default]` of the config file, `[NAME]` of the credentials file.
    Profile(String),
    /// `[sso-session NAME]` of the config file.
    SsoSession(String),
    /// `[services NAME]` of the config file.
    Services(String),
}

impl SectionName {
    /// Creates the name of a profile's section.
    pub fn profile(name: impl Into<String>) -> Self {
        Self::Profile(name.into())
    }

    /// Returns the name without the prefix.
    pub fn name(&self) -> &str {
        match self {
            Self::Profile(name) | Self::SsoSession(name) | Self::Services(name) => name,
        }
    }

    /// Returns the word before the name in the config file.
    pub(super) fn prefix(&self) -> &'static str {
        match self {
            Self::Profile(_) => "profile",
            Self::SsoSession(_) => "sso-session",
            Self::Services(_) => "services",
        }
    }

    pub(super) fn is_default(&self) -> bool {
        matches!(self, Self::Profile(name) if name == "default")
    }
}

/// `profile "dev"`.
impl fmt::Display for SectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.prefix(), self.name())
    }
}

/// A value and its line. `Debug` shows only the line, because a value may be a secret.
///
/// # Examples
///
/// ```
/// use keyfob_chain::profiles::{ConfigFiles, FileKind};
///
/// let config = b"[default]\ns3 =\n  addressing_style = path\n";
/// let files = ConfigFiles::parse([(FileKind::Config, "config", &config[..])]);
/// let style = files.profile("default")?.get("s3").unwrap().nested("addressing_style").unwrap();
/// assert_eq!(style.as_str(), "path");
/// assert_eq!(style.location().to_string(), "config:3");
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
#[derive(Clone)]
pub struct Value {
    text: Secret,
    nested: Vec<(String, Value)>,
    location: Location,
}

impl Value {
    pub(super) fn new(text: String, nested: Vec<(String, Self)>, location: Location) -> Self {
        Self {
            text: Secret::new(text),
            nested,
            location,
        }
    }

    /// Returns the text, without a comment and without surrounding whitespace. Several lines are
    /// joined by `\n`.
    pub fn as_str(&self) -> &str {
        self.text.expose()
    }

    /// Returns the text unless it is empty, which counts as not set.
    pub fn non_empty(&self) -> Option<&str> {
        Some(self.as_str()).filter(|text| !text.is_empty())
    }

    /// Returns the file and line.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Returns an indented property below this one, such as `addressing_style` below `s3`, by its
    /// lower-case name.
    pub fn nested(&self, name: &str) -> Option<&Self> {
        let named = |(key, _): &&(String, Self)| key == name;
        self.nested.iter().rfind(named).map(|(_, value)| value)
    }

    /// Returns all indented properties below this one, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.nested.iter().map(|(name, value)| (&**name, value))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.location)
    }
}

/// The part of a section in one file.
#[derive(Clone, Debug)]
pub struct Part {
    location: Location,
    values: BTreeMap<String, Value>,
    /// What is wrong with its properties, and concerns no other section.
    problems: Vec<Problem>,
}

impl Part {
    pub(super) fn new(location: Location) -> Self {
        Self {
            location,
            values: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn problems_mut(&mut self) -> &mut Vec<Problem> {
        &mut self.problems
    }

    /// Adds a property, or replaces its value.
    pub(super) fn insert(&mut self, name: String, value: Value) {
        self.values.insert(name, value);
    }

    /// Adds the properties of a second section of the same name. The last value of each counts.
    pub(super) fn merge(&mut self, later: Self) {
        self.values.extend(later.values);
        self.problems.extend(later.problems);
    }

    /// Adds the properties that this part has not.
    pub(super) fn add_defaults(&mut self, defaults: &Self) {
        for (name, value) in &defaults.values {
            let entry = self.values.entry(name.clone());
            entry.or_insert_with(|| value.clone());
        }
    }

    /// Returns the file and line of the first header.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Returns a property by its lower-case name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Returns all properties, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (&**name, value))
    }
}

/// A section of both files together. The credentials file comes before the config file.
#[derive(Clone, Debug)]
pub struct Section {
    name: SectionName,
    config: Option<Lazy>,
    credentials: Option<Lazy>,
}

impl Section {
    pub(super) fn new(name: SectionName) -> Self {
        Self {
            name,
            config: None,
            credentials: None,
        }
    }

    /// Adds what a file says. That it says more about the same section than before is a problem.
    pub(super) fn add(&mut self, kind: FileKind, part: Lazy) -> Option<Problem> {
        let slot = match kind {
            FileKind::Config => &mut self.config,
            FileKind::Credentials => &mut self.credentials,
        };
        let Some(first) = slot else {
            *slot = Some(part);
            return None;
        };
        if part.replaces_earlier() {
            let problem = first.problem(&self.name, ProblemKind::ReplacedSection);
            *first = part;
            return Some(problem);
        }
        let problem = part.problem(&self.name, ProblemKind::DuplicateSection);
        first.merge(&self.name, part);
        Some(problem)
    }

    /// Returns what is wrong with its properties, and concerns no other section.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.parts().flat_map(Part::problems)
    }

    /// Returns the parts of both files.
    pub(super) fn parts(&self) -> impl DoubleEndedIterator<Item = &Part> {
        [FileKind::Config, FileKind::Credentials]
            .into_iter()
            .filter_map(|kind| self.part(kind))
    }

    /// Returns what the other file says, if it has the section.
    pub(super) fn without(&self, kind: FileKind) -> Option<Self> {
        let mut section = self.clone();
        match kind {
            FileKind::Config => section.config = None,
            FileKind::Credentials => section.credentials = None,
        }
        (section.config.is_some() || section.credentials.is_some()).then_some(section)
    }

    /// Returns the name.
    pub fn name(&self) -> &SectionName {
        &self.name
    }

    /// Returns the part in one file.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    ///
    /// let files = ConfigFiles::parse([
    ///     (FileKind::Config, "config", &b"[default]\nregion = eu-west-1\n"[..]),
    ///     (FileKind::Credentials, "credentials", b"[default]\naws_access_key_id = AKID\n"),
    /// ]);
    /// let default = files.profile("default")?;
    /// let credentials = default.part(FileKind::Credentials).unwrap();
    /// assert!(credentials.get("aws_access_key_id").is_some());
    /// assert!(credentials.get("region").is_none());
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn part(&self, kind: FileKind) -> Option<&Part> {
        let part = match kind {
            FileKind::Config => self.config.as_ref(),
            FileKind::Credentials => self.credentials.as_ref(),
        };
        part.map(|part| part.get(&self.name))
    }

    /// Returns a property by its lower-case name.
    ///
    /// The parts of an access key must not be mixed from two files: read them from one
    /// [`part`](Self::part).
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.parts().rev().find_map(|part| part.get(name))
    }

    /// Returns all properties, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let mut all: BTreeMap<&str, &Value> = BTreeMap::new();
        for part in self.parts() {
            all.extend(part.iter());
        }
        all.into_iter()
    }
}
