//! Roles of IAM Identity Center, with the authorization server and the portal of the test server
//! over loopback.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

#[path = "../support/aws.rs"]
mod aws;
#[path = "../support/children.rs"]
mod children;
mod errors;
mod interop;
mod processes;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use keyfob_chain::{
    Cached, Chain, Error, ErrorKind, FindingKind, Order, Settings, Sources, Variables, Verdict,
    files::{Lock, names},
    profiles::{ConfigFiles, FileKind},
};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{
    Client,
    actions::GetCallerIdentity,
    call::Service,
    server::{Account, Fault, Role, Services},
    sso::{CreateToken, RegisterClient, StartDeviceAuthorization, TokenFile},
};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const START_URL: &str = "https://d-1234567890.awsapps.com/start";

pub(crate) const CONFIG: &str = "[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Admin
[profile reader]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = ReadOnly
[profile legacy]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = Admin
[profile by-sso]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = dev
[sso-session corp]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
";

/// A user of IAM Identity Center who is signed in, with a home folder.
pub(crate) struct Center {
    pub(crate) services: Arc<Services>,
    pub(crate) listener: Listener,
    pub(crate) folder: tempfile::TempDir,
    /// How long an answer takes, in milliseconds.
    delay: Arc<AtomicU64>,
}

impl Center {
    pub(crate) async fn start() -> Self {
        let account = Arc::new(Account::new(ACCOUNT).unwrap());
        for role in ["Admin", "ReadOnly"] {
            account.assign("carol", ACCOUNT, role).unwrap();
        }
        account.add_role(Role::new("deploy").unwrap());
        let services = Arc::new(Services::new(account));
        let delay = Arc::new(AtomicU64::new(0));
        let shared = (Arc::clone(&services), Arc::clone(&delay));
        let listener = Listener::builder().host("localhost").start(move |request| {
            let (services, delay) = shared.clone();
            async move {
                let (head, body) = request.into_parts();
                let answer = services.answer(&head, &body, Timestamp::now());
                let delay = delay.load(Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(delay)).await;
                answer
            }
        });
        let center = Self {
            services,
            listener: listener.await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
            delay,
        };
        center.sign_in().await;
        center
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.listener.address().port())
    }

    /// Signs the user in as `aws sso login` does, for profiles with a session and without.
    async fn sign_in(&self) {
        let builder = Client::builder().service(Service::SSO_OIDC);
        let oidc = builder.endpoint(&self.url()).unwrap().build().unwrap();
        let register = RegisterClient::new("test").unwrap();
        let register = register.scope("sso:account:access").unwrap();
        for name in ["corp", START_URL] {
            let client = oidc.send_unsigned(&register).await.unwrap();
            let (id, secret) = (client.client_id.clone(), client.client_secret.clone());
            let start = StartDeviceAuthorization::new(&id, secret.clone(), START_URL);
            let device = oidc.send_unsigned(&start.unwrap()).await.unwrap();
            let account = self.services.account();
            account.approve(&device.user_code, "carol").unwrap();
            let token = CreateToken::device_code(&id, secret, device.device_code);
            let token = oidc.send_unsigned(&token.unwrap()).await.unwrap();
            let file = TokenFile::new(START_URL, "eu-west-1", &client, &token, Timestamp::now());
            let path = self.token_path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file.to_text().expose()).unwrap();
        }
    }

    pub(crate) fn aws(&self) -> PathBuf {
        self.folder.path().join(".aws")
    }

    pub(crate) fn token_path(&self, name: &str) -> PathBuf {
        self.aws().join("sso/cache").join(names::sso_token(name))
    }

    pub(crate) fn token(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.token_path(name)).unwrap()).unwrap()
    }

    /// Changes a member of the token file.
    pub(crate) fn set(&self, name: &str, member: &str, value: impl Into<Value>) {
        let mut token = self.token(name);
        token[member] = value.into();
        fs::write(self.token_path(name), token.to_string()).unwrap();
    }

    /// Lets the token expire this many seconds from now.
    pub(crate) fn expire(&self, name: &str, seconds: i64) {
        let expiry = Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + seconds);
        self.set(name, "expiresAt", expiry.to_string());
    }

    pub(crate) fn variables(&self) -> Variables {
        let url = self.url();
        Variables::from_iter([
            ("HOME", self.folder.path().to_str().unwrap()),
            ("AWS_ENDPOINT_URL", &url),
            ("AWS_REGION", "us-west-2"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_MAX_ATTEMPTS", "1"),
        ])
    }

    pub(crate) fn settings(&self, profile: &str, sources: &Sources) -> Settings {
        let files = ConfigFiles::parse([(FileKind::Config, "config", CONFIG.as_bytes())]);
        Settings::new(self.variables(), files)
            .with_profile(profile)
            .with_sources(sources.clone())
    }

    pub(crate) fn on_disk(&self) -> Sources {
        Sources::default().with_disk(self.aws())
    }

    pub(crate) async fn get(&self, profile: &str, sources: &Sources) -> Result<Credentials, Error> {
        let chain = Chain::default_for(Order::Cli, &self.settings(profile, sources));
        chain.resolve(Timestamp::now()).await.credentials
    }

    /// Returns how often tokens were refreshed.
    pub(crate) fn refreshes(&self) -> u64 {
        self.services.calls("CreateToken") - 2
    }

    /// Waits until the service has got a request for a new token, which it has not answered yet.
    async fn refresh_begins(&self) {
        while self.refreshes() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn portal_calls(&self) -> u64 {
        self.services.calls("GetRoleCredentials")
    }

    async fn identity(&self, credentials: &Credentials) -> String {
        let builder = Client::builder().region("us-west-2").unwrap();
        let sts = builder.endpoint(&self.url()).unwrap().build().unwrap();
        let call = GetCallerIdentity::new();
        sts.send(&call, credentials).await.unwrap().arn
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;

    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_profile_has_the_credentials_of_its_role_and_asks_the_portal_once() {
    let center = Center::start().await;
    for (profile, role, calls) in [
        ("dev", "Admin", 1),
        ("reader", "ReadOnly", 2),
        ("legacy", "Admin", 3),
    ] {
        let sources = Sources::default();
        let key = center.get(profile, &sources).await.unwrap();
        assert_eq!(key.account_id(), Some(ACCOUNT));
        let left = key.expiry().unwrap().seconds_since(Timestamp::now());
        assert!((3590..=3600).contains(&left), "{left}");
        let arn = center.identity(&key).await;
        assert!(arn.contains(&format!("AWSReservedSSO_{role}_")), "{arn}");
        let again = center.get(profile, &sources).await.unwrap();
        assert!(again.is_same_snapshot(&key));
        assert_eq!(center.portal_calls(), calls);
    }
    assert_eq!(center.refreshes(), 0);
    assert!(
        !center.aws().join("cli").exists(),
        "nothing is written without a disk"
    );
}

#[tokio::test]
async fn with_a_disk_the_next_process_reads_what_this_one_wrote() {
    let center = Center::start().await;
    let key = center.get("dev", &center.on_disk()).await.unwrap();
    let again = center.get("dev", &center.on_disk()).await.unwrap();
    assert_eq!(again.access_key_id(), key.access_key_id());
    assert_eq!(
        (again.expiry(), again.account_id()),
        (key.expiry(), Some(ACCOUNT))
    );
    assert_eq!(center.portal_calls(), 1);

    let name = names::sso_role_session(Some("corp"), START_URL, "Admin", ACCOUNT).unwrap();
    let path = center.aws().join("cli/cache").join(format!("{name}.json"));
    let entry: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(entry["ProviderType"], "sso");
    assert_eq!(entry["Credentials"]["AccessKeyId"], key.access_key_id());
    assert_eq!(entry["Credentials"]["AccountId"], ACCOUNT);
    let expiration = entry["Credentials"]["Expiration"].as_str().unwrap();
    assert!(expiration.ends_with('Z'), "{expiration}");
    #[cfg(unix)]
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn an_expired_token_is_refreshed_and_its_file_keeps_what_others_put_there() {
    let center = Center::start().await;
    center.set("corp", "ofAnotherTool", json!({"a": [1]}));
    center.expire("corp", -60);
    let old = center.token("corp");
    let key = center.get("dev", &center.on_disk()).await.unwrap();
    center.identity(&key).await;
    assert_eq!(center.refreshes(), 1);
    let new = center.token("corp");
    assert_ne!(new["accessToken"], old["accessToken"]);
    assert_ne!(new["refreshToken"], old["refreshToken"]);
    for member in [
        "startUrl",
        "region",
        "clientId",
        "registrationExpiresAt",
        "ofAnotherTool",
    ] {
        assert_eq!(new[member], old[member], "{member}");
    }
    let expiry: Timestamp = new["expiresAt"].as_str().unwrap().parse().unwrap();
    assert!(expiry.seconds_since(Timestamp::now()) > 3500);
    #[cfg(unix)]
    assert_eq!(mode(&center.token_path("corp")), 0o600);
    // Another role of the same session has the new token.
    center.get("reader", &center.on_disk()).await.unwrap();
    assert_eq!(center.refreshes(), 1);
}

#[tokio::test]
async fn without_a_disk_no_token_is_used_up() {
    let center = Center::start().await;
    let before = center.token("corp");
    // About to expire, and good until then.
    center.expire("corp", 60);
    center.get("dev", &Sources::default()).await.unwrap();
    center.expire("corp", -60);
    let error = center.get("dev", &Sources::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn);
    let text = error.to_string();
    assert!(text.starts_with("config:2: the token of the SSO session \"corp\" expired at "));
    assert!(
        text.ends_with(
            ", and there is no disk to save a refreshed one: run `keyfob sso login --sso-session corp`"
        ),
        "{text}"
    );
    assert_eq!(center.refreshes(), 0);
    assert_eq!(center.token("corp")["refreshToken"], before["refreshToken"]);
    // Another program has refreshed it.
    center.get("dev", &center.on_disk()).await.unwrap();
    center.get("reader", &Sources::default()).await.unwrap();
}

#[tokio::test]
async fn a_token_that_still_holds_helps_through_an_outage() {
    let center = Center::start().await;
    center.expire("corp", 60);
    center.services.fail(Fault::Unavailable, 1);
    center.get("dev", &center.on_disk()).await.unwrap();
    assert_eq!(center.portal_calls(), 1);

    center.expire("corp", -60);
    center.services.fail(Fault::Unavailable, 1);
    let error = center.get("reader", &center.on_disk()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Provider, "{error}");
    // A failure is not cached.
    center.get("reader", &center.on_disk()).await.unwrap();
}

#[tokio::test]
async fn a_token_that_still_holds_does_not_wait_for_another_program() {
    let center = Center::start().await;
    let stuck = Lock::acquire(center.token_path("corp"), Lock::PATIENCE).unwrap();
    center.expire("corp", 200);
    let start = Instant::now();
    center.get("dev", &center.on_disk()).await.unwrap();
    assert!(
        start.elapsed() < Lock::PATIENCE / 3,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(center.refreshes(), 0);
    drop(stuck);
    center.get("reader", &center.on_disk()).await.unwrap();
    assert_eq!(center.refreshes(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_lose_the_new_token() {
    let center = Center::start().await;
    center.expire("corp", -60);
    let old = center.token("corp");
    center.delay.store(3000, Ordering::Relaxed);
    let sources = center.on_disk();
    tokio::select! {
        key = center.get("dev", &sources) => panic!("{key:?} came before it was asked for"),
        () = center.refresh_begins() => {}
    }
    center.delay.store(0, Ordering::Relaxed);
    center.get("dev", &center.on_disk()).await.unwrap();
    assert_eq!(center.refreshes(), 1);
    assert_ne!(center.token("corp")["refreshToken"], old["refreshToken"]);
}

#[tokio::test]
async fn what_another_program_writes_during_a_refresh_stays() {
    let center = Center::start().await;
    center.expire("corp", -60);
    center.delay.store(1000, Ordering::Relaxed);
    let sources = center.on_disk();
    let (key, ()) = tokio::join!(center.get("dev", &sources), async {
        center.refresh_begins().await;
        center.set("corp", "accessToken", "ofALogin");
    });
    key.unwrap();
    assert_eq!(center.refreshes(), 1);
    assert_eq!(center.token("corp")["accessToken"], "ofALogin");
}

#[tokio::test]
async fn a_role_of_sts_is_assumed_with_the_role_of_a_user() {
    let center = Center::start().await;
    let key = center.get("by-sso", &Sources::default()).await.unwrap();
    let arn = center.identity(&key).await;
    assert!(arn.contains(":assumed-role/deploy/"), "{arn}");
    assert_eq!(center.portal_calls(), 1);
}

#[tokio::test]
async fn credentials_that_a_service_refused_are_not_served_again() {
    let center = Center::start().await;
    for sources in [Sources::default(), center.on_disk()] {
        let before = center.portal_calls();
        let cached = Cached::new(Chain::default_for(
            Order::Cli,
            &center.settings("dev", &sources),
        ));
        let now = Timestamp::now();
        let first = Credentials::clone(&cached.credentials(now).await.unwrap());
        assert!(cached.invalidate(&first));
        let second = cached.credentials(now).await.unwrap();
        assert_ne!(second.access_key_id(), first.access_key_id());
        assert_eq!(center.portal_calls(), before + 2);
    }
}

#[tokio::test]
async fn an_explanation_has_the_role_and_when_its_token_expires() {
    let center = Center::start().await;
    let explain = async |sources: &Sources| {
        let chain = Chain::default_for(Order::Cli, &center.settings("dev", sources));
        chain.explain(Timestamp::now()).await.explanation
    };
    let told = |explanation: &keyfob_chain::Explanation| {
        let findings = explanation.findings.iter();
        let about = findings.filter(|finding| finding.kind == FindingKind::Expiry);
        let about: Vec<_> = about
            .map(|finding| (finding.line(None), finding.cure.clone()))
            .collect();
        about
    };
    let explanation = explain(&center.on_disk()).await;
    let row = &explanation.attempts[2];
    assert_eq!(row.verdict, Verdict::Used);
    assert_eq!(
        row.origin.as_ref().unwrap().to_string(),
        "SSO role \"Admin\" in account 123456789012 by [dev] in config:2"
    );
    let (line, cure) = &told(&explanation)[0];
    assert!(line.starts_with("config:2: the token of the SSO session \"corp\" expires at "));
    assert!(
        line.ends_with(", and can be refreshed") && cure.is_none(),
        "{line}"
    );

    // A failure has its cure in the row, and is not told twice.
    center.expire("corp", -60);
    let explanation = explain(&Sources::default()).await;
    let row = &explanation.attempts[2];
    assert_eq!(row.verdict, Verdict::Failed);
    assert!(
        row.reason
            .as_ref()
            .unwrap()
            .ends_with("`keyfob sso login --sso-session corp`")
    );

    // Behind keys in the environment, the token is told and nothing is asked.
    let variables = center
        .variables()
        .with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", "secret")
        .with("AWS_PROFILE", "dev");
    let files = center.settings("dev", &Sources::default()).files().clone();
    let chain = Chain::default_for(Order::Cli, &Settings::new(variables, files));
    let requests = center.services.counters().requests;
    let explanation = chain.explain(Timestamp::now()).await.explanation;
    assert_eq!(explanation.attempts[2].verdict, Verdict::Masked);
    let (line, cure) = &told(&explanation)[0];
    assert!(
        line.contains("the token of the SSO session \"corp\" expired at "),
        "{line}"
    );
    assert_eq!(cure.as_deref(), Some("keyfob sso login --sso-session corp"));
    assert_eq!(center.services.counters().requests, requests);
}
