use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use keyfob_backoff::{Budget, Policy};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    ErrorKind,
    actions::{GetCallerIdentity, GetSessionToken},
    call::{Operation, Replay, Service},
    server::Fault,
};

use crate::Lab;

#[tokio::test]
async fn a_slow_answer_is_given_up_at_the_time_limit() {
    let lab = Lab::start().await;
    let client = lab.builder().timeout(Duration::from_millis(200));
    let client = client.build().unwrap();
    lab.services.fail(Fault::Slow(Duration::from_secs(600)), 1);
    let error = client.send(&GetCallerIdentity::new(), &lab.alice).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(lab.services.counters().requests, 1);
    // An answer within the limit is taken.
    lab.services.fail(Fault::Slow(Duration::from_millis(1)), 1);
    let client = lab.builder().build().unwrap();
    let identity = client.send(&GetCallerIdentity::new(), &lab.alice).await;
    assert!(identity.is_ok(), "{identity:?}");
}

#[tokio::test]
async fn a_fault_ends_after_the_number_of_requests_that_it_is_for() {
    let lab = Lab::start().await;
    lab.services.fail(Fault::Throttling, 1);
    lab.services.fail(Fault::InternalFailure, 1);
    lab.alice(Ok(GetCallerIdentity::new())).await;
    let counters = lab.services.counters();
    assert_eq!((counters.requests, counters.faults), (3, 2));
    assert_eq!(lab.services.calls("GetCallerIdentity"), 1);
}

#[tokio::test]
async fn each_wait_is_reported_with_its_reason() {
    let lab = Lab::start().await;
    lab.services.fail(Fault::Throttling, 2);
    let reported = Arc::new(Mutex::new(Vec::new()));
    let waits = Arc::clone(&reported);
    let client = lab.builder().notify(move |error, pause| {
        let mut waits = waits.lock().unwrap();
        waits.push((pause.attempt, error.code().unwrap_or_default().to_owned()));
    });
    let client = client.build().unwrap();
    client
        .send(&GetCallerIdentity::new(), &lab.alice)
        .await
        .unwrap();
    let throttling = || "Throttling".to_owned();
    assert_eq!(
        *reported.lock().unwrap(),
        [(1, throttling()), (2, throttling())]
    );
}

#[tokio::test]
async fn after_three_server_errors_the_last_one_is_returned() {
    let lab = Lab::start().await;
    lab.services.fail(Fault::InternalFailure, 2);
    lab.services.fail(Fault::HtmlPage, 1);
    let error = lab
        .send(&GetCallerIdentity::new(), &lab.alice)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status(), error.code()),
        (ErrorKind::Service, Some(502), None)
    );
    // A gateway has the id of the request in a header only.
    assert_eq!(
        (error.action(), error.request_id()),
        (
            Some("GetCallerIdentity"),
            Some("00000000-0000-4000-8000-000000000002")
        )
    );
}

#[tokio::test]
async fn a_code_that_was_throttled_is_still_good_and_is_not_sent_again_after_other_faults() {
    let lab = Lab::start().await;
    lab.services.fail(Fault::Throttling, 1);
    let code = lab.device.code(Timestamp::now());
    let call = GetSessionToken::new().mfa(lab.device.serial_number(), code);
    let call = call.unwrap();
    lab.send(&call, &lab.alice).await.unwrap();
    assert_eq!(lab.services.counters().requests, 2);
    for fault in [Fault::InternalFailure, Fault::Unavailable, Fault::HtmlPage] {
        let requests = lab.services.counters().requests;
        lab.services.fail(fault, 1);
        let error = lab.send(&call, &lab.alice).await.unwrap_err();
        assert!(error.status().unwrap() >= 500, "{error}");
        assert_eq!(lab.services.counters().requests, requests + 1);
    }
}

#[tokio::test]
async fn a_call_that_must_not_be_sent_again_is_not_even_after_throttling() {
    let lab = Lab::start().await;
    let operation = Operation::new(&Service::STS, "GetCallerIdentity");
    let call = operation.with_replay(Replay::Never).with_output(|_| Ok(()));
    for (number, fault) in [(1, Fault::Throttling), (2, Fault::InternalFailure)] {
        lab.services.fail(fault, 1);
        let error = lab.send(&call, &lab.alice).await.unwrap_err();
        assert_eq!(lab.services.counters().requests, number);
        assert!(!error.is_retryable());
        assert_eq!(error.is_throttling(), fault == Fault::Throttling);
    }
}

#[tokio::test]
async fn clients_that_share_a_budget_stop_retrying_when_it_is_spent() {
    let lab = Lab::start().await;
    lab.services.fail(Fault::Unavailable, 3);
    let budget = Arc::new(Budget::aws().with_capacity(14));
    for requests in [2, 3] {
        let client = lab.builder().budget(Arc::clone(&budget)).build().unwrap();
        let answer = client.send(&GetCallerIdentity::new(), &lab.alice).await;
        answer.unwrap_err();
        assert_eq!(lab.services.counters().requests, requests);
    }
}

#[tokio::test]
async fn a_client_follows_the_clock_of_the_service_and_with_an_opt_in_the_next_attempt_does() {
    let lab = Lab::start().await;
    lab.services.fail(Fault::Clock { seconds: 3600 }, 2);
    let client = lab.builder().build().unwrap();
    let whoami = GetCallerIdentity::new();
    let error = client.send(&whoami, &lab.alice).await.unwrap_err();
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
    let skew = error.clock_skew_seconds().unwrap();
    assert!((3590..=3610).contains(&skew), "{skew}");
    let ahead = client.now().seconds_since(Timestamp::now());
    assert!((3590..=3610).contains(&ahead), "{ahead}");
    client.send(&whoami, &lab.alice).await.unwrap();

    lab.services.fail(Fault::Clock { seconds: -86_400 }, 2);
    let moment = Duration::from_millis(1);
    let policy = Policy::aws().base(moment).retry_clock_skew();
    let client = lab.builder().retry(policy).build().unwrap();
    client.send(&whoami, &lab.alice).await.unwrap();
    assert_eq!(lab.services.counters().requests, 4);
}

#[tokio::test]
async fn a_slow_answer_is_the_listeners_to_give() {
    let lab = Lab::start().await;
    let services = Arc::clone(&lab.services);
    let slow = Listener::builder().start(move |request| {
        let services = Arc::clone(&services);
        async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let (head, body) = request.into_parts();
            services.answer(&head, &body, Timestamp::now())
        }
    });
    let slow = slow.await.unwrap();
    let builder = lab.builder().endpoint(&slow.url()).unwrap();
    let client = builder.timeout(Duration::from_millis(100)).build().unwrap();
    let error = client
        .send(&GetCallerIdentity::new(), &lab.alice)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}
