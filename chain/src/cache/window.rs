use keyfob_sigv4::Timestamp;

use crate::provider::{Found, Renewal};

const MINUTE: i64 = 60;
/// How long the session of a role lasts at most, in seconds.
const LONGEST_SESSION: i64 = 12 * 60 * MINUTE;
/// The longest time in seconds between a refresh that failed and the next one.
const LONGEST_PAUSE: i64 = 10 * MINUTE;

/// Credentials in the cache.
#[derive(Clone, Debug)]
pub(super) struct CacheEntry {
    pub(super) found: Found,
    /// When they expire. Temporary ones without an expiry count for 15 minutes.
    expiry: Option<Timestamp>,
    windows: Windows,
    /// The revision of the provider's settings that they, or the last attempt, come from.
    revision: u64,
    /// Whether a service has refused them.
    refused: bool,
    /// After a failed refresh: when to try again.
    retry_at: Option<Timestamp>,
    /// Whether they are served until then even if they expire.
    serves_stale: bool,
}

/// What to do with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Serve it.
    Serve,
    /// Serve it, while one caller refreshes it.
    Refresh,
    /// One caller asks again and waits, because the settings have changed; the others are served.
    Reread,
    /// All callers wait for new credentials.
    Replace,
}

/// How long before the expiry a refresh happens, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Windows {
    /// From here on, one caller refreshes.
    advisory: i64,
    /// From here on, all callers wait for the refresh.
    mandatory: i64,
}

impl CacheEntry {
    /// Creates an entry for new credentials. `spread` returns a random number, or 0 for the
    /// earliest refresh. It is asked only if there will be one.
    #[inline]
    pub(super) fn new(
        found: Found,
        now: Timestamp,
        revision: u64,
        spread: impl FnOnce() -> u64,
    ) -> Self {
        let credentials = &found.credentials;
        let assumed = || {
            let token = credentials.session_token();
            token.map(|_| now.plus_seconds(15 * MINUTE))
        };
        let expiry = match found.renewal {
            Renewal::Never => credentials.expiry(),
            _ => credentials.expiry().or_else(assumed),
        };
        let lifetime = expiry.map_or(0, |expiry| expiry.seconds_since(now));
        Self {
            windows: Windows::new(found.renewal, lifetime, spread),
            found,
            expiry,
            revision,
            refused: false,
            retry_at: None,
            serves_stale: false,
        }
    }

    /// Returns the entry after a service has refused its credentials.
    pub(super) fn refused(&self) -> Self {
        Self {
            refused: true,
            ..self.clone()
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Returns the entry after a refresh that failed. The next one is due at `retry_at`, or when
    /// the settings change again. Until then the credentials may be served even if they expire.
    pub(super) fn retried_at(
        &self,
        retry_at: Timestamp,
        revision: u64,
        serves_stale: bool,
    ) -> Self {
        Self {
            retry_at: Some(retry_at),
            revision,
            serves_stale,
            ..self.clone()
        }
    }

    /// Returns true if no service has refused the credentials and they have not expired.
    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        self.seconds_left(now) > 0
    }

    /// Returns true if the credentials expired longer ago than a session of a role lasts. Until
    /// then they may be served while their source is down.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let expiry = self.expiry;
        expiry.is_some_and(|expiry| now.seconds_since(expiry) > LONGEST_SESSION)
    }

    /// Returns true if a refresh that failed must not be repeated yet.
    pub(super) fn is_spent(&self, now: Timestamp) -> bool {
        self.found.renewal == Renewal::Rotating && self.is_pending(now) == Some(true)
    }

    pub(super) fn decide(&self, now: Timestamp, revision: u64) -> Decision {
        let left = self.seconds_left(now);
        let is_changed = self.revision != revision;
        let is_pending = self.is_pending(now);
        if left > self.windows.advisory && is_pending.is_none() && !is_changed {
            return Decision::Serve;
        }
        // Even expired or refused credentials are served until the retry, or until the settings
        // change.
        let is_paused = is_pending == Some(true) && !is_changed;
        let outlives = self.serves_stale || self.found.renewal == Renewal::Rotating && left > 0;
        match left > self.windows.mandatory {
            _ if is_paused && outlives => Decision::Serve,
            false => Decision::Replace,
            true if is_changed => Decision::Reread,
            true if is_paused => Decision::Serve,
            true => Decision::Refresh,
        }
    }

    /// Returns whether the retry of a refresh that failed is still to come.
    fn is_pending(&self, now: Timestamp) -> Option<bool> {
        let wait = self.retry_at?.seconds_since(now);
        // After a clock was set back, the retry would be far away.
        Some((1..=LONGEST_PAUSE).contains(&wait))
    }

    fn seconds_left(&self, now: Timestamp) -> i64 {
        match self.expiry {
            _ if self.refused => 0,
            Some(expiry) => expiry.seconds_since(now),
            None => i64::MAX,
        }
    }
}

/// Returns how many seconds before its expiry a session is refreshed.
pub(crate) fn advisory_window(renewal: Renewal, lifetime: u32) -> i64 {
    Windows::new(renewal, lifetime.into(), || 0).advisory
}

impl Windows {
    /// Source: the credential refresh design that the AWS SDKs share since 2026. A random fifth of
    /// the advisory window is left out, for many programs that got the same credentials.
    fn new(renewal: Renewal, lifetime: i64, spread: impl FnOnce() -> u64) -> Self {
        if !matches!(renewal, Renewal::Service | Renewal::Rotating) {
            return Self {
                advisory: 10,
                mandatory: 10,
            };
        }
        let by_lifetime = match lifetime {
            ..=1200 => 5 * MINUTE,
            1201..5400 => 15 * MINUTE,
            _ => 60 * MINUTE,
        };
        // At most half the lifetime: a service that returns the same credentials again must not be
        // asked for every request.
        let longest = by_lifetime.min(lifetime / 2).max(0);
        let advisory = longest
            - spread()
                .checked_rem(longest as u64 / 5 + 1)
                .unwrap_or_default() as i64;
        Self {
            advisory,
            mandatory: advisory.min(MINUTE),
        }
    }
}

#[cfg(test)]
mod tests {
    use keyfob_sigv4::Credentials;

    use super::*;
    use crate::origin::Origin;

    const NOW: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(NOW + seconds)
    }

    fn entry(renewal: Renewal, expiry: Option<i64>, token: bool) -> CacheEntry {
        let mut credentials = Credentials::new("AKID", "secret").unwrap();
        if token {
            credentials = credentials.with_session_token("token").unwrap();
        }
        if let Some(expiry) = expiry {
            credentials = credentials.with_expiry(at(expiry));
        }
        let found = Found::new(credentials, Origin::Default).with_renewal(renewal);
        CacheEntry::new(found, at(0), 0, || 0)
    }

    fn instance(lifetime: i64) -> CacheEntry {
        entry(Renewal::Service, Some(lifetime), true)
    }

    #[test]
    fn the_windows_follow_the_lifetime() {
        for (lifetime, advisory) in [
            (900, 300),
            (1200, 300),
            (1201, 600),
            (3600, 900),
            (5399, 900),
            (5400, 2700),
            (21_600, 3600),
        ] {
            let entry = instance(lifetime);
            let windows = Windows {
                advisory,
                mandatory: 60,
            };
            assert_eq!(entry.windows, windows, "{lifetime}");
            assert_eq!(
                entry.decide(at(lifetime - advisory - 1), 0),
                Decision::Serve
            );
            assert_eq!(entry.decide(at(lifetime - advisory), 0), Decision::Refresh);
            assert_eq!(entry.decide(at(lifetime - 61), 0), Decision::Refresh);
            assert_eq!(entry.decide(at(lifetime - 60), 0), Decision::Replace);
            assert_eq!(entry.decide(at(lifetime + 10_000), 0), Decision::Replace);
        }
    }

    #[test]
    fn other_sources_have_ten_seconds_and_no_expiry_means_forever() {
        let expiring = entry(Renewal::ByCaller, Some(3600), true);
        assert_eq!(expiring.decide(at(3589), 0), Decision::Serve);
        assert_eq!(expiring.decide(at(3590), 0), Decision::Replace);
        for key in [
            entry(Renewal::ByCaller, None, false),
            entry(Renewal::Never, None, true),
        ] {
            assert_eq!(key.decide(Timestamp::MAX, 0), Decision::Serve);
        }
        let token = entry(Renewal::ByCaller, None, true);
        assert_eq!(token.decide(at(880), 0), Decision::Serve);
        assert_eq!(token.decide(at(890), 0), Decision::Replace);
    }

    #[test]
    fn rotating_credentials_are_served_until_they_expire_and_then_wait_for_the_retry() {
        let entry = entry(Renewal::Rotating, Some(900), true);
        assert_eq!(entry.decide(at(599), 0), Decision::Serve);
        assert_eq!(entry.decide(at(600), 0), Decision::Refresh);
        assert_eq!(entry.decide(at(840), 0), Decision::Replace);
        let retried = entry.retried_at(at(930), 0, false);
        assert_eq!(retried.decide(at(899), 0), Decision::Serve);
        assert_eq!(retried.decide(at(900), 0), Decision::Replace);
        assert!(retried.is_spent(at(900)) && !retried.is_spent(at(930)));
    }

    #[test]
    fn refused_credentials_are_replaced_unless_a_retry_is_pending() {
        let entry = instance(21_600).refused();
        assert_eq!(entry.decide(at(1), 0), Decision::Replace);
        let entry = entry.retried_at(at(400), 0, true);
        // The settings have changed.
        assert_eq!(entry.decide(at(399), 1), Decision::Replace);
        // The clock was set back by a day.
        assert_eq!(entry.decide(at(-86_400), 0), Decision::Replace);
        assert_eq!(entry.decide(at(399), 0), Decision::Serve);
        assert_eq!(entry.decide(at(400), 0), Decision::Replace);
    }
}
