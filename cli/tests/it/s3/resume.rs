use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::{
    cp::{MIB, bytes, through, write},
    fault_proxy::{Fault, FaultProxy, Request},
    home, keyfob,
    killed::start,
    server,
};
use crate::{
    keyfob::{Home, assert_has},
    servers::{Server, wait_until},
};

#[test]
fn what_did_not_come_to_its_end_is_removed_or_gone_on_with() {
    let server = server();
    #[cfg(unix)]
    {
        a_signal_aborts_the_upload(&server);
        a_closed_output_aborts_the_upload(&server);
    }
    a_killed_upload_is_told_with_the_command_that_goes_on(&server);
    an_upload_goes_on_with_the_parts_that_are_the_same(&server);
    an_upload_that_has_ended_meanwhile_begins_again(&server);
    a_failed_upload_stays_for_the_next(&server);
    a_download_goes_on_with_its_parts(&server);
    a_download_of_another_object_begins_from_the_start(&server);
    an_upload_begins_where_no_uploads_are_listed(&server);
    wrong_lines_are_refused(&server);
}

fn is_part(request: &Request) -> bool {
    request.line().contains("partNumber")
}

fn is_abort(request: &Request) -> bool {
    request.line().starts_with("DELETE") && request.line().contains("uploadId=")
}

fn count(proxy: &FaultProxy, is_it: impl Fn(&Request) -> bool) -> usize {
    proxy.requests().iter().filter(|it| is_it(it)).count()
}

/// A proxy through which the last of three parts does not come.
fn without_the_last_part(server: &Server) -> (Home, FaultProxy) {
    through(server, |_, request| {
        if request.line().contains("partNumber=3") {
            Fault::Hold
        } else {
            Fault::None
        }
    })
}

/// Runs the command until only its last part is missing, and kills it.
fn kill_before_the_last_part(home: &Home, proxy: &FaultProxy, words: &[&str]) {
    let mut child = start(home, proxy, words, 3, is_part);
    let is_stored = |line: &&String| line.contains("partNumber");
    while proxy.answered().iter().filter(is_stored).count() < 2 {
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The same home, with the server behind another proxy without faults.
fn healed(home: Home, server: &Server) -> (Home, FaultProxy) {
    let proxy = FaultProxy::start(&server.url, |_, _| Fault::None);
    (home.with("AWS_ENDPOINT_URL", &proxy.url), proxy)
}

#[cfg(unix)]
fn a_signal_aborts_the_upload(server: &Server) {
    let put = home(server);
    write(&put, "in", bytes(20 * MIB));
    keyfob(&put, &["cp", "in", "s3://bucket/source"]).ok();
    for (source, code) in [("in", 130), ("in", 143), ("s3://bucket/source", 130)] {
        let (home, proxy) = without_the_last_part(server);
        write(&home, "in", bytes(20 * MIB));
        let mut child = start(
            &home,
            &proxy,
            &["cp", source, "s3://bucket/cut"],
            3,
            is_part,
        );
        let signal = format!("-{}", code - 128);
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([&signal, &id])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(count(&proxy, is_abort), 1, "{source}");
        let (home, _proxy) = healed(home, server);
        assert_eq!(keyfob(&home, &["ls", "s3://bucket/cut"]).code, 1);
        // Nothing is left to be told.
        assert_eq!(keyfob(&home, &["cp", "in", "s3://bucket/cut"]).stderr, "");
        keyfob(&home, &["rm", "s3://bucket/cut"]).ok();
    }
}

/// As with `head -1`: what is on its way when the reader has seen enough leaves no parts.
#[cfg(unix)]
fn a_closed_output_aborts_the_upload(server: &Server) {
    let gates = Home::new();
    let gate = gates.path().join("gate");
    let held = gate.clone();
    let (home, proxy) = through(server, move |_, request| {
        if request.line().contains("partNumber=3") {
            Fault::Hold
        } else if request.line() == "PUT /bucket/closed/c" {
            Fault::HoldLastByte(held.clone())
        } else {
            Fault::None
        }
    });
    write(&home, "f/a", bytes(20 * MIB));
    write(&home, "f/b", "b");
    write(&home, "f/c", "c");
    let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let words = ["s3", "cp", "f", "s3://bucket/closed", "--recursive"];
    let mut child = command.args(words).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "upload: f/b to s3://bucket/closed/b\n");
    drop(output);
    wait_until(|| count(&proxy, is_part) == 3);
    fs::write(gate, "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(count(&proxy, is_abort), 1);
    let (home, _proxy) = healed(home, server);
    assert_eq!(keyfob(&home, &["ls", "s3://bucket/closed/a"]).code, 1);
    // Nothing is left to be told.
    assert_eq!(
        keyfob(&home, &["cp", "f/a", "s3://bucket/closed/"]).stderr,
        ""
    );
}

fn a_killed_upload_is_told_with_the_command_that_goes_on(server: &Server) {
    let (home, proxy) = without_the_last_part(server);
    let content = bytes(20 * MIB);
    write(&home, "f/a file", &content);
    let words = ["cp", "f/a file", "s3://bucket/told/"];
    kill_before_the_last_part(&home, &proxy, &words);
    let (home, proxy) = healed(home, server);
    let recursive = ["cp", "f", "s3://bucket/told", "--recursive"];
    for (words, command) in [
        (
            &recursive[..],
            "keyfob s3 cp f s3://bucket/told --recursive --resume",
        ),
        (
            &["sync", "f", "s3://bucket/told"],
            "keyfob s3 sync f s3://bucket/told --resume",
        ),
        (&words, "keyfob s3 cp 'f/a file' s3://bucket/told/ --resume"),
    ] {
        // So that there is something to do for `sync`.
        keyfob(&home, &["rm", "s3://bucket/told/a file"]).ok();
        let run = keyfob(&home, words);
        assert_eq!(
            run.stderr,
            format!(
                "hint: an upload to there was begun before and is not complete, and S3 keeps its \
                 parts: with the same other options, {command} goes on\n"
            )
        );
        run.ok();
    }
    assert_eq!(
        keyfob(&home, &[&words[..], &["--quiet"]].concat()).stderr,
        ""
    );
    // What the hint names.
    let before = count(&proxy, is_part);
    let resumed = [&words[..], &["--resume"]].concat();
    assert_eq!(
        keyfob(&home, &resumed).ok(),
        "upload: f/a file to s3://bucket/told/a file\n"
    );
    assert_eq!(count(&proxy, is_part), before + 1);
    assert_eq!(keyfob(&home, &words).stderr, "");
    keyfob(&home, &["cp", "s3://bucket/told/a file", "back"]).ok();
    assert!(fs::read(home.path().join("back")).unwrap() == content);
}

fn an_upload_goes_on_with_the_parts_that_are_the_same(server: &Server) {
    for algorithm in [&[][..], &["--checksum-algorithm", "SHA256"]] {
        let (home, proxy) = without_the_last_part(server);
        let mut content = bytes(20 * MIB);
        write(&home, "in", &content);
        let words = [&["cp", "in", "s3://bucket/on", "--resume"][..], algorithm].concat();
        kill_before_the_last_part(&home, &proxy, &words);
        // Its size is the same.
        content[MIB] ^= 1;
        write(&home, "in", &content);
        let (home, proxy) = healed(home, server);
        keyfob(&home, &words).ok();
        let requests = proxy.requests();
        let sent = requests.iter().filter(|it| is_part(it));
        let mut sent: Vec<_> = sent
            .map(|it| it.line().split('&').next().unwrap())
            .collect();
        sent.sort_unstable();
        assert_eq!(
            sent,
            ["PUT /bucket/on?partNumber=1", "PUT /bucket/on?partNumber=3"]
        );
        assert!(!requests.iter().any(|it| it.line().ends_with("?uploads")));
        keyfob(&home, &["cp", "s3://bucket/on", "back"]).ok();
        assert!(fs::read(home.path().join("back")).unwrap() == content);
    }
    // This server does not say that its checksums are others. It is completed without them.
    let (home, proxy) = without_the_last_part(server);
    write(&home, "in", bytes(20 * MIB));
    let words = ["cp", "in", "s3://bucket/on", "--resume"];
    kill_before_the_last_part(&home, &proxy, &words);
    let (home, proxy) = healed(home, server);
    keyfob(
        &home,
        &[&words[..], &["--checksum-algorithm", "CRC32"]].concat(),
    )
    .ok();
    assert_eq!(count(&proxy, is_part), 1);
    keyfob(&home, &["cp", "s3://bucket/on", "back"]).ok();
    assert!(fs::read(home.path().join("back")).unwrap() == bytes(20 * MIB));
}

fn refusal(status: &str, code: &str) -> Fault {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    Fault::Answer(format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn an_upload_that_has_ended_meanwhile_begins_again(server: &Server) {
    let (home, proxy) = without_the_last_part(server);
    write(&home, "in", bytes(20 * MIB));
    let words = ["cp", "in", "s3://bucket/ended", "--resume"];
    kill_before_the_last_part(&home, &proxy, &words);
    // The server says so of an upload that it has completed or aborted.
    let is_list = |request: &Request| {
        request.line().starts_with("GET") && request.line().contains("uploadId=")
    };
    let proxy = FaultProxy::start(&server.url, move |_, request| {
        if is_list(request) {
            refusal("404 Not Found", "NoSuchUpload")
        } else {
            Fault::None
        }
    });
    let home = home.with("AWS_ENDPOINT_URL", &proxy.url);
    keyfob(&home, &words).ok();
    assert_eq!(count(&proxy, is_list), 1);
    assert_eq!(count(&proxy, is_part), 3);
    let (home, _proxy) = healed(home, server);
    // The first one is still there.
    keyfob(&home, &words).ok();
}

fn an_upload_begins_where_no_uploads_are_listed(server: &Server) {
    let (home, _proxy) = through(server, |_, request| {
        if request.line().starts_with("GET /bucket?uploads") {
            refusal("501 Not Implemented", "NotImplemented")
        } else {
            Fault::None
        }
    });
    write(&home, "in", bytes(9 * MIB));
    keyfob(&home, &["cp", "in", "s3://bucket/unlisted", "--resume"]).ok();
}

fn a_failed_upload_stays_for_the_next(server: &Server) {
    let (home, proxy) = through(server, |_, request| {
        if !request.line().contains("partNumber=3") {
            return Fault::None;
        }
        refusal("403 Forbidden", "AccessDenied")
    });
    write(&home, "in", bytes(20 * MIB));
    let words = ["mv", "in", "s3://bucket/moved", "--resume", "--jobs", "1"];
    let stderr = keyfob(&home, &words).fails(1);
    assert_has(&stderr, &["(AccessDenied)"]);
    assert_eq!(count(&proxy, is_abort), 0);
    assert!(home.path().join("in").exists());
    let (home, proxy) = healed(home, server);
    keyfob(&home, &words).ok();
    assert_eq!(count(&proxy, is_part), 1);
    assert!(!home.path().join("in").exists());
    keyfob(&home, &["cp", "s3://bucket/moved", "back"]).ok();
    assert!(fs::read(home.path().join("back")).unwrap() == bytes(20 * MIB));
}

fn names(home: &Home) -> Vec<String> {
    let names = fs::read_dir(home.path()).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

/// Returns true for the request of the third of five parts.
fn is_held(request: &Request) -> bool {
    request.header("range") == Some("bytes=16777216-25165823")
}

/// Downloads an object of 36 MiB with `--resume`, of which one part does not come, and kills it.
fn half_downloaded(server: &Server, key: &str, words: &[&str]) -> Home {
    let put = home(server);
    write(&put, "in", bytes(36 * MIB));
    keyfob(&put, &["cp", "in", &format!("s3://bucket/{key}")]).ok();
    let (home, proxy) = through(server, |_, request| {
        match request.header("range") {
            // The answer from the start has a part and a half.
            None => Fault::Stall(12 * MIB),
            Some(_) if is_held(request) => Fault::Hold,
            Some(_) => Fault::None,
        }
    });
    let mut child = start(&home, &proxy, words, 1, is_held);
    child.kill().unwrap();
    child.wait().unwrap();
    home
}

fn a_download_goes_on_with_its_parts(server: &Server) {
    let words = ["cp", "s3://bucket/down", "out", "--resume"];
    let home = half_downloaded(server, "down", &words);
    assert_has(&names(&home).join(" "), &[".keyfob-out.part"]);
    assert!(!home.path().join("out").exists());
    let (home, proxy) = healed(home, server);
    keyfob(&home, &words).ok();
    assert!(fs::read(home.path().join("out")).unwrap() == bytes(36 * MIB));
    assert_eq!(names(&home), ["out"]);
    let requests = proxy.requests();
    let ranged = requests.iter().filter(|it| it.header("range").is_some());
    let ranged: Vec<_> = ranged.collect();
    // How many of the other four were there depends on the speed of the server.
    assert!((1..5).contains(&ranged.len()), "{ranged:?}");
    assert!(ranged.iter().any(|it| is_held(it)));
    assert!(ranged.iter().all(|it| it.header("if-match").is_some()));
    // Once more, it begins from the start.
    keyfob(&home, &words).ok();
    assert_eq!(names(&home), ["out"]);
}

fn a_download_of_another_object_begins_from_the_start(server: &Server) {
    let words = ["cp", "s3://bucket/changed", "out", "--resume"];
    let home = half_downloaded(server, "changed", &words);
    let mut content = bytes(36 * MIB);
    content[7] ^= 1;
    write(&home, "in", &content);
    let (home, _proxy) = healed(home, server);
    keyfob(&home, &["cp", "in", "s3://bucket/changed"]).ok();
    keyfob(&home, &words).ok();
    assert!(fs::read(home.path().join("out")).unwrap() == content);
    assert_eq!(names(&home), ["in", "out"]);
}

fn wrong_lines_are_refused(server: &Server) {
    let home = home(server);
    write(&home, "in", "x");
    for words in [
        ["cp", "-", "s3://bucket/x", "--resume"],
        ["cp", "s3://bucket/x", "-", "--resume"],
        ["cp", "s3://bucket/x", "s3://bucket/y", "--resume"],
        ["sync", "s3://bucket/x", "s3://bucket/y", "--resume"],
    ] {
        let text = "--resume is only for uploads and downloads of files";
        assert_has(&keyfob(&home, &words).fails(252), &[text]);
    }
}
