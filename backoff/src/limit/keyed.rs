use core::{fmt, time::Duration};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use super::{Limiter, RateLimit, lock};

/// One [`RateLimit`] for each key: S3 allows 5,500 GETs a second for each prefix.
///
/// Unused keys do not accumulate: idle ones are dropped whenever the table would grow. `Debug`
/// shows how many there are, not the keys.
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::limit::{KeyedLimit, Limiter, RateLimit};
///
/// let gets = KeyedLimit::new(RateLimit::new(5_500, Duration::from_secs(1)));
/// assert_eq!(gets.key("photos/").acquire(Duration::ZERO), Ok(()));
/// ```
pub struct KeyedLimit<K> {
    limit: RateLimit,
    limits: Mutex<HashMap<K, RateLimit>>,
}

impl<K: Clone + Eq + Hash> KeyedLimit<K> {
    /// Creates a table that gives every key its own copy of `limit`.
    #[must_use]
    pub fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            limits: Mutex::default(),
        }
    }

    /// Returns the limiter of one key.
    pub fn key(&self, key: K) -> impl Limiter + '_ {
        KeyLimiter { keyed: self, key }
    }
}

impl<K> fmt::Debug for KeyedLimit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedLimit")
            .field("limit", &self.limit)
            .field("keys", &self.limits.try_lock().ok().map(|keys| keys.len()))
            .finish()
    }
}

struct KeyLimiter<'a, K> {
    keyed: &'a KeyedLimit<K>,
    key: K,
}

impl<K: Clone + Eq + Hash> Limiter for KeyLimiter<'_, K> {
    fn acquire(&self, now: Duration) -> Result<(), Duration> {
        let mut limits = lock(&self.keyed.limits);
        if let Some(limit) = limits.get_mut(&self.key) {
            return limit.acquire(now);
        }
        // Only when the table would grow, so that the sweep costs a constant time for each
        // insertion.
        if limits.len() == limits.capacity() {
            limits.retain(|_, limit| !limit.is_idle(now));
        }
        let mut limit = self.keyed.limit;
        let outcome = limit.acquire(now);
        limits.insert(self.key.clone(), limit);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
