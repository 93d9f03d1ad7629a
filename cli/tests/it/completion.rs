//! Completion: what the scripts of shells ask for.

use std::{fs, net::TcpListener};

use crate::keyfob::{Home, Run, assert_lacks};

const CONFIG: &str = "\
[default]
region = eu-west-1
[profile dev]
role_arn = arn:aws:iam::111122223333:role/team/dev
source_profile = default
mfa_serial = arn:aws:iam::111122223333:mfa/ada
[profile 'spaced out']
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Admin
region = xx-new-1
[profile keys]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = canary
[sso-session corp]
[services local]
";

/// A session of a role, as in the cache of the AWS CLI.
const SESSION: &str = r#"{"Credentials": {"AccessKeyId": "ASIACANARY", "SecretAccessKey": "canary",
"SessionToken": "canary", "Expiration": "2099-01-01T00:00:00Z"}, "AssumedRoleUser":
{"AssumedRoleId": "AROAEXAMPLE:x", "Arn": "arn:aws:sts::444455556666:assumed-role/cached/x"}}"#;

/// A home with profiles, a role in each way that there is, and a secret.
pub(crate) fn home() -> Home {
    let name = format!("cli/cache/{}.json", "0".repeat(40));
    Home::new()
        .with_file("config", CONFIG)
        .with_file(&name, SESSION)
}

/// Returns what may follow the words of a line, the last of which is not complete.
pub(crate) fn completed(home: &Home, line: &[&str]) -> Vec<String> {
    let lines = printed(home, line);
    let values = lines.lines().map(|line| match line.strip_prefix('\t') {
        Some(_) => line,
        None => line.split('\t').next().unwrap(),
    });
    values.map(str::to_owned).collect()
}

fn printed(home: &Home, line: &[&str]) -> String {
    let (word, before) = line.split_last().unwrap();
    let word = format!("--word={word}");
    let words = [&["completion", &word, "--"], before].concat();
    home.keyfob(words).ok()
}

/// Returns every command, as its words.
pub(crate) fn commands(home: &Home) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(path) = open.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let help = home.keyfob([&words[..], &["--help"]].concat()).ok();
        for name in completed(home, &[&words[..], &["help", ""]].concat()) {
            // Of a command without commands, the options and values are listed, and `options` is
            // the name of a help of its own.
            if help.contains("Commands:") || path.is_empty() && name != "options" {
                open.push([&path[..], &[name]].concat());
            }
        }
        found.push(path);
    }
    found
}

#[test]
fn commands_options_and_values_are_completed() {
    let home = home();
    for (line, expected) in [
        (&["wh"][..], &["whoami", "why"][..]),
        (&["help", "wh"], &["whoami", "why"]),
        (&["--profile", "dev", "wh"], &["whoami", "why"]),
        (&["configure", "unset", "--sso"], &["--sso-session"]),
        (&["sts", "get-c"], &["get-caller-identity"]),
        (
            &["sts", "assume-role", "--role"],
            &["--role-arn", "--role-session-name"],
        ),
        (
            &["sts", "assume-role", "--role-arn", "x", "--role"],
            &["--role-session-name"],
        ),
        (&["sts", "assume-role", "--reg"], &["--region"]),
        (&["help", "op"], &["options"]),
        (&["sts", "help", "op"], &[]),
        (&["sts", "assume-role", "--sec"], &[]),
        (&["--outp", "t"], &["text", "table"]),
        (&["--output=t"], &["--output=text", "--output=table"]),
        (&["why", "--as", "java"], &["java-v1", "java-v2"]),
        (&["env", "--shell", "f"], &["fish"]),
        (
            &["completion", ""],
            &["bash", "zsh", "fish", "powershell", "elvish", "nushell"],
        ),
        (&["imds", "watch", "s"], &["spot", "scheduled"]),
        (&["serve", ""], &["imds", "container", "proxy"]),
        (&["iam", "list-access-keys", "--max-items", ""], &[]),
        (
            &["ec2", "describe-instances", "--generate-cli-skeleton", "o"],
            &["output"],
        ),
        (&["logout", ""], &["--all"]),
        (&["nonsense", "--reg"], &["--region"]),
        (&["sts", "assume-role", "--no-such-option", ""], &[]),
    ] {
        let found = completed(&home, line);
        if line.contains(&"--no-such-option") {
            assert!(found.contains(&"--role-arn".to_owned()), "{found:?}");
        } else {
            assert_eq!(found, expected, "{line:?}");
        }
    }
}

#[test]
fn names_are_those_of_the_users_files_and_caches_and_no_secret_is_shown() {
    let home = home();
    let roles = [
        "arn:aws:iam::111122223333:role/team/dev",
        "arn:aws:iam::444455556666:role/cached",
    ];
    for (line, expected) in [
        (
            &["whoami", "--profile", ""][..],
            &["default", "dev", "spaced out", "keys"][..],
        ),
        (
            &["exec", "--source-profile=d"],
            &["--source-profile=default", "--source-profile=dev"],
        ),
        (&["sts", "assume-role", "--update-profile", "k"], &["keys"]),
        (
            &["--region", "eu-w"],
            &["eu-west-1", "eu-west-2", "eu-west-3"],
        ),
        (&["--region", "xx"], &["xx-new-1"]),
        (&["exec", "--role-arn", ""], &roles),
        (&["sts", "assume-role", "--role-arn", ""], &roles),
        (
            &["configure", "mfa-login", "--serial-number", ""],
            &["arn:aws:iam::111122223333:mfa/ada"],
        ),
        (&["sso", "login", "--sso-session", ""], &["corp"]),
        (&["configure", "get", "--services", ""], &["local"]),
        (&["configure", "get", "sso_ro"], &["sso_role_name"]),
        (
            &["configure", "set", "sso_role_name", ""],
            &["Admin", "dev", "cached"],
        ),
        (&["configure", "set", "role_arn", ""], &roles),
        (
            &["configure", "set", "source_profile", "de"],
            &["default", "dev"],
        ),
        (
            &["configure", "set", "cli_timestamp_format", ""],
            &["iso8601", "wire"],
        ),
        (
            &["configure", "set", "use_fips_endpoint", ""],
            &["true", "false"],
        ),
    ] {
        assert_eq!(completed(&home, line), expected, "{line:?}");
    }
    let profiles = printed(&home, &["--profile", ""]);
    assert!(
        profiles.contains("spaced out\tSSO: Admin in 111122223333\nkeys\tkeys\n"),
        "{profiles}"
    );
    assert_lacks(&profiles, &["canary"]);
}

/// Every request would go there: to a service, to metadata, or through a proxy.
#[test]
fn nothing_is_sent_for_a_completion() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let home = [
        "AWS_ENDPOINT_URL",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "HTTP_PROXY",
        "HTTPS_PROXY",
    ]
    .into_iter()
    .fold(home(), |home, name| home.with(name, &url))
    .with("AWS_EC2_METADATA_DISABLED", "false");
    for line in [
        &["--profile", ""][..],
        &["--region", ""],
        &["exec", "--role-arn", ""],
        &["configure", "sso", "--sso-session", ""],
        &["s3", "ls", ""],
        &["iam", "get-role", "--role-name", ""],
        &["request", ""],
    ] {
        completed(&home, line);
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{line:?}");
    }
    // A command that needs credentials does send something.
    assert_ne!(
        home.keyfob(["sts", "get-caller-identity", "--cli-read-timeout", "1"])
            .code,
        0
    );
    listener.accept().unwrap();
}

#[test]
fn files_and_programs_are_completed() {
    let home = home();
    fs::create_dir(home.path().join("certs")).unwrap();
    for name in ["certs/ca.pem", "certs/.hidden", "policy.json"] {
        fs::write(home.path().join(name), "").unwrap();
    }
    for (line, expected) in [
        (&["--ca-bundle", "c"][..], &["certs/"][..]),
        (&["--ca-bundle", "certs/"], &["certs/ca.pem"]),
        (&["--ca-bundle", "certs/."], &["certs/.hidden"]),
        (&["--ca-bundle", "~/ce"], &["~/certs/"]),
        (&["--ca-bundle", "missing/"], &[]),
        (
            &["sts", "assume-role", "--policy", "file://p"],
            &["file://policy.json"],
        ),
        (
            &["iam", "get-user", "--cli-input-json=file://p"],
            &["--cli-input-json=file://policy.json"],
        ),
        (&["configure", "set", "ca_bundle", "./ce"], &["./certs/"]),
        (&["sign", "compare", "p"], &["policy.json"]),
        (&["s3", "cp", "./p"], &["./policy.json"]),
        (&["s3", "mv", "s3://b/k", "p"], &["policy.json"]),
        (&["s3", "sync", "--dryrun", "c"], &["certs/"]),
        (&["request", "-d", "@p"], &["@policy.json"]),
        (&["request", "--data-binary=@c"], &["--data-binary=@certs/"]),
        (&["request", "-d", "p"], &[]),
        (&["man", "s3", "sy"], &["sync"]),
        (&["man", "--out", "c"], &["certs/"]),
        (&["help", "exec", ""], &[]),
        (&["help", "s3", "sy"], &["sync"]),
        (&["--ver"], &["--version"]),
        (&["exec", "--", "ls", "p"], &["\tcommand 3", "policy.json"]),
        (&["exec", "ls", "-l", "p"], &["\tcommand 2", "policy.json"]),
    ] {
        assert_eq!(completed(&home, line), expected, "{line:?}");
    }
    assert!(completed(&home, &["man", "s"]).contains(&"s3".to_owned()));
    #[cfg(unix)]
    {
        let programs = completed(&home, &["exec", "--profile", "dev", "--", "en"]);
        assert_eq!(programs[0], "\tcommand 5");
        assert!(programs.contains(&"env".to_owned()), "{programs:?}");
    }
}

/// A word of a file name or a profile could end the line, or control the terminal.
#[test]
#[cfg(unix)]
fn a_name_with_control_characters_is_left_out() {
    let home = Home::new().with_file("config", "[profile 'a\u{1b}[2J']\n[profile ab]\n");
    fs::write(home.path().join("a\nb"), "").unwrap();
    assert_eq!(completed(&home, &["--profile", "a"]), ["ab"]);
    assert!(completed(&home, &["--ca-bundle", "a"]).is_empty());
}

/// Reading a pipe may wait for ever.
#[test]
#[cfg(unix)]
fn a_configuration_file_that_is_a_pipe_is_not_read() {
    let home = Home::new();
    let fifo = home.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let home = home.with("AWS_CONFIG_FILE", fifo.to_str().unwrap());
    assert!(completed(&home, &["--profile", ""]).is_empty());
}

#[test]
fn every_command_is_found_and_each_has_help() {
    let commands = commands(&home());
    for expected in [
        "whoami",
        "sts assume-role",
        "configure sso-session",
        "imds tree",
    ] {
        let words: Vec<&str> = expected.split(' ').collect();
        assert!(commands.iter().any(|found| *found == words), "{commands:?}");
    }
    assert!(commands.len() > 60, "{commands:?}");
}

/// What PowerShell would put on its line, by the pattern and the replacement of the script. Python
/// reads both in the same way.
const POWERSHELL: &str = r#"
import re, sys
script, *values = sys.stdin.read().split("\0")
special = re.search(r"if \(\$value -match '(.*)'\) \{", script)[1].replace("''", "'")
doubled, by = re.search(r'-replace "(.*)", \'(.*)\'\) \+ "\'"', script).groups()
for value in values:
    if re.search(special, value):
        value = "'" + re.sub(doubled, by.replace("$1", r"\1"), value) + "'"
    print(value)
"#;

#[test]
fn the_script_for_powershell_quotes_as_in_the_golden_listing() {
    let home = Home::new();
    let script = home.keyfob(["completion", "powershell"]).ok();
    // What comes from the program goes through the filter of its first line, and is split once.
    for line in [
        "Register-ArgumentCompleter -Native -CommandName 'keyfob' -ScriptBlock {",
        "& keyfob completion \"--word=$word\" '--' @before 2>$null |",
        "Where-Object { $_ -notlike \"`t*\" } |",
        "$value, $about = $_ -split \"`t\", 2",
    ] {
        assert!(script.lines().any(|known| known.trim() == line), "{line}");
    }
    let golden = [
        ("dev", "dev"),
        ("--profile=dev", "--profile=dev"),
        (
            "arn:aws:iam::111122223333:role/a",
            "arn:aws:iam::111122223333:role/a",
        ),
        ("./certs/", "./certs/"),
        ("ü", "ü"),
        ("spaced out", "'spaced out'"),
        ("it's", "'it''s'"),
        ("a‘b’c", "'a‘‘b’’c'"),
        ("a“b", "'a“b'"),
        ("$(touch ran)", "'$(touch ran)'"),
        ("a;b", "'a;b'"),
        ("a`b", "'a`b'"),
        ("@policy.json", "'@policy.json'"),
        ("{a,b}", "'{a,b}'"),
        ("a|b&c<d>e#f\"g", "'a|b&c<d>e#f\"g'"),
    ];
    let values = golden.map(|(value, _)| value);
    let input = [&[script.as_str()], &values[..]].concat().join("\0");
    let file = home.path().join("input");
    fs::write(&file, input).unwrap();
    let mut python = home.program("python3");
    python.env("PYTHONUTF8", "1").args(["-c", POWERSHELL]);
    let python = python.stdin(fs::File::open(file).unwrap());
    let printed = Run::new(python.output().unwrap()).ok();
    let expected = golden.map(|(_, text)| text);
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_scripts_are_printed_and_a_wrong_shell_is_refused() {
    let home = Home::new();
    for (shell, script) in [
        (
            "bash",
            include_str!("../../src/completion/scripts/keyfob.bash"),
        ),
        (
            "zsh",
            include_str!("../../src/completion/scripts/keyfob.zsh"),
        ),
        (
            "fish",
            include_str!("../../src/completion/scripts/keyfob.fish"),
        ),
        (
            "powershell",
            include_str!("../../src/completion/scripts/keyfob.ps1"),
        ),
        (
            "elvish",
            include_str!("../../src/completion/scripts/keyfob.elv"),
        ),
        (
            "nushell",
            include_str!("../../src/completion/scripts/keyfob.nu"),
        ),
    ] {
        assert_eq!(home.keyfob(["completion", shell]).ok(), script);
    }
    for words in [
        &["completion"][..],
        &["completion", "tcsh"],
        &["completion", "--", "x"],
    ] {
        home.keyfob(words).fails(252);
    }
}
