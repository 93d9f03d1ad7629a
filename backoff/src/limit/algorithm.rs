use core::time::Duration;

use super::{AdaptiveLimiter, ProbingLimiter, RateLimit};

/// Decides when requests may be sent: what a [`Shared`](super::Shared) limiter and a
/// [`KeyedLimit`](super::KeyedLimit) are made of.
///
/// [`RateLimit`], [`AdaptiveLimiter`] and [`ProbingLimiter`] are such algorithms; implement it for
/// one of your own. It needs no order of its own among those that wait.
pub trait Algorithm {
    /// Takes permission to send one request at `now`.
    ///
    /// # Errors
    ///
    /// If the request must wait, returns how long to wait before asking again. Nothing was taken.
    fn acquire(&mut self, now: Duration) -> Result<(), Duration>;

    /// Learns from an answer that came at `now`, and whether it was throttling.
    ///
    /// Returns true if a request that waits may be sent sooner than it was told.
    fn on_answer(&mut self, throttled: bool, now: Duration) -> bool {
        let _ = (throttled, now);
        false
    }

    /// Learns that a 5xx came at `now` that is not throttling: the service is broken. By default it
    /// counts as an answer that is not throttled.
    ///
    /// Returns true if a request that waits may be sent sooner than it was told.
    fn on_fault(&mut self, now: Duration) -> bool {
        self.on_answer(false, now)
    }

    /// Learns that a request got no answer: no connection was made, or it broke, or a timeout ended
    /// it. By default it is forgotten.
    ///
    /// Returns true if a request that waits may be sent sooner than it was told.
    fn on_lost(&mut self) -> bool {
        self.on_unanswered()
    }

    /// Forgets a request that was granted and was not sent, or was given up before its answer.
    ///
    /// Returns true if a request that waits may be sent sooner than it was told.
    fn on_unanswered(&mut self) -> bool {
        false
    }

    /// Returns true if a throttled request needs no delay besides the wait in the line.
    fn paces(&self) -> bool {
        false
    }

    /// Returns the rate at which requests pass at the moment, in requests per second.
    ///
    /// It tells requests in the line how long they may expect to wait.
    fn rate(&self) -> f64;

    /// Returns true if earlier requests no longer count at `now`, so that a new limiter would do as
    /// well.
    fn is_idle(&self, now: Duration) -> bool;
}

impl Algorithm for RateLimit {
    fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        self.acquire(now)
    }

    fn rate(&self) -> f64 {
        self.rate()
    }

    fn is_idle(&self, now: Duration) -> bool {
        self.is_idle(now)
    }
}

impl Algorithm for AdaptiveLimiter {
    fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        self.acquire(now)
    }

    fn on_answer(&mut self, throttled: bool, now: Duration) -> bool {
        self.on_answer(throttled, now);
        false
    }

    fn rate(&self) -> f64 {
        self.rate()
    }

    fn is_idle(&self, now: Duration) -> bool {
        self.is_idle(now)
    }
}

impl Algorithm for ProbingLimiter {
    fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        self.acquire(now)
    }

    fn on_answer(&mut self, throttled: bool, now: Duration) -> bool {
        self.on_answer(throttled, now)
    }

    fn on_fault(&mut self, now: Duration) -> bool {
        self.on_fault(now)
    }

    fn on_lost(&mut self) -> bool {
        self.on_lost()
    }

    fn on_unanswered(&mut self) -> bool {
        self.on_unanswered()
    }

    fn paces(&self) -> bool {
        self.paces()
    }

    fn rate(&self) -> f64 {
        self.rate()
    }

    fn is_idle(&self, now: Duration) -> bool {
        self.is_idle(now)
    }
}
