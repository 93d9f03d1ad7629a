use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    keyfob::{Home, Run, assert_has, assert_lacks},
    python,
};

const SECRET: &str = "canary/secret+access/key";

/// Runs `keyfob` on a terminal, with an answer for each prompt.
pub(crate) fn on_terminal<T: Serialize>(
    home: &Home,
    words: &[&str],
    answers: &[(&str, T)],
) -> Value {
    let words = [&[env!("CARGO_BIN_EXE_keyfob")], words].concat();
    program_on_terminal(home, &words, answers)
}

/// Runs a program in the same way.
pub(crate) fn program_on_terminal<T: Serialize>(
    home: &Home,
    words: &[&str],
    answers: &[(&str, T)],
) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/terminal.py");
    let mut terminal: Command = home.program("python3");
    terminal.arg(script).args(words);
    let mut terminal = terminal
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let answers = serde_json::to_string(answers).unwrap();
    terminal
        .stdin
        .take()
        .unwrap()
        .write_all(answers.as_bytes())
        .unwrap();
    let output = terminal.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_four_questions_write_a_profile_that_boto3_reads() {
    let home = Home::new().with_file("config", "# mine\n[profile other]\nregion = sa-east-1\n");
    let run = on_terminal(
        &home,
        &["configure", "--profile", "robot"],
        &[
            ("AWS Access Key ID [None]: ", "AKIAROBOTEXAMPLE0000\n"),
            ("AWS Secret Access Key [None]: ", &format!("{SECRET}\n")),
            ("Default region name [None]: ", "eu-west-1\n"),
            ("Default output format [None]: ", "\n"),
        ],
    );
    assert_eq!(run["code"], 0, "{run}");
    assert_lacks(run["shown"].as_str().unwrap(), &["canary", SECRET]);
    assert_eq!(
        home.read("config"),
        "# mine\n[profile other]\nregion = sa-east-1\n\n[profile robot]\nregion = eu-west-1\n"
    );
    assert_eq!(
        home.read("credentials"),
        format!(
            "[robot]\naws_access_key_id = AKIAROBOTEXAMPLE0000\naws_secret_access_key = {SECRET}\n"
        )
    );
    let program = "
import boto3
session = boto3.Session(profile_name='robot')
key = session.get_credentials()
print(key.access_key, key.secret_key, session.region_name)
";
    let read = home
        .program(python::tool("python"))
        .args(["-c", program])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(read.stdout).unwrap(),
        format!("AKIAROBOTEXAMPLE0000 {SECRET} eu-west-1\n")
    );
}

#[test]
fn an_empty_answer_keeps_the_value_that_is_shown_masked() {
    let files = "[default]\naws_access_key_id = ASIAOLDEXAMPLE000000\naws_secret_access_key = old-secret-1234\naws_session_token = old-token-5678\n";
    let home = Home::new().with_file("credentials", files);
    let run = on_terminal(
        &home,
        &["configure"],
        &[
            ("AWS Access Key ID [****************0000]: ", "\n"),
            ("AWS Secret Access Key [****************1234]: ", "\n"),
            ("AWS Session Token [****************5678]: ", "\n"),
            ("Default region name [None]: ", "\n"),
            ("Default output format [None]: ", "\n"),
        ],
    );
    assert_eq!(run["code"], 0, "{run}");
    assert_lacks(run["shown"].as_str().unwrap(), &["old-secret", "old-token"]);
    assert_eq!(home.read("credentials"), files);
    assert!(!home.file("config").exists());
}

#[test]
fn a_new_long_term_key_replaces_a_session_and_removes_its_token() {
    let home = Home::new().with_file(
        "credentials",
        "[default]\naws_access_key_id = ASIAOLDEXAMPLE000000\naws_secret_access_key = old\naws_session_token = old\n",
    );
    let run = on_terminal(
        &home,
        &["configure"],
        &[
            ("AWS Access Key ID", "AKIANEWEXAMPLE000000\n"),
            ("AWS Secret Access Key", &format!("{SECRET}\n")),
            ("Default region name", "\n"),
            ("Default output format", "\n"),
        ],
    );
    assert_eq!(run["code"], 0, "{run}");
    assert_lacks(&home.read("credentials"), &["aws_session_token", "old"]);
}

#[test]
fn only_the_question_with_an_invalid_answer_is_repeated() {
    let home = Home::new();
    let run = on_terminal(
        &home,
        &["configure"],
        &[
            ("AWS Access Key ID", "AKIA BLANK\n"),
            ("[None]: ", "AKIAROBOTEXAMPLE0000\n"),
            ("AWS Secret Access Key", "can ary\n"),
            ("[None]: ", &format!("{SECRET}\n")),
            ("Default region name", "x.example.com/\n"),
            ("[None]: ", "eu-west-1\n"),
            ("Default output format", "smoke\n"),
            ("[None]: ", "yaml\n"),
        ],
    );
    assert_eq!(run["code"], 0, "{run}");
    let shown = run["shown"].as_str().unwrap();
    assert_has(
        shown,
        &[
            "warning: AWS Access Key ID: ",
            "warning: AWS Secret Access Key: ",
            "warning: Default region name: ",
            "warning: Default output format: \"smoke\" is not known",
        ],
    );
    assert_lacks(shown, &["can ary", SECRET]);
    assert_eq!(
        home.read("credentials"),
        format!(
            "[default]\naws_access_key_id = AKIAROBOTEXAMPLE0000\naws_secret_access_key = {SECRET}\n"
        )
    );
    assert_eq!(
        home.read("config"),
        "[default]\nregion = eu-west-1\noutput = yaml\n"
    );
}

#[test]
fn no_question_is_asked_on_a_terminal_if_the_option_forbids_it() {
    let nothing: &[(&str, &str)] = &[];
    for words in [&["configure"][..], &["configure", "set", "region"]] {
        let words = [words, &["--no-input"]].concat();
        let run = on_terminal(&Home::new(), &words, nothing);
        assert_eq!(run["code"], 253, "{run}");
        let shown = run["shown"].as_str().unwrap();
        assert_has(
            shown,
            &["(NoTerminal): cannot ask: --no-input forbids it", "hint: "],
        );
    }
}

#[test]
fn ctrl_c_at_a_prompt_exits_with_130_and_restores_the_echo() {
    let home = Home::new();
    let run = on_terminal(&home, &["configure"], &[("AWS Access Key ID", "\u{3}")]);
    assert_eq!(
        (&run["code"], &run["echoes"]),
        (&json!(130), &json!(true)),
        "{run}"
    );
    let run = on_terminal(
        &home,
        &["configure"],
        &[
            ("AWS Access Key ID", "\n"),
            ("AWS Secret Access Key", "abc\u{3}"),
        ],
    );
    assert_eq!(
        (&run["code"], &run["echoes"]),
        (&json!(130), &json!(true)),
        "{run}"
    );
    assert_has(run["shown"].as_str().unwrap(), &["***"]);
}

#[test]
fn a_signal_at_a_prompt_restores_the_echo() {
    for (signal, code) in [(15, 143), (1, 129), (2, 130), (3, 131)] {
        let answers = [
            ("AWS Access Key ID", json!("\n")),
            ("AWS Secret Access Key", json!(signal)),
        ];
        let run = on_terminal(&Home::new(), &["configure"], &answers);
        assert_eq!(
            (&run["code"], &run["echoes"]),
            (&json!(code), &json!(true)),
            "{run}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stop_at_a_hidden_prompt_restores_the_echo_until_the_command_goes_on() {
    // The numbers of SIGTSTP and SIGCONT.
    let (stop, go_on) = (20, 18);
    let home = Home::new().with("JOB_CONTROL", "1");
    let answers = [
        ("[None]: ", Value::Null),
        ("", json!(stop)),
        ("", Value::Null),
        ("", json!(go_on)),
        ("", Value::Null),
        ("", json!(format!("{SECRET}\n"))),
    ];
    let words = ["configure", "set", "aws_secret_access_key"];
    let run = on_terminal(&home, &words, &answers);
    assert_eq!(run["notes"], json!([false, true, false]), "{run}");
    assert_eq!((&run["code"], &run["echoes"]), (&json!(0), &json!(true)));
    assert_has(&home.read("credentials"), &[SECRET]);
}

#[test]
fn set_writes_keys_to_the_credentials_file_and_other_settings_to_the_config_file() {
    let home = Home::new();
    home.keyfob(["configure", "set", "region", "eu-west-1"])
        .ok();
    home.keyfob(["configure", "set", "profile.a.output", "text"])
        .ok();
    home.keyfob_with_input(
        ["configure", "set", "profile.a.aws_secret_access_key"],
        &format!("{SECRET}\n"),
    )
    .ok();
    assert_eq!(
        home.read("config"),
        "[default]\nregion = eu-west-1\n\n[profile a]\noutput = text\n"
    );
    assert_eq!(
        home.read("credentials"),
        format!("[a]\naws_secret_access_key = {SECRET}\n")
    );
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
fn get_prints_the_value_or_exits_with_1_silently() {
    let home = Home::new()
        .with_file("config", "[default]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n[profile a]\nregion = sa-east-1\n");
    let get = |name| home.keyfob(["configure", "get", name]);
    assert_eq!(get("region").ok(), "eu-west-1\n");
    assert_eq!(get("a.region").ok(), "sa-east-1\n");
    assert_eq!(get("profile.a.region").ok(), "sa-east-1\n");
    assert_eq!(get("s3.addressing_style").ok(), "path\n");
    assert_eq!(
        home.keyfob(["--profile", "a", "configure", "get", "region"])
            .ok(),
        "sa-east-1\n"
    );
    assert_eq!(get("output").fails(1), "");
}

#[test]
fn list_fills_in_every_location_and_list_profiles_keeps_the_order_of_the_files() {
    let home = Home::new()
        .with_file("config", "[profile b]\nregion = eu-west-1\n[default]\n")
        .with_file(
            "credentials",
            &format!(
                "[a]\n[b]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = {SECRET}\n"
            ),
        );
    assert_eq!(
        home.keyfob(["configure", "list-profiles"]).ok(),
        "b\ndefault\na\n"
    );
    let list = home.keyfob(["configure", "list", "--profile", "b"]).ok();
    let credentials = home.file("credentials");
    let config = home.file("config");
    let expected = format!(
        "NAME       : VALUE                    : TYPE                    : LOCATION
profile    : b                        : manual                  : --profile
access_key : ****************MPLE     : shared-credentials-file : {0}:3
secret_key : ****************/key     : shared-credentials-file : {0}:3
region     : eu-west-1                : config-file             : {1}:2
",
        credentials.display(),
        config.display()
    );
    assert_eq!(list.replace(":2\nsecret", ":3\nsecret"), expected);
    let home = Home::new().with_key("AKIAENVEXAMPLE", SECRET);
    let list = home.keyfob(["configure", "list"]).ok();
    assert_has(
        &list,
        &["env              : AWS_ACCESS_KEY_ID", "<not set>"],
    );
    let instance = Home::new().keyfob(["--sandbox", "configure", "list"]).ok();
    assert_has(
        &instance,
        &[
            "iam-role         : role \"app\"",
            "region     : us-east-1                : imds ",
        ],
    );
    let nothing = Home::new().keyfob(["configure", "list"]).ok();
    assert_has(
        &nothing,
        &["access_key : <not set>                : None             : None"],
    );
}

#[cfg(unix)]
#[test]
fn list_says_what_is_wrong_with_the_files_and_how_to_mend_it() {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    let home = Home::new().with_file(
        "credentials",
        &format!("[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = {SECRET}\n"),
    );
    let file = home.file("credentials");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let mut with_other_key = home.program(env!("CARGO_BIN_EXE_keyfob"));
    with_other_key
        .args(["configure", "list"])
        .env("AWS_ACCESS_KEY_ID", "AKIAENV")
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    for run in [
        home.keyfob(["configure", "list"]),
        // The file counts even if the key in use comes from elsewhere.
        Run::new(with_other_key.output().unwrap()),
    ] {
        let pieces = ["other users can read this file", "  cure:  chmod 600 "];
        assert_has(&run.stderr, &pieces);
    }
    let stderr = home.keyfob(["configure", "list"]).stderr;
    let (_, cure) = stderr.split_once("cure:  ").unwrap();
    let cure = cure.lines().next().unwrap();
    assert!(
        home.program("sh")
            .args(["-c", cure])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(home.keyfob(["configure", "list"]).stderr, "");
}

/// `keyfob configure set region $REGION` in a script, where the variable is not set.
#[test]
fn set_without_a_value_on_standard_input_changes_nothing() {
    let text = "[default]\nregion = eu-west-1\n";
    let home = Home::new().with_file("config", text);
    for input in ["", "\n", "\r\n", "   \n", "\u{feff}", "\u{a0}\n"] {
        let run = home.keyfob_with_input(["configure", "set", "region"], input);
        assert_has(&run.fails(252), &["VALUE"]);
        assert_eq!(home.read("config"), text);
    }
    let new = Home::new();
    new.keyfob(["configure", "set", "region"]).fails(252);
    assert!(!new.file("config").exists());
    home.keyfob(["configure", "set", "region", ""]).ok();
    assert_eq!(home.read("config"), "[default]\nregion = \n");
}

#[test]
fn a_value_in_the_place_of_the_name_is_not_repeated() {
    for name in [
        "canary+TOKEN==",
        "canary SECRET",
        "profile.canary[SECRET.region",
    ] {
        let run = Home::new().keyfob(["configure", "set", name, "aws_session_token"]);
        assert_eq!(run.code, 252, "{run:?}");
        assert_lacks(&run.stderr, &["canary"]);
    }
}

#[cfg(unix)]
#[test]
fn files_and_standard_input_without_an_end_are_refused() {
    let home = Home::new()
        .with_key("AKIAEXAMPLE", SECRET)
        .with("AWS_REGION", "eu-west-1");
    let role = "arn:aws:iam::123456789012:role/r";
    for (words, flag) in [
        (
            &["serve", "imds", "--metadata", "/dev/zero"][..],
            "--metadata",
        ),
        (
            &[
                "sts",
                "assume-role",
                "--role-arn",
                role,
                "--role-session-name",
                "session",
                "--policy",
                "file:///dev/zero",
            ],
            "--policy",
        ),
    ] {
        let run = home.keyfob(words);
        assert_eq!(run.code, 252, "{run:?}");
        assert_has(&run.stderr, &[flag, "larger than 16 MiB"]);
    }
}

#[test]
fn a_name_with_a_profile_is_written_where_it_is_read() {
    let home = Home::new().with_file("config", "[profile dev]\nregion = eu-west-1\n[default]\n");
    for (name, value) in [
        ("dev.region", "sa-east-1"),
        ("profile.dev.output", "text"),
        ("default.region", "us-west-2"),
        ("dev.s3.addressing_style", "path"),
        ("s3.addressing_style", "virtual"),
    ] {
        home.keyfob(["configure", "set", name, value]).ok();
        let read = home.keyfob(["configure", "get", name]).ok();
        assert_eq!(read, format!("{value}\n"));
    }
    let dev = |name| home.keyfob(["configure", "get", name, "--profile", "dev"]);
    assert_eq!(dev("region").ok(), "sa-east-1\n");
    assert_eq!(dev("s3.addressing_style").ok(), "path\n");
}

#[test]
fn a_profile_with_a_dot_in_its_name_is_not_taken_for_a_block() {
    let text = "[profile foo]\n[profile foo.write]\nrole_arn = x\n";
    let home = Home::new().with_file("config", text);
    let set = ["configure", "set", "profile.foo.write.role_arn", "y"];
    assert_has(&home.keyfob(set).fails(252), &["--profile foo.write"]);
    assert_eq!(home.read("config"), text);
}

#[test]
fn a_key_with_a_dot_in_its_name_is_read_as_it_stands() {
    let config = "[default]\nadfs_config.adfs_user = me\n";
    let home = Home::new().with_file("config", config);
    let get = home.keyfob(["configure", "get", "adfs_config.adfs_user"]);
    assert_eq!(get.ok(), "me\n");
}

#[test]
fn an_empty_setting_is_an_empty_line_and_a_block_is_not_a_value() {
    let config = "[default]\ncli_pager =\ns3 =\n  addressing_style = path\n";
    let home = Home::new().with_file("config", config);
    assert_eq!(home.keyfob(["configure", "get", "cli_pager"]).ok(), "\n");
    let stderr = home.keyfob(["configure", "get", "s3"]).fails(1);
    assert_eq!(
        stderr,
        "varname (s3) must reference a value, not a section or sub-section.\n"
    );
}

#[test]
fn the_name_of_a_profile_is_checked_before_the_questions() {
    let words = ["configure", "--profile", "a]b"];
    let run = on_terminal::<&str>(&Home::new(), &words, &[]);
    assert_eq!(run["code"], 252, "{run}");
    assert_lacks(run["shown"].as_str().unwrap(), &["AWS Access Key ID"]);
}

#[test]
fn list_shows_profile_and_region_of_a_profile_whose_source_fails() {
    let config = "[profile dev]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r\n[sso-session corp]\nsso_start_url = https://d-1.awsapps.com/start\nsso_region = eu-west-1\n";
    let home = Home::new().with_file("config", config);
    let run = home.keyfob(["configure", "list", "--profile", "dev"]);
    assert_has(&run.stderr, &["warning: no key can be shown: "]);
    let list = run.ok();
    assert_has(
        &list,
        &[
            "profile    : dev ",
            "region     : eu-west-1 ",
            "access_key : <not set> ",
        ],
    );
}

#[test]
fn secrets_are_read_from_a_terminal_that_is_not_the_controlling_one() {
    let home = Home::new().with("NO_CONTROLLING_TERMINAL", "1");
    let run = on_terminal(
        &home,
        &["configure"],
        &[
            ("AWS Access Key ID", "AKIAROBOTEXAMPLE0000\n"),
            ("AWS Secret Access Key", &format!("{SECRET}\n")),
            ("Default region name", "\n"),
            ("Default output format", "\n"),
        ],
    );
    assert_eq!(run["code"], 0, "{run}");
    assert_lacks(run["shown"].as_str().unwrap(), &["canary"]);
    assert_has(&home.read("credentials"), &[SECRET]);
}

#[test]
fn the_list_is_printed_whatever_is_wrong_and_the_error_comes_after_it() {
    let key = ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
    let secret = ("AWS_SECRET_ACCESS_KEY", SECRET);
    let expiry = ("AWS_CREDENTIAL_EXPIRATION", "foo");
    let region = ("AWS_REGION", "\"eu\"");
    let service = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "foo");
    let on = ("AWS_EC2_METADATA_DISABLED", "");
    let bad_key = ("AWS_ACCESS_KEY_ID", "a b");
    let profile = ("AWS_PROFILE", "nope");
    for (variables, file, code, error) in [
        (&[key, secret, profile][..], "", 255, "ProfileNotFound"),
        (&[key], "", 253, "PartialCredentials"),
        (&[bad_key, secret], "", 253, "InvalidCredentials"),
        (&[key, secret, expiry], "", 253, "Configuration"),
        (&[key, secret, region], "", 253, "Configuration"),
        (&[], "[default\n", 253, "ConfigParseError"),
        (&[service, on], "", 253, "Configuration"),
    ] {
        let home = Home::new().with_file("config", file);
        let home = variables
            .iter()
            .fold(home, |home, (name, value)| home.with(name, value));
        let list = home.keyfob(["configure", "list"]);
        assert_eq!(list.code, code, "{list:?}");
        assert_has(&list.stderr, &[&format!("An error occurred ({error})")]);
        for name in ["NAME ", "profile ", "access_key ", "secret_key ", "region "] {
            assert_has(&list.stdout, &[name]);
        }
        assert_has(&list.stdout, &["<not set>"]);
        let json = home.keyfob(["configure", "list", "--json"]);
        assert_eq!((json.code, &json.stderr), (code, &list.stderr));
        let json: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(json.as_object().unwrap().len(), 4, "{json}");
    }
}

#[test]
fn a_file_in_utf_16_is_named_by_the_error_of_an_edit() {
    let home = Home::new().with_file("config", "");
    let bytes = b"\xff\xfe[\0d\0]\0";
    std::fs::write(home.file("config"), bytes).unwrap();
    let set = home.keyfob(["configure", "set", "region", "eu-west-1"]);
    assert_has(&set.fails(253), &["~/.aws/config: the file is UTF-16"]);
    assert_eq!(std::fs::read(home.file("config")).unwrap(), bytes);
}

#[test]
fn list_says_why_the_source_of_a_role_has_no_key() {
    let config = "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\n\
                  credential_source = EcsContainer\nregion = eu-west-1\n";
    let home = Home::new().with_file("config", config);
    let list = home.keyfob(["configure", "list", "--profile", "p"]);
    assert_has(
        &list.stderr,
        &[
            "warning: no key can be shown: ",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set",
        ],
    );
    assert_eq!(list.code, 0);
    let json = home.keyfob(["configure", "list", "--profile", "p", "--json"]);
    assert_eq!(
        json.json(),
        serde_json::json!({
            "profile": {"value": "p", "type": "manual", "location": "--profile"},
            "access_key": null,
            "secret_key": null,
            "region": {
                "value": "eu-west-1",
                "type": "config-file",
                "location": format!("{}:4", home.file("config").display()),
            },
        })
    );
}

#[test]
fn a_new_access_key_id_beside_the_session_token_of_another_key_is_warned_about() {
    let keys = "[ci]\naws_access_key_id = ASIAOLDEXAMPLE00\naws_secret_access_key = x\n\
                aws_session_token = canary\n";
    let home = Home::new().with_file("credentials", keys);
    let set = |id| {
        home.keyfob([
            "configure",
            "set",
            "aws_access_key_id",
            id,
            "--profile",
            "ci",
        ])
    };
    assert_lacks(&set("ASIAOLDEXAMPLE00").stderr, &["aws_session_token"]);
    let run = set("AKIANEWEXAMPLE00");
    let cure = "cure:  keyfob configure set aws_session_token '' --profile ci";
    assert_has(
        &run.stderr,
        &["warning: ", "credentials:4: aws_session_token stays", cure],
    );
    assert_lacks(&run.stderr, &["canary"]);
    run.ok();
    let words = ["configure", "set", "aws_session_token", "", "--profile=ci"];
    home.keyfob(words).ok();
    assert_lacks(&set("AKIAOTHEREXAMPLE").stderr, &["aws_session_token"]);
}

#[test]
fn a_value_in_quotes_is_warned_about_by_set_and_asked_for_again_by_a_prompt() {
    let home = Home::new();
    for name in ["aws_secret_access_key", "region", "s3.addressing_style"] {
        let run = home.keyfob(["configure", "set", name, "\"canary\""]);
        assert_has(&run.stderr, &["warning: the value has quotes"]);
        assert_lacks(&run.stderr, &["canary"]);
        run.ok();
    }
    let command = ["configure", "set", "credential_process", "\"/a b/c\""];
    assert_eq!(home.keyfob(command).stderr, "");
    let home = Home::new();
    let run = on_terminal(
        &home,
        &["configure"],
        &[
            ("AWS Access Key ID", "\"AKIAROBOTEXAMPLE0000\"\n"),
            ("[None]: ", "AKIAROBOTEXAMPLE0000\n"),
            ("AWS Secret Access Key", "'secret'\n"),
            ("[None]: ", &format!("{SECRET}\n")),
            ("Default region name", "\"eu-west-1\"\n"),
            ("[None]: ", "eu-west-1\n"),
            ("Default output format", "\n"),
        ],
    );
    assert_eq!(run["code"], 0, "{run}");
    assert_eq!(
        run["shown"].as_str().unwrap().matches("has quotes").count(),
        3,
        "{run}"
    );
    assert_lacks(&home.read("credentials"), &["\"", "'"]);
    assert_eq!(home.read("config"), "[default]\nregion = eu-west-1\n");
}

#[test]
fn a_block_is_not_replaced_by_a_value() {
    let text = "[default]\ns3 =\n  max_concurrent_requests = 5\n";
    let home = Home::new().with_file("config", text);
    for value in ["canary", ""] {
        let stderr = home.keyfob(["configure", "set", "s3", value]).fails(252);
        assert_has(&stderr, &["s3 of ", "settings below it"]);
        assert_lacks(&stderr, &["canary"]);
        assert_eq!(home.read("config"), text);
    }
}

#[test]
fn a_name_in_capital_letters_is_read_where_it_is_written() {
    let home = Home::new();
    for (name, value) in [
        ("Q.region", "a"),
        ("S3.Max_x", "5"),
        ("Region", "eu-west-1"),
    ] {
        home.keyfob(["configure", "set", name, value]).ok();
        let get = home.keyfob(["configure", "get", name]);
        assert_eq!(get.ok(), format!("{value}\n"));
    }
    assert_eq!(
        home.keyfob(["configure", "get", "region"]).ok(),
        "eu-west-1\n"
    );
}

#[test]
fn set_on_a_terminal_shows_a_region_and_hides_a_secret_and_what_is_set() {
    let home = Home::new();
    let on_set = |name: &str, prompt: &str, answer: &str| {
        let run = on_terminal(&home, &["configure", "set", name], &[(prompt, answer)]);
        assert_eq!(run["code"], 0, "{run}");
        run["shown"].as_str().unwrap().to_owned()
    };
    assert_has(&on_set("region", "[None]: ", "eu-west-1\n"), &["eu-west-1"]);
    on_set("region", "[eu-west-1]: ", "eu-north-1\n");
    let name = "aws_secret_access_key";
    let shown = on_set(name, "[None]: ", &format!("{SECRET}\n"));
    assert_lacks(&shown, &[SECRET]);
    on_set(name, "[****************/key]: ", "other\n");
    assert_lacks(&on_set("my_setting", "[None]: ", "canary\n"), &["canary"]);
    on_set("my_setting", "[****************]: ", "canary\n");
}
