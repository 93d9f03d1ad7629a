use std::{
    error::Error as StdError,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use keyfob_sigv4::{Credentials, Timestamp};
use tokio::time::Instant;

use crate::{
    endpoint::Endpoint,
    error::Error,
    server::{
        answer::{self, Answer},
        counters::{Counters, Tally},
        host::Hosts,
        listener::{Handler, Listener},
        source::{Source, role_document},
        token::Tokens,
        tree::Tree,
    },
    wire::{TOKEN_HEADER, TTL_HEADER, TokenTtl},
};

/// A running instance metadata service; it ends when this is dropped.
#[derive(Debug)]
pub struct Imds {
    listener: Listener,
    service: Arc<Service>,
}

/// The settings of an [`Imds`].
#[derive(Clone, Debug)]
#[must_use = "nothing listens until `start`"]
pub struct Builder {
    address: SocketAddr,
    remote: bool,
    hosts: Hosts,
    v1: bool,
    extended: bool,
    role: String,
    source: Option<Source>,
    tree: Tree,
}

impl Imds {
    /// An instance with the metadata of an example, without a role.
    pub fn builder() -> Builder {
        Builder {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            remote: false,
            hosts: Hosts::default(),
            v1: false,
            extended: true,
            role: "keyfob".to_owned(),
            source: None,
            tree: example(),
        }
    }

    /// Where it listens, as an endpoint for [`Client`](crate::Client) or, as text, for
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub fn endpoint(&self) -> Endpoint {
        // An address and a port are always an endpoint.
        Endpoint::new(&format!("http://{}", self.address())).unwrap_or_default()
    }

    /// The address and port it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What it was asked so far.
    pub fn counters(&self) -> Counters {
        self.service.tally.read()
    }

    /// Ends every session, as if all tokens had expired: the next request with one is answered with 401.
    pub fn expire_tokens(&self) {
        self.service.tokens.clear();
    }
}

impl Builder {
    /// The address and port to listen on; `127.0.0.1` and any free port unless set.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Whether the address may be one that other machines can reach. Everyone who reaches it gets the credentials.
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.remote = allow;
        self
    }

    /// Another host name to answer to, such as `host.docker.internal`. Without it only `localhost`, loopback and the
    /// link-local addresses are answered, which keeps web pages out.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.hosts.more.push(name.into());
        self
    }

    /// Whether requests without a session token are answered (IMDSv1). The default is no.
    pub fn allow_v1(mut self, allow: bool) -> Self {
        self.v1 = allow;
        self
    }

    /// Whether there is `iam/security-credentials-extended/`, with the account id. The default is yes.
    pub fn extended(mut self, extended: bool) -> Self {
        self.extended = extended;
        self
    }

    /// The name of the role; `keyfob` unless set. Without credentials there is no role.
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.role = name.into();
        self
    }

    /// The region, and with it the zone (`…a`) and the identity document; `us-east-1` unless set.
    pub fn region(mut self, region: &str) -> Self {
        place(&mut self.tree, region);
        self
    }

    /// An item of metadata, by its path below `/latest/` (`meta-data/instance-id`), in place of the example's.
    pub fn item(mut self, path: &str, value: impl Into<bytes::Bytes>) -> Self {
        self.tree.set(path.trim_matches('/'), value);
        self
    }

    /// Always these credentials.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.source = Some(Source::fixed(credentials));
        self
    }

    /// Credentials from a closure, which is called for every request for them: cache in it. What it fails with is told to
    /// the client (`Code` is `Failed`, `Message` the error's text), so it must hold no secret.
    pub fn credentials_from<F, E>(mut self, source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.source = Some(Source::new(source));
        self
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when the address is in use or not loopback.
    pub async fn start(self) -> Result<Imds, Error> {
        let mut hosts = self.hosts;
        if self.remote {
            hosts.more.push(self.address.ip().to_string());
        }
        let service = Arc::new(Service {
            hosts,
            v1: self.v1,
            extended: self.extended,
            role: self.role,
            source: self.source,
            tree: self.tree,
            tokens: Tokens::default(),
            tally: Tally::default(),
        });
        let listener = Listener::start(self.address, self.remote, Arc::clone(&service)).await?;
        Ok(Imds { listener, service })
    }
}

#[derive(Debug)]
struct Service {
    hosts: Hosts,
    v1: bool,
    extended: bool,
    role: String,
    source: Option<Source>,
    tree: Tree,
    tokens: Tokens,
    tally: Tally,
}

impl Handler for Service {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    async fn handle(&self, request: Request<Incoming>) -> Answer {
        if !self.hosts.admit(&request) {
            return answer::refusal(StatusCode::FORBIDDEN);
        }
        let path = request.uri().path();
        if path == crate::wire::TOKEN_PATH.as_str() {
            return self.token(&request);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return answer::method_not_allowed("GET, HEAD");
        }
        if !self.has_pass(&request) {
            return answer::refusal(StatusCode::UNAUTHORIZED);
        }
        let found = match path.strip_prefix("/latest") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => self.item(rest).await,
            _ if path == "/" => Some(answer::value("latest")),
            _ => None,
        };
        found.unwrap_or_else(|| answer::refusal(StatusCode::NOT_FOUND))
    }
}

impl Service {
    /// A session token for 1 to 21,600 seconds, only by `PUT`: what a proxy or a web page can be made to send is a `GET` or
    /// a `POST`.
    fn token<B>(&self, request: &Request<B>) -> Answer {
        if request.method() != Method::PUT {
            return answer::method_not_allowed("PUT");
        }
        self.tally.tokens.add();
        let Some(ttl) = TokenTtl::of_header(request.headers().get(TTL_HEADER)) else {
            return answer::refusal(StatusCode::BAD_REQUEST);
        };
        let mut given = answer::value(self.tokens.issue(ttl, Instant::now()));
        given.headers_mut().insert(TTL_HEADER, ttl.as_secs().into());
        given
    }

    /// A token that is there must be good, even where none is needed.
    fn has_pass<B>(&self, request: &Request<B>) -> bool {
        match request.headers().get(TOKEN_HEADER) {
            Some(token) => self.tokens.is_live(token.as_bytes(), Instant::now()),
            None => self.v1,
        }
    }

    /// The item below `/latest`.
    async fn item(&self, path: &str) -> Option<Answer> {
        let path = path.trim_start_matches('/');
        match path.strip_prefix("meta-data/iam/security-credentials") {
            Some(rest) => self.credentials(rest).await,
            None => self.tree.get(path).map(answer::value),
        }
    }

    /// What is below one of the two directories of credentials.
    async fn credentials(&self, path: &str) -> Option<Answer> {
        let source = self.source.as_ref()?;
        let (extended, name) = match path.strip_prefix("-extended") {
            Some(rest) => (true, rest),
            None => (false, path),
        };
        if extended && !self.extended {
            return None;
        }
        match name.strip_prefix('/').unwrap_or(name) {
            "" => Some(answer::value(self.role.clone())),
            name if name == self.role => {
                self.tally.credentials.add();
                let credentials = source.credentials().await;
                let document = role_document(&credentials, extended, Timestamp::now());
                Some(answer::value(document))
            }
            _ => None,
        }
    }
}

/// The metadata of an instance that does not exist.
fn example() -> Tree {
    let mut tree = Tree::default();
    for (path, value) in [
        ("ami-id", "ami-0123456789abcdef0"),
        ("hostname", "ip-10-0-0-10.ec2.internal"),
        ("instance-id", "i-0123456789abcdef0"),
        ("instance-life-cycle", "on-demand"),
        ("instance-type", "t3.micro"),
        ("local-hostname", "ip-10-0-0-10.ec2.internal"),
        ("local-ipv4", "10.0.0.10"),
        ("mac", "02:00:00:00:00:0a"),
        ("reservation-id", "r-0123456789abcdef0"),
        ("security-groups", "default"),
        ("services/domain", "amazonaws.com"),
        ("services/partition", "aws"),
    ] {
        tree.set(&format!("meta-data/{path}"), value);
    }
    place(&mut tree, "us-east-1");
    tree
}

fn place(tree: &mut Tree, region: &str) {
    tree.set("meta-data/placement/region", region.to_owned());
    tree.set(
        "meta-data/placement/availability-zone",
        format!("{region}a"),
    );
    let document = serde_json::json!({
        "accountId": "123456789012",
        "architecture": "x86_64",
        "availabilityZone": format!("{region}a"),
        "imageId": "ami-0123456789abcdef0",
        "instanceId": "i-0123456789abcdef0",
        "instanceType": "t3.micro",
        "pendingTime": "2026-01-01T00:00:00Z",
        "privateIp": "10.0.0.10",
        "region": region,
        "version": "2017-09-30",
    });
    tree.set("dynamic/instance-identity/document", document.to_string());
}
