mod delay;
mod rules;

use core::time::Duration;

use self::delay::Hints;
pub use self::delay::Jitter;
use self::rules::Rules;
use crate::duration::nanos;

/// The rules of retrying: which failures, how often, and after how long. A plain value, `const` and
/// `Copy`.
///
/// The delay before retry *n* is drawn from `0` to `min(cap, base × 2ⁿ⁻¹)`. The cap is applied
/// before the jitter, so no delay exceeds it, and clients that have reached the cap stay spread
/// out.
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::Policy;
///
/// const PATIENT: Policy = Policy::aws().attempts(8).cap(Duration::from_secs(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    attempts: u32,
    // Nanoseconds: half the size of a `Duration`, and nothing to convert when a delay is drawn.
    base: u64,
    throttling_base: u64,
    cap: u64,
    jitter: Jitter,
    hints: Hints,
    rules: Rules,
}

impl Policy {
    /// Creates the policy of the AWS SDKs since 2026: 3 attempts, base 50 ms, base after throttling
    /// 1 s, cap 20 s, full jitter.
    #[must_use]
    pub const fn aws() -> Self {
        Self {
            attempts: 3,
            base: nanos(Duration::from_millis(50)),
            throttling_base: nanos(Duration::from_secs(1)),
            cap: nanos(Duration::from_secs(20)),
            jitter: Jitter::Full,
            hints: Hints::Aws,
            rules: Rules::NONE,
        }
    }

    /// Creates the policy of the AWS SDKs before 2026 (standard mode 2.0).
    ///
    /// It differs from [`aws`](Policy::aws) in two ways: the base is 1 s for every fault, and
    /// `x-amz-retry-after` replaces the drawn delay.
    #[must_use]
    pub const fn aws_v2_0() -> Self {
        Self {
            base: nanos(Duration::from_secs(1)),
            hints: Hints::AwsV2_0,
            ..Self::aws()
        }
    }

    /// Creates the policy for DynamoDB and DynamoDB Streams since 2026: as [`aws`](Policy::aws),
    /// but with 4 attempts and base 25 ms.
    #[must_use]
    pub const fn dynamodb() -> Self {
        Self {
            attempts: 4,
            base: nanos(Duration::from_millis(25)),
            ..Self::aws()
        }
    }

    /// Sets how often a call is sent at most, the first time included. 1 means no retry; 0 counts
    /// as 1.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// Sets the upper bound of the first delay, except after throttling.
    #[must_use]
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = nanos(base);
        self
    }

    /// Sets the upper bound of the first delay after throttling.
    #[must_use]
    pub const fn throttling_base(mut self, base: Duration) -> Self {
        self.throttling_base = nanos(base);
        self
    }

    /// Sets the upper bound of every delay, and of a wait that `Retry-After` asks for.
    ///
    /// `x-amz-retry-after` may exceed it by up to 5 s.
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = nanos(cap);
        self
    }

    /// Sets how a delay is drawn below its bound.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Jitter, Policy};
    ///
    /// let mut delays = Policy::aws().jitter(Jitter::Equal).delays(|| 0.0);
    /// assert_eq!(delays.next(), Some(Duration::from_millis(25)));
    /// ```
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Retries if the service never got the request, as
    /// [`Failure::connect`](crate::Failure::connect) reports: no connection was made, or an HTTP/2
    /// server refused the stream.
    ///
    /// This is safe for any call.
    #[must_use]
    pub const fn retry_connect_failures(mut self) -> Self {
        self.rules.connect = true;
        self
    }

    /// Retries if a request was sent and no answer came, as
    /// [`Failure::no_response`](crate::Failure::no_response) and
    /// [`Failure::timeout`](crate::Failure::timeout) report.
    ///
    /// The service may have acted on the request, so use this only for calls that may be made
    /// twice.
    #[must_use]
    pub const fn retry_unanswered(mut self) -> Self {
        self.rules.unanswered = true;
        self
    }

    /// Retries `IDPCommunicationError`, the 400 by which STS says that it could not reach the
    /// identity provider.
    #[must_use]
    pub const fn retry_idp_communication_error(mut self) -> Self {
        self.rules.idp_communication_error = true;
        self
    }

    /// Retries these error codes at any status, with the delays of a server fault; for those of
    /// throttling, see [`throttling_codes`](Policy::throttling_codes).
    ///
    /// A second call replaces the codes of the first. Codes are compared as
    /// [`classify`](crate::classify()) compares them.
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Policy};
    ///
    /// let policy = Policy::aws().retry_codes(&["RequestTimeout"]);
    /// let timeout = Failure::response(400).with_code("RequestTimeout");
    /// assert!(policy.classify(&timeout).is_some());
    /// assert!(Policy::aws().classify(&timeout).is_none());
    /// ```
    #[must_use]
    pub const fn retry_codes(mut self, codes: &'static [&'static str]) -> Self {
        self.rules.codes = codes;
        self
    }

    /// Counts these error codes as throttling at any status, beside
    /// [`THROTTLING_CODES`](crate::THROTTLING_CODES): with the longer delays, and also for calls
    /// that must not happen twice.
    ///
    /// A second call replaces the codes of the first. Codes are compared as
    /// [`classify`](crate::classify()) compares them.
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Fault, Policy};
    ///
    /// let policy = Policy::aws().throttling_codes(&["KMSThrottlingException"]);
    /// let busy = Failure::response(400).with_code("KMSThrottlingException");
    /// assert!(policy.classify(&busy).is_some_and(Fault::is_throttling));
    /// ```
    #[must_use]
    pub const fn throttling_codes(mut self, codes: &'static [&'static str]) -> Self {
        self.rules.throttling_codes = codes;
        self
    }

    /// Retries once if the service refused the date of the signature and the clocks differ by more
    /// than 4 minutes.
    ///
    /// This only helps if the next attempt is signed at
    /// [`ClockSkew::correct`](crate::ClockSkew::correct), and it needs the measured difference in
    /// [`Failure::with_skew`](crate::Failure::with_skew). The middleware for `reqwest` measures
    /// none.
    ///
    /// ```
    /// use keyfob_backoff::{ClockSkew, Failure, Policy};
    ///
    /// let refused = Failure::response(403).with_code("SignatureDoesNotMatch");
    /// let skewed = refused.with_skew(ClockSkew::from_millis(600_000));
    /// let policy = Policy::aws().retry_clock_skew();
    /// assert!(policy.classify(&skewed).is_some());
    /// assert!(policy.classify(&refused).is_none());
    /// ```
    #[must_use]
    pub const fn retry_clock_skew(mut self) -> Self {
        self.rules.clock_skew = true;
        self
    }

    /// Retries exactly what the standard mode of the AWS SDKs does, for programs that must behave
    /// like one.
    ///
    /// Of the 5xx, only 500, 502, 503 and 504 are retried; of the 429, only those with a throttling
    /// code. In addition, every call without an answer is retried, and the codes `RequestTimeout`
    /// and `RequestTimeoutException`. For STS, add
    /// [`retry_idp_communication_error`](Policy::retry_idp_communication_error).
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Policy};
    ///
    /// let sdk = Policy::aws().sdk_rules();
    /// assert!(sdk.classify(&Failure::timeout()).is_some());
    /// assert!(sdk.classify(&Failure::response(501)).is_none());
    /// ```
    #[must_use]
    pub const fn sdk_rules(mut self) -> Self {
        self.rules.sdk = true;
        self
    }

    /// Marks a call that must not happen twice: it is retried only if the service throttled it or
    /// never got it.
    ///
    /// For example, an IAM `CreateAccessKey` that was answered with a 500 may have created a key.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Decision, Failure, Policy, Stop};
    ///
    /// let mut call = Policy::aws().non_idempotent().start();
    /// let decision = call.on_failure(&Failure::response(500), Duration::ZERO, None, &mut || 0.5);
    /// assert_eq!(decision, Decision::Stop(Stop::NotIdempotent));
    /// ```
    #[must_use]
    pub const fn non_idempotent(mut self) -> Self {
        self.rules.non_idempotent = true;
        self
    }

    /// Marks a call that waits at the service, such as SQS `ReceiveMessage`.
    ///
    /// If the budget refuses a retry, the delay is still waited before the error is returned, so
    /// that a polling loop cannot spin.
    #[must_use]
    pub const fn long_polling(mut self) -> Self {
        self.rules.long_polling = true;
        self
    }

    pub(crate) const fn max_attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) const fn is_long_polling(&self) -> bool {
        self.rules.long_polling
    }
}

impl Default for Policy {
    /// Returns [`Policy::aws`].
    fn default() -> Self {
        Self::aws()
    }
}
