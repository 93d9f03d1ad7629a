use std::time::Duration;

use keyfob_backoff::{Jitter, Policy};

/// The longest time limit. Adding it to the clock cannot overflow.
const MAX: Duration = Duration::from_secs(86_400);

/// The transport settings of both clients: how long to wait and how often to try.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The time for one request, connecting included.
    pub(crate) attempt: Duration,
    /// The time for a call. The default is five times [`attempt`](Limits::attempt).
    pub(crate) total: Option<Duration>,
    /// How often a request is sent at most.
    pub(crate) attempts: u32,
    /// Whether failed connections and unusable answers are retried, too.
    pub(crate) retry_unanswered: bool,
    /// The wait between attempts, if it is always the same.
    pub(crate) pause: Option<Duration>,
}

impl Limits {
    pub(crate) fn new(attempt: Duration) -> Self {
        Self {
            attempt,
            total: None,
            attempts: 3,
            retry_unanswered: false,
            pause: None,
        }
    }

    pub(crate) fn attempt(&self) -> Duration {
        self.attempt.min(MAX)
    }

    pub(crate) fn total(&self) -> Duration {
        let total = self.total.unwrap_or(self.attempt.saturating_mul(5));
        total.min(MAX)
    }

    /// Returns AWS's delays, but at most a second each: the service is one hop away.
    pub(crate) fn policy(&self) -> Policy {
        let policy = Policy::aws().attempts(self.attempts);
        let policy = match self.pause {
            None => policy.cap(Duration::from_secs(1)),
            Some(pause) => policy
                .base(pause)
                .throttling_base(pause)
                .cap(pause)
                .jitter(Jitter::None),
        };
        if self.retry_unanswered {
            policy.retry_connect_failures().retry_unanswered()
        } else {
            policy
        }
    }
}
