//! Values and answers that version 1 of aws takes, beside it.

use std::{fs, sync::mpsc::Receiver};

use serde_json::Value;

use crate::{
    answers::{answer, start_server},
    keyfob::{Home, assert_has, assert_lacks},
};

fn home() -> Home {
    Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
}

/// Returns the parameters of each request, sorted. A space is written in either way.
fn sent(bodies: &Receiver<String>) -> Vec<Vec<String>> {
    let parameters = |body: String| {
        let body = body.replace('+', "%20");
        let mut pairs: Vec<String> = body.split('&').map(str::to_owned).collect();
        pairs.sort();
        pairs
    };
    bodies.try_iter().map(parameters).collect()
}

#[test]
fn values_with_a_dash_empty_lists_and_numbers_with_spaces_are_sent_as_by_aws() {
    let home = home();
    let id = ["--external-id", "-1"];
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/r"];
    let assume = ["sts", "assume-role", "--role-session-name", "me"];
    let assume = [&assume[..], &role].concat();
    for words in [
        [&assume[..], &id].concat(),
        [&assume[..], &["--external-id", "- x"]].concat(),
        [&assume[..], &["--external-i", "-1.5"]].concat(),
        [&assume[..], &["--duration-seconds", " 3600"]].concat(),
        [&assume[..], &["--tags"]].concat(),
        vec!["iam", "get-user", "--user-name", "-.5"],
        vec!["ec2", "describe-instances", "--instance-ids"],
        vec!["ec2", "describe-instances", "--instance-ids", "-1", "-2"],
        vec![
            "ec2",
            "describe-instances",
            "--filters",
            r#"Name=a,Values="b\\c",d"#,
        ],
    ] {
        let (url, bodies) = start_server(&answer("403 Forbidden", ""));
        let line = [&words[..], &["--endpoint-url", &url]].concat();
        home.aws(&line);
        let expected = sent(&bodies);
        assert_eq!(expected.len(), 1, "{words:?}");
        home.keyfob(&line).fails(254);
        assert_eq!(sent(&bodies), expected, "{words:?}");
    }
    let (url, bodies) = start_server(&answer("403 Forbidden", ""));
    let words = ["iam", "get-user", "--endpoint-url", &format!("{url}/a b")];
    home.keyfob(words).fails(254);
    assert_eq!(sent(&bodies).len(), 1);
    // What may be an option is none for either.
    for value in ["-5x", "-x", "--x"] {
        let words = ["iam", "get-user", "--user-name", value];
        assert_ne!(home.aws(&words).code, 0);
        home.keyfob(words).fails(252);
    }
}

#[test]
fn a_list_of_text_is_read_from_a_file_and_parameters_from_bytes() {
    let home = home();
    fs::write(home.path().join("value"), "b,c").unwrap();
    fs::write(home.path().join("in.json"), r#"{"UserName": "ada"}"#).unwrap();
    for words in [
        &[
            "ec2",
            "describe-instances",
            "--filters",
            "Name=a,Values@=file://value",
        ][..],
        &["iam", "get-user", "--cli-input-json", "fileb://in.json"],
    ] {
        let (url, bodies) = start_server(&answer("403 Forbidden", ""));
        let line = [words, &["--endpoint-url", &url]].concat();
        home.aws(&line);
        let expected = sent(&bodies);
        home.keyfob(&line).fails(254);
        assert_eq!(sent(&bodies), expected, "{words:?}");
    }
}

const QUOTAS: [&str; 4] = [
    "service-quotas",
    "list-service-quotas",
    "--service-code",
    "x",
];
const QUOTA: [&str; 6] = [
    "service-quotas",
    "get-service-quota",
    "--service-code",
    "x",
    "--quota-code",
    "y",
];

#[test]
fn a_list_that_the_service_leaves_out_is_printed_as_by_aws() {
    let home = home();
    let query = ["--query", "Quotas[].A"];
    for more in [
        &[][..],
        &["--output", "text"],
        &query,
        &[&query[..], &["--output", "text"]].concat(),
        &["--max-items", "1"],
    ] {
        for body in ["{}", r#"{"Quotas": []}"#] {
            let (url, _bodies) = start_server(&answer("200 OK", body));
            let line = [&QUOTAS[..], more, &["--endpoint-url", &url]].concat();
            let expected = home.aws(&line).ok();
            assert_eq!(home.keyfob(&line).ok(), expected, "{more:?} {body}");
        }
    }
}

#[test]
fn numbers_of_any_size_are_printed_as_by_aws() {
    let home = home();
    for number in [
        "18446744073709551616",
        "-9223372036854775809",
        "100000000000000000000000000000000000000001",
        "-0",
        "-0.0",
        "1.50",
        "5e-324",
    ] {
        let body = format!(r#"{{"Quota": {{"Value": {number}}}}}"#);
        let (url, _bodies) = start_server(&answer("200 OK", &body));
        for more in [&[][..], &["--output", "text"], &["--query", "Quota.Value"]] {
            let line = [&QUOTA[..], more, &["--endpoint-url", &url]].concat();
            let expected = home.aws(&line).ok();
            assert_eq!(home.keyfob(&line).ok(), expected, "{number} {more:?}");
        }
        let literal = format!("[`{number}`, `[{number}]`]");
        let line = [&QUOTA[..], &["--query", &literal, "--endpoint-url", &url]].concat();
        assert_eq!(home.keyfob(&line).ok(), home.aws(&line).ok(), "{literal}");
    }
}

#[test]
fn an_ambiguous_option_is_refused_in_the_words_of_aws_and_globals_come_first() {
    let home = home();
    for words in [
        &["ec2", "describe-instances", "--max", "3"][..],
        &["sts", "assume-role", "--role", "x"],
    ] {
        let theirs = home.aws(words).stderr;
        let options = |text: &str| {
            let (_, rest) = text.split_once("ambiguous option: ").unwrap();
            let line = rest.lines().next().unwrap();
            let (word, names) = line.split_once(" could match ").unwrap();
            let mut names: Vec<_> = names.split(", ").map(str::to_owned).collect();
            names.sort();
            (word.to_owned(), names)
        };
        let ours = home.keyfob(words).fails(252);
        assert_eq!(options(&ours), options(&theirs), "{words:?}");
    }
    // --debug, and not --dry-run.
    let run = home.keyfob(["ec2", "describe-instances", "--d", "--offline"]);
    assert_eq!(run.code, 253);
}

#[test]
fn a_check_names_the_option_that_was_written() {
    let home = home();
    fs::write(home.path().join("in.json"), r#"{"MaxItems": 0}"#).unwrap();
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/r"];
    let assume = [&["sts", "assume-role", "--role-session-name"], &role[..]].concat();
    let [head @ .., option, arn] = &assume[..] else {
        unreachable!()
    };
    let assume = |name, more: &[&'static str]| [head, &[name, option, arn], more].concat();
    for (words, text) in [
        (
            assume("me", &["--duration-seconds", "1"]),
            "--duration-seconds: DurationSeconds must",
        ),
        (
            assume("me", &["--tags", "Key=,Value=b"]),
            "--tags: Tags.member.1.Key must",
        ),
        (
            assume("me", &["--transitive-tag-keys", "a"]),
            "--transitive-tag-keys: TransitiveTagKeys.member.1",
        ),
        (
            assume("a\u{1b}", &[]),
            "--role-session-name: RoleSessionName may",
        ),
        (
            vec!["iam", "list-access-keys", "--page-size", "0"],
            "--page-size: MaxItems must",
        ),
        (
            vec![
                "iam",
                "list-access-keys",
                "--cli-input-json",
                "file://in.json",
            ],
            "--cli-input-json: MaxItems must",
        ),
        (
            vec!["sts", "get-scoped-credentials"],
            "GetScopedCredentials needs Policy, DurationSeconds or both",
        ),
    ] {
        assert_has(&home.keyfob(&words).fails(252), &[text]);
    }
    // A control character is escaped once.
    let json = assume("a\u{1b}", &["--cli-error-format", "json"]);
    let error: Value = serde_json::from_str(&home.keyfob(&json).fails(252)).unwrap();
    assert_has(
        error["Message"].as_str().unwrap(),
        &["character 2 is '\u{1b}'"],
    );
    let profile = [
        "whoami",
        "--profile",
        "a\u{1b}",
        "--cli-error-format",
        "json",
    ];
    let error: Value = serde_json::from_str(&home.keyfob(profile).fails(255)).unwrap();
    assert_has(error["Message"].as_str().unwrap(), &["\"a\u{1b}\""]);
    assert_lacks(
        &home.keyfob(["whoami", "--profile", "a\u{1b}"]).fails(255),
        &["\u{1b}"],
    );
}

#[test]
fn a_limit_is_named_with_the_option_and_an_assertion_is_not_repeated() {
    let home = home();
    let refused = |code: &str, message: &str| {
        let body = format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>\
             </ErrorResponse>"
        );
        start_server(&answer("400 Bad Request", &body)).0
    };
    let url = refused("ValidationError", "no");
    let page = ["iam", "list-access-keys", "--page-size", "5000"];
    let stderr = home
        .keyfob(page.iter().chain(&["--endpoint-url", &url]))
        .fails(254);
    let hint = "hint: --page-size: MaxItems is 5000, and the limit was 1000\n";
    assert_has(&stderr, &[hint]);
    let policy = "x".repeat(3000);
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/r"];
    let assume = ["sts", "assume-role", "--role-session-name", "me"];
    let assume = [&assume[..], &role, &["--endpoint-url", &url]].concat();
    let stderr = home
        .keyfob(assume.iter().chain(&["--policy", &policy]))
        .fails(254);
    assert_has(
        &stderr,
        &["--policy: Policy has 3000 characters, and the limit was 2048"],
    );

    let url = refused("InvalidContextAssertion", "canary.assertion is not signed");
    let context =
        "ProviderArn=arn:aws:iam::aws:contextProvider/x,ContextAssertion=canary.assertion";
    let more = ["--provided-contexts", context, "--endpoint-url", &url];
    let stderr = home.keyfob(assume.iter().chain(&more)).fails(254);
    assert_lacks(&stderr, &["canary"]);
    assert_has(&stderr, &["is not signed"]);
}

#[test]
fn a_number_of_items_that_is_not_positive_is_warned_of() {
    let (url, _bodies) = start_server(&answer("403 Forbidden", ""));
    for items in ["0", "-1"] {
        let words = [
            "iam",
            "list-access-keys",
            "--max-items",
            items,
            "--endpoint-url",
            &url,
        ];
        let stderr = home().keyfob(words).stderr;
        assert_has(&stderr, &["warning: --max-items is not positive"]);
    }
}

#[test]
fn the_help_has_no_space_at_the_end_of_a_line() {
    for words in [
        &["--help"][..],
        &["sts", "assume-role", "--help"],
        &["sign", "--help"],
    ] {
        let help = Home::new().keyfob(words).ok();
        assert!(help.lines().all(|line| line == line.trim_end()), "{help}");
    }
}
