use std::path::Path;

use keyfob_sigv4::printable;
use serde::Serialize;

use crate::{
    cure::{for_origin, is_refused},
    origin::{Origin, with_tilde},
};

/// Something that a user should know: what is masked, what is wrong, and what other tools read
/// differently.
///
/// Findings are data. `why`, `whoami` and the warnings of other commands are views of the same
/// list. No member contains a secret.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Finding, FindingKind, Origin};
///
/// let file = "/home/ada/.aws/credentials".into();
/// let origin = Origin::File { file, line: 3, section: "dev".to_owned() };
/// let finding = Finding::warning(FindingKind::FileMode, "other users can read the file")
///     .with_origin(origin)
///     .with_cure("chmod 600 ~/.aws/credentials");
/// assert_eq!(finding.line(None), "/home/ada/.aws/credentials:3: other users can read the file");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The number of the [`Attempt`](crate::Attempt) it is about, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
    /// The variables, the file and line, or the argument that cause it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// One sentence for people, in lower case and without a period. Names in it are as they are in
    /// the file, so that only [`line`](Self::line) is safe for a terminal.
    pub text: String,
    /// A command line for a POSIX shell that changes it. `COMMAND` stands for the program to run;
    /// a line without it, such as `chmod 600 FILE`, is run once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what the user wants, or read differently by other tools.
    Warning,
    /// It stops commands.
    Error,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A provider has credentials, but another one comes first.
    Masked,
    /// A source of credentials in a profile that another one in the same profile masks.
    MaskedProperty,
    /// A region that another one masks.
    MaskedRegion,
    /// A line of a configuration file that is ignored, unusable, or read differently elsewhere.
    File,
    /// A configuration file that a variable names.
    FilePath,
    /// A configuration file that other users can read or change.
    FileMode,
    /// Quotes that are part of a value.
    Quotes,
    /// A long-lived key on an instance that has a role.
    LongLivedKey,
    /// A session token beside a long-lived key.
    UnneededToken,
    /// The access key ID of a session without its token.
    MissingToken,
    /// A session token that is not in the file of its key.
    SplitKey,
    /// What another tool wrote about when the credentials expire.
    Expiry,
    /// A variable or a property that has an old name.
    OldVariable,
    /// An access key ID that is not one of AWS.
    KeyId,
    /// Whitespace around a value, which is removed here.
    Whitespace,
    /// A profile name that other tools do not find.
    ProfileName,
    /// A region that does not look like one.
    UnknownRegion,
    /// No region is set.
    DefaultRegion,
    /// A flag that is neither true nor false.
    Flag,
    /// A property whose name is nearly that of another, and which no tool reads.
    UnknownProperty,
    /// A setting that other tools read and that has no effect here.
    UnusedSetting,
    /// A role in another partition than the region.
    Partition,
    /// A role that is not an ARN.
    RoleArn,
    /// A setting with which calls fail before anything is sent.
    Setting,
    /// An endpoint that is not the one of all calls.
    Endpoint,
    /// A service on another machine that is called without encryption.
    ClearText,
    /// Another SDK would use other credentials, or another region.
    OtherSdk,
    /// The clock of this machine differs from that of a service.
    Clock,
    /// The service for calls cannot be reached.
    Service,
    /// Instance metadata that does not answer as it should.
    Instance,
    /// The agent of a container that does not answer as it should.
    Container,
    /// A proxy that cannot be used, or that stands between this machine and its own services.
    Proxy,
    /// A file of certificates that cannot be used.
    CaBundle,
    /// A cache on disk that cannot be used.
    Cache,
    /// Another program is waited for.
    Waiting,
    /// Anything else, as from a provider of your own.
    Other,
}

impl FindingKind {
    /// All kinds.
    pub const ALL: &[Self] = &[
        Self::Masked,
        Self::MaskedProperty,
        Self::MaskedRegion,
        Self::File,
        Self::FilePath,
        Self::FileMode,
        Self::Quotes,
        Self::LongLivedKey,
        Self::UnneededToken,
        Self::MissingToken,
        Self::SplitKey,
        Self::Expiry,
        Self::OldVariable,
        Self::KeyId,
        Self::Whitespace,
        Self::ProfileName,
        Self::UnknownRegion,
        Self::DefaultRegion,
        Self::Flag,
        Self::UnknownProperty,
        Self::UnusedSetting,
        Self::Partition,
        Self::RoleArn,
        Self::Setting,
        Self::Endpoint,
        Self::ClearText,
        Self::OtherSdk,
        Self::Clock,
        Self::Service,
        Self::Instance,
        Self::Container,
        Self::Proxy,
        Self::CaBundle,
        Self::Cache,
        Self::Waiting,
        Self::Other,
    ];
}

impl Finding {
    /// Creates a finding that is worth knowing.
    pub fn note(kind: FindingKind, text: impl Into<String>) -> Self {
        Self::new(kind, Severity::Note, text)
    }

    /// Creates a finding about something that is probably wrong.
    pub fn warning(kind: FindingKind, text: impl Into<String>) -> Self {
        Self::new(kind, Severity::Warning, text)
    }

    /// Creates a finding about something that stops commands.
    pub fn problem(kind: FindingKind, text: impl Into<String>) -> Self {
        Self::new(kind, Severity::Error, text)
    }

    fn new(kind: FindingKind, severity: Severity, text: impl Into<String>) -> Self {
        Self {
            kind,
            severity,
            number: None,
            origin: None,
            text: text.into(),
            cure: None,
        }
    }

    /// Sets the number of the [`Attempt`](crate::Attempt) it is about.
    pub(crate) fn with_number(mut self, number: usize) -> Self {
        self.number = Some(number);
        self
    }

    /// Sets what causes it.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Sets the command line that changes it, if there is one.
    pub(crate) fn with_cure_if(self, command: Option<String>) -> Self {
        match command {
            Some(command) => self.with_cure(command),
            None => self,
        }
    }

    /// Sets the command line that changes it.
    #[must_use]
    pub fn with_cure(mut self, command: impl Into<String>) -> Self {
        self.cure = Some(command.into());
        self
    }

    /// Adds a cure to a warning that has none, if its origin has one. What is wrong with a cache is
    /// not where its session is named, and no editor changes a mode. Removes a cure that this user
    /// cannot follow.
    pub(crate) fn with_own_cure(mut self) -> Self {
        if let Some(origin) = &self.origin {
            self.cure = self.cure.filter(|cure| !is_refused(cure, origin));
        }
        let is_mode =
            self.kind == FindingKind::FileMode && matches!(self.origin, Some(Origin::File { .. }));
        let is_for_origin =
            self.severity >= Severity::Warning && self.kind != FindingKind::Cache && !is_mode;
        let origin = self
            .origin
            .as_ref()
            .filter(|_| is_for_origin && self.cure.is_none());
        match origin.and_then(for_origin) {
            Some(cure) => self.with_cure(cure),
            None => self,
        }
    }

    /// Returns the text for people, after the file and line if it is about a file. Paths below
    /// `home` start with `~`.
    pub fn line(&self, home: Option<&Path>) -> String {
        printable(&self.written(home)).into_owned()
    }

    /// Returns the line as it is, as the error of a provider has it.
    pub(crate) fn raw_line(&self) -> String {
        self.written(None)
    }

    fn written(&self, home: Option<&Path>) -> String {
        match self.origin.as_ref().and_then(|origin| origin.place(home)) {
            Some(place) => format!("{place}: {}", with_tilde(&self.text, home)),
            None => with_tilde(&self.text, home),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_listed() {
        for (number, kind) in FindingKind::ALL.iter().enumerate() {
            assert_eq!(number, *kind as usize, "{kind:?}");
        }
        assert_eq!(FindingKind::ALL.last(), Some(&FindingKind::Other));
    }
}
