//! The examples of the help, run against the sandbox.

use std::{env, fs, os::unix::fs::PermissionsExt as _, process::Stdio};

use crate::{
    completion::commands,
    keyfob::{Home, Run},
};

/// What the examples name, and what there is in the sandbox and in the home of this test.
const NAMES: [(&str, &str); 15] = [
    (
        "reboot-instances --instance-ids i-1234567890abcdef0",
        "reboot-instances --instance-ids i-0123456789abcdef0",
    ),
    ("--check policy.json", "--check trust.json"),
    ("--profile prod", "--profile user"),
    ("PROFILE=prod", "PROFILE=user"),
    ("--profile robot", "--profile user"),
    ("--profile mailer", "--profile user"),
    ("--user-name robot", "--user-name user"),
    ("--user-name ada", "--user-name user"),
    ("user/ada", "user/user"),
    ("user/bob", "user/user"),
    (
        "--principal-arn ARN",
        "--principal-arn arn:aws:iam::123456789012:saml-provider/corp",
    ),
    (
        "--serial-number ARN",
        "--serial-number arn:aws:iam::123456789012:mfa/user",
    ),
    (" ARN", " arn:aws:iam::123456789012:role/admin"),
    (" URL", " http://127.0.0.1:9"),
    ("ykman oath accounts code -s AWS", "echo 123456"),
];

/// Examples with another end than success, and the reason.
const OTHER_ENDS: [(&str, i32, &str); 28] = [
    ("keyfob api ", 252, "the sandbox has no such service"),
    ("keyfob can ec2", 1, "the user may not stop instances"),
    ("keyfob can iam", 1, "the user may not pass roles"),
    ("keyfob can s3:Put", 1, "the user may not write objects"),
    ("keyfob configure --profile", 253, "it asks"),
    ("keyfob configure get", 1, "the setting is not there"),
    ("keyfob configure mfa-login", 253, "it asks"),
    ("keyfob configure sso", 253, "it asks"),
    ("keyfob configure unset", 1, "the setting is not there"),
    (
        "keyfob console --dest",
        253,
        "the key is not that of a session",
    ),
    ("keyfob doctor", 1, "it warns about the key in a file"),
    (
        "keyfob ec2 stop-instances",
        254,
        "the user may not stop instances",
    ),
    ("keyfob ec2 terminate-instances", 254, "nor terminate them"),
    ("keyfob exec --serve", 127, "there is no such job"),
    ("keyfob exec --via-proxy", 127, "there is no such program"),
    ("keyfob iam delete-access-key", 254, "the key is not there"),
    (
        "keyfob iam get-access-key-last-used",
        254,
        "the key is not there",
    ),
    ("keyfob iam update-access-key", 254, "the key is not there"),
    ("keyfob imds user-data", 254, "the instance has none"),
    ("keyfob login --remote", 253, "it asks"),
    (
        "keyfob saml login --assertion",
        252,
        "the response is empty",
    ),
    ("keyfob sign compare", 255, "the answer is empty"),
    ("keyfob sts assume-role-with", 254, "the token is not one"),
    ("keyfob sts assume-root", 254, "the account has no members"),
    (
        "keyfob sts decode-authorization-message",
        252,
        "the text has no message",
    ),
    (
        "keyfob sts get-access-key-info",
        254,
        "the key is not one of AWS",
    ),
    (
        "keyfob sts get-delegated-access-token",
        254,
        "the token is not one",
    ),
    (
        "keyfob sts get-scoped-credentials",
        254,
        "the key is not that of a session",
    ),
];

/// Examples that are not run, and the reason.
const NOT_RUN: [(&str, &str); 28] = [
    ("git clone", "there is no server"),
    ("keyfob ecr", "the sandbox has no registry"),
    ("keyfob request", "the sandbox has no service at these URLs"),
    ("tar cz . | keyfob request", "the same"),
    ("keyfob s3 cp", "the sandbox has no S3"),
    ("tar c . | keyfob s3 cp", "the sandbox has no S3"),
    ("keyfob s3 ls", "the sandbox has no S3"),
    ("keyfob s3 mb", "the sandbox has no S3"),
    ("keyfob s3 mv", "the sandbox has no S3"),
    ("keyfob s3 rb", "the sandbox has no S3"),
    ("keyfob s3 rm", "the sandbox has no S3"),
    ("keyfob s3 sync", "the sandbox has no S3"),
    ("psql", "there is no database"),
    (
        "keyfob codecommit credential-helper get",
        "tests of its own give it a question",
    ),
    ("keyfob sandbox", "it serves until Ctrl-C"),
    ("keyfob serve", "it serves until Ctrl-C"),
    ("keyfob imds watch", "it waits for events"),
    ("keyfob login --profile", "it waits for a browser"),
    ("keyfob saml login --idp-url", "it waits for a browser"),
    ("keyfob sso login --profile", "it waits for a browser"),
    (
        "keyfob sso login --use-device-code",
        "it waits for a browser",
    ),
    ("keyfob sso login --sso-session", "it waits for a browser"),
    ("keyfob keys rotate", "tests of their own rotate keys"),
    ("keyfob exec --profile", "its programs are not here"),
    ("keyfob env --shell fish", "a test of its own runs fish"),
    (
        "source <(keyfob completion zsh)",
        "a test of its own runs zsh",
    ),
    ("docker", "it gets an image"),
    ("curl", "there is no server"),
];

/// Returns the lines for a shell below `Examples:`, without remarks.
fn examples(help: &str) -> Vec<String> {
    let help = help.replace("\\\n      ", "");
    let (_, text) = help.split_once("Examples:\n").unwrap_or_default();
    let (text, _) = text.split_once("\n\n").unwrap_or((text, ""));
    let lines = text.lines().filter_map(|line| line.strip_prefix("  $ "));
    let lines = lines.map(|line| line.split("  ").next().unwrap_or_default());
    lines.map(str::to_owned).collect()
}

/// A home with the files that the examples read, and a keyfob that always uses the sandbox.
fn home() -> Home {
    let home = Home::new();
    let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;
    let trust = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}}"#;
    for (name, text) in [
        ("policy.json", policy),
        ("trust.json", trust),
        ("id", "partner-42"),
        ("code", "123456"),
        ("secret.txt", "canary"),
        ("assertion", "PHg+PC94Pg=="),
        ("token", "0123456789"),
        ("error.txt", "An error occurred"),
        ("answer.xml", ""),
        ("response.xml", ""),
        ("key.json", "{}"),
        ("subscription.json", "{}"),
        (
            "accessKeys.csv",
            "User Name,Access key ID,Secret access key\nu,AKIAEXAMPLE,s\n",
        ),
    ] {
        fs::write(home.path().join(name), text).unwrap();
    }
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let program = home.path().join("bin/keyfob");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::create_dir_all(home.path().join(".config/fish/completions")).unwrap();
    fs::write(
        &program,
        format!("#!/bin/sh\nexec {keyfob} --sandbox \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        home.path().join("bin").display(),
        env::var("PATH").unwrap()
    );
    let home = home.with("PATH", &path).with("TOKEN", "0123456789");
    home.with("AWS_PROFILE", "user")
}

#[test]
fn every_example_that_needs_no_network_runs() {
    let home = home();
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for words in commands(&home) {
        let words = words.iter().map(String::as_str);
        for example in examples(&home.keyfob(words.chain(["--help"])).ok()) {
            let mut starts = NOT_RUN.iter().map(|(start, _)| start);
            if let Some(start) = starts.find(|start| example.starts_with(**start)) {
                seen.push(*start);
                continue;
            }
            let names = NAMES.iter();
            let line = names.fold(example, |line, (name, real)| line.replace(name, real));
            let run = run(&home, &line);
            let mut ends = OTHER_ENDS.iter();
            let end = ends.find(|(start, code, _)| line.starts_with(start) && run.code == *code);
            match end {
                Some((start, ..)) => seen.push(*start),
                None if run.code == 0 => seen.push(""),
                None => wrong.push(format!("{line}\n{} {}", run.code, run.stderr)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let starts = OTHER_ENDS.iter().map(|(start, ..)| *start);
    for start in starts.chain(NOT_RUN.iter().map(|(start, _)| *start)) {
        assert!(seen.contains(&start), "no example needs this line: {start}");
    }
    assert!(seen.iter().filter(|start| start.is_empty()).count() > 50);
}

fn run(home: &Home, line: &str) -> Run {
    let code = fs::File::open(home.path().join("code")).unwrap();
    let mut shell = home.program("bash");
    let shell = shell.args(["-c", line]).stdin(Stdio::from(code));
    Run::new(shell.output().unwrap())
}
