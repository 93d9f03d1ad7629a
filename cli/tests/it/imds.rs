use crate::{
    keyfob::{Home, assert_has, assert_lacks},
    running::Running,
};

fn imds(words: &[&str]) -> crate::keyfob::Run {
    Home::new().keyfob(["--sandbox", "imds"].iter().chain(words))
}

#[test]
fn items_are_read_by_their_path() {
    assert_eq!(imds(&["get", "instance-id"]).ok(), "i-0123456789abcdef0\n");
    assert_eq!(
        imds(&["get", "/latest/meta-data/instance-id"]).ok(),
        "i-0123456789abcdef0\n"
    );
    assert_eq!(imds(&["role"]).ok(), "app\n");
    assert_has(&imds(&["ls"]).ok(), &["instance-id\n", "placement/\n"]);
    assert_has(&imds(&["ls", "iam/security-credentials/"]).ok(), &["app\n"]);
}

#[test]
fn the_tree_has_values_and_no_secrets() {
    let tree = imds(&["tree"]).ok();
    assert_has(
        &tree,
        &[
            "meta-data/\n",
            "instance-id",
            "i-0123456789abcdef0",
            "placement/\n",
        ],
    );
    let list = imds(&["ls", "-R", "placement/"]).ok();
    assert_has(&list, &["/latest/meta-data/placement/region\n"]);
    let everything = imds(&["tree", "/latest/"]).ok();
    assert_has(&everything, &["instance-identity/\n", "(not asked for)"]);
    imds(&["tree", "nonsense/"]).fails(254);
}

#[test]
fn document_token_and_user_data_have_commands() {
    let document = imds(&["document"]).json();
    assert_eq!(document["region"], "us-east-1");
    let token = imds(&["token", "--ttl", "60"]).ok();
    assert!(
        token.trim().len() > 20 && token.lines().count() == 1,
        "{token}"
    );
    imds(&["token", "--ttl", "0"]).fails(252);
    let stderr = imds(&["user-data"]).fails(254);
    assert_has(&stderr, &["NotFound", "/latest/user-data"]);
}

#[test]
fn credentials_are_masked_without_show() {
    let masked = imds(&["credentials"]).json();
    assert!(
        masked["secret_access_key"]
            .as_str()
            .unwrap()
            .starts_with("****************")
    );
    assert!(
        masked["session_token"]
            .as_str()
            .unwrap()
            .starts_with("****************")
    );
    let shown = imds(&["credentials", "--show"]).json();
    assert_eq!(shown["secret_access_key"].as_str().unwrap().len(), 40);
    assert_eq!(shown["role_name"], "app");
    // A command that aws does not have has the style of the other ones here.
    let names = shown.as_object().unwrap().keys();
    let is_snake = |name: &String| {
        name.bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_lowercase())
    };
    assert!(names.into_iter().all(is_snake), "{shown}");
}

#[test]
fn a_missing_item_exits_with_254_and_disabled_metadata_with_253() {
    let stderr = imds(&["get", "nonsense"]).fails(254);
    assert_has(
        &stderr,
        &["An error occurred (NotFound) when calling the GET nonsense operation: "],
    );
    let stderr = Home::new().keyfob(["imds", "role"]).fails(253);
    assert_has(&stderr, &["hint: unset AWS_EC2_METADATA_DISABLED"]);
    let off = Home::new().with("AWS_EC2_METADATA_DISABLED", "");
    let stderr = off
        .keyfob(["imds", "role", "--endpoint-url", "http://127.0.0.1:9"])
        .fails(255);
    assert_has(&stderr, &["EndpointConnection"]);
    assert_lacks(&stderr, &["panicked"]);
    Home::new()
        .keyfob(["imds", "get", "a\nb", "--sandbox"])
        .fails(252);
}

#[test]
fn a_credential_document_is_masked_at_every_path_to_it() {
    for path in [
        "iam/security-credentials/app",
        "latest/meta-data/iam/security-credentials/app",
        "/latest/meta-data/iam/security-credentials/app",
    ] {
        let run = imds(&["get", path]);
        assert_has(&run.stderr, &["--show"]);
        let masked = run.json();
        for name in ["SecretAccessKey", "Token"] {
            let text = masked[name].as_str().unwrap();
            assert!(text.starts_with("****************"), "{masked}");
            assert!(text.len() <= 20, "{masked}");
        }
        let shown = imds(&["get", path, "--show"]).json();
        assert_eq!(shown["SecretAccessKey"].as_str().unwrap().len(), 40);
    }
}

#[test]
fn a_path_may_be_given_as_lists_print_it() {
    assert_eq!(
        imds(&["get", "latest/meta-data/instance-id"]).ok(),
        "i-0123456789abcdef0\n"
    );
    assert_has(&imds(&["ls", "latest/meta-data/"]).ok(), &["instance-id\n"]);
    let its_home = Home::new()
        .with_key("AKIAEXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1");
    let tags = r#"{"meta-data": {"tags": {"instance": {"cost center": "42"}}}}"#;
    std::fs::write(its_home.path().join("metadata.json"), tags).unwrap();
    let server = Running::serve(&its_home, "imds", &["--metadata", "metadata.json"]);
    let client = server.home(&[]);
    let key = client.keyfob(["imds", "ls", "tags/instance"]).ok();
    let path = format!("tags/instance/{}", key.trim_end());
    assert_eq!(client.keyfob(["imds", "get", &path]).ok(), "42\n");
    assert_eq!(path, "tags/instance/cost center");
}
