//! The options that every command takes.

use std::{fs, net::TcpListener};

use crate::keyfob::{Home, assert_has, assert_lacks};

/// Half of a key, so that a provider that is asked fails.
fn half_a_key() -> Home {
    Home::new()
        .with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .with("AWS_REGION", "eu-west-1")
}

#[test]
fn a_request_without_a_signature_asks_no_provider() {
    let home = half_a_key();
    let stderr = home
        .keyfob([
            "--sandbox",
            "--no-sign-request",
            "sts",
            "get-caller-identity",
        ])
        .fails(254);
    assert_has(
        &stderr,
        &["(MissingAuthenticationToken) when calling the GetCallerIdentity operation"],
    );
    // As `aws` writes it, apart from the region in the host.
    for (words, url) in [
        (
            &["s3://bu-ck/a%20b/ü"][..],
            "https://bu-ck.s3.eu-west-1.amazonaws.com/a%2520b/%C3%BC\n",
        ),
        (
            &[
                "s3://bu-ck/a",
                "--expires-in",
                "5",
                "--endpoint-url",
                "http://localhost:9000",
            ],
            "http://localhost:9000/bu-ck/a\n",
        ),
    ] {
        let presign = ["s3", "presign", "--no-sign-request"];
        assert_eq!(home.keyfob(presign.iter().chain(words)).ok(), url);
        home.keyfob(["s3", "presign"].iter().chain(words))
            .fails(253);
    }
}

#[test]
fn a_command_that_needs_credentials_refuses_to_do_without() {
    for words in [
        &["sign", "https://sts.amazonaws.com/"][..],
        &["whoami"],
        &["why"],
        &["serve", "container"],
    ] {
        let line = words.iter().chain(&["--no-sign-request"]);
        let stderr = half_a_key().keyfob(line).fails(252);
        assert_has(
            &stderr,
            &["--no-sign-request: this command needs credentials"],
        );
    }
}

#[test]
fn why_explains_on_stderr_the_credentials_that_the_command_uses() {
    let home = Home::new();
    for (words, before, after) in [
        (
            &["whoami"][..],
            "metadata: role \"app\" (IMDSv2), key ",
            "\n",
        ),
        (&["whoami", "--json"], "\"key_id\": \"", "\""),
        (&["s3", "presign", "s3://b/k"], "X-Amz-Credential=", "%2F"),
        (&["sign", "https://sts.amazonaws.com/"], "Credential=", "/"),
    ] {
        let run = home.keyfob(["--sandbox", "--why"].iter().chain(words));
        let (_, rest) = run.stdout.split_once(before).unwrap();
        let (key, _) = rest.split_once(after).unwrap();
        // Each session has a key of its own, so a second one would show.
        let table = [
            &format!("credentials: instance metadata (key {key}, ")[..],
            "> 5 instance metadata      used  role \"app\" (IMDSv2)",
        ];
        assert_has(&run.stderr, &table);
        run.ok();
    }
}

#[test]
fn why_prints_the_text_of_the_command_why_and_nothing_else() {
    let masking = |home: Home| {
        let file = "[default]\naws_access_key_id = AKIAFILEEXAMPLE\naws_secret_access_key = s\n";
        home.with_file("credentials", file)
    };
    for home in [
        masking(Home::new().with_key("AKIAEXAMPLE", "canary")),
        masking(half_a_key()),
        half_a_key().with("AWS_PROFILE", "absent"),
        Home::new(),
    ] {
        let why = home.keyfob(["why"]);
        let presign = ["s3", "presign", "s3://b/k"];
        let plain = home.keyfob(presign);
        let told = home.keyfob(presign.iter().chain(&["--why"]));
        assert!(told.stderr.starts_with(&why.stdout), "{told:?}");
        assert_eq!(told.code, plain.code);
        assert_eq!(told.stdout.is_empty(), plain.stdout.is_empty());
    }
}

#[test]
fn why_says_nothing_for_a_command_that_takes_no_credentials() {
    let home = Home::new().with_file("config", "[profile a]\nregion = eu-west-1\n");
    for words in [
        &["configure", "list-profiles"][..],
        &["configure", "get", "region", "--profile", "a"],
        &["s3", "presign", "s3://b/k", "--no-sign-request"],
    ] {
        let run = home.keyfob(words.iter().chain(&["--why", "--region", "eu-west-1"]));
        assert_eq!(run.stderr, "", "{words:?}");
        run.ok();
    }
    let why = home.keyfob(["--sandbox", "why", "--why"]);
    assert_lacks(&why.stderr, &["credentials: "]);
    why.ok();
}

/// A home whose sources of credentials, the instance among them, lead to this server.
fn home_of(server: &TcpListener) -> Home {
    let url = format!("http://{}", server.local_addr().unwrap());
    let home = Home::new()
        .with("AWS_ENDPOINT_URL", &url)
        .with("AWS_EC2_METADATA_DISABLED", "")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)
        .with_file(
            "config",
            "[profile key]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = canary\n\
             [profile role]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = key\n\
             [profile web]\nrole_arn = arn:aws:iam::123456789012:role/r\n\
             web_identity_token_file = token\n\
             [profile container]\nrole_arn = arn:aws:iam::123456789012:role/r\n\
             credential_source = EcsContainer\n",
        );
    fs::write(home.path().join("token"), "token").unwrap();
    home.with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost:1/")
}

/// A command for each kind of request, and what it says instead of sending it.
const REQUESTS: [(&[&str], &str); 7] = [
    (
        &["sts", "get-caller-identity", "--profile", "key"],
        "is not called, because of --offline",
    ),
    (
        &["s3", "presign", "s3://b/k", "--profile", "role"],
        "is not called, because of --offline",
    ),
    (
        &["s3", "presign", "s3://b/k", "--profile", "web"],
        "is not called, because of --offline",
    ),
    (
        &["s3", "presign", "s3://b/k", "--profile", "container"],
        "the container's agent (AWS_CONTAINER_CREDENTIALS_FULL_URI) is not asked, because of \
         --offline",
    ),
    (
        &["whoami"],
        "the container's agent (AWS_CONTAINER_CREDENTIALS_FULL_URI) is not asked, because of \
         --offline",
    ),
    (&["why"], "is not asked, because of --offline"),
    (
        &["imds", "role"],
        "instance metadata is disabled (--offline), so no request was sent",
    ),
];

#[test]
fn offline_a_command_that_needs_a_request_says_so_and_sends_nothing() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let home = home_of(&server);
    for (words, reason) in REQUESTS {
        let run = home.keyfob(words.iter().chain(&["--offline"]));
        assert_eq!(run.code, 253, "{run:?}");
        assert_has(&run.stderr, &[reason]);
        assert_lacks(&run.stderr, &["unset AWS_EC2_METADATA_DISABLED"]);
    }
    assert!(server.accept().is_err(), "the server was called");
}

#[test]
fn offline_the_instance_is_a_row_that_says_it_was_not_asked() {
    let home = Home::new().with("AWS_EC2_METADATA_DISABLED", "");
    let run = home.keyfob(["why", "--offline"]);
    assert_eq!(run.code, 253);
    assert_has(
        &run.stdout,
        &["5 instance metadata      not asked, because of --offline"],
    );
}

#[test]
fn offline_whoami_shows_what_needs_no_request() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = home_of(&server);
    let whoami = ["whoami", "--offline", "--profile", "key"];
    let text = home.keyfob(whoami).ok();
    assert_has(
        &text,
        &[
            "credentials  profile \"key\"",
            "region       us-east-1 (default)",
            "signature    not verified: STS is not asked, because of --offline",
        ],
    );
    assert_lacks(&text, &["arn  ", "account  "]);
    let json = home.keyfob(whoami.iter().chain(&["--json"])).json();
    assert_eq!(json["credentials"]["key_id"], "AKIAEXAMPLE");
    assert!(json["arn"].is_null() && json["signature_verified_by"].is_null());
}

#[cfg(target_os = "linux")]
#[test]
fn offline_no_command_opens_a_socket() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = home_of(&server);
    let sockets = |words: &[&str]| {
        let trace = home.path().join("trace");
        let run = home
            .program("strace")
            .args(["-f", "-e", "trace=socket", "-o"])
            .arg(&trace)
            .arg(env!("CARGO_BIN_EXE_keyfob"))
            .args(words)
            .output();
        run.ok()?;
        Some(fs::read_to_string(trace).unwrap().contains("socket("))
    };
    let line = "sts get-caller-identity --profile key --cli-read-timeout 1";
    let words: Vec<_> = line.split(' ').collect();
    let Some(calls) = sockets(&words) else {
        println!("not run: strace is not installed");
        return;
    };
    assert!(calls, "a trace of a command that sends shows its socket");
    for (words, _) in REQUESTS {
        let words = [words, &["--offline"]].concat();
        assert_eq!(sockets(&words), Some(false), "{words:?}");
    }
}

#[test]
fn a_variable_of_an_option_comes_before_those_of_aws_and_a_bad_one_is_named() {
    // With a value that cannot be used, this is an error where the setting is read.
    let home = || {
        Home::new()
            .with_key("AKIAEXAMPLE", "canary")
            .with("AWS_MAX_ATTEMPTS", "nonsense")
    };
    let call = ["--sandbox", "--sandbox-throttle", "9", "whoami"];
    let bad = home().keyfob(call).fails(253);
    assert_has(&bad, &["AWS_MAX_ATTEMPTS is \"nonsense\""]);
    let set = home().with("KEYFOB_MAX_ATTEMPTS", "2");
    assert_has(&set.keyfob(call).fails(254), &["(reached max retries: 1)"]);
    let option = call.iter().chain(&["--max-attempts", "1"]);
    assert_lacks(&set.keyfob(option).fails(254), &["max retries"]);
    for (name, value, reason) in [
        ("KEYFOB_MAX_ATTEMPTS", "canary", "it is not a whole number"),
        ("KEYFOB_MAX_ATTEMPTS", "0", "0 is not in the range 1 to "),
        (
            "KEYFOB_RETRY_MODE",
            "canary",
            "the value is none of standard, adaptive, legacy",
        ),
        (
            "KEYFOB_OFFLINE",
            "canary",
            "the value is none of true, 1, yes, on, false, 0, no, off",
        ),
    ] {
        let stderr = Home::new().with(name, value).keyfob(["why"]).fails(253);
        assert_has(&stderr, &[&format!("(Configuration): {name}: {reason}")]);
        assert_lacks(&stderr, &["canary"]);
        // Help is printed whatever is set.
        let help = Home::new()
            .with(name, value)
            .keyfob(["help", "options"])
            .ok();
        assert_has(&help, &[name]);
    }
    let offline = Home::new().with("KEYFOB_OFFLINE", "true");
    let stdout = offline.keyfob(["why"]).stdout;
    assert_has(&stdout, &["not asked, because of KEYFOB_OFFLINE"]);
}

#[test]
fn a_missing_ca_bundle_is_an_error_of_what_names_it() {
    let home = || Home::new().with_key("AKIAEXAMPLE", "canary");
    let call = ["sts", "get-caller-identity", "--region", "eu-west-1"];
    let option = call.iter().chain(&["--ca-bundle", "/nope/canary"]);
    let stderr = home().keyfob(option).fails(252);
    assert_has(&stderr, &["--ca-bundle: there is no file with this name"]);
    assert_lacks(&stderr, &["canary"]);
    let variable = home().with("AWS_CA_BUNDLE", "/nope/x").keyfob(call);
    assert_has(&variable.fails(253), &["AWS_CA_BUNDLE cannot be used"]);
    let other = home().with("REQUESTS_CA_BUNDLE", "/nope/y");
    assert_has(&other.keyfob(call).fails(253), &["REQUESTS_CA_BUNDLE"]);
    let both = other.with("AWS_CA_BUNDLE", "/nope/x").keyfob(call);
    assert_has(&both.fails(253), &["AWS_CA_BUNDLE cannot be used"]);
}

#[test]
fn a_variable_that_is_meant_to_set_an_option_is_warned_about() {
    let home = Home::new().with_key("AKIAEXAMPLE", "secret");
    let home = home
        .with("KEYFOB_OFFLNE", "true")
        .with("KEYFOB_NO_CACHE", "1");
    let run = home.keyfob(["why"]);
    let warning =
        "warning: the variable KEYFOB_OFFLNE sets no option: did you mean KEYFOB_OFFLINE?";
    assert_has(&run.stderr, &[warning]);
    assert_lacks(&run.stderr, &["KEYFOB_NO_CACHE"]);
    run.ok();
}

#[test]
fn an_origin_is_escaped_once_in_json() {
    let text = "[a]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = canary\n";
    let home = Home::new().with_file("a\u{1b}b", text);
    let path = home.file("a\u{1b}b").display().to_string();
    let home = home.with("AWS_SHARED_CREDENTIALS_FILE", &path);
    let words = ["whoami", "--offline", "--profile", "a", "--json"];
    let json = home.keyfob(words).json();
    assert_eq!(json["credentials"]["origin"], "[a] in ~/.aws/a\u{1b}b:2");
}
