use std::fs;

use keyfob_chain::{
    Chain, Error, ErrorKind, ProfileProvider, Settings, Sources,
    profiles::{ConfigFiles, FileKind},
};
use keyfob_sigv4::Timestamp;

use super::Center;

/// Returns the error of the profile `dev` of a config file.
async fn failure(center: &Center, config: &str) -> Error {
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    let settings = Settings::new(center.variables(), files)
        .with_profile("dev")
        .with_sources(center.on_disk());
    let chain = Chain::new().then(ProfileProvider::new(settings));
    chain
        .resolve(Timestamp::now())
        .await
        .credentials
        .unwrap_err()
}

#[tokio::test]
async fn settings_that_do_not_fit_are_named_with_their_lines_and_nothing_is_sent() {
    let center = Center::start().await;
    let requests = center.services.counters().requests;
    const ROLE: &str = "sso_account_id = 1\nsso_role_name = R\n";
    const SESSION: &str = "[sso-session corp]\nsso_start_url = https://a\nsso_region = eu-west-1\n";
    for (profile, session, message) in [
        (
            "sso_session = corp\n",
            SESSION,
            "config:2: sso_session needs sso_account_id and sso_role_name beside it",
        ),
        (
            "sso_session = corp\nsso_account_id = 1\n",
            SESSION,
            "config:3: sso_account_id needs sso_role_name beside it",
        ),
        (
            "sso_start_url = https://a\n",
            "",
            "config:2: sso_start_url needs sso_account_id, sso_role_name and sso_region beside it",
        ),
        (
            ROLE,
            "",
            "config:2: sso_account_id needs sso_start_url and sso_region beside it",
        ),
        (
            &format!("sso_session = corp\n{ROLE}"),
            "",
            "config:2: sso_session: sso-session \"corp\" not found: no configuration file has a \
             [sso-session NAME]",
        ),
        (
            &format!("sso_session = corp\n{ROLE}"),
            "[sso-session corp]\nsso_start_url = https://a\n",
            "config:2: sso_session: sso-session \"corp\" has no sso_region",
        ),
        (
            &format!("sso_session = corp\n{ROLE}sso_region = us-east-1\n"),
            SESSION,
            "config:5: sso_region is not that of sso-session \"corp\" (config:8): remove one of the \
             two",
        ),
        (
            &format!("sso_session = corp\n{ROLE}"),
            "[sso-session corp]\nsso_start_url = https://a\nsso_region = x.example/\n",
            "config:7: region is \"x.example/\", which is not a region: use letters, digits and -, \
             such as eu-west-1",
        ),
    ] {
        let error = failure(&center, &format!("[profile dev]\n{profile}{session}")).await;
        assert_eq!(error.kind(), ErrorKind::Setting, "{error}");
        assert_eq!(error.to_string(), message);
    }
    assert_eq!(center.services.counters().requests, requests);
}

#[tokio::test]
async fn a_profile_may_repeat_the_settings_of_its_session() {
    let center = Center::start().await;
    let config = super::CONFIG.replacen(
        "[profile reader]",
        "sso_region = eu-west-1\n[profile reader]",
        1,
    );
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    let settings = Settings::new(center.variables(), files).with_profile("dev");
    let chain = Chain::new().then(ProfileProvider::new(settings));
    assert!(chain.resolve(Timestamp::now()).await.credentials.is_ok());
}

#[tokio::test]
async fn a_user_who_must_sign_in_is_told_the_command() {
    let center = Center::start().await;
    let get = async |profile| center.get(profile, &center.on_disk()).await.unwrap_err();
    let path = center.token_path("corp");
    let good = fs::read_to_string(&path).unwrap();

    // A token that the portal does not accept.
    center.set("corp", "accessToken", "canary");
    let error = get("dev").await;
    assert_eq!(
        error.to_string(),
        "config:2: the portal does not accept the token of the SSO session \"corp\": run \
         `keyfob sso login --sso-session corp`"
    );
    // A refresh token that was used.
    fs::write(&path, &good).unwrap();
    center.set("corp", "refreshToken", "canary");
    center.expire("corp", -60);
    let error = get("dev").await;
    assert!(
        error
            .to_string()
            .ends_with(" and is not refreshed: run `keyfob sso login --sso-session corp`"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::SignIn);
    // A registration that has expired, and none at all.
    center.set("corp", "registrationExpiresAt", "2020-01-01T00:00:00Z");
    let refreshes = center.refreshes();
    assert_eq!(get("dev").await.kind(), ErrorKind::SignIn);
    for bad in [
        "",
        "{",
        "[]",
        "{\"accessToken\": \"canary\"}",
        // No header may have it.
        r#"{"accessToken": "canary\r\nX: y", "expiresAt": "2999-01-01T00:00:00Z"}"#,
        r#"{"accessToken": "canary\u0000", "expiresAt": "2999-01-01T00:00:00Z"}"#,
        r#"{"accessToken": "canaryé", "expiresAt": "2999-01-01T00:00:00Z"}"#,
        &good[..good.len() / 2],
    ] {
        fs::write(&path, bad).unwrap();
        let error = get("dev").await;
        assert_eq!(error.kind(), ErrorKind::SignIn, "{error}");
        assert!(!format!("{error:?}").contains("canary"));
    }
    fs::remove_file(&path).unwrap();
    let error = get("dev").await;
    assert_eq!(
        error.to_string(),
        format!(
            "config:2: there is no token of the SSO session \"corp\" ({} does not exist): run \
             `keyfob sso login --sso-session corp`",
            path.display()
        )
    );
    fs::remove_file(center.token_path(super::START_URL)).unwrap();
    let error = get("legacy").await;
    assert!(
        error
            .to_string()
            .ends_with("`keyfob sso login --profile legacy`"),
        "{error}"
    );
    assert_eq!(center.refreshes(), refreshes);
}

#[tokio::test]
async fn a_secret_in_the_place_of_a_role_is_not_repeated() {
    let center = Center::start().await;
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let error = failure(&center, &super::CONFIG.replace("Admin", secret)).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(!format!("{error:?}").contains("wJalr"), "{error:?}");
}

#[tokio::test]
async fn a_role_that_the_user_does_not_have_is_a_refusal() {
    let center = Center::start().await;
    let config = super::CONFIG.replace("Admin", "Root");
    let error = failure(&center, &config).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        "no credentials of SSO role \"Root\" in account 123456789012 by [dev] in config:2"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_place_of_a_token_is_not_waited_for() {
    let center = Center::start().await;
    let path = center.token_path("corp");
    fs::remove_file(&path).unwrap();
    let status = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(status.unwrap().success());
    let error = center.get("dev", &Sources::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigFile, "{error}");
}
