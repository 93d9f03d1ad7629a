/// Reads an HTTP date in any of its three forms as seconds since 1970.
///
/// RFC 9110 section 5.6.7. The name of the day is not looked at; a date before 1970 gives `None`. There is no
/// clock here, so a year of two digits is one from 1970 to 2069.
pub(crate) fn parse_http_date(text: &str) -> Option<u64> {
    let text = text.trim_ascii();
    let (day, month, year, time) = match text.split_once(", ") {
        Some((_, current)) => internet_date(current)?,
        None => asctime_date(text)?,
    };
    let (month, year) = (self::month(month)?, self::year(year)?);
    let day = number::<2>(day).or_else(|| number::<1>(day))?;
    if day == 0 || day > days_in(month, year) || year < 1970 {
        return None;
    }
    Some(days_since_1970(year, month, day) * 86_400 + time_of_day(time)?)
}

/// Day, month, year and time as they stand in the text.
type Fields<'a> = (&'a str, &'a str, &'a str, &'a str);

/// `06 Nov 1994 08:49:37 GMT`, or `06-Nov-94 08:49:37 GMT`, which is obsolete.
fn internet_date(text: &str) -> Option<Fields<'_>> {
    let (date, time) = text.strip_suffix(" GMT")?.rsplit_once(' ')?;
    let separator = if date.contains('-') { '-' } else { ' ' };
    let (day, rest) = date.split_once(separator)?;
    let (month, year) = rest.split_once(separator)?;
    Some((day, month, year, time))
}

/// `Sun Nov  6 08:49:37 1994`, obsolete too: what `asctime` of C makes.
fn asctime_date(text: &str) -> Option<Fields<'_>> {
    let (_, text) = text.split_once(' ')?;
    let (month, text) = text.split_once(' ')?;
    let (text, year) = text.rsplit_once(' ')?;
    let (day, time) = text.rsplit_once(' ')?;
    Some((day.trim_ascii_start(), month, year, time))
}

fn year(text: &str) -> Option<u64> {
    number::<4>(text).or_else(|| {
        let short = number::<2>(text)?;
        Some(if short < 70 { 2000 } else { 1900 } + short)
    })
}

fn time_of_day(text: &str) -> Option<u64> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let (hour, minute, second) = (
        number::<2>(hour)?,
        number::<2>(minute)?,
        number::<2>(second)?,
    );
    // 60 is a leap second.
    let is_time = hour <= 23 && minute <= 59 && second <= 60;
    is_time.then_some(hour * 3_600 + minute * 60 + second)
}

/// A date and time of day in UTC.
pub(crate) struct CivilTime {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
}

impl CivilTime {
    /// The last second that has a year of four digits.
    const MAX: u64 = 253_402_300_799;

    /// The date of so many seconds after the beginning of 1970; what is later than 9999 is its end.
    pub(crate) fn since_1970(seconds: u64) -> Self {
        let seconds = seconds.min(Self::MAX);
        let (mut day, time) = (seconds / 86_400, seconds % 86_400);
        // 365.2425 days to a year, so this is off by one at most.
        let mut year = 1970 + day * 400 / 146_097;
        while days_since_1970(year + 1, 1, 1) <= day {
            year += 1;
        }
        while days_since_1970(year, 1, 1) > day {
            year -= 1;
        }
        day -= days_since_1970(year, 1, 1);
        let mut month = 1;
        while day >= days_in(month, year) {
            day -= days_in(month, year);
            month += 1;
        }
        Self {
            year,
            month,
            day: day + 1,
            hour: time / 3_600,
            minute: time / 60 % 60,
            second: time % 60,
        }
    }
}

/// A number of exactly `N` digits.
fn number<const N: usize>(text: &str) -> Option<u64> {
    let digits: &[u8; N] = text.as_bytes().try_into().ok()?;
    digits.iter().try_fold(0, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u64::from(digit - b'0'))
    })
}

fn month(name: &str) -> Option<u64> {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    NAMES
        .iter()
        .position(|known| *known == name)
        .map(|at| at as u64 + 1)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in(month: u64, year: u64) -> u64 {
    match month {
        2 => 28 + is_leap(year) as u64,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar: whole years, their leap days, whole months, days.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let leap_days = |before: u64| (before - 1) / 4 - (before - 1) / 100 + (before - 1) / 400;
    let months: u64 = (1..month).map(|m| days_in(m, year)).sum();
    (year - 1970) * 365 + leap_days(year) - leap_days(1970) + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_seconds_since_1970() {
        assert_eq!(
            parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777)
        );
        assert_eq!(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(
            parse_http_date(" Thu, 29 Feb 2024 23:59:59 GMT "),
            Some(1_709_251_199)
        );
        assert_eq!(
            parse_http_date("Sun, 22 Nov 2026 03:00:00 GMT"),
            Some(1_795_316_400)
        );
    }

    #[test]
    fn the_obsolete_forms_of_a_date_are_read_too() {
        for (text, seconds) in [
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Wednesday, 16-Nov-94 08:49:37 GMT", 784_975_777),
            ("Wed Nov 16 08:49:37 1994", 784_975_777),
            ("Thursday, 01-Jan-70 00:00:00 GMT", 0),
            ("Sunday, 22-Nov-26 03:00:00 GMT", 1_795_316_400),
            ("Tuesday, 31-Dec-69 23:59:59 GMT", 3_155_759_999),
        ] {
            assert_eq!(parse_http_date(text), Some(seconds), "{text:?}");
        }
    }

    #[test]
    fn every_day_of_two_leap_cycles_is_its_own_date() {
        for day in 0..2 * 146_097 {
            let time = CivilTime::since_1970(day * 86_400);
            assert_eq!(days_since_1970(time.year, time.month, time.day), day);
            assert!(
                (1..=12).contains(&time.month)
                    && (1..=days_in(time.month, time.year)).contains(&time.day)
            );
        }
    }

    #[test]
    fn anything_else_is_not_a_date() {
        for text in [
            "",
            "bogus time",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sunday, 06-Nov-94 08:49:37",
            "Sunday, 06-Nov-994 08:49:37 GMT",
            "Sunday, 06-Nov 94 08:49:37 GMT",
            "Sunday, 006-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Sun Nov  6 08:49 1994",
            "Sun Nov  0 08:49:37 1994",
            "Sun Feb 30 08:49:37 1994",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 2024 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 199\u{e9} 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text:?}");
        }
    }
}
