use std::{
    error::Error as StdError, fmt, future::Future, net::SocketAddr, sync::Arc, time::Duration,
};

use bytes::Bytes;
use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    error::Error,
    events::Interruption,
    server::{
        answer,
        counters::Counts,
        example,
        fault::{Fault, Faults},
        imds::{Imds, Service},
        items::{Items, Later},
        listen::Refused,
        settings::Settings,
        source::{Source, whole_second},
        token::Tokens,
        tree::Tree,
    },
    wire,
};

/// How many seconds before the interruption the Spot notice appears. Source: EC2 User Guide, "Spot
/// Instance interruption notices".
const NOTICE: i64 = 120;

/// The settings of an [`Imds`].
#[derive(Clone)]
#[must_use = "nothing listens until `start`"]
pub struct ImdsBuilder {
    settings: Settings,
    v1: bool,
    extended: bool,
    role: String,
    tree: Tree,
    later: Vec<(Duration, String, Bytes)>,
    spot: Option<(Duration, Interruption)>,
}

impl ImdsBuilder {
    pub(super) fn new() -> Self {
        Self {
            settings: Settings::default(),
            v1: false,
            extended: true,
            role: "keyfob".to_owned(),
            tree: example::instance("us-east-1"),
            later: Vec::new(),
            spot: None,
        }
    }

    /// Sets the address and port to listen on. The default is `127.0.0.1` and any free port.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.settings.listener = self.settings.listener.bind(address);
        self
    }

    /// Sets whether the address may be one that other machines can reach. The default is no: every
    /// machine that reaches it gets the credentials.
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.settings.listener = self.settings.listener.allow_remote(allow);
        self
    }

    /// Adds a host name to answer to, such as `host.docker.internal`. Without it, only `localhost`,
    /// loopback, the link-local addresses and the address it listens on are accepted, which keeps
    /// web pages out.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.settings.listener = self.settings.listener.host(name);
        self
    }

    /// Sets whether requests without a session token are answered (IMDSv1). The default is no.
    pub fn allow_v1(mut self, allow: bool) -> Self {
        self.v1 = allow;
        self
    }

    /// Sets whether `iam/security-credentials-extended/` exists, whose documents have the account
    /// id. The default is yes.
    pub fn extended(mut self, extended: bool) -> Self {
        self.extended = extended;
        self
    }

    /// Sets the name of the role. The default is `keyfob`. Without credentials there is no role.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not a valid name of a role.
    pub fn role(mut self, name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        if !wire::is_role_name(&name) {
            // It may be a secret in the wrong place, and is not repeated.
            return Err(Error::setting(
                "invalid role name: use 1 to 64 letters, digits and _+=,.@-",
            ));
        }
        self.role = name;
        Ok(self)
    }

    /// Sets the region, and with it the zone (`…a`), the host name and the identity document. The
    /// default is `us-east-1`.
    pub fn region(mut self, region: &str) -> Self {
        example::place(&mut self.tree, region);
        self
    }

    /// Merges further metadata into what is there, with JSON such as `{"user-data": "…",
    /// "meta-data": {"instance-id": "…"}}`. Items with the same path are replaced, and the others
    /// stay.
    ///
    /// Objects are directories, except for the items that are JSON objects (identity document,
    /// `iam/info`, spot and rebalance notices). Strings are served as they are, arrays of strings
    /// as lines, and anything else as JSON. `null` removes an item or a directory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not a JSON object.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "client")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let json = r#"{"meta-data": {"instance-id": "i-1", "security-groups": ["a", "b"]}}"#;
    /// let instance = Imds::builder().metadata(json)?.start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// assert_eq!(client.instance_id().await?, "i-1");
    /// assert_eq!(client.get("security-groups").await?, "a\nb");
    /// assert_eq!(client.instance_type().await?, "t3.micro");
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub fn metadata(mut self, json: &str) -> Result<Self, Error> {
        self.tree.merge_json(json)?;
        Ok(self)
    }

    /// Sets an item, by its path below `/latest/` (`meta-data/instance-id`).
    pub fn item(mut self, path: &str, value: impl Into<Bytes>) -> Self {
        self.tree.set(path.trim_matches('/'), value);
        self
    }

    /// Sets an item that appears this long after the start.
    pub fn item_after(mut self, delay: Duration, path: &str, value: impl Into<Bytes>) -> Self {
        let path = path.trim_matches('/').to_owned();
        self.later.push((delay, path, value.into()));
        self
    }

    /// Sets when, after the start, the notice appears that this Spot Instance will be interrupted
    /// two minutes later.
    pub fn spot_notice(mut self, delay: Duration, action: Interruption) -> Self {
        self.spot = Some((delay, action));
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
    /// cache in it. The text of its error is sent to the client (`Code` is `Failed`, `Message` the
    /// text) and must not contain a secret.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::server::Imds;
    /// use keyfob_sigv4::{Credentials, Timestamp};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let issue = || async {
    ///     let key = Credentials::new("ASIAEXAMPLE", "secret")?;
    ///     Ok::<_, keyfob_sigv4::Error>(key.with_expiry(Timestamp::now().plus_seconds(900)))
    /// };
    /// let instance = Imds::builder().role("web")?.credentials_from(issue).start().await?;
    /// # Ok(())
    /// # }
    /// ```
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
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the address is in use or not loopback.
    pub async fn start(mut self) -> Result<Imds, Error> {
        if self.settings.source.is_some() {
            example::role(&mut self.tree, &self.role, self.extended);
        }
        let later = self.later();
        let service = Arc::new(Service {
            v1: self.v1,
            extended: self.extended,
            role: self.role,
            source: self.settings.source,
            items: Items::new(self.tree, later),
            faults: Faults::new(self.settings.faults),
            tokens: Tokens::default(),
            counts: Counts::default(),
        });
        let handler = {
            let service = Arc::clone(&service);
            move |request| Arc::clone(&service).handle(request)
        };
        let refusal = |refused: &Refused<'_>| answer::refusal(refused.status);
        let settings = self.settings.listener.refusal(refusal);
        let listener = settings.start(handler).await?;
        Ok(Imds { listener, service })
    }

    /// Returns the items that appear later, counted from now.
    fn later(&self) -> Vec<Later> {
        let now = Instant::now();
        let notice = self.spot.iter().flat_map(|(delay, action)| {
            let delay_seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
            let until_then = delay_seconds.saturating_add(NOTICE);
            let time = whole_second(Timestamp::now().plus_seconds(until_then));
            let document = json!({"action": action.as_str(), "time": time}).to_string();
            let item = |name: &str, value: String| {
                (*delay, format!("meta-data/spot/{name}"), value.into())
            };
            [
                item("instance-action", document),
                item("termination-time", time),
            ]
        });
        let items = self.later.iter().cloned().chain(notice);
        let later = |(delay, path, value)| {
            // An item so far away that the clock cannot hold its time never appears.
            let at = now.checked_add(delay)?;
            Some(Later { at, path, value })
        };
        items.filter_map(later).collect()
    }
}

/// Shows no value of an item, which may be a secret.
impl fmt::Debug for ImdsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImdsBuilder")
            .field("settings", &self.settings)
            .field("v1", &self.v1)
            .field("extended", &self.extended)
            .field("role", &self.role)
            .field("tree", &self.tree)
            .field("later", &self.later.len())
            .field("spot", &self.spot)
            .finish()
    }
}
