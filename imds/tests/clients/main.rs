//! boto3, the AWS CLI and the JavaScript SDKs as clients of this crate's servers. They are
//! installed under `target/pytools`, which needs python3 with venv, and `target/jstools`, which
//! needs npm.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use keyfob_imds::server::{Container, Fault, Imds};
use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::Value;
use tokio::process::Command;

#[path = "../../../.ci/pytools.rs"]
mod pytools;

const SCRIPTS: [&str; 2] = ["@aws-sdk/ec2-metadata-service@3.1164.0", "aws-sdk@2.1693.0"];

fn key(id: &str, seconds: i64) -> Credentials {
    Credentials::new(id, "secret")
        .unwrap()
        .with_session_token("token")
        .unwrap()
        .with_expiry(Timestamp::now().plus_seconds(seconds))
}

/// Returns a source of a new key for each request, which lives for this many seconds.
fn keys(seconds: i64) -> impl Fn() -> std::future::Ready<Result<Credentials, String>> {
    let count = AtomicU32::new(0);
    move || {
        let id = format!("ASIAKEY{}", count.fetch_add(1, Ordering::Relaxed));
        std::future::ready(Ok(key(&id, seconds)))
    }
}

#[tokio::test]
async fn boto3_gets_the_role_in_one_session() {
    let server = Imds::builder()
        .role("web")
        .unwrap()
        .credentials(key("ASIAEXAMPLE", 3600))
        .start()
        .await
        .unwrap();
    let found = boto3(&instance(&server), &[]).await;
    assert_eq!(
        (&found[0]["method"], &found[0]["access_key"]),
        (&"iam-role".into(), &"ASIAEXAMPLE".into())
    );
    assert_eq!(found[0]["token"], "token");
    let counted = server.counters();
    assert_eq!(
        (counted.tokens, counted.credentials, counted.refused),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn boto3_uses_expired_credentials_of_an_instance_and_asks_again_later() {
    let server = Imds::builder()
        .credentials_from(keys(3600))
        .fault(Fault::expired())
        .start()
        .await
        .unwrap();
    let found = boto3(&instance(&server), &["0.1"]).await;
    assert_eq!(found[0]["access_key"], "ASIAKEY0");
    assert_eq!(found[0], found[1]);
    assert_eq!(server.counters().credentials, 1);
}

#[tokio::test]
async fn boto3_finds_nothing_without_a_role() {
    let server = Imds::builder().start().await.unwrap();
    assert_eq!(boto3(&instance(&server), &[]).await, [Value::Null]);
}

#[tokio::test]
async fn boto3_gets_a_containers_credentials_and_new_ones_when_they_expire() {
    // The server rounds the expiry down to whole seconds: of less than two, nothing may be left.
    let server = Container::builder()
        .credentials_from(keys(3))
        .start()
        .await
        .unwrap();
    let found = boto3(&container(&server), &["3.2"]).await;
    assert_eq!(found[0]["method"], "container-role");
    assert_ne!(found[0]["access_key"], found[1]["access_key"]);
    assert_eq!(server.counters().refused, 0);
}

#[tokio::test]
async fn boto3_is_refused_without_the_containers_token() {
    let server = Container::builder()
        .credentials(key("ASIAEXAMPLE", 3600))
        .start()
        .await
        .unwrap();
    let url = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url());
    let output = python(&[url], &[]).await;
    assert!(!output.status.success());
    assert!(server.counters().refused > 0 && server.counters().credentials == 0);
}

#[tokio::test]
async fn the_aws_cli_gets_both() {
    let server = Imds::builder()
        .credentials(key("ASIAEXAMPLE", 3600))
        .start()
        .await
        .unwrap();
    let listed = aws(&instance(&server), &["configure", "list"]).await;
    assert!(
        listed.contains("iam-role") && listed.contains("MPLE"),
        "{listed}"
    );
    let server = Container::builder()
        .credentials(key("ASIAEXAMPLE", 3600))
        .start()
        .await
        .unwrap();
    let listed = aws(&container(&server), &["configure", "list"]).await;
    assert!(
        listed.contains("container-role") && listed.contains("MPLE"),
        "{listed}"
    );
}

#[tokio::test]
async fn the_javascript_sdks_get_both_with_and_without_a_slash_at_the_end_of_the_endpoint() {
    let server = Imds::builder()
        .credentials(key("ASIAEXAMPLE", 3600))
        .start()
        .await
        .unwrap();
    let Some(folder) = tokio::task::spawn_blocking(packages).await.unwrap() else {
        println!("skipped: the JavaScript SDKs need npm, which is not installed");
        return;
    };
    let port = server.address().port();
    for endpoint in [
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
    ] {
        let output = Command::new("node")
            .arg(own("metadata.cjs"))
            .arg(&folder)
            .arg(&endpoint)
            .env_clear()
            .env("HOME", &folder)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .output()
            .await
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let failed = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            printed, "i-0123456789abcdef0\nASIAEXAMPLE\n",
            "{endpoint}: {failed}"
        );
    }
}

/// Installs the JavaScript packages once. Returns `None` without npm.
fn packages() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("jstools").join("imds-clients");
    let done = folder.join("installed.txt");
    let wanted = SCRIPTS.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|text| text == wanted) {
        return Some(folder);
    }
    std::fs::create_dir_all(&folder).unwrap();
    let installed = std::process::Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
        .arg(&folder)
        .args(SCRIPTS)
        .status()
        .ok()?;
    assert!(installed.success(), "npm needs its registry the first time");
    std::fs::write(done, wanted).unwrap();
    Some(folder)
}

type Variables = Vec<(&'static str, String)>;

fn instance(server: &Imds) -> Variables {
    vec![(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        server.endpoint().to_string(),
    )]
}

fn container(server: &Container) -> Variables {
    vec![
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url()),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            server.token().expose().to_owned(),
        ),
    ]
}

/// Returns what boto3 finds at first, and again after each of the pauses.
async fn boto3(variables: &[(&str, String)], pauses: &[&str]) -> Vec<Value> {
    let output = python(variables, pauses).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn python(variables: &[(&str, String)], pauses: &[&str]) -> Output {
    let script = own("credentials.py");
    let arguments = [&[script.to_str().unwrap()], pauses].concat();
    run("python", variables, &arguments).await
}

async fn aws(variables: &[(&str, String)], arguments: &[&str]) -> String {
    let output = run("aws", variables, arguments).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program of the virtual environment, with these variables and no other settings of AWS.
async fn run(program: &str, variables: &[(&str, String)], arguments: &[&str]) -> Output {
    let programs = tokio::task::spawn_blocking(|| pytools::programs("interop"));
    let programs = programs.await.unwrap();
    Command::new(programs.join(program))
        .args(arguments)
        .env_clear()
        .env("HOME", &programs)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(variables.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap()
}

fn own(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(file)
}
