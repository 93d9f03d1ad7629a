use std::{error::Error as StdError, future::Future, net::SocketAddr, sync::Arc};

use http::{Method, Request, StatusCode, header};
use hyper::body::Incoming;
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde_json::json;

use crate::{
    container::authorization,
    error::Error,
    server::{
        answer::{self, Answer},
        counters::{Counters, Tally},
        fault::{Fault, Faults, Kind},
        host::Hosts,
        listener::{Handler, Listener, Place},
        source::{Source, container_document},
        token::{random_text, same},
    },
};

/// Where the credentials are, unless set.
const PATH: &str = "/v1/credentials";

/// A running agent with a container's credentials; it ends when this is dropped.
///
/// # Examples
///
/// ```
/// use keyfob_imds::server::Container;
/// use keyfob_sigv4::Credentials;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let agent = Container::builder().credentials(Credentials::new("AKIDEXAMPLE", "secret")?).start().await?;
/// // For the program that is to use it:
/// let variables = [
///     ("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url()),
///     ("AWS_CONTAINER_AUTHORIZATION_TOKEN", agent.token().expose().to_owned()),
/// ];
/// # assert!(variables[0].1.ends_with("/v1/credentials") && variables[1].1.len() == 64);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Container {
    listener: Listener,
    service: Arc<Service>,
}

/// The settings of a [`Container`].
#[derive(Clone, Debug)]
#[must_use = "nothing listens until `start`"]
pub struct Builder {
    place: Place,
    path: String,
    token: Option<Secret>,
    source: Option<Source>,
    faults: Vec<Fault>,
}

impl Container {
    /// An agent that wants a token of its own making.
    pub fn builder() -> Builder {
        Builder {
            place: Place::default(),
            path: PATH.to_owned(),
            token: None,
            source: None,
            faults: Vec::new(),
        }
    }

    /// Where the credentials are, for `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address(), self.service.path)
    }

    /// What a request must have as `Authorization`, for `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub fn token(&self) -> &Secret {
        &self.service.token
    }

    /// The address and port it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What it was asked so far.
    pub fn counters(&self) -> Counters {
        self.service.tally.read()
    }

    /// Makes something go wrong from now on.
    pub fn inject(&self, fault: Fault) {
        self.service.faults.add(fault);
    }

    /// Ends everything that goes wrong.
    pub fn recover(&self) {
        self.service.faults.clear();
    }
}

impl Builder {
    /// The address and port to listen on; `127.0.0.1` and any free port unless set.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.place.address = address;
        self
    }

    /// Whether the address may be one that other machines can reach.
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.place.remote = allow;
        self
    }

    /// Another host name to answer to, such as `host.docker.internal`.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.place.hosts.push(name.into());
        self
    }

    /// The path of the credentials; `/v1/credentials` unless set.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The token that requests must have; 64 random hexadecimal digits unless set.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Something that goes wrong.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Always these credentials.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.source = Some(Source::fixed(credentials));
        self
    }

    /// Credentials from a closure, which is called for every request for them: cache in it. What it fails with is told to
    /// the client, so it must hold no secret.
    pub fn credentials_from<F, E>(mut self, source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.source = Some(Source::new(source));
        self
    }

    /// Listens. Needs a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when the address is in use or not loopback, without credentials, or
    /// for a path without a slash at the front; [`ErrorKind::BadToken`](crate::ErrorKind::BadToken) for a token that cannot
    /// stand in a header.
    pub async fn start(self) -> Result<Container, Error> {
        let token = self.token.unwrap_or_else(|| random_text().into());
        authorization(token.expose())?;
        let source = self
            .source
            .ok_or_else(|| Error::setting("a container's agent needs credentials to hand out"))?;
        if !self.path.starts_with('/') {
            return Err(Error::setting(
                "the path of container credentials begins with `/`",
            ));
        }
        let service = Arc::new(Service {
            hosts: self.place.own_names(),
            path: self.path,
            token,
            source,
            faults: Faults::new(self.faults),
            tally: Tally::default(),
        });
        let listener = Listener::start(&self.place, Arc::clone(&service)).await?;
        Ok(Container { listener, service })
    }
}

#[derive(Debug)]
struct Service {
    hosts: Hosts,
    path: String,
    token: Secret,
    source: Source,
    faults: Faults,
    tally: Tally,
}

impl Handler for Service {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    async fn handle(&self, request: Request<Incoming>) -> Answer {
        if !self.hosts.admit(&request) {
            return refusal(
                StatusCode::FORBIDDEN,
                "the request was not made for this agent",
            );
        }
        let fault = self.faults.strike(request.uri().path());
        match fault {
            Some(Kind::Status(status)) => return refusal(status, "a fault was asked for"),
            Some(Kind::Slow(delay)) => tokio::time::sleep(delay).await,
            Some(Kind::Silence) => std::future::pending().await,
            Some(Kind::Expired) | None => {}
        }
        self.answer(&request, fault == Some(Kind::Expired)).await
    }
}

impl Service {
    async fn answer<B>(&self, request: &Request<B>, expired: bool) -> Answer {
        if request.method() != Method::GET {
            return answer::method_not_allowed("GET");
        }
        if !self.is_authorized(request) {
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
        self.tally.credentials.add();
        match self.source.credentials(expired).await {
            Ok(key) => {
                let document = container_document(&key, Timestamp::now());
                answer::typed(StatusCode::OK, "application/json", document)
            }
            Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    fn is_authorized<B>(&self, request: &Request<B>) -> bool {
        let mut tokens = request.headers().get_all(header::AUTHORIZATION).iter();
        let (token, second) = (tokens.next(), tokens.next());
        second.is_none()
            && token
                .is_some_and(|token| same(token.as_bytes(), self.token.expose().trim().as_bytes()))
    }
}

/// As agents refuse: a document with the reason.
fn refusal(status: StatusCode, message: &str) -> Answer {
    let code = status
        .canonical_reason()
        .unwrap_or("Error")
        .replace(' ', "");
    let document = json!({"code": code, "message": message}).to_string();
    answer::typed(status, "application/json", document)
}
