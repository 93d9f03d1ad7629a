use core::ops::Deref;
use core::{fmt, task::Waker, time::Duration};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{Algorithm, Limiter, Place, RateLimit, Shared};

/// One limiter for each key: S3 allows 5,500 GETs a second for each prefix.
///
/// Each key has its own copy of a [`RateLimit`], an [`AdaptiveLimiter`](super::AdaptiveLimiter) or
/// a [`ProbingLimiter`](super::ProbingLimiter), and its own line. Unused keys do not accumulate:
/// idle ones are dropped whenever the table would grow. `Debug` shows how many there are, not the
/// keys. The table is locked while keys are hashed and compared, so their `Hash` and `Eq` must not
/// use it.
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::limit::{KeyedLimit, Limiter, ProbingLimiter, RateLimit};
///
/// let gets = KeyedLimit::new(RateLimit::S3_READ);
/// assert_eq!(gets.key("photos/").acquire(Duration::ZERO), Ok(()));
///
/// let apis = KeyedLimit::new(ProbingLimiter::new());
/// assert_eq!(apis.key("DescribeInstances").acquire(Duration::ZERO), Ok(()));
/// ```
pub struct KeyedLimit<K, L = RateLimit> {
    limit: L,
    limits: Mutex<Limits<K, L>>,
}

type Limits<K, L> = HashMap<K, Arc<Shared<L>>>;

impl<K: Clone + Eq + Hash, L: Algorithm + Clone> KeyedLimit<K, L> {
    /// Creates a table that gives every key its own copy of `limit`.
    #[must_use]
    pub fn new(limit: L) -> Self {
        Self {
            limit,
            limits: Mutex::default(),
        }
    }

    /// Returns the limiter of one key.
    pub fn key(&self, key: K) -> impl Limiter + '_
    where
        K: Send + Sync,
        L: Send + Sync,
    {
        KeyLimiter::new(self, key)
    }

    /// Returns the limiter of one key, for the `limiter_for` of a `tower` layer or a `reqwest`
    /// middleware.
    ///
    /// ```
    /// use core::time::Duration;
    /// use std::sync::Arc;
    /// use keyfob_backoff::limit::{KeyedLimit, Limiter, ProbingLimiter};
    ///
    /// let apis = Arc::new(KeyedLimit::new(ProbingLimiter::new()));
    /// let limiter = apis.shared_key("DescribeInstances");
    /// assert_eq!(limiter.acquire(Duration::ZERO), Ok(()));
    /// ```
    pub fn shared_key(self: &Arc<Self>, key: K) -> Arc<dyn Limiter + Send + Sync>
    where
        K: Send + Sync + 'static,
        L: Send + Sync + 'static,
    {
        Arc::new(KeyLimiter::new(self.clone(), key))
    }

    fn limiter(&self, key: &K, now: Duration) -> Arc<Shared<L>> {
        let known = lock(&self.limits).get(key).cloned();
        known.unwrap_or_else(|| self.insert(key.clone(), now))
    }

    fn insert(&self, key: K, now: Duration) -> Arc<Shared<L>> {
        let new = Arc::new(Shared::new(self.limit.clone()));
        let mut limits = lock(&self.limits);
        // Only when the table would grow, so that the sweep costs a constant time for each
        // insertion.
        let idle: Vec<_> = if limits.len() == limits.capacity() {
            let is_idle =
                |limiter: &Arc<Shared<L>>| Arc::strong_count(limiter) == 1 && limiter.is_idle(now);
            limits.extract_if(|_, limiter| is_idle(limiter)).collect()
        } else {
            Vec::new()
        };
        let (limiter, spare) = match limits.get(&key) {
            Some(known) => (known.clone(), Some(key)),
            None => {
                limits.insert(key, new.clone());
                (new, None)
            }
        };
        drop(limits);
        // The code that drops a key is not ours, and may use the same table.
        drop((idle, spare));
        limiter
    }
}

impl<K, L: fmt::Debug> fmt::Debug for KeyedLimit<K, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedLimit")
            .field("limit", &self.limit)
            .field("keys", &self.limits.try_lock().ok().map(|keys| keys.len()))
            .finish()
    }
}

/// Locks the table, even after a panic in another thread.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The table is valid after every statement, so poisoning says nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct KeyLimiter<P, K, L> {
    keyed: P,
    key: K,
    /// Set at the first request, which brings the time.
    limiter: OnceLock<Arc<Shared<L>>>,
}

impl<P, K, L> KeyLimiter<P, K, L>
where
    P: Deref<Target = KeyedLimit<K, L>>,
    K: Clone + Eq + Hash,
    L: Algorithm + Clone,
{
    const fn new(keyed: P, key: K) -> Self {
        Self {
            keyed,
            key,
            limiter: OnceLock::new(),
        }
    }

    fn at(&self, now: Duration) -> &Shared<L> {
        self.limiter
            .get_or_init(|| self.keyed.limiter(&self.key, now))
    }

    /// Returns the limiter if there is one yet, as for another request with the same key.
    fn known(&self) -> Option<Arc<Shared<L>>> {
        let here = self.limiter.get().cloned();
        here.or_else(|| lock(&self.keyed.limits).get(&self.key).cloned())
    }
}

impl<P, K, L> Limiter for KeyLimiter<P, K, L>
where
    P: Deref<Target = KeyedLimit<K, L>>,
    K: Clone + Eq + Hash,
    L: Algorithm + Clone,
{
    fn acquire(&self, now: Duration) -> Result<(), Duration> {
        self.at(now).acquire(now)
    }

    fn acquire_in_line(
        &self,
        place: &mut Place,
        waker: &Waker,
        now: Duration,
    ) -> Result<(), Duration> {
        self.at(now).acquire_in_line(place, waker, now)
    }

    fn is_called(&self, place: &Place, waker: &Waker) -> bool {
        self.limiter
            .get()
            .is_none_or(|limiter| limiter.is_called(place, waker))
    }

    fn leave(&self, place: &mut Place) {
        if let Some(limiter) = self.limiter.get() {
            limiter.leave(place);
        }
    }

    fn on_answer(&self, throttled: bool, now: Duration) {
        self.at(now).on_answer(throttled, now);
    }

    fn on_fault(&self, now: Duration) {
        self.at(now).on_fault(now);
    }

    fn on_lost(&self) {
        if let Some(limiter) = self.known() {
            limiter.on_lost();
        }
    }

    fn on_unanswered(&self) {
        if let Some(limiter) = self.known() {
            limiter.on_unanswered();
        }
    }

    fn paces(&self) -> bool {
        self.known().is_some_and(|limiter| limiter.paces())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::ProbingLimiter;

    #[test]
    fn keys_have_separate_limits_and_idle_ones_are_dropped() {
        let second = Duration::from_secs(1);
        let keyed = KeyedLimit::new(RateLimit::new(1, second));
        assert_eq!(keyed.key(0).acquire(Duration::ZERO), Ok(()));
        assert_eq!(keyed.key(0).acquire(Duration::ZERO), Err(second));
        for key in 1..10_000_u32 {
            assert_eq!(keyed.key(key).acquire(key * second), Ok(()));
        }
        assert!(lock(&keyed.limits).len() < 100);
    }

    #[test]
    fn a_key_whose_request_got_no_answer_is_dropped_when_it_is_idle() {
        let keyed = KeyedLimit::new(ProbingLimiter::new());
        for key in 0..10_000_u32 {
            let now = key * Duration::from_secs(10);
            assert_eq!(keyed.key(key).acquire(now), Ok(()));
        }
        // About 60 are not idle yet. How far the table grows before it is swept depends on the
        // hashes, which are random.
        assert!(lock(&keyed.limits).len() < 1_000);
    }

    #[test]
    fn what_was_learned_of_a_key_is_kept_while_it_is_used() {
        let keyed = KeyedLimit::new(ProbingLimiter::new());
        let hour = Duration::from_secs(3_600);
        let table = keyed.key(0_u32);
        assert_eq!(table.acquire(Duration::ZERO), Ok(()));
        table.on_answer(true, Duration::from_millis(1));
        for key in 1..1_000 {
            let other = keyed.key(key);
            assert_eq!(other.acquire(hour), Ok(()));
            other.on_answer(false, hour);
        }
        assert!(lock(&keyed.limits).contains_key(&0));
        drop(table);
        for key in 1_000..2_000 {
            assert_eq!(keyed.key(key).acquire(hour), Ok(()));
        }
        assert!(!lock(&keyed.limits).contains_key(&0));
    }
}
