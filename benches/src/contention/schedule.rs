//! The schedules under comparison, with the public defaults of each crate.
//!
//! Keyfob and backon are the crates themselves. The others draw from the system's generator, so a
//! run could not be repeated; they are the formulas of their documentation with a seeded generator.

use std::rc::Rc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use keyfob_backoff::limit::{AdaptiveLimiter, ProbingLimiter, RateLimit};
use keyfob_backoff::{Budget, Decision, Failure, Policy, Random, SeededRandom};

/// The delays of one client: how long to wait after each throttled attempt, or `None` to give up.
pub type Delays = Box<dyn FnMut() -> Option<Duration>>;

/// The limiter that all clients ask before they send.
#[derive(Debug)]
pub enum Gate {
    /// No limiter.
    Open,
    /// The limiter that learns its rate from the answers.
    Adaptive(Box<AdaptiveLimiter>),
    /// The limit that the service documents.
    Documented(RateLimit),
    /// The limiter that finds the rate by itself.
    Probing(Box<ProbingLimiter>),
}

impl Gate {
    /// Takes permission to send a call at `now`.
    ///
    /// # Errors
    ///
    /// If the call must wait, returns how long.
    pub fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        match self {
            Gate::Open => Ok(()),
            Gate::Adaptive(limiter) => limiter.acquire(now),
            Gate::Documented(limit) => limit.acquire(now),
            Gate::Probing(limiter) => limiter.acquire(now),
        }
    }

    /// Records an answer. Returns true if a call that waits may go sooner than it was told.
    pub fn on_answer(&mut self, throttled: bool, now: Duration) -> bool {
        match self {
            Gate::Adaptive(limiter) => limiter.on_answer(throttled, now),
            Gate::Probing(limiter) => return limiter.on_answer(throttled, now),
            Gate::Open | Gate::Documented(_) => {}
        }
        false
    }

    /// Returns true if a throttled call goes to the end of the line, and sleeps no delay.
    pub fn paces(&self) -> bool {
        matches!(self, Gate::Probing(limiter) if limiter.paces())
    }
}

/// The schedule of a crate.
pub struct Schedule {
    /// The name in the report.
    pub name: &'static str,
    /// Whether the schedule is keyfob's.
    pub is_keyfob: bool,
    /// The limiter that all clients share.
    pub gate: Gate,
    client: Box<dyn Fn(u64) -> Delays>,
}

impl std::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schedule")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Schedule {
    fn new(name: &'static str, client: impl Fn(u64) -> Delays + 'static) -> Self {
        Schedule {
            name,
            is_keyfob: false,
            gate: Gate::Open,
            client: Box::new(client),
        }
    }

    /// Returns the delays of one client, drawn from its seed.
    pub fn client(&self, seed: u64) -> Delays {
        (self.client)(seed)
    }
}

/// How often a call is sent at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// By the crate's default or, if it has none, by the example of its documentation. Budgets
    /// apply.
    Default,
    /// Until it succeeds, so that all schedules do the same work. Budgets do not apply.
    Unlimited,
}

/// Returns all schedules, for a service that grants `rate` calls a second.
pub fn all(attempts: Attempts, rate: u32) -> Vec<Schedule> {
    let mut schedules = vec![
        keyfob("keyfob", attempts, None, Gate::Open),
        keyfob(
            "keyfob, adaptive",
            attempts,
            None,
            Gate::Adaptive(Box::default()),
        ),
        keyfob("keyfob, documented limit", attempts, None, documented(rate)),
    ];
    if attempts == Attempts::Default {
        let budget = Some(Rc::new(Budget::aws()));
        schedules.insert(1, keyfob("keyfob, budget", attempts, budget, Gate::Open));
    }
    schedules.extend([
        backon(attempts),
        tokio_retry2(attempts),
        reqwest_retry(attempts),
        smithy(attempts),
    ]);
    schedules
}

/// Returns the schedules of the limiters that find the rate, and after them all others, until all
/// calls have succeeded. The documented limit is `rate`, with a bucket of `bucket`.
pub fn finding(rate: u32, bucket: u32) -> Vec<Schedule> {
    let probing = |name, limiter| {
        let gate = Gate::Probing(Box::new(limiter));
        keyfob(name, Attempts::Unlimited, None, gate)
    };
    let mut schedules = vec![
        probing("keyfob, cautious", ProbingLimiter::cautious()),
        probing("keyfob, probing", ProbingLimiter::new()),
    ];
    schedules.extend(all(Attempts::Unlimited, rate));
    for schedule in &mut schedules {
        if let Gate::Documented(limit) = &mut schedule.gate {
            *limit = limit.burst(bucket);
        }
    }
    schedules
}

/// Returns a limiter with the documented rate.
fn documented(rate: u32) -> Gate {
    Gate::Documented(RateLimit::new(rate, Duration::from_secs(1)))
}

fn keyfob(
    name: &'static str,
    attempts: Attempts,
    budget: Option<Rc<Budget>>,
    gate: Gate,
) -> Schedule {
    let policy = match attempts {
        Attempts::Default => Policy::aws(),
        Attempts::Unlimited => Policy::aws().attempts(u32::MAX),
    };
    let mut schedule = Schedule::new(name, move |seed| {
        keyfob_delays(policy, budget.clone(), seed)
    });
    schedule.gate = gate;
    schedule.is_keyfob = true;
    schedule
}

fn keyfob_delays(policy: Policy, budget: Option<Rc<Budget>>, seed: u64) -> Delays {
    let (mut call, mut random) = (policy.start(), SeededRandom::new(seed));
    let throttled = Failure::response(400).with_code("Throttling");
    Box::new(move || {
        match call.on_failure(&throttled, Duration::ZERO, budget.as_deref(), &mut random) {
            Decision::Wait(delay) => Some(delay),
            Decision::Stop(_) => None,
        }
    })
}

/// Returns the schedule of backon 1.6: `ExponentialBuilder::default()`.
fn backon(attempts: Attempts) -> Schedule {
    let builder = match attempts {
        Attempts::Default => ExponentialBuilder::default(),
        Attempts::Unlimited => ExponentialBuilder::default().without_max_times(),
    };
    Schedule::new("backon", move |_| {
        let mut delays = builder.build();
        Box::new(move || delays.next())
    })
}

/// Returns the schedule of tokio-retry2 0.9, the example of its README: 10 ms to the power of the
/// attempt, at most 100 ms, times 0.5 to 1.5; 3 retries.
fn tokio_retry2(attempts: Attempts) -> Schedule {
    Schedule::new("tokio-retry2", move |seed| {
        let mut random = SeededRandom::new(seed);
        let mut retry = 0;
        limited(attempts, 3, move || {
            retry += 1;
            let millis = if retry == 1 { 10.0 } else { 100.0 };
            millis / 1e3 * (random.fraction() + 0.5)
        })
    })
}

/// Returns the schedule of reqwest-retry 0.9 with `ExponentialBackoff::builder()` of retry-policies
/// 0.5: 1 s doubling to 30 min, full jitter; 3 retries as in its README.
fn reqwest_retry(attempts: Attempts) -> Schedule {
    Schedule::new("reqwest-retry", move |seed| {
        doubling(attempts, 3, 1_800.0, seed)
    })
}

/// Returns the schedule of aws-smithy-runtime 1.16 in standard mode: 1 s doubling to 20 s, full
/// jitter, 2 retries, and a bucket of 500 tokens of which a retry takes 5.
fn smithy(attempts: Attempts) -> Schedule {
    let bucket = Rc::new(std::cell::Cell::new(500_u32));
    Schedule::new("aws-smithy-runtime", move |seed| {
        let (bucket, mut delays) = (bucket.clone(), doubling(attempts, 2, 20.0, seed));
        Box::new(move || {
            let delay = delays()?;
            if attempts == Attempts::Default {
                bucket.set(bucket.get().checked_sub(5)?);
            }
            Some(delay)
        })
    })
}

/// Returns delays with full jitter whose bound doubles from 1 s up to `cap` seconds.
fn doubling(attempts: Attempts, retries: u32, cap: f64, seed: u64) -> Delays {
    let mut random = SeededRandom::new(seed);
    let mut bound = 0.5;
    limited(attempts, retries, move || {
        bound = f64::min(bound * 2.0, cap);
        random.fraction() * bound
    })
}

/// Returns `retries` delays, made by `delay` in seconds, or delays without end.
fn limited(attempts: Attempts, retries: u32, mut delay: impl FnMut() -> f64 + 'static) -> Delays {
    let mut left = match attempts {
        Attempts::Default => retries,
        Attempts::Unlimited => u32::MAX,
    };
    Box::new(move || {
        left = left.checked_sub(1)?;
        Some(Duration::from_secs_f64(delay()))
    })
}
