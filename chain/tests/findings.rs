//! What the explanation says beyond which provider wins: masks inside a profile, expiries, quotes,
//! names, and regions.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{fs, path::Path};

use keyfob_chain::{
    Chain, ErrorKind, Explanation, Finding, FindingKind, Order, ProfileProvider, Provider as _,
    Settings, Severity, TextPart, TextStyle, Variables,
    profiles::{ConfigFiles, FileKind},
};
use keyfob_sigv4::Timestamp;

fn now() -> Timestamp {
    "2026-11-27T00:00:00Z".parse().unwrap()
}

fn settings(variables: &[(&str, &str)], config: &str, credentials: &str) -> Settings {
    let variables: Variables = variables.iter().copied().collect();
    let files = [
        (FileKind::Config, "config", config.as_bytes()),
        (FileKind::Credentials, "credentials", credentials.as_bytes()),
    ];
    let variables = variables.with("AWS_EC2_METADATA_DISABLED", "true");
    Settings::new(variables, ConfigFiles::parse(files))
}

async fn explain(settings: &Settings) -> Explanation {
    let chain = Chain::default_for(Order::Cli, settings);
    chain.explain(now()).await.explanation
}

/// Returns the lines of the findings of that kind.
fn lines(explanation: &Explanation, kind: FindingKind) -> Vec<String> {
    let findings = explanation.findings.iter();
    findings
        .filter(|finding| finding.kind == kind)
        .map(|finding| finding.line(None))
        .collect()
}

const DEVICE: &str = "arn:aws:iam::123456789012:mfa/ada";

const SESSION: &str = "[foo]
aws_access_key_id = ASIAIOSFODNN7EXAMPLE
aws_secret_access_key = secret
aws_session_token = token
";

#[tokio::test]
async fn both_places_of_a_mask_are_below_the_home_folder() {
    let config = "[profile foo]\ncredential_process = /bin/keys\n";
    let files = [
        (FileKind::Config, "/home/ada/.aws/config", config.as_bytes()),
        (
            FileKind::Credentials,
            "/home/ada/.aws/credentials",
            SESSION.as_bytes(),
        ),
    ];
    let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
    let settings = Settings::new(variables, ConfigFiles::parse(files)).with_profile("foo");
    let explanation = explain(&settings).await;
    let mut findings = explanation.findings.iter();
    let mask = findings.find(|finding| finding.kind == FindingKind::MaskedProperty);
    assert_eq!(
        mask.unwrap()
            .line(Some(Path::new("/home/ada")))
            .replace('\\', "/"),
        "~/.aws/config:2: credential_process is masked by aws_access_key_id \
         (~/.aws/credentials:2) of the same profile"
    );
}

#[tokio::test]
async fn what_a_key_masks_in_its_own_profile_is_shown() {
    let config = "[profile foo]\ncredential_process = /bin/keys\n";
    let settings = settings(&[], config, SESSION).with_profile("foo");
    assert_eq!(
        lines(&explain(&settings).await, FindingKind::MaskedProperty),
        [
            "config:2: credential_process is masked by aws_access_key_id (credentials:2) of the \
             same profile"
        ]
    );
}

#[tokio::test]
async fn an_mfa_device_of_the_source_of_a_role_is_not_inherited() {
    let of_role = |device: &str| {
        let config = format!(
            "[profile company]\nmfa_serial = {DEVICE}\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
             aws_secret_access_key = secret\n[profile build]\nsource_profile = company\n\
             role_arn = arn:aws:iam::123456789012:role/build\n{device}"
        );
        settings(
            &[("AWS_ENDPOINT_URL_STS", "http://localhost:1")],
            &config,
            "",
        )
        .with_profile("build")
    };
    let lines = |settings| {
        let findings = ProfileProvider::new(settings).findings(now());
        let unused = |finding: &Finding| finding.kind == FindingKind::UnusedSetting;
        let findings = findings.iter().filter(|finding| unused(finding));
        findings
            .map(|finding| finding.line(None))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        lines(of_role("")),
        [
            "config:2: mfa_serial is not used in a profile without a role: if the role of profile \
             \"build\" needs a code, add it there"
        ]
    );
    assert!(lines(of_role(&format!("mfa_serial = {DEVICE}\n"))).is_empty());
}

#[test]
fn a_flag_that_is_neither_true_nor_false_is_said_to_be_off() {
    for (value, is_warned) in [
        ("1", true),
        ("yes", true),
        ("TRUE", false),
        ("false", false),
    ] {
        let settings = settings(&[("AWS_USE_FIPS_ENDPOINT", value)], "", "");
        let findings = settings.findings(None);
        let mut flags = findings
            .iter()
            .filter(|finding| finding.kind == FindingKind::Flag);
        let text = flags.next().map(|finding| finding.text.as_str());
        let warning =
            "AWS_USE_FIPS_ENDPOINT is neither true nor false, so it is off: write true or false";
        assert_eq!(text, is_warned.then_some(warning), "{value}");
    }
}

#[test]
fn an_old_region_name_for_fips_is_refused_with_what_to_set() {
    for name in ["fips-us-east-1", "us-east-1-fips"] {
        let settings = settings(&[("AWS_REGION", name)], "", "");
        let error = settings.region(None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        let cure = "set the region us-east-1 and AWS_USE_FIPS_ENDPOINT=true";
        assert!(error.to_string().ends_with(cure), "{error}");
    }
}

#[tokio::test]
async fn what_the_sources_of_a_role_mask_is_shown() {
    let config = "[profile top]
role_arn = arn:aws:iam::123456789012:role/top
source_profile = middle
[profile middle]
role_arn = arn:aws:iam::123456789012:role/middle
source_profile = base
sso_account_id = 1
[profile base]
role_arn = arn:aws:iam::123456789012:role/unused
source_profile = top
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = secret
";
    let settings = settings(&[], config, "").with_profile("top");
    assert_eq!(
        lines(&explain(&settings).await, FindingKind::MaskedProperty),
        [
            "config:7: sso_account_id is masked by role_arn (config:5) of the same profile",
            // The key of a source comes before its role, as in aws and the SDKs.
            "config:9: role_arn is masked by aws_access_key_id (config:11) of the same profile",
        ]
    );
}

#[tokio::test]
async fn a_role_and_sso_mask_the_keys_of_their_profile() {
    let role = "role_arn = arn:aws:iam::123456789012:role/r\n";
    for (config, masks) in [
        (
            format!("[profile foo]\n{role}source_profile = other\n"),
            &["credentials:2: aws_access_key_id is masked by role_arn (config:2)"][..],
        ),
        (
            "[profile foo]\nsso_account_id = 1\n".to_owned(),
            &["credentials:2: aws_access_key_id is masked by sso_account_id (config:2)"],
        ),
        (
            format!(
                "[profile foo]\n{role}web_identity_token_file = /t\nsso_account_id = 1\n\
                 source_profile = other\n"
            ),
            &[
                "config:5: source_profile is masked by web_identity_token_file (config:3)",
                "config:4: sso_account_id is masked by web_identity_token_file (config:3)",
                "credentials:2: aws_access_key_id is masked by web_identity_token_file (config:3)",
            ],
        ),
        // Its own key is the source of the role.
        (format!("[profile foo]\n{role}source_profile = foo\n"), &[]),
    ] {
        let settings = settings(&[], &config, SESSION).with_profile("foo");
        let found = lines(&explain(&settings).await, FindingKind::MaskedProperty);
        assert_eq!(found.len(), masks.len(), "{found:?}");
        for (line, mask) in found.iter().zip(masks) {
            assert!(line.starts_with(mask), "{line}");
        }
    }
}

#[tokio::test]
async fn a_session_without_an_expiry_is_never_called_one_without_end() {
    let explanation = explain(&settings(&[], "", SESSION).with_profile("foo")).await;
    let text = explanation.text(now(), None);
    assert!(
        text.contains("(key ASIAIOSFODNN7EXAMPLE, end unknown)"),
        "{text}"
    );
    assert!(!text.contains("no expiry"), "{text}");
}

#[tokio::test]
async fn the_expiry_that_another_tool_wrote_is_a_warning_and_no_rule() {
    for (name, value, severity) in [
        (
            "x_security_token_expires",
            "2022-09-06T17:09:28+10:00",
            Severity::Warning,
        ),
        ("expiration", "2022-09-06 07:09:28", Severity::Warning),
        (
            "aws_session_expiration",
            "2022-09-06T07:09:28+0000",
            Severity::Warning,
        ),
        (
            "aws_expiration",
            "2022-09-06T07:09:28.000Z",
            Severity::Warning,
        ),
        (
            "aws_credential_expiration",
            "2126-01-01T00:00:00Z",
            Severity::Note,
        ),
    ] {
        let file = format!("{SESSION}{name} = {value}\n");
        let settings = settings(&[], "", &file).with_profile("foo");
        let explanation = explain(&settings).await;
        assert!(explanation.winner().is_some());
        let finding = explanation
            .findings
            .iter()
            .find(|finding| finding.kind == FindingKind::Expiry)
            .unwrap();
        assert_eq!(finding.severity, severity, "{name}");
        assert!(
            finding.line(None).starts_with("credentials:5: "),
            "{finding:?}"
        );
        assert!(finding.text.contains(name), "{finding:?}");
    }
}

#[tokio::test]
async fn a_token_of_one_file_and_a_key_of_another_are_told() {
    let config = "[default]\naws_session_token = old\n";
    let key = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = b\n";
    let explanation = explain(&settings(&[], config, key)).await;
    assert_eq!(
        lines(&explanation, FindingKind::SplitKey),
        [
            "config:2: the session token is not used, because the key is in another file \
             (credentials:2): put both in one, or remove the token"
        ]
    );
}

#[tokio::test]
async fn a_long_term_key_needs_no_token_and_a_session_needs_one() {
    for (key, token, kind) in [
        (
            "AKIAIOSFODNN7EXAMPLE",
            Some("left-over"),
            Some(FindingKind::UnneededToken),
        ),
        (
            "ASIAIOSFODNN7EXAMPLE",
            None,
            Some(FindingKind::MissingToken),
        ),
        ("AKIAIOSFODNN7EXAMPLE", None, None),
        ("ASIAIOSFODNN7EXAMPLE", Some("token"), None),
    ] {
        let mut variables = vec![("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", "s")];
        variables.extend(token.map(|token| ("AWS_SESSION_TOKEN", token)));
        let mut file = format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = s\n");
        if let Some(token) = token {
            file.push_str(&format!("aws_session_token = {token}\n"));
        }
        for settings in [settings(&variables, "", ""), settings(&[], "", &file)] {
            let explanation = explain(&settings).await;
            let kinds: Vec<_> = explanation.warnings().map(|finding| finding.kind).collect();
            assert_eq!(kinds, Vec::from_iter(kind), "{key} {token:?}");
        }
    }
}

#[tokio::test]
async fn quotes_in_keys_are_used_and_warned_about() {
    let file = "[default]\naws_access_key_id = \"AKIA\"\naws_secret_access_key = 'b'\n";
    let config = "[default]\ncredential_process = \"/opt/my keys\"\n";
    let explanation = explain(&settings(&[], config, file)).await;
    assert!(explanation.winner().is_some());
    let quotes = lines(&explanation, FindingKind::Quotes);
    assert_eq!(quotes.len(), 2, "{quotes:?}");
    assert!(quotes[0].starts_with("credentials:2: the value has quotes"));
    let variables = [
        ("AWS_ACCESS_KEY_ID", "\"AKIA\""),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let quotes = lines(
        &explain(&settings(&variables, "", "")).await,
        FindingKind::Quotes,
    );
    assert_eq!(
        quotes,
        ["AWS_ACCESS_KEY_ID has quotes, which are part of it: remove them"]
    );
}

#[tokio::test]
async fn the_names_of_older_sdks_are_named() {
    let variables = [("AWS_ACCESS_KEY", "AKIA"), ("AWS_SECRET_KEY", "canary")];
    let explanation = explain(&settings(&variables, "", "")).await;
    let reason = explanation.attempts[0].reason.clone().unwrap();
    assert_eq!(
        reason,
        "AWS_ACCESS_KEY_ID is not set (AWS_ACCESS_KEY is an old name, which does not count)"
    );
    let text = explanation.text(now(), None);
    assert!(
        text.contains("cure:  AWS_ACCESS_KEY_ID=\"$AWS_ACCESS_KEY\""),
        "{text}"
    );
    assert!(!text.contains("canary"));
}

#[test]
fn what_names_the_profile_is_part_of_the_error() {
    let key = "[prod]\naws_access_key_id = AKIA\n";
    for (value, end) in [
        ("prdo", "(named by AWS_PROFILE)"),
        (
            "\"prod\"",
            "(named by AWS_PROFILE, whose quotes are part of the name: remove them)",
        ),
    ] {
        let settings = settings(&[("AWS_PROFILE", value)], "", key);
        let error = settings.profile().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProfileNotFound);
        assert!(error.to_string().ends_with(end), "{error}");
    }
    let settings = settings(&[("AWS_PROFILE", "prod ")], "", key);
    assert!(settings.profile().is_ok());
    let findings = settings.findings(None);
    assert_eq!(findings[0].kind, FindingKind::ProfileName);
    assert_eq!(
        findings[0].text,
        "AWS_PROFILE begins or ends with whitespace: aws and boto3 do not find the profile"
    );
}

fn regions(settings: &Settings) -> Vec<Finding> {
    let region = settings.region(None).unwrap().unwrap();
    settings.findings(Some(&region))
}

#[test]
fn regions_that_are_masked_or_look_wrong_are_named() {
    let config = "[profile auw2d]\nregion = us-west-2\n";
    let both = settings(&[("AWS_DEFAULT_REGION", "us-east-1")], config, "").with_profile("auw2d");
    assert_eq!(
        regions(&both)[0].line(None),
        "config:2: region (us-west-2) is masked by AWS_DEFAULT_REGION"
    );
    for name in ["Ireland", "eu-west1", "us-east-1a", "EU-WEST-1"] {
        let found = regions(&settings(&[("AWS_REGION", name)], "", ""));
        assert_eq!(found[0].kind, FindingKind::UnknownRegion, "{name}");
    }
    assert!(regions(&settings(&[("AWS_REGION", "eu-west-1")], "", "")).is_empty());
}

#[test]
fn a_file_that_a_variable_names_is_shown_with_the_path_that_its_words_become() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    fs::write(folder.path().join("cfg"), "").unwrap();
    let paths = |variables: &[(&str, &str)]| {
        let variables: Variables = variables.iter().copied().collect();
        let settings = Settings::load(variables.with("HOME", home));
        let findings = settings.findings(None).into_iter();
        findings
            .filter(|finding| finding.kind == FindingKind::FilePath)
            .map(|finding| finding.text)
            .collect::<Vec<_>>()
    };
    let named = [
        ("AWS_CONFIG_FILE", "~/$NAME"),
        ("NAME", "cfg"),
        ("AWS_SHARED_CREDENTIALS_FILE", "${HOME}/none"),
    ];
    assert_eq!(
        paths(&named),
        [
            format!("AWS_CONFIG_FILE: the config file is {home}/cfg"),
            format!(
                "AWS_SHARED_CREDENTIALS_FILE: the credentials file is {home}/none, which does not \
                 exist"
            ),
        ]
    );
    assert_eq!(
        paths(&[("AWS_CONFIG_FILE", "")]),
        ["AWS_CONFIG_FILE is empty, so no config file is read"]
    );
    assert!(paths(&[]).is_empty());
}

#[test]
fn the_region_of_the_default_profile_is_not_inherited() {
    let config = "[default]\nregion = us-west-1\n[profile account1]\noutput = json\n";
    let named = settings(&[], config, "").with_profile("account1");
    let text = named.default_region_finding().text;
    assert!(
        text.ends_with("; the us-west-1 of [default] is not inherited by profile \"account1\""),
        "{text}"
    );
}

#[tokio::test]
async fn long_reasons_wrap_and_commands_do_not() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let key = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = b\n";
    let explanation = explain(&settings(&variables, "", key)).await;
    let paint = |part: TextPart, text: &str| match part {
        TextPart::Winner => format!("<{text}>"),
        _ => text.to_owned(),
    };
    let style = TextStyle::default().with_width(80).with_paint(&paint);
    let text = explanation.styled_text(now(), &style);
    let (commands, others): (Vec<_>, Vec<_>) =
        text.lines().partition(|line| line.contains("COMMAND"));
    assert_eq!(commands.len(), 1, "{text}");
    assert!(
        others[1].starts_with("<> 1 environment variables"),
        "{text}"
    );
    for line in &others[1..] {
        assert!(line.trim_matches(['<', '>']).len() <= 80, "{line}");
    }
}

#[tokio::test]
async fn a_masked_name_of_a_profile_has_its_whitespace_where_that_counts() {
    let variables = [("AWS_PROFILE", "dev "), ("AWS_DEFAULT_PROFILE", "gone")];
    let settings = settings(&variables, "[profile dev]\n[default]\n", "");
    let settings = settings.with_order(Order::Boto3);
    let findings = settings.findings(None);
    let mut masked = findings
        .iter()
        .filter(|finding| finding.text.contains("masked"));
    let found = masked.next().unwrap();
    assert_eq!(
        found.text,
        "AWS_PROFILE (\"dev \") is masked by AWS_DEFAULT_PROFILE"
    );
    assert_eq!(
        found.cure.as_deref(),
        Some("env -u AWS_DEFAULT_PROFILE -u AWS_PROFILE COMMAND")
    );
}
