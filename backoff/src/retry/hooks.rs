//! The traits behind the options of [`Retry`](crate::Retry), and their defaults.
//!
//! A closure implements each of them, so most programs never name them. Implement one for a type of
//! your own to store it in a struct, or to give it state.
//!
//! | option | trait | default |
//! |---|---|---|
//! | [`classify_with`](crate::Retry::classify_with) | [`Classifier`] | [`ClassifyTrait`] |
//! | [`notify`](crate::Retry::notify) | [`Notify`] | [`NoNotify`] |
//! | [`random`](crate::Retry::random) | [`Random`](crate::Random) | [`Entropy`](crate::Entropy) |
//! | [`timer`](crate::Retry::timer) | [`Timer`] | [`DefaultTimer`] |
//! | [`sleep_with`](crate::Retry::sleep_with) | [`BlockingSleep`] | [`ThreadSleep`] |

use core::{fmt, ops::ControlFlow, task::Waker, time::Duration};
#[cfg(feature = "std")]
use std::{sync::Arc, task::Wake, thread};

use super::report::Pause;
use crate::clock::system_time;
use crate::fault::{Classify, Failure};

/// Reads the facts of an error.
///
/// Any `Fn(&E) -> Failure<'_>` is one.
#[diagnostic::on_unimplemented(
    message = "nothing says what kind of failure a `{E}` is",
    note = "implement `keyfob_backoff::Classify` for it, or call `.classify_with(|error| ...)`"
)]
pub trait Classifier<E> {
    /// Returns the facts of `error`.
    fn failure<'e>(&self, error: &'e E) -> Failure<'e>;
}

/// The default [`Classifier`]: asks the error itself, through its [`Classify`].
#[derive(Clone, Copy, Debug)]
pub struct ClassifyTrait;

impl<E: Classify> Classifier<E> for ClassifyTrait {
    fn failure<'e>(&self, error: &'e E) -> Failure<'e> {
        error.failure()
    }
}

impl<E, F: for<'e> Fn(&'e E) -> Failure<'e>> Classifier<E> for F {
    fn failure<'e>(&self, error: &'e E) -> Failure<'e> {
        self(error)
    }
}

/// Is told of every wait.
///
/// Any `FnMut(&E, &Pause)` is one.
pub trait Notify<E> {
    /// Called before the wait.
    fn notify(&mut self, error: &E, pause: &Pause);
}

/// The default [`Notify`]: does nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoNotify;

impl<E> Notify<E> for NoNotify {
    fn notify(&mut self, _: &E, _: &Pause) {}
}

impl<E, F: FnMut(&E, &Pause)> Notify<E> for F {
    fn notify(&mut self, error: &E, pause: &Pause) {
        self(error, pause);
    }
}

/// How an asynchronous [`retry`](crate::retry) sleeps.
///
/// Any `Fn(Duration) -> impl Future` is one. Implement it for a timer with a clock of its own, such
/// as a simulated one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot sleep",
    note = "enable feature `tokio` of keyfob-backoff, or pass a timer: `.timer(|delay| my_runtime::sleep(delay))`"
)]
pub trait Timer {
    /// The future of a sleep; its output is ignored.
    type Sleep: Future;

    /// Sleeps this long.
    fn sleep(&self, delay: Duration) -> Self::Sleep;

    /// Returns the time since some fixed point, for deadlines and limiters.
    ///
    /// `None` means that there is no clock, as on `wasm32-unknown-unknown`. A deadline then counts
    /// the waits alone. A limiter counts the sleeps that ended in its line, so its bucket does not
    /// fill while nothing waits (on targets with 64-bit atomics; on others it needs a clock). By
    /// default it is the system's monotonic clock, with feature `std`.
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

/// The default [`Timer`]: tokio's, with feature `tokio`.
#[derive(Clone, Copy, Debug)]
pub struct DefaultTimer;

#[cfg(feature = "tokio")]
impl Timer for DefaultTimer {
    type Sleep = tokio::time::Sleep;

    fn sleep(&self, delay: Duration) -> Self::Sleep {
        tokio::time::sleep(delay)
    }

    /// Reads tokio's clock, which tests can pause.
    fn now(&self) -> Option<Duration> {
        crate::clock::since_origin(tokio::time::Instant::now().into_std())
    }
}

/// Marks a [`Retry`](crate::Retry) that blocks the thread, and holds how it sleeps.
#[derive(Clone, Copy)]
pub struct Blocking<S>(pub(super) S);

impl<S> fmt::Debug for Blocking<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").finish_non_exhaustive()
    }
}

/// How a [`retry_blocking`](crate::retry_blocking) sleeps.
///
/// Any `FnMut(Duration) -> ControlFlow<()>` is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot sleep",
    note = "enable feature `std` of keyfob-backoff, or name a sleep: `.sleep_with(|delay| ControlFlow::Continue(my_sleep(delay)))`"
)]
pub trait BlockingSleep {
    /// Sleeps this long, or less to cancel the call by returning `Break`.
    fn sleep(&mut self, delay: Duration) -> ControlFlow<()>;

    /// Sleeps in the line of a limiter: this long, or until `is_called` returns true, which gets a
    /// waker that ends the sleep. It may return sooner, but only on a system with a clock: without
    /// one, this time counts as slept.
    ///
    /// By default it cannot be woken, and looks again after `look`, which is from 1 to 100 ms: the
    /// sooner, the nearer the turn of the call.
    fn sleep_in_line(
        &mut self,
        delay: Duration,
        look: Duration,
        is_called: &dyn Fn(&Waker) -> bool,
    ) -> ControlFlow<()> {
        if is_called(Waker::noop()) {
            return ControlFlow::Continue(());
        }
        self.sleep(delay.min(look))
    }
}

impl<F: FnMut(Duration) -> ControlFlow<()>> BlockingSleep for F {
    fn sleep(&mut self, delay: Duration) -> ControlFlow<()> {
        self(delay)
    }
}

/// The default [`BlockingSleep`]: with feature `std`, the thread sleeps and nothing cancels it.
#[derive(Clone, Copy, Debug)]
pub struct ThreadSleep;

#[cfg(feature = "std")]
impl BlockingSleep for ThreadSleep {
    fn sleep(&mut self, delay: Duration) -> ControlFlow<()> {
        thread::sleep(delay);
        ControlFlow::Continue(())
    }

    fn sleep_in_line(
        &mut self,
        delay: Duration,
        _: Duration,
        is_called: &dyn Fn(&Waker) -> bool,
    ) -> ControlFlow<()> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let started = system_time().unwrap_or_default();
        while !is_called(&waker) {
            let passed = system_time().unwrap_or_default().saturating_sub(started);
            if passed >= delay {
                break;
            }
            thread::park_timeout(delay - passed);
        }
        ControlFlow::Continue(())
    }
}

/// Wakes a thread that parks.
#[cfg(feature = "std")]
struct Unpark(thread::Thread);

#[cfg(feature = "std")]
impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
