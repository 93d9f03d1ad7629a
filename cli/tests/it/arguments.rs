use serde_json::Value;

use crate::keyfob::{Home, assert_has};

#[test]
fn help_and_version_go_to_stdout() {
    let home = Home::new();
    assert_has(
        &home.keyfob(["--help"]).ok(),
        &["whoami", "--sandbox", "completion"],
    );
    assert_has(
        &home.keyfob(["sts", "assume-role", "--help"]).ok(),
        &["--role-arn"],
    );
    assert_has(&home.keyfob(["--version"]).ok(), &["keyfob "]);
}

#[test]
fn a_wrong_command_line_exits_with_252_and_a_value_that_is_not_a_number_with_255() {
    let home = Home::new();
    for line in [
        vec![],
        vec!["nonsense"],
        vec!["sts"],
        vec!["whoami", "--nonsense"],
        vec!["--output", "yaml-stream", "whoami"],
        vec!["--color", "sometimes", "whoami"],
        vec!["sts", "assume-role"],
        vec!["s3", "presign"],
        vec!["sign"],
    ] {
        let stderr = home.keyfob(&line).fails(252);
        assert!(
            stderr.starts_with("\nkeyfob: [ERROR]: An error occurred (ParamValidation): "),
            "{line:?}: {stderr}"
        );
    }
    let missing = home.keyfob(["sts", "assume-role"]).fails(252);
    assert_has(
        &missing,
        &["the following arguments are required: --role-arn, --role-session-name"],
    );
    home.keyfob(["sts", "get-session-token", "--duration-seconds", "abc"])
        .fails(255);
}

#[test]
fn a_number_out_of_range_is_named_with_the_range() {
    let home = Home::new();
    for (line, range) in [
        (
            vec!["--sandbox", "--sandbox-throttle", "-1", "whoami"],
            "0 to ",
        ),
        (
            vec!["s3", "presign", "s3://b/k", "--expires-in", "-1"],
            "1 to ",
        ),
        (
            vec![
                "sign",
                "--auth",
                "query",
                "--expires-in",
                "-1",
                "https://h/",
            ],
            "1 to 604800",
        ),
        (vec!["imds", "token", "--ttl", "21601"], "1 to 21600"),
        (vec!["sandbox", "--port", "65536"], "0 to 65535"),
        (vec!["sandbox", "--port", "-1"], "0 to 65535"),
    ] {
        let stderr = home.keyfob(&line).fails(252);
        assert_has(&stderr, &["is not in the range", range]);
        assert!(!stderr.contains("hint: to pass"), "{stderr}");
    }
}

#[test]
fn a_port_that_is_not_a_number_reads_as_any_other_number() {
    let stderr = Home::new().keyfob(["sandbox", "--port", "abc"]).fails(252);
    assert_has(&stderr, &["--port: it is not a whole number"]);
}

#[test]
fn throttling_needs_a_sandbox() {
    let home = Home::new().with_key("AKIAREALEXAMPLE00000", "canary");
    let stderr = home
        .keyfob(["--sandbox-throttle", "2", "whoami"])
        .fails(252);
    assert_has(&stderr, &["--sandbox-throttle needs --sandbox"]);
    Home::new()
        .keyfob(["--sandbox", "--sandbox-throttle", "1", "whoami"])
        .ok();
}

#[test]
fn long_options_may_be_abbreviated_and_global_ones_may_be_anywhere() {
    let home = Home::new();
    let account = |line: &[&str]| home.keyfob(line).ok();
    let text = account(&["sts", "get-caller-identity", "--sandbox", "--outp", "text"]);
    assert!(text.starts_with("123456789012\tarn:aws:sts::"), "{text}");
    assert_eq!(
        account(&["--output=text", "sts", "--sandbox", "get-caller-identity"])
            .split('\t')
            .count(),
        3
    );
    home.keyfob(["sts", "assume-role", "--sandbox", "--role", "x"])
        .fails(252);
}

#[test]
fn the_output_formats_are_those_of_aws() {
    let home = Home::new().with("AWS_REGION", "us-east-1");
    let call = |format| {
        let line = [
            "--sandbox",
            "--profile",
            "user",
            "--output",
            format,
            "sts",
            "get-caller-identity",
        ];
        home.keyfob(line).ok()
    };
    let json = call("json");
    assert!(json.starts_with("{\n    \"UserId\": \"AIDA"), "{json}");
    assert_has(
        &json,
        &[
            "\",\n    \"Account\": \"123456789012\",\n    \"Arn\": \"arn:aws:iam::123456789012:user/user\"\n}\n",
        ],
    );
    assert!(call("text").starts_with("123456789012\tarn:aws:iam::123456789012:user/user\tAIDA"));
    assert_has(
        &call("table"),
        &[
            "|                 GetCallerIdentity                |",
            "|  Account|  123456789012",
        ],
    );
    let home = home.with("AWS_DEFAULT_OUTPUT", "text");
    let text = home
        .keyfob(["--sandbox", "sts", "get-caller-identity"])
        .ok();
    assert!(!text.contains('{'), "{text}");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let home = Home::new();
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let shell =
        format!("set -o pipefail; {keyfob} --help | true; {keyfob} --sandbox whoami | true");
    let run = home.program("bash").args(["-c", &shell]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    assert!(
        !String::from_utf8_lossy(&run.stderr).contains("ERROR"),
        "{run:?}"
    );
}

#[test]
fn output_is_colored_only_if_asked_for() {
    let home = Home::new();
    let plain = home.keyfob(["--sandbox", "whoami"]).ok();
    assert!(!plain.contains('\u{1b}'), "a pipe is not a terminal");
    let on = home.keyfob(["--sandbox", "--color", "on", "whoami"]).ok();
    assert!(on.contains('\u{1b}'));
}

/// `aws configure` writes `output = json` for nearly everybody.
#[test]
fn keyfobs_own_commands_follow_the_option_and_never_the_output_of_the_profile() {
    for output in ["json", "table", "yaml", "nonsense"] {
        let home = Home::new().with("AWS_DEFAULT_OUTPUT", output);
        let whoami = home.keyfob(["--sandbox", "whoami"]).ok();
        assert!(whoami.starts_with("arn  "), "{whoami}");
        let why = home.keyfob(["--sandbox", "why"]).ok();
        assert!(why.starts_with("credentials: "), "{why}");
        let credentials = home.keyfob(["--sandbox", "imds", "credentials"]).json();
        assert_eq!(credentials["role_name"], "app");
    }
    let home = Home::new().with_key("AKIAIOSFODNN7EXAMPLE", "secret");
    let json = |words: &[&str]| home.keyfob(["--sandbox"].iter().chain(words)).json();
    let why = json(&["why", "--json"]);
    // The endpoint has another port for each sandbox, and no two calls take the same time.
    let timeless = |why: &Value| {
        let mut rows = why["rows"].clone();
        for row in rows.as_array_mut().unwrap() {
            row.as_object_mut().unwrap().remove("elapsed_ms").unwrap();
        }
        rows
    };
    assert_eq!(
        timeless(&why),
        timeless(&json(&["why", "--output", "json"]))
    );
    assert_eq!(why["rows"][0]["key_id"], "AKIAIOSFODNN7EXAMPLE");
}

#[test]
fn the_members_of_keyfobs_own_json_are_in_snake_case() {
    fn assert_snake(value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let is_snake = |c: char| c.is_ascii_lowercase() || c == '_';
                    assert!(name.chars().all(is_snake), "{name}");
                    assert_snake(member);
                }
            }
            Value::Array(items) => items.iter().for_each(assert_snake),
            _ => {}
        }
    }
    let home = Home::new();
    for command in ["whoami", "why"] {
        let json = home.keyfob(["--sandbox", command, "--json"]).json();
        assert_snake(&json);
    }
    let whoami = home.keyfob(["--sandbox", "whoami", "--json"]).json();
    assert_eq!(whoami["account"], "123456789012");
    let id = whoami["credentials"]["key_id"].as_str().unwrap();
    assert!(id.starts_with("ASIA") && id.len() == 20, "{id}");
}

#[test]
fn the_rows_of_why_are_colored_by_their_verdict() {
    let home = Home::new().with_key("AKIAEXAMPLE", "secret");
    let why = home.keyfob(["--color", "on", "why"]).ok();
    assert_has(&why, &["\u{1b}[32m> 1 environment variables"]);
    let failed = Home::new().with_key("AKIAEXAMPLE", "");
    let run = failed.keyfob(["--color", "on", "why"]);
    assert_eq!(run.code, 253);
    assert_has(&run.stdout, &["\u{1b}[31m  1 environment variables"]);
    for off in [home.keyfob(["why"]), home.keyfob(["--color", "off", "why"])] {
        assert!(!off.ok().contains('\u{1b}'));
    }
}

#[test]
fn options_of_aws_without_a_use_here_are_accepted() {
    let options = [
        "--no-cli-pager",
        "--no-cli-auto-prompt",
        "--cli-binary-format",
        "raw-in-base64-out",
    ];
    let call = [
        "--sandbox",
        "--profile",
        "user",
        "sts",
        "get-caller-identity",
    ];
    let with = Home::new().keyfob(call.iter().chain(&options)).ok();
    assert_eq!(with, Home::new().keyfob(call).ok());
    let wrong = ["--cli-binary-format", "hex"];
    Home::new().keyfob(call.iter().chain(&wrong)).fails(252);
}
