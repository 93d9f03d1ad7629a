use std::{
    fs,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use super::{
    cp::{MIB, bytes, through, write},
    fault_proxy::{Fault, FaultProxy, Request},
    home, keyfob, server,
};
use crate::{
    keyfob::{Home, assert_has},
    servers::Server,
};

#[test]
fn what_is_killed_in_the_middle_leaves_nothing_under_the_final_name() {
    let server = server();
    a_killed_download_leaves_what_was_there(&server);
    a_killed_upload_makes_no_object(&server);
    a_stalled_answer_is_given_up(&server);
}

/// Runs the command, and kills it as soon as the proxy has seen so many requests like this.
fn kill(
    home: &Home,
    proxy: &FaultProxy,
    words: &[&str],
    count: usize,
    is_it: impl Fn(&Request) -> bool,
) {
    let mut child = start(home, proxy, words, count, is_it);
    child.kill().unwrap();
    assert!(child.wait().unwrap().code().is_none_or(|code| code != 0));
}

/// Starts the command, and waits until the proxy has seen so many requests like this.
pub(super) fn start(
    home: &Home,
    proxy: &FaultProxy,
    words: &[&str],
    count: usize,
    is_it: impl Fn(&Request) -> bool,
) -> Child {
    let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let mut child = command.arg("s3").args(words).spawn().unwrap();
    let started = Instant::now();
    while proxy.requests().iter().filter(|it| is_it(it)).count() < count {
        assert!(started.elapsed() < Duration::from_secs(60), "{words:?}");
        assert!(child.try_wait().unwrap().is_none(), "{words:?}");
        thread::sleep(Duration::from_millis(10));
    }
    // The answers that come are on their way.
    thread::sleep(Duration::from_millis(300));
    child
}

fn a_killed_download_leaves_what_was_there(server: &Server) {
    let content = bytes(20 * MIB);
    let plain = home(server);
    write(&plain, "in", &content);
    keyfob(&plain, &["cp", "in", "s3://bucket/killed"]).ok();
    let (home, proxy) = through(server, |_, _| Fault::Stall(2 * MIB));
    write(&home, "before", "before");
    let is_get = |request: &Request| request.line().starts_with("GET");
    for name in ["before", "new"] {
        let count = proxy.requests().len() + 3;
        let words = ["cp", "s3://bucket/killed", name];
        kill(&home, &proxy, &words, count, is_get);
    }
    assert_eq!(fs::read(home.path().join("before")).unwrap(), b"before");
    assert!(!home.path().join("new").exists());
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Mode, OFlags, open};

        // What has no name is gone, where the file system has such files.
        let flags = OFlags::TMPFILE | OFlags::WRONLY;
        if open(home.path(), flags, Mode::RUSR | Mode::WUSR).is_ok() {
            assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
        }
    }
    let home = home.with("AWS_ENDPOINT_URL", &server.url);
    keyfob(&home, &["cp", "s3://bucket/killed", "new"]).ok();
    assert!(fs::read(home.path().join("new")).unwrap() == content);
}

fn a_killed_upload_makes_no_object(server: &Server) {
    let is_part = |request: &Request| request.line().contains("partNumber");
    let (home, proxy) = through(server, move |_, request| {
        if is_part(request) {
            Fault::Stall(0)
        } else {
            Fault::None
        }
    });
    let content = bytes(20 * MIB);
    write(&home, "in", &content);
    kill(&home, &proxy, &["cp", "in", "s3://bucket/half"], 3, is_part);
    let home = home.with("AWS_ENDPOINT_URL", &server.url);
    assert_eq!(keyfob(&home, &["ls", "s3://bucket/half"]).code, 1);
    keyfob(&home, &["cp", "in", "s3://bucket/half"]).ok();
    keyfob(&home, &["cp", "s3://bucket/half", "back"]).ok();
    assert!(fs::read(home.path().join("back")).unwrap() == content);
}

fn a_stalled_answer_is_given_up(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::Stall(MIB));
    let words = ["cp", "s3://bucket/half", "out", "--cli-read-timeout", "3"];
    let stderr = keyfob(&home, &words).fails(1);
    assert_has(
        &stderr,
        &["download failed: s3://bucket/half to ./out GetObject: no answer within"],
    );
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    assert!(proxy.requests().len() > 1);
}
