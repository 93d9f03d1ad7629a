//! Callers and servers of `keyfob serve proxy` that break off, stop or send what they should not.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::Stdio,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use keyfob_sigv4::Timestamp;
use serde_json::Value;

use crate::{
    keyfob::{assert_has, assert_lacks},
    proxy::{home, read_head, start},
    resigning::Proxy,
    running::Running,
    servers::{fetch, wait_until},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a server that reads the heads of requests, one of each connection, and leaves the answers
/// to the test.
fn start_silent() -> (String, mpsc::Receiver<(String, TcpStream)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head = read_head(&mut stream);
            if sender.send((head, stream)).is_err() {
                break;
            }
        }
    });
    (url, requests)
}

/// Connects to a proxy and sends a request.
fn send(url: &str, request: &str) -> TcpStream {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Waits for a line of the log that has a text.
#[track_caller]
fn line_with(proxy: &Running, text: &str) -> String {
    loop {
        let line = proxy.lines.recv_timeout(PATIENCE).unwrap();
        if line.contains(text) {
            return line;
        }
    }
}

fn metrics(url: &str, token: &str) -> String {
    let own = [("X-Keyfob-Token", token)];
    fetch("GET", &format!("{url}/-/metrics"), &own, "")
}

#[test]
fn a_caller_that_goes_away_before_the_answer_has_its_line_and_is_counted() {
    let (upstream, requests) = start_silent();
    let home = home();
    for format in ["text", "json"] {
        let (proxy, url, token) = start(&home, &upstream, &["--log-format", format]);
        let head = format!("PUT /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n");
        let caller = send(&url, &format!("{head}Content-Length: 2\r\n\r\nok"));
        let (head, _server) = requests.recv_timeout(PATIENCE).unwrap();
        assert_has(&head, &["PUT /a ", "AKIAPROXYEXAMPLE0000"]);
        drop(caller);
        let line = line_with(&proxy, "499");
        let reason = "the connection to the caller ended before the answer";
        if format == "json" {
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line["method"], "PUT");
            assert_eq!(line["service"], "s3");
            assert_eq!(line["status"], 499);
            assert_eq!(line["reason"], reason);
        } else {
            assert_has(&line, &["PUT 127.0.0.1 s3 499 ", &format!(" ms: {reason}")]);
        }
        let metrics = metrics(&url, &token);
        assert_has(
            &metrics,
            &[
                "requests_total{status=\"4xx\"} 1\n",
                &format!("refusals_total{{reason=\"{reason}\"}} 1\n"),
                "request_duration_seconds_count 1\n",
                "in_flight_requests 1\n",
            ],
        );
    }
}

#[test]
fn a_caller_that_signs_and_goes_away_has_its_line_and_is_counted() {
    let (upstream, requests) = start_silent();
    let proxy = Proxy::start(&crate::resigning::home(), &upstream, &[]);
    let claim = ("sqs", &proxy.keys, Timestamp::now());
    let request = proxy.signed(claim, ("POST", "/", "Action=DeleteQueue"));
    let request = request.replacen(
        "\r\n\r\n",
        "\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n",
        1,
    );
    let caller = send(&proxy.address, &request);
    let (head, _server) = requests.recv_timeout(PATIENCE).unwrap();
    assert_has(&head, &["POST / ", "AKIAPROXYEXAMPLE0000"]);
    drop(caller);
    let line = line_with(&proxy.running, "499");
    assert_has(&line, &["POST 127.0.0.1 sqs:DeleteQueue 499 "]);
}

#[test]
fn an_answer_that_does_not_reach_its_end_has_one_line_that_says_why() {
    let (upstream, requests) = start_silent();
    let home = home();
    let (proxy, url, token) = start(&home, &upstream, &[]);
    let get = format!(
        "GET /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\nConnection: close\r\n\r\n"
    );
    let start_answer = || {
        let mut caller = send(&url, &get);
        let (_, mut server) = requests.recv_timeout(PATIENCE).unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        server.write_all(head.as_bytes()).unwrap();
        assert_has(&read_head(&mut caller), &["200 OK"]);
        (caller, server)
    };
    let (caller, _server) = start_answer();
    drop(caller);
    let by_caller = "the connection to the caller ended in the middle of the answer";
    let line = line_with(&proxy, " 200 ");
    assert_has(&line, &["GET 127.0.0.1 s3 200 ", by_caller]);
    let (mut caller, server) = start_answer();
    server.shutdown(Shutdown::Both).unwrap();
    let _ = caller.read_to_end(&mut Vec::new());
    let by_server = "the answer of the server broke off";
    assert_has(&line_with(&proxy, " 200 "), &[by_server]);
    let (mut caller, mut server) = start_answer();
    server.write_all(b"the whole").unwrap();
    let mut body = String::new();
    caller.read_to_string(&mut body).unwrap();
    assert_eq!(body, "the whole");
    let line = line_with(&proxy, " 200 ");
    assert!(line.ends_with(" ms"), "{line}");
    let metrics = metrics(&url, &token);
    assert_has(
        &metrics,
        &[
            "requests_total{status=\"2xx\"} 3\n",
            &format!("refusals_total{{reason=\"{by_caller}\"}} 1\n"),
            &format!("refusals_total{{reason=\"{by_server}\"}} 1\n"),
        ],
    );
}

#[test]
fn a_signal_does_not_lose_the_lines_of_requests_that_it_ends() {
    let (upstream, requests) = start_silent();
    let home = home();
    let (mut proxy, url, token) = start(&home, &upstream, &[]);
    let head = format!("GET /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n\r\n");
    let _caller = send(&url, &head);
    let _server = requests.recv_timeout(PATIENCE).unwrap();
    crate::signals::send("TERM", &proxy.child);
    line_with(&proxy, "GET 127.0.0.1 s3 499 ");
    assert_eq!(proxy.child.wait().unwrap().code(), Some(143));
}

#[test]
fn informational_answers_without_end_are_no_answer() {
    let (upstream, requests) = start_silent();
    let home = home();
    let (proxy, url, token) = start(&home, &upstream, &[]);
    let get = format!(
        "GET /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\nConnection: close\r\n\r\n"
    );
    let answer_of = |answers: &str, ends: bool| {
        let mut caller = send(&url, &get);
        let (_, mut server) = requests.recv_timeout(PATIENCE).unwrap();
        server.write_all(answers.as_bytes()).unwrap();
        let storm = (!ends).then(|| {
            thread::spawn(move || {
                // Until the proxy closes the connection.
                while server
                    .write_all(&b"HTTP/1.1 102 \r\n\r\n".repeat(1000))
                    .is_ok()
                {}
            })
        });
        let health = fetch("GET", &format!("{url}/-/health"), &[], "");
        assert_has(&health, &["200 OK"]);
        let mut answer = String::new();
        caller.read_to_string(&mut answer).unwrap();
        if let Some(storm) = storm {
            storm.join().unwrap();
        }
        answer
    };
    let few = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".repeat(100);
    let answer = answer_of(
        &format!("{few}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        true,
    );
    assert_has(&answer, &["HTTP/1.1 200", "\r\n\r\nok"]);
    let reason = "the server sent more than 100 informational answers and no other";
    assert_has(&answer_of("", false), &["HTTP/1.1 502", reason]);
    assert_has(&line_with(&proxy, " 502 "), &[reason]);
}

#[test]
fn an_answer_with_a_status_that_no_request_asks_for_does_not_pass() {
    let (upstream, requests) = start_silent();
    let home = home();
    let (_proxy, url, token) = start(&home, &upstream, &[]);
    let get = format!(
        "GET /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\nConnection: close\r\n\r\n"
    );
    for (status, expected) in [
        // The version is that of the connection to the caller (RFC 9112, section 2.3).
        ("200 OK", "200"),
        ("101 Switching Protocols", "502"),
        ("600 Odd", "502"),
        ("999 Odd", "502"),
        ("299 Odd", "299"),
        ("599 Odd", "599"),
    ] {
        let mut caller = send(&url, &get);
        // Each comes over a connection of its own: the test keeps the last one only.
        let (_, mut server) = requests.recv_timeout(PATIENCE).unwrap();
        let head = "Connection: close, upgrade\r\nUpgrade: a\r\nContent-Length: 0\r\n\r\n";
        let version = if status == "200 OK" { "1.0" } else { "1.1" };
        server
            .write_all(format!("HTTP/{version} {status}\r\n{head}").as_bytes())
            .unwrap();
        let mut answer = String::new();
        caller.read_to_string(&mut answer).unwrap();
        assert_has(&answer, &[&format!("HTTP/1.1 {expected}")]);
    }
}

#[test]
fn an_upload_that_its_caller_breaks_off_is_not_the_fault_of_the_server() {
    let (upstream, requests) = start_silent();
    let home = home();
    let (proxy, url, token) = start(&home, &upstream, &["--unsigned-payload"]);
    let head = format!("PUT /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n");
    for (body, is_closed) in [
        ("Content-Length: 9\r\n\r\nsome", true),
        (
            "Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\nx\r\n",
            false,
        ),
    ] {
        let mut caller = send(&url, &format!("{head}{body}"));
        // One whose length is not known is read first.
        let _server = is_closed.then(|| {
            let server = requests.recv_timeout(PATIENCE).unwrap();
            caller.shutdown(Shutdown::Write).unwrap();
            server
        });
        let _ = caller.read_to_end(&mut Vec::new());
        let line = proxy
            .lines
            .iter()
            .inspect(|line| assert_lacks(line, &["warning", "broke"]))
            .find(|line| line.starts_with("PUT"));
        let reason = "the body of the request is incomplete";
        assert_has(&line.unwrap(), &[" 400 ", reason]);
    }
    let metrics = metrics(&url, &token);
    assert_has(
        &metrics,
        &[
            "requests_total{status=\"4xx\"} 2\n",
            "requests_total{status=\"5xx\"} 0\n",
        ],
    );
}

#[test]
fn a_transfer_coding_whose_name_would_be_lost_is_refused() {
    let (upstream, requests) = start_silent();
    let (_proxy, url, token) = start(&home(), &upstream, &[]);
    let head = format!(
        "PUT /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\nConnection: close\r\n"
    );
    let chunked = "0\r\n\r\n";
    for codings in [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
    ] {
        let mut caller = send(&url, &format!("{head}{codings}\r\n{chunked}"));
        let mut answer = String::new();
        caller.read_to_string(&mut answer).unwrap();
        assert_has(&answer, &["HTTP/1.1 501", "another transfer coding"]);
    }
    assert!(requests.try_recv().is_err());
    let mut caller = send(
        &url,
        &format!("{head}Transfer-Encoding: Chunked\r\n\r\n{chunked}"),
    );
    let (_, mut server) = requests.recv_timeout(PATIENCE).unwrap();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    server.write_all(answer.as_bytes()).unwrap();
    assert_has(&read_head(&mut caller), &["HTTP/1.1 200"]);
}

/// Sends requests until lines of the log are dropped, and returns the metrics.
fn fill_log(url: &str, token: &str) -> String {
    let mut dropped = "0".to_owned();
    let mut text = String::new();
    for _ in 0..1000 {
        if dropped != "0" {
            break;
        }
        for _ in 0..100 {
            fetch("GET", &format!("{url}/a"), &[], "");
        }
        text = metrics(url, token);
        let count = text.split("\nkeyfob_proxy_log_lines_dropped_total ").nth(1);
        dropped = count.unwrap().lines().next().unwrap().to_owned();
    }
    assert_ne!(dropped, "0", "{text}");
    text
}

#[test]
fn a_log_that_is_not_read_stops_neither_requests_nor_the_end() {
    let home = home();
    let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
    command.args(["serve", "proxy", "--listen", "127.0.0.1:0", "--debug"]);
    command.args(["--to", "http://127.0.0.1:9", "--service", "s3"]);
    let command = command.args(["--log-format", "json"]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // It is killed if the test fails.
    let mut proxy = Running {
        child: command.spawn().unwrap(),
        exports: Vec::new(),
        lines: mpsc::channel().1,
    };
    let mut stdout = BufReader::new(proxy.child.stdout.take().unwrap());
    let mut value = || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        line.trim().split_once('=').unwrap().1.to_owned()
    };
    let (url, token) = (value(), value());
    let metrics = fill_log(&url, &token);
    assert_has(&metrics, &["requests_total{status=\"4xx\"} "]);
    // The lines that have waited come when there is a reader again, and new ones after them.
    let stderr = BufReader::new(proxy.child.stderr.take().unwrap());
    let (sender, lines) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let is_put = line.contains("\"PUT\"");
            let _ = sender.send(line);
            if is_put {
                // It is not read any more, and not closed either.
                let _ = stopped.recv();
            }
        }
    });
    wait_until(|| {
        fetch("PUT", &format!("{url}/a"), &[], "");
        lines.try_iter().any(|line| line.contains("\"PUT\""))
    });
    fill_log(&url, &token);
    crate::signals::send("TERM", &proxy.child);
    assert_eq!(proxy.child.wait().unwrap().code(), Some(143));
    drop(stop);
}

#[test]
fn trailers_of_an_answer_pass_to_those_who_take_them() {
    let (upstream, requests) = start_silent();
    let home = home();
    let (proxy, url, token) = start(&home, &upstream, &[]);
    let signed = Proxy::start(&crate::resigning::home(), &upstream, &[]);
    let claim = ("s3", &signed.keys, Timestamp::now());
    let close = "Connection: close\r\n";
    for te in ["", "TE: gzip;q=0.5, Trailers\r\n"] {
        let get = format!(
            "GET /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n{close}{te}\r\n"
        );
        let again = signed.signed(claim, ("GET", "/a", ""));
        let again = again.replace(close, &format!("{close}{te}"));
        for (running, url, request) in [
            (&proxy, &url, get),
            (&signed.running, &signed.address, again),
        ] {
            let mut caller = send(url, &request);
            let (head, mut server) = requests.recv_timeout(PATIENCE).unwrap();
            let head = head.to_ascii_lowercase();
            assert_eq!(
                head.contains("\r\nte: trailers\r\n"),
                !te.is_empty(),
                "{head}"
            );
            assert_lacks(&head, &["gzip;q"]);
            let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\
                          Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                          4\r\nbody\r\n0\r\nX-Sum: 17\r\nX-Other: 1\r\n\r\n";
            server.write_all(answer.as_bytes()).unwrap();
            let mut answer = String::new();
            caller.read_to_string(&mut answer).unwrap();
            let answer = answer.to_ascii_lowercase();
            assert_has(&answer, &["http/1.1 200", "4\r\nbody\r\n0\r\n"]);
            assert_eq!(
                answer.contains("\r\ntrailer: x-sum\r\n"),
                !te.is_empty(),
                "{answer}"
            );
            assert_eq!(
                answer.ends_with("0\r\nx-sum: 17\r\n\r\n"),
                !te.is_empty(),
                "{answer}"
            );
            let line = line_with(running, "GET ");
            assert!(line.ends_with(" ms"), "{line}");
        }
    }
}

#[test]
fn a_body_that_the_server_does_not_take_has_its_room_until_the_answer_is_over() {
    // The kernel itself takes several MB of each.
    const LENGTH: usize = 16_000_000;
    let (upstream, requests) = start_silent();
    let home = home();
    let (_proxy, url, token) = start(&home, &upstream, &["--max-body", "16000000"]);
    let body = "a".repeat(LENGTH);
    let request = format!(
        "POST /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n\
         Content-Length: {LENGTH}\r\n\r\n{body}"
    );
    let mut held: Vec<_> = (0..8)
        .map(|_| {
            let mut caller = send(&url, &request);
            let (_, mut server) = requests.recv_timeout(PATIENCE).unwrap();
            let head = "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nsome";
            server.write_all(head.as_bytes()).unwrap();
            assert_has(&read_head(&mut caller), &["403"]);
            (caller, server)
        })
        .collect();
    // Its body is read when there is room.
    let other = thread::spawn(move || send(&url, &request));
    let soon = Duration::from_secs(2);
    assert!(requests.recv_timeout(soon).is_err());

    // The proxy takes no more care of the rest of the body when the answer is over.
    let (caller, mut server) = held.pop().unwrap();
    server.write_all(b"th").unwrap();
    let (_, next) = requests.recv_timeout(PATIENCE).unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    let _ = server.read_to_end(&mut rest);
    assert!(rest.len() < LENGTH, "{}", rest.len());
    drop((caller, other.join().unwrap(), next));
}

#[test]
fn a_body_in_memory_that_a_server_takes_slowly_is_not_late() {
    // What the kernel has of it is read in less time than nothing may move.
    const LENGTH: usize = 24_000_000;
    let (upstream, requests) = start_silent();
    let length = LENGTH.to_string();
    let more = ["--max-body", &length, "--cli-read-timeout", "2"];
    let (_proxy, url, token) = start(&home(), &upstream, &more);
    let body = "a".repeat(LENGTH);
    let server = thread::spawn(move || {
        let (_, mut server) = requests.recv_timeout(PATIENCE).unwrap();
        let begun = Instant::now();
        let (mut left, mut piece) = (LENGTH, vec![0; 500_000]);
        while left > 0 {
            let taken = server.read(&mut piece).unwrap();
            assert_ne!(taken, 0);
            left -= taken;
            // 5 MB a second.
            thread::sleep(Duration::from_micros(taken as u64 / 5));
        }
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        server.write_all(answer.as_bytes()).unwrap();
        begun.elapsed()
    });
    let header = [("X-Keyfob-Token", token.as_str())];
    let answer = fetch("POST", &format!("{url}/a"), &header, &body);
    assert_has(&answer, &["HTTP/1.1 200"]);
    assert!(server.join().unwrap() > Duration::from_secs(4));
}

/// As in transcription: both directions are open, and the server says nothing for a while.
#[test]
fn an_answer_that_began_waits_for_as_long_as_the_body_of_its_request_makes_progress() {
    const PIECES: usize = 12;

    let (upstream, requests) = start_silent();
    let more = ["--service", "s3", "--cli-read-timeout", "1"];
    for stalls in [false, true] {
        let (proxy, url, token) = start(&home(), &upstream, &more);
        let hash = "a".repeat(64);
        let request = format!(
            "PUT /b/k HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Keyfob-Token: {token}\r\n\
             X-Amz-Content-Sha256: {hash}\r\nContent-Length: {PIECES}\r\nConnection: close\r\n\r\n"
        );
        let mut caller = send(&url, &request);
        let (_, mut server) = requests.recv_timeout(PATIENCE).unwrap();
        let first = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
        server.write_all(first.as_bytes()).unwrap();
        let sent = if stalls { 1 } else { PIECES };
        for _ in 0..sent {
            caller.write_all(b"a").unwrap();
            thread::sleep(Duration::from_millis(250));
        }
        if !stalls {
            server.write_all(b"4\r\nlast\r\n0\r\n\r\n").unwrap();
        }
        caller.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        let _ = caller.read_to_string(&mut answer);
        assert_eq!(answer.contains("last"), !stalls, "{answer}");
        if stalls {
            line_with(&proxy, "the body of the request did not arrive in time");
        }
    }
}
