use std::{
    fs, thread,
    time::{Duration, Instant},
};

use keyfob_chain::{ErrorKind, files::Lock};

use super::{get, job, names, set, spawn};

#[test]
fn writers_at_once_all_get_their_word_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".aws/config");
    thread::scope(|scope| {
        for number in 0..15 {
            let path = &path;
            scope.spawn(move || {
                for round in 0..2 {
                    let profile = format!("p{number}");
                    set(path, &profile, &format!("k{round}"), &format!("v{number}"));
                }
            });
        }
    });
    for number in 0..15 {
        for round in 0..2 {
            let found = get(&path, &format!("p{number}"), &format!("k{round}"));
            assert_eq!(found, Some(format!("v{number}")));
        }
    }
    assert_eq!(names(path.parent().unwrap()), ["config"]);
}

#[test]
#[ignore = "the child of the test below"]
fn child_writes_five_times() {
    let Some((path, profile)) = job() else { return };
    for round in 0..5 {
        set(
            &path,
            &profile,
            "round",
            &format!("{round}{}", "x".repeat(100_000)),
        );
    }
}

#[test]
fn processes_do_not_lose_each_others_edits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let profiles = ["p1", "p2", "p3", "p4"];
    let children: Vec<_> = profiles
        .map(|profile| spawn("lock::child_writes_five_times", &path, profile))
        .into();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    for profile in profiles {
        assert!(get(&path, profile, "round").unwrap().starts_with("4x"));
    }
}

#[test]
#[ignore = "the child of the test below"]
fn child_holds_the_lock() {
    let Some((path, _)) = job() else { return };
    let _lock = Lock::acquire(path, Lock::PATIENCE).unwrap();
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn the_lock_of_a_killed_process_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let mut child = spawn("lock::child_holds_the_lock", &path, "");
    let start = Instant::now();
    while names(folder.path()).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
    // The child has opened the lock, and takes it in the next moment.
    let error = loop {
        match Lock::acquire(&path, Duration::from_millis(30)) {
            Err(error) => break error,
            Ok(lock) => drop(lock),
        }
        assert!(start.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(error.kind(), ErrorKind::Write);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("another program has held "), "{cause}");
    child.kill().unwrap();
    child.wait().unwrap();
    Lock::acquire(&path, Duration::from_millis(500)).unwrap();
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_task_waits_for_the_lock_of_an_editor_without_blocking_its_thread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token.json");
    let held = Lock::acquire(&path, Lock::PATIENCE).unwrap();
    let waiting = tokio::spawn({
        let path = path.clone();
        async move { Lock::acquire_async(path, Lock::PATIENCE).await }
    });
    // The test has one thread: this line is reached only if the other task does not block it.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    drop(held);
    let lock = waiting.await.unwrap().unwrap();
    lock.replace(b"{}").unwrap();
    drop(lock);
    assert_eq!(names(folder.path()), ["token.json"]);
}

#[tokio::test]
async fn a_dropped_future_leaves_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token.json");
    let held = Lock::acquire(&path, Lock::PATIENCE).unwrap();
    let wait = Lock::acquire_async(&path, Lock::PATIENCE);
    let cut = tokio::time::timeout(Duration::from_millis(30), wait).await;
    assert!(cut.is_err());
    drop(held);
    Lock::acquire(&path, Duration::from_secs(1)).unwrap();
}

#[cfg(unix)]
#[test]
fn no_link_and_no_pipe_at_the_place_of_the_lock_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, lock) = (
        folder.path().join("config"),
        folder.path().join("config.lock"),
    );
    let victim = folder.path().join("victim");
    std::os::unix::fs::symlink(&victim, &lock).unwrap();
    let refused = || {
        let start = Instant::now();
        let error = Lock::acquire(&path, Lock::PATIENCE).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(5));
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "it is not a regular file: remove it");
        assert!(error.to_string().ends_with("config.lock"), "{error}");
    };
    refused();
    assert!(!victim.exists());
    fs::remove_file(&lock).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&lock).status();
    assert!(made.unwrap().success());
    refused();
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    assert!(Lock::acquire(&path, Lock::PATIENCE).is_err());
}

#[test]
fn leftovers_of_killed_writers_are_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    for name in [
        ".config.keyfob-aB3xY9",
        // Of a writer of another file, which may be running, and files of the user's own.
        ".credentials.keyfob-aB3xY9",
        ".config.keyfob-notes",
        ".config.keyfob-aB3xY9.keyfob-aB3xY9",
    ] {
        fs::write(folder.path().join(name), "secret").unwrap();
    }
    set(&path, "dev", "region", "a");
    assert_eq!(
        names(folder.path()),
        [
            ".config.keyfob-aB3xY9.keyfob-aB3xY9",
            ".config.keyfob-notes",
            ".credentials.keyfob-aB3xY9",
            "config"
        ]
    );
}
