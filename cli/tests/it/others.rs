//! `why --as`: what another SDK would use, and the picture of the chain.

use std::fs;

use serde_json::Value;

use crate::{
    cures::{FILES, KEY},
    keyfob::{Home, Run, assert_has, assert_lacks},
    python,
    readme::transcript,
    running::{Running, boto3},
};

/// The SDKs that `--as` knows.
const SDKS: [&str; 7] = ["aws-cli", "boto3", "java-v1", "java-v2", "rust", "go", "js"];

fn json(run: &Run) -> Value {
    let why = serde_json::from_str(&run.stdout);
    assert!(why.is_ok(), "{run:?}");
    why.unwrap()
}

fn why(home: &Home, sdk: &str) -> Value {
    json(&home.keyfob(["why", "--json", "--as", sdk]))
}

fn other_sdks(why: &Value) -> Vec<&Value> {
    let findings = why["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["kind"] == "other_sdk")
        .collect()
}

/// Returns what decides: the origin of the credentials, or the provider that fails.
fn answer(why: &Value) -> &Value {
    let mut rows = why["rows"].as_array().unwrap().iter();
    match &why["winner"] {
        Value::Null => rows
            .find(|row| row["verdict"] == "failed")
            .map_or(&why["error"], |row| &row["provider"]),
        winner => &winner["origin"],
    }
}

const WEB: [(&str, &str); 2] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"),
    ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
];

/// Homes in which SDKs differ, with some that do.
fn homes() -> Vec<(&'static str, Home, &'static str)> {
    let home = || {
        Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_DEFAULT_REGION", "eu-west-1")
    };
    let keys = format!("[default]\n{KEY}[b]\n{}", KEY.replace("00001", "00002"));
    vec![
        (
            "half a key",
            home()
                .with("AWS_ACCESS_KEY_ID", "AKIAHALFEXAMPLE00001")
                .with_file("credentials", &keys),
            "rust",
        ),
        (
            "a profile and web identity",
            WEB.iter()
                .fold(home(), |home, (name, value)| home.with(name, value))
                .with_file("credentials", &keys),
            "js",
        ),
        (
            "two names of profiles",
            home()
                .with("AWS_PROFILE", "default")
                .with("AWS_DEFAULT_PROFILE", "b")
                .with_file("credentials", &keys),
            "boto3",
        ),
        (
            "a profile of the second name",
            home()
                .with("AWS_DEFAULT_PROFILE", "b")
                .with_file("credentials", &keys),
            "java-v2",
        ),
        (
            "two tokens",
            home()
                .with_key("ASIAIOSFODNN7EXAMPLE", "secret")
                .with("AWS_SESSION_TOKEN", "new")
                .with("AWS_SECURITY_TOKEN", "old"),
            "boto3",
        ),
        (
            "a profile that does not exist",
            home()
                .with("AWS_PROFILE", "nope")
                .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x"),
            "rust",
        ),
        (
            "two names that no file has",
            home()
                .with("AWS_PROFILE", "nope")
                .with("AWS_DEFAULT_PROFILE", "gone")
                .with_file("credentials", &keys),
            "boto3",
        ),
        (
            "a name that no file has before one that is there",
            home()
                .with("AWS_PROFILE", "nope")
                .with("AWS_DEFAULT_PROFILE", "b")
                .with_file("credentials", &keys),
            "boto3",
        ),
        (
            "a name with a space",
            home()
                .with("AWS_PROFILE", " b")
                .with_file("credentials", &keys),
            "boto3",
        ),
        (
            "system properties",
            home()
                .with(
                    "JDK_JAVA_OPTIONS",
                    "-Daws.accessKeyId=AKIAPROPERTYEXAMPLE1 -Daws.secretAccessKey=s",
                )
                .with_file("credentials", &keys),
            "java-v2",
        ),
    ]
}

#[test]
#[cfg(unix)]
fn other_sdks_are_named_with_a_cure_after_which_they_use_the_same() {
    for (name, home, sdk) in homes() {
        let before = json(&home.keyfob(["why", "--json"]));
        let theirs = why(&home, sdk);
        assert_ne!(answer(&before), answer(&theirs), "{name}: {before:#}");
        let findings = other_sdks(&before);
        assert!(!findings.is_empty(), "{name}: {before:#}");
        for finding in findings {
            assert!(finding["cure"].is_string(), "{name}: {finding:#}");
            let cure = finding["cure"].as_str().unwrap();
            if name.contains("no file has") {
                assert_lacks(cure, &["/dev/null", "=nope", "=gone"]);
            }
            let follow = |sdk: &str| {
                let command = format!("{} why --json --as {sdk}", env!("CARGO_BIN_EXE_keyfob"));
                let line = cure.replace("COMMAND", &command);
                let output = home.program("sh").args(["-c", &line]).output().unwrap();
                json(&Run::new(output))
            };
            let ours = follow("aws-cli");
            let tool = finding["text"]
                .as_str()
                .unwrap()
                .split(" would ")
                .next()
                .unwrap();
            let named = SDKS[1..].iter().filter(|sdk| is_named(tool, sdk));
            for sdk in named {
                let theirs = follow(sdk);
                assert_eq!(
                    answer(&ours),
                    answer(&theirs),
                    "{name}, {sdk}: {cure}\n{ours:#}\n{theirs:#}"
                );
            }
        }
    }
}

fn is_named(tools: &str, sdk: &str) -> bool {
    let name = match sdk {
        "java-v1" => "Java 1",
        "java-v2" => "Java 2",
        "rust" => "Rust",
        "go" => "Go",
        "js" => "JavaScript",
        name => name,
    };
    tools.contains(name)
}

#[test]
fn a_note_about_another_sdk_has_no_cure_that_leaves_it() {
    let login = "[default]\nlogin_session = arn:aws:iam::123456789012:user/alice\n";
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
        .with("AWS_ACCESS_KEY_ID", "AKIAHALFEXAMPLE00001")
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with_file("config", login);
    let before = json(&home.keyfob(["why", "--json"]));
    let text = |finding: &Value| finding["text"].as_str().unwrap().to_owned();
    // They do not know such a login, so that they go on without the half of a key, too.
    let is_of_java = |finding: &&&Value| text(finding).contains("Java 2");
    let found = other_sdks(&before);
    let java = found.iter().find(is_of_java).unwrap();
    assert_has(&text(java), &["would ask the instance"]);
    assert!(java["cure"].is_null(), "{java:#}");
    let home = home.with("AWS_EC2_METADATA_DISABLED", "true");
    let before = json(&home.keyfob(["why", "--json"]));
    let found = other_sdks(&before);
    let java = found.iter().find(is_of_java).unwrap();
    assert_has(&text(java), &["would have no credentials: "]);
}

#[test]
fn nothing_is_said_of_other_sdks_if_all_use_the_same() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret");
    for sdk in SDKS {
        let run = home.keyfob(["why", "--as", sdk]);
        assert_lacks(&run.stdout, &["would use", "would stop", "would ask"]);
        assert_has(&run.ok(), &["by the rules of ", "> "]);
    }
}

#[test]
fn the_region_of_another_sdk_is_told_with_a_cure() {
    for (name, tools) in [
        (
            "AWS_REGION",
            "boto3 would have no region, not eu-west-1 (AWS_REGION)",
        ),
        (
            "AWS_DEFAULT_REGION",
            "the SDK for JavaScript would have no region, not eu-west-1 (AWS_DEFAULT_REGION)",
        ),
    ] {
        let home = Home::new()
            .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
            .with(name, "eu-west-1");
        let why = home.keyfob(["why"]).ok();
        assert_has(
            &why,
            &[
                tools,
                "cure:  env AWS_DEFAULT_REGION=eu-west-1 AWS_REGION=eu-west-1 COMMAND",
            ],
        );
        let home = home
            .with("AWS_DEFAULT_REGION", "eu-west-1")
            .with("AWS_REGION", "eu-west-1");
        assert_lacks(&home.keyfob(["why"]).ok(), &["would have no region"]);
    }
}

#[test]
fn an_sdk_for_java_goes_on_after_a_source_that_fails() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token")
        .with("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod")
        .with_file("credentials", &format!("[default]\n{KEY}"));
    assert_eq!(home.keyfob(["why"]).code, 255);
    let java = why(&home, "java-v2");
    assert_eq!(
        java["winner"]["provider"], "profile \"default\"",
        "{java:#}"
    );
    assert_eq!(java["rows"][2]["verdict"], "failed");
}

#[test]
fn an_unknown_sdk_is_refused_with_the_known_ones() {
    let stderr = Home::new().keyfob(["why", "--as", "perl"]).fails(252);
    assert_has(&stderr, &SDKS);
}

#[test]
#[cfg(unix)]
fn the_classic_scenario_of_the_readme_is_cured_as_it_says() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let id = "AKIAIOSFODNN7EXAMPLE";
    let regions = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let home = sandbox.home(&[&FILES[..], &regions].concat());
    let home = home.with_key(id, "secret");
    let why = home.keyfob(["why"]).ok();
    let (_, output) = &transcript(&format!("AWS_ACCESS_KEY_ID={id}"))[0];
    for line in output.lines().filter(|line| !line.starts_with("endpoint")) {
        assert_has(&why, &[line]);
    }
    let cure = why
        .lines()
        .find_map(|line| line.strip_prefix("to use the role \"app\":  "));
    let command = format!("{} whoami", env!("CARGO_BIN_EXE_keyfob"));
    let line = cure.unwrap().replace("COMMAND", &command);
    let shell = home.program("sh").args(["-c", &line]).output().unwrap();
    assert_has(
        &Run::new(shell).ok(),
        &[
            "assumed-role/app/",
            "instance metadata: role \"app\" (IMDSv2)",
        ],
    );
    assert_has(&home.keyfob(["why"]).ok(), &["> 1 environment variables"]);
}

#[test]
fn the_picture_is_written_to_a_file_and_parses_as_xml() {
    let name = "<script>\"'&\u{1b}]]>".repeat(600);
    let home = Home::new()
        .with("AWS_PROFILE", &name)
        .with("AWS_REGION", "eu-west-1")
        .with_key("AKIAIOSFODNN7EXAMPLE", "canary-secret");
    let file = home.path().join("a b.svg");
    let run = home.keyfob(["why", "--svg", file.to_str().unwrap()]);
    assert_has(&run.stdout, &["environment variables"]);
    let program = "
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
names = {element.tag.split('}')[1] for element in root.iter()}
print(root.tag, sorted(names))
";
    let mut parser = home.program(python::tool("python"));
    let parsed = parser.args(["-c", program]).arg(&file).output().unwrap();
    assert_eq!(
        Run::new(parsed).ok(),
        "{http://www.w3.org/2000/svg}svg ['defs', 'marker', 'path', 'rect', 'svg', 'text', \
         'title']\n"
    );
    let picture = fs::read_to_string(&file).unwrap();
    assert_lacks(&picture, &["<script", "canary", "\u{1b}", "href", "style"]);
    assert!(picture.len() < 40_000, "{}", picture.len());
    let same = home.keyfob(["why", "--svg", "-"]);
    assert_eq!(same.stdout, picture);

    let nowhere = home.keyfob(["why", "--svg", "/nowhere/a.svg"]);
    assert_has(&nowhere.fails(255), &["cannot write /nowhere/a.svg"]);
}

#[test]
fn the_picture_replaces_an_older_one_and_no_other_file() {
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret");
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (picture, other) = (path("a.svg"), path("credentials"));
    fs::write(
        &picture,
        "<svg xmlns=\"http://www.w3.org/2000/svg\">old</svg>",
    )
    .unwrap();
    home.keyfob(["why", "--svg", &picture]).ok();
    assert_lacks(&fs::read_to_string(&picture).unwrap(), &[">old<"]);
    fs::write(&other, "[default]\n").unwrap();
    let run = home.keyfob(["why", "--svg", &other]);
    let reason = "there is a file that is not such a picture: name another one";
    assert_has(&run.fails(255), &["cannot write ", "credentials", reason]);
    assert_eq!(fs::read_to_string(&other).unwrap(), "[default]\n");
    #[cfg(unix)]
    {
        let pipe = path("pipe");
        let mut mkfifo = home.program("mkfifo");
        assert!(mkfifo.arg(&pipe).status().unwrap().success());
        let run = home.keyfob(["why", "--svg", &pipe]);
        assert_has(&run.fails(255), &["cannot write ", "pipe"]);
    }
}

#[test]
fn the_cure_of_a_proxy_between_boto3_and_the_instance_reaches_the_instance() {
    const PROGRAM: &str =
        "import boto3; print(boto3.Session().get_credentials().get_frozen_credentials().token)";
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = || {
        sandbox.home(&[
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ])
    };
    let proxied = |why: &Value| {
        let mut findings = why["findings"].as_array().unwrap().iter();
        findings.find(|finding| finding["kind"] == "proxy").cloned()
    };
    let dead = "http://127.0.0.1:1";
    for (names, cure) in [
        (&["HTTP_PROXY"][..], "env NO_PROXY=127.0.0.1 COMMAND"),
        (
            &["http_proxy", "no_proxy"],
            "env no_proxy=x.org,127.0.0.1 COMMAND",
        ),
    ] {
        let value = |name: &str| if name == "no_proxy" { "x.org" } else { dead };
        let off = home()
            .with(names[0], dead)
            .with("AWS_EC2_METADATA_DISABLED", "true");
        assert_eq!(proxied(&why(&off, "boto3")), None);
        let home = names
            .iter()
            .fold(home(), |home, name| home.with(name, value(name)));
        // Go needs no proxy for this machine.
        for tool in ["js", "go", "rust"] {
            assert_eq!(proxied(&why(&home, tool)), None, "{tool}");
        }
        let why = why(&home, "boto3");
        assert_eq!(why["winner"]["provider"], "instance metadata");
        let finding = proxied(&why).unwrap();
        assert_has(finding["text"].as_str().unwrap(), &[names[0]]);
        assert_eq!(finding["cure"], cure);
        assert_ne!(boto3(&home, PROGRAM).code, 0);
        // The cure sets one variable.
        let (name, value) = cure["env ".len()..].split_once('=').unwrap();
        let value = value.trim_end_matches(" COMMAND");
        let home = home.with(name, value);
        assert!(boto3(&home, PROGRAM).ok().len() > 10);
        assert_eq!(proxied(&self::why(&home, "boto3")), None);
    }
    for (names, is_through_it) in [
        ([("HTTPS_PROXY", dead), ("x", "x")], false),
        ([("HTTP_PROXY", dead), ("NO_PROXY", "*")], false),
        ([("HTTP_PROXY", dead), ("NO_PROXY", "a, .0.0.1")], false),
        ([("HTTP_PROXY", dead), ("NO_PROXY", "27.0.0.1")], true),
        ([("HTTP_PROXY", dead), ("http_proxy", "")], false),
        ([("HTTP_PROXY", dead), ("REQUEST_METHOD", "GET")], false),
    ] {
        let home = names
            .iter()
            .fold(home(), |home, (name, value)| home.with(name, value));
        assert_eq!(
            proxied(&why(&home, "boto3")).is_some(),
            is_through_it,
            "{names:?}"
        );
        assert_eq!(boto3(&home, PROGRAM).code != 0, is_through_it, "{names:?}");
    }
}
