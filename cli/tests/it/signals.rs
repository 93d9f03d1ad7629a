use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{keyfob::Home, running::Running};

/// How long a process may take to exit after a signal.
const AT_ONCE: Duration = Duration::from_secs(20);
/// How long a process gets to reach the place where it waits.
const SETTLE: Duration = Duration::from_millis(300);

const SIGNALS: [(&str, i32); 4] = [("INT", 130), ("TERM", 143), ("HUP", 129), ("QUIT", 131)];

fn home() -> Home {
    Home::new()
        .with_key("AKIAEXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1")
}

fn fifo(home: &Home) -> PathBuf {
    let path = home.path().join("fifo");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    path
}

pub(crate) fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    Command::new("kill")
        .args(["-s", signal, &id])
        .status()
        .unwrap();
}

#[track_caller]
fn exits_at_once(child: &mut Child, what: &str) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if start.elapsed() > AT_ONCE {
            child.kill().unwrap();
        }
        assert!(
            start.elapsed() < AT_ONCE,
            "{what}: the signal did not end it"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the program catches signals, and gives it a moment to begin to wait.
fn settle(child: &Child) {
    // The system says it in a mask, where SIGTERM is the fifteenth bit: proc(5).
    let status = format!("/proc/{}/status", child.id());
    let is_caught = || {
        let status = fs::read_to_string(&status).ok()?;
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))?;
        Some(u64::from_str_radix(mask.trim(), 16).ok()? & 1 << 14 != 0)
    };
    let start = Instant::now();
    while is_caught() == Some(false) && start.elapsed() < AT_ONCE {
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(SETTLE);
}

/// Starts `keyfob`, which waits for something that never comes, and sends it each signal.
#[track_caller]
fn assert_ends(home: &Home, words: &[&str]) {
    for (signal, code) in SIGNALS {
        let what = format!("{signal} to {words:?}");
        let mut child = home
            .program(env!("CARGO_BIN_EXE_keyfob"))
            .args(words)
            // An open pipe that nothing is written to.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        settle(&child);
        assert_eq!(child.try_wait().unwrap(), None, "{what}: it did not wait");
        send(signal, &child);
        assert_eq!(exits_at_once(&mut child, &what), code, "{what}");
    }
}

#[test]
fn a_signal_ends_a_command_that_waits_for_a_configuration_file() {
    for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        let home = home();
        let path = fifo(&home);
        let home = home.with(variable, path.to_str().unwrap());
        assert_ends(&home, &["why"]);
        assert_ends(&home, &["whoami"]);
        assert_ends(&home, &["configure", "get", "region"]);
    }
}

#[test]
fn a_signal_ends_a_command_that_waits_for_a_token_file() {
    let home = Home::new().with("AWS_REGION", "eu-west-1");
    let path = fifo(&home);
    let path = path.to_str().unwrap();
    let web = home
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", path)
        .with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/r");
    assert_ends(&web, &["whoami"]);
    let home = Home::new().with("AWS_REGION", "eu-west-1");
    let path = fifo(&home);
    let container = home
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/")
        .with(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            path.to_str().unwrap(),
        );
    assert_ends(&container, &["whoami"]);
}

#[test]
fn a_signal_ends_a_command_that_waits_for_a_file_of_its_arguments() {
    let home = home();
    let path = fifo(&home);
    let path = path.to_str().unwrap();
    let (at, policy) = (format!("@{path}"), format!("file://{path}"));
    let url = "https://iam.amazonaws.com/";
    for words in [
        &["sign", "-d", &at, url][..],
        &["sign", "-H", &at, url],
        &["sign", "--request-file", path],
        &["sign", "compare", path, url],
        &["request", "--data-binary", &at, url],
        &[
            "sts",
            "assume-role",
            "--role-arn",
            "arn:aws:iam::111122223333:role/r",
            "--role-session-name",
            "me",
            "--policy",
            &policy,
        ],
        &["serve", "imds", "--metadata", path],
    ] {
        assert_ends(&home, words);
    }
}

#[test]
fn a_signal_ends_a_command_that_waits_for_its_standard_input() {
    let home = home();
    assert_ends(&home, &["sign", "-d", "@-", "https://iam.amazonaws.com/"]);
    assert_ends(&home, &["sign", "--request-file", "-"]);
    let request = [
        "request",
        "--data-binary",
        "@-",
        "https://iam.amazonaws.com/",
    ];
    assert_ends(&home, &request);
    assert_ends(&home, &["configure", "set", "region"]);
}

#[test]
fn a_signal_ends_a_command_that_waits_for_a_lock() {
    let home = home().with_file("config", "[default]\n");
    let lock = home.file("config.lock");
    let program = "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)";
    let mut holder = home
        .program("python3")
        .args(["-c", program])
        .arg(&lock)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 4];
    let mut output = holder.stdout.take().unwrap();
    output.read_exact(&mut said).unwrap();
    assert_ends(&home, &["configure", "set", "region", "eu-west-1"]);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(home.read("config"), "[default]\n");
}

#[test]
fn a_signal_ends_a_server() {
    let home = home();
    for kind in ["imds", "container"] {
        for (signal, code) in SIGNALS {
            let mut server = Running::serve(&home, kind, &[]);
            send(signal, &server.child);
            assert_eq!(exits_at_once(&mut server.child, kind), code, "{signal}");
        }
    }
}

/// The folders of sandboxes in a temporary folder.
fn sandboxes(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().starts_with("keyfob-sandbox-")
    });
    names.filter(|is_sandbox| *is_sandbox).count()
}

#[test]
fn a_sandbox_leaves_no_folder_even_if_its_command_waits_for_a_file() {
    let home = home();
    let path = fifo(&home);
    let home = home.with("AWS_CONFIG_FILE", path.to_str().unwrap());
    assert_ends(&home, &["--sandbox", "why"]);
    assert_eq!(sandboxes(home.path()), 0);
}

#[test]
fn a_server_under_nohup_outlives_its_terminal() {
    let home = home();
    let mut child = home
        .program("nohup")
        .args([env!("CARGO_BIN_EXE_keyfob"), "serve", "imds"])
        .args(["--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    settle(&child);
    send("HUP", &child);
    thread::sleep(SETTLE);
    assert_eq!(child.try_wait().unwrap(), None);
    send("TERM", &child);
    assert_eq!(exits_at_once(&mut child, "nohup"), 143);
}
