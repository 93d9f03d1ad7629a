use crate::{
    answers::{answer, start_server},
    keyfob::{Home, assert_has, assert_lacks},
};

/// A secret in the wrong place, in forms that a parser reads differently.
const CANARIES: [&str; 6] = [
    "canary/secret+0123456789",
    "-canary",
    "--canary",
    "--canary=canary",
    "canary=canary",
    "-Xcanary --canary",
];

/// Every command, with words that make it complete where it needs some.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["whoami"],
    &["why"],
    &["sts"],
    &["sts", "get-caller-identity"],
    &["sts", "get-session-token"],
    &["sts", "assume-role"],
    &["api", "kms", "DescribeKey"],
    &["can", "s3:GetObject"],
    &["trust-policy"],
    &["saml"],
    &["saml", "login", "--assertion", "-"],
    &["console"],
    &["keys"],
    &["keys", "rotate"],
    &["keys", "list"],
    &["keys", "check", "--max-age", "90d"],
    &["cache"],
    &["cache", "ls"],
    &["cache", "clear"],
    &["configure"],
    &["configure", "list"],
    &["configure", "get", "region"],
    &["configure", "set", "region", "eu-west-1"],
    &["configure", "list-profiles"],
    &["configure", "mfa-login"],
    &["sign", "compare", "/dev/null", "https://iam.amazonaws.com/"],
    &["request", "https://iam.amazonaws.com/"],
    &["s3"],
    &["s3", "presign", "s3://b/k"],
    &["imds"],
    &["imds", "get", "instance-id"],
    &["imds", "ls", "a"],
    &["imds", "tree", "a"],
    &["imds", "role"],
    &["imds", "credentials"],
    &["imds", "user-data"],
    &["imds", "document"],
    &["imds", "token"],
    &["imds", "watch"],
    &["imds", "watch", "spot"],
    &["serve"],
    &["serve", "imds"],
    &["serve", "container"],
    &["sandbox"],
];

#[test]
fn a_misplaced_secret_is_not_repeated_by_the_usage_error() {
    let home = Home::new();
    for command in COMMANDS {
        for canary in CANARIES {
            for line in [
                [command, &[canary][..]].concat(),
                [command, &[canary, canary][..]].concat(),
                [&[canary][..], command].concat(),
                [command, &["--", canary, canary][..]].concat(),
            ] {
                let stderr = home.keyfob(&line).fails(252);
                assert_lacks(&stderr, &["canary"]);
            }
        }
    }
}

#[test]
fn any_wrong_number_of_words_of_configure_set_is_refused_without_repeating_one() {
    let home = Home::new();
    let set = ["configure", "set"];
    for words in [
        &["aws_secret_access_key", "can", "ary"][..],
        &["aws_secret_access_key", "canary", "canary", "canary"],
        &["default", "aws_secret_access_key", "canary"],
        &["a.b.c.canary", "canary"],
        &["aws_secret_access_key", "canary", "--canary"],
        &["aws_secret_access_key", "canary", "--debug=canary"],
        &["..canary", "canary"],
    ] {
        let stderr = home.keyfob(set.iter().chain(words)).fails(252);
        assert_lacks(&stderr, &["canary"]);
    }
    let stderr = home
        .keyfob(["configure", "set", "aws_secret_access_key", "a", "canary"])
        .fails(252);
    assert_has(&stderr, &["word 5 is one word too many", "hint: "]);
    assert!(!home.file("credentials").exists());
}

#[test]
fn a_value_that_cannot_be_used_is_not_repeated_and_its_option_is_named() {
    let home = Home::new().with_key("AKIAEXAMPLE", "secret");
    let role = ["sts", "assume-role", "--role-arn", "arn:aws:iam::1:role/r"];
    let role = [&role[..], &["--role-session-name", "me"]].concat();
    let url = "https://iam.amazonaws.com/";
    for (line, option) in [
        (vec!["--output", "canary", "whoami"], "--output"),
        (vec!["--color", "canary", "whoami"], "--color"),
        (vec!["--debug=canary", "whoami"], "--debug"),
        (
            vec!["--sandbox", "--sandbox-throttle", "canary", "whoami"],
            "--sandbox-throttle",
        ),
        (vec!["imds", "token", "--ttl", "canary"], "--ttl"),
        (vec!["imds", "watch", "canary"], "EVENT"),
        (vec!["serve", "imds", "--listen", "canary"], "--listen"),
        (
            vec!["serve", "imds", "--spot-after", "canary"],
            "--spot-after",
        ),
        (
            vec!["serve", "container", "--token-file", "canary"],
            "--token-file",
        ),
        (vec!["sandbox", "--port", "canary"], "--port"),
        (vec!["trust-policy", "--principal", "canary"], "--principal"),
        (
            vec!["trust-policy", "--principal", "arn:aws:iam::1:canary"],
            "--principal",
        ),
        (vec!["trust-policy", "--service", "canary"], "--service"),
        (vec!["trust-policy", "--org-id", "canary"], "--org-id"),
        (
            vec!["trust-policy", "--saml-provider", "canary"],
            "--saml-provider",
        ),
        (
            vec!["trust-policy", "--oidc", "canary", "--audience", "canary"],
            "--oidc",
        ),
        (
            vec!["trust-policy", "--check", "-", "--as", "canary"],
            "--as",
        ),
        (vec!["sign", "--at", "canary", url], "--at"),
        (vec!["sign", "--auth", "canary", url], "--auth"),
        (vec!["sign", "--print", "canary", url], "--print"),
        (vec!["sign", "--algorithm", "canary", url], "--algorithm"),
        (vec!["sign", "--expires-in", "canary", url], "--expires-in"),
        (vec!["sign", "-H", "canary", url], "header"),
        (vec!["sign", "canary"], ""),
        (vec!["sign", "-X", "can ary", url], ""),
        (vec!["request", "--auth", "canary", url], "--auth"),
        (
            vec!["request", "--expires-in", "canary", url],
            "--expires-in",
        ),
        (vec!["s3", "presign", "canary"], "S3URI"),
        (
            vec!["s3", "presign", "s3://b/k", "--header", "canary"],
            "header",
        ),
        ([&role[..], &["--tags", "canary"]].concat(), "--tags"),
        (
            [&role[..], &["--policy-arns", "canary"]].concat(),
            "--policy-arns",
        ),
        (
            [&role[..], &["--provided-contexts", "canary"]].concat(),
            "--provided-contexts",
        ),
        (
            [&role[..], &["--duration-seconds", "1"]].concat(),
            "DurationSeconds",
        ),
        (
            vec![
                "exec",
                "--role-arn",
                "arn:aws:iam::1:role/r",
                "--duration-seconds",
                "5",
            ],
            "--duration-seconds",
        ),
    ] {
        let stderr = home.keyfob(&line).fails(252);
        assert_has(&stderr, &[option]);
        assert_lacks(&stderr, &["canary", "can ary"]);
    }
    for (line, argument) in [
        (vec!["sign", "-d", "@canary", url], "--data"),
        (vec!["sign", "-H", "@canary", url], "--header"),
        (vec!["sign", "--request-file", "canary"], "--request-file"),
        (vec!["request", "--json", "@canary", url], "--json"),
        (vec!["request", "--data-binary", "@canary", url], "--data"),
        (vec!["sign", "compare", "canary", url], "FILE"),
        (
            vec![
                "trust-policy",
                "--check",
                "canary",
                "--as",
                "ec2.amazonaws.com",
            ],
            "--check",
        ),
    ] {
        let stderr = home.keyfob(&line).fails(252);
        assert_has(&stderr, &[argument, "there is no file with this name"]);
        assert_lacks(&stderr, &["canary"]);
    }
    // The code of aws for text in the place of a number.
    for line in [
        &["sts", "get-session-token", "--duration-seconds", "canary"][..],
        &["s3", "presign", "s3://b/k", "--expires-in", "canary"],
    ] {
        let stderr = home.keyfob(line).fails(255);
        assert_has(&stderr, &[line[line.len() - 2]]);
        assert_lacks(&stderr, &["canary"]);
    }
}

#[test]
fn a_wrong_word_has_a_hint_by_its_meaning() {
    let home = Home::new();
    for (line, hint) in [
        (
            &["rds", "describe-db-instances"][..],
            "use `aws rds describe-db-instances`, or `keyfob api rds OPERATION`",
        ),
        (
            &["sqs", "list-queues"],
            "keyfob has no sqs: use `aws sqs`, or `keyfob api sqs OPERATION`",
        ),
        (
            &["lambda", "list-functions"],
            "keyfob has no lambda: use `aws lambda`",
        ),
        (
            &["s3", "website"],
            "keyfob has no `s3 website`: use `aws s3 website`",
        ),
        (
            &["ec2", "frobnicate"],
            "keyfob has only some commands of ec2: use `aws ec2`, or `keyfob api ec2 OPERATION`",
        ),
        (
            &["ec2", "describe-instance"],
            "did you mean `keyfob ec2 describe-instances`?",
        ),
        (
            &["sso", "list-accounts"],
            "keyfob has no `sso list-accounts`: use `aws sso list-accounts`",
        ),
        (&["sts", "frobnicate"], "`keyfob sts --help` lists"),
        (&["run", "--", "env"], "did you mean `keyfob exec`?"),
        (
            &["eval"],
            "did you mean `keyfob configure export-credentials`?",
        ),
        (&["status"], "did you mean `keyfob doctor`?"),
        (&["why", "prod"], "did you mean --profile NAME?"),
        (&["whoami", "prod"], "did you mean --profile NAME?"),
        (
            &["profiles"],
            "did you mean `keyfob configure list-profiles`?",
        ),
        (&["whoam"], "did you mean `keyfob whoami`?"),
        (&["sts", "whoami"], "did you mean `keyfob whoami`?"),
        (
            &["configure", "get", "region", "--version"],
            "did you mean `keyfob --version`?",
        ),
        (
            &["configure", "list-profile"],
            "did you mean `keyfob configure list-profiles`?",
        ),
        (
            &["configure", "remove", "region"],
            "did you mean `keyfob configure unset`?",
        ),
        (
            &["set", "region", "x"],
            "did you mean `keyfob configure set`?",
        ),
        (&["simulate", "s3:GetObject"], "did you mean `keyfob can`?"),
        (&["ec2", "create-vpc"], "use `aws ec2 create-vpc`"),
        (
            &["configure", "list", "prod"],
            "did you mean --profile NAME?",
        ),
        (&["whoami", "--profil3", "x"], "did you mean --profile?"),
        (&["sts"], "`keyfob sts --help` lists the commands"),
        (&[], "`keyfob --help` lists the commands"),
        (&["imds"], "`keyfob imds --help`"),
    ] {
        let stderr = home.keyfob(line).fails(252);
        assert_has(&stderr, &["hint: ", hint]);
        assert_eq!(stderr.matches("hint: ").count(), 1, "{stderr}");
    }
}

#[test]
fn the_command_that_makes_a_call_of_another_service_makes_it() {
    for (words, operation, body) in [
        (["ssm", "get-parameter"], "GetParameter", "{\"A\": 1}"),
        (
            ["ec2", "describe-vpcs"],
            "DescribeVpcs",
            "<DescribeVpcsResponse><A>1</A></DescribeVpcsResponse>",
        ),
        (["deploy", "push"], "ListApplications", "{\"A\": 1}"),
    ] {
        let (url, _) = start_server(&answer("200 OK", body));
        let home = Home::new().with_key("AKIAIOSFODNN7EXAMPLE", "secret");
        let home = home.with("AWS_REGION", "eu-west-1");
        let home = home.with("AWS_ENDPOINT_URL", &url);
        let stderr = home.keyfob(words).fails(252);
        let (_, hint) = stderr.split_once("or `keyfob ").unwrap();
        let (command, _) = hint.split_once('`').unwrap();
        let command = command.replace("OPERATION", operation);
        let answer = home.keyfob(command.split(' ')).json();
        assert_eq!(answer["A"].to_string().trim_matches('"'), "1");
    }
}

#[test]
fn help_and_version_are_words_at_each_level() {
    let home = Home::new();
    let version = home.keyfob(["--version"]).ok();
    for line in [
        &["version"][..],
        &["sts", "version"],
        &["why", "version"],
        &["sign", "version"],
        &["sts", "--version"],
        &["configure", "set", "--version"],
        &["s3", "presign", "--version"],
    ] {
        assert_eq!(home.keyfob(line).ok(), version);
    }
    for (words, options) in [
        (&["help"][..], &["--help"][..]),
        (&["sts", "help"], &["sts", "--help"]),
        (&["help", "sts"], &["sts", "--help"]),
        (
            &["sts", "assume-role", "help"],
            &["sts", "assume-role", "--help"],
        ),
        (&["configure", "help"], &["configure", "--help"]),
        (
            &["configure", "set", "help"],
            &["configure", "set", "--help"],
        ),
        (&["sign", "help"], &["sign", "--help"]),
        (&["imds", "get", "help"], &["imds", "get", "--help"]),
    ] {
        assert_eq!(home.keyfob(words).ok(), home.keyfob(options).ok());
    }
}

#[test]
fn the_help_fits_a_screen_and_that_of_options_has_all_of_them() {
    let home = Home::new();
    let help = home.keyfob(["help"]).ok();
    assert_eq!(home.keyfob(["--help"]).ok(), help);
    assert_eq!(home.keyfob(["-h"]).ok(), help);
    assert!(help.lines().count() < 24 && help.lines().all(|line| line.chars().count() < 80));
    assert_has(
        &help,
        &["Get credentials", "  trust-policy ", "keyfob help options"],
    );
    assert_has(
        &home.keyfob(["help", "options"]).ok(),
        &[
            "--profile <NAME>",
            "Exit codes:",
            "253",
            "Region:",
            "us-east-1",
            "Color:",
        ],
    );
    assert_lacks(&home.keyfob(["why", "--help"]).ok(), &["--profile <NAME>"]);
}

#[test]
fn the_help_of_a_command_has_examples_and_a_legend() {
    let home = Home::new();
    assert_has(
        &home.keyfob(["why", "--help"]).ok(),
        &[
            "Examples:",
            "masked by",
            "ignored",
            "failed",
            "not asked",
            "used",
        ],
    );
    for command in [
        &["whoami"][..],
        &["sign"],
        &["sign", "compare"],
        &["request"],
        &["s3", "presign"],
        &["api"],
        &["can"],
        &["trust-policy"],
        &["saml"],
        &["console"],
        &["cache"],
        &["configure"],
        &["imds"],
        &["serve"],
        &["sandbox"],
    ] {
        let help = home.keyfob(command.iter().chain(&["--help"])).ok();
        assert_has(&help, &["Examples:", "  $ keyfob "]);
    }
}
