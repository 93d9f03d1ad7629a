mod builder;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod ca_bundle;
mod cause;
mod clock;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response};
use keyfob_backoff::{Pause, retry};
use keyfob_sigv4::{Credentials, Payload, Secret, Signer, Timestamp};
use zeroize::Zeroizing;

pub use self::builder::ClientBuilder;
use self::{builder::Settings, cause::Cause, clock::Clock};
use crate::{
    call::{self, Action, Form, SignedAction, UnsignedAction},
    endpoint::Endpoint,
    error::{Answer, Error, ErrorKind},
};

/// The size in bytes beyond which an answer is refused. Answers have two or three kilobytes.
const MAX_ANSWER: usize = 1 << 20;

/// A client that signs actions, sends them, and repeats them after throttling and server errors.
///
/// Clones are cheap and share connections, the signing key and the retry budget. Each attempt is
/// signed again, with the time of that attempt. If an answer shows that this machine's clock is off
/// by more than four minutes, later attempts are signed with the service's time.
///
/// Unless you set an HTTP client of your own, redirects are not followed, because a signature is
/// valid for one host only, and an endpoint on this machine is called without a proxy.
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
    endpoint: Endpoint,
    signer: Option<Signer>,
    http: reqwest::Client,
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

    /// Sends an action, signed with `credentials`, and returns its output.
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
    /// - [`ErrorKind::Setting`] if the endpoint is a URL and no region was set to sign for.
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
    pub async fn send<A>(&self, action: &A, credentials: &Credentials) -> Result<A::Output, Error>
    where
        A: SignedAction + Sync,
    {
        let signer = self.0.signer.as_ref().ok_or_else(|| {
            Error::setting("no region to sign for: set one beside the custom endpoint")
        })?;
        let proof = Proof {
            signer,
            credentials,
        };
        self.0.send(action, Some(proof)).await
    }

    /// Sends an action whose parameters prove who is calling, without any credentials, and returns
    /// its output.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); a region is not needed.
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
    pub async fn send_unsigned<A>(&self, action: &A) -> Result<A::Output, Error>
    where
        A: UnsignedAction + Sync,
    {
        self.0.send(action, None).await
    }
}

/// Does not show the HTTP client, whose default headers may be secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.endpoint)
            .field("policy", &self.0.settings.policy)
            .finish_non_exhaustive()
    }
}

/// The body of an answer, which is zeroed on drop.
type Body = Zeroizing<Vec<u8>>;

/// The signer and the credentials for a request.
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
            // The last attempt must not outlast the deadline.
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
        let form = action.request(&self.endpoint);
        let request = match proof {
            Some(proof) => proof.sign(form, self.clock.now())?,
            None => form.map(Form::into_bytes),
        };
        // By this machine's clock, not the corrected one: the skew is measured against it.
        let sent = Timestamp::now();
        let answer = self.exchange(request, timeout).await;
        let answer = answer.map_err(|error| call::in_action(action, error))?;
        let skew = self.clock.learn(answer.headers(), sent);
        action.parse(&answer).map_err(|error| {
            let secrets = proof.map(Proof::secrets).unwrap_or_default();
            error.redact(&secrets).with_skew(skew)
        })
    }

    /// Sends one request and reads the whole answer.
    async fn exchange(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Body>, Error> {
        let mut request = reqwest::Request::try_from(request).map_err(unusable)?;
        *request.timeout_mut() = Some(timeout);
        let answer = async {
            let mut answer = self.http.execute(request).await?;
            let body = read_body(&mut answer).await?;
            Ok((answer, body))
        };
        let (answer, body) = answer.await.map_err(|error| self.failed(error, timeout))?;
        let body = body.ok_or_else(|| {
            let message =
                format!("the answer is longer than {MAX_ANSWER} bytes; check the endpoint");
            let answer = Answer {
                status: Some(answer.status()),
                ..Answer::default()
            };
            Error::new(ErrorKind::Response, message).with_answer(answer)
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
        let url = self.endpoint.url();
        // Before `is_timeout`: an attempt to connect that takes too long is both, and sent nothing.
        let (kind, message) = if error.is_connect() {
            // A certificate that is not trusted counts as a failed connection, too.
            let checks = if url.starts_with("https:") {
                "the network, the region, any proxy and any CA bundle"
            } else {
                "the network, the region and any proxy"
            };
            let message = format!("could not connect to {url}; check {checks}");
            (ErrorKind::Connect, message)
        } else if error.is_timeout() {
            let message = format!("no answer from {url} within {timeout:.1?}");
            (ErrorKind::Timeout, message)
        } else {
            let message = format!("the connection to {url} broke");
            (ErrorKind::Transport, message)
        };
        Error::new(kind, message).with_source(Cause(error.without_url()))
    }
}

impl<'a> Proof<'a> {
    /// Returns the secrets that the service knows or got, and so could repeat.
    fn secrets(self) -> Vec<&'a Secret> {
        let token = self.credentials.session_token();
        let key = self.credentials.secret_access_key();
        token.into_iter().chain([key]).collect()
    }

    fn sign(self, request: Request<Form>, at: Timestamp) -> Result<Request<Bytes>, Error> {
        let (head, form) = request.into_parts();
        let mut request = Request::from_parts(head, ());
        let payload = Payload::Bytes(form.as_ref());
        self.signer
            .sign_http(&mut request, payload, self.credentials, at)
            .map_err(|error| Error::setting("the request cannot be signed").with_source(error))?;
        Ok(request.map(|()| form.into_bytes()))
    }
}

/// Reads the whole body. Returns `None` if it is longer than [`MAX_ANSWER`].
async fn read_body(answer: &mut reqwest::Response) -> Result<Option<Body>, reqwest::Error> {
    // With room for all of it, because a vector that grows leaves copies of secrets in freed
    // memory.
    let announced = answer
        .content_length()
        .and_then(|length| length.try_into().ok());
    let capacity = announced.unwrap_or(0).min(MAX_ANSWER);
    let mut body = Body::new(Vec::with_capacity(capacity));
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn unusable(error: reqwest::Error) -> Error {
    Error::setting("the HTTP client cannot be used").with_source(Cause(error.without_url()))
}
