use core::{fmt, time::Duration};

use crate::date::{CivilDate, CivilTime};

/// The value of the header `amz-sdk-request`, in which AWS clients count their attempts:
/// `attempt=2; max=3`.
///
/// Made by [`Call::sdk_request`](crate::Call::sdk_request) and written with `Display`. The header
/// is not signed. AWS clients also send `amz-sdk-invocation-id`, a UUID that is the same for all
/// attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdkRequest {
    pub(crate) attempt: u32,
    pub(crate) max: u32,
    pub(crate) ttl: Option<Duration>,
}

impl SdkRequest {
    /// Adds the time at which the client stops waiting for the answer, as time since 1970 by the
    /// service's clock.
    ///
    /// AWS clients do so from the second attempt, if they have a read timeout.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::Policy;
    ///
    /// let call = Policy::aws().start();
    /// let header = call.sdk_request().with_ttl(Duration::from_secs(1_577_836_800));
    /// assert_eq!(header.to_string(), "ttl=20200101T000000Z; attempt=1; max=3");
    /// ```
    #[must_use]
    pub const fn with_ttl(mut self, until: Duration) -> Self {
        self.ttl = Some(until);
        self
    }
}

impl fmt::Display for SdkRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ttl) = self.ttl {
            let CivilTime {
                date,
                hour,
                minute,
                second,
            } = CivilTime::from_seconds(ttl.as_secs());
            let CivilDate { year, month, day } = date;
            write!(
                f,
                "ttl={year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z; "
            )?;
        }
        write!(f, "attempt={}; max={}", self.attempt, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Failure;
    use crate::policy::Policy;

    #[test]
    fn attempts_are_counted_and_the_ttl_comes_first() {
        let mut call = Policy::aws().start();
        assert_eq!(call.sdk_request().to_string(), "attempt=1; max=3");
        call.on_failure(&Failure::response(500), Duration::ZERO, None, &mut || 0.0);
        let second = call
            .sdk_request()
            .with_ttl(Duration::from_secs(1_577_836_800));
        assert_eq!(second.to_string(), "ttl=20200101T000000Z; attempt=2; max=3");
    }

    #[test]
    fn any_time_can_be_written() {
        let written = |secs| {
            SdkRequest {
                attempt: 1,
                max: 1,
                ttl: Some(Duration::from_secs(secs)),
            }
            .to_string()
        };
        assert_eq!(
            written(1_709_251_199),
            "ttl=20240229T235959Z; attempt=1; max=1"
        );
        assert_eq!(written(u64::MAX), "ttl=99991231T235959Z; attempt=1; max=1");
    }
}
