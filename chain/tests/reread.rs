//! Settings and caches of a program that runs on while its files are edited.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

#[cfg(unix)]
use std::sync::{Arc, Mutex};
use std::{fs, path::PathBuf};

use keyfob_chain::{
    Cached, Chain, Error, ErrorKind, Found, Order, Origin, Provider as _, Settings, Variables,
};
use keyfob_sigv4::{Credentials, Timestamp};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + seconds)
}

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".aws")).unwrap();
        let home = Self { folder };
        home.write("credentials", &key("OLD"));
        home
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(".aws").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    fn settings(&self) -> Settings {
        let variables = Variables::default().with("HOME", self.folder.path());
        Settings::load(variables.with("AWS_EC2_METADATA_DISABLED", "true"))
    }

    fn cached(&self) -> Cached<Chain> {
        Cached::new(Chain::default_for(Order::Cli, &self.settings()))
    }
}

fn key(id: &str) -> String {
    format!("[default]\naws_access_key_id = AKIA{id}\naws_secret_access_key = secret\n")
}

async fn id(cached: &Cached<Chain>, seconds: i64) -> Result<String, Error> {
    let credentials = cached.credentials(at(seconds)).await?;
    Ok(credentials.access_key_id().to_owned())
}

#[tokio::test]
async fn a_key_that_is_edited_is_served_within_a_second() {
    let home = Home::new();
    let cached = home.cached();
    assert_eq!(id(&cached, 0).await.unwrap(), "AKIAOLD");
    let first = cached.credentials(at(1)).await.unwrap();
    home.write("credentials", &key("EDITED"));
    // Within the same second nothing looks.
    assert_eq!(id(&cached, 1).await.unwrap(), "AKIAOLD");
    assert_eq!(id(&cached, 2).await.unwrap(), "AKIAEDITED");
    assert!(
        !cached
            .credentials(at(2))
            .await
            .unwrap()
            .is_same_snapshot(&first)
    );
    // A new file in its place, as most editors write it.
    home.write("new", &key("MOVED"));
    fs::rename(home.file("new"), home.file("credentials")).unwrap();
    assert_eq!(id(&cached, 3).await.unwrap(), "AKIAMOVED");
    // A clock that was set back.
    home.write("credentials", &key("BACK"));
    assert_eq!(id(&cached, -100).await.unwrap(), "AKIABACK");
}

#[tokio::test]
async fn a_file_that_appears_is_read() {
    let home = Home::new();
    fs::remove_file(home.file("credentials")).unwrap();
    let cached = home.cached();
    assert_eq!(
        id(&cached, 0).await.unwrap_err().kind(),
        ErrorKind::NoCredentials
    );
    home.write("config", &key("CONFIG"));
    assert_eq!(id(&cached, 1).await.unwrap(), "AKIACONFIG");
    home.write("credentials", &key("CREDENTIALS"));
    assert_eq!(id(&cached, 2).await.unwrap(), "AKIACREDENTIALS");
}

#[tokio::test]
async fn a_broken_file_is_an_error_that_names_it_while_the_cached_key_is_served() {
    let home = Home::new();
    let cached = home.cached();
    assert_eq!(id(&cached, 0).await.unwrap(), "AKIAOLD");
    for (second, text) in [
        (1, "[default\n"),
        (3, "[default]\naws_access_key_id = AKIAHALF\n"),
        (5, "[default]\naws_access_key_id = AKIAHALF\naws_secret"),
    ] {
        home.write("credentials", text);
        for second in [second, second + 1] {
            assert_eq!(id(&cached, second).await.unwrap(), "AKIAOLD", "{text}");
        }
        let error = cached.provider().provide(at(second + 1)).await.unwrap_err();
        let text = error.to_string().replace('\\', "/");
        assert!(text.contains("/.aws/credentials:"), "{error}");
    }
    home.write("credentials", &key("GOOD"));
    assert_eq!(id(&cached, 7).await.unwrap(), "AKIAGOOD");
    // What a service refuses is not served again.
    home.write("credentials", "[default\n");
    let refused = cached.credentials(at(8)).await.unwrap();
    assert!(cached.invalidate(&refused));
    assert_eq!(
        id(&cached, 9).await.unwrap_err().kind(),
        ErrorKind::ConfigFile
    );
}

#[cfg(feature = "sts")]
#[tokio::test]
async fn a_failed_edit_is_tried_again_without_another_one() {
    let home = Home::new();
    let cached = home.cached().with_random(|| 0);
    let config = "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n\
                  credential_source = Environment\n";
    assert_eq!(id(&cached, 0).await.unwrap(), "AKIAOLD");
    home.write("config", config);
    for second in [1, 2, 300] {
        assert_eq!(id(&cached, second).await.unwrap(), "AKIAOLD");
    }
    let error = cached.provider().provide(at(300)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoCredentials);
}

#[tokio::test]
async fn a_file_that_is_moved_away_for_a_moment_is_not_gone() {
    let home = Home::new();
    let settings = home.settings();
    let has_key = |second| settings.current(at(second)).profile().unwrap().is_some();
    assert!(has_key(0) && settings.profile().unwrap().is_some());
    fs::rename(home.file("credentials"), home.file("backup")).unwrap();
    assert!(has_key(1));
    fs::rename(home.file("backup"), home.file("credentials")).unwrap();
    assert!(has_key(2));
    fs::remove_file(home.file("credentials")).unwrap();
    assert!(has_key(3));
    assert!(!has_key(4));
    // Settings that were taken before stay as they are.
    assert!(settings.profile().unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_is_emptied_for_a_moment_does_not_give_way_to_another_source() {
    let other = || {
        let key = Credentials::new("AKIAOTHER", "secret").unwrap();
        Found::new(key, Origin::Default)
    };
    for text in ["", "# \n", "[default]\n", "[other]\nregion = eu-west-1\n"] {
        let home = Home::new();
        let chain = Chain::default_for(Order::Cli, &home.settings());
        let cached = Cached::new(chain.then(other()));
        assert_eq!(id(&cached, 0).await.unwrap(), "AKIAOLD");
        home.write("credentials", text);
        assert_eq!(id(&cached, 1).await.unwrap(), "AKIAOLD", "{text}");
        home.write("credentials", &key("NEW"));
        assert_eq!(id(&cached, 2).await.unwrap(), "AKIANEW");
        // What is still gone at the next look is gone.
        home.write("credentials", text);
        assert_eq!(id(&cached, 3).await.unwrap(), "AKIANEW");
        assert_eq!(id(&cached, 4).await.unwrap(), "AKIAOTHER", "{text}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_device_or_a_folder_in_place_of_one_file_does_not_stop_the_other() {
    let home = Home::new();
    let variables = Variables::default()
        .with("HOME", home.folder.path())
        .with("AWS_CONFIG_FILE", "/dev/null");
    let chain = Chain::default_for(Order::Cli, &Settings::load(variables));
    let cached = Cached::new(chain);
    assert_eq!(id(&cached, 0).await.unwrap(), "AKIAOLD");
    home.write("credentials", &key("NEW"));
    assert_eq!(id(&cached, 1).await.unwrap(), "AKIANEW");
    // A folder for a while, as a mount that is not there yet.
    fs::remove_file(home.file("credentials")).unwrap();
    fs::create_dir(home.file("credentials")).unwrap();
    for second in 2..5 {
        assert_eq!(id(&cached, second).await.unwrap(), "AKIANEW");
    }
    fs::remove_dir(home.file("credentials")).unwrap();
    for (second, name) in [(5, "FIRST"), (6, "SECOND")] {
        home.write("credentials", &key(name));
        assert_eq!(id(&cached, second).await.unwrap(), format!("AKIA{name}"));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_becomes_unreadable_is_told_once_and_read_again_later() {
    let home = Home::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let settings = home.settings().with_notify(move |finding| {
        listener.lock().unwrap().push(finding.text.clone());
    });
    let cached = Cached::new(Chain::default_for(Order::Cli, &settings));
    assert_eq!(id(&cached, 0).await.unwrap(), "AKIAOLD");
    // No user can read a file larger than the limit, not even root.
    let file = fs::File::options()
        .write(true)
        .open(home.file("credentials"));
    let file = file.unwrap();
    file.set_len(keyfob_chain::files::MAX_LENGTH + 1).unwrap();
    for second in 1..4 {
        assert_eq!(id(&cached, second).await.unwrap(), "AKIAOLD");
    }
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("/.aws/credentials: cannot be read"),
        "{told:?}"
    );
    home.write("credentials", &key("NEW"));
    assert_eq!(id(&cached, 5).await.unwrap(), "AKIANEW");
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_is_read_once() {
    let home = Home::new();
    let pipe = home.file("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, key("PIPE")).unwrap()
    });
    let variables = Variables::default()
        .with("HOME", home.folder.path())
        .with("AWS_SHARED_CREDENTIALS_FILE", &pipe);
    let chain = Chain::default_for(Order::Cli, &Settings::load(variables));
    let cached = Cached::new(chain);
    assert_eq!(id(&cached, 0).await.unwrap(), "AKIAPIPE");
    writer.join().unwrap();
    // Opening the pipe again would wait for another writer.
    assert_eq!(id(&cached, 1).await.unwrap(), "AKIAPIPE");
    // The other file is read beside what the pipe had.
    home.write("config", "[default]\nregion = eu-west-1\n");
    assert_eq!(id(&cached, 2).await.unwrap(), "AKIAPIPE");
    fs::remove_file(&pipe).unwrap();
    fs::write(&pipe, key("FILE")).unwrap();
    assert_eq!(id(&cached, 3).await.unwrap(), "AKIAFILE");
}
