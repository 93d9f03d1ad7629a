use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use http::{HeaderMap, Request, StatusCode};
use keyfob_backoff::{Failure, Policy, tower::RetryPolicy};
use keyfob_chain::{Chain, Error, ErrorKind, RequestSigner};
use keyfob_sigv4::{Scope, Signer, Timestamp};
use keyfob_sts::server::Fault;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};

use super::{Cloud, FORM, WHO, client, failing};

type Answer = (StatusCode, String);

/// What is retried: errors of the service and of the client, and not those of the signer.
fn classify(result: &Result<Answer, BoxError>) -> Option<Failure<'_>> {
    match result {
        Ok((status, _)) if status.is_success() => None,
        Ok((status, _)) => Some(Failure::response(status.as_u16())),
        Err(error) if error.is::<Error>() => Some(Failure::local()),
        Err(_) => Some(Failure::no_response()),
    }
}

/// Sends a request through the layer, with retries, and returns the answer and the headers of
/// each attempt.
async fn send(
    signer: RequestSigner<Chain>,
    request: Request<String>,
) -> Result<(Answer, Vec<HeaderMap>), BoxError> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (attempts, client) = (Arc::clone(&sent), client());
    let send = service_fn(move |request: Request<String>| {
        attempts.lock().unwrap().push(request.headers().clone());
        let request = reqwest::Request::try_from(request).unwrap();
        let client = client.clone();
        async move {
            let response = client.execute(request).await?;
            Ok::<_, reqwest::Error>((response.status(), response.text().await?))
        }
    });
    let mut service = ServiceBuilder::new()
        .retry(RetryPolicy::new(Policy::aws(), classify))
        .layer(signer)
        .service(send);
    let answer = service.ready().await?.call(request).await?;
    let sent = std::mem::take(&mut *sent.lock().unwrap());
    Ok((answer, sent))
}

fn who(cloud: &Cloud) -> Request<String> {
    Request::post(cloud.listener.url())
        .header("content-type", FORM)
        .body(WHO.to_owned())
        .unwrap()
}

#[tokio::test]
async fn every_attempt_has_its_own_signature_which_the_service_accepts() {
    let cloud = Cloud::start().await;
    cloud.sts.fail(Fault::Unavailable, 1);
    let clock = AtomicI64::new(0);
    let signer = RequestSigner::new(cloud.chain())
        .with_signer(Signer::new(Scope::new("us-east-1", "sts").unwrap()))
        .with_clock(move || Timestamp::now().plus_seconds(clock.fetch_add(10, Relaxed)));
    let ((status, body), sent) = send(signer, who(&cloud)).await.unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("user/ada"), "{body}");
    let [first, second] = &sent[..] else {
        panic!("{} attempts", sent.len());
    };
    assert_ne!(first["x-amz-date"], second["x-amz-date"]);
    assert_ne!(first["authorization"], second["authorization"]);
}

#[tokio::test]
async fn what_the_header_says_is_signed_in_the_place_of_the_body() {
    let cloud = Cloud::start().await;
    let signer = RequestSigner::new(cloud.chain()).with_signer(Signer::s3("us-east-1").unwrap());
    let mut request = who(&cloud);
    let unsigned = "UNSIGNED-PAYLOAD".parse().unwrap();
    request
        .headers_mut()
        .insert("x-amz-content-sha256", unsigned);
    let (_, sent) = send(signer, request).await.unwrap();
    assert_eq!(sent[0]["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
    let authorization = sent[0]["authorization"].to_str().unwrap();
    assert!(authorization.contains("x-amz-content-sha256"));
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let cloud = Cloud::start().await;
    let signer = RequestSigner::new(failing(ErrorKind::SignIn))
        .with_signer(Signer::s3("us-east-1").unwrap());
    let error = send(signer, who(&cloud)).await.unwrap_err();
    let error = error.downcast_ref::<Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::SignIn);
    assert_eq!(cloud.listener.counters().requests, 0);
}
