//! Which credentials a program gets with the SDK for Rust in random environments, and which ones
//! its rules lead to here, as in `keyfob why --as rust`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that unwraps fails with its line, and counts are for the log of the tests"
)]

#[path = "../../cli/tests/it/peers/cases.rs"]
mod cases;
#[path = "../../cli/tests/it/peers/compare.rs"]
mod compare;
#[path = "../../cli/tests/it/peers/fake.rs"]
mod fake;

use std::{env, fs, path::Path, process::Command};

use aws_config::BehaviorVersion;
use aws_credential_types::provider::{ProvideCredentials as _, error::CredentialsError};
use keyfob_chain::Order;
use serde_json::{Value, json};

use self::compare::{Answer, Known, World, compare};

/// The variables that tell a child its profile, if the program names one, and where to answer.
const PROFILE: &str = "PEER_PROFILE";
const ANSWER: &str = "PEER_ANSWER";

const OF_RUST: &[Known] = &[
    Known {
        why: "services refuse a key of which one half is empty, and here it is an error before",
        is_it: |_, ours, theirs| ours.says("is empty beside") && theirs.id().is_some(),
    },
    Known {
        why: "a variable that is set and empty counts as not set here",
        is_it: |case, _, theirs| {
            let names = [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "AWS_WEB_IDENTITY_TOKEN_FILE",
            ];
            let is_empty = |name| case.variables.get(name).is_some_and(String::is_empty);
            names.into_iter().any(is_empty) && matches!(theirs, Answer::Error(_))
        },
    },
    Known {
        why: "the SDK makes one key of the halves in two files, and uses an empty ID",
        is_it: |case, _, theirs| {
            let is_made = |id: &str| id.starts_with("AKIA") && !case.has_whole_key(id);
            // The ID of a role's session begins with that of its key here.
            let is_of_empty = |id: &str| id.is_empty() || id.starts_with('_');
            theirs.id().is_some_and(|id| is_of_empty(id) || is_made(id))
        },
    },
    Known {
        why: "a session without a start URL is an error here before its token is looked for",
        is_it: |_, ours, theirs| ours.says("has no sso_start_url") && theirs.id().is_some(),
    },
    Known {
        why: "a role and SSO without a value are errors here before what else they need is \
              looked for",
        is_it: |case, ours, _| {
            let names = ["role_arn", "sso_account_id", "sso_role_name", "sso_region"];
            let is_it = |name| case.has_empty(name) && ours.says(&format!("{name} is empty"));
            names.into_iter().any(is_it)
        },
    },
];

/// Writes the access key ID of a case, `null` or an error, in the environment of that case.
#[tokio::test]
#[ignore = "a child of the tests below"]
async fn child() {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Ok(profile) = env::var(PROFILE) {
        loader = loader.profile_name(profile);
    }
    let provider = loader.load().await.credentials_provider().unwrap();
    let answer = match provider.provide_credentials().await {
        Ok(found) => json!(found.access_key_id()),
        Err(CredentialsError::CredentialsNotLoaded(_)) => Value::Null,
        Err(error) => json!(format!("error: {error:?}")),
    };
    fs::write(env::var(ANSWER).unwrap(), answer.to_string()).unwrap();
}

fn theirs(case: &Value, folder: &Path) -> Answer {
    let answer = folder.join("answer.json");
    let variables = case["variables"].as_object().unwrap().iter();
    let variables = variables.map(|(name, value)| (name, value.as_str().unwrap()));
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored"])
        .env_clear()
        .envs(variables)
        .envs(case["profile"].as_str().map(|profile| (PROFILE, profile)))
        .env(ANSWER, &answer)
        .output()
        .unwrap();
    assert!(output.status.success(), "{case}: {output:?}");
    let text = fs::read_to_string(&answer).unwrap();
    fs::remove_file(answer).unwrap();
    Answer::from(&serde_json::from_str::<Value>(&text).unwrap())
}

fn compare_rust(count: u64) {
    let world = World::start();
    let theirs = |cases: &[Value]| {
        let cases = cases.iter();
        cases.map(|case| theirs(case, world.path())).collect()
    };
    compare(&world, count, Order::Rust, theirs, &[OF_RUST]);
}

#[test]
fn the_sdk_for_rust_gets_what_its_rules_lead_to_here() {
    compare_rust(200);
}

#[test]
#[ignore = "long"]
fn the_sdk_for_rust_gets_what_its_rules_lead_to_here_in_a_thousand_cases() {
    compare_rust(1_000);
}
