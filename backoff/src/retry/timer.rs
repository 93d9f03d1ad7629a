use core::time::Duration;

/// How an asynchronous [`retry`](crate::retry) sleeps. Any `Fn(Duration) -> impl Future` is one.
///
/// Implement it for a timer with a clock of its own, such as a simulated one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot sleep",
    note = "enable feature `tokio` of keyfob-backoff, or pass a timer: `.timer(|delay| my_runtime::sleep(delay))`"
)]
pub trait Timer {
    /// A sleep; what it returns is ignored.
    type Sleep: Future;

    /// Sleeps this long.
    fn sleep(&self, delay: Duration) -> Self::Sleep;

    /// The time since some fixed point, for deadlines and limiters. `None` if there is no clock: then a
    /// deadline counts the waits alone.
    fn now(&self) -> Option<Duration> {
        system_time()
    }
}

impl<F, Fut> Timer for F
where
    F: Fn(Duration) -> Fut,
    Fut: Future,
{
    type Sleep = Fut;

    fn sleep(&self, delay: Duration) -> Fut {
        self(delay)
    }
}

/// The timer used when none is named: tokio's, with feature `tokio`.
#[derive(Clone, Copy, Debug)]
pub struct DefaultTimer;

#[cfg(feature = "tokio")]
impl Timer for DefaultTimer {
    type Sleep = tokio::time::Sleep;

    fn sleep(&self, delay: Duration) -> Self::Sleep {
        tokio::time::sleep(delay)
    }

    /// Tokio's clock, which tests can pause.
    fn now(&self) -> Option<Duration> {
        since_origin(tokio::time::Instant::now().into_std())
    }
}

/// The monotonic clock of the system, if there is one.
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

#[cfg(any(
    feature = "tokio",
    all(
        feature = "std",
        not(all(target_family = "wasm", target_os = "unknown"))
    )
))]
fn since_origin(now: std::time::Instant) -> Option<Duration> {
    use std::{sync::LazyLock, time::Instant};
    /// A day before the first look at the clock, because a paused tokio clock may lie a little behind it.
    static ORIGIN: LazyLock<Instant> = LazyLock::new(|| {
        let now = Instant::now();
        now.checked_sub(Duration::from_secs(86_400)).unwrap_or(now)
    });
    Some(now.saturating_duration_since(*ORIGIN))
}
