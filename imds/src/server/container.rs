use std::{
    error::Error as StdError,
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde_json::json;

use crate::{
    container::{authorization, read_token},
    error::Error,
    server::{
        answer,
        counters::{Counters, Counts},
        fault::{Fault, Faults},
        listen::{Listener, Refused},
        settings::Settings,
        source::{Source, container_document},
        token::{random_text, same},
    },
};

/// The default path of the credentials.
const PATH: &str = "/v1/credentials";

/// A running agent with a container's credentials. It stops when it is dropped.
///
/// # Examples
///
/// ```
/// use keyfob_imds::server::Container;
/// use keyfob_sigv4::Credentials;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = Credentials::new("AKIDEXAMPLE", "secret")?;
/// let agent = Container::builder().credentials(key).start().await?;
/// // For the program that is to use it:
/// let variables = [
///     ("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url()),
///     ("AWS_CONTAINER_AUTHORIZATION_TOKEN", agent.token().expose().to_owned()),
/// ];
/// assert!(variables[0].1.ends_with("/v1/credentials"));
/// assert_eq!(variables[1].1.len(), 64);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Container {
    listener: Listener,
    service: Arc<Service>,
}

impl Container {
    /// Returns the settings of an agent that requires a random token.
    pub fn builder() -> ContainerBuilder {
        ContainerBuilder {
            settings: Settings::default(),
            path: PATH.to_owned(),
            token: None,
            token_file: None,
        }
    }

    /// Returns the URL of the credentials, for `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn url(&self) -> String {
        format!("{}{}", self.listener.url(), self.service.path)
    }

    /// Returns the value that requests must send as `Authorization`, for
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`. Of a token in a file it is the one at the start.
    pub fn token(&self) -> &Secret {
        &self.service.token
    }

    /// Returns the address and port it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Returns what it was asked so far.
    pub fn counters(&self) -> Counters {
        self.service.counts.read(&self.listener)
    }

    /// Adds a fault, from now on.
    pub fn inject(&self, fault: Fault) {
        self.service.faults.add(fault);
    }

    /// Removes all faults.
    pub fn recover(&self) {
        self.service.faults.clear();
    }
}

/// The settings of a [`Container`].
#[derive(Clone, Debug)]
#[must_use = "nothing listens until `start`"]
pub struct ContainerBuilder {
    settings: Settings,
    path: String,
    token: Option<Secret>,
    token_file: Option<PathBuf>,
}

impl ContainerBuilder {
    /// Sets the address and port to listen on. The default is `127.0.0.1` and any free port.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.settings.listener = self.settings.listener.bind(address);
        self
    }

    /// Sets whether the address may be one that other machines can reach. The default is no.
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.settings.listener = self.settings.listener.allow_remote(allow);
        self
    }

    /// Adds a host name to answer to, such as `host.docker.internal`.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.settings.listener = self.settings.listener.host(name);
        self
    }

    /// Sets the path of the credentials. The default is `/v1/credentials`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the token that requests must send. The default is 64 random hexadecimal digits.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets the file that contains the token that requests must send. It takes precedence over
    /// [`token`](ContainerBuilder::token), and is read again for every request, because tokens of
    /// EKS are replaced while containers run. Whitespace around the token does not count.
    pub fn token_file(mut self, path: impl AsRef<Path>) -> Self {
        self.token_file = Some(path.as_ref().to_owned());
        self
    }

    /// Adds a fault.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.settings.faults.push(fault);
        self
    }

    /// Serves these credentials.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.settings.source = Some(Source::fixed(credentials));
        self
    }

    /// Serves the credentials that a closure returns. It is called for every request for them, so
    /// cache in it. The text of its error is sent to the client and must not contain a secret.
    pub fn credentials_from<F, E>(mut self, source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.settings.credentials_from(source);
        self
    }

    /// Starts listening. Needs a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the address is in use or not loopback,
    /// if no credentials are set, or if the path does not start with a slash.
    /// [`ErrorKind::BadToken`](crate::ErrorKind::BadToken) if the token cannot be sent in a header,
    /// or its file cannot be read.
    pub async fn start(self) -> Result<Container, Error> {
        let token = match &self.token_file {
            Some(path) => read_token(path).await?,
            None => self.token.unwrap_or_else(|| random_text().into()),
        };
        authorization(token.expose())?;
        let source = self.settings.source.ok_or_else(|| {
            Error::setting("a container's agent needs credentials to serve: set them")
        })?;
        if !self.path.starts_with('/') {
            return Err(Error::setting(
                "the path of container credentials must start with `/`",
            ));
        }
        let service = Arc::new(Service {
            path: self.path,
            token,
            token_file: self.token_file,
            source,
            faults: Faults::new(self.settings.faults),
            counts: Counts::default(),
        });
        let handler = {
            let service = Arc::clone(&service);
            move |request| Arc::clone(&service).handle(request)
        };
        let refused = |refused: &Refused<'_>| refusal(refused.status, refused.reason);
        let settings = self.settings.listener.refusal(refused);
        let listener = settings.start(handler).await?;
        Ok(Container { listener, service })
    }
}

#[derive(Debug)]
struct Service {
    path: String,
    /// The token at the start.
    token: Secret,
    token_file: Option<PathBuf>,
    source: Source,
    faults: Faults,
    counts: Counts,
}

impl Service {
    async fn handle(self: Arc<Self>, request: Request<Bytes>) -> Response<Bytes> {
        match self.faults.apply(request.uri().path()).await {
            Ok(expired) => self.answer(&request, expired).await,
            Err(status) => refusal(status, "a fault was asked for"),
        }
    }

    async fn answer(&self, request: &Request<Bytes>, expired: bool) -> Response<Bytes> {
        if request.method() != Method::GET {
            return answer::method_not_allowed("GET");
        }
        // Before the path: without the token one cannot find out where the credentials are.
        let current = match &self.token_file {
            Some(path) => read_token(path).await,
            None => Ok(self.token.clone()),
        };
        let Ok(token) = current else {
            return refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the file of the authorization token cannot be read",
            );
        };
        if !is_authorized(request, &token) {
            return refusal(
                StatusCode::UNAUTHORIZED,
                "the Authorization header is missing or wrong; it is the bare token",
            );
        }
        if request.uri().path() != self.path {
            return refusal(
                StatusCode::NOT_FOUND,
                "there are no credentials at this path",
            );
        }
        self.counts.add_credentials();
        match self.source.credentials(expired).await {
            Ok(key) => {
                let document = container_document(&key, Timestamp::now());
                answer::typed(StatusCode::OK, "application/json", document)
            }
            Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }
}

/// A second header could be the one that something else on the way looked at. An empty token, as in
/// a file that is just being written, is never right.
fn is_authorized(request: &Request<Bytes>, expected: &Secret) -> bool {
    let expected = expected.expose().trim();
    let mut tokens = request.headers().get_all(header::AUTHORIZATION).iter();
    let (token, second) = (tokens.next(), tokens.next());
    second.is_none()
        && !expected.is_empty()
        && token.is_some_and(|token| same(token.as_bytes(), expected.as_bytes()))
}

/// Returns an error as agents send it: a document with the reason.
fn refusal(status: StatusCode, message: &str) -> Response<Bytes> {
    let code = status
        .canonical_reason()
        .unwrap_or("Error")
        .replace(' ', "");
    let document = json!({"code": code, "message": message}).to_string();
    answer::typed(status, "application/json", document)
}
