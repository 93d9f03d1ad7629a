use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use keyfob_backoff::Policy;
use keyfob_sigv4::Credentials;
use keyfob_sts::{Client, Error, SignedAction};
use tracing::{debug, info};

use super::advice;
use crate::{context::Context, failure::Failure};

/// How long connecting to a server on this machine may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A client that counts its retries.
pub(in crate::commands) struct Sts {
    client: Client,
    retries: Arc<AtomicU32>,
}

impl Sts {
    /// The client for the region and the endpoint that the context names.
    ///
    /// # Errors
    ///
    /// When either cannot be used.
    pub(in crate::commands) async fn new(context: &Context) -> Result<Self, Failure> {
        let region = context.region().await?;
        let retries = Arc::new(AtomicU32::new(0));
        let client = client(context, region.name(), &retries);
        let client = client.map_err(|error| with_endpoint(context, Failure::from(&error)))?;
        debug!(
            endpoint = client.endpoint().url(),
            region = region.name(),
            "calling STS"
        );
        Ok(Self { client, retries })
    }

    /// Where it sends to.
    pub(in crate::commands) fn url(&self) -> String {
        self.client.endpoint().url()
    }

    /// Sends an action.
    ///
    /// # Errors
    ///
    /// What STS answers; a refusal of the credentials says where they came from.
    pub(in crate::commands) async fn send<A: SignedAction + Sync>(
        &self,
        context: &Context,
        action: &A,
        credentials: &Credentials,
    ) -> Result<A::Output, Failure> {
        match self.client.send(action, credentials).await {
            Ok(output) => Ok(output),
            Err(error) => {
                let retries = self.retries.load(Ordering::Relaxed);
                let failure = Failure::from(&error).with_retries(retries);
                Err(advice::with_advice(context, failure, &error).await)
            }
        }
    }
}

/// The URL that somebody gave, unless a password could be in it.
fn with_endpoint(context: &Context, failure: Failure) -> Failure {
    match context.endpoint_url("sts") {
        Some(url) if !url.contains('@') => {
            failure.with_hint(format!("the endpoint that is set is {url:?}"))
        }
        _ => failure,
    }
}

fn client(context: &Context, region: &str, retries: &Arc<AtomicU32>) -> Result<Client, Error> {
    let count = Arc::clone(retries);
    let mut builder = Client::builder()
        .region(region)?
        .retry(policy(context))
        .notify(move |error, pause| {
            count.fetch_add(1, Ordering::Relaxed);
            let code = error.code().unwrap_or("no answer");
            info!(attempt = pause.attempt, wait = ?pause.delay, "{code}: waiting before the next attempt");
        });
    if let Some(url) = context.endpoint_url("sts") {
        builder = builder.endpoint(url)?;
        if let (true, Ok(http)) = (is_loopback(url), without_proxy()) {
            builder = builder.http_client(http);
        }
    }
    builder.build()
}

/// Three attempts, or as many as the settings allow.
fn policy(context: &Context) -> Policy {
    let attempts = context
        .setting("AWS_MAX_ATTEMPTS", "max_attempts")
        .and_then(|text| text.parse().ok());
    attempts.map_or(Policy::aws(), |attempts| Policy::aws().attempts(attempts))
}

/// A server on this machine is not reached through a proxy, whatever the environment says.
fn is_loopback(url: &str) -> bool {
    let authority = url.split('/').nth(2).unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn without_proxy() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for url in [
            "http://127.0.0.1:5000",
            "http://localhost/",
            "http://[::1]:80/x",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "https://sts.amazonaws.com",
            "http://10.0.0.1:80",
            "x",
            "http://[::2]",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
