use std::time::Duration;

use keyfob_backoff::Policy;

/// What a time limit is cut to, so that adding it to the clock cannot overflow.
const LONGEST: Duration = Duration::from_secs(86_400);

/// How long to wait and how often to try.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) attempt: Duration,
    /// Five attempts' time unless set.
    pub(crate) total: Option<Duration>,
    pub(crate) attempts: u32,
    pub(crate) persistent: bool,
}

impl Limits {
    pub(crate) fn with_attempts_of(attempt: Duration) -> Self {
        Self {
            attempt,
            total: None,
            attempts: 3,
            persistent: false,
        }
    }

    pub(crate) fn attempt(&self) -> Duration {
        self.attempt.min(LONGEST)
    }

    pub(crate) fn total(&self) -> Duration {
        let total = self.total.unwrap_or(self.attempt.saturating_mul(5));
        total.min(LONGEST)
    }

    /// AWS's delays, but none above a second: the service is one hop away.
    pub(crate) fn policy(&self) -> Policy {
        let policy = Policy::aws()
            .attempts(self.attempts)
            .cap(Duration::from_secs(1));
        match self.persistent {
            true => policy.retry_connect_failures().retry_unanswered(),
            false => policy,
        }
    }
}
