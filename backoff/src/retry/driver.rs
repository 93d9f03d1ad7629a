use core::time::Duration;

#[cfg(feature = "std")]
use crate::SplitMix64;
use crate::{Budget, Call, Classify, Decision, Failure, Limiter, Policy, Random, Stop, trace};

/// Everything about a call but how it is sent and how it sleeps.
pub(super) struct Driver<'a, E, J, N, R> {
    pub(super) plan: Plan<'a, E>,
    judge: J,
    notify: N,
    random: R,
}

impl<'a, E, J, N, R> Driver<'a, E, J, N, R> {
    pub(super) const fn new(plan: Plan<'a, E>, judge: J, notify: N, random: R) -> Self {
        Self {
            plan,
            judge,
            notify,
            random,
        }
    }

    pub(super) fn into_parts(self) -> (Plan<'a, E>, J, N, R) {
        (self.plan, self.judge, self.notify, self.random)
    }
}

pub(super) struct Plan<'a, E> {
    pub(super) call: Call,
    pub(super) budget: Option<&'a Budget>,
    pub(super) attempt_timeout: Option<(Duration, MakeError<E>)>,
    pub(super) limiter: Option<&'a (dyn Limiter + Sync)>,
    pub(super) refuse: Option<MakeError<E>>,
    pub(super) report: Option<&'a mut Report>,
}

/// Makes the error of an attempt that had none of its own.
pub(super) type MakeError<E> = fn() -> E;

/// How a call went, written by [`Retry::report`](crate::Retry::report).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How often it was sent.
    pub attempts: u32,
    /// The sum of the waits between attempts.
    pub slept: Duration,
    /// Why it was not sent again; `None` after a success.
    pub stop: Option<Stop>,
}

/// A wait about to begin, as told to [`Retry::notify`](crate::Retry::notify).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pause {
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// How long until the next attempt.
    pub delay: Duration,
}

impl<E> Plan<'_, E> {
    pub(super) const fn new(policy: Policy) -> Self {
        Self {
            call: policy.start(),
            budget: None,
            attempt_timeout: None,
            limiter: None,
            refuse: None,
            report: None,
        }
    }

    /// How long to wait for the limiter's leave; `None` if it gave it.
    pub(super) fn ask_limiter(&self, now: impl FnOnce() -> Option<Duration>) -> Option<Duration> {
        self.limiter?.acquire(now().unwrap_or_default()).err()
    }

    fn tell_limiter(&self, throttled: bool, now: impl FnOnce() -> Option<Duration>) {
        if let Some(limiter) = self.limiter {
            limiter.on_answer(throttled, now().unwrap_or_default());
        }
    }

    fn write_report(&mut self, attempts: u32, stop: Option<Stop>) {
        if let Some(report) = self.report.as_deref_mut() {
            *report = Report {
                attempts,
                slept: self.call.slept(),
                stop,
            };
        }
    }
}

impl<E, J: Judge<E>, N: Notify<E>, R: Random> Driver<'_, E, J, N, R> {
    pub(super) fn succeeded(&mut self, now: impl FnOnce() -> Option<Duration>) {
        self.plan.tell_limiter(false, now);
        self.plan.call.on_success(self.plan.budget);
        self.plan.write_report(self.plan.call.attempt(), None);
    }

    pub(super) fn failed(
        &mut self,
        error: &E,
        elapsed: Duration,
        now: impl FnOnce() -> Option<Duration>,
    ) -> Decision {
        let Self {
            plan,
            judge,
            notify,
            random,
        } = self;
        let attempt = plan.call.attempt();
        let failure = judge.failure(error);
        plan.tell_limiter(plan.call.is_throttling(&failure), now);
        let decision = plan.call.on_failure(&failure, elapsed, plan.budget, random);
        match decision {
            Decision::Wait(delay) => notify.notify(error, &Pause { attempt, delay }),
            Decision::Stop(stop) => plan.write_report(attempt, Some(stop)),
        }
        trace::decided(attempt, &failure, decision);
        decision
    }

    /// The error to return because the limiter asks for a wait that must not be: when failing fast, or when the
    /// deadline would pass. A call that has no error yet and may wait does wait.
    pub(super) fn refused(
        &mut self,
        elapsed: Duration,
        wait: Duration,
        last: &mut Option<E>,
    ) -> Option<E> {
        let error = match self.plan.refuse {
            Some(refuse) => last.take().unwrap_or_else(refuse),
            None if wait >= self.plan.call.time_left(elapsed) => last.take()?,
            None => return None,
        };
        self.plan
            .write_report(self.plan.call.attempt() - 1, Some(Stop::Limiter));
        Some(error)
    }

    /// Notes that the sleep before the coming attempt was cut short for good.
    pub(super) fn cancelled(&mut self) {
        self.plan
            .write_report(self.plan.call.attempt() - 1, Some(Stop::Cancelled));
    }
}

/// Reads the facts of an error.
#[diagnostic::on_unimplemented(
    message = "nothing says what kind of failure a `{E}` is",
    note = "implement `keyfob_backoff::Classify` for it, or call `.classify_with(|error| ...)`"
)]
pub trait Judge<E> {
    /// The facts of `error`.
    fn failure<'e>(&self, error: &'e E) -> Failure<'e>;
}

/// The default [`Judge`]: the error's own [`Classify`].
#[derive(Clone, Copy, Debug)]
pub struct ByTrait;

impl<E: Classify> Judge<E> for ByTrait {
    fn failure<'e>(&self, error: &'e E) -> Failure<'e> {
        error.failure()
    }
}

impl<E, F: for<'e> Fn(&'e E) -> Failure<'e>> Judge<E> for F {
    fn failure<'e>(&self, error: &'e E) -> Failure<'e> {
        self(error)
    }
}

/// Hears of every wait.
pub trait Notify<E> {
    /// Called before the wait.
    fn notify(&mut self, error: &E, pause: &Pause);
}

/// The default [`Notify`]: nobody listens.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl<E> Notify<E> for Silent {
    fn notify(&mut self, _: &E, _: &Pause) {}
}

impl<E, F: FnMut(&E, &Pause)> Notify<E> for F {
    fn notify(&mut self, error: &E, pause: &Pause) {
        self(error, pause);
    }
}

/// The default generator: with feature `std`, seeded when it is first needed, so that a call that succeeds
/// pays nothing for it.
#[derive(Clone, Debug, Default)]
pub struct Entropy {
    #[cfg(feature = "std")]
    generator: Option<SplitMix64>,
}

#[cfg(feature = "std")]
impl Random for Entropy {
    fn fraction(&mut self) -> f64 {
        self.generator
            .get_or_insert_with(SplitMix64::from_entropy)
            .fraction()
    }
}
