use core::time::Duration;

use crate::date::parse_http_date;

/// How long the service asked to wait before the next attempt.
///
/// A hint never makes an answer retryable. It only stretches a wait that happens anyway, as far as
/// the [`Policy`](crate::Policy) allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    pub(crate) wait: Duration,
    pub(crate) source: HintSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HintSource {
    /// `x-amz-retry-after`.
    Aws,
    /// `Retry-After`.
    Http,
}

impl Hint {
    /// Finds the hint in the headers of a response; `header` looks a value up by its lower-case
    /// name.
    ///
    /// `x-amz-retry-after` is preferred to `Retry-After`. A date in `Retry-After` is compared with
    /// the `Date` header of the same response, not with the local clock; without a `Date` it is
    /// ignored.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::Hint;
    ///
    /// let hint = Hint::from_headers(|name| match name {
    ///     "retry-after" => Some("Sun, 06 Nov 1994 08:49:37 GMT"),
    ///     "date" => Some("Sun, 06 Nov 1994 08:49:30 GMT"),
    ///     _ => None,
    /// });
    /// assert_eq!(hint.map(|hint| hint.wait()), Some(Duration::from_secs(7)));
    /// ```
    pub fn from_headers<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        if let Some(hint) = header("x-amz-retry-after").and_then(Self::from_x_amz_retry_after) {
            return Some(hint);
        }
        let value = header("retry-after")?;
        let now = header("date").and_then(parse_http_date);
        Self::from_delta_seconds(value)
            .or_else(|| Self::from_retry_after(value, Duration::from_secs(now?)))
    }

    /// Parses the value of `x-amz-retry-after`: whole milliseconds. Anything else is not a hint.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::Hint;
    ///
    /// let hint = Hint::from_x_amz_retry_after("1500");
    /// assert_eq!(hint.map(|hint| hint.wait()), Some(Duration::from_millis(1_500)));
    /// ```
    #[must_use]
    pub fn from_x_amz_retry_after(value: &str) -> Option<Self> {
        let wait = Duration::from_millis(digits(value)?);
        Some(Self {
            wait,
            source: HintSource::Aws,
        })
    }

    /// Parses the value of `Retry-After` (RFC 9110 section 10.2.3): whole seconds or an HTTP date.
    ///
    /// A date is compared with `now`, the time since 1970; one in the past is a wait of zero.
    /// Anything else is not a hint.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::Hint;
    ///
    /// let now = Duration::from_secs(784_111_770);
    /// let hint = Hint::from_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now);
    /// assert_eq!(hint.map(|hint| hint.wait()), Some(Duration::from_secs(7)));
    /// assert_eq!(Hint::from_retry_after("7", now), hint);
    /// ```
    #[must_use]
    pub fn from_retry_after(value: &str, now: Duration) -> Option<Self> {
        Self::from_delta_seconds(value).or_else(|| {
            let wait = Duration::from_secs(parse_http_date(value)?).saturating_sub(now);
            Some(Self {
                wait,
                source: HintSource::Http,
            })
        })
    }

    /// Returns the wait as the service asked for it, before any bound.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        self.wait
    }

    fn from_delta_seconds(value: &str) -> Option<Self> {
        let wait = Duration::from_secs(digits(value)?);
        Some(Self {
            wait,
            source: HintSource::Http,
        })
    }
}

/// Parses a whole number in decimal digits, with optional whitespace around it.
fn digits(value: &str) -> Option<u64> {
    let value = value.trim_ascii();
    let all_digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large for 64 bits becomes the largest: the policy bounds the wait later.
    all_digits.then(|| value.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<'h>(list: &'h [(&'h str, &'h str)]) -> Option<Hint> {
        Hint::from_headers(|name| {
            list.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        })
    }

    fn aws(millis: u64) -> Option<Hint> {
        Some(Hint {
            wait: Duration::from_millis(millis),
            source: HintSource::Aws,
        })
    }

    fn http(secs: u64) -> Option<Hint> {
        Some(Hint {
            wait: Duration::from_secs(secs),
            source: HintSource::Http,
        })
    }

    #[test]
    fn the_aws_header_counts_milliseconds_and_wins() {
        assert_eq!(
            headers(&[("x-amz-retry-after", "1500"), ("retry-after", "9")]),
            aws(1500)
        );
        assert_eq!(headers(&[("x-amz-retry-after", " 0 ")]), aws(0));
        assert_eq!(
            headers(&[("x-amz-retry-after", "99999999999999999999")]),
            aws(u64::MAX)
        );
    }

    #[test]
    fn an_unreadable_aws_header_is_ignored() {
        for value in ["-1", "abc", "1.5", "", "+25", "0x10", "1e3", "٣"] {
            assert_eq!(headers(&[("x-amz-retry-after", value)]), None, "{value:?}");
            assert_eq!(
                headers(&[("x-amz-retry-after", value), ("retry-after", "2")]),
                http(2),
                "{value:?}"
            );
        }
    }

    #[test]
    fn retry_after_counts_seconds_or_names_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(headers(&[("retry-after", "120")]), http(120));
        assert_eq!(
            headers(&[
                ("retry-after", date),
                ("date", "Sun, 06 Nov 1994 08:49:00 GMT")
            ]),
            http(37)
        );
        assert_eq!(
            headers(&[
                ("retry-after", date),
                ("date", "Mon, 07 Nov 1994 08:49:00 GMT")
            ]),
            http(0)
        );
        assert_eq!(headers(&[("retry-after", date)]), None);
        assert_eq!(
            Hint::from_retry_after(date, Duration::from_secs(784_111_770)),
            http(7)
        );
        assert_eq!(Hint::from_retry_after("soon", Duration::ZERO), None);
    }
}
