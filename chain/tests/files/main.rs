//! Files under other writers: threads, processes that are killed, programs without a lock; and
//! what a file keeps when a new version takes its place.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

#[cfg(unix)]
mod access;
#[path = "../support/aws.rs"]
mod aws;
mod beside;
mod crowd;
mod kill;
mod lock;
mod sessions;

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use keyfob_chain::{
    files,
    profiles::{ConfigFiles, Editor, FileKind, SectionName},
};

fn set(path: &Path, profile: &str, name: &str, value: &str) -> files::Saved {
    let mut editor = Editor::new(FileKind::Config, path);
    let section = SectionName::profile(profile);
    editor.set(&section, name, value).unwrap().save().unwrap()
}

fn get(path: &Path, profile: &str, name: &str) -> Option<String> {
    let bytes = fs::read(path).unwrap();
    let files = ConfigFiles::parse([(FileKind::Config, path, &bytes[..])]);
    let value = files.profile(profile).ok()?.get(name)?;
    Some(value.as_str().to_owned())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Starts this test binary as another process that runs one ignored test.
fn spawn(test: &str, path: &Path, job: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env("KEYFOB_TEST_FILE", path)
        .env("KEYFOB_TEST_JOB", job)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Returns the file and the job of a child, or `None` in another run of the ignored tests.
fn job() -> Option<(std::path::PathBuf, String)> {
    let path = std::env::var_os("KEYFOB_TEST_FILE")?;
    Some((path.into(), std::env::var("KEYFOB_TEST_JOB").ok()?))
}

#[test]
fn a_file_is_read_up_to_16_mib() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let file = fs::File::create(&path).unwrap();
    file.set_len(files::MAX_LENGTH).unwrap();
    assert_eq!(files::read(&path).unwrap().len() as u64, files::MAX_LENGTH);
    file.set_len(files::MAX_LENGTH + 1).unwrap();
    let error = files::read(&path).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
    let mut editor = Editor::new(FileKind::Config, &path);
    let default = SectionName::profile("default");
    let error = editor.set(&default, "a", "b").unwrap().save().unwrap_err();
    assert!(error.to_string().starts_with("cannot read "), "{error}");
}

#[cfg(unix)]
#[test]
fn an_endless_device_is_a_problem_of_the_file_and_a_pipe_is_read() {
    use keyfob_chain::{ErrorKind, Settings, Variables};

    let settings = Settings::load(Variables::from_iter([
        ("AWS_CONFIG_FILE", "/dev/zero"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ]));
    let error = settings.files().profile("default").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigFile);
    assert_eq!(
        error.to_string(),
        "/dev/zero: cannot be read: it is larger than 16 MiB, the limit of this program"
    );
    let error = files::read_secret("/dev/zero").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "[default]\n").unwrap()
    });
    assert_eq!(files::read(&pipe).unwrap(), b"[default]\n");
    writer.join().unwrap();
}
