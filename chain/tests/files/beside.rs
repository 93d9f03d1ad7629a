//! Programs that write in place and take no lock.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use keyfob_chain::files;

use super::{aws::aws, get, job, names, set};

/// Truncates a file, as text editors and `aws configure set` do, and writes it in parts.
fn write_slowly(path: &Path, parts: &[&str], pause: Duration) {
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(path)
        .unwrap();
    for part in parts {
        thread::sleep(pause);
        file.write_all(part.as_bytes()).unwrap();
    }
}

#[test]
fn a_slow_writer_in_place_and_an_edit_do_not_lose_each_other() {
    for (moment, pause) in [(0, 40), (20, 40), (45, 40), (70, 30), (100, 20), (30, 60)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "[profile a]\nk = old\n").unwrap();
        thread::sleep(Duration::from_millis(60));
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                // The pauses are after the truncation, within a line, and between lines.
                let parts = ["[profile a]\nk = n", "ew\n[profile b]\n", "k = 1\n"];
                write_slowly(&path, &parts, Duration::from_millis(pause));
            });
            thread::sleep(Duration::from_millis(moment));
            set(&path, "c", "k", "ours");
            writer.join().unwrap();
        });
        for (profile, value) in [("a", "new"), ("b", "1"), ("c", "ours")] {
            let found = get(&path, profile, "k");
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(
                found.as_deref(),
                Some(value),
                "{moment} ms, {pause} ms: {text}"
            );
        }
    }
}

#[test]
fn a_program_that_read_the_old_version_and_writes_after_the_rename_does_not_undo_the_edit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, "[profile a]\nk = old\n").unwrap();
    thread::sleep(Duration::from_millis(60));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let old = fs::read_to_string(&path).unwrap();
            let start = Instant::now();
            while get(&path, "c", "k").is_none() {
                assert!(start.elapsed() < Duration::from_secs(5));
            }
            fs::write(&path, old.replace("old", "new")).unwrap();
        });
        thread::sleep(Duration::from_millis(20));
        set(&path, "c", "k", "ours");
        writer.join().unwrap();
    });
    assert_eq!(get(&path, "a", "k").as_deref(), Some("new"));
    assert_eq!(get(&path, "c", "k").as_deref(), Some("ours"));
}

#[test]
fn a_program_that_replaces_the_file_before_the_rename_is_not_undone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, "old\n").unwrap();
    let lock = files::Lock::acquire(&path, files::Lock::PATIENCE).unwrap();
    let mut calls = 0;
    let edit = |text: &[u8]| {
        calls += 1;
        if calls == 1 {
            let theirs = folder.path().join("theirs");
            fs::write(&theirs, "theirs\n").unwrap();
            fs::rename(&theirs, &path).unwrap();
        }
        Ok([text, b"ours\n"].concat())
    };
    assert!(lock.update(edit).unwrap().changed);
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs\nours\n");
}

#[cfg(unix)]
#[test]
fn a_program_that_opened_the_old_version_and_writes_after_the_rename_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, "[profile a]\nk = old\n").unwrap();
    thread::sleep(Duration::from_millis(60));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut file = OpenOptions::new().write(true).open(&path).unwrap();
            let start = Instant::now();
            while get(&path, "c", "k").is_none() {
                assert!(start.elapsed() < Duration::from_secs(5));
            }
            file.set_len(0).unwrap();
            file.write_all(b"[profile a]\nk = new\n").unwrap();
        });
        thread::sleep(Duration::from_millis(20));
        set(&path, "c", "k", "ours");
        writer.join().unwrap();
    });
    assert_eq!(get(&path, "a", "k").as_deref(), Some("new"));
    assert_eq!(get(&path, "c", "k").as_deref(), Some("ours"));
}

#[test]
fn a_file_that_is_just_being_rewritten_is_not_read_as_if_it_were_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, "").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let parts = ["[default]\nregion = eu-w", "est-1\n"];
            write_slowly(&path, &parts, Duration::from_millis(15));
        });
        let text = files::read(&path).unwrap();
        assert_eq!(text, b"[default]\nregion = eu-west-1\n");
    });
}

#[test]
fn an_empty_file_is_edited_once_it_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, "").unwrap();
    set(&path, "default", "region", "a");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "[default]\nregion = a\n"
    );
}

/// Runs `aws configure set` in a loop beside our own. Returns how many edits each side reported as
/// done, all of which must be in the file at the end.
fn edit_beside_aws(aws: &Path, time: Duration) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, "[default]\nregion = eu-west-1\n").unwrap();
    let start = Instant::now();
    let is_over = AtomicBool::new(false);
    let (theirs, ours) = thread::scope(|scope| {
        let theirs = scope.spawn(|| {
            let mut done = Vec::new();
            while start.elapsed() < time {
                let key = format!("k{}", done.len());
                let status = Command::new(aws)
                    .args(["configure", "set", &key, "theirs", "--profile", "aws"])
                    .env("AWS_CONFIG_FILE", &path)
                    .env("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("none"))
                    .stdout(Stdio::null())
                    .status()
                    .unwrap();
                assert!(status.success(), "aws configure set {key}");
                done.push(key);
            }
            is_over.store(true, Ordering::Relaxed);
            done
        });
        let mut ours = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let key = format!("k{}", ours.len());
            set(&path, "keyfob", &key, "ours");
            ours.push(key);
        }
        (theirs.join().unwrap(), ours)
    });
    for (profile, keys, value) in [("aws", &theirs, "theirs"), ("keyfob", &ours, "ours")] {
        for key in keys {
            let found = get(&path, profile, key);
            assert_eq!(found.as_deref(), Some(value), "{profile}: {key}");
        }
    }
    assert_eq!(
        get(&path, "default", "region").as_deref(),
        Some("eu-west-1")
    );
    assert_eq!(names(folder.path()), ["config"]);
    (theirs.len(), ours.len())
}

#[test]
fn nothing_is_lost_beside_aws_configure_set() {
    let Some(aws) = aws() else {
        println!("not run: needs Unix");
        return;
    };
    edit_beside_aws(&aws, Duration::from_secs(3));
}

#[test]
#[ignore = "long"]
fn nothing_is_lost_in_a_minute_beside_aws_configure_set() {
    if job().is_some() {
        return;
    }
    let aws = aws().unwrap();
    let (theirs, ours) = edit_beside_aws(&aws, Duration::from_secs(60));
    println!("60 s: {theirs} edits of aws and {ours} of ours, none lost");
}
