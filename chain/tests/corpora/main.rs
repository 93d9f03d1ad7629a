//! Runs the conformance corpora that are about this crate. They are in `$KEYFOB_CORPORA`, or in
//! `shared/corpora` beside the repository. Without them these tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a malformed case should fail with the line that read it, and the counts are for people"
)]

mod chain;
mod files;
#[path = "../support/service.rs"]
mod service;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls;

use std::{collections::BTreeMap, fs, path::PathBuf};

use keyfob_chain::Variables;
use serde_json::{Map, Value};

pub(crate) type Check = Result<(), String>;

/// The result of one case.
pub(crate) enum Outcome {
    Checked(Check),
    Skipped(&'static str),
}

fn corpora() -> Option<PathBuf> {
    let beside = || {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        here.ancestors()
            .map(|folder| folder.join("shared/corpora"))
            .find(|folder| folder.is_dir())
    };
    match std::env::var_os("KEYFOB_CORPORA") {
        Some(folder) => Some(folder.into()),
        None => beside(),
    }
}

/// Runs every case of a corpus. Fails with the list of the cases that are wrong.
pub(crate) fn run(corpus: &str, case: impl Fn(&Value) -> Outcome) {
    let Some(folder) = corpora() else {
        println!("corpus {corpus}: not here, nothing was checked");
        return;
    };
    let text = fs::read_to_string(folder.join(corpus).join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let count = cases.len();
    let (mut passed, mut skipped, mut wrong) = (0, BTreeMap::<_, usize>::new(), Vec::new());
    for value in cases.into_iter().map(normalized) {
        match case(&value) {
            Outcome::Checked(Ok(())) => passed += 1,
            Outcome::Checked(Err(error)) => wrong.push(format!("{}: {error}", value["id"])),
            Outcome::Skipped(reason) => *skipped.entry(reason).or_default() += 1,
        }
    }
    for (reason, count) in &skipped {
        println!("  skipped {count}: {reason}");
    }
    println!(
        "corpus {corpus}: {count} cases, {passed} passed, {} skipped",
        skipped.values().sum::<usize>(),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

pub(crate) fn check(right: bool, what: impl FnOnce() -> String) -> Check {
    if right { Ok(()) } else { Err(what()) }
}

/// Gives the forms that a corpus may use for the same value one form: a number may be written `200`
/// or `200.0`, and a member may be absent or null.
fn normalized(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, normalized(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(normalized).collect(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 => (float as i64).into(),
            _ => number.into(),
        },
        other => other,
    }
}

/// Returns variables from an object, which may be absent.
pub(crate) fn environment(variables: &Value) -> Variables {
    let variables = variables.as_object().into_iter().flatten();
    variables
        .map(|(name, value)| (name, value.as_str().unwrap()))
        .collect()
}
