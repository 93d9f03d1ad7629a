use core::time::Duration;

/// The curve of the [`AdaptiveLimiter`](super::AdaptiveLimiter) alone: rates as a function of time
/// and throttling.
///
/// Rates are requests per second; times are counted from any fixed point. Throttling cuts the rate
/// to 70 %. The rate then grows as 0.4 × (t − K)³ + max, where t is the time since the throttling
/// in seconds, max is the rate before it, and K is the time at which the curve is back at max.
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::limit::Cubic;
///
/// let at = Duration::from_secs(5);
/// let mut curve = Cubic::new(10.0, at);
/// assert_eq!(curve.on_throttle(10.0, at), 7.0);
/// assert!((curve.on_success(at) - 7.0).abs() < 1e-9);
/// assert!(curve.on_success(at + Duration::from_secs(2)) > 9.99);
/// ```
#[derive(Clone, Debug)]
pub struct Cubic {
    pub(super) max_rate: f64,
    /// In seconds.
    pub(super) last_throttle: f64,
    /// Seconds from a throttling until the rate is back at `max_rate`: the K of the formula.
    pub(super) window: f64,
}

impl Cubic {
    const BETA: f64 = 0.7;
    const SCALE: f64 = 0.4;

    /// Creates the curve after a throttling at `last_throttle`, when the rate was `max_rate`.
    #[must_use]
    pub const fn new(max_rate: f64, last_throttle: Duration) -> Self {
        Self {
            max_rate,
            last_throttle: last_throttle.as_secs_f64(),
            window: window(max_rate),
        }
    }

    /// Returns the rate after a success at `now`.
    #[must_use]
    pub fn on_success(&self, now: Duration) -> f64 {
        self.succeeded(now.as_secs_f64())
    }

    /// Starts the curve again after throttling at `now`, when the rate was `rate`, and returns the
    /// new rate.
    pub fn on_throttle(&mut self, rate: f64, now: Duration) -> f64 {
        self.throttled(rate, now.as_secs_f64())
    }

    pub(super) fn succeeded(&self, now: f64) -> f64 {
        let distance = now - self.last_throttle - self.window;
        Self::SCALE * distance * distance * distance + self.max_rate
    }

    pub(super) fn throttled(&mut self, rate: f64, now: f64) -> f64 {
        self.max_rate = rate;
        self.last_throttle = now;
        self.window = window(rate);
        Self::BETA * rate
    }
}

/// Returns when the curve that starts at β × max reaches max: ∛(max × (1 − β) / scale), in seconds.
const fn window(max_rate: f64) -> f64 {
    cbrt(max_rate * (1.0 - Cubic::BETA) / Cubic::SCALE)
}

/// Returns the cube root, since `f64::cbrt` is not in `core`; 0 if `x` is not positive and finite.
const fn cbrt(x: f64) -> f64 {
    if !(x > 0.0 && x < f64::MAX) {
        return 0.0;
    }
    // Dividing the bits by three divides the exponent, which is a guess within a few percent. Six
    // steps of Newton's method then reach the last digits.
    let mut root = f64::from_bits(x.to_bits() / 3 + (0x3FF0_0000_0000_0000 / 3 * 2));
    let mut step = 0;
    while step < 6 {
        root -= (root * root * root - x) / (3.0 * root * root);
        step += 1;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cube_root_is_exact_to_the_last_digits() {
        for x in [1e-9, 0.001, 0.5, 1.0, 3.12, 27.0, 1e6, 1e15] {
            assert!((cbrt(x) / f64::cbrt(x) - 1.0).abs() < 1e-14, "{x}");
        }
        assert_eq!((cbrt(0.0), cbrt(-1.0), cbrt(f64::NAN)), (0.0, 0.0, 0.0));
    }
}
