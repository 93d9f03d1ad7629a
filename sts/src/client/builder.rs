#[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
use std::path::Path;
use std::{env, fmt, sync::Arc, time::Duration};

use keyfob_backoff::{Budget, Pause, Policy, limit::Limiter};
use keyfob_sigv4::{Scope, Signer};

#[cfg(feature = "connector")]
use crate::client::connector::Connector;
#[cfg(not(any(feature = "rustls-no-provider", feature = "native-tls")))]
use crate::client::unusable;
#[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
use crate::client::{
    ca_bundle::CaBundle,
    tls::{self, Trust},
    unusable_because,
};
use crate::{
    call::Service,
    client::{Client, Inner, clock::Clock, proxy},
    endpoint::{self, Endpoint, EndpointBuilder},
    error::Error,
};

/// A builder of a [`Client`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    service: Service,
    endpoint: EndpointBuilder,
    http: Option<reqwest::Client>,
    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    ca_bundle: Option<CaBundle>,
    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    accepts_any_certificate: bool,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Option<Duration>,
    attempts: Option<u32>,
    pub(super) settings: Settings,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            service: Service::STS,
            endpoint: Endpoint::builder(),
            http: None,
            #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
            ca_bundle: None,
            #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
            accepts_any_certificate: false,
            connect_timeout: Duration::from_secs(3),
            timeout: None,
            attempts: None,
            settings: Settings {
                policy: Policy::aws(),
                budget: Arc::new(Budget::aws()),
                timeout: Duration::from_secs(10),
                deadline: Duration::from_secs(30),
                max_answer: 1 << 20,
                offline: None,
                limiter: None,
                notify: None,
            },
        }
    }
}

impl ClientBuilder {
    /// Sets the service that is called. Default: [`Service::STS`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Client, call::Service};
    ///
    /// let client = Client::builder().service(Service::SSO).region("eu-west-1")?.build()?;
    /// assert_eq!(client.endpoint().url(), "https://portal.sso.eu-west-1.amazonaws.com/");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn service(mut self, service: Service) -> Self {
        self.service = service;
        self.endpoint = self.endpoint.hosts(service.hosts());
        self
    }

    /// Sets the region, whose endpoint is called and for which requests are signed. There is no
    /// default.
    ///
    /// # Errors
    ///
    /// As [`EndpointBuilder::region`].
    pub fn region(mut self, region: &str) -> Result<Self, Error> {
        self.endpoint = self.endpoint.region(region)?;
        Ok(self)
    }

    /// Sets a URL to call instead of the region's endpoint, such as `http://localhost:5000`.
    ///
    /// # Errors
    ///
    /// As [`EndpointBuilder::url`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Client;
    ///
    /// let client = Client::builder()
    ///     .region("us-east-1")?
    ///     .endpoint("http://localhost:5000")?
    ///     .build()?;
    /// assert_eq!(client.endpoint().url(), "http://localhost:5000/");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn endpoint(mut self, url: &str) -> Result<Self, Error> {
        self.endpoint = self.endpoint.url(url)?;
        Ok(self)
    }

    /// Replaces region, URL and variants by those of a builder of an endpoint of the same service.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Client, Endpoint};
    ///
    /// let endpoint = Endpoint::builder().region("eu-west-1")?.fips(true);
    /// let client = Client::builder().with_endpoint(endpoint).build()?;
    /// assert_eq!(client.endpoint().url(), "https://sts-fips.eu-west-1.amazonaws.com/");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn with_endpoint(mut self, endpoint: EndpointBuilder) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Sets whether to use the endpoint for FIPS, as [`EndpointBuilder::fips`]. Default: no.
    pub fn fips(mut self, yes: bool) -> Self {
        self.endpoint = self.endpoint.fips(yes);
        self
    }

    /// Sets whether to use the endpoint that has IPv6 addresses as well, as
    /// [`EndpointBuilder::dual_stack`]. Default: no.
    pub fn dual_stack(mut self, yes: bool) -> Self {
        self.endpoint = self.endpoint.dual_stack(yes);
        self
    }

    /// Sets whether to use the global endpoint in older regions, as
    /// [`EndpointBuilder::legacy_global`]. Default: no.
    pub fn legacy_global(mut self, yes: bool) -> Self {
        self.endpoint = self.endpoint.legacy_global(yes);
        self
    }

    /// Sets the certificate authorities to trust instead of those of the system, as certificates in
    /// PEM. A server whose own certificate is among them is trusted, too. It has no effect on an
    /// HTTP client of your own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if there is no certificate in it, or one
    /// that cannot be decoded. Some that can be decoded are refused by the TLS library; then
    /// [`build`](Self::build) returns the error.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use keyfob_sts::Client;
    ///
    /// let pem = include_bytes!("../../tests/tls/ca.pem");
    /// let client = Client::builder().region("eu-west-1")?.ca_bundle(pem)?.build()?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    pub fn ca_bundle(mut self, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        self.ca_bundle = Some(CaBundle::parse(pem.as_ref())?);
        Ok(self)
    }

    /// Reads the certificate authorities to trust from a file, such as the one that `AWS_CA_BUNDLE`
    /// or the property `ca_bundle` names; otherwise as [`ca_bundle`](Self::ca_bundle).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting), with the name of the file, if it cannot
    /// be read or has more than 16 MiB. Otherwise as [`ca_bundle`](Self::ca_bundle).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Client, ErrorKind};
    ///
    /// let error = Client::builder().ca_bundle_file("/no/such.pem").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Setting);
    /// assert!(error.to_string().starts_with("cannot read the CA bundle /no/such.pem"));
    /// ```
    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    pub fn ca_bundle_file(mut self, file: impl AsRef<Path>) -> Result<Self, Error> {
        self.ca_bundle = Some(CaBundle::read(file.as_ref())?);
        Ok(self)
    }

    /// Trusts the certificate of every server, and no CA bundle is looked at. Whoever can change
    /// the way of the requests can read and change them, with the credentials in the answers: this
    /// is for tests only.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Client;
    ///
    /// let client = Client::builder()
    ///     .region("eu-west-1")?
    ///     .endpoint("https://localhost:4566")?
    ///     .accept_any_certificate()
    ///     .build()?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    pub fn accept_any_certificate(mut self) -> Self {
        self.accepts_any_certificate = true;
        self
    }

    /// Sets an HTTP client of your own, with its proxies, certificates and connect timeout.
    ///
    /// It should not follow redirects: a signature is valid for one host only.
    ///
    /// For TLS enable one of the features of `reqwest`, or install a provider of cryptography for
    /// the whole process. The feature `rustls` of this crate does neither, and `reqwest` panics if
    /// rustls has no provider, even if only `http` is called.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Client;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Not needed with the feature `rustls` or `native-tls` of `reqwest`.
    /// rustls::crypto::ring::default_provider().install_default().ok();
    /// let http = reqwest::Client::builder()
    ///     .redirect(reqwest::redirect::Policy::none())
    ///     .proxy(reqwest::Proxy::https("http://proxy.example.com:3128")?)
    ///     .build()?;
    /// let client = Client::builder().region("eu-west-1")?.http_client(http).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Sets how long connecting may take, with name lookup and TLS. Default: 3 seconds. It has no
    /// effect on an HTTP client of your own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long one attempt may take, from connecting to the end of the answer. Default: 10
    /// seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how long the call may take, with all attempts and the waits between them. Default: 30
    /// seconds. A wait that would outlast it is not begun.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use keyfob_sts::Client;
    ///
    /// let client = Client::builder()
    ///     .region("eu-west-1")?
    ///     .timeout(Duration::from_secs(2))
    ///     .deadline(Duration::from_secs(5))
    ///     .build()?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// Sets how many bytes an answer may have. Default: 1 MiB. Answers of STS have two or three
    /// kilobytes, lists of other services more.
    pub fn max_answer(mut self, bytes: usize) -> Self {
        self.settings.max_answer = bytes;
        self
    }

    /// Sets when a request is repeated. Default: [`Policy::aws`], which makes at most three
    /// attempts and repeats after throttling and 5xx only.
    ///
    /// Methods of the policy add other cases: calls without an answer, `IDPCommunicationError`, a
    /// wrong clock. A request that must not be [replayed](crate::call::Replay), such as one with a
    /// one-time code, is not repeated, whatever the policy.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_backoff::Policy;
    /// use keyfob_sts::Client;
    ///
    /// let client = Client::builder()
    ///     .region("eu-west-1")?
    ///     .retry(Policy::aws().retry_unanswered())
    ///     .build()?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn retry(mut self, policy: Policy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// Adds [`Policy::retry_clock_skew`] to the policy: if a signature or a proof was refused, and
    /// its time was more than four minutes from the service's, the call is sent once more with the
    /// service's time. Call it after [`retry`](Self::retry).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Client;
    ///
    /// let client = Client::builder().region("eu-west-1")?.retry_clock_skew().build()?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn retry_clock_skew(mut self) -> Self {
        self.settings.policy = self.settings.policy.retry_clock_skew();
        self
    }

    /// Sets how often a call is sent at most, the first time included, in place of the number in
    /// the policy of [`retry`](Self::retry). 0 counts as 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Client;
    ///
    /// // Never repeats a call.
    /// let client = Client::builder().region("eu-west-1")?.attempts(1).build()?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Makes every call fail, with [`ErrorKind::Setting`](crate::ErrorKind::Setting) and without
    /// opening a socket. The message names `setting`, the option of the program that forbids it.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Client, actions::AssumeRoleWithWebIdentity};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let client = Client::builder().region("eu-west-1")?.offline("--offline").build()?;
    /// let role = "arn:aws:iam::123456789012:role/ci";
    /// let action = AssumeRoleWithWebIdentity::new(role, "build-7", "token")?;
    /// assert_eq!(
    ///     client.send_unsigned(&action).await.unwrap_err().to_string(),
    ///     "https://sts.eu-west-1.amazonaws.com/ is not called, because of --offline",
    /// );
    /// # Ok::<(), keyfob_sts::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn offline(mut self, setting: impl Into<String>) -> Self {
        self.settings.offline = Some(setting.into());
        self
    }

    /// Sets a retry budget to share with other clients. Default: a [`Budget::aws`] for this client
    /// and its clones.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use keyfob_backoff::Budget;
    /// use keyfob_sts::Client;
    ///
    /// let budget = Arc::new(Budget::aws());
    /// let dublin = Client::builder().region("eu-west-1")?.budget(Arc::clone(&budget)).build()?;
    /// let oregon = Client::builder().region("us-west-2")?.budget(budget).build()?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn budget(mut self, budget: Arc<Budget>) -> Self {
        self.settings.budget = budget;
        self
    }

    /// Sets a limiter, which other clients may share. It is asked before each attempt, may make it
    /// wait, and is told of each answer. Default: none.
    ///
    /// A wait counts as a part of the call for the [`deadline`](Self::deadline): an attempt that
    /// would have to wait beyond it is not made.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    ///
    /// use keyfob_backoff::limit::{RateLimit, Shared};
    /// use keyfob_sts::Client;
    ///
    /// // Ten calls a second, for all clients that share it.
    /// let limiter = Arc::new(Shared::new(RateLimit::new(10, Duration::from_secs(1))));
    /// let client = Client::builder().region("eu-west-1")?.limiter(limiter).build()?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn limiter(mut self, limiter: Arc<dyn Limiter + Send + Sync>) -> Self {
        self.settings.limiter = Some(limiter);
        self
    }

    /// Sets a function that is called before each wait, with the error that caused it and the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Client;
    ///
    /// let client = Client::builder()
    ///     .region("eu-west-1")?
    ///     .notify(|error, pause| eprintln!("{error}; next try in {:?}", pause.delay))
    ///     .build()?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn notify(mut self, notify: impl Fn(&Error, &Pause) + Send + Sync + 'static) -> Self {
        self.settings.notify = Some(Arc::new(notify));
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if neither a region nor an endpoint is
    /// set, if FIPS or dual stack is combined with an endpoint, if a variable for proxies cannot be
    /// used, if the TLS library cannot be set up, or if it refuses a certificate of the CA bundle.
    pub fn build(self) -> Result<Client, Error> {
        // reqwest writes a URL in its own way (`LOCALHOST`, `127.1`, `/a/../b`, `:80`), and what is
        // signed must be what is sent. Its way is the same for a URL that it wrote.
        let endpoint = self.endpoint.clone().build()?;
        let url = reqwest::Url::parse(&endpoint.url()).map_err(|_| endpoint::invalid_url())?;
        let endpoint = endpoint.with_url(url.as_str())?;
        let signer = match endpoint.signing_region() {
            Some(region) => Some(signer(&self.service, region)?),
            None => None,
        };
        let http = match &self.http {
            Some(http) => http.clone(),
            None => self.default_http(&endpoint)?,
        };
        let policy = self.policy();
        let mut settings = self.settings;
        settings.policy = policy;
        if let Some(timeout) = self.timeout {
            settings.timeout = timeout;
        }
        Ok(Client(Arc::new(Inner {
            service: self.service,
            endpoint,
            signer,
            reads_proxy: self.http.is_none(),
            http,
            settings,
            clock: Clock::default(),
        })))
    }

    /// Builds what opens connections with the same certificates, proxy and time limits, for
    /// requests that do not go through a [`Client`]: large ones, whose bodies are streams. Region
    /// and endpoint are not needed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the TLS library cannot be set up, or if
    /// it refuses a certificate of the CA bundle.
    #[cfg(feature = "connector")]
    pub fn connector(self) -> Result<Connector, Error> {
        let config = match &self.ca_bundle {
            _ if self.accepts_any_certificate => tls::config(Trust::Any),
            Some(bundle) => return Ok(Connector::new(bundle.config()?, self)),
            None => tls::config(Trust::System),
        };
        let config =
            config.map_err(|error| unusable_because(tls::describe_error(&error).into()))?;
        Ok(Connector::new(config, self))
    }

    /// Returns the policy, with the number of attempts.
    pub(super) fn policy(&self) -> Policy {
        match self.attempts {
            Some(attempts) => self.settings.policy.attempts(attempts),
            None => self.settings.policy,
        }
    }

    fn default_http(&self, endpoint: &Endpoint) -> Result<reqwest::Client, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("keyfob-sts/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect_timeout);
        builder = proxy::from_environment(builder, endpoint, &|name| env::var_os(name))?;
        self.build_http(builder)
    }

    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    fn build_http(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
        let trust = match &self.ca_bundle {
            _ if self.accepts_any_certificate => Trust::Any,
            Some(bundle) => return bundle.build(builder),
            None => Trust::System,
        };
        tls::build(builder, trust).map_err(unusable_because)
    }

    #[cfg(not(any(feature = "rustls-no-provider", feature = "native-tls")))]
    #[expect(clippy::unused_self, reason = "as with TLS")]
    fn build_http(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
        builder.build().map_err(unusable)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("service", &self.service.id())
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
    pub(super) max_answer: usize,
    /// The setting that forbids requests.
    pub(super) offline: Option<String>,
    pub(super) limiter: Option<Arc<dyn Limiter + Send + Sync>>,
    notify: Option<Arc<Notify>>,
}

impl Settings {
    pub(super) fn notify(&self, error: &Error, pause: &Pause) {
        if let Some(notify) = &self.notify {
            notify(error, pause);
        }
    }
}

fn signer(service: &Service, region: &str) -> Result<Signer, Error> {
    let scope = Scope::new(region, service.scope_name()).map_err(|error| {
        Error::setting("requests cannot be signed for this region").with_source(error)
    })?;
    Ok(Signer::new(scope))
}
