#[cfg(feature = "client")]
mod client;
mod status;

#[cfg(feature = "client")]
pub(crate) use self::client::Service;

use std::{error::Error as StdError, fmt, net::IpAddr, sync::Arc};

use http::StatusCode;

/// Why there is no metadata, or why there are no credentials.
///
/// It has a [`kind`](Error::kind), the HTTP status and the service's own code if there was an
/// answer, and a message that names the cure. No message contains a body, a token or a key. Clones
/// are cheap: one failed attempt is shared by all tasks that waited for it.
///
/// # Examples
///
/// ```
/// use keyfob_imds::{Endpoint, ErrorKind};
///
/// let error = Endpoint::new("169.254.169.254").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Setting);
/// assert!(error.to_string().starts_with("invalid metadata endpoint \"169.254.169.254\""));
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    status: Option<StatusCode>,
    code: Option<String>,
    no_instance: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting or an argument that cannot be used: an endpoint, a mode, a path, a time to live.
    /// Nothing was sent.
    Setting,
    /// The client is disabled. Nothing was sent and no socket was opened.
    Disabled,
    /// No connection. Most often this is not an EC2 instance or not a container with a role.
    Connect,
    /// A connection, but no answer in time. For the session token, this is what a container one hop
    /// too far away sees.
    Timeout,
    /// The connection broke in the middle of an answer.
    Transport,
    /// HTTP 400: the service does not accept the request.
    BadRequest,
    /// HTTP 401 twice, the second time with a new session token.
    Unauthorized,
    /// HTTP 403: metadata is turned off for this instance, or not allowed for this caller, or this
    /// is not EC2.
    Forbidden,
    /// HTTP 404: the item does not exist, which is a normal answer for many items.
    NotFound,
    /// The service has no session tokens (HTTP 404 or 405 to the `PUT`), and IMDSv1 is not allowed.
    TokenUnsupported,
    /// HTTP 429: more requests than the service accepts.
    Throttled,
    /// HTTP 5xx, even after all attempts.
    Server,
    /// Any other HTTP status. This includes redirects, which are never followed.
    Status,
    /// A session token or an authorization token that cannot be sent in a header.
    BadToken,
    /// A success that cannot be read: too long, not JSON, a member missing.
    Response,
    /// The service answered with the reason why it has no credentials. [`Error::code`] returns its
    /// code.
    Refused,
    /// The configured profile name does not exist here.
    InvalidProfile,
    /// The signature of an identity document does not match.
    Signature,
}

impl Error {
    /// Returns what went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status.map(|status| status.as_u16())
    }

    /// Returns the service's own error code, such as `AssumeRoleUnauthorizedAccess`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns true if the service answered that the item does not exist. An unreachable service
    /// ([`ErrorKind::Connect`]) does not say so.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Returns true if this is simply not an EC2 instance: whatever is at the address of the
    /// service, or nothing, is not instance metadata. A program that can do without it goes on.
    ///
    /// It is decided by the request for the session token, which comes first. These mean no
    /// instance:
    ///
    /// | what happened | kind |
    /// |---|---|
    /// | no route, connection refused, unknown name, no connection in time | [`Connect`](ErrorKind::Connect) |
    /// | a connection, and no answer in time (or the instance's hop limit is too low) | [`Timeout`](ErrorKind::Timeout) |
    /// | the connection broke, or the answer is not HTTP | [`Transport`](ErrorKind::Transport) |
    /// | the answer is too long | [`Response`](ErrorKind::Response) |
    /// | HTTP 400, as on Azure | [`BadRequest`](ErrorKind::BadRequest) |
    /// | HTTP 403, as on Google Cloud, unless EC2's own server sent it | [`Forbidden`](ErrorKind::Forbidden) |
    /// | HTTP 404 or 405, as from emulators and other web servers | [`TokenUnsupported`](ErrorKind::TokenUnsupported) |
    /// | HTTP 500, 501 and all of 5xx but 503 | [`Server`](ErrorKind::Server) |
    /// | any other status, such as a redirect to a sign-in page | [`Status`](ErrorKind::Status) |
    /// | HTTP 200 with something else than a token, such as an HTML page | [`BadToken`](ErrorKind::BadToken) |
    ///
    /// These do not:
    ///
    /// - HTTP 429 and 503: the service is busy.
    /// - A refusal with `Server: EC2ws`, the name of EC2's own server: metadata is turned off for
    ///   this instance, or something on the way adds `X-Forwarded-For`.
    /// - Every failure of a client that already had a session token: there is an instance.
    /// - A missing item or role ([`is_not_found`](Error::is_not_found)).
    /// - A client that is disabled or whose settings cannot be used.
    /// - Every error of [`container::Client`](crate::container::Client): a location was configured,
    ///   so there should be an agent.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "client")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// use keyfob_imds::{Client, Endpoint};
    ///
    /// // Nothing listens here.
    /// let endpoint = Endpoint::new("http://127.0.0.1:1")?;
    /// let client = Client::builder().endpoint(endpoint).build()?;
    /// let region = match client.region().await {
    ///     Ok(region) => region,
    ///     Err(error) if error.is_no_instance() => "us-east-1".to_owned(),
    ///     Err(error) => return Err(error),
    /// };
    /// assert_eq!(region, "us-east-1");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "client"))]
    /// # fn main() {}
    /// ```
    pub fn is_no_instance(&self) -> bool {
        self.0.no_instance
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            status: None,
            code: None,
            no_instance: false,
            source: None,
        }))
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Setting, message)
    }

    pub(crate) fn response(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Response, message)
    }

    pub(crate) fn bad_token(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadToken, message)
    }

    #[cfg(any(feature = "client", feature = "server"))]
    pub(crate) fn token_file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::bad_token(format!(
            "could not read the container authorization token file {}",
            path.display()
        ))
        .with_source(source)
    }

    /// A name that resolves to an address that must not be asked.
    pub(crate) fn foreign_address(host: &str, address: IpAddr) -> Self {
        Self::setting(format!(
            "{host} resolves to {address}, which is neither loopback nor an address of ECS or EKS: \
             credentials are fetched over plain http only from there"
        ))
    }

    /// A document that came with HTTP 200 and says that there are no credentials.
    pub(crate) fn refused(code: &str, message: &str) -> Self {
        let code = shown(code);
        let text = match message {
            "" => format!("the service has no credentials: {code}"),
            _ => format!("the service has no credentials: {code}: {}", shown(message)),
        };
        Self::new(ErrorKind::Refused, text).with_code(Some(code))
    }

    #[cfg(feature = "verify")]
    pub(crate) fn signature_mismatch() -> Self {
        Self::new(
            ErrorKind::Signature,
            "the signature of the identity document does not match: it belongs to another document, \
             or the certificate belongs to another region",
        )
    }

    #[cfg(any(feature = "client", feature = "server", feature = "user-data"))]
    pub(crate) fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.change(|inner| inner.source = Some(source.into()))
    }

    pub(crate) fn with_no_instance(self, no_instance: bool) -> Self {
        self.change(|inner| inner.no_instance = no_instance)
    }

    fn with_status(self, status: StatusCode) -> Self {
        self.change(|inner| inner.status = Some(status))
    }

    fn with_code(self, code: Option<String>) -> Self {
        self.change(|inner| inner.code = code)
    }

    /// Changes an error that is being built, so that there are no clones of it yet.
    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }
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

/// Makes one line of at most 200 characters of another program's text.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect()
}
