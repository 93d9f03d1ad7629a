use core::{fmt, mem, task::Waker, time::Duration};
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
/// A call that is not polled for a second after its turn loses its place at the next request or
/// answer of another call, and joins the line again at its end when it is polled. Without such an
/// event, the others wait for it.
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
    /// The latest time it was given.
    now: Duration,
}

struct Waiter {
    ticket: u64,
    /// Whether it was woken, and has not asked since.
    called: bool,
    waker: Waker,
    /// When it is expected to ask again at the latest; `MAX` until it is called.
    due: Duration,
}

/// Wakers for when nothing is locked. Their code is not ours, and may use the same limiter.
#[derive(Default)]
struct Wakers {
    called: Option<Waker>,
    dropped: Option<Waker>,
    /// Of calls that lost their place.
    absent: Vec<Waker>,
}

impl Wakers {
    fn wake(self) {
        drop(self.dropped);
        self.absent
            .into_iter()
            .chain(self.called)
            .for_each(Waker::wake);
    }
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
                now: Duration::ZERO,
            }),
        }
    }

    /// Returns how many requests wait in the line at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().line.len()
    }

    /// Returns a copy of the limiter as it is at this moment, to read what it has learned.
    ///
    /// ```
    /// use keyfob_backoff::limit::{ProbingLimiter, Shared};
    ///
    /// let limiter = Shared::new(ProbingLimiter::new());
    /// assert_eq!(limiter.snapshot().estimate(), None);
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> L
    where
        L: Clone,
    {
        self.lock().limiter.clone()
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

    /// Tells the algorithm something, and calls the first in the line if that may go sooner.
    fn learn(&self, now: Option<Duration>, tell: impl FnOnce(&mut L) -> bool) {
        let mut wakers = Wakers::default();
        let mut state = self.lock();
        if let Some(now) = now {
            state.now = now;
            state.drop_absent(&mut wakers);
        }
        if tell(&mut state.limiter) || !wakers.absent.is_empty() {
            wakers.called = state.call_first();
        }
        drop(state);
        wakers.wake();
    }

    /// Returns true if nothing waits and a new limiter would do as well.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        let state = self.lock();
        state.line.is_empty() && state.limiter.is_idle(now)
    }
}

impl<L: Algorithm> State<L> {
    /// A call that is not polled for so long after its turn loses its place.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Asks for a place in the line, or for one that joins at its end.
    fn ask(
        &mut self,
        place: &mut Place,
        waker: &Waker,
        now: Duration,
        wakers: &mut Wakers,
    ) -> Result<(), Duration> {
        self.now = now;
        if let Some(index) = self.index(place)
            && let Some(waiter) = self.line.get_mut(index)
        {
            // It is here, however late.
            waiter.called = false;
            waiter.due = now;
        }
        self.drop_absent(wakers);
        let index = self.index(place);
        let position = index.unwrap_or(self.line.len());
        let granted = if position == 0 {
            self.limiter.acquire(now)
        } else {
            // Also for the case that those before it are absent.
            Err(self.expected_wait(position))
        };
        let Err(wait) = granted else {
            if index.is_some() {
                wakers.dropped = self.line.pop_front().map(|waiter| waiter.waker);
            }
            *place = Place::default();
            wakers.called = self.call_first();
            return Ok(());
        };
        place.is_behind = position > 0;
        let due = if place.is_behind {
            Duration::MAX
        } else {
            now.saturating_add(wait)
        };
        if let Some(waiter) = self.line.get_mut(position) {
            waiter.due = due;
            wakers.dropped = Some(mem::replace(&mut waiter.waker, waker.clone()));
        } else {
            self.tickets += 1;
            self.line.push_back(Waiter {
                ticket: self.tickets,
                called: false,
                waker: waker.clone(),
                due,
            });
            place.ticket = Some(self.tickets);
        }
        Err(wait)
    }

    /// Takes those from the head of the line that did not come when it was their turn.
    fn drop_absent(&mut self, wakers: &mut Wakers) {
        while let Some(first) = self.line.front()
            && first.due.saturating_add(Self::PATIENCE) < self.now
        {
            wakers
                .absent
                .extend(self.line.pop_front().map(|waiter| waiter.waker));
        }
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
        if !first.called {
            first.called = true;
            first.due = first.due.min(self.now);
        }
        Some(first.waker.clone())
    }
}

impl<L: Algorithm> Limiter for Shared<L> {
    /// Takes permission to send one request at `now`, if no other waits.
    fn acquire(&self, now: Duration) -> Result<(), Duration> {
        let mut wakers = Wakers::default();
        let mut state = self.lock();
        state.now = now;
        state.drop_absent(&mut wakers);
        let granted = match state.line.len() {
            0 => state.limiter.acquire(now),
            waiting => {
                if !wakers.absent.is_empty() {
                    wakers.called = state.call_first();
                }
                Err(state.expected_wait(waiting + 1))
            }
        };
        drop(state);
        wakers.wake();
        granted
    }

    fn acquire_in_line(
        &self,
        place: &mut Place,
        waker: &Waker,
        now: Duration,
    ) -> Result<(), Duration> {
        let mut wakers = Wakers::default();
        let mut state = self.lock();
        let granted = state.ask(place, waker, now, &mut wakers);
        if granted.is_err() && place.is_behind && !wakers.absent.is_empty() {
            wakers.called = state.call_first();
        }
        drop(state);
        wakers.wake();
        granted
    }

    fn is_called(&self, place: &Place, waker: &Waker) -> bool {
        let mut old = None;
        let mut state = self.lock();
        let called = match state.index(place) {
            Some(index) => state.line.get_mut(index).is_none_or(|waiter| {
                if !waiter.called && !waiter.waker.will_wake(waker) {
                    // A task may be polled with another waker each time.
                    old = Some(mem::replace(&mut waiter.waker, waker.clone()));
                }
                waiter.called
            }),
            None => true,
        };
        drop(state);
        drop(old);
        called
    }

    fn leave(&self, place: &mut Place) {
        let mut wakers = Wakers::default();
        let mut state = self.lock();
        if let Some(index) = state.index(place) {
            wakers.dropped = state.line.remove(index).map(|waiter| waiter.waker);
            if index == 0 {
                wakers.called = state.call_first();
            }
        }
        drop(state);
        *place = Place::default();
        wakers.wake();
    }

    fn on_answer(&self, throttled: bool, now: Duration) {
        self.learn(Some(now), |limiter| limiter.on_answer(throttled, now));
    }

    fn on_fault(&self, now: Duration) {
        self.learn(Some(now), |limiter| limiter.on_fault(now));
    }

    fn on_lost(&self) {
        self.learn(None, L::on_lost);
    }

    fn on_unanswered(&self) {
        self.learn(None, L::on_unanswered);
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
