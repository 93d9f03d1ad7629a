mod builder;

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use keyfob_sigv4::Timestamp;
use tokio::time::Instant;

pub use self::builder::Builder;
use crate::{
    endpoint::Endpoint,
    server::{
        answer::{self, Answer},
        counters::{Counters, Tally},
        fault::{Fault, Faults, Kind},
        host::Hosts,
        items::Items,
        listener::{Handler, Listener},
        source::{Source, role_document},
        token::Tokens,
    },
    wire::{TOKEN_HEADER, TOKEN_PATH, TTL_HEADER, TokenTtl},
};

/// A running instance metadata service; it ends when this is dropped.
#[derive(Debug)]
pub struct Imds {
    listener: Listener,
    service: Arc<Service>,
}

impl Imds {
    /// An instance with the metadata of an example, without a role.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Where it listens, as an endpoint for the client or, as text, for
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

    /// Sets an item, by its path below `/latest/`, from now on.
    pub fn set(&self, path: &str, value: impl Into<Bytes>) {
        self.service.items.set(path.trim_matches('/'), value.into());
    }

    /// Takes an item away.
    pub fn remove(&self, path: &str) {
        self.service.items.remove(path.trim_matches('/'));
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

#[derive(Debug)]
struct Service {
    hosts: Hosts,
    v1: bool,
    extended: bool,
    role: String,
    source: Option<Source>,
    items: Items,
    faults: Faults,
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
        let fault = self.faults.strike(request.uri().path());
        match fault {
            Some(Kind::Status(status)) => return answer::refusal(status),
            Some(Kind::Slow(delay)) => tokio::time::sleep(delay).await,
            Some(Kind::Silence) => std::future::pending().await,
            Some(Kind::Expired) | None => {}
        }
        self.answer(&request, fault == Some(Kind::Expired)).await
    }
}

impl Service {
    async fn answer<B>(&self, request: &Request<B>, expired: bool) -> Answer {
        let path = request.uri().path();
        if path == TOKEN_PATH.as_str() {
            return self.token(request);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return answer::method_not_allowed("GET, HEAD");
        }
        if !self.has_pass(request) {
            return answer::refusal(StatusCode::UNAUTHORIZED);
        }
        let found = match below_version(path) {
            Some(item) => self.item(&decoded(item), expired).await,
            None if path == "/" => Some(answer::value("latest")),
            None => None,
        };
        found.unwrap_or_else(|| answer::refusal(StatusCode::NOT_FOUND))
    }

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

    async fn item(&self, path: &str, expired: bool) -> Option<Answer> {
        let credentials = path.strip_prefix("meta-data/iam/security-credentials");
        match (&self.source, credentials) {
            (Some(source), Some(rest)) => self.credentials(source, rest, expired).await,
            _ => self.items.get(path).map(answer::value),
        }
    }

    /// What is below one of the two directories of credentials.
    async fn credentials(&self, source: &Source, path: &str, expired: bool) -> Option<Answer> {
        let (extended, name) = match path.strip_prefix("-extended") {
            Some(rest) => (true, rest),
            None => (false, path),
        };
        if extended && !self.extended {
            return None;
        }
        match name {
            "" | "/" => Some(answer::value(self.role.clone())),
            name if name.strip_prefix('/') == Some(&self.role) => {
                self.tally.credentials.add();
                let credentials = source.credentials(expired).await;
                let document = role_document(&credentials, extended, Timestamp::now());
                Some(answer::value(document))
            }
            _ => None,
        }
    }
}

/// The path of the item below `latest` or below a dated version (`2021-07-15`), which are all alike here.
fn below_version(path: &str) -> Option<&str> {
    let path = path.strip_prefix('/')?;
    let (version, item) = path.split_once('/').unwrap_or((path, ""));
    let is_date = version.len() == 10
        && version.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    (version == "latest" || is_date).then_some(item)
}

/// Without percent-encoding: names of tags may need it. What is no encoding stands for itself.
fn decoded(path: &str) -> String {
    let mut pieces = path.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let code = piece
            .get(..2)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(&piece.as_bytes()[2..]);
            }
            None => bytes.extend([b"%", piece.as_bytes()].concat()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_and_versions_are_dates() {
        for (path, plain) in [
            ("a%20b", "a b"),
            ("%C3%A9%", "é%"),
            ("%zz%2", "%zz%2"),
            ("%é", "%é"),
            ("", ""),
        ] {
            assert_eq!(decoded(path), plain);
        }
        for (path, item) in [
            ("/latest/meta-data/a", Some("meta-data/a")),
            ("/2021-07-15/x", Some("x")),
            ("/latest", Some("")),
            ("/1.0/x", None),
            ("/", None),
            ("x", None),
        ] {
            assert_eq!(below_version(path), item, "{path}");
        }
    }
}
