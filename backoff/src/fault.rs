use core::fmt;

use crate::hint::Hint;
use crate::skew::ClockSkew;

/// A failure that may be retried: throttling, a 5xx, or a failure that the caller opted in to.
///
/// Only [`classify`] and [`Policy::classify`](crate::Policy::classify) make one, so code that needs
/// a `Fault` to retry cannot retry an arbitrary 4xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault(FaultKind);

/// The kind of a [`Fault`], which selects the base delay and the cost in the
/// [`Budget`](crate::Budget).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The service asked for fewer calls: one of the 14 throttling codes at any status, or HTTP
    /// 429.
    Throttling,
    /// The service failed: any other 5xx.
    Server,
    /// The service never got the request: no connection was made, or HTTP/2 refused it. Opt-in.
    Connect,
    /// The request was sent and the connection broke before an answer. Opt-in.
    NoResponse,
    /// The request was sent and no answer came in time. Opt-in.
    Timeout,
    /// The service refused the date of the signature, and the clocks differ. Opt-in.
    ClockSkew,
    /// The service answered with an error code that the caller opted in to by name.
    Code,
}

impl Fault {
    pub(crate) const fn new(kind: FaultKind) -> Self {
        Self(kind)
    }

    /// Returns the kind of fault.
    #[must_use]
    pub const fn kind(self) -> FaultKind {
        self.0
    }

    /// Returns true if the service asked for fewer calls, which means a longer first delay.
    #[must_use]
    pub const fn is_throttling(self) -> bool {
        matches!(self.0, FaultKind::Throttling)
    }
}

/// Decides by HTTP status and error code whether an answer is a fault: the rule this crate exists
/// for.
///
/// | answer | result |
/// |---|---|
/// | one of [`THROTTLING_CODES`], at any status | throttling |
/// | 429 | throttling |
/// | any other 5xx | server fault |
/// | everything else, every other 4xx included | `None`: do not retry |
///
/// Codes are compared exactly, letter case included, but for the first letter of a code that ends
/// in `Exception`: event streams write it small, as in `throttlingException`.
///
/// ```
/// use keyfob_backoff::{FaultKind, classify};
///
/// let kind = |status, code| classify(Some(status), code).map(|fault| fault.kind());
/// assert_eq!(kind(400, Some("Throttling")), Some(FaultKind::Throttling));
/// assert_eq!(kind(503, None), Some(FaultKind::Server));
/// assert_eq!(kind(403, Some("AccessDenied")), None);
/// ```
#[must_use]
#[inline]
pub fn classify(status: Option<u16>, code: Option<&str>) -> Option<Fault> {
    match (status, code) {
        // The code comes first because much throttling is a 4xx: STS and IAM use 400 for it, SQS
        // 403.
        (_, Some(code)) if is_throttling_code(code) => Some(Fault(FaultKind::Throttling)),
        (Some(429), _) => Some(Fault(FaultKind::Throttling)),
        (Some(500..=599), _) => Some(Fault(FaultKind::Server)),
        _ => None,
    }
}

macro_rules! throttling_codes {
    ($($code:literal),+ $(,)?) => {
        /// The error codes that mean throttling at any status, the same set in every AWS SDK.
        ///
        /// `LimitExceededException` is one of them, although some services also use it for a fixed
        /// quota. IAM's `LimitExceeded` is not.
        /// [`Policy::throttling_codes`](crate::Policy::throttling_codes) adds others.
        pub const THROTTLING_CODES: [&str; 14] = [$($code),+];

        /// Returns true for one of [`THROTTLING_CODES`]; without a loop over them for most codes.
        pub(crate) fn is_throttling_code(code: &str) -> bool {
            let is_member = code.starts_with(|first: char| first.is_ascii_lowercase());
            matches!(code, $($code)|+) || (is_member && contains_code(&THROTTLING_CODES, code))
        }
    };
}

throttling_codes![
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Returns true if `code` is one of `codes`, or the name that an event stream has for one.
///
/// The header `:exception-type` of an event stream has the name of a member of the stream's union,
/// which begins with a small letter: `throttlingException` for `ThrottlingException`. Only the
/// names of exceptions are members, so no other code has two forms.
///
/// Source: Smithy 2.0, "Amazon Event Stream Specification", exception messages.
pub(crate) fn contains_code(codes: &[&str], code: &str) -> bool {
    let is_member_of = |known: &str| {
        let (Some((first, rest)), Some((known_first, known_rest))) =
            (split_first(code), split_first(known))
        else {
            return false;
        };
        rest == known_rest
            && rest.ends_with("Exception")
            && first.eq_ignore_ascii_case(&known_first)
    };
    codes
        .iter()
        .any(|known| *known == code || is_member_of(known))
}

fn split_first(code: &str) -> Option<(char, &str)> {
    let mut chars = code.chars();
    Some((chars.next()?, chars.as_str()))
}

/// An error that reports the facts that a [`Policy`](crate::Policy) decides by.
///
/// [`retry`](crate::retry) accepts any error type that implements it. The error only reports facts;
/// the policy decides whether they are worth a retry.
///
/// ```
/// use keyfob_backoff::{Classify, Failure};
///
/// struct ServiceError {
///     status: u16,
///     code: String,
/// }
///
/// impl Classify for ServiceError {
///     fn failure(&self) -> Failure<'_> {
///         Failure::response(self.status).with_code(self.code.as_str())
///     }
/// }
/// ```
pub trait Classify {
    /// Returns the facts of this failure.
    fn failure(&self) -> Failure<'_>;
}

impl<E: Classify + ?Sized> Classify for &E {
    fn failure(&self) -> Failure<'_> {
        (**self).failure()
    }
}

/// The facts of one failed attempt: how far it got, and what the service answered.
///
/// `Debug` shows the code only if it is one that this crate knows, because a service may repeat
/// anything in it, a secret of the request included.
///
/// ```
/// use keyfob_backoff::{Failure, Hint};
///
/// let failure = Failure::response(503)
///     .with_code("SlowDown")
///     .with_hint(Hint::from_x_amz_retry_after("1500"));
/// assert_eq!((failure.status(), failure.code()), (Some(503), Some("SlowDown")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    pub(crate) point: FailurePoint,
    pub(crate) code: Option<&'a str>,
    pub(crate) hint: Option<Hint>,
    pub(crate) skew: Option<ClockSkew>,
}

/// How far the attempt got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailurePoint {
    Response(u16),
    Connect,
    NoResponse,
    Timeout,
    Local,
}

impl<'a> Failure<'a> {
    /// Creates the failure of an attempt that was answered with this HTTP status.
    #[must_use]
    pub const fn response(status: u16) -> Self {
        Self::from_point(FailurePoint::Response(status))
    }

    /// Creates the failure of an attempt of which the service got nothing: it could not connect
    /// (name lookup, connect, TLS handshake), or an HTTP/2 server refused the stream.
    #[must_use]
    pub const fn connect() -> Self {
        Self::from_point(FailurePoint::Connect)
    }

    /// Creates the failure of an attempt whose connection broke after sending began. The service
    /// may have acted.
    #[must_use]
    pub const fn no_response() -> Self {
        Self::from_point(FailurePoint::NoResponse)
    }

    /// Creates the failure of an attempt that was not answered in time. The service may have acted.
    #[must_use]
    pub const fn timeout() -> Self {
        Self::from_point(FailurePoint::Timeout)
    }

    /// Creates the failure of an attempt that failed on this side (bad input, an answer that cannot
    /// be read). Retrying does not help.
    #[must_use]
    pub const fn local() -> Self {
        Self::from_point(FailurePoint::Local)
    }

    /// Returns true if the request was sent, or a connection was tried, and no answer came.
    pub(crate) const fn is_lost(&self) -> bool {
        !self.is_answer() && !matches!(self.point, FailurePoint::Local)
    }

    /// Returns true if the service answered.
    pub(crate) const fn is_answer(&self) -> bool {
        matches!(self.point, FailurePoint::Response(_))
    }

    /// Adds the error code of the answer, as in `<Code>Throttling</Code>`: a `&str` or an `Option`
    /// of one.
    ///
    /// For an exception in an event stream it is the header `:exception-type`, with the status of
    /// the response that has the stream:
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Fault, Policy};
    ///
    /// let failure = Failure::response(200).with_code("throttlingException");
    /// assert!(Policy::aws().classify(&failure).is_some_and(Fault::is_throttling));
    /// ```
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Option<&'a str>>) -> Self {
        self.code = code.into();
        self
    }

    /// Adds the wait that the service asked for: a [`Hint`] or an `Option` of one.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Option<Hint>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Adds how far the clocks differ: a [`ClockSkew`] or an `Option` of one. Only
    /// [`Policy::retry_clock_skew`](crate::Policy::retry_clock_skew) uses it.
    #[must_use]
    pub fn with_skew(mut self, skew: impl Into<Option<ClockSkew>>) -> Self {
        self.skew = skew.into();
        self
    }

    /// Returns the HTTP status, if there was an answer.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.point {
            FailurePoint::Response(status) => Some(status),
            _ => None,
        }
    }

    /// Returns the error code, if the service gave one.
    #[must_use]
    pub const fn code(&self) -> Option<&'a str> {
        self.code
    }

    /// Returns the wait that the service asked for, if it did.
    #[must_use]
    pub const fn hint(&self) -> Option<Hint> {
        self.hint
    }

    /// Returns the code if this crate knows it, for logs and `Debug`.
    ///
    /// A code is text from the service, which may be faulty or hostile and repeat a secret of the
    /// request.
    pub(crate) fn known_code(&self) -> Option<&'static str> {
        let code = self.code?;
        THROTTLING_CODES
            .iter()
            .chain(&OTHER_KNOWN_CODES)
            .find(|known| contains_code(&[known], code))
            .copied()
    }

    const fn from_point(point: FailurePoint) -> Self {
        Self {
            point,
            code: None,
            hint: None,
            skew: None,
        }
    }
}

impl fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map(|_| self.known_code().unwrap_or("(other)"));
        f.debug_struct("Failure")
            .field("point", &self.point)
            .field("code", &code)
            .field("hint", &self.hint)
            .field("skew", &self.skew)
            .finish()
    }
}

/// Codes that may be shown, besides those of throttling.
const OTHER_KNOWN_CODES: [&str; 22] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IDPCommunicationError",
    "InternalError",
    "InternalFailure",
    "InternalFailureException",
    "InternalServerError",
    "InternalServerException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SignatureDoesNotMatch",
    "ValidationError",
    "ValidationException",
];

impl Classify for Failure<'_> {
    fn failure(&self) -> Failure<'_> {
        *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, code: Option<&str>) -> Option<FaultKind> {
        classify(Some(status), code).map(Fault::kind)
    }

    #[test]
    fn no_4xx_is_a_fault_except_429() {
        for status in (400..500).filter(|status| *status != 429) {
            assert_eq!(kind(status, None), None, "{status}");
            assert_eq!(kind(status, Some("AccessDenied")), None, "{status}");
        }
        assert_eq!(kind(429, None), Some(FaultKind::Throttling));
        assert_eq!(kind(429, Some("Anything")), Some(FaultKind::Throttling));
    }

    #[test]
    fn every_5xx_is_a_fault() {
        for status in 500..600 {
            assert_eq!(kind(status, None), Some(FaultKind::Server), "{status}");
        }
        assert_eq!(
            kind(503, Some("ServiceUnavailable")),
            Some(FaultKind::Server)
        );
    }

    #[test]
    fn a_throttling_code_wins_over_any_status() {
        for code in THROTTLING_CODES {
            for status in [200, 400, 403, 429, 503, 509] {
                assert_eq!(
                    kind(status, Some(code)),
                    Some(FaultKind::Throttling),
                    "{status} {code}"
                );
            }
            assert!(classify(None, Some(code)).is_some_and(Fault::is_throttling));
        }
    }

    #[test]
    fn the_exceptions_of_event_streams_are_throttling_too() {
        for code in [
            "throttlingException",
            "throttledException",
            "tooManyRequestsException",
            "limitExceededException",
            "provisionedThroughputExceededException",
            "eC2ThrottledException",
        ] {
            assert_eq!(kind(200, Some(code)), Some(FaultKind::Throttling), "{code}");
        }
        for code in [
            "slowDown",
            "throttlingexception",
            "tHrottlingException",
            "THROTTLINGEXCEPTION",
            "hrottlingException",
            "ßhrottlingException",
            "exception",
            "xception",
        ] {
            assert_eq!(kind(400, Some(code)), None, "{code}");
        }
    }

    #[test]
    fn codes_that_only_look_like_throttling_are_not() {
        for code in [
            "throttling",
            "LimitExceeded",
            "Throttling ",
            "ServiceQuotaExceededException",
            "QuotaExceeded",
            "",
        ] {
            assert_eq!(kind(400, Some(code)), None, "{code:?}");
        }
    }

    #[test]
    fn success_redirection_and_silence_are_not_faults() {
        for status in [0, 100, 200, 204, 301, 304, 399, 600, u16::MAX] {
            assert_eq!(kind(status, None), None, "{status}");
        }
        assert_eq!(classify(None, None), None);
    }
}
