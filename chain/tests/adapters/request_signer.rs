use std::sync::Arc;

use http::Request;
use keyfob_chain::{Chain, Error, ErrorKind, Found, Origin, Region, RequestSigner};
use keyfob_sigv4::{Payload, Signer, Timestamp};

use super::{chain, failing, session};

fn signer() -> RequestSigner<Chain> {
    let expiry = Timestamp::now().plus_seconds(3600);
    RequestSigner::new(chain(Found::new(session(expiry), Origin::Default)))
}

/// Signs a GET, and returns the scope of the signature without its date.
async fn scope(signer: &RequestSigner<Chain>, url: &str) -> Result<String, Error> {
    let mut request = Request::get(url).body(()).unwrap();
    signer.sign(&mut request, Payload::Empty).await?;
    let authorization = request.headers()["authorization"].to_str().unwrap();
    let (_, credential) = authorization.split_once("Credential=").unwrap();
    let mut parts = credential.split(',').next().unwrap().splitn(3, '/');
    Ok(parts.nth(2).unwrap().to_owned())
}

#[tokio::test]
async fn the_host_tells_the_service_and_the_region() {
    let signer = signer();
    for (url, expected) in [
        (
            "https://sts.eu-west-1.amazonaws.com/",
            "eu-west-1/sts/aws4_request",
        ),
        (
            "https://b.s3.eu-north-1.amazonaws.com/k",
            "eu-north-1/s3/aws4_request",
        ),
        (
            "https://STS.eu-west-1.amazonaws.com:443/",
            "eu-west-1/sts/aws4_request",
        ),
    ] {
        assert_eq!(scope(&signer, url).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn the_header_tells_the_host_if_the_uri_does_not() {
    let mut request = Request::get("/pets")
        .header("host", "sts.eu-west-1.amazonaws.com")
        .body(())
        .unwrap();
    signer().sign(&mut request, Payload::Empty).await.unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap();
    assert!(authorization.contains("/eu-west-1/sts/"));
}

#[tokio::test]
async fn what_the_host_does_not_tell_is_an_error_that_names_the_method() {
    for (url, message) in [
        (
            "http://localhost:9000/bucket",
            "the host \"localhost\" does not tell a service: set it with RequestSigner::with_signer",
        ),
        (
            "https://b.s3.amazonaws.com/",
            "the host \"b.s3.amazonaws.com\" does not tell its region: set it with \
             RequestSigner::with_region",
        ),
    ] {
        let error = scope(&signer(), url).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Request, message)
        );
    }
    let region = Region::new("eu-west-1", Origin::Default).unwrap();
    let with_region = signer().with_region(region);
    let told = scope(&with_region, "https://b.s3.amazonaws.com/")
        .await
        .unwrap();
    assert_eq!(told, "eu-west-1/s3/aws4_request");
    let with_signer = signer().with_signer(Signer::s3("us-east-1").unwrap());
    let told = scope(&with_signer, "http://localhost:9000/bucket")
        .await
        .unwrap();
    assert_eq!(told, "us-east-1/s3/aws4_request");
}

#[tokio::test]
async fn more_hosts_than_there_are_signers_are_signed_alike() {
    let signer = signer();
    for _ in 0..2 {
        for n in 0..40 {
            let url = format!("https://sts.xx-west-{n}.amazonaws.com/");
            let expected = format!("xx-west-{n}/sts/aws4_request");
            assert_eq!(scope(&signer, &url).await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn the_time_is_that_of_the_clock() {
    let at: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
    let expiry = at.plus_seconds(3600);
    let signer = RequestSigner::new(Arc::new(chain(Found::new(
        session(expiry),
        Origin::Default,
    ))))
    .with_clock(move || at);
    let mut request = Request::get("https://sts.eu-west-1.amazonaws.com/")
        .body(())
        .unwrap();
    signer.sign(&mut request, Payload::Empty).await.unwrap();
    assert_eq!(request.headers()["x-amz-date"], "20261127T120000Z");
}

#[tokio::test]
async fn without_credentials_the_request_stays_as_it_is() {
    let signer = RequestSigner::new(failing(ErrorKind::Refused));
    let mut request = Request::get("https://sts.eu-west-1.amazonaws.com/")
        .body(())
        .unwrap();
    let error = signer.sign(&mut request, Payload::Empty).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(request.headers().is_empty());
}

#[test]
fn its_debug_shows_no_secret() {
    let shown = format!(
        "{:?}",
        signer().with_signer(Signer::s3("us-east-1").unwrap())
    );
    assert!(!shown.contains("canary"), "{shown}");
}
