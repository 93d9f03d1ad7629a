//! Secrets in every fixture, all with one word in them, and services that repeat what they are
//! sent: the word is in no log, not even at the level `trace` of every crate, in no error, in no
//! `Debug`, in no explanation, and in no file that others may read.
//!
//! It is one test in a binary of its own, because a process has one log.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{
    error::Error as _,
    fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::{LazyLock, Mutex},
};

use http::{Request, Response};
use keyfob_chain::{
    Cached, Chain, Error, Order, Settings, Sources, Variables,
    files::names,
    profiles::{Editor, FileKind, SectionName},
};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::signin::DpopKey;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

/// What every secret has in it.
const CANARY: &str = "canary";
/// A code cannot have it.
const CODE: &str = "604217";
/// A key in PEM cannot have it either.
static DPOP_KEY: LazyLock<String> = LazyLock::new(|| {
    let key = DpopKey::from_random([7; 32]).unwrap();
    key.to_pem().expose().to_owned()
});

const LOGIN: &str = "arn:aws:iam::123456789012:user/alice";
const LATER: &str = "2099-01-01T00:00:00Z";

const CONFIG: &str = "[profile role]
role_arn = arn:aws:iam::123456789012:role/dev
source_profile = key
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/dev
source_profile = key
mfa_serial = arn:aws:iam::123456789012:mfa/ada
[profile web]
role_arn = arn:aws:iam::123456789012:role/web
web_identity_token_file = HOME/web-token
[profile process]
credential_process = HOME/keys
keyfob_cache_process = true
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Admin
[profile by-sso]
role_arn = arn:aws:iam::123456789012:role/dev
source_profile = sso
[profile login]
login_session = arn:aws:iam::123456789012:user/alice
[sso-session corp]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
";

const CREDENTIALS: &str = "[key]
aws_access_key_id = ASIAFILE
aws_secret_access_key = canary-file-secret
aws_session_token = canary-file-token
";

const PROCESS: &str = r#"#!/bin/sh
echo 'canary-process-stderr' >&2
[ -e "$0.fails" ] && { echo canary-process-stdout; exit 3; }
echo '{"Version": 1, "AccessKeyId": "ASIAPROCESS", "SecretAccessKey": "canary-process-secret",
    "SessionToken": "canary-process-token", "Expiration": "2099-01-01T00:00:00Z"}'
"#;

type Pairs = &'static [(&'static str, &'static str)];

/// What the services do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    /// They issue secrets.
    Issue,
    /// They answer with this status and repeat the request, in a form of errors of AWS or in none.
    Refuse(u16, Form),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Xml,
    Json,
    Text,
}

const MODES: [Mode; 6] = [
    Mode::Issue,
    Mode::Refuse(403, Form::Xml),
    Mode::Refuse(400, Form::Json),
    Mode::Refuse(401, Form::Json),
    Mode::Refuse(500, Form::Text),
    Mode::Refuse(200, Form::Text),
];

/// Each source, with the profile and the variables that lead to it.
const SOURCES: [(&str, Option<&str>, Pairs); 11] = [
    (
        "environment",
        None,
        &[
            ("AWS_ACCESS_KEY_ID", "ASIAENVIRONMENT"),
            ("AWS_SECRET_ACCESS_KEY", "canary-environment-secret"),
            ("AWS_SESSION_TOKEN", "canary-environment-token"),
        ],
    ),
    ("file", Some("key"), &[]),
    ("role", Some("role"), &[]),
    ("mfa", Some("mfa"), &[]),
    ("web identity", Some("web"), &[]),
    ("process", Some("process"), &[]),
    ("sso", Some("sso"), &[]),
    ("role by sso", Some("by-sso"), &[]),
    ("login", Some("login"), &[]),
    (
        "container",
        None,
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "SERVICE/task"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-container"),
        ],
    ),
    (
        "instance",
        None,
        &[
            ("AWS_EC2_METADATA_DISABLED", "false"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "SERVICE"),
        ],
    ),
];

/// The log of the process.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[track_caller]
fn check(what: &str, text: &str) {
    for secret in [CANARY, CODE, DPOP_KEY.lines().nth(1).unwrap()] {
        assert!(!text.contains(secret), "{what}: {secret}: {text}");
    }
}

fn key(prefix: &str) -> Value {
    json!({
        "accessKeyId": "ASIASERVICE",
        "secretAccessKey": format!("canary-{prefix}-secret"),
        "sessionToken": format!("canary-{prefix}-token"),
    })
}

/// Returns the answer of a service that issues credentials, tokens and the names of roles.
fn issue(path: &str, body: &str) -> String {
    let document = json!({
        "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIASERVICE",
        "SecretAccessKey": "canary-metadata-secret", "Token": "canary-metadata-token",
        "Expiration": LATER,
    });
    match path {
        "/latest/api/token" => "canary-metadata-session".to_owned(),
        "/federation/credentials" => {
            let mut credentials = key("portal");
            credentials["expiration"] = 4_070_908_800_000_u64.into();
            json!({"roleCredentials": credentials}).to_string()
        }
        "/token" => json!({
            "accessToken": "canary-new-access", "refreshToken": "canary-new-refresh",
            "tokenType": "Bearer", "expiresIn": 28800,
        })
        .to_string(),
        "/v1/token" => json!({
            "accessToken": key("login"), "tokenType": "aws_sigv4", "expiresIn": 900,
            "refreshToken": "canary-new-login-refresh", "idToken": "canary-new-id",
        })
        .to_string(),
        "/task" => document.to_string(),
        path if path.ends_with("/role") => document.to_string(),
        path if path.starts_with("/latest/") => "role".to_owned(),
        _ => {
            let action = body.split(['=', '&']).nth(1).unwrap();
            format!(
                "<{action}Response><{action}Result><Credentials><AccessKeyId>ASIASERVICE\
                 </AccessKeyId><SecretAccessKey>canary-role-secret</SecretAccessKey><SessionToken>\
                 canary-role-token</SessionToken><Expiration>{LATER}</Expiration></Credentials>\
                 <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/a/b</Arn>\
                 <AssumedRoleId>A:b</AssumedRoleId></AssumedRoleUser></{action}Result>\
                 </{action}Response>"
            )
        }
    }
}

/// Returns what a service was sent, as text.
fn repeated<T>(request: &Request<T>, body: &str) -> String {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    format!("{}\n{}{body}", request.uri(), headers.collect::<String>())
}

fn answer<T: AsRef<[u8]>>(mode: Mode, request: &Request<T>) -> Response<String> {
    let body = String::from_utf8_lossy(request.body().as_ref());
    // The session of IMDSv2 is issued whatever happens after it.
    let path = request.uri().path();
    let Mode::Refuse(status, form) = mode else {
        return Response::new(issue(path, &body));
    };
    if path == "/latest/api/token" && status != 500 {
        let mut response = Response::new(issue(path, &body));
        let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
        let ttl = ttl.parse::<http::HeaderName>().unwrap();
        response.headers_mut().insert(ttl, "21600".parse().unwrap());
        return response;
    }
    let said = repeated(request, &body);
    let text = match form {
        Form::Xml => format!(
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>{}</Message></Error>\
             </ErrorResponse>",
            said.replace('&', "&amp;").replace('<', "&lt;")
        ),
        Form::Json => json!({
            "__type": "UnauthorizedException", "message": said, "Message": said,
            "error": "invalid_grant", "error_description": said, "Code": "Refused",
        })
        .to_string(),
        // Also secrets of its own.
        Form::Text => format!("{said}\ncanary-body"),
    };
    Response::builder().status(status).body(text).unwrap()
}

/// Writes a file that only its owner may read, and execute if it is a script.
///
/// Only `cp` has a script open for writing. A process that another task starts at this moment has
/// what is open here until it is another program, and a file that is open for writing cannot be
/// executed.
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let is_script = text.starts_with("#!");
    let (written, mode) = if is_script {
        (path.with_extension("written"), 0o700)
    } else {
        (path.to_owned(), 0o600)
    };
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create_new(true).mode(mode);
    let mut file = options.open(&written).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    if is_script {
        let mut copy = std::process::Command::new("cp");
        let copied = copy.arg("-p").args([&written, path]).status();
        assert!(copied.unwrap().success());
        fs::remove_file(written).unwrap();
    }
}

/// Fills a home folder. What is refreshed has expired, so that it is sent.
fn fill(home: &Path) {
    let aws = home.join(".aws");
    let config = CONFIG.replace("HOME", home.to_str().unwrap());
    write(&aws.join("config"), &config);
    write(&aws.join("credentials"), CREDENTIALS);
    write(&home.join("keys"), PROCESS);
    write(&home.join("web-token"), "canary-web");
    let token = json!({
        "startUrl": "https://d-1234567890.awsapps.com/start", "region": "eu-west-1",
        "accessToken": "canary-access", "expiresAt": "2020-01-01T00:00:00Z",
        "clientId": "client", "clientSecret": "canary-client",
        "registrationExpiresAt": LATER, "refreshToken": "canary-refresh",
    });
    let name = names::sso_token("corp");
    write(&aws.join("sso/cache").join(name), &token.to_string());
    let mut credentials = key("file-login");
    credentials["accountId"] = "123456789012".into();
    credentials["expiresAt"] = "2020-01-01T00:00:00Z".into();
    let login = json!({
        "accessToken": credentials, "tokenType": "aws_sigv4", "clientId": "client",
        "refreshToken": "canary-login-refresh", "idToken": "canary-id", "dpopKey": *DPOP_KEY,
    });
    let name = names::login_token(LOGIN);
    write(&aws.join("login/cache").join(name), &login.to_string());
}

/// Fails if a file with a secret may be read by others. Returns how many there are.
fn check_files(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += check_files(&path);
            continue;
        }
        check("a name", path.to_str().unwrap());
        if fs::read_to_string(&path).unwrap().contains(CANARY) {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
            count += 1;
        }
    }
    count
}

fn check_error(what: &str, error: &Error) {
    check(what, &format!("{error} {error:?} {error:#?}"));
    let mut source = error.source();
    while let Some(error) = source {
        check(what, &format!("{error} {error:?} {error:#?}"));
        source = error.source();
    }
}

/// Gets credentials of a source twice, and looks at all that can be shown of it.
async fn get(what: &str, settings: &Settings, now: Timestamp) -> bool {
    let chain = Chain::default_for(Order::Cli, settings);
    let cached = Cached::new(chain);
    let found = cached.credentials(now).await;
    match &found {
        Ok(key) => {
            check(what, &format!("{key:?} {:#?}", key.found()));
            assert!(cached.invalidate(key));
            if let Err(error) = cached.credentials(now).await {
                check_error(what, &error);
            }
        }
        Err(error) => check_error(what, error),
    }
    let resolution = cached.provider().explain(now).await;
    let explanation = &resolution.explanation;
    let json = serde_json::to_string(explanation).unwrap();
    check(what, &format!("{cached:?} {resolution:#?} {json}"));
    check(what, &explanation.text(now, None));
    check(what, &explanation.svg(now, None));
    for finding in &explanation.findings {
        check(what, &finding.line(None));
    }
    check(what, &format!("{settings:?} {:#?}", settings.files()));
    found.is_ok()
}

/// Asks every source while the services do this.
async fn ask_all(mode: Mode) {
    let service = Listener::builder()
        .start(move |request| std::future::ready(answer(mode, &request).map(Into::into)));
    let service = service.await.unwrap();
    let url = format!("http://localhost:{}", service.address().port());
    for (source, profile, variables) in SOURCES {
        let what = format!("{source}, {mode:?}");
        let home = tempfile::tempdir().unwrap();
        fill(home.path());
        if mode != Mode::Issue {
            write(&home.path().join("keys.fails"), "");
        }
        let mut all = Variables::from_iter([
            ("HOME", home.path().to_str().unwrap()),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", &url),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_MAX_ATTEMPTS", "1"),
            ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1"),
        ]);
        for (name, value) in variables {
            all = all.with(*name, value.replace("SERVICE", &url));
        }
        let notices = what.clone();
        let sources = Sources::default()
            .with_disk(home.path().join(".aws"))
            .with_mfa_prompt(|question| {
                check("the question", &format!("{question:?}"));
                std::future::ready(Ok(Secret::from(CODE)))
            });
        let mut settings = Settings::load(all)
            .with_sources(sources)
            .with_notify(move |finding| check(&notices, &format!("{finding:?}")));
        if let Some(profile) = profile {
            settings = settings.with_profile(profile);
        }
        let needs_no_service = ["environment", "file"].contains(&source);
        let is_found = get(&what, &settings, Timestamp::now()).await;
        assert_eq!(is_found, mode == Mode::Issue || needs_no_service, "{what}");
        let is_cached = is_found && profile.is_some_and(|name| !["key", "login"].contains(&name));
        let files = check_files(home.path());
        assert!(files >= 5 + usize::from(is_cached), "{what}: {files}");
        check_editor(&home.path().join("new"));
        assert_eq!(check_files(home.path()), files + 1, "{what}");
    }
}

/// Writes a secret to a new file.
fn check_editor(path: &Path) {
    let mut editor = Editor::new(FileKind::Credentials, path);
    let section = SectionName::profile("new");
    let edited = editor.set(&section, "aws_secret_access_key", "canary-new");
    check("the editor", &format!("{:?}", edited.unwrap().save()));
    check("the editor", &format!("{editor:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_any_source_is_logged_shown_or_readable_by_others() {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(|| Log)
        .without_time()
        .init();
    for asked in MODES.map(|mode| tokio::spawn(ask_all(mode))) {
        asked.await.unwrap();
    }
    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    // It has what the crates below say at that level.
    assert!(log.contains("TRACE") && log.contains("localhost"), "{log}");
    log.lines().for_each(|line| check("the log", line));
}
