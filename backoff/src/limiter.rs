use core::time::Duration;

use crate::policy::nanos;

/// Something that must agree before a request is sent. Times are of one clock of the caller's choice, from
/// any fixed point.
pub trait Limiter {
    /// Takes leave to send one request at `now`.
    ///
    /// # Errors
    ///
    /// How long to wait before asking again; nothing was taken.
    fn acquire(&self, now: Duration) -> Result<(), Duration>;

    /// Learns from an answer that came at `now`, and whether it was throttling.
    fn on_answer(&self, throttled: bool, now: Duration) {
        let _ = (throttled, now);
    }
}

/// The AWS SDKs' adaptive rate limiter: idle until the first throttling, then it keeps the send rate near
/// what the service bears.
///
/// The rate follows a cubic curve (as in TCP CUBIC): cut to 70 % by throttling, back to the old rate in a few
/// seconds, then carefully beyond, never above twice the rate measured. Keep one per throttled thing, such as
/// a table: one hot table would slow all others.
///
/// It neither waits nor reads a clock. Shared as a `Mutex<AdaptiveLimiter>`, which is a [`Limiter`].
#[derive(Clone, Debug)]
pub struct AdaptiveLimiter {
    enabled: bool,
    started: bool,
    /// Sends per second, smoothed over buckets of half a second.
    measured: f64,
    bucket: f64,
    bucket_count: u32,
    /// The token bucket: tokens per second, its size, its content and when that was.
    fill: f64,
    capacity: f64,
    tokens: f64,
    filled_at: f64,
    cubic: Cubic,
}

impl AdaptiveLimiter {
    const SMOOTHING: f64 = 0.8;
    const BUCKETS_PER_SECOND: f64 = 2.0;
    const MIN_FILL: f64 = 0.5;
    const MIN_CAPACITY: f64 = 1.0;
    /// A shortfall this small, in tokens, is granted: waiting for it would spin.
    const GRACE: f64 = 1e-9;

    /// A limiter that has seen nothing; its time begins with its first use.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            enabled: false,
            started: false,
            measured: 0.0,
            bucket: 0.0,
            bucket_count: 0,
            fill: 1.0,
            capacity: 1.0,
            tokens: 0.0,
            filled_at: 0.0,
            cubic: Cubic::new(0.0, Duration::ZERO),
        }
    }

    /// Begins its time at `now` instead of at its first use.
    #[must_use]
    pub fn starting_at(mut self, now: Duration) -> Self {
        self.start(now.as_secs_f64());
        self
    }

    /// Takes leave to send one request. Always granted before the first throttling.
    ///
    /// # Errors
    ///
    /// How long to wait before asking again, at most 2 s; nothing was taken. Whoever must not wait fails now.
    pub fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        let now = self.start(now.as_secs_f64());
        if !self.enabled {
            return Ok(());
        }
        self.refill(now);
        let shortfall = 1.0 - self.tokens;
        if shortfall > Self::GRACE {
            // Rounded up: a whole nanosecond later it is really there.
            let wait = Duration::try_from_secs_f64(shortfall / self.fill).unwrap_or_default();
            return Err(wait + Duration::from_nanos(1));
        }
        self.tokens = if shortfall > 0.0 {
            0.0
        } else {
            self.tokens - 1.0
        };
        Ok(())
    }

    /// Learns from an answer, success or failure.
    pub fn on_answer(&mut self, throttled: bool, now: Duration) {
        let now = self.start(now.as_secs_f64());
        self.measure(now);
        let rate = if throttled {
            let reached = if self.enabled {
                self.measured.min(self.fill)
            } else {
                self.measured
            };
            self.enabled = true;
            self.cubic.throttled(reached, now)
        } else {
            self.cubic.succeeded(now)
        };
        self.set_rate(rate.min(2.0 * self.measured), now);
    }

    /// The rate it allows, in requests per second.
    #[must_use]
    pub const fn rate(&self) -> f64 {
        self.fill
    }

    /// The rate it measured, in answers per second.
    #[must_use]
    pub const fn measured_rate(&self) -> f64 {
        self.measured
    }

    fn start(&mut self, now: f64) -> f64 {
        if !self.started {
            self.started = true;
            self.bucket = floor(now);
            self.filled_at = now;
            self.cubic.last_throttle = now;
        }
        now
    }

    fn measure(&mut self, now: f64) {
        self.bucket_count = self.bucket_count.saturating_add(1);
        let bucket = floor(now * Self::BUCKETS_PER_SECOND) / Self::BUCKETS_PER_SECOND;
        if bucket > self.bucket {
            let current = f64::from(self.bucket_count) / (bucket - self.bucket);
            self.measured = Self::SMOOTHING * current + (1.0 - Self::SMOOTHING) * self.measured;
            self.bucket_count = 0;
            self.bucket = bucket;
        }
    }

    /// What came in until now came at the old rate.
    fn set_rate(&mut self, rate: f64, now: f64) {
        self.refill(now);
        self.fill = rate.max(Self::MIN_FILL);
        self.capacity = rate.max(Self::MIN_CAPACITY);
        self.tokens = self.tokens.min(self.capacity);
    }

    fn refill(&mut self, now: f64) {
        let passed = (now - self.filled_at).max(0.0);
        self.tokens = (self.tokens + passed * self.fill).min(self.capacity);
        self.filled_at = self.filled_at.max(now);
    }
}

impl Default for AdaptiveLimiter {
    fn default() -> Self {
        Self::new()
    }
}

/// The curve of the [`AdaptiveLimiter`] alone: rates per second as a function of time and throttling.
#[derive(Clone, Debug)]
pub struct Cubic {
    max_rate: f64,
    last_throttle: f64,
    /// Seconds from a throttling until the old rate is reached again.
    window: f64,
}

impl Cubic {
    const BETA: f64 = 0.7;
    const SCALE: f64 = 0.4;

    /// A curve through `max_rate`, the rate at which throttling came at `last_throttle`.
    #[must_use]
    pub const fn new(max_rate: f64, last_throttle: Duration) -> Self {
        let seconds = last_throttle.as_nanos() as f64 / 1e9;
        Self {
            max_rate,
            last_throttle: seconds,
            window: window(max_rate),
        }
    }

    /// The rate after a success at `now`.
    #[must_use]
    pub fn on_success(&self, now: Duration) -> f64 {
        self.succeeded(now.as_secs_f64())
    }

    /// The rate after throttling at `now`, when the rate had been `rate`.
    pub fn on_throttle(&mut self, rate: f64, now: Duration) -> f64 {
        self.throttled(rate, now.as_secs_f64())
    }

    fn succeeded(&self, now: f64) -> f64 {
        let distance = now - self.last_throttle - self.window;
        Self::SCALE * distance * distance * distance + self.max_rate
    }

    fn throttled(&mut self, rate: f64, now: f64) -> f64 {
        self.max_rate = rate;
        self.last_throttle = now;
        self.window = window(rate);
        Self::BETA * rate
    }
}

/// When the curve that starts at β × max reaches max: ∛(max × (1 − β) / scale).
const fn window(max_rate: f64) -> f64 {
    cbrt(max_rate * (1.0 - Cubic::BETA) / Cubic::SCALE)
}

/// `f64::cbrt` is not in `core`. Newton's method, from a guess that divides the exponent by three.
const fn cbrt(x: f64) -> f64 {
    if !(x > 0.0 && x < f64::MAX) {
        return 0.0;
    }
    let mut root = f64::from_bits(x.to_bits() / 3 + (0x3FF0_0000_0000_0000 / 3 * 2));
    let mut step = 0;
    while step < 6 {
        root -= (root * root * root - x) / (3.0 * root * root);
        step += 1;
    }
    root
}

/// `f64::floor` is not in `core` either; times are not negative.
fn floor(x: f64) -> f64 {
    x as u64 as f64
}

/// A fixed rate, for a limit the service documents: `RateLimit::new(100, second)` for EC2's `DescribeInstances`.
///
/// Bursts up to the whole amount pass at once, then requests are spaced evenly (a token bucket, kept as one
/// number). It neither waits nor reads a clock. Shared as a `Mutex<RateLimit>`, which is a [`Limiter`], or by
/// key as [`KeyedLimit`](crate::KeyedLimit).
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::RateLimit;
///
/// let second = Duration::from_secs(1);
/// let mut limit = RateLimit::new(2, second);
/// assert_eq!(limit.acquire(second), Ok(()));
/// assert_eq!(limit.acquire(second), Ok(()));
/// assert_eq!(limit.acquire(second), Err(second / 2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// Nanoseconds that one request occupies.
    spacing: u64,
    burst: u64,
    /// When the requests granted so far will have been paid for, in nanoseconds.
    paid_until: u64,
}

impl RateLimit {
    /// `requests` in each `period`. No request counts as one; the rate is rounded down, never up.
    #[must_use]
    pub const fn new(requests: u32, period: Duration) -> Self {
        let requests = if requests == 0 { 1 } else { requests as u64 };
        let spacing = nanos(period).div_ceil(requests);
        Self {
            spacing,
            burst: requests,
            paid_until: 0,
        }
    }

    /// How many requests may pass at once after a quiet time; 0 counts as 1.
    #[must_use]
    pub const fn burst(mut self, requests: u32) -> Self {
        self.burst = if requests == 0 { 1 } else { requests as u64 };
        self
    }

    /// Takes leave to send one request.
    ///
    /// # Errors
    ///
    /// How long to wait before asking again; nothing was taken.
    pub fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        let now = nanos(now);
        let paid_until = self.paid_until.max(now).saturating_add(self.spacing);
        let early = paid_until
            .saturating_sub(now)
            .saturating_sub(self.burst.saturating_mul(self.spacing));
        if early > 0 {
            return Err(Duration::from_nanos(early));
        }
        self.paid_until = paid_until;
        Ok(())
    }

    /// Whether it has forgotten all earlier requests.
    #[cfg(feature = "std")]
    fn is_idle(&self, now: Duration) -> bool {
        self.paid_until <= nanos(now)
    }
}

#[cfg(feature = "std")]
mod shared {
    use std::collections::HashMap;
    use std::hash::Hash;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::time::Duration;

    use super::{AdaptiveLimiter, Limiter, RateLimit};

    impl Limiter for Mutex<AdaptiveLimiter> {
        fn acquire(&self, now: Duration) -> Result<(), Duration> {
            lock(self).acquire(now)
        }

        fn on_answer(&self, throttled: bool, now: Duration) {
            lock(self).on_answer(throttled, now);
        }
    }

    impl Limiter for Mutex<RateLimit> {
        fn acquire(&self, now: Duration) -> Result<(), Duration> {
            lock(self).acquire(now)
        }
    }

    /// One [`RateLimit`] for each key: S3 allows 5,500 GETs a second for each prefix.
    ///
    /// A key not used for a while costs nothing: idle ones are dropped whenever the table would grow.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{KeyedLimit, Limiter, RateLimit};
    ///
    /// let gets = KeyedLimit::new(RateLimit::new(5_500, Duration::from_secs(1)));
    /// assert_eq!(gets.key("photos/").acquire(Duration::ZERO), Ok(()));
    /// ```
    #[derive(Debug)]
    pub struct KeyedLimit<K> {
        limit: RateLimit,
        limits: Mutex<HashMap<K, RateLimit>>,
    }

    impl<K: Clone + Eq + Hash> KeyedLimit<K> {
        /// The same limit for every key.
        #[must_use]
        pub fn new(limit: RateLimit) -> Self {
            Self {
                limit,
                limits: Mutex::default(),
            }
        }

        /// The limiter of one key.
        pub fn key(&self, key: K) -> impl Limiter + '_ {
            KeyLimiter { keyed: self, key }
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
            if limits.len() == limits.capacity() {
                limits.retain(|_, limit| !limit.is_idle(now));
            }
            let mut limit = self.keyed.limit;
            let outcome = limit.acquire(now);
            limits.insert(self.key.clone(), limit);
            outcome
        }
    }

    /// A limiter is a few numbers, valid after every statement, so a panic elsewhere has not spoilt it.
    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
}

#[cfg(feature = "std")]
pub use shared::KeyedLimit;

#[cfg(test)]
mod tests {
    use super::*;

    /// Offset, throttled, and then: measured rate, allowed rate, tokens, last maximum, window. From
    /// botocore's limiter.
    const TRACE: [(f64, bool, [f64; 5]); 10] = [
        (0.2, false, [0.0, 0.5, 0.2, 0.0, 0.0]),
        (0.6, false, [4.8, 0.5, 0.4, 0.0, 0.0]),
        (1.0, false, [4.16, 0.5, 0.6, 0.0, 0.0]),
        (1.2, true, [4.16, 2.912, 0.7, 4.16, 1.461_229]),
        (1.4, false, [4.16, 3.357_506, 1.282_4, 4.16, 1.461_229]),
        (1.6, false, [5.632, 3.681_935, 1.953_901, 4.16, 1.461_229]),
        (2.0, false, [4.326_4, 4.044_358, 3.471_185, 4.16, 1.461_229]),
        (
            2.4,
            true,
            [4.326_4, 2.884_527, 2.884_527, 4.120_753, 1.456_619],
        ),
        (
            3.0,
            false,
            [3.265_28, 3.869_319, 2.884_527, 4.120_753, 1.456_619],
        ),
        (
            4.0,
            false,
            [1.453_056, 2.906_112, 2.906_112, 4.120_753, 1.456_619],
        ),
    ];

    #[test]
    fn the_adaptive_limiter_follows_the_published_trace() {
        let start = 1_000.0;
        let mut limiter = AdaptiveLimiter::new().starting_at(Duration::from_secs_f64(start));
        let answers = (1..=12).map(|n| f64::from(n) / 5.0).chain([3.0, 4.0]);
        for offset in answers {
            let row = TRACE.iter().find(|(at, ..)| (at - offset).abs() < 1e-9);
            limiter.on_answer(
                row.is_some_and(|(_, throttled, _)| *throttled),
                Duration::from_secs_f64(start + offset),
            );
            if let Some((_, _, expected)) = row {
                let cubic = &limiter.cubic;
                let seen = [
                    limiter.measured,
                    limiter.fill,
                    limiter.tokens,
                    cubic.max_rate,
                    cubic.window,
                ];
                for (seen, expected) in seen.iter().zip(expected) {
                    assert!(
                        (seen - expected).abs() < 2e-6,
                        "at {offset}: {seen} is not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_is_delayed_before_the_first_throttling() {
        let mut limiter = AdaptiveLimiter::new();
        for n in 0..1_000 {
            let now = Duration::from_millis(n);
            assert_eq!(limiter.acquire(now), Ok(()));
            limiter.on_answer(false, now);
        }
    }

    #[test]
    fn a_wait_is_enough_and_at_most_two_seconds() {
        let mut limiter = AdaptiveLimiter::new();
        let mut now = Duration::from_secs(5);
        limiter.on_answer(true, now);
        for _ in 0..100 {
            let Err(wait) = limiter.acquire(now) else {
                continue;
            };
            assert!(
                wait <= Duration::from_secs(2) + Duration::from_nanos(1),
                "{wait:?}"
            );
            now += wait;
            assert_eq!(limiter.acquire(now), Ok(()));
        }
        assert!(now > Duration::from_secs(100));
    }

    #[test]
    fn a_clock_that_runs_backwards_gives_nothing_and_breaks_nothing() {
        let mut limiter = AdaptiveLimiter::new();
        limiter.on_answer(true, Duration::from_secs(10));
        assert!(limiter.acquire(Duration::from_secs(3)).is_err());
        limiter.on_answer(false, Duration::ZERO);
        assert!(limiter.rate() >= 0.5);
    }

    #[test]
    fn the_cube_root_is_exact_to_the_last_digits() {
        for x in [1e-9, 0.001, 0.5, 1.0, 3.12, 27.0, 1e6, 1e15] {
            assert!((cbrt(x) / f64::cbrt(x) - 1.0).abs() < 1e-14, "{x}");
        }
        assert_eq!((cbrt(0.0), cbrt(-1.0), cbrt(f64::NAN)), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_fixed_rate_is_kept_in_every_period_after_the_burst() {
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
