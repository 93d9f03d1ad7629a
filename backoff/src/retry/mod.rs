mod blocking;
mod driver;
mod timer;

use core::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

pub use blocking::{Blocking, BlockingSleep, ThreadSleep, retry_blocking};
pub(crate) use driver::Entropy;
use driver::{ByTrait, Driver, MakeError, Plan, Silent};
pub use driver::{Judge, Notify, Pause, Report};
use timer::DefaultTimer;
pub use timer::Timer;

use crate::{Budget, Decision, Failure, Limiter, Policy, Random, Stop};

/// Makes a call under a policy: sends it, and while it fails with a fault, waits and sends it again.
///
/// Each attempt is one call of `op`, which must build and sign its request anew. Nothing happens before
/// [`run`](Retry::run), or [`run_mut`](Retry::run_mut) if the closure changes what it captured. Dropping the
/// future cancels the call at once, asleep or not.
///
/// With feature `tokio` it sleeps on the tokio timer; on any other, name one with [`timer`](Retry::timer).
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
/// # let answers = RefCell::new(vec![Ok("arn:aws:iam::123456789012:user/alice"), Err(Failure::response(503))]);
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

/// A call to be retried, made by [`retry`] or [`retry_blocking`].
#[must_use = "nothing is sent until it is run"]
pub struct Retry<'a, F, T, E, J = ByTrait, N = Silent, R = Entropy, S = DefaultTimer> {
    op: F,
    driver: Driver<'a, E, J, N, R>,
    timer: S,
    output: PhantomData<fn() -> T>,
}

impl<'a, F, T, E, S> Retry<'a, F, T, E, ByTrait, Silent, Entropy, S> {
    fn new(policy: Policy, op: F, timer: S) -> Self {
        let driver = Driver::new(Plan::new(policy), ByTrait, Silent, Entropy::default());
        Self::assemble(op, driver, timer)
    }
}

impl<'a, F, T, E, J, N, R, S> Retry<'a, F, T, E, J, N, R, S> {
    /// Takes retries from this budget, which other calls share. Without one only the policy's attempts bound
    /// the retries.
    pub fn budget(mut self, budget: &'a Budget) -> Self {
        self.driver.plan.budget = Some(budget);
        self
    }

    /// How long the whole call may take. A wait that would outlast it is not begun: the error is returned
    /// instead. An attempt under way is cut off only if there is an
    /// [`attempt_timeout`](Retry::attempt_timeout).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.driver.plan.call = self.driver.plan.call.with_deadline(deadline);
        self
    }

    /// Asks this limiter before each attempt, waits as long as it says, and tells it of each answer.
    pub fn limiter(mut self, limiter: &'a (dyn Limiter + Sync)) -> Self {
        self.driver.plan.limiter = Some(limiter);
        self
    }

    /// Asks this limiter before each attempt and fails at once if it says to wait: with the error of the
    /// attempt before, or `refused` if nothing was sent yet.
    pub fn limiter_fail_fast(
        mut self,
        limiter: &'a (dyn Limiter + Sync),
        refused: fn() -> E,
    ) -> Self {
        self.driver.plan.limiter = Some(limiter);
        self.driver.plan.refuse = Some(refused);
        self
    }

    /// Writes into `report` how often the call was sent, how long it waited and why it stopped.
    pub fn report(mut self, report: &'a mut Report) -> Self {
        self.driver.plan.report = Some(report);
        self
    }

    /// Calls `notify` with the error before each wait: the place to log, to count, or to refresh something.
    pub fn notify<M>(self, notify: M) -> Retry<'a, F, T, E, J, M, R, S>
    where
        M: FnMut(&E, &Pause),
    {
        let (plan, judge, _, random) = self.driver.into_parts();
        Retry::assemble(
            self.op,
            Driver::new(plan, judge, notify, random),
            self.timer,
        )
    }

    /// Reads the facts of an error with `judge` instead of [`Classify`](crate::Classify), for error types of
    /// other crates.
    pub fn classify_with<K>(self, judge: K) -> Retry<'a, F, T, E, K, N, R, S>
    where
        K: for<'e> Fn(&'e E) -> Failure<'e>,
    {
        let (plan, _, notify, random) = self.driver.into_parts();
        Retry::assemble(
            self.op,
            Driver::new(plan, judge, notify, random),
            self.timer,
        )
    }

    /// Draws the jitter from `random`, for delays that can be replayed. The default is seeded from the system
    /// at the first failure. On `wasm32-unknown-unknown` the standard library has no randomness to seed from:
    /// pass a generator there, or all clients wait alike.
    pub fn random<Q: Random>(self, random: Q) -> Retry<'a, F, T, E, J, N, Q, S> {
        let (plan, judge, notify, _) = self.driver.into_parts();
        Retry::assemble(
            self.op,
            Driver::new(plan, judge, notify, random),
            self.timer,
        )
    }

    fn with_timer<U>(self, timer: U) -> Retry<'a, F, T, E, J, N, R, U> {
        Retry::assemble(self.op, self.driver, timer)
    }

    fn assemble(op: F, driver: Driver<'a, E, J, N, R>, timer: S) -> Self {
        Self {
            op,
            driver,
            timer,
            output: PhantomData,
        }
    }
}

impl<'a, F, T, E, J, N, R, S> Retry<'a, F, T, E, J, N, R, S>
where
    F: AsyncFnMut() -> Result<T, E>,
{
    /// Sleeps on this timer: any `Fn(Duration) -> impl Future`, such as `async_io::Timer::after` or
    /// `gloo_timers::future::sleep`.
    pub fn timer<U: Timer>(self, timer: U) -> Retry<'a, F, T, E, J, N, R, U> {
        self.with_timer(timer)
    }

    /// Gives up an attempt after this long, or when the deadline comes, and lets it count as failed with the
    /// error `late` makes.
    pub fn attempt_timeout(mut self, timeout: Duration, late: fn() -> E) -> Self {
        self.driver.plan.attempt_timeout = Some((timeout, late));
        self
    }
}

impl<F, T, E, J, N, R, S> Retry<'_, F, T, E, J, N, R, S>
where
    J: Judge<E>,
    N: Notify<E>,
    R: Random,
    S: Timer,
{
    /// Makes the call. The future is `Send` if what the closure captured is.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, as `op` returned it.
    #[allow(
        clippy::manual_async_fn,
        reason = "an `async fn` would keep `self` twice"
    )]
    pub fn run<Fut>(mut self) -> impl Future<Output = Result<T, E>>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        // The loop of `run_mut` once more: through `AsyncFnMut`, the future of a closure that borrows is not `Send`.
        async move {
            let (started, mut last) = (self.start(), None);
            loop {
                if self.driver.plan.limiter.is_some() {
                    self.admit(started, last.take()).await?;
                }
                let outcome = match self.time_limit(started) {
                    None => (self.op)().await,
                    Some(limit) => within(pin!((self.op)()), limit).await,
                };
                match self.settle(started, outcome) {
                    Next::Return(outcome) => return outcome,
                    Next::Sleep(delay, then) => {
                        self.timer.sleep(delay).await;
                        last = then.resume()?;
                    }
                }
            }
        }
    }

    /// Makes the call, for an async closure that changes what it captured (a counter, a connection).
    ///
    /// The compiler cannot prove such a future `Send` if the closure also borrows, so it may not fit into
    /// `tokio::spawn`; everywhere else it does what [`run`](Retry::run) does.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, as `op` returned it.
    #[allow(
        clippy::manual_async_fn,
        reason = "an `async fn` would keep `self` twice"
    )]
    pub fn run_mut(mut self) -> impl Future<Output = Result<T, E>>
    where
        F: AsyncFnMut() -> Result<T, E>,
    {
        async move {
            let (started, mut last) = (self.start(), None);
            loop {
                if self.driver.plan.limiter.is_some() {
                    self.admit(started, last.take()).await?;
                }
                let outcome = match self.time_limit(started) {
                    None => (self.op)().await,
                    Some(limit) => within(pin!((self.op)()), limit).await,
                };
                match self.settle(started, outcome) {
                    Next::Return(outcome) => return outcome,
                    Next::Sleep(delay, then) => {
                        self.timer.sleep(delay).await;
                        last = then.resume()?;
                    }
                }
            }
        }
    }

    /// When the call began, if anybody needs to know.
    fn start(&self) -> Option<Duration> {
        if self.driver.plan.call.has_deadline() {
            self.timer.now()
        } else {
            None
        }
    }

    /// Waits for the limiter's leave. Not even called if there is none, which halves what `run` adds to a call.
    async fn admit(&mut self, started: Option<Duration>, mut last: Option<E>) -> Result<(), E> {
        while let Some(wait) = self.driver.plan.ask_limiter(|| self.timer.now()) {
            let elapsed = self.elapsed(started);
            if let Some(error) = self.driver.refused(elapsed, wait, &mut last) {
                return Err(error);
            }
            self.timer.sleep(wait).await;
        }
        Ok(())
    }

    /// The wait that ends the coming attempt, and the error it then has.
    fn time_limit(&self, started: Option<Duration>) -> Option<(S::Sleep, MakeError<E>)> {
        let (timeout, late) = self.driver.plan.attempt_timeout?;
        let left = self.driver.plan.call.time_left(self.elapsed(started));
        Some((self.timer.sleep(left.min(timeout)), late))
    }

    fn settle(&mut self, started: Option<Duration>, outcome: Result<T, E>) -> Next<T, E> {
        let error = match outcome {
            Ok(value) => {
                self.driver.succeeded(|| self.timer.now());
                return Next::Return(Ok(value));
            }
            Err(error) => error,
        };
        let elapsed = self.elapsed(started);
        match self.driver.failed(&error, elapsed, || self.timer.now()) {
            Decision::Wait(delay) => Next::Sleep(delay, Then::Again(error)),
            Decision::Stop(stop) => match parting_wait(stop) {
                Some(delay) => Next::Sleep(delay, Then::Fail(error)),
                None => Next::Return(Err(error)),
            },
        }
    }

    /// Since the call began; on a timer without a clock, the waits alone.
    fn elapsed(&self, started: Option<Duration>) -> Duration {
        let since = started.and_then(|started| Some(self.timer.now()?.saturating_sub(started)));
        since.unwrap_or(self.driver.plan.call.slept())
    }
}

impl<F, T, E, J, N, R, S> fmt::Debug for Retry<'_, F, T, E, J, N, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("call", &self.driver.plan.call)
            .finish_non_exhaustive()
    }
}

/// What follows an attempt.
enum Next<T, E> {
    Return(Result<T, E>),
    Sleep(Duration, Then<E>),
}

/// What follows a sleep, with the error of the attempt before it.
enum Then<E> {
    Again(E),
    Fail(E),
}

impl<E> Then<E> {
    fn resume(self) -> Result<Option<E>, E> {
        match self {
            Self::Again(error) => Ok(Some(error)),
            Self::Fail(error) => Err(error),
        }
    }
}

/// A long poll refused by the budget waits once more before its error is returned.
fn parting_wait(stop: Stop) -> Option<Duration> {
    match stop {
        Stop::Budget { wait } if !wait.is_zero() => Some(wait),
        _ => None,
    }
}

/// The outcome of `attempt`, or the error it has if its limit is over first.
///
/// It takes the attempt pinned: an attempt may be large, and this way it is kept only once.
async fn within<T, E>(
    mut attempt: Pin<&mut impl Future<Output = Result<T, E>>>,
    (limit, late): (impl Future, MakeError<E>),
) -> Result<T, E> {
    let mut limit = pin!(limit);
    poll_fn(|context| match attempt.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(outcome),
        Poll::Pending => limit.as_mut().poll(context).map(|_| Err(late())),
    })
    .await
}
