use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::Stdio,
};

use keyfob_sigv4::Timestamp;

use crate::{
    answers::{answer, start_server},
    configure::on_terminal,
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::Lab,
    python,
    signals::send,
};

const SECRET: &str = "canary/secret+access/key";

fn home() -> Home {
    Home::new()
        .with_key("ASIAEXECEXAMPLE00000", SECRET)
        .with("AWS_SESSION_TOKEN", "canary-token")
        .with("AWS_REGION", "eu-west-1")
}

/// Returns the value of a variable in what `env` printed.
fn value<'a>(printed: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = printed.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn a_command_gets_the_keys_the_region_and_the_profile_and_nothing_that_leads_elsewhere() {
    let home = Home::new()
        .with_file(
            "credentials",
            "[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = canary-dev\n",
        )
        .with("AWS_PROFILE", "dev")
        .with("AWS_DEFAULT_PROFILE", "other")
        .with("AWS_SECURITY_TOKEN", "canary-old")
        .with("AWS_SESSION_TOKEN", "canary-old")
        .with("AWS_SECRET_KEY", "canary-old")
        .with("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/other")
        .with("AWS_ROLE_SESSION_NAME", "other")
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/")
        .with("AWS_CONTAINER_SOMETHING_NEW", "canary-old")
        .with("AWS_ACCOUNT_ID", "999999999999")
        .with("AWS_BEARER_TOKEN_BEDROCK", "another")
        .with("MINE", "a b");
    let run = home.keyfob(["exec", "--region", "eu-north-1", "--", "env"]);
    assert_eq!(run.stderr, "");
    let printed = run.ok();
    for (name, expected) in [
        ("AWS_ACCESS_KEY_ID", Some("AKIADEV")),
        ("AWS_SECRET_ACCESS_KEY", Some("canary-dev")),
        ("AWS_REGION", Some("eu-north-1")),
        ("AWS_DEFAULT_REGION", Some("eu-north-1")),
        ("KEYFOB_PROFILE", Some("dev")),
        ("MINE", Some("a b")),
        ("AWS_SESSION_TOKEN", None),
        ("AWS_PROFILE", None),
        ("AWS_DEFAULT_PROFILE", None),
        ("AWS_ROLE_ARN", None),
        ("AWS_ROLE_SESSION_NAME", None),
        ("AWS_ACCOUNT_ID", None),
        ("AWS_BEARER_TOKEN_BEDROCK", None),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", None),
    ] {
        assert_eq!(value(&printed, name), expected, "{name}");
    }
    assert_lacks(&printed, &["canary-old"]);
}

#[test]
fn the_session_and_its_expiry_are_passed_on_and_a_short_one_is_told() {
    let home = home().with("AWS_CREDENTIAL_EXPIRATION", "2099-01-01T00:00:00Z");
    let run = home.keyfob(["exec", "env"]);
    assert_eq!(run.stderr, "");
    let printed = run.ok();
    let expiry = value(&printed, "AWS_CREDENTIAL_EXPIRATION");
    assert_eq!(expiry, Some("2099-01-01T00:00:00Z"));
    assert_eq!(value(&printed, "AWS_SESSION_TOKEN"), Some("canary-token"));
    // The sessions of this container last for a minute.
    let program = "import sys, datetime, json
expiry = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)
print(json.dumps({'Version': 1, 'AccessKeyId': 'ASIASHORT', 'SecretAccessKey': 'canary',
    'SessionToken': 'canary', 'Expiration': expiry.strftime('%Y-%m-%dT%H:%M:%SZ')}))";
    let short = Home::new().with("AWS_REGION", "eu-west-1");
    fs::write(short.path().join("session.py"), program).unwrap();
    let python = python::tool("python");
    let command = format!("{} {}/session.py", python.display(), short.path().display());
    let short = short.with_file(
        "config",
        &format!("[default]\ncredential_process = {command}\n"),
    );
    let run = short.keyfob(["exec", "true"]);
    assert_has(
        &run.stderr,
        &["warning: these credentials expire at ", "--serve"],
    );
    assert_lacks(&run.stderr, &["canary"]);
    run.ok();
    // The cure: the command's credentials are renewed.
    let run = short.keyfob(["exec", "--serve", "true"]);
    assert_eq!(run.stderr, "");
    run.ok();
}

#[test]
fn the_exit_code_is_that_of_the_command_or_of_a_shell_that_cannot_run_it() {
    let home = home();
    fs::write(home.path().join("data"), "no program").unwrap();
    let script = home.path().join("script");
    fs::write(&script, "echo a script\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    for mode in [&["exec", "--"][..], &["exec", "--serve", "--"]] {
        let run = |words: &[&str]| home.keyfob([mode, words].concat());
        run(&["true"]).ok();
        assert_eq!(run(&["sh", "-c", "exit 7"]).fails(7), "");
        let missing = run(&["no-such-command"]).fails(127);
        assert_has(&missing, &["there is no command no-such-command"]);
        let data = run(&["./data"]).fails(126);
        assert_has(&data, &["cannot run ./data"]);
        assert_lacks(&(missing + &data), &["canary"]);
        assert_eq!(run(&["./script"]).ok(), "a script\n");
    }
    // Beside the process, as a shell counts; in its place, as the command itself.
    assert_eq!(
        home.keyfob(["exec", "--serve", "sh", "-c", "kill -9 $$"])
            .code,
        137
    );
    assert_eq!(home.keyfob(["exec", "sh", "-c", "kill -9 $$"]).code, -1);
}

#[test]
fn without_credentials_nothing_runs() {
    let home = Home::new();
    for words in [
        &["exec", "touch", "ran"][..],
        &["exec", "--serve", "touch", "ran"],
    ] {
        assert_has(&home.keyfob(words).fails(253), &["NoCredentials"]);
    }
    home.keyfob(["exec", "--no-sign-request", "touch", "ran"])
        .fails(252);
    assert!(!home.path().join("ran").exists());
}

#[test]
fn without_a_command_it_is_a_shell_and_one_inside_another_is_told() {
    let home = home().with("SHELL", "/bin/sh");
    let run = home.keyfob_with_input(["exec"], "echo \"$AWS_ACCESS_KEY_ID $0\"");
    assert_eq!(run.ok(), "ASIAEXECEXAMPLE00000 /bin/sh\n");
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let run = home.keyfob([
        "exec",
        "--",
        keyfob,
        "exec",
        "--",
        "sh",
        "-c",
        "echo $KEYFOB_PROFILE",
    ]);
    assert_has(&run.stderr, &["note: this is inside another `keyfob exec`"]);
    assert_eq!(run.ok(), "\n");
}

#[test]
fn the_profile_is_told_only_if_it_gave_the_credentials() {
    let print = ["--", "sh", "-c", "echo ${KEYFOB_PROFILE-none}"];
    let keys = home();
    assert_eq!(keys.keyfob([&["exec"][..], &print].concat()).ok(), "\n");
    // Inside another one, the keys of the environment are those of its profile.
    let inside = home().with("KEYFOB_PROFILE", "outer");
    let run = inside.keyfob([&["exec"][..], &print].concat());
    assert_eq!(run.ok(), "outer\n");
    let credentials =
        format!("[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = {SECRET}\n");
    let inside = inside.with_file("credentials", &credentials);
    let run = inside.keyfob([&["exec", "--profile", "dev"][..], &print].concat());
    assert_eq!(run.ok(), "dev\n");
}

#[test]
fn the_files_of_one_that_was_killed_are_removed_by_the_next() {
    let temporary = tempfile::tempdir().unwrap();
    let home = home().with("TMPDIR", temporary.path().to_str().unwrap());
    let folders = || fs::read_dir(temporary.path()).unwrap().count();
    let start = || {
        let mut child = home
            .program(env!("CARGO_BIN_EXE_keyfob"))
            .args([
                "exec",
                "--serve",
                "--",
                "sh",
                "-c",
                "echo ready; exec sleep 600",
            ])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        child
    };
    let (mut living, mut killed) = (start(), start());
    assert_eq!(folders(), 2);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(folders(), 2);
    // Its own is removed at its end, and that of the living one stays.
    home.keyfob(["exec", "--serve", "true"]).ok();
    assert_eq!(folders(), 1);
    send("TERM", &living);
    living.wait().unwrap();
    assert_eq!(folders(), 0);
    // The child of the killed one has no parent any more.
    let group = format!("-{}", killed.id());
    home.program("kill")
        .args(["-TERM", "--", &group])
        .output()
        .unwrap();
}

#[test]
fn the_words_of_the_command_are_its_own() {
    let home = home();
    let run = home.keyfob([
        "exec",
        "--",
        "echo",
        "--profile",
        "x",
        "--serve",
        "-h",
        "--",
    ]);
    assert_eq!(run.ok(), "--profile x --serve -h --\n");
    let run = home.keyfob(["exec", "echo", "--profile", "x", "--help"]);
    assert_eq!(run.ok(), "--profile x --help\n");
}

const FRESH: &str = "
import boto3, os
session = boto3.Session()
key = session.get_credentials()
path = os.environ['AWS_CONFIG_FILE']
print(key.method, key.access_key, key.token, session.region_name)
print(oct(os.stat(path).st_mode & 0o777), oct(os.stat(os.path.dirname(path)).st_mode & 0o777))
print(open(path).read())
print(path)
";

#[test]
fn served_credentials_win_over_the_keys_in_the_files_and_keep_the_settings() {
    let home = Home::new()
        .with_file(
            "credentials",
            "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = canary-default\n\
             [dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = canary-dev\n",
        )
        .with_file(
            "config",
            "[default]\nregion = us-west-2\n\
             [profile dev]\nregion = eu-west-1\noutput = text\nrole_session_name = ada\n\
             services = local\naws_session_token = canary-in-config\ns3 =\n  addressing_style = path\n\
             several = a\n    b\n  c\n\
             [services local]\nsts =\n  endpoint_url = http://localhost:4566\n",
        );
    let python = python::tool("python");
    let python = python.to_str().unwrap();
    let run = home.keyfob([
        "exec",
        "--profile",
        "dev",
        "--serve",
        "--",
        python,
        "-c",
        FRESH,
    ]);
    assert_eq!(run.stderr, "");
    let printed = run.ok();
    assert_has(
        &printed,
        &[
            "container-role AKIADEV  eu-west-1\n",
            "0o600 0o700\n",
            "[default]\noutput = text\nregion = eu-west-1\ns3 =\n  addressing_style = path\n\
             services = local\nseveral = a\n  b\n  c\n[services local]\nsts =\n  endpoint_url = http://localhost:4566\n",
        ],
    );
    let config = printed.split_once("[default]").unwrap().1;
    assert_lacks(config, &["canary", "AKIA"]);
    // So do they over the keys in the files of older tools, which botocore reads before it asks a
    // container.
    let older =
        "[Credentials]\naws_access_key_id = AKIABOTO\naws_secret_access_key = canary-boto\n";
    fs::write(home.path().join(".boto"), older).unwrap();
    let legacy = "AWSAccessKeyId=AKIALEGACY\nAWSSecretKey=canary-legacy\n";
    fs::write(home.path().join("legacy"), legacy).unwrap();
    let legacy = home.path().join("legacy");
    let home = home.with("AWS_CREDENTIAL_FILE", legacy.to_str().unwrap());
    let words = [
        "exec",
        "--profile",
        "dev",
        "--serve",
        "--",
        python,
        "-c",
        FRESH,
    ];
    assert_has(&home.keyfob(words).ok(), &["container-role AKIADEV "]);
    let path = printed.trim_end().lines().last().unwrap();
    assert!(!fs::exists(path).unwrap(), "{path} is still there");
}

#[test]
fn inside_the_files_that_are_served_a_command_says_that_they_are_not_those_of_the_user() {
    let home = home().with_file("config", "[profile other]\nregion = eu-north-1\n");
    let serving = |words: &[&str]| {
        let keyfob = env!("CARGO_BIN_EXE_keyfob");
        home.keyfob(
            [&["exec", "--serve", "--"], words]
                .concat()
                .iter()
                .map(|word| word.replace("keyfob", keyfob)),
        )
    };
    let set = ["keyfob", "configure", "set", "region", "eu-west-3"];
    let run = serving(&set);
    let cure = "env -u AWS_CONFIG_FILE -u AWS_SHARED_CREDENTIALS_FILE keyfob";
    assert_has(&run.stderr, &["which removes it at its end", cure]);
    run.ok();
    let get = ["keyfob", "configure", "get", "region", "--profile", "other"];
    let own: Vec<&str> = cure.split(' ').collect();
    let region = serving(&[&own, &get[1..]].concat()).ok();
    assert_eq!(region, "eu-north-1\n");
    let exec = ["keyfob", "exec", "--profile", "other", "true"];
    let stderr = serving(&exec).fails(255);
    assert_has(&stderr, &["(ProfileNotFound)", cure]);
    // The cure finds the profile.
    let stderr = serving(&[&own, &exec[1..]].concat()).stderr;
    assert_lacks(&stderr, &["ProfileNotFound"]);
    serving(&[&own, &set[1..]].concat()).ok();
    assert_has(&home.read("config"), &["region = eu-west-3"]);
}

#[test]
fn an_option_that_does_not_exist_is_not_taken_for_the_command() {
    let home = home();
    for words in [
        &["--sreve", "--", "true"][..],
        &["--regoin", "x", "true"],
        &["-x"],
    ] {
        let stderr = home.keyfob([&["exec"], words].concat()).fails(252);
        assert_has(&stderr, &["word 2 is not an option of `keyfob exec`"]);
    }
    let run = home.keyfob(["exec", "--", "-x"]);
    assert_has(&run.fails(127), &["there is no command -x"]);
}

#[test]
fn what_cannot_be_renewed_is_told_so() {
    let expiry = Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + 180).to_string();
    let later = "2099-01-01T00:00:00Z";
    let environment = |expiry: &str| home().with("AWS_CREDENTIAL_EXPIRATION", expiry);
    for (home, mode, text) in [
        (environment(&expiry), &["exec"][..], Some("are not renewed")),
        (
            environment(&expiry),
            &["exec", "--serve"],
            Some("nothing renews"),
        ),
        (
            environment(later),
            &["exec", "--serve"],
            Some("nothing renews"),
        ),
        (environment(later), &["exec"], None),
    ] {
        let run = home.keyfob([mode, &["true"]].concat());
        match text {
            Some(text) => assert_has(
                &run.stderr,
                &["warning: these credentials expire at ", text],
            ),
            None => assert_eq!(run.stderr, "", "{mode:?}"),
        }
        run.ok();
    }
}

#[test]
fn signals_reach_a_command_that_credentials_are_served_to() {
    let home = home();
    for (signal, code) in [
        ("TERM", 15),
        ("INT", 2),
        ("HUP", 1),
        ("QUIT", 3),
        ("USR1", 10),
        ("USR2", 12),
        ("ALRM", 14),
        ("VTALRM", 26),
        ("PROF", 27),
        ("ABRT", 6),
        ("XCPU", 24),
        ("URG", 23),
        ("WINCH", 28),
        ("CONT", 18),
        ("IO", 29),
        #[cfg(target_os = "linux")]
        ("STKFLT", 16),
        #[cfg(target_os = "linux")]
        ("RTMIN", 34),
        #[cfg(target_os = "linux")]
        ("64", 64),
    ] {
        let script = format!(
            "trap 'exit {code}' {code}; echo $AWS_CONFIG_FILE; while :; do sleep 0.05; done"
        );
        let mut child = home
            .program(env!("CARGO_BIN_EXE_keyfob"))
            .args(["exec", "--serve", "--", "sh", "-c", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut path = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut path).unwrap();
        send(signal, &child);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        assert_eq!(stderr, "");
        assert!(!fs::exists(path.trim()).unwrap(), "{path} is still there");
    }
}

/// Daemons may do that, and what they start has it, too.
#[test]
fn the_code_of_a_child_is_known_where_the_ends_of_children_are_ignored() {
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let script = format!("trap '' CHLD; exec {keyfob} exec --serve -- sh -c 'exit 5'");
    let output = home().program("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(Run::new(output).fails(5), "");
}

/// As in a script, whose background jobs Ctrl-C does not end.
#[test]
fn a_signal_that_is_ignored_stays_so_for_the_command() {
    for mode in ["", "--serve"] {
        let keyfob = env!("CARGO_BIN_EXE_keyfob");
        let script = format!(
            "trap '' INT TERM; {keyfob} exec {mode} -- sh -c 'echo ready; sleep 1; echo done' &
             job=$!; sleep 0.5; kill -s INT $job; kill -s TERM $job; wait $job"
        );
        let output = home().program("sh").args(["-c", &script]).output().unwrap();
        let run = Run::new(output);
        assert_eq!(run.ok(), "ready\ndone\n", "{mode}");
    }
}

#[test]
fn a_role_needs_no_profile() {
    let home = Home::new();
    let role = "arn:aws:iam::123456789012:role/deploy";
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let identity = [
        "--",
        keyfob,
        "sts",
        "get-caller-identity",
        "--query",
        "Arn",
        "--output",
        "text",
    ];
    let words = [
        &[
            "--sandbox",
            "exec",
            "--role-arn",
            role,
            "--source-profile",
            "user",
        ][..],
        &[
            "--role-session-name",
            "release",
            "--duration-seconds",
            "900",
        ],
        &identity,
    ]
    .concat();
    let run = home.keyfob(&words);
    assert_eq!(
        run.ok(),
        "arn:aws:sts::123456789012:assumed-role/deploy/release\n"
    );
    // Without a source profile, with the credentials in use: those of the sandbox's instance.
    let words = [&["--sandbox", "exec", "--role-arn", role][..], &identity].concat();
    assert_has(&home.keyfob(&words).ok(), &["assumed-role/deploy/keyfob-"]);
    home.keyfob(["exec", "--external-id", "x", "true"])
        .fails(252);
    let wrong = home.keyfob(["--sandbox", "exec", "--role-arn", "deploy", "true"]);
    assert_has(
        &wrong.fails(252),
        &["--role-arn: it is not the ARN of a role, such as arn:"],
    );
}

#[test]
fn the_role_of_the_command_line_is_assumed_at_the_endpoint_url() {
    let credentials = "<AssumeRoleResponse><AssumeRoleResult><Credentials>\
        <AccessKeyId>ASIAOFTHEURL</AccessKeyId><SecretAccessKey>canary</SecretAccessKey>\
        <SessionToken>canary</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
        </Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let (url, _) = start_server(&answer("200 OK", credentials));
    // A call to anything else fails.
    let home = home().with("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/deploy"];
    for words in [
        &["exec"][..],
        &["exec", "--serve"],
        &["env"],
        &["configure", "export-credentials"],
    ] {
        let child: &[&str] = if words[0] == "exec" { &["true"] } else { &[] };
        let words = [words, &["--endpoint-url", &url], &role, child].concat();
        let run = home.keyfob(&words);
        assert_eq!(run.stderr, "", "{words:?}");
        let printed = run.ok();
        assert!(!child.is_empty() || printed.contains("ASIAOFTHEURL"));
    }
    // What the role is assumed with is explained.
    let export = ["configure", "export-credentials", "--endpoint-url", &url];
    let run = home.keyfob([&export[..], &role, &["--why"]].concat());
    assert_has(&run.stderr, &["> 1 environment variables"]);
    assert_lacks(&run.stderr, &["expired"]);
    assert_has(&run.ok(), &["ASIAOFTHEURL"]);
    let run = home.keyfob(["exec", "--endpoint-url", &url, "true"]);
    assert_has(
        &run.stderr,
        &["--endpoint-url is not used", "AWS_ENDPOINT_URL_STS"],
    );
    run.ok();
    // The argument that names the profile is the one that was given.
    let keys = "[src]\naws_access_key_id = AKIASRC\naws_secret_access_key = secret\n";
    let home = home.with_file("credentials", keys);
    let source = ["--source-profile", "src", "--why"];
    let run = home.keyfob([&export[..], &role, &source].concat());
    assert_has(
        &run.stderr,
        &[
            "does not count beside --source-profile \"src\"",
            "# without --source-profile src",
        ],
    );
    assert_lacks(&run.stderr, &[" --profile"]);
    run.ok();
}

const CALLER: &str = "
import boto3
session = boto3.Session()
print(session.get_credentials().method, session.client('sts').get_caller_identity()['Arn'])
";

/// The keys of the files would be refused.
#[test]
fn boto3_and_aws_take_the_credentials_that_exec_gives() {
    let lab = Lab::start();
    let keys = "aws_access_key_id = AKIAOTHER\naws_secret_access_key = canary-other\n";
    let (id, secret) = (lab.alice.access_key_id(), lab.alice.secret_access_key());
    let secret = secret.expose();
    let alice = format!("[alice]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    let home = Home::new()
        .with("AWS_ENDPOINT_URL", &lab.url)
        .with("AWS_REGION", "us-east-1")
        .with_file("credentials", &format!("[default]\n{keys}{alice}"))
        .with_file("config", &format!("[default]\n{keys}"));
    let (python, aws) = (python::tool("python"), python::tool("aws"));
    let (python, aws) = (python.to_str().unwrap(), aws.to_str().unwrap());
    let arn = ":user/alice\n";
    for (mode, method) in [(&[][..], "env arn:"), (&["--serve"], "container-role arn:")] {
        let exec = [&["exec", "--profile", "alice"], mode, &["--"]].concat();
        let run = |words: &[&str]| home.keyfob([&exec[..], words].concat()).ok();
        assert_has(&run(&[python, "-c", CALLER]), &[method, arn]);
        let who = [
            aws,
            "sts",
            "get-caller-identity",
            "--query",
            "Arn",
            "--output",
            "text",
        ];
        assert_has(&run(&who), &[arn]);
    }
}

#[test]
fn the_sandbox_lasts_as_long_as_the_command() {
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let run: Run = Home::new().keyfob(["--sandbox", "exec", "--", keyfob, "whoami"]);
    assert_has(&run.ok(), &["assumed-role/app/", "verified by STS"]);
}

const IN_SANDBOX: &str = "
import boto3
print(boto3.client('sts').get_caller_identity()['Arn'], boto3.client('s3').meta.endpoint_url)
";

#[test]
fn boto3_works_in_the_sandbox_and_does_not_leave_it() {
    let python = python::tool("python");
    let python = python.to_str().unwrap();
    for served in [&[][..], &["--serve"]] {
        let words = [
            &["--sandbox", "exec"],
            served,
            &["--", python, "-c", IN_SANDBOX],
        ];
        let printed = Home::new()
            .with("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")
            .keyfob(words.concat())
            .ok();
        assert_has(&printed, &["assumed-role/app/", " http://127.0.0.1:"]);
    }
}

#[test]
fn the_end_that_a_file_has_for_its_session_is_told() {
    let session = |name: &str, end: &str| {
        format!(
            "[{name}]\naws_access_key_id = ASIA{name}\naws_secret_access_key = canary\n\
             aws_session_token = canary\nx_security_token_expires = {end}\n"
        )
    };
    let files = session("OLD", "2020-01-01T00:00:00Z") + &session("NEW", "2099-01-01T00:00:00Z");
    let home = Home::new()
        .with_file("credentials", &files)
        .with("AWS_REGION", "eu-west-1");
    let warning = "warning: these credentials expired at 2020-01-01T00:00:00Z, says their profile";
    for words in [
        &["exec", "--profile", "OLD", "--", "env"][..],
        &["exec", "--serve", "--profile", "OLD", "--", "env"],
        &["configure", "export-credentials", "--profile", "OLD"],
    ] {
        let run = home.keyfob(words);
        assert_has(&run.stderr, &[warning]);
        // No new session is promised.
        assert_lacks(&run.stderr, &["--serve"]);
        // No SDK goes by it.
        assert_lacks(&run.ok(), &["AWS_CREDENTIAL_EXPIRATION", "Expiration"]);
    }
    let soon = Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + 60).to_string();
    let ending = Home::new()
        .with_file("credentials", &session("SOON", &soon))
        .with("AWS_REGION", "eu-west-1");
    for words in [&["exec"][..], &["exec", "--serve"]] {
        let run = ending.keyfob(words.iter().chain(&["--profile", "SOON", "--", "true"]));
        let warning = format!("expire at {soon}, and only the tool that wrote them");
        assert_has(&run.stderr, &[&warning]);
    }
    let url = ["s3", "presign", "s3://bucket/k", "--strict", "--profile"];
    let stderr = home.keyfob(url.iter().chain(&["OLD"])).fails(253);
    assert_has(&stderr, &["never works", "expired at 2020-01-01T00:00:00Z"]);
    let run = home.keyfob(["exec", "--profile", "NEW", "--", "true"]);
    assert_eq!(run.stderr, "");
    home.keyfob(url.iter().chain(&["NEW"])).ok();
}

/// Fetches the served credentials twice, with a pause that is longer than a session.
const TWICE: &str = "
import json, os, time, urllib.request
for pause in (0, 2.5):
    time.sleep(pause)
    headers = {'Authorization': os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN']}
    url = os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI']
    answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers))
    print(json.load(answer)['AccessKeyId'])
";

#[test]
fn served_credentials_outlive_a_session() {
    // Each session lasts for two seconds, and its key ID is the time of its start.
    let program = "import datetime, json, time
now = datetime.datetime.now(datetime.timezone.utc)
expiry = now + datetime.timedelta(seconds=2)
print(json.dumps({'Version': 1, 'AccessKeyId': 'ASIA%d' % time.time_ns(), 'SecretAccessKey': 'x',
    'SessionToken': 'y', 'Expiration': expiry.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}))";
    let home = Home::new().with("AWS_REGION", "eu-west-1");
    fs::write(home.path().join("session.py"), program).unwrap();
    let python = python::tool("python");
    let command = format!("{} {}/session.py", python.display(), home.path().display());
    let home = home.with_file(
        "config",
        &format!("[default]\ncredential_process = {command}\n"),
    );
    let python = python.to_str().unwrap();
    let printed = home
        .keyfob(["exec", "--serve", "--", python, "-c", TWICE])
        .ok();
    let keys: Vec<_> = printed.lines().collect();
    assert_eq!(keys.len(), 2, "{printed}");
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn ctrl_c_at_a_terminal_reaches_the_command_once_and_is_waited_for() {
    let script = "trap 'count=$((count + 1))' INT; echo ready; sleep 10; sleep 0.5; \
                  echo \"interrupted $count time\"; exit 5";
    let words = ["exec", "--serve", "--", "sh", "-c", script];
    let run = on_terminal(&home(), &words, &[("ready", "\u{3}")]);
    assert_eq!(run["code"], 5, "{run}");
    let shown = run["shown"].as_str().unwrap();
    assert_has(shown, &["interrupted 1 time"]);
}
