//! A canary over every command and every format: the secret access key is shown only where it is
//! asked for, and the session token only where it belongs into what is printed.
//!
//! The commands come from the program itself. What a new one needs is filled in by its own error,
//! so that it is tested without a line here, or fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    answers::start_echo,
    completion::commands,
    keyfob::{Home, Run, assert_has, assert_lacks},
};

const SECRET: &str = "canary/secret+0123456789+access/key/KEY1";
const TOKEN: &str = "canaryTOKEN0123456789//token+token==";

/// Each format of answers with one of errors.
const FORMATS: [(&str, &str); 5] = [
    ("json", "enhanced"),
    ("text", "json"),
    ("table", "text"),
    ("yaml", "yaml"),
    ("off", "legacy"),
];

/// The commands that are asked for the secret.
const SHOW_SECRET: [&str; 2] = ["configure export-credentials", "env"];

/// The commands whose signature has the session token, beside the groups in [`SIGN`].
const SHOW_TOKEN: [&str; 3] = ["s3 presign", "sign", "codecommit credential-helper get"];
const SIGN: [&str; 4] = ["eks ", "rds ", "dsql ", "token "];

/// The commands that wait for a browser, or serve until they are stopped.
const WAIT: [&str; 6] = [
    "configure sso",
    "login",
    "sandbox",
    "saml login",
    "serve ",
    "sso login",
];
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// What leads a command further, beside what it says it needs.
const MORE: [(&str, &[&str]); 2] = [
    ("sign", &["--service", "iam", "http://127.0.0.1:1/"]),
    ("request", &["--service", "iam"]),
];

/// Values that lead further than the default one, by the end of the name.
const VALUES: [(&str, &str); 17] = [
    ("ACTION", "s3:GetObject"),
    ("COMMAND", "true"),
    ("FILE", "/dev/null"),
    ("NAME", "region"),
    ("OPERATION", "ListKeys"),
    ("PATH", "placement/region"),
    ("S3URI", "s3://bucket/key"),
    ("SERVICE", "kms"),
    ("SHELL", "bash"),
    ("URL", "http://127.0.0.1:1/"),
    ("VALUE", "eu-west-1"),
    ("--hostname", "a.appsync-api.us-east-1.amazonaws.com"),
    ("--max-attempts", "1"),
    ("--param", "a=b"),
    ("--port", "5432"),
    ("-arn", "arn:aws:iam::123456789012:role/a"),
    ("-policy", "{}"),
];

fn value(name: &str) -> &'static str {
    let name = name.trim_matches(['<', '>', '[', ']', '.']);
    let known = VALUES.iter().find(|(end, _)| name.ends_with(end));
    known.map_or("value", |(_, value)| value)
}

/// Returns what a usage error says is missing.
fn missing(stderr: &str) -> Vec<String> {
    let Some((_, rest)) = stderr.split_once("arguments are required: ") else {
        return Vec::new();
    };
    let end = rest.find(['\n', '"']).unwrap_or(rest.len());
    let names = rest[..end].split(", ").map(str::trim);
    names
        .filter(|name| name.starts_with(['-', '<']))
        .map(str::to_owned)
        .collect()
}

/// Runs a command, and ends it if it waits.
fn run_for(home: &Home, words: &[String], waits: bool) -> Run {
    let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
    command.args(words).stdin(Stdio::null());
    if !waits {
        return Run::new(command.output().unwrap());
    }
    let mut child = start(&mut command);
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() && begin.elapsed() < LONGEST_WAIT {
        thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    Run::new(child.wait_with_output().unwrap())
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Returns the words of a command with all that it says it needs.
fn complete(home: &Home, path: &[String], waits: bool) -> Vec<String> {
    let mut words = path.to_vec();
    let name = path.join(" ");
    let more = MORE.iter().filter(|(command, _)| *command == name);
    words.extend(
        more.flat_map(|(_, words)| *words)
            .map(|word| (*word).to_owned()),
    );
    for _ in 0..5 {
        let names = missing(&run_for(home, &words, waits).stderr);
        if names.is_empty() {
            break;
        }
        for name in names {
            let value = value(&name).to_owned();
            if name.starts_with('-') {
                words.push(name);
            }
            words.push(value);
        }
    }
    words
}

/// Returns the forms in which a text may be shown.
fn forms(text: &str) -> Vec<String> {
    let percent = text
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let json = text.replace('/', "\\/");
    vec![text.to_owned(), percent, json]
}

#[test]
fn a_secret_in_the_place_of_the_id_is_not_shown() {
    let (id, secret) = (SECRET, "AKIAIOSFODNN7EXAMPLE");
    let in_file = format!("[default]\naws_access_key_id={id}\naws_secret_access_key={secret}\n");
    for home in [
        || Home::new().with_key(SECRET, "AKIAIOSFODNN7EXAMPLE"),
        || Home::new().with("AWS_ACCESS_KEY", SECRET),
    ] {
        let home = home()
            .with_file("credentials", &in_file)
            .with("AWS_EC2_METADATA_DISABLED", "true");
        for words in [
            &["configure", "dump"][..],
            &["configure", "dump", "--output", "json"],
            &["configure", "list"],
            &["why"],
            &["why", "--json"],
            &["why", "--as", "java-v1"],
            &["why", "--svg", "-"],
            &["--debug", "whoami", "--offline"],
        ] {
            let run = home.keyfob(words);
            assert_lacks(&(run.stdout + &run.stderr), &[SECRET]);
        }
        // The end of it tells which one it is.
        let dump = home.keyfob(["configure", "dump"]).ok();
        assert_has(&dump, &["=****************KEY1\n"]);
    }
}

#[test]
fn no_command_shows_a_secret_in_any_format() {
    // A server that repeats what it gets, as a hostile one would.
    let (url, requests) = start_echo();
    let file = format!(
        "[default]\naws_access_key_id = ASIAEXAMPLE\naws_secret_access_key = {SECRET}\n\
         aws_session_token = {TOKEN}\n"
    );
    let home = || {
        Home::new()
            .with_file("credentials", &file)
            .with_file("config", "[default]\nregion = us-east-1\n")
            .with("AWS_ENDPOINT_URL", &url)
            .with("AWS_MAX_ATTEMPTS", "1")
            // What goes to a host of its own ends there as well.
            .with("https_proxy", &url)
            .with("no_proxy", "127.0.0.1")
            .with("SHELL", "/bin/true")
    };
    let mut shown = BTreeMap::<String, BTreeSet<&str>>::new();
    let mut count = 0;
    for path in commands(&home()) {
        let name = path.join(" ");
        if name.is_empty() {
            continue;
        }
        let waits = WAIT.iter().any(|start| name.starts_with(start.trim_end()));
        let words = complete(&home(), &path, waits);
        let formats = if waits { &FORMATS[..1] } else { &FORMATS[..] };
        for (output, errors) in formats {
            let options = ["--cli-error-format", errors, "--debug", "--output", output];
            let all = |options: &[&str]| -> Vec<String> {
                // Before the words of another program.
                let options = options.iter().map(|word| (*word).to_owned());
                options.chain(words.iter().cloned()).collect()
            };
            let mut words = all(&options);
            let mut run = run_for(&home(), &words, waits);
            if run.stderr.contains("does not use --output") {
                words = all(&options[..3]);
                run = run_for(&home(), &words, waits);
            }
            count += 1;
            for (what, text) in [("secret", SECRET), ("token", TOKEN)] {
                let is_in = |text: &str, printed: &str| {
                    forms(text)
                        .iter()
                        .any(|form| printed.contains(form.as_str()))
                };
                assert!(!is_in(text, &run.stderr), "{words:?}: {run:?}");
                if is_in(text, &run.stdout) {
                    shown.entry(name.clone()).or_default().insert(what);
                }
            }
        }
    }
    for (name, what) in &shown {
        let is_asked = SHOW_SECRET.contains(&name.as_str());
        let is_signed =
            SHOW_TOKEN.contains(&name.as_str()) || SIGN.iter().any(|group| name.starts_with(group));
        assert!(is_asked || is_signed, "{name} shows the {what:?}");
        assert!(
            is_asked || !what.contains("secret"),
            "{name} shows the secret"
        );
    }
    // The test sees what it looks for, and the calls were made.
    for name in SHOW_SECRET {
        let what = shown.get(name);
        assert!(what.is_some_and(|what| what.contains("secret")), "{name}");
    }
    for name in SHOW_TOKEN
        .iter()
        .filter(|name| !name.starts_with("codecommit"))
    {
        let what = shown.get(*name);
        assert!(what.is_some_and(|what| what.contains("token")), "{name}");
    }
    let sent = requests
        .try_iter()
        .filter(|request| request.contains("canaryTOKEN"));
    let sent = sent.count();
    println!("{count} runs, {sent} requests");
    assert!(count > 300, "{count}");
    assert!(sent > 150, "{sent}");
}
