use keyfob_sigv4::Timestamp;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Formats a time for the header `Date`: `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Source: RFC 9110, section 5.6.7.
pub(super) fn http_date(time: Timestamp) -> String {
    // 1970 began on a Thursday.
    let day = DAYS[time.unix_seconds().div_euclid(86_400).rem_euclid(7) as usize];
    let text = time.amz_date();
    let text = text.as_str();
    let month = text[4..6].parse().unwrap_or(1usize);
    let (year, date, month) = (&text[..4], &text[6..8], MONTHS[(month - 1) % 12]);
    let (hours, minutes, seconds) = (&text[9..11], &text[11..13], &text[13..15]);
    format!("{day}, {date} {month} {year} {hours}:{minutes}:{seconds} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_in_the_specification() {
        for (time, text) in [
            ("1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(time.parse().unwrap()), text);
        }
    }
}
