use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use http::{
    HeaderMap,
    header::{AGE, DATE},
};
use keyfob_backoff::ClockSkew;
use keyfob_sigv4::Timestamp;

/// The service's clock as its answers show it. A signature with another time is refused.
pub(super) struct Clock {
    /// The number of milliseconds that the service's clock is ahead of this machine's.
    skew: AtomicI64,
}

/// No answer has told the time.
const UNKNOWN: i64 = i64::MIN;

impl Default for Clock {
    fn default() -> Self {
        Self {
            skew: AtomicI64::new(UNKNOWN),
        }
    }
}

impl Clock {
    /// Returns the number of milliseconds that the service's clock is ahead of this machine's.
    pub(super) fn skew(&self) -> Option<i64> {
        Some(self.skew.load(Ordering::Relaxed)).filter(|skew| *skew != UNKNOWN)
    }

    /// Returns the service's time at a time of this machine.
    pub(super) fn correct(&self, now: Timestamp) -> Timestamp {
        let skew = self.skew().unwrap_or_default();
        Timestamp::from_unix_millis(now.unix_millis() + skew)
    }

    /// Compares the clocks, by the headers of an answer and the time when its request was sent, and
    /// returns how far the service's was ahead of `dated`, the time that the request says.
    pub(super) fn learn(
        &self,
        headers: &HeaderMap,
        sent: Timestamp,
        dated: Timestamp,
    ) -> Option<ClockSkew> {
        let corrected = dated.unix_millis() - sent.unix_millis();
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let [sent, received] = [sent, Timestamp::now()].map(since_1970);
        let skew = ClockSkew::measure(header(DATE)?, header(AGE), sent, received)?;
        // A small difference does no harm, and measuring it is not exact.
        let correction = if skew.is_significant() {
            skew.as_millis()
        } else {
            0
        };
        self.skew.store(correction, Ordering::Relaxed);
        let left = skew.as_millis().saturating_sub(corrected);
        Some(ClockSkew::from_millis(left))
    }
}

fn since_1970(at: Timestamp) -> Duration {
    Duration::from_millis(at.unix_millis().try_into().unwrap_or_default())
}
