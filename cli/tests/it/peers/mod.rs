//! Which credentials boto3, version 1 of the AWS CLI and the SDK for JavaScript get in random
//! environments, and which ones their rules lead to here.

#![allow(
    clippy::print_stdout,
    reason = "the counts of a comparison are for the log of the tests"
)]

mod cases;
mod compare;
mod cures;
mod fake;
mod given;
mod readings;

use std::{ffi::OsStr, fs, io::Write as _, path::Path, process::Stdio, thread};

use keyfob_chain::Order;
use keyfob_sts::signin::DpopKey;
use serde_json::{Value, json};

use self::{
    compare::{Answer, Known, World, compare, ours},
    given::compare_given,
    readings::compare_readings,
};
use crate::{
    javascript,
    keyfob::{Home, Run},
    python::{tool, with_awscrt},
};

/// How many cases a test of every run has, and its long form.
const SHORT: u64 = 200;
const LONG: u64 = 1_000;

/// A key that is found and that no service accepts.
const REFUSED_BY_SERVICES: Known = Known {
    why: "services refuse a key with an empty or a blank part, and here it is an error before",
    is_it: |_, ours, theirs| {
        (ours.says("is empty beside") || ours.says("is only whitespace")) && theirs.id().is_some()
    },
};

/// What all programs with botocore do.
const OF_BOTOCORE: &[Known] = &[
    REFUSED_BY_SERVICES,
    Known {
        why: "without the SSO session of its profile, botocore calls no service at all, also for \
              credentials that do not come from it",
        is_it: |_, _, theirs| theirs.says("configured to use the SSO token provider"),
    },
    Known {
        why: "botocore takes an empty sso_region for the region of the client, and uses the token \
              of a session whatever its start URL",
        is_it: |case, ours, theirs| {
            let is_it = |name| ours.says(name) && case.has_empty(name) && theirs.id().is_some();
            is_it("sso_region") || is_it("sso_start_url")
        },
    },
    Known {
        why: "a variable that is set and empty counts as not set here",
        is_it: |case, _, theirs| {
            let is_empty = case
                .variables
                .get("AWS_ROLE_ARN")
                .is_some_and(String::is_empty);
            is_empty && matches!(theirs, Answer::Error(_))
        },
    },
];

/// Where the rules of the AWS CLI are those of version 2.
const OF_AWS_CLI: &[Known] = &[Known {
    why: "version 1 reads AWS_DEFAULT_PROFILE first",
    is_it: |case, _, _| case.variables.contains_key("AWS_DEFAULT_PROFILE"),
}];

const OF_JAVASCRIPT: &[Known] = &[
    REFUSED_BY_SERVICES,
    Known {
        why: "after a role that has no source, the SDK asks the process of the profile",
        is_it: |_, _, theirs| theirs.id() == Some("PROCESS"),
    },
    Known {
        why: "the SDK makes one key of the halves in two files",
        is_it: |case, _, theirs| {
            let is_key = theirs.id().is_some_and(|id| id.starts_with("AKIA"));
            is_key && !case.has_whole_key(theirs.id().unwrap_or_default())
        },
    },
    Known {
        why: "a circle of roles may end at the key of the profile that it starts with",
        is_it: |_, ours, theirs| {
            let is_session_of_session = |id: &str| id.matches('_').count() > 1;
            ours.id().is_none() && theirs.id().is_some_and(is_session_of_session)
        },
    },
];

/// Returns what a program of `peer.py`'s form answers. It sets the variables of each case itself.
fn answers(program: impl AsRef<OsStr>, words: &[&str], cases: &[Value]) -> Vec<Answer> {
    let home = Home::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peers");
    let mut child = home
        .program(program)
        .arg(folder.join(words[0]))
        .args(&words[1..])
        // botocore looks for it once, when it is imported.
        .env("HOME", cases[0]["variables"]["HOME"].as_str().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = Value::from(cases).to_string();
    let writer = thread::spawn(move || input.write_all(text.as_bytes()));
    let run = Run::new(child.wait_with_output().unwrap());
    writer.join().unwrap().unwrap();
    let found: Vec<Value> = serde_json::from_str(&run.ok()).unwrap();
    found.iter().map(Answer::from).collect()
}

fn boto3(cases: &[Value]) -> Vec<Answer> {
    answers(with_awscrt(), &["peer.py", "botocore"], cases)
}

fn aws_cli(cases: &[Value]) -> Vec<Answer> {
    answers(tool("python"), &["peer.py", "awscli.botocore"], cases)
}

fn world_with_login() -> World {
    let key = DpopKey::from_random([7; 32]).unwrap().to_pem();
    World::start().with_login(key.expose())
}

fn compare_boto3(count: u64) {
    let world = world_with_login().with_python();
    compare(&world, count, Order::Boto3, boto3, &[OF_BOTOCORE]);
}

fn compare_aws_cli(count: u64) {
    let known = [OF_BOTOCORE, OF_AWS_CLI];
    // It has no library for the credentials of `aws login`.
    let world = World::start().with_python();
    compare(&world, count, Order::Cli, aws_cli, &known);
}

/// What may be wrong with a file below a good section, or what only looks wrong, and whether
/// botocore refuses the file for it.
const DAMAGE: [(&[u8], bool); 26] = [
    (b"[default]\noutput = json\n", true),
    (b"[z]\na = 1\n[z]\nb = 2\n", true),
    (b"[preview x]\n[preview x]\n", true),
    (b"output = json\noutput = text\n", true),
    (b"output = json\noutput = json\n", true),
    (b"output = json\nOutput: text\n", true),
    (b"[z]\nname = caf\xe9\n", true),
    (b"# caf\xe9\n", true),
    (b"[caf\xe9]\n", true),
    (b"[z]\nno value\n", true),
    (b"[z\na = 1\n", true),
    (b"[]\na = 1\n", true),
    (b"[z]\n= 1\n", true),
    (b"s3 =\n  no value\n", true),
    (b"[z]\n  no value\n", true),
    (b"a = 1\rb\n", true),
    (b"[z] # more\na: 1\n [y]\n b = 1\n", false),
    (b"[DEFAULT]\na = 1\n[DEFAULT]\nb = 1\n", false),
    (b"[ default]\na = 1\n", false),
    (b"s3 =\n  a = 1\n  a = 2\n", false),
    (b"a = 1\n  no value\n\n  # caf\n  more\n", false),
    (b"a = 1\r\n\r\nb = 1\r\n", false),
    (b"; comment\n\t# another\n", false),
    (b"[profile \"b]\na = 1\n", false),
    (b"a = \xc3\xa9\n", false),
    (b"[z]\n  a = 1\n b = 2\nc = 3\n", false),
];

/// Fails if a peer refuses other files than are refused here by its rules.
fn compare_refusals(order: Order, theirs: impl Fn(&[Value]) -> Vec<Answer>) {
    const KEY: &[u8] = b"[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = s\n";
    let world = World::start();
    let mut files: Vec<_> = DAMAGE
        .map(|(damage, is_refused)| ([KEY, damage].concat(), is_refused))
        .into();
    files.push(([b"\xef\xbb\xbf", KEY].concat(), true));
    files.push(([b"\xef\xbb\xbf# mine\n", KEY].concat(), true));
    files.push(([b"\xff\xfe", KEY].concat(), true));
    files.push(([b"a = 1\n", KEY].concat(), true));
    let mut cases = Vec::new();
    for (number, (file, is_refused)) in files.iter().enumerate() {
        for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            let path = world.path().join(format!("damaged-{number}"));
            fs::write(&path, file).unwrap();
            let mut variables = json!({
                "HOME": world.path(), "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            });
            variables[name] = path.to_str().into();
            let case = json!({"variables": variables, "profile": null});
            cases.push((case.clone(), "AKIAFILE", file, is_refused));
            // Such a file stops also what comes before it.
            variables["AWS_ACCESS_KEY_ID"] = "AKIAENV".into();
            variables["AWS_SECRET_ACCESS_KEY"] = "s".into();
            let case = json!({"variables": variables, "profile": null});
            cases.push((case, "AKIAENV", file, is_refused));
        }
    }
    let inputs: Vec<_> = cases.iter().map(|(case, ..)| case.clone()).collect();
    let answers = theirs(&inputs);
    assert_eq!(answers.len(), cases.len());
    for ((case, id, file, is_refused), theirs) in cases.iter().zip(&answers) {
        let ours = ours(order, case);
        let file = String::from_utf8_lossy(file);
        let context = format!("ours {ours:?}, theirs {theirs:?}\n{file:?}");
        if **is_refused {
            assert!(theirs.says("ConfigParseError"), "{context}");
            assert!(
                ours.says("boto3 and the AWS CLI refuse the file"),
                "{context}"
            );
        } else {
            assert_eq!(theirs.id(), Some(*id), "{context}");
            assert!(!ours.says("refuse the file"), "{context}");
        }
    }
}

/// Returns what the SDK for JavaScript answers, or `None` without npm.
fn javascript(cases: &[Value]) -> Option<Vec<Answer>> {
    let Some(packages) = javascript::chain() else {
        println!("not run: there is no npm");
        return None;
    };
    let words = ["peer.mjs", packages.to_str().unwrap()];
    Some(answers("node", &words, cases))
}

fn compare_javascript(count: u64) {
    if javascript::chain().is_none() {
        println!("not run: there is no npm");
        return;
    }
    let theirs = |cases: &[Value]| javascript(cases).unwrap();
    let world = world_with_login().with_spaces();
    compare(&world, count, Order::JavaScript, theirs, &[OF_JAVASCRIPT]);
}

#[test]
fn boto3_gets_what_its_rules_lead_to_here() {
    compare_boto3(SHORT);
}

#[test]
fn boto3_and_the_aws_cli_refuse_the_files_that_their_rules_refuse_here() {
    compare_refusals(Order::Boto3, boto3);
    compare_refusals(Order::Cli, aws_cli);
}

#[test]
fn boto3_and_the_aws_cli_find_the_profiles_and_old_keys_that_are_found_by_their_rules_here() {
    compare_readings(Order::Boto3, 3 * SHORT, boto3);
    compare_readings(Order::Cli, 3 * SHORT, aws_cli);
}

#[test]
fn the_aws_cli_gets_what_its_rules_lead_to_here() {
    compare_aws_cli(SHORT);
}

#[test]
fn boto3_and_the_sdk_for_javascript_get_in_given_environments_what_their_rules_lead_to_here() {
    compare_given();
}

#[test]
fn the_sdk_for_javascript_gets_what_its_rules_lead_to_here() {
    compare_javascript(SHORT);
}

#[test]
#[ignore = "long"]
fn all_get_what_their_rules_lead_to_here_in_a_thousand_cases() {
    compare_boto3(LONG);
    compare_aws_cli(LONG);
    compare_javascript(LONG);
}
