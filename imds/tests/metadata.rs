//! Typed lookups, walks and watches, against this crate's server.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

use std::{collections::BTreeMap, pin::Pin, time::Duration};

use futures_core::Stream;
use keyfob_imds::{
    Client, ClientBuilder, Entry, ErrorKind,
    events::{Event, Interruption, LifecycleState},
    server::{Fault, Imds, ImdsBuilder},
};
use keyfob_sigv4::{Credentials, Timestamp};

fn key() -> Credentials {
    Credentials::new("ASIAEXAMPLE", "canary-secret")
        .unwrap()
        .with_expiry(Timestamp::now().plus_seconds(3600))
}

fn client_of(server: &Imds) -> ClientBuilder {
    Client::builder().endpoint(server.endpoint())
}

async fn start(builder: ImdsBuilder) -> (Imds, Client) {
    let server = builder.start().await.unwrap();
    let client = client_of(&server).build().unwrap();
    (server, client)
}

#[tokio::test]
async fn typed_lookups_return_typed_values() {
    let (_server, client) = start(
        Imds::builder()
            .region("eu-west-1")
            .credentials(key())
            .role("web")
            .unwrap(),
    )
    .await;
    assert_eq!(client.instance_id().await.unwrap(), "i-0123456789abcdef0");
    assert_eq!(client.instance_type().await.unwrap(), "t3.micro");
    assert_eq!(client.ami_id().await.unwrap(), "ami-0123456789abcdef0");
    assert_eq!(
        client.hostname().await.unwrap(),
        "ip-10-0-0-10.eu-west-1.compute.internal"
    );
    assert_eq!(client.mac().await.unwrap(), "02:00:00:00:00:0a");
    assert_eq!(
        client.local_ipv4().await.unwrap(),
        Some([10, 0, 0, 10].into())
    );
    assert_eq!(client.public_ipv4().await.unwrap(), None);
    assert_eq!(client.ipv6().await.unwrap(), None);
    assert_eq!(client.tags().await.unwrap(), None);
    assert_eq!(client.tag("Name").await.unwrap(), None);
    assert_eq!(client.user_data().await.unwrap(), None);
    assert_eq!(client.spot_action().await.unwrap(), None);
    assert_eq!(client.rebalance_recommendation().await.unwrap(), None);
    assert_eq!(client.lifecycle_state().await.unwrap(), None);
    assert_eq!(client.scheduled_events().await.unwrap(), []);
    assert_eq!(client.past_events().await.unwrap(), []);

    let placement = client.placement().await.unwrap();
    assert_eq!(placement.availability_zone.as_deref(), Some("eu-west-1a"));
    assert_eq!(
        (placement.region.as_deref(), placement.partition_number),
        (Some("eu-west-1"), None)
    );
    let interfaces = client.interfaces().await.unwrap();
    assert_eq!(
        (interfaces.len(), interfaces[0].device_number),
        (1, Some(0))
    );
    assert_eq!(
        interfaces[0].local_ipv4s,
        [std::net::Ipv4Addr::new(10, 0, 0, 10)]
    );
    let info = client.iam_info().await.unwrap().unwrap();
    assert_eq!(
        info.instance_profile_arn.as_deref(),
        Some("arn:aws:iam::123456789012:instance-profile/web")
    );
    let document = client.identity_document().await.unwrap();
    assert_eq!(document.region.as_deref(), Some("eu-west-1"));
}

#[tokio::test]
async fn without_its_own_item_the_region_comes_from_the_document_never_from_the_zone() {
    let (server, client) = start(Imds::builder().region("us-west-2")).await;
    server.remove("meta-data/placement/region");
    server.set("meta-data/placement/availability-zone", "us-west-2-lax-1a");
    assert_eq!(client.region().await.unwrap(), "us-west-2");
    server.set("dynamic/instance-identity/document", "{}");
    assert_eq!(
        client.region().await.unwrap_err().kind(),
        ErrorKind::Response
    );
}

#[tokio::test]
async fn tags_may_have_any_name_that_ec2_allows() {
    let (_server, client) = start(
        Imds::builder()
            .item("meta-data/tags/instance/Name", "web 1")
            .item("meta-data/tags/instance/a+b=c@d:e", "x"),
    )
    .await;
    let tags = BTreeMap::from(
        [("Name", "web 1"), ("a+b=c@d:e", "x")].map(|(k, v)| (k.to_owned(), v.to_owned())),
    );
    assert_eq!(client.tags().await.unwrap(), Some(tags));
    assert_eq!(client.tag("Name").await.unwrap().as_deref(), Some("web 1"));
}

#[tokio::test]
async fn user_data_is_returned_byte_for_byte() {
    let bytes = &b"\0\xff\r\nnot text"[..];
    let (_server, client) = start(Imds::builder().item("user-data", bytes)).await;
    assert_eq!(client.user_data().await.unwrap().unwrap(), bytes);
    assert_eq!(
        client.get("/latest/user-data").await.unwrap_err().kind(),
        ErrorKind::Response
    );
}

#[tokio::test]
async fn a_request_for_the_policy_is_told_where_policies_are() {
    let (_server, client) = start(Imds::builder().credentials(key())).await;
    let error = client.get("iam/policy").await.unwrap_err();
    assert!(
        error.is_not_found() && error.to_string().contains("list-attached-role-policies"),
        "{error}"
    );
}

async fn collect(client: &Client, secrets: bool) -> BTreeMap<String, Option<String>> {
    let mut walk = client
        .walk("/latest")
        .unwrap()
        .secrets(secrets)
        .concurrency(3);
    let mut found = BTreeMap::new();
    while let Some(entry) = walk.next().await {
        let Entry { path, value, .. } = entry.unwrap();
        found.insert(
            path,
            value.map(|value| String::from_utf8_lossy(&value).into_owned()),
        );
    }
    found
}

#[tokio::test]
async fn a_walk_finds_everything_once_and_secrets_only_if_told() {
    let builder = Imds::builder()
        .metadata(
            r#"{"user-data": "canary", "meta-data": {"mac": "02", "tags": {"instance": {"a b": "1"}},
                "public-keys": {"0": {"openssh-key": "ssh"}}}}"#,
        )
        .unwrap();
    let (server, client) = start(
        builder
            .credentials(key())
            .role("web")
            .unwrap()
            .extended(false),
    )
    .await;
    let found = collect(&client, false).await;
    for path in [
        "/latest/dynamic/instance-identity/document",
        "/latest/meta-data/iam/info",
        "/latest/meta-data/iam/security-credentials/web",
        "/latest/meta-data/mac",
        "/latest/meta-data/public-keys/0/openssh-key",
        "/latest/meta-data/tags/instance/a%20b",
        "/latest/user-data",
    ] {
        assert!(found.contains_key(path), "{path}");
    }
    let hidden = found.iter().filter(|(_, value)| value.is_none());
    let hidden: Vec<&str> = hidden.map(|(path, _)| path.as_str()).collect();
    let role = "/latest/meta-data/iam/security-credentials/web";
    assert_eq!(hidden, [role, "/latest/user-data"]);
    assert!(
        found
            .values()
            .flatten()
            .all(|value| !value.contains("canary"))
    );
    assert_eq!(
        (server.counters().credentials, server.counters().tokens),
        (0, 1)
    );
    // Each of the three requests that may be in progress has a connection of its own.
    assert!(server.counters().connections <= 3);
    let found = collect(&client, true).await;
    assert_eq!(found["/latest/user-data"].as_deref(), Some("canary"));
    assert!(
        found["/latest/meta-data/iam/security-credentials/web"]
            .as_deref()
            .unwrap()
            .contains("ASIAEXAMPLE")
    );
}

#[tokio::test]
async fn the_first_error_ends_a_walk_and_it_is_a_stream() {
    fn is_stream<S: Stream + Send + Unpin + 'static>(_: Pin<&mut S>) {}
    let (server, client) = start(Imds::builder()).await;
    server.inject(Fault::status(403).on("/latest/meta-data/placement"));
    let mut walk = client.walk("/latest/meta-data/").unwrap();
    is_stream(Pin::new(&mut walk));
    let mut last = None;
    while let Some(entry) = walk.next().await {
        last = Some(entry);
    }
    assert_eq!(last.unwrap().unwrap_err().kind(), ErrorKind::Forbidden);
    let Err(error) = client.walk("/../x") else {
        unreachable!("it leaves the tree")
    };
    assert_eq!(error.kind(), ErrorKind::Setting);
    let mut nothing = client.walk("/latest/nothing").unwrap();
    assert!(nothing.next().await.is_none());
}

#[tokio::test]
async fn a_watch_reports_each_event_once_and_survives_an_error() {
    let (server, client) = start(
        Imds::builder()
            .spot_notice(Duration::from_millis(60), Interruption::Terminate)
            .item("meta-data/autoscaling/target-lifecycle-state", "InService"),
    )
    .await;
    let mut watch = client.watch().every(Duration::from_millis(20));
    let Event::Spot(notice) = watch.next().await.unwrap() else {
        unreachable!("nothing else is there")
    };
    assert_eq!(notice.action, Interruption::Terminate);
    let ahead = notice.time.seconds_since(Timestamp::now());
    assert!((110..=120).contains(&ahead), "{ahead}");

    server.inject(Fault::status(403).times(1));
    assert_eq!(watch.next().await.unwrap_err().kind(), ErrorKind::Forbidden);
    server.set(
        "meta-data/events/recommendations/rebalance",
        r#"{"noticeTime":"2026-01-01T00:00:00Z"}"#,
    );
    assert!(matches!(watch.next().await.unwrap(), Event::Rebalance(_)));
    server.set(
        "meta-data/events/maintenance/scheduled",
        r#"[{"Code":"system-reboot","State":"active"}]"#,
    );
    assert!(
        matches!(watch.next().await.unwrap(), Event::Scheduled(event) if event.code == "system-reboot")
    );
    server.set("meta-data/autoscaling/target-lifecycle-state", "Terminated");
    assert_eq!(
        watch.next().await.unwrap(),
        Event::Lifecycle(LifecycleState::Terminated)
    );
    let more = tokio::time::timeout(Duration::from_millis(100), watch.next()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn faults_of_the_server_are_the_errors_of_the_client() {
    let (server, client) = start(Imds::builder().credentials(key())).await;
    server.inject(Fault::status(503).times(2));
    assert!(client.credentials().await.unwrap().expired.is_none());
    server.inject(Fault::expired().times(1));
    let stale = client.credentials().await.unwrap();
    assert!(stale.expired.unwrap() < Timestamp::now());
    let left = stale
        .credentials
        .expiry()
        .unwrap()
        .seconds_since(Timestamp::now());
    assert!((590..=900).contains(&left), "{left}");
    server.inject(Fault::status(401).on("/latest/meta-data").times(1));
    assert!(client.credentials().await.is_ok());
    server.inject(Fault::slow(Duration::from_secs(1)));
    let slow = client_of(&server)
        .attempt_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    assert_eq!(
        slow.get("mac").await.unwrap_err().kind(),
        ErrorKind::Timeout
    );
    server.recover();
    server.inject(Fault::silence().on("/latest/api/token"));
    let far = client_of(&server)
        .attempt_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    assert!(
        far.get("mac")
            .await
            .unwrap_err()
            .to_string()
            .contains("hop")
    );
}

#[tokio::test]
async fn dated_versions_are_the_same_as_latest() {
    let (_server, client) = start(Imds::builder()).await;
    assert_eq!(
        client.get("/2021-07-15/meta-data/mac").await.unwrap(),
        "02:00:00:00:00:0a"
    );
    assert!(
        client
            .get("/2021-7-15/meta-data/mac")
            .await
            .unwrap_err()
            .is_not_found()
    );
    let versions = client.list("/").await.unwrap();
    assert_eq!(versions.last().map(String::as_str), Some("latest"));
}

#[tokio::test]
async fn the_metadata_file_may_contain_credentials_too() {
    let document = r#"{\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"2099-01-01T00:00:00Z\"}"#;
    let json = format!(
        r#"{{"meta-data": {{"iam": {{"security-credentials": {{"web": "{document}"}}}}}}}}"#
    );
    let (_server, client) = start(Imds::builder().metadata(&json).unwrap()).await;
    let role = client.credentials().await.unwrap();
    assert_eq!(
        (role.name.as_str(), role.credentials.access_key_id()),
        ("web", "AKID")
    );
}
