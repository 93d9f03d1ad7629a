//! Tests `retry_blocking` with a sleep that only records its duration.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use keyfob_backoff::{Budget, Failure, Policy, Report, SeededRandom, Stop, retry_blocking};

const THROTTLED: Failure<'static> = Failure::response(429);

#[test]
fn a_blocking_call_is_retried_like_any_other() {
    let budget = Budget::aws();
    let mut slept = Vec::new();
    let mut sent = 0;
    let answer = retry_blocking(Policy::aws(), || {
        sent += 1;
        if sent < 3 {
            Err(THROTTLED)
        } else {
            Ok("alice")
        }
    })
    .random(|| 1.0)
    .budget(&budget)
    .sleep_with(|delay: Duration| {
        slept.push(delay.as_secs());
        ControlFlow::Continue(())
    })
    .run();
    assert_eq!(
        (answer, slept, budget.available()),
        (Ok("alice"), vec![1, 2], 495)
    );
}

#[test]
fn the_same_seed_gives_the_same_waits() {
    let waits = |seed| {
        let slept = Mutex::new(Vec::new());
        let _: Result<(), _> = retry_blocking(Policy::aws().attempts(6), || Err(THROTTLED))
            .random(SeededRandom::new(seed))
            .sleep_with(|delay| {
                slept.lock().unwrap().push(delay);
                ControlFlow::Continue(())
            })
            .run();
        slept.into_inner().unwrap()
    };
    assert_eq!(waits(1).len(), 5);
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
}

#[test]
fn a_cancelled_sleep_ends_the_call_with_its_last_error() {
    let mut report = Report::default();
    let mut sent = 0;
    let answer: Result<(), _> = retry_blocking(Policy::aws(), || {
        sent += 1;
        Err(THROTTLED)
    })
    .random(|| 1.0)
    .sleep_with(|_| ControlFlow::Break(()))
    .report(&mut report)
    .run();
    assert_eq!((answer, sent), (Err(THROTTLED), 1));
    assert_eq!((report.attempts, report.stop), (1, Some(Stop::Cancelled)));
}

#[test]
fn a_sleep_that_is_cancelled_gives_its_tokens_back() {
    let budget = Budget::aws();
    let mut sleeps = 0;
    let answer: Result<(), _> = retry_blocking(Policy::aws(), || Err(THROTTLED))
        .random(|| 1.0)
        .budget(&budget)
        .sleep_with(|_| {
            sleeps += 1;
            match sleeps {
                1 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })
        .run();
    // The first retry was sent, the second was not.
    assert_eq!((answer, budget.available()), (Err(THROTTLED), 495));
}

#[test]
fn a_sleep_that_panics_gives_its_tokens_back() {
    let budget = Budget::aws();
    let call = retry_blocking(Policy::aws(), || Err::<(), _>(THROTTLED))
        .random(|| 1.0)
        .budget(&budget)
        .sleep_with(|_| panic!("stop"));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call.run()));
    assert!(outcome.is_err());
    assert_eq!(budget.available(), 500);
}

#[cfg(feature = "std")]
#[test]
fn a_retry_that_the_limiter_refuses_gives_its_tokens_back() {
    let budget = Budget::aws();
    let limit = keyfob_backoff::limit::Shared::new(keyfob_backoff::limit::RateLimit::new(
        1,
        Duration::from_secs(3_600),
    ));
    let answer: Result<(), _> = retry_blocking(Policy::aws(), || Err(THROTTLED))
        .budget(&budget)
        .limiter_fail_fast(&limit, Failure::local)
        .sleep_with(|_| ControlFlow::Continue(()))
        .run();
    assert_eq!((answer, budget.available()), (Err(THROTTLED), 500));
}

#[test]
fn a_long_poll_refused_by_the_budget_waits_before_it_fails() {
    let budget = Budget::aws().with_tokens(0);
    let mut slept = Vec::new();
    let answer: Result<(), _> = retry_blocking(Policy::aws().long_polling(), || Err(THROTTLED))
        .random(|| 1.0)
        .budget(&budget)
        .sleep_with(|delay: Duration| {
            slept.push(delay.as_secs());
            ControlFlow::Continue(())
        })
        .run();
    assert_eq!((answer, slept), (Err(THROTTLED), vec![1]));
}

#[cfg(feature = "std")]
#[test]
fn the_thread_sleeps_by_default() {
    let started = std::time::Instant::now();
    let policy = Policy::aws().base(Duration::from_millis(20)).attempts(2);
    let answer: Result<(), _> = retry_blocking(policy, || Err(Failure::response(500)))
        .random(|| 1.0)
        .run();
    assert!(answer.is_err());
    assert!(started.elapsed() >= Duration::from_millis(20));
}
