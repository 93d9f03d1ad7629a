//! Checks the tables and the chart in the READMEs against the run that they show.
//!
//! After a new run, `KEYFOB_WRITE_DOCS=1 cargo test -p keyfob-benches --test results` writes them.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot continue panics where it stops"
)]

use std::path::Path;
use std::{env, fs};

use keyfob_benches::results::Run;

fn run() -> Run {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let lines = |name| fs::read_to_string(folder.join(name)).unwrap();
    Run::parse(&(lines("compare.jsonl") + &lines("weight.jsonl"))).unwrap()
}

fn check(file: &str, change: impl Fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let old = fs::read_to_string(&path).unwrap_or_default();
    let new = change(&old);
    if env::var_os("KEYFOB_WRITE_DOCS").is_some() {
        fs::write(path, new).unwrap();
    } else {
        assert_eq!(old, new, "{file} is of another run");
    }
}

/// Puts a text between the two comments with this name.
fn between(text: &str, name: &str, new: &str) -> String {
    let (start, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let (before, rest) = text.split_once(&start).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{start}{new}{end}{after}")
}

#[test]
fn the_table_in_the_readme_of_the_workspace_is_of_the_run() {
    let table = run().summary().unwrap();
    check("../README.md", |text| between(text, "numbers", &table));
}

#[test]
fn the_table_of_all_cases_is_of_the_run() {
    let run = run();
    let table = format!("One run:\n{}.\n\n{}", run.machine, run.table());
    check("README.md", |text| between(text, "results", &table));
}

#[test]
fn the_chart_is_of_the_run() {
    check("docs/compare.svg", |_| run().chart().unwrap());
}

#[test]
fn a_line_that_is_of_no_run_is_named() {
    let error = Run::parse("{\"case\": \"small-get\"}").unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("small-get") && error.contains("no peer"),
        "{error}"
    );
}
