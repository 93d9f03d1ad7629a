//! How much was sent and received, and for how long nothing has moved.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    failure::Failure,
    terminal::{Waiting, now_waiting_for, readable_size, waiting_for},
};

const TICK: Duration = Duration::from_millis(200);
/// How long nothing may move, unless `--cli-read-timeout` says something else. As in `aws`.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// Counts the bytes of one command, and says them where it says what is waited for.
#[derive(Debug)]
pub(super) struct Meter {
    /// Whether waits are told.
    tells: bool,
    sent: AtomicU64,
    received: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When something moved last, while the server is to answer; `None` otherwise.
    moved: Option<Instant>,
    /// What tells the wait, and for which server it is.
    waiting: Option<(Waiting, String)>,
}

impl Meter {
    pub(super) fn new(tells: bool) -> Self {
        Self {
            tells,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// Starts to tell that a server is waited for, until [`clear`](Self::clear).
    pub(super) fn tell(&self, server: String) {
        if self.tells {
            // The line of the server before this one goes first.
            let mut state = self.state();
            state.waiting = None;
            state.waiting = Some((waiting_for(server.clone()), server));
        }
    }

    /// Starts to wait for the server, and to count from zero.
    pub(super) fn start(&self) {
        self.sent.store(0, Ordering::Relaxed);
        self.received.store(0, Ordering::Relaxed);
        self.state().moved = Some(Instant::now());
        self.update();
    }

    /// Stops to wait for the server.
    pub(super) fn stop(&self) {
        self.state().moved = None;
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.state().moved = Some(Instant::now());
    }

    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        self.state().moved = Some(Instant::now());
    }

    /// Keeps what is told up to date, and returns a failure once nothing has moved for as long as
    /// `limit`.
    pub(super) async fn watch(&self, limit: Option<Duration>) -> Failure {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        loop {
            sleep(TICK).await;
            let idle = self.state().moved.map(|moved| moved.elapsed());
            if idle.is_some_and(|idle| idle >= limit) {
                self.clear();
                let text = format!(
                    "no byte was sent or received for {} seconds; --cli-read-timeout sets another \
                     limit, and 0 none",
                    limit.as_secs()
                );
                return Failure::other(text).with_code("ReadTimeout");
            }
            // Otherwise something else is waited for: credentials, or the next attempt.
            if idle.is_some() {
                self.update();
            }
        }
    }

    /// Stops to tell the wait.
    pub(super) fn clear(&self) {
        self.state().waiting = None;
    }

    fn update(&self) {
        let state = self.state();
        let Some((_, server)) = &state.waiting else {
            return;
        };
        let mut text = server.clone();
        for (verb, count) in [("sent", &self.sent), ("received", &self.received)] {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                text += &format!(", {verb} {}", readable_size(count));
            }
        }
        now_waiting_for(text);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
