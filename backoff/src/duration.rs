use core::time::Duration;

/// Returns a duration in nanoseconds, at most `u64::MAX` of them, which is 584 years.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        nanos as u64
    }
}
