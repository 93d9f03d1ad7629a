use keyfob_backoff::{Entropy, Random};
use keyfob_sigv4::{Credentials, Timestamp};

/// How long expired credentials are used at least, in seconds.
const EXTENSION: i64 = 600;
/// The most random seconds on top. They keep a fleet from asking at the same moment.
const JITTER: i64 = 300;

/// Gives expired credentials that the service still serves an expiry 10 to 15 minutes from now.
/// Returns their own expiry, too, if it was replaced.
///
/// The service does this while the part of AWS that refreshes credentials is down; the services
/// that accept them are then told to accept expired ones. Rejecting them here, or asking again in
/// every call, would turn the fault into an outage.
///
/// Source: static stability of the credentials of AWS's SDKs.
pub(crate) fn extend(credentials: Credentials) -> (Credentials, Option<Timestamp>) {
    extend_at(credentials, Timestamp::now(), &mut Entropy::new())
}

fn extend_at(
    credentials: Credentials,
    now: Timestamp,
    random: &mut impl Random,
) -> (Credentials, Option<Timestamp>) {
    let Some(expired) = credentials.expiry().filter(|expiry| *expiry <= now) else {
        return (credentials, None);
    };
    let jitter = (random.fraction() * JITTER as f64) as i64;
    let expiry = now.plus_seconds(EXTENSION + jitter);
    (credentials.with_expiry(expiry), Some(expired))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_expired_credentials_are_extended_by_ten_to_fifteen_minutes() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let key = Credentials::new("AKID", "secret").unwrap();
        let good = key.clone().with_expiry(now.plus_seconds(1));
        let (same, replaced) = extend_at(good.clone(), now, &mut || 0.5);
        assert!(same.is_same_snapshot(&good) && replaced.is_none());
        for (drawn, seconds) in [(0.0, 600), (0.5, 750), (1.0, 900)] {
            let (extended, replaced) = extend_at(key.clone().with_expiry(now), now, &mut || drawn);
            assert_eq!(replaced, Some(now));
            assert_eq!(extended.expiry().unwrap().seconds_since(now), seconds);
        }
    }
}
