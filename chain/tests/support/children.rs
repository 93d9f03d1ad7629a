//! Copies of a test program that get credentials all at once.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
};

use keyfob_chain::{Chain, Order, Settings, Sources, Variables};
use keyfob_sigv4::Timestamp;

/// Set for the copies: the folder with the disk cache.
const FOLDER: &str = "KEYFOB_TEST_FOLDER";

/// Gets the credentials of a profile, in a copy. Does nothing in the program itself.
pub(crate) fn get(profile: &str) {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let settings = Settings::load(Variables::from_process())
        .with_profile(profile)
        .with_sources(Sources::default().with_disk(folder));
    let chain = Chain::default_for(Order::Cli, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let found = runtime.unwrap().block_on(chain.resolve(Timestamp::now()));
    assert!(found.credentials.is_ok(), "{:?}", found.credentials);
}

/// Runs fifty copies of one ignored test of this program, which calls [`get`], and waits for them.
pub(crate) fn run(test: &str, folder: &Path, variables: &[(&str, &OsStr)]) {
    let children: Vec<_> = (0..50)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test, "--ignored"])
                .env(FOLDER, folder)
                .envs(variables.iter().copied())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
}
