use core::{fmt, task::Waker, time::Duration};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Algorithm, Limiter, Place};

/// A limiter that tasks and threads share, with a line for those that must wait.
///
/// First come, first served. Only the first in the line asks the algorithm and sleeps; the others
/// are woken when it is their turn. So each request asks at most three times, however many wait:
/// when it joins the line, when it is the first, and when its wait is over. A place in the line is
/// given back when its call is dropped.
///
/// ```
/// use std::time::Duration;
/// use keyfob_backoff::limit::{ProbingLimiter, RateLimit, Shared};
/// use keyfob_backoff::{Failure, Policy, retry_blocking};
///
/// static INSTANCES: Shared<RateLimit> =
///     Shared::new(RateLimit::new(20, Duration::from_secs(1)).burst(100));
/// static PARAMETERS: Shared<ProbingLimiter> = Shared::new(ProbingLimiter::new());
///
/// let answer = retry_blocking(Policy::aws(), || Ok::<_, Failure<'_>>("alice"))
///     .limiter(&PARAMETERS)
///     .run();
/// assert_eq!(answer, Ok("alice"));
/// ```
pub struct Shared<L> {
    state: Mutex<State<L>>,
}

struct State<L> {
    limiter: L,
    /// In the order of their tickets.
    line: VecDeque<Waiter>,
    tickets: u64,
}

struct Waiter {
    ticket: u64,
    /// Whether it was woken, and has not asked since.
    called: bool,
    waker: Waker,
}

impl<L> Shared<L> {
    /// Shares `limiter`, with an empty line.
    #[must_use]
    pub const fn new(limiter: L) -> Self {
        Self {
            state: Mutex::new(State {
                limiter,
                line: VecDeque::new(),
                tickets: 0,
            }),
        }
    }

    /// Returns how many requests wait in the line at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().line.len()
    }

    /// Locks the limiter, even after a panic in another thread.
    fn lock(&self) -> MutexGuard<'_, State<L>> {
        // Its fields are valid after every statement, so poisoning says nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Algorithm> Shared<L> {
    /// Returns the rate at which requests pass at this moment, in requests per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.lock().limiter.rate()
    }

    /// Returns true if nothing waits and a new limiter would do as well.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        let state = self.lock();
        state.line.is_empty() && state.limiter.is_idle(now)
    }

    /// Wakes a waiter that was called, now that nothing is locked.
    fn wake(waker: Option<Waker>) {
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<L: Algorithm> State<L> {
    /// Asks for the waiter at `index` of the line, or for one that joins at its end.
    ///
    /// On success, the waker is that of the next in the line.
    fn ask(
        &mut self,
        index: Option<usize>,
        place: &mut Place,
        waker: &Waker,
        now: Duration,
    ) -> Result<Option<Waker>, Duration> {
        let position = index.unwrap_or(self.line.len());
        let granted = if position == 0 {
            self.limiter.acquire(now)
        } else {
            Err(self.expected_wait(position))
        };
        let Err(wait) = granted else {
            if index.is_some() {
                self.line.pop_front();
            }
            *place = Place::default();
            return Ok(self.call_first());
        };
        if let Some(waiter) = self.line.get_mut(position) {
            waiter.called = false;
            waiter.waker.clone_from(waker);
        } else {
            self.tickets += 1;
            self.line.push_back(Waiter {
                ticket: self.tickets,
                called: false,
                waker: waker.clone(),
            });
            place.ticket = Some(self.tickets);
        }
        place.is_behind = position > 0;
        Err(wait)
    }

    /// Returns the time until the rate of the moment has let so many requests pass.
    fn expected_wait(&self, requests: usize) -> Duration {
        let seconds = requests as f64 / self.limiter.rate();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    fn index(&self, place: &Place) -> Option<usize> {
        let ticket = place.ticket?;
        self.line
            .binary_search_by_key(&ticket, |waiter| waiter.ticket)
            .ok()
    }

    /// Calls the first in the line, and returns its waker.
    fn call_first(&mut self) -> Option<Waker> {
        let first = self.line.front_mut()?;
        first.called = true;
        Some(first.waker.clone())
    }
}

impl<L: Algorithm> Limiter for Shared<L> {
    /// Takes permission to send one request at `now`, if no other waits.
    fn acquire(&self, now: Duration) -> Result<(), Duration> {
        let mut state = self.lock();
        match state.line.len() {
            0 => state.limiter.acquire(now),
            waiting => Err(state.expected_wait(waiting + 1)),
        }
    }

    fn acquire_in_line(
        &self,
        place: &mut Place,
        waker: &Waker,
        now: Duration,
    ) -> Result<(), Duration> {
        let mut state = self.lock();
        let index = state.index(place);
        let next = state.ask(index, place, waker, now)?;
        drop(state);
        Self::wake(next);
        Ok(())
    }

    fn is_called(&self, place: &Place, waker: &Waker) -> bool {
        let mut state = self.lock();
        let Some(index) = state.index(place) else {
            return true;
        };
        let Some(waiter) = state.line.get_mut(index) else {
            return true;
        };
        if !waiter.called {
            // A task may be polled with another waker each time.
            waiter.waker.clone_from(waker);
        }
        waiter.called
    }

    fn leave(&self, place: &mut Place) {
        let mut state = self.lock();
        let next = match state.index(place) {
            Some(0) => {
                state.line.pop_front();
                state.call_first()
            }
            Some(index) => {
                state.line.remove(index);
                None
            }
            None => None,
        };
        drop(state);
        *place = Place::default();
        Self::wake(next);
    }

    fn on_answer(&self, throttled: bool, now: Duration) {
        let mut state = self.lock();
        let sooner = state.limiter.on_answer(throttled, now);
        let first = if sooner { state.call_first() } else { None };
        drop(state);
        Self::wake(first);
    }

    fn on_unanswered(&self) {
        let mut state = self.lock();
        let sooner = state.limiter.on_unanswered();
        let first = if sooner { state.call_first() } else { None };
        drop(state);
        Self::wake(first);
    }

    fn paces(&self) -> bool {
        self.lock().limiter.paces()
    }
}

impl<L: fmt::Debug> fmt::Debug for Shared<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Shared");
        if let Ok(state) = self.state.try_lock() {
            debug
                .field("limiter", &state.limiter)
                .field("waiting", &state.line.len());
        }
        debug.finish_non_exhaustive()
    }
}
