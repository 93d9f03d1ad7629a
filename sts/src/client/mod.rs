mod builder;
#[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
mod ca_bundle;
mod cause;
mod clock;
#[cfg(feature = "connector")]
mod connector;
mod proxy;
#[cfg(feature = "sso")]
mod redirect;
#[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
mod tls;

use std::{
    env, fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response};
use keyfob_backoff::{ClockSkew, Pause, retry};
use keyfob_sigv4::{Credentials, Payload, Secret, Signer, Timestamp};
use zeroize::Zeroizing;

pub use self::builder::ClientBuilder;
#[cfg(feature = "connector")]
pub use self::connector::{Connection, Connector, Route};
use self::{builder::Settings, cause::Cause, clock::Clock};
use crate::{
    call::{Authorization, Body, Call, Operation, Service},
    endpoint::Endpoint,
    error::{Answer, Error, ErrorKind},
};

/// A client of one service, STS by default, that signs calls, sends them, and repeats them after
/// throttling and server errors.
///
/// Clones are cheap and share connections, the signing key and the retry budget. Each attempt is
/// signed again, with the time of that attempt. If an answer shows that this machine's clock is off
/// by more than four minutes, later attempts are signed with the service's time.
/// [`ClientBuilder::retry_clock_skew`] makes one of them.
///
/// Unless you set an HTTP client of your own, redirects are not followed, because a signature is
/// valid for one host only. The proxy is that of `https_proxy`, `http_proxy`, `all_proxy` and
/// `no_proxy`, or of these names in upper case; one that cannot be used is an error, and SOCKS is
/// not supported. An endpoint on this machine is called without a proxy.
///
/// # Examples
///
/// ```no_run
/// use keyfob_sigv4::Credentials;
/// use keyfob_sts::{Client, Error, actions::AssumeRole};
///
/// # async fn example(credentials: Credentials) -> Result<(), Error> {
/// let client = Client::builder()
///     .region("eu-west-1")?
///     .notify(|error, pause| eprintln!("{error}; next try in {:?}", pause.delay))
///     .build()?;
/// let role = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?;
/// let session: Credentials = client.send(&role, &credentials).await?.credentials;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    service: Service,
    endpoint: Endpoint,
    signer: Option<Signer>,
    http: reqwest::Client,
    /// Whether the environment names the proxy of the HTTP client.
    reads_proxy: bool,
    settings: Settings,
    clock: Clock,
}

impl Client {
    /// Returns a builder, which needs a region or an endpoint.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Client;
    ///
    /// let client = Client::builder().region("eu-west-1")?.build()?;
    /// assert_eq!(client.endpoint().url(), "https://sts.eu-west-1.amazonaws.com/");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns the endpoint that requests are sent to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Returns the service's time: this machine's, corrected by what its answers have shown if the
    /// clocks differ so much that a signature would be refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::Timestamp;
    /// use keyfob_sts::Client;
    ///
    /// let client = Client::builder().region("eu-west-1")?.build()?;
    /// // There was no answer yet.
    /// assert!(client.now().seconds_since(Timestamp::now()) < 2);
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn now(&self) -> Timestamp {
        self.0.clock.correct(Timestamp::now())
    }

    /// Returns how many seconds the service's clock is ahead of this machine's (negative: behind),
    /// by its answers: 0 if the difference is four minutes or less, which no signature is refused
    /// for.
    ///
    /// `None` before the first answer that tells the time.
    ///
    /// # Examples
    ///
    /// ```
    /// let client = keyfob_sts::Client::builder().region("eu-west-1")?.build()?;
    /// assert_eq!(client.clock_skew_seconds(), None);
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn clock_skew_seconds(&self) -> Option<i64> {
        Some(self.0.clock.skew()? / 1000)
    }

    /// Sends a call, signed with `credentials`, and returns its output. A call that is authorized
    /// in another way is sent without them.
    ///
    /// # Errors
    ///
    /// The error of the last attempt:
    ///
    /// - [`ErrorKind::Service`] if the service refused or failed, with its code, status, message
    ///   and request id;
    /// - [`ErrorKind::Connect`], [`ErrorKind::Timeout`] or [`ErrorKind::Transport`] if there was no
    ///   complete answer;
    /// - [`ErrorKind::Response`] if the answer cannot be read;
    /// - [`ErrorKind::Input`] if parameters do not fit each other;
    /// - [`ErrorKind::Setting`] if the endpoint is a URL and no region was set to sign for, if the
    ///   client is that of another service, or if rustls had no provider of cryptography when the
    ///   client was built, which only happens without the feature `rustls`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use keyfob_sigv4::Credentials;
    /// use keyfob_sts::{Client, actions::GetCallerIdentity};
    ///
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
    /// let me = client.send(&GetCallerIdentity::new(), &keys).await?;
    /// println!("{} in account {}", me.arn, me.account);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send<C>(&self, call: &C, credentials: &Credentials) -> Result<C::Output, Error>
    where
        C: Call + Sync,
    {
        self.0.send(call, Some(credentials)).await
    }

    /// Sends a call that needs no credentials, and returns its output: its parameters, or a token
    /// in a header, prove who is calling.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but a region is not needed; and [`ErrorKind::Input`] if the call
    /// must be signed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use keyfob_sts::{Client, actions::AssumeRoleWithWebIdentity};
    ///
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let role = "arn:aws:iam::123456789012:role/ci";
    /// let token = std::fs::read_to_string("/var/run/secrets/token")?;
    /// let action = AssumeRoleWithWebIdentity::new(role, "build-7", token.trim())?;
    /// let session = client.send_unsigned(&action).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_unsigned<C>(&self, call: &C) -> Result<C::Output, Error>
    where
        C: Call + Sync,
    {
        self.0.send(call, None).await
    }
}

/// Does not show the HTTP client, whose default headers may be secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("service", &self.0.service.id())
            .field("endpoint", &self.0.endpoint)
            .field("policy", &self.0.settings.policy)
            .finish_non_exhaustive()
    }
}

impl Inner {
    async fn send<C>(&self, call: &C, credentials: Option<&Credentials>) -> Result<C::Output, Error>
    where
        C: Call + Sync,
    {
        let output = Mutex::new(None);
        let attempt = Attempt {
            operation: call.operation(),
            request: &|| call.request(&self.endpoint),
            read: &|answer| {
                let value = call.parse(answer)?;
                *output.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
                Ok(())
            },
            credentials,
        };
        self.repeat(&attempt).await?;
        let output = output.into_inner().unwrap_or_else(PoisonError::into_inner);
        output.ok_or_else(|| Error::setting("no answer was read"))
    }

    /// Sends a call until an answer is read, or an error is no reason to send it again. It is not
    /// generic, and neither is what it uses: a program has it once, not once for each call.
    async fn repeat(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let operation = attempt.operation;
        if *operation.service() != self.service {
            let (name, [own, other]) = (
                operation.name(),
                [self.service, *operation.service()].map(|service| service.id()),
            );
            return Err(Error::setting(format!(
                "{name} is a call of {other}, but the client is for {own}: build one for {other}"
            )));
        }
        self.check_online()?;
        let settings = &self.settings;
        let started = Instant::now();
        let call = retry(settings.policy, || {
            // The last attempt must not outlast the deadline.
            let left = settings.deadline.saturating_sub(started.elapsed());
            self.attempt(attempt, settings.timeout.min(left))
        })
        .budget(&settings.budget)
        .deadline(settings.deadline)
        .notify(|error: &Error, pause: &Pause| settings.notify(error, pause));
        match &settings.limiter {
            Some(limiter) => call.limiter(&**limiter).run().await,
            None => call.run().await,
        }
    }

    /// Fails if no request may be sent.
    fn check_online(&self) -> Result<(), Error> {
        let Some(setting) = &self.settings.offline else {
            return Ok(());
        };
        Err(Error::offline(&self.endpoint, setting))
    }

    async fn attempt(&self, attempt: &Attempt<'_>, timeout: Duration) -> Result<(), Error> {
        let request = (attempt.request)()?;
        let (answer, exchange) = self.perform(attempt, request, timeout).await?;
        (attempt.read)(&answer).map_err(|error| exchange.explain(error, attempt.credentials))
    }

    /// Authorizes one request and sends it.
    async fn perform(
        &self,
        attempt: &Attempt<'_>,
        request: Request<Body>,
        timeout: Duration,
    ) -> Result<(Response<AnswerBody>, Exchange), Error> {
        let Attempt {
            operation,
            credentials,
            ..
        } = *attempt;
        let (head, body) = request.into_parts();
        let mut request = Request::from_parts(head, ());
        let sent = Timestamp::now();
        let dated = self.clock.correct(sent);
        let proof = self.authorize(operation, &mut request, &body, credentials, dated)?;
        let request = request.map(|()| body.into_bytes());
        let answer = self.exchange(request, timeout).await;
        let answer = answer.map_err(|error| operation.explain(error))?;
        let skew = self.clock.learn(answer.headers(), sent, dated);
        // A request without a time cannot be refused for it.
        let skew = skew.filter(|_| operation.authorization().has_time());
        Ok((answer, Exchange { proof, skew }))
    }

    /// Signs the request or sets the header that authorizes it, whose secret is returned.
    fn authorize(
        &self,
        operation: &Operation,
        request: &mut Request<()>,
        body: &Body,
        credentials: Option<&Credentials>,
        now: Timestamp,
    ) -> Result<Option<Secret>, Error> {
        if !matches!(operation.authorization(), Authorization::SigV4) {
            return operation.authorization().apply(request, now);
        }
        let credentials = credentials.ok_or_else(|| {
            let name = operation.name();
            Error::new(
                ErrorKind::Input,
                format!("{name} must be signed: send it with credentials"),
            )
        })?;
        let signer = self.signer.as_ref().ok_or_else(|| {
            Error::setting("no region to sign for: set one beside the custom endpoint")
        })?;
        let payload = Payload::Bytes(body.as_ref());
        signer
            .sign_http(request, payload, credentials, now)
            .map_err(|error| Error::setting("the request cannot be signed").with_source(error))?;
        Ok(None)
    }

    /// Sends one request and reads the whole answer.
    async fn exchange(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<AnswerBody>, Error> {
        let mut request = reqwest::Request::try_from(request).map_err(unusable)?;
        *request.timeout_mut() = Some(timeout);
        let answer = async {
            let mut answer = self.http.execute(request).await?;
            let body = read_body(&mut answer, self.settings.max_answer).await?;
            Ok((answer, body))
        };
        let (answer, body) = answer.await.map_err(|error| self.failed(error, timeout))?;
        let body = body.ok_or_else(|| {
            let max = self.settings.max_answer;
            let message = format!("the answer is longer than {max} bytes; check the endpoint");
            let kind = if answer.status().is_success() {
                ErrorKind::Response
            } else {
                ErrorKind::Service
            };
            let answer = Answer {
                status: Some(answer.status()),
                ..Answer::default()
            };
            Error::new(kind, message).with_answer(answer)
        })?;
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }

    fn failed(&self, error: reqwest::Error, timeout: Duration) -> Error {
        if error.is_builder() {
            return unusable(error);
        }
        #[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
        if tls::is_provider_missing(&error) {
            return Error::setting(
                "TLS needs a provider of cryptography, and the program has none: call \
                 `rustls::crypto::CryptoProvider::install_default` before the client is built, or \
                 enable the feature `rustls`",
            );
        }
        // Before `is_timeout`: an attempt to connect that takes too long is both, and sent nothing.
        if error.is_connect() {
            let cause = Cause(error.without_url());
            return Error::unreachable(&self.endpoint, self.reads_proxy).with_source(cause);
        }
        let url = self.endpoint.url();
        let (kind, message) = if error.is_timeout() {
            let message = format!("no answer from {url} within {timeout:.1?}");
            (ErrorKind::Timeout, message)
        } else {
            let message = format!("the connection to {url} broke");
            (ErrorKind::Transport, message)
        };
        Error::new(kind, message).with_source(Cause(error.without_url()))
    }
}

impl Error {
    /// Creates the error that a setting forbids requests.
    fn offline(endpoint: &Endpoint, setting: &str) -> Self {
        let url = endpoint.url();
        Self::setting(format!("{url} is not called, because of {setting}"))
    }

    /// Creates the error that no connection could be made, with the variable of a proxy if the
    /// client reads those.
    fn unreachable(endpoint: &Endpoint, reads_proxy: bool) -> Self {
        let url = endpoint.url();
        let proxy = proxy::variable(endpoint, &|name| env::var_os(name)).filter(|_| reads_proxy);
        let proxy = proxy.map(|name| format!(" through the proxy of {name}"));
        let proxy = proxy.unwrap_or_default();
        // A certificate that is not trusted counts as a failed connection, too.
        let checks = if url.starts_with("https:") {
            "the network, the region, any proxy and any CA bundle"
        } else {
            "the network, the region and any proxy"
        };
        let message = format!("could not connect to {url}{proxy}; check {checks}");
        Self::new(ErrorKind::Connect, message)
    }
}

/// A call without its type, for each attempt.
struct Attempt<'a> {
    operation: &'a Operation,
    request: &'a (dyn Fn() -> Result<Request<Body>, Error> + Sync),
    /// Reads an answer, and keeps the output.
    read: &'a (dyn Fn(&Response<AnswerBody>) -> Result<(), Error> + Sync),
    credentials: Option<&'a Credentials>,
}

/// What is known of a request and its answer besides these.
struct Exchange {
    proof: Option<Secret>,
    skew: Option<ClockSkew>,
}

impl Exchange {
    /// Adds the skew to the error of an answer, and redacts what the service knows or got, and so
    /// could repeat.
    fn explain(&self, error: Error, credentials: Option<&Credentials>) -> Error {
        let keys = credentials.into_iter().flat_map(|credentials| {
            let token = credentials.session_token();
            token.into_iter().chain([credentials.secret_access_key()])
        });
        let secrets: Vec<&Secret> = keys.chain(&self.proof).collect();
        error.redact(&secrets).with_skew(self.skew)
    }
}

/// The body of an answer, which is zeroed on drop.
type AnswerBody = Zeroizing<Vec<u8>>;

/// Reads the whole body. Returns `None` if it is longer than `max` bytes.
async fn read_body(
    answer: &mut reqwest::Response,
    max: usize,
) -> Result<Option<AnswerBody>, reqwest::Error> {
    // With room for all of it, because a vector that grows leaves copies of secrets in freed
    // memory.
    let announced = answer
        .content_length()
        .and_then(|length| length.try_into().ok());
    let capacity = announced.unwrap_or(0).min(max);
    let mut body = AnswerBody::new(Vec::with_capacity(capacity));
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn unusable(error: reqwest::Error) -> Error {
    unusable_because(Cause(error.without_url()).into())
}

fn unusable_because(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::setting("the HTTP client cannot be used").with_boxed_source(source)
}
