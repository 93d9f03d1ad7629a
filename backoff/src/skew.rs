use core::time::Duration;

use crate::date::parse_http_date;

/// How far the service's clock is ahead of the local one, in milliseconds; negative if it is slow.
///
/// Services refuse a request whose date is off by more than 5 minutes (S3 and EC2: 15 minutes).
/// Measure the difference on any response, and sign at [`correct(now)`](ClockSkew::correct). Do not
/// shift presigned URLs: they are used on machines with other clocks.
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::ClockSkew;
///
/// let now = Duration::from_secs(784_111_177);
/// let skew = ClockSkew::measure("Sun, 06 Nov 1994 08:49:37 GMT", None, now, now);
/// assert_eq!(skew.map(|skew| skew.as_millis()), Some(600_000));
/// assert_eq!(skew.map(|skew| skew.correct(now)), Some(Duration::from_secs(784_111_777)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockSkew {
    millis: i64,
}

/// If a response took longer than this, the moment its date was written is too uncertain.
const ROUND_TRIP_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A skew up to this cannot be why a service refused the date of a signature.
const TOLERANCE_MILLIS: u64 = 4 * 60 * 1_000;

impl ClockSkew {
    /// Measures the skew on a response: compares its `Date` header with the midpoint of sending and
    /// receiving.
    ///
    /// `sent` and `received` are local times since 1970. `age` is the `Age` header, if there is
    /// one. Returns `None` if `date` is not an HTTP date, if there is an `Age` (the answer is from
    /// a cache, so its date is old), if the round trip took more than 15 minutes, or if the local
    /// clock ran backwards.
    #[must_use]
    pub fn measure(
        date: &str,
        age: Option<&str>,
        sent: Duration,
        received: Duration,
    ) -> Option<Self> {
        let round_trip = received.checked_sub(sent)?;
        if age.is_some() || round_trip > ROUND_TRIP_LIMIT {
            return None;
        }
        let server = Duration::from_secs(parse_http_date(date)?);
        let midpoint = sent + round_trip / 2;
        Some(Self {
            millis: millis(server).saturating_sub(millis(midpoint)),
        })
    }

    /// Creates a skew that is known from elsewhere.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }

    /// Returns the skew in milliseconds, positive if the service is ahead.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.millis
    }

    /// Returns true if the skew is over 4 minutes, large enough to be why a signature was refused.
    #[must_use]
    pub const fn is_significant(self) -> bool {
        self.millis.unsigned_abs() > TOLERANCE_MILLIS
    }

    /// Returns the service's time at the local time `now`, both since 1970.
    #[must_use]
    pub const fn correct(self, now: Duration) -> Duration {
        let distance = Duration::from_millis(self.millis.unsigned_abs());
        if self.millis < 0 {
            now.saturating_sub(distance)
        } else {
            now.saturating_add(distance)
        }
    }
}

fn millis(since_1970: Duration) -> i64 {
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AT: Duration = Duration::from_secs(784_111_777);

    fn measure(sent: Duration, received: Duration) -> Option<i64> {
        ClockSkew::measure(DATE, None, sent, received).map(ClockSkew::as_millis)
    }

    #[test]
    fn the_date_is_compared_with_the_middle_of_the_round_trip() {
        let second = Duration::from_secs(1);
        assert_eq!(measure(AT - second, AT + second), Some(0));
        assert_eq!(measure(AT, AT + second), Some(-500));
        assert_eq!(measure(AT - 600 * second, AT - 600 * second), Some(600_000));
        assert_eq!(
            measure(AT + 600 * second, AT + 600 * second),
            Some(-600_000)
        );
    }

    #[test]
    fn an_answer_that_proves_nothing_is_ignored() {
        let limit = Duration::from_secs(900);
        assert!(measure(AT, AT + limit).is_some());
        assert_eq!(measure(AT, AT + limit + Duration::from_millis(1)), None);
        assert_eq!(measure(AT, AT - limit), None);
        assert_eq!(ClockSkew::measure(DATE, Some("0"), AT, AT), None);
        assert_eq!(ClockSkew::measure("bogus time", None, AT, AT), None);
    }

    #[test]
    fn only_more_than_four_minutes_is_significant() {
        for (millis, significant) in [
            (240_000, false),
            (240_001, true),
            (-240_000, false),
            (-240_001, true),
            (i64::MIN, true),
        ] {
            assert_eq!(
                ClockSkew::from_millis(millis).is_significant(),
                significant,
                "{millis}"
            );
        }
    }

    #[test]
    fn correcting_moves_now_to_the_services_time() {
        assert_eq!(
            ClockSkew::from_millis(1_500).correct(AT),
            AT + Duration::from_millis(1_500)
        );
        assert_eq!(
            ClockSkew::from_millis(-1_500).correct(AT),
            AT - Duration::from_millis(1_500)
        );
        assert_eq!(ClockSkew::from_millis(i64::MIN).correct(AT), Duration::ZERO);
    }
}
