use std::{error::Error as StdError, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::json;
use tokio::time::Instant;

use super::{Imds, Service};
use crate::{
    error::{Error, shown},
    events::Interruption,
    server::{
        counters::Tally,
        example,
        fault::{Fault, Faults},
        items::{Items, Later},
        listener::{Listener, Place},
        source::Source,
        token::Tokens,
        tree::Tree,
    },
};

/// How long a Spot Instance is told ahead.
const NOTICE: i64 = 120;

/// The settings of an [`Imds`].
#[derive(Clone, Debug)]
#[must_use = "nothing listens until `start`"]
pub struct Builder {
    place: Place,
    v1: bool,
    extended: bool,
    role: String,
    source: Option<Source>,
    tree: Tree,
    later: Vec<(Duration, String, Bytes)>,
    spot: Option<(Duration, Interruption)>,
    faults: Vec<Fault>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            place: Place::default(),
            v1: false,
            extended: true,
            role: "keyfob".to_owned(),
            source: None,
            tree: example::instance("us-east-1"),
            later: Vec::new(),
            spot: None,
            faults: Vec::new(),
        }
    }

    /// The address and port to listen on; `127.0.0.1` and any free port unless set.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.place.address = address;
        self
    }

    /// Whether the address may be one that other machines can reach. Everyone who reaches it gets the credentials.
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.place.remote = allow;
        self
    }

    /// Another host name to answer to, such as `host.docker.internal`. Without it only `localhost`, loopback, the
    /// link-local addresses and the address it listens on are answered, which keeps web pages out.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.place.hosts.push(name.into());
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
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) for a name that no role can have.
    pub fn role(mut self, name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        if !is_role_name(&name) {
            return Err(Error::setting(format!(
                "invalid role name \"{}\": 1 to 64 letters, digits and _+=,.@- are needed",
                shown(&name)
            )));
        }
        self.role = name;
        Ok(self)
    }

    /// The region, and with it the zone (`…a`), the host name and the identity document; `us-east-1` unless set.
    pub fn region(mut self, region: &str) -> Self {
        example::place(&mut self.tree, region);
        self
    }

    /// All metadata, in place of the example's, from JSON such as `{"user-data": "…", "meta-data": {"instance-id": "…"}}`.
    ///
    /// Objects are directories, apart from those items that are JSON objects (identity document, `iam/info`, spot and
    /// rebalance notices); texts stand for themselves; arrays of texts are lines; anything else is served as JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when it is not a JSON object.
    pub fn metadata(mut self, json: &str) -> Result<Self, Error> {
        self.tree = Tree::from_json(json)?;
        Ok(self)
    }

    /// An item, by its path below `/latest/` (`meta-data/instance-id`).
    pub fn item(mut self, path: &str, value: impl Into<Bytes>) -> Self {
        self.tree.set(path.trim_matches('/'), value);
        self
    }

    /// An item that is not there until so long after the start.
    pub fn item_after(mut self, delay: Duration, path: &str, value: impl Into<Bytes>) -> Self {
        let path = path.trim_matches('/').to_owned();
        self.later.push((delay, path, value.into()));
        self
    }

    /// So long after the start comes the notice that this Spot Instance will be interrupted two minutes later.
    pub fn spot_notice(mut self, delay: Duration, action: Interruption) -> Self {
        self.spot = Some((delay, action));
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
    /// the client (`Code` is `Failed`, `Message` the error's text), so it must hold no secret.
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
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when the address is in use or not loopback.
    pub async fn start(mut self) -> Result<Imds, Error> {
        if self.source.is_some() {
            example::role(&mut self.tree, &self.role, self.extended);
        }
        let later = self.later();
        let service = Arc::new(Service {
            hosts: self.place.own_names(),
            v1: self.v1,
            extended: self.extended,
            role: self.role,
            source: self.source,
            items: Items::new(self.tree, later),
            faults: Faults::new(self.faults),
            tokens: Tokens::default(),
            tally: Tally::default(),
        });
        let listener = Listener::start(&self.place, Arc::clone(&service)).await?;
        Ok(Imds { listener, service })
    }

    /// What appears later, from now on.
    fn later(&self) -> Vec<Later> {
        let now = Instant::now();
        let notice = self.spot.iter().flat_map(|(delay, action)| {
            let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
            let time = Timestamp::now().plus_seconds(seconds.saturating_add(NOTICE));
            let time = Timestamp::from_unix_seconds(time.unix_seconds()).to_string();
            let document = json!({"action": action.as_str(), "time": time}).to_string();
            [
                (
                    *delay,
                    "meta-data/spot/instance-action".to_owned(),
                    document.into(),
                ),
                (
                    *delay,
                    "meta-data/spot/termination-time".to_owned(),
                    time.into(),
                ),
            ]
        });
        let items = self.later.iter().cloned().chain(notice);
        let later = |(delay, path, value)| {
            let at = now.checked_add(delay)?;
            Some(Later { at, path, value })
        };
        items.filter_map(later).collect()
    }
}

/// Source: IAM API Reference, "CreateRole", parameter `RoleName`.
fn is_role_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    matches!(name.len(), 1..=64) && name.bytes().all(allowed)
}
