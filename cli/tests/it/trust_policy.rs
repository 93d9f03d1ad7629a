use serde_json::{Value, json};

use crate::{
    keyfob::{Home, Run, assert_has},
    readme::transcript,
};

const ACCOUNT: &str = "111122223333";
const ADA: &str = "arn:aws:iam::111122223333:user/ada";
const GITHUB: &str = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com";

fn keyfob(words: &[&str]) -> Run {
    Home::new().keyfob([&["trust-policy"], words].concat())
}

/// Checks the policy that the first words write.
fn check(written: &[&str], request: &[&str]) -> Run {
    let policy = keyfob(written).ok();
    let words = [&["trust-policy", "--check", "-"], request].concat();
    Home::new().keyfob_with_input(words, &policy)
}

#[test]
fn the_transcript_of_the_readme_is_what_the_commands_print() {
    let home = Home::new();
    for (line, output) in transcript("keyfob trust-policy") {
        let (words, file) = match line.split_once(" | tee ") {
            Some((words, file)) => (words, Some(file)),
            None => (line.as_str(), None),
        };
        let run = home.keyfob(words.split(' ').skip(1));
        assert_eq!(run.stdout, output, "{line}");
        if let Some(file) = file {
            std::fs::write(home.path().join(file), run.stdout).unwrap();
        }
    }
}

#[test]
fn a_policy_that_is_written_lets_in_those_whom_it_names_and_no_others() {
    let role = "arn:aws:iam::111122223333:role/ops/deploy";
    let saml = "arn:aws:iam::111122223333:saml-provider/idp";
    let subject = "repo:octo/app:ref:refs/heads/main";
    let oidc = ["--oidc", GITHUB, "--audience", "sts.amazonaws.com"];
    let oidc = [&oidc[..], &["--subject", "repo:octo/app:*"]].concat();
    let both = ["--service", "ec2.amazonaws.com", "--principal", ADA];
    let token = ["--as", GITHUB, "--audience", "sts.amazonaws.com"];
    for (written, allowed, refused) in [
        (
            &["--principal", role][..],
            &["--as", role][..],
            &["--as", ADA][..],
        ),
        (
            &both[..],
            &["--as", "ec2.amazonaws.com"],
            &["--as", "lambda.amazonaws.com"],
        ),
        (&both, &["--as", ADA], &["--as", role]),
        (
            &["--principal", ADA, "--require-mfa"],
            &["--as", ADA, "--mfa"],
            &["--as", ADA],
        ),
        (
            &["--principal", ACCOUNT, "--external-id", "ab"],
            &["--as", ADA, "--external-id", "ab"],
            &["--as", ADA, "--external-id", "cd"],
        ),
        (
            &["--org-id", "o-a1b2c3d4e5"],
            &["--as", ADA, "--org-id", "o-a1b2c3d4e5"],
            &["--as", ADA],
        ),
        (
            &["--saml-provider", saml],
            &["--as", saml],
            &["--as", GITHUB],
        ),
        (
            &oidc,
            &[&token[..], &["--subject", subject]].concat(),
            &[&token[..], &["--subject", "repo:eve/app:x"]].concat(),
        ),
    ] {
        check(written, allowed).ok();
        let run = check(written, refused);
        assert_eq!(run.code, 1, "{written:?} {refused:?} {run:?}");
        assert_has(&run.stdout, &["not allowed\n  statement 1 "]);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn the_statement_and_the_condition_that_refuse_are_named_also_in_json() {
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "Office", "Effect": "Allow", "Action": "sts:AssumeRole",
         "Principal": {"AWS": "111122223333"},
         "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        {"Sid": "NotEve", "Effect": "Deny", "Action": "sts:*",
         "Principal": {"AWS": "arn:aws:iam::111122223333:user/eve"}}]}"#;
    let check = |words: &[&str]| {
        let words = [&["trust-policy", "--check", "-", "--as"], words].concat();
        Home::new().keyfob_with_input(words, policy)
    };
    let from = |address| [ADA, "--context", address];
    let run = check(&from("aws:SourceIp=198.51.100.7"));
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stdout,
        "not allowed\n  statement 1 (\"Office\") wants aws:SourceIp with IpAddress \
         \"192.0.2.0/24\", and the request has \"198.51.100.7\"\n"
    );
    let run = check(&from("aws:SourceIp=192.0.2.7"));
    assert_has(
        &run.stderr,
        &[
            "note: the policy trusts the account of the caller",
            "sts:AssumeRole",
        ],
    );
    assert_eq!(run.ok(), "allowed by statement 1 (\"Office\")\n");
    let eve = check(&["arn:aws:iam::111122223333:user/eve", "--json"]);
    assert_eq!(eve.code, 1);
    let answer: Value = serde_json::from_str(&eve.stdout).unwrap();
    assert_eq!(answer["allowed"], json!(false));
    assert_eq!(
        answer["reason"],
        json!("denied by statement 2 (\"NotEve\")")
    );
    assert_eq!(answer["statement"], json!(2));
    assert_eq!(answer["statements"][1]["effect"], json!("Deny"));
}

#[test]
fn the_condition_of_a_deny_is_named_also_in_json() {
    let policy = r#"{"Statement": [
        {"Effect": "Deny", "Action": "sts:*", "Principal": "*",
         "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Effect": "Allow", "Action": "sts:*", "Principal": "*"}]}"#;
    let check = |more: &[&str]| {
        let words = [&["trust-policy", "--check", "-", "--as", ADA], more].concat();
        Home::new().keyfob_with_input(words, policy)
    };
    let reason = "denied by statement 1, which is about aws:PrincipalOrgID with StringNotEquals \
        \"o-1\", and the request has ";
    assert_eq!(check(&[]).stdout, format!("{reason}none\n"));
    let other = check(&["--org-id", "o-2", "--json"]);
    let answer: Value = serde_json::from_str(&other.stdout).unwrap();
    assert_eq!(answer["reason"], json!(format!("{reason}\"o-2\"")));
    check(&["--org-id", "o-1"]).ok();
}

#[test]
fn options_that_do_not_fit_and_a_file_that_is_no_policy_are_refused() {
    for (words, reason) in [
        (&[][..], "nothing is trusted: give --principal"),
        (
            &["--service", "ec2.amazonaws.com", "--require-mfa"],
            "--require-mfa needs --principal or --org-id",
        ),
        (&["--oidc", GITHUB], "--audience"),
        (&["--check", "policy"], "--as"),
        (&["--principal", ADA, "--mfa"], "--check"),
        (&["--principal", ADA, "--subject", "s"], "need --oidc"),
        (
            &["--check", "-", "--as", ADA, "--subject", "s"],
            "need the ARN of a provider",
        ),
        (
            &["--check", "-", "--as", ADA, "--context", "a"],
            "write KEY=VALUE",
        ),
        (
            &["--check", "-", "--as", ADA],
            "--check: this is not a trust policy",
        ),
    ] {
        assert_has(&keyfob(words).fails(252), &[reason]);
    }
}

#[test]
fn a_public_provider_without_a_subject_is_warned_about() {
    let run = keyfob(&["--oidc", GITHUB, "--audience", "sts.amazonaws.com"]);
    assert_has(&run.stderr, &["warning: without --subject, everybody"]);
    run.ok();
}

#[test]
fn the_account_is_in_the_partition_of_the_region() {
    let policy = keyfob(&["--principal", ACCOUNT, "--region", "cn-north-1"]).ok();
    assert_has(&policy, &["arn:aws-cn:iam::111122223333:root"]);
}

#[test]
fn a_partition_by_the_default_region_has_a_note_and_may_be_forbidden() {
    let words = ["trust-policy", "--principal", ACCOUNT];
    let run = Home::new().keyfob(words);
    assert_has(&run.stderr, &["note: no region is set", "us-east-1"]);
    assert_has(&run.ok(), &["arn:aws:iam::111122223333:root"]);
    let forbidden = words.iter().chain(&["--no-default-region"]);
    Home::new().keyfob(forbidden).fails(253);
    let set = Home::new().with("AWS_REGION", "cn-north-1").keyfob(words);
    assert_eq!(set.stderr, "");
    assert_has(&set.ok(), &["arn:aws-cn:iam::111122223333:root"]);
}
