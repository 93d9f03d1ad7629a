use std::{fmt, pin::Pin, sync::Arc};

use keyfob_sigv4::{Credentials, Timestamp};

use crate::{
    cure::{Selection, Skip},
    error::Error,
    finding::Finding,
    origin::Origin,
};

/// A boxed future. Boxing makes [`Provider`] work as `dyn Provider`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One source of credentials.
///
/// A provider answers one of three things: credentials; "not configured", and the chain goes on; or
/// an error, and the chain stops. A source that is configured but fails must not silently be
/// replaced by another identity.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{BoxFuture, Error, Found, Outcome, Origin, Provider};
/// use keyfob_sigv4::{Credentials, Timestamp};
///
/// #[derive(Debug)]
/// struct Vault(Option<Credentials>);
///
/// impl Provider for Vault {
///     fn name(&self) -> &str {
///         "vault"
///     }
///
///     fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
///         Box::pin(async {
///             let Some(credentials) = &self.0 else {
///                 return Ok(Outcome::NotConfigured("no vault is mounted".to_owned()));
///             };
///             let origin = Origin::Other { description: "vault at /run/vault".to_owned() };
///             Ok(Outcome::Found(Found::new(credentials.clone(), origin)))
///         })
///     }
/// }
/// ```
pub trait Provider: Send + Sync {
    /// Returns the name that users see, such as `environment variables`.
    fn name(&self) -> &str;

    /// Gets the credentials, with requests if necessary. `now` is the current time.
    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>>;

    /// Checks whether the provider would have credentials.
    ///
    /// [`Chain::explain`](crate::Chain::explain) calls this after another provider has won. It must
    /// be quick, change nothing, and never make a service issue credentials. The default
    /// implementation does not look.
    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(async { Ok(Inspection::NotLooked) })
    }

    /// Returns what to change so that a chain skips this provider, if that is possible.
    fn skip(&self) -> Option<Skip> {
        None
    }

    /// Returns how this provider can be used when others mask it.
    fn selection(&self) -> Selection {
        Selection::BySkipping
    }

    /// Returns what this provider has that does not count beside a later one. It must be quick, and
    /// contacts no service.
    ///
    /// [`Chain::explain`](crate::Chain::explain) asks a provider that is not configured.
    fn aside(&self, _now: Timestamp) -> Option<Aside> {
        None
    }

    /// Returns a number that grows when the provider's settings change while the program runs, as
    /// when a file is edited. It must be quick, and contacts no service.
    ///
    /// [`Cached`](crate::Cached) compares it once a second at most, and asks the provider again if
    /// it has grown. The default is for settings that never change.
    fn revision(&self, _now: Timestamp) -> u64 {
        0
    }

    /// Returns what is remarkable about the provider's settings although it can answer, for
    /// [`Explanation::findings`](crate::Explanation). `now` is the current time. It may read files,
    /// but contacts no service.
    fn findings(&self, _now: Timestamp) -> Vec<Finding> {
        Vec::new()
    }

    /// Takes note that a service has refused these credentials. A provider that caches answers
    /// returns other ones from now on.
    fn invalidate(&self, _refused: &Credentials) {}
}

/// What a provider answers.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The credentials.
    Found(Found),
    /// Not configured, with the reason in a few words: `AWS_ACCESS_KEY_ID is not set`.
    NotConfigured(String),
}

/// Credentials and where they come from. It is also a provider that always answers with them.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Cached, Found, Origin};
/// use keyfob_sigv4::{Credentials, Timestamp};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let key = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let origin = Origin::Other { description: "the test's setup".to_owned() };
/// let cached = Cached::new(Found::new(key, origin));
/// let key = cached.credentials(Timestamp::now()).await?;
/// assert_eq!(key.access_key_id(), "AKIDEXAMPLE");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Found {
    /// The credentials.
    pub credentials: Credentials,
    /// Where they come from.
    pub origin: Origin,
    /// How they are renewed.
    pub renewal: Renewal,
    /// When they expired, if their source gave expired ones. Their expiry is then a time in the
    /// near future, because AWS accepts them while the source cannot refresh them.
    pub expired: Option<Timestamp>,
}

impl Found {
    /// Combines credentials with their origin. They are renewed [`ByCaller`](Renewal::ByCaller).
    pub fn new(credentials: Credentials, origin: Origin) -> Self {
        Self {
            credentials,
            origin,
            renewal: Renewal::ByCaller,
            expired: None,
        }
    }

    /// Sets how the credentials are renewed.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Found, Origin, Renewal};
    /// use keyfob_sigv4::Credentials;
    ///
    /// // A vault that issues new credentials whenever it is asked.
    /// let key = Credentials::new("ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
    /// let origin = Origin::Other { description: "the vault".to_owned() };
    /// let found = Found::new(key, origin).with_renewal(Renewal::Service);
    /// assert_eq!(found.renewal, Renewal::Service);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn with_renewal(mut self, renewal: Renewal) -> Self {
        self.renewal = renewal;
        self
    }

    /// Sets when the credentials expired, for those that their source gives although they have, and
    /// whose own expiry was put off.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Found, Origin};
    /// use keyfob_sigv4::{Credentials, Timestamp};
    ///
    /// let now = Timestamp::now();
    /// let key = Credentials::new("ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?
    ///     .with_expiry(now.plus_seconds(600));
    /// let origin = Origin::Container { variable: "AGENT_URL".to_owned() };
    /// let found = Found::new(key, origin).with_expired(Some(now.plus_seconds(-3600)));
    /// assert_eq!(found.end(), Some(now.plus_seconds(-3600)));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn with_expired(mut self, at: Option<Timestamp>) -> Self {
        self.expired = at;
        self
    }

    /// Returns the expiry that the source itself told, which may be past.
    pub fn end(&self) -> Option<Timestamp> {
        self.expired.or_else(|| self.credentials.expiry())
    }
}

/// How credentials are renewed, which decides how [`Cached`](crate::Cached) treats them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Renewal {
    /// Never. The provider always answers with the same credentials, even if they have a session
    /// token and no expiry.
    Never,
    /// A person or another program renews them, in a variable or a file. Asking the provider again
    /// reads the new ones. They are never served after they expire.
    ByCaller,
    /// A service issues new ones whenever it is asked. If it fails, the previous ones are served,
    /// even after they expire: services often extend them during an outage.
    Service,
    /// A service issues new ones for something that can be used once, as with the tokens of SSO and
    /// `aws login`, which each refresh replaces. One task at a time asks the provider, and after a
    /// failure not again for a minute. The previous ones are served until they expire.
    ///
    /// A task that is canceled while it asks may lose the new token. The provider should store it
    /// in a task of its own.
    Rotating,
}

impl Renewal {
    /// Returns true if old credentials are better than none while the source is unavailable.
    pub(crate) fn serves_stale(self) -> bool {
        matches!(self, Self::Service)
    }
}

/// What a provider knows without getting credentials.
#[derive(Clone, Debug)]
pub enum Inspection {
    /// It would have credentials.
    Available {
        /// Where they would come from.
        origin: Origin,
        /// The credentials, if reading them needs no request, as from a file.
        credentials: Option<Credentials>,
    },
    /// Not configured, with the reason.
    NotConfigured(String),
    /// It cannot tell without getting them.
    NotLooked,
}

/// Settings of a provider that do not count beside a later one, such as variables beside a profile
/// that the program names.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Aside, Inspection, Origin, Skip};
///
/// let available = Inspection::Available {
///     origin: Origin::Other { description: "VAULT_TOKEN".to_owned() },
///     credentials: None,
/// };
/// let aside = Aside::new("profile \"dev\"", available, Some(Skip::without("--profile dev")));
/// assert_eq!(aside.change.unwrap().without, ["--profile dev"]);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Aside {
    /// The name of the later provider.
    pub beside: String,
    /// What there would be if they counted.
    pub inspection: Inspection,
    /// What to change so that they count, if that is possible.
    pub change: Option<Skip>,
}

impl Aside {
    /// Combines what there is with the name of the provider beside which it does not count.
    pub fn new(beside: impl Into<String>, inspection: Inspection, change: Option<Skip>) -> Self {
        Self {
            beside: beside.into(),
            inspection,
            change,
        }
    }
}

/// For providers that can return credentials without contacting a service.
impl From<Outcome> for Inspection {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Found(found) => Self::Available {
                origin: found.origin,
                credentials: Some(found.credentials),
            },
            Outcome::NotConfigured(reason) => Self::NotConfigured(reason),
        }
    }
}

/// Creates a provider from a function.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Chain, Error, ErrorKind, Found, Origin, Outcome, provider_fn};
/// use keyfob_sigv4::{Credentials, Timestamp};
///
/// let vault = provider_fn("vault", |_now| async {
///     let key = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
///         .map_err(|error| Error::with_source(ErrorKind::Provider, "a bad key", error))?;
///     let origin = Origin::Other { description: "the vault".to_owned() };
///     Ok(Outcome::Found(Found::new(key, origin)))
/// });
/// let chain = Chain::new().then(vault);
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let credentials = chain.resolve(Timestamp::now()).await.credentials?;
/// assert_eq!(credentials.access_key_id(), "AKIDEXAMPLE");
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
pub fn provider_fn<F, R>(name: impl Into<String>, function: F) -> ProviderFn<F>
where
    F: Fn(Timestamp) -> R + Send + Sync,
    R: Future<Output = Result<Outcome, Error>> + Send + 'static,
{
    ProviderFn {
        name: name.into(),
        function,
    }
}

/// The provider that [`provider_fn`] creates.
#[derive(Clone)]
pub struct ProviderFn<F> {
    name: String,
    function: F,
}

impl<F, R> Provider for ProviderFn<F>
where
    F: Fn(Timestamp) -> R + Send + Sync,
    R: Future<Output = Result<Outcome, Error>> + Send + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin((self.function)(now))
    }
}

impl<F> fmt::Debug for ProviderFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderFn").field(&self.name).finish()
    }
}

impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        (**self).provide(now)
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        (**self).inspect(now)
    }

    fn skip(&self) -> Option<Skip> {
        (**self).skip()
    }

    fn selection(&self) -> Selection {
        (**self).selection()
    }

    fn aside(&self, now: Timestamp) -> Option<Aside> {
        (**self).aside(now)
    }

    fn revision(&self, now: Timestamp) -> u64 {
        (**self).revision(now)
    }

    fn findings(&self, now: Timestamp) -> Vec<Finding> {
        (**self).findings(now)
    }

    fn invalidate(&self, refused: &Credentials) {
        (**self).invalidate(refused);
    }
}

/// Always answers with these credentials.
impl Provider for Found {
    fn name(&self) -> &str {
        "given credentials"
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(std::future::ready(Ok(Outcome::Found(self.clone()))))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(Ok(Outcome::Found(self.clone()).into())))
    }
}
