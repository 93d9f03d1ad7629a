use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::{HeaderValue, Uri};
use keyfob_backoff::retry;
use keyfob_sigv4::{Credentials, Secret};
use tokio::time::{Instant, timeout_at};

use crate::{
    client::{flight::Flight, limits::Limits, stability, transport::Transport},
    container::{self, Location, authorization},
    error::{Error, ErrorKind},
};

/// A client of the agent that has a container's credentials. Clones share one connection.
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
    limits: Limits,
    transport: Transport,
    credentials: Flight<Credentials>,
}

/// The settings of a [`Client`]. Environment variables are not read here.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    location: Location,
    token: Token,
    limits: Limits,
}

/// What proves to the agent which container is asking.
#[derive(Clone, Debug)]
enum Token {
    None,
    Text(Secret),
    File(PathBuf),
}

impl Client {
    /// A client for that place.
    pub fn builder(location: Location) -> ClientBuilder {
        ClientBuilder {
            location,
            token: Token::None,
            limits: Limits::with_attempts_of(Duration::from_secs(2)),
        }
    }

    /// Where it asks.
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    /// The container's credentials, asked for now; calls made at the same time share one answer. The token file is read
    /// each time, because it is replaced while containers run.
    ///
    /// What the agent hands out although it has expired is handed on with an expiry 10 to 15 minutes from now, as for
    /// [`crate::Client::credentials`].
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`]; [`BadToken`](ErrorKind::BadToken) and [`Setting`](ErrorKind::Setting) before anything is sent.
    pub async fn credentials(&self) -> Result<Credentials, Error> {
        let deadline = Instant::now() + self.0.limits.total();
        let shared = self.0.credentials.join(|| self.0.fetch(deadline));
        timeout_at(deadline, shared).await.unwrap_or_else(|_| {
            Err(Error::out_of_time(
                self.0.transport.name(),
                self.0.limits.total(),
            ))
        })
    }
}

impl Inner {
    async fn fetch(&self, deadline: Instant) -> Result<Credentials, Error> {
        let authorization = self.token.read().await?;
        let attempt = || async {
            let request = container::request(&self.location, authorization.as_ref());
            let response = self.transport.send(request, deadline).await?;
            container::credentials(&response)
        };
        let credentials = retry(self.limits.policy(), attempt)
            .deadline(deadline.saturating_duration_since(Instant::now()))
            .run()
            .await?;
        Ok(stability::extended(credentials).0)
    }
}

impl ClientBuilder {
    /// The token, sent as it is (`AWS_CONTAINER_AUTHORIZATION_TOKEN`).
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        if !matches!(self.token, Token::File(_)) {
            self.token = Token::Text(token.into());
        }
        self
    }

    /// The file that holds the token (`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`). It goes before a token set directly.
    pub fn token_file(mut self, path: impl AsRef<Path>) -> Self {
        self.token = Token::File(path.as_ref().to_owned());
        self
    }

    /// How long one request may take, connecting included; 2 s unless set.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt = timeout;
        self
    }

    /// How long one call may take with all its retries; five times the [`attempt_timeout`](ClientBuilder::attempt_timeout)
    /// unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.total = Some(timeout);
        self
    }

    /// How often a request is sent at most, 3 unless set; 0 counts as 1. Only HTTP 5xx and 429 are answered with another
    /// attempt.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts;
        self
    }

    /// Whether to send a request again also when there was no connection or no usable answer. The default is no.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.limits.persistent = persistent;
        self
    }

    /// The client. Nothing is sent or read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`] for an `https` location when neither the feature `rustls` nor `native-tls` is on;
    /// [`ErrorKind::BadToken`] for a token that cannot stand in a header.
    pub fn build(self) -> Result<Client, Error> {
        if let Token::Text(token) = &self.token {
            authorization(token.expose())?;
        }
        let origin: &Uri = self.location.uri();
        let transport = Transport::new(
            origin,
            container::location::is_allowed,
            self.limits.attempt(),
        )?;
        Ok(Client(Arc::new(Inner {
            transport,
            location: self.location,
            token: self.token,
            limits: self.limits,
            credentials: Flight::new(),
        })))
    }
}

impl Token {
    async fn read(&self) -> Result<Option<HeaderValue>, Error> {
        match self {
            Self::None => Ok(None),
            Self::Text(token) => authorization(token.expose()).map(Some),
            Self::File(path) => {
                let read = {
                    let path = path.clone();
                    move || std::fs::read_to_string(path).map(Secret::from)
                };
                let read = tokio::task::spawn_blocking(read).await;
                let text = read.map_err(std::io::Error::other).and_then(|text| text);
                let text = text.map_err(|source| unreadable(path, source))?;
                authorization(text.expose()).map(Some)
            }
        }
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::new(
        ErrorKind::BadToken,
        format!(
            "could not read the container authorization token file {}",
            path.display()
        ),
    )
    .with_source(source)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("location", &self.0.location)
            .field("token", &self.0.token)
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}
