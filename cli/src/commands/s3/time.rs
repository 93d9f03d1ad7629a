use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

/// Writes times in the time zone of this machine, as `aws` does: `2026-11-28 09:30:00`.
pub(super) struct LocalTime {
    zone: TimeZone,
}

impl LocalTime {
    pub(super) fn new() -> Self {
        Self {
            zone: TimeZone::system(),
        }
    }

    /// Appends a time of S3, such as `2009-10-12T17:50:30.000Z`. What is not a time stays as it is.
    pub(super) fn write(&self, time: &str, text: &mut String) {
        let Ok(time) = time.parse::<Timestamp>() else {
            text.push_str(time);
            return;
        };
        let time = self.zone.to_datetime(time);
        let (date, time) = (time.date(), time.time());
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "{}-{:02}-{:02} {:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_the_zone() {
        let offset = jiff::tz::Offset::from_hours(2).unwrap();
        let local = LocalTime {
            zone: TimeZone::fixed(offset),
        };
        let mut text = String::new();
        local.write("2009-12-31T23:50:30.123Z", &mut text);
        assert_eq!(text, "2010-01-01 01:50:30");
        local.write("no time", &mut text);
        assert!(text.ends_with("30no time"));
    }
}
