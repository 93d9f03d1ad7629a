use core::time::Duration;

use crate::budget::Budget;
use crate::duration::nanos;
use crate::fault::{Failure, Fault, FaultKind};
use crate::policy::Policy;
use crate::random::Random;
use crate::sdk_request::SdkRequest;

/// The state of one call: how often it failed, and what its retries cost.
///
/// It does nothing by itself: it has no clock, timer, I/O or generator, and allocates nothing. Tell
/// it what happened, and it says what to do. Every other way to retry in this crate is a loop
/// around it.
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::{Decision, Failure, Policy, Stop};
///
/// let mut call = Policy::aws().start();
/// let throttled = Failure::response(400).with_code("Throttling");
///
/// let decision = call.on_failure(&throttled, Duration::ZERO, None, &mut || 0.25);
/// assert_eq!(decision, Decision::Wait(Duration::from_millis(250)));
///
/// let denied = Failure::response(403).with_code("AccessDenied");
/// let decision = call.on_failure(&denied, Duration::ZERO, None, &mut || 0.25);
/// assert_eq!(decision, Decision::Stop(Stop::NotRetryable));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Call {
    policy: Policy,
    // Times are in nanoseconds, as in the policy. Without a deadline it is `u64::MAX`.
    deadline: u64,
    previous: u64,
    slept: u64,
    failures: u32,
    /// The tokens that the latest retry took from the budget.
    paid: Option<u32>,
    clock_corrected: bool,
    paced: bool,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then send again.
    Wait(Duration),
    /// Return the error.
    Stop(Stop),
}

/// Why a call is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// Retrying would not help.
    NotRetryable,
    /// The service may have acted on the request, and the policy says that it must not happen
    /// twice.
    NotIdempotent,
    /// All attempts were made.
    Attempts,
    /// The delay, or the wait the service asked for, would end after the deadline.
    Deadline,
    /// The [`Budget`] has too few tokens left.
    Budget {
        /// How long to wait before returning the error: zero, unless the policy is for [long
        /// polling](Policy::long_polling).
        wait: Duration,
    },
    /// The [`Limiter`](crate::limit::Limiter) asked for a wait that the call may not make.
    Limiter,
    /// The sleep between two attempts was [cancelled](crate::hooks::BlockingSleep).
    Cancelled,
}

impl Policy {
    /// Starts a call under this policy.
    #[must_use]
    pub const fn start(self) -> Call {
        Call::new(self)
    }
}

impl Call {
    /// Creates the state of a call that was not sent yet; the same as [`Policy::start`].
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            deadline: u64::MAX,
            failures: 0,
            previous: 0,
            slept: 0,
            paid: None,
            clock_corrected: false,
            paced: false,
        }
    }

    /// Sets how long the whole call may take, all attempts and waits together.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Decision, Failure, Policy, Stop};
    ///
    /// let mut call = Policy::aws().start().with_deadline(Duration::from_secs(5));
    /// let elapsed = Duration::from_millis(4_990);
    /// let decision = call.on_failure(&Failure::response(503), elapsed, None, &mut || 0.5);
    /// assert_eq!(decision, Decision::Stop(Stop::Deadline));
    /// ```
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = nanos(deadline);
        self
    }

    /// Sets whether a limiter paces the requests, so that a throttled attempt needs no delay of its
    /// own.
    ///
    /// The policy then adds no delay to throttled attempts, as long as that is set; the wait that
    /// the service asks for stays, and attempts, deadline and budget count as ever. Set it to
    /// [`Limiter::paces`](crate::limit::Limiter::paces) before each
    /// [`on_failure`](Call::on_failure). It is false at first.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Decision, Failure, Policy};
    ///
    /// let mut call = Policy::aws().start();
    /// call.set_paced(true);
    /// let throttled = Failure::response(429);
    /// let decision = call.on_failure(&throttled, Duration::ZERO, None, &mut || 0.5);
    /// assert_eq!(decision, Decision::Wait(Duration::ZERO));
    /// ```
    pub const fn set_paced(&mut self, paced: bool) {
        self.paced = paced;
    }

    /// Decides what to do after a failed attempt.
    ///
    /// `elapsed` is the time since the call began; it matters only with a deadline. The checks are
    /// made in this order: the failure is a fault, the call may be sent twice, attempts are left,
    /// the delay fits the deadline, the budget pays. Only a `Wait` takes tokens from the budget. If
    /// the request is not sent after it, call [`on_cancelled`](Call::on_cancelled).
    pub fn on_failure(
        &mut self,
        failure: &Failure<'_>,
        elapsed: Duration,
        budget: Option<&Budget>,
        random: &mut impl Random,
    ) -> Decision {
        self.failures = self.failures.saturating_add(1);
        match self.retryable(failure) {
            Ok(fault) => self.schedule(fault, failure, elapsed, budget, random),
            Err(stop) => Decision::Stop(stop),
        }
    }

    /// Pays the budget back after a success: the tokens of the last retry, or one token if there
    /// was no retry.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Budget, Failure, Policy};
    ///
    /// let budget = Budget::aws();
    /// let mut call = Policy::aws().start();
    /// call.on_failure(&Failure::response(503), Duration::ZERO, Some(&budget), &mut || 0.5);
    /// assert_eq!(budget.available(), 486);
    /// call.on_success(Some(&budget));
    /// assert_eq!(budget.available(), 500);
    /// ```
    #[inline]
    pub fn on_success(&self, budget: Option<&Budget>) {
        if let Some(budget) = budget {
            budget.give(self.paid.unwrap_or(1));
        }
    }

    /// Pays the budget back if the wait was cancelled: the tokens of the retry that is not sent.
    ///
    /// The call ends with it.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Budget, Failure, Policy};
    ///
    /// let budget = Budget::aws();
    /// let mut call = Policy::aws().start();
    /// call.on_failure(&Failure::response(503), Duration::ZERO, Some(&budget), &mut || 0.5);
    /// call.on_cancelled(Some(&budget));
    /// assert_eq!(budget.available(), 500);
    /// ```
    pub fn on_cancelled(&mut self, budget: Option<&Budget>) {
        if let (Some(budget), Some(paid)) = (budget, self.paid.take()) {
            budget.give(paid);
        }
    }

    /// Returns the number of the attempt under way, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.failures.saturating_add(1)
    }

    /// Returns the sum of all waits so far.
    #[must_use]
    pub const fn slept(&self) -> Duration {
        Duration::from_nanos(self.slept)
    }

    /// Returns the value of the header `amz-sdk-request` for the attempt under way.
    ///
    /// ```
    /// use keyfob_backoff::Policy;
    ///
    /// let call = Policy::aws().start();
    /// assert_eq!(call.sdk_request().to_string(), "attempt=1; max=3");
    /// ```
    #[must_use]
    pub const fn sdk_request(&self) -> SdkRequest {
        SdkRequest {
            attempt: self.attempt(),
            max: self.policy.max_attempts(),
            ttl: None,
        }
    }

    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the tokens that the latest retry took from the budget.
    pub(crate) fn paid(&self) -> u32 {
        self.paid.unwrap_or_default()
    }

    pub(crate) const fn has_deadline(&self) -> bool {
        self.deadline != u64::MAX
    }

    /// Returns how much of the deadline is left; without one, longer than any wait.
    pub(crate) const fn time_left(&self, elapsed: Duration) -> Duration {
        Duration::from_nanos(self.deadline.saturating_sub(nanos(elapsed)))
    }

    #[inline]
    fn retryable(&self, failure: &Failure<'_>) -> Result<Fault, Stop> {
        let fault = self.policy.classify(failure).ok_or(Stop::NotRetryable)?;
        // A date that is refused after the correction is refused for another reason.
        if self.clock_corrected && fault.kind() == FaultKind::ClockSkew {
            return Err(Stop::NotRetryable);
        }
        if !self.policy.allows_resend(fault) {
            return Err(Stop::NotIdempotent);
        }
        if self.failures >= self.policy.max_attempts() {
            return Err(Stop::Attempts);
        }
        Ok(fault)
    }

    fn schedule(
        &mut self,
        fault: Fault,
        failure: &Failure<'_>,
        elapsed: Duration,
        budget: Option<&Budget>,
        random: &mut impl Random,
    ) -> Decision {
        let drawn = if self.paced && fault.kind() == FaultKind::Throttling {
            0
        } else {
            self.policy
                .draw(fault, self.failures, self.previous, random)
        };
        let (mut delay, mut asked) = (drawn, drawn);
        if let Some(hint) = failure.hint {
            delay = self.policy.hinted(drawn, hint);
            asked = delay.max(nanos(hint.wait()));
        }
        // The wait that the service asked for counts, before any bound: an earlier attempt would
        // fail too.
        if self.has_deadline() && asked >= self.deadline.saturating_sub(nanos(elapsed)) {
            return Decision::Stop(Stop::Deadline);
        }
        // Last, so that a call that stops for another reason costs nothing.
        if let Some(budget) = budget {
            let Some(cost) = budget.take(fault) else {
                let wait = if self.policy.is_long_polling() {
                    delay
                } else {
                    0
                };
                return Decision::Stop(Stop::Budget {
                    wait: Duration::from_nanos(wait),
                });
            };
            self.paid = Some(cost);
        }
        self.clock_corrected |= fault.kind() == FaultKind::ClockSkew;
        // Without the hint, which would otherwise inflate the next decorrelated delay.
        self.previous = drawn;
        self.slept = self.slept.saturating_add(delay);
        Decision::Wait(Duration::from_nanos(delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint;
    use crate::skew::ClockSkew;

    const DOWN: Failure<'static> = Failure::response(503);
    const THROTTLED: Failure<'static> = Failure {
        code: Some("SlowDown"),
        ..DOWN
    };

    fn wait(millis: u64) -> Decision {
        Decision::Wait(Duration::from_millis(millis))
    }

    /// Fails with `failure`, with the largest jitter and no time passed.
    fn fail(call: &mut Call, failure: Failure<'_>, budget: Option<&Budget>) -> Decision {
        call.on_failure(&failure, Duration::ZERO, budget, &mut || 1.0)
    }

    #[test]
    fn the_last_attempt_is_not_followed_by_a_wait() {
        let mut call = Policy::aws().start();
        assert_eq!(fail(&mut call, DOWN, None), wait(50));
        assert_eq!(fail(&mut call, DOWN, None), wait(100));
        assert_eq!(call.attempt(), 3);
        assert_eq!(fail(&mut call, DOWN, None), Decision::Stop(Stop::Attempts));
        assert_eq!(call.slept(), Duration::from_millis(150));
    }

    #[test]
    fn one_attempt_means_no_retry_and_zero_counts_as_one() {
        for attempts in [0, 1] {
            let mut call = Policy::aws().attempts(attempts).start();
            assert_eq!(fail(&mut call, DOWN, None), Decision::Stop(Stop::Attempts));
        }
    }

    #[test]
    fn a_4xx_on_the_last_attempt_is_reported_as_itself() {
        let mut call = Policy::aws().attempts(1).start();
        assert_eq!(
            fail(&mut call, Failure::response(404), None),
            Decision::Stop(Stop::NotRetryable)
        );
    }

    #[test]
    fn throttling_has_its_own_base_and_cost() {
        let budget = Budget::aws();
        let mut call = Policy::aws().start();
        assert_eq!(fail(&mut call, THROTTLED, Some(&budget)), wait(1_000));
        assert_eq!(budget.available(), 495);
        assert_eq!(fail(&mut call, DOWN, Some(&budget)), wait(100));
        assert_eq!(budget.available(), 481);
    }

    #[test]
    fn success_returns_the_last_payment_or_earns_one() {
        let budget = Budget::aws().with_tokens(30);
        let mut call = Policy::aws().start();
        fail(&mut call, DOWN, Some(&budget));
        fail(&mut call, DOWN, Some(&budget));
        assert_eq!(budget.available(), 2);
        call.on_success(Some(&budget));
        assert_eq!(budget.available(), 16);
        Policy::aws().start().on_success(Some(&budget));
        assert_eq!(budget.available(), 17);
    }

    #[test]
    fn an_empty_budget_stops_and_a_long_poll_waits_once_before_it_does() {
        let budget = Budget::aws().with_tokens(0);
        let stop = |wait| Decision::Stop(Stop::Budget { wait });
        assert_eq!(
            fail(&mut Policy::aws().start(), DOWN, Some(&budget)),
            stop(Duration::ZERO)
        );
        let mut poll = Policy::aws().long_polling().start();
        assert_eq!(
            fail(&mut poll, DOWN, Some(&budget)),
            stop(Duration::from_millis(50))
        );
    }

    #[test]
    fn a_wait_that_would_outlast_the_deadline_does_not_start() {
        let start = || Policy::aws().start().with_deadline(Duration::from_secs(2));
        let after = |millis, failure: Failure<'_>| {
            start().on_failure(&failure, Duration::from_millis(millis), None, &mut || 1.0)
        };
        assert_eq!(after(999, THROTTLED), wait(1_000));
        assert_eq!(after(1_000, THROTTLED), Decision::Stop(Stop::Deadline));
        assert_eq!(after(u64::MAX, THROTTLED), Decision::Stop(Stop::Deadline));
    }

    #[test]
    fn a_hint_longer_than_what_is_left_stops_at_once_and_costs_nothing() {
        let budget = Budget::aws();
        let hinted = DOWN.with_hint(Hint::from_x_amz_retry_after("30000"));
        let mut call = Policy::aws().start().with_deadline(Duration::from_secs(10));
        assert_eq!(
            fail(&mut call, hinted, Some(&budget)),
            Decision::Stop(Stop::Deadline)
        );
        assert_eq!(budget.available(), 500);
    }

    #[test]
    fn a_hint_makes_nothing_retryable() {
        let denied = Failure::response(403).with_hint(Hint::from_x_amz_retry_after("1"));
        assert_eq!(
            fail(&mut Policy::aws().start(), denied, None),
            Decision::Stop(Stop::NotRetryable)
        );
    }

    #[test]
    fn a_call_that_must_not_happen_twice_is_resent_only_if_it_did_not_happen() {
        let once = Policy::aws()
            .non_idempotent()
            .retry_connect_failures()
            .retry_unanswered();
        assert_eq!(fail(&mut once.start(), THROTTLED, None), wait(1_000));
        assert_eq!(fail(&mut once.start(), Failure::connect(), None), wait(50));
        for failure in [DOWN, Failure::timeout(), Failure::no_response()] {
            assert_eq!(
                fail(&mut once.start(), failure, None),
                Decision::Stop(Stop::NotIdempotent),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn a_refused_date_is_corrected_once() {
        let refused = Failure::response(403)
            .with_code("RequestTimeTooSkewed")
            .with_skew(ClockSkew::from_millis(600_000));
        let mut call = Policy::aws().attempts(5).retry_clock_skew().start();
        assert_eq!(fail(&mut call, refused, None), wait(50));
        assert_eq!(
            fail(&mut call, refused, None),
            Decision::Stop(Stop::NotRetryable)
        );
    }
}
