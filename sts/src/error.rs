use std::{error::Error as StdError, fmt};

use http::StatusCode;
use keyfob_sigv4::Secret;

use crate::text::{self, Escaped};

/// The length in characters at which a message of the service is cut; real ones have a few hundred.
const MAX_MESSAGE: usize = 4096;

/// The length in characters at which a code or a request id is cut; real ones have at most sixty.
const MAX_NAME: usize = 256;

/// The reason why a call failed: its kind, and the service's code, message and status if it
/// answered.
///
/// Neither `Display` nor `Debug` shows a secret. Bodies are not kept, and a secret of the request
/// that the service repeats, whole or in part, is replaced by `(redacted)` in all that it says: the
/// message, the code and the request id.
///
/// `Display` writes one line that a terminal can be given: control characters and marks of
/// direction are escaped. [`message`](Self::message), [`code`](Self::code) and
/// [`request_id`](Self::request_id) return what the service sent, so escape them before you print
/// them.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{ErrorKind, actions::GetCallerIdentity, call::Action};
///
/// let answer = http::Response::builder().status(403).body(
///     "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>
///      <RequestId>4442587f</RequestId></ErrorResponse>",
/// )?;
/// let error = GetCallerIdentity::new().parse(&answer).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Service);
/// assert_eq!((error.code(), error.status()), (Some("AccessDenied"), Some(403)));
/// assert_eq!(
///     error.to_string(),
///     "GetCallerIdentity failed with AccessDenied (HTTP 403): no (request id 4442587f)",
/// );
/// # Ok::<(), http::Error>(())
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    /// The parameter that is not valid.
    parameter: Option<String>,
    answer: Answer,
    /// The request held a one-time code.
    one_time: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The facts about the call and its answer, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) action: Option<&'static str>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
    #[cfg(feature = "client")]
    pub(crate) hint: Option<keyfob_backoff::Hint>,
    #[cfg(feature = "client")]
    pub(crate) skew: Option<keyfob_backoff::ClockSkew>,
}

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A parameter of the action is not valid; nothing was sent.
    Input,
    /// The region, the endpoint or the HTTP client cannot be used as configured; nothing was sent.
    Setting,
    /// The service answered with an error: see [`code`](Error::code) and [`status`](Error::status).
    Service,
    /// The service reported success, but its answer cannot be read.
    Response,
    /// No connection could be made; nothing was sent.
    Connect,
    /// No answer came in time.
    Timeout,
    /// The connection broke before the answer was complete.
    Transport,
}

impl Error {
    /// Returns the kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the service's error code, such as `AccessDenied`, cut at 256 characters.
    ///
    /// `None` if there was no answer, or if it did not come from the service but, for example, from
    /// a gateway that sent an HTML page.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Error;
    ///
    /// fn needs_a_new_token(error: &Error) -> bool {
    ///     matches!(error.code(), Some("ExpiredTokenException" | "InvalidIdentityToken"))
    /// }
    /// ```
    pub fn code(&self) -> Option<&str> {
        let code = self.0.answer.code.as_deref()?;
        Some(text::cut(code, MAX_NAME))
    }

    /// Returns the HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.answer.status.map(|status| status.as_u16())
    }

    /// Returns the request id, by which AWS support can find the request, cut at 256 characters.
    pub fn request_id(&self) -> Option<&str> {
        let id = self.0.answer.request_id.as_deref()?;
        Some(text::cut(id, MAX_NAME))
    }

    /// Returns the name of the action, such as `AssumeRole`. `None` if it was not sent.
    pub fn action(&self) -> Option<&'static str> {
        self.0.answer.action
    }

    /// Returns the name of the parameter that is not valid, such as `RoleSessionName` or
    /// `Tags.member.2.Key`, so that a program can name the setting that it took the value from.
    ///
    /// `None` unless the kind is [`ErrorKind::Input`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::actions::AssumeRole;
    ///
    /// let role = "arn:aws:iam::123456789012:role/deploy";
    /// let error = AssumeRole::new(role, "ci run").unwrap_err();
    /// assert_eq!(error.parameter(), Some("RoleSessionName"));
    /// ```
    pub fn parameter(&self) -> Option<&str> {
        self.0.parameter.as_deref()
    }

    /// Returns the message alone, without the action, code and request id.
    ///
    /// For an error that the service reported, this is the service's message, cut at 4096
    /// characters. It may be empty, and unlike the output of `Display` it may hold line ends and
    /// control characters.
    pub fn message(&self) -> &str {
        text::cut(&self.0.message, MAX_MESSAGE)
    }

    /// Creates the error of a parameter that is not valid. The message names it, too.
    pub(crate) fn input(parameter: impl Into<String>, message: String) -> Self {
        let mut error = Self::new(ErrorKind::Input, message);
        error.0.parameter = Some(parameter.into());
        error
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Setting, message)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            parameter: None,
            answer: Answer::default(),
            one_time: false,
            source: None,
        }))
    }

    pub(crate) fn with_answer(mut self, answer: Answer) -> Self {
        self.0.answer = answer;
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Names the action and notes whether its request held a one-time code.
    pub(crate) fn with_action(mut self, name: &'static str, one_time: bool) -> Self {
        self.0.answer.action = Some(name);
        self.0.one_time = one_time;
        self
    }

    /// Replaces secrets in everything that the service said.
    pub(crate) fn redact(mut self, secrets: &[&Secret]) -> Self {
        let Inner {
            message, answer, ..
        } = &mut *self.0;
        let names = [&mut answer.code, &mut answer.request_id];
        let names = names.into_iter().filter_map(Option::as_mut);
        for text in names.chain([message]) {
            *text = Secret::redact(text, secrets);
        }
        self
    }
}

#[cfg(feature = "client")]
impl Error {
    /// Returns how many seconds the service's clock is ahead of this machine's (negative: behind),
    /// if the difference is more than four minutes: then it is why a signature was refused.
    pub fn clock_skew_seconds(&self) -> Option<i64> {
        let skew = self.0.answer.skew.filter(|skew| skew.is_significant())?;
        Some(skew.as_millis() / 1000)
    }

    pub(crate) fn with_skew(mut self, skew: Option<keyfob_backoff::ClockSkew>) -> Self {
        self.0.answer.skew = skew;
        self
    }
}

/// Shows the action, code and status, then the message, then the request id, in one line: control
/// characters are escaped.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = &self.0.answer;
        if let Some(action) = answer.action {
            write!(f, "{action} failed")?;
            if let Some(code) = self.code() {
                write!(f, " with {}", Escaped(code))?;
            }
            if let Some(status) = self.status() {
                write!(f, " (HTTP {status})")?;
            }
            if !self.message().is_empty() {
                f.write_str(": ")?;
            }
        }
        write!(f, "{}", Escaped(self.message()))?;
        match self.request_id() {
            Some(id) => write!(f, " (request id {})", Escaped(id)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("action", &self.action())
            .field("parameter", &self.parameter())
            .field("status", &self.status())
            .field("code", &self.code())
            .field("message", &self.message())
            .field("request_id", &self.request_id())
            .field("one_time", &self.0.one_time)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

/// Reports to a retry policy how the call failed.
///
/// A request with a one-time code may be repeated only if it was throttled or never sent. Otherwise
/// the code may be used up: the same code again cannot succeed, and may lock the device.
#[cfg(feature = "client")]
impl keyfob_backoff::Classify for Error {
    fn failure(&self) -> keyfob_backoff::Failure<'_> {
        use keyfob_backoff::{Failure, Fault, classify};

        let throttled = classify(self.status(), self.code()).is_some_and(Fault::is_throttling);
        let facts = match (self.kind(), self.status()) {
            (ErrorKind::Connect, _) => Failure::connect(),
            // Throttling comes before the service looks at the code; after anything else the code
            // may be used up, so the failure counts as local, which is never repeated.
            _ if self.0.one_time && !throttled => Failure::local(),
            (ErrorKind::Timeout, _) => Failure::timeout(),
            (ErrorKind::Transport, _) => Failure::no_response(),
            (ErrorKind::Service, Some(status)) => Failure::response(status).with_code(self.code()),
            _ => Failure::local(),
        };
        facts
            .with_hint(self.0.answer.hint)
            .with_skew(self.0.answer.skew)
    }
}
