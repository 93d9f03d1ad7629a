//! The conformance corpora of the output, from `$KEYFOB_CORPORA/NAME/cases.json`. The default
//! folder is `../shared/corpora` beside the repository. Without the folder the tests pass.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a malformed case should fail with its line, and the counts are for readers"
)]

use std::{borrow::Cow, env, fs, path::PathBuf};

use serde_json::Value;

use crate::{
    args::OutputFormat,
    output::{Query, json, render},
    terminal::Screen,
};

/// Runs every case of a corpus. `run` returns what a case expects and what was seen.
fn run_corpus(name: &str, run: impl Fn(&Value) -> (String, String)) {
    let root = env::var_os("KEYFOB_CORPORA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora")),
        PathBuf::from,
    );
    let Ok(text) = fs::read_to_string(root.join(name).join("cases.json")) else {
        println!("corpus {name}: not here, nothing to do");
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut failures = Vec::new();
    for case in &cases {
        let (expected, seen) = run(case);
        if expected != seen {
            let id = case["id"].as_str().unwrap();
            failures.push(format!("{id}\n--- expected\n{expected}\n--- seen\n{seen}"));
        }
    }
    let passed = cases.len() - failures.len();
    println!(
        "corpus {name}: {} cases, {passed} passed, 0 skipped",
        cases.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn jmespath() {
    run_corpus("jmespath", |case| {
        let expression = case["expression"].as_str().unwrap();
        let given = &case["given"];
        let apply = |document| {
            let result = Query::parse(expression).and_then(|query| query.apply(document));
            result.map_or_else(|_| "an error".to_owned(), |value| json::compact(&value))
        };
        let seen = apply(Cow::Borrowed(given));
        assert_eq!(apply(Cow::Owned(given.clone())), seen, "{expression}");
        // The corpus names a kind of error, and leaves the words open.
        let expected = case["result"].as_str().unwrap_or("an error");
        (
            format!("{expression}: {expected}"),
            format!("{expression}: {seen}"),
        )
    });
}

#[test]
fn output_forms() {
    let screen = Screen {
        width: 80,
        is_terminal: false,
    };
    run_corpus("output-forms", |case| {
        let format = OutputFormat::from_name(case["kind"].as_str().unwrap()).unwrap();
        let operation = case["operation"].as_str().unwrap_or_default();
        let seen = render(format, operation, &case["answer"], screen);
        (case["output"].as_str().unwrap_or_default().to_owned(), seen)
    });
}
