use std::{collections::BTreeMap, fmt};

use keyfob_sigv4::Secret;
use serde::Serialize;

use crate::origin::Location;

/// Which of the two shared files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// `~/.aws/config`: profiles with a prefix, SSO sessions, services.
    Config,
    /// `~/.aws/credentials`: profiles without a prefix.
    Credentials,
}

impl FileKind {
    /// The file to which the AWS CLI writes a property: keys go to the credentials file, all else to the config
    /// file.
    pub fn of_property(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "aws_access_key_id"
            | "aws_secret_access_key"
            | "aws_session_token"
            | "aws_security_token" => Self::Credentials,
            _ => Self::Config,
        }
    }

    /// Whether a section of that kind can be in the file: the credentials file holds profiles only.
    pub(super) fn may_hold(self, name: &SectionName) -> bool {
        self == Self::Config || matches!(name, SectionName::Profile(_))
    }
}

/// What a section is about, and its name without the prefix.
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
    /// The section of a profile.
    pub fn profile(name: impl Into<String>) -> Self {
        Self::Profile(name.into())
    }

    /// The name without the prefix.
    pub fn name(&self) -> &str {
        match self {
            Self::Profile(name) | Self::SsoSession(name) | Self::Services(name) => name,
        }
    }

    pub(super) fn is_default(&self) -> bool {
        matches!(self, Self::Profile(name) if name == "default")
    }
}

/// `profile "dev"`.
impl fmt::Display for SectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Profile(_) => "profile",
            Self::SsoSession(_) => "sso-session",
            Self::Services(_) => "services",
        };
        write!(f, "{kind} \"{}\"", self.name())
    }
}

/// A value and the line it stands on. `Debug` shows the line only: a value may be a secret.
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

    /// The text, without its comment and the blanks around it. The lines of a value over several lines are joined
    /// by `\n`.
    pub fn as_str(&self) -> &str {
        self.text.expose()
    }

    /// The text, unless it is empty, which the AWS tools take for not set.
    pub fn non_empty(&self) -> Option<&str> {
        Some(self.as_str()).filter(|text| !text.is_empty())
    }

    /// Where it stands.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The value of an indented property below this one: `addressing_style` of `s3`. Names are lower case.
    pub fn nested(&self, name: &str) -> Option<&Self> {
        let named = |(key, _): &&(String, Self)| key == name;
        self.nested.iter().rfind(named).map(|(_, value)| value)
    }

    /// All indented properties below this one, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.nested.iter().map(|(name, value)| (&**name, value))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.location)
    }
}

/// The part of a section that is in one file.
#[derive(Clone, Debug)]
pub struct Part {
    location: Location,
    values: BTreeMap<String, Value>,
}

impl Part {
    pub(super) fn new(location: Location) -> Self {
        Self {
            location,
            values: BTreeMap::new(),
        }
    }

    /// Whether there was one already.
    pub(super) fn insert(&mut self, name: String, value: Value) -> bool {
        self.values.insert(name, value).is_some()
    }

    pub(super) fn merge(&mut self, later: Self) {
        self.values.extend(later.values);
    }

    /// Its first header.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The value of a property, by its lower case name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// All properties, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (&**name, value))
    }
}

/// A section with what both files say about it. Where both speak, the credentials file has the last word.
#[derive(Clone, Debug)]
pub struct Section {
    name: SectionName,
    config: Option<Part>,
    credentials: Option<Part>,
}

impl Section {
    pub(super) fn new(name: SectionName) -> Self {
        Self {
            name,
            config: None,
            credentials: None,
        }
    }

    pub(super) fn put(&mut self, kind: FileKind, part: Part) {
        match kind {
            FileKind::Config => self.config = Some(part),
            FileKind::Credentials => self.credentials = Some(part),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &SectionName {
        &self.name
    }

    /// What one file says about it.
    pub fn part(&self, kind: FileKind) -> Option<&Part> {
        match kind {
            FileKind::Config => self.config.as_ref(),
            FileKind::Credentials => self.credentials.as_ref(),
        }
    }

    /// The value of a property, by its lower case name.
    ///
    /// The parts of an access key belong together and must not be mixed from two files: take them from one
    /// [`part`](Self::part).
    pub fn get(&self, name: &str) -> Option<&Value> {
        [&self.credentials, &self.config]
            .into_iter()
            .flatten()
            .find_map(|part| part.get(name))
    }

    /// All properties, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let mut all: BTreeMap<&str, &Value> = BTreeMap::new();
        for part in [&self.config, &self.credentials].into_iter().flatten() {
            all.extend(part.iter());
        }
        all.into_iter()
    }
}
