use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use keyfob_chain::files::names;
use keyfob_sts::server::Fault;
use serde_json::Value;

use crate::{
    answers::{answer, start_server},
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::{ACCOUNT, Lab},
    python,
    servers::fetch,
    signals::send,
};

pub(crate) const START_URL: &str = "https://d-1234567890.awsapps.com/start";

const CONFIG: &str = "# mine
[profile dev] # by hand
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Admin
[profile legacy]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = Admin
[sso-session corp]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
[sso-session plain]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = eu-west-1
";

/// Starts services where carol has a role, and a home with their URL.
pub(crate) fn center() -> (Lab, Home) {
    let lab = Lab::start();
    lab.account.assign("carol", ACCOUNT, "Admin").unwrap();
    let home = Home::new()
        .with("AWS_ENDPOINT_URL", &lab.url)
        .with("AWS_REGION", "us-east-1");
    (lab, home)
}

fn configured() -> (Lab, Home) {
    let (lab, home) = center();
    (lab, home.with_file("config", CONFIG))
}

/// Returns the path of the file with a token.
fn token_path(home: &Home, name: &str) -> PathBuf {
    home.file("sso/cache").join(names::sso_token(name))
}

fn token(home: &Home, name: &str) -> Value {
    serde_json::from_slice(&fs::read(token_path(home, name)).unwrap()).unwrap()
}

/// A login that waits for its user.
struct Login {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    shown: String,
}

impl Login {
    fn start(home: &Home, more: &[&str]) -> Self {
        let mut child = home
            .program(env!("CARGO_BIN_EXE_keyfob"))
            .args(["sso", "login", "--no-browser"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            stdout,
            shown: String::new(),
        }
    }

    /// Returns the next line that starts with `prefix`.
    fn line(&mut self, prefix: &str) -> String {
        loop {
            let mut line = String::new();
            let count = self.stdout.read_line(&mut line).unwrap();
            self.shown += &line;
            assert_ne!(count, 0, "{:?}", self.finish_now());
            if line.starts_with(prefix) {
                return line.trim_end().to_owned();
            }
        }
    }

    fn finish_now(&mut self) -> Run {
        self.stdout.read_to_string(&mut self.shown).unwrap();
        let mut stderr = String::new();
        let pipe = self.child.stderr.as_mut().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        Run {
            code: self.child.wait().unwrap().code().unwrap_or(-1),
            stdout: self.shown.clone(),
            stderr,
        }
    }

    fn finish(mut self) -> Run {
        self.finish_now()
    }
}

/// Opens a URL as a browser does, and returns the URL that it is sent to.
fn location(url: &str) -> String {
    let answer = fetch("GET", url, &[], "");
    let line = answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    assert!(line.is_some(), "{answer}");
    line.unwrap().to_owned()
}

/// Signs in with a code in the browser.
fn login(home: &Home, more: &[&str]) -> Run {
    let mut login = Login::start(home, more);
    let back = location(&login.line("http"));
    assert_has(
        &fetch("GET", &back, &[], ""),
        &[" 200 ", "You are signed in."],
    );
    login.finish()
}

/// Signs in with the code of a device.
fn login_with_device(lab: &Lab, home: &Home, more: &[&str]) -> Run {
    let mut login = Login::start(home, more);
    login.line("Then enter the code:");
    login.line("\n");
    let code = login.line("");
    lab.account.approve(&code, "carol").unwrap();
    login.finish()
}

fn whoami(home: &Home, profile: &str) -> String {
    let words = ["sts", "get-caller-identity", "--profile", profile];
    let more = ["--query", "Arn", "--output", "text"];
    home.keyfob(words.iter().chain(&more)).ok()
}

#[test]
fn a_browser_signs_in_and_the_token_is_saved_as_aws_saves_it() {
    let (lab, home) = configured();
    let run = login(&home, &["--profile", "dev"]);
    assert_eq!(run.stderr, "");
    let stdout = run.ok();
    let (start, rest) = stdout.split_once("http://").unwrap();
    assert_eq!(
        start,
        "Browser will not be automatically opened.\nPlease visit the following URL:\n\n"
    );
    let (url, end) = rest.split_once('\n').unwrap();
    assert_has(
        url,
        &[
            "/authorize?response_type=code&client_id=",
            "&redirect_uri=http%3A%2F%2F127.0.0.1%3A",
            "%2Foauth%2Fcallback&state=",
            "&code_challenge_method=S256&scopes=sso%3Aaccount%3Aaccess&code_challenge=",
        ],
    );
    assert_eq!(
        end,
        format!("Successfully logged into Start URL: {START_URL}\n")
    );
    let file = fs::read_to_string(token_path(&home, "corp")).unwrap();
    let members = [
        "{\"startUrl\": \"https://d-",
        ", \"region\": \"eu-west-1\", \"accessToken\": \"",
        "\", \"expiresAt\": \"20",
        "Z\", \"clientId\": \"",
        "\", \"clientSecret\": \"",
        "\", \"registrationExpiresAt\": \"20",
        "\", \"refreshToken\": \"",
    ];
    members.iter().fold(0, |at, member| {
        let found = file[at..].find(member);
        assert!(found.is_some(), "{member} is not after {at} in {file}");
        at + found.unwrap() + member.len()
    });
    assert!(file.ends_with("\"}"), "{file}");
    assert_has(
        &whoami(&home, "dev"),
        &["assumed-role/AWSReservedSSO_Admin"],
    );
    // The registration is used again; the token is not.
    let first = token(&home, "corp");
    login(&home, &["--sso-session", "corp"]).ok();
    let second = token(&home, "corp");
    assert_eq!(first["clientId"], second["clientId"]);
    assert_ne!(first["accessToken"], second["accessToken"]);
    assert_eq!(lab.services.calls("RegisterClient"), 1);
    #[cfg(unix)]
    for (path, expected) in [
        (token_path(&home, "corp"), 0o600),
        (home.file("sso/cache"), 0o700),
    ] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{}", path.display());
    }
}

#[test]
fn scopes_are_those_of_the_session_and_the_code_grant_has_a_default() {
    let (_lab, home) = configured();
    let mut waiting = Login::start(&home, &["--sso-session", "plain"]);
    assert_has(&waiting.line("http"), &["&scopes=sso%3Aaccount%3Aaccess&"]);
    waiting.child.kill().unwrap();
    let registration = fs::read_dir(home.file("sso/cache")).unwrap();
    let texts: String = registration
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert_has(
        &texts,
        &["\"grantTypes\": [\"authorization_code\", \"refresh_token\"]"],
    );
    assert_lacks(&texts, &["\"scopes\""]);
}

#[test]
fn members_that_other_tools_put_into_a_registration_file_outlive_the_next_registration() {
    let (_lab, home) = configured();
    let only_file = || {
        let mut files = fs::read_dir(home.file("sso/cache")).unwrap();
        files.next().unwrap().unwrap().path()
    };
    let mut waiting = Login::start(&home, &["--sso-session", "plain"]);
    waiting.line("http");
    waiting.child.kill().unwrap();
    let path = only_file();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen('{', "{\"theirs\": {\"a\": 1}, ", 1)).unwrap();
    // The registration of the code grant is of no use here.
    let words = ["--sso-session", "plain", "--use-device-code"];
    let mut waiting = Login::start(&home, &words);
    waiting.line("http");
    waiting.child.kill().unwrap();
    let new = fs::read_to_string(&path).unwrap();
    assert_has(&new, &["\"clientSecret\": \"", ", \"theirs\": {\"a\": 1}}"]);
    assert_lacks(&new, &["grantTypes"]);
}

#[test]
fn members_that_other_tools_put_into_a_token_file_outlive_a_login() {
    let (_lab, home) = configured();
    login(&home, &["--profile", "dev"]).ok();
    let path = token_path(&home, "corp");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen('{', "{\"theirs\": {\"a\": 1}, ", 1)).unwrap();
    login(&home, &["--profile", "dev"]).ok();
    assert_eq!(token(&home, "corp")["theirs"]["a"], 1);
}

#[test]
fn a_request_that_is_not_of_this_sign_in_does_not_end_it() {
    let (_lab, home) = configured();
    let mut waiting = Login::start(&home, &["--profile", "dev"]);
    let back = location(&waiting.line("http"));
    let (page, _) = back.split_once('?').unwrap();
    for (url, status) in [
        (format!("{page}?code=canary&state=wrong"), " 400 "),
        (format!("{page}?error=access_denied"), " 400 "),
        (back.replace("/oauth/callback", "/"), " 404 "),
        (back.replace("code=", "x="), " 400 "),
    ] {
        assert_has(&fetch("GET", &url, &[], ""), &[status]);
    }
    assert_has(&fetch("GET", &back, &[], ""), &[" 200 "]);
    waiting.finish().ok();
}

#[test]
fn a_device_gets_its_token_when_the_user_has_typed_the_code() {
    let (lab, home) = configured();
    for (more, name) in [
        (&["--profile", "legacy"][..], START_URL),
        (&["--profile", "dev", "--use-device-code"], "corp"),
    ] {
        let stdout = login_with_device(&lab, &home, more).ok();
        let start = "Browser will not be automatically opened.\nPlease visit the following \
             URL:\n\nhttp://";
        assert!(stdout.starts_with(start), "{stdout}");
        assert_has(
            &stdout,
            &[
                "/device\n\nThen enter the code:\n\n",
                "\n\nAlternatively, you may visit the following URL which will autofill the code \
                 upon loading:\nhttp://",
                "/device?user_code=",
            ],
        );
        assert!(token(&home, name)["accessToken"].is_string());
    }
    // Without scopes there is no refresh token.
    assert_eq!(token(&home, START_URL)["refreshToken"], Value::Null);
    for profile in ["legacy", "dev"] {
        assert_has(&whoami(&home, profile), &["AWSReservedSSO_Admin"]);
    }
}

#[test]
fn a_device_that_is_told_to_slow_down_asks_five_seconds_later() {
    let (lab, home) = configured();
    let mut waiting = Login::start(&home, &["--profile", "legacy"]);
    waiting.line("Then enter the code:");
    waiting.line("\n");
    let code = waiting.line("");
    lab.services.fail(Fault::Throttling, 1);
    // Failures that pass do not end the wait.
    lab.services.fail(Fault::HtmlPage, 1);
    let start = Instant::now();
    lab.account.approve(&code, "carol").unwrap();
    waiting.finish().ok();
    assert!(start.elapsed() > Duration::from_secs(10), "{start:?}");
}

#[test]
fn a_user_who_refuses_gets_no_token() {
    let (lab, home) = configured();
    let mut waiting = Login::start(&home, &["--profile", "dev"]);
    let denied = format!("{}&action=deny", waiting.line("http"));
    assert_has(&fetch("GET", &location(&denied), &[], ""), &["refused"]);
    let run = waiting.finish();
    assert_eq!(run.code, 255, "{run:?}");
    assert_has(&run.stderr, &["the sign-in was refused: access_denied"]);
    let mut waiting = Login::start(&home, &["--profile", "legacy"]);
    waiting.line("Then enter the code:");
    waiting.line("\n");
    let code = waiting.line("");
    lab.account.deny(&code).unwrap();
    let run = waiting.finish();
    assert_eq!(run.code, 254, "{run:?}");
    assert_has(
        &run.stderr,
        &["(AccessDeniedException) when calling the CreateToken operation"],
    );
    for name in ["corp", START_URL] {
        assert!(!token_path(&home, name).exists());
    }
}

#[test]
fn what_is_not_configured_is_told_with_a_cure_before_any_call() {
    let (lab, home) = center();
    let home = home.with_file(
        "config",
        "[profile none]\nregion = eu-west-1\n[profile half]\nsso_start_url = https://x/\n\
         [profile gone]\nsso_session = gone\n[sso-session half]\nsso_region = eu-west-1\n\
         [sso-session http]\nsso_start_url = http://d-1.awsapps.com/\nsso_region = eu-west-1\n\
         [sso-session user]\nsso_start_url = https://u:canary@x.awsapps.com/\nsso_region = eu-west-1\n",
    );
    for (more, expected, code) in [
        (
            &["--profile", "none"][..],
            "no sso_start_url and no sso_region to sign in with: run `keyfob configure sso \
             --profile none`",
            253,
        ),
        (
            &["--profile", "half"],
            "no sso_region to sign in with: run `keyfob configure sso --profile half`",
            253,
        ),
        (
            &["--profile", "gone"],
            "the SSO session \"gone\" does not exist: run `keyfob configure sso-session`",
            253,
        ),
        (
            &["--sso-session", "half"],
            "no sso_start_url to sign in",
            253,
        ),
        (&["--sso-session", "http"], "begin with https://", 253),
        (&["--sso-session", "user"], "has a user name", 253),
        (&["--profile", "absent"], "absent", 255),
    ] {
        let stderr = home.keyfob(["sso", "login"].iter().chain(more)).fails(code);
        assert_has(&stderr, &[expected]);
        assert_lacks(&stderr, &["canary"]);
    }
    assert_eq!(lab.services.counters().requests, 0);
    assert!(!home.file("sso").exists());
}

#[test]
fn faults_of_the_service_are_told_in_time_and_leave_no_token() {
    for (fault, code, expected) in [
        (Fault::Unavailable, 254, "reached max retries: 2"),
        (Fault::HtmlPage, 254, "502"),
        (Fault::Throttling, 254, "SlowDownException"),
        (Fault::Truncated, 255, "the answer cannot be read"),
        (Fault::InternalFailure, 254, "InternalServerException"),
    ] {
        let (lab, home) = configured();
        lab.services.fail(fault, 20);
        let start = Instant::now();
        let words = [
            "sso",
            "login",
            "--no-browser",
            "--debug",
            "--profile",
            "dev",
        ];
        let run = home.keyfob(words);
        assert!(start.elapsed() < Duration::from_secs(40), "{fault:?}");
        assert_eq!(run.code, code, "{fault:?}: {run:?}");
        assert_has(&run.stderr, &[expected]);
        assert!(!token_path(&home, "corp").exists());
    }
}

#[test]
fn no_secret_is_shown_whatever_is_answered_to_the_code() {
    for fault in [
        Fault::Truncated,
        Fault::HtmlPage,
        Fault::InternalFailure,
        Fault::ContentType,
    ] {
        let (lab, home) = configured();
        let mut waiting = Login::start(&home, &["--profile", "dev", "--debug"]);
        let back = location(&waiting.line("http"));
        lab.services.fail(fault, 20);
        fetch("GET", &back, &[], "");
        let run = waiting.finish();
        let (_, query) = back.split_once("code=").unwrap();
        let code = query.split('&').next().unwrap();
        let mut secrets = vec![code.to_owned()];
        for entry in fs::read_dir(home.file("sso/cache")).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let file: Value = serde_json::from_str(&text).unwrap();
            let members = ["clientSecret", "accessToken", "refreshToken"];
            let members = members.iter().filter_map(|name| file[name].as_str());
            secrets.extend(members.map(str::to_owned));
        }
        assert!(secrets.len() > 1, "{secrets:?}");
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        assert_lacks(&run.stderr, &secrets);
        assert_lacks(&run.stdout, &secrets);
        // A code works once, so it is not sent again.
        assert_eq!(run.code == 0, fault == Fault::ContentType, "{run:?}");
    }
}

#[test]
fn logout_ends_and_removes_tokens_and_what_came_from_them_and_nothing_else() {
    let (lab, home) = configured();
    login(&home, &["--profile", "dev"]).ok();
    login_with_device(&lab, &home, &["--profile", "legacy"]).ok();
    whoami(&home, "dev");
    let access_token = token(&home, "corp")["accessToken"].clone();
    let others = [
        ("sso/cache/notes.json", "{\"mine\": 1}"),
        ("sso/cache/broken.json", "{"),
        ("sso/cache/other.txt", "{\"accessToken\": \"x\"}"),
        ("cli/cache/role.json", "{\"Credentials\": {}}"),
        ("cli/cache/session.db", "x"),
    ];
    let mut home = home;
    for (name, text) in others {
        home = home.with_file(name, text);
    }
    let files = |folder: &str| fs::read_dir(home.file(folder)).unwrap().count();
    assert_eq!((files("sso/cache"), files("cli/cache")), (7, 3));
    let run = home.keyfob(["sso", "logout"]);
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (0, "", "")
    );
    assert_eq!(lab.services.calls("Logout"), 2);
    // The registrations stay.
    assert_eq!((files("sso/cache"), files("cli/cache")), (5, 2));
    for (name, text) in others {
        assert_eq!(home.read(name), text);
    }
    assert!(!token_path(&home, "corp").exists());
    let bearer = [("x-amz-sso_bearer_token", access_token.as_str().unwrap())];
    let url = format!("{}/assignment/accounts", lab.url);
    assert_has(&fetch("GET", &url, &bearer, ""), &[" 401 "]);
    // Again, and where there is nothing at all.
    home.keyfob(["sso", "logout"]).ok();
    Home::new().keyfob(["sso", "logout"]).ok();
}

#[test]
fn logout_removes_tokens_even_if_the_portal_cannot_end_them() {
    let (lab, home) = configured();
    login(&home, &["--profile", "dev"]).ok();
    let secret = token(&home, "corp")["accessToken"].clone();
    lab.services.fail(Fault::Unavailable, 20);
    let run = home.keyfob(["sso", "logout", "--debug"]);
    assert_has(
        &run.stderr,
        &[
            "warning: the token in ~/.aws/sso/cache/",
            "may be valid until it expires",
        ],
    );
    assert_lacks(&run.stderr, &[secret.as_str().unwrap()]);
    assert_eq!(run.code, 0);
    assert!(!token_path(&home, "corp").exists());
}

/// Returns the command between backticks.
fn cure(text: &str) -> Vec<String> {
    let (_, rest) = text.split_once("run `keyfob ").unwrap();
    let (command, _) = rest.split_once('`').unwrap();
    command.split(' ').map(str::to_owned).collect()
}

#[test]
fn the_cure_of_a_missing_an_expired_and_a_refused_token_signs_in() {
    let (lab, home) = configured();
    for profile in ["dev", "legacy"] {
        for damage in ["missing", "expired", "refused"] {
            let name = if profile == "dev" { "corp" } else { START_URL };
            let path = token_path(&home, name);
            let text = fs::read_to_string(&path).unwrap_or_default();
            match damage {
                "expired" => {
                    let mut file: Value = serde_json::from_str(&text).unwrap();
                    file["expiresAt"] = "2020-01-01T00:00:00Z".into();
                    file.as_object_mut().unwrap().remove("refreshToken");
                    fs::write(&path, file.to_string()).unwrap();
                }
                "refused" => {
                    let mut file: Value = serde_json::from_str(&text).unwrap();
                    file["accessToken"] = "unknown".into();
                    fs::write(&path, file.to_string()).unwrap();
                }
                _ => (),
            }
            let _ = fs::remove_dir_all(home.file("cli"));
            let words = ["sts", "get-caller-identity", "--profile", profile];
            let stderr = home.keyfob(words).fails(255);
            let cure = cure(&stderr);
            assert_eq!(&cure[..2], ["sso", "login"], "{damage}: {stderr}");
            let more: Vec<&str> = cure[2..].iter().map(String::as_str).collect();
            if profile == "dev" {
                login(&home, &more).ok();
            } else {
                login_with_device(&lab, &home, &more).ok();
            }
            assert_has(&whoami(&home, profile), &["AWSReservedSSO_Admin"]);
        }
    }
}

#[test]
fn the_cure_of_a_session_that_a_service_calls_expired_signs_in() {
    let (_lab, home) = configured();
    login(&home, &["--profile", "dev"]).ok();
    let body = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error>\
                </ErrorResponse>";
    let (url, _) = start_server(&answer("403 Forbidden", body));
    let whoami = ["sts", "get-caller-identity", "--profile", "dev"];
    let stderr = home
        .keyfob(whoami.iter().chain(&["--endpoint-url", &url]))
        .fails(254);
    let (_, command) = stderr.split_once("hint: `keyfob sso login ").unwrap();
    let (options, rest) = command.split_once('`').unwrap();
    assert_has(rest, &[" signs in again"]);
    login(&home, &options.split(' ').collect::<Vec<_>>()).ok();
}

#[test]
fn other_tools_use_the_token_that_a_login_saves() {
    let (lab, home) = configured();
    let home = home.with("AWS_DEFAULT_REGION", "us-east-1");
    login(&home, &["--profile", "dev"]).ok();
    login_with_device(&lab, &home, &["--profile", "legacy"]).ok();
    for profile in ["dev", "legacy"] {
        let program = format!(
            "import boto3; print(boto3.Session(profile_name='{profile}').client('sts')\
             .get_caller_identity()['Arn'])"
        );
        let mut boto3 = home.program(python::tool("python"));
        let read = Run::new(boto3.args(["-c", &program]).output().unwrap()).ok();
        assert_has(&read, &["AWSReservedSSO_Admin"]);
        let caller = ["sts", "get-caller-identity", "--profile", profile];
        let read = home.aws(&caller).ok();
        assert_has(&read, &["AWSReservedSSO_Admin"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_sdk_for_javascript_reads_and_refreshes_our_token_and_we_its_own() {
    use crate::javascript;

    let (lab, home) = configured();
    login(&home, &["--profile", "dev"]).ok();
    let theirs = || javascript::key_id(&home, "sso", "dev", &lab.url);
    if theirs().is_none() {
        println!("not run: npm is not installed");
        return;
    }
    let refreshes = || lab.services.calls("CreateToken");
    let access = || token(&home, "corp")["accessToken"].clone();
    let expire = || {
        let mut token = token(&home, "corp");
        token["expiresAt"] = "2026-01-01T00:00:00Z".into();
        fs::write(token_path(&home, "corp"), token.to_string()).unwrap();
        _ = fs::remove_dir_all(home.file("cli"));
    };
    let (first, before) = (access(), refreshes());
    expire();
    assert!(theirs().is_some());
    let second = access();
    assert_ne!(second, first);
    assert_has(&whoami(&home, "dev"), &["AWSReservedSSO_Admin"]);
    assert_eq!(refreshes(), before + 1);
    expire();
    assert_has(&whoami(&home, "dev"), &["AWSReservedSSO_Admin"]);
    assert_ne!(access(), second);
    assert!(theirs().is_some());
    assert_eq!(refreshes(), before + 2);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_half() {
    use rustix::process::{Pid, Signal, kill_process};

    let (_lab, home) = configured();
    let mut waiting = Login::start(&home, &["--profile", "dev"]);
    waiting.line("http");
    let pid = Pid::from_raw(waiting.child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(waiting.finish().code, 130);
    let names: Vec<_> = fs::read_dir(home.file("sso/cache"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 1, "only the registration: {names:?}");
    assert!(names[0].ends_with(".json"), "{names:?}");
}

/// Starts a command that refreshes the token of `dev` by a call whose answer comes after `delay`.
/// Returns it when the service has replaced the token.
#[cfg(unix)]
pub(crate) fn refreshing(lab: &Lab, home: &Home, call: &str, delay: Duration) -> Child {
    let before = lab.services.calls(call);
    lab.services.fail(Fault::Slow(delay), 1);
    let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
    command.args(["sts", "get-caller-identity", "--profile", "dev"]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    while lab.services.calls(call) == before {
        thread::sleep(Duration::from_millis(10));
    }
    child
}

#[cfg(unix)]
#[test]
fn a_signal_during_the_refresh_of_a_token_does_not_lose_the_new_one() {
    let (lab, home) = configured();
    login(&home, &["--profile", "dev"]).ok();
    let refreshing = |delay| {
        let mut file = token(&home, "corp");
        file["expiresAt"] = "2020-01-01T00:00:00Z".into();
        fs::write(token_path(&home, "corp"), file.to_string()).unwrap();
        let _ = fs::remove_dir_all(home.file("cli"));
        refreshing(&lab, &home, "CreateToken", Duration::from_secs(delay))
    };
    // A terminal that closes sends two at once.
    for (signal, code, count) in [("INT", 130, 1), ("TERM", 143, 1), ("HUP", 129, 2)] {
        let old = token(&home, "corp");
        let mut child = refreshing(3);
        for _ in 0..count {
            send(signal, &child);
        }
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let new = token(&home, "corp");
        assert_ne!(new["refreshToken"], old["refreshToken"]);
    }
    assert_has(&whoami(&home, "dev"), &["AWSReservedSSO_Admin"]);
    // A second one that comes later does not wait.
    let mut child = refreshing(8);
    let start = Instant::now();
    send("INT", &child);
    thread::sleep(Duration::from_millis(600));
    assert_eq!(child.try_wait().unwrap(), None);
    send("INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[cfg(target_os = "linux")]
mod at_a_terminal {
    use super::*;
    use crate::{
        browser::with_opener, configure::on_terminal, readme::transcript, running::Running,
        servers::wait_until,
    };

    /// Returns a home whose browser follows redirects and presses no button.
    fn with_browser(home: Home) -> Home {
        let script = "exec curl --silent --show-error --location \"$1\" > page 2>&1";
        with_opener(home, script).with("DISPLAY", ":0")
    }

    #[test]
    fn the_browser_opens_and_signs_in() {
        let (_lab, home) = configured();
        let home = with_browser(home);
        let run = home.keyfob(["sso", "login", "--profile", "dev"]);
        assert_eq!(run.stderr, "");
        assert_has(
            &run.ok(),
            &[
                "Attempting to open your default browser. If the browser does not open, open the \
                 following URL.\nIf you are unable to open the URL on this device, run this \
                 command again with the '--use-device-code' option.\n\nhttp://",
                "\nSuccessfully logged into Start URL: ",
            ],
        );
        let page = home.path().join("page");
        let is_done = || fs::read_to_string(&page).is_ok_and(|text| text.contains("signed in."));
        wait_until(is_done);
        assert_has(&fs::read_to_string(&page).unwrap(), &["You are signed in."]);
    }

    #[test]
    fn the_transcript_of_the_readme_signs_in_and_out() {
        let (_lab, home) = configured();
        let home = with_browser(home);
        // The URL is another one each time.
        let without_url = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with("http"));
            lines.collect::<Vec<_>>().join("\n")
        };
        for (line, output) in transcript("keyfob sso") {
            let run = home.keyfob(line.split(' ').skip(1));
            assert_eq!(without_url(&run.ok()), without_url(&output), "{line}");
        }
        assert!(!token_path(&home, "corp").exists());
    }

    #[test]
    fn a_url_of_the_sandbox_signs_in_with_curl() {
        let outer = Home::new();
        let sandbox = Running::start(&outer, &["sandbox"]);
        let home = sandbox.home(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
        let curl = |url: &str| {
            let mut curl = home.program("curl");
            Run::new(curl.args(["-sL", url]).output().unwrap()).ok()
        };
        let mut waiting = Login::start(&home, &["--profile", "sso"]);
        curl(&waiting.line("http"));
        waiting.finish().ok();
        let mut waiting = Login::start(&home, &["--profile", "sso", "--use-device-code"]);
        waiting.line("Alternatively");
        let url = waiting.line("http");
        curl(&format!("{url}&action=approve&user=user"));
        waiting.finish().ok();
        assert_has(&whoami(&home, "sso"), &["AWSReservedSSO_Admin"]);
    }

    #[test]
    fn the_sandbox_signs_in_without_an_account() {
        let home = with_browser(Home::new());
        let words = ["--sandbox", "sso", "login", "--sso-session", "sandbox"];
        let run = home.keyfob(words);
        assert_has(
            &run.ok(),
            &["Successfully logged into Start URL: https://d-"],
        );
        assert!(!home.file("").exists(), "the home folder is left alone");
    }

    #[test]
    fn the_questions_write_a_session_and_a_profile_for_the_chosen_role() {
        let (lab, home) = center();
        for (account, role) in [(ACCOUNT, "ReadOnly"), ("210987654321", "Billing")] {
            lab.account.assign("carol", account, role).unwrap();
        }
        let home = with_browser(home.with_file("config", "# mine\n[profile other]\nregion = x\n"));
        let run = on_terminal(
            &home,
            &["configure", "sso"],
            &[
                ("SSO session name (Recommended): ", "corp\n"),
                ("SSO start URL [None]: ", "http://x\n"),
                ("SSO start URL [None]: ", &format!("{START_URL}\n")),
                ("SSO region [None]: ", "\n"),
                ("SSO region [None]: ", "eu-west-1\n"),
                ("SSO registration scopes [sso:account:access]: ", "\n"),
                ("Number of the account [1]: ", "1\n"),
                ("Number of the role [1]: ", "2\n"),
                ("Default client Region [None]: ", "eu-north-1\n"),
                (
                    "CLI default output format (json if not specified) [None]: ",
                    "\n",
                ),
                ("Profile name [ReadOnly-123456789012]: ", "dev\n"),
            ],
        );
        assert_eq!(run["code"], 0, "{run}");
        let shown = run["shown"].as_str().unwrap().replace("\r\n", "\n");
        assert_has(
            &shown,
            &[
                "the start URL does not begin with https://",
                "SSO region: a value is required",
                "There are 2 AWS accounts available to you.\n  1  account-123456789012, \
                 account-123456789012@example.com (123456789012)\n",
                "Using the account ID 123456789012\nThere are 2 roles available to you.\n  1  \
                 Admin\n  2  ReadOnly\n",
                "Using the role name \"ReadOnly\"\n",
                "To use this profile, specify the profile name using --profile, as \
                 shown:\n\nkeyfob sts get-caller-identity --profile dev\n",
            ],
        );
        assert_eq!(
            home.read("config"),
            format!(
                "# mine\n[profile other]\nregion = x\n\n[profile dev]\nsso_session = corp\n\
                 sso_account_id = 123456789012\nsso_role_name = ReadOnly\nregion = eu-north-1\n\n\
                 [sso-session corp]\nsso_start_url = {START_URL}\nsso_region = eu-west-1\n\
                 sso_registration_scopes = sso:account:access\n"
            )
        );
        assert_has(&whoami(&home, "dev"), &["AWSReservedSSO_ReadOnly"]);

        // The session is known now, and its token is valid. The only role is taken.
        let before = lab.services.calls("CreateToken");
        let run = on_terminal(
            &home,
            &["configure", "sso", "--profile", "bills"],
            &[
                ("SSO session name (Recommended): ", "corp\n"),
                ("Number of the account [1]: ", "2\n"),
                ("Default client Region [None]: ", "\n"),
                (
                    "CLI default output format (json if not specified) [None]: ",
                    "\n",
                ),
            ],
        );
        assert_eq!(run["code"], 0, "{run}");
        assert_has(
            run["shown"].as_str().unwrap(),
            &["The only role available to you is: Billing"],
        );
        assert_eq!(lab.services.calls("CreateToken"), before);
        assert_has(
            &home.read("config"),
            &[
                "[profile bills]\nsso_session = corp\nsso_account_id = 210987654321\n\
               sso_role_name = Billing\n",
            ],
        );
    }

    #[test]
    fn without_a_session_the_profile_has_the_start_url_and_comments_stay() {
        let (lab, home) = center();
        let text = format!(
            "[profile old] # mine\nsso_start_url = {START_URL}\n# why\nsso_region = eu-west-1\n"
        );
        let home = with_browser(home.with_file("config", &text));
        // The page of a device asks its user, who is not at this browser.
        let account = std::sync::Arc::clone(&lab.account);
        let approver = thread::spawn({
            let page = home.path().join("page");
            move || {
                wait_until(|| {
                    let text = fs::read_to_string(&page).unwrap_or_default();
                    let code = text.split("Approve ").nth(1).and_then(|rest| rest.get(..9));
                    code.is_some_and(|code| account.approve(code, "carol").is_ok())
                });
            }
        });
        let run = on_terminal(
            &home,
            &["configure", "sso", "--profile", "old"],
            &[
                ("SSO session name (Recommended): ", "\n".to_owned()),
                (&format!("SSO start URL [{START_URL}]: "), "\n".to_owned()),
                ("SSO region [eu-west-1]: ", "\n".to_owned()),
                ("Default client Region [None]: ", "\n".to_owned()),
                (
                    "CLI default output format (json if not specified) [None]: ",
                    "json\n".to_owned(),
                ),
            ],
        );
        assert_eq!(run["code"], 0, "{run}");
        approver.join().unwrap();
        assert_has(
            run["shown"].as_str().unwrap(),
            &[
                "WARNING: Configuring using legacy format (e.g. without an SSO session).",
                "The only AWS account available to you is: 123456789012",
                "The only role available to you is: Admin",
            ],
        );
        assert_eq!(
            home.read("config"),
            format!("{text}sso_account_id = 123456789012\nsso_role_name = Admin\noutput = json\n")
        );
        assert_has(&whoami(&home, "old"), &["AWSReservedSSO_Admin"]);
    }

    #[test]
    fn the_questions_of_a_session_write_it_and_name_the_command_that_signs_in() {
        let (_lab, home) = center();
        let home = with_browser(home);
        let run = on_terminal(
            &home,
            &["configure", "sso-session"],
            &[
                ("SSO session name: ", "\n"),
                ("SSO session name: ", "corp\n"),
                ("SSO start URL [None]: ", &format!("{START_URL}\n")),
                ("SSO region [None]: ", "eu-west-1\n"),
                ("SSO registration scopes [sso:account:access]: ", "a b\n"),
                ("SSO registration scopes [sso:account:access]: ", "\n"),
            ],
        );
        assert_eq!(run["code"], 0, "{run}");
        let shown = run["shown"].as_str().unwrap().replace("\r\n", "\n");
        assert_has(
            &shown,
            &[
                "Scope values must be separated by commas",
                "\nCompleted configuring SSO session: corp\nRun the following to login and \
                 refresh access token for this session:\n\nkeyfob sso login --sso-session corp\n",
            ],
        );
        assert_eq!(
            home.read("config"),
            format!(
                "[sso-session corp]\nsso_start_url = {START_URL}\nsso_region = eu-west-1\n\
                 sso_registration_scopes = sso:account:access\n"
            )
        );
        home.keyfob(["sso", "login", "--sso-session", "corp"]).ok();
    }
}

#[test]
fn without_a_terminal_the_properties_to_write_are_named() {
    let (lab, home) = configured();
    for (word, properties) in [
        (
            "sso",
            &[
                "sso_session, sso_account_id and sso_role_name",
                "keyfob sso login",
            ][..],
        ),
        ("sso-session", &["sso_start_url, sso_region"]),
    ] {
        let stderr = home.keyfob(["configure", word]).fails(253);
        assert_has(&stderr, &["is not a terminal", "[sso-session NAME]"]);
        assert_has(&stderr, properties);
    }
    assert_eq!(home.read("config"), CONFIG);
    assert_eq!(lab.services.counters().requests, 0);
}
