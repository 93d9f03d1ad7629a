//! What a program sees where there is no EC2: other clouds, captive portals, nothing at all.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

mod common;

use std::time::Duration;

use common::{Reply, Script};
use keyfob_imds::{
    Client, ClientBuilder, Endpoint, Error, ErrorKind,
    container::{self, Location},
    server::{Fault, Imds},
};

fn client_of(url: &str) -> ClientBuilder {
    let limit = Duration::from_millis(300);
    let builder = Client::builder().endpoint(Endpoint::new(url).unwrap());
    builder.attempts(1).attempt_timeout(limit)
}

/// Returns the error of a client whose request for a session token gets this reply.
async fn refused(reply: Reply) -> Error {
    let server = Script::start([reply]).await;
    let client = client_of(&server.url()).build().unwrap();
    let error = client.region().await.unwrap_err();
    assert_eq!(server.asked(), ["PUT /latest/api/token"]);
    error
}

#[tokio::test]
async fn every_answer_of_another_cloud_means_no_instance() {
    for status in [
        301, 302, 307, 400, 401, 403, 404, 405, 410, 500, 501, 502, 504,
    ] {
        let error = refused(Reply::status(status, "Bad Request")).await;
        assert!(error.is_no_instance(), "{status}: {error}");
        assert_eq!(error.status(), Some(status));
    }
    for reply in [
        Reply::status(200, "<html><body>Sign in to the network</body></html>"),
        Reply::status(200, ""),
        Reply::status(200, "{\"error\": \"no token\"}"),
        Reply::status(200, &"x".repeat(2 << 20)),
        Reply::Raw(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
        Reply::Close,
        Reply::Hang,
    ] {
        let error = refused(reply).await;
        assert!(error.is_no_instance(), "{error}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_means_no_instance() {
    for url in [
        "http://127.0.0.1:1",
        "http://localhost:1",
        "http://[::1]:1",
        "http://no-such-host.invalid",
    ] {
        let error = client_of(url).build().unwrap().region().await.unwrap_err();
        assert!(error.is_no_instance(), "{url}: {error}");
        assert!(!error.to_string().contains("container"), "{error}");
    }
    // Also if the time of the whole call is up first.
    let silent = Script::start([Reply::Hang, Reply::Hang]).await;
    let client = client_of(&silent.url()).timeout(Duration::from_millis(50));
    let error = client.build().unwrap().credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_no_instance(), "{error}");
}

#[tokio::test]
async fn a_busy_instance_and_one_whose_metadata_is_turned_off_are_instances() {
    for status in [429, 503] {
        let error = refused(Reply::status(status, "")).await;
        assert!(!error.is_no_instance(), "{status}: {error}");
    }
    for status in [400, 403] {
        let by_ec2 = Reply::with_headers(status, &[("Server", "EC2ws")], b"");
        let error = refused(by_ec2).await;
        assert!(!error.is_no_instance(), "{status}: {error}");
    }
}

#[tokio::test]
async fn only_ec2_itself_is_told_that_this_instance_has_its_metadata_turned_off() {
    let google = [
        ("Metadata-Flavor", "Google"),
        ("Server", "Metadata Server for VM"),
    ];
    let error = refused(Reply::with_headers(403, &google, b"")).await;
    assert!(!error.to_string().contains("this instance"), "{error}");
    assert!(!error.to_string().contains("modify-instance"), "{error}");
    let error = refused(Reply::with_headers(403, &[("Server", "EC2ws")], b"")).await;
    assert!(
        error.to_string().contains("turned off for this instance"),
        "{error}"
    );
}

#[tokio::test]
async fn an_instance_that_answered_once_stays_one() {
    let instance = Imds::builder().start().await.unwrap();
    let client = client_of(&instance.endpoint().to_string()).build().unwrap();
    client.region().await.unwrap();
    for fault in [
        Fault::status(404).on("/latest/meta-data/"),
        Fault::status(500),
        Fault::silence(),
    ] {
        instance.recover();
        instance.inject(fault);
        let error = client.instance_id().await.unwrap_err();
        assert!(!error.is_no_instance(), "{error}");
    }
    instance.recover();
    instance.expire_tokens();
    instance.inject(Fault::status(500).on("/latest/api/token"));
    let error = client.instance_id().await.unwrap_err();
    assert_eq!(error.status(), Some(500));
    assert!(!error.is_no_instance(), "{error}");
    drop(instance);
    let error = client.instance_id().await.unwrap_err();
    assert!(!error.is_no_instance(), "{error}");
}

#[tokio::test]
async fn settings_and_a_missing_agent_are_not_no_instance() {
    let disabled = Client::builder().disabled(true).build().unwrap();
    assert!(!disabled.region().await.unwrap_err().is_no_instance());
    assert!(!Endpoint::new("x").unwrap_err().is_no_instance());
    let location = Location::full("http://127.0.0.1:1/c").unwrap();
    let client = container::Client::builder(location).attempts(1);
    let error = client.build().unwrap().credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!error.is_no_instance(), "{error}");
    assert!(!error.to_string().contains("EC2"), "{error}");
}
