use std::{fmt, time::Duration};

use keyfob_backoff::{Classify, ClockSkew, Hint, classify};

use crate::{
    failure::{Failure, Refused, chained},
    s3::Checksum,
};

/// Why an operation of S3 failed. `Display` is the text of `aws`.
#[derive(Debug)]
pub(crate) struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    operation: &'static str,
    cause: Cause,
    /// How far the service's clock is ahead of the time that the request says.
    skew: Option<ClockSkew>,
    retries: u32,
}

#[derive(Debug)]
pub(super) enum Cause {
    /// S3 answered with an error.
    Refused(Refusal),
    /// No connection could be made, or a setting forbids it.
    Connect(keyfob_sts::Error),
    /// Nothing happened for that time.
    Timeout(Duration),
    /// The connection broke before the answer was complete.
    Broken(String),
    /// The answer of success cannot be read, for that reason.
    Unreadable(String),
    /// The object has another checksum than what was sent.
    Damaged { sent: Checksum, made: String },
    /// The request cannot be made: the arguments are wrong.
    Usage(String),
    /// The request cannot be made with these settings.
    Setting(Failure),
}

/// The error in an answer of S3.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The code, or the status if the answer has no body.
    pub(super) code: String,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
    /// The region of the bucket, if the answer names it.
    pub(super) region: Option<String>,
    pub(super) hint: Option<Hint>,
}

impl Refusal {
    pub(super) fn refused(&self) -> Refused<'_> {
        Refused {
            code: &self.code,
            message: &self.message,
        }
    }
}

impl Error {
    pub(super) fn new(operation: &'static str, cause: Cause) -> Self {
        Self(Box::new(Inner {
            operation,
            cause,
            skew: None,
            retries: 0,
        }))
    }

    pub(super) fn unreadable(operation: &'static str, reason: impl Into<String>) -> Self {
        Self::new(operation, Cause::Unreadable(reason.into()))
    }

    /// Returns true if the answer is not one to the operation.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self.0.cause, Cause::Unreadable(_))
    }

    /// Creates the error of one part of an answer of success.
    pub(super) fn in_part(operation: &'static str, code: String, message: String) -> Self {
        let refusal = Refusal {
            status: 200,
            code,
            message,
            ..Refusal::default()
        };
        Self::new(operation, Cause::Refused(refusal))
    }

    pub(super) fn with_skew(mut self, skew: Option<ClockSkew>) -> Self {
        self.0.skew = skew;
        self
    }

    /// Sets how often the request was sent again, if it failed for a reason to do so.
    pub(super) fn with_retries(mut self, retries: u32) -> Self {
        self.0.retries = retries;
        self
    }

    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match &self.0.cause {
            Cause::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Returns the error code of S3, if it answered.
    pub(crate) fn code(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.code.as_str())
    }

    /// Returns the status of the answer, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// Returns true if the same may succeed at another time.
    pub(super) fn may_pass(&self) -> bool {
        let is_internal = || matches!(self.code(), Some("InternalError" | "ServiceUnavailable"));
        classify(self.status(), self.code()).is_some() || is_internal()
    }

    /// Returns the retries that the text names: those of a reason that another attempt could have
    /// cured.
    fn shown_retries(&self) -> u32 {
        match classify(self.status(), self.code()) {
            Some(_) => self.0.retries,
            None => 0,
        }
    }
}

impl Classify for Error {
    fn failure(&self) -> keyfob_backoff::Failure<'_> {
        use keyfob_backoff::Failure;

        let failure = match &self.0.cause {
            Cause::Refused(refusal) => Failure::response(refusal.status)
                .with_code(refusal.code.as_str())
                .with_hint(refusal.hint),
            Cause::Connect(error) if error.kind() == keyfob_sts::ErrorKind::Connect => {
                Failure::connect()
            }
            Cause::Timeout(_) => Failure::timeout(),
            Cause::Broken(_) => Failure::no_response(),
            Cause::Connect(_)
            | Cause::Unreadable(_)
            | Cause::Damaged { .. }
            | Cause::Usage(_)
            | Cause::Setting(_) => Failure::local(),
        };
        failure.with_skew(self.0.skew)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.0.operation;
        match &self.0.cause {
            Cause::Refused(refusal) => {
                let Refusal { code, message, .. } = refusal;
                write!(
                    f,
                    "An error occurred ({code}) when calling the {operation} operation"
                )?;
                match self.shown_retries() {
                    0 => {}
                    retries => write!(f, " (reached max retries: {retries})")?,
                }
                write!(f, ": {message}")
            }
            Cause::Connect(error) => f.write_str(&chained(error)),
            Cause::Timeout(time) => write!(f, "{operation}: no answer within {time:?}"),
            Cause::Broken(reason) => write!(f, "{operation}: the connection broke: {reason}"),
            Cause::Unreadable(reason) => {
                write!(f, "{operation}: the answer cannot be read: {reason}")
            }
            Cause::Damaged { sent, made } => write!(
                f,
                "{operation}: the object is damaged, upload it again: Expected checksum {} did not \
                 match calculated checksum: {made}",
                sent.text()
            ),
            Cause::Usage(message) => f.write_str(message),
            Cause::Setting(failure) => f.write_str(failure.message()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let retries = error.shown_retries();
        let text = error.to_string();
        let Inner {
            operation, cause, ..
        } = *error.0;
        match cause {
            Cause::Refused(refusal) => {
                let failure = Self::service(&refusal.code, operation, refusal.message);
                let failure = failure.with_retries(retries);
                match refusal.request_id {
                    Some(id) => failure.with_request_id(&id),
                    None => failure,
                }
            }
            Cause::Connect(error) => Self::from(error),
            Cause::Timeout(_) => Self::other(text).with_code("ReadTimeout"),
            Cause::Broken(_) => Self::other(text).with_code("ConnectionClosed"),
            Cause::Unreadable(_) | Cause::Damaged { .. } => {
                Self::other(text).with_code("ResponseParser")
            }
            Cause::Usage(message) => Self::usage(message),
            Cause::Setting(failure) => failure,
        }
    }
}
