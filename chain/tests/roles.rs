//! Roles of profiles and of pods, with a server that answers as STS does.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

#[path = "support/service.rs"]
mod service;

use std::sync::{Arc, Mutex};

use keyfob_chain::{
    Cached, Chain, Error, ErrorKind, Found, Order, Origin, ProfileProvider, Region, Settings,
    Variables, Verdict,
    profiles::{ConfigFiles, FileKind},
};
use keyfob_imds::server::Imds;
use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::{Value, json};
use service::Service;

const CONFIG: &str = "[profile outer]
role_arn = arn:aws:iam::123456789012:role/outer
source_profile = inner
external_id = partner-42
duration_seconds = 900
[profile inner]
role_arn = arn:aws:iam::123456789012:role/inner
role_session_name = ada
source_profile = key
[profile key]
aws_access_key_id = AKIDKEY
aws_secret_access_key = canary-key
[profile by-variables]
role_arn = arn:aws:iam::123456789012:role/by-variables
credential_source = environment
[profile circle]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = circle2
[profile circle2]
role_arn = arn:aws:iam::123456789012:role/b
source_profile = circle
[profile dangling]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = missing
[profile empty-source]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = empty
[profile empty]
region = eu-west-1
[profile without]
role_arn = arn:aws:iam::123456789012:role/a
[profile long]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = key
duration_seconds = 1h
[profile two-hours]
role_arn = arn:aws:iam::123456789012:role/two-hours
source_profile = inner
duration_seconds = 7200
[profile by-source]
role_arn = arn:aws:iam::123456789012:role/by-source
source_profile = variables
[profile variables]
credential_source = Environment
[profile regional]
role_arn = arn:aws:iam::123456789012:role/regional
source_profile = key
region = eu-west-2
[profile by-region]
role_arn = arn:aws:iam::123456789012:role/last
source_profile = regional
region = eu-west-3
[profile own-key]
role_arn = arn:aws:iam::123456789012:role/own
aws_access_key_id = AKIDOWN
aws_secret_access_key = canary-own
";

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT"),
    ("AWS_SECRET_ACCESS_KEY", "canary-environment"),
];

fn now() -> Timestamp {
    "2026-11-22T03:00:00Z".parse().unwrap()
}

/// Returns an answer with a session that expires in 2030.
fn session(action: &str, id: &str) -> Value {
    let body = format!(
        "<{action}Response><{action}Result><Credentials><AccessKeyId>{id}</AccessKeyId>\
         <SecretAccessKey>canary-session</SecretAccessKey><SessionToken>canary-token</SessionToken>\
         <Expiration>2030-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser>\
         <Arn>arn:aws:sts::123456789012:assumed-role/a/b</Arn><AssumedRoleId>A:b</AssumedRoleId>\
         </AssumedRoleUser></{action}Result></{action}Response>"
    );
    posted(200, &body)
}

fn refusal(code: &str) -> Value {
    posted(
        403,
        &format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
        ),
    )
}

fn posted(status: u16, body: &str) -> Value {
    json!({
        "request": {"method": "POST", "uri": "http://sts/"},
        "response": {"status": status, "body": body},
    })
}

fn settings(sts: &Service, variables: &[(&str, &str)]) -> Settings {
    let mut variables: Variables = variables.iter().copied().collect();
    variables = variables.with("AWS_ENDPOINT_URL_STS", &sts.endpoint);
    if variables.raw("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_none() {
        variables = variables.with("AWS_EC2_METADATA_DISABLED", "true");
    }
    Settings::new(
        variables,
        ConfigFiles::parse([(FileKind::Config, "config", CONFIG.as_bytes())]),
    )
}

async fn credentials(settings: &Settings) -> Result<Credentials, Error> {
    Chain::default_for(Order::Cli, settings)
        .resolve(now())
        .await
        .credentials
}

#[tokio::test]
async fn java_calls_sts_in_the_region_beside_the_role_and_the_others_in_the_one_of_the_profile() {
    for (order, regions) in [
        (Order::Cli, ["eu-west-3", "eu-west-3"]),
        (Order::Boto3, ["eu-west-3", "eu-west-3"]),
        (Order::JavaV2, ["eu-west-2", "eu-west-3"]),
    ] {
        let answers = ["ASIAFIRST", "ASIALAST"].map(|id| session("AssumeRole", id));
        let sts = Service::start(answers.to_vec());
        let settings = settings(&sts, &[]).with_profile("by-region");
        let chain = Chain::default_for(order, &settings);
        let key = chain.resolve(now()).await.credentials.unwrap();
        assert_eq!(key.access_key_id(), "ASIALAST");
        let seen = sts.seen();
        assert_eq!(seen.len(), 2);
        for (request, region) in seen.iter().zip(regions) {
            let scope = format!("/{region}/sts/aws4_request");
            assert!(request.contains(&scope), "{order:?}: {request}");
        }
    }
}

#[tokio::test]
async fn a_role_without_a_source_takes_its_own_key_in_the_sdk_for_go_only() {
    for (order, is_assumed) in [(Order::Go, true), (Order::Cli, false), (Order::Rust, false)] {
        let sts = Service::start(vec![session("AssumeRole", "ASIAROLE")]);
        let settings = settings(&sts, &[("AWS_REGION", "eu-west-1")]).with_profile("own-key");
        let chain = Chain::default_for(order, &settings);
        match chain.resolve(now()).await.credentials {
            Ok(key) => assert!(is_assumed && key.access_key_id() == "ASIAROLE", "{order:?}"),
            Err(error) => {
                assert!(!is_assumed, "{order:?}: {error}");
                assert_eq!(error.kind(), ErrorKind::SourceProfile);
            }
        }
    }
}

#[tokio::test]
async fn a_chain_of_sixteen_roles_is_assumed_and_a_longer_one_is_an_error() {
    use keyfob_chain::profiles::{ConfigFiles, FileKind};

    let key = "aws_access_key_id = AKIAFIRST\naws_secret_access_key = secret\n";
    for count in [16, 17, 3_000] {
        let role = |n| {
            let source = n + 1;
            format!(
                "[profile p{n}]\nrole_arn = arn:aws:iam::123456789012:role/r\n\
                 source_profile = p{source}\nregion = eu-west-1\n"
            )
        };
        let config: String = (0..count).map(role).collect();
        let config = format!("{config}[profile p{count}]\n{key}");
        let answers = (0..16).map(|_| session("AssumeRole", "ASIAROLE"));
        let sts = Service::start(answers.collect());
        let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
        let variables = Variables::from_iter([
            ("AWS_ENDPOINT_URL", &*sts.endpoint),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        let settings = Settings::new(variables, files).with_profile("p0");
        let chain = Chain::default_for(Order::Cli, &settings);
        let found = chain.resolve(now()).await.credentials;
        match found {
            Ok(found) => assert_eq!((count, found.access_key_id()), (16, "ASIAROLE")),
            Err(error) => {
                assert!(count > 16, "{error}");
                let text = "source_profile: more than 16 roles in a row";
                assert!(error.to_string().contains(text), "{error}");
            }
        }
    }
}

#[test]
fn settings_limit_the_attempts_of_sts_and_a_value_that_cannot_be_used_is_named() {
    let sts = |variables: &[(&str, &str)]| {
        let settings = Settings::load(variables.iter().copied().collect());
        let origin = Origin::Default;
        let client = settings.sts(&Region::new("eu-west-1", origin).unwrap(), None);
        client.map(|client| format!("{:?}", client.build().unwrap()))
    };
    for (variables, attempts) in [
        (&[][..], 3),
        (&[("AWS_MAX_ATTEMPTS", "1")], 1),
        (
            &[("AWS_MAX_ATTEMPTS", "7"), ("AWS_RETRY_MODE", "legacy")],
            7,
        ),
        (&[("AWS_RETRY_MODE", "legacy")], 5),
        (&[("AWS_RETRY_MODE", "Adaptive")], 3),
    ] {
        let shown = sts(variables).unwrap();
        let wanted = format!("attempts: {attempts},");
        assert!(shown.contains(&wanted), "{variables:?}: {shown}");
    }
    for (variable, value, message) in [
        (
            "AWS_MAX_ATTEMPTS",
            "0",
            "AWS_MAX_ATTEMPTS is \"0\", which is not a whole number of 1 or more",
        ),
        (
            "AWS_RETRY_MODE",
            "never",
            "AWS_RETRY_MODE is \"never\", which is not standard, adaptive or legacy",
        ),
    ] {
        assert_eq!(sts(&[(variable, value)]).unwrap_err().to_string(), message);
    }
}

#[tokio::test]
async fn each_role_is_assumed_with_the_credentials_of_the_one_before() {
    let sts = Service::start(vec![
        session("AssumeRole", "ASIAINNER"),
        session("AssumeRole", "ASIAOUTER"),
    ]);
    let settings = settings(&sts, &[]).with_profile("outer");
    let resolution = Chain::default_for(Order::Cli, &settings)
        .resolve(now())
        .await;
    let found = resolution.credentials.unwrap();
    assert_eq!(found.access_key_id(), "ASIAOUTER");
    assert_eq!(found.account_id(), Some("123456789012"));
    assert_eq!(
        resolution.explanation.winner().unwrap().origin,
        Some(Origin::Role {
            arn: "arn:aws:iam::123456789012:role/outer".to_owned(),
            named_in: Box::new(Origin::File {
                file: "config".into(),
                line: 2,
                section: "outer".to_owned(),
            }),
        })
    );
    assert_eq!(sts.left(), 0);
    let seen = sts.seen();
    for (request, parts) in seen.iter().zip([
        ["Credential=AKIDKEY/", "role%2Finner", "RoleSessionName=ada"],
        [
            "Credential=ASIAINNER/",
            "ExternalId=partner-42",
            "DurationSeconds=900",
        ],
    ]) {
        for part in parts {
            assert!(request.contains(part), "{part} in {request}");
        }
    }
    let name = format!("RoleSessionName=keyfob-{}", now().unix_seconds());
    assert!(seen[1].contains(&name), "{}", seen[1]);
}

#[tokio::test]
async fn more_than_an_hour_of_a_role_assumed_by_a_role_is_refused_before_it_is_sent() {
    let sts = Service::start(vec![session("AssumeRole", "ASIAINNER"); 2]);
    let settings = settings(&sts, &[]).with_profile("two-hours");
    let error = credentials(&settings).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Setting);
    let text = "config:39: duration_seconds must be at most 3600";
    assert!(error.to_string().starts_with(text), "{error}");
    assert_eq!(sts.left(), 1);
}

#[tokio::test]
async fn credential_source_takes_the_variables_even_beside_a_named_profile() {
    let sts = Service::start(vec![session("AssumeRole", "ASIAROLE"); 2]);
    for profile in ["by-variables", "by-source"] {
        let named = settings(&sts, &KEYS).with_profile(profile);
        let found = credentials(&named).await.unwrap();
        assert_eq!(found.access_key_id(), "ASIAROLE");
    }
    for request in sts.seen() {
        assert!(request.contains("Credential=AKIDENVIRONMENT/"), "{request}");
    }
    // A finding tells the old name, so that the error is the same without it.
    for variables in [&[][..], &[("AWS_SECRET_KEY", "s")]] {
        let without = settings(&sts, variables).with_profile("by-variables");
        let error = credentials(&without).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoCredentials);
        assert_eq!(
            error.to_string(),
            "no session of role arn:aws:iam::123456789012:role/by-variables by [by-variables] in \
             config:14: credential_source Environment has no credentials: AWS_ACCESS_KEY_ID is \
             not set"
        );
    }
}

#[tokio::test]
async fn a_role_whose_source_has_nothing_stops_a_chain_also_out_of_a_cache() {
    let sts = Service::start(Vec::new());
    let settings = settings(&sts, &[]).with_profile("by-variables");
    let key = Credentials::new("AKIDNEXT", "canary").unwrap();
    let description = "the next provider".to_owned();
    let next = Found::new(key, Origin::Other { description });
    let chain = Chain::new()
        .then(Cached::new(ProfileProvider::new(settings)))
        .then(next);
    let error = chain.resolve(now()).await.credentials.unwrap_err();
    assert!(
        error.to_string().contains("credential_source Environment"),
        "{error}"
    );
}

#[tokio::test]
async fn a_role_without_a_usable_source_is_an_error_that_says_where() {
    let sts = Service::start(Vec::new());
    for (profile, kind, text) in [
        (
            "circle",
            ErrorKind::SourceProfile,
            "config:21: source_profile leads in a circle: circle → circle2 → circle",
        ),
        (
            "dangling",
            ErrorKind::SourceProfile,
            "config:24: source_profile: profile \"missing\" not found",
        ),
        (
            "empty-source",
            ErrorKind::SourceProfile,
            "config:27: source_profile: profile \"empty\" has no credentials",
        ),
        (
            "without",
            ErrorKind::SourceProfile,
            "config:31: role_arn needs source_profile or credential_source",
        ),
        (
            "long",
            ErrorKind::Setting,
            "config:35: duration_seconds is \"1h\", which is not a number: write a whole number of seconds, such as 5",
        ),
    ] {
        let settings = settings(&sts, &[]).with_profile(profile);
        let error = credentials(&settings).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().starts_with(text), "{error}");
    }
    assert!(sts.seen().is_empty());
}

#[tokio::test]
async fn a_refused_role_is_not_replaced_by_the_role_of_the_instance() {
    let key = Credentials::new("ASIAINSTANCE", "secret")
        .and_then(|key| key.with_session_token("token"))
        .unwrap()
        .with_expiry(Timestamp::MAX);
    let instance = Imds::builder()
        .role("node")
        .unwrap()
        .credentials(key)
        .start()
        .await
        .unwrap();
    let endpoint = instance.endpoint().to_string();
    let sts = Service::start(vec![
        refusal("AccessDenied"),
        refusal("InvalidIdentityToken"),
    ]);
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&token, "a token\n").unwrap();
    let variables = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()),
        (
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            token.path().to_str().unwrap(),
        ),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
    ];
    let on_instance = settings(&sts, &variables[..1]).with_profile("inner");
    let in_pod = settings(&sts, &variables);
    for settings in [on_instance, in_pod] {
        let resolution = Chain::default_for(Order::Cli, &settings)
            .explain(now())
            .await;
        let error = resolution.credentials.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
        let last = resolution.explanation.attempts.last().unwrap();
        assert_eq!(last.verdict, Verdict::Masked);
        assert_eq!(
            last.origin,
            Some(Origin::InstanceMetadata {
                role: Some("node".to_owned())
            })
        );
    }
}

#[tokio::test]
async fn a_masked_role_is_shown_and_not_assumed() {
    let sts = Service::start(Vec::new());
    let profile = [KEYS[0], KEYS[1], ("AWS_PROFILE", "outer")];
    let chain = Chain::default_for(Order::Cli, &settings(&sts, &profile));
    let explanation = chain.explain(now()).await.explanation;
    let row = explanation.masked().next().unwrap();
    assert_eq!(row.provider, "profile \"outer\"");
    assert!(row.key_id.is_none() && sts.seen().is_empty());
    let text = explanation.text(now(), None);
    assert!(
        text.contains("arn:aws:iam::123456789012:role/outer by [outer] in config:2"),
        "{text}"
    );
    assert!(!text.contains("canary"));
}

#[tokio::test]
async fn the_token_of_a_pod_is_read_again_for_each_session() {
    let action = "AssumeRoleWithWebIdentity";
    let sts = Service::start(vec![
        session(action, "ASIAFIRST"),
        session(action, "ASIASECOND"),
    ]);
    let token = tempfile::NamedTempFile::new().unwrap();
    let pod = settings(
        &sts,
        &[
            (
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                token.path().to_str().unwrap(),
            ),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
            ("AWS_ROLE_SESSION_NAME", "build-7"),
        ],
    );
    let cached = Cached::new(Chain::default_for(Order::Cli, &pod)).with_random(|| 0);
    std::fs::write(&token, "first.token\n").unwrap();
    let first = cached.credentials(now()).await.unwrap();
    std::fs::write(&token, "second.token").unwrap();
    assert!(
        cached
            .credentials(now())
            .await
            .unwrap()
            .is_same_snapshot(&first)
    );
    cached.invalidate(&first);
    assert_eq!(
        cached.credentials(now()).await.unwrap().access_key_id(),
        "ASIASECOND"
    );
    let seen = sts.seen();
    assert!(
        seen[0].contains("WebIdentityToken=first.token")
            && seen[0].contains("RoleSessionName=build-7")
    );
    assert!(seen[1].contains("WebIdentityToken=second.token"));
    assert!(!seen[0].to_ascii_lowercase().contains("authorization:"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_token_file_that_never_answers_does_not_block_the_task() {
    let sts = Service::start(Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("token");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let pod = settings(
        &sts,
        &[
            ("AWS_WEB_IDENTITY_TOKEN_FILE", pipe.to_str().unwrap()),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
        ],
    );
    let moment = std::time::Duration::from_millis(50);
    let waited = tokio::time::timeout(moment, credentials(&pod)).await;
    assert!(waited.is_err());
    let read = keyfob_chain::files::read_secret_async(&pipe, moment).await;
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn half_a_web_identity_is_an_error_and_a_named_profile_takes_its_place() {
    let sts = Service::start(Vec::new());
    let half = settings(&sts, &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere")]);
    assert_eq!(
        credentials(&half).await.unwrap_err().kind(),
        ErrorKind::SourceProfile
    );
    assert_eq!(
        credentials(&half.with_profile("key"))
            .await
            .unwrap()
            .access_key_id(),
        "AKIDKEY"
    );
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
    ];
    let error = credentials(&settings(&sts, &variables)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Provider);
    assert!(error.to_string().contains("/nowhere"), "{error}");
}

/// Returns settings with a config file of their own, without instance metadata.
fn configured(sts: &Service, variables: &[(&str, &str)], config: &str) -> Settings {
    let variables: Variables = variables.iter().copied().collect();
    let variables = variables
        .with("AWS_ENDPOINT_URL_STS", &sts.endpoint)
        .with("AWS_EC2_METADATA_DISABLED", "true");
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    Settings::new(variables, files)
}

const CHINA: &str = "[default]
region = cn-north-1
[profile t]
role_arn = arn:aws-cn:iam::111122223333:role/t
source_profile = key
[profile key]
aws_access_key_id = AKIDKEY
aws_secret_access_key = canary-key
";

#[tokio::test]
async fn the_default_region_and_a_foreign_partition_are_told_before_the_call() {
    let sts = Service::start(vec![refusal("InvalidClientTokenId")]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let settings = configured(&sts, &[], CHINA)
        .with_profile("t")
        .with_notify(move |finding| list.lock().unwrap().push(finding.line(None)));
    credentials(&settings).await.unwrap_err();
    let told = told.lock().unwrap();
    assert!(
        told[0].ends_with("the cn-north-1 of [default] is not inherited by profile \"t\""),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("config:4: the ARN is in partition aws-cn, the region us-east-1"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_role_is_assumed_in_the_region_that_the_program_was_told_or_that_of_the_instance() {
    let sts = Service::start(vec![session("AssumeRole", "ASIAROLE"); 2]);
    let region = Region::new("eu-north-1", Origin::Default).unwrap();
    let told = configured(&sts, &[("AWS_REGION", "eu-west-1")], CHINA)
        .with_profile("t")
        .with_region(region);
    credentials(&told).await.unwrap();
    let instance = Imds::builder()
        .region("eu-central-1")
        .start()
        .await
        .unwrap();
    let endpoint = instance.endpoint().to_string();
    let variables = Variables::from_iter([
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()),
        ("AWS_ENDPOINT_URL_STS", sts.endpoint.as_str()),
    ]);
    let files = ConfigFiles::parse([(FileKind::Config, "config", CHINA.as_bytes())]);
    let on_instance = Settings::new(variables, files).with_profile("t");
    credentials(&on_instance).await.unwrap();
    for (request, scope) in sts
        .seen()
        .iter()
        .zip(["/eu-north-1/sts/", "/eu-central-1/sts/"])
    {
        assert!(request.contains(scope), "{request}");
    }
}

#[tokio::test]
async fn web_identity_may_be_split_between_profile_and_environment() {
    let action = "AssumeRoleWithWebIdentity";
    let sts = Service::start(vec![session(action, "ASIAPOD"); 3]);
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&token, "a.token").unwrap();
    let file = token.path().to_str().unwrap();
    let with_file = format!("[default]\nweb_identity_token_file = {file}\n");
    let own_role = "role_arn = arn:aws:iam::123456789012:role/own\n";
    let with_both = format!("{with_file}{own_role}");
    let pod = ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    for (variables, config, role) in [
        (vec![pod], &with_file, "role%2Fpod"),
        // As in botocore, the environment comes first.
        (vec![pod], &with_both, "role%2Fpod"),
        (
            vec![("AWS_WEB_IDENTITY_TOKEN_FILE", file)],
            &with_both,
            "role%2Fown",
        ),
    ] {
        let settings = configured(&sts, &variables, config);
        let found = credentials(&settings).await.unwrap();
        assert_eq!(found.access_key_id(), "ASIAPOD");
        let seen = sts.seen();
        assert!(seen.last().unwrap().contains(role), "{seen:?}");
    }
    // A profile that the program chose takes nothing from the environment.
    let named = configured(&sts, &[pod], &with_file).with_profile("default");
    let error = credentials(&named).await.unwrap_err();
    assert!(error.to_string().ends_with("it needs both"), "{error}");
}

#[tokio::test]
async fn a_tilde_in_the_path_of_a_token_is_named() {
    let sts = Service::start(Vec::new());
    let config =
        "[default]\nweb_identity_token_file = ~/tok\nrole_arn = arn:aws:iam::1:role/aaaaaaa\n";
    let error = credentials(&configured(&sts, &[], config))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("cannot read ~/tok (~ is not expanded here: write the whole path)"),
        "{error}"
    );
}

#[test]
fn every_client_of_sts_has_the_same_endpoint_and_authorities() {
    let files = |text: &str| ConfigFiles::parse([(FileKind::Config, "config", text.as_bytes())]);
    let region = Region::new("us-west-2", Origin::Default).unwrap();
    let url = |settings: &Settings| {
        let client = settings.sts(&region, None).unwrap().build().unwrap();
        client.endpoint().url()
    };
    let fips = [("AWS_USE_FIPS_ENDPOINT", "true")];
    let by_variable = Settings::new(Variables::from_iter(fips), ConfigFiles::default());
    assert_eq!(
        url(&by_variable),
        "https://sts-fips.us-west-2.amazonaws.com/"
    );
    let text = "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n";
    let by_property = Settings::new(Variables::default(), files(text));
    assert_eq!(url(&by_property), "https://sts-fips.us-west-2.api.aws/");

    let bundle = [("AWS_CA_BUNDLE", "/no/such.pem")];
    let by_variable = Settings::new(Variables::from_iter(bundle), ConfigFiles::default());
    let by_property = Settings::new(
        Variables::default(),
        files("[default]\nca_bundle = /no/such.pem\n"),
    );
    for (settings, name) in [
        (by_variable, "AWS_CA_BUNDLE cannot be used"),
        (by_property, "config:2: ca_bundle cannot be used"),
    ] {
        let error = settings.sts(&region, None).unwrap_err();
        assert_eq!(error.to_string(), name);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("/no/such.pem"), "{source}");
    }
}

#[tokio::test]
async fn a_role_that_is_refused_is_named_with_its_step_in_a_chain_of_roles() {
    for (profile, answers, message) in [
        (
            "inner",
            vec![refusal("AccessDenied")],
            "no session of role arn:aws:iam::123456789012:role/inner by [inner] in config:7",
        ),
        (
            "outer",
            vec![refusal("AccessDenied")],
            "no session of role arn:aws:iam::123456789012:role/inner by [inner] in config:7 \
             (step 1 of 2 to profile \"outer\")",
        ),
        (
            "outer",
            vec![session("AssumeRole", "ASIAINNER"), refusal("AccessDenied")],
            "no session of role arn:aws:iam::123456789012:role/outer by [outer] in config:2 \
             (step 2 of 2 to profile \"outer\")",
        ),
    ] {
        let sts = Service::start(answers);
        let settings = settings(&sts, &[]).with_profile(profile);
        let error = credentials(&settings).await.unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[tokio::test]
async fn an_empty_role_or_command_is_an_error_and_no_other_identity_is_used() {
    for name in ["role_arn", "credential_process"] {
        let config = format!("[default]\n{name} =\nsource_profile = b\n");
        let config = (FileKind::Config, "config", config.as_bytes());
        let settings = Settings::new(Variables::default(), ConfigFiles::parse([config]));
        let chain = Chain::default_for(Order::Cli, &settings);
        let error = chain
            .resolve(Timestamp::now())
            .await
            .credentials
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        let wanted = format!("config:2: {name} is empty: set it, or remove the line");
        assert_eq!(error.to_string(), wanted);
    }
}
