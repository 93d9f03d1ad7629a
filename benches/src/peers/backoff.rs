//! Measures decisions on retries, and what `retry` adds to a call that succeeds, for keyfob and
//! backon; and the decisions of limiters: keyfob's and governor's.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use governor::clock::{Clock, FakeRelativeClock};
use governor::{Quota, RateLimiter};
use keyfob_backoff::limit::{AdaptiveLimiter, Algorithm, ProbingLimiter, RateLimit};
use keyfob_backoff::{Budget, Call, Decision, Failure, Policy, SeededRandom, retry};

use super::keyfob::NAME;
use super::{Comparison, ready};
use crate::BoxError;
use crate::measure::Contender;

/// The operations in one measured step. One alone is shorter than the harness around it.
const STEP: u32 = 100;

/// The comparisons.
pub const CASES: [Comparison; 3] = [
    ("100-decisions", decisions),
    ("100-happy-calls", happy_path),
    ("100-limited-calls", limiters),
];

/// Returns the contenders of 100 decisions on a throttled answer: keyfob classifies it, takes
/// tokens from a budget and draws a delay; backon draws a delay.
fn decisions() -> Result<Vec<Contender<'static>>, BoxError> {
    let budget = Budget::aws().with_capacity(u32::MAX);
    let policy = Policy::aws().attempts(u32::MAX);
    let keyfob = Contender::new(
        NAME,
        move |n| Ok((policy.start(), SeededRandom::new(n))),
        move |(call, random): &mut (Call, SeededRandom)| {
            for _ in 0..STEP {
                let failure = black_box(Failure::response(400).with_code("Throttling"));
                let decision = call.on_failure(&failure, Duration::ZERO, Some(&budget), random);
                if !matches!(black_box(decision), Decision::Wait(_)) {
                    return Err("keyfob gave up".into());
                }
            }
            Ok(())
        },
    );
    let builder = ExponentialBuilder::new().with_jitter().without_max_times();
    let backon = Contender::new(
        "backon",
        move |n| Ok(builder.with_jitter_seed(n).build()),
        |delays| {
            for _ in 0..STEP {
                black_box(delays.next()).ok_or("backon gave up")?;
            }
            Ok(())
        },
    );
    Ok(vec![keyfob, backon])
}

/// Returns the contenders of 100 calls that succeed at the first attempt: through keyfob with a
/// budget, through backon, and without either.
fn happy_path() -> Result<Vec<Contender<'static>>, BoxError> {
    static BUDGET: Budget = Budget::aws();
    let through_keyfob = |n: &mut u64| {
        hundred(|| {
            once(
                retry(Policy::aws(), async || answer(*n))
                    .budget(&BUDGET)
                    .run(),
            )
        })
    };
    let through_backon = |n: &mut u64| {
        let builder = ExponentialBuilder::new().with_jitter();
        hundred(|| once(async { (async || answer(*n)).retry(builder).await }))
    };
    let awaited = |n: &mut u64| hundred(|| once(async { answer(*n) }));
    Ok(vec![
        Contender::new(NAME, Ok, through_keyfob),
        Contender::new("backon", Ok, through_backon),
        Contender::new("await", Ok, awaited),
    ])
}

/// Returns the contenders of 100 calls that a limiter paces at 100 a second, without a lock. Each
/// is three decisions: the call must wait, is granted after the wait, and is answered.
fn limiters() -> Result<Vec<Contender<'static>>, BoxError> {
    let second = Duration::from_secs(1);
    Ok(vec![
        paced(NAME, ProbingLimiter::new()),
        paced("keyfob-adaptive", AdaptiveLimiter::new()),
        paced("keyfob-fixed", RateLimit::new(100, second)),
        governor()?,
    ])
}

/// Returns the contender that waits for a limiter of governor, on its clock for tests. It has no
/// decision after an answer.
fn governor() -> Result<Contender<'static>, BoxError> {
    let burst = NonZeroU32::new(100).ok_or("zero")?;
    let quota = Quota::per_second(burst);
    let prepare = move |_| {
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        // The bucket is full at first.
        while limiter.check().is_ok() {}
        Ok((limiter, clock))
    };
    Ok(Contender::new("governor", prepare, |(limiter, clock)| {
        for _ in 0..STEP {
            if let Err(early) = black_box(limiter.check()) {
                clock.advance(early.wait_time_from(clock.now()));
                limiter.check().map_err(|_| "the wait was too short")?;
            }
        }
        Ok(())
    }))
}

fn paced<L: Algorithm + Clone + 'static>(name: &'static str, mut limiter: L) -> Contender<'static> {
    let start = calibrated(&mut limiter);
    Contender::new(
        name,
        move |_| Ok((limiter.clone(), start)),
        |(limiter, now): &mut (L, Duration)| {
            for _ in 0..STEP {
                if let Err(wait) = black_box(limiter.acquire(*now)) {
                    *now += wait;
                    limiter
                        .acquire(*now)
                        .map_err(|_| "the wait was too short")?;
                }
                black_box(limiter.on_answer(false, *now));
            }
            Ok(())
        },
    )
}

/// Lets the limiter pace calls for ten seconds on a service that grants 100 a second, and on until
/// one is throttled. Returns the time after that.
fn calibrated(limiter: &mut impl Algorithm) -> Duration {
    let mut service = RateLimit::new(100, Duration::from_secs(1));
    let mut now = Duration::ZERO;
    loop {
        if let Err(wait) = limiter.acquire(now) {
            now += wait;
            continue;
        }
        let throttled = service.acquire(now).is_err();
        now += Duration::from_millis(1);
        limiter.on_answer(throttled, now);
        if now.as_secs() >= 10 && (throttled || now.as_secs() >= 20) {
            return now;
        }
    }
}

fn hundred(mut call: impl FnMut() -> Result<u64, BoxError>) -> Result<(), BoxError> {
    for _ in 0..STEP {
        black_box(call()?);
    }
    Ok(())
}

/// The call under retry, the same for all contenders.
fn answer(n: u64) -> Result<u64, Failure<'static>> {
    Ok(black_box(n))
}

/// Runs a future that never waits.
fn once<E>(call: impl Future<Output = Result<u64, E>>) -> Result<u64, BoxError> {
    ready(call)?.map_err(|_| "the call failed".into())
}
