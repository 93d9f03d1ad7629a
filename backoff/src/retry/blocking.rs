use core::{ops::ControlFlow, time::Duration};

use super::{Judge, Notify, Retry, parting_wait, timer::system_time};
use crate::{Decision, Policy, Random};

/// As [`retry`](crate::retry), for a call that blocks the thread.
///
/// ```
/// # #[cfg(feature = "std")]
/// # {
/// use core::time::Duration;
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
) -> Retry<'a, F, T, E, super::ByTrait, super::Silent, super::Entropy, Blocking<ThreadSleep>>
where
    F: FnMut() -> Result<T, E>,
{
    Retry::new(policy, op, Blocking(ThreadSleep))
}

/// Marks a [`Retry`] that blocks the thread, and how it sleeps.
#[derive(Clone, Copy, Debug)]
pub struct Blocking<S>(S);

/// How a [`retry_blocking`] sleeps: any `FnMut(Duration) -> ControlFlow<()>`. `Break` cancels the call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot sleep",
    note = "enable feature `std` of keyfob-backoff, or name a sleep: `.sleep_with(|delay| ControlFlow::Continue(my_sleep(delay)))`"
)]
pub trait BlockingSleep {
    /// Sleeps this long, or less if the call was cancelled meanwhile.
    fn sleep(&mut self, delay: Duration) -> ControlFlow<()>;
}

impl<F: FnMut(Duration) -> ControlFlow<()>> BlockingSleep for F {
    fn sleep(&mut self, delay: Duration) -> ControlFlow<()> {
        self(delay)
    }
}

/// The default: with feature `std`, the thread sleeps and nothing cancels it.
#[derive(Clone, Copy, Debug)]
pub struct ThreadSleep;

#[cfg(feature = "std")]
impl BlockingSleep for ThreadSleep {
    fn sleep(&mut self, delay: Duration) -> ControlFlow<()> {
        std::thread::sleep(delay);
        ControlFlow::Continue(())
    }
}

impl<'a, F, T, E, J, N, R, S> Retry<'a, F, T, E, J, N, R, Blocking<S>> {
    /// Sleeps with `sleep` instead of blocking the thread for good: wait for a signal, and return `Break` to
    /// cancel the call, which then returns its last error at once. (While the [limiter](Retry::limiter) still
    /// delays the first attempt there is none: `Break` then ends that delay.)
    pub fn sleep_with<U: BlockingSleep>(
        self,
        sleep: U,
    ) -> Retry<'a, F, T, E, J, N, R, Blocking<U>> {
        self.with_timer(Blocking(sleep))
    }
}

impl<F, T, E, J, N, R, S> Retry<'_, F, T, E, J, N, R, Blocking<S>>
where
    F: FnMut() -> Result<T, E>,
    J: Judge<E>,
    N: Notify<E>,
    R: Random,
    S: BlockingSleep,
{
    /// Makes the call.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, as `op` returned it.
    pub fn run(mut self) -> Result<T, E> {
        let started = if self.driver.plan.call.has_deadline() {
            system_time()
        } else {
            None
        };
        let mut last = None;
        loop {
            self.admit(started, last)?;
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
                    if self.timer.0.sleep(delay).is_break() {
                        self.driver.cancelled();
                        return Err(error);
                    }
                }
                Decision::Stop(stop) => {
                    if let Some(wait) = parting_wait(stop) {
                        // Cancelled or not, the call ends here.
                        let _ = self.timer.0.sleep(wait);
                    }
                    return Err(error);
                }
            }
            last = Some(error);
        }
    }

    /// Waits for the limiter's leave, if there is one.
    fn admit(&mut self, started: Option<Duration>, mut last: Option<E>) -> Result<(), E> {
        while let Some(wait) = self.driver.plan.ask_limiter(system_time) {
            let elapsed = self.elapsed(started);
            if let Some(error) = self.driver.refused(elapsed, wait, &mut last) {
                return Err(error);
            }
            if self.timer.0.sleep(wait).is_break() {
                self.driver.cancelled();
                return last.map_or(Ok(()), Err);
            }
        }
        Ok(())
    }

    /// Since the call began; where there is no clock, the waits alone.
    fn elapsed(&self, started: Option<Duration>) -> Duration {
        let since = started.and_then(|started| Some(system_time()?.saturating_sub(started)));
        since.unwrap_or(self.driver.plan.call.slept())
    }
}
