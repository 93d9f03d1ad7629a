use core::{
    ops::Deref,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use crate::fault::{Fault, FaultKind};

/// A token bucket that many calls share, so that all of them stop retrying when the service is
/// down.
///
/// Every retry takes tokens before its wait. If the wait is cancelled, as by dropping the future,
/// they are given back: the retry is not sent. Once it is sent, they are spent, even if its answer
/// is not awaited. A success after retries gives the tokens of the last retry back, and a success
/// at the first attempt gives one. Time gives none.
///
/// An empty budget refuses retries, never first attempts. The refused call returns its error at
/// once, without a pause. So a loop around calls must pause by itself, or use a policy for [long
/// polling](crate::Policy::long_polling).
///
/// Use one for each service and region, in an `Arc`, a client, or a `static`:
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

/// The tokens that a retry takes, by the kind of fault.
#[derive(Debug)]
struct Costs {
    throttling: u32,
    timeout: u32,
    other: u32,
}

impl Budget {
    /// Creates the budget of the AWS SDKs since 2026: 500 tokens; a retry costs 14, or 5 after
    /// throttling.
    #[must_use]
    pub const fn aws() -> Self {
        Self::full(
            500,
            Costs {
                throttling: 5,
                timeout: 14,
                other: 14,
            },
        )
    }

    /// Creates the budget of the AWS SDKs before 2026: 500 tokens; a retry costs 5, or 10 after a
    /// timeout.
    #[must_use]
    pub const fn aws_v2_0() -> Self {
        Self::full(
            500,
            Costs {
                throttling: 5,
                timeout: 10,
                other: 5,
            },
        )
    }

    /// Sets the capacity and fills the bucket; the costs stay the same.
    #[must_use]
    pub const fn with_capacity(self, tokens: u32) -> Self {
        Self::full(tokens, self.costs)
    }

    /// Sets how many tokens are in the bucket at first, at most its capacity.
    ///
    /// ```
    /// use keyfob_backoff::Budget;
    ///
    /// let budget = Budget::aws().with_capacity(100).with_tokens(30);
    /// assert_eq!(budget.available(), 30);
    /// ```
    #[must_use]
    pub const fn with_tokens(self, tokens: u32) -> Self {
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

    /// Returns the number of tokens left at this moment.
    #[must_use]
    pub fn available(&self) -> u32 {
        self.tokens.load(Relaxed)
    }

    /// Pays for one retry and returns its cost; `None` if fewer tokens are left than it costs.
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
        // `Err` means that the bucket is full. Nothing is written then, so that calls that succeed
        // on many threads do not fight over one cache line.
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, refill);
    }

    const fn full(capacity: u32, costs: Costs) -> Self {
        Self {
            tokens: AtomicU32::new(capacity),
            capacity,
            costs,
        }
    }
}

/// The budget of one call, if it has one, and the tokens of its retry that was not sent yet.
/// Dropping it gives these back.
pub(crate) struct Tokens<B: Deref<Target = Budget>> {
    budget: Option<B>,
    unsent: u32,
}

impl<B: Deref<Target = Budget>> Tokens<B> {
    pub(crate) const fn new(budget: Option<B>) -> Self {
        Self { budget, unsent: 0 }
    }

    #[inline]
    pub(crate) fn budget(&self) -> Option<&Budget> {
        self.budget.as_deref()
    }

    /// Keeps the tokens that a retry took until it is [sent](Tokens::sent).
    pub(crate) const fn keep(&mut self, tokens: u32) {
        self.unsent = tokens;
    }

    /// Spends the tokens: the retry is sent.
    #[inline]
    pub(crate) const fn sent(&mut self) {
        self.unsent = 0;
    }
}

impl<B: Deref<Target = Budget> + Clone> Clone for Tokens<B> {
    /// Copies the budget alone: the tokens belong to one request.
    fn clone(&self) -> Self {
        Self::new(self.budget.clone())
    }
}

impl<B: Deref<Target = Budget>> Drop for Tokens<B> {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget
            && self.unsent > 0
        {
            budget.give(self.unsent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::classify;

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
        let budget = Budget::aws().with_capacity(5);
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
    fn tokens_come_back_once_unless_their_retry_was_sent() {
        let budget = Budget::aws();
        let take = || budget.take(classify(Some(500), None).unwrap()).unwrap();
        let mut tokens = Tokens::new(Some(&budget));
        tokens.keep(take());
        drop(tokens);
        assert_eq!(budget.available(), 500);
        let mut tokens = Tokens::new(Some(&budget));
        tokens.keep(take());
        tokens.sent();
        tokens.keep(take());
        drop(tokens);
        assert_eq!(budget.available(), 486);
    }

    #[test]
    fn timeouts_cost_double_under_the_old_rule() {
        let budget = Budget::aws_v2_0();
        assert_eq!(budget.take(Fault::new(FaultKind::Timeout)), Some(10));
        assert_eq!(budget.take(Fault::new(FaultKind::Connect)), Some(5));
    }
}
