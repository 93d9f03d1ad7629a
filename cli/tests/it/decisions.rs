use std::fs;

use serde_json::{Value, json};

use crate::{
    keyfob::{Home, Run, assert_has},
    lab::Lab,
    readme::transcript,
};

const DECODE: [&str; 4] = [
    "sts",
    "decode-authorization-message",
    "--encoded-message",
    "-",
];

pub(crate) fn refusal(allowed: &str, statements: &Value) -> Value {
    let values = |value: &str| json!({"items": [{"value": value}]});
    json!({
        "allowed": false,
        "explicitDeny": allowed == "explicit",
        "matchedStatements": {"items": statements},
        "context": {
            "principal": {
                "id": "AROAEXAMPLE:run-7",
                "arn": "arn:aws:sts::123456789012:assumed-role/ci/run-7",
            },
            "action": "ec2:RunInstances",
            "resource": "arn:aws:ec2:eu-west-1:123456789012:instance/*",
            "conditions": {"items": [
                {"key": "ec2:InstanceType", "values": values("m5.24xlarge")},
                {"key": "aws:Region", "values": values("eu-west-1")},
            ]},
        },
    })
}

/// An error as Terraform prints it, with a message of the lab.
fn error(lab: &Lab, message: &Value) -> String {
    let encoded = lab.account.encode_message(message.to_string());
    format!(
        "│ Error: UnauthorizedOperation: You are not authorized. Encoded authorization\n\
         │ failure message: {encoded}\n│ \tstatus code: 403\n"
    )
}

#[test]
fn the_transcript_of_the_readme_explains_a_pasted_error() {
    let lab = Lab::start();
    let home = lab.home();
    let pasted = error(&lab, &refusal("implicit", &json!([])));
    for (line, output) in transcript("keyfob sts decode-authorization-message") {
        let (words, _) = line.split_once(" < error.txt").unwrap();
        let run = home.keyfob_with_input(words.split(' ').skip(1), &pasted);
        assert_eq!(run.ok(), output);
    }
}

#[test]
fn the_first_of_several_pasted_messages_is_decoded_with_a_note() {
    let lab = Lab::start();
    let first = refusal("implicit", &json!([]));
    let other = refusal("explicit", &json!([]));
    let pasted = error(&lab, &first) + &error(&lab, &other);
    let run = lab.home().keyfob_with_input(DECODE, &pasted);
    assert_has(
        &run.stderr,
        &["note: standard input has 2 encoded messages: the first is decoded"],
    );
    let answer = run.json();
    let decoded = answer["DecodedMessage"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(decoded).unwrap(), first);
}

#[test]
fn an_explicit_deny_names_its_statement_also_in_json() {
    let lab = Lab::start();
    let deny = json!([{
        "statementId": "NoLargeOnes",
        "effect": "DENY",
        "actions": {"items": [{"value": "ec2:*"}]},
        "resources": {"items": [{"value": "*"}]},
    }]);
    let pasted = error(&lab, &refusal("explicit", &deny));
    let explain = |more: &[&str]| -> Run {
        let words = [&DECODE[..], &["--explain"], more].concat();
        lab.home().keyfob_with_input(words, &pasted)
    };
    assert_has(
        &explain(&[]).ok(),
        &[
            "decision    explicit deny\n",
            "statement   NoLargeOnes: Deny ec2:* on *\n",
        ],
    );
    let answer = explain(&["--output", "json"]).json();
    assert_eq!(answer["decision"], "explicit_deny");
    assert_eq!(answer["statements"][0]["sid"], "NoLargeOnes");
    let query = explain(&["--query", "statements[].sid", "--output", "text"]);
    assert_eq!(query.ok(), "NoLargeOnes\n");
}

#[test]
fn the_next_command_is_one_that_can_be_run() {
    let lab = Lab::start();
    let next = |principal: Value| -> String {
        let mut message = refusal("implicit", &json!([]));
        message["context"]["principal"] = principal;
        let words = [
            &DECODE[..],
            &["--explain", "--query", "next", "--output", "text"],
        ]
        .concat();
        let run = lab.home().keyfob_with_input(words, &error(&lab, &message));
        run.ok().trim().to_owned()
    };
    // A quote in a name does not leave its word.
    let simulate = next(json!({"arn": "arn:aws:sts::123456789012:assumed-role/c'i;x/run-7"}));
    let home = Home::new();
    let keyfob = home.path().join("keyfob");
    fs::write(&keyfob, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").unwrap();
    let line = simulate.replace("keyfob can", "sh ./keyfob can");
    let mut shell = home.program("sh");
    let run = Run::new(shell.args(["-c", &line]).output().unwrap());
    assert_eq!(
        run.ok(),
        "can\nec2:RunInstances\narn:aws:ec2:eu-west-1:123456789012:instance/*\n--as\n\
         arn:aws:sts::123456789012:assumed-role/c'i;x/run-7\n--context\n\
         ec2:InstanceType=m5.24xlarge\n--context\naws:Region=eu-west-1\n"
    );
    let whoami = next(json!({"arn": "arn:aws:iam::123456789012:root"}));
    let words: Vec<_> = whoami.split(' ').skip(1).collect();
    assert_has(&lab.home().keyfob(words).ok(), &["user/alice"]);
}

#[test]
fn a_text_without_a_message_and_another_accounts_message_are_refused() {
    let lab = Lab::start();
    let none = lab
        .home()
        .keyfob_with_input(DECODE, "AccessDenied: no message here")
        .fails(252);
    assert_has(&none, &["standard input has no encoded message", "paste"]);
    assert_eq!(lab.services.counters().requests, 0);
    let other = error(&Lab::start(), &refusal("implicit", &json!([])));
    let stderr = lab.home().keyfob_with_input(DECODE, &other).fails(254);
    assert_has(&stderr, &["(InvalidAuthorizationMessageException)"]);
}
