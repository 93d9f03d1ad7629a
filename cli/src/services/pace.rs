//! How fast the requests of a command follow each other.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use keyfob_backoff::limit::{AdaptiveLimiter, Limiter, RateLimit};
use tracing::debug;

const SECOND: Duration = Duration::from_secs(1);

/// The pace of the requests of one command: never above a limit that is known, and after throttling
/// near the rate that the service accepts.
#[derive(Debug)]
pub(crate) struct Pace(Mutex<State>);

#[derive(Debug)]
struct State {
    limit: Option<RateLimit>,
    adaptive: AdaptiveLimiter,
}

impl Pace {
    /// Sends at most so many requests a second, evenly.
    pub(crate) fn with_rate(rate: u32) -> Self {
        debug!("at most {rate} requests a second");
        Self::new(Some(RateLimit::new(rate, SECOND).with_capacity(1)))
    }

    /// Keeps to a limit that the service documents, if it is known.
    pub(super) fn new(limit: Option<RateLimit>) -> Self {
        Self(Mutex::new(State {
            limit,
            adaptive: AdaptiveLimiter::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A few numbers that are valid after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Limiter for Pace {
    fn acquire(&self, now: Duration) -> Result<(), Duration> {
        let mut state = self.lock();
        // What one of them grants is taken only if the other one does, too.
        let mut limit = state.limit;
        if let Some(limit) = &mut limit {
            limit.acquire(now)?;
        }
        state.adaptive.acquire(now)?;
        state.limit = limit;
        Ok(())
    }

    fn on_answer(&self, throttled: bool, now: Duration) {
        if throttled {
            debug!("throttled: the next requests are sent more slowly");
        }
        self.lock().adaptive.on_answer(throttled, now);
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    /// Returns how many requests pass in each of these seconds, if one is sent as soon as it may.
    fn passed(pace: &Pace, seconds: Range<u64>) -> Vec<u32> {
        seconds
            .map(|second| {
                let mut count = 0;
                for milli in 0..1_000 {
                    let now = Duration::from_millis(1_000 * second + milli);
                    while pace.acquire(now).is_ok() {
                        count += 1;
                        pace.on_answer(false, now);
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
        let pace = Pace::new(Some(crate::services::ec2::DESCRIBE));
        assert_eq!(passed(&pace, 10..13), [119, 20, 20]);
    }

    #[test]
    fn without_a_limit_nothing_waits_before_the_first_throttling() {
        let pace = Pace::new(None);
        for milli in 0..10_000 {
            let now = Duration::from_millis(milli);
            assert_eq!(pace.acquire(now), Ok(()));
            pace.on_answer(false, now);
        }
        let now = Duration::from_secs(10);
        pace.on_answer(true, now);
        // 1,000 a second were measured: it begins with 70 % of it, and never has more than twice.
        let rate: u32 = passed(&pace, 10..11).iter().sum();
        assert!((600..2_000).contains(&rate), "{rate}");
    }

    #[test]
    fn what_the_limit_grants_and_throttling_does_not_is_not_lost() {
        let pace = Pace::with_rate(1_000);
        let mut now = SECOND;
        assert_eq!(pace.acquire(now), Ok(()));
        pace.on_answer(true, now);
        // Half a request a second: each wait is asked again, and ends.
        for _ in 0..5 {
            while let Err(wait) = pace.acquire(now) {
                assert!(wait <= Duration::from_millis(2_001), "{wait:?}");
                now += wait;
            }
        }
        assert!(now >= Duration::from_secs(9), "{now:?}");
    }
}
