//! Checks the README's table of what is retried against the code.

#![allow(clippy::panic, reason = "the helpers of a test fail as the test does")]

use keyfob_backoff::{ClockSkew, Failure, Fault, FaultKind, Policy, THROTTLING_CODES};

const README: &str = include_str!("../README.md");

const OPT_INS: [(&str, Policy); 6] = [
    (
        "retry_connect_failures",
        Policy::aws().retry_connect_failures(),
    ),
    ("retry_unanswered", Policy::aws().retry_unanswered()),
    (
        "retry_idp_communication_error",
        Policy::aws().retry_idp_communication_error(),
    ),
    ("retry_clock_skew", Policy::aws().retry_clock_skew()),
    (
        "retry_codes",
        Policy::aws().retry_codes(&["RequestTimeout"]),
    ),
    (
        "throttling_codes",
        Policy::aws().throttling_codes(&["KMSThrottlingException"]),
    ),
];

/// Returns the rows of the table whose first heading is `first_cell`, as trimmed cells.
fn rows(first_cell: &str) -> Vec<Vec<&'static str>> {
    let header = format!("| {first_cell} |");
    README
        .lines()
        .skip_while(|line| !line.starts_with(&header))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// Returns the parts of a cell that are between backquotes.
fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

/// Creates the failure of an example: `400 Throttling`, `503`, or one without an answer.
fn failure(example: &'static str) -> Failure<'static> {
    match example {
        "connect" => Failure::connect(),
        "no_response" => Failure::no_response(),
        "timeout" => Failure::timeout(),
        "local" => Failure::local(),
        answer => {
            let mut words = answer.split(' ');
            let status = words
                .next()
                .unwrap_or_default()
                .parse()
                .unwrap_or_else(|_| panic!("{answer}"));
            let skew = answer
                .ends_with("at +10 min")
                .then(|| ClockSkew::from_millis(600_000));
            Failure::response(status)
                .with_code(words.next())
                .with_skew(skew)
        }
    }
}

#[test]
fn the_table_agrees_with_the_code() {
    let rows = rows("failure");
    assert!(rows.len() > 10, "the table is not found");
    for row in rows {
        let [examples, verdict, opt_in] = row[..] else {
            panic!("{row:?}")
        };
        let expected = match verdict {
            "retried, throttling" => Some(FaultKind::Throttling),
            "retried, server fault" => Some(FaultKind::Server),
            "no" => None,
            other => panic!("{other}"),
        };
        let opt_in = quoted(opt_in).next();
        assert!(quoted(examples).count() > 0, "{row:?}");
        for example in quoted(examples) {
            let failure = failure(example);
            assert_eq!(
                Policy::aws().classify(&failure).map(Fault::kind),
                expected,
                "{example}"
            );
            for (name, policy) in OPT_INS {
                let retried = expected.is_some() || opt_in == Some(name);
                assert_eq!(
                    policy.classify(&failure).is_some(),
                    retried,
                    "{example} with {name}"
                );
            }
        }
    }
}

#[test]
fn every_throttling_code_is_in_the_readme() {
    for code in THROTTLING_CODES {
        assert!(README.contains(&format!("`{code}`")), "{code}");
    }
}
