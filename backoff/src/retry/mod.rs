mod blocking;
mod driver;
pub mod hooks;
mod report;

use core::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

pub use self::blocking::retry_blocking;
use self::driver::{AttemptTimeout, Driver, Plan};
use self::hooks::{Classifier, ClassifyTrait, DefaultTimer, NoNotify, Notify, Timer};
pub use self::report::{Pause, Report};
use crate::budget::{Budget, Tokens};
use crate::call::{Call, Decision, Stop};
use crate::clock::limiter_time;
use crate::fault::Failure;
use crate::limit::{Limiter, Line, Permit};
use crate::policy::Policy;
use crate::random::{Entropy, Random};

/// Prepares a call under a policy: it is sent, and while it fails with a fault, it waits and is
/// sent again.
///
/// Each attempt is one call of `op`, which must build and sign a new request. Nothing is sent
/// before [`run`](Retry::run), or [`run_mut`](Retry::run_mut) if the closure changes what it
/// captured. Dropping the future cancels the call at once, even during a wait; a retry that was not
/// sent then costs the [budget](Retry::budget) nothing.
///
/// With feature `tokio` it sleeps on the tokio timer. On any other runtime, pass a
/// [`timer`](Retry::timer).
///
/// ```
/// use keyfob_backoff::{Budget, Failure, Policy, retry};
///
/// # #[cfg(not(feature = "tokio"))]
/// # fn main() {}
/// # #[cfg(feature = "tokio")]
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// # use std::cell::RefCell;
/// # let alice = "arn:aws:iam::123456789012:user/alice";
/// # let answers = RefCell::new(vec![Ok(alice), Err(Failure::response(503))]);
/// # let send = async || answers.borrow_mut().pop().unwrap_or(Err(Failure::local()));
/// static BUDGET: Budget = Budget::aws();
///
/// let arn = retry(Policy::aws(), async || send().await).budget(&BUDGET).run().await;
/// assert_eq!(arn, Ok("arn:aws:iam::123456789012:user/alice"));
/// # }
/// ```
pub fn retry<'a, F, T, E>(policy: Policy, op: F) -> Retry<'a, F, T, E>
where
    F: AsyncFnMut() -> Result<T, E>,
{
    Retry::new(policy, op, DefaultTimer)
}

/// A call to be retried, and its options, made by [`retry`] or [`retry_blocking`].
///
/// The type parameters are the closure, its value and its error, and then what the options replace:
/// the [`Classifier`], the [`Notify`], the [`Random`] and the [`Timer`] or
/// [`Blocking`](hooks::Blocking). See [`hooks`].
#[must_use = "nothing is sent until it is run"]
pub struct Retry<'a, F, T, E, C = ClassifyTrait, N = NoNotify, R = Entropy, S = DefaultTimer> {
    op: F,
    driver: Driver<'a, E, C, N, R>,
    timer: S,
    output: PhantomData<fn() -> T>,
}

impl<'a, F, T, E, S> Retry<'a, F, T, E, ClassifyTrait, NoNotify, Entropy, S> {
    fn new(policy: Policy, op: F, timer: S) -> Self {
        let driver = Driver::new(Plan::new(policy), ClassifyTrait, NoNotify, Entropy::new());
        Self::assemble(op, driver, timer)
    }
}

impl<'a, F, T, E, C, N, R, S> Retry<'a, F, T, E, C, N, R, S> {
    /// Takes the tokens for retries from this budget, which other calls share.
    ///
    /// Without one, only the policy's attempts limit the retries. If too few tokens are left, the
    /// call returns its error at once, without a pause. A wait that is cancelled gives its tokens
    /// back, as does a retry that the [limiter](Retry::limiter) refuses.
    ///
    /// ```
    /// use core::ops::ControlFlow;
    /// use keyfob_backoff::{Budget, Failure, Policy, retry_blocking};
    ///
    /// static BUDGET: Budget = Budget::aws();
    ///
    /// let _: Result<(), _> = retry_blocking(Policy::aws(), || Err(Failure::response(503)))
    ///     .random(|| 0.5)
    ///     .sleep_with(|_delay| ControlFlow::Continue(()))
    ///     .budget(&BUDGET)
    ///     .run();
    /// assert_eq!(BUDGET.available(), 500 - 2 * 14);
    /// ```
    pub fn budget(mut self, budget: &'a Budget) -> Self {
        self.driver.plan.tokens = Tokens::new(Some(budget));
        self
    }

    /// Sets how long the whole call may take, all attempts and waits together.
    ///
    /// A wait that would end after the deadline does not start: the error is returned instead. An
    /// attempt under way is interrupted only if there is an
    /// [`attempt_timeout`](Retry::attempt_timeout).
    ///
    /// ```
    /// use core::{ops::ControlFlow, time::Duration};
    /// use keyfob_backoff::{Failure, Policy, Report, Stop, retry_blocking};
    ///
    /// let mut report = Report::default();
    /// let _: Result<(), _> = retry_blocking(Policy::aws(), || Err(Failure::response(429)))
    ///     .deadline(Duration::from_millis(500))
    ///     .random(|| 1.0)
    ///     .sleep_with(|_delay| ControlFlow::Continue(()))
    ///     .report(&mut report)
    ///     .run();
    /// assert_eq!((report.attempts, report.stop), (1, Some(Stop::Deadline)));
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.driver.plan.call = self.driver.plan.call.with_deadline(deadline);
        self
    }

    /// Asks this limiter before each attempt, stands in its line until it is granted, and tells the
    /// limiter of each answer.
    ///
    /// If the limiter [knows the rate](Limiter::paces), a throttled attempt goes to the end of the
    /// line and does not sleep the delay of the policy. A wait that the service asks for is slept
    /// before. Attempts, deadline and budget count as ever. Dropping the future gives the place in
    /// the line back.
    ///
    /// ```
    /// # #[cfg(feature = "std")]
    /// # {
    /// use keyfob_backoff::limit::{ProbingLimiter, Shared};
    /// use keyfob_backoff::{Failure, Policy, retry_blocking};
    ///
    /// static IAM: Shared<ProbingLimiter> = Shared::new(ProbingLimiter::new());
    ///
    /// let answer = retry_blocking(Policy::aws(), || Ok::<_, Failure<'_>>("alice"))
    ///     .limiter(&IAM)
    ///     .run();
    /// assert_eq!(answer, Ok("alice"));
    /// # }
    /// ```
    pub fn limiter(mut self, limiter: &'a (dyn Limiter + Sync)) -> Self {
        self.driver.plan.permit = Permit::new(Some(limiter));
        self
    }

    /// Asks this limiter before each attempt, and fails at once if it says to wait.
    ///
    /// The error is that of the attempt before, or `refused()` if nothing was sent yet. A limiter
    /// that starts carefully refuses what is too much for its start, though nothing was throttled.
    /// The timer needs a [clock](Timer::now), as nothing is slept here.
    ///
    /// ```
    /// # #[cfg(feature = "std")]
    /// # {
    /// use std::time::Duration;
    /// use keyfob_backoff::limit::{KeyedLimit, RateLimit};
    /// use keyfob_backoff::{Failure, Policy, retry_blocking};
    ///
    /// let limits = KeyedLimit::new(RateLimit::new(1, Duration::from_secs(3_600)));
    /// let photos = limits.key("photos/");
    /// let get = || {
    ///     let call = retry_blocking(Policy::aws(), || Ok("object"));
    ///     call.limiter_fail_fast(&photos, Failure::local).run()
    /// };
    /// assert_eq!(get(), Ok("object"));
    /// assert_eq!(get(), Err(Failure::local()));
    /// # }
    /// ```
    pub fn limiter_fail_fast(
        mut self,
        limiter: &'a (dyn Limiter + Sync),
        refused: fn() -> E,
    ) -> Self {
        self.driver.plan.permit = Permit::new(Some(limiter));
        self.driver.plan.refused = Some(refused);
        self
    }

    /// Writes into `report` how often the call was sent, how long it waited and why it stopped.
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Policy, Report, Stop, retry_blocking};
    ///
    /// let mut report = Report::default();
    /// let _: Result<(), _> = retry_blocking(Policy::aws(), || Err(Failure::response(404)))
    ///     .random(|| 0.5)
    ///     .sleep_with(|_delay| std::ops::ControlFlow::Continue(()))
    ///     .report(&mut report)
    ///     .run();
    /// assert_eq!((report.attempts, report.stop), (1, Some(Stop::NotRetryable)));
    /// ```
    pub fn report(mut self, report: &'a mut Report) -> Self {
        self.driver.plan.report = Some(report);
        self
    }

    /// Calls `notify` with the error before each wait: the place to log, to count, or to refresh
    /// something.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use std::time::Duration;
    /// use keyfob_backoff::{Failure, Policy, retry_blocking};
    ///
    /// let mut delays = Vec::new();
    /// let _: Result<(), _> = retry_blocking(Policy::aws(), || Err(Failure::response(503)))
    ///     .random(|| 1.0)
    ///     .sleep_with(|_delay| ControlFlow::Continue(()))
    ///     .notify(|_error, pause| delays.push(pause.delay))
    ///     .run();
    /// assert_eq!(delays, [Duration::from_millis(50), Duration::from_millis(100)]);
    /// ```
    pub fn notify<M>(self, notify: M) -> Retry<'a, F, T, E, C, M, R, S>
    where
        M: FnMut(&E, &Pause),
    {
        Retry::assemble(self.op, self.driver.with_notify(notify), self.timer)
    }

    /// Reads the facts of an error with `classifier` instead of [`Classify`](crate::Classify), for
    /// error types of other crates.
    ///
    /// ```
    /// # #[cfg(feature = "std")]
    /// # {
    /// use std::io::{Error, ErrorKind};
    /// use keyfob_backoff::{Failure, Policy, retry_blocking};
    ///
    /// let policy = Policy::aws().retry_connect_failures();
    /// let connect = || Err(ErrorKind::ConnectionRefused.into());
    /// let answer: Result<(), Error> = retry_blocking(policy, connect)
    ///     .classify_with(|error: &Error| match error.kind() {
    ///         ErrorKind::ConnectionRefused => Failure::connect(),
    ///         _ => Failure::local(),
    ///     })
    ///     .run();
    /// assert!(answer.is_err());
    /// # }
    /// ```
    pub fn classify_with<D>(self, classifier: D) -> Retry<'a, F, T, E, D, N, R, S>
    where
        D: for<'e> Fn(&'e E) -> Failure<'e>,
    {
        Retry::assemble(self.op, self.driver.with_classifier(classifier), self.timer)
    }

    /// Draws the jitter from `random`, for delays that can be replayed.
    ///
    /// The default, [`Entropy`], asks the system for each delay: a forked process does not repeat
    /// the delays of its parent. A generator that is passed here and was seeded before the fork
    /// does. The standard library has no randomness on `wasm32-unknown-unknown`: pass a generator
    /// there, or all clients wait alike.
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Policy, SeededRandom, retry};
    ///
    /// let call = retry(Policy::aws(), async || Ok::<_, Failure<'_>>("alice"))
    ///     .random(SeededRandom::new(42));
    /// ```
    pub fn random<Q: Random>(self, random: Q) -> Retry<'a, F, T, E, C, N, Q, S> {
        Retry::assemble(self.op, self.driver.with_random(random), self.timer)
    }

    fn with_timer<U>(self, timer: U) -> Retry<'a, F, T, E, C, N, R, U> {
        Retry::assemble(self.op, self.driver, timer)
    }

    fn assemble(op: F, driver: Driver<'a, E, C, N, R>, timer: S) -> Self {
        Self {
            op,
            driver,
            timer,
            output: PhantomData,
        }
    }
}

impl<'a, F, T, E, C, N, R, S> Retry<'a, F, T, E, C, N, R, S>
where
    F: AsyncFnMut() -> Result<T, E>,
{
    /// Sleeps on this timer: any `Fn(Duration) -> impl Future`, such as `async_io::Timer::after` or
    /// `gloo_timers::future::sleep`.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Failure, Policy, retry};
    ///
    /// async fn sleep(delay: Duration) {
    ///     // Ask the runtime to wake this task after `delay`.
    /// }
    ///
    /// let call = retry(Policy::aws(), async || Ok::<_, Failure<'_>>("alice")).timer(sleep);
    /// ```
    pub fn timer<U: Timer>(self, timer: U) -> Retry<'a, F, T, E, C, N, R, U> {
        self.with_timer(timer)
    }

    /// Sets how long one attempt may take. It then fails with the error that `error` makes.
    ///
    /// An attempt also ends at the [`deadline`](Retry::deadline). A retry that takes too long was
    /// sent, so it has spent its tokens.
    ///
    /// If the error type only wraps that of a client, such as `reqwest::Error`, no timeout can be
    /// made of it here: set the timeout on each request instead, and the client makes the error.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Failure, Policy, retry};
    ///
    /// # #[cfg(not(feature = "tokio"))]
    /// # fn main() {}
    /// # #[cfg(feature = "tokio")]
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let answer: Result<(), _> = retry(Policy::aws(), async || std::future::pending().await)
    ///     .attempt_timeout(Duration::from_secs(2), Failure::timeout)
    ///     .run()
    ///     .await;
    /// assert_eq!(answer, Err(Failure::timeout()));
    /// # }
    /// ```
    pub fn attempt_timeout(mut self, timeout: Duration, error: fn() -> E) -> Self {
        self.driver.plan.attempt_timeout = Some(AttemptTimeout { timeout, error });
        self
    }
}

impl<F, T, E, C, N, R, S> Retry<'_, F, T, E, C, N, R, S>
where
    C: Classifier<E>,
    N: Notify<E>,
    R: Random,
    S: Timer,
{
    /// Makes the call. The future is `Send` if what the closure captured is.
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt, as `op` returned it.
    #[allow(
        clippy::manual_async_fn,
        reason = "an `async fn` would store `self` twice"
    )]
    pub fn run<Fut>(mut self) -> impl Future<Output = Result<T, E>>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        // The same loop as in `run_mut`, but without `AsyncFnMut`: through it, the future of a
        // closure that borrows is not `Send`.
        async move {
            let (started, mut last) = (self.start(), None);
            loop {
                // Checked here, not in the function: this halves what `run` adds to a call without
                // a limiter.
                if self.driver.plan.permit.limiter().is_some() {
                    self.wait_for_limiter(started, last.take()).await?;
                }
                self.driver.plan.tokens.sent();
                let result = match self.attempt_limit(started) {
                    None => (self.op)().await,
                    Some(limit) => limit.apply(pin!((self.op)())).await,
                };
                match self.settle(started, result) {
                    Outcome::Return(result) => return result,
                    Outcome::Sleep(delay, after) => {
                        // Zero if a limiter paces: a timer would make a millisecond of it.
                        if !delay.is_zero() {
                            self.timer.sleep(delay).await;
                        }
                        last = after.resume()?;
                    }
                }
            }
        }
    }

    /// Makes the call, for an async closure that changes what it captured, such as a counter or a
    /// connection.
    ///
    /// Otherwise it does what [`run`](Retry::run) does. The compiler cannot prove that its future
    /// is `Send` if the closure also borrows, so it may not fit into `tokio::spawn`.
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Policy, retry};
    ///
    /// # #[cfg(not(feature = "tokio"))]
    /// # fn main() {}
    /// # #[cfg(feature = "tokio")]
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let mut sent = 0;
    /// let call = retry(Policy::aws(), async || {
    ///     sent += 1;
    ///     if sent < 3 { Err(Failure::response(503)) } else { Ok("alice") }
    /// });
    /// assert_eq!(call.run_mut().await, Ok("alice"));
    /// assert_eq!(sent, 3);
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt, as `op` returned it.
    #[allow(
        clippy::manual_async_fn,
        reason = "an `async fn` would store `self` twice"
    )]
    pub fn run_mut(mut self) -> impl Future<Output = Result<T, E>>
    where
        F: AsyncFnMut() -> Result<T, E>,
    {
        async move {
            let (started, mut last) = (self.start(), None);
            loop {
                if self.driver.plan.permit.limiter().is_some() {
                    self.wait_for_limiter(started, last.take()).await?;
                }
                self.driver.plan.tokens.sent();
                let result = match self.attempt_limit(started) {
                    None => (self.op)().await,
                    Some(limit) => limit.apply(pin!((self.op)())).await,
                };
                match self.settle(started, result) {
                    Outcome::Return(result) => return result,
                    Outcome::Sleep(delay, after) => {
                        // Zero if a limiter paces: a timer would make a millisecond of it.
                        if !delay.is_zero() {
                            self.timer.sleep(delay).await;
                        }
                        last = after.resume()?;
                    }
                }
            }
        }
    }

    /// Returns when the call began. The clock is read only if there is a deadline.
    fn start(&self) -> Option<Duration> {
        if self.driver.plan.call.has_deadline() {
            self.timer.now()
        } else {
            None
        }
    }

    /// Waits until the limiter lets the next attempt be sent.
    async fn wait_for_limiter(
        &mut self,
        started: Option<Duration>,
        mut last: Option<E>,
    ) -> Result<(), E> {
        let Some(limiter) = self.driver.plan.limiter() else {
            return Ok(());
        };
        if self.driver.plan.refused.is_some() {
            return match limiter.acquire(limiter_time(self.timer.now())) {
                Ok(()) => {
                    self.driver.granted();
                    Ok(())
                }
                Err(wait) => {
                    let elapsed = self.elapsed(started);
                    let refused = self.driver.refused(elapsed, wait, &mut last);
                    refused.map_or(Ok(()), Err)
                }
            };
        }
        let Self { driver, timer, .. } = self;
        let most = |certain| {
            if last.is_none() || !driver.plan.call.has_deadline() {
                return Ok(Duration::MAX);
            }
            let elapsed = elapsed(timer, started, &driver.plan.call);
            match driver.refused(elapsed, certain, &mut last) {
                Some(error) => Err(error),
                None => Ok(driver.plan.call.time_left(elapsed)),
            }
        };
        Line::new(limiter).pass(timer, most).await?;
        self.driver.granted();
        Ok(())
    }

    fn attempt_limit(&self, started: Option<Duration>) -> Option<AttemptLimit<S::Sleep, E>> {
        let AttemptTimeout { timeout, error } = self.driver.plan.attempt_timeout.as_ref()?;
        let left = self.driver.plan.call.time_left(self.elapsed(started));
        Some(AttemptLimit {
            sleep: self.timer.sleep(left.min(*timeout)),
            error: *error,
        })
    }

    /// Decides what follows an attempt.
    fn settle(&mut self, started: Option<Duration>, result: Result<T, E>) -> Outcome<T, E> {
        let error = match result {
            Ok(value) => {
                self.driver.succeeded(|| self.timer.now());
                return Outcome::Return(Ok(value));
            }
            Err(error) => error,
        };
        let elapsed = self.elapsed(started);
        match self.driver.failed(&error, elapsed, || self.timer.now()) {
            Decision::Wait(delay) => Outcome::Sleep(delay, AfterFailure::Retry(error)),
            Decision::Stop(stop) => match final_wait(stop) {
                Some(delay) => Outcome::Sleep(delay, AfterFailure::Return(error)),
                None => Outcome::Return(Err(error)),
            },
        }
    }

    fn elapsed(&self, started: Option<Duration>) -> Duration {
        elapsed(&self.timer, started, &self.driver.plan.call)
    }
}

/// Returns the time since the call began; on a timer without a clock, the sum of the waits.
fn elapsed(timer: &impl Timer, started: Option<Duration>, call: &Call) -> Duration {
    let since = started.and_then(|started| Some(timer.now()?.saturating_sub(started)));
    since.unwrap_or(call.slept())
}

impl<F, T, E, C, N, R, S> fmt::Debug for Retry<'_, F, T, E, C, N, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("call", &self.driver.plan.call)
            .finish_non_exhaustive()
    }
}

/// What follows an attempt.
enum Outcome<T, E> {
    Return(Result<T, E>),
    Sleep(Duration, AfterFailure<E>),
}

/// What follows the sleep after a failed attempt. Both have the attempt's error.
enum AfterFailure<E> {
    Retry(E),
    Return(E),
}

impl<E> AfterFailure<E> {
    fn resume(self) -> Result<Option<E>, E> {
        match self {
            Self::Retry(error) => Ok(Some(error)),
            Self::Return(error) => Err(error),
        }
    }
}

/// Returns the wait before a call ends: that of a long poll whose retry the budget refused.
fn final_wait(stop: Stop) -> Option<Duration> {
    match stop {
        Stop::Budget { wait } if !wait.is_zero() => Some(wait),
        _ => None,
    }
}

/// The sleep that ends an attempt if it is over first, and the error the attempt then has.
struct AttemptLimit<S, E> {
    sleep: S,
    error: fn() -> E,
}

impl<S: Future, E> AttemptLimit<S, E> {
    /// Returns the result of `attempt`, or the error if the sleep is over first.
    async fn apply<T>(
        self,
        // Pinned by the caller: an attempt may be large, and passed by value it would be stored
        // twice.
        mut attempt: Pin<&mut impl Future<Output = Result<T, E>>>,
    ) -> Result<T, E> {
        let Self { sleep, error } = self;
        let mut sleep = pin!(sleep);
        poll_fn(|context| match attempt.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => sleep.as_mut().poll(context).map(|_| Err(error())),
        })
        .await
    }
}
