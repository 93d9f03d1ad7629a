use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::HeaderValue;
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use tokio::time::Instant;

use crate::{
    client::{flight::Flight, limits::Limits, stability, transport::Transport},
    container::{
        self,
        authorization::{authorization, read_token},
        location::{Location, is_allowed},
    },
    credentials::zero,
    error::{Error, Service},
};

/// The wait between attempts, as botocore has it (`ContainerMetadataFetcher`).
const PAUSE: Duration = Duration::from_secs(1);

/// A client of the agent that has a container's credentials. Clones share its connections.
///
/// Needs a tokio runtime with I/O and time enabled.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), keyfob_imds::Error> {
/// use keyfob_imds::container::{Client, Location};
///
/// let location = Location::full("http://169.254.170.23/v1/credentials")?;
/// let token = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token";
/// let client = Client::builder(location).token_file(token).build()?;
/// println!("{:?}", client.credentials().await?.expiry());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    location: Location,
    token: Token,
    transport: Transport,
    credentials: Flight<ContainerCredentials>,
}

/// The credentials of a container.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ContainerCredentials {
    /// The credentials, with their expiry and, if the agent names it, the account.
    pub credentials: Credentials,
    /// When they expired, if the agent returned expired ones. Their expiry is then 10 to 15 minutes
    /// from now, as in [`RoleCredentials`](crate::RoleCredentials).
    pub expired: Option<Timestamp>,
}

impl Client {
    /// Returns the default settings for this location.
    pub fn builder(location: Location) -> ClientBuilder {
        ClientBuilder {
            location,
            token: Token::None,
            limits: Limits {
                // The agent exists, because its location is configured; it may still be starting.
                retry_unanswered: true,
                pause: Some(PAUSE),
                ..Limits::new(Duration::from_secs(2))
            },
        }
    }

    /// Returns the URL of the credentials.
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    /// Gets the container's credentials. Calls at the same time share one answer. The token file is
    /// read each time, because it is replaced while containers run.
    ///
    /// Expired credentials are returned with an expiry 10 to 15 minutes from now, as by
    /// [`Client::credentials`](crate::Client::credentials).
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::ErrorKind); [`BadToken`](crate::ErrorKind::BadToken) and
    /// [`Setting`](crate::ErrorKind::Setting) before anything is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{container::{Client, Location}, server::Container};
    /// use keyfob_sigv4::Credentials;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = Credentials::new("ASIAEXAMPLE", "secret")?;
    /// let agent = Container::builder().credentials(key).start().await?;
    ///
    /// let location = Location::full(&agent.url())?;
    /// let client = Client::builder(location).token(agent.token().clone()).build()?;
    /// assert_eq!(client.credentials().await?.access_key_id(), "ASIAEXAMPLE");
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn credentials(&self) -> Result<Credentials, Error> {
        Ok(self.issue().await?.credentials)
    }

    /// Gets the container's credentials as [`credentials`](Client::credentials) does, and tells if
    /// they had expired.
    ///
    /// # Errors
    ///
    /// As for [`credentials`](Client::credentials).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{container::{Client, Location}, server::{Container, Fault}};
    /// use keyfob_sigv4::Credentials;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = Credentials::new("ASIAEXAMPLE", "secret")?;
    /// let agent = Container::builder().credentials(key).fault(Fault::expired()).start().await?;
    ///
    /// let location = Location::full(&agent.url())?;
    /// let client = Client::builder(location).token(agent.token().clone()).build()?;
    /// assert!(client.issue().await?.expired.is_some());
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn issue(&self) -> Result<ContainerCredentials, Error> {
        let deadline = self.0.transport.deadline();
        let shared = self.0.credentials.join(|| self.0.fetch(deadline));
        self.0.transport.within(deadline, shared).await
    }
}

impl Inner {
    async fn fetch(&self, deadline: Instant) -> Result<ContainerCredentials, Error> {
        let authorization = self.token.read().await?;
        let attempt = || async {
            let request = container::request(&self.location, authorization.as_ref());
            let response = self.transport.send(request, deadline).await?;
            let credentials = container::credentials(&response, authorization.as_ref());
            zero(response.into_body());
            credentials
        };
        let credentials = self.transport.retry(deadline, attempt).await?;
        let (credentials, expired) = stability::extend(credentials);
        Ok(ContainerCredentials {
            credentials,
            expired,
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("location", &self.0.location)
            .field("token", &self.0.token)
            .field("limits", &self.0.transport.limits())
            .finish_non_exhaustive()
    }
}

/// The settings of a [`Client`]. Environment variables are not read.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    location: Location,
    token: Token,
    limits: Limits,
}

impl ClientBuilder {
    /// Sets the token (`AWS_CONTAINER_AUTHORIZATION_TOKEN`). It is sent as it is.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        if !matches!(self.token, Token::File(_)) {
            self.token = Token::Text(token.into());
        }
        self
    }

    /// Sets the file that contains the token (`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`). It takes
    /// precedence over a token that is set directly.
    pub fn token_file(mut self, path: impl AsRef<Path>) -> Self {
        self.token = Token::File(path.as_ref().to_owned());
        self
    }

    /// Sets how long one request may take, connecting included: at most a day. The default is 2 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt = timeout;
        self
    }

    /// Sets how long one call may take in total, with all retries: at most a day. The default is
    /// five times the [`attempt_timeout`](ClientBuilder::attempt_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.total = Some(timeout);
        self
    }

    /// Sets how often a request is sent at most, a second apart. The default is 3; 0 counts as 1.
    /// HTTP 5xx and 429, failed connections and missing or unusable answers are retried: the
    /// location says that there is an agent, and it may still be starting.
    ///
    /// Source: botocore, `ContainerMetadataFetcher`.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts;
        self
    }

    /// Returns the client. Nothing is sent or read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the location is `https` and no feature
    /// of TLS is enabled;
    /// [`ErrorKind::BadToken`](crate::ErrorKind::BadToken) if the token cannot be sent in a header.
    pub fn build(self) -> Result<Client, Error> {
        if let Token::Text(token) = &self.token {
            authorization(token.expose())?;
        }
        let transport =
            Transport::new(Service::Agent, self.location.uri(), is_allowed, self.limits)?;
        Ok(Client(Arc::new(Inner {
            transport,
            location: self.location,
            token: self.token,
            credentials: Flight::new(),
        })))
    }
}

/// What tells the agent which container is asking.
#[derive(Clone, Debug)]
enum Token {
    None,
    Text(Secret),
    File(PathBuf),
}

impl Token {
    async fn read(&self) -> Result<Option<HeaderValue>, Error> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Text(token) => token.clone(),
            Self::File(path) => read_token(path).await?,
        };
        authorization(text.expose()).map(Some)
    }
}
