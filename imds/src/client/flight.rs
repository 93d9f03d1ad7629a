use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use crate::error::Error;

/// How long after an attempt that several asked for its result is still theirs: some of a thousand tasks started together
/// run for the first time only when a quick failure is already over.
const BURST: Duration = Duration::from_millis(100);

/// One attempt at a time, shared by everybody who asked while it was under way, failures included.
///
/// Whoever asks alone always gets an attempt of its own. When the task that makes the attempt is dropped, the next in line
/// makes its own.
pub(crate) struct Flight<T> {
    /// How many ever asked.
    asked: AtomicU64,
    /// How many attempts have ended.
    ended: AtomicU64,
    last: Mutex<Option<Landed<T>>>,
}

struct Landed<T> {
    result: Result<T, Error>,
    burst_until: Option<Instant>,
}

impl<T: Clone> Flight<T> {
    pub(crate) fn new() -> Self {
        Self {
            asked: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            last: Mutex::new(None),
        }
    }

    /// The result of the attempt under way, or else of `attempt`, which is then the one under way.
    pub(crate) async fn join<F>(&self, attempt: impl FnOnce() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let ended = self.ended.load(Ordering::Acquire);
        self.asked.fetch_add(1, Ordering::AcqRel);
        let mut last = self.last.lock().await;
        let ended_meanwhile = self.ended.load(Ordering::Acquire) != ended;
        if let Some(landed) = last.as_ref()
            && (ended_meanwhile || landed.is_burst())
        {
            return landed.result.clone();
        }
        let asked = self.asked.load(Ordering::Acquire);
        let result = attempt().await;
        let alone = self.asked.load(Ordering::Acquire) == asked;
        *last = Some(Landed {
            result: result.clone(),
            burst_until: (!alone).then(|| Instant::now() + BURST),
        });
        self.ended.fetch_add(1, Ordering::AcqRel);
        result
    }

    /// Drops the last result, so that nobody is given it any more. An attempt under way is a newer one and stays.
    pub(crate) fn forget(&self) {
        if let Ok(mut last) = self.last.try_lock() {
            *last = None;
        }
    }
}

impl<T> Landed<T> {
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
    async fn those_who_ask_together_share_a_failure_and_one_alone_does_not() {
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
    async fn latecomers_of_a_burst_are_served_for_a_moment() {
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
    async fn a_dropped_attempt_is_taken_over_by_the_next_in_line() {
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
