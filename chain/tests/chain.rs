//! The default chain: which provider wins, when the chain stops, and what the explanation says.
//! Instance metadata is a real server on a loopback port.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails should fail with its line"
)]

use std::path::Path;

use keyfob_chain::{
    Argument, Cached, Chain, EnvironmentProvider, Error, ErrorKind, Explanation, Found, Order,
    Origin, Outcome, ProfileProvider, Provider, Region, Resolution, Settings, Variables, Verdict,
    profiles::{ConfigFiles, FileKind},
    provider_fn,
};
use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::json;

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT7EXMP"),
    ("AWS_SECRET_ACCESS_KEY", "canary-environment"),
];

const FILE: &str = "[default]
aws_access_key_id = AKIAIOSFODNN7EXAKOLD
aws_secret_access_key = canary-file
[ci]
aws_access_key_id = AKIACI
aws_secret_access_key = canary-ci
aws_session_token = canary-token
[half]
aws_access_key_id = AKIAHALF
[broken]
aws_secret_access_key canary-broken
";

/// Far in the future, because the clients of instance metadata and containers compare expiries with
/// the real clock.
fn now() -> Timestamp {
    "2126-11-22T03:00:00Z".parse().unwrap()
}

/// Disables instance metadata unless a test sets its endpoint.
fn settings(variables: &[(&str, &str)], credentials: &str) -> Settings {
    let mut variables: Variables = variables.iter().copied().collect();
    if variables.raw("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_none() {
        variables = variables.with("AWS_EC2_METADATA_DISABLED", "true");
    }
    let file = (
        FileKind::Credentials,
        "/home/ada/.aws/credentials",
        credentials.as_bytes(),
    );
    Settings::new(variables, ConfigFiles::parse([file]))
}

async fn explain(settings: &Settings) -> Resolution {
    Chain::default_for(Order::Cli, settings)
        .explain(now())
        .await
}

async fn key_id(order: Order, settings: &Settings) -> Result<String, Error> {
    let resolution = Chain::default_for(order, settings).resolve(now()).await;
    resolution
        .credentials
        .map(|key| key.access_key_id().to_owned())
}

#[tokio::test]
async fn with_a_key_in_the_environment_and_no_profile_named_no_file_is_read() {
    let home = tempfile::tempdir().unwrap();
    let settings = Settings::load(Variables::from_iter([
        ("HOME", home.path().to_str().unwrap()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]));
    let chain = Chain::default_for(Order::Cli, &settings);
    chain.resolve(now()).await.credentials.unwrap();
    // A file that is written only now is still the first one that these settings see.
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let config = home.path().join(".aws/config");
    std::fs::write(config, "[default]\nregion = eu-north-1\n").unwrap();
    let region = settings.region(None).unwrap().unwrap();
    assert_eq!(region.name(), "eu-north-1");
}

#[tokio::test]
async fn the_environment_comes_first_and_masks_the_profile() {
    let resolution = explain(&settings(&KEYS, FILE)).await;
    assert_eq!(resolution.credentials.unwrap().access_key_id(), KEYS[0].1);
    let rows = &resolution.explanation.attempts;
    assert_eq!(
        (rows[0].verdict, rows[0].key_id.as_deref()),
        (Verdict::Used, Some("AKIAENVIRONMENT7EXMP"))
    );
    assert_eq!(
        (rows[2].verdict, rows[2].masked_by),
        (Verdict::Masked, Some(1))
    );
    assert_eq!(rows[2].key_id.as_deref(), Some("AKIAIOSFODNN7EXAKOLD"));
    assert_eq!(
        rows[2].origin,
        Some(Origin::File {
            file: "/home/ada/.aws/credentials".into(),
            line: 2,
            section: "default".to_owned(),
        })
    );
    assert_eq!(
        resolution.explanation.cure(3),
        Some("env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN COMMAND")
    );
}

#[tokio::test]
async fn a_profile_chosen_by_the_program_disables_the_environment_and_aws_profile_does_not() {
    let both = settings(&KEYS, FILE);
    let named = both.clone().with_profile("ci");
    assert_eq!(key_id(Order::Cli, &named).await.unwrap(), "AKIACI");
    for order in [Order::JavaV1, Order::JavaV2, Order::Rust] {
        assert_eq!(key_id(order, &named).await.unwrap(), KEYS[0].1);
    }
    let in_environment = settings(&[KEYS[0], KEYS[1], ("AWS_PROFILE", "ci")], FILE);
    assert_eq!(
        key_id(Order::Cli, &in_environment).await.unwrap(),
        KEYS[0].1
    );
    let explanation = explain(&named).await.explanation;
    let row = &explanation.attempts[0];
    assert_eq!((row.verdict, row.masked_by), (Verdict::Ignored, Some(3)));
    let reason = "AWS_ACCESS_KEY_ID is set, and does not count beside --profile \"ci\"";
    assert_eq!(row.reason.as_deref(), Some(reason));
    let text = explanation.text(now(), None);
    let line = format!("  1 environment variables  ignored  {reason}\n");
    assert!(text.contains(&line), "{text}");
    assert_eq!(explanation.cure(1), Some("COMMAND  # without --profile ci"));
}

#[tokio::test]
async fn a_provider_that_takes_long_is_told() {
    let slow = provider_fn("slow", |_| async {
        tokio::time::sleep(std::time::Duration::from_millis(550)).await;
        Ok(Outcome::NotConfigured("nothing".to_owned()))
    });
    let fast = provider_fn("fast", |_| async {
        Ok(Outcome::NotConfigured("nothing".to_owned()))
    });
    let explanation = Chain::new()
        .then(slow)
        .then(fast)
        .explain(now())
        .await
        .explanation;
    let text = explanation.text(now(), None);
    assert!(text.contains("1 slow  nothing (took 0."), "{text}");
    assert!(text.ends_with("2 fast  nothing\n"), "{text}");
    let elapsed = explanation.attempts[0].elapsed.unwrap();
    assert!(elapsed.as_millis() >= 550);
}

#[tokio::test]
async fn without_credentials_the_error_lists_what_was_tried() {
    let error = key_id(Order::Cli, &settings(&[], "")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoCredentials);
    let text = error.to_string();
    for part in [
        "AWS_ACCESS_KEY_ID is not set",
        "profile \"default\" (no file has it)",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_missing_profile_is_an_error_that_lists_the_existing_ones() {
    for settings in [
        settings(&[("AWS_PROFILE", "dve")], FILE),
        settings(&[], FILE).with_profile("dve"),
    ] {
        let error = key_id(Order::Cli, &settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProfileNotFound);
        let message = "profile \"dve\" not found: there are default, ci, half, broken";
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(
            settings.region(None).unwrap_err().kind(),
            ErrorKind::ProfileNotFound
        );
    }
}

/// Parses one file of that kind, chooses a profile, and returns the error.
fn profile_error(kind: FileKind, text: &str, profile: &str) -> Option<String> {
    let files = ConfigFiles::parse([(kind, "/home/ada/.aws/file", text.as_bytes())]);
    files.profile(profile).err().map(|error| {
        assert_eq!(error.kind(), ErrorKind::ProfileNotFound);
        error.to_string()
    })
}

#[test]
fn a_profile_that_is_ignored_because_of_its_header_is_quoted_with_the_header_to_write() {
    use FileKind::{Config, Credentials};
    for (kind, header, profile, cure) in [
        (Config, "[dév]", "dév", "[profile dév]"),
        (Config, "[profile a b]", "a b", "[profile 'a b']"),
        (Config, "[dev]", "dev", "[profile dev]"),
        (Config, "[profiledev]", "dev", "[profile dev]"),
        (Credentials, "[profile dev]", "dev", "[dev]"),
    ] {
        let error = profile_error(kind, &format!("[ci]\n{header}\n"), profile);
        let wanted = format!(
            "profile \"{profile}\" not found: {header} at /home/ada/.aws/file:2 is ignored because \
             of its header: write {cure}"
        );
        assert_eq!(error.unwrap(), wanted);
        // The cure works.
        assert_eq!(profile_error(kind, cure, profile), None);
    }
    let error = profile_error(Credentials, "[d\\v]\n", "d\\v").unwrap();
    assert!(
        error.ends_with("rename it to a name of letters, digits and _-/.%@:+"),
        "{error}"
    );
    // A header that the SDK would ignore, too, is no cure.
    for (order, kind, header) in [
        (Order::JavaScript, Config, "[profile é]"),
        (Order::Rust, Config, "[é]"),
        (Order::Rust, Config, "[profile 'é']"),
        (Order::JavaV2, Credentials, "[é]"),
    ] {
        let text = format!("{header}\n");
        let files = ConfigFiles::parse_for(order, [(kind, "file", text.as_bytes())]);
        let error = files.profile("é").unwrap_err().to_string();
        let wanted = "is ignored because of its header: rename it to a name of letters, digits and \
                      _-/.%@:+";
        assert!(error.ends_with(wanted), "{order:?}: {error}");
        let problem = files.problems()[0].to_string();
        let wanted = "is ignored: use letters, digits and _-/.%@:+ in its name";
        assert!(problem.ends_with(wanted), "{order:?}: {problem}");
    }
    // Only a header that has the name which was asked for is repeated.
    let error = profile_error(Config, "[canary]\n", "dev").unwrap();
    assert_eq!(
        error,
        "profile \"dev\" not found: no configuration file has a profile"
    );
}

#[tokio::test]
async fn a_bad_line_makes_only_its_own_profile_unusable() {
    let file = settings(&[], FILE);
    assert_eq!(
        key_id(Order::Cli, &file).await.unwrap(),
        "AKIAIOSFODNN7EXAKOLD"
    );
    let error = key_id(Order::Cli, &file.clone().with_profile("broken"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigFile);
    assert_eq!(
        error.to_string(),
        "/home/ada/.aws/credentials:11: a line without \"=\": write NAME = VALUE"
    );
    let error = key_id(Order::Cli, &file.with_profile("half"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PartialCredentials);
    // Keys before any section may have been meant for the default profile.
    let headless = settings(
        &[],
        "aws_access_key_id = AKIA\n[ci]\naws_access_key_id = A\naws_secret_access_key = b\n",
    );
    assert_eq!(
        key_id(Order::Cli, &headless).await.unwrap_err().kind(),
        ErrorKind::ConfigFile
    );
    assert_eq!(
        key_id(Order::Cli, &headless.with_profile("ci"))
            .await
            .unwrap(),
        "A"
    );
}

#[tokio::test]
async fn an_unreadable_file_stops_the_chain() {
    let config = (
        FileKind::Config,
        "config",
        &b"[default]\nregion = eu-west-1\n"[..],
    );
    for credentials in [
        &b"aws_access_key_id = A\naws_secret_access_key = b\n"[..],
        b"[default\naws_access_key_id = A\naws_secret_access_key = b\n",
        b"\xff\xfe[\0d\0",
    ] {
        let profiles =
            ConfigFiles::parse([config, (FileKind::Credentials, "credentials", credentials)]);
        let env = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
        let settings = Settings::new(env, profiles);
        let error = key_id(Order::Cli, &settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigFile, "{error}");
    }
}

/// The key of a profile whose role and region are in a damaged config file.
const LONG_TERM_KEY: &[u8] = b"[good]\naws_access_key_id = A\naws_secret_access_key = b\n";

#[tokio::test]
async fn a_damaged_config_file_does_not_turn_a_role_into_the_key_beside_it() {
    for (config, reason) in [
        (
            &b"[profile good\nrole_arn = r\n"[..],
            "config:1: a section header without",
        ),
        (
            b"[profile g\xffood]\nrole_arn = r\n",
            "config:1: a section header that is not UTF-8",
        ),
        (
            b"[profile a]\n[profile \"g\xff\"]\n",
            "config:2: a section header that is not UTF-8",
        ),
        (
            b"role_arn = r\n",
            "config:1: a line before the first section",
        ),
        (b"\xff\xfe[\0p\0", "config: the file is UTF-16"),
        (b"[\0p\0", "config: the file is UTF-16"),
    ] {
        let files = [
            (FileKind::Config, "config", config),
            (FileKind::Credentials, "credentials", LONG_TERM_KEY),
        ];
        let settings =
            Settings::new(Variables::default(), ConfigFiles::parse(files)).with_profile("good");
        let chain = Chain::new().then(ProfileProvider::new(settings.clone()));
        let error = chain.resolve(now()).await.credentials.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigFile, "{error}");
        assert!(error.to_string().starts_with(reason), "{error}");
        let region = settings.region(None).unwrap_err();
        assert_eq!(region.to_string(), error.to_string());
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_makes_every_profile_unusable_and_the_error_says_why() {
    // A folder cannot be read as a file, not even by root.
    let folder = tempfile::tempdir().unwrap();
    let readable = folder.path().join("readable");
    let role = b"[profile role]\nrole_arn = r\nsource_profile = good\n";
    for (damaged, other, text, profile) in [
        (
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
            LONG_TERM_KEY,
            "good",
        ),
        (
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_CONFIG_FILE",
            role,
            "role",
        ),
    ] {
        std::fs::write(&readable, text).unwrap();
        let env = Variables::default().with(damaged, folder.path());
        let settings = Settings::load(env.with(other, &readable)).with_profile(profile);
        let error = key_id(Order::Cli, &settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigFile, "{error}");
        let text = error.to_string();
        assert!(text.contains(": cannot be read: "), "{error}");
        assert!(!text.contains("os error"), "{error}");
    }
}

#[tokio::test]
async fn problems_of_other_profiles_are_warnings_with_file_and_line() {
    let config = b"[profile good]\nregion = eu-west-1 # home\n[good]\n[profile a]\noutput = json # not ours\n\
                   bad\n[profile lost\nregion = us-west-2\n";
    let files = [
        (FileKind::Config, "config", &config[..]),
        (FileKind::Credentials, "credentials", LONG_TERM_KEY),
    ];
    let settings =
        Settings::new(Variables::default(), ConfigFiles::parse(files)).with_profile("good");
    let chain = Chain::new().then(ProfileProvider::new(settings));
    let resolution = Cached::new(chain.clone()).credentials(now()).await;
    assert_eq!(resolution.unwrap().access_key_id(), "A");
    let explanation = Chain::new().then(chain).explain(now()).await.explanation;
    let lines: Vec<_> = explanation
        .warnings()
        .map(|warning| warning.line(None)[..9].to_owned())
        .collect();
    assert_eq!(lines, ["config:2:", "config:3:", "config:6:", "config:7:"]);
    let text = explanation.text(now(), None);
    let wanted = "\nwarning: config:7: a section header without \"]\"\n";
    assert!(text.contains(wanted), "{text}");
}

#[tokio::test]
async fn half_a_key_in_a_file_is_named_by_its_line() {
    for (text, message) in [
        (
            "aws_access_key_id = A\n",
            "2: aws_access_key_id without aws_secret_access_key: the file needs both",
        ),
        (
            "aws_access_key_id = A\naws_secret_access_key =\n",
            "3: aws_secret_access_key is empty beside aws_access_key_id: the file needs both",
        ),
        (
            "aws_access_key_id =\naws_secret_access_key = canary\n",
            "2: aws_access_key_id is empty beside aws_secret_access_key: the file needs both",
        ),
    ] {
        let settings = settings(&[], &format!("[default]\n{text}"));
        let error = key_id(Order::Cli, &settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PartialCredentials);
        assert_eq!(
            error.to_string(),
            format!("/home/ada/.aws/credentials:{message}")
        );
    }
}

#[tokio::test]
async fn the_problem_that_made_a_profile_fail_is_not_repeated_as_a_warning() {
    let settings = settings(&[], FILE).with_profile("broken");
    let explanation = explain(&settings).await.explanation;
    assert_eq!(explanation.attempts[2].verdict, Verdict::Failed);
    assert_eq!(explanation.warnings().count(), 0);
}

#[tokio::test]
async fn an_unsupported_source_stops_the_chain_if_it_is_configured() {
    let profile = |text: &str| settings(&[], text);
    let login = profile("[default]\nlogin_session = arn:aws:iam::123456789012:user/ada\n");
    let error = key_id(Order::Cli, &login).await.unwrap_err();
    if cfg!(feature = "login") {
        // There is no home folder.
        assert_eq!(error.kind(), ErrorKind::Setting, "{error}");
    } else {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    let sso = profile("[default]\nsso_session = dev\n");
    let error = key_id(Order::Cli, &sso).await.unwrap_err();
    if cfg!(feature = "sso") {
        assert_eq!(error.kind(), ErrorKind::Setting, "{error}");
    } else {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    // A key of the credentials file comes before a process, as in the AWS CLI.
    let key = "[default]\ncredential_process = /bin/keys\naws_access_key_id = A\naws_secret_access_key = b\n";
    assert_eq!(key_id(Order::Cli, &profile(key)).await.unwrap(), "A");
}

#[tokio::test]
async fn the_parts_of_a_key_come_from_one_file() {
    let config = "[default]\naws_session_token = old\nregion = eu-west-1\n";
    let profiles = ConfigFiles::parse([
        (FileKind::Config, "config", config.as_bytes()),
        (FileKind::Credentials, "credentials", FILE.as_bytes()),
    ]);
    let settings = Settings::new(Variables::default(), profiles);
    let chain = Chain::new().then(ProfileProvider::new(settings));
    let credentials = chain.resolve(now()).await.credentials.unwrap();
    assert!(credentials.session_token().is_none());
}

#[tokio::test]
async fn a_failure_stops_the_chain_and_masks_the_rest() {
    let failing = provider_fn("vault", |_| async {
        Err(Error::new(ErrorKind::Provider, "the vault is sealed"))
    });
    let chain = Chain::new()
        .then(failing)
        .then(EnvironmentProvider::new(settings(&KEYS, "")));
    let resolution = chain.explain(now()).await;
    assert_eq!(
        resolution.credentials.unwrap_err().to_string(),
        "the vault is sealed"
    );
    let rows = &resolution.explanation.attempts;
    assert_eq!(
        (rows[0].verdict, rows[0].reason.as_deref()),
        (Verdict::Failed, Some("the vault is sealed"))
    );
    assert_eq!(
        (rows[1].verdict, rows[1].masked_by),
        (Verdict::Masked, Some(1))
    );
    let resolution = chain.resolve(now()).await;
    assert_eq!(
        resolution.explanation.attempts[1].verdict,
        Verdict::NotAsked
    );
}

#[tokio::test]
async fn nothing_that_can_be_printed_contains_a_secret() {
    for profile in ["default", "ci", "half", "broken"] {
        let settings = settings(&KEYS, FILE).with_profile(profile);
        let resolution = explain(&settings).await;
        let text = resolution
            .explanation
            .text(now(), Some(Path::new("/home/ada")));
        let json = serde_json::to_string(&resolution.explanation).unwrap();
        let shown = format!("{text}{json}{resolution:?}{settings:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn the_explanation_serializes_with_stable_names() {
    let settings = settings(&[KEYS[0], KEYS[1], ("AWS_REGION", "eu-west-1")], FILE);
    let explanation = explain(&settings).await.explanation;
    let region = settings.region(None).unwrap().unwrap();
    let mut json = serde_json::to_value(explanation.with_region(region)).unwrap();
    assert_eq!(json["winner"], json["rows"][0]);
    for row in json["rows"].as_array_mut().unwrap() {
        let elapsed = row.as_object_mut().unwrap().remove("elapsed_ms").unwrap();
        assert!(
            (0.0..1000.0).contains(&elapsed.as_f64().unwrap()),
            "{elapsed}"
        );
    }
    assert_eq!(
        json["rows"][0],
        json!({
            "number": 1, "provider": "environment variables", "verdict": "used",
            "origin": {"kind": "environment", "variables": ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]},
            "key_id": "AKIAENVIRONMENT7EXMP", "long_lived": true,
        })
    );
    assert_eq!(
        json["rows"][1],
        json!({
            "number": 2, "provider": "web identity", "verdict": "not_configured",
            "reason": "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
        })
    );
    assert_eq!(json["region"]["origin"]["variables"], json!(["AWS_REGION"]));
    assert_eq!(json["error"], json!(null));
    assert_eq!(
        json["findings"][1],
        json!({
            "kind": "file", "severity": "warning",
            "origin": {
                "kind": "file", "file": "/home/ada/.aws/credentials", "line": 11,
                "section": "broken",
            },
            "text": "a line without \"=\": write NAME = VALUE",
            "cure": "${EDITOR:-vi} /home/ada/.aws/credentials",
        })
    );
}

#[test]
fn the_region_comes_from_the_first_source_that_sets_one() {
    let file = "[default]\nregion = sa-east-1\n";
    let region = |variables: &[(&str, &str)], argument| {
        let region = settings(variables, file).region(argument)?.unwrap();
        Ok::<_, Error>(format!("{region} {}", region.origin()))
    };
    let both = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-2"),
    ];
    assert_eq!(
        region(&both, Some(Argument::new("--region", "eu-west-3"))).unwrap(),
        "eu-west-3 --region"
    );
    assert_eq!(region(&both, None).unwrap(), "eu-west-1 AWS_REGION");
    assert_eq!(
        region(&[("AWS_REGION", ""), both[1]], None).unwrap(),
        "eu-west-2 AWS_DEFAULT_REGION"
    );
    assert_eq!(
        region(&[], None).unwrap(),
        "sa-east-1 [default] in /home/ada/.aws/credentials:2"
    );
    let given = Region::new("eu-north-1", Origin::Default).unwrap();
    let told = settings(&both, file).with_region(given.clone());
    assert_eq!(told.region(None).unwrap(), Some(given));
    for wrong in ["x/../", "", "a.b", "-a", "eu west", "eu\nwest"] {
        let error = region(&[], Some(Argument::new("--region", wrong))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting, "{wrong:?}");
        assert!(!error.to_string().contains('\n'));
    }
}

#[tokio::test]
async fn the_default_region_has_the_default_origin() {
    let region = settings(&[], "").resolve_region(None, now()).await.unwrap();
    assert_eq!(
        (region.name(), region.origin()),
        ("us-east-1", &Origin::Default)
    );
}

#[test]
fn files_are_read_from_where_the_environment_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("elsewhere");
    std::fs::write(&path, FILE).unwrap();
    let env = Variables::default().with("AWS_SHARED_CREDENTIALS_FILE", path.as_os_str());
    let settings = Settings::load(env.clone());
    assert!(
        settings
            .files()
            .names()
            .eq(["default", "ci", "half", "broken"])
    );
    // A folder in place of the file is a problem; a missing file is not.
    let settings = Settings::load(env.with("AWS_CONFIG_FILE", folder.path()));
    assert!(settings.files().problems()[0].is_error());
    let error = settings.with_profile("other").profile().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigFile);
}

#[test]
fn shared_types_are_send_and_sync_and_providers_can_be_boxed() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Chain>();
    shared::<Settings>();
    shared::<Error>();
    shared::<Explanation>();
    shared::<Cached<Chain>>();
    fn sent<T: Send>(_: T) {}
    let chain = Chain::new();
    sent(chain.explain(now()));
    let boxed: Box<dyn Provider> = Box::new(chain.clone());
    assert_eq!(boxed.name(), "chain");
}

#[tokio::test]
async fn chains_nest() {
    let key = Credentials::new("AKIDEXAMPLE", "secret").unwrap();
    let inner = Chain::new().then(Found::new(key, Origin::Default));
    let outer = Chain::new().then(Chain::new()).then(Cached::new(inner));
    let Ok(Outcome::Found(found)) = outer.provide(now()).await else {
        panic!("nothing found");
    };
    assert_eq!(found.credentials.access_key_id(), "AKIDEXAMPLE");
}

#[cfg(feature = "imds")]
mod instance {
    use std::time::Instant;

    use keyfob_chain::InstanceMetadataProvider;
    use keyfob_imds::server::Imds;

    use super::*;

    async fn server() -> Imds {
        let key = Credentials::new("ASIAINSTANCE", "canary-instance")
            .and_then(|key| key.with_session_token("canary-role"))
            .unwrap()
            .with_expiry(now().plus_seconds(21_600));
        Imds::builder()
            .role("app-prod")
            .unwrap()
            .region("eu-central-1")
            .credentials(key)
            .start()
            .await
            .unwrap()
    }

    fn on(server: &Imds, more: &[(&str, &str)], file: &str) -> Settings {
        let endpoint = server.endpoint().to_string();
        let mut variables = vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str())];
        variables.extend(more);
        settings(&variables, file)
    }

    #[tokio::test]
    async fn the_role_of_the_instance_is_used_when_nothing_else_is_configured() {
        let server = server().await;
        let resolution = explain(&on(&server, &[], "")).await;
        let key = resolution.credentials.unwrap();
        assert_eq!(key.access_key_id(), "ASIAINSTANCE");
        assert_eq!(key.expiry(), Some(now().plus_seconds(21_600)));
        let winner = resolution.explanation.winner().unwrap();
        assert_eq!(
            winner.origin,
            Some(Origin::InstanceMetadata {
                role: Some("app-prod".to_owned())
            })
        );
        assert_eq!(winner.long_lived, Some(false));
        assert!(resolution.explanation.findings.is_empty());
    }

    #[tokio::test]
    async fn a_masked_instance_role_is_named_without_issuing_credentials() {
        let key = Credentials::new("ASIAINSTANCE", "canary-instance").unwrap();
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = asked.clone();
        let server = Imds::builder()
            .role("app-prod")
            .unwrap()
            .credentials_from(move || {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                std::future::ready(Ok::<_, std::io::Error>(key.clone()))
            });
        let server = server.start().await.unwrap();
        let settings = on(&server, &KEYS, FILE);
        let explanation = explain(&settings).await.explanation;
        let region = settings
            .resolve_region(Some(Argument::new("--region", "eu-west-1")), now())
            .await
            .unwrap();
        assert_eq!(
            explanation.with_region(region).text(now(), Some(Path::new("/home/ada"))),
            "credentials: environment variables (key AKIAENVIRONMENT7EXMP, no expiry)   region: eu-west-1 (--region)
> 1 environment variables  used         AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
  2 web identity                        AWS_WEB_IDENTITY_TOKEN_FILE is not set
  3 profile \"default\"      masked by 1  [default] in ~/.aws/credentials:2, key AKIAIOSFODNN7EXAKOLD
  4 container                           AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set
  5 instance metadata      masked by 1  role \"app-prod\" answers (IMDSv2)
why: the chain asks environment variables before profile \"default\"
to use profile \"default\":  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN COMMAND
to use the role \"app-prod\":  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN AWS_SHARED_CREDENTIALS_FILE=/dev/null COMMAND
warning: a long-lived key (AKIAENVIRONMENT7EXMP) is used on an instance that has the role \"app-prod\": the role's keys change by themselves and cannot be left behind
  cure:  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN AWS_SHARED_CREDENTIALS_FILE=/dev/null COMMAND
warning: ~/.aws/credentials:11: a line without \"=\": write NAME = VALUE
  cure:  ${EDITOR:-vi} /home/ada/.aws/credentials
"
        );
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn the_role_of_the_container_comes_before_that_of_its_instance() {
        let instance = server().await;
        let key = Credentials::new("ASIATASK", "canary-task")
            .and_then(|key| key.with_session_token("canary-task-token"))
            .unwrap()
            .with_expiry(now().plus_seconds(3600));
        let agent = keyfob_imds::server::Container::builder()
            .credentials(key)
            .start()
            .await
            .unwrap();
        let token = tempfile::NamedTempFile::new().unwrap();
        let (url, token_file) = (agent.url(), token.path().to_str().unwrap().to_owned());
        let variables = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
            (
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                token_file.as_str(),
            ),
        ];
        let settings = on(&instance, &variables, "");
        std::fs::write(&token, "wrong").unwrap();
        let error = key_id(Order::Cli, &settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Provider, "{error:?}");
        // The file is read again for each request, and its line end is not part of the token.
        std::fs::write(&token, format!("{}\n", agent.token().expose())).unwrap();
        let resolution = explain(&settings).await;
        assert_eq!(resolution.credentials.unwrap().access_key_id(), "ASIATASK");
        let masked: Vec<_> = resolution
            .explanation
            .masked()
            .map(|row| row.number)
            .collect();
        assert_eq!(masked, [5]);
        assert_eq!(
            resolution.explanation.cure(5),
            Some(
                "env -u AWS_CONTAINER_CREDENTIALS_RELATIVE_URI -u AWS_CONTAINER_CREDENTIALS_FULL_URI COMMAND"
            )
        );
    }

    #[tokio::test]
    async fn a_masked_container_is_not_asked_and_plain_http_goes_to_allowed_hosts_only() {
        let url = [(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://192.0.2.1/steal",
        )];
        let error = key_id(Order::Cli, &settings(&url, "")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        let masked = explain(&settings(&[KEYS[0], KEYS[1], url[0]], ""))
            .await
            .explanation;
        assert_eq!(masked.attempts[3].verdict, Verdict::Masked);
    }

    #[tokio::test]
    async fn disabled_instance_metadata_opens_no_socket() {
        let server = server().await;
        let settings = on(&server, &[("AWS_EC2_METADATA_DISABLED", "True")], "");
        let error = key_id(Order::Cli, &settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoCredentials);
        assert!(
            error
                .to_string()
                .contains("instance metadata (AWS_EC2_METADATA_DISABLED is true)")
        );
        assert_eq!(server.counters().tokens, 0);
    }

    #[tokio::test]
    async fn without_a_role_or_a_service_instance_metadata_is_not_configured() {
        let server = Imds::builder().start().await.unwrap();
        let error = key_id(Order::Cli, &on(&server, &[], "")).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("instance metadata (the instance has no role)"),
            "{error}"
        );
        let gone = on(&server, &[], "");
        drop(server);
        let started = Instant::now();
        let error = key_id(Order::Cli, &gone).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoCredentials);
        assert!(started.elapsed().as_secs() < 5);
    }

    #[tokio::test]
    async fn a_service_that_is_there_but_fails_is_an_error() {
        let server = Imds::builder().credentials_from(|| {
            std::future::ready(Err::<Credentials, _>(std::io::Error::other(
                "no keys today",
            )))
        });
        let server = server.start().await.unwrap();
        let error = key_id(Order::Cli, &on(&server, &[], "")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Provider);
    }

    #[tokio::test]
    async fn an_invalid_setting_is_named_with_its_value() {
        for (name, value, message) in [
            (
                "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                "ftp://x",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT cannot be used",
            ),
            (
                "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                "IPv5",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is \"IPv5\", which is not IPv4 or IPv6",
            ),
            (
                "AWS_METADATA_SERVICE_TIMEOUT",
                "soon",
                "AWS_METADATA_SERVICE_TIMEOUT is \"soon\", which is not a number: write a whole \
                 number of seconds, such as 5",
            ),
            (
                "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
                "-1",
                "AWS_METADATA_SERVICE_NUM_ATTEMPTS is \"-1\", which is not a whole number of 0 or \
                 more: write a whole number, such as 3",
            ),
        ] {
            let settings = Settings::new(
                Variables::from_iter([(name, value)]),
                ConfigFiles::default(),
            );
            let error = key_id(Order::Cli, &settings).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Setting);
            assert_eq!(error.to_string(), message);
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let shown = format!("{error}{}", source.unwrap_or_default());
            assert!(shown.contains(value), "{shown}");
        }
    }

    #[tokio::test]
    async fn an_invalid_property_is_named_with_its_file_and_line() {
        let file = "[default]\nmetadata_service_timeout = 1.5\n";
        let text = (FileKind::Config, "/home/ada/.aws/config", file.as_bytes());
        let settings = Settings::new(Variables::default(), ConfigFiles::parse([text]));
        assert_eq!(
            settings.imds(None).unwrap_err().to_string(),
            "/home/ada/.aws/config:2: metadata_service_timeout is \"1.5\", which is not a whole \
             number of 0 or more: write a whole number of seconds, such as 5"
        );
    }

    #[test]
    fn a_large_number_is_a_number_and_an_argument_comes_before_the_settings() {
        for name in [
            "AWS_METADATA_SERVICE_TIMEOUT",
            "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        ] {
            let settings = settings(&[(name, "5000000000")], "");
            settings.imds(None).unwrap().build().unwrap();
        }
        let settings = settings(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ftp://x")], "");
        let argument = Argument::new("--endpoint-url", "http://127.0.0.1:1338");
        assert!(settings.imds(Some(argument)).is_ok());
        let argument = Argument::new("--endpoint-url", "ftp://y");
        let error = settings.imds(Some(argument)).unwrap_err();
        assert_eq!(error.to_string(), "--endpoint-url cannot be used");
    }

    #[tokio::test]
    async fn the_region_of_the_instance_comes_after_the_settings() {
        let server = server().await;
        let region = on(&server, &[], "")
            .resolve_region(None, now())
            .await
            .unwrap();
        assert_eq!(region.to_string(), "eu-central-1");
        assert_eq!(region.origin(), &Origin::InstanceMetadata { role: None });
        let settings = on(&server, &[("AWS_REGION", "eu-west-1")], "");
        assert_eq!(
            settings.resolve_region(None, now()).await.unwrap().name(),
            "eu-west-1"
        );
    }

    #[tokio::test]
    async fn the_cache_serves_the_role_during_an_outage() {
        let server = server().await;
        let cached =
            Cached::new(InstanceMetadataProvider::new(&on(&server, &[], ""))).with_random(|| 0);
        let first = cached.credentials(now()).await.unwrap();
        drop(server);
        let late = now().plus_seconds(30_000);
        assert!(
            cached
                .credentials(late)
                .await
                .unwrap()
                .is_same_snapshot(&first)
        );
    }
}
