use std::time::{Duration, Instant};

use crate::{
    keyfob::{Home, assert_has, assert_lacks},
    servers::free_port,
};

const SECRET: &str = "canary/secret+access/key";

#[test]
fn without_credentials_it_lists_what_was_looked_at_and_one_cure() {
    for command in [
        vec!["whoami"],
        vec!["sts", "get-caller-identity"],
        vec!["s3", "presign", "s3://b/k"],
    ] {
        let stderr = Home::new().keyfob(&command).fails(253);
        assert_has(
            &stderr,
            &[
                "An error occurred (NoCredentials): ",
                "environment variables  AWS_ACCESS_KEY_ID is not set",
                "profile \"default\"",
                "container",
                "instance metadata",
                "hint: run `keyfob configure`",
            ],
        );
        assert_eq!(stderr.matches("hint: ").count(), 1, "{stderr}");
    }
    let why = Home::new().keyfob(["why"]);
    assert_eq!(why.code, 253);
    assert_has(&why.stdout, &["credentials: none"]);
}

#[test]
fn a_malformed_file_is_named_with_line_and_reason_and_other_profiles_work() {
    let home = Home::new().with_file(
        "credentials",
        &format!(
            "[good]\naws_access_key_id = AKIAGOODEXAMPLE00000\naws_secret_access_key = {SECRET}\n[bad]\nthis is no property\n"
        ),
    );
    let stderr = home.keyfob(["--profile", "bad", "whoami"]).fails(253);
    assert_has(&stderr, &["ConfigParseError", "credentials", ":5"]);
    assert_lacks(&stderr, &[SECRET]);
    home.keyfob(["--profile", "good", "s3", "presign", "s3://bucket/key"])
        .ok();
}

#[test]
fn an_unknown_profile_is_255_with_the_names_there_are() {
    let home = Home::new()
        .with_file("config", "[profile one]\n[default]\n")
        .with_file("credentials", "[two]\n")
        .with_key("AKIAEXAMPLE", SECRET);
    for run in [
        home.keyfob(["--profile", "three", "whoami"]),
        home.keyfob(["--profile", "three", "why"]),
        home.keyfob(["--profile", "three", "configure", "list"]),
    ] {
        let stderr = run.fails(255);
        assert_has(&stderr, &["\"three\"", "one, default, two"]);
    }
    let home = home.with("AWS_PROFILE", "four");
    assert_has(&home.keyfob(["whoami"]).fails(255), &["\"four\""]);
}

#[test]
fn an_unreachable_endpoint_is_a_clear_error_in_bounded_time() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let start = Instant::now();
    let stderr = home
        .keyfob(["--endpoint-url", &url, "sts", "get-caller-identity"])
        .fails(255);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_has(&stderr, &["EndpointConnection", &url]);
}

/// 192.0.2.0/24 is for documentation: nobody answers there, or the network says so at once.
#[test]
fn an_endpoint_that_never_answers_is_given_up() {
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let start = Instant::now();
    let stderr = home
        .keyfob([
            "--endpoint-url",
            "http://192.0.2.1",
            "sts",
            "get-caller-identity",
        ])
        .fails(255);
    assert!(start.elapsed() < Duration::from_secs(20), "{stderr}");
}

#[test]
fn keys_that_cannot_be_are_named_and_not_shown() {
    let newline = Home::new().with_key("AKIA\nEXAMPLE", SECRET);
    let stderr = newline.keyfob(["whoami"]).fails(253);
    assert_has(
        &stderr,
        &["InvalidCredentials", "access key id", "AKIA\\nEXAMPLE"],
    );
    assert_lacks(&stderr, &[SECRET]);

    let blank = Home::new().with_key("AKIAEXAMPLE", "can ary");
    let stderr = blank.keyfob(["whoami"]).fails(253);
    assert_has(&stderr, &["secret access key", "AWS_SECRET_ACCESS_KEY"]);
    assert_lacks(&stderr, &["can ary"]);

    let empty = Home::new().with_key("AKIAEXAMPLE", "");
    let stderr = empty.keyfob(["whoami"]).fails(253);
    assert_has(&stderr, &["PartialCredentials", "AWS_SECRET_ACCESS_KEY"]);
}

#[test]
fn a_bad_region_is_named_with_where_it_came_from() {
    let home = || Home::new().with_key("AKIAEXAMPLE", SECRET);
    let stderr = home()
        .keyfob(["--region", "x.example.com/", "whoami"])
        .fails(252);
    assert_has(&stderr, &["x.example.com/", "--region"]);
    let stderr = home()
        .with("AWS_REGION", "eu west 1")
        .keyfob(["whoami"])
        .fails(253);
    assert_has(&stderr, &["eu west 1", "AWS_REGION"]);
    let file = home().with_file("config", "[default]\nregion = -\n");
    assert_has(&file.keyfob(["whoami"]).fails(253), &["config", "\"-\""]);
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let home = Home::new();
    let stderr = home.keyfob(["configure"]).fails(253);
    assert_has(&stderr, &["NoTerminal", "hint: ", "keyfob configure set"]);
    assert!(!home.file("config").exists() && !home.file("credentials").exists());
}

#[test]
fn a_bad_endpoint_or_output_setting_is_named() {
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let stderr = home
        .keyfob(["--endpoint-url", "nonsense", "whoami"])
        .fails(253);
    assert_has(&stderr, &["invalid endpoint", "--endpoint-url"]);
    let home = home.with("AWS_DEFAULT_OUTPUT", "smoke");
    assert_has(
        &home
            .keyfob([
                "--sandbox",
                "--profile",
                "user",
                "sts",
                "get-caller-identity",
            ])
            .fails(253),
        &["smoke", "AWS_DEFAULT_OUTPUT"],
    );
}

#[test]
fn half_of_an_mfa_is_refused_before_anything_is_sent() {
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let session = ["sts", "get-session-token"];
    let stderr = home
        .keyfob(session.into_iter().chain(["--token-code", "123456"]))
        .fails(252);
    assert_has(&stderr, &["--serial-number"]);
    let stderr = home
        .keyfob(
            session
                .into_iter()
                .chain(["--serial-number", "GAHT12345678"]),
        )
        .fails(252);
    assert_has(&stderr, &["--token-code"]);
    home.keyfob(session.into_iter().chain(["--duration-seconds", "10"]))
        .fails(252);
}
