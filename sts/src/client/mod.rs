mod builder;
mod clock;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use keyfob_backoff::{Pause, retry};
use keyfob_sigv4::{Credentials, Payload, Signer, Timestamp};

pub use self::builder::ClientBuilder;
use self::{builder::Settings, clock::Clock};
use crate::{
    call::{self, Action, Form, SignedAction, UnsignedAction},
    endpoint::Endpoint,
    error::{Error, ErrorKind},
};

/// Answers have two or three kilobytes; session tokens grow, but not to this.
const MAX_ANSWER: usize = 1 << 20;

/// Signs actions, sends them, and sends them again when the service was throttled or failed.
///
/// Cloning is cheap: clones share connections, signing key and retry budget. Each attempt is signed anew, with the
/// time of that attempt. When an answer shows that this machine's clock is off by more than four minutes, later
/// attempts are signed with the service's time. Redirects are not followed, since a signature is for one host only, and
/// a server on this machine is not reached through a proxy.
///
/// # Examples
///
/// ```no_run
/// # use keyfob_sts::{Client, Error, actions::AssumeRole};
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
    clock: Clock,
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
    /// answer; [`ErrorKind::Response`] when it made no sense; [`ErrorKind::Setting`] when there is no region to sign
    /// for.
    pub async fn send<A>(&self, action: &A, credentials: &Credentials) -> Result<A::Output, Error>
    where
        A: SignedAction + Sync,
    {
        let signer = self.0.signer.as_ref().ok_or_else(|| {
            Error::setting("no region to sign for: set one next to the custom endpoint")
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
            Some(proof) => proof.sign(request, self.clock.now())?,
            None => request.map(Form::into_bytes),
        };
        let sent = Timestamp::now();
        let answer = self.exchange(request, timeout).await;
        let skew = answer.as_ref().ok();
        let skew = skew.and_then(|answer| self.clock.learn(answer.headers(), sent));
        let output = answer
            .map_err(|error| call::in_action(action, error))
            .and_then(|answer| action.parse(&answer));
        let token = proof.and_then(|proof| proof.credentials.session_token());
        output.map_err(|error| error.without(token).with_skew(skew))
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

impl Proof<'_> {
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
    Error::setting("the HTTP client cannot be used").with_source(error.without_url())
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
