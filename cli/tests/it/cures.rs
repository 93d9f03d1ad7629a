//! Every command that `why` prints as a cure is run by a shell, and gives what it promises.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    answers::{answer, start_server},
    configure::on_terminal,
    keyfob::{Home, Run, assert_has, assert_lacks},
    running::Running,
};

pub(crate) const ENVIRONMENT: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
/// Without these, the files are those in the home folder.
pub(crate) const FILES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

pub(crate) const KEY: &str =
    "aws_access_key_id = AKIAFILEEXAMPLE00001\naws_secret_access_key = secret\n";
const ROLE: &str = "role_arn = arn:aws:iam::123456789012:role/ops\n";

/// A home beside a sandbox, and the arguments that come before the command.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) home: Home,
    pub(crate) arguments: Vec<&'static str>,
    /// The providers with a cure.
    cured: Vec<&'static str>,
}

impl Scenario {
    /// Runs `why` as the cure says. `without` is the argument that the cure leaves out.
    fn follow(&self, cure: &str) -> Run {
        let (line, left_out) = match cure.split_once("  # without ") {
            Some((line, left_out)) => (line, left_out),
            None => (cure, ""),
        };
        let arguments = match left_out {
            "" => self.arguments.join(" "),
            _ => self.arguments.join(" ").replace(left_out, ""),
        };
        let program = env!("CARGO_BIN_EXE_keyfob");
        let line = line.replace("COMMAND", &format!("{program} {arguments} why --json"));
        let mut shell = self.home.program("sh");
        Run::new(shell.args(["-c", &line]).output().unwrap())
    }

    pub(crate) fn new(name: String, home: Home, arguments: Vec<&'static str>) -> Self {
        Self {
            name,
            home,
            arguments,
            cured: Vec::new(),
        }
    }

    fn why(&self) -> Value {
        let words = self.arguments.iter().copied().chain(["why", "--json"]);
        json(&self.home.keyfob(words))
    }

    /// Follows each cure of a masked provider. The row that it is about answers then.
    fn check(&self) {
        assert_eq!(self.follow_all(), self.cured, "{}", self.name);
    }

    /// Follows each cure of a masked provider, and returns the names of those providers. No
    /// provider is masked without a cure.
    pub(crate) fn follow_all(&self) -> Vec<String> {
        let before = self.why();
        let mut cured = Vec::new();
        for finding in before["findings"].as_array().unwrap() {
            if finding["kind"] != "masked" {
                continue;
            }
            let cure = finding["cure"].as_str().unwrap();
            let number = usize::try_from(finding["number"].as_u64().unwrap()).unwrap();
            let promised = &before["rows"][number - 1];
            let after = json(&self.follow(cure));
            assert!(
                is_answer(promised, &after),
                "{}: {cure}\n{before:#}\n{after:#}",
                self.name
            );
            cured.push(promised["provider"].as_str().unwrap().to_owned());
        }
        let rows = before["rows"].as_array().unwrap().iter();
        let masked: Vec<_> = rows
            .filter(|row| row["verdict"] == "masked" || row["verdict"] == "ignored")
            .map(|row| row["provider"].as_str().unwrap())
            .collect();
        assert_eq!(cured, masked, "{}\n{before:#}", self.name);
        cured
    }
}

/// Returns true if a row answers: its credentials are used, or it is the one that fails. The
/// sandbox has no web identity, and does not know every key.
fn is_answer(promised: &Value, why: &Value) -> bool {
    let mut rows = why["rows"].as_array().unwrap().iter();
    let answers = |row: &&Value| row["verdict"] == "used" || row["verdict"] == "failed";
    let Some(answer) = rows.find(answers) else {
        return false;
    };
    let is_same = if answer["verdict"] == "used" {
        answer["origin"] == promised["origin"]
    } else {
        let arn = promised["origin"]["arn"].as_str();
        arn.is_some_and(|arn| answer["reason"].as_str().unwrap().contains(arn))
    };
    is_same && answer["provider"] == promised["provider"]
}

/// `why` prints its data whatever it exits with.
#[track_caller]
fn json(run: &Run) -> Value {
    let parsed = serde_json::from_str(&run.stdout);
    assert!(parsed.is_ok(), "{run:?}");
    parsed.unwrap()
}

/// Writes a web identity token.
pub(crate) fn token_file(folder: &Path) -> PathBuf {
    let file = folder.join("token");
    fs::write(&file, "a.web.token").unwrap();
    file
}

fn scenarios(sandbox: &Running, agent: &Running) -> Vec<Scenario> {
    let on_instance = |name: &str, cured: &[&'static str]| Scenario {
        name: name.to_owned(),
        home: sandbox.home(&[&ENVIRONMENT[..], &FILES].concat()),
        arguments: Vec::new(),
        cured: cured.to_vec(),
    };
    let with_key = |name: &str, cured: &[&'static str]| Scenario {
        home: sandbox.home(&FILES),
        ..on_instance(name, cured)
    };
    let edit = |mut scenario: Scenario, edit: &dyn Fn(Home) -> Home| {
        scenario.home = edit(scenario.home);
        scenario
    };
    let arguments = |mut scenario: Scenario, arguments: &[&'static str]| {
        scenario.arguments = arguments.to_vec();
        scenario
    };
    let instance = "instance metadata";
    let default = "profile \"default\"";
    let prod = "profile \"prod\"";
    let key_of = |profile: &str| format!("[{profile}]\n{KEY}");
    let role_of = |profile: &str, more: &str| {
        format!("[profile {profile}]\n{ROLE}{more}region = us-east-1\n")
    };
    vec![
        edit(
            arguments(
                on_instance("a profile named by the flag, in credentials", &[instance]),
                &["--profile", "prod"],
            ),
            &|home| home.with_file("credentials", &key_of("prod")),
        ),
        edit(
            arguments(
                with_key(
                    "a profile named by the flag, and keys in the environment",
                    &["environment variables", instance],
                ),
                &["--profile", "prod"],
            ),
            &|home| home.with_file("credentials", &key_of("prod")),
        ),
        edit(
            arguments(
                on_instance("the flag, AWS_PROFILE and a default profile", &[instance]),
                &["--profile", "prod"],
            ),
            &|home| {
                home.with("AWS_PROFILE", "other").with_file(
                    "credentials",
                    &[key_of("prod"), key_of("other"), key_of("default")].concat(),
                )
            },
        ),
        edit(
            on_instance("a profile named by AWS_PROFILE", &[instance]),
            &|home| {
                home.with("AWS_PROFILE", "prod")
                    .with_file("credentials", &key_of("prod"))
            },
        ),
        edit(
            on_instance(
                "a profile named by AWS_DEFAULT_PROFILE, with keys in config",
                &[instance],
            ),
            &|home| {
                home.with("AWS_DEFAULT_PROFILE", "prod")
                    .with_file("config", &format!("[profile prod]\n{KEY}"))
            },
        ),
        edit(
            on_instance("a profile that nothing names", &[instance]),
            &|home| home.with_file("credentials", &key_of("default")),
        ),
        edit(
            on_instance("default keys in both files", &[instance]),
            &|home| {
                home.with_file("credentials", &key_of("default"))
                    .with_file("config", &key_of("default"))
            },
        ),
        edit(
            on_instance("a role in config with a key in credentials", &[instance]),
            &|home| {
                let config = format!("[default]\n{ROLE}source_profile = default\n");
                home.with_file("credentials", &key_of("default"))
                    .with_file("config", &config)
            },
        ),
        edit(
            with_key(
                "keys mask a profile that nothing names",
                &[default, instance],
            ),
            &|home| home.with_file("credentials", &key_of("default")),
        ),
        edit(
            with_key("keys mask a profile of AWS_PROFILE", &[prod, instance]),
            &|home| {
                home.with("AWS_PROFILE", "prod")
                    .with_file("credentials", &key_of("prod"))
            },
        ),
        edit(
            with_key(
                "keys mask a profile whose name looks like an option",
                &["profile \"--help\"", instance],
            ),
            &|home| {
                home.with("AWS_PROFILE", "--help")
                    .with_file("credentials", &key_of("--help"))
            },
        ),
        edit(
            with_key(
                "AWS_PROFILE names a role whose source is the environment",
                &[prod, instance],
            ),
            &|home| {
                home.with("AWS_PROFILE", "prod").with_file(
                    "config",
                    &role_of("prod", "credential_source = Environment\n"),
                )
            },
        ),
        edit(
            with_key(
                "the default role's source is the environment",
                &[default, instance],
            ),
            &|home| {
                let role = format!("[default]\n{ROLE}credential_source = Environment\n");
                home.with_file("config", &role)
            },
        ),
        edit(
            with_key(
                "a role two profiles away from the environment",
                &[prod, instance],
            ),
            &|home| {
                let near = role_of("prod", "source_profile = far\n");
                let far = "[profile far]\ncredential_source = Environment\n";
                home.with("AWS_PROFILE", "prod")
                    .with_file("config", &(near + far))
            },
        ),
        edit(
            with_key("a role with an instance as its source", &[prod, instance]),
            &|home| {
                home.with("AWS_PROFILE", "prod").with_file(
                    "config",
                    &role_of("prod", "credential_source = Ec2InstanceMetadata\n"),
                )
            },
        ),
        edit(
            with_key(
                "keys mask a container, which masks an instance",
                &["container", instance],
            ),
            &|home| {
                let exports = agent.exports.iter();
                exports.fold(home, |home, (name, value)| home.with(name, value))
            },
        ),
        edit(on_instance("half a key", &[default, instance]), &|home| {
            home.with("AWS_ACCESS_KEY_ID", "AKIAHALF")
                .with_file("credentials", &key_of("default"))
        }),
        edit(
            on_instance("a default profile whose SSO has no role", &[instance]),
            &|home| home.with_file("config", "[default]\nsso_session = corp\n"),
        ),
    ]
}

#[test]
#[cfg(unix)]
fn every_cure_uses_the_provider_that_it_names() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let key_home = Home::new().with_key("AKIAAGENTEXAMPLE0001", "secret");
    let agent = Running::serve(&key_home, "container", &[]);
    for scenario in scenarios(&sandbox, &agent) {
        scenario.check();
    }
}

#[test]
#[cfg(unix)]
fn web_identity_is_skipped_without_taking_the_role_of_a_profile() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = sandbox.home(&[&ENVIRONMENT[..], &FILES].concat());
    let file = token_file(home.path());
    let token = format!("web_identity_token_file = {}\n", file.display());
    let home = home
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap())
        .with("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod")
        .with_file("config", &format!("[default]\n{token}"));
    let scenario = Scenario {
        name: "web identity".to_owned(),
        home,
        arguments: Vec::new(),
        cured: Vec::new(),
    };
    let why = scenario.why();
    let cure = why["findings"][0]["cure"].as_str().unwrap();
    assert_eq!(
        cure, "env -u AWS_WEB_IDENTITY_TOKEN_FILE COMMAND",
        "{why:#}"
    );
    let after = json(&scenario.follow(cure));
    // The sandbox's STS has no web identity, so the profile is what fails.
    assert_eq!(after["rows"][1]["verdict"], "not_configured", "{after:#}");
    assert_lacks(
        after["rows"][2]["reason"].as_str().unwrap(),
        &["it needs both"],
    );
}

#[test]
#[cfg(unix)]
fn cures_of_warnings_end_the_warning() {
    use std::os::unix::fs::PermissionsExt as _;

    let scenario = |home| Scenario {
        name: "warnings".to_owned(),
        home,
        arguments: Vec::new(),
        cured: Vec::new(),
    };
    let kinds = |why: &Value| {
        let findings = why["findings"].as_array().unwrap();
        let kinds = findings.iter().map(|finding| finding["kind"].to_string());
        kinds.collect::<Vec<_>>().join(" ")
    };
    let open = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with_file("credentials", &format!("[default]\n{KEY}"));
    let file = open.file("credentials");
    for mode in [0o644, 0o666, 0o604] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let scenario = scenario(Home::new());
        let why = json(&open.keyfob(["why", "--json"]));
        assert_has(&kinds(&why), &["file_mode"]);
        let finding = why["findings"].as_array().unwrap().iter();
        let cure = finding
            .filter_map(|finding| finding["cure"].as_str())
            .next()
            .unwrap();
        scenario.follow(cure);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_lacks(
            &kinds(&json(&open.keyfob(["why", "--json"]))),
            &["file_mode"],
        );
    }
    for (home, kind) in [
        (
            Home::new()
                .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
                .with("AWS_SESSION_TOKEN", "left-over")
                .with("AWS_SECURITY_TOKEN", "older"),
            "unneeded_token",
        ),
        (
            Home::new()
                .with("AWS_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE")
                .with("AWS_SECRET_KEY", "secret"),
            "old_variable",
        ),
    ] {
        let scenario = scenario(home.with("AWS_REGION", "eu-west-1"));
        let before = scenario.why();
        assert_has(&kinds(&before), &[kind]);
        let findings = before["findings"].as_array().unwrap();
        let cure = findings
            .iter()
            .find(|finding| finding["kind"] == kind)
            .unwrap();
        let after = json(&scenario.follow(cure["cure"].as_str().unwrap()));
        assert_lacks(&kinds(&after), &[kind]);
        assert_eq!(after["winner"]["key_id"], "AKIAIOSFODNN7EXAMPLE");
    }
}

#[test]
#[cfg(unix)]
fn cures_of_masks_names_and_files_end_their_finding() {
    let home = || Home::new().with("AWS_DEFAULT_REGION", "eu-west-1");
    let same_region = || home().with("AWS_REGION", "eu-west-1");
    let key_of = |profile: &str| format!("[{profile}]\n{KEY}");
    let session = "[default]\naws_access_key_id = ASIAFILEEXAMPLE00001\n\
                   aws_secret_access_key = secret\naws_session_token = token\n";
    for (home, arguments, kind) in [
        (
            home().with("AWS_REGION", "eu-west-2"),
            vec![],
            "masked_region",
        ),
        (
            same_region().with_file("config", "[default]\nregion = us-east-2\n"),
            vec![],
            "masked_region",
        ),
        (
            same_region().with_file("credentials", &key_of("default")),
            vec!["--region", "us-west-2"],
            "masked_region",
        ),
        (
            same_region()
                .with_file("config", "[default]\ncredential_process = /bin/keys\n")
                .with_file("credentials", session),
            vec![],
            "masked_property",
        ),
        (
            same_region()
                .with_file("config", "[default]\naws_session_token = old\n")
                .with_file("credentials", &key_of("default")),
            vec![],
            "split_key",
        ),
        (
            same_region().with_file(
                "credentials",
                &format!("{}aws_session_token = old\n", key_of("ab")),
            ),
            vec!["--profile", "ab"],
            "unneeded_token",
        ),
        (
            same_region().with_file(
                "credentials",
                &format!("{}aws_security_token = old\n", key_of("default")),
            ),
            vec![],
            "unneeded_token",
        ),
        (
            same_region()
                .with_file("config", "[default]\naws_session_token = other\n")
                .with_file(
                    "credentials",
                    &format!("{}aws_security_token = old\n", key_of("default")),
                ),
            vec![],
            "unneeded_token",
        ),
        (
            same_region().with_file(
                "config",
                &format!(
                    "{}aws_session_token = a\naws_security_token = b\n",
                    key_of("profile ab")
                ),
            ),
            vec!["--profile", "ab"],
            "unneeded_token",
        ),
        (
            same_region()
                .with_key("ASIAIOSFODNN7EXAMPLE", "secret")
                .with("AWS_SECURITY_TOKEN", "token"),
            vec![],
            "old_variable",
        ),
        (
            same_region()
                .with("AWS_PROFILE", "a")
                .with("AWS_DEFAULT_PROFILE", "b")
                .with_file("credentials", &(key_of("a") + &key_of("b"))),
            vec![],
            "profile_name",
        ),
        (
            same_region()
                .with("AWS_PROFILE", "a ")
                .with_file("credentials", &key_of("a")),
            vec![],
            "profile_name",
        ),
        (
            same_region()
                .with("AWS_PROFILE", "\"a\"")
                .with_file("credentials", &key_of("a")),
            vec![],
            "profile_name",
        ),
        (
            same_region()
                .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
                .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x"),
            vec![],
            "long_lived_key",
        ),
    ] {
        let words: Vec<_> = arguments
            .iter()
            .map(|word| word.trim_matches('\''))
            .collect();
        let why = |home: &Home| json(&home.keyfob([&words[..], &["why", "--json"]].concat()));
        let of_kind = |why: &Value| {
            let findings = why["findings"].as_array().unwrap().iter();
            let mut found = findings.filter(|finding| finding["kind"] == kind);
            found.next().cloned()
        };
        let before = why(&home);
        let finding = of_kind(&before);
        assert!(finding.is_some(), "no {kind}: {before:#}");
        let finding = finding.unwrap();
        assert!(finding["cure"].is_string(), "no cure: {finding:#}");
        let cure = finding["cure"].as_str().unwrap();
        let scenario = Scenario::new(kind.to_owned(), home, arguments.clone());
        let after = if cure.starts_with("keyfob ") {
            let program = format!("{} ", env!("CARGO_BIN_EXE_keyfob"));
            let line = cure.replace("keyfob ", &program);
            let mut shell = scenario.home.program("sh");
            Run::new(shell.args(["-c", &line]).output().unwrap()).ok();
            why(&scenario.home)
        } else {
            json(&scenario.follow(cure))
        };
        assert_eq!(of_kind(&after), None, "{kind}: {cure}\n{after:#}");
    }
}

#[test]
#[cfg(unix)]
fn the_cure_of_a_file_with_any_name_makes_it_private() {
    use std::{
        ffi::OsStr,
        os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    };

    for name in [
        &b"-creds"[..],
        b"n\nl",
        b"\xff\xfe",
        b"a b'c",
        b"$(id)%s\\",
        "\u{202e}txt".as_bytes(),
    ] {
        let home = Home::new().with("AWS_REGION", "eu-west-1");
        let name = OsStr::from_bytes(name);
        let file = home.path().join(name);
        fs::write(&file, format!("[default]\n{KEY}")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let mut why = home.program(env!("CARGO_BIN_EXE_keyfob"));
        let why = why.arg("why").env("AWS_SHARED_CREDENTIALS_FILE", name);
        let why = Run::new(why.output().unwrap()).ok();
        let cure = why.lines().find_map(|line| line.strip_prefix("  cure:  "));
        assert!(cure.is_some(), "{name:?}\n{why}");
        let mut shell = home.program("sh");
        let status = shell.args(["-c", cure.unwrap()]).status().unwrap();
        assert!(status.success(), "{name:?}: {cure:?}");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
#[cfg(unix)]
fn the_cure_that_whoami_prints_ends_its_warning() {
    use std::os::unix::fs::PermissionsExt as _;

    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    // The keys in the environment are the sandbox's; the file counts all the same.
    let home = sandbox
        .home(&FILES)
        .with_file("credentials", &format!("[default]\n{KEY}"));
    let file = home.file("credentials");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let before = home.keyfob(["whoami"]).ok();
    assert_has(&before, &["\nwarning ", "other users can read this file"]);
    let mut cures = before.lines().filter_map(|line| line.strip_prefix("cure "));
    let cure = cures.find(|cure| cure.contains("chmod"));
    let mut shell = home.program("sh");
    let status = shell.args(["-c", cure.unwrap().trim()]).status().unwrap();
    assert!(status.success());
    assert_lacks(&home.keyfob(["whoami"]).ok(), &["other users", "chmod"]);
}

#[test]
fn without_credentials_the_profiles_that_there_are_get_named() {
    let home = Home::new().with("AWS_REGION", "eu-west-1");
    let bare = home.keyfob(["whoami"]).fails(253);
    assert_lacks(&bare, &["--profile"]);
    let home = home.with_file("credentials", &format!("[dev]\n{KEY}"));
    let stderr = home.keyfob(["exec", "true"]).fails(253);
    let (_, cure) = stderr
        .split_once("use a profile that you have: `keyfob ")
        .unwrap();
    let (cure, _) = cure.split_once('`').unwrap();
    let names = home.keyfob(cure.split(' ')).ok();
    let name = names.lines().next().unwrap();
    home.keyfob(["--profile", name, "exec", "true"]).ok();
}

/// Runs what stands in backticks in a hint, or after its colon, in a shell, with these words in the
/// place of others. Returns the error of the same command as before, if it fails again.
fn follow_hint(home: &Home, profile: &str, hint: &str, replaced: (&str, &str)) -> Option<String> {
    let line = match hint.split('`').nth(1) {
        Some(line) => line,
        None => hint.split_once(": sh ").map(|(_, line)| line).unwrap(),
    };
    let program = env!("CARGO_BIN_EXE_keyfob");
    let line = line
        .replace("keyfob", program)
        .replace(replaced.0, replaced.1);
    let mut shell = home.program("sh");
    Run::new(shell.args(["-c", &line]).output().unwrap()).ok();
    let run = home.keyfob(["exec", "--profile", profile, "--", "true"]);
    (run.code != 0).then_some(run.stderr)
}

#[test]
fn a_wrong_setting_is_named_with_the_command_that_sets_it() {
    const PROFILES: &str = "
[profile keyed]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = canary
[profile no-source]
role_arn = arn:aws:iam::123456789012:role/x
[profile missing]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = nothere
[profile circle]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = circle2
[profile circle2]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = circle
[profile duration]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = keyed
duration_seconds = soon
[profile source]
role_arn = arn:aws:iam::123456789012:role/x
credential_source = Nonsense
[profile token]
role_arn = arn:aws:iam::123456789012:role/x
web_identity_token_file = /no/such/token
";
    for (profile, command, replaced, after) in [
        (
            "no-source",
            "set source_profile NAME",
            ("NAME", "keyed"),
            "AssumeRole",
        ),
        (
            "missing",
            "set source_profile NAME",
            ("NAME", "keyed"),
            "AssumeRole",
        ),
        (
            "circle",
            "set source_profile NAME",
            ("NAME", "keyed"),
            "AssumeRole",
        ),
        (
            "duration",
            "set duration_seconds VALUE",
            ("VALUE", "900"),
            "AssumeRole",
        ),
        (
            "source",
            "set credential_source VALUE",
            ("VALUE", "Environment"),
            "NoCredentials",
        ),
        (
            "token",
            "set web_identity_token_file VALUE",
            ("VALUE", "\"$HOME/.aws/token\""),
            "AssumeRoleWith",
        ),
    ] {
        let (url, _) = start_server(&answer("403 Forbidden", "<Error><Code>No</Code></Error>"));
        let home = Home::new()
            .with_file("config", PROFILES)
            .with_file("token", "a.b.c")
            .with("AWS_ENDPOINT_URL", &url)
            .with("AWS_REGION", "eu-west-1");
        let before = home.keyfob(["exec", "--profile", profile, "--", "true"]);
        let hint = before
            .stderr
            .lines()
            .find(|line| line.starts_with("hint: "));
        let hint = hint.unwrap_or_else(|| panic!("{profile}: {before:?}"));
        assert_has(hint, &[&format!("`keyfob configure {command} --profile ")]);
        let error = follow_hint(&home, profile, hint, replaced).unwrap_or_default();
        assert_has(&error, &[after]);
        // It can be taken away, too.
        if let Some(unset) = hint.split("and `").nth(1) {
            let unset = format!("`{unset}");
            let error = follow_hint(&home, profile, &unset, replaced);
            assert_ne!(error.as_ref(), Some(&before.stderr), "{profile}");
        }
    }
}

#[test]
fn a_process_that_fails_is_run_again_by_the_hint() {
    let home = Home::new()
        .with_file(
            "config",
            "[profile p]\ncredential_process = sh -c 'touch ran; exit 3'\n",
        )
        .with("AWS_REGION", "eu-west-1");
    let words = ["exec", "--profile", "p", "--", "true"];
    let stderr = home.keyfob(words).fails(255);
    fs::remove_file(home.path().join("ran")).unwrap();
    let hint = stderr
        .lines()
        .find(|line| line.starts_with("hint: "))
        .unwrap();
    let (_, line) = hint.split_once("says: ").unwrap();
    let line = line.replace("keyfob", env!("CARGO_BIN_EXE_keyfob"));
    let status = home.program("sh").args(["-c", &line]).status().unwrap();
    assert_eq!(status.code(), Some(3));
    assert!(home.path().join("ran").exists());
}

#[test]
fn half_of_a_key_and_of_a_login_are_asked_for_by_the_command_of_the_hint() {
    let config = "[profile half]\naws_access_key_id = AKIAHALFEXAMPLE0000\n\
                  [profile swapped]\naws_access_key_id = a/b\naws_secret_access_key = AKIA\n\
                  [profile login]\nsso_start_url = https://example.awsapps.com/start\n\
                  [profile gone]\nsso_session = nothere\nsso_account_id = 123456789012\n\
                  sso_role_name = r\n";
    for profile in ["half", "swapped", "login", "gone"] {
        let home = Home::new()
            .with_file("config", config)
            .with("AWS_REGION", "eu-west-1");
        let words = ["exec", "--profile", profile, "--", "true"];
        let stderr = home.keyfob(words).fails(253);
        let hint = stderr
            .lines()
            .find(|line| line.starts_with("hint: "))
            .unwrap();
        let line: Vec<&str> = hint.split('`').nth(1).unwrap().split(' ').skip(1).collect();
        if line[1] == "sso" {
            let answers = [("SSO session name", "\u{3}")];
            let run = on_terminal(&home, &line, &answers);
            assert_eq!(run["code"], 130, "{run}");
            assert_has(run["shown"].as_str().unwrap(), &["SSO"]);
            continue;
        }
        let answers = [
            ("AWS Access Key ID", "AKIAWHOLEEXAMPLE000\n"),
            ("AWS Secret Access Key", "canary\n"),
            ("Default region name", "\n"),
            ("Default output format", "\n"),
        ];
        assert_eq!(on_terminal(&home, &line, &answers)["code"], 0);
        home.keyfob(words).ok();
    }
}
