use core::{
    future::poll_fn,
    ops::Deref,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{Limiter, Place};
use crate::clock::{limiter_time, waited};
use crate::fault::{Failure, Fault};
use crate::hooks::Timer;
use crate::policy::Policy;

/// The limiter of one call, if it has one, and whether the request that it granted was answered.
/// Dropping it tells the limiter of a request that was not.
pub(crate) struct Permit<L: Deref<Target: Limiter>> {
    limiter: Option<L>,
    unanswered: bool,
}

impl<L: Deref<Target: Limiter>> Permit<L> {
    pub(crate) const fn new(limiter: Option<L>) -> Self {
        Self {
            limiter,
            unanswered: false,
        }
    }

    #[inline]
    pub(crate) fn limiter(&self) -> Option<&L::Target> {
        self.limiter.as_deref()
    }

    /// Returns the limiter, apart from the permit.
    pub(crate) fn copied(&self) -> Option<L>
    where
        L: Copy,
    {
        self.limiter
    }

    /// Returns true if a throttled request is to be sent again without a delay of its own.
    pub(crate) fn paces(&self) -> bool {
        self.limiter().is_some_and(Limiter::paces)
    }

    /// Notes that the limiter granted a request.
    pub(crate) const fn granted(&mut self) {
        self.unanswered = true;
    }

    /// Tells the limiter of the outcome of the request: of its failure under the `policy`, or of
    /// its success.
    #[inline]
    pub(crate) fn settle(
        &mut self,
        failure: Option<&Failure<'_>>,
        policy: &Policy,
        now: impl FnOnce() -> Option<Duration>,
    ) {
        let Some(limiter) = self.limiter.as_deref() else {
            return;
        };
        if let Some(failure) = failure
            && !failure.is_answer()
        {
            if failure.is_lost() && self.unanswered {
                self.unanswered = false;
                limiter.on_lost();
            }
            return self.unanswered();
        }
        let now = limiter_time(now());
        let fault = failure.and_then(|failure| policy.classify(failure));
        if fault.is_some_and(Fault::is_throttling) {
            limiter.on_answer(true, now);
        } else if failure
            .and_then(Failure::status)
            .is_some_and(|status| status >= 500)
        {
            limiter.on_fault(now);
        } else {
            limiter.on_answer(false, now);
        }
        self.unanswered = false;
    }

    /// Tells the limiter that the request gets no answer.
    fn unanswered(&mut self) {
        if let Some(limiter) = self.limiter.as_deref()
            && self.unanswered
        {
            limiter.on_unanswered();
        }
        self.unanswered = false;
    }
}

impl<L: Deref<Target: Limiter>> Drop for Permit<L> {
    fn drop(&mut self) {
        self.unanswered();
    }
}

/// A place in the line of a limiter. Dropping it gives the place back.
pub(crate) struct Line<'a, L: Limiter + ?Sized> {
    limiter: &'a L,
    place: Place,
}

impl<'a, L: Limiter + ?Sized> Line<'a, L> {
    pub(crate) fn new(limiter: &'a L) -> Self {
        Self {
            limiter,
            place: Place::default(),
        }
    }

    /// Waits until the request may be sent. Before each wait, `most` gets the part of it that is
    /// certain, and returns how long to wait at most, or an error that ends the wait.
    #[allow(
        clippy::manual_async_fn,
        reason = "an `async fn` would store its arguments twice"
    )]
    pub(crate) fn pass<E>(
        mut self,
        timer: &impl Timer,
        mut most: impl FnMut(Duration) -> Result<Duration, E>,
    ) -> impl Future<Output = Result<(), E>> {
        async move {
            // In one function: each `async` one more is a level of types, and the calls of a
            // credential chain have nearly as many as the compiler allows.
            loop {
                let Self { limiter, place } = &mut self;
                let now = limiter_time(timer.now());
                let ask = |context: &mut Context<'_>| {
                    Poll::Ready(limiter.acquire_in_line(place, context.waker(), now))
                };
                let Err(wait) = poll_fn(ask).await else {
                    return Ok(());
                };
                let most = most(self.certain(wait))?;
                // It is time to ask again when the request is called, or when the wait is over.
                let delay = self.patience(wait).min(most);
                let mut sleep = pin!(timer.sleep(delay));
                poll_fn(|context| {
                    if self.is_called(context.waker()) {
                        return Poll::Ready(());
                    }
                    let slept = sleep.as_mut().poll(context);
                    slept.map(|_| waited(timer.now(), now, delay))
                })
                .await;
            }
        }
    }

    /// Asks without a task, and joins the line if the request must wait;
    /// [`is_called`](Line::is_called) takes the waker.
    pub(crate) fn ask_blocking(&mut self, now: Duration) -> Result<(), Duration> {
        self.limiter
            .acquire_in_line(&mut self.place, Waker::noop(), now)
    }

    pub(crate) fn is_called(&self, waker: &Waker) -> bool {
        self.limiter.is_called(&self.place, waker)
    }

    /// Returns how long to wait before asking again, when the limiter said `wait`. Those behind
    /// wait until they are called.
    pub(crate) fn patience(&self, wait: Duration) -> Duration {
        if self.place.is_behind() {
            // A day, then it looks again: some timers fail on more than 24 days.
            Duration::from_secs(86_400)
        } else {
            wait
        }
    }

    /// Returns the part of the `wait` that is certain: for those behind it is a guess.
    pub(crate) fn certain(&self, wait: Duration) -> Duration {
        if self.place.is_behind() {
            Duration::ZERO
        } else {
            wait
        }
    }
}

impl<L: Limiter + ?Sized> Drop for Line<'_, L> {
    fn drop(&mut self) {
        self.limiter.leave(&mut self.place);
    }
}
