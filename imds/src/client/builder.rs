use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    Client, Inner, discovery::Discovery, flight::Flight, limits::Limits, session::Session,
    transport::Transport,
};
use crate::{
    endpoint::Endpoint,
    error::Error,
    wire::{TOKEN_PATH, TokenTtl},
};

/// The settings of a [`Client`]. Environment variables and configuration files are not read here.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    endpoint: Endpoint,
    disabled: bool,
    v1: bool,
    ttl: TokenTtl,
    profile: Option<String>,
    extended: bool,
    limits: Limits,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::default(),
            disabled: false,
            v1: false,
            ttl: TokenTtl::MAX,
            profile: None,
            extended: true,
            limits: Limits::with_attempts_of(Duration::from_secs(1)),
        }
    }
}

impl ClientBuilder {
    /// Where to ask; the link-local IPv4 address unless set. A base path is put before every path.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Whether it is switched off (`AWS_EC2_METADATA_DISABLED`): every call then fails with
    /// [`ErrorKind::Disabled`](crate::ErrorKind::Disabled) and opens no socket.
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// Whether to ask without a session token (IMDSv1) where the service has none, that is, answers 404 or 405 to the
    /// request for one. It is never done after a refusal, an error or a timeout. The default is no.
    pub fn allow_v1(mut self, allow: bool) -> Self {
        self.v1 = allow;
        self
    }

    /// How long a session token should live; six hours unless set.
    pub fn token_ttl(mut self, ttl: TokenTtl) -> Self {
        self.ttl = ttl;
        self
    }

    /// The name of the instance profile whose credentials to take, which saves looking it up
    /// (`AWS_EC2_INSTANCE_PROFILE_NAME`).
    pub fn profile_name(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// Whether to look for credentials in `iam/security-credentials-extended/` first, whose documents name the account.
    /// The default is yes; hosts without it cost one more request, once.
    pub fn extended(mut self, extended: bool) -> Self {
        self.extended = extended;
        self
    }

    /// How long one request may take, connecting included; 1 s unless set.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt = timeout;
        self
    }

    /// How long one call may take with everything in it: session token, directory, retries and the waits between them.
    /// At most a day; five times the [`attempt_timeout`](ClientBuilder::attempt_timeout) unless set.
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

    /// Whether to send a request again also when there was no connection or no usable answer (nothing, an empty token or
    /// list of roles, an empty or cut document). The default is no: off EC2 it only makes the wait longer. Programs that run
    /// while an instance boots, or behind a proxy of the metadata service, want it, with more
    /// [`attempts`](ClientBuilder::attempts) and [`timeout`](ClientBuilder::timeout).
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.limits.persistent = persistent;
        self
    }

    /// The client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) for a blank profile name, and for an `https` endpoint when
    /// neither the feature `rustls` nor `native-tls` is on.
    pub fn build(self) -> Result<Client, Error> {
        if self
            .profile
            .as_ref()
            .is_some_and(|name| name.trim().is_empty())
        {
            return Err(Error::setting(
                "the configured instance profile name is blank: set a name or leave it out",
            ));
        }
        let origin = self.endpoint.join(&TOKEN_PATH);
        let transport = Transport::new(&origin, |_| true, self.limits.attempt())?;
        Ok(Client(Arc::new(Inner {
            endpoint: self.endpoint,
            disabled: self.disabled,
            v1: self.v1,
            ttl: self.ttl,
            limits: self.limits,
            transport,
            session: Session::new(),
            discovery: Mutex::new(Discovery::new(self.profile, self.extended)),
            credentials: Flight::new(),
        })))
    }
}
