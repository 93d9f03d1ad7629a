mod window;

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keyfob_sigv4::{Credentials, Timestamp};
use tokio::sync::Mutex as Gate;

use self::window::{CacheEntry, Decision, serves_stale};
use crate::{
    cure::{Selection, Skip},
    error::{Error, ErrorKind},
    finding::Finding,
    provider::{BoxFuture, Found, Inspection, Outcome, Provider},
};

/// Caches a provider's credentials, for any number of tasks, and refreshes them before they expire.
///
/// - Only one task at a time asks the provider. The others wait for its answer or, if the cached
///   credentials are valid for at least another minute, use those.
/// - Credentials of a service that issues new ones by itself (instance metadata, a container's
///   agent, STS) are refreshed 5, 15 or 60 minutes before they expire, depending on their lifetime.
///   From 1 minute before expiry, callers wait for the refresh. If the refresh fails, the old
///   credentials are served, even after they expire, and the next attempt is 5 to 10 minutes later.
/// - Other credentials are refreshed 10 seconds before they expire and never served after that.
///   With a session token but no expiry they count for 15 minutes. With neither, they stay until
///   [`invalidate`](Self::invalidate).
/// - A failure is shared with the tasks that waited for it. It is not cached.
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
    state: Mutex<State>,
    /// Held by the task that asks the provider.
    gate: Gate<()>,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
}

#[derive(Default)]
struct State {
    entry: Option<CacheEntry>,
    /// How many times the provider has answered.
    answers: u64,
    /// The error, if the last answer was one.
    failure: Option<Error>,
}

impl<P: Provider> Cached<P> {
    /// Creates an empty cache. The provider is asked when credentials are needed.
    pub fn new(provider: P) -> Self {
        Self {
            provider,
            state: Mutex::default(),
            gate: Gate::new(()),
            random: Box::new(|| RandomState::new().build_hasher().finish()),
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
    pub async fn credentials(&self, now: Timestamp) -> Result<Credentials, Error> {
        let found = self.get(now).await?;
        Ok(found.credentials.clone())
    }

    /// Returns the credentials and where they come from.
    ///
    /// # Errors
    ///
    /// As for [`credentials`](Self::credentials).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use keyfob_chain::{Cached, Found, Origin};
    /// use keyfob_sigv4::{Credentials, Timestamp};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let key = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
    /// let origin = Origin::Other { description: "the vault".to_owned() };
    /// let cached = Cached::new(Found::new(key, origin));
    /// let found = cached.get(Timestamp::now()).await?;
    /// assert_eq!(found.origin.to_string(), "the vault");
    /// // A hit shares the cached value and allocates nothing.
    /// assert!(Arc::ptr_eq(&found, &cached.get(Timestamp::now()).await?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn get(&self, now: Timestamp) -> Result<Arc<Found>, Error> {
        let (decision, answers) = self.look(now);
        match decision {
            Some((Decision::Serve, found)) => Ok(found),
            Some((Decision::Refresh, found)) => match self.gate.try_lock() {
                Ok(_gate) => self.ask_unless_answered(now, answers).await,
                // Another task is refreshing.
                Err(_) => Ok(found),
            },
            Some((Decision::Replace, _)) | None => {
                // If this task is canceled while it waits or asks, the next one gets the gate.
                let _gate = self.gate.lock().await;
                self.ask_unless_answered(now, answers).await
            }
        }
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
        let mut state = self.lock();
        let refused = state.entry.as_mut().filter(|entry| {
            let cached = entry.found.credentials.access_key_id();
            !entry.invalidated && cached == refused.access_key_id()
        });
        refused.map(|entry| entry.invalidated = true).is_some()
    }

    /// Returns the provider.
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// Asks the provider, with the gate held. If the provider has answered another task since this
    /// task looked, that answer is used.
    async fn ask_unless_answered(&self, now: Timestamp, seen: u64) -> Result<Arc<Found>, Error> {
        {
            let state = self.lock();
            if state.answers != seen {
                if let Some(error) = &state.failure {
                    return Err(error.clone());
                }
                if let Some(entry) = &state.entry
                    && entry.decide(now) != Decision::Replace
                {
                    return Ok(entry.found.clone());
                }
            }
        }
        let answer = self.fetch(now).await;
        let mut state = self.lock();
        let result = state.store(answer, now, &self.random);
        state.answers += 1;
        state.failure = result.as_ref().err().cloned();
        result
    }

    async fn fetch(&self, now: Timestamp) -> Result<Found, Error> {
        match self.provider.provide(now).await? {
            Outcome::Found(found) => Ok(found),
            Outcome::NotConfigured(reason) => Err(Error::new(ErrorKind::NoCredentials, reason)),
        }
    }

    /// Returns what to do with the entry, and the number of answers so far.
    fn look(&self, now: Timestamp) -> (Option<(Decision, Arc<Found>)>, u64) {
        let state = self.lock();
        let entry = state.entry.as_ref();
        let decision = entry.map(|entry| (entry.decide(now), entry.found.clone()));
        (decision, state.answers)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held, so a poisoned state is complete.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Stores a new answer, or decides what a failure means.
    fn store(
        &mut self,
        answer: Result<Found, Error>,
        now: Timestamp,
        random: impl Fn() -> u64,
    ) -> Result<Arc<Found>, Error> {
        // 300 to 600 seconds.
        let retry_at = || now.plus_seconds(300 + (random() % 301) as i64);
        let error = match answer {
            Ok(found) if !found.credentials.is_expired_at(now) => {
                let entry = self.entry.insert(CacheEntry::new(Arc::new(found), now));
                return Ok(entry.found.clone());
            }
            // A service that issues expired credentials is in trouble. The first time there is
            // nothing better to serve.
            Ok(found) if self.entry.is_none() && serves_stale(&found.origin) => {
                let entry = self.entry.insert(CacheEntry::new(Arc::new(found), now));
                entry.retry_at = Some(retry_at());
                return Ok(entry.found.clone());
            }
            Ok(found) => expired(&found),
            Err(error) => error,
        };
        match &mut self.entry {
            Some(entry) if serves_stale(&entry.found.origin) && is_transient(&error) => {
                entry.retry_at = Some(retry_at());
                Ok(entry.found.clone())
            }
            _ => Err(error),
        }
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
            match self.get(now).await {
                Ok(found) => Ok(Outcome::Found(Arc::unwrap_or_clone(found))),
                Err(error) if error.kind() == ErrorKind::NoCredentials => {
                    Ok(Outcome::NotConfigured(error.to_string()))
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
