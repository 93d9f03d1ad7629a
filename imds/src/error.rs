use std::{error::Error as StdError, fmt, net::IpAddr, sync::Arc};

use http::StatusCode;

use crate::path::Path;

/// Why there is no metadata or there are no credentials: the kind, the facts, and a message that names the cure.
///
/// Cloning is cheap: one failed attempt is shared by every task that waited for it. No message holds a body, a
/// token or a key.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    status: Option<StatusCode>,
    code: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What kept the client from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting or an argument that cannot be used: an endpoint, a mode, a path, a time to live. Nothing was sent.
    Setting,
    /// The client is switched off. Nothing was sent, no socket was opened.
    Disabled,
    /// No connection: most often this is simply no EC2 instance or no container with a role.
    Connect,
    /// Connected, but no answer in time. For the session token this is how a container one hop too far away looks.
    Timeout,
    /// The connection broke in the middle of an answer.
    Transport,
    /// HTTP 400: the service does not accept the request.
    BadRequest,
    /// HTTP 401 twice, the second time with a new session token.
    Unauthorized,
    /// HTTP 403: metadata is turned off for this instance, or not allowed for this caller.
    Forbidden,
    /// HTTP 404: there is no such item, which for many items is a normal answer.
    NotFound,
    /// The service has no session tokens (HTTP 404 or 405 to the `PUT`), and IMDSv1 is not allowed.
    TokenUnsupported,
    /// HTTP 429: more requests than the service takes.
    Throttled,
    /// HTTP 5xx, still after all attempts.
    Server,
    /// Any other HTTP status, redirects among them: they are never followed.
    Status,
    /// What came as session token or authorization token cannot stand in a header.
    BadToken,
    /// An answer that is not what was asked for: too long, not JSON, a member missing.
    Response,
    /// The service answered and said why there are no credentials; [`Error::code`] has its code.
    Refused,
    /// The configured profile name does not exist here.
    InvalidProfile,
    /// The signature of an identity document does not match.
    Signature,
}

impl Error {
    /// What kept the client from an answer.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status.map(|status| status.as_u16())
    }

    /// The service's own error code, such as `AssumeRoleUnauthorizedAccess`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Whether the item is simply not there. Apart from [`ErrorKind::Connect`], which says nothing about it.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            status: None,
            code: None,
            source: None,
        }))
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Setting, message)
    }

    pub(crate) fn bad_response(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Response, message)
    }

    pub(crate) fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.change(|inner| inner.source = Some(source.into()))
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        self.change(|inner| inner.status = Some(status))
    }

    /// A name that leads somewhere else, today or since someone changed its record.
    pub(crate) fn foreign_address(host: &str, address: IpAddr) -> Self {
        Self::setting(format!(
            "{host} resolves to {address}, which is neither loopback nor an address of ECS or EKS: credentials are \
             fetched over plain http only from there"
        ))
    }

    /// Only while it is being built, when nobody shares it yet.
    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// A document that came with HTTP 200 and says that there are no credentials.
    pub(crate) fn refused(code: &str, message: &str) -> Self {
        let text = match message {
            "" => format!("the service has no credentials: {}", shown(code)),
            _ => format!(
                "the service has no credentials: {}: {}",
                shown(code),
                shown(message)
            ),
        };
        Self::new(ErrorKind::Refused, text).change(|inner| inner.code = Some(shown(code)))
    }
}

/// What a status means, apart from 200.
///
/// Source: EC2 User Guide, "Retrieve instance metadata", section on errors.
impl Error {
    pub(crate) fn of_token_status(status: StatusCode) -> Self {
        let (kind, text) = match status.as_u16() {
            400 => (
                ErrorKind::BadRequest,
                "the service does not accept the request for a session token",
            ),
            403 => (
                ErrorKind::Forbidden,
                "no session token: instance metadata is turned off for this instance, or something on the way adds \
                 X-Forwarded-For; turn it on with `aws ec2 modify-instance-metadata-options --http-endpoint enabled`",
            ),
            404 | 405 => (
                ErrorKind::TokenUnsupported,
                "the service has no session tokens (it is no IMDSv2), and IMDSv1 is not allowed by the settings",
            ),
            _ => Self::common(status, "no session token"),
        };
        Self::new(kind, format!("{text} (HTTP {})", status.as_u16())).with_status(status)
    }

    pub(crate) fn of_status(status: StatusCode, path: &Path) -> Self {
        let (kind, text) = match status.as_u16() {
            400 => (ErrorKind::BadRequest, "the service does not accept"),
            401 => (
                ErrorKind::Unauthorized,
                "the service refuses its own session token for",
            ),
            403 => (
                ErrorKind::Forbidden,
                "metadata is turned off here, or not allowed for this caller:",
            ),
            404 => (ErrorKind::NotFound, "there is no"),
            _ => Self::common(status, "no answer for"),
        };
        let hint = match kind {
            ErrorKind::NotFound if is_policy(path) => {
                ": a role's policies are not in the metadata, IAM has them: \
                 `aws iam list-attached-role-policies --role-name NAME`"
            }
            _ => "",
        };
        let text = format!("{text} {path} (HTTP {}){hint}", status.as_u16());
        Self::new(kind, text).with_status(status)
    }

    /// An agent says why in a document: `code` and `message`, both already fit to be shown.
    pub(crate) fn of_container_status(
        status: StatusCode,
        code: Option<String>,
        message: Option<&str>,
    ) -> Self {
        let kind = match status.as_u16() {
            400 => ErrorKind::BadRequest,
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            _ => Self::common(status, "").0,
        };
        let reason: Vec<&str> = [code.as_deref(), message].into_iter().flatten().collect();
        let separator = if reason.is_empty() { "" } else { ": " };
        let text = format!(
            "the agent has no credentials for this container (HTTP {}){separator}{}",
            status.as_u16(),
            reason.join(": ")
        );
        Self::new(kind, text)
            .with_status(status)
            .change(|inner| inner.code = code)
    }

    fn common(status: StatusCode, text: &'static str) -> (ErrorKind, &'static str) {
        let kind = match status.as_u16() {
            429 => ErrorKind::Throttled,
            500..=599 => ErrorKind::Server,
            _ => ErrorKind::Status,
        };
        (kind, text)
    }
}

/// Below `iam/`, many people look for the policies of the role.
fn is_policy(path: &Path) -> bool {
    path.as_str().contains("/iam/") && path.as_str().to_ascii_lowercase().contains("polic")
}

/// One line, at most 200 characters, of what another program wrote.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect()
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
            .field("status", &self.0.status)
            .field("code", &self.0.code)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}
