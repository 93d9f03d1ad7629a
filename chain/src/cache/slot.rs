use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use arc_swap::{ArcSwap, Guard};
use keyfob_sigv4::{Credentials, Timestamp};
use tokio::sync::Mutex as Gate;

use super::{
    CachedCredentials,
    window::{CacheEntry, Decision},
};
use crate::{
    error::{Error, ErrorKind},
    provider::{Found, Renewal},
};

/// How many seconds a refresh that failed is not repeated if it may have used up what it was made
/// of.
const SPENT: i64 = 60;

/// The cached credentials of one source, for any number of tasks. The caller of each read says how
/// to ask the source.
pub(crate) struct Slot {
    /// Set by the first answer. Replaced as a whole, and only with `answers` locked.
    entry: OnceLock<ArcSwap<CacheEntry>>,
    answers: Mutex<Answers>,
    /// Held by the task that asks the source.
    gate: Gate<()>,
    pub(super) random: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// What the source has answered so far.
#[derive(Default)]
struct Answers {
    count: u64,
    /// The error, if the last one who asked got one.
    failure: Option<Error>,
    /// The error, if the last answer was one. The one who asked may have got old credentials.
    last_error: Option<Error>,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            entry: OnceLock::new(),
            answers: Mutex::default(),
            gate: Gate::new(()),
            random: Box::new(|| RandomState::new().build_hasher().finish()),
        }
    }
}

impl Slot {
    /// Returns credentials that are valid at `now`, from the cache or from the source. The source
    /// is asked again when `revision` is another one.
    pub(crate) async fn credentials<R>(
        &self,
        now: Timestamp,
        revision: u64,
        ask: impl FnOnce() -> R,
    ) -> Result<CachedCredentials, Error>
    where
        R: Future<Output = Result<Found, Error>>,
    {
        match self.cached(now, revision) {
            Some(cached) => Ok(cached),
            None => self.refresh(now, revision, ask).await,
        }
    }

    /// Returns the cached credentials, unless it is time to ask the source.
    #[inline]
    pub(super) fn cached(&self, now: Timestamp, revision: u64) -> Option<CachedCredentials> {
        let entry = self.load()?;
        (entry.decide(now, revision) == Decision::Serve).then(|| CachedCredentials(entry))
    }

    /// Marks credentials that a service has refused. Returns true if they are those of this slot.
    pub(crate) fn invalidate(&self, refused: &Credentials) -> bool {
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

    /// Returns the cached credentials that a service has refused.
    #[cfg(feature = "sts")]
    pub(crate) fn refused(&self) -> Option<Credentials> {
        let entry = self.load().filter(|entry| entry.is_refused())?;
        Some(entry.found.credentials.clone())
    }

    /// Gets new credentials, or waits for another task that gets them.
    pub(super) async fn refresh<R>(
        &self,
        now: Timestamp,
        revision: u64,
        ask: impl FnOnce() -> R,
    ) -> Result<CachedCredentials, Error>
    where
        R: Future<Output = Result<Found, Error>>,
    {
        let (seen, advised) = {
            let answers = self.lock();
            // Again, with the lock held: another task may have stored an answer since.
            match self
                .load()
                .map(|entry| (entry.decide(now, revision), entry))
            {
                Some((Decision::Serve, entry)) => return Ok(CachedCredentials(entry)),
                Some((Decision::Refresh, entry)) => (answers.count, Some(entry)),
                Some((Decision::Replace, entry)) if entry.is_spent(now) => {
                    let error = answers.last_error.clone();
                    return Err(error.unwrap_or_else(|| expired(&entry.found)));
                }
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
        let answer = ask().await;
        let mut answers = self.lock();
        answers.last_error = None;
        let result = self.accept(answer, now, revision, &mut answers.last_error);
        answers.count += 1;
        answers.failure = result.as_ref().err().cloned();
        result
    }

    /// Stores a new answer, or decides what a failure means.
    fn accept(
        &self,
        answer: Result<Found, Error>,
        now: Timestamp,
        revision: u64,
        last_error: &mut Option<Error>,
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
        *last_error = Some(error.clone());
        match previous {
            // The refresh may have been carried out, and then the same one again is refused.
            Some(entry) if entry.found.renewal == Renewal::Rotating => {
                let is_valid = entry.is_valid(now);
                let entry = entry.retried_at(now.plus_seconds(SPENT), revision);
                let cached = self.store(entry);
                if is_valid { Ok(cached) } else { Err(error) }
            }
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
