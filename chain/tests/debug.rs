//! `Debug` of every public type, with canaries in place of everything that may be a secret.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{fmt::Debug, process::ExitStatus};

use keyfob_chain::{
    Argument, Cached, Chain, ContainerProvider, EnvironmentProvider, Error, ErrorKind, Finding,
    FindingKind, Found, Inspection, Order, Origin, Outcome, ProcessCommand, ProcessOutput,
    ProfileProvider, Provider, Region, Selection, Settings, Skip, Sources, TextStyle, Variables,
    WebIdentityProvider,
    files::sessions::SessionCache,
    profiles::{ConfigFiles, Editor, FileKind, SectionName},
    provider_fn,
    settings::{SettingKey, SettingKind},
};
use keyfob_sigv4::{Credentials, Timestamp};

const CREDENTIALS: &str = "[default]
aws_access_key_id = AKIAFILE
aws_secret_access_key = canary-secret
aws_session_token = canary-token
password = canary-password
[broken]
aws_secret_access_key canary-broken
[canary section
aws_secret_access_key = canary-lost
";

const CONFIG: &str = "[default]
region = eu-west-1
endpoint_url = http://user:canary-url@localhost:4566
s3 =
  token = canary-nested
";

fn now() -> Timestamp {
    "2026-11-27T00:00:00Z".parse().unwrap()
}

fn settings() -> Settings {
    let variables = Variables::from_iter([
        ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT"),
        ("AWS_SECRET_ACCESS_KEY", "canary-environment"),
        ("AWS_SESSION_TOKEN", "canary-session"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-authorization"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("SOMETHING", "canary-something"),
    ]);
    let files = [
        (FileKind::Config, "config", CONFIG.as_bytes()),
        (FileKind::Credentials, "credentials", CREDENTIALS.as_bytes()),
    ];
    Settings::new(variables, ConfigFiles::parse(files))
}

#[track_caller]
fn check(value: &dyn Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[test]
fn debug_of_settings_and_files_shows_no_value() {
    let settings = settings().with_notify(|_| {});
    check(&settings);
    check(settings.variables());
    check(settings.files());
    for problem in settings.files().problems() {
        check(problem);
    }
    for section in settings.files().sections() {
        check(section);
        check(section.name());
        for (_, value) in section.iter() {
            check(value);
            check(value.location());
        }
        check(&section.part(FileKind::Config));
    }
    check(&SectionName::profile("default"));
    let text = SettingKind::Text;
    for key in [
        SettingKey::new(&["SOMETHING"], &["password"], text),
        SettingKey::new(&[], &["password"], text),
    ] {
        check(&settings.find(&key).unwrap());
        check(&key);
    }
    check(&settings.endpoint_url("sts").unwrap().unwrap());
    check(&Argument::new("--secret", "canary-argument"));
    check(&Region::us_east_1());
    #[cfg(feature = "imds")]
    check(&settings.imds(None).unwrap());
}

#[test]
fn debug_of_an_editor_shows_no_line() {
    let mut editor = Editor::new(FileKind::Credentials, "credentials");
    let default = SectionName::profile("default");
    editor
        .set(&default, "aws_secret_access_key", "canary-new")
        .unwrap();
    check(&editor);
}

#[tokio::test]
async fn debug_of_providers_and_answers_shows_no_secret() {
    let settings = settings();
    let chain = Chain::default_for(Order::Cli, &settings);
    check(&chain);
    check(&EnvironmentProvider::new(settings.clone()));
    check(&WebIdentityProvider::new(settings.clone()));
    check(&ProfileProvider::new(settings.clone()));
    check(&ContainerProvider::new(settings.clone()));
    #[cfg(feature = "imds")]
    check(&keyfob_chain::InstanceMetadataProvider::new(&settings));
    #[cfg(feature = "sts")]
    check(&{
        let source = EnvironmentProvider::new(settings.clone());
        let role = "canary-in-place-of-an-arn";
        keyfob_chain::AssumeRoleProvider::new(settings.clone(), source, role)
            .external_id("canary-id")
    });

    let key = Credentials::new("AKIACUSTOM", "canary-custom")
        .and_then(|key| key.with_session_token("canary-custom-token"))
        .unwrap();
    let found = Found::new(key, Origin::Default);
    check(&found);
    check(&Outcome::Found(found.clone()));
    check(&Inspection::from(Outcome::Found(found.clone())));
    let cached = Cached::new(found.clone());
    cached.credentials(now()).await.unwrap();
    check(&cached);
    #[cfg(feature = "http")]
    {
        let signer = keyfob_chain::RequestSigner::new(Cached::new(found.clone()));
        check(&signer);
        #[cfg(feature = "tower")]
        check(&tower::layer::Layer::layer(&signer, "a service"));
    }
    check(&provider_fn("custom", move |_| {
        let found = found.clone();
        async move { Ok(Outcome::Found(found)) }
    }));

    let folder = tempfile::tempdir().unwrap();
    let name = "5f52c9c583acfd120a607977e4f21fe86b7fa42d.json";
    let session = r#"{"Credentials": {"AccessKeyId": "ASIACACHED", "SessionToken": "canary",
        "SecretAccessKey": "canary", "Expiration": "2099-01-01T00:00:00Z"}}"#;
    std::fs::write(folder.path().join(name), session).unwrap();
    let cache = SessionCache::read(folder.path()).unwrap();
    check(&cache);
    check(&cache.sessions[0]);

    let resolution = chain.explain(now()).await;
    check(&resolution);
    let explanation = resolution
        .explanation
        .with_endpoint("http://user:canary-url@localhost:4566/", Origin::Default);
    check(&explanation);
    for attempt in &explanation.attempts {
        check(attempt);
    }
    for finding in &explanation.findings {
        check(finding);
    }
    let shown = explanation.text(now(), None) + &serde_json::to_string(&explanation).unwrap();
    assert!(!shown.contains("canary"), "{shown}");
    for provider in ["broken", "default"] {
        let profile = ProfileProvider::new(settings.clone().with_profile(provider));
        check(&profile.provide(now()).await);
        check(&profile.findings(now()));
    }
}

#[cfg(feature = "sso")]
#[test]
fn debug_of_sso_shows_no_token() {
    use keyfob_chain::{Region, SsoSession, SsoToken};

    let folder = tempfile::tempdir().unwrap();
    let sources = Sources::default().with_disk(folder.path());
    let settings = settings().with_sources(sources);
    let region = Region::new("eu-west-1", Origin::Default).unwrap();
    let session = SsoSession::new(None, "https://x/", region, Vec::new());
    check(&session);
    let text = r#"{"accessToken": "canary", "expiresAt": "2026-11-22T03:10:00Z"}"#;
    session.save_token(&settings, &text.into()).unwrap();
    let files = SsoToken::files(&settings).unwrap();
    let token = SsoToken::lock(&files[0]).unwrap().unwrap();
    assert_eq!(token.access_token().expose(), "canary");
    check(&token);
}

#[test]
fn debug_of_the_small_types_shows_what_they_say() {
    check(&Finding::note(FindingKind::Other, "text"));
    check(&Error::new(ErrorKind::Provider, "text"));
    check(&Skip::unset(["A"]));
    check(&Selection::BySkipping);
    let settings = settings().with_profile("default");
    check(&EnvironmentProvider::new(settings).aside(now()));
    check(&TextStyle::default());
    check(&Order::Cli);
}

#[tokio::test]
async fn debug_of_sources_and_processes_shows_no_argument_and_no_output() {
    let sources = Sources::default()
        .with_disk("/home/ada/.aws")
        .with_mfa_prompt(|question| {
            check(&question);
            std::future::ready(Ok("canary".into()))
        });
    check(&sources);
    #[cfg(feature = "login")]
    check(&keyfob_chain::TokenFolder::login(
        &settings().with_sources(sources),
    ));
    check(&ProcessOutput::new(
        ExitStatus::default(),
        "canary",
        "canary",
    ));
    let command = ProcessCommand::new("echo", ["canary"]).with_variable("A", "canary");
    check(&command);
    if cfg!(unix) {
        let running = command.start().unwrap();
        check(&running);
        check(&running.stop());
        check(&running.output().await.unwrap());
    }
}
