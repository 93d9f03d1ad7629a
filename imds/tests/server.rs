//! The server's answers, byte for byte, without this crate's client.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

use std::{net::SocketAddr, time::Duration};

use keyfob_imds::{ErrorKind, server::Imds};
use keyfob_sigv4::Credentials;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Sends one request and returns the status and the complete answer.
async fn ask(server: &Imds, line: &str, headers: &[&str]) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let request = format!("{line} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

const HOST: &str = "Host: 169.254.169.254";
const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds: 60";

async fn session(server: &Imds) -> String {
    let (status, answer) = ask(server, "PUT /latest/api/token", &[HOST, TTL]).await;
    assert_eq!(status, 200);
    assert!(
        answer.contains("x-aws-ec2-metadata-token-ttl-seconds: 60"),
        "{answer}"
    );
    format!(
        "X-aws-ec2-metadata-token: {}",
        answer.lines().last().unwrap()
    )
}

#[tokio::test]
async fn a_session_token_is_issued_for_one_second_to_six_hours_and_only_by_put() {
    let server = Imds::builder().start().await.unwrap();
    for ttl in ["1", "21600"] {
        let header = format!("X-aws-ec2-metadata-token-ttl-seconds: {ttl}");
        assert_eq!(
            ask(&server, "PUT /latest/api/token", &[HOST, &header])
                .await
                .0,
            200
        );
    }
    for ttl in [
        "0",
        "-1",
        "21601",
        "abc",
        "",
        "60.5",
        "+60",
        "99999999999999999999",
        // Two headers: something on the way could have looked at the other one.
        "60\r\nX-aws-ec2-metadata-token-ttl-seconds: 60",
    ] {
        let header = format!("X-aws-ec2-metadata-token-ttl-seconds: {ttl}");
        assert_eq!(
            ask(&server, "PUT /latest/api/token", &[HOST, &header])
                .await
                .0,
            400,
            "{ttl}"
        );
    }
    assert_eq!(ask(&server, "PUT /latest/api/token", &[HOST]).await.0, 400);
    for method in ["GET", "POST", "DELETE"] {
        let line = format!("{method} /latest/api/token");
        assert_eq!(ask(&server, &line, &[HOST, TTL]).await.0, 405, "{method}");
    }
}

#[tokio::test]
async fn forwarded_requests_and_foreign_hosts_get_nothing() {
    let server = Imds::builder().allow_v1(true).start().await.unwrap();
    for headers in [
        &[HOST, TTL, "X-Forwarded-For: 10.0.0.1"][..],
        &["Host: rebind.example", TTL],
        &[TTL],
    ] {
        let (status, answer) = ask(&server, "PUT /latest/api/token", headers).await;
        assert!(
            status == 403 && answer.contains("403 - Forbidden"),
            "{answer}"
        );
    }
    let foreign = ask(
        &server,
        "GET /latest/meta-data/mac",
        &["Host: rebind.example"],
    )
    .await;
    assert_eq!(foreign.0, 403);
    assert_eq!(server.counters().tokens, 0);
}

#[tokio::test]
async fn items_need_a_live_session() {
    let server = Imds::builder().start().await.unwrap();
    let line = "GET /latest/meta-data/instance-id";
    assert_eq!(ask(&server, line, &[HOST]).await.0, 401);
    let wrong = "X-aws-ec2-metadata-token: wrong";
    assert_eq!(ask(&server, line, &[HOST, wrong]).await.0, 401);
    let pass = session(&server).await;
    let (status, answer) = ask(&server, line, &[HOST, &pass]).await;
    assert!(
        status == 200 && answer.ends_with("\r\n\r\ni-0123456789abcdef0"),
        "{answer}"
    );
    assert_eq!(
        ask(
            &server,
            "POST /latest/meta-data/instance-id",
            &[HOST, &pass]
        )
        .await
        .0,
        405
    );
    assert_eq!(
        ask(&server, "GET /latest/meta-data/nothing", &[HOST, &pass])
            .await
            .0,
        404
    );
    server.expire_tokens();
    assert_eq!(ask(&server, line, &[HOST, &pass]).await.0, 401);
}

#[tokio::test]
async fn if_imdsv1_is_allowed_a_wrong_token_is_still_rejected() {
    let server = Imds::builder().allow_v1(true).start().await.unwrap();
    let line = "GET /latest/meta-data/instance-id";
    assert_eq!(ask(&server, line, &[HOST]).await.0, 200);
    assert_eq!(
        ask(&server, line, &[HOST, "X-aws-ec2-metadata-token: wrong"])
            .await
            .0,
        401
    );
}

#[tokio::test]
async fn the_role_is_a_directory_with_one_document() {
    let key = Credentials::new("AKID", "secret").unwrap();
    let server = Imds::builder()
        .role("web")
        .unwrap()
        .credentials(key)
        .start()
        .await
        .unwrap();
    let pass = session(&server).await;
    for directory in [
        "security-credentials",
        "security-credentials/",
        "security-credentials-extended/",
    ] {
        let line = format!("GET /latest/meta-data/iam/{directory}");
        let (status, answer) = ask(&server, &line, &[HOST, &pass]).await;
        assert!(status == 200 && answer.ends_with("\r\n\r\nweb"), "{answer}");
    }
    let line = "GET /latest/meta-data/iam/security-credentials/web";
    let (_, answer) = ask(&server, line, &[HOST, &pass]).await;
    assert!(
        answer.contains(r#""Code":"Success""#) && answer.contains(r#""Token":"""#),
        "{answer}"
    );
    for other in ["/other", "web", "/web/x", "-extended-web"] {
        let line = format!("GET /latest/meta-data/iam/security-credentials{other}");
        assert_eq!(ask(&server, &line, &[HOST, &pass]).await.0, 404, "{other}");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_unless_told_otherwise_and_stops_when_dropped() {
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = Imds::builder().bind(everywhere).start().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Setting);
    assert!(
        Imds::builder()
            .bind(everywhere)
            .allow_remote(true)
            .start()
            .await
            .is_ok()
    );

    let server = Imds::builder().start().await.unwrap();
    let address = server.address();
    assert!(address.ip().is_loopback());
    let taken = Imds::builder().bind(address).start().await.unwrap_err();
    assert!(taken.to_string().contains(&address.to_string()), "{taken}");
    drop(server);
    // Its task is ended in the background.
    let closed = async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), closed).await.unwrap();
}

#[tokio::test]
async fn an_item_can_appear_change_and_disappear() {
    let server = Imds::builder()
        .allow_v1(true)
        .item_after(Duration::from_secs(2), "/meta-data/later", "1")
        .start()
        .await
        .unwrap();
    let line = "GET /latest/meta-data/later";
    assert_eq!(ask(&server, line, &[HOST]).await.0, 404);
    sleep(Duration::from_millis(2100)).await;
    assert!(ask(&server, line, &[HOST]).await.1.ends_with("\r\n1"));
    server.set("meta-data/later", "2");
    assert!(ask(&server, line, &[HOST]).await.1.ends_with("\r\n2"));
    server.remove("meta-data/later");
    assert_eq!(ask(&server, line, &[HOST]).await.0, 404);
}

#[tokio::test]
async fn a_percent_encoded_path_is_decoded() {
    let server = Imds::builder()
        .allow_v1(true)
        .item("meta-data/tags/instance/cost center é", "42")
        .start()
        .await
        .unwrap();
    let line = "GET /latest/meta-data/tags/instance/cost%20center%20%C3%A9";
    assert!(ask(&server, line, &[HOST]).await.1.ends_with("\r\n42"));
    let line = "GET /latest/meta-data/tags/instance/cost%20center%2";
    assert_eq!(ask(&server, line, &[HOST]).await.0, 404);
}

#[test]
fn an_invalid_role_name_is_rejected_and_not_repeated() {
    for bad in ["", "a/b c", "rôle", "a\nb", &"x".repeat(65)] {
        let error = Imds::builder().role(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting, "{bad:?}");
        assert!(error.to_string().contains("role name"), "{error}");
    }
    // It may be a secret in the wrong place.
    let error = Imds::builder().role("a/b c").unwrap_err();
    assert!(!error.to_string().contains("a/b c"), "{error}");
    for good in ["w", "App_1+2=3,4.5@6-7", &"x".repeat(64)] {
        assert!(Imds::builder().role(good).is_ok(), "{good}");
    }
}

async fn start_with_role() -> Imds {
    let key = Credentials::new("ASIAEXAMPLE", "secret").unwrap();
    let builder = Imds::builder().role("web").unwrap().credentials(key);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn an_item_with_a_slash_at_its_end_is_the_item() {
    let server = start_with_role().await;
    let pass = session(&server).await;
    for path in [
        "/latest/meta-data/placement/availability-zone/",
        "/latest/meta-data/placement/availability-zone//",
        "/latest/meta-data/iam/security-credentials/web/",
        "/latest/meta-data/iam/security-credentials-extended/web/",
        "/latest/dynamic/instance-identity/document/",
        "/1.0/meta-data/instance-id/",
    ] {
        let (status, answer) = ask(&server, &format!("GET {path}"), &[HOST, &pass]).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
}

#[tokio::test]
async fn repeated_slashes_are_one() {
    let server = start_with_role().await;
    let ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60";
    for path in ["//latest/api/token", "/latest//api///token"] {
        let (status, _) = ask(&server, &format!("PUT {path}"), &[HOST, ttl]).await;
        assert_eq!(status, 200, "{path}");
    }
    let pass = session(&server).await;
    for path in [
        "//latest/meta-data/instance-id",
        "/latest//meta-data/instance-id",
        "//latest//meta-data//iam//security-credentials//web//",
        "//latest/meta-data/",
        "//",
    ] {
        let (status, answer) = ask(&server, &format!("GET {path}"), &[HOST, &pass]).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
}

#[tokio::test]
async fn all_versions_are_listed_and_served() {
    let server = start_with_role().await;
    let pass = session(&server).await;
    let (_, answer) = ask(&server, "GET /", &[HOST, &pass]).await;
    let (_, listing) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        listing.lines().count() > 20 && listing.ends_with("\nlatest"),
        "{listing}"
    );
    for version in listing.lines() {
        let line = format!("GET /{version}/meta-data/ami-manifest-path");
        let (status, answer) = ask(&server, &line, &[HOST, &pass]).await;
        assert!(
            status == 200 && answer.ends_with("(unknown)"),
            "{version}: {answer}"
        );
    }
    let line = "GET /latest/meta-data/block-device-mapping/";
    let (_, answer) = ask(&server, line, &[HOST, &pass]).await;
    assert!(answer.ends_with("ami\nroot"), "{answer}");
}

#[tokio::test]
async fn two_token_headers_are_no_token() {
    let server = start_with_role().await;
    let pass = session(&server).await;
    let wrong = "X-aws-ec2-metadata-token: wrong";
    let line = "GET /latest/meta-data/instance-id";
    for both in [[pass.as_str(), wrong], [wrong, &pass], [&pass, &pass]] {
        let (status, _) = ask(&server, line, &[HOST, both[0], both[1]]).await;
        assert_eq!(status, 401);
    }
    assert_eq!(ask(&server, line, &[HOST, &pass]).await.0, 200);
}

#[tokio::test]
async fn requests_of_web_pages_and_with_a_user_in_the_host_are_refused() {
    let server = start_with_role().await;
    let pass = session(&server).await;
    let line = "GET /latest/meta-data/instance-id";
    for (host, other) in [
        (HOST, "Origin: http://localhost"),
        (HOST, "Origin: null"),
        ("Host: user@127.0.0.1", "X: y"),
        ("Host: [localhost]", "X: y"),
    ] {
        let (status, _) = ask(&server, line, &[host, other, &pass]).await;
        assert_eq!(status, 403, "{host} {other}");
    }
    for host in ["Host: localhost", "Host: LOCALHOST:80", "Host: [::1]"] {
        let (status, _) = ask(&server, line, &[host, &pass]).await;
        assert_eq!(status, 200, "{host}");
    }
}

#[tokio::test]
async fn further_metadata_is_merged_and_keeps_the_region() {
    let json = r#"{"meta-data": {"tags": {"instance": {"Name": "web"}}}}"#;
    let builder = Imds::builder().region("eu-west-1").metadata(json).unwrap();
    let server = builder.start().await.unwrap();
    let pass = session(&server).await;
    for (path, value) in [
        ("meta-data/tags/instance/Name", "web"),
        ("meta-data/instance-id", "i-0123456789abcdef0"),
        ("meta-data/placement/region", "eu-west-1"),
    ] {
        let (status, answer) = ask(&server, &format!("GET /latest/{path}"), &[HOST, &pass]).await;
        assert!(status == 200 && answer.ends_with(value), "{path}: {answer}");
    }
}
