use keyfob_backoff::{Entropy, Random};
use keyfob_sigv4::{Credentials, Timestamp};

/// Until when expired credentials are used on, in seconds: for so long, and up to so much longer.
const EXTENSION: (i64, i64) = (600, 300);

/// Credentials that have expired although the service still hands them out get an expiry 10 to 15 minutes from now.
///
/// That happens when the part of AWS that renews them is down; the services that take them are then told to take them on.
/// Refusing them here, or asking again with every call, would turn that fault into an outage. The jitter keeps a fleet
/// from asking in one moment.
///
/// Source: static stability of the credentials of AWS's SDKs.
///
/// With them comes the expiry they had, if it was replaced.
pub(crate) fn extended(credentials: Credentials) -> (Credentials, Option<Timestamp>) {
    extended_at(credentials, Timestamp::now(), &mut Entropy::new())
}

fn extended_at(
    credentials: Credentials,
    now: Timestamp,
    random: &mut impl Random,
) -> (Credentials, Option<Timestamp>) {
    let Some(expired) = credentials.expiry().filter(|expiry| *expiry <= now) else {
        return (credentials, None);
    };
    let (least, more) = EXTENSION;
    let extra = (random.fraction() * more as f64) as i64;
    (
        credentials.with_expiry(now.plus_seconds(least + extra)),
        Some(expired),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_expired_is_extended_by_ten_to_fifteen_minutes() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let key = Credentials::new("AKID", "secret").unwrap();
        let good = key.clone().with_expiry(now.plus_seconds(1));
        let (same, replaced) = extended_at(good.clone(), now, &mut || 0.5);
        assert!(same.is_same_snapshot(&good) && replaced.is_none());
        for (drawn, seconds) in [(0.0, 600), (0.5, 750), (1.0, 900)] {
            let (extended, replaced) =
                extended_at(key.clone().with_expiry(now), now, &mut || drawn);
            assert_eq!(replaced, Some(now));
            assert_eq!(extended.expiry().unwrap().seconds_since(now), seconds);
        }
    }
}
