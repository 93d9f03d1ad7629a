use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use keyfob_backoff::{Policy, reqwest_middleware::RetryMiddleware};
use keyfob_chain::{Cached, Chain, Error, ErrorKind, RequestSigner};
use keyfob_sigv4::{Scope, Signer, Timestamp};
use keyfob_sts::server::Fault;
use reqwest::Body;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};

use super::{Cloud, FORM, WHO, client, failing};

fn signing(chain: Cached<Chain>) -> ClientWithMiddleware {
    let clock = AtomicI64::new(0);
    let signer = RequestSigner::new(chain)
        .with_signer(Signer::new(Scope::new("us-east-1", "sts").unwrap()))
        .with_clock(move || Timestamp::now().plus_seconds(clock.fetch_add(10, Relaxed)));
    ClientBuilder::new(client())
        .with(RetryMiddleware::new(Policy::aws()))
        .with(signer)
        .build()
}

#[tokio::test]
async fn every_attempt_is_signed_and_the_service_accepts_it() {
    let cloud = Cloud::start().await;
    cloud.sts.fail(Fault::Unavailable, 1);
    let request = signing(cloud.chain())
        .post(cloud.listener.url())
        .header("content-type", FORM)
        .body(WHO);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().contains("user/ada"));
    assert_eq!(cloud.listener.counters().requests, 2);
}

#[tokio::test]
async fn a_request_without_a_body_is_signed_with_its_query() {
    let cloud = Cloud::start().await;
    let url = format!("{}?{WHO}", cloud.listener.url());
    let response = signing(cloud.chain()).get(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_stream_is_sent_only_with_what_is_to_be_signed() {
    let cloud = Cloud::start().await;
    let stream = || Body::wrap(WHO.to_owned());
    let client = ClientBuilder::new(client())
        .with(RequestSigner::new(cloud.chain()).with_signer(Signer::s3("us-east-1").unwrap()))
        .build();
    let error = client
        .post(cloud.listener.url())
        .body(stream())
        .send()
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("the body is a stream"),
        "{error}"
    );
    assert_eq!(cloud.listener.counters().requests, 0);
    let response = client
        .post(cloud.listener.url())
        .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .body(stream())
        .send()
        .await
        .unwrap();
    // It arrives, and is refused only for its scope.
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("Credential should be scoped")
    );
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let cloud = Cloud::start().await;
    let client = signing(failing(ErrorKind::SignIn));
    let error = client.get(cloud.listener.url()).send().await.unwrap_err();
    let reqwest_middleware::Error::Middleware(error) = error else {
        panic!("{error}");
    };
    assert_eq!(
        error.downcast_ref::<Error>().unwrap().kind(),
        ErrorKind::SignIn
    );
    assert_eq!(cloud.listener.counters().requests, 0);
}
