use std::{fmt, sync::Arc, time::Duration};

use keyfob_backoff::{Budget, Pause, Policy};
use keyfob_sigv4::{Scope, Signer};

use crate::{
    client::{Client, Inner, clock::Clock, unusable},
    endpoint::{Endpoint, EndpointBuilder},
    error::Error,
};

/// The name of the service in the credential scope.
const SERVICE: &str = "sts";

/// Makes a [`Client`].
#[derive(Clone)]
#[must_use = "nothing is made until `build` is called"]
pub struct ClientBuilder {
    endpoint: EndpointBuilder,
    http: Option<reqwest::Client>,
    connect_timeout: Duration,
    settings: Settings,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::builder(),
            http: None,
            connect_timeout: Duration::from_secs(3),
            settings: Settings {
                policy: Policy::aws(),
                budget: Arc::new(Budget::aws()),
                timeout: Duration::from_secs(10),
                deadline: Duration::from_secs(30),
                notify: None,
            },
        }
    }
}

impl ClientBuilder {
    /// The region whose endpoint is called and that requests are signed for. It is never guessed.
    ///
    /// # Errors
    ///
    /// As [`EndpointBuilder::region`].
    pub fn region(mut self, region: &str) -> Result<Self, Error> {
        self.endpoint = self.endpoint.region(region)?;
        Ok(self)
    }

    /// The URL to call instead of the region's endpoint, such as `http://localhost:5000`.
    ///
    /// # Errors
    ///
    /// As [`EndpointBuilder::url`].
    pub fn endpoint(mut self, url: &str) -> Result<Self, Error> {
        self.endpoint = self.endpoint.url(url)?;
        Ok(self)
    }

    /// As [`EndpointBuilder::fips`].
    pub fn fips(mut self, yes: bool) -> Self {
        self.endpoint = self.endpoint.fips(yes);
        self
    }

    /// As [`EndpointBuilder::dual_stack`].
    pub fn dual_stack(mut self, yes: bool) -> Self {
        self.endpoint = self.endpoint.dual_stack(yes);
        self
    }

    /// As [`EndpointBuilder::legacy_global`].
    pub fn legacy_global(mut self, yes: bool) -> Self {
        self.endpoint = self.endpoint.legacy_global(yes);
        self
    }

    /// A client of your own, with its proxies, certificates and connect timeout. It should not follow redirects.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// How long connecting may take, name lookup and TLS included. Default: 3 s. Without effect on a client of your
    /// own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt may take, from connecting to the end of the answer. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long the call may take, all attempts and waits together. Default: 30 s. A wait that would outlast it is not
    /// begun.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// When to try again. Default: [`Policy::aws`], three attempts, after throttling and 5xx only; what else may be
    /// repeated (calls without an answer, `IDPCommunicationError`, a wrong clock) are methods of the policy. A request
    /// with a one-time code is repeated only after throttling, whatever the policy.
    pub fn retry(mut self, policy: Policy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// A retry budget shared with other clients. Default: [`Budget::aws`], one for this client and its clones.
    pub fn budget(mut self, budget: Arc<Budget>) -> Self {
        self.settings.budget = budget;
        self
    }

    /// Called before each wait, with the error that is the reason and the wait.
    pub fn notify(mut self, notify: impl Fn(&Error, &Pause) + Send + Sync + 'static) -> Self {
        self.settings.notify = Some(Arc::new(notify));
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting), as [`EndpointBuilder::build`], or when the TLS library cannot be set up.
    pub fn build(self) -> Result<Client, Error> {
        let endpoint = self.endpoint.build()?;
        let region = endpoint.signing_region();
        let scope = region.map(|region| Scope::new(region, SERVICE)).transpose();
        let scope = scope.map_err(|error| {
            Error::setting("the region cannot be signed for").with_source(error)
        })?;
        let http = match self.http {
            Some(http) => http,
            None => default_http(&endpoint, self.connect_timeout)?,
        };
        Ok(Client(Arc::new(Inner {
            signer: scope.map(Signer::new),
            endpoint,
            http,
            settings: self.settings,
            clock: Clock::default(),
        })))
    }
}

/// A server on this machine is not reached through a proxy, whatever the environment says.
fn default_http(endpoint: &Endpoint, connect_timeout: Duration) -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("keyfob-sts/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect_timeout);
    let builder = if endpoint.is_loopback() {
        builder.no_proxy()
    } else {
        builder
    };
    builder.build().map_err(unusable)
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("endpoint", &self.endpoint)
            .field("policy", &self.settings.policy)
            .finish_non_exhaustive()
    }
}

type Notify = dyn Fn(&Error, &Pause) + Send + Sync;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) budget: Arc<Budget>,
    pub(super) timeout: Duration,
    pub(super) deadline: Duration,
    notify: Option<Arc<Notify>>,
}

impl Settings {
    pub(super) fn notify(&self, error: &Error, pause: &Pause) {
        if let Some(notify) = &self.notify {
            notify(error, pause);
        }
    }
}
