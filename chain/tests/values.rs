//! What errors and findings say about values that cannot be used.
#![cfg(all(feature = "sts", feature = "imds"))]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use keyfob_chain::{
    Chain, Error, ErrorKind, Explanation, Finding, FindingKind, Order, Settings, Variables,
    profiles::{ConfigFiles, FileKind},
    settings::{MAX_ATTEMPTS, METADATA_SERVICE_TIMEOUT, OUTPUT},
};
use keyfob_sigv4::{Credentials, Timestamp};

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJDQU5BUlkifQ.c2lnbmF0dXJl";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEYX";
const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
const KEY: &str = "aws_access_key_id = AKIDKEY\naws_secret_access_key = s\n";

/// Settings that reach no service.
fn settings(variables: &[(&str, &str)], config: &str) -> Settings {
    let variables = Variables::from_iter(variables.iter().copied())
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    Settings::new(variables, files)
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000)
}

async fn resolve(settings: &Settings) -> (Result<Credentials, Error>, Explanation) {
    let resolution = Chain::default_for(Order::Cli, settings)
        .explain(now())
        .await;
    (resolution.credentials, resolution.explanation)
}

/// Returns an error with its causes.
async fn failure(settings: &Settings) -> (ErrorKind, String) {
    let error = resolve(settings).await.0.unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    (error.kind(), text)
}

#[tokio::test]
async fn a_token_in_the_place_of_its_path_is_not_repeated() {
    let with_file = format!("[default]\nrole_arn = {ROLE}\nweb_identity_token_file = {TOKEN}\n");
    let agent = (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://127.0.0.1:1/credentials",
    );
    let web_identity = "AWS_WEB_IDENTITY_TOKEN_FILE";
    for (settings, start) in [
        (
            settings(&[("AWS_ROLE_ARN", ROLE), (web_identity, TOKEN)], ""),
            "AWS_WEB_IDENTITY_TOKEN_FILE: cannot read the file that it names: ",
        ),
        (
            settings(&[], &with_file),
            "config:3: web_identity_token_file: cannot read the file that it names: ",
        ),
        (
            settings(
                &[agent, ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN)],
                "",
            ),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be used: cannot read the file that it \
             names: ",
        ),
    ] {
        let text = failure(&settings).await.1;
        assert!(text.starts_with(start) && !text.contains("eyJ"), "{text}");
        let explanation = resolve(&settings).await.1;
        let text = explanation.text(now(), None);
        assert!(
            !text.contains("eyJ") && !format!("{explanation:?}").contains("eyJ"),
            "{text}"
        );
    }
    let bundle = format!("[default]\nca_bundle = {SECRET}\n");
    for (settings, start) in [
        (
            settings(&[("AWS_CA_BUNDLE", TOKEN)], ""),
            "AWS_CA_BUNDLE cannot be used",
        ),
        (settings(&[], &bundle), "config:2: ca_bundle cannot be used"),
    ] {
        let region = settings.region(None).unwrap();
        let region = region.unwrap_or_else(keyfob_chain::Region::us_east_1);
        let error = settings.sts(&region, None).unwrap_err();
        assert_eq!(error.to_string(), start);
        let text = format!("{error:?}");
        assert!(text.contains("the file that it names"), "{text}");
        assert!(!text.contains("eyJ") && !text.contains("CANARY"), "{text}");
    }
}

#[test]
fn a_secret_in_the_place_of_a_configuration_file_is_not_repeated() {
    let long = TOKEN.repeat(20);
    for value in [TOKEN, SECRET, &long] {
        for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            let settings = Settings::load(Variables::from_iter([(variable, value)]));
            let findings = settings.findings(None);
            assert_eq!(findings.len(), 1);
            let text = &findings[0].text;
            let end = " file that does not exist";
            assert!(text.starts_with(variable) && text.ends_with(end), "{text}");
            assert!(settings.files().problems().is_empty());
        }
    }
}

#[test]
fn a_value_that_cannot_be_used_is_quoted_only_if_it_is_short_or_a_number() {
    for key in [MAX_ATTEMPTS, OUTPUT, METADATA_SERVICE_TIMEOUT] {
        let (variable, property) = (key.variables[0], key.properties[0]);
        let long = settings(&[], &format!("[default]\n{property} = {SECRET}\n"));
        let long = long.variables().clone().with(variable, SECRET);
        let long = Settings::load(long);
        let error = long.find(&key).unwrap().invalid("a number");
        assert_eq!(error.to_string(), format!("{variable} is not a number"));
    }
    for (value, quoted) in [("x", true), ("99999999999999999999", true), (SECRET, false)] {
        let settings = Settings::load(Variables::from_iter([("AWS_DEFAULT_OUTPUT", value)]));
        let error = settings.find(&OUTPUT).unwrap().invalid("json");
        assert_eq!(error.to_string().contains(value), quoted, "{error}");
    }
    let regions = ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name, SECRET));
    let error = Settings::load(Variables::from_iter(regions))
        .region(None)
        .unwrap_err();
    assert!(!error.to_string().contains("CANARY"), "{error}");
    let label = SECRET.replace('/', "");
    for value in [label.clone(), format!("fips-{label}")] {
        let settings = Settings::load(Variables::from_iter([
            ("AWS_REGION", value.as_str()),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
        ]));
        match settings.region(None) {
            Err(error) => assert!(!error.to_string().contains("CANARY"), "{error}"),
            Ok(region) => {
                let findings = settings.findings(region.as_ref());
                assert!(
                    findings[0]
                        .text
                        .starts_with("AWS_REGION does not look like a region")
                );
                assert!(!format!("{findings:?}").contains("CANARY"), "{findings:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_role_that_is_not_an_arn_is_warned_about_and_not_printed() {
    let by_variable = [
        ("AWS_ROLE_ARN", SECRET),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/token"),
    ];
    let own = format!("[default]\nrole_arn = {SECRET}\nsource_profile = key\n[profile key]\n{KEY}");
    for (settings, setting) in [
        (settings(&by_variable, ""), "AWS_ROLE_ARN"),
        (settings(&[], &own), "config:2: role_arn"),
    ] {
        let explanation = resolve(&settings).await.1;
        let is_about_role = |finding: &&Finding| finding.kind == FindingKind::RoleArn;
        let finding = explanation.findings.iter().find(is_about_role).unwrap();
        let text = format!("{setting} is not an ARN: write it as ");
        assert!(finding.line(None).starts_with(&text), "{finding:?}");
        let shown = explanation.text(now(), None) + &format!("{explanation:?}");
        assert!(!shown.contains("CANARY"), "{shown}");
    }
    let good = settings(&by_variable, "")
        .variables()
        .clone()
        .with("AWS_ROLE_ARN", ROLE);
    let explanation = resolve(&Settings::load(good)).await.1;
    assert!(
        explanation
            .findings
            .iter()
            .all(|finding| finding.kind != FindingKind::RoleArn)
    );
}

#[tokio::test]
async fn an_error_of_a_role_names_the_property_and_its_own_line() {
    for (property, rest) in [
        (
            "role_session_name = x",
            "role_session_name must be at least 2 characters long, but has 1",
        ),
        (
            "role_session_name = a b",
            "role_session_name may have letters, digits and _+=,.@- only, but character 2 is ' '",
        ),
        (
            "duration_seconds = 60",
            "duration_seconds must be at least 900, but is 60",
        ),
        (
            "external_id = x",
            "external_id must be at least 2 characters long, but has 1",
        ),
    ] {
        let config = format!(
            "[default]\nrole_arn = {ROLE}\nsource_profile = key\n{property}\n[profile key]\n{KEY}"
        );
        let error = failure(&settings(&[], &config)).await;
        assert_eq!(error, (ErrorKind::Setting, format!("config:4: {rest}")));
    }
    let config = format!("[default]\nrole_arn = arn:x\nsource_profile = key\n[profile key]\n{KEY}");
    let (kind, text) = failure(&settings(&[], &config)).await;
    assert_eq!(kind, ErrorKind::Setting);
    assert!(
        text.starts_with("config:2: role_arn must be at least 20"),
        "{text}"
    );
    let pod = [
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "Cargo.toml"),
        ("AWS_ROLE_SESSION_NAME", "x"),
    ];
    let text = failure(&settings(&pod, "")).await.1;
    assert!(text.starts_with("AWS_ROLE_SESSION_NAME must be"), "{text}");
}

#[tokio::test]
async fn an_empty_token_file_is_named() {
    let token = tempfile::NamedTempFile::new().unwrap();
    let path = token.path().to_str().unwrap();
    let config = format!("[default]\nrole_arn = {ROLE}\nweb_identity_token_file = {path}\n");
    let pod = [
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", path),
    ];
    for (settings, setting) in [
        (settings(&[], &config), "config:3: web_identity_token_file"),
        (settings(&pod, ""), "AWS_WEB_IDENTITY_TOKEN_FILE"),
    ] {
        let text =
            format!("{setting}: the token in {path} must be at least 4 characters long, but has 0");
        assert_eq!(failure(&settings).await, (ErrorKind::Setting, text));
    }
    let agent = [
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://127.0.0.1:1/credentials",
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path),
    ];
    let text = failure(&settings(&agent, "")).await.1;
    let start = format!("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ({path}) cannot be used: ");
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn a_services_section_that_does_not_exist_is_an_error_of_its_line() {
    for (name, shown) in [("locl", "services \"locl\""), (SECRET, "services section")] {
        let config = format!("[default]\nservices = {name}\n[services local]\nsts =\n");
        let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
        let settings = Settings::new(Variables::default(), files);
        let error = settings.endpoint_url("sts").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        let text = format!("config:2: services: {shown} not found: there are local");
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn the_row_of_a_web_identity_names_where_its_role_is_set() {
    let key = [
        ("AWS_ACCESS_KEY_ID", "AKIDKEY"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let of_profile = "[default]\nrole_arn = arn:x\nweb_identity_token_file = /no/token\n";
    for (variable, config, origin) in [
        (
            ("AWS_ROLE_ARN", ROLE),
            "[default]\nweb_identity_token_file = /no/token\n",
            format!("{ROLE} by AWS_ROLE_ARN"),
        ),
        (
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/token"),
            of_profile,
            "arn:x by [default] in config:2".to_owned(),
        ),
    ] {
        let variables = [key[0], key[1], variable];
        let explanation = resolve(&settings(&variables, config)).await.1;
        let masked = explanation.masked().next().unwrap();
        assert_eq!(masked.origin.as_ref().unwrap().to_string(), origin);
    }
}

/// Returns the findings of a kind, as lines.
async fn lines(settings: &Settings, kind: FindingKind) -> Vec<String> {
    let explanation = resolve(settings).await.1;
    let findings = explanation.findings.iter();
    let findings = findings.filter(|finding| finding.kind == kind);
    findings.map(|finding| finding.line(None)).collect()
}

fn with_key<'a>(variables: &[(&'a str, &'a str)]) -> Settings {
    let key = [
        ("AWS_ACCESS_KEY_ID", "AKIDKEY"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    settings(&[&key[..], variables].concat(), "")
}

#[tokio::test]
async fn an_old_name_of_half_a_key_is_the_answer_and_its_cure_gives_the_key() {
    let id = [("AWS_ACCESS_KEY_ID", "AKIDKEY"), ("AWS_SECRET_KEY", "s")];
    let secret = [
        ("AWS_ACCESS_KEY", "AKIDKEY"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    for (variables, text, cure) in [
        (
            id,
            "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not set (AWS_SECRET_KEY is an \
             old name, which does not count): set both or neither",
            "AWS_SECRET_ACCESS_KEY=\"$AWS_SECRET_KEY\" COMMAND",
        ),
        (
            secret,
            "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not set (AWS_ACCESS_KEY is an \
             old name, which does not count): set both or neither",
            "AWS_ACCESS_KEY_ID=\"$AWS_ACCESS_KEY\" COMMAND",
        ),
    ] {
        let settings = settings(&variables, "");
        let error = failure(&settings).await;
        assert_eq!(error, (ErrorKind::PartialCredentials, text.to_owned()));
        let explanation = resolve(&settings).await.1;
        let mut findings = explanation.findings.iter();
        let old = findings.find(|finding| finding.kind == FindingKind::OldVariable);
        assert_eq!(old.unwrap().cure.as_deref(), Some(cure));
    }
}

#[tokio::test]
async fn a_misspelled_half_of_a_key_in_a_file_is_named() {
    for (config, text) in [
        (
            "[default]\naws-access-key-id = AKID\naws_secret_access_key = s\n",
            "config:3: aws_secret_access_key without aws_access_key_id (line 2 has \
             aws-access-key-id, which does not count): the file needs both",
        ),
        (
            "[default]\naws_access_key_id = AKID\naws_secret_key = s\n",
            "config:2: aws_access_key_id without aws_secret_access_key (line 3 has \
             aws_secret_key, which does not count): the file needs both",
        ),
    ] {
        assert_eq!(failure(&settings(&[], config)).await.1, text);
    }
}

#[tokio::test]
async fn old_names_and_second_values_of_a_token_are_told() {
    let kind = FindingKind::OldVariable;
    let both = with_key(&[("AWS_SESSION_TOKEN", "t"), ("AWS_SECURITY_TOKEN", "u")]);
    assert_eq!(
        lines(&both, kind).await,
        ["AWS_SECURITY_TOKEN is masked by AWS_SESSION_TOKEN"]
    );
    let same = with_key(&[("AWS_SESSION_TOKEN", "t"), ("AWS_SECURITY_TOKEN", "t")]);
    assert!(lines(&same, kind).await.is_empty());
    let file = format!("[default]\n{KEY}aws_security_token = t\n");
    assert_eq!(
        lines(&settings(&[], &file), kind).await,
        [
            "config:4: aws_security_token is the old name of aws_session_token: newer tools do not \
             read it"
        ]
    );
    let file = format!("{file}aws_session_token = u\n");
    assert_eq!(
        lines(&settings(&[], &file), kind).await,
        ["config:4: aws_security_token is masked by aws_session_token (config:5)"]
    );
}

#[test]
fn a_masked_and_a_blank_name_of_a_profile_are_told() {
    let found = |variables: &[(&str, &str)]| {
        let findings = settings(variables, "[default]\n").findings(None);
        let texts = findings.into_iter().map(|finding| finding.text);
        texts.collect::<Vec<_>>()
    };
    assert_eq!(
        found(&[("AWS_PROFILE", "default"), ("AWS_DEFAULT_PROFILE", "x")]),
        ["AWS_DEFAULT_PROFILE (\"x\") is masked by AWS_PROFILE"]
    );
    assert!(found(&[("AWS_PROFILE", "x"), ("AWS_DEFAULT_PROFILE", "x")]).is_empty());
    assert_eq!(
        found(&[("AWS_PROFILE", " ")]),
        [
            "AWS_PROFILE is only whitespace, which counts as not set here: aws and boto3 look for \
             such a profile"
        ]
    );
    assert!(found(&[("AWS_PROFILE", "")]).is_empty());
}

#[tokio::test]
async fn whitespace_around_a_key_in_a_variable_is_warned_about() {
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIDKEY "),
        ("AWS_SECRET_ACCESS_KEY", "s\r"),
        ("AWS_SESSION_TOKEN", " t"),
    ] {
        let settings = with_key(&[(name, value)]);
        assert!(resolve(&settings).await.0.is_ok());
        let text = format!(
            "{name} begins or ends with whitespace, which is removed here: aws and boto3 use it as \
             it is"
        );
        assert_eq!(lines(&settings, FindingKind::Whitespace).await, [text]);
    }
    assert!(
        lines(&with_key(&[]), FindingKind::Whitespace)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn an_id_that_is_not_of_an_access_key_is_warned_about() {
    for (id, text) in [
        (
            "AKIAIOSFODNN7EXAMPLE;",
            Some("has a character other than A-Z and 0-9"),
        ),
        (
            "akiaiosfodnn7example",
            Some("has a character other than A-Z and 0-9"),
        ),
        (
            "AROAIOSFODNN7EXAMPLE",
            Some("is the ID of a role, not of an access key"),
        ),
        ("AKIAIOSFODNN7EXAMPLE", None),
        // Other services than AWS have ids of their own.
        ("minio-admin", None),
    ] {
        let config = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = s\n");
        for (settings, name) in [
            (with_key(&[("AWS_ACCESS_KEY_ID", id)]), "AWS_ACCESS_KEY_ID"),
            (settings(&[], &config), "config:2: aws_access_key_id"),
        ] {
            let lines = lines(&settings, FindingKind::KeyId).await;
            match text {
                Some(text) => assert!(lines[0].starts_with(&format!("{name} {text}")), "{lines:?}"),
                None => assert!(lines.is_empty(), "{lines:?}"),
            }
        }
    }
}

#[tokio::test]
async fn typographic_quotes_around_a_key_are_named() {
    let quoted = with_key(&[("AWS_ACCESS_KEY_ID", "“AKIDKEY”")]);
    let (kind, text) = failure(&quoted).await;
    assert_eq!(kind, ErrorKind::InvalidCredentials);
    assert_eq!(
        text,
        "the access key id from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY has quotes, which are part \
         of it: remove them"
    );
    let config = "[default]\naws_access_key_id = “AKIDKEY”\naws_secret_access_key = s\n";
    let text = failure(&settings(&[], config)).await.1;
    assert!(
        text.ends_with("config:2 has quotes, which are part of it: remove them"),
        "{text}"
    );
}

#[tokio::test]
async fn a_long_term_key_has_not_expired_and_a_session_without_its_token_has_no_known_end() {
    let config = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n\
                  x_security_token_expires = 2022-09-06T17:09:28+10:00\n";
    assert_eq!(
        lines(&settings(&[], config), FindingKind::Expiry).await,
        [
            "config:4: x_security_token_expires is about a session, and aws_access_key_id is a \
             long-term key: remove it"
        ]
    );
    let session = with_key(&[("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")]);
    let explanation = resolve(&session).await.1;
    assert_eq!(explanation.winner().unwrap().long_lived, Some(false));
    let text = explanation.text(now(), None);
    assert!(
        text.contains("(key ASIAIOSFODNN7EXAMPLE, end unknown)"),
        "{text}"
    );
}
