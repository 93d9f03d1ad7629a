use core::{iter::FusedIterator, time::Duration};

use crate::{Fault, FaultKind, Policy, Random};

/// The delays of one call that fails every time, as a plain iterator: for a loop, a timer or a runtime of your own.
///
/// Made by [`Policy::delays`]. It ends after as many delays as the policy has retries.
///
/// ```
/// use keyfob_backoff::{Policy, SplitMix64};
///
/// let delays: Vec<_> = Policy::aws().delays(SplitMix64::new(42)).collect();
/// assert_eq!(delays.len(), 2);
/// assert_eq!(delays, Policy::aws().delays(SplitMix64::new(42)).collect::<Vec<_>>());
/// ```
#[derive(Clone, Debug)]
pub struct Delays<R> {
    policy: Policy,
    fault: Fault,
    failed: u32,
    previous: u64,
    random: R,
}

impl<R: Random> Delays<R> {
    pub(crate) const fn new(policy: Policy, random: R) -> Self {
        Self {
            policy,
            fault: Fault::new(FaultKind::Server),
            failed: 0,
            previous: 0,
            random,
        }
    }

    /// The delays after this fault, instead of after a 5xx. May change from one delay to the next.
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

impl<R: Random> ExactSizeIterator for Delays<R> {}
impl<R: Random> FusedIterator for Delays<R> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify;

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
