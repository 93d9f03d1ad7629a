use core::time::Duration;

use super::Cubic;

/// The adaptive rate limiter of the AWS SDKs: idle until the first throttling, then it keeps the
/// send rate near what the service accepts.
///
/// The rate follows a cubic curve, as in TCP CUBIC: throttling cuts it to 70 %, it is back at the
/// old rate after a few seconds, then it grows slowly at first, to at most twice the measured rate.
/// Use one for each thing that is throttled, such as a table: a limiter that several share lets one
/// hot table slow all others.
///
/// A throttled call also sleeps the delay of its policy, as in the SDKs. Where nothing must behave
/// like an SDK, a [`ProbingLimiter`](super::ProbingLimiter) is faster and wastes less.
///
/// It neither waits nor reads a clock. Share it in a `Shared<AdaptiveLimiter>`, which is a
/// [`Limiter`](super::Limiter), or by key in a `KeyedLimit`.
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::limit::AdaptiveLimiter;
///
/// let mut limiter = AdaptiveLimiter::new();
/// let second = Duration::from_secs(1);
/// assert_eq!(limiter.acquire(second), Ok(()));
///
/// limiter.on_answer(true, second);
/// let wait = limiter.acquire(second).unwrap_err();
/// assert_eq!(limiter.acquire(second + wait), Ok(()));
/// ```
#[derive(Clone, Debug)]
pub struct AdaptiveLimiter {
    /// Set by the first throttling.
    enabled: bool,
    started: bool,
    /// Answers per second, smoothed over windows of half a second.
    measured: f64,
    /// When the current window began, in seconds.
    window: f64,
    window_count: u32,
    /// The token bucket: tokens per second, its size, its content, and when it had that content.
    fill: f64,
    capacity: f64,
    tokens: f64,
    filled_at: f64,
    cubic: Cubic,
}

impl AdaptiveLimiter {
    /// The weight of the latest window in the measured rate.
    const SMOOTHING: f64 = 0.8;
    const WINDOWS_PER_SECOND: f64 = 2.0;
    const MIN_FILL: f64 = 0.5;
    const MIN_CAPACITY: f64 = 1.0;
    /// A clock that steps back by more, in seconds, has been set.
    const CLOCK_SET: f64 = 1.0;
    /// A shortfall this small, in tokens, is granted: waiting for it would spin.
    const GRACE: f64 = 1e-9;

    /// Creates a limiter that has measured nothing; its time begins at its first use.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            enabled: false,
            started: false,
            measured: 0.0,
            window: 0.0,
            window_count: 0,
            fill: 1.0,
            capacity: 1.0,
            tokens: 0.0,
            filled_at: 0.0,
            cubic: Cubic::new(0.0, Duration::ZERO),
        }
    }

    /// Begins its time at `now` instead of at its first use, which counts the time until the first
    /// answer.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::limit::AdaptiveLimiter;
    ///
    /// let mut limiter = AdaptiveLimiter::new().with_start(Duration::ZERO);
    /// limiter.on_answer(false, Duration::from_millis(500));
    /// assert_eq!(limiter.measured_rate(), 0.8 * 2.0);
    /// ```
    #[must_use]
    pub fn with_start(mut self, now: Duration) -> Self {
        self.start(now.as_secs_f64());
        self
    }

    /// Takes permission to send one request at `now`. Always granted before the first throttling.
    ///
    /// # Errors
    ///
    /// If the request must wait, returns how long to wait before asking again, at most 2 s (and 1
    /// ns of rounding). Nothing was taken.
    pub fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        let now = self.start(now.as_secs_f64());
        if !self.enabled {
            return Ok(());
        }
        self.refill(now);
        let shortfall = 1.0 - self.tokens;
        if shortfall > Self::GRACE {
            // Rounded up by a nanosecond, so that the token is there after the wait.
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

    /// Adjusts the rate to an answer, success or failure, that came at `now`.
    pub fn on_answer(&mut self, throttled: bool, now: Duration) {
        let now = self.start(now.as_secs_f64());
        self.measure(now);
        let rate = if throttled {
            // Before the first throttling nothing held the rate down, so only the measurement
            // counts.
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

    /// Returns the rate it allows, in requests per second; at least 0.5.
    #[must_use]
    pub const fn rate(&self) -> f64 {
        self.fill
    }

    /// Returns the rate it measured, in answers per second.
    #[must_use]
    pub const fn measured_rate(&self) -> f64 {
        self.measured
    }

    /// Returns true if what was learned is too old to count.
    #[cfg(feature = "std")]
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        const FORGOTTEN: f64 = 300.0;
        now.as_secs_f64() - self.filled_at > FORGOTTEN
    }

    fn start(&mut self, now: f64) -> f64 {
        if !self.started {
            self.started = true;
            self.window = floor(now);
            self.filled_at = now;
            self.cubic.last_throttle = now;
        }
        if now + Self::CLOCK_SET < self.filled_at {
            // It was ahead and is right again.
            self.filled_at = now;
            self.window = self.window.min(floor(now));
            self.cubic.last_throttle = self.cubic.last_throttle.min(now);
        }
        now
    }

    fn measure(&mut self, now: f64) {
        self.window_count = self.window_count.saturating_add(1);
        let window = floor(now * Self::WINDOWS_PER_SECOND) / Self::WINDOWS_PER_SECOND;
        if window > self.window {
            let current = f64::from(self.window_count) / (window - self.window);
            self.measured = Self::SMOOTHING * current + (1.0 - Self::SMOOTHING) * self.measured;
            self.window_count = 0;
            self.window = window;
        }
    }

    fn set_rate(&mut self, rate: f64, now: f64) {
        // First, because tokens until now came in at the old rate.
        self.refill(now);
        self.fill = rate.max(Self::MIN_FILL);
        self.capacity = rate.max(Self::MIN_CAPACITY);
        self.tokens = self.tokens.min(self.capacity);
    }

    fn refill(&mut self, now: f64) {
        // A clock that runs backwards adds nothing and takes nothing.
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

/// Rounds down, since `f64::floor` is not in `core`; `x` must not be negative.
fn floor(x: f64) -> f64 {
    x as u64 as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offset in seconds, throttled, and then: measured rate, allowed rate, tokens, last maximum,
    /// window. From botocore's limiter.
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
        let mut limiter = AdaptiveLimiter::new().with_start(Duration::from_secs_f64(start));
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
}
