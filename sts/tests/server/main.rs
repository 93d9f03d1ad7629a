//! The client, and boto3, against the crate's own server.
#![cfg(all(
    feature = "client",
    feature = "server",
    feature = "signin",
    feature = "sso"
))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails should fail with its line"
)]

mod actions;
#[cfg(unix)]
mod boto3;
mod connections;
mod console;
mod faults;
mod federation;
mod recovery;
mod signin;
mod sso;
#[expect(dead_code, reason = "only some of its answers are needed")]
#[path = "../stub/mod.rs"]
mod stub;
mod trust;

use std::sync::Arc;

use keyfob_backoff::Policy;
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{
    Client, ClientBuilder, Error,
    actions::AssumeRole,
    call::Call,
    server::{Account, Delay, MfaDevice, Role, Services},
    trust::TrustPolicy,
};

const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";

/// A running server of an account with the user alice, her MFA device, and the role `deploy`, which
/// trusts the account.
struct Lab {
    account: Arc<Account>,
    services: Arc<Services>,
    listener: Listener,
    alice: Credentials,
    device: MfaDevice,
    /// The number of seconds that the server's clock is ahead.
    ahead: i64,
}

impl Lab {
    async fn start() -> Self {
        Self::start_ahead(0).await
    }

    /// Starts a server whose clock is that many seconds ahead. Clients follow it.
    async fn start_ahead(seconds: i64) -> Self {
        Self::start_as(Account::new(ACCOUNT).unwrap(), seconds).await
    }

    async fn start_with(account: Account) -> Self {
        Self::start_as(account, 0).await
    }

    async fn start_as(account: Account, ahead: i64) -> Self {
        let account = Arc::new(account);
        let alice = account.add_user("alice").unwrap();
        let device = account.add_mfa_device("alice").unwrap();
        account.add_role(Role::new("deploy").unwrap().max_session_seconds(7200));
        let services = Arc::new(Services::new(Arc::clone(&account)));
        let server = Arc::clone(&services);
        let listener = Listener::builder().max_body(1 << 20);
        let listener = listener.host("localhost").start(move |request| {
            let (head, body) = request.into_parts();
            let now = Timestamp::now().plus_seconds(ahead);
            let answer = server.answer(&head, &body, now);
            async move {
                if let Some(Delay(delay)) = answer.extensions().get() {
                    tokio::time::sleep(*delay).await;
                }
                answer
            }
        });
        Self {
            listener: listener.await.unwrap(),
            account,
            services,
            alice,
            device,
            ahead,
        }
    }

    fn url(&self) -> String {
        // A name, not an address, as services have one.
        format!("http://localhost:{}", self.listener.address().port())
    }

    fn builder(&self) -> ClientBuilder {
        let moment = std::time::Duration::from_millis(1);
        let policy = Policy::aws().base(moment).throttling_base(moment);
        let builder = Client::builder().region("eu-west-1").unwrap();
        let builder = builder.endpoint(&self.url()).unwrap().retry(policy);
        if self.ahead == 0 {
            builder
        } else {
            builder.retry_clock_skew()
        }
    }

    async fn send<C: Call + Sync>(&self, call: &C, keys: &Credentials) -> Result<C::Output, Error> {
        self.builder().build().unwrap().send(call, keys).await
    }

    /// Sends an action of alice that must succeed.
    async fn alice<C: Call + Sync>(&self, call: Result<C, Error>) -> C::Output {
        self.send(&call.unwrap(), &self.alice).await.unwrap()
    }

    /// Sends an action that must be refused, and returns code and message.
    async fn refused<C: Call<Output: std::fmt::Debug> + Sync>(
        &self,
        call: Result<C, Error>,
        keys: &Credentials,
    ) -> (String, String) {
        let error = self.send(&call.unwrap(), keys).await.unwrap_err();
        let code = error.code().expect("an error of the service").to_owned();
        (code, error.message().to_owned())
    }
}

fn assume() -> Result<AssumeRole, Error> {
    AssumeRole::new(ROLE, "ci")
}

fn policy(statements: &str) -> TrustPolicy {
    let document = format!(r#"{{"Version": "2012-10-17", "Statement": {statements}}}"#);
    TrustPolicy::parse(&document).unwrap()
}

fn role(name: &str, statements: &str) -> Role {
    Role::new(name).unwrap().trust(policy(statements))
}

/// What a browser gets.
struct Page {
    status: u16,
    location: Option<String>,
    body: String,
}

/// Opens a URL as a browser does, but does not follow redirects.
async fn browser(url: &str) -> Page {
    // A client of `reqwest` cannot be built without one, even for `http`.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let answer = client.build().unwrap().get(url).send().await.unwrap();
    let location = answer.headers().get("location");
    Page {
        status: answer.status().as_u16(),
        location: location.map(|url| url.to_str().unwrap().to_owned()),
        body: answer.text().await.unwrap(),
    }
}
