/// Parses an HTTP date in any of its three forms (RFC 9110 section 5.6.7) into seconds since 1970.
///
/// The name of the day is ignored. A date before 1970 gives `None`. A year of two digits is one
/// from 1970 to 2069: the rule of the RFC, at most 50 years ahead, needs a clock.
pub(crate) fn parse_http_date(text: &str) -> Option<u64> {
    let text = text.trim_ascii();
    let fields = match text.split_once(", ") {
        Some((_, rest)) => internet_date(rest)?,
        None => asctime_date(text)?,
    };
    let (year, month) = (year(fields.year)?, month(fields.month)?);
    let day = number::<2>(fields.day).or_else(|| number::<1>(fields.day))?;
    if day == 0 || year < 1970 {
        return None;
    }
    let date = CivilDate { year, month, day };
    let days = days_from_civil(date);
    // A day that its month does not have, such as February 30, comes back as another date.
    let exists = civil_from_days(days) == date;
    exists.then_some(days * 86_400 + time_of_day(fields.time)?)
}

/// The fields of a date, as written.
struct Fields<'a> {
    day: &'a str,
    month: &'a str,
    year: &'a str,
    time: &'a str,
}

/// Splits `06 Nov 1994 08:49:37 GMT`, or the obsolete `06-Nov-94 08:49:37 GMT`.
fn internet_date(text: &str) -> Option<Fields<'_>> {
    let (date, time) = text.strip_suffix(" GMT")?.rsplit_once(' ')?;
    let separator = if date.contains('-') { '-' } else { ' ' };
    let (day, rest) = date.split_once(separator)?;
    let (month, year) = rest.split_once(separator)?;
    Some(Fields {
        day,
        month,
        year,
        time,
    })
}

/// Splits `Sun Nov  6 08:49:37 1994`, the obsolete form that C's `asctime` makes.
fn asctime_date(text: &str) -> Option<Fields<'_>> {
    let (_, text) = text.split_once(' ')?;
    let (month, text) = text.split_once(' ')?;
    let (text, year) = text.rsplit_once(' ')?;
    let (day, time) = text.rsplit_once(' ')?;
    Some(Fields {
        day: day.trim_ascii_start(),
        month,
        year,
        time,
    })
}

fn year(text: &str) -> Option<u64> {
    number::<4>(text).or_else(|| {
        let short = number::<2>(text)?;
        Some(if short < 70 { 2000 } else { 1900 } + short)
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

/// Parses `08:49:37` into seconds since midnight.
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

/// Parses a number of exactly `N` digits.
fn number<const N: usize>(text: &str) -> Option<u64> {
    let digits: &[u8; N] = text.as_bytes().try_into().ok()?;
    digits.iter().try_fold(0, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u64::from(digit - b'0'))
    })
}

/// A date and time of day in UTC.
pub(crate) struct CivilTime {
    pub(crate) date: CivilDate,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
}

/// A date of the Gregorian calendar; months and days count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CivilDate {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
}

impl CivilTime {
    /// The last second of the year 9999, after which a year has more than four digits.
    const MAX: u64 = 253_402_300_799;

    /// Creates the time of so many seconds since 1970. A time after 9999 becomes its last second.
    pub(crate) fn from_seconds(seconds: u64) -> Self {
        let seconds = seconds.min(Self::MAX);
        let (days, time) = (seconds / 86_400, seconds % 86_400);
        Self {
            date: civil_from_days(days),
            hour: time / 3_600,
            minute: time / 60 % 60,
            second: time % 60,
        }
    }
}

// The next two functions are `days_from_civil` and `civil_from_days` of Howard Hinnant's
// "chrono-Compatible Low-Level Date Algorithms"
// (https://howardhinnant.github.io/date_algorithms.html), for dates since 1970. A year begins with
// March, so that its leap day is its last; an era is the 400 years after which the calendar
// repeats.

/// Returns the days from 1970-01-01 to a date that is not before it.
const fn days_from_civil(CivilDate { year, month, day }: CivilDate) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Returns the date of so many days after 1970-01-01.
const fn civil_from_days(days: u64) -> CivilDate {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let january_or_february = month >= 10;
    CivilDate {
        year: era * 400 + year + january_or_february as u64,
        month: if january_or_february {
            month - 9
        } else {
            month + 3
        },
        day: day_of_year - (153 * month + 2) / 5 + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_parsed_as_seconds_since_1970() {
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
    fn the_obsolete_forms_of_a_date_are_parsed_too() {
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
    fn every_day_of_two_leap_cycles_is_its_own_date_and_the_day_after_the_one_before() {
        const fn days_in(month: u64, year: u64) -> u64 {
            let is_leap =
                year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
            match month {
                2 => 28 + is_leap as u64,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            }
        }
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..2 * 146_097 {
            let date = CivilDate { year, month, day };
            assert_eq!(civil_from_days(days), date);
            assert_eq!(CivilTime::from_seconds(days * 86_400).date, date);
            assert_eq!(days_from_civil(date), days);
            day += 1;
            if day > days_in(month, year) {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
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
