use std::{error, fmt};

/// A number of seconds that is written with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) seconds: u32,
}

/// Why a text is not a span.
#[derive(Debug)]
pub(crate) enum SpanError {
    NotASpan,
    TooLong,
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASpan => {
                f.write_str("it is not a number with a unit, such as 90d, 24h, 30m or 45s")
            }
            Self::TooLong => write!(f, "it is too long: the longest is {}d", u32::MAX / 86_400),
        }
    }
}

impl error::Error for SpanError {}

/// Parses a whole number of days, hours, minutes or seconds. 0 needs no unit.
pub(super) fn span(text: &str) -> Result<Span, SpanError> {
    if text == "0" {
        return Ok(Span { seconds: 0 });
    }
    let units = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];
    let (number, unit) = units
        .into_iter()
        .find_map(|(letter, unit)| Some((text.strip_suffix(letter)?, unit)))
        .ok_or(SpanError::NotASpan)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SpanError::NotASpan);
    }
    let number: Option<u32> = number.parse().ok();
    let seconds = number.and_then(|number| number.checked_mul(unit));
    seconds
        .map(|seconds| Span { seconds })
        .ok_or(SpanError::TooLong)
}

impl fmt::Display for Span {
    /// Writes the largest unit of which it is a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds } = self;
        let units = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
        let unit = units.into_iter().find(|(unit, _)| seconds % unit == 0);
        let (unit, letter) = unit.unwrap_or((1, 's'));
        write!(f, "{}{letter}", seconds / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_with_a_unit() {
        for (text, seconds, written) in [
            ("90d", 7_776_000, "90d"),
            ("24h", 86_400, "1d"),
            ("36h", 129_600, "36h"),
            ("30m", 1800, "30m"),
            ("45s", 45, "45s"),
            ("0", 0, "0d"),
            ("0h", 0, "0d"),
        ] {
            let span = span(text).unwrap();
            assert_eq!((span.seconds, &*span.to_string()), (seconds, written));
        }
        for bad in [
            "", "d", "90", "-1d", "+1d", "1.5h", "1w", "1 d", "49711d", "é",
        ] {
            assert!(span(bad).is_err(), "{bad}");
        }
        for long in ["49711d", "99999999999999999999s"] {
            let error = span(long).unwrap_err().to_string();
            assert_eq!(error, "it is too long: the longest is 49710d", "{long}");
        }
        assert!(span("49710d").is_ok());
    }
}
