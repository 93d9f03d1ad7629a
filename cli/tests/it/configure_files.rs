//! `configure import`, `export-credentials`, `dump` and `unset`, and the sections that are not
//! profiles.

use std::fs;

use serde_json::Value;

use crate::{
    configure::on_terminal,
    keyfob::{Home, Run, assert_has, assert_lacks},
    python,
    running::Running,
};

const CSV: &str = "\u{feff}User name,Password,Access key ID,Secret access key,Console login link\r\n\
                   ada,,AKIAADAEXAMPLE000001,canary/ada,https://x\r\n\
                   bob,,AKIABOBEXAMPLE000001,canary/bob,https://x\r\n";

fn with_csv(csv: &str) -> Home {
    let home = Home::new();
    fs::write(home.path().join("keys.csv"), csv).unwrap();
    home
}

#[test]
fn import_writes_a_profile_for_each_user_that_boto3_reads() {
    let home = with_csv(CSV);
    let import = ["configure", "import", "--csv", "file://keys.csv"];
    let run = home.keyfob(import);
    assert_eq!(run.stderr, "");
    assert_eq!(run.ok(), "Successfully imported 2 profile(s)\n");
    let prefix = [&import[..], &["--profile-prefix", "team-"]].concat();
    home.keyfob(prefix).ok();
    assert_eq!(
        home.keyfob(["configure", "list-profiles"]).ok(),
        "ada\nbob\nteam-ada\nteam-bob\n"
    );
    let program =
        "import boto3; print(boto3.Session(profile_name='team-bob').get_credentials().secret_key)";
    let mut boto3 = home.program(python::tool("python"));
    let read = Run::new(boto3.args(["-c", program]).output().unwrap());
    assert_eq!(read.ok(), "canary/bob\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = home
            .file("credentials")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn import_refuses_with_the_words_and_codes_of_aws_and_writes_nothing() {
    let without_key = format!("{CSV}eve,,,,\r\n");
    let quoted = format!("{CSV}\"eve\",,AKIA,canary,\r\n");
    for (csv, argument, code, text) in [
        (
            "",
            "file://keys.csv",
            255,
            "Provided CSV contains no contents",
        ),
        (
            "a,b\n",
            "file://keys.csv",
            255,
            "Expected header \"User Name\" not found",
        ),
        (
            CSV,
            "keys.csv",
            255,
            "Expected header \"User Name\" not found",
        ),
        (
            CSV,
            "file://nowhere.csv",
            252,
            "--csv: cannot read nowhere.csv",
        ),
        (
            &without_key,
            "file://keys.csv",
            255,
            "Failed to parse entry #3: Row missing value for header \"Access Key ID\"",
        ),
        (
            &quoted,
            "file://keys.csv",
            255,
            "Failed to parse entry #3: the name cannot be a profile",
        ),
    ] {
        let home = with_csv(csv);
        let stderr = home
            .keyfob(["configure", "import", "--csv", argument])
            .fails(code);
        assert_has(&stderr, &[text]);
        assert_lacks(&stderr, &["canary"]);
        assert!(!home.file("credentials").exists());
    }
    Home::new().keyfob(["configure", "import"]).fails(252);
    let home = with_csv(&without_key);
    let import = [
        "configure",
        "import",
        "--csv",
        "file://keys.csv",
        "--skip-invalid",
    ];
    assert_eq!(
        home.keyfob(import).ok(),
        "Successfully imported 2 profile(s)\n"
    );
}

fn session() -> Home {
    Home::new()
        .with_key(
            "ASIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        )
        .with("AWS_SESSION_TOKEN", "token+/=")
        .with("AWS_CREDENTIAL_EXPIRATION", "2126-01-01T00:00:00Z")
}

fn export(home: &Home, format: &str) -> Run {
    home.keyfob(["configure", "export-credentials", "--format", format])
}

#[test]
fn every_form_of_aws_has_its_bytes() {
    let home = session();
    let lines = |line: &dyn Fn(&str, &str) -> String| {
        [
            ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
            (
                "AWS_SECRET_ACCESS_KEY",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            ),
            ("AWS_SESSION_TOKEN", "token+/="),
            ("AWS_CREDENTIAL_EXPIRATION", "2126-01-01T00:00:00+00:00"),
        ]
        .map(|(name, value)| line(name, value) + "\n")
        .concat()
    };
    let process = "{\n  \"Version\": 1,\n  \"AccessKeyId\": \"ASIAIOSFODNN7EXAMPLE\",\n  \
                   \"SecretAccessKey\": \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\",\n  \
                   \"SessionToken\": \"token+/=\",\n  \
                   \"Expiration\": \"2126-01-01T00:00:00+00:00\"\n}\n";
    for (format, expected) in [
        ("process", process.to_owned()),
        (
            "env",
            lines(&|name, value| format!("export {name}={value}")),
        ),
        (
            "env-no-export",
            lines(&|name, value| format!("{name}={value}")),
        ),
        ("dotenv", lines(&|name, value| format!("{name}={value}"))),
        (
            "powershell",
            lines(&|name, value| format!("$Env:{name}=\"{value}\"")),
        ),
        (
            "windows-cmd",
            lines(&|name, value| format!("set {name}={value}")),
        ),
        (
            "fish",
            lines(&|name, value| format!("set -gx {name} \"{value}\"")),
        ),
    ] {
        let run = export(&home, format);
        assert_eq!(run.stderr, "");
        assert_eq!(run.ok(), expected, "{format}");
    }
    // As in aws, these options do not count, and process is the default.
    let words = [
        "configure",
        "export-credentials",
        "--output",
        "text",
        "--query",
        "Version",
    ];
    assert_eq!(home.keyfob(words).ok(), process);
    let container = export(&home, "json-container").json();
    assert_eq!(container["Token"], "token+/=");
    assert_eq!(container.get("Version"), None);
    let key = Home::new().with_key("AKIAIOSFODNN7EXAMPLE", "secret");
    let process = export(&key, "process").json();
    assert_eq!(process.as_object().unwrap().len(), 3, "{process}");
}

#[test]
fn export_exits_as_aws_without_credentials_and_in_a_circle_of_profiles() {
    let stderr = export(&Home::new(), "process").fails(253);
    assert_has(&stderr, &["An error occurred (NoCredentials)"]);
    export(&Home::new(), "perl").fails(252);
    for (waiting, text) in [
        (
            "a,default",
            "the processes of profiles wait in a circle: a → default → default",
        ),
        (
            "a,b,c,d",
            "4 profiles already wait for one another's processes",
        ),
    ] {
        let home = session().with("_AWS_CLI_PROFILE_CHAIN", waiting);
        let stderr = export(&home, "process").fails(253);
        assert_has(&stderr, &["An error occurred (Configuration): ", text]);
    }
    let program = env!("CARGO_BIN_EXE_keyfob");
    let process = |profile: &str, of: &str| {
        format!(
            "[profile {profile}]\ncredential_process = {program} configure export-credentials \
             --profile {of}\n"
        )
    };
    let home = Home::new().with_file(
        "config",
        &[process("a", "b"), process("b", "a"), process("c", "key")].concat(),
    );
    let home = home.with_file(
        "credentials",
        "[key]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n",
    );
    let words = ["configure", "export-credentials", "--profile"];
    // What a process says is not repeated, but a circle follows from the files.
    let circle = home.keyfob([&words[..], &["a"]].concat()).fails(253);
    let text = "credential_process of profile \"a\": the processes of profiles wait in a circle: \
                a → b → a";
    assert_has(&circle, &[text]);
    let explained = home.keyfob(["why", "--profile", "a"]);
    assert_has(&explained.stderr, &["wait in a circle: a → b → a"]);
    for (text, circle) in [
        (process("loop", "loop"), "loop → loop"),
        (
            process("role", "loop")
                + "[profile loop]\nrole_arn = arn:aws:iam::123456789012:role/r\n\
                                       source_profile = role\n",
            "role → loop → role",
        ),
        (
            format!(
                "[profile x]\ncredential_process = '{program}' configure export-credentials\n\
                     [default]\ncredential_process = {program} configure export-credentials \
                     --profile=x\n"
            ),
            "x → default → x",
        ),
    ] {
        let home = Home::new().with_file("config", &text);
        let profile = circle.split_once(' ').unwrap().0;
        let stderr = home.keyfob([&words[..], &[profile]].concat()).fails(253);
        assert_has(&stderr, &[&format!("wait in a circle: {circle}")]);
    }
    let run = on_terminal::<&str>(&home, &[&words[..], &["a"]].concat(), &[]);
    assert_has(
        run["shown"].as_str().unwrap(),
        &["the processes of profiles wait in a circle: a → b → a"],
    );
    let key = home.keyfob([&words[..], &["c"]].concat()).json();
    assert_eq!(key["AccessKeyId"], "AKIAIOSFODNN7EXAMPLE");
}

#[test]
fn other_tools_use_the_exported_credentials_as_those_of_a_process() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let program = env!("CARGO_BIN_EXE_keyfob");
    let home = sandbox.home(&["AWS_CONFIG_FILE"]).with_file(
        "config",
        &format!(
            "[profile x]\ncredential_process = {program} configure export-credentials --profile \
             user\nregion = us-east-1\n"
        ),
    );
    let python = "
import boto3
session = boto3.Session(profile_name='x')
print(session.get_credentials().method, session.client('sts').get_caller_identity()['Arn'])
";
    let mut boto3 = home.program(python::tool("python"));
    let run = Run::new(boto3.args(["-c", python]).output().unwrap());
    assert_has(
        &run.ok(),
        &["custom-process arn:aws:iam::123456789012:user/"],
    );
    let run = home.aws(&["sts", "get-caller-identity", "--profile", "x"]);
    assert_has(&run.ok(), &["\"arn:aws:iam::123456789012:user/"]);
    #[cfg(target_os = "linux")]
    if let Some(read) = crate::javascript::key_id(&home, "process", "x", "") {
        let exported = home.keyfob(["configure", "export-credentials", "--profile", "x"]);
        assert_eq!(exported.json()["AccessKeyId"], read);
    }
}

/// A key of this process is valid for three seconds, and each run prints another one.
#[test]
#[cfg(unix)]
fn boto3_asks_again_when_the_credentials_of_our_process_have_expired() {
    let script = "import datetime, json
with open('.aws/runs', 'a+') as runs:
    runs.write('x')
    runs.seek(0)
    count = len(runs.read())
end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
print(json.dumps({'Version': 1, 'AccessKeyId': f'ASIASHORT{count}', 'SecretAccessKey': 's',
    'SessionToken': 't', 'Expiration': end.strftime('%Y-%m-%dT%H:%M:%SZ')}))";
    let program = env!("CARGO_BIN_EXE_keyfob");
    let config = format!(
        "[profile x]\ncredential_process = {program} configure export-credentials --profile tool\n\
         [profile tool]\ncredential_process = python3 .aws/session.py\n"
    );
    let home = Home::new().with_file("session.py", script);
    let home = home.with_file("config", &config);
    let python = "
import boto3, datetime, time
credentials = boto3.Session(profile_name='x').get_credentials()
first = credentials.get_frozen_credentials().access_key
end = credentials._expiry_time
time.sleep(max(0, (end - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) + 0.1)
runs = len(open('.aws/runs').read())
second = credentials.get_frozen_credentials().access_key
print(credentials.method, first != second, second == f'ASIASHORT{runs + 1}')
";
    let mut boto3 = home.program(python::tool("python"));
    let run = Run::new(boto3.args(["-c", python]).output().unwrap());
    assert_eq!(run.ok(), "custom-process True True\n");
}

#[test]
#[cfg(unix)]
fn a_shell_gets_what_env_exports() {
    let home = session();
    let secret = "b'c\"$(id)`id`\\";
    let home = home.with("AWS_SECRET_ACCESS_KEY", secret);
    for format in ["env", "env-no-export"] {
        let line = format!(
            "eval \"$({} configure export-credentials --format {format})\"; printf %s \
             \"$AWS_SECRET_ACCESS_KEY|$AWS_CREDENTIAL_EXPIRATION\"",
            env!("CARGO_BIN_EXE_keyfob")
        );
        let shell = home.program("sh").args(["-c", &line]).output().unwrap();
        assert_eq!(
            Run::new(shell).ok(),
            format!("{secret}|2126-01-01T00:00:00+00:00")
        );
    }
}

#[test]
fn a_job_of_github_gets_variables_after_its_log_masks_them() {
    let stderr = export(&session(), "github").fails(253);
    assert_has(&stderr, &["GITHUB_ENV is not set"]);
    let home = session();
    let file = home.path().join("env");
    fs::write(&file, "OTHER=1\n").unwrap();
    let home = home.with("GITHUB_ENV", file.to_str().unwrap());
    assert_eq!(
        export(&home, "github").ok(),
        "::add-mask::wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n::add-mask::token+/=\n"
    );
    let text = fs::read_to_string(&file).unwrap();
    assert_has(
        &text,
        &[
            "OTHER=1\nAWS_ACCESS_KEY_ID=ASIA",
            "\nAWS_SESSION_TOKEN=token+/=\n",
        ],
    );
    // A key without a token empties that of an earlier step.
    fs::write(&file, "OTHER=1").unwrap();
    let key = |home: Home| {
        home.with_key("AKIAEXAMPLE", "secret")
            .with("GITHUB_ENV", file.to_str().unwrap())
    };
    let line = "OTHER=1\nAWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=secret\n";
    export(&key(Home::new()), "github").ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), line);
    fs::write(&file, "AWS_SESSION_TOKEN=old").unwrap();
    export(&key(Home::new()), "github").ok();
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.ends_with("\nAWS_SECRET_ACCESS_KEY=secret\nAWS_SESSION_TOKEN=\n"),
        "{text}"
    );
    fs::write(&file, "").unwrap();
    let profile = "[job]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n";
    let earlier = Home::new()
        .with("GITHUB_ENV", file.to_str().unwrap())
        .with("AWS_PROFILE", "job")
        .with("AWS_SESSION_TOKEN", "old")
        .with_file("credentials", profile);
    export(&earlier, "github").ok();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.ends_with("\nAWS_SESSION_TOKEN=\n"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        // A file that is not there yet is the user's alone.
        let file = home.path().join("new");
        let home = home.with("GITHUB_ENV", file.to_str().unwrap());
        export(&home, "github").ok();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn sections_of_sessions_and_services_are_set_and_read() {
    let home = Home::new();
    let set = |option: &str, section: &str, name: &str, value: &str| {
        home.keyfob(["configure", "set", option, section, name, value])
            .ok();
    };
    set("--sso-session", "corp", "sso_region", "eu-west-1");
    set(
        "--sso-session",
        "corp",
        "sso_start_url",
        "https://corp.awsapps.com/start",
    );
    set(
        "--services",
        "local",
        "s3.endpoint_url",
        "http://localhost:9000",
    );
    set(
        "--services",
        "local",
        "s3.endpoint_url",
        "http://localhost:9001",
    );
    assert_eq!(
        home.read("config"),
        "[sso-session corp]\nsso_region = eu-west-1\n\
         sso_start_url = https://corp.awsapps.com/start\n\n\
         [services local]\ns3 =\n    endpoint_url = http://localhost:9001\n"
    );
    let get = |option: &str, section: &str, name: &str| {
        home.keyfob(["configure", "get", option, section, name])
    };
    assert_eq!(
        get("--sso-session", "corp", "sso_region").ok(),
        "eu-west-1\n"
    );
    assert_eq!(
        get("--services", "local", "s3.endpoint_url").ok(),
        "http://localhost:9001\n"
    );
    assert_eq!(get("--services", "local", "s3.other").fails(1), "");
    assert_has(
        &get("--services", "nope", "s3.endpoint_url").fails(255),
        &["nope"],
    );
    get("--services", "local", "a.b.c").fails(252);
    home.keyfob([
        "configure",
        "get",
        "--services",
        "a",
        "--sso-session",
        "b",
        "c",
    ])
    .fails(252);
    let list = home
        .keyfob(["configure", "list", "--sso-session", "corp"])
        .ok();
    let file = home.file("config").display().to_string();
    assert_has(
        &list,
        &[
            "NAME          : VALUE",
            "sso_region    : eu-west-1",
            &format!("config-file      : {file}:2\n"),
        ],
    );
    let list = home
        .keyfob(["configure", "list", "--services", "local", "--json"])
        .json();
    assert_eq!(list["s3.endpoint_url"]["value"], "http://localhost:9001");
}

#[test]
fn unset_removes_a_setting_from_each_file_and_nothing_else() {
    let home = Home::new()
        .with_file(
            "config",
            "# mine\n[default]\nregion = eu-west-1\noutput = json\ns3 =\n  a = 1\n  b = 2\n",
        )
        .with_file(
            "credentials",
            "[default]\nregion = eu-west-2\naws_session_token = canary\n",
        );
    home.keyfob(["configure", "unset", "region"]).ok();
    home.keyfob(["configure", "unset", "default.aws_session_token"])
        .ok();
    home.keyfob(["configure", "unset", "s3.a"]).ok();
    assert_eq!(
        home.read("config"),
        "# mine\n[default]\noutput = json\ns3 =\n  b = 2\n"
    );
    assert_eq!(home.read("credentials"), "[default]\n");
    assert_eq!(home.keyfob(["configure", "unset", "region"]).fails(1), "");
}

#[test]
fn dump_shows_each_value_with_its_place_and_no_secret() {
    let home = Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "canary-secret")
        .with("AWS_REGION", "eu-west-1")
        .with("https_proxy", "http://user:canary@proxy:1")
        .with_file(
            "config",
            "[default]\nregion = eu-west-1\ncredential_process = x canary-password\n\
             s3 =\n  addressing_style = path\n[sso-session corp]\nsso_region = eu-west-1\n\
             [services s]\ns3 =\n  endpoint_url = https://user:canary-pass@host/\n\
             sts =\n  endpoint_url = https://host/?sig=canary-sig\n",
        )
        .with_file(
            "credentials",
            "[default]\nregion = eu-west-2\naws_access_key_id = AKIAFILEEXAMPLE00001\n\
             aws_secret_access_key = canary-in-file\nmy_key = canary-of-mine\n",
        );
    let dump = home
        .keyfob(["configure", "dump", "--output", "json"])
        .json();
    let value = |list: &Value, name: &str| {
        let found = list
            .as_array()
            .unwrap()
            .iter()
            .filter(|value| value["name"] == name);
        found.cloned().collect::<Vec<_>>()
    };
    let secret = &value(&dump["variables"], "AWS_SECRET_ACCESS_KEY")[0];
    assert_eq!(secret["value"], "****************cret");
    let default = dump["sections"][0]["values"].clone();
    assert_eq!(dump["sections"][0]["kind"], "profile");
    let regions = value(&default, "region");
    let places: Vec<_> = regions
        .iter()
        .map(|region| (region["value"].as_str().unwrap(), region["masked"] == true))
        .collect();
    assert_eq!(places, [("eu-west-1", true), ("eu-west-2", false)]);
    assert_eq!(regions[1]["origin"]["line"], 2);
    assert_eq!(value(&default, "s3.addressing_style")[0]["value"], "path");
    let text = home.keyfob(["configure", "dump"]).ok();
    assert_has(
        &text,
        &[
            "AWS_REGION=eu-west-1\n",
            "\n[profile default]\n",
            "region = eu-west-1  # ~/.aws/config:2, masked\n",
            "region = eu-west-2  # ~/.aws/credentials:2\n",
            "s3.addressing_style = path  # ~/.aws/config:5\n",
            "\n[sso-session corp]\nsso_region = eu-west-1  # ~/.aws/config:7\n",
        ],
    );
    assert_lacks(
        &(dump.to_string() + &text),
        &["canary-", "user:canary", "x canary"],
    );
}

#[test]
fn a_file_that_cannot_be_read_fails_after_what_could_be_shown() {
    let home = Home::new()
        .with_file(
            "config",
            "[profile a]\nregion = eu-west-1\n[profile b\nregion = x\n",
        )
        .with_file(
            "credentials",
            "[c]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n",
        );
    for (command, shown) in [("list-profiles", "a\nc\n"), ("dump", "[profile c]\n")] {
        let run = home.keyfob(["configure", command]);
        assert_eq!(run.code, 253, "{run:?}");
        assert_has(&run.stdout, &[shown]);
        assert_has(&run.stderr, &["ConfigParseError", "~/.aws/config:3"]);
    }
}

#[test]
fn a_secret_of_a_section_is_hidden_on_a_terminal() {
    let home = Home::new();
    let words = ["configure", "set", "--sso-session", "corp", "my_secret"];
    let run = on_terminal(&home, &words, &[("my_secret [None]: ", "canary\n")]);
    assert_eq!(run["code"], 0, "{run}");
    assert_lacks(run["shown"].as_str().unwrap(), &["canary"]);
    assert_eq!(
        home.read("config"),
        "[sso-session corp]\nmy_secret = canary\n"
    );
}

#[test]
fn set_and_get_do_what_version_1_of_aws_does() {
    let names = [
        ("region", "eu-west-1"),
        ("default.output", "text"),
        ("profile.a.region", "eu-west-2"),
        ("profile.a.s3.addressing_style", "path"),
        ("s3.max_concurrent_requests", "20"),
        ("aws_access_key_id", "AKIAIOSFODNN7EXAMPLE"),
        ("profile.a.aws_session_token", "token"),
        ("profile.b c.region", "eu-west-3"),
    ];
    let files = "# mine\n[default]\nregion = us-east-1 \n\n[profile z]\nregion=x\n";
    let [ours, theirs] = [(); 2].map(|()| Home::new().with_file("config", files));
    let aws = |words: &[&str]| theirs.aws(words);
    for (name, value) in names {
        let words = ["configure", "set", name, value];
        assert_eq!(ours.keyfob(words).code, aws(&words).code, "{name}");
    }
    // An edit here keeps whitespace at the end of a line, and sets sections apart.
    let plain = |text: &str| {
        let lines = text.lines().map(|line| line.trim_end().to_owned());
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    for file in ["config", "credentials"] {
        assert_eq!(plain(&ours.read(file)), plain(&theirs.read(file)), "{file}");
    }
    for (name, _) in names {
        let words = ["configure", "get", name];
        let (ours, theirs) = (ours.keyfob(words), aws(&words));
        assert_eq!(
            (ours.code, ours.stdout),
            (theirs.code, theirs.stdout),
            "{name}"
        );
    }
}
