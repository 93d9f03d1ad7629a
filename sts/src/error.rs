use std::{error::Error as StdError, fmt};

use http::StatusCode;
use keyfob_sigv4::Secret;

/// Characters; longer messages of a service are cut. Real ones have a few hundred.
const MAX_MESSAGE: usize = 4096;

/// Why a call failed: the kind, and what the service said if it answered.
///
/// Neither `Display` nor `Debug` holds a secret, and no body is ever kept. A secret that the service repeats in its
/// message is cut out of it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    answer: Answer,
    one_time: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What is known of an answer.
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

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A parameter was refused here; nothing was sent.
    Input,
    /// The region, the endpoint or the client cannot be used as configured; nothing was sent.
    Setting,
    /// The service answered with an error: see [`code`](Error::code) and [`status`](Error::status).
    Service,
    /// The service answered with success, but not with what the action promises.
    Response,
    /// The endpoint could not be reached; nothing was sent.
    Connect,
    /// No answer came in time.
    Timeout,
    /// The connection broke before the whole answer was there.
    Transport,
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The error code of the service, such as `AccessDenied`. `None` when there was no answer, or one that did not
    /// come from the service (a gateway's HTML page, say).
    pub fn code(&self) -> Option<&str> {
        self.0.answer.code.as_deref()
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.answer.status.map(|status| status.as_u16())
    }

    /// The id under which the service knows the request: give it to AWS support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.answer.request_id.as_deref()
    }

    /// The action that failed, such as `AssumeRole`, once it was sent.
    pub fn action(&self) -> Option<&'static str> {
        self.0.answer.action
    }

    /// The message alone: the service's own if it answered (empty if it gave none), otherwise what was wrong here.
    pub fn message(&self) -> &str {
        let message = &self.0.message;
        let end = message.char_indices().nth(MAX_MESSAGE);
        &message[..end.map_or(message.len(), |(at, _)| at)]
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Setting, message)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
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

    /// Names the action and notes whether its request holds a one-time code.
    pub(crate) fn in_action(mut self, name: &'static str, one_time: bool) -> Self {
        self.0.answer.action = Some(name);
        self.0.one_time = one_time;
        self
    }

    /// Cuts a secret out of the message: STS repeats values it finds invalid, and signed headers when a signature
    /// does not match.
    pub(crate) fn without<'a>(mut self, secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        // What is shorter is no secret, but may be part of any word.
        let secrets = secrets
            .into_iter()
            .filter(|secret| secret.expose().len() >= 4);
        for secret in secrets {
            self.0.message = self.0.message.replace(secret.expose(), "(redacted)");
        }
        self
    }
}

/// What went wrong, in the service's words if it answered, then the request id.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = &self.0.answer;
        if let Some(action) = answer.action {
            write!(f, "{action} failed")?;
            match (&answer.code, answer.status) {
                (Some(code), Some(status)) => write!(f, " with {code} (HTTP {})", status.as_u16())?,
                (_, Some(status)) => write!(f, " (HTTP {})", status.as_u16())?,
                (_, None) => {}
            }
            if !self.message().is_empty() {
                f.write_str(": ")?;
            }
        }
        f.write_str(self.message())?;
        match &answer.request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.message())
            .field("answer", &self.0.answer)
            .field("one_time", &self.0.one_time)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

#[cfg(feature = "client")]
impl Error {
    /// By how many seconds the service's clock is ahead of this machine's (negative: behind), if that is more than
    /// four minutes: then it is why a signature was refused.
    pub fn clock_skew_seconds(&self) -> Option<i64> {
        let skew = self.0.answer.skew.filter(|skew| skew.is_significant())?;
        Some(skew.as_millis() / 1000)
    }

    pub(crate) fn with_skew(mut self, skew: Option<keyfob_backoff::ClockSkew>) -> Self {
        self.0.answer.skew = skew;
        self
    }
}

/// The facts a retry policy judges by.
///
/// A one-time code that has reached the service is used up, so sending it again cannot help and may lock the device:
/// such a failure counts as local, unless it is throttling, which comes before the code is looked at.
#[cfg(feature = "client")]
impl keyfob_backoff::Classify for Error {
    fn failure(&self) -> keyfob_backoff::Failure<'_> {
        use keyfob_backoff::{Failure, Fault, classify};

        let throttled = classify(self.status(), self.code()).is_some_and(Fault::is_throttling);
        let facts = match (self.kind(), self.status()) {
            (ErrorKind::Connect, _) => Failure::connect(),
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
