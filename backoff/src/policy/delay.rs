use core::time::Duration;

use super::Policy;
use crate::duration::nanos;
use crate::fault::Fault;
use crate::hint::{Hint, HintSource};
use crate::random::Random;

/// How a delay is drawn once its upper bound is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// From zero to the bound: the least contention. The default.
    Full,
    /// From half the bound to the bound: never a wait near zero.
    Equal,
    /// From the base to three times the previous delay, within the cap.
    Decorrelated,
    /// The bound itself. Clients that failed together come back together, so this is for comparison
    /// and for a lone client.
    None,
}

/// How `x-amz-retry-after` changes a drawn delay `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hints {
    /// Since 2026: it replaces `t`, but is at least `t` and at most `t` + 5 s.
    Aws,
    /// Before 2026: it replaces `t`, within the cap.
    AwsV2_0,
}

/// How far `x-amz-retry-after` may exceed a drawn delay, in nanoseconds.
const HINT_HEADROOM: u64 = nanos(Duration::from_secs(5));

impl Policy {
    /// Returns the upper bound of the delay after attempt number `attempt` failed, hints aside.
    /// Attempts count from 1.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Policy, classify};
    ///
    /// let throttling = classify(Some(429), None).expect("throttling is a fault");
    /// assert_eq!(Policy::aws().bound(throttling, 1), Duration::from_secs(1));
    /// assert_eq!(Policy::aws().bound(throttling, 4), Duration::from_secs(8));
    /// assert_eq!(Policy::aws().bound(throttling, 9), Duration::from_secs(20));
    /// ```
    #[must_use]
    pub fn bound(&self, fault: Fault, attempt: u32) -> Duration {
        Duration::from_nanos(self.bound_nanos(fault, attempt))
    }

    /// Draws a delay: `fraction × min(cap, base × 2ⁿ⁻¹)` with full jitter, in nanoseconds.
    ///
    /// `previous` is the delay drawn before, or 0.
    pub(crate) fn draw(
        &self,
        fault: Fault,
        attempt: u32,
        previous: u64,
        random: &mut impl Random,
    ) -> u64 {
        // The cap comes before the jitter, so that no delay exceeds it and none piles up at it.
        let bound = self.bound_nanos(fault, attempt);
        match self.jitter {
            Jitter::Full => between(0, bound, random),
            Jitter::Equal => between(bound / 2, bound, random),
            Jitter::Decorrelated => self.decorrelated(fault, previous, random),
            Jitter::None => bound,
        }
    }

    /// Returns the delay to wait if the service gave a hint, in nanoseconds.
    pub(crate) fn hinted(&self, drawn: u64, hint: Hint) -> u64 {
        let asked = nanos(hint.wait);
        // At least the drawn delay (but not in the rule before 2026), so that clients with the same
        // hint stay spread out.
        match (hint.source, self.hints) {
            (HintSource::Aws, Hints::Aws) => {
                asked.clamp(drawn, drawn.saturating_add(HINT_HEADROOM))
            }
            (HintSource::Aws, Hints::AwsV2_0) => asked.min(self.cap),
            (HintSource::Http, _) => asked.min(self.cap).max(drawn),
        }
    }

    #[inline]
    fn bound_nanos(&self, fault: Fault, attempt: u32) -> u64 {
        let doublings = attempt.saturating_sub(1);
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        self.base_for(fault).saturating_mul(factor).min(self.cap)
    }

    fn decorrelated(&self, fault: Fault, previous: u64, random: &mut impl Random) -> u64 {
        let base = self.base_for(fault).min(self.cap);
        let top = previous.max(base).saturating_mul(3).min(self.cap);
        between(base, top, random)
    }

    const fn base_for(&self, fault: Fault) -> u64 {
        if fault.is_throttling() {
            self.throttling_base
        } else {
            self.base
        }
    }
}

/// Draws a whole number from `low` to `high`, both reachable, whatever the generator returns.
fn between(low: u64, high: u64, random: &mut impl Random) -> u64 {
    let width = high.saturating_sub(low);
    // `as` saturates and turns NaN into 0; `min` cuts off fractions above 1.
    let step = (random.fraction() * width as f64) as u64;
    low + step.min(width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::classify;
    use crate::random::SeededRandom;

    const SECOND: u64 = 1_000_000_000;
    const MILLI: u64 = 1_000_000;

    fn server() -> Fault {
        classify(Some(500), None).unwrap()
    }

    fn throttling() -> Fault {
        classify(Some(429), None).unwrap()
    }

    #[test]
    fn bounds_double_from_the_base_to_the_cap() {
        let bounds = |policy: Policy, fault| {
            (1..=11)
                .map(|n| policy.bound(fault, n).as_millis())
                .collect::<Vec<_>>()
        };
        let by_second = [
            1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000, 20_000, 20_000, 20_000,
        ];
        assert_eq!(bounds(Policy::aws(), throttling()), by_second);
        assert_eq!(bounds(Policy::aws_v2_0(), server()), by_second);
        assert_eq!(
            bounds(Policy::aws(), server()),
            [
                50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 20_000, 20_000
            ]
        );
        assert_eq!(
            bounds(Policy::dynamodb(), server()),
            [
                25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 20_000
            ]
        );
    }

    #[test]
    fn no_delay_exceeds_the_cap_whatever_the_attempt_and_the_generator() {
        for jitter in [
            Jitter::Full,
            Jitter::Equal,
            Jitter::Decorrelated,
            Jitter::None,
        ] {
            let policy = Policy::aws().jitter(jitter);
            for fraction in [0.0, 0.5, 1.0, 2.0, -1.0, f64::NAN, f64::INFINITY] {
                for attempt in [0, 1, 31, 32, 33, 63, 64, 65, 1_000_000, u32::MAX] {
                    let delay = policy.draw(throttling(), attempt, 20 * SECOND, &mut || fraction);
                    assert!(
                        delay <= 20 * SECOND,
                        "{jitter:?} {fraction} {attempt}: {delay:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn extreme_durations_saturate() {
        let policy = Policy::aws().base(Duration::MAX).cap(Duration::MAX);
        assert_eq!(
            policy.draw(server(), u32::MAX, u64::MAX, &mut || 1.0),
            u64::MAX
        );
        let hint = Hint::from_x_amz_retry_after("99999999999999999999").unwrap();
        assert_eq!(policy.hinted(u64::MAX, hint), u64::MAX);
    }

    #[test]
    fn full_jitter_averages_half_the_bound() {
        let mut random = SeededRandom::new(1);
        let total: u64 = (0..10_000)
            .map(|_| Policy::aws().draw(throttling(), 5, SECOND, &mut random))
            .sum();
        let mean = total as f64 / 10_000.0 / SECOND as f64;
        assert!((mean - 8.0).abs() < 0.03 * 8.0, "{mean}");
    }

    #[test]
    fn each_jitter_keeps_its_range() {
        let range = |jitter, previous| {
            let policy = Policy::aws().jitter(jitter);
            let draw =
                |fraction: f64| policy.draw(throttling(), 3, previous, &mut || fraction) / MILLI;
            (draw(0.0), draw(1.0))
        };
        assert_eq!(range(Jitter::Full, SECOND), (0, 4_000));
        assert_eq!(range(Jitter::Equal, SECOND), (2_000, 4_000));
        assert_eq!(range(Jitter::None, SECOND), (4_000, 4_000));
        assert_eq!(range(Jitter::Decorrelated, 0), (1_000, 3_000));
        assert_eq!(range(Jitter::Decorrelated, 3 * SECOND), (1_000, 9_000));
        assert_eq!(range(Jitter::Decorrelated, 19 * SECOND), (1_000, 20_000));
    }

    #[test]
    fn the_aws_hint_stretches_a_delay_by_at_most_five_seconds() {
        let drawn = 20 * MILLI;
        let hinted = |policy: Policy, value| {
            policy.hinted(drawn, Hint::from_x_amz_retry_after(value).unwrap()) / MILLI
        };
        assert_eq!(hinted(Policy::aws(), "10"), 20);
        assert_eq!(hinted(Policy::aws(), "1000"), 1_000);
        assert_eq!(hinted(Policy::aws(), "60000"), 5_020);
        assert_eq!(hinted(Policy::aws_v2_0(), "10"), 10);
        assert_eq!(hinted(Policy::aws_v2_0(), "60000"), 20_000);
    }

    #[test]
    fn retry_after_stretches_a_delay_to_at_most_the_cap() {
        let hinted = |secs| {
            let hint = Hint::from_retry_after(secs, Duration::ZERO).unwrap();
            Policy::aws().hinted(SECOND, hint) / SECOND
        };
        assert_eq!((hinted("0"), hinted("7"), hinted("3600")), (1, 7, 20));
    }
}
