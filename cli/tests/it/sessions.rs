//! Sessions that commands store under profiles, and codes of MFA devices.

use std::{io::Write as _, process::Stdio};

use keyfob_sigv4::Timestamp;
use keyfob_sts::server::{MfaDevice, Role};

use crate::{
    configure::on_terminal,
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::Lab,
    readme::transcript,
};

fn lab() -> (Lab, MfaDevice) {
    let lab = Lab::start();
    let device = lab.account.add_mfa_device("alice").unwrap();
    (lab, device)
}

fn code(device: &MfaDevice) -> String {
    device.code(Timestamp::now()).expose().to_owned()
}

/// A code that no device shows now.
fn wrong(device: &MfaDevice) -> &'static str {
    let now = Timestamp::now();
    let near = [-30, 0, 30].map(|seconds| device.code(now.plus_seconds(seconds)));
    let is_wrong = |code: &&&str| near.iter().all(|near| near.expose() != **code);
    ["000000", "111111", "222222", "333333"]
        .iter()
        .find(is_wrong)
        .unwrap()
}

fn get_session_token<'a>(device: &'a MfaDevice, more: &[&'a str]) -> Vec<&'a str> {
    let words = ["sts", "get-session-token", "--serial-number"];
    [&words[..], &[device.serial_number()], more].concat()
}

/// Returns who the credentials of a profile are, as STS says.
fn whoami(home: &Home, profile: &str) -> String {
    let words = ["sts", "get-caller-identity", "--profile", profile];
    let more = ["--query", "Arn", "--output", "text"];
    home.keyfob(words.iter().chain(&more)).ok()
}

#[track_caller]
fn value(file: &str, name: &str) -> String {
    let line = file.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim_start_matches(" = ").to_owned()
}

#[test]
fn update_profile_stores_the_session_of_each_command_and_prints_nothing_of_it() {
    let (lab, device) = lab();
    lab.account.add_role(Role::new("deploy").unwrap());
    let code = code(&device);
    let role = "arn:aws:iam::123456789012:role/deploy";
    for (words, arn) in [
        (
            get_session_token(&device, &["--token-code", &code]),
            "arn:aws:iam::123456789012:user/alice\n",
        ),
        (
            vec![
                "sts",
                "assume-role",
                "--role-arn",
                role,
                "--role-session-name",
                "me",
            ],
            "arn:aws:sts::123456789012:assumed-role/deploy/me\n",
        ),
        (
            vec![
                "sts",
                "get-federation-token",
                "--name",
                "bob",
                "--policy",
                "{}",
            ],
            "arn:aws:sts::123456789012:federated-user/bob\n",
        ),
    ] {
        let home = lab.home();
        let before = home.read("credentials");
        let old = "[s]\n# a comment\nexpiration = 2001-01-01 00:00:00\naws_security_token = old\n";
        let home = home.with_file("credentials", &(before.clone() + old));
        let run = home.keyfob(words.iter().copied().chain(["--update-profile", "s"]));
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
        let file = home.read("credentials");
        assert!(file.starts_with(&(before + "[s]\n# a comment\n")), "{file}");
        assert_lacks(&file, &["\nexpiration", "aws_security_token"]);
        let note = "note: profile \"s\" has a session, valid until ";
        assert_has(&run.stderr, &[note]);
        let names = ["aws_secret_access_key", "aws_session_token"];
        let session = file.rsplit_once("[s]").unwrap().1;
        assert_lacks(
            &run.stderr,
            &names
                .map(|name| value(session, name))
                .each_ref()
                .map(String::as_str),
        );
        assert!(
            value(&file, "x_security_token_expires")
                .parse::<Timestamp>()
                .unwrap()
                > Timestamp::now()
        );
        assert_eq!(whoami(&home, "s"), arn);
        let why = home.keyfob(["why", "--profile", "s"]).ok();
        assert_has(&why, &["expires at", "x_security_token_expires"]);
        // The session that is there may be replaced.
        if !words.contains(&"--token-code") {
            home.keyfob(words.into_iter().chain(["--update-profile", "s"]))
                .ok();
        }
    }
}

#[test]
fn a_long_term_key_is_never_replaced_by_a_session() {
    let (lab, device) = lab();
    let home = lab.home();
    let before = home.read("credentials");
    let token_code = code(&device);
    let store = ["--token-code", &token_code, "--update-profile", "alice"];
    let login = [
        "configure",
        "mfa-login",
        "--serial-number",
        device.serial_number(),
    ];
    for words in [
        get_session_token(&device, &store),
        [&login, &store[..]].concat(),
    ] {
        let stderr = home.keyfob(words).fails(252);
        assert_has(
            &stderr,
            &["--update-profile: this profile has a long-term key"],
        );
    }
    assert_eq!(home.read("credentials"), before);
    assert_eq!(
        lab.services.calls("GetSessionToken"),
        0,
        "a session was lost"
    );
}

#[test]
fn a_profile_whose_other_credentials_come_first_is_refused_before_a_session_is_issued() {
    let (lab, device) = lab();
    let keys = lab.home().read("credentials");
    let role = "role_arn = arn:aws:iam::123456789012:role/other\nsource_profile = alice";
    for (file, header, setting, kind) in [
        ("config", "[profile p]", role, "Assume Role"),
        ("credentials", "[p]", role, "Assume Role"),
        ("config", "[profile p]", "sso_session = corp", "SSO"),
        (
            "config",
            "[profile p]",
            "sso_account_id = 123456789012",
            "SSO",
        ),
        (
            "config",
            "[profile p]",
            "credential_process = echo",
            "Credential Process",
        ),
        ("config", "[profile p]", "login_session = arn:a", "Login"),
        (
            "credentials",
            "[p]",
            "web_identity_token_file = /t",
            "Web Identity",
        ),
    ] {
        let home = lab.home();
        let mut text = format!("{header}\n{setting}\n");
        if file == "credentials" {
            text = format!("{keys}\n{text}");
        }
        std::fs::write(home.file(file), &text).unwrap();
        let property = setting.split(' ').next().unwrap();
        let reason =
            format!("--update-profile: this profile has {kind} credentials ({property} in ");
        let login = ["configure", "mfa-login", "--serial-number"];
        let login = [
            &login[..],
            &[device.serial_number(), "--token-code", "123456"],
        ]
        .concat();
        for words in [
            get_session_token(&device, &["--token-code", "123456"]),
            login,
        ] {
            let refused = home.keyfob(words.iter().chain(&["--update-profile", "p"]));
            let stderr = refused.fails(252);
            assert_has(
                &stderr,
                &[&reason, "name another profile, or remove that line"],
            );
        }
        assert_eq!(home.read(file), text);
        assert_eq!(lab.services.calls("GetSessionToken"), 0, "{setting}");
    }
    // Each of the two cures.
    let home = lab.home();
    let config = format!("[profile p]\n{role}\n");
    let token = ["sts", "get-session-token", "--update-profile"];
    for (name, config) in [
        ("other", &config[..]),
        ("p", "[profile p]\nsource_profile = alice\n"),
    ] {
        std::fs::write(home.file("config"), config).unwrap();
        home.keyfob(token.iter().chain(&[name])).ok();
        assert_eq!(
            whoami(&home, name),
            "arn:aws:iam::123456789012:user/alice\n"
        );
    }
}

#[test]
fn a_code_comes_from_standard_input_or_from_a_command_without_a_shell() {
    let (lab, device) = lab();
    let home = lab.home();
    let words = get_session_token(&device, &["--token-code", "-"]);
    home.keyfob_with_input(&words, &(code(&device) + "\n")).ok();
    // The next one: a code works once.
    let next = device.code(Timestamp::now().plus_seconds(30));
    let command = format!("printf '%s\\n' {}", next.expose());
    home.keyfob(get_session_token(&device, &["--token-command", &command]))
        .ok();
    for (command, code, reason) in [
        (
            "printf 'x",
            252,
            "--token-command: it has a quote without its end",
        ),
        ("", 252, "--token-command: it names no program"),
        (
            "false",
            255,
            "--token-command: the command failed (exit status: 1)",
        ),
        ("true", 255, "--token-command: the command printed nothing"),
        (
            "no-such-program",
            255,
            "--token-command: the command did not run",
        ),
        ("printf $HOME", 252, "six digits"),
    ] {
        let words = get_session_token(&device, &["--token-command", command]);
        let stderr = home.keyfob(words).fails(code);
        assert_has(&stderr, &[reason]);
    }
    let stderr = home.keyfob_with_input(&words, "\n").fails(252);
    assert_has(
        &stderr,
        &["no MFA code was given", "hint: type the six digits"],
    );
}

#[test]
fn one_line_of_standard_input_is_enough() {
    let (lab, device) = lab();
    let home = lab.home();
    let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
    command.args(get_session_token(&device, &["--token-code", "-"]));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", code(&device)).unwrap();
    // The input is still open.
    assert!(child.wait().unwrap().success());
    drop(input);
}

#[test]
fn a_refused_code_says_why_and_is_never_logged() {
    let (lab, device) = lab();
    let home = lab.home();
    let wrong = wrong(&device);
    let words = get_session_token(&device, &["--token-code", "-", "--debug"]);
    let stderr = home.keyfob_with_input(&words, wrong).fails(254);
    assert_has(
        &stderr,
        &[
            "(AccessDenied) when calling the GetSessionToken operation",
            "hint: that code is wrong, or was used before",
        ],
    );
    assert_lacks(&stderr, &[wrong]);
    assert_eq!(lab.services.calls("GetSessionToken"), 1);
    let other = "arn:aws:iam::123456789012:mfa/other";
    let words = ["sts", "get-session-token", "--serial-number", other];
    let stderr = home
        .keyfob_with_input(words.iter().chain(&["--token-code", "-"]), wrong)
        .fails(254);
    assert_lacks(&stderr, &["hint: that code"]);
}

#[test]
fn at_a_terminal_three_codes_may_be_tried() {
    let (lab, device) = lab();
    let home = lab.home();
    let question = format!("Enter MFA code for {}: ", device.serial_number());
    let (wrong, right) = (wrong(&device), code(&device));
    let words = get_session_token(&device, &["--token-code", "-", "--update-profile", "mfa"]);
    let answers = [wrong, wrong, &right].map(|code| (question.as_str(), format!("{code}\n")));
    let run = on_terminal(&home, &words, &answers);
    assert_eq!(run["code"], 0, "{run}");
    let shown = run["shown"].as_str().unwrap();
    assert_has(
        shown,
        &[
            "warning: that code is wrong, or was used before",
            "warning: that code was already used: wait for the next one",
        ],
    );
    assert_lacks(shown, &[wrong, &right]);
    assert_eq!(
        whoami(&home, "mfa"),
        "arn:aws:iam::123456789012:user/alice\n"
    );
    // The code that STS has accepted is used, too.
    let answers = [right.as_str(); 3].map(|code| (question.as_str(), format!("{code}\n")));
    let run = on_terminal(&home, &words, &answers);
    assert_eq!(run["code"], 254, "{run}");
    assert_eq!(lab.services.calls("GetSessionToken"), 6);
}

#[test]
fn mfa_login_asks_for_what_is_missing_and_stores_the_session() {
    let (lab, device) = lab();
    let home = lab.home();
    let serial = device.serial_number();
    let asks_code = format!("Enter MFA code for {serial}: ");
    let token_code = code(&device);
    let run = on_terminal(
        &home,
        &["configure", "mfa-login"],
        &[
            ("MFA serial number or ARN [None]: ", format!("{serial}\n")),
            ("Profile to update [123456789012-alice]: ", "\n".to_owned()),
            (&asks_code, format!("{token_code}\n")),
        ],
    );
    assert_eq!(run["code"], 0, "{run}");
    let shown = run["shown"].as_str().unwrap();
    assert_has(
        shown,
        &[
            "Temporary credentials written to profile '123456789012-alice'",
            "Credentials will expire at ",
            "To use these credentials, specify --profile 123456789012-alice when running",
        ],
    );
    assert_lacks(shown, &[&token_code]);
    assert_eq!(
        whoami(&home, "123456789012-alice"),
        "arn:aws:iam::123456789012:user/alice\n"
    );
}

#[test]
fn mfa_login_takes_the_device_of_the_profile_and_needs_no_terminal() {
    let (lab, device) = lab();
    let config = format!("[profile alice]\nmfa_serial = {}\n", device.serial_number());
    let home = lab.home().with_file("config", &config);
    let login = |more: &[&str], input: &str| -> Run {
        let words = [&["configure", "mfa-login"], more].concat();
        home.keyfob_with_input(words, input)
    };
    let stdout = login(&["--duration-seconds", "900"], &code(&device)).ok();
    assert_has(&stdout, &["written to profile '123456789012-alice'"]);
    let expiry = value(&home.read("credentials"), "x_security_token_expires");
    let left = expiry
        .parse::<Timestamp>()
        .unwrap()
        .seconds_since(Timestamp::now());
    assert!((800..=900).contains(&left), "{left}");
    let stderr = login(&["--token-command", "false"], "").fails(255);
    assert_has(&stderr, &["--token-command: the command failed"]);
    let stderr = lab.home().keyfob(["configure", "mfa-login"]).fails(253);
    assert_has(
        &stderr,
        &["(NoTerminal)", "hint: give the device with --serial-number"],
    );
}

#[test]
fn the_transcript_of_the_readme_gets_a_session_with_a_code() {
    let (lab, device) = lab();
    let config = format!("[profile alice]\nmfa_serial = {}\n", device.serial_number());
    let home = lab.home().with_file("config", &config);
    for (line, output) in transcript("keyfob configure mfa-login") {
        let (words, command) = line.split_once(" --token-command ").unwrap();
        assert_eq!(command, "'oathtool …'");
        let print = format!("echo {}", code(&device));
        let words = words.split(' ').skip(1).chain(["--token-command", &print]);
        let stdout = home.keyfob(words).ok();
        let expiry = value(&home.read("credentials"), "x_security_token_expires");
        let expiry = expiry.replace('T', " ").replace('Z', " UTC");
        assert_eq!(stdout, output.replace("2026-11-22 14:42:50 UTC", &expiry));
    }
}

#[test]
fn a_secret_may_come_from_a_variable_or_from_standard_input() {
    let (lab, device) = lab();
    let home = lab.home().with("CODE", &code(&device));
    let session = home.keyfob(get_session_token(&device, &["--token-code", "env:CODE"]));
    assert_has(&session.ok(), &["ASIA"]);
    let stderr = home
        .keyfob(get_session_token(&device, &["--token-code", "env:NO_CODE"]))
        .fails(252);
    assert_has(&stderr, &["--token-code: the variable NO_CODE is not set"]);

    let provider = lab
        .account
        .add_saml_provider("idp", "https://idp.example.com");
    lab.account.add_role(Role::new("deploy").unwrap());
    let role = "arn:aws:iam::123456789012:role/deploy";
    let assertion = lab
        .account
        .saml_assertion(&provider, role, "carol", Timestamp::now());
    let words = ["sts", "assume-role-with-saml", "--role-arn", role];
    let more = ["--principal-arn", &provider, "--saml-assertion", "-"];
    let input = format!("{}\n", assertion.expose());
    let run = home.keyfob_with_input(words.iter().chain(&more), &input);
    // The assertion was read; the role does not trust its provider.
    assert_has(&run.fails(254), &["AccessDenied"]);
}
