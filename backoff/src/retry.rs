use core::{ops::ControlFlow, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{Budget, Call, Classify, Decision, Failure, Policy, Random, SplitMix64, Stop};

/// Makes a call under a policy: sends it, and while it fails with a fault, waits and sends it again. On the tokio timer.
///
/// Each attempt is one call of `op`, which must build and sign its request anew. Nothing happens before [`run`](Retry::run), or
/// [`run_mut`](Retry::run_mut) if the closure changes what it captured. Dropping the future cancels the call at once, asleep or not.
///
/// ```
/// use keyfob_backoff::{Budget, Failure, Policy, retry};
///
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
pub fn retry<'a, F, T, E>(policy: Policy, op: F) -> Retry<'a, F>
where
    F: AsyncFnMut() -> Result<T, E>,
{
    Retry {
        policy,
        op,
        budget: None,
        deadline: None,
        judge: ByTrait,
        notify: Silent,
        random: LazyEntropy(None),
    }
}

/// A call to be retried, made by [`retry`].
#[derive(Debug)]
#[must_use = "nothing is sent until `run` is awaited"]
pub struct Retry<'a, F, J = ByTrait, N = Silent, R = LazyEntropy> {
    policy: Policy,
    op: F,
    budget: Option<&'a Budget>,
    deadline: Option<Duration>,
    judge: J,
    notify: N,
    random: R,
}

/// A wait about to begin, as told to [`Retry::notify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pause {
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// How long until the next attempt.
    pub delay: Duration,
}

impl<'a, F, J, N, R> Retry<'a, F, J, N, R> {
    /// Takes retries from this budget, which other calls share. Without one only the policy's attempts bound the retries.
    pub fn budget(mut self, budget: &'a Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// How long the whole call may take. A wait that would outlast it is not begun: the error is returned instead. An attempt under way is
    /// not cut off.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Calls `notify` with the error before each wait: the place to log, to count, or to refresh something.
    pub fn notify<T, E, M>(self, notify: M) -> Retry<'a, F, J, M, R>
    where
        F: AsyncFnMut() -> Result<T, E>,
        M: FnMut(&E, &Pause),
    {
        let Self {
            policy,
            op,
            budget,
            deadline,
            judge,
            notify: _,
            random,
        } = self;
        Retry {
            policy,
            op,
            budget,
            deadline,
            judge,
            notify,
            random,
        }
    }

    /// Reads the facts of an error with `judge` instead of [`Classify`], for error types of other crates.
    pub fn classify_with<T, E, K>(self, judge: K) -> Retry<'a, F, K, N, R>
    where
        F: AsyncFnMut() -> Result<T, E>,
        K: for<'e> Fn(&'e E) -> Failure<'e>,
    {
        let Self {
            policy,
            op,
            budget,
            deadline,
            judge: _,
            notify,
            random,
        } = self;
        Retry {
            policy,
            op,
            budget,
            deadline,
            judge,
            notify,
            random,
        }
    }

    /// Draws the jitter from `random`, for delays that can be replayed. The default is seeded from the system at the first failure.
    pub fn random<S: Random>(self, random: S) -> Retry<'a, F, J, N, S> {
        let Self {
            policy,
            op,
            budget,
            deadline,
            judge,
            notify,
            random: _,
        } = self;
        Retry {
            policy,
            op,
            budget,
            deadline,
            judge,
            notify,
            random,
        }
    }

    /// Makes the call. The future is `Send` if what the closure captured is.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, as `op` returned it.
    pub async fn run<T, E, Fut>(mut self) -> Result<T, E>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        J: Judge<E>,
        N: Notify<E>,
        R: Random,
    {
        let (mut call, started) = self.start();
        loop {
            let outcome = (self.op)().await;
            if let ControlFlow::Break(result) = self.settle(&mut call, started, outcome).await {
                return result;
            }
        }
    }

    /// Makes the call, for an async closure that changes what it captured (a counter, a connection).
    ///
    /// The compiler cannot prove such a future `Send` if the closure also borrows, so it may not fit into `tokio::spawn`; everywhere else it does
    /// what [`run`](Retry::run) does.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, as `op` returned it.
    pub async fn run_mut<T, E>(mut self) -> Result<T, E>
    where
        F: AsyncFnMut() -> Result<T, E>,
        J: Judge<E>,
        N: Notify<E>,
        R: Random,
    {
        let (mut call, started) = self.start();
        loop {
            let outcome = (self.op)().await;
            if let ControlFlow::Break(result) = self.settle(&mut call, started, outcome).await {
                return result;
            }
        }
    }

    fn start(&self) -> (Call, Option<Instant>) {
        let call = self.policy.start();
        match self.deadline {
            Some(deadline) => (call.with_deadline(deadline), Some(Instant::now())),
            None => (call, None),
        }
    }

    /// Returns the outcome of an attempt if it is final; if not, waits until the next one is due.
    async fn settle<T, E>(
        &mut self,
        call: &mut Call,
        started: Option<Instant>,
        outcome: Result<T, E>,
    ) -> ControlFlow<Result<T, E>>
    where
        J: Judge<E>,
        N: Notify<E>,
        R: Random,
    {
        let error = match outcome {
            Ok(value) => {
                call.on_success(self.budget);
                return ControlFlow::Break(Ok(value));
            }
            Err(error) => error,
        };
        match self.decide(call, &error, started) {
            Decision::Wait(delay) => {
                sleep(delay).await;
                ControlFlow::Continue(())
            }
            Decision::Stop(stop) => {
                part(stop).await;
                ControlFlow::Break(Err(error))
            }
        }
    }

    fn decide<E>(&mut self, call: &mut Call, error: &E, started: Option<Instant>) -> Decision
    where
        J: Judge<E>,
        N: Notify<E>,
        R: Random,
    {
        let attempt = call.attempt();
        let elapsed = started.map_or(Duration::ZERO, |started| started.elapsed());
        let failure = self.judge.failure(error);
        let decision = call.on_failure(&failure, elapsed, self.budget, &mut self.random);
        if let Decision::Wait(delay) = decision {
            self.notify.notify(error, &Pause { attempt, delay });
        }
        decision
    }
}

/// A long poll refused by the budget waits once more before its error is returned.
async fn part(stop: Stop) {
    if let Stop::Budget { wait } = stop {
        sleep(wait).await;
    }
}

/// Reads the facts of an error.
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

/// The default generator: seeded when it is first needed, so that a call that succeeds pays nothing for it.
#[derive(Debug)]
pub struct LazyEntropy(Option<SplitMix64>);

impl Random for LazyEntropy {
    fn fraction(&mut self) -> f64 {
        self.0
            .get_or_insert_with(SplitMix64::from_entropy)
            .fraction()
    }
}
