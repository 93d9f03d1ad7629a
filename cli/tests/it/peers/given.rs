//! Environments in which SDKs differ, each for one reason.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

use keyfob_chain::files::names;

use super::{
    Answer, Order, Value, World, boto3, cases::LOGIN as LOGIN_ARN, fs, javascript, json,
    world_with_login,
};

/// A config file and variables, with `{home}` for the home folder and `{url}` for the
/// services.
struct Given {
    config: &'static str,
    variables: &'static [(&'static str, &'static str)],
    /// The ID that boto3 gets.
    boto3: Expected,
    /// The ID that the SDK for JavaScript gets.
    javascript: Expected,
}

/// What an SDK gets, so that the cases do not all fail alike.
#[derive(Debug)]
enum Expected {
    Id(&'static str),
    Nothing,
    Error,
}

use Expected::{Error, Id, Nothing};

impl Expected {
    fn is(&self, answer: &Answer) -> bool {
        match (self, answer) {
            (Id(id), Answer::Id(other)) => id == other,
            (Nothing, Answer::Nothing) | (Error, Answer::Error(_)) => true,
            _ => false,
        }
    }
}

const fn given(
    config: &'static str,
    variables: &'static [(&'static str, &'static str)],
    boto3: Expected,
    javascript: Expected,
) -> Given {
    Given {
        config,
        variables,
        boto3,
        javascript,
    }
}

/// A document of a process, by the name of its file, and the members besides the key.
const DOCUMENTS: [(&str, &str); 8] = [
    ("account.json", r#", "AccountId": 123"#),
    ("token.json", r#", "SessionToken": 5"#),
    ("local.json", r#", "Expiration": "2099-01-01T00:00:00""#),
    ("date.json", r#", "Expiration": "2099-01-01""#),
    ("old.json", r#", "Expiration": "1999-01-01""#),
    ("empty.json", r#", "Expiration": """#),
    ("x.json", r#", "Expiration": "x""#),
    ("plain.json", ""),
];

const PROCESSES: [Given; 12] = [
    given(
        "credential_process = ~/process.sh",
        &[],
        Error,
        Id("PROCESS"),
    ),
    given(
        "credential_process = cat ~/plain.json",
        &[],
        Error,
        Id("PROCESS"),
    ),
    given(
        "credential_process = ${H}/process.sh",
        &[("H", "{home}")],
        Error,
        Id("PROCESS"),
    ),
    given(
        "credential_process = {home}/no-shell.sh",
        &[],
        Error,
        Id("PROCESS"),
    ),
    given(
        "credential_process = {home}/process.sh",
        &[],
        Id("PROCESS"),
        Id("PROCESS"),
    ),
    given(
        "credential_process = cat {home}/account.json",
        &[],
        Id("PROCESS"),
        Id("PROCESS"),
    ),
    given(
        "credential_process = cat {home}/token.json",
        &[],
        Id("PROCESS"),
        Id("PROCESS"),
    ),
    given(
        "credential_process = cat {home}/local.json",
        &[],
        Error,
        Id("PROCESS"),
    ),
    given(
        "credential_process = cat {home}/date.json",
        &[],
        Error,
        Id("PROCESS"),
    ),
    given(
        "credential_process = cat {home}/old.json",
        &[],
        Error,
        Id("INSTANCE"),
    ),
    given(
        "credential_process = cat {home}/empty.json",
        &[],
        Error,
        Id("PROCESS"),
    ),
    given(
        "credential_process = cat {home}/x.json",
        &[],
        Error,
        Id("PROCESS"),
    ),
];

const ROLE: &str = "role_arn = arn:aws:iam::123456789012:role/R
credential_source = Ec2InstanceMetadata";
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const ATTEMPTS: &str = "AWS_METADATA_SERVICE_NUM_ATTEMPTS";
const TIMEOUT: &str = "AWS_METADATA_SERVICE_TIMEOUT";

const INSTANCES: [Given; 11] = [
    given("", &[(DISABLED, "1")], Id("INSTANCE"), Nothing),
    given("", &[(DISABLED, "yes")], Id("INSTANCE"), Nothing),
    given("", &[(DISABLED, "FALSE")], Id("INSTANCE"), Nothing),
    given("", &[(DISABLED, "false")], Id("INSTANCE"), Id("INSTANCE")),
    given("", &[(DISABLED, "")], Id("INSTANCE"), Id("INSTANCE")),
    given("", &[(DISABLED, "TRUE")], Nothing, Nothing),
    given("", &[(DISABLED, " true ")], Id("INSTANCE"), Nothing),
    given(ROLE, &[(DISABLED, "true")], Error, Id("INSTANCE_R")),
    given("", &[(ATTEMPTS, "x")], Error, Id("INSTANCE")),
    given("", &[(ATTEMPTS, "0")], Nothing, Id("INSTANCE")),
    given("", &[(TIMEOUT, "abc")], Error, Id("INSTANCE")),
];

const CONFIG: &str = "AWS_CONFIG_FILE";
const CREDENTIALS: &str = "AWS_SHARED_CREDENTIALS_FILE";
const LOGIN: &str = "login_session = arn:aws:iam::123456789012:user/alice";
const LOGIN_FOLDER: &str = "AWS_LOGIN_CACHE_DIRECTORY";

const PATHS: [Given; 8] = [
    given(
        "",
        &[(CONFIG, ""), ("AWS_PROFILE", "home")],
        Error,
        Id("AKIAHOME"),
    ),
    given("", &[(CONFIG, "~/other")], Id("AKIAOTHER"), Id("AKIAOTHER")),
    given(
        "",
        &[(CONFIG, "$HOME/other")],
        Id("AKIAOTHER"),
        Id("INSTANCE"),
    ),
    given(
        "",
        &[(CREDENTIALS, "${HOME}/other")],
        Id("AKIAOTHER"),
        Id("INSTANCE"),
    ),
    given(LOGIN, &[], Id("LOGIN"), Id("LOGIN")),
    given(
        LOGIN,
        &[(LOGIN_FOLDER, "{home}/.aws/login/cache")],
        Id("LOGIN"),
        Id("LOGIN"),
    ),
    given(
        LOGIN,
        &[(LOGIN_FOLDER, "~/.aws/login/cache")],
        Id("LOGIN"),
        Error,
    ),
    given(
        LOGIN,
        &[(LOGIN_FOLDER, "$HOME/.aws/login/cache")],
        Id("LOGIN"),
        Error,
    ),
];

const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const AGENT: (&str, &str) = (FULL, "{url}/container");

const AGENTS: [Given; 4] = [
    given("", &[(FULL, "")], Error, Id("INSTANCE")),
    given(
        "",
        &[AGENT, (TOKEN_FILE, "{home}/line")],
        Error,
        Id("CONTAINER"),
    ),
    given(
        "",
        &[AGENT, (TOKEN_FILE, "{home}/nothing")],
        Id("CONTAINER"),
        Id("CONTAINER"),
    ),
    given(
        "",
        &[(FULL, "http://a:b@{host}/container")],
        Id("CONTAINER"),
        Id("CONTAINER"),
    ),
];

/// `URL` stands for the start URL and the region, `ROLE` for the account and the role.
const SSO: [Given; 5] = [
    given(
        "sso_session = corp\nROLE\n[sso-session corp]\nURL",
        &[],
        Id("SSO1R"),
        Id("SSO1R"),
    ),
    given(
        "sso_session = corp\nROLE\nsso_region = us-west-2\n[sso-session corp]\nURL",
        &[],
        Error,
        Id("SSO1R"),
    ),
    given(
        "sso_session = corp\nROLE\nsso_start_url = https://y\n[sso-session corp]\nURL",
        &[],
        Error,
        Id("SSO1R"),
    ),
    given(
        "sso_session = utc\nROLE\n[sso-session utc]\nURL",
        &[],
        Id("SSO1R"),
        Error,
    ),
    given(
        "sso_start_url = https://old\nsso_region = eu-west-1\nROLE",
        &[],
        Error,
        Error,
    ),
];

const LOGINS: [Given; 2] = [
    given("login_session = expired", &[], Error, Id("INSTANCE")),
    given("login_session = none", &[], Error, Error),
];

/// Fails if boto3 or the SDK for JavaScript gets something else in a given environment than is
/// expected, or than their rules lead to here.
pub(super) fn compare_given() {
    let world = world_with_login();
    write_files(&world);
    let all: Vec<&Given> = [&PROCESSES[..], &INSTANCES, &PATHS, &AGENTS, &SSO, &LOGINS]
        .into_iter()
        .flatten()
        .collect();
    let inputs = all.iter().enumerate();
    let inputs = inputs.map(|(number, given)| given.input(&world, number));
    let inputs: Vec<Value> = inputs.collect();
    let old = format!(".aws/sso/cache/{}", names::sso_token("https://old"));
    let read = || fs::read_to_string(world.path().join(&old)).unwrap();
    let before = read();
    check(Order::Boto3, &all, &inputs, &boto3(&inputs));
    if let Some(answers) = javascript(&inputs) {
        check(Order::JavaScript, &all, &inputs, &answers);
    }
    // Where the SDK writes nothing, `why --as` does not either.
    assert_eq!(read(), before);
    assert!(!world.path().join(".aws/cli").exists());
}

impl Given {
    /// Returns the environment, whose config file it writes.
    fn input(&self, world: &World, number: usize) -> Value {
        let mut variables = world.variables();
        let url = variables["AWS_ENDPOINT_URL"].as_str().unwrap().to_owned();
        let home = world.path().to_str().unwrap();
        let filled = |text: &str| {
            let text = text.replace("{home}", home).replace("{url}", &url);
            let text = text.replace("{host}", url.trim_start_matches("http://"));
            let text = text.replace("URL", "sso_start_url = https://x\nsso_region = eu-west-1");
            text.replace("ROLE", "sso_account_id = 1\nsso_role_name = R")
        };
        let name = format!("given-{number}");
        world.write(&name, &format!("[default]\n{}\n", filled(self.config)));
        variables[CONFIG] = world.path().join(name).to_str().into();
        variables[CREDENTIALS] = "/dev/null".into();
        for (name, value) in self.variables {
            variables[*name] = filled(value).into();
        }
        json!({"variables": variables, "profile": null})
    }
}

/// Returns what `keyfob why --as` tells of an environment.
fn ours(order: Order, input: &Value) -> Answer {
    let variables = input["variables"].as_object().unwrap().iter();
    let run = Command::new(env!("CARGO_BIN_EXE_keyfob"))
        .args(["why", "--json", "--as", order.name()])
        .env_clear()
        .envs(variables.map(|(name, value)| (name, value.as_str().unwrap())))
        .output()
        .unwrap();
    let why: Value = serde_json::from_slice(&run.stdout).unwrap();
    let mut rows = why["rows"].as_array().unwrap().iter();
    match why["winner"]["key_id"].as_str() {
        Some(id) => Answer::Id(id.to_owned()),
        None if rows.any(|row| row["verdict"] == "failed") => {
            Answer::Error(why["error"].to_string())
        }
        None => Answer::Nothing,
    }
}

fn check(order: Order, all: &[&Given], inputs: &[Value], answers: &[Answer]) {
    assert_eq!(answers.len(), all.len());
    let mut different = Vec::new();
    for ((given, input), theirs) in all.iter().zip(inputs).zip(answers) {
        let expected = match order {
            Order::Boto3 => &given.boto3,
            _ => &given.javascript,
        };
        let ours = ours(order, input);
        // The ID of a key that no service would issue is shown in part.
        let shown = ours.id().and_then(|id| id.strip_prefix('…'));
        let is_same = match (shown, theirs) {
            (Some(end), Answer::Id(id)) => id.ends_with(end),
            _ => ours == *theirs,
        };
        if !is_same || !expected.is(theirs) {
            let (config, variables) = (given.config, given.variables);
            different.push(format!(
                "\n{config} {variables:?}: ours {ours:?}, theirs {theirs:?}, expected {expected:?}"
            ));
        }
    }
    assert!(different.is_empty(), "{order:?}:{}", different.concat());
}

/// Writes what the cases name.
fn write_files(world: &World) {
    let script = |first: &str| {
        let key = "\"AccessKeyId\": \"PROCESS\", \"SecretAccessKey\": \"s\"";
        format!("{first}echo '{{\"Version\": 1, {key}}}'\n")
    };
    for (name, text) in [
        ("process.sh", script("#!/bin/sh\n")),
        ("no-shell.sh", script("")),
    ] {
        world.write(name, &text);
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(world.path().join(name), mode).unwrap();
    }
    for (name, members) in DOCUMENTS {
        let key = r#""AccessKeyId": "PROCESS", "SecretAccessKey": "s""#;
        world.write(name, &format!("{{\"Version\": 1, {key}{members}}}"));
    }
    let key = |id: &str| format!("aws_access_key_id = {id}\naws_secret_access_key = s\n");
    world.write("line", "token\n");
    world.write("nothing", "");
    let token = |name: &str, expiry: &str, rest: Value| {
        let mut token = json!({
            "startUrl": "https://x", "region": "eu-west-1", "accessToken": "token",
            "expiresAt": expiry,
        });
        for (name, value) in rest.as_object().unwrap() {
            token[name] = value.clone();
        }
        let file = format!(".aws/sso/cache/{}", names::sso_token(name));
        world.write(&file, &token.to_string());
    };
    token("utc", "2099-01-01T00:00:00UTC", json!({}));
    let refreshable = json!({
        "clientId": "c", "clientSecret": "s", "registrationExpiresAt": "2099-01-01T00:00:00Z",
        "refreshToken": "r",
    });
    token("https://old", "2020-01-01T00:00:00Z", refreshable);
    let login = format!(".aws/login/cache/{}", names::login_token(LOGIN_ARN));
    let login = fs::read_to_string(world.path().join(login)).unwrap();
    let login = login.replace("2099-", "2020-");
    let file = format!(".aws/login/cache/{}", names::login_token("expired"));
    world.write(&file, &login);
    world.write("other", &format!("[default]\n{}", key("AKIAOTHER")));
    world.write(
        ".aws/config",
        &format!("[profile home]\n{}", key("AKIAHOME")),
    );
}
