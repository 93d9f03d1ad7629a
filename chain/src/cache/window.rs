use std::sync::Arc;

use keyfob_sigv4::Timestamp;

use crate::{origin::Origin, provider::Found};

const MINUTE: i64 = 60;

/// Credentials in the cache.
#[derive(Clone, Debug)]
pub(super) struct CacheEntry {
    pub(super) found: Arc<Found>,
    fetched: Timestamp,
    /// Whether a service has refused them.
    pub(super) invalidated: bool,
    /// After a failed refresh: when to try again.
    pub(super) retry_at: Option<Timestamp>,
}

/// What to do with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Serve it.
    Serve,
    /// One caller refreshes it; the others are served.
    Refresh,
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
    pub(super) fn new(found: Arc<Found>, now: Timestamp) -> Self {
        Self {
            found,
            fetched: now,
            invalidated: false,
            retry_at: None,
        }
    }

    pub(super) fn decide(&self, now: Timestamp) -> Decision {
        let windows = self.windows();
        let left = match self.expiry() {
            _ if self.invalidated => 0,
            Some(expiry) => expiry.seconds_since(now),
            None => i64::MAX,
        };
        // After a failed refresh even expired or refused credentials are served until the retry.
        if left > windows.advisory || self.retry_at.is_some_and(|retry_at| now < retry_at) {
            Decision::Serve
        } else if left > windows.mandatory {
            Decision::Refresh
        } else {
            Decision::Replace
        }
    }

    /// Returns when the credentials expire. Temporary ones without an expiry count for 15 minutes.
    fn expiry(&self) -> Option<Timestamp> {
        let credentials = &self.found.credentials;
        let assumed = || {
            let token = credentials.session_token();
            token.map(|_| self.fetched.plus_seconds(15 * MINUTE))
        };
        credentials.expiry().or_else(assumed)
    }

    /// Source: the credential refresh design that the AWS SDKs share since 2026.
    fn windows(&self) -> Windows {
        if !serves_stale(&self.found.origin) {
            return Windows {
                advisory: 10,
                mandatory: 10,
            };
        }
        let lifetime = self
            .expiry()
            .map_or(0, |expiry| expiry.seconds_since(self.fetched));
        let by_lifetime = match lifetime {
            ..=1200 => 5 * MINUTE,
            1201..5400 => 15 * MINUTE,
            _ => 60 * MINUTE,
        };
        // At most half the lifetime: a service that returns the same credentials again must not be
        // asked for every request.
        let advisory = by_lifetime.min(lifetime / 2).max(0);
        Windows {
            advisory,
            mandatory: advisory.min(MINUTE),
        }
    }
}

/// Returns true if the credentials come from a service that issues new ones by itself. During an
/// outage of such a service the old credentials are better than none.
pub(super) fn serves_stale(origin: &Origin) -> bool {
    matches!(
        origin,
        Origin::InstanceMetadata { .. } | Origin::Container { .. } | Origin::Role { .. }
    )
}

#[cfg(test)]
mod tests {
    use keyfob_sigv4::Credentials;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(NOW + seconds)
    }

    fn entry(origin: Origin, expiry: Option<i64>, token: bool) -> CacheEntry {
        let mut credentials = Credentials::new("AKID", "secret").unwrap();
        if token {
            credentials = credentials.with_session_token("token").unwrap();
        }
        if let Some(expiry) = expiry {
            credentials = credentials.with_expiry(at(expiry));
        }
        CacheEntry::new(Arc::new(Found::new(credentials, origin)), at(0))
    }

    fn instance(lifetime: i64) -> CacheEntry {
        entry(
            Origin::InstanceMetadata { role: None },
            Some(lifetime),
            true,
        )
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
            assert_eq!(entry.windows(), windows, "{lifetime}");
            assert_eq!(entry.decide(at(lifetime - advisory - 1)), Decision::Serve);
            assert_eq!(entry.decide(at(lifetime - advisory)), Decision::Refresh);
            assert_eq!(entry.decide(at(lifetime - 61)), Decision::Refresh);
            assert_eq!(entry.decide(at(lifetime - 60)), Decision::Replace);
            assert_eq!(entry.decide(at(lifetime + 10_000)), Decision::Replace);
        }
    }

    #[test]
    fn other_sources_have_ten_seconds_and_no_expiry_means_forever() {
        let environment = || Origin::environment(&["AWS_ACCESS_KEY_ID"]);
        let expiring = entry(environment(), Some(3600), true);
        assert_eq!(expiring.decide(at(3589)), Decision::Serve);
        assert_eq!(expiring.decide(at(3590)), Decision::Replace);
        let key = entry(environment(), None, false);
        assert_eq!(key.decide(Timestamp::MAX), Decision::Serve);
        let token = entry(environment(), None, true);
        assert_eq!(token.decide(at(880)), Decision::Serve);
        assert_eq!(token.decide(at(890)), Decision::Replace);
    }

    #[test]
    fn refused_credentials_are_replaced_unless_a_retry_is_pending() {
        let mut entry = instance(21_600);
        entry.invalidated = true;
        assert_eq!(entry.decide(at(1)), Decision::Replace);
        entry.retry_at = Some(at(400));
        assert_eq!(entry.decide(at(399)), Decision::Serve);
        assert_eq!(entry.decide(at(400)), Decision::Replace);
    }
}
