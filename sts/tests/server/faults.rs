use std::{sync::Arc, time::Duration};

use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    ErrorKind,
    actions::{GetCallerIdentity, GetSessionToken},
    server::Fault,
};

use crate::Lab;

#[tokio::test]
async fn faults_that_pass_are_retried_and_others_are_errors() {
    for (fault, requests, kind) in [
        (Fault::Throttling, 3, Some(ErrorKind::Service)),
        (Fault::InternalFailure, 3, Some(ErrorKind::Service)),
        (Fault::Unavailable, 3, Some(ErrorKind::Service)),
        (Fault::HtmlPage, 3, Some(ErrorKind::Service)),
        (Fault::Truncated, 1, Some(ErrorKind::Response)),
        (Fault::ContentType, 1, None),
    ] {
        let lab = Lab::start().await;
        lab.services.fail(fault, 3);
        let answer = lab.send(&GetCallerIdentity::new(), &lab.alice).await;
        assert_eq!(answer.err().map(|error| error.kind()), kind, "{fault:?}");
        let counters = lab.services.counters();
        assert_eq!(
            (counters.requests, counters.faults),
            (requests, requests),
            "{fault:?}"
        );
    }
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
async fn a_code_that_was_throttled_is_still_good() {
    let lab = Lab::start().await;
    lab.services.fail(Fault::Throttling, 1);
    let code = lab.device.code(Timestamp::now());
    lab.alice(GetSessionToken::new().mfa(lab.device.serial_number(), code))
        .await;
    assert_eq!(lab.services.counters().requests, 2);
}

#[tokio::test]
async fn a_client_follows_the_clock_of_the_service() {
    let lab = Lab::start().await;
    lab.services.fail(Fault::Clock { seconds: 3600 }, 2);
    let client = lab.builder().build().unwrap();
    let whoami = GetCallerIdentity::new();
    let error = client.send(&whoami, &lab.alice).await.unwrap_err();
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
    let skew = error.clock_skew_seconds().unwrap();
    assert!((3590..=3610).contains(&skew), "{skew}");
    client.send(&whoami, &lab.alice).await.unwrap();
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
