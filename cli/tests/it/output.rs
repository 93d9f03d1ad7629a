//! The forms of an answer: `--query` and the formats.

use crate::keyfob::{Home, Run, assert_has};

/// Asks the sandbox who the user of its key is.
fn identity(words: &[&str]) -> Run {
    let call = ["--sandbox", "sts", "get-caller-identity"];
    Home::new().keyfob(call.iter().chain(words))
}

#[test]
fn a_query_selects_a_part_of_the_answer_in_every_format() {
    let table = "\
--------------------------
|    GetCallerIdentity   |
+-------+----------------+
|   C   |       I        |
+-------+----------------+
|  None |  123456789012  |
+-------+----------------+
";
    for (format, query, expected) in [
        ("json", "Account", "\"123456789012\"\n"),
        ("text", "Account", "123456789012\n"),
        ("text", "[Account,Nothing]", "123456789012\tNone\n"),
        // The order is that of the expression in JSON, and that of the names elsewhere.
        (
            "json",
            "{I:Account,C:Nothing}",
            "{\n    \"I\": \"123456789012\",\n    \"C\": null\n}\n",
        ),
        ("text", "{I:Account,C:Nothing}", "None\t123456789012\n"),
        ("json", "Nothing", "null\n"),
        ("text", "Nothing", "None\n"),
        ("table", "{I:Account,C:Nothing}", table),
    ] {
        let stdout = identity(&["--output", format, "--query", query]).ok();
        assert_eq!(stdout, expected, "{format} {query}");
    }
}

#[test]
fn a_query_without_a_format_prints_json_from_keyfobs_own_commands() {
    let run = Home::new().keyfob(["--sandbox", "whoami", "--query", "account"]);
    assert_eq!(run.ok(), "\"123456789012\"\n");
}

#[test]
fn a_query_that_is_not_jmespath_is_refused_before_anything_is_sent() {
    let words = ["--endpoint-url", "http://127.0.0.1:9", "--query", "a[b"];
    let stderr = identity(&words).fails(252);
    assert_has(&stderr, &["Bad value for --query a[b: ", "\n  a[b\n"]);
}

#[test]
fn an_answer_that_does_not_fit_the_query_is_an_error() {
    let stderr = identity(&["--query", "abs(Account)"]).fails(255);
    assert_has(&stderr, &["In function abs(), invalid type for a value"]);
}
