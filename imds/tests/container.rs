//! The container client and server, against each other and against scripted misbehavior.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

mod common;

use std::time::Duration;

use common::{Reply, Script};
use keyfob_imds::{
    ErrorKind,
    container::{Client, Location},
    server::{Container, Fault},
};
use keyfob_sigv4::{Credentials, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

fn key() -> Credentials {
    Credentials::new("ASIAEXAMPLE", "canary-secret")
        .unwrap()
        .with_session_token("canary-token")
        .unwrap()
        .with_expiry(Timestamp::now().plus_seconds(3600))
        .with_account_id("123456789012")
}

/// Starts an agent that requires this token.
async fn agent(token: &str) -> Container {
    let builder = Container::builder().credentials(key()).token(token);
    builder.start().await.unwrap()
}

fn client_of(url: &str) -> keyfob_imds::container::ClientBuilder {
    Client::builder(Location::full(url).unwrap())
}

#[tokio::test]
async fn credentials_come_with_the_bare_token_only() {
    let server = Container::builder()
        .credentials(key())
        .start()
        .await
        .unwrap();
    let client = client_of(&server.url())
        .token(server.token().clone())
        .build()
        .unwrap();
    let credentials = client.credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), "ASIAEXAMPLE");
    assert_eq!(credentials.account_id(), Some("123456789012"));
    let bearer = format!("Bearer {}", server.token().expose());
    for wrong in [Some(bearer.as_str()), Some("wrong"), None] {
        let mut builder = client_of(&server.url());
        if let Some(token) = wrong {
            builder = builder.token(token);
        }
        let error = builder.build().unwrap().credentials().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Unauthorized, Some("Unauthorized"))
        );
    }
    assert_eq!(server.counters().credentials, 1);
}

#[tokio::test]
async fn foreign_hosts_other_paths_and_methods_are_refused() {
    let server = agent("secret").await;
    for (line, host, status) in [
        ("GET /v1/credentials", "rebind.example", "403"),
        ("GET /v1/credentials", "127.0.0.1", "200"),
        ("GET /other", "127.0.0.1", "404"),
        ("POST /v1/credentials", "127.0.0.1", "405"),
    ] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: secret\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{line} for {host}");
    }
    assert!(Container::builder().start().await.is_err());
    assert!(
        Container::builder()
            .credentials(key())
            .token("a\nb")
            .start()
            .await
            .is_err()
    );
    let everywhere = Container::builder()
        .credentials(key())
        .bind("0.0.0.0:0".parse().unwrap());
    assert!(everywhere.start().await.is_err());
}

#[tokio::test]
async fn the_token_file_is_read_for_every_request_and_trimmed() {
    let server = agent("second").await;
    let path = std::env::temp_dir().join(format!("keyfob-imds-token-{}", server.address().port()));
    let client = client_of(&server.url())
        .token_file(&path)
        .token("second")
        .build()
        .unwrap();
    let missing = client.credentials().await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::BadToken);
    assert!(
        missing.to_string().contains(path.to_str().unwrap()),
        "{missing}"
    );
    std::fs::write(&path, "first").unwrap();
    assert_eq!(
        client.credentials().await.unwrap_err().kind(),
        ErrorKind::Unauthorized
    );
    std::fs::write(&path, " second\r\n").unwrap();
    assert!(client.credentials().await.is_ok());
    std::fs::write(&path, "canary\nX-Header: 1").unwrap();
    let refused = client.credentials().await.unwrap_err();
    assert!(refused.kind() == ErrorKind::BadToken && !format!("{refused:?}").contains("canary"));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(server.counters().requests, 2);
}

#[tokio::test]
async fn server_errors_are_retried_and_refusals_say_why() {
    let server = agent("t").await;
    server.inject(Fault::status(503).times(2));
    let client = client_of(&server.url()).token("t").build().unwrap();
    assert!(client.credentials().await.is_ok());
    assert_eq!(server.counters().requests, 3);

    let refusal = r#"{"code":"AccessDeniedException","message":"no pod identity association"}"#;
    let agent = Script::start([Reply::status(400, refusal)]).await;
    let error = client_of(&agent.url())
        .build()
        .unwrap()
        .credentials()
        .await
        .unwrap_err();
    assert_eq!(
        (error.status(), error.code()),
        (Some(400), Some("AccessDeniedException"))
    );
    assert!(
        error.to_string().contains("no pod identity association"),
        "{error}"
    );
    assert_eq!(agent.asked(), ["GET /"]);

    let agent = Script::start([Reply::status(404, "canary")]).await;
    let error = client_of(&agent.url())
        .build()
        .unwrap()
        .credentials()
        .await
        .unwrap_err();
    assert!(error.is_not_found() && !format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn a_failing_source_is_an_error_with_its_reason() {
    let server = Container::builder()
        .credentials_from(|| async { Err::<Credentials, _>("the vault is locked") })
        .token("t")
        .start()
        .await
        .unwrap();
    let client = client_of(&server.url())
        .token("t")
        .attempts(1)
        .build()
        .unwrap();
    let error = client.credentials().await.unwrap_err();
    assert!(error.to_string().contains("the vault is locked"), "{error}");
}

#[tokio::test]
async fn silence_and_redirects_end_in_time_and_are_not_followed() {
    let silent = Script::start([Reply::Hang, Reply::Hang]).await;
    let client = client_of(&silent.url())
        .attempts(2)
        .attempt_timeout(Duration::from_millis(800))
        .build()
        .unwrap();
    assert_eq!(
        client.credentials().await.unwrap_err().kind(),
        ErrorKind::Timeout
    );
    let moved = Reply::with_headers(302, &[("Location", "/elsewhere")], b"");
    let moving = Script::start([moved]).await;
    let error = client_of(&moving.url())
        .build()
        .unwrap()
        .credentials()
        .await
        .unwrap_err();
    assert_eq!((error.kind(), moving.asked().len()), (ErrorKind::Status, 1));
}

#[tokio::test]
async fn a_name_is_asked_only_if_all_its_addresses_are_allowed() {
    let server = agent("t").await;
    let url = format!(
        "http://localhost:{}/v1/credentials",
        server.address().port()
    );
    let client = client_of(&url).token("t").build().unwrap();
    assert!(client.credentials().await.is_ok());
    let nowhere = client_of("http://keyfob.invalid/").build().unwrap();
    assert_eq!(
        nowhere.credentials().await.unwrap_err().kind(),
        ErrorKind::Connect
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tasks_share_one_answer() {
    let server = agent("t").await;
    // Long enough for every task to ask before the answer is there.
    server.inject(Fault::slow(Duration::from_millis(500)).times(1));
    let client = client_of(&server.url()).token("t").build().unwrap();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.credentials().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(server.counters().credentials, 1);
}

#[cfg(not(any(feature = "rustls-no-provider", feature = "native-tls")))]
#[test]
fn https_without_tls_names_the_feature() {
    let error = client_of("https://agent.example/").build().unwrap_err();
    assert!(
        error.kind() == ErrorKind::Setting && error.to_string().contains("rustls"),
        "{error}"
    );
}

#[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
#[tokio::test]
async fn https_needs_a_provider_of_the_program_and_http_none() {
    let server = agent("t").await;
    let client = client_of(&server.url()).token("t").build().unwrap();
    client.credentials().await.unwrap();

    let url = server.url().replace("http:", "https:");
    let client = client_of(&url).token("t").attempts(1).build().unwrap();
    let error = client.credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Setting);
    let cure = "call `rustls::crypto::CryptoProvider::install_default`, or enable the feature \
                `rustls`";
    assert!(error.to_string().ends_with(cure), "{error}");

    let provider = rustls::crypto::ring::default_provider();
    provider.install_default().unwrap();
    // The agent does not speak TLS, but now it is asked to.
    let error = client.credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[tokio::test]
async fn https_is_asked_only_with_tls() {
    // A server that does not speak TLS gets no request.
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", socket.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        hello
    });
    let error = client_of(&url)
        .token("canary")
        .attempts(1)
        .build()
        .unwrap()
        .credentials()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains(&url), "{error}");
    // The words of rustls are names of its own types.
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(!cause.contains("InvalidContentType"), "{cause}");
    #[cfg(feature = "rustls")]
    assert!(cause.starts_with("the TLS handshake failed"), "{cause}");
    // A handshake record of TLS (RFC 8446 section 5.1).
    assert_eq!(answering.await.unwrap()[0], 22);
}

#[tokio::test]
async fn an_agent_that_starts_late_or_answers_slowly_at_first_is_waited_for() {
    // The port of a listener that is gone for now.
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let builder = Container::builder().credentials(key()).token("t");
        builder.bind(address).start().await.unwrap()
    });
    let url = format!("http://localhost:{}/v1/credentials", address.port());
    let client = client_of(&url).token("t").build().unwrap();
    client.credentials().await.unwrap();
    drop(late.await.unwrap());

    let slow = agent("t").await;
    slow.inject(Fault::slow(Duration::from_secs(3)).times(1));
    let client = client_of(&slow.url()).token("t").build().unwrap();
    client.credentials().await.unwrap();
    assert_eq!(slow.counters().requests, 2);
}

#[tokio::test]
async fn an_agent_that_is_never_there_is_named_as_what_it_is_after_three_attempts() {
    let began = std::time::Instant::now();
    let client = client_of("http://127.0.0.1:1/").build().unwrap();
    let error = client.credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(
        error.to_string().contains("the container's agent"),
        "{error}"
    );
    assert!((2..4).contains(&began.elapsed().as_secs()));
}

#[tokio::test]
async fn an_agent_that_repeats_the_token_does_not_make_us_repeat_it() {
    let token = "Bearer eyJhbGciOi.canary-canary-canary";
    for reason in [
        format!(r#"{{"code":"Denied","message":"{token} is not valid"}}"#),
        format!(r#"{{"code":"{token}","message":"no"}}"#),
        format!(
            r#"{{"code":"Denied","message":"{}{token}"}}"#,
            "x".repeat(185)
        ),
        format!(
            r#"{{"Code":"Denied","Message":"not valid: {}"}}"#,
            &token[7..30]
        ),
        // In Base64.
        r#"{"code":"Denied","message":"bad QmVhcmVyIGV5SmhiR2NpT2kuY2FuYXJ5LWNhbmFyeS1jYW5hcnk="}"#
            .to_owned(),
    ] {
        for status in [200, 401, 403, 500] {
            let agent = Script::start([Reply::status(status, &reason)]).await;
            let client = client_of(&agent.url()).token(token).attempts(1);
            let error = client.build().unwrap().credentials().await.unwrap_err();
            let shown = format!("{error} {error:?} {:?}", error.code());
            assert!(!shown.contains("canary"), "{shown}");
            assert!(!shown.contains("Y2FuYXJ5"), "{shown}");
        }
    }
}

#[tokio::test]
async fn the_server_reads_its_token_file_for_every_request() {
    let path = std::env::temp_dir().join(format!("keyfob-imds-serve-{}", std::process::id()));
    let builder = || Container::builder().credentials(key()).token_file(&path);
    let missing = builder().start().await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::BadToken);
    assert!(
        missing.to_string().contains(path.to_str().unwrap()),
        "{missing}"
    );
    std::fs::write(&path, "first\n").unwrap();
    let server = builder().start().await.unwrap();
    assert_eq!(server.token().expose().trim(), "first");
    let client = client_of(&server.url()).token_file(&path).build().unwrap();
    client.credentials().await.unwrap();
    std::fs::write(&path, "second\n").unwrap();
    client.credentials().await.unwrap();
    let stale = client_of(&server.url()).token("first").build().unwrap();
    assert_eq!(stale.credentials().await.unwrap_err().status(), Some(401));
    std::fs::write(&path, "").unwrap();
    let error = stale.credentials().await.unwrap_err();
    assert_eq!(error.status(), Some(401));
    std::fs::remove_file(&path).unwrap();
    let error = stale.credentials().await.unwrap_err();
    assert_eq!(error.status(), Some(500));
}

#[tokio::test]
async fn both_clients_tell_that_credentials_had_expired() {
    let server = agent("t").await;
    let client = client_of(&server.url()).token("t").build().unwrap();
    assert_eq!(client.issue().await.unwrap().expired, None);
    server.inject(Fault::expired());
    let issued = client.issue().await.unwrap();
    assert!(issued.expired.is_some() && issued.credentials.expiry() > Some(Timestamp::now()));
}

#[tokio::test]
async fn the_error_of_an_agent_says_what_its_status_means() {
    for (status, token, text) in [
        (401, Some("t"), "the agent refuses the authorization token"),
        (401, None, "the agent demands an authorization token"),
        (403, Some("t"), "the agent denies access"),
        (404, None, "the agent has no credentials for this container"),
        (400, None, "the agent refuses the request"),
        (500, None, "the agent failed"),
    ] {
        let agent = Script::start([Reply::status(status, "<html>")]).await;
        let mut builder = client_of(&agent.url()).attempts(1);
        if let Some(token) = token {
            builder = builder.token(token);
        }
        let error = builder.build().unwrap().credentials().await.unwrap_err();
        assert_eq!(error.to_string(), format!("{text} (HTTP {status})"));
    }
}
