//! What other crates get of a chain, and the signing of their requests, with the STS of the test
//! server over loopback.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

mod aws_credential_types;
mod object_store;
mod reqsign;
mod request_signer;
mod reqwest_middleware;
mod tower;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use keyfob_chain::{
    Cached, Chain, Error, ErrorKind, Found, Origin, Outcome, Provider, Renewal, provider_fn,
};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::server::{Account, Services};

/// The call of STS that says who signed it.
const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded";

/// An account with a user, and its STS on loopback, which verifies signatures.
struct Cloud {
    sts: Arc<Services>,
    listener: Listener,
    user: Credentials,
}

impl Cloud {
    async fn start() -> Self {
        let account = Arc::new(Account::new("123456789012").unwrap());
        let user = account.add_user("ada").unwrap();
        let sts = Arc::new(Services::new(account));
        let shared = Arc::clone(&sts);
        let listener = Listener::builder().start(move |request| {
            let (head, body) = request.into_parts();
            std::future::ready(shared.answer(&head, &body, Timestamp::now()))
        });
        Self {
            sts,
            listener: listener.await.unwrap(),
            user,
        }
    }

    /// Returns a chain with the user's key.
    fn chain(&self) -> Cached<Chain> {
        chain(Found::new(self.user.clone(), Origin::Default))
    }
}

fn chain(provider: impl Provider + 'static) -> Cached<Chain> {
    Cached::new(Chain::new().then(provider))
}

/// Returns a chain whose service issues credentials once, which expire before their second use.
fn chain_in_an_outage() -> (Cached<Chain>, Timestamp) {
    let expiry = Timestamp::now().plus_seconds(1);
    let asked = AtomicU32::new(0);
    let provider = provider_fn("a service", move |_| {
        let is_first = asked.fetch_add(1, Relaxed) == 0;
        async move {
            if !is_first {
                return Err(Error::new(
                    ErrorKind::Provider,
                    "the service is unavailable",
                ));
            }
            let found = Found::new(session(expiry), Origin::Default);
            Ok(Outcome::Found(found.with_renewal(Renewal::Service)))
        }
    });
    (chain(provider), expiry)
}

/// Returns a client for loopback. It panics without a provider of cryptography, also for `http`.
fn client() -> reqwest::Client {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn session(expiry: Timestamp) -> Credentials {
    Credentials::new("ASIAEXAMPLE", "canary-secret")
        .unwrap()
        .with_session_token("canary-token")
        .unwrap()
        .with_account_id("123456789012")
        .with_expiry(expiry)
}

fn unconfigured() -> Cached<Chain> {
    chain(provider_fn("the vault", |_| async {
        Ok(Outcome::NotConfigured("VAULT_ADDR is not set".to_owned()))
    }))
}

fn failing(kind: ErrorKind) -> Cached<Chain> {
    chain(provider_fn("the vault", move |_| async move {
        Err(Error::new(kind, "the vault is sealed"))
    }))
}

/// Returns the messages of an error and its causes in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
