//! Checks what callers rely on without naming it: auto traits, `const`, and traits that can be
//! objects.

#![cfg(feature = "std")]

use std::time::Duration;

use keyfob_backoff::limit::{
    AdaptiveLimiter, KeyedLimit, Limiter, ProbingLimiter, RateLimit, Shared,
};
use keyfob_backoff::{
    Budget, Call, Classify, Failure, Fault, Hint, Policy, Random, Report, SeededRandom,
};

static BUDGET: Budget = Budget::aws_v2_0().with_capacity(100).with_tokens(50);
static ADAPTIVE: Shared<AdaptiveLimiter> = Shared::new(AdaptiveLimiter::new());
static PROBING: Shared<ProbingLimiter> = Shared::new(ProbingLimiter::cautious());
static DOCUMENTED: Shared<RateLimit> =
    Shared::new(RateLimit::new(20, Duration::from_secs(1)).burst(100));
const POLICY: Policy = Policy::dynamodb()
    .attempts(8)
    .retry_codes(&["RequestTimeout"])
    .non_idempotent();
const CALL: Call = POLICY.start().with_deadline(Duration::from_secs(30));

fn is_send_sync<T: Send + Sync>() {}
fn is_copy<T: Copy + Send + Sync + 'static>() {}

#[test]
fn values_are_shared_and_copied_freely() {
    is_copy::<Policy>();
    is_copy::<Call>();
    is_copy::<Fault>();
    is_copy::<Hint>();
    is_copy::<Report>();
    is_send_sync::<Budget>();
    is_send_sync::<KeyedLimit<String>>();
    is_send_sync::<KeyedLimit<String, ProbingLimiter>>();
    is_send_sync::<SeededRandom>();
}

#[test]
fn shared_values_can_be_statics() {
    assert_eq!(BUDGET.available(), 50);
    assert_eq!(CALL.attempt(), 1);
    let limiters: [&dyn Limiter; 3] = [&ADAPTIVE, &PROBING, &DOCUMENTED];
    assert!(
        limiters
            .iter()
            .all(|limiter| limiter.acquire(Duration::ZERO).is_ok())
    );
}

#[test]
fn errors_and_generators_can_be_objects() {
    let error: Box<dyn Classify> = Box::new(Failure::response(503));
    assert_eq!(error.failure().status(), Some(503));
    let random: &mut dyn Random = &mut || 0.5;
    assert!((random.fraction() - 0.5).abs() < f64::EPSILON);
}

#[cfg(feature = "tokio")]
#[test]
fn a_call_with_everything_is_send() {
    fn is_send(_: impl Send) {}
    let (mut report, borrowed) = (Report::default(), String::from("client"));
    let call = keyfob_backoff::retry(POLICY, async || {
        tokio::task::yield_now().await;
        Err::<usize, _>(Failure::response(borrowed.len() as u16))
    });
    let call = call
        .budget(&BUDGET)
        .deadline(Duration::from_secs(1))
        .limiter_fail_fast(&ADAPTIVE, Failure::local)
        .attempt_timeout(Duration::from_secs(1), Failure::timeout)
        .notify(|_, _| ())
        .classify_with(|failure: &Failure<'_>| *failure)
        .report(&mut report);
    is_send(call.run());
}
