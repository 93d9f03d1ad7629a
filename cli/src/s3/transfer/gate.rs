use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::s3::{
    Client,
    transfer::concurrency::{Concurrency, Seen},
};

/// What requests pass: as many at a time as get most done.
pub(super) struct Gate {
    semaphore: Arc<Semaphore>,
    state: Mutex<State>,
    /// How many bytes of objects have moved.
    moved: Arc<AtomicU64>,
    start: Instant,
}

struct State {
    concurrency: Concurrency,
    /// How many permits there are, on the way or not.
    permits: u32,
}

/// A request that is on its way until this is dropped.
pub(super) struct Permit {
    gate: Arc<Gate>,
    /// Always there, but in the middle of its drop.
    permit: Option<OwnedSemaphorePermit>,
}

impl Gate {
    /// Creates one that lets at most `max` requests of this client pass.
    pub(super) fn new(client: &Client, max: u32) -> Self {
        let concurrency = Concurrency::new(max);
        let permits = concurrency.limit();
        Self {
            semaphore: Arc::new(Semaphore::new(permits as usize)),
            state: Mutex::new(State {
                concurrency,
                permits,
            }),
            moved: client.moved(),
            start: Instant::now(),
        }
    }

    /// Waits until one more request can be sent. It counts until the permit is dropped.
    pub(super) async fn pass(self: &Arc<Self>) -> Permit {
        Permit {
            gate: Arc::clone(self),
            // It is never closed.
            permit: Arc::clone(&self.semaphore).acquire_owned().await.ok(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let gate = &self.gate;
        let mut state = gate.state();
        let free = u32::try_from(gate.semaphore.available_permits()).unwrap_or(u32::MAX);
        let seen = Seen {
            on_the_way: state.permits.saturating_sub(free),
            moved: gate.moved.load(Relaxed),
            now: gate.start.elapsed(),
        };
        state.concurrency.on_end(seen);
        let limit = state.concurrency.limit();
        if state.permits > limit
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
            state.permits -= 1;
        }
        if let Some(more) = limit.checked_sub(state.permits) {
            gate.semaphore.add_permits(more as usize);
            state.permits = limit;
        }
    }
}
