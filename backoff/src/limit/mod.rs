//! Limiters: how fast requests may be sent, across all calls that share one.
//!
//! [`RateLimit`] and `KeyedLimit` keep to a limit that the service documents; [`AdaptiveLimiter`]
//! learns a limit from throttled answers. Pass one to [`Retry::limiter`](crate::Retry::limiter), or
//! use it alone.

mod adaptive;
mod cubic;
#[cfg(feature = "std")]
mod keyed;
mod rate;

use core::time::Duration;
#[cfg(feature = "std")]
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use adaptive::AdaptiveLimiter;
pub use cubic::Cubic;
#[cfg(feature = "std")]
pub use keyed::KeyedLimit;
pub use rate::RateLimit;

/// Decides whether a request may be sent now.
///
/// Times are counted from any fixed point of a clock of the caller's choice; one limiter must
/// always be given the same clock.
pub trait Limiter {
    /// Takes permission to send one request at `now`.
    ///
    /// A call that is dropped while it waits has taken none.
    ///
    /// # Errors
    ///
    /// If the request must wait, returns how long to wait before asking again. Nothing was taken.
    fn acquire(&self, now: Duration) -> Result<(), Duration>;

    /// Records an answer that came at `now`, and whether it was throttling. Does nothing by
    /// default.
    fn on_answer(&self, throttled: bool, now: Duration) {
        let _ = (throttled, now);
    }
}

#[cfg(feature = "std")]
impl Limiter for Mutex<AdaptiveLimiter> {
    fn acquire(&self, now: Duration) -> Result<(), Duration> {
        lock(self).acquire(now)
    }

    fn on_answer(&self, throttled: bool, now: Duration) {
        lock(self).on_answer(throttled, now);
    }
}

#[cfg(feature = "std")]
impl Limiter for Mutex<RateLimit> {
    fn acquire(&self, now: Duration) -> Result<(), Duration> {
        lock(self).acquire(now)
    }
}

/// Locks a limiter, even after a panic in another thread.
#[cfg(feature = "std")]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A limiter is a few numbers that are valid after every statement, so poisoning says nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
