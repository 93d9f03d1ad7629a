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
fn an_invalid_role_name_is_refused() {
    let refused = home().keyfob(["serve", "imds", "--role-name", "a/b c"]);
    assert_has(&refused.fails(252), &["invalid role name \"a/b c\""]);
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
    let stderr = home()
        .keyfob(["serve", "imds", "--listen", "0.0.0.0:0"])
        .fails(255);
    assert_has(&stderr, &["loopback"]);
    home()
        .keyfob(["serve", "imds", "--listen", "nonsense"])
        .fails(255);
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
    assert_has(&stderr, &["metadata.json: ", "EOF while parsing", "line 3"]);
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
