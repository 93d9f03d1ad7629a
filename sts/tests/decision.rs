//! Encoded messages in errors as tools print them, and what decoded ones say.

use keyfob_sts::{
    ErrorKind,
    decision::{Decision, Verdict, encoded_messages},
};

/// As long as a real one, and with all of its characters.
fn blob() -> String {
    let line = "4GIOHlTkIaWHQD0Q0m-E9Y8hKZz_qH0l-KPWQJ8q5z3YatP3Ybgb5lf0dibDhN6KaE3jQ5Bu4hNkP1Bxf";
    line.repeat(9) + "Ta-e"
}

const BEFORE: &str = "You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/ada \
     is not authorized to perform: ec2:RunInstances on resource: * because no identity-based policy \
     allows the ec2:RunInstances action. Encoded authorization failure message:";

/// Breaks a text into lines of `width` characters, as terminals do.
fn broken(text: &str, width: usize, side: &str) -> String {
    let chars: Vec<_> = text.chars().collect();
    let lines = chars
        .chunks(width)
        .map(|line| side.to_owned() + &String::from_iter(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_encoded_message_and_nothing_else_is_taken_from_what_tools_print() {
    let blob = blob();
    let message = format!("{BEFORE} {blob}");
    for text in [
        // The AWS CLI, with the prompt after it.
        format!(
            "\nAn error occurred (UnauthorizedOperation) when calling the RunInstances operation: {message}\n$ "
        ),
        format!("{message}\nDone\n"),
        // boto3: a traceback, and its repr.
        format!(
            "Traceback (most recent call last):\n  File \"a.py\", line 1\nbotocore.exceptions.ClientError: An error occurred (UnauthorizedOperation): {message}\n\nDuring handling"
        ),
        format!("ClientError('An error occurred (UnauthorizedOperation): {message}')"),
        // Java 1 and 2.
        format!(
            "{message} (Service: AmazonEC2; Status Code: 403; Error Code: UnauthorizedOperation; Request ID: 1550870c-6e0b-4fac-ba19-1da46fef7f17; Proxy: null)"
        ),
        format!(
            "software.amazon.awssdk.services.ec2.model.Ec2Exception: {message} (Service: Ec2, Status Code: 403, Request ID: 1550870c) (SDK Attempt Count: 1)\n\tat a.b.C(D.java:1)"
        ),
        // Terraform and Go, before and after its SDK's version 2.
        format!(
            "╷\n│ Error: creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 403, RequestID: 1550870c, api error UnauthorizedOperation: {message}\n│ \n│   with aws_instance.web,\n│   on main.tf line 12, in resource \"aws_instance\" \"web\":\n╵"
        ),
        format!(
            "* aws_instance.web: UnauthorizedOperation: {message}\n\tstatus code: 403, request id: 389b6cd3-8f8e-4a13-a098-f6247a69d12b"
        ),
        format!(
            "\u{1b}[31m│\u{1b}[0m \u{1b}[0m{message}\u{1b}[0m\n\u{1b}[31m│\u{1b}[0m \u{1b}[0mstatus code: 403\u{1b}[0m"
        ),
        // JSON, XML, quotes.
        format!(r#"{{"errorMessage": "{message}\n\tstatus code: 403", "eventVersion": "1.08"}}"#),
        format!(r#"{{"message": "{BEFORE} \"{blob}\"", "more": 1}}"#),
        format!("<Error><Code>UnauthorizedOperation</Code><Message>{message}</Message></Error>"),
        format!("{BEFORE} '{blob}'"),
        format!("{BEFORE} \"{blob}\"."),
        format!("{BEFORE}\n{blob}\n"),
        format!("{BEFORE}\n\n    {blob}\n\nRegards"),
        message.to_uppercase().replace(&blob.to_uppercase(), &blob),
        // Alone, also without the mark.
        blob.clone(),
        format!("  \"{blob}\"\r\n"),
        format!("the message was {blob} (request 1550870c-6e0b-4fac-ba19-1da46fef7f17)"),
    ] {
        assert_eq!(encoded_messages(&text), [blob.as_str()], "{text}");
    }
}

#[test]
fn lines_that_a_terminal_or_a_mail_program_broke_are_joined() {
    let blob = blob();
    let text = format!("* aws_instance.web: {BEFORE} {blob}");
    let alone = blob.clone();
    for width in 20..200 {
        for side in ["", "│ ", "> ", "    ", "> > "] {
            for end in [
                "",
                "\n",
                "\n\tstatus code: 403, request id: 1550870c",
                "\n\nDone",
            ] {
                let broken_text = broken(&text, width, side) + end;
                assert_eq!(
                    encoded_messages(&broken_text),
                    [blob.as_str()],
                    "{width}: {broken_text}"
                );
            }
            assert_eq!(
                encoded_messages(&broken(&alone, width, side)),
                [blob.as_str()]
            );
        }
    }
    let windows = broken(&text, 80, "").replace('\n', "\r\n");
    assert_eq!(encoded_messages(&windows), [blob]);
}

#[test]
fn escaped_line_ends_in_a_message_are_line_ends() {
    let blob = blob();
    for end in [r"\n", r"\r\n", r"\\n"] {
        for side in ["", r"\t", "    "] {
            let text = format!("{BEFORE} {blob}");
            for width in [70, 80, 120] {
                let broken_text = broken(&text, width, side).replace('\n', end);
                for text in [
                    format!(r#"{{"message": "{broken_text}", "more": 1}}"#),
                    format!(r#"{{"message": "{broken_text}{end}{side}status code: 403"}}"#),
                    format!(r#"{{\"message\": \"{broken_text}\"}}"#),
                    format!("'{broken_text}'"),
                ] {
                    assert_eq!(encoded_messages(&text), [blob.as_str()], "{text}");
                }
            }
        }
    }
}

#[test]
fn a_message_in_a_url_is_found() {
    let blob = blob();
    for text in [
        format!("{BEFORE} {blob}").replace(' ', "%20"),
        format!("https://a.example/?e={BEFORE} {blob}&x=y")
            .replace(' ', "%20")
            .replace(':', "%3A"),
    ] {
        assert_eq!(encoded_messages(&text), [blob.as_str()], "{text}");
    }
}

#[test]
fn each_message_of_an_error_is_found_once() {
    let one = "E9Y8hKZz0qH-4GIOHlTkIaWHQD0Q0m_x1";
    let text = format!("{BEFORE} {one}\n* b: {BEFORE} 4GIOHlTkIaWH_2 (x)\n* c: {BEFORE} {one}");
    assert_eq!(encoded_messages(&text), [one, "4GIOHlTkIaWH_2"]);
}

#[test]
fn a_text_without_an_encoded_message_gives_none() {
    for text in [
        "",
        " \n",
        "An error occurred (AccessDenied) when calling the ListUsers operation: no",
        "Encoded authorization failure message:",
        "Encoded authorization failure message: (none)",
        "Encoded authorization failure message: <ENCODED MESSAGE>",
        "arn:aws:iam::111122223333:user/ada 1550870c-6e0b-4fac-ba19-1da46fef7f17",
    ] {
        assert_eq!(encoded_messages(text), [""; 0], "{text}");
    }
}

#[test]
fn a_decoded_message_is_read_with_its_statements_and_conditions() -> Result<(), keyfob_sts::Error> {
    let decision = Decision::parse(
        r#"{
            "allowed": false, "explicitDeny": true,
            "matchedStatements": {"items": [{
                "statementId": "OnlyEurope", "effect": "DENY",
                "principals": {"items": [{"value": "AROAEXAMPLE"}]}, "principalGroups": {"items": []},
                "actions": {"items": [{"value": "ec2:RunInstances"}]},
                "resources": {"items": [{"value": "*"}]},
                "conditions": {"items": [{"key": "aws:RequestedRegion", "values": {"items": [{"value": "eu-west-1"}]}}]}
            }]},
            "failures": {"items": []},
            "context": {
                "principal": {"id": "AROAEXAMPLE:ada", "arn": "arn:aws:sts::111122223333:assumed-role/dev/ada"},
                "action": "RunInstances",
                "resource": "arn:aws:ec2:us-east-1:111122223333:instance/*",
                "conditions": {"items": [
                    {"key": "ec2:Tenancy", "values": {"items": [{"value": "default"}, {"value": "host"}]}},
                    {"key": "aws:MultiFactorAuthAge", "values": {"items": []}}
                ]}
            }
        }"#,
    )?;
    assert_eq!(decision.verdict, Verdict::ExplicitDeny);
    assert_eq!(
        decision.to_string(),
        "arn:aws:sts::111122223333:assumed-role/dev/ada may not RunInstances on \
         arn:aws:ec2:us-east-1:111122223333:instance/*: statement \"OnlyEurope\" denies it",
    );
    let statement = decision.denying_statement();
    assert_eq!(
        statement.map(|statement| statement.actions.as_slice()),
        Some(&["ec2:RunInstances".to_owned()][..])
    );
    let conditions: Vec<_> = decision
        .conditions
        .iter()
        .map(|condition| (condition.key.as_str(), condition.values.join(",")))
        .collect();
    assert_eq!(
        conditions,
        [
            ("ec2:Tenancy", "default,host".to_owned()),
            ("aws:MultiFactorAuthAge", String::new())
        ]
    );
    Ok(())
}

#[test]
fn what_is_no_decision_is_an_error_that_does_not_repeat_it() {
    for text in [
        "",
        "canary",
        "[]",
        "null",
        r#""canary""#,
        r#"{"allowed": "canary"}"#,
        r#"{"context": "canary"}"#,
    ] {
        let error = Decision::parse(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Response);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn members_of_another_form_are_left_out() -> Result<(), keyfob_sts::Error> {
    let decision = Decision::parse(
        r#"{"allowed": true, "explicitDeny": null, "matchedStatements": [], "context": {"principal": [],
            "action": {}, "resource": 7, "conditions": {"items": [{"key": ""}, 5, {"key": "a", "values": {"items": [{"value": true}, {}]}}]}}}"#,
    )?;
    assert_eq!(decision.to_string(), "the caller may do this on 7");
    assert_eq!(decision.conditions.len(), 1);
    assert_eq!(decision.conditions[0].values, ["true"]);
    Ok(())
}
