use core::time::Duration;

/// Reads the monotonic clock of the system, if there is one.
#[cfg(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub(super) fn system_time() -> Option<Duration> {
    since_origin(std::time::Instant::now())
}

#[cfg(not(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
)))]
pub(super) fn system_time() -> Option<Duration> {
    None
}

/// Returns the time since a point that stays the same for the life of the process.
#[cfg(any(
    feature = "tokio",
    all(
        feature = "std",
        not(all(target_family = "wasm", target_os = "unknown"))
    )
))]
pub(super) fn since_origin(now: std::time::Instant) -> Option<Duration> {
    use std::{sync::LazyLock, time::Instant};
    // A day before the first look at the clock, because a paused tokio clock may be slightly
    // earlier.
    static ORIGIN: LazyLock<Instant> = LazyLock::new(|| {
        let now = Instant::now();
        now.checked_sub(Duration::from_secs(86_400)).unwrap_or(now)
    });
    Some(now.saturating_duration_since(*ORIGIN))
}
