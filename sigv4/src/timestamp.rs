use core::{fmt, str::FromStr};

use crate::error::{Error, ErrorKind};

/// A moment in UTC, to the millisecond, from year 0000 to 9999.
///
/// Every function of this crate that needs the time takes one of these. Only [`Timestamp::now`]
/// reads a clock, and only callers use it. `Display` writes RFC 3339, such as
/// `2015-08-30T12:36:00Z`, with milliseconds only if they are not zero;
/// [`amz_date`](Timestamp::amz_date) writes the form that is signed.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::Timestamp;
/// let at: Timestamp = "20150830T123600Z".parse()?;
/// assert_eq!(at, "2015-08-30T14:36:00+02:00".parse()?);
/// assert_eq!(at.to_string(), "2015-08-30T12:36:00Z");
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Milliseconds since 1970-01-01T00:00:00Z, always within `MIN..=MAX`.
    millis: i64,
}

impl Timestamp {
    /// The earliest moment, 0000-01-01T00:00:00Z.
    pub const MIN: Self = Self {
        millis: -62_167_219_200_000,
    };
    /// The latest moment, 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self {
        millis: 253_402_300_799_999,
    };

    /// Returns the moment a number of seconds after 1970-01-01T00:00:00Z, clamped to
    /// [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Timestamp;
    /// let at = Timestamp::from_unix_seconds(1_440_938_160);
    /// assert_eq!(at.to_string(), "2015-08-30T12:36:00Z");
    /// ```
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self::from_unix_millis(seconds.saturating_mul(1000))
    }

    /// Returns the moment a number of milliseconds after 1970-01-01T00:00:00Z, clamped to
    /// [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    pub const fn from_unix_millis(millis: i64) -> Self {
        if millis < Self::MIN.millis {
            Self::MIN
        } else if millis > Self::MAX.millis {
            Self::MAX
        } else {
            Self { millis }
        }
    }

    /// Returns the time of the system clock. Nothing else in this crate reads a clock.
    ///
    /// # Panics
    ///
    /// On `wasm32-unknown-unknown`, where the standard library has no clock. Ask the host there,
    /// and use [`from_unix_millis`](Self::from_unix_millis).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Timestamp;
    /// let valid_until = Timestamp::now().plus_seconds(900);
    /// assert!(valid_until > Timestamp::now());
    /// ```
    #[cfg(feature = "std")]
    pub fn now() -> Self {
        std::time::SystemTime::now().into()
    }

    /// Returns the seconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.millis.div_euclid(1000)
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    pub const fn unix_millis(self) -> i64 {
        self.millis
    }

    /// Returns the moment a number of seconds later, clamped to [`MIN`](Self::MIN) and
    /// [`MAX`](Self::MAX).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Timestamp;
    /// let at: Timestamp = "2015-12-31T23:59:59Z".parse()?;
    /// assert_eq!(at.plus_seconds(1).to_string(), "2016-01-01T00:00:00Z");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_unix_millis(self.millis.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Returns the seconds from `earlier` to this moment, negative if `earlier` is later.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Timestamp;
    /// let signed: Timestamp = "20150830T123600Z".parse()?;
    /// let received: Timestamp = "20150830T123605Z".parse()?;
    /// assert_eq!(received.seconds_since(signed), 5);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.unix_seconds() - earlier.unix_seconds()
    }

    /// Returns the text of `X-Amz-Date`, such as `20150830T123600Z`, rounded down to the second.
    ///
    /// Source: Signature Version 4, "Date in the credential scope"; ISO 8601 basic format.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Timestamp;
    /// let at: Timestamp = "2015-08-30T12:36:00.75Z".parse()?;
    /// assert_eq!(at.amz_date().as_str(), "20150830T123600Z");
    /// assert_eq!(at.amz_date().date(), "20150830");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn amz_date(self) -> AmzDate {
        let civil = Civil::from_timestamp(self);
        let mut text = *b"00000000T000000Z";
        put2(&mut text, 0, civil.year / 100);
        put2(&mut text, 2, civil.year % 100);
        put2(&mut text, 4, civil.month);
        put2(&mut text, 6, civil.day);
        put2(&mut text, 9, civil.hour);
        put2(&mut text, 11, civil.minute);
        put2(&mut text, 13, civil.second);
        AmzDate(text)
    }
}

/// Parses `20150830T123600Z` and RFC 3339, such as `2015-08-30T12:36:00Z`.
///
/// A fraction may have any length and is cut to milliseconds. An offset such as `+02:00` is
/// converted. `UTC` may stand for `Z`, as older AWS tools write it.
impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| Error::new(ErrorKind::Timestamp, text))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Civil::from_timestamp(*self);
        write!(f, "{:04}-{:02}-{:02}", at.year, at.month, at.day)?;
        write!(f, "T{:02}:{:02}:{:02}", at.hour, at.minute, at.second)?;
        match self.millis.rem_euclid(1000) {
            0 => f.write_str("Z"),
            millis => write!(f, ".{millis:03}Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "std")]
impl From<std::time::SystemTime> for Timestamp {
    fn from(time: std::time::SystemTime) -> Self {
        let millis = |d: std::time::Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => Self::from_unix_millis(millis(after)),
            Err(before) => Self::from_unix_millis(-millis(before.duration())),
        }
    }
}

/// The text of an `X-Amz-Date`, 16 ASCII characters, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AmzDate([u8; 16]);

impl AmzDate {
    /// Returns the text, if it has this form, and the moment that it names.
    pub(crate) fn parse(text: &[u8]) -> Option<(Self, Timestamp)> {
        Some((Self(text.try_into().ok()?), parse_basic(text)?))
    }

    /// Returns the text, such as `20150830T123600Z`.
    pub fn as_str(&self) -> &str {
        // Digits, `T` and `Z` only, so the fallback is never used.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn date_bytes(&self) -> &[u8] {
        &self.0[..8]
    }

    /// Returns the date of the credential scope, such as `20150830`.
    pub fn date(&self) -> &str {
        &self.as_str()[..8]
    }
}

impl fmt::Debug for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A date and time of day in the proleptic Gregorian calendar.
struct Civil {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Civil {
    fn from_timestamp(at: Timestamp) -> Self {
        // Within `MIN..=MAX` all of this is non-negative and fits 32 bits after the division.
        let seconds = at.unix_seconds() - Timestamp::MIN.unix_seconds();
        let (days, time) = ((seconds / 86_400) as u32, (seconds % 86_400) as u32);
        let (year, month, day) = civil_from_days(days);
        Self {
            year,
            month,
            day,
            hour: time / 3600,
            minute: time / 60 % 60,
            second: time % 60,
        }
    }

    /// Returns the moment, or `None` if the date or the time of day does not exist. A leap second
    /// counts as the second before it.
    fn timestamp(&self) -> Option<Timestamp> {
        let leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let month_length = match self.month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=month_length).contains(&self.day)
            || self.hour > 23
            || self.minute > 59
            || self.second > 60
        {
            return None;
        }
        let days = days_from_civil(self.year, self.month, self.day);
        let time = self.hour * 3600 + self.minute * 60 + self.second.min(59);
        Some(Timestamp::MIN.plus_seconds(i64::from(days) * 86_400 + i64::from(time)))
    }
}

/// The days of 400 years, after which the calendar repeats itself.
const ERA: u32 = 146_097;
/// The days from 0000-01-01 to 0000-03-01.
const MARCH: u32 = 60;

/// Returns the year, month and day of a number of days after 0000-01-01.
///
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil_from_days(days: u32) -> (u32, u32, u32) {
    // Years begin in March, so that the leap day is the last of its year. One era more keeps
    // January and February of year 0 positive.
    let days_from_march = days + ERA - MARCH;
    let (era, day_of_era) = (days_from_march / ERA, days_from_march % ERA);
    let leap_days = day_of_era / 1460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let is_next_year = month_from_march >= 10;
    let month = month_from_march + 3 - if is_next_year { 12 } else { 0 };
    let year = 400 * era + year_of_era + u32::from(is_next_year);
    (year - 400, month, day)
}

/// Returns the number of days from 0000-01-01 to a date, by `days_from_civil` of the same source.
fn days_from_civil(year: u32, month: u32, day: u32) -> u32 {
    let year_from_march = year + 400 - u32::from(month <= 2);
    let (era, year_of_era) = (year_from_march / 400, year_from_march % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    ERA * era + day_of_era + MARCH - ERA
}

/// Writes a number below 100 as two digits.
fn put2(text: &mut [u8], at: usize, number: u32) {
    text[at] = b'0' + (number / 10) as u8;
    text[at + 1] = b'0' + (number % 10) as u8;
}

/// Reads the form that is signed, or RFC 3339 with the deviations of AWS's own tools.
fn parse(text: &str) -> Option<Timestamp> {
    parse_basic(text.as_bytes()).or_else(|| parse_rfc3339(text.as_bytes()))
}

fn parse_basic(bytes: &[u8]) -> Option<Timestamp> {
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    Civil {
        year: digits(&bytes[..4])?,
        month: digits(&bytes[4..6])?,
        day: digits(&bytes[6..8])?,
        hour: digits(&bytes[9..11])?,
        minute: digits(&bytes[11..13])?,
        second: digits(&bytes[13..15])?,
    }
    .timestamp()
}

fn parse_rfc3339(bytes: &[u8]) -> Option<Timestamp> {
    if bytes.len() < 20 {
        return None;
    }
    let (moment, rest) = bytes.split_at(19);
    let separators = [(4, b"-"), (7, b"-"), (10, b"T"), (13, b":"), (16, b":")];
    if separators.iter().any(|&(at, byte)| {
        moment[at].to_ascii_uppercase() != byte[0] && (at, moment[at]) != (10, b' ')
    }) {
        return None;
    }
    let civil = Civil {
        year: digits(&moment[..4])?,
        month: digits(&moment[5..7])?,
        day: digits(&moment[8..10])?,
        hour: digits(&moment[11..13])?,
        minute: digits(&moment[14..16])?,
        second: digits(&moment[17..19])?,
    };
    let (millis, zone) = fraction(rest)?;
    let local = civil.timestamp()?.unix_millis() + millis;
    let utc = local - offset_minutes(zone)? * 60_000;
    (Timestamp::MIN.millis..=Timestamp::MAX.millis)
        .contains(&utc)
        .then(|| Timestamp::from_unix_millis(utc))
}

/// Splits `.028015Z` into 28 milliseconds and the rest after the digits.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(text) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut millis = *b"000";
    for (to, from) in millis.iter_mut().zip(&text[..length]) {
        *to = *from;
    }
    (length > 0).then_some((i64::from(digits(&millis)?), &text[length..]))
}

/// Returns the minutes east of UTC.
fn offset_minutes(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" | b"UTC" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let east = i64::from(hours * 60 + minutes);
            (hours < 24 && minutes < 60).then_some(if *sign == b'+' { east } else { -east })
        }
        _ => None,
    }
}

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u32::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn both_forms_name_the_same_moment() {
        assert_eq!(at("20150830T123600Z").unix_seconds(), 1_440_938_160);
        for same in [
            "2015-08-30T12:36:00Z",
            "2015-08-30T14:36:00+02:00",
            "2015-08-30T12:36:00UTC",
            "2015-08-30T12:36:00.0009Z",
        ] {
            assert_eq!(at(same), at("20150830T123600Z"), "{same}");
        }
        assert_eq!(at("2026-11-22T02:42:50.028015Z").unix_millis() % 1000, 28);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long for Miri")]
    fn days_of_ten_thousand_years_survive_the_round_trip() {
        let mut moment = Timestamp::MIN.plus_seconds(1);
        let mut previous = Timestamp::MIN.to_string();
        while moment < Timestamp::MAX.plus_seconds(-11 * 86_400) {
            let text = moment.to_string();
            assert_eq!(at(&text), moment);
            assert_eq!(at(moment.amz_date().as_str()), moment);
            assert!(text > previous, "{text} after {previous}");
            previous = text;
            moment = moment.plus_seconds(11 * 86_400 + 1);
        }
    }

    #[test]
    fn the_ends_of_the_range_are_written_and_never_exceeded() {
        assert_eq!(Timestamp::MIN.to_string(), "0000-01-01T00:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::MAX.plus_seconds(1), Timestamp::MAX);
        assert_eq!(Timestamp::from_unix_seconds(i64::MIN), Timestamp::MIN);
        assert_eq!(
            Timestamp::from_unix_seconds(-1).to_string(),
            "1969-12-31T23:59:59Z"
        );
    }

    #[test]
    fn a_text_that_is_not_a_moment_is_an_error() {
        for wrong in [
            "",
            "20150830",
            "20150830T123600",
            "20151330T123600Z",
            "2015-02-29T00:00:00Z",
            "2015-08-30T24:00:00Z",
            "2015-08-30T12:36:00",
            "2015-08-30T12:36:00.Z",
            "2015-08-30T12:36:00+2:00",
            "0000-01-01T00:00:00+01:00",
            "2015-08-30x12:36:00Z",
            "é015-08-30T12:36:00Z",
        ] {
            let error = wrong.parse::<Timestamp>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timestamp, "{wrong}");
        }
        assert_eq!(at("2016-12-31T23:59:60Z"), at("2016-12-31T23:59:59Z"));
    }
}
