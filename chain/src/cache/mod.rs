mod flight;
#[cfg(all(test, loom))]
mod model;
mod slot;
mod sync;
mod window;

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use arc_swap::Guard;
use keyfob_sigv4::{Credentials, Timestamp};
use tokio::runtime::Handle;

pub(crate) use self::slot::Slot;
use self::slot::Turn;
use self::window::CacheEntry;
pub(crate) use self::window::advisory_window;
use crate::{
    cure::{Selection, Skip},
    error::Error,
    finding::Finding,
    provider::{Aside, BoxFuture, Found, Inspection, Outcome, Provider},
};

/// Caches a provider's credentials, for any number of tasks, and refreshes them before they expire.
///
/// - Only one task at a time asks the provider. The others wait for its answer or, if the cached
///   credentials are valid for at least another minute, use those. If it is canceled, the next one
///   asks.
/// - Credentials with [`Renewal::Service`](crate::Renewal::Service) (instance metadata, a
///   container's agent, STS) are refreshed 5, 15 or 60 minutes before they expire, depending on
///   their lifetime, less a random fifth of that time. No caller waits for this: in a runtime of
///   Tokio it is a task of its own, and the runtime must go on. Without one, the first caller does
///   it. From 1 minute before expiry, callers wait for the refresh.
/// - If a refresh fails, the next attempt is 5 to 10 minutes later. Until then the old credentials
///   are served, even after they expire if the failure was an outage. After a final one, such as a
///   refusal, callers get the error of a new attempt from 1 minute before expiry.
/// - Credentials with [`Renewal::Rotating`](crate::Renewal::Rotating) are refreshed at the same
///   times, and never served after they expire. A refresh that fails is not repeated for a minute,
///   because it may have used up what it was made of.
/// - Other credentials are refreshed 10 seconds before they expire and never served after that.
///   With a session token but no expiry they count for 15 minutes. With neither, or with
///   [`Renewal::Never`](crate::Renewal::Never) and no expiry, they stay until
///   [`invalidate`](Self::invalidate).
/// - When the provider's settings change, such as the file of a profile, it is asked again within a
///   second ([`Provider::revision`]). If that fails, credentials that are still valid are served,
///   and the next attempt is after the next change, or 5 to 10 minutes later.
/// - A failure is shared with the tasks that waited for it. It is not cached.
/// - Reading credentials that are valid takes no lock, allocates nothing, and writes to no memory
///   that other threads read, except once a second.
///
/// The numbers are those of the AWS SDKs since 2026. The time is an argument, and so is randomness:
/// [`with_random`](Self::with_random).
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Cached, Chain, Order, Settings, Variables};
/// use keyfob_sigv4::Timestamp;
///
/// let key = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")];
/// let settings = Settings::load(Variables::from_iter(key));
/// let cached = Cached::new(Chain::default_for(Order::Cli, &settings));
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let first = cached.credentials(Timestamp::now()).await?;
/// assert!(cached.credentials(Timestamp::now()).await?.is_same_snapshot(&first));
/// # Ok::<(), keyfob_chain::Error>(())
/// # }).unwrap();
/// ```
pub struct Cached<P> {
    provider: Arc<P>,
    slot: Slot,
    /// The revision of the provider's settings, and the second in which it was looked at.
    revision: AtomicU64,
    looked_at: AtomicI64,
}

/// Credentials in a cache. It derefs to [`Credentials`].
///
/// Holding it does not keep the cache from refreshing. To keep the credentials for long, clone them
/// out of it: `Credentials::clone(&cached)`.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Cached, Found, Origin};
/// use keyfob_sigv4::{Credentials, Timestamp};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let key = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let origin = Origin::Other { description: "the vault".to_owned() };
/// let cache = Cached::new(Found::new(key, origin));
/// let cached = cache.credentials(Timestamp::now()).await?;
/// assert_eq!(cached.access_key_id(), "AKIDEXAMPLE");
/// assert_eq!(cached.found().origin.to_string(), "the vault");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct CachedCredentials(Guard<Arc<CacheEntry>>);

impl CachedCredentials {
    /// Returns the credentials with their origin.
    pub fn found(&self) -> &Found {
        &self.0.found
    }
}

impl Deref for CachedCredentials {
    type Target = Credentials;

    fn deref(&self) -> &Credentials {
        &self.0.found.credentials
    }
}

impl From<CachedCredentials> for Credentials {
    fn from(cached: CachedCredentials) -> Self {
        cached.0.found.credentials.clone()
    }
}

impl fmt::Debug for CachedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.found().fmt(f)
    }
}

impl<P: Provider + 'static> Cached<P> {
    /// Creates an empty cache. The provider is asked when credentials are needed.
    pub fn new(provider: P) -> Self {
        Self {
            provider: Arc::new(provider),
            slot: Slot::spread(None),
            revision: AtomicU64::new(0),
            looked_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Sets the source of random numbers, for an empty cache. They spread the refreshes of many
    /// programs that got the same credentials, and the retries of many machines after an outage.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Cached, Chain};
    ///
    /// // Refreshes are as early as they can be, and retries always 5 minutes apart.
    /// let cached = Cached::new(Chain::new()).with_random(|| 0);
    /// ```
    #[must_use]
    pub fn with_random(mut self, random: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.slot = Slot::spread(Some(Box::new(random)));
        self
    }

    /// Returns credentials that are valid at `now`, from the cache or from the provider.
    ///
    /// Providers that send requests need a runtime of Tokio with I/O and time enabled. Those of
    /// variables, files and processes need no particular runtime.
    ///
    /// # Errors
    ///
    /// - The provider's error, if there are no cached credentials to serve.
    /// - [`ErrorKind::NoCredentials`](crate::ErrorKind::NoCredentials) if the provider is not
    ///   configured.
    /// - [`ErrorKind::Expired`](crate::ErrorKind::Expired) if the provider returns expired
    ///   credentials.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Cached, Found, Origin};
    /// use keyfob_sigv4::{Credentials, Timestamp};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let key = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
    /// let cache = Cached::new(Found::new(key, Origin::Default));
    /// let credentials = cache.credentials(Timestamp::now()).await?;
    /// assert_eq!(credentials.access_key_id(), "AKIDEXAMPLE");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn credentials(&self, now: Timestamp) -> Result<CachedCredentials, Error> {
        let revision = self.look(now);
        if let Some(cached) = self.slot.cached(now, revision) {
            return Ok(cached);
        }
        let (lead, meanwhile) = match self.slot.turn(now, revision).await? {
            Turn::Served(cached) => return Ok(cached),
            Turn::Lead(lead, meanwhile) => (lead, meanwhile),
        };
        let provider = Arc::clone(&self.provider);
        let refresh = lead.ask(async move { ask(&*provider, now).await });
        match (meanwhile, Handle::try_current()) {
            (Some(cached), Ok(runtime)) => {
                runtime.spawn(refresh);
                Ok(cached)
            }
            _ => refresh.await,
        }
    }

    /// Returns the revision of the provider's settings as of this second.
    fn look(&self, now: Timestamp) -> u64 {
        let second = now.unix_seconds();
        let is_new = self.looked_at.load(Relaxed) != second;
        // Of many readers, one looks. The others go on with what was seen before.
        if is_new && self.looked_at.swap(second, Relaxed) != second {
            self.revision.store(self.provider.revision(now), Relaxed);
        }
        self.revision.load(Relaxed)
    }

    /// Marks credentials that a service has refused, so that the next call asks the provider.
    ///
    /// Does nothing if newer credentials are cached by now. Returns true if it marked them.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Cached, Found, Origin};
    /// use keyfob_sigv4::{Credentials, Timestamp};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let key = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
    /// let cached = Cached::new(Found::new(key, Origin::Default));
    /// let key = cached.credentials(Timestamp::now()).await?;
    /// // A service answered ExpiredToken.
    /// assert!(cached.invalidate(&key));
    /// assert!(!cached.invalidate(&key));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn invalidate(&self, refused: &Credentials) -> bool {
        self.provider.invalidate(refused);
        self.slot.invalidate(refused)
    }

    /// Returns the provider.
    pub fn provider(&self) -> &P {
        &self.provider
    }
}

async fn ask(provider: &impl Provider, now: Timestamp) -> Result<Found, Error> {
    match provider.provide(now).await? {
        Outcome::Found(found) => Ok(found),
        Outcome::NotConfigured(reason) => Err(Error::not_configured(reason)),
    }
}

/// A cache is a provider, so that a chain can contain one.
impl<P: Provider + 'static> Provider for Cached<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(async move {
            match self.credentials(now).await {
                Ok(cached) => Ok(Outcome::Found(cached.found().clone())),
                Err(error) if error.is_not_configured() => {
                    Ok(Outcome::NotConfigured(error.message().to_owned()))
                }
                Err(error) => Err(error),
            }
        })
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        self.provider.inspect(now)
    }

    fn skip(&self) -> Option<Skip> {
        self.provider.skip()
    }

    fn selection(&self) -> Selection {
        self.provider.selection()
    }

    fn aside(&self, now: Timestamp) -> Option<Aside> {
        self.provider.aside(now)
    }

    fn revision(&self, now: Timestamp) -> u64 {
        self.provider.revision(now)
    }

    fn findings(&self, now: Timestamp) -> Vec<Finding> {
        self.provider.findings(now)
    }

    fn invalidate(&self, refused: &Credentials) {
        Self::invalidate(self, refused);
    }
}

impl<P: fmt::Debug> fmt::Debug for Cached<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
