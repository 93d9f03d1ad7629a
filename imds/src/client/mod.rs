mod builder;
mod discovery;
mod failure;
pub(crate) mod flight;
pub(crate) mod limits;
mod lookups;
mod session;
pub(crate) mod stability;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls;
pub(crate) mod transport;
mod walk;
mod watch;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use keyfob_backoff::{Classify, Failure, retry};
use keyfob_sigv4::{Credentials, Timestamp};
use tokio::time::{Instant, timeout_at};

pub use self::{
    builder::ClientBuilder,
    walk::{Entry, Walk},
    watch::Watch,
};
use self::{
    discovery::{Ask, Discovery},
    flight::Flight,
    limits::Limits,
    session::{Pass, Session},
    transport::Transport,
};
use crate::{
    credentials::parse_credentials,
    endpoint::Endpoint,
    error::{Error, ErrorKind},
    path::Path,
    wire::{self, Token, TokenTtl},
};

/// A client of the EC2 instance metadata service.
///
/// It opens an IMDSv2 session with the first request and keeps it; clones share it. Every call has a total budget of
/// time, ends within it, and says what was wrong. Off EC2 that is after one second at the latest.
///
/// Needs a tokio runtime with I/O and time enabled.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), keyfob_imds::Error> {
/// let client = keyfob_imds::Client::builder().build()?;
/// let region = client.region().await?;
/// let role = client.credentials().await?;
/// println!("{} in {region}, until {:?}", role.name, role.credentials.expiry());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    disabled: bool,
    v1: bool,
    ttl: TokenTtl,
    limits: Limits,
    transport: Transport,
    session: Session,
    discovery: Mutex<Discovery>,
    credentials: Flight<RoleCredentials>,
}

/// The credentials of the instance's role, and the name they have there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RoleCredentials {
    /// The name of the role, or of the configured profile. It is not the name of a policy, nor an ARN.
    pub name: String,
    /// The credentials, with their expiry and, on newer hosts, the account.
    pub credentials: Credentials,
    /// When they expired, if the service handed out expired ones: their expiry is then 10 to 15 minutes from now, because
    /// while AWS cannot renew them its services go on taking them.
    pub expired: Option<Timestamp>,
}

impl Client {
    /// A client with other settings than the defaults.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Where it asks.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// The value of an item, as text. The path is as for [`Path::new`]: `/latest/dynamic/…`, or `instance-id` for
    /// `/latest/meta-data/instance-id`.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`]; [`NotFound`](ErrorKind::NotFound) for an item that is not there,
    /// [`Response`](ErrorKind::Response) for one that is not UTF-8.
    pub async fn get(&self, path: &str) -> Result<String, Error> {
        let path = Path::new(path)?;
        let call = self.call()?;
        call.within(call.read(&path, |body| wire::text(body, &path)))
            .await
    }

    /// The value of an item, as it is: user data need not be text.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn get_bytes(&self, path: &str) -> Result<Bytes, Error> {
        let path = Path::new(path)?;
        let call = self.call()?;
        call.within(call.read(&path, Ok)).await
    }

    /// The names in a directory, with or without a slash at the end of `path`. Directories among them end with `/`; of
    /// `public-keys/` they have the form `0=name`.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn list(&self, path: &str) -> Result<Vec<String>, Error> {
        let directory = format!("{}/", path.trim_end_matches('/'));
        let path = Path::new(&directory)?;
        let call = self.call()?;
        let listing = call
            .within(call.read(&path, |body| wire::text(body, &path)))
            .await?;
        Ok(wire::names(&listing).map(str::to_owned).collect())
    }

    /// The name of the instance's role. A role's policies are not in the metadata at all: IAM has them.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get); [`NotFound`](ErrorKind::NotFound) when the instance has no role.
    pub async fn role_name(&self) -> Result<String, Error> {
        let call = self.call()?;
        let path = discovery::LEGACY;
        let listing = call.within(call.roles(&path)).await.map_err(no_role)?;
        let name = wire::first_name(&listing).ok_or_else(Error::no_role)?;
        Ok(name.to_owned())
    }

    /// The credentials of the instance's role, asked for now; calls made at the same time share one answer. Nothing is
    /// cached here but where they are: keep them until shortly before they expire.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get); [`NotFound`](ErrorKind::NotFound) when the instance has no role,
    /// [`Refused`](ErrorKind::Refused) when the service says why it has no credentials,
    /// [`InvalidProfile`](ErrorKind::InvalidProfile) when the configured name does not exist.
    pub async fn credentials(&self) -> Result<RoleCredentials, Error> {
        let call = self.call()?;
        call.within(self.0.credentials.join(|| call.credentials()))
            .await
    }

    /// The session token that this client uses, for requests of another program.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get); [`TokenUnsupported`](ErrorKind::TokenUnsupported) where the service has none.
    pub async fn token(&self) -> Result<Token, Error> {
        let call = self.call()?;
        let pass = call.within(call.pass()).await?;
        pass.ok_or_else(|| Error::of_token_status(StatusCode::NOT_FOUND))
    }

    /// Every call begins here, so that a disabled client does nothing.
    fn call(&self) -> Result<Call<'_>, Error> {
        match self.0.disabled {
            true => Err(Error::disabled()),
            false => Ok(Call {
                inner: &self.0,
                deadline: Instant::now() + self.0.limits.total(),
            }),
        }
    }
}

/// One call of the client, which has to end by its deadline.
struct Call<'a> {
    inner: &'a Inner,
    deadline: Instant,
}

impl Call<'_> {
    async fn within<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        timeout_at(self.deadline, work).await.unwrap_or_else(|_| {
            let name = self.inner.transport.name();
            Err(Error::out_of_time(name, self.inner.limits.total()))
        })
    }

    /// An item, with a session token. HTTP 401 means that the token has ended early (the clock was set, the instance was
    /// moved): one new token, one more request.
    async fn read<T>(
        &self,
        path: &Path<'_>,
        parse: impl Fn(Bytes) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut renewed = false;
        loop {
            let pass = self.pass().await?;
            match self.attempts(path, &pass, &parse).await {
                Err(error) if error.kind() == ErrorKind::Unauthorized && !renewed => {
                    self.inner.session.forget(&pass);
                    renewed = true;
                }
                result => return result,
            }
        }
    }

    async fn attempts<T>(
        &self,
        path: &Path<'_>,
        pass: &Pass,
        parse: &impl Fn(Bytes) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let attempt = || async {
            let request = wire::get_request(&self.inner.endpoint, path, pass.as_ref());
            let response = self.inner.transport.send(request, self.deadline).await?;
            parse(wire::value(response, path)?)
        };
        retry(self.inner.limits.policy(), attempt)
            .deadline(self.left())
            .run()
            .await
    }

    async fn pass(&self) -> Result<Pass, Error> {
        self.inner.session.pass(|| self.open_session()).await
    }

    /// IMDSv1 is for services that have no session tokens at all, and only if the user said so. A token that is refused
    /// or does not come is no reason for it.
    async fn open_session(&self) -> Result<Pass, Error> {
        let opened = retry(self.inner.limits.policy(), || self.put_token())
            .deadline(self.left())
            .run()
            .await;
        match opened {
            Err(error) if self.inner.v1 && error.kind() == ErrorKind::TokenUnsupported => Ok(None),
            opened => opened.map(Some),
        }
    }

    async fn put_token(&self) -> Result<Token, Error> {
        let began = Instant::now();
        let request = wire::token_request(&self.inner.endpoint, self.inner.ttl);
        match self.inner.transport.send(request, self.deadline).await {
            Err(error) if error.kind() == ErrorKind::Timeout => {
                let name = self.inner.transport.name();
                Err(Error::token_unanswered(name, began.elapsed()))
            }
            response => {
                let response = response?;
                let blank = response.status() == StatusCode::OK && response.body().is_empty();
                self.blank_is_no_answer(blank, &wire::TOKEN_PATH)?;
                wire::token(&response, self.inner.ttl)
            }
        }
    }

    async fn credentials(&self) -> Result<RoleCredentials, Error> {
        let mut discovery = self.discovery().clone();
        loop {
            match discovery.next()? {
                Ask::Listing(path) => {
                    let listing = self.roles(&path).await;
                    discovery.listed(found(listing)?.as_deref())?;
                }
                Ask::Document(path) => {
                    let document = self.read(&path, |body| parse_credentials(&body)).await;
                    match found(document)? {
                        None => discovery.missing()?,
                        Some(credentials) => {
                            let (name, discovery) = discovery.found();
                            *self.discovery() = discovery;
                            let (credentials, expired) = stability::extended(credentials);
                            return Ok(RoleCredentials {
                                name,
                                credentials,
                                expired,
                            });
                        }
                    }
                }
            }
        }
    }

    /// The names in one of the two directories of roles.
    async fn roles(&self, directory: &Path<'_>) -> Result<String, Error> {
        self.read(directory, |body| {
            let listing = wire::text(body, directory)?;
            self.blank_is_no_answer(wire::first_name(&listing).is_none(), directory)?;
            Ok(listing)
        })
        .await
    }

    /// A service that has no token or no role says so with a status. To be empty is not to have one yet, for a persistent
    /// client, which asks again.
    fn blank_is_no_answer(&self, is_blank: bool, path: &Path<'_>) -> Result<(), Error> {
        match is_blank && self.inner.limits.persistent {
            true => Err(Error::bad_response(format!(
                "the answer for {path} is empty"
            ))),
            false => Ok(()),
        }
    }

    fn discovery(&self) -> MutexGuard<'_, Discovery> {
        // One value, replaced whole: in order after any panic.
        self.inner
            .discovery
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Nothing where there is no such item.
fn found<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn no_role(error: Error) -> Error {
    match error.is_not_found() {
        true => Error::no_role(),
        false => error,
    }
}

/// What the retries of this crate's client go by; with it, `Error` also works in `keyfob_backoff::retry`.
impl Classify for Error {
    fn failure(&self) -> Failure<'_> {
        match (self.status(), self.kind()) {
            (Some(status), _) => Failure::response(status).with_code(self.code()),
            (None, ErrorKind::Connect) => Failure::connect(),
            (None, ErrorKind::Timeout) => Failure::timeout(),
            (None, ErrorKind::Transport | ErrorKind::Response) => Failure::no_response(),
            (None, _) => Failure::local(),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.endpoint.as_str())
            .field("disabled", &self.0.disabled)
            .field("v1", &self.0.v1)
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}
