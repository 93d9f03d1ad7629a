use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use crate::error::Error;

/// How long the result of a shared attempt is also given to callers that come after it. Of a
/// thousand tasks that start together, some first run when a quick failure is already over.
const BURST: Duration = Duration::from_millis(100);

/// One attempt at a time. Its result, or its failure, is shared by all callers that came while it
/// was in progress.
///
/// A caller that comes alone always gets an attempt of its own. If the task that makes the attempt
/// is dropped, the next waiting caller makes another.
pub(crate) struct Flight<T> {
    /// The number of callers so far.
    callers: AtomicU64,
    /// The number of completed attempts.
    completed: AtomicU64,
    last: Mutex<Option<Completed<T>>>,
}

/// The result of the last attempt.
struct Completed<T> {
    result: Result<T, Error>,
    burst_until: Option<Instant>,
}

impl<T: Clone> Flight<T> {
    pub(crate) fn new() -> Self {
        Self {
            callers: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }

    /// Returns the result of the attempt in progress, or makes `attempt` the one in progress.
    pub(crate) async fn join<F>(&self, attempt: impl FnOnce() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let before = self.completed.load(Ordering::Acquire);
        self.callers.fetch_add(1, Ordering::AcqRel);
        // Held during the attempt: the other callers wait here.
        let mut last = self.last.lock().await;
        let has_waited = self.completed.load(Ordering::Acquire) != before;
        if let Some(completed) = last.as_ref()
            && (has_waited || completed.is_burst())
        {
            return completed.result.clone();
        }
        let callers = self.callers.load(Ordering::Acquire);
        let result = attempt().await;
        let is_shared = self.callers.load(Ordering::Acquire) != callers;
        *last = Some(Completed {
            result: result.clone(),
            burst_until: is_shared.then(|| Instant::now() + BURST),
        });
        self.completed.fetch_add(1, Ordering::AcqRel);
        result
    }

    /// Drops the last result, so that no further caller gets it. An attempt in progress is newer,
    /// so its result stays.
    pub(crate) fn forget(&self) {
        if let Ok(mut last) = self.last.try_lock() {
            *last = None;
        }
    }
}

impl<T> Completed<T> {
    fn is_burst(&self) -> bool {
        self.burst_until.is_some_and(|end| Instant::now() < end)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::error::ErrorKind;

    async fn fail(attempts: &Cell<u32>) -> Result<(), Error> {
        attempts.set(attempts.get() + 1);
        tokio::task::yield_now().await;
        Err(Error::new(ErrorKind::Connect, "gone"))
    }

    #[tokio::test]
    async fn callers_at_the_same_time_share_a_failure_and_a_single_one_does_not() {
        let (flight, attempts) = (Flight::new(), Cell::new(0));
        for expected in [1, 2] {
            assert!(flight.join(|| fail(&attempts)).await.is_err());
            assert_eq!(attempts.get(), expected);
        }
        let both = tokio::join!(
            flight.join(|| fail(&attempts)),
            flight.join(|| fail(&attempts))
        );
        assert!(both.0.is_err() && both.1.is_err());
        assert_eq!(attempts.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn late_callers_of_a_burst_are_served_for_a_moment() {
        let (flight, attempts) = (Flight::new(), Cell::new(0));
        let _ = tokio::join!(
            flight.join(|| fail(&attempts)),
            flight.join(|| fail(&attempts))
        );
        let _ = flight.join(|| fail(&attempts)).await;
        assert_eq!(attempts.get(), 1);
        flight.forget();
        let _ = flight.join(|| fail(&attempts)).await;
        assert_eq!(attempts.get(), 2);
        let _ = tokio::join!(
            flight.join(|| fail(&attempts)),
            flight.join(|| fail(&attempts))
        );
        tokio::time::advance(BURST).await;
        let _ = flight.join(|| fail(&attempts)).await;
        assert_eq!(attempts.get(), 4);
    }

    #[tokio::test]
    async fn a_dropped_attempt_is_made_again_by_the_next_caller() {
        let flight = Flight::new();
        {
            let stuck = flight.join(std::future::pending::<Result<u8, Error>>);
            tokio::select! {
                biased;
                _ = stuck => unreachable!("it never ends"),
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(flight.join(async || Ok(7)).await.unwrap(), 7);
    }
}
