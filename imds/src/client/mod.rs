mod builder;
mod discovery;
pub(crate) mod flight;
pub(crate) mod limits;
mod lookups;
mod session;
pub(crate) mod stability;
#[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
mod tls;
pub(crate) mod transport;
mod walk;
mod watch;

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::StatusCode;
use keyfob_backoff::{Classify, Failure};
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use tokio::time::Instant;

pub use self::{
    builder::ClientBuilder,
    walk::{Entry, Walk},
    watch::Watch,
};
use self::{
    discovery::{Discovery, Step},
    flight::Flight,
    session::Session,
    transport::Transport,
};
use crate::{
    credentials::{parse_hiding, zero},
    endpoint::Endpoint,
    error::{Error, ErrorKind},
    lock::lock,
    path::Path,
    wire::{self, Token, TokenTtl},
};

/// A client of the EC2 instance metadata service.
///
/// It opens an IMDSv2 session with the first request and keeps it; clones share it. Every call has
/// a time limit, and its error says what was wrong. Off EC2 a call fails after one second at the
/// latest.
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
    disabled_by: Option<String>,
    v1: bool,
    ttl: TokenTtl,
    transport: Transport,
    session: Session,
    discovery: Mutex<Discovery>,
    credentials: Flight<RoleCredentials>,
}

/// The credentials of the instance's role.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RoleCredentials {
    /// The name of the role, or of the configured profile. It is neither the name of a policy nor
    /// an ARN.
    pub name: String,
    /// The credentials, with their expiry and, on newer hosts, the account.
    pub credentials: Credentials,
    /// When they expired, if the service returned expired ones. Their expiry is then 10 to 15
    /// minutes from now, because AWS accepts them while it cannot refresh them.
    pub expired: Option<Timestamp>,
}

impl Client {
    /// Returns the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns the address of the service.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Returns the value of an item as text. `path` is as for [`Path::new`]: `/latest/dynamic/…`,
    /// or `instance-id` for `/latest/meta-data/instance-id`.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`]; [`NotFound`](ErrorKind::NotFound) if the item does not exist,
    /// [`Response`](ErrorKind::Response) if it is not UTF-8.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// assert_eq!(client.get("instance-type").await?, "t3.micro");
    /// let missing = client.get("kernel-id").await.unwrap_err();
    /// assert!(missing.is_not_found());
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn get(&self, path: &str) -> Result<String, Error> {
        let path = Path::new(path)?;
        let call = self.call()?;
        call.within(call.read(&path, |body, _| wire::text(body, &path)))
            .await
    }

    /// Returns the value of an item that need not exist as text; `None` is HTTP 404.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get), except for [`NotFound`](ErrorKind::NotFound).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// assert_eq!(client.get_optional("kernel-id").await?, None);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn get_optional(&self, path: &str) -> Result<Option<String>, Error> {
        found(self.get(path).await)
    }

    /// Returns the value of an item as bytes. User data may be anything.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn get_bytes(&self, path: &str) -> Result<Bytes, Error> {
        let path = Path::new(path)?;
        let call = self.call()?;
        call.within(call.read(&path, |body, _| Ok(body))).await
    }

    /// Returns the names in a directory. `path` may end with a slash or not. Directories among the
    /// names end with `/`; the names in `public-keys/` have the form `0=name`.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// assert_eq!(client.list("/latest/").await?, ["dynamic/", "meta-data/"]);
    /// assert_eq!(client.list("placement").await?, ["availability-zone", "region"]);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn list(&self, path: &str) -> Result<Vec<String>, Error> {
        let directory = format!("{}/", path.trim_end_matches('/'));
        let path = Path::new(&directory)?;
        let call = self.call()?;
        let listing = call
            .within(call.read(&path, |body, _| wire::text(body, &path)))
            .await?;
        Ok(wire::names(&listing).map(str::to_owned).collect())
    }

    /// Returns the name of the instance's role. The role's policies are not in the metadata; IAM
    /// has them.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get); [`NotFound`](ErrorKind::NotFound) if the instance has no role,
    /// [`Response`](ErrorKind::Response) if the service lists something that is not a name.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    /// use keyfob_sigv4::Credentials;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = Credentials::new("ASIAEXAMPLE", "secret")?;
    /// let instance = Imds::builder().role("web")?.credentials(key).start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// assert_eq!(client.role_name().await?, "web");
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn role_name(&self) -> Result<String, Error> {
        let call = self.call()?;
        let listing = found(call.within(call.roles(&discovery::LEGACY)).await)?;
        wire::listed_role(listing.as_deref().unwrap_or_default()).map(str::to_owned)
    }

    /// Gets the credentials of the instance's role. Calls at the same time share one answer.
    ///
    /// The client remembers where the credentials are but does not cache them: keep them until
    /// shortly before they expire.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get); [`NotFound`](ErrorKind::NotFound) if the instance has no role,
    /// [`Refused`](ErrorKind::Refused) if the service says why it has no credentials,
    /// [`InvalidProfile`](ErrorKind::InvalidProfile) if the configured name does not exist.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    /// use keyfob_sigv4::Credentials;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = Credentials::new("ASIAEXAMPLE", "secret")?;
    /// let instance = Imds::builder().role("web")?.credentials(key).start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    ///
    /// let role = client.credentials().await?;
    /// assert_eq!(role.name, "web");
    /// assert_eq!(role.credentials.access_key_id(), "ASIAEXAMPLE");
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn credentials(&self) -> Result<RoleCredentials, Error> {
        let call = self.call()?;
        call.within(self.0.credentials.join(|| call.credentials()))
            .await
    }

    /// Returns the session token of this client, for requests of another program.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get); [`TokenUnsupported`](ErrorKind::TokenUnsupported) if the
    /// service has no session tokens.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// let token = client.token().await?;
    /// assert_eq!(token.ttl().as_secs(), 21_600);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn token(&self) -> Result<Token, Error> {
        let call = self.call()?;
        let token = call.within(call.token()).await?;
        token.ok_or_else(|| Error::from_token_status(StatusCode::NOT_FOUND, false))
    }

    /// Every call begins here, so that a disabled client does nothing.
    fn call(&self) -> Result<Call<'_>, Error> {
        if let Some(setting) = &self.0.disabled_by {
            return Err(Error::disabled(setting));
        }
        Ok(Call {
            inner: &self.0,
            deadline: self.0.transport.deadline(),
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.endpoint.as_str())
            .field("disabled_by", &self.0.disabled_by)
            .field("v1", &self.0.v1)
            .field("limits", &self.0.transport.limits())
            .finish_non_exhaustive()
    }
}

/// One call of the client, which has a deadline.
struct Call<'a> {
    inner: &'a Inner,
    deadline: Instant,
}

impl Call<'_> {
    /// It is not an `async fn`, which would hold the work twice.
    fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> impl Future<Output = Result<T, Error>> {
        self.inner.transport.within(self.deadline, work)
    }

    /// Gets an item, with a session token.
    async fn read<T>(
        &self,
        path: &Path<'_>,
        parse: impl Fn(Bytes, Option<&Token>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut is_renewed = false;
        loop {
            let token = self.token().await?;
            match self.read_with(token.as_ref(), path, &parse).await {
                // The token expired early (the clock was set, or the instance was moved): one new
                // token, one more request.
                Err(error) if error.kind() == ErrorKind::Unauthorized && !is_renewed => {
                    self.inner.session.forget(token.as_ref());
                    is_renewed = true;
                }
                result => return result,
            }
        }
    }

    async fn read_with<T>(
        &self,
        token: Option<&Token>,
        path: &Path<'_>,
        parse: &impl Fn(Bytes, Option<&Token>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let attempt = || async {
            let request = wire::get_request(&self.inner.endpoint, path, token);
            let response = self.inner.transport.send(request, self.deadline).await?;
            parse(wire::value(response, path)?, token)
        };
        self.inner.transport.retry(self.deadline, attempt).await
    }

    /// Returns the session token, or `None` for IMDSv1.
    async fn token(&self) -> Result<Option<Token>, Error> {
        self.inner.session.token(|| self.open_session()).await
    }

    async fn open_session(&self) -> Result<Option<Token>, Error> {
        let attempt = || self.put_token();
        let opened = self.inner.transport.retry(self.deadline, attempt).await;
        match opened {
            // IMDSv1 is for services that have no session tokens at all. A refusal or a timeout
            // could be caused by an attacker who wants requests without a token.
            Err(error) if self.inner.v1 && error.kind() == ErrorKind::TokenUnsupported => Ok(None),
            opened => opened.map(Some),
        }
    }

    async fn put_token(&self) -> Result<Token, Error> {
        match self.request_token().await {
            Ok(token) => {
                self.inner.transport.recognize();
                Ok(token)
            }
            // Whatever it answers now: it was an instance before.
            Err(error) if self.inner.transport.is_recognized() => {
                Err(error.with_no_instance(false))
            }
            Err(error) => Err(error),
        }
    }

    async fn request_token(&self) -> Result<Token, Error> {
        let began = Instant::now();
        let request = wire::token_request(&self.inner.endpoint, self.inner.ttl);
        match self.inner.transport.send(request, self.deadline).await {
            Err(error) if error.kind() == ErrorKind::Timeout => {
                let name = self.inner.transport.name();
                Err(Error::token_timeout(name, began.elapsed()).with_no_instance(true))
            }
            response => {
                let response = response?;
                let is_empty = response.status() == StatusCode::OK && response.body().is_empty();
                self.reject_empty(is_empty, &wire::TOKEN_PATH)?;
                wire::token(&response, self.inner.ttl)
            }
        }
    }

    async fn credentials(&self) -> Result<RoleCredentials, Error> {
        // Changes are kept only if they lead to credentials.
        let mut discovery = lock(&self.inner.discovery).clone();
        loop {
            match discovery.next()? {
                Step::List(directory) => {
                    let listing = found(self.roles(&directory).await)?;
                    discovery.listed(listing.as_deref())?;
                }
                Step::Read(path) => {
                    let document = self.read(&path, credentials_in).await;
                    let Some(credentials) = found(document)? else {
                        discovery.missing()?;
                        continue;
                    };
                    let (name, discovery) = discovery.found();
                    *lock(&self.inner.discovery) = discovery;
                    let (credentials, expired) = stability::extend(credentials);
                    return Ok(RoleCredentials {
                        name,
                        credentials,
                        expired,
                    });
                }
            }
        }
    }

    /// Returns the listing of one of the two directories of roles.
    async fn roles(&self, directory: &Path<'_>) -> Result<String, Error> {
        self.read(directory, |body, _| {
            let listing = wire::text(body, directory)?;
            self.reject_empty(wire::names(&listing).next().is_none(), directory)?;
            Ok(listing)
        })
        .await
    }

    /// A missing token or role is reported by status. An empty 200 means that the value is not
    /// ready yet: a client with `retry_unanswered` asks again.
    fn reject_empty(&self, is_empty: bool, path: &Path<'_>) -> Result<(), Error> {
        if is_empty && self.inner.transport.limits().retry_unanswered {
            return Err(Error::response(format!("the answer for {path} is empty")));
        }
        Ok(())
    }
}

/// Parses a credential document. The service may repeat the session token in its refusal.
fn credentials_in(document: Bytes, token: Option<&Token>) -> Result<Credentials, Error> {
    let token = token.map(|token| Secret::from(token.expose()));
    let credentials = parse_hiding(&document, token.as_ref());
    // The session token and the secret key are now in one place only.
    zero(document);
    credentials
}

/// Returns `None` if the item does not exist.
fn found<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the client's own retries go by. With it, `Error` also works in `keyfob_backoff::retry`.
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
