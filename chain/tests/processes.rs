//! `credential_process`, with real processes.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use keyfob_chain::{
    Cached, Chain, Error, ErrorKind, Found, Order, ProcessCommand, Settings, Sources, Variables,
    Verdict,
    files::{Lock, sessions::SessionCache},
    profiles::{ConfigFiles, FileKind},
};
use keyfob_sigv4::Timestamp;

const KEY: &str = r#"{"Version": 1, "AccessKeyId": "ASIAPROCESS", "SecretAccessKey": "canary",
    "SessionToken": "canary", "Expiration": "2099-01-01T00:00:00Z"}"#;

fn settings(config: &str) -> Settings {
    let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    Settings::new(variables, files)
}

fn profile(command: &str) -> Settings {
    settings(&format!("[default]\ncredential_process = {command}\n"))
}

async fn found(settings: &Settings) -> Result<Found, Error> {
    let cached = Cached::new(Chain::default_for(Order::Cli, settings));
    let credentials = cached.credentials(Timestamp::now()).await?;
    Ok(credentials.found().clone())
}

async fn error(command: &str) -> Error {
    let error = found(&profile(command)).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert!(
        shown.starts_with("config:2: credential_process of profile \"default\": "),
        "{shown}"
    );
    error
}

/// Writes an executable script.
///
/// Only `cp` has it open for writing. A process that another test starts at this moment has what is
/// open here until it is another program, and a file that is open for writing cannot be executed.
fn script(folder: &Path, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;

    let (written, path) = (folder.join(format!("{name}.sh")), folder.join(name));
    fs::write(&written, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&written, fs::Permissions::from_mode(0o755)).unwrap();
    let copied = Command::new("cp")
        .arg("-p")
        .arg(&written)
        .arg(&path)
        .status();
    assert!(copied.unwrap().success());
    path.to_str().unwrap().to_owned()
}

/// Writes a script that counts its runs and writes a key.
fn counted(folder: &Path, key: &str) -> String {
    let runs = folder.join("runs");
    let text = format!(
        "echo run >> '{}'\nsleep 0.1\ncat <<'END'\n{key}\nEND",
        runs.display()
    );
    script(folder, "keys", &text)
}

fn runs(folder: &Path) -> usize {
    fs::read_to_string(folder.join("runs"))
        .unwrap_or_default()
        .lines()
        .count()
}

#[tokio::test]
async fn a_program_with_blanks_in_its_path_is_run_with_its_arguments_and_without_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    let blanks = folder.path().join("my tools");
    fs::create_dir(&blanks).unwrap();
    let program = script(
        &blanks,
        "keys",
        r#"[ "$1$2$3$4" = '--x=a b$HOME|;~' ] || exit 9
echo '{"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "s"}'"#,
    );
    let key = found(&profile(&format!(
        "\"{program}\" '--x=a b' $HOME \"|\" ';~'"
    )))
    .await
    .unwrap();
    assert_eq!(key.credentials.access_key_id(), "AKIAPROCESS");
    assert!(key.credentials.expiry().is_none());
    assert_eq!(
        key.origin.to_string(),
        "credential_process of [default] in config:2"
    );
}

#[tokio::test]
async fn the_account_of_the_profile_counts_if_the_process_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let keys = counted(folder.path(), KEY);
    let config = format!("[default]\ncredential_process = {keys}\naws_account_id = 123456789012\n");
    let key = found(&settings(&config)).await.unwrap().credentials;
    assert_eq!(key.account_id(), Some("123456789012"));
    assert_eq!(key.expiry().unwrap().to_string(), "2099-01-01T00:00:00Z");
}

#[tokio::test]
async fn fifty_tasks_and_two_chains_run_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = profile(&counted(folder.path(), KEY));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let settings = settings.clone();
            tokio::spawn(async move { found(&settings).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(runs(folder.path()), 1);
}

/// Returns a profile whose process may have its credentials in a file below this folder.
fn cached_on_disk(folder: &Path, command: &str) -> Settings {
    let config =
        format!("[default]\ncredential_process = {command}\nkeyfob_cache_process = True\n");
    settings(&config).with_sources(Sources::default().with_disk(folder.join(".aws")))
}

/// Returns the names of the files in the cache.
fn cached_files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder.join(".aws/cli/cache")) else {
        return Vec::new();
    };
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
    entries.map(|entry| name(entry).unwrap()).collect()
}

#[tokio::test]
async fn its_credentials_are_in_a_file_only_if_the_profile_says_so() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let command = counted(folder.path(), KEY);
    let settings = profile(&command).with_sources(Sources::default().with_disk(folder.path()));
    found(&settings).await.unwrap();
    assert!(!folder.path().join("cli").exists());
    // Each of these is a program of its own.
    for _ in 0..3 {
        let key = found(&cached_on_disk(folder.path(), &command))
            .await
            .unwrap();
        assert_eq!(key.credentials.access_key_id(), "ASIAPROCESS");
        assert_eq!(
            key.origin.to_string(),
            "credential_process of [default] in config:2"
        );
    }
    assert_eq!(runs(folder.path()), 2);
    let files = cached_files(folder.path());
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].starts_with("keyfob-"), "{files:?}");
    let path = folder.path().join(".aws/cli/cache").join(&files[0]);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A profile with another command has another file.
    let other = cached_on_disk(folder.path(), &format!("{command} --other"));
    found(&other).await.unwrap();
    assert_eq!(runs(folder.path()), 3);
}

#[tokio::test]
async fn a_key_in_a_file_that_a_service_refused_or_that_expires_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let command = counted(folder.path(), KEY);
    let cached = |settings: &Settings| Cached::new(Chain::default_for(Order::Cli, settings));
    let settings = cached_on_disk(folder.path(), &command);
    let cache = cached(&settings);
    let first = cache.credentials(Timestamp::now()).await.unwrap();
    assert!(cache.invalidate(&first));
    cache.credentials(Timestamp::now()).await.unwrap();
    assert_eq!(runs(folder.path()), 2);
    let expiry = first.expiry().unwrap();
    for (left, asked) in [(11, 2), (10, 3)] {
        let settings = cached_on_disk(folder.path(), &command);
        let key = cached(&settings)
            .credentials(expiry.plus_seconds(-left))
            .await;
        assert!(key.is_ok());
        assert_eq!(runs(folder.path()), asked);
    }
}

#[tokio::test]
async fn a_process_of_another_program_is_waited_for_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let command = counted(folder.path(), KEY);
    let key = found(&cached_on_disk(folder.path(), &command)).await;
    let expiry = key.unwrap().credentials.expiry().unwrap();
    let file = &cached_files(folder.path())[0];
    let path = folder.path().join(".aws/cli/cache").join(file);
    let lock = Mutex::new(Some(Lock::acquire(path, Lock::PATIENCE).unwrap()));
    let told = Arc::new(Mutex::new(Vec::new()));
    let texts = Arc::clone(&told);
    let settings = cached_on_disk(folder.path(), &command).with_notify(move |finding| {
        texts.lock().unwrap().push(finding.text.clone());
        lock.lock().unwrap().take();
    });
    let chain = Chain::default_for(Order::Cli, &settings);
    let now = expiry.plus_seconds(-5);
    chain.resolve(now).await.credentials.unwrap();
    assert_eq!(runs(folder.path()), 2);
    let expected = "another program runs the credential_process of this profile: answer it there, \
                    or stop it";
    assert_eq!(*told.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn credentials_that_do_not_expire_are_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    for key in [
        KEY.replace(r#""Expiration": "2099-01-01T00:00:00Z""#, r#""X": 1"#),
        KEY.replace("SessionToken", "Other"),
    ] {
        let command = counted(folder.path(), &key);
        let settings = cached_on_disk(folder.path(), &command);
        found(&settings).await.unwrap();
        assert_eq!(cached_files(folder.path()), Vec::<String>::new());
    }
}

#[test]
#[ignore = "the child of the test below"]
fn child_gets_credentials_of_a_process() {
    let Some(folder) = std::env::var_os("KEYFOB_TEST_FOLDER") else {
        return;
    };
    let folder = Path::new(&folder);
    let command = folder.join("keys");
    let settings = cached_on_disk(folder, command.to_str().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let key = runtime.unwrap().block_on(found(&settings));
    assert!(key.is_ok(), "{key:?}");
}

#[test]
fn fifty_processes_that_may_share_it_run_it_once() {
    let folder = tempfile::tempdir().unwrap();
    counted(folder.path(), KEY);
    let children: Vec<_> = (0..50)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "child_gets_credentials_of_a_process",
                    "--ignored",
                ])
                .env("KEYFOB_TEST_FOLDER", folder.path())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(runs(folder.path()), 1);
}

#[test]
#[ignore = "the child of the tests below"]
fn child_refreshes_until_it_is_killed() {
    let Some(folder) = std::env::var_os("KEYFOB_TEST_FOLDER") else {
        return;
    };
    let folder = Path::new(&folder);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    loop {
        let command = format!("cat {}", folder.join("key").display());
        let key = runtime.block_on(found(&cached_on_disk(folder, &command)));
        assert!(key.is_ok(), "{key:?}");
    }
}

/// Kills programs at different moments while they refresh what is cached.
fn kill_refreshers(count: u64) {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join(".aws/cli/cache");
    for round in 0..count {
        // It is refreshed each time, because it is about to expire.
        let expiry = Timestamp::now().plus_seconds(9);
        let key = KEY.replace("2099-01-01T00:00:00Z", &expiry.to_string());
        let padding = "x".repeat(20_000);
        let key = key.replace("canary\",", &format!("canary{padding}\","));
        fs::write(folder.path().join("key"), key).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_refreshes_until_it_is_killed", "--ignored"])
            .env("KEYFOB_TEST_FOLDER", folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the child refreshes", || {
            fs::read_dir(&cache).is_ok_and(|entries| entries.count() > usize::from(round > 0))
        });
        std::thread::sleep(Duration::from_micros(round * 7919 % 50_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let sessions = SessionCache::read(&cache).unwrap().sessions;
        for name in cached_files(folder.path()) {
            let is_whole = sessions.iter().any(|session| session.path.ends_with(&name));
            assert!(
                is_whole || name.starts_with('.') || name.ends_with(".lock"),
                "{name}"
            );
        }
        // The next one neither waits nor leaves anything.
        let start = Instant::now();
        let command = format!("cat {}", folder.path().join("key").display());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let key = runtime
            .unwrap()
            .block_on(found(&cached_on_disk(folder.path(), &command)));
        assert!(
            key.is_ok() && start.elapsed() < Duration::from_secs(5),
            "{key:?}"
        );
        let files = cached_files(folder.path());
        assert_eq!(files.len(), 1, "{files:?}");
    }
}

#[test]
fn a_killed_program_leaves_no_torn_session_and_blocks_no_other() {
    kill_refreshers(15);
}

#[test]
#[ignore = "long"]
fn five_hundred_killed_programs_leave_no_torn_session_and_block_no_other() {
    if std::env::var_os("KEYFOB_TEST_FOLDER").is_none() {
        kill_refreshers(500);
    }
}

#[tokio::test]
async fn it_is_run_again_when_its_credentials_expire_and_they_are_not_served_after_that() {
    let folder = tempfile::tempdir().unwrap();
    let settings = profile(&counted(folder.path(), KEY));
    let cached = Cached::new(Chain::default_for(Order::Cli, &settings));
    cached.credentials(Timestamp::now()).await.unwrap();
    let later: Timestamp = "2098-12-31T23:59:51Z".parse().unwrap();
    cached.credentials(later).await.unwrap();
    assert_eq!(runs(folder.path()), 2);
    let error = cached
        .credentials("2099-01-01T00:00:01Z".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired);
}

#[tokio::test]
async fn a_session_without_an_end_is_not_kept_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let key = KEY.replace(r#", "Expiration": "2099-01-01T00:00:00Z""#, "");
    let key = key.replace(r#","Expiration""#, "");
    assert!(!key.contains("2099"), "{key}");
    let cached = Cached::new(Chain::default_for(
        Order::Cli,
        &profile(&counted(folder.path(), &key)),
    ));
    let now = Timestamp::now();
    for minutes in [0, 14, 15, 16] {
        cached
            .credentials(now.plus_seconds(minutes * 60))
            .await
            .unwrap();
    }
    assert_eq!(runs(folder.path()), 2);
}

#[tokio::test]
async fn a_failure_tells_the_status_and_no_word_of_what_the_process_said() {
    let folder = tempfile::tempdir().unwrap();
    // Also short words, names and paths may be secrets.
    let text = "echo 'pw: hunter2 847205 arn:canary /etc/canary' >&2; echo canary; exit 3";
    let failing = script(folder.path(), "fail", text);
    let message = error(&failing).await.to_string();
    assert!(
        message.ends_with("it failed (exit status: 3): run this in a terminal to see what it says"),
        "{message}"
    );
    let message = error(&script(folder.path(), "killed", "kill -9 $$"))
        .await
        .to_string();
    assert!(
        message.ends_with("it failed (signal: 9 (SIGKILL))"),
        "{message}"
    );
}

#[tokio::test]
async fn what_cannot_be_run_or_read_is_told_without_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let long = script(
        folder.path(),
        "long",
        "head -c 70000 /dev/zero | tr '\\0' c",
    );
    for (command, kind, text) in [
        (
            "/no/such/keys",
            ErrorKind::Setting,
            "/no/such/keys is not there",
        ),
        (
            "'keys",
            ErrorKind::Setting,
            "it has a quote without its end",
        ),
        ("''", ErrorKind::Setting, "it names no program"),
        (
            "/etc/passwd",
            ErrorKind::Provider,
            "/etc/passwd cannot be run",
        ),
        (
            "echo canary",
            ErrorKind::Provider,
            "its output is not a JSON object (line 1, column 1)",
        ),
        (
            "true",
            ErrorKind::Provider,
            "its output is not a JSON object (line 1, column 0)",
        ),
        (&long, ErrorKind::Provider, "has no usable result"),
        // Without an end: it is stopped, and not waited for.
        ("yes canary", ErrorKind::Provider, "has no usable result"),
    ] {
        let start = Instant::now();
        let error = error(command).await;
        assert!(start.elapsed() < Duration::from_secs(20), "{command}");
        assert!(error.to_string().contains(text), "{error}");
        if !command.starts_with("/etc") {
            assert_eq!(error.kind(), kind, "{command}");
        }
    }
}

/// Returns true if a process with this argument is there.
fn is_running(marker: &str) -> bool {
    let output = Command::new("ps")
        .args(["-eo", "stat,args"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .any(|line| line.contains(marker) && !line.starts_with('Z'))
}

fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn at_the_timeout_the_process_and_its_children_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let hanging = script(folder.path(), "hang", "sleep 4711 & sleep 4712");
    let sources = Sources::default()
        .with_processes(|command| command.with_timeout(Duration::from_millis(200)).run());
    let settings = profile(&hanging).with_sources(sources);
    let start = Instant::now();
    let error = found(&settings).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(error.kind(), ErrorKind::Provider);
    let text = "if it asks for something, run this in a terminal";
    assert!(error.to_string().ends_with(text), "{error}");
    wait_until("the children are killed", || {
        !is_running("sleep 4711") && !is_running("sleep 4712")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn if_the_caller_is_gone_the_process_and_its_children_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let hanging = script(folder.path(), "hang", "sleep 4713 & sleep 4714");
    let settings = profile(&hanging);
    let task = tokio::spawn(async move { found(&settings).await });
    wait_until("the process starts", || {
        is_running("sleep 4713") && is_running("sleep 4714")
    });
    task.abort();
    wait_until("the children are killed", || {
        !is_running("sleep 4713") && !is_running("sleep 4714")
    });
}

#[tokio::test]
async fn an_agent_that_the_process_leaves_behind_is_neither_waited_for_nor_killed() {
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let text = format!(
        "sleep 4715 &\necho $! > '{}'\ncat <<'END'\n{KEY}\nEND",
        id.display()
    );
    let leaving = script(folder.path(), "leave", &text);
    let start = Instant::now();
    found(&profile(&leaving)).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(is_running("sleep 4715"));
    Command::new("pkill")
        .args(["-f", "^sleep 4715$"])
        .status()
        .unwrap();
}

#[tokio::test]
async fn a_process_that_asks_gets_no_answer_instead_of_waiting_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let asking = script(folder.path(), "ask", "read code || exit 7");
    let error = error(&asking).await;
    assert!(error.to_string().contains("exit status: 7"), "{error}");
}

#[tokio::test]
async fn a_process_that_leads_back_to_its_profile_is_an_error() {
    let chain = |waiting: &str| {
        let settings = profile("/no/such/program");
        let variables = settings
            .variables()
            .clone()
            .with("_AWS_CLI_PROFILE_CHAIN", waiting);
        Settings::new(variables, settings.files().clone())
    };
    for (waiting, message) in [
        (
            "a,default",
            "the processes of profiles wait in a circle: a → default → default",
        ),
        (
            "a,b,\"c,d\",e",
            "4 profiles already wait for one another's processes",
        ),
    ] {
        let error = found(&chain(waiting)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceProfile);
        assert!(error.to_string().ends_with(message), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let text =
        format!("[ \"$_AWS_CLI_PROFILE_CHAIN\" = a,default ] || exit 9\ncat <<'END'\n{KEY}\nEND");
    let settings = profile(&script(folder.path(), "keys", &text));
    let variables = settings
        .variables()
        .clone()
        .with("_AWS_CLI_PROFILE_CHAIN", "a");
    let settings = Settings::new(variables, settings.files().clone());
    found(&settings).await.unwrap();
}

#[tokio::test]
async fn a_masked_process_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let keys = counted(folder.path(), KEY);
    let settings = profile(&keys);
    let variables = settings
        .variables()
        .clone()
        .with("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
        .with("AWS_SECRET_ACCESS_KEY", "secret");
    let settings = Settings::new(variables, settings.files().clone());
    let chain = Chain::default_for(Order::Cli, &settings);
    let explanation = chain.explain(Timestamp::now()).await.explanation;
    assert_eq!(explanation.attempts[2].verdict, Verdict::Masked);
    assert_eq!(runs(folder.path()), 0);
}

#[test]
fn a_process_needs_no_runtime_of_tokio() {
    // The simplest executor there is: this thread polls until the future is ready.
    let mut future = Box::pin(ProcessCommand::new("echo", ["a"]).run());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let output = loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            break output.unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(output.stdout.expose(), "a\n");
}
