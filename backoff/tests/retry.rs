//! Tests `retry` on a paused tokio clock: what it sends, how long it waits, what it returns.

#![cfg(feature = "tokio")]

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use keyfob_backoff::hooks::Timer;
use keyfob_backoff::limit::{AdaptiveLimiter, KeyedLimit, Limiter, RateLimit, Shared};
use keyfob_backoff::{Budget, Classify, ClockSkew, Failure, Policy, Report, Stop, retry};
use tokio::time::Instant;

#[derive(Debug, PartialEq)]
struct ServiceError {
    status: u16,
    code: &'static str,
}

impl Classify for ServiceError {
    fn failure(&self) -> Failure<'_> {
        Failure::response(self.status).with_code(self.code)
    }
}

const THROTTLED: ServiceError = ServiceError {
    status: 400,
    code: "Throttling",
};
const DENIED: ServiceError = ServiceError {
    status: 403,
    code: "AccessDenied",
};

#[tokio::test(start_paused = true)]
async fn throttling_is_retried_until_it_passes() {
    let started = Instant::now();
    let mut sent = 0;
    let answer = retry(Policy::aws(), async || {
        sent += 1;
        if sent < 3 {
            Err(THROTTLED)
        } else {
            Ok("alice")
        }
    })
    .random(|| 1.0)
    .run_mut()
    .await;
    assert_eq!(answer, Ok("alice"));
    assert_eq!(started.elapsed().as_secs(), 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn any_other_4xx_comes_back_at_once_and_unwrapped() {
    let mut sent = 0;
    let answer: Result<(), _> = retry(Policy::aws(), async || {
        sent += 1;
        Err(DENIED)
    })
    .run_mut()
    .await;
    assert_eq!(answer, Err(DENIED));
    assert_eq!(sent, 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_returned_when_the_attempts_are_used_up() {
    let mut sent = 0;
    let answer: Result<(), _> = retry(Policy::aws().attempts(4), async || {
        sent += 1;
        Err(THROTTLED)
    })
    .run_mut()
    .await;
    assert_eq!((answer, sent), (Err(THROTTLED), 4));
}

#[tokio::test(start_paused = true)]
async fn the_closure_may_borrow_mutably_across_its_awaits() {
    let mut log = Vec::new();
    let mut answers = vec![Ok(()), Err(THROTTLED)];
    let answer = retry(Policy::aws(), async || {
        log.push("send");
        tokio::task::yield_now().await;
        log.push("receive");
        answers.pop().unwrap()
    })
    .run_mut()
    .await;
    assert_eq!(answer, Ok(()));
    assert_eq!(log, ["send", "receive", "send", "receive"]);
}

#[tokio::test(start_paused = true)]
async fn a_retried_call_can_be_spawned() {
    let client = String::from("client");
    let task = tokio::spawn(async move {
        let sent = AtomicU32::new(0);
        retry(Policy::aws(), async || {
            tokio::task::yield_now().await;
            if sent.fetch_add(1, Relaxed) == 0 {
                Err(THROTTLED)
            } else {
                Ok(client.len())
            }
        })
        .notify(|error, _| assert_eq!(error, &THROTTLED))
        .run()
        .await
    });
    assert_eq!(task.await.unwrap(), Ok(6));
}

#[tokio::test(start_paused = true)]
async fn notify_is_called_for_every_wait_and_only_then() {
    let notified = RefCell::new(Vec::new());
    let _: Result<(), _> = retry(Policy::aws(), async || Err(THROTTLED))
        .random(|| 0.5)
        .notify(|error, pause| {
            notified
                .borrow_mut()
                .push((error.code, pause.attempt, pause.delay));
        })
        .run()
        .await;
    let second = Duration::from_secs(1);
    assert_eq!(
        notified.into_inner(),
        [("Throttling", 1, second / 2), ("Throttling", 2, second)]
    );
}

#[tokio::test(start_paused = true)]
async fn errors_of_other_crates_are_classified_by_a_closure() {
    let mut sent = 0;
    let answer: Result<(), std::io::Error> =
        retry(Policy::aws().retry_connect_failures(), async || {
            sent += 1;
            Err(std::io::ErrorKind::ConnectionRefused.into())
        })
        .classify_with(|error: &std::io::Error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => Failure::connect(),
            _ => Failure::local(),
        })
        .run_mut()
        .await;
    assert_eq!(
        answer.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    assert_eq!(sent, 3);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_the_attempts_too() {
    let started = Instant::now();
    let mut sent = 0;
    let answer: Result<(), _> = retry(Policy::aws().attempts(10), async || {
        sent += 1;
        tokio::time::sleep(Duration::from_secs(4)).await;
        Err(THROTTLED)
    })
    .random(|| 1.0)
    .deadline(Duration::from_secs(10))
    .run_mut()
    .await;
    // 4 s + 1 s + 4 s; the next wait of 2 s would end after the deadline.
    assert_eq!(
        (answer, sent, started.elapsed().as_secs()),
        (Err(THROTTLED), 2, 9)
    );
}

#[tokio::test(start_paused = true)]
async fn calls_that_share_a_budget_stop_retrying_together() {
    let budget = Budget::aws().with_tokens(14);
    let attempts = async || {
        let mut sent = 0;
        let _: Result<(), _> = retry(Policy::aws(), async || {
            sent += 1;
            Err(Failure::response(500))
        })
        .budget(&budget)
        .run_mut()
        .await;
        sent
    };
    assert_eq!((attempts().await, attempts().await), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_refused_by_the_budget_waits_before_it_fails() {
    let budget = Budget::aws().with_tokens(0);
    let started = Instant::now();
    let answer: Result<(), _> = retry(Policy::aws().long_polling(), async || {
        Err(Failure::response(500))
    })
    .budget(&budget)
    .random(|| 1.0)
    .run()
    .await;
    assert!(answer.is_err());
    assert_eq!(started.elapsed().as_millis(), 50);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_cancels_the_wait_at_once() {
    let started = Instant::now();
    let call = retry(Policy::aws(), async || Err::<(), _>(THROTTLED))
        .random(|| 1.0)
        .run();
    let outcome = tokio::time::timeout(Duration::from_millis(10), call).await;
    assert!(outcome.is_err());
    assert_eq!(started.elapsed().as_millis(), 10);
}

/// Drops a future that is not done after this time.
async fn cancel_after(time: Duration, call: impl Future) {
    assert!(tokio::time::timeout(time, call).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_gives_its_tokens_back() {
    let budget = Budget::aws();
    for _ in 0..40 {
        let call = retry(Policy::aws(), async || Err::<(), _>(THROTTLED));
        let call = call.random(|| 1.0).budget(&budget);
        cancel_after(Duration::from_millis(1), call.run()).await;
    }
    assert_eq!(budget.available(), 500);
    for _ in 0..40 {
        let call = retry(Policy::aws(), async || Err::<(), _>(THROTTLED));
        let call = call.random(|| 1.0).budget(&budget);
        cancel_after(Duration::from_millis(1), call.run_mut()).await;
    }
    assert_eq!(budget.available(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_never_polled_or_not_failed_yet_has_no_tokens_to_give() {
    let budget = Budget::aws().with_tokens(100);
    let send = async || std::future::pending::<Result<(), ServiceError>>().await;
    drop(retry(Policy::aws(), send).budget(&budget).run());
    let call = retry(Policy::aws(), send).budget(&budget).run();
    cancel_after(Duration::from_millis(1), call).await;
    assert_eq!(budget.available(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_was_sent_has_spent_its_tokens_even_if_it_is_dropped() {
    let budget = Budget::aws();
    let sent = AtomicU32::new(0);
    let call = retry(Policy::aws(), async || match sent.fetch_add(1, Relaxed) {
        0 => Err::<(), _>(THROTTLED),
        _ => std::future::pending().await,
    });
    cancel_after(Duration::from_secs(10), call.budget(&budget).run()).await;
    assert_eq!((sent.load(Relaxed), budget.available()), (2, 495));
}

#[tokio::test(start_paused = true)]
async fn a_second_retry_that_is_dropped_leaves_the_first_one_paid() {
    let budget = Budget::aws();
    let call = retry(Policy::aws(), async || Err::<(), _>(THROTTLED))
        .random(|| 1.0)
        .budget(&budget);
    // The first wait is 1 s, the second 2 s.
    cancel_after(Duration::from_secs(2), call.run()).await;
    assert_eq!(budget.available(), 495);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_timed_out_has_spent_its_tokens() {
    let budget = Budget::aws();
    let answer = retry(Policy::aws().retry_unanswered(), async || {
        std::future::pending::<Result<(), Failure<'static>>>().await
    })
    .attempt_timeout(Duration::from_secs(1), Failure::timeout)
    .budget(&budget)
    .run()
    .await;
    assert_eq!(answer, Err(Failure::timeout()));
    assert_eq!(budget.available(), 500 - 2 * 14);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_the_limiter_holds_back_gives_its_tokens_back_if_it_is_dropped_or_refused() {
    let hour = Duration::from_secs(3_600);
    let budget = Budget::aws();
    let limit = || Shared::new(RateLimit::new(1, hour));

    let held = limit();
    let call = retry(Policy::aws(), async || Err::<(), _>(THROTTLED));
    let call = call.limiter(&held).budget(&budget).run();
    cancel_after(Duration::from_secs(60), call).await;
    assert_eq!(budget.available(), 500);

    let refused = || THROTTLED;
    let held = limit();
    let call = retry(Policy::aws(), async || Err::<(), _>(THROTTLED));
    let call = call.limiter_fail_fast(&held, refused).budget(&budget);
    assert_eq!(call.run().await, Err(THROTTLED));
    assert_eq!(budget.available(), 500);

    let held = limit();
    let call = retry(Policy::aws(), async || Err::<(), _>(THROTTLED));
    let call = call.limiter(&held).deadline(hour / 2).budget(&budget);
    assert_eq!(call.run().await, Err(THROTTLED));
    assert_eq!(budget.available(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_the_limiter_holds_it_back_has_taken_no_permit() {
    let second = Duration::from_secs(1);
    let limit = Shared::new(RateLimit::new(1, second));
    let send = async || Ok::<_, ServiceError>(());
    assert_eq!(
        retry(Policy::aws(), send).limiter(&limit).run().await,
        Ok(())
    );
    for _ in 0..10 {
        let held = retry(Policy::aws(), send).limiter(&limit).run();
        cancel_after(Duration::from_millis(10), held).await;
    }
    let started = Instant::now();
    assert_eq!(
        retry(Policy::aws(), send).limiter(&limit).run().await,
        Ok(())
    );
    assert!(started.elapsed() <= second, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_report_says_how_often_how_long_and_why() {
    let mut report = Report::default();
    let _: Result<(), _> = retry(Policy::aws(), async || Err(THROTTLED))
        .random(|| 1.0)
        .report(&mut report)
        .run()
        .await;
    assert_eq!(
        (report.attempts, report.slept.as_secs(), report.stop),
        (3, 3, Some(Stop::Attempts))
    );

    let _ = retry(Policy::aws(), async || Ok::<_, ServiceError>(()))
        .report(&mut report)
        .run()
        .await;
    assert_eq!(
        (report.attempts, report.slept.as_secs(), report.stop),
        (1, 0, None)
    );

    let _: Result<(), _> = retry(Policy::aws(), async || Err(DENIED))
        .report(&mut report)
        .run()
        .await;
    assert_eq!(
        (report.attempts, report.stop),
        (1, Some(Stop::NotRetryable))
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_fails_with_the_error_of_its_timeout() {
    let started = Instant::now();
    let sent = AtomicU32::new(0);
    let answer = retry(Policy::aws().retry_unanswered(), async || {
        if sent.fetch_add(1, Relaxed) == 0 {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        Ok::<_, Failure<'static>>("alice")
    })
    .attempt_timeout(Duration::from_secs(2), Failure::timeout)
    .random(|| 1.0)
    .run()
    .await;
    assert_eq!(
        (answer, started.elapsed().as_millis()),
        (Ok("alice"), 2_050)
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_with_a_timeout_ends_with_the_deadline_at_the_latest() {
    let started = Instant::now();
    let answer = retry(Policy::aws(), async || {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok::<_, Failure<'static>>(())
    })
    .attempt_timeout(Duration::from_secs(30), Failure::timeout)
    .deadline(Duration::from_secs(5))
    .run()
    .await;
    assert_eq!(
        (answer, started.elapsed().as_secs()),
        (Err(Failure::timeout()), 5)
    );
}

#[tokio::test(start_paused = true)]
async fn a_hint_longer_than_the_deadline_fails_at_once() {
    let started = Instant::now();
    let hint = keyfob_backoff::Hint::from_x_amz_retry_after("30000");
    let mut report = Report::default();
    let answer: Result<(), _> = retry(Policy::aws(), async || {
        Err(Failure::response(503).with_hint(hint))
    })
    .deadline(Duration::from_secs(10))
    .report(&mut report)
    .run()
    .await;
    assert!(answer.is_err());
    assert_eq!((report.attempts, report.stop), (1, Some(Stop::Deadline)));
    assert!(started.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_limiter_is_asked_before_every_attempt() {
    let limit = Shared::new(RateLimit::new(1, Duration::from_secs(10)));
    let started = Instant::now();
    let sent = AtomicU32::new(0);
    let answer = retry(Policy::aws(), async || match sent.fetch_add(1, Relaxed) {
        0 => Err(Failure::response(500)),
        _ => Ok(()),
    })
    .limiter(&limit)
    .run()
    .await;
    assert_eq!((answer, started.elapsed().as_secs()), (Ok(()), 10));
}

#[tokio::test(start_paused = true)]
async fn a_limiter_that_fails_fast_ends_the_call() {
    let refused = || ServiceError {
        status: 0,
        code: "Refused",
    };
    let limits = KeyedLimit::new(RateLimit::new(1, Duration::from_secs(10)));
    let prefix = limits.key("photos/");
    let mut report = Report::default();
    let call =
        retry(Policy::aws(), async || Err::<(), _>(THROTTLED)).limiter_fail_fast(&prefix, refused);
    assert_eq!(call.report(&mut report).run().await, Err(THROTTLED));
    assert_eq!((report.attempts, report.stop), (1, Some(Stop::Limiter)));

    let call =
        retry(Policy::aws(), async || Err::<(), _>(THROTTLED)).limiter_fail_fast(&prefix, refused);
    assert_eq!(call.report(&mut report).run().await, Err(refused()));
    assert_eq!((report.attempts, report.stop), (0, Some(Stop::Limiter)));
}

#[tokio::test(start_paused = true)]
async fn a_limiter_wait_past_the_deadline_returns_the_last_error() {
    let limit = Shared::new(RateLimit::new(1, Duration::from_secs(60)));
    let started = Instant::now();
    let answer: Result<(), _> = retry(Policy::aws(), async || Err(THROTTLED))
        .limiter(&limit)
        .deadline(Duration::from_secs(20))
        .run()
        .await;
    assert_eq!(answer, Err(THROTTLED));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn the_adaptive_limiter_learns_from_the_answers_of_retried_calls() {
    let limiter = Shared::new(AdaptiveLimiter::new());
    let _: Result<(), _> = retry(Policy::aws(), async || Err(THROTTLED))
        .limiter(&limiter)
        .run()
        .await;
    let now = Duration::from_secs(86_400 * 365);
    assert_eq!(limiter.acquire(now), Ok(()));
    assert!(
        limiter.acquire(now).is_err(),
        "after throttling, the next request has to wait"
    );
}

/// A clock in milliseconds that advances only by sleeping.
#[derive(Clone, Default)]
struct Simulated(Arc<AtomicU32>);

impl Timer for Simulated {
    type Sleep = std::future::Ready<()>;

    fn sleep(&self, delay: Duration) -> Self::Sleep {
        self.0.fetch_add(delay.as_millis() as u32, Relaxed);
        std::future::ready(())
    }

    fn now(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.0.load(Relaxed).into()))
    }
}

#[tokio::test]
async fn any_timer_works_and_brings_its_own_clock() {
    let clock = Simulated::default();
    let attempt_takes = Duration::from_secs(3);
    let mut sent = 0;
    let answer: Result<(), _> = retry(Policy::aws().attempts(10), async || {
        sent += 1;
        drop(clock.sleep(attempt_takes));
        Err(THROTTLED)
    })
    .timer(clock.clone())
    .random(|| 1.0)
    .deadline(Duration::from_secs(9))
    .run_mut()
    .await;
    assert_eq!((answer, sent), (Err(THROTTLED), 2));
    assert_eq!(clock.now(), Some(Duration::from_secs(3 + 1 + 3)));
}

#[tokio::test(start_paused = true)]
async fn a_plain_function_is_a_timer() {
    let answer = retry(Policy::aws(), async || Ok::<_, ServiceError>(1))
        .timer(tokio::time::sleep)
        .run()
        .await;
    assert_eq!(answer, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_is_corrected_once_if_opted_in() {
    let right = Duration::from_secs(784_111_777);
    let wrong = right - Duration::from_secs(600);
    let signed_at = async |policy: Policy| {
        let (mut skew, mut dates) = (None::<ClockSkew>, Vec::new());
        let answer = retry(policy, async || {
            let date = skew.map_or(wrong, |skew| skew.correct(wrong));
            dates.push(date);
            skew = ClockSkew::measure("Sun, 06 Nov 1994 08:49:37 GMT", None, wrong, wrong);
            let refused = Failure::response(403)
                .with_code("RequestTimeTooSkewed")
                .with_skew(skew);
            if date == right { Ok(()) } else { Err(refused) }
        })
        .run_mut()
        .await;
        (answer.is_ok(), dates)
    };
    assert_eq!(signed_at(Policy::aws()).await, (false, vec![wrong]));
    assert_eq!(
        signed_at(Policy::aws().retry_clock_skew()).await,
        (true, vec![wrong, right])
    );
}
