/// Writes a size for people, as `aws` does: `1 Byte`, `23 Bytes`, `1.5 KiB`.
pub(crate) fn readable_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    if bytes < 1024 {
        let name = if bytes == 1 { "Byte" } else { "Bytes" };
        return format!("{bytes} {name}");
    }
    #[allow(
        clippy::cast_precision_loss,
        reason = "one digit after the point is shown"
    )]
    let mut size = bytes as f64 / 1024.0;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    // What would be shown as 1024.0 is 1.0 of the next unit.
    while (size * 10.0).round() >= 10_240.0 {
        let Some(next) = units.next() else { break };
        (size, unit) = (size / 1024.0, next);
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: `human_readable_size` of version 1 of `aws`.
    #[test]
    fn sizes_are_written_as_by_aws() {
        for (bytes, text) in [
            (0, "0 Bytes"),
            (1, "1 Byte"),
            (10, "10 Bytes"),
            (1000, "1000 Bytes"),
            (1024, "1.0 KiB"),
            (1024 * 1024, "1.0 MiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (1536, "1.5 KiB"),
            (1024_u64.pow(3), "1.0 GiB"),
            (1024_u64.pow(4), "1.0 TiB"),
            (1024_u64.pow(5), "1.0 PiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(readable_size(bytes), text, "{bytes}");
        }
    }
}
