//! The conformance corpora of this crate. They are read from `$KEYFOB_CORPORA`, or from
//! `shared/corpora` beside the repository; without them these tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a malformed case should fail with the line that read it, and the counts are for people"
)]

mod chain;
mod files;
mod service;

use std::{collections::BTreeMap, fs, path::PathBuf};

use keyfob_chain::Variables;
use serde_json::Value;

pub(crate) type Check = Result<(), String>;

/// What became of one case.
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

/// Runs every case of a corpus and fails with all that went wrong.
pub(crate) fn run(corpus: &str, case: impl Fn(&Value) -> Outcome) {
    let Some(folder) = corpora() else {
        println!("corpus {corpus}: not here, nothing was checked");
        return;
    };
    let text = fs::read_to_string(folder.join(corpus).join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let (mut passed, mut skipped, mut wrong) = (0, BTreeMap::<_, usize>::new(), Vec::new());
    for value in &cases {
        match case(value) {
            Outcome::Checked(Ok(())) => passed += 1,
            Outcome::Checked(Err(error)) => wrong.push(format!("{}: {error}", value["id"])),
            Outcome::Skipped(reason) => *skipped.entry(reason).or_default() += 1,
        }
    }
    for (reason, count) in &skipped {
        println!("  skipped {count}: {reason}");
    }
    println!(
        "corpus {corpus}: {} cases, {passed} passed, {} skipped",
        cases.len(),
        skipped.values().sum::<usize>(),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

pub(crate) fn check(right: bool, what: impl FnOnce() -> String) -> Check {
    if right { Ok(()) } else { Err(what()) }
}

/// A set of variables.
pub(crate) fn environment(variables: &Value) -> Variables {
    let variables = variables.as_object().into_iter().flatten();
    variables
        .map(|(name, value)| (name, value.as_str().unwrap()))
        .collect()
}
