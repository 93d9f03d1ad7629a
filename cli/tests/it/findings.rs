//! Each kind of finding has a cure that a test runs, or a reason why it has none.

use keyfob_chain::FindingKind as Kind;
use serde_json::Value;

use crate::{
    cures::KEY,
    keyfob::{Home, Run},
};

/// What ends a finding.
enum Cure {
    /// The cure of `why` or `doctor --offline`, in this home.
    Of(&'static str, Home),
    /// The cure that the test of this name runs.
    In(&'static str),
    /// Nothing that a command can do.
    None(&'static str),
}

/// The files with these tests.
const TESTS: [&str; 3] = [
    include_str!("cures.rs"),
    include_str!("doctor.rs"),
    include_str!("others.rs"),
];

const OF_MASKS: &str = "cures_of_masks_names_and_files_end_their_finding";
const OF_SETTINGS: &str = "a_ca_bundle_and_a_proxy_that_cannot_be_used_are_problems_with_a_cure";

fn home() -> Home {
    Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
}

fn with_key() -> Home {
    home().with("AWS_SECRET_ACCESS_KEY", "secret")
}

fn credentials(text: &str) -> Home {
    home().with_file("credentials", &format!("[default]\n{KEY}{text}"))
}

fn config(text: &str) -> Home {
    home().with_file("config", &format!("[default]\n{text}"))
}

/// Returns what a process prints for a key that begins so, with more members.
fn document(start: &str, more: &str) -> String {
    format!(
        r#"{{"Version": 1, "AccessKeyId": "{start}IOSFODNN7EXAMPLE", "SecretAccessKey": "s"{more}}}"#
    )
}

/// Returns a home whose process prints the key of this start with a token, and that has a document
/// of a whole key besides.
fn process(start: &str) -> Home {
    let token = r#", "SessionToken": "token""#;
    let home = config("")
        .with_file("wrong.json", &document(start, token))
        .with_file("right.json", &document("AKIA", ""));
    let file = home.file("wrong.json");
    let text = format!(
        "[default]\ncredential_process = /bin/cat {}\n",
        file.display()
    );
    home.with_file("config", &text)
}

fn cures() -> Vec<(Kind, Cure)> {
    let why = |home| Cure::Of("why", home);
    // A script of `sed` is the editor.
    let edited =
        |home: Home, script: &str| why(home.with("EDITOR", &format!("sed -i.old {script}")));
    let role = format!(
        "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = b\n[profile b]\n{KEY}"
    );
    vec![
        (
            Kind::Masked,
            Cure::In("every_cure_uses_the_provider_that_it_names"),
        ),
        (Kind::MaskedProperty, Cure::In(OF_MASKS)),
        (Kind::MaskedRegion, Cure::In(OF_MASKS)),
        (
            Kind::File,
            edited(
                home().with_file("config", "[ default ]\noutput = json\n"),
                "s/[[:blank:]]//g",
            ),
        ),
        (
            Kind::FilePath,
            why(home().with("AWS_CONFIG_FILE", "/nowhere/config")),
        ),
        (
            Kind::FileMode,
            Cure::In("the_cure_of_a_file_with_any_name_makes_it_private"),
        ),
        (
            Kind::Quotes,
            why(with_key().with("AWS_ACCESS_KEY_ID", "\"AKIAIOSFODNN7EXAMPLE\"")),
        ),
        (
            Kind::Quotes,
            why(with_key().with("AWS_ACCESS_KEY_ID", "'AKIAIOSFODNN7EXAMPLE'")),
        ),
        (Kind::LongLivedKey, Cure::In(OF_MASKS)),
        (Kind::UnneededToken, Cure::In(OF_MASKS)),
        (
            Kind::MissingToken,
            why(with_key().with("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")),
        ),
        (
            Kind::MissingToken,
            edited(
                home().with_file(
                    "credentials",
                    &format!("[default]\n{}", KEY.replace("AKIA", "ASIA")),
                ),
                "s/ASIA/AKIA/",
            ),
        ),
        (
            Kind::UnneededToken,
            edited(process("AKIA"), "s/wrong.json/right.json/"),
        ),
        (
            Kind::MissingToken,
            edited(
                process("ASIA").with_file("wrong.json", &document("ASIA", "")),
                "s/wrong.json/right.json/",
            ),
        ),
        (Kind::SplitKey, Cure::In(OF_MASKS)),
        (
            Kind::Expiry,
            why(credentials(
                "x_security_token_expires = 2020-01-01T00:00:00Z\n",
            )),
        ),
        (Kind::OldVariable, Cure::In(OF_MASKS)),
        (
            Kind::OldVariable,
            why(with_key()
                .with("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")
                .with("AWS_SESSION_TOKEN", "new")
                .with("AWS_SECURITY_TOKEN", "old")),
        ),
        (
            Kind::OldVariable,
            why(credentials(
                "aws_session_token = new\naws_security_token = old\n",
            )),
        ),
        (
            Kind::KeyId,
            why(with_key().with("AWS_ACCESS_KEY_ID", "akiaiosfodnn7example")),
        ),
        (
            Kind::KeyId,
            edited(
                home().with_file(
                    "credentials",
                    &format!("[default]\n{}", KEY.replace("AKIA", "akia")),
                ),
                "s/akia/AKIA/",
            ),
        ),
        (
            Kind::Whitespace,
            why(with_key().with("AWS_ACCESS_KEY_ID", " AKIAIOSFODNN7EXAMPLE\n")),
        ),
        (
            Kind::Whitespace,
            why(home()
                .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
                .with("AWS_SECRET_ACCESS_KEY", "secret\r")),
        ),
        (Kind::ProfileName, Cure::In(OF_MASKS)),
        (Kind::ProfileName, why(home().with("AWS_PROFILE", " "))),
        (
            Kind::UnknownRegion,
            why(home().with("AWS_REGION", "eu-west1")),
        ),
        (
            Kind::DefaultRegion,
            Cure::In("a_region_that_nothing_sets_is_a_warning"),
        ),
        (Kind::Flag, why(home().with("AWS_USE_FIPS_ENDPOINT", "yes"))),
        (Kind::Flag, why(config("use_dualstack_endpoint = yes\n"))),
        (
            Kind::UnknownProperty,
            edited(config("regon = eu-west-1\n"), "s/regon/region/"),
        ),
        (
            Kind::UnusedSetting,
            why(home().with("AWS_STS_REGIONAL_ENDPOINTS", "legacy")),
        ),
        (
            Kind::UnusedSetting,
            why(config("sts_regional_endpoints = legacy\n")),
        ),
        (
            Kind::UnusedSetting,
            why(config(&format!(
                "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = b\n[profile b]\n\
                 mfa_serial = arn:aws:iam::123456789012:mfa/ada\n{KEY}"
            ))),
        ),
        (
            Kind::Partition,
            edited(config(&role.replace("aws:", "aws-cn:")), "s/aws-cn/aws/"),
        ),
        (
            Kind::RoleArn,
            edited(config(&role.replace("arn:", "")), "s/aws:/arn:aws:/"),
        ),
        (Kind::Setting, Cure::In(OF_SETTINGS)),
        (
            Kind::Endpoint,
            Cure::In("every_endpoint_override_is_listed_and_the_cure_switches_it_off"),
        ),
        (
            Kind::ClearText,
            Cure::Of(
                "doctor --offline",
                home().with("AWS_ENDPOINT_URL", "http://sts.corp.example:9000"),
            ),
        ),
        (
            Kind::OtherSdk,
            Cure::In("other_sdks_are_named_with_a_cure_after_which_they_use_the_same"),
        ),
        (
            Kind::Clock,
            Cure::In(
                "a_clock_that_is_wrong_is_a_problem_and_its_cure_sets_the_date_of_the_service",
            ),
        ),
        (
            Kind::Service,
            Cure::In("a_service_that_cannot_be_reached_is_a_problem_within_two_seconds"),
        ),
        (
            Kind::Instance,
            Cure::In("an_instance_that_does_not_answer_is_a_warning_with_a_cure"),
        ),
        (
            Kind::Container,
            Cure::In("the_agent_of_a_container_is_asked"),
        ),
        (Kind::Proxy, Cure::In(OF_SETTINGS)),
        (Kind::CaBundle, Cure::In(OF_SETTINGS)),
        (
            Kind::Cache,
            Cure::None("it tells why the system does not write the file"),
        ),
        (Kind::Waiting, Cure::None("it ends by itself")),
        (Kind::Other, Cure::In("a_file_that_cannot_be_used_is_named")),
    ]
}

/// Returns the findings, or the lines of `doctor`, of a kind.
fn having(run: &Run, kind: &Value) -> Vec<Value> {
    let data: Result<Value, _> = serde_json::from_str(&run.stdout);
    assert!(data.is_ok(), "{run:?}");
    let data = data.unwrap();
    let all = data["findings"].as_array().or(data["checks"].as_array());
    let all = all.unwrap().iter();
    all.filter(|finding| finding["kind"] == *kind)
        .cloned()
        .collect()
}

#[test]
fn every_kind_of_finding_has_a_cure_that_a_test_runs_or_a_reason() {
    let cures = cures();
    for kind in Kind::ALL {
        assert!(
            cures.iter().any(|(known, _)| known == kind),
            "{kind:?} is new"
        );
    }
    for (kind, cure) in cures {
        let (words, home) = match cure {
            Cure::Of(words, home) => (words, home),
            Cure::In(test) => {
                let head = format!("fn {test}()");
                assert!(
                    TESTS.iter().any(|tests| tests.contains(&head)),
                    "there is no {test}"
                );
                continue;
            }
            Cure::None(reason) => {
                assert!(!reason.is_empty(), "{kind:?}");
                continue;
            }
        };
        let keyfob = env!("CARGO_BIN_EXE_keyfob");
        let shell = |line: &str| {
            let mut shell = home.program("sh");
            Run::new(shell.args(["-c", line]).output().unwrap())
        };
        let look = format!("{keyfob} {words} --json");
        let name = serde_json::to_value(kind).unwrap();
        let before = having(&shell(&look), &name);
        assert_eq!(before.len(), 1, "{kind:?}: {before:#?}");
        assert!(before[0]["cure"].is_string(), "{kind:?}: {before:#?}");
        let cure = before[0]["cure"].as_str().unwrap();
        let after = match cure.strip_prefix("keyfob ") {
            Some(rest) => {
                shell(&format!("{keyfob} {rest}")).ok();
                shell(&look)
            }
            None if cure.contains("COMMAND") => shell(&cure.replace("COMMAND", &look)),
            None => {
                shell(cure).ok();
                shell(&look)
            }
        };
        let left = having(&after, &name);
        assert!(left.is_empty(), "{kind:?}: {cure}\n{left:#?}");
    }
}
