//! The forms of an answer: `--query` and the formats.

use serde_json::Value;

use crate::{
    answers::{answer, start_server},
    keyfob::{Home, Run, assert_has, assert_lacks},
};

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
    let query = ["--query", "[Arn, abs(abs(Account))]"];
    let stderr = identity(&query).fails(255);
    assert_has(
        &stderr,
        &[
            "An error occurred (JMESPathType): --query: In function abs(), invalid type for a \
             value, expected one of: number, received: string:\n",
            // The inner one fails.
            "  [Arn, abs(abs(Account))]\n            ^",
        ],
    );
    let stderr = identity(&[&query[..], &["--cli-error-format", "json"]].concat()).fails(255);
    let error: Value = serde_json::from_str(&stderr).unwrap();
    assert_eq!(error["Code"], "JMESPathType");
    for (expression, received) in [
        ("sort([Account, `1`])", "received: number"),
        ("length(`1`)", "string, array, object, received: number"),
        ("keys(Arn)", "expected one of: object, received: string"),
        (
            "sum([Account])",
            "expected one of: array-number, received: string",
        ),
        ("sort_by([@], Arn)", "received: value without &"),
        ("length(&Arn)", "received: expref"),
    ] {
        assert_has(&identity(&["--query", expression]).fails(255), &[received]);
    }
}

const YAML: &str = "\
Account: '123456789012'
Arn: arn:aws:iam::123456789012:user/user
UserId: ";

#[test]
fn yaml_is_sorted_and_quotes_what_is_not_a_string_without_quotes() {
    let yaml = identity(&["--profile", "user", "--output", "yaml"]).ok();
    assert!(yaml.starts_with(YAML), "{yaml}");
    // As in aws, a scalar alone is written as in JSON.
    let account = identity(&["--output", "yaml", "--query", "Account"]).ok();
    assert_eq!(account, "\"123456789012\"\n");
    let nothing = identity(&["--output", "yaml", "--query", "Nothing"]).ok();
    assert_eq!(nothing, "null\n");
}

#[test]
fn nothing_is_printed_if_the_output_is_off() {
    let run = identity(&["--output", "off"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    identity(&["--output", "off", "--query", "abs(Account)"]).fails(255);
}

#[test]
fn a_table_without_a_match_is_a_title() {
    let table = identity(&["--output", "table", "--query", "Nothing"]).ok();
    let expected = "-------------------\n|GetCallerIdentity|\n+-----------------+\n";
    assert_eq!(table, expected);
}

#[test]
fn the_output_of_a_profile_or_a_variable_may_be_any_format_of_aws() {
    let in_file = |format: &str| {
        let home = Home::new().with_file("config", &format!("[default]\noutput = {format}\n"));
        let config = home.file("config").display().to_string();
        home.with("AWS_CONFIG_FILE", &config)
    };
    for (format, expected) in [("yaml", "Account: '12"), ("yaml-stream", "- Account: '12")] {
        for home in [
            in_file(format),
            Home::new().with("AWS_DEFAULT_OUTPUT", format),
        ] {
            let run = home.keyfob(["--sandbox", "sts", "get-caller-identity"]);
            assert_lacks(&run.stderr, &[format]);
            let stdout = run.ok();
            assert!(stdout.starts_with(expected), "{stdout}");
        }
    }
    let off = in_file("off").keyfob(["--sandbox", "sts", "get-caller-identity"]);
    assert_eq!(off.ok(), "");
}

#[test]
fn the_request_id_of_an_error_is_in_its_data_and_in_the_log_and_not_in_the_text_for_people() {
    let in_xml = |body: &str| answer("400 Bad Request", body);
    let in_header = answer(
        "400 Bad Request",
        "{\"__type\": \"a#Bad\", \"message\": \"no\"}",
    )
    .replacen("\r\n", "\r\nx-amzn-RequestId: id-7\r\n", 1);
    let config = "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/a\n\
        source_profile = key\n[profile key]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
        aws_secret_access_key = secret\n";
    let query = in_xml(
        "<ErrorResponse><Error><Code>Bad</Code><Message>no</Message></Error>\
         <RequestId>id-7</RequestId></ErrorResponse>",
    );
    let ec2 = in_xml(
        "<Response><Errors><Error><Code>Bad</Code><Message>no</Message></Error></Errors>\
         <RequestID>id-7</RequestID></Response>",
    );
    for (words, answer) in [
        (&["iam", "get-user"][..], &query),
        (&["ec2", "describe-instances"], &ec2),
        (
            &[
                "service-quotas",
                "list-service-quotas",
                "--service-code",
                "ec2",
            ],
            &in_header,
        ),
        // The error of a provider.
        (&["iam", "get-user", "--profile", "role"], &query),
    ] {
        let (url, _bodies) = start_server(answer);
        let home = Home::new()
            .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_ENDPOINT_URL", &url)
            .with_file("config", config);
        let stderr = |options: &[&str]| home.keyfob(words.iter().chain(options)).fails(254);
        let json: Value = serde_json::from_str(&stderr(&["--cli-error-format", "json"])).unwrap();
        assert_eq!(json["RequestId"], "id-7", "{words:?}");
        let yaml = stderr(&["--cli-error-format", "yaml"]);
        assert_has(&yaml, &["Code: Bad\n", "RequestId: id-7\n"]);
        assert_has(&stderr(&["--debug"]), &["request_id=\"id-7\""]);
        let first = stderr(&[]);
        let first = first.lines().nth(1).unwrap_or_default();
        assert!(
            first.contains("(Bad)") && !first.contains("id-7"),
            "{first}"
        );
    }
}

#[test]
fn an_error_has_the_format_of_the_option_the_variable_or_the_profile() {
    let json = "{\n    \"Code\": \"NoCredentials\",\n    \"Message\": \"";
    let call = ["sts", "get-caller-identity"];
    let in_file = Home::new().with_file("config", "[default]\ncli_error_format = json\n");
    let by_variable = Home::new().with("AWS_CLI_ERROR_FORMAT", "json");
    let by_option = Home::new().with("AWS_CLI_ERROR_FORMAT", "nonsense");
    let option = ["--cli-error-format", "json"];
    for run in [
        in_file.keyfob(call),
        by_variable.keyfob(call),
        by_option.keyfob(option.iter().chain(&call)),
    ] {
        let stderr = run.fails(253);
        assert!(stderr.starts_with(json), "{stderr}");
        assert_lacks(&stderr, &["hint: ", "[ERROR]"]);
    }
    let wrong = by_option.keyfob(call).fails(253);
    assert_has(
        &wrong,
        &[
            "[ERROR]",
            "hint: AWS_CLI_ERROR_FORMAT is \"nonsense\", which is not legacy",
        ],
    );
    let region = ["--region", "x y", "--cli-error-format", "yaml"];
    let stderr = Home::new().keyfob(region.iter().chain(&call)).fails(252);
    assert!(
        stderr.starts_with("Code: ParamValidation\nMessage: "),
        "{stderr}"
    );
}

#[test]
fn a_command_line_that_is_refused_has_the_format_of_errors_that_is_asked_for() {
    let json = |stderr: &str| -> Value { serde_json::from_str(stderr).unwrap() };
    let home = Home::new();
    for line in [
        "--cli-error-format json sts nope",
        "sts assume-role --cli-error-format=json",
        "--output xml whoami --cli-error-format json",
    ] {
        let stderr = home.keyfob(line.split(' ')).fails(252);
        assert_eq!(json(&stderr)["Code"], "ParamValidation", "{line}");
    }
    let home = Home::new().with("AWS_CLI_ERROR_FORMAT", "json");
    let number = home.keyfob(["iam", "list-access-keys", "--max-items", "x"]);
    assert_eq!(json(&number.fails(255))["Code"], "ParamValidation");
    let home = home.with("KEYFOB_OFFLINE", "x");
    let variable = home.keyfob(["whoami"]).fails(253);
    assert_eq!(json(&variable)["Code"], "Configuration");
}

#[test]
fn beside_an_error_for_programs_there_are_no_notes_and_no_warnings() {
    let home = Home::new().with_key("AKIAEXAMPLE", "secret");
    let call = ["iam", "get-user", "--offline"];
    let loud = ["--no-verify-ssl", "--no-sign-request"];
    let words: Vec<&str> = call.into_iter().chain(loud).collect();
    let text = home.keyfob(&words).fails(253);
    assert_has(
        &text,
        &[
            "note: no region is set",
            "warning: certificates are not checked",
        ],
    );
    let by_option = [&words[..], &["--cli-error-format", "json"]].concat();
    let by_variable = Home::new().with("AWS_CLI_ERROR_FORMAT", "json");
    for run in [
        home.keyfob(&by_option),
        by_variable.keyfob(&words),
        by_variable.keyfob(["--region", "x y", "whoami"]),
        home.keyfob([&["--sandbox"], &by_option[..]].concat()),
    ] {
        let stderr = run.stderr.clone();
        let error: serde_json::Result<Value> = serde_json::from_str(&stderr);
        assert!(
            error.is_ok_and(|error| error["Code"].is_string()),
            "{run:?}"
        );
    }
}
