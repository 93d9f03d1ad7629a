use core::time::Duration;

use crate::{
    Call, Delays, Failure, Fault, FaultKind, Hint, Random, classify,
    fault::{Outcome, is_throttling_code},
    hint::HintSource,
};

/// What is retried, how often, and after how long: a plain value, `const` and `Copy`.
///
/// The delay before retry *n* is drawn from `0` to `min(cap, base × 2ⁿ⁻¹)`: the cap is applied before the
/// jitter, so no delay exceeds it and clients at the cap stay spread out.
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

/// How a delay is drawn once its upper bound is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// Anywhere from zero to the bound: the least contention. The default.
    Full,
    /// Anywhere from half the bound to the bound: never a wait near zero.
    Equal,
    /// Anywhere from the base to three times the previous delay, within the cap.
    Decorrelated,
    /// The bound itself: clients that failed together return together. For comparison and for a lone client.
    None,
}

/// How `x-amz-retry-after` changes a drawn delay `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hints {
    /// Since 2026: between `t` and `t` + 5 s.
    Aws,
    /// Before: instead of `t`, within the cap.
    AwsV2_0,
}

/// What is retried besides (or instead of) what [`classify`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rules {
    sdk: bool,
    connect: bool,
    unanswered: bool,
    clock_skew: bool,
    non_idempotent: bool,
    long_polling: bool,
    idp_communication_error: bool,
    codes: &'static [&'static str],
}

const HINT_HEADROOM: u64 = nanos(Duration::from_secs(5));

impl Policy {
    /// The rule of the AWS SDKs since 2026: 3 attempts, base 50 ms, after throttling 1 s, cap 20 s, full jitter.
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

    /// The rule of the AWS SDKs before 2026 (standard mode 2.0): as [`aws`](Policy::aws), but base 1 s for
    /// every fault, and `x-amz-retry-after` replaces the drawn delay.
    #[must_use]
    pub const fn aws_v2_0() -> Self {
        Self {
            base: nanos(Duration::from_secs(1)),
            hints: Hints::AwsV2_0,
            ..Self::aws()
        }
    }

    /// The rule for DynamoDB and DynamoDB Streams since 2026: as [`aws`](Policy::aws), but 4 attempts and base 25 ms.
    #[must_use]
    pub const fn dynamodb() -> Self {
        Self {
            attempts: 4,
            base: nanos(Duration::from_millis(25)),
            ..Self::aws()
        }
    }

    /// How often the call is sent at most, the first time included. 1 means no retry; 0 counts as 1.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// The upper bound of the first delay, except after throttling.
    #[must_use]
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = nanos(base);
        self
    }

    /// The upper bound of the first delay after throttling.
    #[must_use]
    pub const fn throttling_base(mut self, base: Duration) -> Self {
        self.throttling_base = nanos(base);
        self
    }

    /// The upper bound of every delay, and of a wait asked for by `Retry-After`. `x-amz-retry-after` may
    /// exceed it by up to 5 s.
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = nanos(cap);
        self
    }

    /// How a delay is drawn below its bound.
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Opt-in: retries when no connection was made, as [`Failure::connect`] reports. Nothing was sent, so
    /// this is safe for any call.
    #[must_use]
    pub const fn retry_connect_failures(mut self) -> Self {
        self.rules.connect = true;
        self
    }

    /// Opt-in: retries when a request was sent and no answer came ([`Failure::no_response`],
    /// [`Failure::timeout`]). The service may have acted on it, so this is only for calls that may be made
    /// twice.
    #[must_use]
    pub const fn retry_unanswered(mut self) -> Self {
        self.rules.unanswered = true;
        self
    }

    /// Opt-in: retries STS's `IDPCommunicationError`, a 400 that says the identity provider could not be reached.
    #[must_use]
    pub const fn retry_idp_communication_error(mut self) -> Self {
        self.rules.idp_communication_error = true;
        self
    }

    /// Opt-in: retries these error codes at any status, with the delays of a server fault. Called again, it
    /// replaces them.
    #[must_use]
    pub const fn retry_codes(mut self, codes: &'static [&'static str]) -> Self {
        self.rules.codes = codes;
        self
    }

    /// Opt-in: sends a call once more whose signature was refused while the clocks differ by more than 4 minutes.
    ///
    /// Only useful if the next attempt is signed at [`ClockSkew::correct`](crate::ClockSkew::correct), and
    /// only acts on a [`Failure::with_skew`].
    #[must_use]
    pub const fn retry_clock_skew(mut self) -> Self {
        self.rules.clock_skew = true;
        self
    }

    /// Retries exactly what the standard mode of the AWS SDKs does, for those who need to behave like one.
    ///
    /// Of the 5xx only 500, 502, 503 and 504; of the 429 only those with a throttling code; and besides,
    /// every call without an answer and the codes `RequestTimeout` and `RequestTimeoutException`. For STS add
    /// [`retry_idp_communication_error`](Policy::retry_idp_communication_error).
    #[must_use]
    pub const fn sdk_rules(mut self) -> Self {
        self.rules.sdk = true;
        self
    }

    /// Marks a call that must not happen twice: it is retried only if the service throttled it or never got it.
    ///
    /// An IAM `CreateAccessKey` whose answer was a 500 may have made a key all the same.
    #[must_use]
    pub const fn non_idempotent(mut self) -> Self {
        self.rules.non_idempotent = true;
        self
    }

    /// Marks a call that waits at the service, such as SQS `ReceiveMessage`: when the budget refuses a retry,
    /// the delay is still waited before the error is returned, so that a polling loop cannot spin.
    #[must_use]
    pub const fn long_polling(mut self) -> Self {
        self.rules.long_polling = true;
        self
    }

    /// The state of one call under this policy.
    #[must_use]
    pub const fn start(self) -> Call {
        Call::new(self)
    }

    /// The delays of a call that fails every time.
    pub const fn delays<R: Random>(self, random: R) -> Delays<R> {
        Delays::new(self, random)
    }

    /// Judges a failure: [`classify`], and what was opted in to.
    #[must_use]
    #[inline]
    pub fn classify(&self, failure: &Failure<'_>) -> Option<Fault> {
        let strict = if self.rules.sdk {
            sdk_fault(failure)
        } else {
            classify(failure.status(), failure.code)
        };
        strict.or_else(|| self.rules.opted_in(failure).map(Fault::new))
    }

    /// The upper bound of the delay after attempt number `attempt` failed, hints aside. Attempts count from 1.
    #[must_use]
    pub fn bound(&self, fault: Fault, attempt: u32) -> Duration {
        Duration::from_nanos(self.bound_nanos(fault, attempt))
    }

    pub(crate) const fn max_attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) const fn is_long_polling(&self) -> bool {
        self.rules.long_polling
    }

    /// Whether a call that must not happen twice may be sent again after this fault.
    pub(crate) const fn allows_resend(&self, fault: Fault) -> bool {
        let never_acted_on = matches!(
            fault.kind(),
            FaultKind::Throttling | FaultKind::Connect | FaultKind::ClockSkew
        );
        never_acted_on || !self.rules.non_idempotent
    }

    /// Cap first, then jitter: `fraction × min(cap, base × 2ⁿ⁻¹)`, in nanoseconds.
    pub(crate) fn draw(
        &self,
        fault: Fault,
        attempt: u32,
        previous: u64,
        random: &mut impl Random,
    ) -> u64 {
        let bound = self.bound_nanos(fault, attempt);
        match self.jitter {
            Jitter::Full => between(0, bound, random),
            Jitter::Equal => between(bound / 2, bound, random),
            Jitter::Decorrelated => self.decorrelated(fault, previous, random),
            Jitter::None => bound,
        }
    }

    /// What the service asked for, within bounds: never less than the drawn delay, so that hinted clients
    /// stay spread out.
    pub(crate) fn hinted(&self, drawn: u64, hint: Hint) -> u64 {
        let asked = nanos(hint.wait);
        match (hint.source, self.hints) {
            (HintSource::Aws, Hints::Aws) => {
                asked.clamp(drawn, drawn.saturating_add(HINT_HEADROOM))
            }
            (HintSource::Aws, Hints::AwsV2_0) => asked.min(self.cap),
            (HintSource::Http, _) => asked.min(self.cap).max(drawn),
        }
    }

    #[inline]
    fn bound_nanos(&self, fault: Fault, attempt: u32) -> u64 {
        let doublings = attempt.saturating_sub(1);
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        self.base_for(fault).saturating_mul(factor).min(self.cap)
    }

    fn decorrelated(&self, fault: Fault, previous: u64, random: &mut impl Random) -> u64 {
        let base = self.base_for(fault).min(self.cap);
        let top = previous.max(base).saturating_mul(3).min(self.cap);
        between(base, top, random)
    }

    const fn base_for(&self, fault: Fault) -> u64 {
        if fault.is_throttling() {
            self.throttling_base
        } else {
            self.base
        }
    }
}

impl Default for Policy {
    /// [`Policy::aws`].
    fn default() -> Self {
        Self::aws()
    }
}

impl Rules {
    const NONE: Self = Self {
        sdk: false,
        connect: false,
        unanswered: false,
        clock_skew: false,
        non_idempotent: false,
        long_polling: false,
        idp_communication_error: false,
        codes: &[],
    };

    fn opted_in(&self, failure: &Failure<'_>) -> Option<FaultKind> {
        match failure.outcome {
            Outcome::Connect => self.connect.then_some(FaultKind::Connect),
            Outcome::NoResponse => self.unanswered.then_some(FaultKind::NoResponse),
            Outcome::Timeout => self.unanswered.then_some(FaultKind::Timeout),
            Outcome::Local => None,
            Outcome::Response(_) => self.opted_in_code(failure),
        }
    }

    fn opted_in_code(&self, failure: &Failure<'_>) -> Option<FaultKind> {
        let code = failure.code?;
        if self.codes.contains(&code)
            || (self.idp_communication_error && code == "IDPCommunicationError")
        {
            return Some(FaultKind::Code);
        }
        let refused_for_its_date = CLOCK_SKEW_CODES.contains(&code)
            && failure.skew.is_some_and(crate::ClockSkew::is_significant);
        (self.clock_skew && refused_for_its_date).then_some(FaultKind::ClockSkew)
    }
}

/// The codes that a wrong date can cause; only the measured skew tells whether it did.
const CLOCK_SKEW_CODES: [&str; 5] = [
    "AccessDeniedException",
    "AuthFailure",
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// The AWS SDKs' standard retry mode, by status, code and kind of failure.
fn sdk_fault(failure: &Failure<'_>) -> Option<Fault> {
    let kind = match (failure.outcome, failure.code) {
        (_, Some(code)) if is_throttling_code(code) => FaultKind::Throttling,
        (_, Some("RequestTimeout" | "RequestTimeoutException")) => FaultKind::Code,
        (Outcome::Response(500 | 502 | 503 | 504), _) => FaultKind::Server,
        (Outcome::Connect, _) => FaultKind::Connect,
        (Outcome::NoResponse, _) => FaultKind::NoResponse,
        (Outcome::Timeout, _) => FaultKind::Timeout,
        _ => return None,
    };
    Some(Fault::new(kind))
}

/// A whole number from `low` to `high`, both reachable, whatever the generator returns.
fn between(low: u64, high: u64, random: &mut impl Random) -> u64 {
    let width = high.saturating_sub(low);
    // `as` saturates and turns NaN into 0; what is above the width is cut off.
    let step = (random.fraction() * width as f64) as u64;
    low + step.min(width)
}

/// Nanoseconds, at most 584 years of them.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        nanos as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClockSkew, SplitMix64};

    const SECOND: u64 = 1_000_000_000;
    const MILLI: u64 = 1_000_000;

    fn server() -> Fault {
        classify(Some(500), None).unwrap()
    }

    fn throttling() -> Fault {
        classify(Some(429), None).unwrap()
    }

    fn kind(policy: Policy, failure: Failure<'_>) -> Option<FaultKind> {
        policy.classify(&failure).map(Fault::kind)
    }

    #[test]
    fn bounds_double_from_the_base_to_the_cap() {
        let bounds = |policy: Policy, fault| {
            (1..=11)
                .map(|n| policy.bound(fault, n).as_millis())
                .collect::<Vec<_>>()
        };
        let by_second = [
            1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000, 20_000, 20_000, 20_000,
        ];
        assert_eq!(bounds(Policy::aws(), throttling()), by_second);
        assert_eq!(bounds(Policy::aws_v2_0(), server()), by_second);
        assert_eq!(
            bounds(Policy::aws(), server()),
            [
                50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 20_000, 20_000
            ]
        );
        assert_eq!(
            bounds(Policy::dynamodb(), server()),
            [
                25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 20_000
            ]
        );
    }

    #[test]
    fn no_delay_exceeds_the_cap_whatever_the_attempt_and_the_generator() {
        for jitter in [
            Jitter::Full,
            Jitter::Equal,
            Jitter::Decorrelated,
            Jitter::None,
        ] {
            let policy = Policy::aws().jitter(jitter);
            for fraction in [0.0, 0.5, 1.0, 2.0, -1.0, f64::NAN, f64::INFINITY] {
                for attempt in [0, 1, 31, 32, 33, 63, 64, 65, 1_000_000, u32::MAX] {
                    let delay = policy.draw(throttling(), attempt, 20 * SECOND, &mut || fraction);
                    assert!(
                        delay <= 20 * SECOND,
                        "{jitter:?} {fraction} {attempt}: {delay:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn extreme_durations_saturate() {
        let policy = Policy::aws().base(Duration::MAX).cap(Duration::MAX);
        assert_eq!(
            policy.draw(server(), u32::MAX, u64::MAX, &mut || 1.0),
            u64::MAX
        );
        let hint = Hint::from_x_amz_retry_after("99999999999999999999").unwrap();
        assert_eq!(policy.hinted(u64::MAX, hint), u64::MAX);
    }

    #[test]
    fn full_jitter_averages_half_the_bound() {
        let mut random = SplitMix64::new(1);
        let total: u64 = (0..10_000)
            .map(|_| Policy::aws().draw(throttling(), 5, SECOND, &mut random))
            .sum();
        let mean = total as f64 / 10_000.0 / SECOND as f64;
        assert!((mean - 8.0).abs() < 0.03 * 8.0, "{mean}");
    }

    #[test]
    fn each_jitter_keeps_its_range() {
        let range = |jitter, previous| {
            let policy = Policy::aws().jitter(jitter);
            let draw =
                |fraction: f64| policy.draw(throttling(), 3, previous, &mut || fraction) / MILLI;
            (draw(0.0), draw(1.0))
        };
        assert_eq!(range(Jitter::Full, SECOND), (0, 4_000));
        assert_eq!(range(Jitter::Equal, SECOND), (2_000, 4_000));
        assert_eq!(range(Jitter::None, SECOND), (4_000, 4_000));
        assert_eq!(range(Jitter::Decorrelated, 0), (1_000, 3_000));
        assert_eq!(range(Jitter::Decorrelated, 3 * SECOND), (1_000, 9_000));
        assert_eq!(range(Jitter::Decorrelated, 19 * SECOND), (1_000, 20_000));
    }

    #[test]
    fn the_aws_hint_stretches_a_delay_by_at_most_five_seconds() {
        let drawn = 20 * MILLI;
        let hinted = |policy: Policy, value| {
            policy.hinted(drawn, Hint::from_x_amz_retry_after(value).unwrap()) / MILLI
        };
        assert_eq!(hinted(Policy::aws(), "10"), 20);
        assert_eq!(hinted(Policy::aws(), "1000"), 1_000);
        assert_eq!(hinted(Policy::aws(), "60000"), 5_020);
        assert_eq!(hinted(Policy::aws_v2_0(), "10"), 10);
        assert_eq!(hinted(Policy::aws_v2_0(), "60000"), 20_000);
    }

    #[test]
    fn retry_after_stretches_a_delay_to_at_most_the_cap() {
        let hinted = |secs| {
            let hint = Hint::from_retry_after(secs, Duration::ZERO).unwrap();
            Policy::aws().hinted(SECOND, hint) / SECOND
        };
        assert_eq!((hinted("0"), hinted("7"), hinted("3600")), (1, 7, 20));
    }

    #[test]
    fn nothing_but_faults_is_retried_unless_opted_in() {
        let aws = Policy::aws();
        for failure in [
            Failure::connect(),
            Failure::no_response(),
            Failure::timeout(),
            Failure::local(),
        ] {
            assert_eq!(kind(aws, failure), None, "{failure:?}");
        }
        assert_eq!(
            kind(aws.retry_connect_failures(), Failure::connect()),
            Some(FaultKind::Connect)
        );
        assert_eq!(
            kind(aws.retry_connect_failures(), Failure::no_response()),
            None
        );
        assert_eq!(
            kind(aws.retry_unanswered(), Failure::no_response()),
            Some(FaultKind::NoResponse)
        );
        assert_eq!(
            kind(aws.retry_unanswered(), Failure::timeout()),
            Some(FaultKind::Timeout)
        );
        assert_eq!(kind(aws.retry_unanswered(), Failure::connect()), None);
    }

    #[test]
    fn codes_are_opted_in_by_name() {
        let idp = Failure::response(400).with_code("IDPCommunicationError");
        assert_eq!(kind(Policy::aws(), idp), None);
        assert_eq!(
            kind(Policy::aws().retry_idp_communication_error(), idp),
            Some(FaultKind::Code)
        );
        assert_eq!(
            kind(Policy::aws().retry_codes(&["RequestTimeout"]), idp),
            None
        );
    }

    #[test]
    fn a_refused_date_is_a_fault_only_if_the_clocks_differ() {
        let policy = Policy::aws().retry_clock_skew();
        let refused = Failure::response(403).with_code("SignatureDoesNotMatch");
        let skewed = refused.with_skew(ClockSkew::from_millis(600_000));
        assert_eq!(kind(policy, skewed), Some(FaultKind::ClockSkew));
        assert_eq!(kind(policy, refused), None);
        assert_eq!(kind(Policy::aws(), skewed), None);
        assert_eq!(kind(policy, skewed.with_code("AccessDenied")), None);
    }

    #[test]
    fn the_sdk_rules_differ_where_they_say() {
        let sdk = Policy::aws().sdk_rules();
        for status in [501, 505, 599, 429, 408, 400] {
            assert_eq!(kind(sdk, Failure::response(status)), None, "{status}");
        }
        for status in [500, 502, 503, 504] {
            assert_eq!(
                kind(sdk, Failure::response(status)),
                Some(FaultKind::Server),
                "{status}"
            );
        }
        assert_eq!(
            kind(sdk, Failure::response(400).with_code("RequestTimeout")),
            Some(FaultKind::Code)
        );
        assert_eq!(kind(sdk, Failure::connect()), Some(FaultKind::Connect));
        assert_eq!(kind(sdk, Failure::timeout()), Some(FaultKind::Timeout));
        assert_eq!(kind(sdk, Failure::local()), None);
    }
}
