//! The folder of tokens: what is written, with which modes, and what is removed.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{
    fs,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use keyfob_chain::{
    ErrorKind, Settings, Sources, TokenFolder, Variables,
    files::{Lock, names},
};

fn home() -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    let settings = Settings::load(Variables::from_iter([("HOME", home)]));
    (folder, settings)
}

#[test]
#[cfg(unix)]
fn a_token_is_private_whatever_was_there_before() {
    use std::os::unix::fs::PermissionsExt as _;

    let (home, settings) = home();
    let folder = TokenFolder::login(&settings).unwrap();
    assert_eq!(folder.path(), home.path().join(".aws/login/cache"));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = folder.path().join("a.json");
    for (old, new) in [(None, "one"), (Some("one"), "two")] {
        folder
            .write("a.json", |seen| {
                assert_eq!(seen, old);
                new.into()
            })
            .unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), new);
        assert_eq!(mode(file.clone()), 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let parents = folder.path().ancestors().take(3);
    assert!(
        parents
            .map(|folder| mode(folder.to_owned()))
            .all(|mode| mode == 0o700)
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_folder_is_that_of_the_variable_or_on_the_disk_of_the_sources_or_in_the_home_folder() {
    let (home, settings) = home();
    let disk = home.path().join("disk");
    let on_disk = settings
        .clone()
        .with_sources(Sources::default().with_disk(&disk));
    assert_eq!(
        TokenFolder::sso(&settings).unwrap().path(),
        home.path().join(".aws/sso/cache")
    );
    assert_eq!(
        TokenFolder::sso(&on_disk).unwrap().path(),
        disk.join("sso/cache")
    );
    assert_eq!(
        TokenFolder::login(&on_disk).unwrap().path(),
        disk.join("login/cache")
    );
    let variables = on_disk.variables().clone();
    let named = Settings::load(variables.with("AWS_LOGIN_CACHE_DIRECTORY", "~/mine"));
    assert_eq!(
        TokenFolder::login(&named).unwrap().path(),
        home.path().join("mine")
    );
    let homeless = Settings::load(Variables::from_iter([("HOME", "")]));
    if homeless.variables().home().is_none() {
        let error = TokenFolder::login(&homeless).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
    }
}

#[test]
fn only_tokens_are_removed() {
    let (_home, settings) = home();
    let folder = TokenFolder::login(&settings).unwrap();
    let is_token = |text: &str| text == "token";
    assert_eq!(folder.remove_all(is_token).unwrap(), 0);
    assert!(!folder.remove("a.json").unwrap());
    assert!(!folder.path().exists(), "looking creates nothing");

    let others = ["other.json", "token", "token.json.bak", "session.db"];
    for name in others {
        folder
            .write(name, |_| {
                if name == "other.json" { "x" } else { "token" }.into()
            })
            .unwrap();
    }
    fs::create_dir(folder.path().join("folder.json")).unwrap();
    fs::write(folder.path().join("binary.json"), b"token\xff").unwrap();
    for name in ["a.json", "b.json", "c.json"] {
        folder.write(name, |_| "token".into()).unwrap();
    }
    assert!(folder.remove("a.json").unwrap());
    assert_eq!(folder.read("a.json").unwrap().map(|_| ()), None);
    assert_eq!(folder.remove_all(is_token).unwrap(), 2);
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, others.len() + 2);
    // A folder in the place of a token is not one.
    assert!(!folder.remove("folder.json").unwrap());
    let error = folder.read("folder.json").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigFile);
}

#[test]
fn a_removal_waits_for_a_refresh() {
    let (_home, settings) = home();
    let folder = TokenFolder::login(&settings).unwrap();
    let name = names::login_token("session");
    folder.write(&name, |_| "old".into()).unwrap();
    let (path, start) = (folder.path().join(&name), Arc::new(Barrier::new(2)));
    let started = Arc::clone(&start);
    let refresh = thread::spawn(move || {
        let lock = Lock::acquire(&path, Lock::PATIENCE).unwrap();
        started.wait();
        thread::sleep(Duration::from_millis(100));
        lock.replace(b"new").unwrap();
    });
    start.wait();
    assert!(folder.remove(&name).unwrap());
    refresh.join().unwrap();
    assert!(folder.read(&name).unwrap().is_none());
}
