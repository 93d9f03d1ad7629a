use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    client::{
        Client, Inner, discovery::Discovery, flight::Flight, limits::Limits, session::Session,
        transport::Transport,
    },
    endpoint::Endpoint,
    error::{Error, Service},
    wire::{TOKEN_PATH, TokenTtl},
};

/// The settings of a [`Client`]. Environment variables and configuration files are not read.
///
/// # Examples
///
/// For a program that runs while the instance boots:
///
/// ```
/// use std::time::Duration;
///
/// # fn main() -> Result<(), keyfob_imds::Error> {
/// let client = keyfob_imds::Client::builder()
///     .retry_unanswered(true)
///     .attempts(10)
///     .timeout(Duration::from_secs(30))
///     .build()?;
/// assert_eq!(client.endpoint().as_str(), "http://169.254.169.254");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    endpoint: Endpoint,
    disabled_by: Option<String>,
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
            disabled_by: None,
            v1: false,
            ttl: TokenTtl::MAX,
            profile: None,
            extended: true,
            limits: Limits::new(Duration::from_secs(1)),
        }
    }
}

impl ClientBuilder {
    /// Sets the address of the service. The default is the link-local IPv4 address. A base path is
    /// put in front of every path.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::{Client, Endpoint, Mode};
    ///
    /// let client = Client::builder().endpoint(Endpoint::from(Mode::IPv6)).build()?;
    /// assert_eq!(client.endpoint().as_str(), "http://[fd00:ec2::254]");
    /// # Ok::<(), keyfob_imds::Error>(())
    /// ```
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Sets whether the client is disabled (`AWS_EC2_METADATA_DISABLED`): every call fails with
    /// [`ErrorKind::Disabled`](crate::ErrorKind::Disabled) and opens no socket. The default is no.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::{Client, ErrorKind};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let client = Client::builder().disabled(true).build()?;
    /// let error = client.region().await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Disabled);
    /// # Ok(())
    /// # }
    /// ```
    pub fn disabled(mut self, disabled: bool) -> Self {
        let setting = "AWS_EC2_METADATA_DISABLED or the client's setting";
        self.disabled_by = disabled.then(|| setting.to_owned());
        self
    }

    /// Disables the client as [`disabled`](ClientBuilder::disabled) does, because of a setting that
    /// the error names.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::Client;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let client = Client::builder().offline("--offline").build()?;
    /// assert_eq!(
    ///     client.region().await.unwrap_err().to_string(),
    ///     "instance metadata is disabled (--offline), so no request was sent",
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn offline(mut self, setting: impl Into<String>) -> Self {
        self.disabled_by = Some(setting.into());
        self
    }

    /// Sets whether to do without a session token (IMDSv1) if the service has none, that is, if it
    /// answers the request for one with 404 or 405. A refusal, an error or a timeout never leads to
    /// IMDSv1. The default is no.
    pub fn allow_v1(mut self, allow: bool) -> Self {
        self.v1 = allow;
        self
    }

    /// Sets how long a session token should live. The default is six hours.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::{Client, wire::TokenTtl};
    ///
    /// let client = Client::builder().token_ttl(TokenTtl::from_secs(300)?).build()?;
    /// # Ok::<(), keyfob_imds::Error>(())
    /// ```
    pub fn token_ttl(mut self, ttl: TokenTtl) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets the name of the instance profile whose credentials to get
    /// (`AWS_EC2_INSTANCE_PROFILE_NAME`). By default the client asks for the name.
    pub fn profile_name(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// Sets whether to look for credentials in `iam/security-credentials-extended/` first, whose
    /// documents name the account. The default is yes. A host without it costs one more request,
    /// once.
    pub fn extended(mut self, extended: bool) -> Self {
        self.extended = extended;
        self
    }

    /// Sets how long one request may take, connecting included: at most a day. The default is 1 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt = timeout;
        self
    }

    /// Sets how long one call may take in total, with session token, directory, retries and the
    /// waits between them: at most a day. The default is five times the
    /// [`attempt_timeout`](ClientBuilder::attempt_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.total = Some(timeout);
        self
    }

    /// Sets how often a request is sent at most. The default is 3, and 0 counts as 1. Only HTTP 5xx
    /// and 429 are retried, unless [`retry_unanswered`](ClientBuilder::retry_unanswered) is set.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts;
        self
    }

    /// Sets whether the [`attempts`](ClientBuilder::attempts) are also for requests that got no
    /// connection or no usable answer (nothing, an empty token or list of roles, an empty or
    /// incomplete document). The default is no, because off EC2 it only makes the wait longer.
    ///
    /// It is for programs that run while an instance boots, or that reach the service through a
    /// proxy, with more [`attempts`](ClientBuilder::attempts) and a longer
    /// [`timeout`](ClientBuilder::timeout).
    pub fn retry_unanswered(mut self, retry: bool) -> Self {
        self.limits.retry_unanswered = retry;
        self
    }

    /// Returns the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the profile name is empty or
    /// whitespace, or if the endpoint is `https` and no feature of TLS is enabled.
    pub fn build(self) -> Result<Client, Error> {
        if self
            .profile
            .as_ref()
            .is_some_and(|name| name.trim().is_empty())
        {
            return Err(Error::setting(
                "the configured instance profile name is empty: set a name or leave it out",
            ));
        }
        let url = self.endpoint.join(&TOKEN_PATH);
        // The user chose the endpoint, so any address may be asked.
        let transport = Transport::new(Service::Instance, &url, |_| true, self.limits)?;
        Ok(Client(Arc::new(Inner {
            endpoint: self.endpoint,
            disabled_by: self.disabled_by,
            v1: self.v1,
            ttl: self.ttl,
            transport,
            session: Session::new(),
            discovery: Mutex::new(Discovery::new(self.profile, self.extended)),
            credentials: Flight::new(),
        })))
    }
}
