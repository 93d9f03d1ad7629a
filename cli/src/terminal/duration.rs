/// Formats a remaining time in seconds, such as `59 min`. Zero or less is `none`.
pub(crate) fn time_left(seconds: i64) -> String {
    match seconds {
        ..=0 => "none".to_owned(),
        1..=59 => format!("{seconds} s"),
        60..=5399 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_grows_with_the_time() {
        for (seconds, expected) in [
            (-1, "none"),
            (59, "59 s"),
            (119, "1 min"),
            (5399, "89 min"),
            (5400, "1 h 30 min"),
        ] {
            assert_eq!(time_left(seconds), expected);
        }
    }
}
