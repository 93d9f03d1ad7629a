//! Many processes that edit and read the same files at the same time.

use std::{
    error::Error as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use keyfob_chain::profiles::{ConfigFiles, Editor, FileKind, SectionName};

use super::{get, job, names, set, spawn};

const FILES: [&str; 2] = ["config", "more"];

#[test]
#[ignore = "the child of the tests below"]
fn child_edits_and_reads() {
    let Some((folder, job)) = job() else { return };
    let (profile, seconds) = job.split_once(':').unwrap();
    let end = Instant::now() + Duration::from_secs(seconds.parse().unwrap());
    let paths = FILES.map(|name| folder.join(name));
    let mut edits = 0;
    while Instant::now() < end {
        let path = &paths[edits % paths.len()];
        let mut editor = Editor::new(FileKind::Config, path);
        let section = SectionName::profile(profile);
        let (name, value) = (format!("k{edits}"), edits.to_string());
        match editor.set(&section, &name, value.as_str()).unwrap().save() {
            Ok(_) => edits += 1,
            // Of many that wait, one may wait too long. It is told so, and tries again.
            Err(error) => {
                let reason = error.source().unwrap().to_string();
                assert!(reason.starts_with("another program has held "), "{reason}");
            }
        }
        for path in paths.iter().cycle().take(10) {
            check(path);
        }
    }
    fs::write(folder.join("edits").join(profile), edits.to_string()).unwrap();
}

/// Reads a file, which has one profile from the start.
fn check(path: &Path) {
    let bytes = keyfob_chain::files::read(path).unwrap();
    let files = ConfigFiles::parse([(FileKind::Config, "file", &bytes[..])]);
    assert!(files.problems().is_empty(), "{:?}", files.problems());
    let keep = files.profile("keep").unwrap();
    assert_eq!(keep.get("region").unwrap().as_str(), "eu-west-1");
}

/// Returns how many edits all the processes made.
fn edit_at_once(processes: usize, seconds: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let edits = folder.path().join("edits");
    fs::create_dir(&edits).unwrap();
    for name in FILES {
        set(&folder.path().join(name), "keep", "region", "eu-west-1");
    }
    let children: Vec<_> = (0..processes)
        .map(|number| {
            let job = format!("p{number}:{seconds}");
            spawn("crowd::child_edits_and_reads", folder.path(), &job)
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let mut sum = 0;
    for profile in names(&edits) {
        let count: usize = fs::read_to_string(edits.join(&profile))
            .unwrap()
            .parse()
            .unwrap();
        for edit in 0..count {
            let path = folder.path().join(FILES[edit % FILES.len()]);
            let value = get(&path, &profile, &format!("k{edit}"));
            assert_eq!(value, Some(edit.to_string()), "{profile}");
        }
        sum += count;
    }
    assert_eq!(names(folder.path()), ["config", "edits", "more"]);
    assert!(sum >= processes);
    sum
}

#[test]
fn eight_processes_that_edit_and_read_two_files_lose_nothing() {
    edit_at_once(8, 3);
}

#[test]
#[ignore = "long"]
fn sixty_four_processes_that_edit_and_read_two_files_lose_nothing() {
    if job().is_some() {
        return;
    }
    let edits = edit_at_once(64, 30);
    println!("64 processes, 30 s: {edits} edits, all present, and every read valid");
}
