//! The sessions of roles in memory and on disk, and the codes of MFA devices, with the STS of the
//! test server over loopback.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

#[path = "../support/aws.rs"]
mod aws;
#[path = "../support/children.rs"]
mod children;
mod disk;
mod mfa;
mod named_role;

use std::{path::Path, process::Command, sync::Arc};

use keyfob_chain::{
    Cached, Chain, Error, Order, Settings, Sources, Variables,
    profiles::{ConfigFiles, FileKind},
};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::server::{Account, Fault, MfaDevice, Role, Services};

const ACCOUNT: &str = "123456789012";

/// An account with a user, three roles and the user's MFA device, and its STS.
struct Cloud {
    account: Arc<Account>,
    sts: Arc<Services>,
    listener: Listener,
    user: Credentials,
    device: MfaDevice,
}

impl Cloud {
    async fn start() -> Self {
        let account = Arc::new(Account::new(ACCOUNT).unwrap());
        let user = account.add_user("ada").unwrap();
        let device = account.add_mfa_device("ada").unwrap();
        for role in ["dev", "admin", "audit"] {
            account.add_role(Role::new(role).unwrap());
        }
        let sts = Arc::new(Services::new(Arc::clone(&account)));
        let shared = Arc::clone(&sts);
        let listener = Listener::builder().start(move |request| {
            let (head, body) = request.into_parts();
            std::future::ready(shared.answer(&head, &body, Timestamp::now()))
        });
        Self {
            account,
            sts,
            listener: listener.await.unwrap(),
            user,
            device,
        }
    }

    /// Returns a config file: admin by dev, audit by admin, others by the user's key.
    fn config(&self) -> String {
        let serial = self.device.serial_number();
        let (id, secret) = (
            self.user.access_key_id(),
            self.user.secret_access_key().expose(),
        );
        let role = |name: &str, role: &str, source: &str| {
            format!(
                "[profile {name}]\nrole_arn = {}\nsource_profile = {source}\n",
                arn(role)
            )
        };
        [
            role("dev", "dev", "key"),
            role("admin", "admin", "dev"),
            role("audit", "audit", "admin"),
            role("other", "audit", "dev"),
            role("mfa", "dev", "key") + &format!("mfa_serial = {serial}\n"),
            role("by-mfa", "admin", "mfa"),
            format!("[profile key]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"),
        ]
        .concat()
    }

    fn settings(&self, profile: &str, sources: &Sources) -> Settings {
        let variables = Variables::from_iter([
            ("AWS_ENDPOINT_URL_STS", self.listener.url()),
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_MAX_ATTEMPTS", "1".to_owned()),
        ]);
        let config = self.config();
        let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
        Settings::new(variables, files)
            .with_profile(profile)
            .with_sources(sources.clone())
    }

    async fn key(&self, profile: &str, sources: &Sources, now: Timestamp) -> Result<String, Error> {
        let chain = Chain::default_for(Order::Cli, &self.settings(profile, sources));
        let found = chain.resolve(now).await.credentials?;
        Ok(found.access_key_id().to_owned())
    }

    /// Runs the AWS CLI with a profile of this home folder.
    fn run(&self, aws: &Path, home: &Path, profile: &str) {
        let output = Command::new(aws)
            .args(["sts", "get-caller-identity", "--profile", profile])
            .env_clear()
            .env("HOME", home)
            .env("AWS_ENDPOINT_URL_STS", self.listener.url())
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
    }

    /// Returns how many roles were assumed.
    fn calls(&self) -> u64 {
        self.sts.calls("AssumeRole")
    }
}

fn arn(role: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{role}")
}

fn later(minutes: i64) -> Timestamp {
    Timestamp::now().plus_seconds(minutes * 60)
}

#[tokio::test]
async fn sts_is_asked_for_a_link_of_a_chain_only_when_its_session_is_about_to_expire() {
    let cloud = Cloud::start().await;
    let sources = Sources::default();
    let first = cloud.key("audit", &sources, later(0)).await.unwrap();
    assert_eq!(cloud.calls(), 3);
    assert_eq!(
        cloud.key("audit", &sources, later(40)).await.unwrap(),
        first
    );
    assert_eq!(cloud.calls(), 3);
    // The sessions of an hour are refreshed in the last 15 minutes.
    assert_ne!(
        cloud.key("audit", &sources, later(46)).await.unwrap(),
        first
    );
    assert_eq!(cloud.calls(), 6);
}

#[tokio::test]
async fn a_link_is_asked_for_alone_if_the_ones_before_it_are_still_good() {
    let cloud = Cloud::start().await;
    let sources = Sources::default();
    let dev = cloud.key("dev", &sources, later(0)).await.unwrap();
    cloud.key("admin", &sources, later(0)).await.unwrap();
    assert_eq!(cloud.calls(), 2);
    // The same session of dev, whichever profile needs it.
    cloud.key("other", &sources, later(0)).await.unwrap();
    assert_eq!(cloud.calls(), 3);
    assert_eq!(cloud.key("dev", &sources, later(0)).await.unwrap(), dev);
    // Other sources have sessions of their own.
    cloud
        .key("dev", &Sources::default(), later(0))
        .await
        .unwrap();
    assert_eq!(cloud.calls(), 4);
}

#[tokio::test]
async fn fifty_tasks_with_four_profiles_get_one_session_of_each_link() {
    let cloud = Arc::new(Cloud::start().await);
    let sources = Sources::default();
    let tasks: Vec<_> = ["dev", "admin", "audit", "other"]
        .into_iter()
        .cycle()
        .take(50)
        .map(|profile| {
            let (cloud, sources) = (Arc::clone(&cloud), sources.clone());
            tokio::spawn(async move { cloud.key(profile, &sources, later(0)).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(cloud.calls(), 4);
}

#[tokio::test]
async fn a_session_that_a_service_refused_is_not_served_again() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    for sources in [
        Sources::default(),
        Sources::default().with_disk(folder.path()),
    ] {
        let before = cloud.calls();
        let chain = Chain::default_for(Order::Cli, &cloud.settings("dev", &sources));
        let cached = Cached::new(chain);
        let first = Credentials::clone(&cached.credentials(later(0)).await.unwrap());
        assert!(cached.invalidate(&first));
        let second = cached.credentials(later(0)).await.unwrap();
        assert_ne!(second.access_key_id(), first.access_key_id());
        assert_eq!(cloud.calls(), before + 2);
        let third = cached.credentials(later(0)).await.unwrap();
        assert!(third.is_same_snapshot(&second));
    }
}

#[tokio::test]
async fn a_session_is_served_through_an_outage_and_a_failure_is_not_cached() {
    let cloud = Cloud::start().await;
    let sources = Sources::default();
    cloud.sts.fail(Fault::Unavailable, 1);
    assert!(cloud.key("dev", &sources, later(0)).await.is_err());
    let key = cloud.key("dev", &sources, later(0)).await.unwrap();
    cloud.sts.fail(Fault::Unavailable, 1);
    assert_eq!(cloud.key("dev", &sources, later(50)).await.unwrap(), key);
}

#[tokio::test]
async fn the_program_may_change_the_client_of_sts() {
    let cloud = Cloud::start().await;
    let url = cloud.listener.url();
    let sources =
        Sources::default().with_sts_client(move |builder| builder.endpoint(&url).unwrap());
    let settings = cloud.settings("dev", &sources);
    let elsewhere = settings
        .variables()
        .clone()
        .with("AWS_ENDPOINT_URL_STS", "http://localhost:1");
    let settings = Settings::new(elsewhere, settings.files().clone())
        .with_profile("dev")
        .with_sources(sources);
    let chain = Chain::default_for(Order::Cli, &settings);
    assert!(chain.resolve(later(0)).await.credentials.is_ok());
}
