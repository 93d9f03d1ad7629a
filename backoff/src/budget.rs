use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::{Fault, FaultKind};

/// A token bucket that many calls share: when a service is down for all of them, they stop retrying together.
///
/// Every retry takes tokens; a success after retries gives the last of them back, and a success at the first
/// try gives one. Time gives none. An empty budget refuses retries, never first attempts.
///
/// Keep one per service and region, in an `Arc`, a client, or a `static`:
///
/// ```
/// use keyfob_backoff::Budget;
///
/// static STS: Budget = Budget::aws();
/// assert_eq!(STS.available(), 500);
/// ```
#[derive(Debug)]
pub struct Budget {
    tokens: AtomicU32,
    capacity: u32,
    costs: Costs,
}

#[derive(Debug)]
struct Costs {
    throttling: u32,
    timeout: u32,
    other: u32,
}

impl Budget {
    /// The rule of the AWS SDKs since 2026: 500 tokens; a retry costs 14, after throttling 5.
    #[must_use]
    pub const fn aws() -> Self {
        Self::with_costs(
            500,
            Costs {
                throttling: 5,
                timeout: 14,
                other: 14,
            },
        )
    }

    /// The rule of the AWS SDKs before 2026: 500 tokens; a retry costs 5, after a timeout 10.
    #[must_use]
    pub const fn aws_v2_0() -> Self {
        Self::with_costs(
            500,
            Costs {
                throttling: 5,
                timeout: 10,
                other: 5,
            },
        )
    }

    /// The same costs with another capacity; the bucket starts full.
    #[must_use]
    pub const fn capacity(self, tokens: u32) -> Self {
        Self::with_costs(tokens, self.costs)
    }

    /// The same budget with only so many tokens in it to begin with, at most the capacity.
    #[must_use]
    pub const fn filled_to(self, tokens: u32) -> Self {
        let tokens = if tokens < self.capacity {
            tokens
        } else {
            self.capacity
        };
        Self {
            tokens: AtomicU32::new(tokens),
            ..self
        }
    }

    /// The tokens left at this moment.
    #[must_use]
    pub fn available(&self) -> u32 {
        self.tokens.load(Relaxed)
    }

    /// Pays for one retry; `None` if there is not enough left. A cost equal to what is left is granted.
    #[inline]
    pub(crate) fn take(&self, fault: Fault) -> Option<u32> {
        let cost = match fault.kind() {
            FaultKind::Throttling => self.costs.throttling,
            FaultKind::Timeout => self.costs.timeout,
            _ => self.costs.other,
        };
        self.tokens
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(cost))
            .ok()
            .map(|_| cost)
    }

    /// Gives tokens back, never above the capacity.
    #[inline]
    pub(crate) fn give(&self, tokens: u32) {
        let refill = |left: u32| {
            (left < self.capacity).then(|| left.saturating_add(tokens).min(self.capacity))
        };
        // `Err` means full already: nothing to write, and no cache line to fight over on the happy path.
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, refill);
    }

    const fn with_costs(capacity: u32, costs: Costs) -> Self {
        Self {
            tokens: AtomicU32::new(capacity),
            capacity,
            costs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify;

    #[test]
    fn a_full_budget_pays_for_35_retries_and_refuses_the_next() {
        let budget = Budget::aws();
        let fault = classify(Some(500), None).unwrap();
        for _ in 0..35 {
            assert_eq!(budget.take(fault), Some(14));
        }
        assert_eq!(budget.available(), 10);
        assert_eq!(budget.take(fault), None);
        assert_eq!(budget.available(), 10);
    }

    #[test]
    fn a_cost_equal_to_what_is_left_is_granted() {
        let budget = Budget::aws().capacity(5);
        assert_eq!(budget.take(classify(Some(429), None).unwrap()), Some(5));
        assert_eq!(budget.available(), 0);
    }

    #[test]
    fn refunds_never_exceed_the_capacity() {
        let budget = Budget::aws();
        budget.give(1);
        assert_eq!(budget.available(), 500);
        budget.take(classify(Some(500), None).unwrap());
        budget.give(u32::MAX);
        assert_eq!(budget.available(), 500);
    }

    #[test]
    fn timeouts_cost_double_under_the_old_rule() {
        let budget = Budget::aws_v2_0();
        assert_eq!(budget.take(Fault::new(FaultKind::Timeout)), Some(10));
        assert_eq!(budget.take(Fault::new(FaultKind::Connect)), Some(5));
    }
}
