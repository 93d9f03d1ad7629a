use core::time::Duration;

/// Reads the monotonic clock of the system, if there is one.
#[cfg(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub(crate) fn system_time() -> Option<Duration> {
    since_origin(std::time::Instant::now())
}

#[cfg(not(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
)))]
pub(crate) fn system_time() -> Option<Duration> {
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
pub(crate) fn since_origin(now: std::time::Instant) -> Option<Duration> {
    use std::{sync::LazyLock, time::Instant};
    // A day before the first look at the clock, because a paused tokio clock may be slightly
    // earlier.
    static ORIGIN: LazyLock<Instant> = LazyLock::new(|| {
        let now = Instant::now();
        now.checked_sub(Duration::from_secs(86_400)).unwrap_or(now)
    });
    Some(now.saturating_duration_since(*ORIGIN))
}

/// Returns the time for a limiter: that of a timer with a clock, or else the time slept in lines.
pub(crate) fn limiter_time(now: Option<Duration>) -> Duration {
    now.unwrap_or_else(|| Duration::from_nanos(slept::until()))
}

/// Notes that a wait in a line which began at `from` took `waited`, if the timer has no clock.
///
/// All waits go on at once, so the time is that of the latest end. It is never ahead of a true
/// clock that began with it, so a limiter lets no request pass too early.
pub(crate) fn waited(now: Option<Duration>, from: Duration, waited: Duration) {
    if now.is_none() {
        let until = from.saturating_add(waited).as_nanos();
        slept::set(u64::try_from(until).unwrap_or(u64::MAX));
    }
}

#[cfg(target_has_atomic = "64")]
mod slept {
    use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

    static UNTIL: AtomicU64 = AtomicU64::new(0);

    pub(super) fn until() -> u64 {
        UNTIL.load(Relaxed)
    }

    pub(super) fn set(until: u64) {
        UNTIL.fetch_max(until, Relaxed);
    }
}

/// Without such atomics, a timer for limiters needs a clock.
#[cfg(not(target_has_atomic = "64"))]
mod slept {
    pub(super) fn until() -> u64 {
        0
    }

    pub(super) fn set(_: u64) {}
}
