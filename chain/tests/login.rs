//! The credentials of `aws login`, with AWS Sign-In of the test server over loopback.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

#[path = "support/children.rs"]
mod children;

use std::{fs, path::PathBuf, sync::Arc};

use keyfob_chain::{
    Cached, Chain, Error, ErrorKind, FindingKind, Order, Settings, Sources, Variables, files::names,
};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{
    Client, CodeVerifier,
    call::Service,
    server::{Account, Fault, Services},
    signin::{CreateOAuth2Token, DpopKey, LoginFile, LoginUrl},
};
use serde_json::{Value, json};

const SESSION: &str = "arn:aws:iam::123456789012:user/alice";
const REDIRECT: &str = "http://127.0.0.1:4711/oauth/callback";

/// A user who is signed in, with a home folder.
struct Desk {
    services: Arc<Services>,
    listener: Listener,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn start() -> Self {
        let account = Arc::new(Account::new("123456789012").unwrap());
        account.add_user("alice").unwrap();
        let services = Arc::new(Services::new(account));
        let shared = Arc::clone(&services);
        let listener = Listener::builder().host("localhost").start(move |request| {
            let (head, body) = request.into_parts();
            std::future::ready(shared.answer(&head, &body, Timestamp::now()))
        });
        let desk = Self {
            services,
            listener: listener.await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        };
        desk.sign_in().await;
        desk
    }

    fn url(&self) -> String {
        format!("http://localhost:{}", self.listener.address().port())
    }

    /// Signs the user in as `aws login` does.
    async fn sign_in(&self) {
        let endpoint = Service::SIGNIN.endpoint().url(&self.url()).unwrap();
        let endpoint = endpoint.build().unwrap();
        let verifier = CodeVerifier::from_random([8; 48]);
        let key = DpopKey::from_random([7; 32]).unwrap();
        let url = LoginUrl {
            client_id: LoginUrl::SAME_DEVICE,
            redirect_uri: REDIRECT,
            state: "state",
        };
        // What the browser would be answered.
        let request = http::Request::get(url.build(&endpoint, &verifier)).body(());
        let (head, ()) = request.unwrap().into_parts();
        let answer = self.services.answer(&head, b"", Timestamp::now());
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let query = location.strip_prefix(&format!("{REDIRECT}?code=")).unwrap();
        let code = query.strip_suffix("&state=state").unwrap();
        let code = code.replace("%2F", "/").replace("%2B", "+");
        let call = CreateOAuth2Token::authorization_code(
            LoginUrl::SAME_DEVICE,
            code,
            REDIRECT,
            &verifier,
            &key,
            || [9; 16],
        );
        let client = Client::builder().service(Service::SIGNIN);
        let client = client.endpoint(&self.url()).unwrap().build().unwrap();
        let token = client.send_unsigned(&call.unwrap()).await.unwrap();
        let now = Timestamp::now();
        let file = LoginFile::new(LoginUrl::SAME_DEVICE, "eu-north-1", &token, &key, now).unwrap();
        fs::create_dir_all(self.path().parent().unwrap()).unwrap();
        fs::write(self.path(), file.to_text().expose()).unwrap();
        fs::write(
            self.aws().join("config"),
            format!("[profile dev]\nlogin_session = {SESSION}\n"),
        )
        .unwrap();
    }

    fn aws(&self) -> PathBuf {
        self.folder.path().join(".aws")
    }

    fn path(&self) -> PathBuf {
        self.aws()
            .join("login/cache")
            .join(names::login_token(SESSION))
    }

    fn file(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path()).unwrap()).unwrap()
    }

    /// Lets the credentials expire this many seconds from now.
    fn expire(&self, seconds: i64) {
        let expiry = Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + seconds);
        let mut file = self.file();
        file["accessToken"]["expiresAt"] = expiry.to_string().into();
        file["ofAnotherTool"] = json!([1]);
        fs::write(self.path(), file.to_string()).unwrap();
    }

    fn on_disk(&self) -> Sources {
        Sources::default().with_disk(self.aws())
    }

    fn settings(&self, sources: Sources) -> Settings {
        let url = self.url();
        let variables = Variables::from_iter([
            ("HOME", self.folder.path().to_str().unwrap()),
            ("AWS_ENDPOINT_URL", &url),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_MAX_ATTEMPTS", "1"),
        ]);
        let settings = Settings::load(variables).with_profile("dev");
        settings.with_sources(sources)
    }

    async fn get(&self, sources: Sources) -> Result<Credentials, Error> {
        let chain = Chain::default_for(Order::Cli, &self.settings(sources));
        chain.resolve(Timestamp::now()).await.credentials
    }

    /// Returns how often the credentials were refreshed.
    fn refreshes(&self) -> u64 {
        self.services.calls("CreateOAuth2Token") - 1
    }
}

#[tokio::test]
async fn credentials_are_read_and_refreshed_with_a_new_token_when_they_are_about_to_expire() {
    let desk = Desk::start().await;
    let key = desk.get(Sources::default()).await.unwrap();
    assert_eq!(key.account_id(), Some("123456789012"));
    assert_eq!(desk.refreshes(), 0);

    let old = desk.file();
    for (seconds, refreshes) in [(60, 1), (-60, 2)] {
        desk.expire(seconds);
        let key = desk.get(desk.on_disk()).await.unwrap();
        assert_eq!(desk.refreshes(), refreshes);
        let new = desk.file();
        assert_eq!(new["accessToken"]["accessKeyId"], key.access_key_id());
        assert_eq!(new["accessToken"]["accountId"], "123456789012");
        assert_ne!(new["refreshToken"], old["refreshToken"]);
        assert_eq!(new["signInRegion"], "eu-north-1");
        assert_eq!(new["ofAnotherTool"], json!([1]));
        for member in ["dpopKey", "clientId", "idToken"] {
            assert_eq!(new[member], old[member], "{member}");
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(desk.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn without_a_disk_no_token_is_used_up() {
    let desk = Desk::start().await;
    desk.expire(60);
    desk.get(Sources::default()).await.unwrap();
    desk.expire(-60);
    let error = desk.get(Sources::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn);
    let text = error.to_string();
    assert!(
        text.contains(":2: the login of profile \"dev\" expired at "),
        "{text}"
    );
    assert!(
        text.ends_with(": run `keyfob login --profile dev`"),
        "{text}"
    );
    assert_eq!(desk.refreshes(), 0);
}

#[tokio::test]
async fn a_failure_is_an_outage_or_says_that_the_user_must_sign_in() {
    let desk = Desk::start().await;
    desk.expire(60);
    desk.services.fail(Fault::Unavailable, 1);
    desk.get(desk.on_disk()).await.unwrap();
    desk.expire(-60);
    desk.services.fail(Fault::Unavailable, 1);
    let error = desk.get(desk.on_disk()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Provider, "{error}");

    let mut file = desk.file();
    file["refreshToken"] = "canary".into();
    fs::write(desk.path(), file.to_string()).unwrap();
    let error = desk.get(desk.on_disk()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn, "{error}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    fs::remove_file(desk.path()).unwrap();
    let error = desk.get(desk.on_disk()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("there is no login of profile \"dev\" ("),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_that_a_service_refused_are_refreshed() {
    let desk = Desk::start().await;
    let cached = Cached::new(Chain::default_for(
        Order::Cli,
        &desk.settings(desk.on_disk()),
    ));
    let now = Timestamp::now();
    let first = Credentials::clone(&cached.credentials(now).await.unwrap());
    assert!(cached.invalidate(&first));
    let second = cached.credentials(now).await.unwrap();
    assert_ne!(second.access_key_id(), first.access_key_id());
    assert_eq!(desk.refreshes(), 1);
}

#[tokio::test]
async fn the_folder_of_the_tokens_may_be_another() {
    let desk = Desk::start().await;
    let elsewhere = desk.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(desk.path(), elsewhere.join(names::login_token(SESSION))).unwrap();
    let settings = desk.settings(Sources::default());
    let variables = settings.variables().clone();
    let variables = variables.with("AWS_LOGIN_CACHE_DIRECTORY", "~/elsewhere");
    let settings = Settings::load(variables).with_profile("dev");
    let chain = Chain::default_for(Order::Cli, &settings);
    chain.resolve(Timestamp::now()).await.credentials.unwrap();
}

#[tokio::test]
async fn an_explanation_has_the_session_and_when_it_expires() {
    let desk = Desk::start().await;
    let chain = Chain::default_for(Order::Cli, &desk.settings(desk.on_disk()));
    let explanation = chain.explain(Timestamp::now()).await.explanation;
    let origin = explanation.winner().unwrap().origin.as_ref().unwrap();
    let text = origin.text(Some(desk.folder.path()));
    assert_eq!(
        text,
        format!("login of {SESSION} by [dev] in ~/.aws/config:2")
    );
    let mut findings = explanation.findings.iter();
    let about = findings
        .find(|finding| finding.kind == FindingKind::Expiry)
        .unwrap();
    assert!(
        about
            .text
            .starts_with("the login of profile \"dev\" expires at ")
    );
}

#[test]
#[ignore = "run by the test below, in fifty processes"]
fn child_gets_credentials() {
    children::get("dev");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_with_an_expired_login_refresh_it_once() {
    let desk = Desk::start().await;
    desk.expire(-60);
    let (home, url) = (desk.folder.path(), desk.url());
    let variables = [
        ("HOME", home.as_os_str()),
        ("AWS_ENDPOINT_URL", url.as_ref()),
    ];
    children::run("child_gets_credentials", &home.join(".aws"), &variables);
    assert_eq!(desk.refreshes(), 1);
    // The token that was written last refreshes again.
    desk.expire(-60);
    desk.get(desk.on_disk()).await.unwrap();
    assert_eq!(desk.refreshes(), 2);
}
