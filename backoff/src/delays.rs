use core::{fmt, iter::FusedIterator, time::Duration};

use crate::fault::{Fault, FaultKind};
use crate::policy::Policy;
use crate::random::Random;

/// The delays of a call that fails every time, as a plain iterator: for a loop, timer or runtime of
/// your own.
///
/// Made by [`Policy::delays`]. It yields one delay for each retry of the policy.
///
/// ```
/// use keyfob_backoff::{Policy, SeededRandom};
///
/// let delays: Vec<_> = Policy::aws().delays(SeededRandom::new(42)).collect();
/// assert_eq!(delays.len(), 2);
/// assert_eq!(delays, Policy::aws().delays(SeededRandom::new(42)).collect::<Vec<_>>());
/// ```
#[derive(Clone)]
pub struct Delays<R> {
    policy: Policy,
    fault: Fault,
    failed: u32,
    /// In nanoseconds.
    previous: u64,
    random: R,
}

impl Policy {
    /// Returns the delays of a call that fails every time.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::Policy;
    ///
    /// for delay in Policy::aws().delays(|| 0.5) {
    ///     // Send; if that fails, sleep for `delay` and go on.
    ///     assert!(delay <= Duration::from_millis(50));
    /// }
    /// ```
    pub const fn delays<R: Random>(self, random: R) -> Delays<R> {
        Delays {
            policy: self,
            fault: Fault::new(FaultKind::Server),
            failed: 0,
            previous: 0,
            random,
        }
    }
}

impl<R: Random> Delays<R> {
    /// Yields the delays after this fault instead of those after a 5xx. It may change from one
    /// delay to the next.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::{Policy, classify};
    ///
    /// let throttling = classify(Some(429), None).expect("throttling is a fault");
    /// let mut delays = Policy::aws().delays(|| 1.0).after(throttling);
    /// assert_eq!(delays.next(), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn after(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

impl<R: Random> Iterator for Delays<R> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let failed = self.failed + 1;
        if failed >= self.policy.max_attempts() {
            return None;
        }
        self.failed = failed;
        self.previous = self
            .policy
            .draw(self.fault, failed, self.previous, &mut self.random);
        Some(Duration::from_nanos(self.previous))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.policy.max_attempts().saturating_sub(self.failed + 1) as usize;
        (left, Some(left))
    }
}

impl<R> fmt::Debug for Delays<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delays")
            .field("policy", &self.policy)
            .field("fault", &self.fault)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl<R: Random> ExactSizeIterator for Delays<R> {}
impl<R: Random> FusedIterator for Delays<R> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::classify;

    #[test]
    fn there_is_one_delay_between_any_two_attempts() {
        assert_eq!(Policy::aws().attempts(1).delays(|| 1.0).count(), 0);
        let delays = Policy::aws().attempts(5).delays(|| 1.0);
        assert_eq!(delays.len(), 4);
        assert_eq!(
            delays.map(|delay| delay.as_millis()).collect::<Vec<_>>(),
            [50, 100, 200, 400]
        );
    }

    #[test]
    fn throttling_has_longer_delays() {
        let delays = Policy::aws()
            .delays(|| 1.0)
            .after(classify(Some(429), None).unwrap());
        assert_eq!(
            delays.map(|delay| delay.as_secs()).collect::<Vec<_>>(),
            [1, 2]
        );
    }
}
