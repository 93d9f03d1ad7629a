use std::{error, fmt, sync::Arc};

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
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            source: None,
            is_not_configured: false,
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
        }))
    }

    pub(crate) fn is_not_configured(&self) -> bool {
        self.0.is_not_configured
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns true if a later attempt may succeed without a change of configuration.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind(), ErrorKind::Provider)
    }

    /// Returns the message and those of its causes in one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
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
    /// A provider failed.
    Provider,
    /// A service refused and will keep refusing: a role that may not be assumed, or a token that is
    /// not accepted.
    Refused,
    /// A role without a usable source, such as `source_profile`s that form a circle.
    SourceProfile,
    /// An edit that would not be read back as intended.
    InvalidEdit,
    /// A file could not be written. It is unchanged.
    Write,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
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

/// Returns a user's text for a message: escaped, and cut after 80 characters.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
