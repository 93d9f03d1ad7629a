use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use crate::{
    keyfob::{Home, assert_has, assert_lacks},
    running::{Running, boto3},
    servers::fetch,
};

const SECRET: &str = "canary/secret+access/key";
const KEY: &str = "
import boto3
session = boto3.Session()
key = session.get_credentials()
print(key and key.method, key and key.access_key, key and key.secret_key, key and key.token, session.region_name)
";

fn home() -> Home {
    Home::new()
        .with_key("ASIASERVEEXAMPLE0000", SECRET)
        .with("AWS_SESSION_TOKEN", "canary-token")
        .with("AWS_REGION", "eu-west-1")
}

#[test]
fn boto3_takes_the_role_of_a_served_instance() {
    let home = home();
    let server = Running::serve(&home, "imds", &["--role-name", "laptop"]);
    let client = server
        .home(&[])
        .with("AWS_EC2_METADATA_V1_DISABLED", "true");
    assert_eq!(
        boto3(&client, KEY).ok(),
        format!("iam-role ASIASERVEEXAMPLE0000 {SECRET} canary-token None\n")
    );
    assert_eq!(client.keyfob(["imds", "role"]).ok(), "laptop\n");
    assert_eq!(
        client.keyfob(["imds", "get", "placement/region"]).ok(),
        "eu-west-1\n"
    );
    let why = client.keyfob(["why"]).ok();
    assert_has(&why, &["role \"laptop\"", "eu-west-1"]);
    let url = format!("{}latest/meta-data/instance-id", server.exports[0].1);
    let without_session = fetch("GET", &url, &[], "");
    assert!(
        without_session.starts_with("HTTP/1.1 401"),
        "{without_session}"
    );
    let token = client.keyfob(["imds", "token", "--ttl", "60"]).ok();
    let header = [("X-aws-ec2-metadata-token", token.trim())];
    let answer = fetch("GET", &url, &header, "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn an_invalid_role_name_is_refused_and_not_repeated() {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let refused = home().keyfob(["serve", "imds", "--role-name", secret]);
    let stderr = refused.fails(252);
    assert_has(&stderr, &["--role-name: invalid role name: use 1 to 64 "]);
    assert_lacks(&stderr, &["wJalr"]);
}

#[test]
fn boto3_takes_the_credentials_of_a_served_container_only_with_the_token() {
    let home = home();
    let server = Running::serve(&home, "container", &[]);
    let client = server.home(&[]).with("AWS_EC2_METADATA_DISABLED", "true");
    assert_has(
        &boto3(&client, KEY).ok(),
        &[
            "container-role ASIASERVEEXAMPLE0000 ",
            SECRET,
            "canary-token",
        ],
    );
    let wrong = client.with("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong");
    let run = boto3(&wrong, KEY);
    assert_lacks(&(run.stdout + &run.stderr), &["canary"]);
}

#[test]
fn the_token_of_a_served_container_can_be_in_a_file() {
    let home = home();
    std::fs::write(home.path().join("token"), "from-a-file").unwrap();
    let file = home.path().canonicalize().unwrap().join("token");
    let path = file.to_str().unwrap();
    let server = Running::serve(&home, "container", &["--token-file", "token"]);
    assert_eq!(
        server.exports[1],
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE".to_owned(),
            path.to_owned()
        )
    );
    let client = server.home(&[]).with("AWS_EC2_METADATA_DISABLED", "true");
    assert_has(&boto3(&client, KEY).ok(), &["container-role", SECRET]);
    // EKS replaces the token while containers run.
    std::fs::write(path, "another").unwrap();
    assert_has(&boto3(&client, KEY).ok(), &["container-role", SECRET]);
    std::fs::write(path, "\n").unwrap();
    let empty = home
        .keyfob(["serve", "container", "--token-file", path])
        .fails(252);
    assert_has(&empty, &["there is no token in it"]);
}

#[test]
fn custom_metadata_and_a_spot_notice_are_served() {
    let home = home();
    let tags = r##"{"meta-data": {"tags": {"instance": {"Name": "web"}}}, "user-data": "#!/bin/sh\necho hi\n"}"##;
    std::fs::write(home.path().join("metadata.json"), tags).unwrap();
    let options = ["--metadata", "metadata.json", "--spot-after", "0"];
    let server = Running::serve(&home, "imds", &options);
    let client = server.home(&[]);
    assert_eq!(
        client.keyfob(["imds", "get", "tags/instance/Name"]).ok(),
        "web\n"
    );
    assert_eq!(
        client.keyfob(["imds", "user-data"]).ok(),
        "#!/bin/sh\necho hi\n"
    );
    assert_eq!(
        client.keyfob(["imds", "user-data", "--decode"]).ok(),
        "#!/bin/sh\necho hi\n"
    );
    let notice = client.keyfob(["imds", "watch", "spot"]).json();
    assert_eq!(notice["action"], "terminate");
}

#[test]
fn nothing_is_served_without_credentials_or_to_other_machines() {
    Home::new().keyfob(["serve", "imds"]).fails(253);
    for kind in ["imds", "container"] {
        let stderr = home()
            .keyfob(["serve", kind, "--listen", "0.0.0.0:0"])
            .fails(252);
        assert_has(&stderr, &["loopback", "--listen", "--allow-remote"]);
        let stderr = home()
            .keyfob(["serve", kind, "--listen", "nonsense"])
            .fails(252);
        assert_has(&stderr, &["--listen: write an IP address and a port"]);
    }
    let stderr = home()
        .keyfob(["serve", "imds", "--metadata", "missing.json"])
        .fails(252);
    assert_has(&stderr, &["missing.json"]);
}

#[test]
fn an_error_in_a_file_names_the_file_and_the_line() {
    let home = home();
    std::fs::write(home.path().join("metadata.json"), "{\n\"meta-data\": [\n").unwrap();
    let stderr = home
        .keyfob(["serve", "imds", "--metadata", "metadata.json"])
        .fails(252);
    assert_has(&stderr, &["metadata.json: ", "line 3"]);
    std::fs::write(home.path().join("token"), "canary\ncanary").unwrap();
    let stderr = home
        .keyfob([
            "serve",
            "container",
            "--listen",
            "127.0.0.1:0",
            "--token-file",
            "token",
        ])
        .fails(252);
    assert_has(&stderr, &["token: "]);
    assert_lacks(&stderr, &["canary"]);
}

#[test]
fn localhost_and_with_a_flag_any_address_can_be_listened_on() {
    let home = home();
    let server = Running::start(&home, &["serve", "imds", "--listen", "localhost:0"]);
    assert_has(&server.exports[0].1, &["http://127.0.0.1:"]);
    let words = ["serve", "imds", "--listen", "0.0.0.0:0", "--allow-remote"];
    Running::start(&home, &words);
}

#[test]
fn a_served_instance_says_who_can_read_the_credentials() {
    let home = home();
    let mut child = home
        .program(env!("CARGO_BIN_EXE_keyfob"))
        .args(["serve", "imds", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let shown: Vec<String> = lines.take(2).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_has(
        &shown[1],
        &["warning: every user", "keyfob serve container"],
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_leaves_no_core_dump() {
    let home = home();
    let sandbox_home = Home::new();
    for server in [
        Running::serve(&home, "imds", &[]),
        Running::serve(&home, "container", &[]),
        Running::start(&sandbox_home, &["sandbox"]),
    ] {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id()));
        let limits = limits.unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core"));
        let words: Vec<&str> = core.unwrap().split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{core:?}");
    }
}

#[test]
fn a_key_that_is_rotated_in_the_file_is_served_without_a_restart() {
    let key = |id: &str| {
        format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {SECRET}\n")
    };
    let home = Home::new().with_file("credentials", &key("AKIAOLDEXAMPLE000000"));
    let server = Running::serve(&home, "container", &[]);
    let client = server.home(&[]).with("AWS_EC2_METADATA_DISABLED", "true");
    let list = || client.keyfob(["configure", "list"]).ok();
    assert_has(&list(), &["****************0000"]);
    std::fs::write(home.file("credentials"), key("AKIANEWEXAMPLE11111")).unwrap();
    // The file is looked at once a second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_has(&list(), &["****************1111"]);
    // A file that cannot be read takes nothing from the programs that run.
    std::fs::write(home.file("credentials"), "[default\n").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_has(&list(), &["****************1111"]);
}
