use std::{
    error, fmt, fs, io,
    path::{Component, Path},
    sync::Arc,
};

use keyfob_sigv4::printable;

use crate::{
    cure::left_out,
    origin::Origin,
    profiles::Problem,
    sources::{MfaQuestion, RoleSource},
};

/// Why there are no credentials, no region, or no saved file.
///
/// Cloning is cheap: all tasks that wait for one refresh get the same error. The message contains
/// neither a secret nor a line of a configuration file.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
    is_not_configured: bool,
    question: Option<MfaQuestion>,
    role_source: Option<RoleSource>,
    /// What is wrong with a configuration file.
    problem: Option<Problem>,
    /// The setting that cannot be used: its name and where it is from.
    setting: Option<(String, Origin)>,
}

impl Error {
    /// Creates an error, as for a provider of your own.
    ///
    /// The message is lower case, has no period at its end, and says what to do.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Error, ErrorKind};
    ///
    /// let message = "the vault is sealed: run `vault operator unseal`";
    /// let error = Error::new(ErrorKind::Provider, message);
    /// assert_eq!(error.kind(), ErrorKind::Provider);
    /// ```
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            source: None,
            is_not_configured: false,
            question: None,
            role_source: None,
            problem: None,
            setting: None,
        }))
    }

    /// Creates an error with its cause, which becomes its [`source`](error::Error::source).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::error::Error as _;
    ///
    /// use keyfob_chain::{Error, ErrorKind};
    ///
    /// let cause = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    /// let error = Error::with_source(ErrorKind::Provider, "the vault cannot be reached", cause);
    /// assert!(error.source().is_some() && error.is_transient());
    /// ```
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            source: Some(source.into()),
            is_not_configured: false,
            question: None,
            role_source: None,
            problem: None,
            setting: None,
        }))
    }

    /// Creates the error for a provider that is not configured, so that the next one is asked. A
    /// role whose source has no credentials is an error of the same kind, and stops a chain.
    pub(crate) fn not_configured(reason: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind: ErrorKind::NoCredentials,
            message: reason.into(),
            source: None,
            is_not_configured: true,
            question: None,
            role_source: None,
            problem: None,
            setting: None,
        }))
    }

    pub(crate) fn is_not_configured(&self) -> bool {
        self.0.is_not_configured
    }

    /// Creates the error of a configuration file.
    pub(crate) fn from_problem(problem: &Problem) -> Self {
        let mut error = Self::new(ErrorKind::ConfigFile, problem.raw());
        if let Some(inner) = Arc::get_mut(&mut error.0) {
            inner.problem = Some(problem.clone());
        }
        error
    }

    /// Adds the setting that cannot be used.
    pub(crate) fn with_setting(mut self, name: &str, origin: &Origin) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.setting = Some((name.to_owned(), origin.clone()));
        }
        self
    }

    /// Returns where the setting is from that cannot be used, if the error is about one.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables, settings::MAX_ATTEMPTS};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_MAX_ATTEMPTS", "many")]));
    /// let error = settings.number(&MAX_ATTEMPTS).unwrap_err();
    /// assert_eq!(error.origin().unwrap().to_string(), "AWS_MAX_ATTEMPTS");
    /// assert_eq!(error.cure().unwrap(), "env -u AWS_MAX_ATTEMPTS COMMAND");
    /// ```
    pub fn origin(&self) -> Option<&Origin> {
        self.0.setting.as_ref().map(|(_, origin)| origin)
    }

    /// Returns the command line after which a setting that cannot be used is gone, or a
    /// configuration file can be read. Looks at what is in the way to such a file.
    pub fn cure(&self) -> Option<String> {
        match (&self.0.setting, &self.0.problem) {
            (Some((name, origin)), _) => left_out(name, origin),
            (None, Some(problem)) => Some(problem.cure()),
            (None, None) => None,
        }
    }

    /// Adds the question that could not be asked.
    #[cfg(feature = "sts")]
    pub(crate) fn with_question(mut self, question: MfaQuestion) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.question = Some(question);
        }
        self
    }

    /// Adds the credentials that a role was to be assumed with.
    #[cfg(feature = "sts")]
    pub(crate) fn with_role_source(mut self, source: RoleSource) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.role_source = Some(source);
        }
        self
    }

    /// Returns the credentials with which STS was asked for a role, if it answered with this error.
    pub fn role_source(&self) -> Option<&RoleSource> {
        self.0.role_source.as_ref()
    }

    /// Returns what an error of the kind [`MfaCode`](ErrorKind::MfaCode) needs a code for, if there
    /// was no prompt to ask for it: the role, the device and the profile to assume the role with.
    pub fn mfa_question(&self) -> Option<&MfaQuestion> {
        self.0.question.as_ref()
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns true if a later attempt may succeed without a change of configuration.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind(), ErrorKind::Provider)
    }

    /// Returns the message as it is, for data and for the message of another error. Unlike the
    /// output of `Display`, it may hold line ends and control characters.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the message and those of its causes in one line, as they are.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.message().to_owned();
        let mut source = error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            match cause.downcast_ref::<Self>() {
                Some(cause) => text.push_str(cause.message()),
                None => text.push_str(&cause.to_string()),
            }
            source = cause.source();
        }
        text
    }
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No provider is configured, or the source that a role names.
    NoCredentials,
    /// The chosen profile is in no file.
    ProfileNotFound,
    /// A configuration file, or the part of it that is needed, cannot be read.
    ConfigFile,
    /// Half of an access key: an id without its secret, or a secret without its id.
    PartialCredentials,
    /// A malformed access key id, secret access key or session token.
    InvalidCredentials,
    /// The provider returned expired credentials.
    Expired,
    /// A setting whose value cannot be used. Nothing was sent.
    Setting,
    /// A source that is configured, but that this version or this build does not support.
    Unsupported,
    /// A role needs the code of an MFA device, and there is no prompt, or none of the codes was
    /// right.
    MfaCode,
    /// The user must sign in: there is no token of SSO, it has expired, or it is not accepted. The
    /// message has the command.
    SignIn,
    /// A provider failed.
    Provider,
    /// A service refused and will keep refusing: a role that may not be assumed, or a token that is
    /// not accepted.
    Refused,
    /// A request that cannot be signed: its host does not tell the service or the region, or its
    /// body is a stream. Nothing was sent.
    Request,
    /// A role without a usable source, such as `source_profile`s that form a circle.
    SourceProfile,
    /// An edit that would not be read back as intended.
    InvalidEdit,
    /// A file could not be written. It is unchanged.
    Write,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0.message))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Returns a user's text for a message, cut after 80 characters. What shows the message escapes it.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The length in characters up to which a value that cannot be used is quoted. A longer one may be
/// a secret that was put in the wrong place: the shortest secrets, passwords aside, are access keys
/// of 40 characters.
const QUOTED: usize = 16;

/// Returns a value that cannot be used, for a message, unless it may be a secret in the wrong
/// place.
pub(crate) fn quotable(value: &str) -> Option<String> {
    (value.chars().count() <= QUOTED).then(|| shown(value))
}

/// Returns `is "x", which is not …`, without the value if it is not [`quotable`].
pub(crate) fn is_not(value: &str, expected: &str) -> String {
    match quotable(value) {
        Some(value) => format!("is \"{value}\", which is not {expected}"),
        None => format!("is not {expected}"),
    }
}

/// Returns a path that a setting has, for a message, or words for it if it may be a secret in the
/// place of its path: if neither it nor its folder exists.
pub(crate) fn shown_path(path: &Path) -> String {
    quotable_path(path).unwrap_or_else(|| "the file that it names".to_owned())
}

/// Returns a path that a setting has, for a message, unless it may be a secret.
pub(crate) fn quotable_path(path: &Path) -> Option<String> {
    let text = path.to_string_lossy();
    let is_path =
        quotable(&text).is_some() || is_something(path) || path.parent().is_some_and(is_folder);
    is_path.then(|| text.into_owned())
}

/// Fails if nothing is at a path that a setting has. An error from opening the file may name it
/// then.
#[cfg(any(
    feature = "imds",
    all(
        feature = "sts",
        any(feature = "rustls-no-provider", feature = "native-tls")
    )
))]
pub(crate) fn check_exists(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    match fs::symlink_metadata(path) {
        Err(error) if !is_something(path) => Err(unreadable(path, &error)),
        _ => Ok(()),
    }
}

/// Returns the error of a file that a setting names, with its path.
#[cfg(any(
    feature = "imds",
    all(
        feature = "sts",
        any(feature = "rustls-no-provider", feature = "native-tls")
    )
))]
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> io::Error {
    let message = format!("cannot read {}: {error}", shown_path(path));
    io::Error::new(error.kind(), message)
}

/// Returns true if something is there, or may be there in a folder that this user cannot search.
fn is_something(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => path.is_absolute() && error.kind() == io::ErrorKind::PermissionDenied,
    }
}

/// The root and the current folder say nothing about the name below them.
fn is_folder(path: &Path) -> bool {
    let mut components = path.components();
    components.any(|component| matches!(component, Component::Normal(_))) && is_something(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_only_if_it_cannot_be_a_secret_in_the_place_of_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a-file-with-a-long-name");
        let missing = file.with_file_name("another-file-with-a-long-name");
        fs::write(&file, "").unwrap();
        for path in [&file, &missing, Path::new("/no/such.pem")] {
            assert_eq!(shown_path(path), path.display().to_string());
        }
        for secret in [
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "/JalrXUtnFEMIxK7MDENGxbPxRfiCYEXAMPLEKEY",
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2ln",
            &"token".repeat(1000),
        ] {
            assert_eq!(shown_path(Path::new(secret)), "the file that it names");
        }
    }

    #[test]
    fn a_value_that_may_be_a_secret_is_not_quoted() {
        assert_eq!(
            is_not("x\n", "a number"),
            "is \"x\n\", which is not a number"
        );
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert_eq!(is_not(secret, "a number"), "is not a number");
    }
}
