//! A host whose 169.254.169.254 is something else than EC2's, and a container's agent that is late.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use keyfob_chain::{Chain, ErrorKind, Order, Settings, Variables, Verdict, profiles::ConfigFiles};
use keyfob_imds::server::Imds;
use keyfob_sigv4::Timestamp;

fn answer(mut stream: TcpStream, response: &str) {
    _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    _ = stream.read(&mut [0; 4096]);
    _ = stream.write_all(response.as_bytes());
}

/// Starts a server with one answer to everything, and returns its address.
fn server(status: &'static str, headers: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &response);
        }
    });
    format!("http://{address}")
}

/// Returns an address that is free until a service takes it.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn settings(variables: &[(&str, &str)]) -> Settings {
    let variables = variables.iter().copied().collect::<Variables>();
    Settings::new(variables, ConfigFiles::default())
}

#[tokio::test]
async fn another_cloud_at_the_address_is_no_instance_and_stops_nothing() {
    for (status, headers, body) in [
        ("400 Bad Request", "", "Bad Request"),
        ("403 Forbidden", "", ""),
        ("404 Not Found", "", ""),
        ("405 Method Not Allowed", "", ""),
        ("500 Internal Server Error", "", ""),
        ("501 Not Implemented", "", ""),
        ("302 Found", "location: http://127.0.0.1:1/\r\n", ""),
        (
            "200 OK",
            "content-type: text/html\r\n",
            "<html><body>Sign in</body></html>\n",
        ),
    ] {
        let endpoint = server(status, headers, body);
        let settings = settings(&[
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint),
            ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1"),
        ]);
        let region = settings
            .resolve_region(None, Timestamp::now())
            .await
            .unwrap();
        assert_eq!(region.name(), "us-east-1", "{status}");
        let chain = Chain::default_for(Order::Cli, &settings);
        let resolution = chain.explain(Timestamp::now()).await;
        let error = resolution.credentials.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoCredentials, "{status}: {error}");
        let last = resolution.explanation.attempts.last().unwrap();
        assert_eq!(last.verdict, Verdict::NotConfigured, "{status}");
    }
}

#[tokio::test]
async fn region_and_role_wait_once_for_an_address_that_is_silent() {
    // No call accepts it: the handshake succeeds, and no answer ever comes.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let settings = settings(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)]);
    let started = Instant::now();
    let chain = Chain::default_for(Order::Cli, &settings);
    let resolution = chain.explain(Timestamp::now()).await;
    assert_eq!(
        resolution.credentials.unwrap_err().kind(),
        ErrorKind::NoCredentials
    );
    let once = started.elapsed();
    assert!(
        settings
            .resolve_region(None, Timestamp::now())
            .await
            .is_ok()
    );
    assert!(started.elapsed() < once + Duration::from_millis(900));
}

#[tokio::test]
async fn a_service_that_came_up_late_is_asked_again_after_five_seconds() {
    let address = free_address();
    let endpoint = format!("http://{address}");
    let settings = settings(&[
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()),
        ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1"),
    ]);
    let start = Timestamp::from_unix_seconds(1_800_000_000);
    let region = async |seconds| {
        let now = start.plus_seconds(seconds);
        let region = settings.resolve_region(None, now).await.unwrap();
        region.name().to_owned()
    };
    assert_eq!(region(0).await, "us-east-1");
    let server = Imds::builder().region("eu-central-1");
    let _server = server.bind(address).start().await.unwrap();
    assert_eq!(region(4).await, "us-east-1");
    assert_eq!(region(5).await, "eu-central-1");
}

#[tokio::test]
async fn an_agent_that_starts_late_is_asked_again() {
    let address = free_address();
    let url = format!("http://{address}/v1/credentials");
    let body = "{\"AccessKeyId\":\"ASIALATE\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\
                \"Expiration\":\"2126-01-01T00:00:00Z\"}";
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(700));
        let listener = TcpListener::bind(address).unwrap();
        for stream in listener.incoming().flatten() {
            let length = body.len();
            let response = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{body}"
            );
            answer(stream, &response);
        }
    });
    let settings = settings(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    let chain = Chain::default_for(Order::Cli, &settings);
    let resolution = chain.resolve(Timestamp::now()).await;
    assert_eq!(resolution.credentials.unwrap().access_key_id(), "ASIALATE");
}

#[tokio::test]
async fn an_agent_that_never_starts_is_not_called_a_missing_instance() {
    let settings = settings(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    let chain = Chain::default_for(Order::Cli, &settings);
    let resolution = chain.explain(Timestamp::now()).await;
    let reason = resolution.explanation.attempts[3].reason.clone().unwrap();
    assert!(
        reason.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        "{reason}"
    );
    assert!(!reason.contains("EC2"), "{reason}");
}
