use core::time::Duration;

use crate::duration::nanos;

/// A fixed rate, for a limit that the service documents.
///
/// Up to the size of the bucket, by default one period's worth, requests pass at once; after that
/// they are spaced evenly. It is a token bucket in one number. It neither waits nor reads a clock.
/// Share it in a `Shared<RateLimit>`, which is a [`Limiter`](super::Limiter), or by key in a
/// `KeyedLimit`. The [module](super) has a table of documented limits.
///
/// It learns nothing from answers, so it keeps to the limit only if no other program shares it.
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::limit::RateLimit;
///
/// let second = Duration::from_secs(1);
/// let mut limit = RateLimit::new(2, second);
/// assert_eq!(limit.acquire(second), Ok(()));
/// assert_eq!(limit.acquire(second), Ok(()));
/// assert_eq!(limit.acquire(second), Err(second / 2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// Nanoseconds between two requests at the full rate.
    spacing: u64,
    capacity: u64,
    /// The time, in nanoseconds, at which the rate has made up for all requests granted so far.
    paid_until: u64,
}

/// What services document. The [module](super) has the sources.
impl RateLimit {
    /// Each `Describe…`, `Get…`, `List…` and `Search…` of EC2, with a filter or in pages.
    pub const EC2_READ: Self = per_second(20).burst(100);
    /// `DescribeInstances` of EC2, and others like it, without a filter and pages.
    pub const EC2_READ_ALL: Self = per_second(10).burst(50);
    /// Each action of EC2 that changes something.
    pub const EC2_CHANGE: Self = per_second(5).burst(50);
    /// `RunInstances` of EC2.
    pub const EC2_RUN_INSTANCES: Self = per_second(2).burst(5);
    /// `GET` and `HEAD` of S3, for each prefix: see [`KeyedLimit`](super::KeyedLimit).
    pub const S3_READ: Self = per_second(5_500);
    /// `PUT`, `COPY`, `POST` and `DELETE` of S3, for each prefix.
    pub const S3_CHANGE: Self = per_second(3_500);

    /// Creates a limit of so many requests in each `period`, with that many at once.
    ///
    /// `requests` of 0 counts as 1. A rate that does not divide the period is rounded down.
    #[must_use]
    pub const fn new(requests: u32, period: Duration) -> Self {
        let requests = if requests == 0 { 1 } else { requests as u64 };
        Self {
            // Rounded up, so that the rate is never exceeded.
            spacing: nanos(period).div_ceil(requests),
            capacity: requests,
            paid_until: 0,
        }
    }

    /// Sets how many requests may pass at once after a quiet time; 0 counts as 1.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::limit::RateLimit;
    ///
    /// let second = Duration::from_secs(1);
    /// let mut instances = RateLimit::new(20, second).burst(100);
    /// assert!((0..100).all(|_| instances.acquire(second).is_ok()));
    /// assert_eq!(instances.acquire(second), Err(second / 20));
    /// ```
    #[must_use]
    pub const fn burst(mut self, requests: u32) -> Self {
        self.capacity = if requests == 0 { 1 } else { requests as u64 };
        self
    }

    /// Returns the rate after a burst, in requests per second.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::limit::RateLimit;
    ///
    /// assert_eq!(RateLimit::new(50, Duration::from_millis(500)).rate(), 100.0);
    /// ```
    #[must_use]
    pub const fn rate(&self) -> f64 {
        1e9 / self.spacing as f64
    }

    /// Takes permission to send one request at `now`, the time since any fixed point.
    ///
    /// # Errors
    ///
    /// If the request must wait, returns how long to wait before asking again. Nothing was taken.
    pub fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        let now = nanos(now);
        let burst = self.capacity.saturating_mul(self.spacing);
        // It is later than that only if the clock has stepped back since.
        let latest = now.saturating_add(burst);
        let paid_until = self
            .paid_until
            .clamp(now, latest)
            .saturating_add(self.spacing);
        let early = paid_until.saturating_sub(now).saturating_sub(burst);
        if early > 0 {
            return Err(Duration::from_nanos(early));
        }
        self.paid_until = paid_until;
        Ok(())
    }

    /// Returns true if earlier requests no longer count, so that a new limit would act the same.
    #[cfg(feature = "std")]
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        self.paid_until <= nanos(now)
    }
}

const fn per_second(requests: u32) -> RateLimit {
    RateLimit::new(requests, Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_rate_is_kept_in_every_period_after_the_first() {
        let mut limit = RateLimit::new(100, Duration::from_secs(1));
        let mut granted = [0_u32; 3];
        for millis in 0..3_000 {
            while limit.acquire(Duration::from_millis(millis)).is_ok() {
                granted[millis as usize / 1_000] += 1;
            }
        }
        assert_eq!(granted, [199, 100, 100]);
    }

    #[test]
    fn a_clock_that_steps_back_delays_requests_by_one_spacing_at_most() {
        let second = Duration::from_secs(1);
        let mut limit = RateLimit::new(2, second);
        assert_eq!(limit.acquire(Duration::MAX), Ok(()));
        assert_eq!(limit.acquire(second), Err(second / 2));
        assert_eq!(limit.acquire(second + second / 2), Err(second / 2));
    }

    #[test]
    fn extreme_limits_saturate() {
        assert_eq!(
            RateLimit::new(0, Duration::MAX)
                .burst(0)
                .acquire(Duration::MAX),
            Ok(())
        );
        assert_eq!(
            RateLimit::new(u32::MAX, Duration::ZERO).acquire(Duration::ZERO),
            Ok(())
        );
    }
}
