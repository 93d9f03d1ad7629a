use std::{error::Error as StdError, fmt};

use http::StatusCode;
use keyfob_sigv4::{Secret, printable};

use crate::{replay::Replay, text};

/// The length in characters at which a message of the service is cut; real ones have a few hundred.
const MAX_MESSAGE: usize = 4096;

/// The length in characters at which a code or a request id is cut; real ones have at most sixty.
pub(crate) const MAX_NAME: usize = 256;

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
/// use keyfob_sts::{ErrorKind, actions::GetCallerIdentity, call::Call};
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
    /// The parameter or the variable that is not valid.
    parameter: Option<String>,
    answer: Answer,
    /// Whether the request may be sent again.
    replay: Replay,
    /// What exceeds the limits that this version knows.
    excess: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The facts about the call and its answer, as far as they are known.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) action: Option<&'static str>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
    /// Names and texts of the error's other members.
    pub(crate) members: Vec<(String, String)>,
    #[cfg(feature = "client")]
    pub(crate) backoff: Option<keyfob_backoff::Hint>,
    #[cfg(feature = "client")]
    pub(crate) skew: Option<keyfob_backoff::ClockSkew>,
}

/// Does not show what the service said.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("action", &self.action)
            .field("status", &self.status)
            .field("code", &self.code)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
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

    /// Returns another member of the error, such as the `error` in which AWS Sign-In says why it
    /// denied access, cut at 4096 characters. `None` if there is no such member, or if it is not a
    /// text.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Error;
    ///
    /// fn needs_a_new_login(error: &Error) -> bool {
    ///     error.code() == Some("AccessDeniedException")
    ///         && error.member("error") == Some("TOKEN_EXPIRED")
    /// }
    /// ```
    pub fn member(&self, name: &str) -> Option<&str> {
        let mut members = self.0.answer.members.iter();
        let (_, text) = members.find(|(known, _)| known == name)?;
        Some(text::cut(text, MAX_MESSAGE))
    }

    /// Returns what may be the reason of a refusal, for the user: the parameters that exceed the
    /// limits which the service had when this version was made.
    ///
    /// Such limits are not checked before a request is sent, because services raise them. `None` if
    /// there is nothing to say, or if the service did not refuse the request with HTTP 400.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{actions::AssumeRole, call::Call};
    ///
    /// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "s".repeat(65))?;
    /// let answer = http::Response::builder().status(400).body(
    ///     "<ErrorResponse><Error><Code>ValidationError</Code></Error></ErrorResponse>",
    /// )?;
    /// assert_eq!(
    ///     action.parse(&answer).unwrap_err().hint(),
    ///     Some("RoleSessionName has 65 characters, and the limit was 64"),
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hint(&self) -> Option<&str> {
        let is_refusal = self.kind() == ErrorKind::Service && self.status() == Some(400);
        Some(self.0.excess.as_str()).filter(|text| is_refusal && !text.is_empty())
    }

    /// Returns the name of the operation, such as `AssumeRole`. `None` if it was not sent.
    pub fn action(&self) -> Option<&'static str> {
        self.0.answer.action
    }

    /// Returns the name of the parameter that is not valid, such as `RoleSessionName` or
    /// `Tags.member.2.Key`, so that a program can name the setting that it took the value from. For
    /// a proxy that cannot be used, it is the variable that names the proxy.
    ///
    /// `None` unless the kind is [`ErrorKind::Input`] or, for a proxy, [`ErrorKind::Setting`].
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
        Self::new(ErrorKind::Input, message).with_parameter(parameter)
    }

    pub(crate) fn with_parameter(mut self, parameter: impl Into<String>) -> Self {
        self.0.parameter = Some(parameter.into());
        self
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Setting, message)
    }

    pub(crate) fn response(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Response, message)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            parameter: None,
            answer: Answer::default(),
            replay: Replay::Safe,
            excess: String::new(),
            source: None,
        }))
    }

    pub(crate) fn with_answer(mut self, answer: Answer) -> Self {
        self.0.answer = answer;
        self
    }

    pub(crate) fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.with_boxed_source(Box::new(source))
    }

    pub(crate) fn with_boxed_source(mut self, source: Box<dyn StdError + Send + Sync>) -> Self {
        self.0.source = Some(source);
        self
    }

    /// Names the operation and notes whether its request may be sent again.
    pub(crate) fn with_operation(mut self, name: &'static str, replay: Replay) -> Self {
        self.0.answer.action = Some(name);
        self.0.replay = replay;
        self
    }

    /// Notes which parameters exceed the limits that this version knows.
    pub(crate) fn with_excess(mut self, excess: &str) -> Self {
        excess.clone_into(&mut self.0.excess);
        self
    }

    /// Replaces secrets in everything that the service said.
    pub(crate) fn redact(mut self, secrets: &[&Secret]) -> Self {
        let Inner {
            message, answer, ..
        } = &mut *self.0;
        let names = [&mut answer.code, &mut answer.request_id];
        let names = names.into_iter().filter_map(Option::as_mut);
        let members = answer.members.iter_mut().map(|(_, text)| text);
        for text in names.chain(members).chain([message]) {
            *text = Secret::redact(text, secrets);
        }
        self
    }
}

#[cfg(feature = "client")]
impl Error {
    /// Returns how many seconds the service's clock is ahead of the time that the request says
    /// (negative: behind), if the difference is more than four minutes: then it may be why the
    /// signature or the proof was refused.
    ///
    /// `None` for a request that says no time, and after an attempt with the service's time.
    pub fn clock_skew_seconds(&self) -> Option<i64> {
        let skew = self.0.answer.skew.filter(|skew| skew.is_significant())?;
        Some(skew.as_millis() / 1000)
    }

    /// Returns true if the service asked for fewer calls.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{actions::GetCallerIdentity, call::Call};
    ///
    /// let answer = http::Response::builder().status(400).body(
    ///     "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
    /// )?;
    /// let error = GetCallerIdentity::new().parse(&answer).unwrap_err();
    /// assert!(error.is_throttling() && error.is_retryable());
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn is_throttling(&self) -> bool {
        let fault = keyfob_backoff::classify(self.status(), self.code());
        fault.is_some_and(keyfob_backoff::Fault::is_throttling)
    }

    /// Returns true if the same call may succeed later: the service was throttling or failed with a
    /// 5xx, and the request may be sent again. After such an error, a client has already made all
    /// attempts of its policy.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{actions::GetSessionToken, call::Call};
    ///
    /// let failed = http::Response::builder().status(500).body("")?;
    /// assert!(GetSessionToken::new().parse(&failed).unwrap_err().is_retryable());
    /// // The code may be used up.
    /// let action = GetSessionToken::new().mfa("arn:aws:iam::123456789012:mfa/a", "123456")?;
    /// assert!(!action.parse(&failed).unwrap_err().is_retryable());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_retryable(&self) -> bool {
        let failure = keyfob_backoff::Classify::failure(self);
        keyfob_backoff::Policy::aws().classify(&failure).is_some()
    }

    /// Returns true if the service refused the time that the request says, and the clocks differ.
    fn is_refused_for_its_time(&self) -> bool {
        use keyfob_backoff::{Failure, Fault, FaultKind, Policy};

        let refused = self.status().map(Failure::response);
        let refused = refused.map(|it| it.with_code(self.code()).with_skew(self.0.answer.skew));
        let fault = refused.and_then(|it| Policy::aws().retry_clock_skew().classify(&it));
        fault.map(Fault::kind) == Some(FaultKind::ClockSkew)
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
                write!(f, " with {}", printable(code))?;
            }
            if let Some(status) = self.status() {
                write!(f, " (HTTP {status})")?;
            }
            if !self.message().is_empty() {
                f.write_str(": ")?;
            }
        }
        write!(f, "{}", printable(self.message()))?;
        match self.request_id() {
            Some(id) => write!(f, " (request id {})", printable(id)),
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
            .field("replay", &self.0.replay)
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
/// A request that must not be [replayed](crate::call::Replay) counts as a local failure, which is
/// never repeated.
#[cfg(feature = "client")]
impl keyfob_backoff::Classify for Error {
    fn failure(&self) -> keyfob_backoff::Failure<'_> {
        use keyfob_backoff::Failure;

        let facts = match (self.kind(), self.status()) {
            _ if self.0.replay == Replay::Never => Failure::local(),
            (ErrorKind::Connect, _) => Failure::connect(),
            // Throttling, and the look at the time, come before the service acts on the request;
            // after anything else it may have done so.
            _ if self.0.replay == Replay::OnlyIfNotReceived
                && !self.is_throttling()
                && !self.is_refused_for_its_time() =>
            {
                Failure::local()
            }
            (ErrorKind::Timeout, _) => Failure::timeout(),
            (ErrorKind::Transport, _) => Failure::no_response(),
            (ErrorKind::Service, Some(status)) => Failure::response(status).with_code(self.code()),
            _ => Failure::local(),
        };
        facts
            .with_hint(self.0.answer.backoff)
            .with_skew(self.0.answer.skew)
    }
}
