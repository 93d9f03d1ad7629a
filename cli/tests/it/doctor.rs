//! `keyfob doctor`: each check finds what is wrong, and its cure ends that.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Instant,
};

use keyfob_sigv4::Timestamp;
use serde_json::Value;

use crate::{
    cures::{FILES, KEY},
    endpoints::tls::Server,
    keyfob::{Home, Run, assert_has},
    running::Running,
};

/// Returns the list of checks, and the exit code.
fn doctor(home: &Home, more: &[&str]) -> (Vec<Value>, i32) {
    let run = home.keyfob([&["doctor", "--json"], more].concat());
    let data: Value = serde_json::from_str(&run.stdout).unwrap();
    let checks = data["checks"].as_array().unwrap().clone();
    assert_eq!(data["ok"], run.code == 0, "{run:?}");
    (checks, run.code)
}

/// Returns the lines of a check that are not fine.
fn faults<'a>(checks: &'a [Value], name: &str) -> Vec<&'a Value> {
    let lines = checks.iter().filter(|line| line["check"] == name);
    lines.filter(|line| line["status"] != "ok").collect()
}

/// Runs `doctor` as the cure of a line says.
fn follow(home: &Home, line: &Value, more: &str) -> Vec<Value> {
    assert!(line["cure"].is_string(), "no cure: {line}");
    let cure = line["cure"].as_str().unwrap();
    let command = format!("keyfob doctor --json {more}");
    let line = cure.replace("COMMAND", &command);
    let line = line.replace("keyfob ", concat!(env!("CARGO_BIN_EXE_keyfob"), " "));
    let mut shell = home.program("sh");
    let has_command = cure.contains("COMMAND");
    let run = Run::new(shell.args(["-c", &line]).output().unwrap());
    if has_command {
        let data: Value = serde_json::from_str(&run.stdout).unwrap();
        return data["checks"].as_array().unwrap().clone();
    }
    assert_eq!(run.code, 0, "{cure}: {run:?}");
    doctor(home, &more.split_whitespace().collect::<Vec<_>>()).0
}

/// Serves one answer, with this `Date`, to every request.
fn service(date: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let answer = format!(
                "HTTP/1.1 403 Forbidden\r\nDate: {date}\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn all_is_fine_in_the_sandbox() {
    let run = Home::new().keyfob(["--sandbox", "doctor"]);
    let text = run.ok();
    for line in [
        "ok       files        ",
        "ok       credentials  instance metadata",
        "ok       region       us-east-1 (instance metadata (IMDSv2))",
        "ok       endpoint     AWS_ENDPOINT_URL_STS sends calls to http://127.0.0.1:",
        "ok       service      http://127.0.0.1:",
        "ok       clock        as that of the service",
        "ok       instance     role \"app\" answers (IMDSv2)",
        "ok       container    no variable names an agent",
        "ok       proxy        none",
        "ok       ca bundle    the system's",
        "ok       settings     no setting is wrong",
    ] {
        assert_has(&text, &[line]);
    }
}

#[test]
fn offline_nothing_is_asked() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
        .with("AWS_ENDPOINT_URL_STS", "https://127.0.0.1:1");
    let (checks, code) = doctor(&home, &["--offline"]);
    assert_eq!(code, 0, "{checks:#?}");
    for name in ["service", "clock", "instance", "container"] {
        let line = checks.iter().find(|line| line["check"] == name).unwrap();
        assert_eq!(line["text"], "not asked, because of --offline");
    }
}

#[test]
fn a_service_that_cannot_be_reached_is_a_problem_within_two_seconds() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    for url in ["http://127.0.0.1:1".to_owned(), format!("http://{address}")] {
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_ENDPOINT_URL", &url);
        let started = Instant::now();
        let (checks, code) = doctor(&home, &[]);
        assert!(started.elapsed().as_secs() < 8, "{:?}", started.elapsed());
        let faults = faults(&checks, "service");
        assert_eq!((faults.len(), code), (1, 1), "{checks:#?}");
        assert_has(
            faults[0]["text"].as_str().unwrap(),
            &[&url, "cannot be reached"],
        );
        let cure = faults[0]["cure"].as_str().unwrap();
        assert_eq!(cure, "env AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true COMMAND");
        // The service itself is not there in every place where this test runs.
        let after = follow(&home, faults[0], "--offline");
        let mut endpoints = after.iter().filter(|line| line["check"] == "endpoint");
        let text = &endpoints.next().unwrap()["text"];
        assert_eq!(text, "no URL takes the place of the services' own");
    }
}

#[test]
#[cfg(unix)]
fn a_clock_that_is_wrong_is_a_problem_and_its_cure_sets_the_date_of_the_service() {
    let date = "Mon, 01 Jan 2024 00:00:00 GMT";
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ENDPOINT_URL", &service(date));
    let (checks, code) = doctor(&home, &[]);
    let faults = faults(&checks, "clock");
    assert_eq!((faults.len(), code), (1, 1), "{checks:#?}");
    assert_has(faults[0]["text"].as_str().unwrap(), &["s ahead of that of"]);
    // The test has no right to set a clock.
    let cure = faults[0]["cure"].as_str().unwrap();
    let cure = cure.replacen("sudo ", "printf '%s\\n' ", 1);
    let shell = home.program("sh").args(["-c", &cure]).output().unwrap();
    assert_eq!(Run::new(shell).ok(), format!("date\n-s\n{date}\n"));
}

#[test]
#[cfg(unix)]
fn the_cure_of_a_wrong_clock_runs_nothing_that_a_url_says() {
    let date = "Mon, 01 Jan 2024 00:00:00 GMT";
    let url = service(date);
    let home = Home::new().with("AWS_REGION", "eu-west-1");
    let canary = home.file("canary");
    let path = canary.display();
    for end in [
        format!("/;touch$IFS{path};:"),
        format!("/$(touch$IFS{path})"),
        format!("/'$(touch$IFS{path})'"),
        format!("/&touch$IFS{path}"),
    ] {
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_ENDPOINT_URL_STS", &format!("{url}{end}"));
        let (checks, _) = doctor(&home, &[]);
        let faults = faults(&checks, "clock");
        let cure = faults[0]["cure"].as_str().unwrap();
        let cure = cure.replacen("sudo ", "printf '%s\\n' ", 1);
        let shell = home.program("sh").args(["-c", &cure]).output().unwrap();
        assert_eq!(
            Run::new(shell).ok(),
            format!("date\n-s\n{date}\n"),
            "{cure}"
        );
        assert!(!canary.exists(), "{cure}");
    }
}

#[test]
fn a_clock_that_no_answer_tells_is_not_said_to_be_right() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ENDPOINT_URL", &service("garbage"));
    let (checks, _) = doctor(&home, &[]);
    let clock = checks.iter().find(|line| line["check"] == "clock").unwrap();
    assert_eq!(
        clock["text"],
        "not known: the answer of the service has no time"
    );
}

#[test]
fn the_cure_for_a_proxy_goes_around_the_one_that_was_used() {
    let dead = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
    for (variables, cure) in [
        (
            &["https_proxy", "HTTPS_PROXY"][..],
            "env -u https_proxy -u HTTPS_PROXY COMMAND",
        ),
        (&["ALL_PROXY"], "env -u all_proxy -u ALL_PROXY COMMAND"),
    ] {
        let mut home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_EC2_METADATA_DISABLED", "true");
        for (variable, url) in variables.iter().zip(dead) {
            home = home.with(variable, url);
        }
        let (checks, _) = doctor(&home, &[]);
        assert_eq!(faults(&checks, "service")[0]["cure"], cure);
        let after = follow(&home, faults(&checks, "service")[0], "");
        let proxy = after.iter().find(|line| line["check"] == "proxy").unwrap();
        assert_eq!(proxy["text"], "none");
        for line in faults(&after, "service") {
            assert!(
                !line["text"].as_str().unwrap().contains("the proxy of"),
                "{line}"
            );
        }
    }
    // It is not asked for a URL of plain HTTP.
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("HTTPS_PROXY", dead[1])
        .with("AWS_ENDPOINT_URL_STS", dead[0]);
    let (checks, _) = doctor(&home, &[]);
    let cure = &faults(&checks, "service")[0]["cure"];
    assert_eq!(cure, "env AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true COMMAND");
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_of_the_files() {
    for text in [
        "[default\nregion = eu-west-1\n",
        "[default]\n\u{0}\n = x\n[a]b\n",
    ] {
        let home = Home::new()
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .with_file("config", text);
        let (checks, code) = doctor(&home, &["--offline"]);
        assert_eq!(code, 1);
        let faults = faults(&checks, "files");
        assert_eq!(faults.last().unwrap()["status"], "problem", "{checks:#?}");
    }
}

/// Makes a pipe in the home folder of the test, and returns its path.
#[cfg(unix)]
fn pipe(home: &Home, name: &str) -> String {
    let path = home.path().join(name);
    let made = home.program("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path.to_str().unwrap().to_owned()
}

#[cfg(unix)]
#[test]
fn a_pipe_that_gives_nothing_is_a_problem_and_is_not_waited_for() {
    for (variable, check) in [
        ("AWS_CONFIG_FILE", "files"),
        ("AWS_SHARED_CREDENTIALS_FILE", "files"),
        ("AWS_CA_BUNDLE", "ca bundle"),
    ] {
        let home = Home::new()
            .with_key("AKIAEXAMPLE", "secret")
            .with("AWS_REGION", "eu-west-1");
        let path = pipe(&home, "silent");
        let home = home.with(variable, &path);
        let (checks, code) = doctor(&home, &["--offline"]);
        assert_eq!(code, 1);
        let problems: Vec<_> = faults(&checks, check);
        let texts = problems.iter().map(|line| line["text"].as_str().unwrap());
        let told: Vec<_> = texts
            .filter(|text| text.contains("it is a pipe that gives nothing"))
            .collect();
        assert_eq!(told.len(), 1, "{variable}: {checks:#?}");
        assert_has(told[0], &["silent"]);
    }
}

#[cfg(unix)]
#[test]
fn commands_that_tell_what_is_set_do_not_wait_for_a_pipe() {
    let home = Home::new().with_file("credentials", "");
    pipe(&home, ".aws/config");
    for words in [&["why"][..], &["configure", "list"], &["configure", "dump"]] {
        let run = home.keyfob(words);
        assert_ne!(run.code, 0, "{words:?}");
        let told = run.stdout + &run.stderr;
        assert_has(
            &told,
            &["config: cannot be read: it is a pipe that gives nothing"],
        );
    }
}

#[cfg(unix)]
#[test]
fn the_file_of_a_token_that_is_a_pipe_is_not_waited_for_either() {
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x");
    let agent = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/x");
    for (variable, (name, value)) in [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", role),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", agent),
    ] {
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .with(name, value);
        let path = pipe(&home, "token");
        let start = Instant::now();
        let run = home.with(variable, &path).keyfob(["why"]);
        assert!(start.elapsed().as_secs() < 15, "{:?}", start.elapsed());
        assert_eq!(run.code, 255);
        assert_has(
            &run.stderr,
            &[variable, "nothing was written to it for 5 s"],
        );
    }
}

#[cfg(unix)]
#[test]
fn what_a_pipe_gives_is_read_once_for_all_checks() {
    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/../sts/tests/tls/ca.pem");
    let config = "[profile q]\nregion = eu-west-3\naws_access_key_id = AKIAEXAMPLE\n\
                  aws_secret_access_key = secret\n";
    let home = Home::new().with("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    let config = (pipe(&home, "config.pipe"), config.as_bytes().to_vec());
    let bundle = (pipe(&home, "bundle.pipe"), fs::read(pem).unwrap());
    let home = home
        .with("AWS_CONFIG_FILE", &config.0)
        .with("AWS_CA_BUNDLE", &bundle.0)
        .with("AWS_EC2_METADATA_DISABLED", "true");
    let writers = [config, bundle].map(|(path, text)| thread::spawn(|| fs::write(path, text)));
    let (checks, _) = doctor(&home, &["--profile", "q"]);
    for writer in writers {
        writer.join().unwrap().unwrap();
    }
    let text = format!("{checks:#?}");
    assert_has(&text, &["eu-west-3", "AWS_CA_BUNDLE can be read"]);
    assert!(!text.contains("not found"), "{text}");
    assert!(faults(&checks, "ca bundle").is_empty(), "{text}");
    // The endpoint, which is not there, was asked: a client could be built.
    assert_eq!(faults(&checks, "service").len(), 1, "{text}");
}

#[test]
fn the_cure_of_a_source_that_fails_is_not_the_way_to_one_before_it() {
    let home = Home::new()
        .with_key("AKIAEXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app")
        .with_file("token", "token")
        .with_file("config", "[default]\naws_access_key_id = AKIAEXAMPLE\n");
    let token = home.file("token");
    let home = home.with("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap());
    let fails = |checks: &[Value]| {
        let mut problems = faults(checks, "credentials").into_iter();
        let line = problems.find(|line| {
            let text = line["text"].as_str().unwrap();
            text.starts_with("profile \"default\" fails")
        });
        line.cloned()
    };
    let (checks, _) = doctor(&home, &["--offline"]);
    let line = fails(&checks).unwrap();
    let file = home.file("config");
    assert_eq!(line["cure"], format!("${{EDITOR:-vi}} {}", file.display()));
    // One that comes after it is used without it.
    let home = home.with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
    let (checks, _) = doctor(&home, &["--offline"]);
    let line = fails(&checks).unwrap();
    let after = follow(&home, &line, "--offline");
    assert!(fails(&after).is_none(), "{after:#?}");
}

#[test]
fn a_bundle_with_a_broken_certificate_is_a_fault_of_the_bundle() {
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with_file("broken.pem", pem);
    let file = home.file("broken.pem");
    let home = home.with("AWS_CA_BUNDLE", file.to_str().unwrap());
    let (checks, _) = doctor(&home, &["--offline"]);
    let faults = faults(&checks, "ca bundle");
    assert_eq!(faults[0]["cure"], "env -u AWS_CA_BUNDLE COMMAND");
}

#[test]
fn a_container_agent_that_cannot_be_reached_is_told_as_such() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ENDPOINT_URL", &service("garbage"))
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x");
    let (checks, _) = doctor(&home, &[]);
    let text = faults(&checks, "container")[0]["text"].as_str().unwrap();
    assert_has(text, &["Connection refused"]);
}

#[test]
fn files_of_secrets_that_others_can_read_are_named_and_the_cures_hide_them() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with_file("credentials", &format!("[default]\n{KEY}"))
        .with_file("sso/cache/a.json", "{}")
        .with_file("sso/cache/b.json", "{}")
        .with_file("login/cache/c.json", "{}")
        .with_file("cli/cache/d.json", "{}")
        .with_file("token", "t");
    let token = home.file("token");
    let home = home
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap())
        .with("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
    let (mut checks, _) = doctor(&home, &["--offline"]);
    let texts: Vec<_> = faults(&checks, "files")
        .iter()
        .map(|line| line["text"].clone())
        .collect();
    assert_eq!(texts.len(), 5, "{texts:#?}");
    let all = format!("{texts:?}");
    assert_has(
        &all,
        &[
            "other users can read this file with secrets (mode 0644)",
            "other users can read this token file",
            "other users can read 2 files with secrets in ~/.aws/sso/cache",
            "other users can read 1 file with secrets in ~/.aws/login/cache",
            "other users can read 1 file with secrets in ~/.aws/cli/cache",
        ],
    );
    for left in (0..5).rev() {
        let line = faults(&checks, "files")[0].clone();
        checks = follow(&home, &line, "--offline");
        assert_eq!(faults(&checks, "files").len(), left, "{line}\n{checks:#?}");
    }
    assert_eq!(fs::read_to_string(token).unwrap(), "t");
}

#[test]
#[cfg(unix)]
fn files_of_another_user_are_named_and_the_cures_end_that() {
    use std::os::unix::fs::{MetadataExt as _, chown};

    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
        .with_file("credentials", &format!("[default]\n{KEY}"))
        .with_file("sso/cache/a.json", "{}")
        .with_file("cli/cache/d.json", "{}")
        .with_file("cli/cache/mine.json", "{}");
    let mode = |name, mode| {
        use std::os::unix::fs::PermissionsExt as _;

        fs::set_permissions(home.file(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for name in [
        "credentials",
        "sso/cache/a.json",
        "cli/cache/d.json",
        "cli/cache/mine.json",
    ] {
        mode(name, 0o600);
    }
    assert!(faults(&doctor(&home, &["--offline"]).0, "files").is_empty());
    for name in ["credentials", "sso/cache/a.json", "cli/cache/d.json"] {
        if chown(home.file(name), Some(1234), None).is_err() {
            println!("only root can give files away: nothing is tested");
            return;
        }
    }
    let why = home.keyfob(["why"]).ok();
    assert_has(&why, &["~/.aws/credentials belongs to user 1234"]);
    assert_has(&why, &["in ~/.aws/cli/cache belong to user 1234"]);
    let (mut checks, code) = doctor(&home, &["--offline"]);
    assert_eq!(code, 1);
    for left in (0..3).rev() {
        let line = faults(&checks, "files")[0].clone();
        checks = follow(&home, &line, "--offline");
        assert_eq!(faults(&checks, "files").len(), left, "{line}\n{checks:#?}");
    }
    assert!(home.file("cli/cache/mine.json").exists());
    assert!(!home.file("cli/cache/d.json").exists());
    assert_eq!(home.file("credentials").metadata().unwrap().uid(), 0);
    // Below the home of another user, `sudo` finds the files of that one.
    chown(home.path(), Some(1234), None).unwrap();
    chown(home.file("credentials"), Some(1234), None).unwrap();
    assert!(faults(&doctor(&home, &["--offline"]).0, "files").is_empty());
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let home = Home::new().with("AWS_REGION", "eu-west-1");
    let home = home.with_file("config", "[default]\nregion\n");
    let (checks, code) = doctor(&home, &["--offline"]);
    assert_eq!(code, 1);
    assert_has(
        faults(&checks, "files")[0]["text"].as_str().unwrap(),
        &["profile \"default\" fails: ", "~/.aws/config:2: "],
    );
    let home = home.with("AWS_ACCESS_KEY_ID", "AKIAHALFEXAMPLE00001");
    let home = home.with_file("config", &format!("[default]\n{KEY}"));
    let (checks, _) = doctor(&home, &["--offline"]);
    let found = faults(&checks, "credentials");
    assert_eq!(found[0]["status"], "problem", "{checks:#?}");
    let after = follow(&home, found[0], "--offline");
    assert!(faults(&after, "credentials").is_empty(), "{after:#?}");
}

#[test]
fn a_region_that_nothing_sets_is_a_warning() {
    let home = Home::new();
    let (checks, code) = doctor(&home, &["--offline"]);
    let found = faults(&checks, "region");
    assert_eq!((found.len(), code), (1, 1), "{checks:#?}");
    let cure = found[0]["cure"].as_str().unwrap();
    let words: Vec<_> = cure.split(' ').skip(1).collect();
    home.keyfob(words).ok();
    assert!(faults(&doctor(&home, &["--offline"]).0, "region").is_empty());
    let (checks, code) = doctor(&Home::new(), &["--offline", "--region", "eu-west-1"]);
    assert_eq!(
        (faults(&checks, "region").len(), code),
        (0, 0),
        "{checks:#?}"
    );
}

#[test]
fn a_region_that_no_file_can_have_is_set_for_a_command() {
    let broken = Home::new().with_file("config", "[default\n");
    let nowhere = Home::new().with("AWS_CONFIG_FILE", "");
    let folder = Home::new().with_file("config/file", "");
    for home in [broken, nowhere, folder] {
        let (checks, _) = doctor(&home, &["--offline"]);
        let found = faults(&checks, "region");
        assert_eq!(found.len(), 1, "{checks:#?}");
        assert_eq!(found[0]["cure"], "env AWS_REGION=us-east-1 COMMAND");
        let after = follow(&home, found[0], "--offline");
        assert!(faults(&after, "region").is_empty(), "{after:#?}");
    }
}

#[test]
fn the_cure_of_the_only_region_sets_another_one() {
    let profile = "[default]\nregion = eu-west-1\n";
    for (variables, config, cure) in [
        (&["AWS_REGION"][..], "", "env AWS_REGION=us-east-1 COMMAND"),
        (
            &["AWS_DEFAULT_REGION"],
            "",
            "env AWS_DEFAULT_REGION=us-east-1 COMMAND",
        ),
        (&["AWS_REGION"], profile, "env -u AWS_REGION COMMAND"),
    ] {
        let home = Home::new().with_key("AKIAIOSFODNN7EXAMPLE", "secret");
        let home = home.with_file("config", config);
        let home = variables
            .iter()
            .fold(home, |home, name| home.with(name, "eu west"));
        let (checks, code) = doctor(&home, &["--offline"]);
        let found = faults(&checks, "region");
        assert_eq!((found.len(), code), (1, 1), "{checks:#?}");
        assert_eq!(found[0]["cure"], cure);
        let after = follow(&home, found[0], "--offline");
        assert!(
            after.iter().all(|line| line["status"] == "ok"),
            "{after:#?}"
        );
    }
}

#[test]
fn every_endpoint_override_is_listed_and_the_cure_switches_it_off() {
    let config = "[default]\nservices = local\nregion = eu-west-1\nendpoint_url = http://e\n\
                  [services local]\ns3 =\n  endpoint_url = http://s\n";
    let home = Home::new()
        .with("AWS_ENDPOINT_URL_IAM", "http://user:canary@i/?token=canary")
        .with_file("config", config);
    let (checks, _) = doctor(&home, &["--offline"]);
    let endpoints: Vec<_> = checks
        .iter()
        .filter(|line| line["check"] == "endpoint")
        .collect();
    let texts = format!("{endpoints:?}");
    assert_has(
        &texts,
        &[
            "AWS_ENDPOINT_URL_IAM sends calls to http://i/",
            "~/.aws/config:4: endpoint_url sends calls to http://e",
            "~/.aws/config:7: s3.endpoint_url sends calls to http://s",
        ],
    );
    assert!(!texts.contains("canary"), "{texts}");
    let with_cure = endpoints
        .iter()
        .find(|line| line["cure"].is_string())
        .unwrap();
    let after = follow(&home, with_cure, "--offline");
    let after: Vec<_> = after
        .iter()
        .filter(|line| line["check"] == "endpoint")
        .collect();
    assert_eq!(after.len(), 1, "{after:#?}");
    assert_eq!(
        after[0]["text"],
        "no URL takes the place of the services' own"
    );
}

#[test]
fn a_ca_bundle_and_a_proxy_that_cannot_be_used_are_problems_with_a_cure() {
    for (name, value, check) in [
        ("AWS_CA_BUNDLE", "/nowhere/ca.pem", "ca bundle"),
        ("https_proxy", "::no proxy::", "proxy"),
        ("AWS_MAX_ATTEMPTS", "many", "settings"),
        ("AWS_DEFAULT_OUTPUT", "bad", "settings"),
        ("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", "ca bundle"),
    ] {
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with(name, value);
        let (checks, code) = doctor(&home, &["--offline"]);
        let found = faults(&checks, check);
        assert_eq!((found.len(), code), (1, 1), "{name}: {checks:#?}");
        assert_eq!(found[0]["status"], "problem");
        let after = follow(&home, found[0], "--offline");
        assert!(faults(&after, check).is_empty(), "{after:#?}");
    }
}

#[test]
fn a_setting_with_which_no_answer_can_be_printed_is_a_problem() {
    for (setting, status) in [
        ("output = bad", "problem"),
        ("cli_timestamp_format = bad", "problem"),
        ("cli_error_format = bad", "warning"),
    ] {
        let text = format!("[default]\nregion = eu-west-1\n{setting}\n");
        let home = Home::new().with_file("config", &text);
        let (checks, code) = doctor(&home, &["--offline"]);
        let found = faults(&checks, "settings");
        assert_eq!((found.len(), code), (1, 1), "{setting}: {checks:#?}");
        assert_eq!(found[0]["status"], status);
        let after = follow(&home, found[0], "--offline");
        assert!(faults(&after, "settings").is_empty(), "{after:#?}");
    }
}

#[test]
fn authorities_that_a_variable_names_and_that_cannot_be_read_are_a_fault_of_the_variable() {
    let server = Server::start("server.pem");
    for names in [&["SSL_CERT_FILE"][..], &["SSL_CERT_FILE", "SSL_CERT_DIR"]] {
        let home = names.iter().fold(Home::new(), |home, name| {
            home.with(name, "/nowhere/certificates")
        });
        let home = home
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_EC2_METADATA_DISABLED", "true");
        let (checks, code) = doctor(&home, &["--endpoint-url", &server.url]);
        assert_eq!(code, 1);
        let found = faults(&checks, "ca bundle");
        assert_eq!(found.len(), 1, "{checks:#?}");
        let cure = format!("env -u {} COMMAND", names.join(" -u "));
        assert_eq!(found[0]["cure"], cure);
        let more = format!("--endpoint-url {}", server.url);
        let after = follow(&home, found[0], &more);
        assert!(faults(&after, "ca bundle").is_empty(), "{after:#?}");
        let (checks, _) = doctor(&home, &["--offline"]);
        assert_eq!(faults(&checks, "ca bundle").len(), 1, "{checks:#?}");
    }
}

#[test]
fn a_file_of_authorities_is_read_without_a_call() {
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/../sts/tests/tls/ca.pem");
    let folder = Home::new().with_file("ca.pem", "");
    let folder = folder.path().join(".aws");
    for (file, folder, is_fine) in [
        ("/nowhere/ca.pem", None, false),
        ("/dev/null", None, false),
        (
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            None,
            false,
        ),
        ("", None, false),
        ("/nowhere/ca.pem", folder.to_str(), true),
        (ca, None, true),
    ] {
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("SSL_CERT_FILE", file);
        let home = match folder {
            Some(folder) => home.with("SSL_CERT_DIR", folder),
            None => home,
        };
        let (checks, _) = doctor(&home, &["--offline"]);
        let found = faults(&checks, "ca bundle");
        if is_fine {
            assert!(found.is_empty(), "{file}: {checks:#?}");
            continue;
        }
        assert_eq!(found.len(), 1, "{file}: {checks:#?}");
        assert_eq!(found[0]["status"], "problem");
        assert_has(
            found[0]["text"].as_str().unwrap(),
            &["SSL_CERT_FILE cannot be used: "],
        );
        let after = follow(&home, found[0], "--offline");
        assert!(faults(&after, "ca bundle").is_empty(), "{after:#?}");
        let bundle = home.with("AWS_CA_BUNDLE", ca);
        let (checks, _) = doctor(&bundle, &["--offline"]);
        assert!(faults(&checks, "ca bundle").is_empty(), "{checks:#?}");
    }
}

#[test]
fn credentials_whose_file_or_program_is_not_there_are_not_fine() {
    let role = "role_arn = arn:aws:iam::111122223333:role/x\n";
    for (config, text) in [
        (
            format!("{role}web_identity_token_file = /nowhere/token\n"),
            "web_identity_token_file names no file that can be read: ",
        ),
        (
            "credential_process = /nowhere/program --all\n".to_owned(),
            "credential_process cannot be run: its program is not there",
        ),
        (
            "credential_process = no-such-program-anywhere\n".to_owned(),
            "credential_process cannot be run: its program is not there",
        ),
        (
            "credential_process = 'x\n".to_owned(),
            "credential_process cannot be run: it has a quote without its end",
        ),
        (
            "credential_process = /tmp\n".to_owned(),
            "credential_process cannot be run: its program is a folder",
        ),
        (
            concat!(
                "credential_process = '",
                env!("CARGO_MANIFEST_DIR"),
                "/Cargo.toml'\n"
            )
            .to_owned(),
            "credential_process cannot be run: this user has no right to run its program",
        ),
        (
            format!("{role}source_profile = b\n[profile b]\ncredential_process = /nowhere/p\n"),
            "config:5: credential_process cannot be run: its program is not there",
        ),
    ] {
        let config = format!("[default]\n{config}");
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .with_file("config", &config);
        let (checks, code) = doctor(&home, &["--offline"]);
        let found = faults(&checks, "credentials");
        assert_eq!((found.len(), code), (1, 1), "{config}: {checks:#?}");
        assert_has(found[0]["text"].as_str().unwrap(), &[text]);
        let cure = found[0]["cure"].as_str().unwrap();
        assert!(cure.starts_with("${EDITOR:-vi} "), "{cure}");
        assert_ne!(home.keyfob(["why"]).code, 0);
    }
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x")
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token");
    let (checks, code) = doctor(&home, &["--offline"]);
    let found = faults(&checks, "credentials");
    assert_eq!((found.len(), code), (1, 1), "{checks:#?}");
    assert_has(
        found[0]["text"].as_str().unwrap(),
        &["web identity fails: AWS_WEB_IDENTITY_TOKEN_FILE names no file that can be read"],
    );
    let after = follow(&home, found[0], "--offline");
    assert!(faults(&after, "credentials").is_empty(), "{after:#?}");
}

#[test]
fn a_source_that_is_not_asked_is_said_to_be_so() {
    for (config, provider) in [
        (
            "role_arn = arn:aws:iam::111122223333:role/x\nweb_identity_token_file = /dev/null\n",
            "profile \"default\", which this check does not ask",
        ),
        (
            "credential_process = sh -c false\n",
            "profile \"default\", which this check does not ask",
        ),
        (KEY, "profile \"default\""),
    ] {
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with_file("config", &format!("[default]\n{config}"));
        let (checks, _) = doctor(&home, &["--offline"]);
        assert!(
            faults(&checks, "credentials").is_empty(),
            "{config}: {checks:#?}"
        );
        let line = checks.iter().find(|line| line["check"] == "credentials");
        assert_eq!(line.unwrap()["text"], provider);
    }
}

#[test]
fn one_wrong_setting_hides_no_other_and_what_was_not_checked_is_not_said_to_be_fine() {
    let wrong = [
        ("AWS_REGION", "a/b", "region", "AWS_REGION is"),
        (
            "AWS_ENDPOINT_URL",
            "notaurl",
            "endpoint",
            "AWS_ENDPOINT_URL cannot be used",
        ),
        (
            "HTTPS_PROXY",
            "socks5://x",
            "proxy",
            "HTTPS_PROXY cannot be used as a proxy",
        ),
        (
            "AWS_CA_BUNDLE",
            "/nope",
            "ca bundle",
            "AWS_CA_BUNDLE cannot be used",
        ),
        ("AWS_RETRY_MODE", "often", "settings", "AWS_RETRY_MODE is"),
        ("AWS_MAX_ATTEMPTS", "x", "settings", "AWS_MAX_ATTEMPTS is"),
    ];
    let home = wrong.iter().fold(Home::new(), |home, (name, value, ..)| {
        home.with(name, value)
    });
    let home = home.with("AWS_EC2_METADATA_DISABLED", "true");
    let (checks, code) = doctor(&home, &[]);
    assert_eq!(code, 1);
    for (name, _, check, text) in wrong {
        let lines: Vec<_> = checks
            .iter()
            .filter(|line| line["check"] == check && line["text"].as_str().unwrap().contains(text))
            .collect();
        assert_eq!(lines.len(), 1, "{name}: {checks:#?}");
        assert_eq!(lines[0]["status"], "problem", "{lines:#?}");
        let after = follow(&home, lines[0], "--offline");
        let is_left = faults(&after, check)
            .iter()
            .any(|line| line["text"] == lines[0]["text"]);
        assert!(!is_left, "{after:#?}");
        let same = wrong.iter().filter(|other| other.2 == check).count();
        let of_check = checks.iter().filter(|line| line["check"] == check);
        assert_eq!(of_check.count(), same, "{checks:#?}");
    }
    for name in ["service", "clock"] {
        let line = checks.iter().find(|line| line["check"] == name).unwrap();
        assert_eq!(line["text"], "not asked, because no call can be sent");
    }
    let home = Home::new()
        .with("AWS_PROFILE", "nope")
        .with("AWS_CA_BUNDLE", "/nope");
    let (checks, _) = doctor(&home, &["--offline"]);
    for name in ["region", "endpoint"] {
        let line = checks.iter().find(|line| line["check"] == name).unwrap();
        assert_has(line["text"].as_str().unwrap(), &["not looked up"]);
    }
    assert_eq!(faults(&checks, "ca bundle").len(), 1, "{checks:#?}");
    let found = faults(&checks, "settings");
    assert_eq!(found.len(), 1, "{checks:#?}");
    let after = follow(&home, found[0], "--offline");
    assert!(faults(&after, "settings").is_empty(), "{after:#?}");
}

#[test]
fn an_instance_that_does_not_answer_is_a_warning_with_a_cure() {
    let home = Home::new()
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    let (checks, _) = doctor(&home, &[]);
    let found = faults(&checks, "instance");
    assert_eq!(found.len(), 1, "{checks:#?}");
    let after = follow(&home, found[0], "");
    assert!(faults(&after, "instance").is_empty(), "{after:#?}");
}

#[test]
fn the_agent_of_a_container_is_asked() {
    let key_home = Home::new().with_key("AKIAAGENTEXAMPLE0001", "secret");
    let agent = Running::serve(&key_home, "container", &[]);
    let home = |without: &[&str]| {
        let home = agent.home(&[&FILES[..], without].concat());
        home.with("AWS_EC2_METADATA_DISABLED", "true")
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    };
    let (checks, _) = doctor(&home(&[]), &[]);
    let line = checks
        .iter()
        .find(|line| line["check"] == "container")
        .unwrap();
    assert_eq!(line["text"], "its agent has credentials", "{checks:#?}");
    let broken = home(&[
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ]);
    let (checks, code) = doctor(&broken, &[]);
    let found = faults(&checks, "container");
    assert_eq!((found.len(), code), (1, 1), "{checks:#?}");
    let after = follow(&broken, found[0], "");
    assert!(faults(&after, "container").is_empty(), "{after:#?}");
}

/// Serves the metadata of an instance whose role has this document, and STS for its credentials.
fn instance(document: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let path = first.split(' ').nth(1).unwrap();
            let (status, body) = match path {
                "/" => ("200 OK", IDENTITY),
                _ if path.ends_with("/token") => ("200 OK", "TOKEN"),
                _ if path.ends_with("/security-credentials/") => ("200 OK", "app"),
                _ if path.ends_with("/security-credentials/app") => ("200 OK", document),
                _ => ("404 Not Found", ""),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nx-aws-ec2-metadata-token-ttl-seconds: 100\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

const IDENTITY: &str = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/app/i-1</Arn>
<UserId>AROAEXAMPLE:i-1</UserId><Account>123456789012</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#;

/// Returns a home on an instance whose role has this document.
fn on_instance(document: &'static str) -> Home {
    let url = instance(document);
    Home::new()
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ENDPOINT_URL", &url)
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)
}

#[test]
fn a_role_of_the_instance_without_credentials_is_not_fine() {
    for document in [
        r#"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "no", "LastUpdated": "x"}"#,
        "{}",
    ] {
        let home = on_instance(document);
        let (checks, code) = doctor(&home, &[]);
        let found = faults(&checks, "instance");
        assert_eq!((found.len(), code), (1, 1), "{checks:#?}");
        let after = follow(&home, found[0], "");
        assert!(faults(&after, "instance").is_empty(), "{after:#?}");
    }
}

const EXPIRED: &str = r#"{"Code": "Success", "AccessKeyId": "ASIAEXPIREDEXAMPLE01",
    "SecretAccessKey": "secret", "Token": "token", "Expiration": "2020-01-01T00:00:00Z"}"#;

#[test]
fn credentials_that_have_expired_are_used_with_a_warning_and_their_own_expiry() {
    let home = on_instance(EXPIRED);
    let (checks, _) = doctor(&home, &[]);
    let found = faults(&checks, "instance");
    assert_eq!(found.len(), 1, "{checks:#?}");
    assert_has(
        found[0]["text"].as_str().unwrap(),
        &["2020-01-01T00:00:00Z"],
    );

    let why = home.keyfob(["why"]);
    assert_has(
        &why.ok(),
        &[
            "(key ASIAEXPIREDEXAMPLE01, expired)",
            "expired at 2020-01-01T00:00:00Z",
        ],
    );
    let whoami = home.keyfob(["whoami", "--json"]);
    let data: Value = serde_json::from_str(&whoami.ok()).unwrap();
    assert_eq!(data["expiry"], "2020-01-01T00:00:00Z");
    assert!(data["seconds_left"].as_i64().unwrap() < 0, "{data:#}");
    let kinds = data["findings"].as_array().unwrap().iter();
    assert!(
        kinds.into_iter().any(|finding| finding["kind"] == "expiry"),
        "{data:#}"
    );

    // Programs that read it would refuse the time of the source.
    let export = home.keyfob(["configure", "export-credentials"]);
    let document: Value = serde_json::from_str(&export.stdout).unwrap();
    let used_until: Timestamp = document["Expiration"].as_str().unwrap().parse().unwrap();
    assert!(used_until > Timestamp::now(), "{used_until}");
    assert_has(&export.stderr, &["expired at 2020-01-01T00:00:00Z"]);

    // So are those that a role is assumed with.
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/deploy"];
    let export = [&["configure", "export-credentials"][..], &role].concat();
    let url = ["--endpoint-url", "http://127.0.0.1:1"];
    let run = home.keyfob([&export[..], &url].concat());
    assert_has(
        &run.stderr,
        &["the key that role arn:aws:iam::123456789012:role/deploy is assumed with expired at"],
    );
    let run = home.keyfob([&export[..], &url, &["--why"]].concat());
    assert_has(&run.stderr, &["expired)", "> 5 instance metadata"]);
    assert_ne!(run.code, 0);
}

#[test]
#[cfg(unix)]
fn a_file_that_is_a_link_to_nothing_is_a_warning() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
        .with_file("credentials", "");
    assert!(faults(&doctor(&home, &["--offline"]).0, "files").is_empty());
    std::os::unix::fs::symlink("nowhere", home.file("config")).unwrap();
    let (checks, code) = doctor(&home, &["--offline"]);
    let found = faults(&checks, "files");
    assert_eq!((found.len(), code), (1, 1), "{checks:#?}");
    assert_has(
        found[0]["text"].as_str().unwrap(),
        &["config is a link to nowhere, which is not there"],
    );
    assert!(faults(&follow(&home, found[0], "--offline"), "files").is_empty());
    assert!(fs::symlink_metadata(home.file("config")).is_err());
    // The folder of both files, too.
    fs::remove_dir_all(home.path().join(".aws")).unwrap();
    std::os::unix::fs::symlink("/nowhere/aws", home.path().join(".aws")).unwrap();
    let (checks, _) = doctor(&home, &["--offline"]);
    let found = faults(&checks, "files");
    assert_eq!(found.len(), 1, "{checks:#?}");
    assert_has(
        found[0]["text"].as_str().unwrap(),
        &[".aws is a link to /nowhere/aws, which is not there"],
    );
    assert!(faults(&follow(&home, found[0], "--offline"), "files").is_empty());
}

#[test]
#[cfg(unix)]
fn the_end_of_a_chain_of_links_is_what_is_not_there() {
    use std::os::unix::fs::symlink;

    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_CONFIG_FILE", "cfg")
        .with_file("first", "");
    let folder = home.path().join(".aws");
    symlink("second", folder.join("link")).unwrap();
    symlink("gone", folder.join("second")).unwrap();
    symlink("gone", folder.join("cfg")).unwrap();
    let found = |file: &str| {
        let mut program = home.program(env!("CARGO_BIN_EXE_keyfob"));
        program.current_dir(&folder).env("AWS_CONFIG_FILE", file);
        let run = Run::new(program.args(["doctor", "--offline"]).output().unwrap());
        run.stdout + &run.stderr
    };
    assert_has(
        &found("cfg"),
        &["cfg is a link to gone, which is not there", "rm cfg"],
    );
    let link = folder.join("link");
    let end = "~/.aws/link is a link to ~/.aws/gone, which is not there";
    assert_has(&found(link.to_str().unwrap()), &[end]);
}

#[test]
fn a_file_in_the_place_of_the_folder_of_files_is_told() {
    let home = Home::new().with("AWS_REGION", "eu-west-1");
    fs::write(home.path().join(".aws"), "").unwrap();
    let (checks, _) = doctor(&home, &["--offline"]);
    let found = faults(&checks, "files");
    assert_eq!(found.len(), 1, "{checks:#?}");
    assert_has(
        found[0]["text"].as_str().unwrap(),
        &[".aws is not a folder"],
    );
    assert!(faults(&follow(&home, found[0], "--offline"), "files").is_empty());
}

/// Makes a config file unreadable, in a home that the user 1234 has if root runs the tests.
#[cfg(unix)]
type Damage = fn(&Home);

/// What may be wrong, the cure (`~` is the home folder), and whether only root can do it.
#[cfg(unix)]
const UNREADABLE: [(&str, Damage, &str, bool); 12] = [
    (
        "a folder in the place of the file, beside an older one",
        |home| {
            fs::remove_file(home.file("config")).unwrap();
            fs::create_dir(home.file("config")).unwrap();
            fs::create_dir(home.file("config.old")).unwrap();
        },
        "mv -n ~/.aws/config ~/.aws/config.old2",
        false,
    ),
    (
        "a file that is too long",
        |home| {
            let file = fs::File::options().write(true).open(home.file("config"));
            file.unwrap().set_len(17 << 20).unwrap();
        },
        "env AWS_CONFIG_FILE=/dev/null COMMAND",
        false,
    ),
    (
        "a link to a file of root",
        |home| {
            let file = home.path().join("real");
            fs::rename(home.file("config"), &file).unwrap();
            std::os::unix::fs::symlink("../real", home.file("config")).unwrap();
            std::os::unix::fs::chown(&file, Some(0), Some(0)).unwrap();
        },
        "sudo chown -R 1234 ~/real",
        true,
    ),
    (
        "the mode of the file",
        |home| mode(&home.file("config"), 0),
        "chmod u+rw ~/.aws/config",
        false,
    ),
    (
        "the mode of the folder",
        |home| mode(&home.path().join(".aws"), 0),
        "chmod u+rwx ~/.aws",
        false,
    ),
    (
        "a folder that cannot be entered",
        |home| mode(&home.path().join(".aws"), 0o600),
        "chmod u+rwx ~/.aws",
        false,
    ),
    (
        "a folder behind a link",
        |home| {
            let folder = home.path().join("elsewhere");
            fs::create_dir(&folder).unwrap();
            fs::rename(home.file("config"), folder.join("config")).unwrap();
            std::os::unix::fs::symlink("../elsewhere/config", home.file("config")).unwrap();
            give_away(&folder);
            mode(&folder, 0);
        },
        "chmod u+rwx ~/.aws/../elsewhere",
        false,
    ),
    (
        "a folder in the place of the file",
        |home| {
            fs::remove_file(home.file("config")).unwrap();
            fs::create_dir(home.file("config")).unwrap();
        },
        "mv -n ~/.aws/config ~/.aws/config.old",
        false,
    ),
    (
        "a loop of links",
        |home| {
            fs::remove_file(home.file("config")).unwrap();
            std::os::unix::fs::symlink("other", home.file("config")).unwrap();
            std::os::unix::fs::symlink("config", home.file("other")).unwrap();
        },
        "rm ~/.aws/config",
        false,
    ),
    (
        "a folder that is a loop",
        |home| {
            fs::remove_dir_all(home.path().join(".aws")).unwrap();
            std::os::unix::fs::symlink(".aws", home.path().join(".aws")).unwrap();
        },
        "rm ~/.aws",
        false,
    ),
    (
        "a file of root",
        |home| {
            std::os::unix::fs::chown(home.file("config"), Some(0), Some(0)).unwrap();
            mode(&home.file("config"), 0o600);
        },
        "sudo chown -R 1234 ~/.aws/config",
        true,
    ),
    (
        "a folder of root",
        |home| {
            std::os::unix::fs::chown(home.path().join(".aws"), Some(0), Some(0)).unwrap();
            mode(&home.path().join(".aws"), 0o700);
        },
        "sudo chown -R 1234 ~/.aws",
        true,
    ),
];

#[cfg(unix)]
fn mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Returns the lines with this text, other than those that are ok, that doctor prints for the user
/// 1234.
#[cfg(unix)]
fn found_by_another_user(home: &Home, text: &str) -> Vec<Value> {
    use std::os::unix::process::CommandExt as _;

    let mut program = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let doctor = ["doctor", "--offline", "--json"];
    let run = Run::new(program.uid(1234).gid(1234).args(doctor).output().unwrap());
    let data: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut found = data["checks"].as_array().unwrap().clone();
    found.retain(|line| line["status"] != "ok" && line["text"].as_str().unwrap().contains(text));
    found
}

/// Gives a file to the user 1234. Returns true if root runs the tests: only root can.
#[cfg(unix)]
fn give_away(path: &std::path::Path) -> bool {
    std::os::unix::fs::chown(path, Some(1234), Some(1234)).is_ok()
}

#[test]
#[cfg(unix)]
fn a_file_that_cannot_be_read_has_a_cure_that_makes_it_readable() {
    use std::os::unix::process::CommandExt as _;

    for named in [false, true] {
        for (what, damage, cure, needs_root) in UNREADABLE {
            let home = Home::new()
                .with("AWS_REGION", "eu-west-1")
                .with("AWS_DEFAULT_REGION", "eu-west-1")
                .with_file("config", "[default]\nregion = eu-west-1\n")
                .with_file("bin/sudo", "#!/bin/sh\nexec \"$@\"\n");
            let file = home.file("config");
            let home = if named {
                home.with("AWS_CONFIG_FILE", file.to_str().unwrap())
            } else {
                home
            };
            fs::rename(home.file("bin"), home.path().join("bin")).unwrap();
            mode(&home.path().join("bin/sudo"), 0o755);
            mode(&file, 0o600);
            let is_root = give_away(home.path());
            give_away(&home.path().join(".aws"));
            give_away(&file);
            if needs_root && !is_root {
                println!("{what}: only root can make one: nothing is tested");
                continue;
            }
            damage(&home);
            let run = |words: &[&str]| {
                let mut program = home.program(env!("CARGO_BIN_EXE_keyfob"));
                if is_root {
                    program.uid(1234).gid(1234);
                }
                Run::new(program.args(words).output().unwrap())
            };
            let found = |command: &[&str], list: &str| {
                let run = run(&[command, &["--json"]].concat());
                let data: Value = serde_json::from_str(&run.stdout).unwrap();
                let mut found = data[list].as_array().unwrap().clone();
                found.retain(|line| {
                    let text = line["text"].as_str().unwrap();
                    text.contains("cannot be read") && line["status"] != "ok"
                });
                found
            };
            let why = found(&["why"], "findings");
            let checks = found(&["doctor", "--offline"], "checks");
            assert!(!checks.is_empty(), "{what}");
            let home_folder = home.path().to_str().unwrap();
            let mut expected = cure.replace('~', home_folder);
            // What is no file of this user is not looked for.
            if named && !cure.starts_with("chmod") && !cure.starts_with("rm") && !needs_root {
                expected = "env -u AWS_CONFIG_FILE COMMAND".to_owned();
            }
            for line in why.iter().chain(&checks) {
                assert_eq!(line["cure"], *expected, "{what}: {line}");
            }
            if expected.contains("COMMAND") {
                continue;
            }
            let path = format!(
                "{home_folder}/bin:{}",
                std::env::var("PATH").unwrap_or_default()
            );
            let mut shell = home.program("sh");
            shell.args(["-c", &expected]).env("PATH", path);
            if is_root && !needs_root {
                shell.uid(1234).gid(1234);
            }
            Run::new(shell.output().unwrap()).ok();
            let checks = found(&["doctor", "--offline"], "checks");
            assert!(checks.is_empty(), "{what}: {checks:#?}");
            // The folder of a test can be removed.
            if fs::metadata(home.path().join("elsewhere")).is_ok() {
                mode(&home.path().join("elsewhere"), 0o700);
            }
        }
    }
}

#[test]
#[cfg(unix)]
fn a_cure_in_a_folder_of_root_needs_the_rights_of_root() {
    use std::os::unix::fs::{chown, symlink};

    let cases: [(&str, Damage, &str); 3] = [
        (
            "is a link to nowhere",
            |home| {
                fs::remove_file(home.file("config")).unwrap();
                symlink("nowhere", home.file("config")).unwrap();
            },
            "sudo rm ~/.aws/config",
        ),
        (
            "is not a folder",
            |home| {
                fs::remove_dir_all(home.path().join(".aws")).unwrap();
                fs::write(home.path().join(".aws"), "").unwrap();
            },
            "sudo mv -n ~/.aws ~/.aws.old",
        ),
        (
            "config:2: ",
            |home| fs::write(home.file("config"), "[default]\nregion\n").unwrap(),
            "sudo ${EDITOR:-vi} ~/.aws/config",
        ),
    ];
    for (text, damage, cure) in cases {
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("EDITOR", "sed -i 2d")
            .with_file("config", "")
            .with_file("sudo", "#!/bin/sh\nexec \"$@\"\n");
        fs::rename(home.file("sudo"), home.path().join("sudo")).unwrap();
        mode(&home.path().join("sudo"), 0o755);
        damage(&home);
        if !give_away(&home.path().join("sudo")) {
            println!("only root can make a folder of root: nothing is tested");
            return;
        }
        mode(home.path(), 0o755);
        for path in [home.path().join(".aws"), home.file("config")] {
            if fs::metadata(&path).is_ok() {
                chown(&path, Some(0), Some(0)).unwrap();
                mode(&path, 0o755);
            }
        }
        let found = || found_by_another_user(&home, text);
        let before = found();
        assert!(!before.is_empty(), "{text}");
        let home_folder = home.path().to_str().unwrap();
        let cure = cure.replace('~', home_folder);
        for line in &before {
            assert_eq!(line["cure"], *cure, "{line}");
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = home.program("sh");
        shell
            .args(["-c", &cure])
            .env("PATH", format!("{home_folder}:{path}"));
        Run::new(shell.output().unwrap()).ok();
        assert_eq!(found(), Vec::<Value>::new(), "{cure}");
    }
}

#[test]
#[cfg(unix)]
fn a_cache_that_takes_no_files_is_a_warning() {
    use std::os::unix::{
        fs::{chown, symlink},
        process::CommandExt as _,
    };

    for (is_own, bits, cure) in [
        (true, 0o555, "chmod u+rwx "),
        (false, 0o755, "sudo chown -R 1234 "),
    ] {
        let home = Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with_file("cli/cache/session.json", "{}")
            .with_file("sudo", "#!/bin/sh\nexec \"$@\"\n");
        mode(&home.file("sudo"), 0o755);
        mode(home.path(), 0o755);
        let cache = home.file("cli/cache");
        if !give_away(home.path()) || is_own && !give_away(&cache) {
            println!("only root can give a folder away: nothing is tested");
            return;
        }
        let found = || found_by_another_user(&home, "no session is cached");
        if is_own {
            assert!(found().is_empty());
        }
        mode(&cache, bits);
        let before = found();
        assert_eq!(before.len(), 1);
        let cure = format!("{cure}{}", cache.display());
        assert_eq!(before[0]["cure"], *cure);
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = home.program("sh");
        let folder = home.file("sudo");
        let folder = folder.parent().unwrap().display();
        shell
            .args(["-c", &cure])
            .env("PATH", format!("{folder}:{path}"));
        if is_own {
            shell.uid(1234).gid(1234);
        }
        Run::new(shell.output().unwrap()).ok();
        assert!(found().is_empty(), "{cure}");
        if is_own {
            continue;
        }
        // What root has in the home of another user, or elsewhere, stays root's.
        chown(&cache, Some(0), None).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        mode(elsewhere.path(), 0o755);
        fs::rename(&cache, home.file("cli/old")).unwrap();
        symlink(elsewhere.path(), &cache).unwrap();
        assert_eq!(found()[0]["cure"], Value::Null);
        fs::remove_file(&cache).unwrap();
        fs::rename(home.file("cli/old"), &cache).unwrap();
        chown(home.path(), Some(1), None).unwrap();
        assert_eq!(found()[0]["cure"], Value::Null);
    }
}

/// Only the owner of a file, and root, can change its mode.
#[test]
#[cfg(unix)]
fn a_mode_that_this_user_cannot_change_has_the_owner_and_a_cure_that_helps() {
    use std::os::unix::{fs::symlink, process::CommandExt as _};

    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
        .with_file("credentials", &format!("[default]\n{KEY}"))
        .with_file("token", "t")
        .with_file("linked", "{}")
        .with_file("sso/cache/mine.json", "{}")
        .with_file("login/cache/other.json", "{}");
    let token = home.file("token");
    let home = home.with(
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        token.to_str().unwrap(),
    );
    symlink(home.file("linked"), home.file("sso/cache/link.json")).unwrap();
    let names = [
        "",
        "sso",
        "sso/cache",
        "sso/cache/mine.json",
        "linked",
        "login/cache",
    ];
    let all = [
        &names[..],
        &["credentials", "token", "login/cache/other.json"],
    ]
    .concat();
    for name in all {
        let file = home.file(name);
        mode(&file, if file.is_dir() { 0o755 } else { 0o644 });
    }
    if !give_away(home.path()) || !names.iter().all(|name| give_away(&home.file(name))) {
        println!("only root can give files away: nothing is tested");
        return;
    }
    let run = |program: &str, words: &[&str]| {
        let mut program = home.program(program);
        program.uid(1234).gid(1234).args(words);
        Run::new(program.output().unwrap())
    };
    let found = || {
        let run = run(
            env!("CARGO_BIN_EXE_keyfob"),
            &["doctor", "--offline", "--json"],
        );
        let data: Value = serde_json::from_str(&run.stdout).unwrap();
        let mut found = data["checks"].as_array().unwrap().clone();
        found.retain(|line| line["kind"] == "file_mode");
        found
    };
    let text = |line: &Value| line["text"].as_str().unwrap().to_owned();
    let cures = found();
    assert_eq!(cures.len(), 4, "{cures:#?}");
    for line in &cures {
        match line["cure"].as_str() {
            Some(cure) if !cure.contains("COMMAND") => drop(run("sh", &["-c", cure]).ok()),
            Some(cure) => {
                assert_eq!(
                    cure,
                    "env -u AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE COMMAND"
                );
                assert_has(&text(line), &["user 0"]);
            }
            None => assert_has(&text(line), &["user 0"]),
        }
    }
    let mut left: Vec<_> = found().iter().map(text).collect();
    left.sort();
    assert_eq!(left.len(), 2, "{left:#?}");
    assert_has(
        &left[0],
        &[
            "read 1 file with secrets in ",
            "/login/cache, where user 0 has some",
        ],
    );
    assert_has(&left[1], &["this token file, which belongs to user 0"]);
}

#[test]
fn the_cure_of_an_argument_leaves_it_out() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
        .with_file("credentials", &format!("[default]\n{KEY}"));
    for (argument, check) in [
        ("--endpoint-url http://sts.corp.example:9000", "endpoint"),
        ("--profile nope", "settings"),
    ] {
        let words: Vec<_> = argument.split(' ').chain(["--offline"]).collect();
        let (checks, _) = doctor(&home, &words);
        let found = faults(&checks, check);
        assert_eq!(found[0]["cure"], format!("COMMAND  # without {argument}"));
        let after = follow(&home, found[0], "--offline");
        assert!(faults(&after, check).is_empty(), "{after:#?}");
    }
    // A password is not repeated.
    let url = "http://ada:canary@sts.corp.example:9000";
    let run = home.keyfob(["doctor", "--json", "--offline", "--endpoint-url", url]);
    assert!(!run.stdout.contains("canary"), "{run:?}");
}

#[test]
fn the_cure_of_a_setting_of_instance_metadata_is_for_that_setting() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
        .with("AWS_METADATA_SERVICE_TIMEOUT", "soon");
    let (checks, _) = doctor(&home, &[]);
    let found = faults(&checks, "instance");
    assert_eq!(
        found[0]["cure"],
        "env -u AWS_METADATA_SERVICE_TIMEOUT COMMAND"
    );
    let origin = &found[0]["origin"]["variables"][0];
    assert_eq!(origin, "AWS_METADATA_SERVICE_TIMEOUT", "{checks:#?}");
    let after = follow(&home, found[0], "");
    for line in faults(&after, "instance") {
        assert_ne!(line["text"], found[0]["text"]);
    }
}

#[test]
fn two_names_of_profiles_that_are_gone_are_both_removed_by_the_cure() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
        .with("AWS_PROFILE", "gone")
        .with("AWS_DEFAULT_PROFILE", "lost")
        .with_file("credentials", &format!("[default]\n{KEY}"));
    let (checks, _) = doctor(&home, &["--offline"]);
    for line in &checks {
        let Some(cure) = line["cure"]
            .as_str()
            .filter(|cure| cure.contains("COMMAND"))
        else {
            continue;
        };
        assert!(
            !cure.contains("/dev/null") && !cure.contains("=gone"),
            "{line}"
        );
        let after = follow(&home, line, "--offline");
        let left = after.iter().filter(|line| {
            let text = line["text"].as_str().unwrap();
            text.contains("not found") || text.contains("would stop")
        });
        assert_eq!(left.count(), 0, "{line}\n{after:#?}");
    }
    let home = home.with("AWS_DEFAULT_PROFILE", "default");
    let (checks, _) = doctor(&home, &["--offline"]);
    let settings = faults(&checks, "settings");
    assert_eq!(
        settings[0]["cure"], "env -u AWS_PROFILE COMMAND",
        "{checks:#?}"
    );
    assert!(faults(&follow(&home, settings[0], "--offline"), "settings").is_empty());
}

/// Folders and files that the user 1234 cannot change.
#[cfg(unix)]
const OUT_OF_REACH: [(&str, Damage); 4] = [
    ("a home without .aws that takes no files", |home| {
        fs::remove_dir_all(home.path().join(".aws")).unwrap();
        give_away(home.path());
        mode(home.path(), 0o555);
    }),
    ("a file in a folder of root", |home| {
        fs::write(home.file("config"), "[default]\noutput = bad\n").unwrap();
        mode(&home.file("config"), 0o644);
    }),
    ("an own file in a folder of root", |home| {
        fs::write(home.file("config"), "[default]\noutput = bad\n").unwrap();
        give_away(&home.file("config"));
    }),
    ("a file of root in a sticky folder", |home| {
        fs::write(home.file("config"), "[default]\noutput = bad\n").unwrap();
        mode(&home.file("config"), 0o644);
        mode(&home.path().join(".aws"), 0o1777);
    }),
];

#[test]
#[cfg(unix)]
fn no_cure_writes_a_file_that_this_user_cannot_write() {
    use std::os::unix::process::CommandExt as _;

    for (what, damage) in OUT_OF_REACH {
        let home = Home::new().with_file("credentials", "");
        mode(home.path(), 0o755);
        mode(&home.path().join(".aws"), 0o755);
        mode(&home.file("credentials"), 0o644);
        damage(&home);
        if !give_away(home.path()) {
            println!("only root can give files away: nothing is tested");
            return;
        }
        let run = |cure: &str| {
            let command = cure.replace(
                "COMMAND",
                concat!(
                    env!("CARGO_BIN_EXE_keyfob"),
                    " doctor --offline --json --output json"
                ),
            );
            let mut program = home.program("sh");
            program.uid(1234).gid(1234).args(["-c", &command]);
            let run = Run::new(program.output().unwrap());
            let data: Value = serde_json::from_str(&run.stdout).unwrap();
            data["checks"].as_array().unwrap().clone()
        };
        let checks = run("COMMAND");
        let region = faults(&checks, "region");
        assert_eq!(region.len(), 1, "{what}: {checks:#?}");
        let cure = region[0]["cure"].as_str().unwrap();
        assert_eq!(cure, "env AWS_REGION=us-east-1 COMMAND", "{what}");
        assert!(faults(&run(cure), "region").is_empty(), "{what}");
        for line in faults(&checks, "settings") {
            assert!(line["cure"].is_null(), "{what}: {line}");
        }
        let expected = usize::from(home.file("config").exists());
        assert_eq!(faults(&checks, "settings").len(), expected, "{what}");
        mode(home.path(), 0o755);
    }
}

/// As a secret of Kubernetes: links to files of root that a group may read.
#[test]
#[cfg(unix)]
fn the_mode_of_a_file_that_is_out_of_reach_has_no_cure() {
    use std::os::unix::{
        fs::{chown, symlink},
        process::CommandExt as _,
    };

    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with_file("data/credentials", &format!("[default]\n{KEY}"));
    let secret = home.file("data/credentials");
    symlink("data/credentials", home.file("credentials")).unwrap();
    for folder in ["", ".aws", ".aws/data"] {
        mode(&home.path().join(folder), 0o755);
    }
    mode(&secret, 0o440);
    if chown(&secret, Some(0), Some(1234)).is_err() {
        println!("only root can give files away: nothing is tested");
        return;
    }
    for command in ["why", "doctor"] {
        let mut program = home.program(env!("CARGO_BIN_EXE_keyfob"));
        program.uid(1234).gid(1234);
        let run = Run::new(program.args([command, "--offline"]).output().unwrap());
        assert_has(
            &run.stdout,
            &["secrets (mode 0440), which belongs to user 0"],
        );
        assert!(!run.stdout.contains("EDITOR"), "{}", run.stdout);
        assert!(!run.stdout.contains("chmod"), "{}", run.stdout);
    }
}
