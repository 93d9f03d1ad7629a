//! The program `compare`, for one case. `benches/compare.rs` runs all of them once.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot continue panics where it stops"
)]

use std::process::{Command, Output};

use serde_json::Value;

fn compare(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_case_is_measured_beside_its_peers_and_on_two_threads() {
    let output = compare(&["--json", "small-get", "two-threads"]);
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let row = |peer: &str| rows.iter().find(|row| row["peer"] == peer).unwrap();
    for peer in ["aws-sigv4", "reqsign-aws-v4", "sha256-floor", "as-machine"] {
        let row = row(peer);
        assert!(row["peer_ns"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["keyfob_ns"].as_f64().unwrap() > 0.0, "{row}");
    }
    assert_eq!(row("aws-sigv4")["keyfob_allocs"], 2);
}

#[test]
fn an_unknown_case_is_refused_with_the_names_of_all() {
    let output = compare(&["no-such-case"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("\"no-such-case\""), "{stderr}");
    assert!(stderr.contains("small-get, "), "{stderr}");
}
