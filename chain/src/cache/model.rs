//! What threads can do to one cache, in every order that `loom` finds. `.ci/run` has the command.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    task::{Context, Poll, Waker},
};

use keyfob_sigv4::{Credentials, Timestamp};
use loom::{
    future::block_on,
    sync::{Arc, atomic::AtomicUsize},
    thread,
};

use super::slot::Slot;
use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    provider::{Found, Renewal},
};

const NOW: Timestamp = Timestamp::MIN;

fn key(id: &str) -> Credentials {
    let key = Credentials::new(id, "secret").unwrap();
    key.with_expiry(NOW.plus_seconds(3600))
}

/// A cache and its source, which takes a while.
#[derive(Clone)]
struct Cache {
    slot: Slot,
    asked: Arc<AtomicUsize>,
}

impl Cache {
    fn new() -> Self {
        Self {
            slot: Slot::default(),
            asked: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// Returns the id of the key, or the message of the error.
    async fn get(
        &self,
        revision: u64,
        answer: impl Fn(usize) -> Result<Credentials, Error>,
    ) -> String {
        let ask = async || {
            let answer = answer(self.asked.fetch_add(1, SeqCst));
            pause().await;
            answer.map(|key| Found::new(key, Origin::Default).with_renewal(Renewal::Service))
        };
        match self.slot.credentials(NOW, revision, ask).await {
            Ok(cached) => cached.access_key_id().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    async fn good(&self) -> String {
        self.get(0, |_| Ok(key("AKID"))).await
    }

    async fn bad(&self) -> String {
        let fails = |count| Err(Error::new(ErrorKind::Provider, format!("failure {count}")));
        self.get(0, fails).await
    }

    /// Runs a thread with this cache.
    fn spawn<T: 'static>(&self, run: impl FnOnce(Self) -> T + 'static) -> thread::JoinHandle<T> {
        let cache = self.clone();
        thread::spawn(move || run(cache))
    }
}

/// Lets others go on.
async fn pause() {
    let mut is_over = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Begins something and gives up.
fn cancel(future: impl Future) {
    _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

#[test]
fn one_thread_asks_and_all_get_the_answer() {
    loom::model(|| {
        let cache = Cache::new();
        let others = [(); 2].map(|()| cache.spawn(|cache| block_on(cache.good())));
        assert_eq!(block_on(cache.good()), "AKID");
        for other in others {
            assert_eq!(other.join().unwrap(), "AKID");
        }
        assert_eq!(cache.asked.load(SeqCst), 1);
    });
}

#[test]
fn a_failure_is_shared_and_not_cached() {
    static IS_SHARED: AtomicBool = AtomicBool::new(false);
    loom::model(|| {
        let cache = Cache::new();
        let others = [(); 2].map(|()| cache.spawn(|cache| block_on(cache.bad())));
        let mut failures = vec![block_on(cache.bad())];
        failures.extend(others.map(|other| other.join().unwrap()));
        failures.sort();
        failures.dedup();
        // Each attempt failed for those that waited for it, and for no one else.
        let asked = cache.asked.load(SeqCst);
        assert_eq!(failures.len(), asked);
        IS_SHARED.fetch_or(asked == 1, SeqCst);
        assert_eq!(block_on(cache.good()), "AKID");
    });
    assert!(IS_SHARED.load(SeqCst));
}

#[test]
fn if_the_leader_or_one_that_waits_is_canceled_the_others_go_on() {
    loom::model(|| {
        let cache = Cache::new();
        let others = [
            cache.spawn(|cache| {
                cancel(cache.good());
                "AKID".to_owned()
            }),
            cache.spawn(|cache| block_on(cache.good())),
        ];
        assert_eq!(block_on(cache.good()), "AKID");
        for other in others {
            assert_eq!(other.join().unwrap(), "AKID");
        }
        assert!(cache.asked.load(SeqCst) <= 2);
    });
}

#[test]
fn what_is_refused_while_the_source_is_asked_is_not_served_again() {
    loom::model(|| {
        let cache = Cache::new();
        let old = key("OLD");
        let is_refused = Arc::new(AtomicUsize::new(0));
        // The source answers with what it has when it is asked.
        let answer = {
            let (old, is_refused) = (old.clone(), Arc::clone(&is_refused));
            move |_| match is_refused.load(SeqCst) {
                0 => Ok(old.clone()),
                _ => Ok(key("NEW")),
            }
        };
        block_on(cache.get(0, &answer));
        let other = {
            let answer = answer.clone();
            // Its settings have changed, so it asks.
            cache.spawn(move |cache| block_on(cache.get(1, answer)))
        };
        is_refused.store(1, SeqCst);
        cache.slot.invalidate(&old);
        assert_eq!(block_on(cache.get(1, &answer)), "NEW");
        other.join().unwrap();
        assert_eq!(block_on(cache.get(1, &answer)), "NEW");
    });
}
