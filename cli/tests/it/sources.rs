//! What the program gives the providers: its terminal, processes, and the cache in the home folder.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{
    answers::{answer, start_server},
    configure::{on_terminal, program_on_terminal},
    cures::{ENVIRONMENT, FILES, KEY},
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::Lab,
    readme,
    running::Running,
    signals::send,
};

pub(crate) const SERIAL: &str = "arn:aws:iam::123456789012:mfa/user";
const ROLE: &str = "arn:aws:iam::123456789012:role/ops";

/// Returns a home whose profile `ops` is a role with an MFA device, by the key of the sandbox.
pub(crate) fn with_mfa(sandbox: &Running) -> Home {
    let key = ENVIRONMENT.map(|name| {
        let mut exports = sandbox.exports.iter();
        &exports.find(|(export, _)| export == name).unwrap().1
    });
    let config = format!(
        "[profile user]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
         [profile ops]\nrole_arn = {ROLE}\nsource_profile = user\nmfa_serial = {SERIAL}\n",
        key[0], key[1],
    );
    let home = sandbox.home(&[&ENVIRONMENT[..], &FILES].concat());
    home.with_file("config", &config)
}

const WHOAMI: [&str; 6] = [
    "whoami",
    "--profile",
    "ops",
    "--json",
    "--region",
    "us-east-1",
];

#[test]
fn a_code_is_asked_for_at_the_terminal_and_not_shown() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_mfa(&sandbox);
    let prompt = format!("Enter MFA code for {SERIAL}: ");
    let answers = [(prompt.as_str(), "12\n"), (&prompt, "318842\n")];
    let run = on_terminal(&home, &WHOAMI, &answers);
    assert_eq!(run["code"], 0, "{run}");
    let shown = run["shown"].as_str().unwrap();
    assert_has(shown, &[":assumed-role/ops/", "******"]);
    assert_lacks(shown, &["318842"]);
    // The next command finds the session, without a terminal.
    assert_has(&home.keyfob(WHOAMI).ok(), &[":assumed-role/ops/"]);
    // A code that was used is refused, three times at most.
    fs::remove_dir_all(home.file("cli")).unwrap();
    let answers = [(prompt.as_str(), "318842\n"); 3];
    let run = on_terminal(&home, &WHOAMI, &answers);
    assert_eq!(run["code"], 254, "{run}");
    assert_has(
        run["shown"].as_str().unwrap(),
        &["MultiFactorAuthentication failed with invalid MFA one time pass code"],
    );
    let run = on_terminal(&home, &WHOAMI, &[(prompt.as_str(), "\u{3}")]);
    assert_eq!(run["code"], 130, "{run}");
}

#[test]
fn without_a_terminal_the_error_names_the_ways_out_and_they_lead_out() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_mfa(&sandbox);
    let start = Instant::now();
    let error = home.keyfob(WHOAMI).fails(253);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_has(
        &error,
        &[
            "config:7: mfa_serial: the role of profile \"ops\" needs a code of the MFA device",
            SERIAL,
            "run it in a terminal",
        ],
    );
    follow(&home, &error, "271828");
    assert_has(&home.keyfob(USE).ok(), &[":assumed-role/ops/keyfob"]);
    // The properties of the role count, and those that are not numbers are not repeated.
    let more = "role_session_name = ada\nexternal_id = partner-42\nduration_seconds = 900\n";
    let config = home.read("config") + more;
    let home = home.with_file("config", &config);
    let error = home.keyfob(WHOAMI).fails(253);
    assert_has(&error, &["--duration-seconds 900"]);
    assert_lacks(&error, &["ada", "partner"]);
    follow(&home, &error, "314159");
    assert_has(&home.keyfob(USE).ok(), &[":assumed-role/ops/ada"]);
    // No option names a profile's own key.
    let own = home
        .read("config")
        .replace("source_profile = user", "source_profile = ops");
    let error = home
        .with_file("config", &(own + KEY))
        .keyfob(WHOAMI)
        .fails(253);
    assert_has(&error, &["run it in a terminal"]);
    assert_lacks(&error, &["hint: "]);
}

#[test]
fn a_role_of_the_command_line_with_a_device_has_a_way_out_without_a_terminal() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_mfa(&sandbox);
    let role = ["exec", "--region", "us-east-1", "--role-arn", ROLE];
    let device = [
        "--source-profile",
        "user",
        "--serial-number",
        SERIAL,
        "true",
    ];
    let error = home.keyfob(role.iter().chain(&device)).fails(253);
    assert_has(
        &error,
        &["run it in a terminal", "in the place of --serial-number"],
    );
    let (_, command) = error.split_once("hint: `keyfob ").unwrap();
    let (command, rest) = command.split_once('`').unwrap();
    home.keyfob_with_input(command.split(' '), "141421\n").ok();
    let (_, option) = rest.split_once("then use ").unwrap();
    let option: Vec<&str> = option.split(' ').take(2).collect();
    home.keyfob(role.iter().chain(&option).chain(&["true"]))
        .ok();
}

/// What the cure of a role without a terminal says to use then.
const USE: [&str; 3] = ["whoami", "--profile", "ops-session"];

/// Runs the command of a hint as it is printed, with a code.
fn follow(home: &Home, error: &str, code: &str) {
    let mut hints = error
        .lines()
        .filter_map(|line| line.strip_prefix("hint: `"));
    let (command, rest) = hints.next().unwrap().split_once('`').unwrap();
    assert_has(rest, &[&USE[1..].join(" ")]);
    let folder = Path::new(env!("CARGO_BIN_EXE_keyfob")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let line = format!("echo {code} | {command}");
    let mut shell = home.program("sh");
    let run = Run::new(
        shell
            .env("PATH", path)
            .args(["-c", &line])
            .output()
            .unwrap(),
    );
    assert_eq!(run.ok(), "", "{line}");
}

#[test]
fn questions_may_be_forbidden_on_a_terminal() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_mfa(&sandbox);
    let words: Vec<_> = WHOAMI.into_iter().chain(["--no-input"]).collect();
    let run = on_terminal::<&str>(&home, &words, &[]);
    assert_eq!(run["code"], 253, "{run}");
}

#[test]
fn sessions_are_shared_by_processes_in_private_files_and_the_sandbox_writes_none() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_mfa(&sandbox);
    let role = home
        .read("config")
        .replace(&format!("mfa_serial = {SERIAL}\n"), "");
    let home = home.with_file("config", &role);
    let words = ["why", "--profile", "ops", "--json", "--region", "us-east-1"];
    let children: Vec<_> = (0..10)
        .map(|_| {
            let mut keyfob = home.program(env!("CARGO_BIN_EXE_keyfob"));
            keyfob.args(words).stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut keys: Vec<_> = children
        .into_iter()
        .map(|child| Run::new(child.wait_with_output().unwrap()).json()["winner"]["key_id"].clone())
        .collect();
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let cache = fs::read_dir(home.file("cli/cache")).unwrap();
    let files: Vec<_> = cache.map(|entry| entry.unwrap()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(
        files[0].metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let home = Home::new();
    home.keyfob(["--sandbox", "whoami", "--profile", "admin"])
        .ok();
    assert!(!home.file("cli").exists());
}

#[test]
fn ten_processes_at_one_terminal_ask_for_one_code() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_mfa(&sandbox);
    let program = env!("CARGO_BIN_EXE_keyfob");
    let line = format!(
        "for i in 0 1 2 3 4 5 6 7 8 9; do {program} {} < /dev/tty > out$i & done; wait",
        WHOAMI.join(" ")
    );
    let prompt = format!("Enter MFA code for {SERIAL}: ");
    let answers = [(prompt.as_str(), "577215\n")];
    let run = program_on_terminal(&home, &["sh", "-c", &line], &answers);
    let shown = run["shown"].as_str().unwrap();
    assert_eq!(shown.matches(&prompt).count(), 1, "{run}");
    for number in 0..10 {
        let text = fs::read_to_string(home.path().join(format!("out{number}"))).unwrap();
        assert_has(&text, &[":assumed-role/ops/"]);
    }
}

#[test]
fn the_cure_of_a_kept_session_that_a_service_calls_expired_removes_it() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_mfa(&sandbox);
    let role = home
        .read("config")
        .replace(&format!("mfa_serial = {SERIAL}\n"), "");
    let home = home.with_file("config", &role);
    let body = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error>\
                </ErrorResponse>";
    let (url, _) = start_server(&answer("403 Forbidden", body));
    let call = [
        "sts",
        "get-caller-identity",
        "--profile",
        "ops",
        "--endpoint-url",
        &url,
    ];
    let stderr = home.keyfob(call).fails(254);
    let kept = || fs::read_dir(home.file("cli/cache")).unwrap().count();
    assert_eq!(kept(), 1);
    let (_, command) = stderr.split_once("hint: `keyfob ").unwrap();
    let (command, _) = command.split_once("` removes sessions").unwrap();
    home.keyfob(command.split(' ')).ok();
    assert_eq!(kept(), 0);
}

#[test]
fn without_the_cache_no_session_is_read_or_written() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_mfa(&sandbox);
    let role = home
        .read("config")
        .replace(&format!("mfa_serial = {SERIAL}\n"), "");
    let home = home.with_file("config", &role);
    let key = |more: &[&str]| {
        let words = ["why", "--profile", "ops", "--json", "--region", "us-east-1"];
        home.keyfob(words.iter().chain(more)).json()["winner"]["key_id"].clone()
    };
    key(&["--no-cache"]);
    assert!(!home.file("cli").exists());
    let cached = key(&[]);
    assert_ne!(key(&["--no-cache"]), cached);
    assert_eq!(key(&[]), cached);
}

#[test]
fn what_a_failing_process_says_is_shown_without_secrets_of_its_output() {
    let script = "echo canary-of-stdout\n\
                  printf 'no session for ada\\033[2J\\nis canary-of-stdout\\n' >&2; exit 3\n";
    let config = "[default]\ncredential_process = sh .aws/script\n";
    let home = Home::new().with_file("script", script);
    let home = home.with_file("config", config);
    let error = home.keyfob(["whoami"]).fails(255);
    let said = "note: the process of credential_process says: no session for ada\\u{1b}[2J\n  is \
                (redacted)\n";
    assert_has(&error, &[said, "it failed (exit status: 3)\n"]);
    assert_lacks(&error, &["canary"]);
    // Errors that are data stand alone.
    let data = home.keyfob(["whoami", "--cli-error-format", "json"]);
    let cure = "it failed (exit status: 3): run this in a terminal to see what it says";
    let stderr = data.fails(255);
    assert_has(&stderr, &[cure]);
    assert_lacks(&stderr, &["canary", "note:"]);
    let run = on_terminal::<&str>(&home, &["whoami"], &[]);
    assert_eq!(run["code"], 255, "{run}");
    let shown = run["shown"].as_str().unwrap();
    assert_has(
        shown,
        &["no session for ada", "it failed (exit status: 3)\r\n"],
    );
    // It may ask there, too.
    let key = r#"{"Version": 1, "AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "%s"}"#;
    let script = format!("#!/bin/sh\nprintf 'PIN: ' >&2; read -r pin; printf '{key}' \"$pin\"\n");
    let home = Home::new().with_file("keys", &script);
    let program = home.file("keys");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!("[default]\ncredential_process = sh {}\n", program.display());
    let home = home.with_file("config", &config);
    let run = on_terminal(&home, &["why"], &[("PIN: ", "12345\n")]);
    assert_eq!(run["code"], 0, "{run}");
    assert_has(
        run["shown"].as_str().unwrap(),
        &["credential_process of [default] in"],
    );
}

#[test]
fn a_signal_also_stops_the_process_that_is_waited_for() {
    let home = Home::new();
    let id = home.path().join("id");
    let script = format!(
        "#!/bin/sh\nsleep 600 &\necho $! > '{}'\nwait\n",
        id.display()
    );
    let home = home.with_file("keys", &script);
    let program = home.file("keys");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!("[default]\ncredential_process = sh {}\n", program.display());
    let home = home.with_file("config", &config);
    let mut keyfob = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let mut child = keyfob.arg("whoami").stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    let wait = || {
        assert!(start.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(10));
    };
    while fs::read_to_string(&id).map_or(0, |id| id.len()) < 2 {
        wait();
    }
    let id = fs::read_to_string(&id).unwrap();
    send("TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let is_running = || {
        let state = home
            .program("ps")
            .args(["-o", "stat=", "-p", id.trim()])
            .output()
            .unwrap();
        let state = String::from_utf8(state.stdout).unwrap();
        !state.trim().is_empty() && !state.starts_with('Z')
    };
    while is_running() {
        wait();
    }
}

#[test]
fn a_role_that_assumes_a_role_is_refused_more_than_an_hour_before_the_call() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_mfa(&sandbox);
    let config = home
        .read("config")
        .replace(&format!("mfa_serial = {SERIAL}\n"), "");
    let home = home.with_file("config", &config);
    let words = [
        "sts",
        "assume-role",
        "--role-arn",
        ROLE,
        "--role-session-name",
        "me",
    ];
    let call = |seconds, profile| {
        let more = ["--duration-seconds", seconds, "--profile", profile];
        home.keyfob(words.iter().chain(&more))
    };
    let stderr = call("7200", "ops").fails(252);
    let text =
        "--duration-seconds: DurationSeconds must be at most 3600 if a role assumes the role";
    assert_has(&stderr, &[text]);
    // The service has the last word on the others.
    assert_lacks(&call("3600", "ops").stderr, &["at most 3600"]);
    assert_lacks(&call("7200", "user").stderr, &["at most 3600"]);
}

/// Stands for the program of a keyring: one secret, in a file.
const SECRET_TOOL: &str = "#!/bin/sh
case $1 in
    store) cat > \"$HOME/keyring\" ;;
    lookup) cat \"$HOME/keyring\" ;;
esac
";

#[test]
fn the_lines_of_the_readme_move_a_key_into_a_keyring() {
    let lab = Lab::start();
    let home = lab.home();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let program = bin.join("secret-tool");
    fs::write(&program, SECRET_TOOL).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(env!("CARGO_BIN_EXE_keyfob"), bin.join("keyfob")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let home = home.with("PATH", &path);
    let lines = readme::block("Keyrings", "shell").replace("robot", "alice");
    let mut shell = home.program("sh");
    let run = Run::new(shell.args(["-ec", &lines]).output().unwrap());
    assert_has(&run.ok(), &[":user/alice", "process"]);
    let secret = lab.alice.secret_access_key().expose();
    assert_lacks(&home.read("credentials"), &[secret]);
    assert_lacks(&home.read("config"), &[secret]);
    assert_has(
        &home.keyfob(["why"]).ok(),
        &["used  credential_process of "],
    );
}
