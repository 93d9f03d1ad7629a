//! Roles that the program names.

use keyfob_chain::{
    AssumeRoleProvider, Cached, Chain, EnvironmentProvider, Error, ErrorKind, Found, Order, Origin,
    Outcome, Provider, Sources, provider_fn,
};
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::server::Fault;

use super::{Cloud, arn, disk::file, later};

/// Returns the role with the chain of a profile as its source.
fn role(cloud: &Cloud, role: &str, profile: &str, sources: &Sources) -> AssumeRoleProvider {
    let settings = cloud.settings(profile, sources);
    let source = Chain::default_for(Order::Cli, &settings);
    AssumeRoleProvider::new(settings, source, arn(role))
}

async fn found(provider: &impl Provider, now: Timestamp) -> Result<Found, Error> {
    let Outcome::Found(found) = provider.provide(now).await? else {
        unreachable!("a role that is named is configured");
    };
    Ok(found)
}

#[tokio::test]
async fn a_role_that_the_program_names_is_assumed_with_the_chain_of_a_profile() {
    let cloud = Cloud::start().await;
    let sources = Sources::default();
    let admin = role(&cloud, "admin", "dev", &sources)
        .session_name("release-42")
        .duration_seconds(900)
        .named_by("--role-arn");
    let found = found(&admin, later(0)).await.unwrap();
    assert_eq!(cloud.calls(), 2);
    let named_in = Box::new(Origin::Argument {
        name: "--role-arn".to_owned(),
    });
    let arn = arn("admin");
    assert_eq!(found.origin, Origin::Role { arn, named_in });
    let left = found.credentials.expiry().unwrap();
    assert!((800..=900).contains(&left.seconds_since(later(0))));
}

#[tokio::test]
async fn its_session_is_cached_in_memory_and_on_the_disk() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let sources = || Sources::default().with_disk(folder.path());
    let admin = role(&cloud, "admin", "key", &sources());
    let first = found(&admin, later(0)).await.unwrap();
    let again = found(&admin, later(1)).await.unwrap();
    assert!(first.credentials.is_same_snapshot(&again.credentials));
    assert!(file(folder.path(), "admin").exists());
    // As another process does.
    let other = role(&cloud, "admin", "key", &sources());
    let shared = found(&other, later(1)).await.unwrap();
    assert!(first.credentials.is_same_snapshot(&shared.credentials));
    assert_eq!(cloud.calls(), 1);
}

#[tokio::test]
async fn a_session_that_a_service_refused_is_replaced_and_an_outage_is_survived() {
    let cloud = Cloud::start().await;
    let sources = Sources::default();
    let cached = Cached::new(role(&cloud, "admin", "key", &sources));
    let first = Credentials::clone(&cached.credentials(later(0)).await.unwrap());
    assert!(cached.invalidate(&first));
    let second = cached.credentials(later(0)).await.unwrap();
    assert_ne!(second.access_key_id(), first.access_key_id());
    cloud.sts.fail(Fault::Unavailable, 1);
    let third = cached.credentials(later(50)).await.unwrap();
    assert!(third.is_same_snapshot(&second));
}

#[tokio::test]
async fn other_credentials_of_the_source_have_a_session_of_their_own() {
    let cloud = Cloud::start().await;
    let sources = Sources::default();
    let by_key = role(&cloud, "audit", "key", &sources);
    let by_dev = role(&cloud, "audit", "dev", &sources);
    let first = found(&by_key, later(0)).await.unwrap();
    let second = found(&by_dev, later(0)).await.unwrap();
    assert!(!first.credentials.is_same_snapshot(&second.credentials));
}

#[tokio::test]
async fn a_role_whose_source_has_nothing_is_an_error_and_no_other_identity_is_used() {
    let cloud = Cloud::start().await;
    let settings = cloud.settings("key", &Sources::default());
    let source = EnvironmentProvider::new(settings.clone());
    let admin = AssumeRoleProvider::new(settings.clone(), source, arn("admin"));
    let chain = Chain::new()
        .then(admin)
        .then(Chain::default_for(Order::Cli, &settings));
    let error = chain.resolve(later(0)).await.credentials.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoCredentials);
    let text = error.to_string();
    assert!(text.contains(&arn("admin")), "{text}");
    assert!(text.contains("from environment variables: "), "{text}");
    assert_eq!(cloud.calls(), 0);
}

#[tokio::test]
async fn what_sts_refuses_names_the_role_and_an_option_that_is_wrong_is_named() {
    let cloud = Cloud::start().await;
    let sources = Sources::default();
    let missing = role(&cloud, "missing", "key", &sources);
    let error = found(&missing, later(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("role/missing by the program"));
    for (wrong, named) in [
        (
            role(&cloud, "admin", "key", &sources).duration_seconds(10),
            "DurationSeconds",
        ),
        (
            role(&cloud, "admin", "key", &sources).session_name("a b"),
            "RoleSessionName",
        ),
        // The session of a role lasts an hour at most if another role assumes it.
        (
            role(&cloud, "admin", "dev", &sources).duration_seconds(7200),
            "DurationSeconds",
        ),
    ] {
        let error = found(&wrong, later(0)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let text = format!("{error}: {}", source.unwrap_or_default());
        assert!(text.contains(named), "{text}");
    }
}

#[tokio::test]
async fn a_role_that_needs_a_code_asks_for_it_and_without_a_prompt_it_names_the_device() {
    let cloud = Cloud::start().await;
    let device = cloud.device.clone();
    let serial = device.serial_number().to_owned();
    let admin = role(&cloud, "admin", "key", &Sources::default()).mfa_serial(&serial);
    let error = found(&admin, later(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MfaCode);
    assert!(error.to_string().contains(&serial), "{error}");
    let sources = Sources::default().with_mfa_prompt(move |question| {
        assert_eq!(question.profile, "");
        std::future::ready(Ok(device.code(Timestamp::now())))
    });
    let admin = role(&cloud, "admin", "key", &sources).mfa_serial(&serial);
    found(&admin, later(0)).await.unwrap();
}

#[tokio::test]
async fn any_provider_can_be_the_source() {
    let cloud = Cloud::start().await;
    let user = cloud.user.clone();
    let vault = provider_fn("vault", move |_now| {
        let found = Found::new(user.clone(), Origin::Default);
        std::future::ready(Ok(Outcome::Found(found)))
    });
    let settings = cloud.settings("key", &Sources::default());
    let admin = AssumeRoleProvider::new(settings, vault, arn("admin"));
    assert!(found(&admin, later(0)).await.is_ok());
}
