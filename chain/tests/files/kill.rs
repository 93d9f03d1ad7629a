use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use keyfob_chain::files::Lock;

use super::{get, job, names, set, spawn};

#[test]
#[ignore = "the child of the tests below"]
fn child_writes_until_it_is_killed() {
    let Some((path, job)) = job() else { return };
    for round in 0.. {
        let value = format!("{round}{}", "x".repeat(100_000));
        if job == "update" {
            set(&path, "p", "round", &value);
            continue;
        }
        // Without the moment of watching, so that more kills meet a write.
        let text = format!("[profile keep]\nregion = eu-west-1\n[profile p]\nround = {value}\n");
        let lock = Lock::acquire(&path, Lock::PATIENCE).unwrap();
        lock.replace(text.as_bytes()).unwrap();
    }
}

/// Kills writers at different moments. Returns how many temporary files they left for the next
/// writer to remove.
fn kill_writers(count: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    set(&path, "keep", "region", "eu-west-1");
    let mut left = 0;
    for round in 0..count {
        let job = ["update", "replace"][usize::from(round % 2 == 1)];
        let mut child = spawn("kill::child_writes_until_it_is_killed", &path, job);
        wait_for_lock(folder.path());
        thread::sleep(Duration::from_micros(round * 7919 % 150_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let text = fs::read(&path).unwrap();
        assert!(text.ends_with(b"\n"));
        assert_eq!(get(&path, "keep", "region").as_deref(), Some("eu-west-1"));
        let value = get(&path, "p", "round");
        assert!(value.is_none_or(|value| value.len() > 100_000));
        left += names(folder.path())
            .iter()
            .filter(|name| name.starts_with('.'))
            .count();
        let start = Instant::now();
        set(&path, "keep", "after", &round.to_string());
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(names(folder.path()), ["config"]);
    }
    left
}

/// Waits until the child has started to write.
fn wait_for_lock(folder: &Path) {
    let start = Instant::now();
    while names(folder).len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_writer_leaves_the_old_version_or_the_new_one_and_the_next_one_cleans_up() {
    kill_writers(15);
}

#[test]
#[ignore = "long"]
fn five_hundred_killed_writers_leave_whole_files_and_no_others() {
    if job().is_some() {
        return;
    }
    let left = kill_writers(500);
    println!("500 kills, {left} temporary files removed by the next writer, none left");
}
