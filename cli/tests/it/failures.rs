//! What an error says beside its cause: where the credentials are from, and commands that cure it
//! or say more. Each of these is run.

use std::time::Duration;

use serde_json::json;

use crate::{
    answers::{answer, start_server},
    decisions::refusal,
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::Lab,
    running::Running,
    servers::free_port,
    sources::{SERIAL, with_mfa},
    waiting::slow_sts,
};

const CALL: [&str; 2] = ["sts", "get-caller-identity"];

fn home(url: &str) -> Home {
    let file = "[profile robot]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
                aws_secret_access_key = canary\n[profile role]\nsource_profile = robot\n\
                role_arn = arn:aws:iam::123456789012:role/r\n";
    let home = Home::new().with_file("config", file);
    let home = home.with("AWS_REGION", "eu-west-1");
    home.with("AWS_ENDPOINT_URL", url)
        .with("AWS_PROFILE", "robot")
}

/// Returns the hints of an error, one a line.
#[track_caller]
fn hints(stderr: &str) -> String {
    assert_lacks(stderr, &["canary"]);
    let lines = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("hint: "));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the text between two pieces of a hint.
#[track_caller]
fn between<'a>(hints: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = hints.split_once(start).unwrap();
    rest.split(end).next().unwrap()
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>\
         </ErrorResponse>"
    )
}

#[test]
fn an_endpoint_that_is_not_there_names_the_command_that_checks_the_way() {
    let home = home(&format!("http://127.0.0.1:{}", free_port()));
    let home = home.with("AWS_MAX_ATTEMPTS", "1");
    let stderr = home.keyfob(CALL).fails(255);
    assert_has(&stderr, &["(EndpointConnection)", "http://127.0.0.1:"]);
    let command = between(&hints(&stderr), "`keyfob ", "`").to_owned();
    let doctor = home.keyfob(command.split(' '));
    assert_eq!(doctor.code, 1);
    assert_has(&doctor.stdout, &["could not connect to http://127.0.0.1:"]);
}

#[test]
fn what_cannot_be_reached_is_named_with_the_setting_that_chose_it() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let file = format!(
        "[profile robot]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
         aws_secret_access_key = canary\nendpoint_url = {nowhere}\n[profile role]\n\
         source_profile = robot\nrole_arn = arn:aws:iam::123456789012:role/r\n"
    );
    let home = || {
        let home = Home::new().with_file("config", &file);
        let home = home.with("AWS_REGION", "eu-west-1");
        home.with("AWS_MAX_ATTEMPTS", "1")
    };
    let s3 = ["s3", "ls", "s3://bkt"];
    let (sts, all) = ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL");
    for (profile, name, words, setting) in [
        ("robot", sts, &CALL[..], sts),
        ("role", sts, &CALL, sts),
        ("role", all, &["exec", "true"], all),
        ("robot", "AWS_ENDPOINT_URL_S3", &s3, "AWS_ENDPOINT_URL_S3"),
        ("robot", "MINE", &s3, "[robot] in ~/.aws/config:4"),
        ("robot", "MINE", &CALL, "[robot] in ~/.aws/config:4"),
    ] {
        let home = home().with("AWS_PROFILE", profile).with(name, &nowhere);
        let hints = hints(&home.keyfob(words).fails(255));
        assert_has(&hints, &[&format!("the URL comes from {setting}")]);
    }
    // Nothing that is called is at this URL.
    let home = home().with("AWS_PROFILE", "role").with(sts, &nowhere);
    let other = ["--endpoint-url", "http://127.0.0.1:2"];
    let hints = hints(&home.keyfob(s3.iter().chain(&other)).fails(255));
    assert_has(&hints, &[&format!("the URL comes from {sts}")]);
    assert_lacks(&hints, &["--endpoint-url"]);

    let file = file.replace(&nowhere, "https://sts.invalid");
    for name in ["HTTPS_PROXY", "all_proxy"] {
        let home = Home::new()
            .with_file("config", &file)
            .with("AWS_PROFILE", "robot");
        let home = home
            .with("AWS_MAX_ATTEMPTS", "1")
            .with("AWS_REGION", "eu-west-1");
        let home = home.with(name, &nowhere);
        for words in [&CALL[..], &s3] {
            let stderr = home.keyfob(words).fails(255);
            assert_has(&stderr, &[&format!(" through the proxy of {name}; check")]);
        }
    }
}

#[test]
fn an_answer_that_takes_too_long_names_the_option_that_waits_longer() {
    let home = home(&slow_sts(Duration::from_secs(2)));
    let call = [&CALL[..], &["--max-attempts", "1"]].concat();
    let short = call.iter().chain(&["--cli-read-timeout", "1"]);
    let stderr = home.keyfob(short).fails(255);
    assert_has(&stderr, &["(ReadTimeout)"]);
    let hints = hints(&stderr);
    let option = between(&hints, "`", "` waits longer");
    home.keyfob(call.iter().copied().chain(option.split(' ')))
        .ok();
}

#[test]
fn a_limit_of_the_service_names_the_option_that_tries_more_often() {
    let home = Home::new();
    let call = [&["--sandbox", "--sandbox-throttle", "2"][..], &CALL].concat();
    let once = call.iter().chain(&["--max-attempts", "1"]);
    let stderr = home.keyfob(once).fails(254);
    let hints = hints(&stderr);
    let option = between(&hints, "try again later, or with ", "\n");
    home.keyfob(call.iter().copied().chain(option.split(' ')))
        .ok();
}

#[test]
fn a_fault_of_the_service_is_said_to_be_one() {
    let body = error("InternalFailure", "oops");
    let (url, _) = start_server(&answer("500 Internal Server Error", &body));
    let call = [&CALL[..], &["--max-attempts", "1"]].concat();
    let stderr = home(&url).keyfob(call).fails(254);
    assert_eq!(
        hints(&stderr),
        "the service has a problem of its own, which mostly passes"
    );
}

#[test]
fn an_answer_of_something_else_names_the_setting_of_its_url() {
    let (url, _) = start_server(&answer("200 OK", "<html>hello</html>"));
    let stderr = home(&url).keyfob(CALL).fails(255);
    assert_has(
        &hints(&stderr),
        &["at the URL of AWS_ENDPOINT_URL is not STS", "check the URL"],
    );
}

#[test]
fn a_refusal_says_whose_credentials_they_are_and_which_command_asks_for_the_policy() {
    let home = Home::new();
    let role = "arn:aws:iam::123456789012:role/dev";
    let sandbox = ["--sandbox", "--profile", "user"];
    let words = [
        "sts",
        "assume-role",
        "--role-session-name",
        "me",
        "--role-arn",
        role,
    ];
    let stderr = home.keyfob(sandbox.iter().chain(&words)).fails(254);
    let hints = hints(&stderr);
    assert_has(
        &hints,
        &["the credentials come from profile \"user\" ([user] in "],
    );
    let command = between(&hints, "IAM may be asked: keyfob ", "\n");
    assert_eq!(command, format!("can sts:AssumeRole {role} --profile user"));
    let can = home.keyfob(["--sandbox"].into_iter().chain(command.split(' ')));
    assert_eq!(can.code, 1, "{can:?}");
    assert_has(&can.stdout, &["sts:AssumeRole"]);
}

#[test]
fn a_refusal_with_words_for_a_shell_is_not_made_a_command() {
    for words in [
        "a:b$(touch ran) on resource: arn:aws:iam::1:role/r",
        "ab on resource: arn:aws:iam::1:role/r",
        "a:b on resource: *",
        "a:b",
    ] {
        let body = error(
            "AccessDenied",
            &format!("You is not authorized to perform: {words}"),
        );
        let (url, _) = start_server(&answer("403 Forbidden", &body));
        let stderr = home(&url).keyfob(CALL).fails(254);
        let hints = hints(&stderr);
        assert_has(&hints, &["the credentials come from profile \"robot\""]);
        assert_lacks(&hints, &["keyfob can"]);
    }
    let quoted = "a:b on resource: arn:aws:s3:::b/$(touch\u{a0}ran)";
    let body = error(
        "AccessDenied",
        &format!("You is not authorized to perform: {quoted}"),
    );
    let (url, _) = start_server(&answer("403 Forbidden", &body));
    let stderr = home(&url).keyfob(CALL).fails(254);
    assert_has(&hints(&stderr), &["keyfob can a:b 'arn:aws:s3:::b/$(touch"]);
}

#[test]
fn a_refusal_with_details_names_the_command_that_decodes_them() {
    let lab = Lab::start();
    let message = refusal("implicit", &json!([])).to_string();
    let body = format!(
        "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not \
         authorized. Encoded authorization failure message: {}</Message></Error></Errors>\
         </Response>",
        lab.account.encode_message(message)
    );
    let (url, _) = start_server(&answer("403 Forbidden", &body));
    let words = ["ec2", "reboot-instances", "--instance-ids", "i-1"];
    let stderr = home(&url).keyfob(words).fails(254);
    let hints = hints(&stderr);
    let command = between(&hints, "to see why: keyfob ", ", with this error");
    let decoded = lab
        .home()
        .keyfob_with_input(command.split(' '), &stderr)
        .ok();
    assert_has(&decoded, &["decision ", "ec2:RunInstances"]);
}

#[test]
fn a_role_whose_source_is_refused_has_the_hint_of_a_call_that_is() {
    let body = error(
        "ExpiredToken",
        "The security token included in the request is expired",
    );
    let (url, _) = start_server(&answer("403 Forbidden", &body));
    let home = home(&url).with("AWS_PROFILE", "role");
    let stderr = home.keyfob(CALL).fails(254);
    assert_has(
        &stderr,
        &[
            "when calling the AssumeRole operation",
            "by [role] in ~/.aws/config:",
        ],
    );
    assert_has(
        &hints(&stderr),
        &[
            "the session has expired",
            "assumed with the key AKIAIOSFODNN7EXAMPLE of [robot] in ~/.aws/config:",
        ],
    );
}

#[test]
fn a_refused_role_says_whose_key_it_was_and_which_command_asks_for_the_policies() {
    let home = Home::new();
    let role = "arn:aws:iam::123456789012:role/dev";
    let sandbox = ["--sandbox", "--profile", "user", "--region", "us-east-1"];
    for (source, option) in [
        (&[][..], " --profile user"),
        (&["--source-profile", "user"], " --profile user"),
    ] {
        let words = [
            &sandbox[..],
            &["exec", "--role-arn", role],
            source,
            &["true"],
        ]
        .concat();
        let stderr = home.keyfob(words).fails(254);
        let hints = hints(&stderr);
        assert_has(
            &hints,
            &[
                "the role was to be assumed with the key AKIA",
                " of [user] in ",
            ],
        );
        let command = between(&hints, "`keyfob ", "`");
        assert_eq!(command, format!("can sts:AssumeRole {role}{option}"));
        let can = home.keyfob(["--sandbox"].into_iter().chain(command.split(' ')));
        assert_has(&can.stdout, &["sts:AssumeRole"]);
    }
    // For the credentials of the environment, no option is needed.
    let refused = |code: &str| {
        let (url, _) = start_server(&answer("403 Forbidden", &error(code, "nope")));
        let home = Home::new().with_key("AKIAOFENVIRONMENT0", "canary");
        let home = home
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_ENDPOINT_URL", &url);
        let stderr = home.keyfob(["env", "--role-arn", role]).fails(254);
        let hints = hints(&stderr);
        assert_has(&hints, &["the key AKIAOFENVIRONMENT0 of AWS_ACCESS_KEY_ID"]);
        hints
    };
    let command = format!("`keyfob can sts:AssumeRole {role}`");
    assert_has(&refused("AccessDenied"), &[&command]);
    assert_lacks(&refused("InvalidClientTokenId"), &["keyfob can"]);
}

#[test]
fn an_expired_session_names_the_command_that_gets_a_new_one_from_its_source() {
    let (url, _) = start_server(&answer("403 Forbidden", &error("ExpiredToken", "expired")));
    let key = "aws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary\n\
               aws_session_token = canary\n";
    let saml = "x_principal_arn = arn:aws:iam::123456789012:role/r\n";
    let config = format!("[profile session]\n{key}[profile corp]\n{key}{saml}");
    let home = || {
        let home = Home::new().with_file("config", &config);
        home.with("AWS_REGION", "eu-west-1")
            .with("AWS_ENDPOINT_URL", &url)
    };
    let hints_of = |home: &Home| hints(&home.keyfob(CALL).fails(254));
    let run = |home: &Home, command: &str| {
        let program = env!("CARGO_BIN_EXE_keyfob");
        let line = command.replace("keyfob ", &format!("{program} "));
        Run::new(home.program("sh").args(["-c", &line]).output().unwrap())
    };

    // A session of the key of another profile.
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let mfa = with_mfa(&sandbox);
    let hint = hints_of(&home().with("AWS_PROFILE", "session"));
    let command = between(
        &hint,
        "\n`",
        "` gets a session with the key of profile NAME",
    );
    let code = format!(" --serial-number {SERIAL} --token-code 161803");
    run(&mfa, &(command.replace("NAME", "user") + &code)).ok();
    assert_has(
        &mfa.keyfob(["whoami", "--profile", "session"]).ok(),
        &["user"],
    );
    let command = between(&hint, "; `", "` asks for one that is copied");
    assert_has(&run(&mfa, command).fails(253), &["terminal"]);

    let hint = hints_of(&home().with("AWS_PROFILE", "corp"));
    let command = between(
        &hint,
        "\n`",
        "` signs in again, at the page of your identity provider",
    );
    let stderr = run(&home(), &command.replace("URL", "-")).fails(252);
    assert_has(&stderr, &["--idp-url: write a URL"]);

    let with_session = || {
        let home = home().with_key("ASIAIOSFODNN7EXAMPLE", "canary");
        home.with("AWS_SESSION_TOKEN", "canary")
    };
    let hint = hints_of(&with_session());
    let command = between(&hint, "\n`", "` takes it out of the environment");
    let stderr = run(&with_session(), &format!("{command}; keyfob whoami")).fails(253);
    assert_has(&stderr, &["AWS_ACCESS_KEY_ID is not set"]);
    let hint = hints_of(&with_session().with("KEYFOB_PROFILE", "session"));
    let command = between(&hint, "start it again: `", "`");
    run(&home().with("SHELL", "/bin/true"), command).ok();
}

/// What a profile's process prints cannot be renewed here, but looked at.
#[test]
fn an_expired_session_of_a_process_names_the_command_that_shows_what_it_prints() {
    let (url, _) = start_server(&answer("403 Forbidden", &error("ExpiredToken", "expired")));
    let key = json!({"Version": 1, "AccessKeyId": "ASIATOOL", "SecretAccessKey": "canary",
        "SessionToken": "canary"});
    let home = Home::new().with_file("config", "[default]\ncredential_process = cat .aws/tool\n");
    let home = home
        .with_file("tool", &key.to_string())
        .with("AWS_REGION", "eu-west-1");
    let home = home.with("AWS_ENDPOINT_URL", &url);
    let hint = hints(&home.keyfob(CALL).fails(254));
    let (_, command) = hint.split_once("process of the profile says: ").unwrap();
    let program = env!("CARGO_BIN_EXE_keyfob");
    let line = command.replace("keyfob ", &format!("{program} "));
    let run = Run::new(home.program("sh").args(["-c", &line]).output().unwrap());
    assert_eq!(run.ok(), key.to_string());
}

#[test]
fn the_command_that_shows_what_a_process_says_is_there_if_it_ran_and_keeps_its_words() {
    let program = env!("CARGO_BIN_EXE_keyfob");
    let of_process = |command: &str| {
        let config = format!("[profile my tool]\ncredential_process = {command}\n");
        let home = Home::new().with_file("config", &config.replace("my tool", "'my tool'"));
        let stderr = home.keyfob(["whoami", "--profile", "my tool"]).stderr;
        (home, hints(&stderr))
    };
    let (home, hint) = of_process("printf 'a  b'");
    let (_, line) = hint.split_once("to see what it says: ").unwrap();
    let line = line.replace("keyfob ", &format!("{program} "));
    let run = Run::new(home.program("sh").args(["-c", &line]).output().unwrap());
    assert_eq!(run.ok(), "a  b");

    // A shell would replace `$HOME`.
    let (home, hint) = of_process("printf $HOME");
    let (_, line) = hint.split_once("run in a terminal what `").unwrap();
    let (line, _) = line.split_once('`').unwrap();
    let line = line.replace("keyfob ", &format!("{program} "));
    let run = Run::new(home.program("sh").args(["-c", &line]).output().unwrap());
    assert_eq!(run.ok(), "printf $HOME\n");

    for command in ["/nowhere/tool", "printf 'a"] {
        let (_, hint) = of_process(command);
        assert_lacks(&hint, &["to see what"]);
        let set = "keyfob configure set credential_process VALUE --profile 'my tool'";
        assert_has(&hint, &[set]);
    }
}

#[test]
fn the_source_of_a_role_is_asked_once_for_its_explanation_and_the_role() {
    let key = json!({"Version": 1, "AccessKeyId": "ASIATOOL", "SecretAccessKey": "canary",
        "SessionToken": "canary"});
    for (output, code) in [(key.to_string(), 254), ("no JSON".to_owned(), 255)] {
        let (url, _) = start_server(&answer("403 Forbidden", &error("AccessDenied", "no")));
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_ENDPOINT_URL", &url)
            .with_file("config", "[default]\ncredential_process = sh .aws/tool\n")
            .with_file("tool", "echo run >> .aws/runs\ncat .aws/output\n")
            .with_file("output", &output);
        let role = ["--role-arn", "arn:aws:iam::123456789012:role/r"];
        let words = ["configure", "export-credentials", "--why"];
        home.keyfob([&words[..], &role].concat()).fails(code);
        assert_eq!(home.read("runs"), "run\n", "{output}");
    }
}

#[test]
fn what_an_sso_session_lacks_has_the_command_that_sets_it() {
    let config = "[default]\nsso_session = my team\nsso_account_id = 123456789012\n\
                  sso_role_name = Dev\n[sso-session 'my team']\n\
                  sso_start_url = https://x.awsapps.com/start\n";
    let home = Home::new().with_file("config", config);
    let stderr = home.keyfob(["whoami"]).fails(253);
    assert_has(&stderr, &["sso-session \"my team\" has no sso_region"]);
    let hint = hints(&stderr);
    let (_, line) = hint.split_once("`keyfob ").unwrap();
    let (line, _) = line.split_once('`').unwrap();
    let program = env!("CARGO_BIN_EXE_keyfob");
    let line = format!("{program} {}", line.replace("VALUE", "eu-west-1"));
    Run::new(home.program("sh").args(["-c", &line]).output().unwrap()).ok();
    assert_lacks(&home.keyfob(["whoami"]).stderr, &["has no sso_region"]);
}

#[test]
fn no_command_asks_without_a_terminal_and_each_says_what_to_give() {
    let file = "[profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/r\nregion = eu-west-1\n\
                source_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/a\n\
                [profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
                aws_secret_access_key = canary\n";
    let home = Home::new().with_file("config", file);
    for (words, given) in [
        (&["configure"][..], "keyfob configure set"),
        (&["configure", "sso"], "sso_start_url"),
        (&["configure", "sso-session"], "sso_start_url"),
        (
            &["configure", "mfa-login", "--profile", "base"],
            "--serial-number",
        ),
        (
            &["login", "--remote", "--region", "eu-west-1"],
            "--no-browser",
        ),
        (&["whoami", "--profile", "mfa"], "--token-code -"),
        (&["exec", "--profile", "mfa", "--", "env"], "--token-code -"),
    ] {
        let run = home.keyfob(words);
        let stderr = run.fails(253);
        assert_has(&hints(&stderr), &[given]);
        assert_has(&stderr, &["terminal"]);
    }
}

#[test]
fn a_log_says_each_decision_and_no_secret() {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn>\
                </GetCallerIdentityResult></GetCallerIdentityResponse>";
    let (url, _) = start_server(&answer("200 OK", body));
    let home = home(&url).with("AWS_SESSION_TOKEN", "canary");
    let run = home.keyfob([&CALL[..], &["--debug"]].concat());
    assert_has(
        &run.stderr,
        &[
            // The settings, the providers that were asked, where the call goes, and what it became.
            "profile",
            "robot",
            "provider=",
            "verdict=Used",
            "region=\"eu-west-1\"",
            &format!("endpoint=\"{url}/\""),
        ],
    );
    assert_lacks(&run.stderr, &["canary"]);
    run.ok();
}
