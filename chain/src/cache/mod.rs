mod window;

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use arc_swap::{ArcSwap, Guard};
use keyfob_sigv4::{Credentials, Timestamp};
use tokio::sync::Mutex as Gate;

use self::window::{CacheEntry, Decision};
use crate::{
    cure::{Selection, Skip},
    error::{Error, ErrorKind},
    finding::Finding,
    provider::{Aside, BoxFuture, Found, Inspection, Outcome, Provider},
};

/// Caches a provider's credentials, for any number of tasks, and refreshes them before they expire.
///
/// - Only one task at a time asks the provider. The others wait for its answer or, if the cached
///   credentials are valid for at least another minute, use those.
/// - Credentials with [`Renewal::Service`](crate::Renewal::Service) (instance metadata, a
///   container's agent, STS) are refreshed 5, 15 or 60 minutes before they expire, depending on
///   their lifetime. From 1 minute before expiry, callers wait for the refresh. If the refresh
///   fails, the old credentials are served, even after they expire, and the next attempt is 5 to 10
///   minutes later.
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
    provider: P,
    /// Set by the first answer. Replaced as a whole, and only with `answers` locked.
    entry: OnceLock<ArcSwap<CacheEntry>>,
    answers: Mutex<Answers>,
    /// Held by the task that asks the provider.
    gate: Gate<()>,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
    /// The revision of the provider's settings, and the second in which it was looked at.
    revision: AtomicU64,
    looked_at: AtomicI64,
}

/// What the provider has answered so far.
#[derive(Default)]
struct Answers {
    count: u64,
    /// The error, if the last answer was one.
    failure: Option<Error>,
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

impl<P: Provider> Cached<P> {
    /// Creates an empty cache. The provider is asked when credentials are needed.
    pub fn new(provider: P) -> Self {
        Self {
            provider,
            entry: OnceLock::new(),
            answers: Mutex::default(),
            gate: Gate::new(()),
            random: Box::new(|| RandomState::new().build_hasher().finish()),
            revision: AtomicU64::new(0),
            looked_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Sets the source of random numbers. They spread the retries of many machines after an outage.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Cached, Chain};
    ///
    /// // Retries are always 5 minutes apart.
    /// let cached = Cached::new(Chain::new()).with_random(|| 0);
    /// ```
    #[must_use]
    pub fn with_random(mut self, random: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.random = Box::new(random);
        self
    }

    /// Returns credentials that are valid at `now`, from the cache or from the provider.
    ///
    /// # Errors
    ///
    /// - The provider's error, if there are no cached credentials to serve.
    /// - [`ErrorKind::NoCredentials`] if the provider is not configured.
    /// - [`ErrorKind::Expired`] if the provider returns expired credentials.
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
        match self.load() {
            Some(entry) if entry.decide(now, revision) == Decision::Serve => {
                Ok(CachedCredentials(entry))
            }
            _ => self.refresh(now, revision).await,
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
        let _answers = self.lock();
        let Some(entry) = self.load() else {
            return false;
        };
        if entry.is_refused() || !entry.found.credentials.is_same_snapshot(refused) {
            return false;
        }
        self.store(entry.refused());
        true
    }

    /// Returns the provider.
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// Gets new credentials, or waits for another task that gets them.
    async fn refresh(&self, now: Timestamp, revision: u64) -> Result<CachedCredentials, Error> {
        let (seen, advised) = {
            let answers = self.lock();
            // Again, with the lock held: another task may have stored an answer since.
            match self
                .load()
                .map(|entry| (entry.decide(now, revision), entry))
            {
                Some((Decision::Serve, entry)) => return Ok(CachedCredentials(entry)),
                Some((Decision::Refresh, entry)) => (answers.count, Some(entry)),
                Some((Decision::Replace, _)) | None => (answers.count, None),
            }
        };
        let _gate = match (self.gate.try_lock(), advised) {
            (Ok(gate), _) => gate,
            // Another task is refreshing.
            (Err(_), Some(entry)) => return Ok(CachedCredentials(entry)),
            // If this task is canceled while it waits or asks, the next one gets the gate.
            (Err(_), None) => self.gate.lock().await,
        };
        {
            let answers = self.lock();
            if answers.count != seen {
                if let Some(error) = &answers.failure {
                    return Err(error.clone());
                }
                match self.load() {
                    Some(entry) if entry.decide(now, revision) != Decision::Replace => {
                        return Ok(CachedCredentials(entry));
                    }
                    _ => {}
                }
            }
        }
        let answer = self.ask(now).await;
        let mut answers = self.lock();
        let result = self.accept(answer, now, revision);
        answers.count += 1;
        answers.failure = result.as_ref().err().cloned();
        result
    }

    async fn ask(&self, now: Timestamp) -> Result<Found, Error> {
        match self.provider.provide(now).await? {
            Outcome::Found(found) => Ok(found),
            Outcome::NotConfigured(reason) => Err(Error::not_configured(reason)),
        }
    }

    /// Stores a new answer, or decides what a failure means.
    fn accept(
        &self,
        answer: Result<Found, Error>,
        now: Timestamp,
        revision: u64,
    ) -> Result<CachedCredentials, Error> {
        // 300 to 600 seconds.
        let retry_at = || now.plus_seconds(300 + ((self.random)() % 301) as i64);
        let previous = self.load();
        let error = match answer {
            Ok(found) if !found.credentials.is_expired_at(now) => {
                return Ok(self.store(CacheEntry::new(found, now, revision)));
            }
            // A service that issues expired credentials is in trouble. The first time there is
            // nothing better to serve.
            Ok(found) if previous.is_none() && found.renewal.serves_stale() => {
                let entry = CacheEntry::new(found, now, revision);
                return Ok(self.store(entry.retried_at(retry_at(), revision)));
            }
            Ok(found) => expired(&found),
            Err(error) => error,
        };
        match previous {
            Some(entry)
                if entry.is_asked_early(now)
                    || entry.found.renewal.serves_stale() && is_transient(&error) =>
            {
                Ok(self.store(entry.retried_at(retry_at(), revision)))
            }
            _ => Err(error),
        }
    }

    fn load(&self) -> Option<Guard<Arc<CacheEntry>>> {
        self.entry.get().map(ArcSwap::load)
    }

    /// Replaces the entry. The caller holds the lock of `answers`.
    fn store(&self, entry: CacheEntry) -> CachedCredentials {
        let entry = Arc::new(entry);
        let cell = self.entry.get_or_init(|| ArcSwap::new(Arc::clone(&entry)));
        cell.store(Arc::clone(&entry));
        CachedCredentials(Guard::from_inner(entry))
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        // Nothing panics while the lock is held, so a poisoned value is complete.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns true if waiting may help.
fn is_transient(error: &Error) -> bool {
    // An unreachable service is reported as not configured, so that counts too.
    error.is_transient() || matches!(error.kind(), ErrorKind::NoCredentials | ErrorKind::Expired)
}

fn expired(found: &Found) -> Error {
    let expiry = found.credentials.expiry().map(|at| format!(" at {at}"));
    let message = format!(
        "the credentials from {} expired{}",
        found.origin,
        expiry.unwrap_or_default()
    );
    Error::new(ErrorKind::Expired, message)
}

/// A cache is a provider, so that a chain can contain one.
impl<P: Provider> Provider for Cached<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(async move {
            match self.credentials(now).await {
                Ok(cached) => Ok(Outcome::Found(cached.found().clone())),
                Err(error) if error.is_not_configured() => {
                    Ok(Outcome::NotConfigured(error.raw().to_owned()))
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
}

impl<P: fmt::Debug> fmt::Debug for Cached<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
