use std::{error, fmt, sync::Arc};

/// Why there are no credentials, no region, or no saved file.
///
/// Cloning is cheap: the tasks that waited for one refresh all get the same error. No message holds a secret, nor
/// a line of a configuration file.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Error {
    /// An error of a provider of one's own. The message is lower case, has no full stop, and names what to do.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Provider, "the vault is sealed: run `vault operator unseal`");
    /// assert_eq!(error.kind(), ErrorKind::Provider);
    /// ```
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            source: None,
        }))
    }

    /// The same with the error that caused it, which becomes [`source`](error::Error::source).
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            source: Some(source.into()),
        }))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether trying again later may help without anybody changing a setting.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind(), ErrorKind::Provider)
    }

    /// The message and those of its causes, in one line.
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
    /// Every provider was asked and none is configured.
    NoCredentials,
    /// A profile was named that no file has.
    ProfileNotFound,
    /// A configuration file, or the part of it that is needed, cannot be read.
    ConfigFile,
    /// Half of a key: an id without its secret, or a secret without its id.
    PartialCredentials,
    /// A key id, secret or token that cannot be one.
    InvalidCredentials,
    /// The source gave credentials that have ended.
    Expired,
    /// A setting whose value cannot be used.
    InvalidSetting,
    /// A source that is configured but that this version, or this build of it, does not speak.
    Unsupported,
    /// A provider was asked and failed.
    Provider,
    /// A service was asked and refused, and will go on refusing: a role that may not be assumed, a token that is not
    /// accepted.
    Refused,
    /// Profiles whose `source_profile` leads in a circle, or to nothing.
    Source,
    /// An edit that would not be read back as it was meant.
    InvalidEdit,
    /// A file could not be written; it is as it was.
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
