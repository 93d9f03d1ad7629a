//! What a command says while it waits, on a terminal and elsewhere.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use keyfob_chain::files::Lock;
use serde_json::{Value, json};

use crate::{
    configure::on_terminal,
    keyfob::{Home, assert_has, assert_lacks},
};

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
     <Arn>arn:aws:iam::123456789012:user/a</Arn><UserId>A</UserId><Account>123456789012</Account>\
     </GetCallerIdentityResult></GetCallerIdentityResponse>";
const CALL: [&str; 6] = [
    "sts",
    "get-caller-identity",
    "--query",
    "Account",
    "--output",
    "text",
];

/// Starts STS, which takes this long for each answer.
pub(crate) fn slow_sts(delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                thread::sleep(delay);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", IDENTITY.len());
                let _ = write!(stream, "{head}Connection: close\r\n\r\n{IDENTITY}");
            });
        }
    });
    url
}

fn home(delay: Duration) -> Home {
    Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ENDPOINT_URL", &slow_sts(delay))
}

/// Returns the lines that are on the terminal in the end, where a carriage return goes back.
pub(crate) fn screen(run: &Value) -> String {
    let mut lines = vec![Vec::new()];
    let mut column = 0;
    for letter in run["shown"].as_str().unwrap().chars() {
        let line = lines.last_mut().unwrap();
        match letter {
            '\n' => {
                lines.push(Vec::new());
                column = 0;
            }
            '\r' => column = 0,
            _ => {
                if column == line.len() {
                    line.push(letter);
                } else {
                    line[column] = letter;
                }
                column += 1;
            }
        }
    }
    let lines = lines.into_iter().map(String::from_iter);
    let lines: Vec<String> = lines
        .map(|line: String| line.trim_end().to_owned())
        .collect();
    lines.join("\n").trim_end().to_owned()
}

#[test]
fn a_wait_is_told_on_a_terminal_and_the_line_is_erased() {
    let home = home(Duration::from_millis(5500)).with("COLUMNS", "100");
    let nothing: &[(&str, &str)] = &[];
    let run = on_terminal(&home, &CALL, nothing);
    assert_eq!(run["code"], 0, "{run}");
    let shown = run["shown"].as_str().unwrap();
    assert_has(
        shown,
        &["\rwaiting for sts at http://127.0.0.1:", " (2 s)", " (3 s)"],
    );
    assert_eq!(screen(&run), "123456789012");
}

#[test]
fn the_lock_of_another_program_is_told() {
    let home = home(Duration::ZERO);
    let config = home.file("config");
    let lock = Lock::acquire(&config, Duration::ZERO).unwrap();
    let release = thread::spawn(move || {
        thread::sleep(Duration::from_secs(4));
        drop(lock);
    });
    let run = on_terminal::<&str>(&home, &["configure", "set", "region", "eu-west-3"], &[]);
    release.join().unwrap();
    assert_eq!(run["code"], 0, "{run}");
    let shown = run["shown"].as_str().unwrap();
    assert_has(shown, &["waiting for the lock of ~/.aws/config (2 s)"]);
    assert_eq!(screen(&run), "");
    assert_has(&home.read("config"), &["eu-west-3"]);
}

#[test]
fn a_wait_for_what_has_wide_letters_stays_on_one_line() {
    let profile = "日本語".repeat(8);
    let key = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n";
    let role = "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = default\n";
    let config = format!("[default]\n{key}[profile {profile}]\n{role}");
    let home = Home::new()
        .with_file("config", &config)
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("COLUMNS", "40")
        .with("AWS_ENDPOINT_URL", &slow_sts(Duration::from_secs(4)));
    let run = on_terminal::<&str>(&home, &["whoami", "--profile", &profile], &[]);
    let shown = run["shown"].as_str().unwrap();
    let lines = shown
        .split('\r')
        .filter(|line| line.starts_with("waiting for "));
    let lines: Vec<&str> = lines.collect();
    assert!(!lines.is_empty(), "{run}");
    for line in lines {
        let line = line.split('\n').next().unwrap();
        let wide = line.chars().filter(|char| *char > '\u{2000}').count();
        assert!(line.chars().count() + wide < 40, "{line}");
    }
}

/// Starts a server that gives these answers in turn, each after a delay, and the last one again and
/// again. Half of a body comes after another delay.
fn slow_site(delay: Duration, answers: &'static [(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            thread::sleep(delay);
            let (status, body) = answers[at.min(answers.len() - 1)];
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
            let (start, end) = body.split_at(body.len() / 2);
            let _ = write!(stream, "{head}Connection: close\r\n\r\n{start}");
            thread::sleep(delay);
            let _ = write!(stream, "{end}");
        }
    });
    url
}

const SLOW_DOWN: (&str, &str) = ("503 Slow Down\r\nRetry-After: 3", "<Error/>");

#[test]
fn a_request_tells_its_server_its_pauses_and_its_bytes() {
    let home = home(Duration::ZERO).with("COLUMNS", "100");
    let url = slow_site(Duration::from_millis(2900), &[("200 OK", "an answer")]);
    let nothing: &[(&str, &str)] = &[];
    let line = ["request", "--service", "s3", &url];
    let waiting = format!("\rwaiting for {url} (2 s)");
    // On a terminal, only until the answer begins to be printed.
    let run = on_terminal(&home, &line, nothing);
    assert_eq!(run["code"], 0, "{run}");
    assert_has(run["shown"].as_str().unwrap(), &[&waiting]);
    assert_lacks(run["shown"].as_str().unwrap(), &["received"]);
    assert_eq!(screen(&run), "an answer");
    // Beside a file, until its end.
    let run = on_terminal(&home, &[&line[..], &["-o", "file"]].concat(), nothing);
    let received = format!("\rwaiting for {url}, received 4 Bytes (");
    assert_has(run["shown"].as_str().unwrap(), &[&waiting, &received]);
    assert_eq!(screen(&run), "");
    let run = on_terminal(&home, &[&line[..], &["-s", "-o", "file"]].concat(), nothing);
    assert_eq!(run["shown"], "");
    // What is sent counts, too.
    let sending = ["-X", "PUT", "-d", "12345", "-o", "file"];
    let run = on_terminal(&home, &[&line[..], &sending].concat(), nothing);
    let sent = format!("\rwaiting for {url}, sent 5 Bytes (");
    assert_has(run["shown"].as_str().unwrap(), &[&sent]);
}

#[test]
fn a_pause_before_the_next_attempt_is_told() {
    let home = home(Duration::ZERO).with("COLUMNS", "100");
    for words in [
        &["request", "--service", "s3"][..],
        &["s3", "ls", "s3://b", "--endpoint-url"],
        &["sts", "get-caller-identity", "--endpoint-url"],
    ] {
        let url = slow_site(Duration::ZERO, &[SLOW_DOWN, ("400 Bad Request", "no")]);
        let nothing: &[(&str, &str)] = &[];
        let run = on_terminal(&home, &[words, &[&url]].concat(), nothing);
        let shown = run["shown"].as_str().unwrap();
        let pause = "\rwaiting for attempt 2 in 3.0 s, because of ";
        assert_has(shown, &[pause, "503 (2 s)"]);
    }
}

#[test]
fn ctrl_c_leaves_no_line_of_a_request_and_no_file() {
    let url = slow_site(Duration::from_secs(4), &[("200 OK", "an answer")]);
    let home = home(Duration::ZERO).with("COLUMNS", "100");
    let line = ["request", "--service", "s3", "-o", "file", &url];
    let run = on_terminal(&home, &line, &[("received 4 Bytes", "\u{3}")]);
    assert_eq!(run["code"], 130, "{run}");
    assert_lacks(&screen(&run), &["waiting"]);
    let files: Vec<_> = std::fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !files
            .iter()
            .any(|name| name.to_string_lossy().starts_with("file")),
        "{files:?}"
    );
}

#[test]
fn no_wait_is_told_in_a_pipe_in_a_log_and_beside_errors_for_programs() {
    let home = home(Duration::from_millis(3000));
    thread::scope(|scope| {
        let home = &home;
        let pipe = scope.spawn(|| home.keyfob(CALL));
        for option in ["--debug", "--cli-error-format=json"] {
            scope.spawn(move || {
                let nothing: &[(&str, &str)] = &[];
                let run = on_terminal(home, &[&CALL[..], &[option]].concat(), nothing);
                assert_eq!(run["code"], 0, "{run}");
                assert_lacks(run["shown"].as_str().unwrap(), &["waiting for"]);
            });
        }
        let run = pipe.join().unwrap();
        assert_eq!(run.stderr, "");
        assert_eq!(run.ok(), "123456789012\n");
    });
}

#[test]
fn the_line_fits_a_terminal_that_becomes_narrower() {
    let home = home(Duration::from_millis(4000)).with("COLUMNS", "30");
    let run = on_terminal(&home, &CALL, &[("(", json!({"columns": 20}))]);
    // The seconds are cut off at this width, so the second prompt is never there.
    let run = match run["code"].as_i64() {
        Some(0) => run,
        _ => panic!("{run}"),
    };
    let shown = run["shown"].as_str().unwrap();
    assert!(
        shown.split(['\r', '\n']).all(|line| line.len() < 30),
        "{run}"
    );
    assert_has(shown, &["\rwaiting for sts at http://12"]);
    assert_eq!(screen(&run), "123456789012");
}

#[test]
fn ctrl_c_ends_a_wait_and_leaves_no_line() {
    let home = home(Duration::from_secs(20)).with("COLUMNS", "100");
    let run = on_terminal(&home, &CALL, &[("waiting for", "\u{3}")]);
    assert_eq!(run["code"], 130, "{run}");
    assert_lacks(&screen(&run), &["waiting"]);
}

#[test]
fn a_question_is_left_alone_for_as_long_as_it_takes() {
    let home = home(Duration::ZERO).with("COLUMNS", "100").with_file(
        "config",
        "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\n\
         credential_source = Environment\nmfa_serial = arn:aws:iam::123456789012:mfa/a\n",
    );
    let words = [&CALL[..2], &["--profile", "p"]].concat();
    let late = json!(["sh", "-c", "sleep 3; echo 123456"]);
    let run = on_terminal(&home, &words, &[("Enter MFA code", late)]);
    assert_lacks(run["shown"].as_str().unwrap(), &["waiting for"]);
    assert_has(run["shown"].as_str().unwrap(), &["mfa/a: ******"]);
}

#[test]
fn colors_go_by_the_option_before_the_variables_and_by_the_terminal_last() {
    let colored = |words: &[&str], variables: &[(&str, &str)], terminal: bool| {
        let home = Home::new().with_key("AKIAIOSFODNN7EXAMPLE", "secret");
        let set = variables.iter();
        let home = set.fold(home, |home, (name, value)| home.with(name, value));
        let words = [&["why"], words].concat();
        let text = if terminal {
            let nothing: &[(&str, &str)] = &[];
            on_terminal(&home, &words, nothing)["shown"].to_string()
        } else {
            home.keyfob(words).ok()
        };
        text.contains('\u{1b}') || text.contains("\\u001b")
    };
    let (force, no) = (("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1"));
    for (words, variables, in_pipe, on_terminal) in [
        (&[][..], &[][..], false, true),
        (&[], &[force], true, true),
        (&[], &[("CLICOLOR_FORCE", "0")], false, true),
        (&[], &[force, no], false, false),
        (&["--color", "on"], &[no], true, true),
        (&["--color", "off"], &[force], false, false),
        (&[], &[("TERM", "dumb")], false, false),
        (&[], &[force, ("TERM", "dumb")], true, true),
    ] {
        assert_eq!(
            colored(words, variables, false),
            in_pipe,
            "{words:?} {variables:?}"
        );
        assert_eq!(
            colored(words, variables, true),
            on_terminal,
            "{words:?} {variables:?}"
        );
    }
}

/// Returns the lines that a command prints on a terminal of this width.
fn lines_at(home: Home, width: usize, words: &[&str]) -> Vec<String> {
    let run = on_terminal::<&str>(&home.with("COLUMNS", &width.to_string()), words, &[]);
    let shown = run["shown"].as_str().unwrap().replace("\r\n", "\n");
    shown.lines().map(str::to_owned).collect()
}

#[test]
fn help_and_why_fit_a_narrow_terminal() {
    let role = "[profile ops]\nrole_arn = arn:aws:iam::123456789012:role/ops\n\
                source_profile = ops\n";
    let home = || {
        let home = home(Duration::ZERO).with_file("config", role);
        home.with("AWS_PROFILE", "ops").with("NO_COLOR", "1")
    };
    for width in [40, 60] {
        for words in [&["--help"][..], &["help"], &["why"], &["env", "--help"]] {
            let lines = lines_at(home(), width, words);
            assert!(lines.len() > 10, "{lines:?}");
            // Examples and cures are whole commands, which can be copied.
            let is_command = |line: &str| {
                let starts = ["  cure:  ", "to use ", "  keyfob ", "  eval ", "      "];
                starts.iter().any(|start| line.starts_with(start))
            };
            // Names are whole, too.
            let is_word = |line: &str| !line.trim().contains(' ');
            let mut lines = lines
                .iter()
                .filter(|line| !is_command(line) && !is_word(line));
            let long = lines.find(|line| line.chars().count() > width);
            assert_eq!(long, None, "{words:?} at {width}");
        }
        let lines = lines_at(home(), width, &["--help"]);
        let longest = lines.iter().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{lines:?}");
        // Nothing is lost.
        for name in ["  exec ", "  sandbox ", "  sts, iam, ec2, service-quotas"] {
            assert!(lines.iter().any(|line| line.starts_with(name)), "{name}");
        }
    }
    assert_eq!(lines_at(home(), 80, &["--help"]).len(), 23);
    let credentials = &lines_at(home(), 40, &["why"])[0];
    assert_eq!(credentials, "credentials: environment variables (key");
}
