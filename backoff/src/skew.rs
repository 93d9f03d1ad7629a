use core::time::Duration;

use crate::date::parse_http_date;

/// How far the service's clock is ahead of ours, in milliseconds; negative if it is behind.
///
/// A request signed with a date too far off is refused (after 5 minutes by most services, 15 by S3 and EC2),
/// so learn the difference from any response and sign at [`correct(now)`](ClockSkew::correct). Presigned URLs
/// are not shifted: whoever uses one has another clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockSkew {
    millis: i64,
}

/// A response that took longer than this says too little about the moment its date was written.
const ROUND_TRIP_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Up to this much the signature's date cannot have been the reason for a refusal.
const TOLERANCE_MILLIS: u64 = 4 * 60 * 1_000;

impl ClockSkew {
    /// Measures the skew from a response: its `Date` header against the midpoint of sending and receiving.
    ///
    /// `sent` and `received` are local times since 1970. `None` if `date` is not an HTTP date, if there is an
    /// `Age` header (the answer of a cache, whose date is old), if the round trip took more than 15 minutes,
    /// or if the local clock ran backwards meanwhile.
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

    /// A skew known from elsewhere.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }

    /// The skew in milliseconds, positive if the service is ahead.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.millis
    }

    /// Whether it is large enough, over 4 minutes, to be why a signature was refused.
    #[must_use]
    pub const fn is_significant(self) -> bool {
        self.millis.unsigned_abs() > TOLERANCE_MILLIS
    }

    /// The service's time at local time `now`, both since 1970.
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
