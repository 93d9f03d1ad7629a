//! `keyfob login` and `keyfob logout`, against AWS Sign-In of the test server. The opener in `PATH`
//! is the browser.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use keyfob_sigv4::Timestamp;
use keyfob_sts::server::Fault;
use serde_json::{Value, json};

use crate::{
    answers::{answer, start_server},
    browser::{FOLLOW, opened, printed_url, with_opener},
    configure::on_terminal,
    javascript,
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::Lab,
    python,
    readme::transcript,
    running::Running,
    servers::fetch,
    signals::send,
    sso::refreshing,
};

const ALICE: &str = "arn:aws:iam::123456789012:user/alice";
const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const CONFIG: &str = "# mine\n[profile dev] # by hand\noutput = json\n";

/// Returns a home with a browser, in which alice is signed in to the console.
fn home(lab: &Lab) -> Home {
    let home = Home::new()
        .with("AWS_ENDPOINT_URL", &lab.url)
        .with("DISPLAY", ":0")
        .with_file("config", CONFIG);
    with_opener(home, FOLLOW)
}

fn login(home: &Home, more: &[&str]) -> Run {
    home.keyfob([&["login", "--profile", "dev"], more].concat())
}

fn logged_in(lab: &Lab) -> Home {
    let home = home(lab);
    login(&home, &["--region", "eu-north-1"]).ok();
    home
}

fn call(home: &Home, profile: &str) -> Run {
    let words = ["sts", "get-caller-identity", "--profile", profile];
    let more = [
        "--region",
        "eu-west-1",
        "--query",
        "Arn",
        "--output",
        "text",
    ];
    home.keyfob(words.iter().chain(&more))
}

#[track_caller]
fn assert_alice(home: &Home, profile: &str) {
    assert_eq!(call(home, profile).ok(), format!("{ALICE}\n"));
}

/// Returns the path of the only file of a login.
fn path(home: &Home) -> PathBuf {
    let mut files = fs::read_dir(home.file("login/cache")).unwrap();
    let path = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    path
}

fn token(home: &Home) -> Value {
    serde_json::from_slice(&fs::read(path(home)).unwrap()).unwrap()
}

/// Lets the credentials expire this many seconds from now.
fn expire(home: &Home, seconds: i64) {
    let mut token = token(home);
    let now = Timestamp::now().unix_seconds();
    let expiry = Timestamp::from_unix_seconds(now + seconds);
    token["accessToken"]["expiresAt"] = expiry.to_string().into();
    fs::write(path(home), token.to_string()).unwrap();
}

fn logins(lab: &Lab) -> u64 {
    lab.services.calls("CreateOAuth2Token")
}

/// A login that waits for the browser, which the test is.
struct Waiting {
    child: Child,
    url: String,
}

impl Waiting {
    fn start(home: &Home, more: &[&str]) -> Self {
        let mut child = home
            .program(env!("CARGO_BIN_EXE_keyfob"))
            .args(["login", "--profile", "dev", "--no-browser", "--debug"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let url = printed_url(&mut child);
        Self { child, url }
    }

    /// Returns the URL that AWS Sign-In sends the browser to.
    fn redirect(&self, decision: &str) -> String {
        let answer = fetch("GET", &format!("{}{decision}", self.url), &[], "");
        let line = answer
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        assert!(line.is_some(), "{answer}");
        line.unwrap().to_owned()
    }

    fn end(self) -> Run {
        Run::new(self.child.wait_with_output().unwrap())
    }
}

#[test]
fn a_login_stores_credentials_that_are_used_and_refreshed() {
    let lab = Lab::start();
    let home = home(&lab);
    let out = login(&home, &["--region", "eu-north-1", "--debug"]);
    let url = opened(&home);
    assert_has(
        &url,
        &[
            "/v1/authorize?response_type=code&client_id=arn%3Aaws%3Asignin%3A%3A%3Adevtools%2Fsame-device&",
            "&code_challenge_method=SHA-256&scope=openid&",
            "&redirect_uri=http%3A%2F%2F127.0.0.1%3A",
            "%2Foauth%2Fcallback&code_challenge=",
        ],
    );
    let token = token(&home);
    for secret in ["accessToken", "refreshToken", "idToken", "dpopKey"] {
        let secret = &token[secret];
        let secret = secret
            .as_str()
            .or(secret["secretAccessKey"].as_str())
            .unwrap();
        assert_lacks(&format!("{}{}{url}", out.stdout, out.stderr), &[secret]);
    }
    assert_eq!(
        out.ok(),
        format!(
            "Attempting to open your default browser.\nIf the browser does not open, open the \
             following URL:\n\n{url}\n\nUpdated profile dev to use {ALICE} credentials.\nUse \
             \"--profile dev\" to use the new credentials, such as \"keyfob sts \
             get-caller-identity --profile dev\"\n"
        )
    );
    assert_eq!(
        home.read("config"),
        format!("{CONFIG}login_session = {ALICE}\n")
    );

    let members: Vec<_> = token.as_object().unwrap().keys().collect();
    let expected = "accessToken tokenType clientId refreshToken idToken dpopKey signInRegion";
    assert_eq!(members, expected.split(' ').collect::<Vec<_>>());
    assert_eq!(token["signInRegion"], "eu-north-1");
    assert_has(
        token["dpopKey"].as_str().unwrap(),
        &["-----BEGIN EC PRIVATE KEY-----\n"],
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = path(&home);
    assert_eq!(mode(&path), 0o600);
    let folders = path.ancestors().skip(1).take(2);
    assert!(folders.map(mode).all(|mode| mode == 0o700));

    assert_alice(&home, "dev");
    expire(&home, -60);
    assert_alice(&home, "dev");
    assert_eq!(logins(&lab), 2);
}

#[test]
fn the_cure_of_a_session_that_a_service_calls_expired_signs_in() {
    let lab = Lab::start();
    let home = logged_in(&lab);
    let body = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error>\
                </ErrorResponse>";
    let (url, _) = start_server(&answer("403 Forbidden", body));
    let call = [
        "sts",
        "get-caller-identity",
        "--profile",
        "dev",
        "--endpoint-url",
        &url,
    ];
    let stderr = home.keyfob(call).fails(254);
    assert_has(
        &stderr,
        &["hint: `keyfob login --profile dev` signs in again"],
    );
    login(&home, &[]).ok();
    assert_alice(&home, "dev");
}

#[test]
fn the_transcript_of_the_readme_logs_in() {
    let lab = Lab::start();
    let plain = |text: &str| {
        let lines = text.lines().map(|line| match line.split_once("://") {
            Some(_) => "URL",
            None => line,
        });
        lines.collect::<Vec<_>>().join("\n").replace("ada", "alice")
    };
    for (line, output) in transcript("keyfob login") {
        let run = home(&lab).keyfob(line.split(' ').skip(1)).ok();
        assert_eq!(plain(&run), plain(&output).trim_end(), "{run}");
    }
}

#[test]
fn another_login_keeps_what_other_tools_wrote() {
    let lab = Lab::start();
    let home = logged_in(&lab);
    let mut old = token(&home);
    old["ofAnotherTool"] = json!([1, null]);
    old.as_object_mut().unwrap().remove("tokenType");
    fs::write(path(&home), old.to_string()).unwrap();
    // No region is set: it is that of the login before.
    let run = login(&home, &[]);
    assert_eq!(run.stderr, "");
    run.ok();
    let new = token(&home);
    assert_eq!(new["ofAnotherTool"], old["ofAnotherTool"]);
    assert_eq!(new["signInRegion"], "eu-north-1");
    assert_eq!(new["tokenType"], "aws_sigv4");
    for member in ["accessToken", "refreshToken", "dpopKey"] {
        assert_ne!(new[member], old[member], "{member}");
    }
    // One that cannot be read is replaced.
    fs::write(path(&home), "{\"canary\": ").unwrap();
    login(&home, &["--region", "eu-west-3"]).ok();
    assert_eq!(token(&home)["signInRegion"], "eu-west-3");
    assert_alice(&home, "dev");
}

#[test]
fn without_a_browser_and_a_terminal_nothing_is_waited_for() {
    let lab = Lab::start();
    let home = with_opener(Home::new().with("AWS_ENDPOINT_URL", &lab.url), "exit 3");
    let start = Instant::now();
    let run = home.keyfob(["login"]);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(run.code, 255, "{run:?}");
    assert_has(
        &run.stderr,
        &["no browser opens (there is no display)", "--no-browser"],
    );
}

#[test]
fn a_region_that_nothing_sets_is_asked_for_and_saved() {
    let lab = Lab::start();
    let home = home(&lab);
    let question = "AWS Region [us-east-1]: ";
    let words = ["login", "--profile", "new"];
    let run = on_terminal(
        &home,
        &words,
        &[(question, "ca_nada\n"), (question, "eu-west-3\n")],
    );
    assert_eq!(run["code"], 0, "{run}");
    assert_has(
        &home.read("config"),
        &[&format!(
            "\n[profile new]\nlogin_session = {ALICE}\nregion = eu-west-3\n"
        )],
    );
    assert_eq!(token(&home)["signInRegion"], "eu-west-3");
    // Without a terminal, the default counts.
    let run = login(&home, &[]);
    assert_has(&run.stderr, &["us-east-1"]);
    run.ok();
    assert_eq!(token(&home)["signInRegion"], "us-east-1");
    assert_eq!(
        home.keyfob(["configure", "get", "region", "--profile", "dev"])
            .code,
        1
    );
}

#[test]
fn a_profile_with_other_credentials_is_refused_and_the_cure_makes_a_new_one() {
    let lab = Lab::start();
    for (setting, kind) in [
        ("web_identity_token_file = /t\nrole_arn = a", "Web Identity"),
        ("sso_account_id = 123456789012", "SSO"),
        ("aws_access_key_id = AKIAEXAMPLE", "Access Key"),
        ("role_arn = arn:aws:iam::123456789012:role/a", "Assume Role"),
        ("credential_process = echo", "Credential Process"),
    ] {
        let config = format!("[profile dev]\n{setting}\n");
        let home = home(&lab).with_file("config", &config);
        let stderr = login(&home, &[]).fails(253);
        let text = format!("profile \"dev\" is already configured with {kind} credentials");
        assert_has(&stderr, &[&text, "hint: `keyfob login --profile NAME` "]);
        assert_eq!(home.read("config"), config);
    }
    let plain = home(&lab);
    login(&plain, &["--offline"]).fails(252);
    assert!(!plain.path().join("opened").exists());
    assert_eq!(lab.services.counters().requests, 0);
    let home = home(&lab).with_file(
        "credentials",
        "[dev]\naws_access_key_id = a\naws_secret_access_key = b\n",
    );
    login(&home, &[]).fails(253);
    home.keyfob(["login", "--profile", "NAME"]).ok();
    assert_alice(&home, "NAME");
}

#[test]
fn another_login_takes_the_place_of_the_one_of_the_profile_only_if_the_user_agrees() {
    let lab = Lab::start();
    let config = format!("[profile dev]\nregion = eu-west-1\nlogin_session = {BOB}\n");
    let home = home(&lab).with_file("config", &config);
    let run = login(&home, &[]);
    assert_eq!(run.code, 253, "{run:?}");
    assert_has(
        &run.stderr,
        &[BOB, "cannot ask", "hint: give another profile"],
    );
    let question = format!("Do you want to overwrite it to use {ALICE} instead? (y/n) [n]: ");
    let words = ["login", "--profile", "dev"];
    let run = on_terminal(&home, &words, &[(&question, "x\n"), (&question, "n\n")]);
    assert_eq!(run["code"], 0, "{run}");
    assert_eq!(home.read("config"), config);
    assert!(!home.file("login").exists());
    let run = on_terminal(&home, &words, &[(&question, "y\n")]);
    assert_eq!(run["code"], 0, "{run}");
    assert_eq!(home.read("config"), config.replace(BOB, ALICE));
    assert_alice(&home, "dev");
}

/// Opens the URL on the terminal, and prints the text of the page, with `tr` as a change of it.
fn copied(tr: &str) -> Value {
    json!([
        "python3",
        "-c",
        format!(
            "import re, sys, urllib.request as u
url = re.findall(r'http://\\S+authorize\\S+', sys.stdin.read())[-1]{tr}
print(re.search('<pre>(.*)</pre>', u.urlopen(url).read().decode())[1])"
        )
    ])
}

#[test]
fn a_browser_elsewhere_shows_a_code_that_is_not_echoed() {
    let lab = Lab::start();
    let home = home(&lab);
    let words = [
        "login",
        "--profile",
        "dev",
        "--remote",
        "--region",
        "eu-west-1",
    ];
    let question = "Enter the authorization code displayed in your browser: ";
    let run = on_terminal(
        &home,
        &words,
        &[
            (question, json!("canary-code\n")),
            (question, copied(".replace('state=', 'state=other')")),
            (question, copied("")),
        ],
    );
    let shown = run["shown"].as_str().unwrap();
    assert_eq!(run["code"], 0, "{run}");
    assert_has(
        shown,
        &[
            "Browser will not be automatically opened.",
            "cross-device",
            "%2Fv1%2Fsessions%2Fconfirmation",
            "warning: this is not the text of the page: copy all of it",
            "warning: this text belongs to another login: open the URL of this one",
            "****",
            "Updated profile dev to use ",
        ],
    );
    // The Base64 of `state=`.
    assert_lacks(shown, &["canary-code", "c3RhdGU9"]);
    assert!(!home.path().join("opened").exists());
    assert_has(
        token(&home)["clientId"].as_str().unwrap(),
        &["cross-device"],
    );
    assert_alice(&home, "dev");

    let requests = lab.services.counters().requests;
    let stderr = login(&home, &["--remote"]).fails(253);
    assert_has(&stderr, &["cannot ask", "`keyfob login --no-browser`"]);
    assert_eq!(lab.services.counters().requests, requests);
}

#[test]
fn only_the_browser_of_this_login_ends_the_wait() {
    let lab = Lab::start();
    let home = home(&lab);
    let waiting = Waiting::start(&home, &[]);
    let right = waiting.redirect("");
    let (base, _) = right.split_once('?').unwrap();
    for (url, headers, status) in [
        (right.replace("state=", "state=0"), &[][..], " 400 "),
        (right.replace("/oauth/callback", "/"), &[], " 404 "),
        (format!("{base}?error=access_denied"), &[], " 400 "),
        (
            right.clone(),
            &[("Origin", "https://evil.example")],
            " 403 ",
        ),
    ] {
        assert_has(&fetch("GET", &url, headers, ""), &[status]);
    }
    assert_eq!(logins(&lab), 0);
    let page = fetch("GET", &right, &[], "");
    assert_has(&page, &[" 200 ", "You are signed in."]);
    assert_eq!(waiting.end().code, 0);
    assert_alice(&home, "dev");
}

#[test]
fn a_port_may_be_chosen_and_a_person_may_refuse() {
    let lab = Lab::start();
    let home = home(&lab);
    let port = crate::servers::free_port().to_string();
    let waiting = Waiting::start(&home, &["--redirect-port", &port]);
    let refused = waiting.redirect("&action=deny");
    assert_has(
        &refused,
        &[&format!(
            "http://127.0.0.1:{port}/oauth/callback?error=access_denied"
        )],
    );
    assert_has(
        &fetch("GET", &refused, &[], ""),
        &["The sign-in was refused."],
    );
    let run = waiting.end();
    assert_eq!(run.code, 255);
    assert_has(&run.stderr, &["the sign-in was refused: access_denied"]);
    assert_eq!(home.read("config"), CONFIG);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    login(&home, &["--redirect-port", &port]).fails(255);
}

#[test]
fn a_fault_of_the_service_has_the_right_message_in_bounded_time_and_shows_no_secret() {
    let lab = Lab::start();
    for (fault, count, code, text) in [
        (Fault::Throttling, 2, 0, ""),
        (Fault::Throttling, 9, 254, "(TooManyRequestsError)"),
        (Fault::InternalFailure, 1, 254, "(InternalServerException)"),
        (Fault::Unavailable, 1, 254, "(ServiceUnavailable)"),
        (Fault::HtmlPage, 1, 254, "(502)"),
        (Fault::Truncated, 1, 255, "(ResponseParser)"),
        (
            Fault::Slow(Duration::from_secs(20)),
            1,
            255,
            "(ReadTimeout)",
        ),
        // The request is made again with the time of the service, for which the code is still good.
        (Fault::Clock { seconds: -3600 }, 2, 0, ""),
    ] {
        let home = home(&lab);
        let waiting = Waiting::start(&home, &["--cli-read-timeout", "5"]);
        let redirect = waiting.redirect("");
        let code_text = redirect.split(['=', '&']).nth(1).unwrap().to_owned();
        lab.services.fail(fault, count);
        let start = Instant::now();
        fetch("GET", &redirect, &[], "");
        let run = waiting.end();
        assert!(start.elapsed() < Duration::from_secs(15), "{fault:?}");
        assert_eq!(run.code, code, "{fault:?}: {run:?}");
        assert_has(&run.stderr, &[text]);
        assert_lacks(&run.stderr, &[&code_text, "PRIVATE KEY", "eyJ", "ASIA"]);
        let is_stored = home.read("config").contains("login_session");
        assert_eq!(is_stored, code == 0, "{fault:?}");
        // What is left of the faults meets no other login.
        while meets_a_fault(&lab) {}
    }
}

/// Uses up a fault, if one is left.
fn meets_a_fault(lab: &Lab) -> bool {
    let before = lab.services.counters().faults;
    fetch("GET", &format!("{}/v1/authorize", lab.url), &[], "");
    lab.services.counters().faults > before
}

#[test]
fn an_expired_code_has_a_hint() {
    let lab = Lab::start();
    let home = home(&lab);
    let waiting = Waiting::start(&home, &[]);
    let redirect = waiting.redirect("");
    let other = redirect.replacen("code=", "code=x", 1);
    fetch("GET", &other, &[], "");
    let run = waiting.end();
    assert_eq!(run.code, 255, "{run:?}");
    assert_has(
        &run.stderr,
        &[
            "the authorization code has expired",
            "hint: run `keyfob login` again",
        ],
    );
}

#[test]
fn a_logout_removes_the_credentials_of_the_profile_and_nothing_else() {
    let lab = Lab::start();
    let home = logged_in(&lab);
    let config = home.read("config");
    fs::write(
        home.file("login/cache/other.json"),
        "{\"accessToken\": \"sso\"}",
    )
    .unwrap();
    fs::write(home.file("login/cache/notes"), "x").unwrap();
    for _ in 0..2 {
        let out = home.keyfob(["logout", "--profile", "dev"]).ok();
        assert_has(
            &out,
            &["Removed cached login credentials for profile 'dev'. Note, "],
        );
        assert_eq!(home.read("config"), config);
        assert_eq!(fs::read_dir(home.file("login/cache")).unwrap().count(), 2);
    }
    let stderr = call(&home, "dev").fails(255);
    assert_has(&stderr, &["there is no login of profile \"dev\""]);

    let run = home.keyfob(["logout", "--profile", "absent"]);
    assert_has(
        &run.stderr,
        &["warning: no login session found for profile 'absent'"],
    );
    assert_eq!(run.ok(), "");

    login(&home, &[]).ok();
    let copy = home.file("login/cache/damaged.json");
    fs::write(copy, "{\"accessToken\": {\"accessKeyId\": \"ASIA\"}}").unwrap();
    let out = home.keyfob(["logout", "--all"]).ok();
    assert_has(&out, &["Removed 2 cached login credentials. Note, "]);
    let out = home.keyfob(["logout", "--all"]).ok();
    assert_eq!(out, "No cached login session tokens found.\n");
    assert_eq!(fs::read_dir(home.file("login/cache")).unwrap().count(), 2);
    let nothing = Home::new();
    nothing.keyfob(["logout", "--all"]).ok();
    assert!(!nothing.file("").exists());
}

/// Runs the command between backticks in a shell.
fn follow(home: &Home, text: &str) -> Run {
    let cure = text
        .split('`')
        .find(|part| part.starts_with("keyfob login"));
    assert!(cure.is_some(), "{text}");
    let program = env!("CARGO_BIN_EXE_keyfob");
    let line = cure.unwrap().replacen("keyfob", program, 1);
    let mut shell = home.program("sh");
    Run::new(shell.args(["-c", &line]).output().unwrap())
}

#[test]
fn the_cure_of_each_login_that_cannot_be_used_is_a_login() {
    let lab = Lab::start();
    for profile in ["dev", "default", "my team", "-x"] {
        let home = home(&lab);
        let option = format!("--profile={profile}");
        home.keyfob(["login", &option, "--region", "eu-north-1"])
            .ok();
        let whoami = || home.keyfob(["whoami", &option, "--region", "eu-west-1"]);
        for damage in ["removed", "broken", "refused"] {
            match damage {
                "removed" => fs::remove_file(path(&home)).unwrap(),
                "broken" => fs::write(path(&home), "{}").unwrap(),
                _ => {
                    expire(&home, -60);
                    let mut old = token(&home);
                    old["refreshToken"] = "canary".into();
                    fs::write(path(&home), old.to_string()).unwrap();
                }
            }
            let stderr = whoami().fails(255);
            assert_lacks(&stderr, &["canary"]);
            follow(&home, &stderr).ok();
            assert_has(&whoami().ok(), &[ALICE]);
        }
    }
}

#[test]
fn a_role_of_a_profile_with_a_login_has_a_cure_that_works_and_why_prints_it() {
    let lab = Lab::start();
    let role = keyfob_sts::server::Role::new("ops").unwrap();
    lab.account.add_role(role);
    let home = logged_in(&lab);
    let config = home.read("config")
        + "[profile ops]\nrole_arn = arn:aws:iam::123456789012:role/ops\nsource_profile = dev\n";
    fs::write(home.file("config"), config).unwrap();
    fs::remove_file(path(&home)).unwrap();
    let stderr = call(&home, "ops").fails(255);
    assert_has(&stderr, &["`keyfob login --profile dev`"]);
    let why = home.keyfob(["why", "--profile", "dev", "--json"]);
    let why: Value = serde_json::from_str(&why.stdout).unwrap();
    let rows = why["rows"].as_array().unwrap().iter();
    let mut reasons = rows.filter_map(|row| row["reason"].as_str());
    let reason = reasons.find(|reason| reason.contains('`')).unwrap();
    follow(&home, reason).ok();
    assert_has(&call(&home, "ops").ok(), &["assumed-role/ops/"]);
}

#[test]
fn a_login_can_be_tried_in_the_sandbox() {
    let home = with_opener(Home::new().with("DISPLAY", ":0"), FOLLOW);
    let out = home.keyfob(["--sandbox", "login", "--profile", "me"]).ok();
    assert_has(
        &out,
        &["Updated profile me to use arn:aws:iam::123456789012:user/user"],
    );
    assert!(!home.file("").exists());

    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_opener(sandbox.home(&[]).with("DISPLAY", ":0"), FOLLOW);
    home.keyfob(["login", "--profile", "me"]).ok();
    let whoami = home.keyfob(["whoami", "--profile", "me"]).ok();
    assert_has(&whoami, &["arn:aws:iam::123456789012:user/user"]);
    home.keyfob(["logout", "--profile", "me"]).ok();
    assert!(!home.file("").exists());
}

#[test]
fn the_sdks_for_javascript_and_python_read_and_refresh_our_login_and_we_theirs() {
    let lab = Lab::start();
    let home = logged_in(&lab).with("AWS_DEFAULT_REGION", "us-east-1");
    let key = || {
        let key = &token(&home)["accessToken"]["accessKeyId"];
        key.as_str().unwrap().to_owned()
    };
    let javascript = || javascript::key_id(&home, "login", "dev", &lab.url);
    let boto3 = || {
        let program = "import boto3; \
            print(boto3.Session(profile_name='dev').get_credentials().access_key)";
        let mut python = home.program(python::with_awscrt());
        let run = Run::new(python.args(["-c", program]).output().unwrap());
        Some(run.ok().trim_end().to_owned())
    };
    let readers: [&dyn Fn() -> Option<String>; 2] = [&boto3, &javascript];
    for theirs in readers {
        let Some(read) = theirs() else {
            println!("not run with JavaScript: npm is not installed");
            continue;
        };
        assert_eq!(read, key());
        let before = logins(&lab);
        expire(&home, 60);
        assert_eq!(theirs(), Some(key()));
        assert_ne!(key(), read);
        assert_eq!(token(&home)["signInRegion"], "eu-north-1");
        assert_alice(&home, "dev");
        assert_eq!(logins(&lab), before + 1);
        expire(&home, 60);
        assert_alice(&home, "dev");
        assert_eq!(theirs(), Some(key()));
        assert_eq!(logins(&lab), before + 2);
    }
}

#[cfg(unix)]
#[test]
fn a_signal_during_the_refresh_of_a_login_does_not_lose_the_new_one() {
    let lab = Lab::start();
    let home = logged_in(&lab);
    expire(&home, -60);
    let old = token(&home)["refreshToken"].clone();
    let mut child = refreshing(&lab, &home, "CreateOAuth2Token", Duration::from_secs(3));
    send("TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_ne!(token(&home)["refreshToken"], old);
    assert_alice(&home, "dev");
}
