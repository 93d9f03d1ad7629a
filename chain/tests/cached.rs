//! `Cached` with many tasks and over time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use keyfob_chain::{
    Cached, Error, ErrorKind, Found, Origin, Outcome, Provider, Renewal, provider_fn,
};
use keyfob_sigv4::{Credentials, Timestamp};
use tokio::{sync::Notify, task::JoinSet};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + seconds)
}

fn key(number: usize, expiry: Option<i64>) -> Credentials {
    let key = Credentials::new(format!("AKID{number}"), format!("secret{number}")).unwrap();
    match expiry {
        Some(expiry) => key
            .with_session_token(format!("token{number}"))
            .unwrap()
            .with_expiry(at(expiry)),
        None => key,
    }
}

fn found(credentials: Credentials, renewal: Renewal) -> Found {
    let description = "the script".to_owned();
    Found::new(credentials, Origin::Other { description }).with_renewal(renewal)
}

/// Creates a provider that returns its answers one after the other, slowly enough for many tasks to
/// wait, and counts them.
fn scripted(
    renewal: Renewal,
    answers: Vec<Result<Credentials, ErrorKind>>,
) -> (Cached<impl Provider>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let answers = Mutex::new(answers.into_iter());
    let provider = provider_fn("scripted", move |_now| {
        count.fetch_add(1, Ordering::SeqCst);
        let answer = answers.lock().unwrap().next().expect("asked too often");
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            match answer {
                Ok(key) => Ok(Outcome::Found(found(key, renewal))),
                Err(kind) => Err(Error::new(kind, "the script says so")),
            }
        }
    });
    (Cached::new(provider).with_random(|| 0), calls)
}

/// Returns what a thousand tasks get at the same time: key ids, or kinds of errors.
async fn crowd(
    cached: &Arc<Cached<impl Provider + 'static>>,
    now: Timestamp,
) -> Vec<Result<String, ErrorKind>> {
    let mut tasks = JoinSet::new();
    for _ in 0..1000 {
        let cached = cached.clone();
        tasks.spawn(async move {
            let key = cached
                .credentials(now)
                .await
                .map_err(|error| error.kind())?;
            let number = key.access_key_id().trim_start_matches("AKID").to_owned();
            // The id and the secret belong together.
            assert_eq!(key.secret_access_key().expose(), format!("secret{number}"));
            Ok(key.access_key_id().to_owned())
        });
    }
    tasks.join_all().await
}

fn all(id: &str) -> Vec<Result<String, ErrorKind>> {
    vec![Ok(id.to_owned()); 1000]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_tasks_ask_once() {
    let (cached, calls) = scripted(
        Renewal::Service,
        vec![Ok(key(1, Some(3600))), Ok(key(2, Some(7200)))],
    );
    let cached = Arc::new(cached);
    assert_eq!(crowd(&cached, at(0)).await, all("AKID1"));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(crowd(&cached, at(3600)).await, all("AKID2"));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

// In one thread, all tasks are waiting before the answer comes.
#[tokio::test]
async fn a_thousand_tasks_share_a_failure_that_is_not_cached() {
    for (now, calls_before) in [(0, 0), (3600, 1)] {
        let failure = Err(ErrorKind::Provider);
        let mut answers = vec![Ok(key(1, Some(3600))); calls_before];
        answers.extend([failure.clone(), Ok(key(2, Some(7200)))]);
        let (cached, calls) = scripted(Renewal::ByCaller, answers);
        let cached = Arc::new(cached);
        if calls_before == 1 {
            assert_eq!(crowd(&cached, at(0)).await, all("AKID1"));
        }
        let failures = vec![Err(ErrorKind::Provider); 1000];
        assert_eq!(crowd(&cached, at(now)).await, failures);
        assert_eq!(calls.load(Ordering::SeqCst), calls_before + 1);
        assert_eq!(crowd(&cached, at(now)).await, all("AKID2"));
        assert_eq!(calls.load(Ordering::SeqCst), calls_before + 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn if_the_task_that_asks_is_canceled_one_of_those_that_wait_asks() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let provider = provider_fn("stuck once", move |_now| {
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if is_first {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(Outcome::Found(found(key(1, None), Renewal::ByCaller)))
        }
    });
    let cached = Arc::new(Cached::new(provider));
    let leader = tokio::spawn({
        let cached = Arc::clone(&cached);
        async move { cached.credentials(at(0)).await.is_ok() }
    });
    while calls.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let others = tokio::spawn({
        let cached = Arc::clone(&cached);
        async move { crowd(&cached, at(0)).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    leader.abort();
    assert_eq!(others.await.unwrap(), all("AKID1"));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn in_the_advisory_window_a_task_in_the_background_refreshes_and_callers_are_served() {
    let (calls, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, wait) = (calls.clone(), go_on.clone());
    let provider = provider_fn("slow", move |_now| {
        let (number, wait) = (count.fetch_add(1, Ordering::SeqCst) + 1, wait.clone());
        async move {
            if number > 1 {
                wait.notified().await;
            }
            let expiry = 3600 * number as i64;
            Ok(Outcome::Found(found(
                key(number, Some(expiry)),
                Renewal::Service,
            )))
        }
    });
    let cached = Cached::new(provider);
    cached.credentials(at(0)).await.unwrap();
    for _ in 0..10 {
        let key = cached.credentials(at(3000)).await.unwrap();
        assert_eq!(key.access_key_id(), "AKID1");
        tokio::task::yield_now().await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    go_on.notify_one();
    settle().await;
    let key = cached.credentials(at(3000)).await.unwrap();
    assert_eq!(key.access_key_id(), "AKID2");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

/// Waits until a refresh in the background is over.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[test]
fn without_a_runtime_the_caller_refreshes() {
    let calls = AtomicUsize::new(0);
    let provider = provider_fn("counting", move |_now| {
        let number = calls.fetch_add(1, Ordering::SeqCst) + 1;
        let key = key(number, Some(3600 * number as i64));
        std::future::ready(Ok(Outcome::Found(found(key, Renewal::Service))))
    });
    let cached = Cached::new(provider).with_random(|| 0);
    let id = |now| {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(key) = pin!(cached.credentials(at(now))).poll(&mut context) else {
            return None;
        };
        Some(key.unwrap().access_key_id().to_owned())
    };
    assert_eq!(id(0).unwrap(), "AKID1");
    assert_eq!(id(2699).unwrap(), "AKID1");
    assert_eq!(id(2700).unwrap(), "AKID2");
}

#[test]
fn a_refresh_in_the_background_that_ends_with_its_runtime_is_made_again() {
    let calls = AtomicUsize::new(0);
    let provider = provider_fn("stuck at the second call", move |_now| {
        let number = calls.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            if number == 2 {
                std::future::pending::<()>().await;
            }
            let key = key(number, Some(3600 * number as i64));
            Ok(Outcome::Found(found(key, Renewal::Service)))
        }
    });
    let cached = Cached::new(provider);
    for (now, id) in [(0, "AKID1"), (3000, "AKID1"), (3599, "AKID3")] {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let key = runtime.unwrap().block_on(async {
            let key = cached.credentials(at(now)).await.unwrap();
            tokio::task::yield_now().await;
            Credentials::from(key)
        });
        assert_eq!(key.access_key_id(), id);
    }
}

#[tokio::test]
async fn programs_with_the_same_credentials_refresh_them_at_different_times() {
    // A random number, and when the refresh of an hour's session starts.
    for (random, start) in [
        (0, 2700),
        (1, 2701),
        (180, 2880),
        (181, 2700),
        (u64::MAX, 2743),
    ] {
        let answers = vec![Ok(key(1, Some(3600))), Ok(key(2, Some(7200)))];
        let (cached, calls) = scripted(Renewal::Service, answers);
        let cached = cached.with_random(move || random);
        for (now, asked) in [(0, 1), (start - 1, 1), (start, 2)] {
            cached.credentials(at(now)).await.unwrap();
            settle().await;
            assert_eq!(calls.load(Ordering::SeqCst), asked, "{random}: {now}");
        }
    }
}

#[tokio::test]
async fn during_an_outage_the_old_key_is_served_past_its_expiry_and_the_service_is_left_alone() {
    let failing = || Err(ErrorKind::Provider);
    let answers = vec![
        Ok(key(1, Some(3600))),
        failing(),
        failing(),
        failing(),
        Ok(key(2, Some(9000))),
    ];
    let (cached, calls) = scripted(Renewal::Service, answers);
    for (now, id, asked) in [
        (0, "AKID1", 1),
        (2700, "AKID1", 2),
        (2999, "AKID1", 2),
        (3000, "AKID1", 3),
        (3600, "AKID1", 4),
        (3899, "AKID1", 4),
        (3900, "AKID2", 5),
    ] {
        assert_eq!(
            cached.credentials(at(now)).await.unwrap().access_key_id(),
            id,
            "{now}"
        );
        settle().await;
        assert_eq!(calls.load(Ordering::SeqCst), asked, "{now}");
    }
}

#[tokio::test]
async fn after_a_final_failure_callers_get_the_error_of_a_new_attempt_before_the_key_expires() {
    let failing = || Err(ErrorKind::ConfigFile);
    let answers = vec![Ok(key(1, Some(3600))), failing(), failing(), failing()];
    let (cached, calls) = scripted(Renewal::Service, answers);
    cached.credentials(at(0)).await.unwrap();
    for (now, asked) in [(2700, 2), (2999, 2), (3250, 3), (3539, 3)] {
        assert!(cached.credentials(at(now)).await.is_ok());
        settle().await;
        assert_eq!(calls.load(Ordering::SeqCst), asked, "{now}");
    }
    let error = cached.credentials(at(3540)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigFile);
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn other_credentials_are_not_served_past_their_expiry() {
    let answers = vec![
        Ok(key(1, Some(3600))),
        Err(ErrorKind::Provider),
        Ok(key(2, Some(1))),
    ];
    let (cached, _) = scripted(Renewal::ByCaller, answers);
    assert_eq!(
        cached.credentials(at(0)).await.unwrap().access_key_id(),
        "AKID1"
    );
    assert_eq!(
        cached.credentials(at(3600)).await.unwrap_err().kind(),
        ErrorKind::Provider
    );
    let error = cached.credentials(at(3600)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert!(
        error.to_string().contains("the script expired at 2027-"),
        "{error}"
    );
}

#[tokio::test]
async fn an_instance_that_issues_expired_credentials_is_asked_once_for_three_calls() {
    let (cached, calls) = scripted(Renewal::Service, vec![Ok(key(1, Some(-5)))]);
    for now in 0..3 {
        assert_eq!(
            cached.credentials(at(now)).await.unwrap().access_key_id(),
            "AKID1"
        );
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_hit_shares_the_cached_value() {
    let cached = Cached::new(found(key(1, Some(3600)), Renewal::Service));
    let first = cached.credentials(at(0)).await.unwrap();
    // Neither the credentials nor the origin is copied, so a hit allocates nothing.
    let second = cached.credentials(at(1)).await.unwrap();
    assert!(std::ptr::eq(first.found(), second.found()));
}

#[tokio::test]
async fn credentials_that_are_held_stay_what_they_are_while_the_cache_goes_on() {
    let answers = (1..=20)
        .map(|number| Ok(key(number, Some(1000 * number as i64))))
        .collect();
    let (cached, _) = scripted(Renewal::ByCaller, answers);
    // More than the eight that one thread holds without counting references.
    let mut held = Vec::new();
    for number in 0..20 {
        held.push(cached.credentials(at(1000 * number)).await.unwrap());
    }
    for (number, credentials) in held.iter().enumerate() {
        assert_eq!(credentials.access_key_id(), format!("AKID{}", number + 1));
    }
}

#[tokio::test]
async fn the_same_key_with_a_later_expiry_is_not_the_refused_one() {
    let answers = vec![Ok(key(1, Some(3600))), Ok(key(1, Some(9000)))];
    let (cached, _) = scripted(Renewal::ByCaller, answers);
    let old = Credentials::from(cached.credentials(at(0)).await.unwrap());
    cached.credentials(at(3600)).await.unwrap();
    assert!(!cached.invalidate(&old));
}

#[tokio::test]
async fn only_the_refused_key_is_replaced() {
    let answers = vec![Ok(key(1, Some(3600))), Ok(key(2, Some(9000)))];
    let (cached, _) = scripted(Renewal::Service, answers);
    let old = cached.credentials(at(0)).await.unwrap();
    assert!(cached.invalidate(&old));
    let new = cached.credentials(at(1)).await.unwrap();
    assert_eq!(new.access_key_id(), "AKID2");
    // A slow task learns only now that the old key was refused.
    assert!(!cached.invalidate(&old));
    assert!(
        cached
            .credentials(at(2))
            .await
            .unwrap()
            .is_same_snapshot(&new)
    );
}

#[tokio::test]
async fn a_task_that_is_canceled_while_asking_lets_the_next_one_ask() {
    let calls = AtomicUsize::new(0);
    let provider = provider_fn("stuck once", move |_now| {
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(Outcome::Found(found(key(1, None), Renewal::ByCaller)))
        }
    });
    let cached = Cached::new(provider);
    let given_up = tokio::time::timeout(Duration::from_millis(1), cached.credentials(at(0))).await;
    assert!(given_up.is_err());
    assert_eq!(
        cached.credentials(at(0)).await.unwrap().access_key_id(),
        "AKID1"
    );
}

#[tokio::test]
async fn a_refresh_of_rotating_credentials_is_not_repeated_blindly() {
    let answers = Arc::new(Mutex::new(0));
    let asked = Arc::clone(&answers);
    let start = Timestamp::from_unix_seconds(1_800_000_000);
    let provider = provider_fn("login", move |_| {
        let mut count = asked.lock().unwrap();
        *count += 1;
        let answer = match *count {
            1 => {
                let key = Credentials::new("ASIALOGIN", "secret").unwrap();
                let key = key.with_expiry(start.plus_seconds(900));
                let found = Found::new(key, Origin::Default).with_renewal(Renewal::Rotating);
                Ok(Outcome::Found(found))
            }
            count => Err(Error::new(
                ErrorKind::Refused,
                format!("refresh {count} failed"),
            )),
        };
        std::future::ready(answer)
    });
    let cached = Cached::new(provider).with_random(|| 0);
    let at = |seconds| start.plus_seconds(seconds);
    for seconds in [0, 599, 600, 601, 659] {
        assert!(cached.credentials(at(seconds)).await.is_ok());
        tokio::task::yield_now().await;
    }
    assert_eq!(*answers.lock().unwrap(), 2);
    // Again after a minute, and still served.
    assert!(cached.credentials(at(880)).await.is_ok());
    assert!(cached.credentials(at(899)).await.is_ok());
    assert_eq!(*answers.lock().unwrap(), 3);
    for seconds in [900, 939] {
        let error = cached.credentials(at(seconds)).await.unwrap_err();
        assert_eq!(error.to_string(), "refresh 3 failed");
    }
    assert_eq!(*answers.lock().unwrap(), 3);
    let error = cached.credentials(at(940)).await.unwrap_err();
    assert_eq!(error.to_string(), "refresh 4 failed");
    let error = cached.credentials(at(941)).await.unwrap_err();
    assert_eq!(error.to_string(), "refresh 4 failed");
    assert_eq!(*answers.lock().unwrap(), 4);
}
