use core::{task::Waker, time::Duration};

use super::hooks::{
    Blocking, BlockingSleep, Classifier, ClassifyTrait, NoNotify, Notify, ThreadSleep,
};
use super::{Retry, final_wait};
use crate::call::Decision;
use crate::clock::{limiter_time, system_time, waited};
use crate::limit::Line;
use crate::policy::Policy;
use crate::random::{Entropy, Random};

/// How often a sleep that cannot be woken looks whether it is its turn.
const SOONEST_LOOK: Duration = Duration::from_millis(1);
const LATEST_LOOK: Duration = Duration::from_millis(100);

/// Prepares a call as [`retry`](crate::retry) does, for a closure that blocks the thread.
///
/// ```
/// # #[cfg(feature = "std")]
/// # {
/// use core::{task::Waker, time::Duration};
/// use keyfob_backoff::{Failure, Policy, retry_blocking};
///
/// # let mut answers = vec![Ok("alice"), Err(Failure::response(503))];
/// # let mut send = || answers.pop().unwrap_or(Err(Failure::local()));
/// const QUICK: Policy = Policy::aws().base(Duration::from_millis(1));
///
/// let name = retry_blocking(QUICK, || send()).run();
/// assert_eq!(name, Ok("alice"));
/// # }
/// ```
pub fn retry_blocking<'a, F, T, E>(
    policy: Policy,
    op: F,
) -> Retry<'a, F, T, E, ClassifyTrait, NoNotify, Entropy, Blocking<ThreadSleep>>
where
    F: FnMut() -> Result<T, E>,
{
    Retry::new(policy, op, Blocking(ThreadSleep))
}

impl<'a, F, T, E, C, N, R, S> Retry<'a, F, T, E, C, N, R, Blocking<S>> {
    /// Sleeps with `sleep` instead of `std::thread::sleep`, so that a wait can be cancelled.
    ///
    /// Wait for a signal in `sleep`, and return `Break` to cancel the call: it then returns its
    /// last error at once. If the [limiter](Retry::limiter) still delays the first attempt, there
    /// is no error yet: `Break` then ends that delay, and the attempt is made.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use keyfob_backoff::{Failure, Policy, retry_blocking};
    ///
    /// let answer: Result<(), _> = retry_blocking(Policy::aws(), || Err(Failure::response(503)))
    ///     .random(|| 1.0)
    ///     .sleep_with(|_delay| ControlFlow::Break(()))
    ///     .run();
    /// assert_eq!(answer, Err(Failure::response(503)));
    /// ```
    pub fn sleep_with<U: BlockingSleep>(
        self,
        sleep: U,
    ) -> Retry<'a, F, T, E, C, N, R, Blocking<U>> {
        self.with_timer(Blocking(sleep))
    }
}

impl<F, T, E, C, N, R, S> Retry<'_, F, T, E, C, N, R, Blocking<S>>
where
    F: FnMut() -> Result<T, E>,
    C: Classifier<E>,
    N: Notify<E>,
    R: Random,
    S: BlockingSleep,
{
    /// Makes the call.
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt, as `op` returned it.
    pub fn run(mut self) -> Result<T, E> {
        let started = if self.driver.plan.call.has_deadline() {
            system_time()
        } else {
            None
        };
        let mut last = None;
        loop {
            self.wait_for_limiter(started, last)?;
            self.driver.plan.tokens.sent();
            let error = match (self.op)() {
                Ok(value) => {
                    self.driver.succeeded(system_time);
                    return Ok(value);
                }
                Err(error) => error,
            };
            let elapsed = self.elapsed(started);
            match self.driver.failed(&error, elapsed, system_time) {
                Decision::Wait(delay) => {
                    // Zero if a limiter paces.
                    if !delay.is_zero() && self.timer.0.sleep(delay).is_break() {
                        self.driver.cancelled();
                        return Err(error);
                    }
                }
                Decision::Stop(stop) => {
                    if let Some(wait) = final_wait(stop) {
                        // Cancelled or not, the call ends here.
                        let _ = self.timer.0.sleep(wait);
                    }
                    return Err(error);
                }
            }
            last = Some(error);
        }
    }

    /// Waits until the limiter, if there is one, lets the next attempt be sent.
    fn wait_for_limiter(
        &mut self,
        started: Option<Duration>,
        mut last: Option<E>,
    ) -> Result<(), E> {
        let Some(limiter) = self.driver.plan.limiter() else {
            return Ok(());
        };
        if self.driver.plan.refused.is_some() {
            return match limiter.acquire(limiter_time(system_time())) {
                Ok(()) => {
                    self.driver.granted();
                    Ok(())
                }
                Err(wait) => {
                    let elapsed = self.elapsed(started);
                    self.driver
                        .refused(elapsed, wait, &mut last)
                        .map_or(Ok(()), Err)
                }
            };
        }
        let mut line = Line::new(limiter);
        loop {
            let now = limiter_time(system_time());
            let Err(wait) = line.ask_blocking(now) else {
                break;
            };
            let mut delay = line.patience(wait);
            if last.is_some() && self.driver.plan.call.has_deadline() {
                let elapsed = self.elapsed(started);
                if let Some(error) = self.driver.refused(elapsed, line.certain(wait), &mut last) {
                    return Err(error);
                }
                delay = delay.min(self.driver.plan.call.time_left(elapsed));
            }
            let look = (wait / 2).clamp(SOONEST_LOOK, LATEST_LOOK);
            let is_called = |waker: &Waker| line.is_called(waker);
            let slept = self.timer.0.sleep_in_line(delay, look, &is_called);
            if slept.is_break() {
                self.driver.cancelled();
                return last.map_or(Ok(()), Err);
            }
            if !line.is_called(Waker::noop()) {
                waited(system_time(), now, delay.min(look));
            }
        }
        self.driver.granted();
        Ok(())
    }

    /// Returns the time since the call began; without a clock, the sum of the waits.
    fn elapsed(&self, started: Option<Duration>) -> Duration {
        let since = started.and_then(|started| Some(system_time()?.saturating_sub(started)));
        since.unwrap_or(self.driver.plan.call.slept())
    }
}
