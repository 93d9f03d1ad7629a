//! Tests the line of waiters in calls of `retry`, and checks what holds for the probing limiter
//! after any history.

#![cfg(feature = "tokio")]
#![allow(
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test does"
)]

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyfob_backoff::limit::{
    AdaptiveLimiter, Algorithm, KeyedLimit, Limiter, ProbingLimiter, RateLimit, Shared,
};
use keyfob_backoff::{
    Budget, Failure, Policy, Random, Report, SeededRandom, Stop, retry, retry_blocking,
};
use tokio::time::{Instant, sleep, timeout};

const THROTTLED: Failure<'static> = Failure::response(429);

/// An algorithm that counts how often it is asked.
struct Counted<L>(L, Arc<AtomicU64>);

impl<L: Algorithm> Algorithm for Counted<L> {
    fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        self.1.fetch_add(1, Relaxed);
        self.0.acquire(now)
    }

    fn on_answer(&mut self, throttled: bool, now: Duration) -> bool {
        self.0.on_answer(throttled, now)
    }

    fn on_lost(&mut self) -> bool {
        self.0.on_lost()
    }

    fn on_unanswered(&mut self) -> bool {
        self.0.on_unanswered()
    }

    fn paces(&self) -> bool {
        self.0.paces()
    }

    fn rate(&self) -> f64 {
        self.0.rate()
    }

    fn is_idle(&self, now: Duration) -> bool {
        self.0.is_idle(now)
    }
}

/// Lets a service that grants 100 calls a second, 20 ms away, be called by so many tasks at once.
/// Returns how often the limiter was asked, how many calls were sent, the order in which they were
/// done, and how long it took.
async fn crowd(limiter: impl Algorithm + Send + 'static, calls: usize) -> (u64, u64, Duration) {
    let (asked, sent) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let limiter = Arc::new(Shared::new(Counted(limiter, asked.clone())));
    let service = Arc::new(Mutex::new(RateLimit::new(100, Duration::from_secs(1))));
    let started = Instant::now();
    let tasks: Vec<_> = (0..calls)
        .map(|_| {
            let (limiter, service, sent) = (limiter.clone(), service.clone(), sent.clone());
            tokio::spawn(async move {
                let send = || async {
                    sent.fetch_add(1, Relaxed);
                    sleep(Duration::from_millis(10)).await;
                    let now = started.elapsed() + Duration::from_secs(10);
                    let granted = service.lock().unwrap().acquire(now).is_ok();
                    sleep(Duration::from_millis(10)).await;
                    if granted { Ok(()) } else { Err(THROTTLED) }
                };
                let policy = Policy::aws().attempts(u32::MAX);
                retry(policy, send).limiter(&*limiter).run().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(limiter.waiting(), 0);
    (asked.load(Relaxed), sent.load(Relaxed), started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn each_call_sent_asks_the_limiter_at_most_three_times_however_many_wait() {
    let known = RateLimit::new(100, Duration::from_secs(1));
    for calls in [1, 10, 100, 1_000, 10_000] {
        for (name, (asked, sent, _)) in [
            ("documented", crowd(known, calls).await),
            ("adaptive", crowd(AdaptiveLimiter::new(), calls).await),
            ("probing", crowd(ProbingLimiter::new(), calls).await),
            ("cautious", crowd(ProbingLimiter::cautious(), calls).await),
        ] {
            assert!(asked <= 3 * sent, "{name}: {asked} for {sent} of {calls}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_served_at_the_rate_of_the_service_with_few_calls_wasted() {
    let (_, sent, time) = crowd(ProbingLimiter::new(), 1_000).await;
    assert!(time < Duration::from_millis(9_500), "{time:?}");
    assert!(sent < 1_060, "{sent}");
}

/// Runs a call in a task and lets it join the line.
async fn join<T: Send + 'static>(
    call: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    let task = tokio::spawn(call);
    tokio::task::yield_now().await;
    task
}

#[tokio::test(start_paused = true)]
async fn first_come_is_first_served_and_a_dropped_call_gives_its_place_back() {
    static LIMIT: Shared<RateLimit> = Shared::new(RateLimit::new(1, Duration::from_secs(1)));
    let order = Arc::new(Mutex::new(Vec::new()));
    let started = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..8 {
        let order = order.clone();
        let call = async move {
            let send = async || Ok::<_, Failure<'_>>(());
            let call = retry(Policy::aws(), send).limiter(&LIMIT).run();
            call.await.unwrap();
            order
                .lock()
                .unwrap()
                .push((number, started.elapsed().as_secs()));
        };
        tasks.push(join(call).await);
    }
    assert_eq!(LIMIT.waiting(), 7);
    // The first in the line, one in its middle, and the last.
    for number in [1, 4, 7] {
        tasks[number].abort();
    }
    for task in tasks {
        let _ = task.await;
    }
    assert_eq!(
        *order.lock().unwrap(),
        [(0, 0), (2, 1), (3, 2), (5, 3), (6, 4)]
    );
    assert_eq!(LIMIT.waiting(), 0);
}

#[test]
fn threads_stand_in_the_same_line() {
    static LIMIT: Shared<RateLimit> =
        Shared::new(RateLimit::new(1, Duration::from_millis(50)).burst(1));
    let order = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..5)
        .map(|number| {
            // Those before it wait, or have had their turn.
            while LIMIT.waiting() + order.lock().unwrap().len() < number {
                std::thread::yield_now();
            }
            let order = order.clone();
            std::thread::spawn(move || {
                let call = retry_blocking(Policy::aws(), || {
                    order.lock().unwrap().push(number);
                    Ok::<_, Failure<'_>>(())
                });
                call.limiter(&LIMIT).run()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_thread_with_a_sleep_of_its_own_looks_for_its_turn() {
    let limit = Shared::new(RateLimit::new(1, Duration::from_millis(20)).burst(1));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let call = retry_blocking(Policy::aws(), || Ok::<_, Failure<'_>>(()));
                let sleep = |delay| {
                    std::thread::sleep(delay);
                    std::ops::ControlFlow::Continue(())
                };
                assert_eq!(call.sleep_with(sleep).limiter(&limit).run(), Ok(()));
            });
        }
    });
    assert_eq!(limit.waiting(), 0);
}

/// Returns a limiter that knows a rate of about 100 a second, at the time of the tokio clock.
async fn probed() -> Shared<ProbingLimiter> {
    let limiter = Shared::new(ProbingLimiter::new());
    for n in 0..40 {
        let send = || async move {
            sleep(Duration::from_millis(10)).await;
            if n == 20 || n == 30 {
                Err(THROTTLED)
            } else {
                Ok(())
            }
        };
        let _ = retry(Policy::aws().attempts(1), send)
            .limiter(&limiter)
            .run()
            .await;
    }
    assert!(limiter.paces());
    limiter
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_goes_to_the_end_of_the_line_and_attempts_and_budget_count() {
    let limiter = Arc::new(probed().await);
    let budget = Budget::aws();
    let order = Mutex::new(Vec::new());
    let call = |name: &'static str, failures: u32| {
        let (limiter, budget, order) = (&limiter, &budget, &order);
        let sent = AtomicU32::new(0);
        async move {
            let send = async || {
                order.lock().unwrap().push(name);
                sleep(Duration::from_millis(1)).await;
                if sent.fetch_add(1, Relaxed) < failures {
                    Err(THROTTLED)
                } else {
                    Ok(())
                }
            };
            let call = retry(Policy::aws(), send).random(|| 1.0).budget(budget);
            call.limiter(&**limiter).run_mut().await
        }
    };
    let started = Instant::now();
    let answers = tokio::join!(call("a", 1), call("b", 0), call("c", 0));
    assert_eq!(answers, (Ok(()), Ok(()), Ok(())));
    assert_eq!(*order.lock().unwrap(), ["a", "b", "c", "a"]);
    // The delay of the policy is 1 s with this jitter.
    assert!(
        started.elapsed() < Duration::from_millis(500),
        "{:?}",
        started.elapsed()
    );

    let before = budget.available();
    let mut report = Report::default();
    let send = async || Err::<(), _>(THROTTLED);
    let call = retry(Policy::aws(), send)
        .budget(&budget)
        .report(&mut report);
    assert_eq!(call.limiter(&*limiter).run().await, Err(THROTTLED));
    assert_eq!((report.attempts, report.stop), (3, Some(Stop::Attempts)));
    assert_eq!(budget.available(), before - 10);
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_the_service_asks_for_is_slept_before_the_line() {
    let limiter = probed().await;
    let sent = AtomicU32::new(0);
    let hint = keyfob_backoff::Hint::from_x_amz_retry_after("3000");
    let send = async || match sent.fetch_add(1, Relaxed) {
        0 => Err(THROTTLED.with_hint(hint)),
        _ => Ok(()),
    };
    let started = Instant::now();
    assert_eq!(
        retry(Policy::aws(), send).limiter(&limiter).run().await,
        Ok(())
    );
    assert!(started.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn while_the_service_grants_nothing_the_delays_of_the_policy_are_slept() {
    let limiter = Shared::new(ProbingLimiter::new());
    let started = Instant::now();
    let send = async || Err::<(), _>(THROTTLED);
    let call = retry(Policy::aws(), send).random(|| 1.0);
    assert_eq!(call.limiter(&limiter).run().await, Err(THROTTLED));
    assert!(
        started.elapsed() >= Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_dropped_or_get_no_answer_do_not_count_as_in_flight() {
    let limiter = Shared::new(ProbingLimiter::new());
    for _ in 0..100 {
        let call = retry(Policy::aws(), async || {
            sleep(Duration::from_secs(60)).await;
            Ok::<_, Failure<'_>>(())
        });
        let call = call.limiter(&limiter).run();
        assert!(timeout(Duration::from_millis(1), call).await.is_err());
        let broken = async || Err::<(), _>(Failure::no_response());
        let call = retry(Policy::aws(), broken).limiter(&limiter).run();
        assert_eq!(call.await, Err(Failure::no_response()));
    }
    assert_eq!(limiter.acquire(Duration::from_secs(1_000_000)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_throttled_call_ends_its_wait_in_the_line() {
    let limit = Arc::new(Shared::new(RateLimit::new(2, Duration::from_secs(20))));
    let started = Instant::now();
    let failing = {
        let limit = limit.clone();
        join(async move {
            let send = async || Err::<(), _>(THROTTLED);
            let call = retry(Policy::aws(), send).random(|| 1.0);
            call.limiter(&*limit)
                .deadline(Duration::from_secs(5))
                .run()
                .await
        })
        .await
    };
    for _ in 0..3 {
        let limit = limit.clone();
        drop(
            join(async move {
                let send = async || Ok::<_, Failure<'_>>(());
                retry(Policy::aws(), send).limiter(&*limit).run().await
            })
            .await,
        );
    }
    assert_eq!(failing.await.unwrap(), Err(THROTTLED));
    assert!(
        started.elapsed() <= Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn each_key_finds_its_own_rate() {
    let limits = KeyedLimit::new(ProbingLimiter::new());
    let throttle = |key: &'static str| {
        let limiter = limits.key(key);
        assert_eq!(limiter.acquire(Duration::from_secs(1)), Ok(()));
        limiter.on_answer(true, Duration::from_secs(1));
        limiter.acquire(Duration::from_secs(1)).is_err()
    };
    assert!(throttle("photos/"));
    assert_eq!(
        limits.key("invoices/").acquire(Duration::from_secs(1)),
        Ok(())
    );
}

/// A service with a bucket, called through a limiter by as many clients as it lets.
struct Service {
    tokens: f64,
    rate: f64,
    bucket: f64,
    at: f64,
    state: State,
    round_trip: f64,
    random: SeededRandom,
    /// Answers on their way, and when they arrive.
    answers: VecDeque<(f64, Answer)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Works,
    /// Throttles every request.
    Closed,
    /// Answers every request with a 503 that is not throttling.
    Broken,
    /// Grants this share of the requests that its bucket would grant, at random, and throttles the
    /// others.
    Shared(f64),
    /// Answers this share of the requests with a 503 that is not throttling, at random, and grants
    /// the others whatever its bucket.
    Faulty(f64),
    /// Answers with a 503 that is not throttling what its bucket does not grant.
    Overloaded,
    /// The same, and is then down until this time.
    Crashing {
        until: f64,
        for_long: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Granted,
    Throttled,
    Fault,
}

impl Service {
    /// A service whose bucket is full.
    fn new(rate: f64, bucket: f64) -> Self {
        Self {
            tokens: bucket,
            rate,
            bucket,
            at: 0.0,
            state: State::Works,
            round_trip: 0.02,
            random: SeededRandom::new(1),
            answers: VecDeque::new(),
        }
    }

    fn with_round_trip(mut self, seconds: f64) -> Self {
        self.round_trip = seconds;
        self
    }

    fn answer(&mut self, now: f64) -> Answer {
        self.tokens = (self.tokens + (now - self.at) * self.rate).min(self.bucket);
        self.at = now;
        let refusal = match self.state {
            State::Broken => return Answer::Fault,
            State::Faulty(share) if self.random.fraction() < share => return Answer::Fault,
            State::Faulty(_) => return Answer::Granted,
            State::Closed => return Answer::Throttled,
            State::Shared(share) if self.random.fraction() >= share => return Answer::Throttled,
            State::Works | State::Shared(_) => Answer::Throttled,
            State::Overloaded => Answer::Fault,
            State::Crashing { until, .. } if now < until => return Answer::Fault,
            State::Crashing { for_long, .. } => {
                if self.tokens < 1.0 {
                    let until = now + for_long;
                    self.state = State::Crashing { until, for_long };
                }
                Answer::Fault
            }
        };
        if self.tokens < 1.0 {
            return refusal;
        }
        self.tokens -= 1.0;
        Answer::Granted
    }
}

/// What a limiter was told and what it said, in order.
#[derive(Debug, PartialEq)]
enum Event {
    Asked(Duration, Result<(), Duration>),
    Answered(Duration, Answer),
}

/// Calls a service with a demand without end for `time`.
fn drive(limiter: &mut ProbingLimiter, service: &mut Service, from: f64, time: f64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut now = from;
    while now < from + time {
        let at = Duration::from_secs_f64(now);
        let asked = limiter.acquire(at);
        events.push(Event::Asked(at, asked));
        let mut next = now;
        match asked {
            Ok(()) => {
                let answer = service.answer(now);
                service
                    .answers
                    .push_back((now + service.round_trip, answer));
            }
            Err(wait) => next = now + wait.as_secs_f64(),
        }
        if let Some((when, answer)) = service.answers.front().copied()
            && when <= next
        {
            service.answers.pop_front();
            next = when.max(now);
            let at = Duration::from_secs_f64(when);
            match answer {
                Answer::Fault => limiter.on_fault(at),
                answer => limiter.on_answer(answer == Answer::Throttled, at),
            };
            events.push(Event::Answered(at, answer));
        }
        now = next;
    }
    events
}

fn sent(events: &[Event]) -> usize {
    let of = |event: &&Event| matches!(event, Event::Asked(_, Ok(())));
    events.iter().filter(of).count()
}

fn answered(events: &[Event], wanted: Answer) -> usize {
    let of = |event: &&Event| matches!(event, Event::Answered(_, answer) if *answer == wanted);
    events.iter().filter(of).count()
}

/// Tells a limiter anything at all.
fn any_history(limiter: &mut ProbingLimiter, random: &mut SeededRandom) -> f64 {
    let mut now = 0.0;
    let throttling = random.fraction();
    let pause = 10_f64.powf(random.fraction() * 5.0 - 3.0);
    for _ in 0..(random.fraction() * 400.0) as u32 {
        now += pause * random.fraction();
        // A clock that steps back, sometimes.
        let at = match (random.fraction() * 40.0) as u32 {
            0 => now / 2.0,
            // Or jumps ahead, and is right at the next call.
            1 => now + 10_000.0 * random.fraction(),
            _ => now,
        };
        let at = Duration::from_secs_f64(at);
        match (random.fraction() * 6.0) as u32 {
            5 => drop(limiter.on_lost()),
            0 | 1 => drop(limiter.acquire(at)),
            2 => drop(limiter.on_fault(at)),
            3 => drop(limiter.on_answer(random.fraction() < throttling, at)),
            _ => drop(limiter.on_unanswered()),
        }
        let rate = limiter.rate();
        assert!(rate > 0.0 && rate.is_finite(), "{limiter:?}");
    }
    now
}

#[test]
fn it_recovers_from_any_history() {
    for seed in 0..100 {
        let mut random = SeededRandom::new(seed);
        let mut limiter = match seed % 2 {
            0 => ProbingLimiter::new(),
            _ => ProbingLimiter::cautious(),
        };
        let from = any_history(&mut limiter, &mut random);
        let rate = 10_f64.powf(1.0 + random.fraction());
        let mut service = Service::new(rate, rate);
        // From the lowest rate, one request in 20 s, the first doublings take most of the time.
        let found = |limiter: &ProbingLimiter| {
            limiter
                .estimate()
                .is_some_and(|found| found > 0.7 * rate && found < 1.3 * rate)
        };
        let mut now = from;
        while !found(&limiter) && now < from + 60.0 {
            drive(&mut limiter, &mut service, now, 10.0);
            now += 10.0;
        }
        drive(&mut limiter, &mut service, now, 20.0);
        let events = drive(&mut limiter, &mut service, now + 20.0, 20.0);
        let granted = answered(&events, Answer::Granted) as f64;
        let wasted = answered(&events, Answer::Throttled) as f64;
        assert!(
            granted > 0.9 * 20.0 * rate,
            "seed {seed}: {granted} at {rate}, {limiter:?}"
        );
        assert!(
            wasted < 0.02 * granted + 20.0,
            "seed {seed}: {wasted} wasted at {rate}"
        );
        assert!(found(&limiter), "seed {seed}: {limiter:?}, {rate}");
    }
}

#[test]
fn after_the_first_throttling_it_never_sends_more_than_the_estimate_and_the_probe() {
    const STEP: f64 = 0.05;
    for seed in 0..200 {
        let mut random = SeededRandom::new(seed);
        let mut limiter = ProbingLimiter::new();
        let rate = 10_f64.powf(0.5 + 2.5 * random.fraction());
        let bucket = rate * (0.2 + 3.0 * random.fraction());
        let mut service = Service::new(rate, bucket);
        let mut now = 0.0;
        while limiter.estimate().is_none() && now < 100.0 {
            drive(&mut limiter, &mut service, now, STEP);
            now += STEP;
        }
        // When it was throttled and when something was granted, for the last time.
        let (mut throttled, mut granted) = (now, now);
        for step in 0..400 {
            if step % 20 == 0 {
                service.state = match (random.fraction() * 6.0) as u32 {
                    0 => State::Closed,
                    1 => State::Broken,
                    _ => State::Works,
                };
            }
            let before = limiter.estimate().unwrap();
            let events = drive(&mut limiter, &mut service, now, STEP);
            now += STEP;
            // What the limiter says about its rate does not count here: only its estimate and the
            // time. It rises by 30 % in 1.5 s or longer, and then doubles in a second or longer,
            // while requests are granted: two requests or round trips are without a grant at most.
            let estimate = before.max(limiter.estimate().unwrap());
            if answered(&events, Answer::Granted) > 0 {
                granted = now;
            }
            let last = now.min(granted + 2.0 * (0.02 + 1.0 / estimate) + STEP);
            let doublings = (last - throttled - 1.5).max(0.0);
            // Doubling goes in straight lines, which are up to 6.2 % above the curve.
            let top = 1.3 * estimate * 1.062 * doublings.exp2();
            let burst = (0.01 * top).max(1.0) + 1.0;
            let sent = sent(&events) as f64;
            assert!(sent <= STEP * top + burst, "seed {seed}: {sent} at {top}");
            if answered(&events, Answer::Throttled) > 0 {
                throttled = now - STEP;
            }
        }
    }
}

#[test]
fn the_rate_does_not_double_while_a_service_answers_with_server_errors() {
    let mut limiter = ProbingLimiter::new();
    let mut service = Service::new(100.0, 100.0);
    drive(&mut limiter, &mut service, 0.0, 20.0);
    let estimate = limiter.estimate().unwrap();
    service.state = State::Broken;
    let events = drive(&mut limiter, &mut service, 20.0, 20.0);
    let count = sent(&events) as f64;
    assert!(count <= 20.0 * 1.4 * estimate, "{count}");
    // Nor does the start open up.
    let mut limiter = ProbingLimiter::new();
    let events = drive(&mut limiter, &mut service, 0.0, 1.0);
    assert!(sent(&events) <= 8 * 51, "{}", sent(&events));
}

#[test]
fn the_rate_does_not_double_while_many_answers_are_server_errors() {
    for share in [0.5, 0.9, 0.99] {
        let mut limiter = ProbingLimiter::new();
        let mut service = Service::new(100.0, 100.0);
        drive(&mut limiter, &mut service, 0.0, 20.0);
        let estimate = limiter.estimate().unwrap();
        service.state = State::Faulty(share);
        let events = drive(&mut limiter, &mut service, 20.0, 60.0);
        let count = sent(&events) as f64;
        assert!(count <= 60.0 * 1.5 * estimate, "{count} at {share}");
        // When that is over, the rate goes on to rise.
        service.state = State::Works;
        service.rate = 300.0;
        drive(&mut limiter, &mut service, 80.0, 10.0);
        let events = drive(&mut limiter, &mut service, 90.0, 10.0);
        let granted = answered(&events, Answer::Granted);
        assert!(granted > 2_700, "{granted} after {share}");
    }
    // Some server errors are normal, and do not hold it back.
    let mut limiter = ProbingLimiter::new();
    let mut service = Service::new(100.0, 100.0);
    drive(&mut limiter, &mut service, 0.0, 20.0);
    service.state = State::Faulty(0.05);
    let events = drive(&mut limiter, &mut service, 20.0, 10.0);
    assert!(sent(&events) > 5_000, "{}", sent(&events));
}

#[test]
fn an_overload_that_is_answered_with_plain_server_errors_does_not_grow() {
    let mut limiter = ProbingLimiter::new();
    let mut service = Service::new(100.0, 100.0);
    drive(&mut limiter, &mut service, 0.0, 20.0);
    service.state = State::Overloaded;
    drive(&mut limiter, &mut service, 20.0, 5.0);
    let count = sent(&drive(&mut limiter, &mut service, 25.0, 600.0)) as f64;
    assert!(count < 600.0 * 200.0, "{count}");
    // From the first request on: as many are in flight as at the start, in each 20 ms.
    for (mut limiter, least) in [
        (ProbingLimiter::new(), 8.0),
        (ProbingLimiter::cautious(), 4.0),
    ] {
        let mut service = Service::new(100.0, 100.0);
        service.state = State::Overloaded;
        drive(&mut limiter, &mut service, 0.0, 5.0);
        let count = sent(&drive(&mut limiter, &mut service, 5.0, 60.0)) as f64;
        assert!(count < 1.1 * 60.0 * least / 0.02, "{count} of {least}");
    }
}

#[test]
fn a_service_that_breaks_when_it_is_overrun_is_not_flooded_as_it_comes_back() {
    for for_long in [1.0, 5.0, 20.0] {
        let mut limiter = ProbingLimiter::new();
        let mut service = Service::new(100.0, 100.0);
        drive(&mut limiter, &mut service, 0.0, 20.0);
        service.state = State::Crashing {
            until: 0.0,
            for_long,
        };
        drive(&mut limiter, &mut service, 20.0, 60.0);
        let count = sent(&drive(&mut limiter, &mut service, 80.0, 600.0)) as f64;
        assert!(count < 600.0 * 200.0, "{count}, {for_long} s");
    }
}

#[test]
fn a_service_that_throttles_all_is_left_alone_within_some_round_trips() {
    for (rate, round_trip) in [(1_000.0, 1.0), (5_500.0, 0.1), (20.0, 5.0)] {
        let mut limiter = ProbingLimiter::new();
        let mut service = Service::new(rate, rate).with_round_trip(round_trip);
        drive(&mut limiter, &mut service, 0.0, 300.0);
        service.state = State::Closed;
        let before = limiter.rate().max(rate);
        let count = sent(&drive(&mut limiter, &mut service, 300.0, 300.0)) as f64;
        let most = 4.0 * before * round_trip + 200.0;
        assert!(count < most, "{count} at {rate}, {round_trip} s");
    }
}

#[test]
fn the_end_of_a_burst_of_throttling_is_found_at_the_least_rate() {
    for (least, expected) in [(20.0, 14.0..27.0), (0.0, 0.0..1.0), (f64::NAN, 0.0..1.0)] {
        let mut limiter = ProbingLimiter::new().at_least(least);
        let mut service = Service::new(1_000.0, 1_000.0);
        service.state = State::Closed;
        drive(&mut limiter, &mut service, 0.0, 60.0);
        let rate = sent(&drive(&mut limiter, &mut service, 60.0, 60.0)) as f64 / 60.0;
        assert!(expected.contains(&rate), "{rate} at {least}");
    }
}

#[test]
fn at_long_round_trips_the_rate_doubles_in_several_of_them() {
    for (rate, round_trip) in [(20.0, 5.0), (100.0, 1.0)] {
        let mut limiter = ProbingLimiter::new();
        let mut service = Service::new(rate, rate).with_round_trip(round_trip);
        drive(&mut limiter, &mut service, 0.0, 100.0);
        let events = drive(&mut limiter, &mut service, 100.0, 300.0);
        let (sent, granted) = (
            sent(&events) as f64,
            answered(&events, Answer::Granted) as f64,
        );
        assert!(sent < 1.15 * granted, "{sent} for {granted}");
        assert!(granted > 0.9 * 300.0 * rate, "{granted} at {rate}");
    }
}

#[test]
fn some_connections_that_are_lost_at_once_do_not_undo_what_was_found() {
    let mut limiter = ProbingLimiter::new();
    let mut service = Service::new(100.0, 100.0);
    drive(&mut limiter, &mut service, 0.0, 20.0);
    service.rate = 5_000.0;
    let mut now = 20.0;
    drive(&mut limiter, &mut service, now, 10.0);
    for _ in 0..10 {
        now += 10.0;
        for _ in 0..100 {
            limiter.on_lost();
        }
        drive(&mut limiter, &mut service, now, 10.0);
    }
    let events = drive(&mut limiter, &mut service, now + 10.0, 10.0);
    let granted = answered(&events, Answer::Granted);
    // Its bucket is small for this rate.
    assert!(granted > 30_000, "{granted}");
}

#[test]
fn requests_that_are_given_up_tell_nothing_about_the_service() {
    for mut limiter in [ProbingLimiter::new(), ProbingLimiter::cautious()] {
        // Each second request is given up before its answer, as by a program that hedges.
        let mut answers = VecDeque::new();
        let (mut now, mut sent) = (0.0, 0_u32);
        while now < 10.0 {
            let at = Duration::from_secs_f64(now);
            if limiter.acquire(at).is_ok() {
                sent += 1;
                answers.push_back((now + 0.1, sent % 2 == 0));
                continue;
            }
            let (then, is_answer) = answers.pop_front().unwrap();
            now = then;
            if is_answer {
                limiter.on_answer(false, Duration::from_secs_f64(now));
            } else {
                limiter.on_unanswered();
            }
        }
        assert!(sent > 10_000, "{sent}");
    }
}

#[test]
fn after_a_stretch_in_which_a_few_are_granted_it_comes_back_within_a_minute() {
    for share in [0.02, 0.05, 0.2, 0.5, 0.7] {
        for time in [90.0, 600.0] {
            let mut limiter = ProbingLimiter::new();
            let mut service = Service::new(100.0, 100.0);
            drive(&mut limiter, &mut service, 0.0, 20.0);
            service.state = State::Shared(share);
            drive(&mut limiter, &mut service, 20.0, time);
            service.state = State::Works;
            drive(&mut limiter, &mut service, 20.0 + time, 40.0);
            let events = drive(&mut limiter, &mut service, 60.0 + time, 20.0);
            let granted = answered(&events, Answer::Granted);
            assert!(granted > 1_800, "{granted} after {time} s of {share}");
        }
    }
}

#[test]
fn the_first_grant_after_such_a_stretch_wakes_the_request_that_waits() {
    let mut limiter = ProbingLimiter::new();
    let mut service = Service::new(100.0, 100.0);
    drive(&mut limiter, &mut service, 0.0, 20.0);
    service.state = State::Closed;
    drive(&mut limiter, &mut service, 20.0, 30.0);
    let mut now = Duration::from_secs(51);
    while let Err(wait) = limiter.acquire(now) {
        now += wait;
    }
    now += Duration::from_millis(20);
    let told = limiter.acquire(now).unwrap_err();
    assert!(told > Duration::from_secs(1), "{told:?}");
    assert!(limiter.on_answer(false, now));
    let told = limiter.acquire(now).unwrap_err();
    assert!(told < Duration::from_millis(100), "{told:?}");
}

#[test]
fn a_server_error_shows_the_round_trip_too() {
    let mut limiter = ProbingLimiter::new();
    for n in 0..100 {
        assert_eq!(limiter.acquire(Duration::from_secs(n)), Ok(()));
        let answer = Duration::from_secs(n) + Duration::from_millis(250);
        match n % 10 {
            0 => limiter.on_answer(false, answer),
            _ => limiter.on_fault(answer),
        };
    }
    // Eight in a round trip.
    assert!((limiter.rate() - 32.0).abs() < 1.0, "{}", limiter.rate());
}

#[test]
fn after_a_stretch_in_which_all_is_throttled_it_comes_back_to_the_rate_it_knew() {
    for rate in [20.0, 100.0, 1_000.0] {
        let mut limiter = ProbingLimiter::new();
        let mut service = Service::new(rate, rate);
        drive(&mut limiter, &mut service, 0.0, 20.0);
        service.state = State::Closed;
        let events = drive(&mut limiter, &mut service, 20.0, 60.0);
        // One request in two seconds, those on the way down, and those that were in flight.
        let count = sent(&events) as f64;
        assert!(count < 30.0 + 60.0 + 0.1 * rate, "{count} at {rate}");
        service.state = State::Works;
        // Two seconds until the next request, and some doublings from a quarter of the rate.
        drive(&mut limiter, &mut service, 80.0, 20.0);
        let events = drive(&mut limiter, &mut service, 100.0, 10.0);
        let granted = answered(&events, Answer::Granted) as f64;
        assert!(
            granted > 0.9 * 10.0 * rate,
            "{granted} at {rate}, {limiter:?}"
        );
    }
}

#[test]
fn the_same_trace_gives_the_same_decisions() {
    for seed in 0..20 {
        let trace = || {
            let mut random = SeededRandom::new(seed);
            let mut limiter = ProbingLimiter::cautious();
            let now = any_history(&mut limiter, &mut random);
            let mut service = Service::new(50.0, 50.0);
            let events = drive(&mut limiter, &mut service, now, 10.0);
            (events, format!("{limiter:?}"))
        };
        assert_eq!(trace(), trace());
    }
}

/// Asks for requests that get no answer, and returns how many were sent.
fn unanswered(limiter: &mut ProbingLimiter, from: f64, time: f64) -> usize {
    let (mut now, mut sent) = (from, 0);
    while now < from + time {
        match limiter.acquire(Duration::from_secs_f64(now)) {
            Ok(()) => sent += 1,
            Err(wait) => now += wait.as_secs_f64().max(1e-3),
        }
    }
    sent
}

#[test]
fn a_service_that_hangs_is_not_flooded() {
    for cautious in [false, true] {
        let mut limiter = if cautious {
            ProbingLimiter::cautious()
        } else {
            ProbingLimiter::new()
        };
        let mut service = Service::new(100.0, 100.0);
        drive(&mut limiter, &mut service, 0.0, 20.0);
        let estimate = limiter.estimate().unwrap();
        // Two round trips of 20 ms at 130 a second, and 8, once in ten seconds.
        let sent = unanswered(&mut limiter, 20.0, 30.0);
        assert!(sent <= 4 * 14, "{sent}");
        assert!(limiter.rate() <= 1.4 * estimate, "{}", limiter.rate());
        // And so in the search: one request was throttled, and then nothing is answered.
        let mut limiter = ProbingLimiter::new();
        assert_eq!(limiter.acquire(Duration::ZERO), Ok(()));
        limiter.on_answer(true, Duration::from_millis(20));
        let sent = unanswered(&mut limiter, 0.02, 30.0);
        assert!(sent <= 4 * 10, "{sent}");
    }
}

#[test]
fn the_rate_does_not_grow_while_nothing_is_granted() {
    let mut limiter = ProbingLimiter::new();
    let mut service = Service::new(100.0, 100.0);
    drive(&mut limiter, &mut service, 0.0, 20.0);
    let estimate = limiter.estimate().unwrap();
    // Each request ends at once without an answer, as when each connection is refused.
    let mut sent = 0;
    let mut now = 20.0;
    while now < 40.0 {
        match limiter.acquire(Duration::from_secs_f64(now)) {
            Ok(()) => {
                sent += 1;
                limiter.on_lost();
            }
            Err(wait) => now += wait.as_secs_f64().max(1e-3),
        }
    }
    let rate = limiter.rate();
    assert!(rate <= 1.4 * estimate, "{rate}");
    assert!(f64::from(sent) <= 20.0 * 1.4 * estimate, "{sent}");
}

#[test]
fn a_request_without_an_answer_is_no_round_trip() {
    let millis = |n| Duration::from_millis(n);
    let mut limiter = ProbingLimiter::new();
    let mut now = 0;
    for _ in 0..20 {
        assert_eq!(limiter.acquire(millis(now)), Ok(()));
        now += 200;
        limiter.on_answer(false, millis(now));
    }
    // The window is 8 and more by now.
    let rate = limiter.rate();
    assert_eq!(limiter.acquire(millis(now)), Ok(()));
    limiter.on_unanswered();
    assert!((limiter.rate() - rate).abs() < 1e-9, "{}", limiter.rate());
    // One of two is dropped: the other is the probe, and its answer takes 200 ms.
    assert_eq!(limiter.acquire(millis(now)), Ok(()));
    assert_eq!(limiter.acquire(millis(now)), Ok(()));
    limiter.on_unanswered();
    limiter.on_answer(false, millis(now + 200));
    assert!(limiter.rate() < 1.1 * rate, "{}", limiter.rate());
    // Then all is throttled: the next request is sent a round trip after these answers.
    now += 200;
    assert_eq!(limiter.acquire(millis(now)), Ok(()));
    now += 200;
    limiter.on_answer(true, millis(now));
    assert!(limiter.acquire(millis(now + 190)).is_err());
    assert_eq!(limiter.acquire(millis(now + 201)), Ok(()));
}

#[test]
fn the_first_in_the_line_asks_once_while_it_waits_for_answers() {
    let mut limiter = ProbingLimiter::new();
    for n in 0..20 {
        assert_eq!(limiter.acquire(Duration::from_millis(n)), Ok(()));
        limiter.on_answer(false, Duration::from_millis(n + 1));
    }
    let now = Duration::from_millis(20);
    while limiter.acquire(now).is_ok() {}
    let wait = limiter.acquire(now).unwrap_err();
    assert!(wait > Duration::from_secs(9), "{wait:?}");
    // An answer ends the wait.
    assert!(limiter.on_answer(false, Duration::from_secs(9)));
    assert_eq!(limiter.acquire(Duration::from_secs(9)), Ok(()));
}

#[test]
fn a_clock_that_jumps_ahead_and_comes_back_stops_nothing() {
    for ahead in [Duration::from_secs(3_600), Duration::MAX] {
        let mut limiter = ProbingLimiter::new();
        let mut service = Service::new(100.0, 100.0);
        drive(&mut limiter, &mut service, 0.0, 20.0);
        let _ = limiter.acquire(ahead);
        limiter.on_answer(false, ahead);
        let events = drive(&mut limiter, &mut service, 20.0, 20.0);
        let granted = events
            .iter()
            .filter(|event| matches!(event, Event::Answered(_, Answer::Granted)));
        assert!(granted.count() > 1_800, "{limiter:?}");

        let mut limiter = AdaptiveLimiter::new();
        limiter.on_answer(true, Duration::from_secs(1));
        let _ = limiter.acquire(ahead);
        let times = (0..100).map(|n| Duration::from_secs(1 + n));
        let granted = times.filter(|now| limiter.acquire(*now).is_ok()).count();
        assert!(granted > 40, "{granted}");
    }
}

/// Polls a call once, so that it stands in the line.
async fn poll_once<F: Future>(call: std::pin::Pin<&mut F>) {
    let mut call = Some(call);
    std::future::poll_fn(|context| {
        assert!(call.take().unwrap().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_polled_does_not_stop_the_others() {
    static LIMIT: Shared<RateLimit> =
        Shared::new(RateLimit::new(100, Duration::from_secs(1)).burst(1));
    let call = || {
        let send = async || Ok::<_, Failure<'_>>(());
        retry(Policy::aws(), send).limiter(&LIMIT).run()
    };
    call().await.unwrap();
    let mut idle: Vec<_> = (0..20).map(|_| Box::pin(call())).collect();
    for call in &mut idle {
        poll_once(call.as_mut()).await;
    }
    // Each of the idle ones loses its place a second after its turn.
    let mut others = tokio::task::JoinSet::new();
    for number in 0..400 {
        others.spawn(async move {
            sleep(Duration::from_millis(100 * number)).await;
            call().await
        });
    }
    let answers = timeout(Duration::from_secs(60), others.join_all()).await;
    assert_eq!(answers, Ok(vec![Ok(()); 400]));
    // They join again at the end.
    for call in idle {
        assert_eq!(call.await, Ok(()));
    }
    assert_eq!(LIMIT.waiting(), 0);
}

#[test]
fn sleeps_of_their_own_do_not_slow_the_line() {
    let limit = Shared::new(RateLimit::new(200, Duration::from_secs(1)).burst(1));
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let sleep = |delay| {
                    std::thread::sleep(delay);
                    std::ops::ControlFlow::Continue(())
                };
                for _ in 0..2 {
                    let call = retry_blocking(Policy::aws(), || Ok::<_, Failure<'_>>(()));
                    assert_eq!(call.sleep_with(sleep).limiter(&limit).run(), Ok(()));
                }
            });
        }
    });
    // 0.4 s is the best; looks of 100 ms took 4 s.
    let time = started.elapsed();
    assert!(time < Duration::from_millis(3500), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_no_call_whose_wait_is_only_guessed() {
    let limiter = Arc::new(Shared::new(ProbingLimiter::new()));
    let service = Arc::new(Mutex::new(RateLimit::new(100, Duration::from_secs(1))));
    let started = Instant::now();
    let tasks: Vec<_> = (0..1_000)
        .map(|_| {
            let (limiter, service) = (limiter.clone(), service.clone());
            tokio::spawn(async move {
                let send = async || {
                    sleep(Duration::from_millis(50)).await;
                    let now = started.elapsed() + Duration::from_secs(10);
                    let granted = service.lock().unwrap().acquire(now).is_ok();
                    sleep(Duration::from_millis(50)).await;
                    if granted { Ok(()) } else { Err(THROTTLED) }
                };
                let call = retry(Policy::aws().attempts(u32::MAX), send).limiter(&*limiter);
                call.deadline(Duration::from_secs(30)).run().await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    assert!(started.elapsed() < Duration::from_secs(12));
}

/// A timer without a clock, whose sleeps take no time and are added up.
#[derive(Clone, Copy)]
struct NoClock<'a>(&'a Mutex<Duration>);

impl keyfob_backoff::hooks::Timer for NoClock<'_> {
    type Sleep = std::future::Ready<()>;

    fn sleep(&self, delay: Duration) -> Self::Sleep {
        *self.0.lock().unwrap() += delay;
        std::future::ready(())
    }

    fn now(&self) -> Option<Duration> {
        None
    }
}

#[tokio::test]
async fn without_a_clock_a_limiter_counts_the_time_slept_in_its_line() {
    let slept = Mutex::new(Duration::ZERO);
    let limit = Shared::new(RateLimit::new(2, Duration::from_secs(1)).burst(1));
    for _ in 0..21 {
        let send = async || Ok::<_, Failure<'_>>(());
        let call = retry(Policy::aws(), send).timer(NoClock(&slept));
        assert_eq!(call.limiter(&limit).run().await, Ok(()));
    }
    let all = *slept.lock().unwrap();
    let expected = Duration::from_secs(10);
    assert!(all.abs_diff(expected) < Duration::from_millis(1), "{all:?}");

    let throttled = AtomicU32::new(0);
    let limiter = Shared::new(ProbingLimiter::new());
    for _ in 0..20 {
        let send = async || match throttled.fetch_add(1, Relaxed) % 3 {
            0 => Err(THROTTLED),
            _ => Ok(()),
        };
        let call = retry(Policy::aws(), send).timer(NoClock(&slept));
        assert_eq!(call.limiter(&limiter).run().await, Ok(()));
    }
}

#[tokio::test]
async fn those_behind_in_a_line_look_again_after_a_day() {
    let asked = Mutex::new(Vec::new());
    let limit = Shared::new(RateLimit::new(1, Duration::from_secs(1)).burst(1));
    let sleep = |delay| {
        asked.lock().unwrap().push(delay);
        std::future::pending::<()>()
    };
    let call = || {
        let send = async || Ok::<_, Failure<'_>>(());
        retry(Policy::aws(), send)
            .timer(sleep)
            .limiter(&limit)
            .run()
    };
    call().await.unwrap();
    let mut calls = [Box::pin(call()), Box::pin(call()), Box::pin(call())];
    for call in &mut calls {
        poll_once(call.as_mut()).await;
    }
    let day = Duration::from_secs(86_400);
    let asked = asked.lock().unwrap();
    assert!(asked[0] <= Duration::from_secs(1), "{asked:?}");
    assert_eq!(asked[1..], [day, day]);
}

#[test]
fn a_key_may_use_the_table_when_it_is_dropped() {
    #[derive(Clone)]
    struct Key(u32, Arc<KeyedLimit<Key>>);
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Key {}
    impl std::hash::Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    impl Drop for Key {
        fn drop(&mut self) {
            assert!(!format!("{:?}", self.1).contains("None"));
        }
    }
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let second = Duration::from_secs(1);
        let table = Arc::new(KeyedLimit::new(RateLimit::new(1, second)));
        for number in 0..100 {
            let limiter = table.key(Key(number, table.clone()));
            assert_eq!(limiter.acquire(10 * number * second), Ok(()));
        }
        done.send(()).unwrap();
    });
    assert_eq!(ended.recv_timeout(Duration::from_secs(30)), Ok(()));
}

#[test]
fn a_waker_may_use_the_limiter_when_it_is_dropped() {
    struct Uses(Arc<Shared<RateLimit>>);
    impl std::task::Wake for Uses {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Uses {
        fn drop(&mut self) {
            let _ = self.0.waiting();
        }
    }
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let limit = Arc::new(Shared::new(RateLimit::new(1, Duration::from_secs(1))));
        let waker = || std::task::Waker::from(Arc::new(Uses(limit.clone())));
        let second = Duration::from_secs(1);
        assert_eq!(limit.acquire(second), Ok(()));
        let (mut first, mut behind) = Default::default();
        let ask = |place: &mut _, now| limit.acquire_in_line(place, &waker(), now);
        assert!(ask(&mut first, second).is_err());
        assert!(ask(&mut behind, second).is_err());
        assert!(ask(&mut first, second).is_err());
        assert!(!limit.is_called(&behind, &waker()));
        assert_eq!(ask(&mut first, 2 * second), Ok(()));
        limit.leave(&mut behind);
        done.send(()).unwrap();
    });
    assert_eq!(ended.recv_timeout(Duration::from_secs(30)), Ok(()));
}

#[test]
fn idle_times_do_not_count_as_a_low_rate() {
    let mut limiter = ProbingLimiter::new();
    let mut service = Service::new(100.0, 100.0);
    drive(&mut limiter, &mut service, 0.0, 10.0);
    // Nothing is wanted for an hour; then a throttled answer.
    let hour = Duration::from_secs(3_600);
    assert_eq!(limiter.acquire(hour), Ok(()));
    limiter.on_answer(true, hour + Duration::from_millis(20));
    assert!(
        limiter.estimate().unwrap() > 40.0,
        "{:?}",
        limiter.estimate()
    );
}
