mod builder;

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use keyfob_sigv4::Timestamp;
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

pub use self::builder::ImdsBuilder;
use crate::{
    endpoint::Endpoint,
    server::{
        answer,
        counters::{Counters, Counts},
        fault::{Fault, Faults},
        items::Items,
        listen::Listener,
        source::{Source, role_document},
        token::Tokens,
    },
    wire::{TOKEN_HEADER, TOKEN_PATH, TTL_HEADER, TokenTtl},
};

/// A running instance metadata service. It stops when it is dropped.
///
/// # Examples
///
/// ```
/// use keyfob_imds::server::Imds;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let instance = Imds::builder()
///     .region("eu-west-1")
///     .item("user-data", "#!/bin/sh\n")
///     .start()
///     .await?;
/// // For the program that is to use it:
/// let variable = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.endpoint().to_string());
/// assert!(variable.1.starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Imds {
    listener: Listener,
    service: Arc<Service>,
}

impl Imds {
    /// Returns the settings of an example instance without a role.
    pub fn builder() -> ImdsBuilder {
        ImdsBuilder::new()
    }

    /// Returns its endpoint, for the client or, as text, for `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub fn endpoint(&self) -> Endpoint {
        // An address and a port are always an endpoint.
        Endpoint::new(&self.listener.url()).unwrap_or_default()
    }

    /// Returns the address and port it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Returns what it was asked so far.
    pub fn counters(&self) -> Counters {
        self.service.counts.read(&self.listener)
    }

    /// Ends every session as if all tokens had expired: the next request with one gets HTTP 401.
    pub fn expire_tokens(&self) {
        self.service.tokens.clear();
    }

    /// Sets an item, by its path below `/latest/`, from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "client")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// instance.set("meta-data/tags/instance/Name", "web-1");
    /// assert_eq!(client.tag("Name").await?.as_deref(), Some("web-1"));
    /// instance.remove("meta-data/tags/instance/Name");
    /// assert_eq!(client.tag("Name").await?, None);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub fn set(&self, path: &str, value: impl Into<Bytes>) {
        self.service.items.set(path.trim_matches('/'), value.into());
    }

    /// Removes an item.
    pub fn remove(&self, path: &str) {
        self.service.items.remove(path.trim_matches('/'));
    }

    /// Adds a fault, from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "client")] {
    /// use keyfob_imds::{Client, server::{Fault, Imds}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).attempts(1).build()?;
    /// instance.inject(Fault::status(503).on("/latest/meta-data/"));
    /// assert_eq!(client.region().await.unwrap_err().status(), Some(503));
    /// instance.recover();
    /// assert_eq!(client.region().await?, "us-east-1");
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub fn inject(&self, fault: Fault) {
        self.service.faults.add(fault);
    }

    /// Removes all faults.
    pub fn recover(&self) {
        self.service.faults.clear();
    }
}

#[derive(Debug)]
struct Service {
    v1: bool,
    extended: bool,
    role: String,
    source: Option<Source>,
    items: Items,
    faults: Faults,
    tokens: Tokens,
    counts: Counts,
}

impl Service {
    async fn handle(self: Arc<Self>, request: Request<Bytes>) -> Response<Bytes> {
        match self.faults.apply(&merged(request.uri().path())).await {
            Ok(expired) => self.answer(&request, expired).await,
            Err(status) => answer::refusal(status),
        }
    }

    async fn answer(&self, request: &Request<Bytes>, expired: bool) -> Response<Bytes> {
        let path = merged(request.uri().path());
        if path == TOKEN_PATH.as_str() {
            return self.token(request);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return answer::method_not_allowed("GET, HEAD");
        }
        // Before the item: without a session, 404 must not tell which items exist.
        if !self.is_authorized(request) {
            return answer::refusal(StatusCode::UNAUTHORIZED);
        }
        let found = match below_version(&path) {
            Some(item) => {
                let item = percent_decode_str(item).decode_utf8_lossy();
                self.item(&item, expired).await
            }
            None if path == "/" => Some(answer::value(VERSIONS.join("\n"))),
            None => None,
        };
        found.unwrap_or_else(|| answer::refusal(StatusCode::NOT_FOUND))
    }

    /// Issues a session token for 1 to 21,600 seconds.
    fn token(&self, request: &Request<Bytes>) -> Response<Bytes> {
        // A proxy or a web page can be tricked into sending a `GET` or a `POST`, but not a `PUT`.
        if request.method() != Method::PUT {
            return answer::method_not_allowed("PUT");
        }
        self.counts.add_token();
        let Some(ttl) = TokenTtl::from_headers(request.headers()) else {
            return answer::refusal(StatusCode::BAD_REQUEST);
        };
        let mut issued = answer::value(self.tokens.issue(ttl, Instant::now()));
        issued
            .headers_mut()
            .insert(TTL_HEADER, ttl.as_secs().into());
        issued
    }

    /// Returns true if the request may read items. A token that is present must be valid, even if
    /// IMDSv1 is allowed.
    fn is_authorized(&self, request: &Request<Bytes>) -> bool {
        let mut tokens = request.headers().get_all(TOKEN_HEADER).iter();
        match (tokens.next(), tokens.next()) {
            (Some(token), None) => self.tokens.is_live(token.as_bytes(), Instant::now()),
            // Something on the way could have looked at the other one.
            (Some(_), Some(_)) => false,
            (None, _) => self.v1,
        }
    }

    async fn item(&self, path: &str, expired: bool) -> Option<Response<Bytes>> {
        let credentials = path.strip_prefix("meta-data/iam/security-credentials");
        match (&self.source, credentials) {
            (Some(source), Some(rest)) => self.credentials(source, rest, expired).await,
            _ => self.items.get(path).map(answer::value),
        }
    }

    /// Answers a path in one of the two directories of credentials.
    async fn credentials(
        &self,
        source: &Source,
        path: &str,
        expired: bool,
    ) -> Option<Response<Bytes>> {
        let (extended, name) = match path.strip_prefix("-extended") {
            Some(rest) => (true, rest),
            None => (false, path),
        };
        if extended && !self.extended {
            return None;
        }
        match name.trim_end_matches('/') {
            "" => Some(answer::value(self.role.clone())),
            name if name.strip_prefix('/') == Some(&self.role) => {
                self.counts.add_credentials();
                let credentials = source.credentials(expired).await;
                let document = role_document(&credentials, extended, Timestamp::now());
                Some(answer::value(document))
            }
            _ => None,
        }
    }
}

/// The versions of the service that it lists.
///
/// Source: EC2 User Guide, "Get the available versions of the instance metadata".
const VERSIONS: [&str; 24] = [
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2021-03-23",
    "latest",
];

/// Returns the path below one of the versions, which are all the same here. A dated version need
/// not be listed (`2021-07-15`).
fn below_version(path: &str) -> Option<&str> {
    let path = path.strip_prefix('/')?;
    let (version, item) = path.split_once('/').unwrap_or((path, ""));
    let is_date = version.len() == 10
        && version.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    (is_date || VERSIONS.contains(&version)).then_some(item)
}

/// Returns the path with one slash where there are several. EC2 does not care about them, and
/// clients add one to an endpoint that already ends with one.
fn merged(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return path.into();
    }
    let mut merged = String::with_capacity(path.len());
    for char in path.chars() {
        if char != '/' || !merged.ends_with('/') {
            merged.push(char);
        }
    }
    merged.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_latest_and_dates() {
        for (path, item) in [
            ("/latest/meta-data/a", Some("meta-data/a")),
            ("/2021-07-15/x", Some("x")),
            ("/latest", Some("")),
            ("/1.0/x", Some("x")),
            ("/2.0/x", None),
            ("/", None),
            ("x", None),
        ] {
            assert_eq!(below_version(path), item, "{path}");
        }
    }
}
