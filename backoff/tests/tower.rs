//! Tests the policy in a `tower::retry::Retry` service.

#![cfg(feature = "tower")]
#![allow(
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test does"
)]

use std::collections::VecDeque;
use std::future::Ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyfob_backoff::{Budget, Failure, Jitter, Policy, tower::RetryPolicy};
use tokio::time::Instant;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

type Answer = Result<u16, std::io::Error>;

fn classify(answer: &Answer) -> Option<Failure<'_>> {
    match answer {
        Ok(status) if *status < 400 => None,
        Ok(status) => Some(Failure::response(*status)),
        Err(_) => Some(Failure::no_response()),
    }
}

/// Creates a service that answers with these statuses, and a counter of its requests.
fn service(
    statuses: &[u16],
) -> (
    impl Service<(), Response = u16, Error = std::io::Error, Future = Ready<Answer>> + Clone,
    Arc<Mutex<usize>>,
) {
    let statuses = Arc::new(Mutex::new(VecDeque::from(statuses.to_vec())));
    let sent = Arc::new(Mutex::new(0));
    let count = sent.clone();
    let send = move |()| {
        *count.lock().unwrap() += 1;
        std::future::ready(Ok(statuses.lock().unwrap().pop_front().unwrap_or(200)))
    };
    (service_fn(send), sent)
}

#[tokio::test(start_paused = true)]
async fn faults_are_retried_and_other_errors_are_not() {
    for (statuses, answer, attempts) in [
        (&[503, 429][..], 200, 3),
        (&[500, 500, 500, 500], 500, 3),
        (&[404], 404, 1),
        (&[200], 200, 1),
        (&[503, 403], 403, 2),
    ] {
        let (inner, sent) = service(statuses);
        let mut service = ServiceBuilder::new()
            .retry(RetryPolicy::new(Policy::aws(), classify))
            .service(inner);
        assert_eq!(
            service.ready().await.unwrap().call(()).await.unwrap(),
            answer,
            "{statuses:?}"
        );
        assert_eq!(*sent.lock().unwrap(), attempts, "{statuses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_has_its_own_attempts_and_all_share_the_budget() {
    let budget = Arc::new(Budget::aws().with_tokens(28));
    let (inner, sent) = service(&[500; 100]);
    let policy = RetryPolicy::new(Policy::aws(), classify).budget(budget.clone());
    let mut service = ServiceBuilder::new().retry(policy).service(inner);
    for _ in 0..3 {
        service.ready().await.unwrap().call(()).await.unwrap();
    }
    assert_eq!((*sent.lock().unwrap(), budget.available()), (3 + 1 + 1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_request_runs_from_its_own_start() {
    let (inner, sent) = service(&[429; 100]);
    let policy =
        RetryPolicy::new(Policy::aws().attempts(50), classify).deadline(Duration::from_secs(60));
    let mut service = ServiceBuilder::new().retry(policy).service(inner);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let started = Instant::now();
    service.ready().await.unwrap().call(()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(*sent.lock().unwrap() > 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_gives_its_tokens_back() {
    let budget = Arc::new(Budget::aws());
    let (inner, sent) = service(&[429; 100]);
    let policy = RetryPolicy::new(Policy::aws().jitter(Jitter::None), classify);
    let mut service = ServiceBuilder::new()
        .retry(policy.budget(budget.clone()))
        .service(inner);
    for _ in 0..40 {
        let call = service.ready().await.unwrap().call(());
        let outcome = tokio::time::timeout(Duration::from_millis(1), call).await;
        assert!(outcome.is_err());
    }
    assert_eq!((*sent.lock().unwrap(), budget.available()), (40, 500));
    // The first retry is sent after 1 s, the second would be after 3 s.
    let call = service.ready().await.unwrap().call(());
    let outcome = tokio::time::timeout(Duration::from_secs(2), call).await;
    assert!(outcome.is_err());
    assert_eq!((*sent.lock().unwrap(), budget.available()), (42, 495));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_cloned_is_sent_once_and_others_are_retried() {
    struct Request(bool);
    for (replayable, attempts) in [(true, 3), (false, 1)] {
        let (mut inner, sent) = service(&[503; 100]);
        let copy = |request: &Request| request.0.then_some(Request(true));
        let policy = RetryPolicy::new(Policy::aws(), classify).clone_with(copy);
        let mut service = ServiceBuilder::new()
            .retry(policy)
            .service(service_fn(move |_: Request| inner.call(())));
        let call = service.ready().await.unwrap().call(Request(replayable));
        assert_eq!(call.await.unwrap(), 503);
        assert_eq!(*sent.lock().unwrap(), attempts);
    }
}

#[cfg(feature = "http")]
#[tokio::test(start_paused = true)]
async fn an_http_response_is_classified_by_its_body_too() {
    let mut bodies = vec![
        "alice",
        "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
    ];
    let send = move |_: http::Request<()>| {
        let body = bodies.pop().unwrap();
        let status = if body == "alice" { 200 } else { 400 };
        let response = http::Response::builder().status(status).body(body).unwrap();
        std::future::ready(Ok::<_, std::io::Error>(response))
    };
    let policy = RetryPolicy::new(Policy::aws(), keyfob_backoff::tower::classify_response);
    let mut service = ServiceBuilder::new()
        .retry(policy)
        .service(service_fn(send));
    let response = service
        .ready()
        .await
        .unwrap()
        .call(http::Request::new(()))
        .await
        .unwrap();
    assert_eq!(*response.body(), "alice");
}

#[tokio::test(start_paused = true)]
async fn a_layer_paces_every_attempt_and_throttled_ones_are_not_delayed_by_the_policy() {
    use keyfob_backoff::limit::{Limiter, ProbingLimiter, Shared};
    use keyfob_backoff::tower::LimitLayer;

    // A hundred granted ones, then one throttled: the limiter knows the rate.
    const STATUSES: [u16; 101] = {
        let mut statuses = [200; 101];
        statuses[100] = 429;
        statuses
    };
    let (inner, sent) = service(&STATUSES);
    let limiter = Arc::new(Shared::new(ProbingLimiter::new()));
    let policy = Policy::aws().jitter(Jitter::None);
    let mut service = ServiceBuilder::new()
        .retry(RetryPolicy::new(policy, classify).limiter(limiter.clone()))
        .layer(LimitLayer::new(policy, classify, limiter.clone()))
        .service(inner);
    let started = Instant::now();
    for _ in 0..150 {
        let answer = service.ready().await.unwrap().call(()).await.unwrap();
        assert_eq!(answer, 200);
    }
    assert_eq!(*sent.lock().unwrap(), 151);
    assert!(limiter.paces());
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn each_key_of_a_request_has_its_own_limiter_in_the_layer_and_in_the_policy() {
    use keyfob_backoff::limit::{KeyedLimit, ProbingLimiter};
    use keyfob_backoff::tower::LimitLayer;

    let limits = Arc::new(KeyedLimit::new(ProbingLimiter::new()));
    let choose = {
        let limits = limits.clone();
        move |prefix: &&'static str| limits.shared_key(*prefix)
    };
    // The second request for photos is throttled once.
    let photos = Arc::new(Mutex::new(VecDeque::from([200, 429, 200])));
    let send = move |prefix: &'static str| {
        let next = (prefix == "photos").then(|| photos.lock().unwrap().pop_front());
        std::future::ready(Answer::Ok(next.flatten().unwrap_or(200)))
    };
    let policy = Policy::aws().jitter(Jitter::None);
    let mut service = ServiceBuilder::new()
        .retry(RetryPolicy::new(policy, classify).limiter_for(choose.clone()))
        .layer(LimitLayer::new_for(policy, classify, choose))
        .service(service_fn(send));
    let started = Instant::now();
    for prefix in ["photos", "photos", "videos"] {
        let answer = service.ready().await.unwrap().call(prefix).await.unwrap();
        assert_eq!(answer, 200);
    }
    // Its limiter knows the rate, so the delay of the policy, a second, is not slept.
    assert!(started.elapsed() < Duration::from_millis(500));
    assert!(limits.shared_key("photos").paces());
    assert!(!limits.shared_key("videos").paces());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_leaves_the_line_of_the_layer() {
    use keyfob_backoff::limit::{RateLimit, Shared};
    use keyfob_backoff::tower::LimitLayer;

    let (inner, sent) = service(&[]);
    let limit = RateLimit::new(1, Duration::from_secs(60));
    let limiter = Arc::new(Shared::new(limit));
    let mut service = ServiceBuilder::new()
        .layer(LimitLayer::new(Policy::aws(), classify, limiter.clone()))
        .service(inner);
    assert_eq!(service.ready().await.unwrap().call(()).await.unwrap(), 200);
    let waits = service.ready().await.unwrap().call(());
    let second = Duration::from_secs(1);
    assert!(tokio::time::timeout(second, waits).await.is_err());
    assert_eq!((limiter.waiting(), *sent.lock().unwrap()), (0, 1));
}
