use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use crate::{
    keyfob::{Home, assert_has, assert_lacks},
    servers::free_port,
};

const SECRET: &str = "canary/secret+access/key";

#[test]
fn without_credentials_the_providers_and_one_cure_are_listed() {
    for command in [
        vec!["whoami"],
        vec!["sts", "get-caller-identity"],
        vec!["s3", "presign", "s3://b/k"],
    ] {
        let stderr = Home::new().keyfob(&command).fails(253);
        assert_has(
            &stderr,
            &[
                "An error occurred (NoCredentials): ",
                "environment variables  AWS_ACCESS_KEY_ID is not set",
                "profile \"default\"",
                "container",
                "instance metadata",
                "hint: run `keyfob configure`",
            ],
        );
        assert_eq!(stderr.matches("hint: ").count(), 1, "{stderr}");
    }
    let why = Home::new().keyfob(["why"]);
    assert_eq!(why.code, 253);
    assert_has(&why.stdout, &["credentials: none"]);
}

#[test]
fn a_malformed_file_is_named_with_line_and_reason_and_other_profiles_work() {
    let home = Home::new().with_file(
        "credentials",
        &format!(
            "[good]\naws_access_key_id = AKIAGOODEXAMPLE00000\naws_secret_access_key = {SECRET}\n[bad]\nthis has no separator\n"
        ),
    );
    let stderr = home.keyfob(["--profile", "bad", "whoami"]).fails(253);
    assert_has(&stderr, &["ConfigParseError", "credentials", ":5"]);
    assert_lacks(&stderr, &[SECRET]);
    home.keyfob(["--profile", "good", "s3", "presign", "s3://bucket/key"])
        .ok();
}

#[test]
fn an_unknown_profile_exits_with_255_and_lists_the_profiles() {
    let home = Home::new()
        .with_file("config", "[profile one]\n[default]\n")
        .with_file("credentials", "[two]\n")
        .with_key("AKIAEXAMPLE", SECRET);
    let whoami = home.keyfob(["--profile", "three", "whoami"]).fails(255);
    assert_has(&whoami, &["\"three\"", "one, default, two"]);
    let list = home.keyfob(["--profile", "three", "configure", "list"]);
    assert_eq!(list.code, 255, "{list:?}");
    assert_has(&list.stderr, &["\"three\"", "one, default, two"]);
    let why = home.keyfob(["--profile", "three", "why"]);
    assert_eq!(why.code, 255, "{why:?}");
    assert_has(&why.stderr, &["\"three\"", "one, default, two"]);
    assert_has(&why.stdout, &["credentials: none", "the error below"]);
    let home = home.with("AWS_PROFILE", "four");
    assert_has(&home.keyfob(["whoami"]).fails(255), &["\"four\""]);
}

#[test]
fn an_unreachable_endpoint_is_a_clear_error_within_ten_seconds() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let start = Instant::now();
    let stderr = home
        .keyfob(["--endpoint-url", &url, "sts", "get-caller-identity"])
        .fails(255);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_has(&stderr, &["EndpointConnection", &url]);
}

/// 192.0.2.0/24 is for documentation: requests get no answer, or the network refuses them at once.
#[test]
fn a_call_to_an_endpoint_that_never_answers_times_out() {
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let start = Instant::now();
    let stderr = home
        .keyfob([
            "--endpoint-url",
            "http://192.0.2.1",
            "sts",
            "get-caller-identity",
        ])
        .fails(255);
    assert!(start.elapsed() < Duration::from_secs(20), "{stderr}");
}

/// The first response has a date in 2050. The second one accepts the corrected signature.
#[test]
fn a_wrong_clock_is_corrected_once_with_a_warning() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let refused = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature not yet current</Message></Error></ErrorResponse>";
        let known = "<R><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></R>";
        [("403 Forbidden", refused), ("200 OK", known)].map(|(status, body)| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\nDate: Sat, 01 Jan 2050 00:00:00 GMT\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        })
    });
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let run = home.keyfob(["--endpoint-url", &url, "sts", "get-caller-identity"]);
    assert_has(&run.stderr, &["warning: the clock of this machine is off"]);
    run.ok();
    let [first, second] = server.join().unwrap();
    assert_lacks(&first, &["x-amz-date: 20500101"]);
    assert_has(&second, &["x-amz-date: 20500101T0000"]);
}

#[test]
fn requests_to_this_machine_use_no_proxy() {
    let home = Home::new()
        .with("http_proxy", "http://127.0.0.1:9")
        .with("HTTPS_PROXY", "http://127.0.0.1:9");
    home.keyfob(["--sandbox", "whoami"]).ok();
}

#[test]
fn an_invalid_key_is_named_but_not_shown() {
    let newline = Home::new().with_key("AKIA\nEXAMPLE", SECRET);
    let stderr = newline.keyfob(["whoami"]).fails(253);
    assert_has(
        &stderr,
        &["InvalidCredentials", "access key id", "AWS_ACCESS_KEY_ID"],
    );
    assert_lacks(&stderr, &[SECRET]);

    let with_space = Home::new().with_key("AKIAEXAMPLE", "can ary");
    let stderr = with_space.keyfob(["whoami"]).fails(253);
    assert_has(&stderr, &["secret access key", "AWS_SECRET_ACCESS_KEY"]);
    assert_lacks(&stderr, &["can ary"]);

    let empty = Home::new().with_key("AKIAEXAMPLE", "");
    let stderr = empty.keyfob(["whoami"]).fails(253);
    assert_has(&stderr, &["PartialCredentials", "AWS_SECRET_ACCESS_KEY"]);
}

#[test]
fn a_bad_region_argument_is_the_same_error_for_every_command() {
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let bad = ["--region", "bad region!"];
    let expected = home.keyfob(["why"].iter().chain(&bad)).fails(252);
    assert_has(
        &expected,
        &["(ParamValidation)", "\"bad region!\"", "--region"],
    );
    for command in [
        &["configure", "list"][..],
        &["configure", "list-profiles"],
        &["whoami"],
        &["sts", "get-caller-identity"],
        &["sign", "https://iam.amazonaws.com/"],
        &["s3", "presign", "s3://bucket/key"],
        &["imds", "role"],
        &["serve", "imds"],
        &["--sandbox", "whoami"],
    ] {
        let stderr = home.keyfob(command.iter().chain(&bad)).fails(252);
        assert_eq!(stderr, expected, "{command:?}");
    }
}

#[test]
fn a_bad_region_is_named_with_its_origin() {
    let home = || Home::new().with_key("AKIAEXAMPLE", SECRET);
    let stderr = home()
        .keyfob(["--region", "x.example.com/", "whoami"])
        .fails(252);
    assert_has(&stderr, &["x.example.com/", "--region"]);
    let stderr = home()
        .with("AWS_REGION", "eu west 1")
        .keyfob(["whoami"])
        .fails(253);
    assert_has(&stderr, &["eu west 1", "AWS_REGION"]);
    let file = home().with_file("config", "[default]\nregion = -\n");
    assert_has(&file.keyfob(["whoami"]).fails(253), &["config", "\"-\""]);
}

#[test]
fn configure_needs_a_terminal() {
    let home = Home::new();
    let stderr = home.keyfob(["configure"]).fails(253);
    assert_has(&stderr, &["NoTerminal", "hint: ", "keyfob configure set"]);
    assert!(!home.file("config").exists() && !home.file("credentials").exists());
}

#[test]
fn a_bad_endpoint_argument_is_the_same_error_for_every_command() {
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    for url in [
        "canary",
        "ftp://canary",
        "http://",
        "http://canary/?x=1",
        "https://u:canary@h",
        "",
    ] {
        for command in [
            &["whoami"][..],
            &["why"],
            &["sts", "get-caller-identity"],
            &["s3", "presign", "s3://bucket/key"],
            &["configure", "list"],
        ] {
            let line = [&["--endpoint-url", url], command].concat();
            let stderr = home.keyfob(line).fails(252);
            assert_has(&stderr, &["--endpoint-url: invalid endpoint"]);
            assert_lacks(&stderr, &["canary"]);
        }
    }
}

#[test]
fn a_bad_endpoint_or_output_setting_is_named_with_its_origin() {
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let bad_url = Home::new()
        .with_key("AKIAEXAMPLE", SECRET)
        .with("AWS_ENDPOINT_URL", "nonsense");
    let stderr = bad_url.keyfob(["whoami"]).fails(253);
    assert_has(&stderr, &["invalid endpoint", "AWS_ENDPOINT_URL"]);
    let home = home.with("AWS_DEFAULT_OUTPUT", "smoke");
    assert_has(
        &home
            .keyfob([
                "--sandbox",
                "--profile",
                "user",
                "sts",
                "get-caller-identity",
            ])
            .fails(253),
        &["smoke", "AWS_DEFAULT_OUTPUT"],
    );
}

#[test]
fn a_setting_that_is_not_a_number_is_named_with_its_origin() {
    let home = Home::new()
        .with_key("AKIAEXAMPLE", SECRET)
        .with("AWS_MAX_ATTEMPTS", "many");
    let stderr = home
        .keyfob(["--sandbox", "--profile", "user", "whoami"])
        .fails(253);
    assert_has(&stderr, &["many", "AWS_MAX_ATTEMPTS"]);
    let home = Home::new().with("AWS_METADATA_SERVICE_TIMEOUT", "long");
    let stderr = home.keyfob(["--sandbox", "imds", "role"]).fails(253);
    assert_has(&stderr, &["long", "AWS_METADATA_SERVICE_TIMEOUT"]);
}

/// Commands that configure a client of instance metadata.
const IMDS_COMMANDS: [&[&str]; 3] = [&["imds", "role"], &["why"], &["configure", "list"]];

#[test]
fn an_imds_setting_that_is_not_a_number_is_the_same_error_in_imds_and_why() {
    // The settings of a disabled client are not read.
    let home = || Home::new().with("AWS_EC2_METADATA_DISABLED", "false");
    let in_variable = home().with("AWS_METADATA_SERVICE_TIMEOUT", "x");
    let expected = in_variable.keyfob(["imds", "role"]).fails(253);
    let message = "(Configuration): AWS_METADATA_SERVICE_TIMEOUT is \"x\", which is not a number";
    assert_has(&expected, &[message]);
    for command in IMDS_COMMANDS {
        let run = in_variable.keyfob(command);
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (253, expected.as_str()),
            "{command:?}"
        );
    }
    let config = "[default]\nmetadata_service_num_attempts = many\n";
    let in_file = home().with_file("config", config);
    let expected = in_file.keyfob(["imds", "role"]).fails(253);
    assert_has(
        &expected,
        &["config:2: metadata_service_num_attempts is \"many\""],
    );
    let why = in_file.keyfob(["why"]);
    // It looks at a profile, so it also says how to set it.
    let (error, hint) = why.stderr.split_once("hint: ").unwrap();
    assert_eq!((why.code, error), (253, &*expected));
    assert_has(hint, &["configure set metadata_service_num_attempts VALUE"]);
    assert_has(
        &why.stdout,
        &["credentials: none", "instance metadata", "failed"],
    );
}

#[test]
fn a_number_of_any_size_is_a_valid_imds_setting_in_imds_and_why() {
    for command in IMDS_COMMANDS {
        let line = ["--sandbox"].iter().chain(command);
        let home = Home::new()
            .with("AWS_METADATA_SERVICE_TIMEOUT", "5000000000")
            .with("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "5000000000");
        assert_has(&home.keyfob(line).ok(), &["app"]);
    }
}

#[test]
fn a_profile_that_needs_quotes_is_named_with_a_cure_that_works() {
    let config = |header: &str| {
        let text =
            format!("{header}\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n");
        Home::new()
            .with_file("config", &text)
            .with("AWS_PROFILE", "a b")
    };
    for command in [&["why"][..], &["whoami"], &["configure", "list"]] {
        let run = config("[profile a b]").keyfob(command);
        assert_eq!(run.code, 255, "{run:?}");
        assert_has(
            &run.stderr,
            &[
                "(ProfileNotFound): profile \"a b\" not found: ",
                "config:1 is ignored",
                "write [profile 'a b']",
            ],
        );
    }
    let why = config("[profile 'a b']").keyfob(["why"]).ok();
    assert_has(&why, &["profile \"a b\"", "used"]);
}

#[test]
fn an_mfa_device_and_its_code_need_each_other() {
    let home = Home::new().with_key("AKIAEXAMPLE", SECRET);
    let session = ["sts", "get-session-token"];
    let stderr = home
        .keyfob(session.into_iter().chain(["--token-code", "123456"]))
        .fails(252);
    assert_has(&stderr, &["--serial-number"]);
    let stderr = home
        .keyfob(
            session
                .into_iter()
                .chain(["--serial-number", "GAHT12345678"]),
        )
        .fails(252);
    assert_has(&stderr, &["--token-code"]);
    home.keyfob(session.into_iter().chain(["--duration-seconds", "10"]))
        .fails(252);
}
