//! What `why` says about a chain that fails, and what the error below it says.

use std::fs;

use serde_json::Value;

use crate::{
    configure::on_terminal,
    cures::{ENVIRONMENT, FILES, KEY},
    keyfob::{Home, assert_has, assert_lacks},
    running::Running,
};

const ROLE: &str = "role_arn = arn:aws:iam::123456789012:role/ops\n";

#[test]
fn the_error_below_the_table_says_why_a_source_of_a_role_has_nothing() {
    for (source, reason) in [
        (
            "EcsContainer",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set",
        ),
        ("Ec2InstanceMetadata", "AWS_EC2_METADATA_DISABLED is true"),
        ("Environment", "AWS_ACCESS_KEY_ID is not set"),
    ] {
        let config = format!("[profile p]\n{ROLE}credential_source = {source}\n");
        let home = Home::new().with_file("config", &config);
        let why = home.keyfob(["why", "--profile", "p"]);
        assert_eq!(why.code, 253);
        assert_has(&why.stdout, &["failed", "the error below says why"]);
        let whoami = home.keyfob(["whoami", "--profile", "p"]).fails(253);
        for stderr in [&why.stderr, &whoami] {
            assert_has(
                stderr,
                &[
                    "An error occurred (NoCredentials): no session of role \
                     arn:aws:iam::123456789012:role/ops by [p] in ",
                    &format!("config:2: credential_source {source} has no credentials: {reason}"),
                ],
            );
            // Neither `keyfob configure` nor a key in the environment changes this profile.
            assert_lacks(stderr, &["hint: "]);
        }
    }
}

#[test]
fn the_hints_about_a_profile_without_credentials_give_it_credentials() {
    let home = || {
        let home = Home::new().with_key("AKIAENVIRONMENT00001", "secret");
        home.with_file("config", "[profile a]\nregion = eu-west-1\n")
    };
    let used = |home: &Home, words: &[&str]| {
        let why = home.keyfob([words, &["why", "--json"]].concat()).json();
        why["winner"]["provider"].as_str().unwrap().to_owned()
    };
    let home_of_flag = home();
    for command in ["why", "whoami"] {
        let stderr = home_of_flag.keyfob([command, "--profile", "a"]).stderr;
        assert_has(
            &stderr,
            &[
                "hint: run `keyfob configure --profile a`\n",
                "hint: to use environment variables instead: keyfob …  # without --profile a\n",
            ],
        );
        assert_eq!(stderr.matches("hint: ").count(), 2, "{stderr}");
    }
    assert_eq!(used(&home_of_flag, &[]), "environment variables");
    configure(&home_of_flag);
    assert_eq!(used(&home_of_flag, &["--profile", "a"]), "profile \"a\"");

    let of_variable = || {
        let home = Home::new().with_file("config", "[profile a]\nregion = eu-west-1\n");
        home.with("AWS_PROFILE", "a")
    };
    let home_of_variable = of_variable();
    let hint = "hint: run `keyfob configure --profile a`, or set AWS_ACCESS_KEY_ID and \
                AWS_SECRET_ACCESS_KEY\n";
    for command in ["why", "whoami"] {
        assert_has(&home_of_variable.keyfob([command]).stderr, &[hint]);
    }
    configure(&home_of_variable);
    assert_eq!(used(&home_of_variable, &[]), "profile \"a\"");
    let with_key = of_variable().with_key("AKIAENVIRONMENT00001", "secret");
    assert_eq!(used(&with_key, &[]), "environment variables");
}

/// Runs `keyfob configure --profile a`, as a hint says.
fn configure(home: &Home) {
    let run = on_terminal(
        home,
        &["configure", "--profile", "a"],
        &[
            ("AWS Access Key ID [None]: ", "AKIAFILEEXAMPLE00001\n"),
            ("AWS Secret Access Key [None]: ", "secret\n"),
            ("Default region name [eu-west-1]: ", "\n"),
            ("Default output format [None]: ", "\n"),
        ],
    );
    assert_eq!(run["code"], 0, "{run}");
}

#[test]
fn a_profile_that_does_not_exist_masks_the_others_with_a_cure() {
    let home = Home::new()
        .with_file("config", "[profile prod]\nregion = eu-west-1\n")
        .with("AWS_PROFILE", "nope")
        .with_key("AKIAENVIRONMENT00001", "secret");
    let why = home.keyfob(["why"]);
    assert_eq!(why.code, 255);
    assert_has(
        &why.stdout,
        &[
            "environment variables  masked by 3",
            "profile \"nope\"         failed       the error below says why",
            "why: profile \"nope\" failed, and a source that is configured is not replaced by \
             environment variables",
            "to use environment variables:  env -u AWS_PROFILE COMMAND",
        ],
    );
    let json = home.keyfob(["why", "--json"]).stdout;
    assert_has(&json, &["\"cure\": \"env -u AWS_PROFILE COMMAND\""]);
}

#[test]
fn json_has_names_as_they_are_and_a_terminal_gets_no_control_character() {
    let name = "a\u{202e}b";
    let key = format!("[{name}]\naws_access_key_id = a b\naws_secret_access_key = x\n");
    let home = Home::new()
        .with_file("credentials", &key)
        .with_file("config", "[default]\n[profile \u{1b}[31m d]\n");
    let credentials = home.file("credentials").display().to_string();
    let words = ["--profile", name];
    let json = home.keyfob([&["why", "--json"], &words[..]].concat());
    let why: Value = serde_json::from_str(&json.stdout).unwrap();
    let provider = format!("profile \"{name}\"");
    assert_eq!(why["rows"][2]["provider"], provider);
    let reason = format!("the access key from [{name}] in {credentials}:2 is malformed");
    assert_has(why["rows"][2]["reason"].as_str().unwrap(), &[&reason]);
    let findings = why["findings"].as_array().unwrap();
    let ignored = findings
        .iter()
        .find(|finding| finding["origin"]["line"] == 2)
        .unwrap();
    // The section is that of the line, not the one above it.
    assert_eq!(
        ignored["origin"]["section"], "profile \u{1b}[31m d",
        "{why:#}"
    );
    assert_has(
        ignored["text"].as_str().unwrap(),
        &["[profile \u{1b}[31m d] is ignored"],
    );

    let escaped = "a\\u{202e}b";
    let text = home.keyfob([&["why"], &words[..]].concat());
    let list = home.keyfob([&["configure", "list"], &words[..]].concat());
    assert_has(&text.stdout, &[&format!("profile \"{escaped}\"")]);
    assert_has(&text.stdout, &["[profile \\u{1b}[31m d] is ignored"]);
    assert_has(&text.stderr, &[&format!("from [{escaped}] in ")]);
    for output in [text.stdout, text.stderr, list.stdout, list.stderr] {
        assert_lacks(&output, &["\u{202e}", "\u{9b}", "\u{1b}"]);
    }
}

#[test]
fn a_name_or_a_path_with_quotes_is_printed_as_it_is_written() {
    let home = Home::new().with_file("config", "[profile it's \"a\" b]\nregion = eu-west-1\n");
    let file = home.path().join("a b'c/credentials");
    fs::create_dir(file.parent().unwrap()).unwrap();
    let home = home.with("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    let why = home.keyfob(["why", "--profile", "it's \"a\" b"]);
    assert_has(
        &why.stdout,
        &[
            "profile \"it's \"a\" b\"",
            "[profile it's \"a\" b] is ignored",
            "the credentials file is ~/a b'c/credentials",
        ],
    );
    // A cure is for a shell.
    let text = why.stdout + &why.stderr;
    for line in text.lines().filter(|line| !line.contains("cure:  ")) {
        assert_lacks(line, &["\\'", "\\\""]);
    }
}

#[test]
fn an_error_of_sts_names_the_role_and_the_profile_that_it_is_about() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let config = format!("[profile p]\n{ROLE}source_profile = base\n");
    let home = sandbox
        .home(&FILES)
        .with_file("config", &config)
        .with_file("credentials", &format!("[base]\n{KEY}"));
    for command in ["why", "whoami"] {
        let run = home.keyfob([command, "--profile", "p"]);
        assert_eq!(run.code, 254, "{run:?}");
        assert_has(
            &run.stderr,
            &[
                "An error occurred (InvalidClientTokenId) when calling the AssumeRole operation: ",
                "\nno session of role arn:aws:iam::123456789012:role/ops by [p] in ",
            ],
        );
    }
}

#[test]
fn whoami_says_when_a_session_ends_as_another_tool_wrote_it() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let session = sandbox.home(&FILES).keyfob(["sts", "get-session-token"]);
    let session = &session.json()["Credentials"];
    let part = |name: &str| session[name].as_str().unwrap().to_owned();
    let key = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
        part("AccessKeyId"),
        part("SecretAccessKey"),
        part("SessionToken")
    );
    let without_keys = [&FILES[..], &ENVIRONMENT].concat();
    for (end, left) in [
        ("", "unknown: the source of this session does not say"),
        (
            "x_security_token_expires = 2099-01-01T00:00:00Z\n",
            "the key expires at 2099-01-01T00:00:00Z, says x_security_token_expires",
        ),
        (
            "expiration = 4070908800\n",
            "the key expires at 2099-01-01T00:00:00Z, says expiration",
        ),
        ("expiration = 1700000000\n", "unknown"),
    ] {
        let home = sandbox.home(&without_keys);
        let home = home.with_file("credentials", &format!("{key}{end}"));
        let whoami = home.keyfob(["whoami"]).ok();
        assert_has(&whoami, &[&format!("time left    {left}\n")]);
        assert_eq!(
            whoami.contains("the key expired at 2023-11-14T22:13:20Z, says expiration"),
            end.contains("17"),
            "{whoami}"
        );
    }
}

#[test]
fn a_note_is_printed_once() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let without = [
        &ENVIRONMENT[..],
        &FILES,
        &["AWS_REGION", "AWS_DEFAULT_REGION"],
    ]
    .concat();
    let home = sandbox
        .home(&without)
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with_file(
            "config",
            &format!("[default]\n{ROLE}source_profile = base\n"),
        )
        .with_file("credentials", &format!("[base]\n{KEY}"));
    for words in [
        &["why"][..],
        &["whoami"],
        &["why", "--json"],
        &["why", "--as", "go"],
        &["why", "--as", "js"],
    ] {
        let run = home.keyfob(words);
        let text = run.stdout + &run.stderr;
        assert_eq!(text.matches("no region is set").count(), 1, "{text}");
    }
}

#[test]
fn a_file_that_boto3_refuses_stops_it_and_the_aws_cli_but_not_us() {
    const KEY: &str = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
                       aws_secret_access_key = s\n";
    let good = b"[default]\nregion = eu-west-1\n";
    for (config, line, reason) in [
        (
            &b"\xef\xbb\xbf[default]\nregion = eu-west-1\n"[..],
            1,
            "a byte order mark",
        ),
        (
            b"[default]\nregion = eu-west-1\n[default]\noutput = json\n",
            3,
            "a second section of this name: make one section of the two",
        ),
        (
            b"[default]\nregion = eu-west-1\nregion = eu-west-1\n",
            3,
            "a second value for this property: remove one of the two",
        ),
        (
            b"[default]\nregion = eu-west-1\n[profile z]\nx = caf\xe9\n",
            4,
            "it is not UTF-8 there: save the file as UTF-8",
        ),
        (
            b"[default]\nregion = eu-west-1\n# caf\xe9\n",
            3,
            "it is not UTF-8 there",
        ),
    ] {
        let home = Home::new()
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .with_file("credentials", KEY);
        let home = home.with_file("config", "");
        fs::write(home.file("config"), config).unwrap();
        let place = format!("config:{line}: boto3 and the AWS CLI refuse the file: ");
        for order in ["boto3", "aws-cli"] {
            let why = home.keyfob(["why", "--as", order]);
            assert_eq!(why.code, 253, "{why:?}");
            assert_has(&why.stderr, &[&place, reason]);
            assert_has(&why.stdout, &["profile \"default\"", "failed"]);
            assert_lacks(&why.stdout, &[" used"]);
            let json = home.keyfob(["why", "--json", "--as", order]).stdout;
            let json: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(json["winner"], Value::Null);
        }
        let plain = home.keyfob(["why"]).ok();
        assert_has(
            &plain.split_whitespace().collect::<Vec<_>>().join(" "),
            &[
                "used",
                "the AWS CLI and boto3 would stop: there, profile \"default\" failed (",
                &place,
            ],
        );
        // Its cure is what the reason says.
        fs::write(home.file("config"), good).unwrap();
        for order in ["boto3", "aws-cli"] {
            home.keyfob(["why", "--as", order]).ok();
        }
        assert_lacks(&home.keyfob(["why"]).ok(), &["would stop"]);
    }
}

#[test]
fn a_comment_that_is_not_utf8_is_a_warning() {
    let home = Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "s")
        .with_file("config", "");
    let config = b"[profile z]\n# caf\xe9\n# caf\xe9 2\n[default]\nregion = eu-west-1 # \xe9\n";
    fs::write(home.file("config"), config).unwrap();
    let why: Value = serde_json::from_str(&home.keyfob(["why", "--json"]).ok()).unwrap();
    let findings = why["findings"].as_array().unwrap().iter();
    let found: Vec<_> = findings
        .filter(|finding| {
            finding["text"]
                .as_str()
                .unwrap()
                .contains("a comment is not UTF-8")
        })
        .collect();
    assert_eq!(found.len(), 1, "{why:#}");
    assert_eq!(found[0]["severity"], "warning", "{why:#}");
    assert_eq!(found[0]["origin"]["line"], 2, "{why:#}");
    // What the warning says to do.
    fs::write(
        home.file("config"),
        "[profile z]\n# café\n[default]\nregion = eu-west-1\n",
    )
    .unwrap();
    assert_lacks(&home.keyfob(["why"]).ok(), &["not UTF-8"]);
}

#[test]
fn another_tool_has_no_region_by_default() {
    let home = Home::new()
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("AWS_REGION", "eu-west-1")
        .with_file("credentials", &format!("[default]\n{KEY}"));
    let why = home.keyfob(["why", "--as", "boto3"]).ok();
    assert_has(
        &why,
        &["boto3 has none by default: set AWS_DEFAULT_REGION or region in a profile"],
    );
    assert_lacks(&why, &["us-east-1", "region:"]);
    let json = home.keyfob(["why", "--json", "--as", "boto3"]).json();
    assert_eq!(json["region"], Value::Null);
    let home = home.with("AWS_DEFAULT_REGION", "eu-west-3");
    let why = home.keyfob(["why", "--as", "boto3"]).ok();
    assert_has(&why, &["region: eu-west-3"]);
}

#[test]
fn the_cure_of_the_error_below_stands_in_the_table() {
    for (value, order) in [("", "boto3"), ("eu-west-1\n", "boto3"), ("a/b", "aws-cli")] {
        let home = Home::new()
            .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
            .with("AWS_DEFAULT_REGION", value)
            .with("AWS_REGION", "");
        let home = if order == "aws-cli" {
            home.with("AWS_REGION", "eu-west-1 x")
        } else {
            home
        };
        let run = home.keyfob(["why", "--as", order]);
        assert_ne!(run.code, 0);
        let variable = if order == "aws-cli" {
            "AWS_REGION"
        } else {
            "AWS_DEFAULT_REGION"
        };
        assert_has(&run.stderr, &[variable]);
        assert_has(&run.stdout, &["\n  cure:  env -u ", variable, " COMMAND\n"]);
        let data = home.keyfob(["why", "--as", order, "--json"]).stdout;
        assert_has(&data, &["\"cure\": \"env -u "]);
    }
}
