use core::time::Duration;

use super::hooks::{Classifier, Notify};
use super::report::{Pause, Report};
use crate::budget::{Budget, Tokens};
use crate::call::{Call, Decision, Stop};
use crate::limit::{Limiter, Permit};
use crate::policy::Policy;
use crate::random::Random;
use crate::trace;

/// Everything about a call except how it is sent and how it sleeps.
pub(super) struct Driver<'a, E, C, N, R> {
    pub(super) plan: Plan<'a, E>,
    classifier: C,
    notify: N,
    random: R,
}

/// The options of a call that have no type parameter of their own.
pub(super) struct Plan<'a, E> {
    pub(super) call: Call,
    /// Gives the tokens of a retry back if the call is dropped before it is sent.
    pub(super) tokens: Tokens<&'a Budget>,
    pub(super) attempt_timeout: Option<AttemptTimeout<E>>,
    /// The limiter, which is told of a request whose future is dropped before its answer.
    pub(super) permit: Permit<&'a (dyn Limiter + Sync)>,
    /// The error of a call that the limiter refused before anything was sent. If set, the call
    /// fails instead of waiting for the limiter.
    pub(super) refused: Option<fn() -> E>,
    pub(super) report: Option<&'a mut Report>,
}

/// How long one attempt may take, and the error of an attempt that takes longer.
pub(super) struct AttemptTimeout<E> {
    pub(super) timeout: Duration,
    pub(super) error: fn() -> E,
}

impl<'a, E> Plan<'a, E> {
    pub(super) const fn new(policy: Policy) -> Self {
        Self {
            call: policy.start(),
            tokens: Tokens::new(None),
            attempt_timeout: None,
            permit: Permit::new(None),
            refused: None,
            report: None,
        }
    }

    /// Returns the limiter, apart from the plan.
    pub(super) fn limiter(&self) -> Option<&'a (dyn Limiter + Sync)> {
        self.permit.copied()
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

impl<'a, E, C, N, R> Driver<'a, E, C, N, R> {
    pub(super) const fn new(plan: Plan<'a, E>, classifier: C, notify: N, random: R) -> Self {
        Self {
            plan,
            classifier,
            notify,
            random,
        }
    }

    pub(super) fn with_classifier<D>(self, classifier: D) -> Driver<'a, E, D, N, R> {
        Driver::new(self.plan, classifier, self.notify, self.random)
    }

    pub(super) fn with_notify<M>(self, notify: M) -> Driver<'a, E, C, M, R> {
        Driver::new(self.plan, self.classifier, notify, self.random)
    }

    pub(super) fn with_random<Q>(self, random: Q) -> Driver<'a, E, C, N, Q> {
        Driver::new(self.plan, self.classifier, self.notify, random)
    }
}

impl<E, C: Classifier<E>, N: Notify<E>, R: Random> Driver<'_, E, C, N, R> {
    pub(super) fn succeeded(&mut self, now: impl FnOnce() -> Option<Duration>) {
        let plan = &mut self.plan;
        plan.permit.settle(None, plan.call.policy(), now);
        self.plan.call.on_success(self.plan.tokens.budget());
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
            classifier,
            notify,
            random,
        } = self;
        let attempt = plan.call.attempt();
        let failure = classifier.failure(error);
        plan.permit.settle(Some(&failure), plan.call.policy(), now);
        plan.call.set_paced(plan.permit.paces());
        let decision = plan
            .call
            .on_failure(&failure, elapsed, plan.tokens.budget(), random);
        match decision {
            Decision::Wait(delay) => {
                plan.tokens.keep(plan.call.paid());
                notify.notify(error, &Pause { attempt, delay });
            }
            Decision::Stop(stop) => plan.write_report(attempt, Some(stop)),
        }
        trace::decided(attempt, &failure, decision);
        decision
    }

    /// Returns the error to give up with if the limiter asks for a wait that must not be made:
    /// because the call fails fast, or because the wait would end after the deadline.
    pub(super) fn refused(
        &mut self,
        elapsed: Duration,
        wait: Duration,
        last: &mut Option<E>,
    ) -> Option<E> {
        let error = match self.plan.refused {
            Some(refused) => last.take().unwrap_or_else(refused),
            // Without an earlier error there is none to return, so the call waits past its
            // deadline.
            None if wait >= self.plan.call.time_left(elapsed) => last.take()?,
            None => return None,
        };
        self.plan
            .write_report(self.plan.call.attempt() - 1, Some(Stop::Limiter));
        Some(error)
    }

    /// Notes that the limiter lets the next attempt be sent.
    pub(super) const fn granted(&mut self) {
        self.plan.permit.granted();
    }

    /// Reports that the sleep before the coming attempt was cancelled.
    pub(super) fn cancelled(&mut self) {
        self.plan
            .write_report(self.plan.call.attempt() - 1, Some(Stop::Cancelled));
    }
}
