//! How fast the requests of a command follow each other.

use std::{sync::Arc, time::Duration};

use keyfob_backoff::limit::{Algorithm, ProbingLimiter, RateLimit, Shared};
use tracing::debug;

/// The pace of the requests of one command: never above a limit that is known, and after throttling
/// at the rate that the service grants.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    limit: Option<RateLimit>,
    probing: ProbingLimiter,
}

/// A pace that the clients of a command share.
pub(crate) type SharedPace = Arc<Shared<Pace>>;

impl Pace {
    /// Sends at most so many requests a second, evenly.
    pub(crate) fn with_rate(rate: u32) -> SharedPace {
        debug!("at most {rate} requests a second");
        Self::new(Some(RateLimit::new(rate, Duration::from_secs(1)).burst(1))).shared()
    }

    /// Keeps to a limit that the service documents, if it is known.
    pub(crate) const fn new(limit: Option<RateLimit>) -> Self {
        Self {
            limit,
            probing: ProbingLimiter::new(),
        }
    }

    /// Sets the rate, in requests a second, that throttling does not bring it below.
    pub(crate) const fn at_least(mut self, rate: f64) -> Self {
        self.probing = self.probing.at_least(rate);
        self
    }

    pub(super) fn shared(self) -> SharedPace {
        Arc::new(Shared::new(self))
    }
}

impl Algorithm for Pace {
    fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        // What one of them grants is taken only if the other one does, too.
        let mut limit = self.limit;
        if let Some(limit) = &mut limit {
            limit.acquire(now)?;
        }
        self.probing.acquire(now)?;
        self.limit = limit;
        Ok(())
    }

    fn on_answer(&mut self, throttled: bool, now: Duration) -> bool {
        if throttled {
            debug!("throttled: the rate of the requests is adapted");
        }
        self.probing.on_answer(throttled, now)
    }

    fn on_fault(&mut self, now: Duration) -> bool {
        self.probing.on_fault(now)
    }

    fn on_lost(&mut self) -> bool {
        self.probing.on_lost()
    }

    fn on_unanswered(&mut self) -> bool {
        self.probing.on_unanswered()
    }

    fn paces(&self) -> bool {
        self.probing.paces()
    }

    fn rate(&self) -> f64 {
        let rate = self.probing.rate();
        self.limit.map_or(rate, |limit| limit.rate().min(rate))
    }

    fn is_idle(&self, now: Duration) -> bool {
        self.probing.is_idle(now) && self.limit.is_none_or(|limit| limit.is_idle(now))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use keyfob_backoff::limit::Limiter as _;

    use super::*;

    /// Returns how many requests pass in each of these seconds, if one after the other is sent as
    /// soon as it may be, and answered at once.
    fn passed(pace: &SharedPace, seconds: Range<u64>) -> Vec<u32> {
        seconds
            .map(|second| {
                let mut count = 0;
                for milli in 0..1_000 {
                    let now = Duration::from_millis(1_000 * second + milli);
                    while pace.acquire(now).is_ok() {
                        count += 1;
                        pace.on_answer(false, now);
                        assert!(count < 1_000, "nothing limits the rate");
                    }
                }
                count
            })
            .collect()
    }

    #[test]
    fn a_rate_is_kept_from_the_first_second_on() {
        let pace = Pace::with_rate(5);
        assert_eq!(passed(&pace, 10..14), [5, 5, 5, 5]);
        let wait = pace.acquire(Duration::from_millis(13_900)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
    }

    #[test]
    fn a_documented_limit_allows_its_bucket_at_once_and_then_its_rate() {
        let pace = Pace::new(Some(RateLimit::EC2_READ)).shared();
        assert_eq!(passed(&pace, 10..13), [119, 20, 20]);
    }

    #[test]
    fn without_a_limit_nothing_waits_before_the_first_throttling_and_then_something_does() {
        let pace = Pace::new(None).shared();
        let at = Duration::from_millis;
        for n in 0..200 {
            assert_eq!(pace.acquire(at(50 * n)), Ok(()));
            pace.on_answer(false, at(50 * n + 40));
        }
        assert_eq!(pace.acquire(at(10_000)), Ok(()));
        pace.on_answer(true, at(10_040));
        let mut waits = 0;
        for n in 0..100 {
            let now = at(10_040 + n);
            match pace.acquire(now) {
                Ok(()) => pace.on_answer(true, now),
                Err(_) => waits += 1,
            }
        }
        assert!(waits > 50, "{waits}");
    }

    /// A rate that both allow is reached: what one grants while the other waits is not taken.
    #[test]
    fn each_wait_ends() {
        let pace = Pace::with_rate(1_000);
        let mut now = Duration::from_secs(1);
        for n in 0..50 {
            let mut asked = 0;
            while let Err(wait) = pace.acquire(now) {
                now += wait;
                asked += 1;
                assert!(asked < 100, "{wait:?}");
            }
            pace.on_answer(n % 10 == 0, now);
        }
    }
}
