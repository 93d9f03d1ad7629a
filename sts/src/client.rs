use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use keyfob_backoff::{Budget, Pause, Policy, retry};
use keyfob_sigv4::{Credentials, Payload, Scope, Signer, Timestamp};

use crate::{
    Action, Endpoint, EndpointBuilder, Error, ErrorKind, Form, SignedAction, UnsignedAction,
};

/// The name of the service in the credential scope.
const SERVICE: &str = "sts";

/// Answers have two or three kilobytes; session tokens grow, but not to this.
const MAX_ANSWER: usize = 1 << 20;

/// Signs actions, sends them, and sends them again when the service was throttled or failed.
///
/// Cloning is cheap: clones share connections, signing key and retry budget. Each attempt is signed anew, with the
/// time of that attempt. Redirects are not followed, since a signature is for one host only.
///
/// # Examples
///
/// ```no_run
/// # use keyfob_sts::{AssumeRole, Client, Error};
/// # async fn f(credentials: keyfob_sigv4::Credentials) -> Result<(), Error> {
/// let client = Client::builder()
///     .region("eu-west-1")?
///     .notify(|error, pause| eprintln!("{error}; next try in {:?}", pause.delay))
///     .build()?;
/// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?;
/// let deploy = client.send(&action, &credentials).await?.credentials;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    signer: Option<Signer>,
    http: reqwest::Client,
    settings: Settings,
}

type Notify = dyn Fn(&Error, &Pause) + Send + Sync;

#[derive(Clone)]
struct Settings {
    policy: Policy,
    budget: Arc<Budget>,
    timeout: Duration,
    deadline: Duration,
    notify: Option<Arc<Notify>>,
}

impl Client {
    /// A client yet without a region.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Where it sends to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Sends an action, signed with `credentials`.
    ///
    /// # Errors
    ///
    /// That of the last attempt: [`ErrorKind::Service`] when the service refused, with its code, status, message and
    /// request id; [`ErrorKind::Connect`], [`ErrorKind::Timeout`] and [`ErrorKind::Transport`] when there was no
    /// answer; [`ErrorKind::Response`] when it made no sense; [`ErrorKind::Config`] when there is no region to sign
    /// for.
    pub async fn send<A>(&self, action: &A, credentials: &Credentials) -> Result<A::Output, Error>
    where
        A: SignedAction + Sync,
    {
        let signer = self.0.signer.as_ref().ok_or_else(|| {
            Error::config("no region to sign for: set one next to the custom endpoint")
        })?;
        let proof = Proof {
            signer,
            credentials,
        };
        self.0.send(action, Some(proof)).await
    }

    /// Sends an action that proves itself by its parameters. No credentials take part, and none are looked for.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_unsigned<A>(&self, action: &A) -> Result<A::Output, Error>
    where
        A: UnsignedAction + Sync,
    {
        self.0.send(action, None).await
    }
}

/// What a request is signed with.
#[derive(Clone, Copy)]
struct Proof<'a> {
    signer: &'a Signer,
    credentials: &'a Credentials,
}

impl Inner {
    async fn send<A>(&self, action: &A, proof: Option<Proof<'_>>) -> Result<A::Output, Error>
    where
        A: Action + Sync,
    {
        let settings = &self.settings;
        let started = Instant::now();
        retry(settings.policy, async || {
            let left = settings.deadline.saturating_sub(started.elapsed());
            self.attempt(action, proof, settings.timeout.min(left))
                .await
        })
        .budget(&settings.budget)
        .deadline(settings.deadline)
        .notify(|error: &Error, pause: &Pause| settings.notify(error, pause))
        .run()
        .await
    }

    async fn attempt<A>(
        &self,
        action: &A,
        proof: Option<Proof<'_>>,
        timeout: Duration,
    ) -> Result<A::Output, Error>
    where
        A: Action + Sync,
    {
        let request = action.request(&self.endpoint);
        let request = match proof {
            Some(proof) => proof.sign(request)?,
            None => request.map(Form::into_bytes),
        };
        let answer = self.exchange(request, timeout).await;
        let output = answer
            .map_err(|error| error.during(action))
            .and_then(|answer| action.parse(&answer));
        let token = proof.and_then(|proof| proof.credentials.session_token());
        output.map_err(|error| error.without(token))
    }

    /// One request and its whole answer.
    async fn exchange(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, Error> {
        let mut request = reqwest::Request::try_from(request).map_err(unusable)?;
        *request.timeout_mut() = Some(timeout);
        let answer = async {
            let mut answer = self.http.execute(request).await?;
            let body = read(&mut answer).await?;
            Ok((answer, body))
        };
        let (answer, body) = answer.await.map_err(|error| self.failed(error, timeout))?;
        let Some(body) = body else {
            let message =
                format!("the answer is longer than {MAX_ANSWER} bytes; check the endpoint");
            return Err(Error::new(ErrorKind::Response, message));
        };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }

    fn failed(&self, error: reqwest::Error, timeout: Duration) -> Error {
        let url = self.endpoint.url();
        let (kind, message) = if error.is_builder() {
            return unusable(error);
        } else if error.is_connect() {
            let message =
                format!("could not connect to {url}; check the network, the region and any proxy");
            (ErrorKind::Connect, message)
        } else if error.is_timeout() {
            (
                ErrorKind::Timeout,
                format!("no answer from {url} within {timeout:.1?}"),
            )
        } else {
            (
                ErrorKind::Transport,
                format!("the connection to {url} broke"),
            )
        };
        Error::new(kind, message).with_source(error.without_url())
    }
}

impl Settings {
    fn notify(&self, error: &Error, pause: &Pause) {
        if let Some(notify) = &self.notify {
            notify(error, pause);
        }
    }
}

impl Proof<'_> {
    /// Signs with the time of now: each attempt has its own.
    fn sign(self, request: Request<Form>) -> Result<Request<Bytes>, Error> {
        let (head, form) = request.into_parts();
        let mut request = Request::from_parts(head, ());
        let payload = Payload::Bytes(form.as_ref());
        self.signer
            .sign_http(&mut request, payload, self.credentials, Timestamp::now())
            .map_err(|error| Error::config("the request cannot be signed").with_source(error))?;
        Ok(request.map(|()| form.into_bytes()))
    }
}

/// The whole body, or nothing when it is longer than any answer of the service.
async fn read(answer: &mut reqwest::Response) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

fn unusable(error: reqwest::Error) -> Error {
    Error::config("the HTTP client cannot be used").with_source(error.without_url())
}

/// Does not show the HTTP client, which a user may have given headers of its own.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.endpoint)
            .field("policy", &self.0.settings.policy)
            .finish_non_exhaustive()
    }
}

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

    /// When to try again. Default: [`Policy::aws`], three attempts, after throttling and 5xx only. A request with a
    /// one-time code is repeated only after throttling, whatever the policy.
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
    /// [`ErrorKind::Config`], as [`EndpointBuilder::build`], or when the TLS library cannot be set up.
    pub fn build(self) -> Result<Client, Error> {
        let endpoint = self.endpoint.build()?;
        let scope = endpoint
            .signing_region()
            .map(|region| Scope::new(region, SERVICE));
        let scope = scope
            .transpose()
            .map_err(|error| Error::config("the region cannot be signed for").with_source(error))?;
        let http = match self.http {
            Some(http) => http,
            None => default_http(self.connect_timeout)?,
        };
        Ok(Client(Arc::new(Inner {
            signer: scope.map(Signer::new),
            endpoint,
            http,
            settings: self.settings,
        })))
    }
}

fn default_http(connect_timeout: Duration) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .user_agent(concat!("keyfob-sts/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect_timeout)
        .build()
        .map_err(unusable)
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("endpoint", &self.endpoint)
            .field("policy", &self.settings.policy)
            .finish_non_exhaustive()
    }
}
