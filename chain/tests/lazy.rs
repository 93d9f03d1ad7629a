//! What a key in the environment costs: no file of `~/.aws` and no socket, as `strace` sees it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper that fails should fail with its line"
)]

use std::{env, fs, process::Command};

use keyfob_chain::Chain;
use keyfob_sigv4::Timestamp;

/// Set for the traced program.
const CHILD: &str = "KEYFOB_TEST_CHILD";

#[test]
fn a_key_in_the_environment_opens_no_configuration_file_and_no_socket() {
    if env::var_os(CHILD).is_some() {
        return resolve();
    }
    let mut nothing = Command::new("strace");
    let nothing = nothing.args(["-e", "trace=none", "true"]).output();
    if !nothing.is_ok_and(|run| run.status.success()) {
        println!("lazy: not run: needs strace, and leave to trace");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    for name in ["config", "credentials"] {
        fs::write(home.path().join(".aws").join(name), "[default]\n").unwrap();
    }
    let trace = home.path().join("trace");
    let traced = |variables: &[(&str, &str)]| {
        let run = Command::new("strace")
            .args(["-f", "-e", "trace=%file,%network", "-o"])
            .arg(&trace)
            .arg(env::current_exe().unwrap())
            .arg("--exact")
            .arg("a_key_in_the_environment_opens_no_configuration_file_and_no_socket")
            .env_clear()
            .env("HOME", home.path())
            .env(CHILD, "1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert!(run.status.success(), "{run:?}");
        let calls = fs::read_to_string(&trace).unwrap();
        let is_of_interest = |line: &&str| line.contains(".aws") || line.contains("socket(");
        calls
            .lines()
            .filter(is_of_interest)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let key = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    assert_eq!(traced(&key), [""; 0]);
    // The same program opens both files without the key.
    assert!(traced(&[]).len() >= 2);
}

/// Asks several times, as a program that runs on does.
fn resolve() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let cached = Chain::from_env();
    for second in 0..3 {
        let now = Timestamp::from_unix_seconds(1_800_000_000 + second);
        let credentials = runtime.block_on(cached.credentials(now));
        let has_key = env::var_os("AWS_ACCESS_KEY_ID").is_some();
        assert_eq!(credentials.is_ok(), has_key);
    }
}
