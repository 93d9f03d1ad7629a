use std::{
    hash::{BuildHasher, Hasher, RandomState},
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll, Waker},
};

use arc_swap::Guard;
use keyfob_sigv4::{Credentials, Timestamp};

use super::{
    CachedCredentials,
    flight::Flight,
    sync::{Mutex, MutexGuard, Published},
    window::{CacheEntry, Decision},
};
use crate::{
    error::{Error, ErrorKind},
    provider::{Found, Renewal},
};

/// How many seconds a refresh that failed is not repeated if it may have used up what it was made
/// of.
const SPENT: i64 = 60;

/// The cached credentials of one source, for any number of tasks. Clones share them. The caller of
/// each read says how to ask the source.
#[derive(Clone)]
pub(crate) struct Slot(Arc<Core>);

struct Core {
    /// Replaced as a whole, and only with `state` locked.
    entry: Published<CacheEntry>,
    state: Mutex<State>,
    random: Random,
    /// Whether refreshes start at random times.
    spreads: bool,
}

pub(super) type Random = Box<dyn Fn() -> u64 + Send + Sync>;

#[derive(Default)]
struct State {
    flight: Flight<Answer>,
    /// The error, if the last answer was one. The one who asked may have got old credentials.
    last_error: Option<Error>,
}

type Answer = Result<Arc<CacheEntry>, Error>;

/// What a task does that needs credentials.
pub(super) enum Turn {
    /// It uses these.
    Served(CachedCredentials),
    /// It asks the source. If there are credentials, they are good meanwhile.
    Lead(Lead, Option<CachedCredentials>),
}

/// A cache below a [`Cached`](super::Cached), which refreshes as early as it can: the one above
/// asks later, and finds new credentials.
impl Default for Slot {
    fn default() -> Self {
        Self::with(Box::new(random), false)
    }
}

/// Returns a number from the random keys that the standard library has for each process.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Slot {
    /// Creates a cache whose refreshes start at random times. Without a source of random numbers,
    /// they are those of this process.
    pub(super) fn spread(random: Option<Random>) -> Self {
        Self::with(random.unwrap_or_else(|| Box::new(self::random)), true)
    }

    fn with(random: Random, spreads: bool) -> Self {
        Self(Arc::new(Core {
            entry: Published::default(),
            state: Mutex::default(),
            random,
            spreads,
        }))
    }

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
        if let Some(cached) = self.cached(now, revision) {
            return Ok(cached);
        }
        match self.turn(now, revision).await? {
            Turn::Served(cached) => Ok(cached),
            Turn::Lead(lead, _) => lead.ask(ask()).await,
        }
    }

    /// Returns the cached credentials, unless it is time to ask the source.
    #[inline]
    pub(super) fn cached(&self, now: Timestamp, revision: u64) -> Option<CachedCredentials> {
        let entry = self.0.entry.load()?;
        (entry.decide(now, revision) == Decision::Serve).then(|| CachedCredentials(entry))
    }

    /// Waits until there are credentials for this task, or until it is the one that asks.
    pub(super) fn turn(
        &self,
        now: Timestamp,
        revision: u64,
    ) -> impl Future<Output = Result<Turn, Error>> {
        Wait {
            slot: self,
            now,
            revision,
            seat: None,
        }
    }

    /// Marks credentials that a service has refused. Returns true if they are those of this slot.
    pub(crate) fn invalidate(&self, refused: &Credentials) -> bool {
        let _state = self.lock();
        let Some(entry) = self.0.entry.load() else {
            return false;
        };
        if entry.is_refused() || !entry.found.credentials.is_same_snapshot(refused) {
            return false;
        }
        self.store(entry.refused());
        true
    }

    /// Returns the cached credentials that a service has refused.
    pub(crate) fn refused(&self) -> Option<Credentials> {
        let entry = self.0.entry.load().filter(|entry| entry.is_refused())?;
        Some(entry.found.credentials.clone())
    }

    /// Returns true if no task uses the slot, and its credentials expired long ago.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        let is_used = Arc::strong_count(&self.0) > 1;
        !is_used && self.0.entry.load().is_none_or(|entry| entry.is_over(now))
    }

    /// Replaces the entry. The caller holds the lock of the state.
    fn store(&self, entry: CacheEntry) -> Arc<CacheEntry> {
        let entry = Arc::new(entry);
        self.0.entry.store(Arc::clone(&entry));
        entry
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held, so a poisoned value is complete.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that waits for its turn.
struct Wait<'a> {
    slot: &'a Slot,
    now: Timestamp,
    revision: u64,
    seat: Option<u64>,
}

impl Future for Wait<'_> {
    type Output = Result<Turn, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (slot, now, revision) = (self.slot, self.now, self.revision);
        let served = |entry| Poll::Ready(Ok(Turn::Served(CachedCredentials(entry))));
        let mut state = slot.lock();
        if let Some(answer) = state.flight.answer(self.seat) {
            return match answer {
                Ok(entry) => served(Guard::from_inner(entry)),
                Err(error) => Poll::Ready(Err(error)),
            };
        }
        // With the lock held: another task may have stored an answer since this one looked.
        let entry = slot.0.entry.load();
        let decision = match &entry {
            Some(entry) => entry.decide(now, revision),
            None => Decision::Replace,
        };
        match (decision, entry) {
            (Decision::Serve, Some(entry)) => served(entry),
            (Decision::Replace, Some(entry)) if entry.is_spent(now) => {
                let error = state.last_error.clone();
                Poll::Ready(Err(error.unwrap_or_else(|| expired(&entry.found))))
            }
            (_, entry) if state.flight.lead() => {
                let lead = Lead {
                    slot: slot.clone(),
                    now,
                    revision,
                    was_refused: entry.as_ref().is_some_and(|entry| entry.is_refused()),
                    is_over: false,
                };
                let entry = entry.filter(|_| decision == Decision::Refresh);
                Poll::Ready(Ok(Turn::Lead(lead, entry.map(CachedCredentials))))
            }
            (Decision::Refresh | Decision::Reread, Some(entry)) => served(entry),
            _ => {
                let old = state.flight.wait(&mut self.seat, context.waker());
                drop(state);
                drop(old);
                Poll::Pending
            }
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat {
            let left = self.slot.lock().flight.leave(seat);
            drop(left);
        }
    }
}

/// The one task that asks the source. If it is canceled, the next one asks.
pub(super) struct Lead {
    slot: Slot,
    now: Timestamp,
    revision: u64,
    /// Whether the credentials were refused before the source was asked.
    was_refused: bool,
    is_over: bool,
}

impl Lead {
    /// Waits for the source, and shares its answer.
    pub(super) async fn ask(
        mut self,
        source: impl Future<Output = Result<Found, Error>>,
    ) -> Result<CachedCredentials, Error> {
        let answer = source.await;
        let mut state = self.slot.lock();
        state.last_error = None;
        let result = self.accept(answer, &mut state.last_error);
        self.is_over = true;
        // Those that wait do not get what a service has refused meanwhile.
        let is_refused = result.as_ref().is_ok_and(|entry| entry.is_refused());
        let wakers = state.flight.end((!is_refused).then_some(&result));
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        result.map(|entry| CachedCredentials(Guard::from_inner(entry)))
    }

    /// Stores a new answer, or decides what a failure means. The caller has the lock of the state.
    fn accept(&self, answer: Result<Found, Error>, last_error: &mut Option<Error>) -> Answer {
        let (core, now, revision) = (&self.slot.0, self.now, self.revision);
        // 300 to 600 seconds.
        let retry_at = || now.plus_seconds(300 + ((core.random)() % 301) as i64);
        let spread = || if core.spreads { (core.random)() } else { 0 };
        let previous = core.entry.load();
        let error = match answer {
            Ok(found) if !found.credentials.is_expired_at(now) => {
                // A service has refused them while the source was asked, which may not know it yet.
                let is_refused = !self.was_refused
                    && previous.is_some_and(|old| {
                        let refused = old.is_refused().then_some(&old.found.credentials);
                        refused.is_some_and(|old| old.is_same_snapshot(&found.credentials))
                    });
                let entry = CacheEntry::new(found, now, revision, spread);
                let entry = if is_refused { entry.refused() } else { entry };
                return Ok(self.slot.store(entry));
            }
            // A service that issues expired credentials is in trouble. The first time there is
            // nothing better to serve.
            Ok(found) if previous.is_none() && found.renewal.serves_stale() => {
                let entry = CacheEntry::new(found, now, revision, spread);
                let entry = entry.retried_at(retry_at(), revision, true);
                return Ok(self.slot.store(entry));
            }
            Ok(found) => expired(&found),
            Err(error) => error,
        };
        *last_error = Some(error.clone());
        let Some(entry) = previous else {
            return Err(error);
        };
        // The refresh may have been carried out, and then the same one again is refused.
        if entry.found.renewal == Renewal::Rotating {
            let is_valid = entry.is_valid(now);
            let entry = entry.retried_at(now.plus_seconds(SPENT), revision, false);
            let entry = self.slot.store(entry);
            return if is_valid { Ok(entry) } else { Err(error) };
        }
        let serves_stale = entry.found.renewal.serves_stale() && is_transient(&error);
        if serves_stale || entry.decide(now, revision) != Decision::Replace {
            let entry = entry.retried_at(retry_at(), revision, serves_stale);
            return Ok(self.slot.store(entry));
        }
        Err(error)
    }
}

impl Drop for Lead {
    #[inline]
    fn drop(&mut self) {
        if !self.is_over {
            let wakers = self.slot.lock().flight.end(None);
            wakers.into_iter().for_each(Waker::wake);
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
