//! `keyfob serve proxy` in front of a server of Node.js that speaks HTTP/2.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use keyfob_sigv4::Timestamp;

use crate::{
    endpoints::tls::file,
    keyfob::{Home, assert_has, assert_lacks},
    proxy::{self, read_head},
    resigning,
    running::{Running, resident},
    servers::{exchange, fetch},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Answers with what it knows of a request, and does what the path says. It tells its port first.
const SERVER: &str = r#"
const [pem, maxStreams] = process.argv.slice(1);
const key = require("node:fs").readFileSync(pem);
const settings = { maxConcurrentStreams: Number(maxStreams) };
const server = require("node:http2").createSecureServer({ key, cert: key, allowHTTP1: true, settings });
let connections = 0;
server.on("session", (session) => { connections++; session.taken = 0; });
let refused = new Set();
server.on("request", (request, answer) => {
  let length = 0;
  request.on("error", () => {});
  if (request.url === "/untaken" || request.url === "/held") {
    // It is not over for Node.js before the body is read.
    request.on("data", () => {}).pause();
    answer.writeHead(403);
    return request.url === "/held" ? answer.write("some") : answer.end("no");
  }
  if (/^.(unprocessed|refused)/.test(request.url) && !refused.has(request.url)) {
    refused.add(request.url);
    const { id, session } = answer.stream;
    return request.url.startsWith("/unprocessed") ? session.goaway(0, id - 2) : answer.stream.close(7);
  }
  if (/^.few/.test(request.url)) {
    const { id, session } = answer.stream;
    if (++session.taken === 21 && request.url === "/few/unprocessed") session.goaway(0, id - 2);
    if (session.taken > 20) return request.url === "/few/refused" && answer.stream.close(7);
  }
  if (/^.(again|storm)/.test(request.url)) {
    const count = request.url === "/storm" ? 200 : 20;
    for (let i = 0; i < count; i++) answer.stream.additionalHeaders({ ":status": 103 });
  }
  request.on("data", (piece) => (length += piece.length));
  request.on("end", () => {
    const of = request.headers;
    const host = of[":authority"] ?? of.host;
    const signed = /SignedHeaders=[^,]*host/.test(of.authorization);
    const text = `${request.httpVersion} ${request.method} ${host} ${request.url} ${length} signed ${signed} connections ${connections} trailers ${Object.keys(request.trailers).length}`;
    const end = () => answer.end(text);
    switch (request.url) {
      case "/few/refused": case "/few/unprocessed": case "/slow": return setTimeout(end, 300);
      case "/large": answer.setHeader("x-large", "a".repeat(20000)); return end();
      case "/long": answer.setHeader("content-length", 3000000); return answer.end("a".repeat(3000000));
      case "/endless": { const more = () => { while (answer.write("a".repeat(65536))); answer.once("drain", more); }; return more(); }
      case "/never": return answer.stream.close(7);
      case "/canceled": answer.write("some"); return setTimeout(() => answer.stream.close(8), 300);
      case "/reset": return answer.stream.close(2);
      case "/broken": answer.write("some"); return setTimeout(() => answer.stream.close(2), 300);
      case "/bye": answer.stream.session.goaway(); return end();
      case "/cut": return answer.stream.session.destroy();
      default: return end();
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"#;

struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// Starts the server, with that many requests at a time on a connection. `None` without
    /// Node.js.
    fn start(home: &Home, max_streams: &str) -> Option<Self> {
        let mut node = home.program("node");
        node.args(["-e", SERVER]).arg(file("server.pem"));
        let node = node.arg(max_streams).stdout(Stdio::piped());
        let mut process = node.spawn().ok()?;
        let mut port = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut port).unwrap();
        let url = format!("https://localhost:{}", port.trim_end());
        Some(Self { process, url })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the server and a proxy in front of it, and returns both, with the URL and the token of
/// the proxy. `None` without Node.js.
#[expect(clippy::print_stdout, reason = "tells that a test did not run")]
fn start(max_streams: &str, more: &[&str]) -> Option<(Server, Running, String, String)> {
    let home = proxy::home().with("AWS_CA_BUNDLE", file("ca.pem").to_str().unwrap());
    let Some(server) = Server::start(&home, max_streams) else {
        println!("not run: needs Node.js");
        return None;
    };
    let (proxy, url, token) = proxy::start(&home, &server.url, more);
    Some((server, proxy, url, token))
}

#[test]
fn a_server_that_chooses_http2_gets_it_and_requests_share_a_connection() {
    let Some((server, proxy, url, token)) = start("250", &[]) else {
        return;
    };
    let token = [("X-Keyfob-Token", token.as_str())];
    let ask =
        |method: &str, path: &str, body: &str| fetch(method, &format!("{url}{path}"), &token, body);
    let host = server.url.trim_start_matches("https://");
    let told = |path: &str, connection: u32| {
        format!("2.0 GET {host} {path} 0 signed true connections {connection}")
    };

    let answer = ask("GET", "/a?b=c", "");
    assert_has(&answer, &["HTTP/1.1 200", &told("/a?b=c", 1)]);
    assert_lacks(&answer, &["HTTP/2"]);
    let long = "a".repeat(3_000_000);
    let answer = ask("PUT", "/key", &long);
    assert_has(
        &answer,
        &[&format!("2.0 PUT {host} /key 3000000 signed true")],
    );
    assert!(ask("GET", "/long", "").ends_with(&long));
    assert_has(&ask("GET", "/large", ""), &[&"a".repeat(20_000)]);
    thread::scope(|scope| {
        let asked: Vec<_> = (0..30)
            .map(|_| scope.spawn(|| ask("GET", "/slow", "")))
            .collect();
        for answer in asked {
            assert_has(&answer.join().unwrap(), &[&told("/slow", 1)]);
        }
    });

    // What happens to one request is not the matter of others.
    assert_has(&ask("GET", "/reset", ""), &["HTTP/1.1 502"]);
    let line = std::iter::from_fn(|| proxy.lines.recv_timeout(PATIENCE).ok())
        .find(|line| line.contains("warning:"));
    assert_has(&line.unwrap(), &["broke: stream error received"]);
    let broken = ask("GET", "/broken", "");
    assert_has(&broken, &["HTTP/1.1 200", "some"]);
    assert!(!broken.ends_with("0\r\n\r\n"), "{broken}");
    let canceled = ask("GET", "/canceled", "");
    assert_has(&canceled, &["HTTP/1.1 200", "some"]);
    assert!(!canceled.ends_with("0\r\n\r\n"), "{canceled}");
    assert_has(&ask("GET", "/a", ""), &[&told("/a", 1)]);

    // The next request has a connection of its own.
    assert_has(&ask("GET", "/bye", ""), &[&told("/bye", 1)]);
    assert_has(&ask("GET", "/a", ""), &[&told("/a", 2)]);
    assert_has(&ask("GET", "/cut", ""), &["HTTP/1.1 502"]);
    assert_has(&ask("GET", "/a", ""), &[&told("/a", 3)]);
}

#[test]
fn a_server_that_takes_few_requests_at_a_time_gets_all_in_the_end() {
    let Some((_server, _proxy, url, token)) = start("2", &[]) else {
        return;
    };
    let token = [("X-Keyfob-Token", token.as_str())];
    thread::scope(|scope| {
        let ask = || fetch("GET", &format!("{url}/slow"), &token, "");
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        for answer in asked {
            assert_has(&answer.join().unwrap(), &["HTTP/1.1 200", "2.0 GET"]);
        }
    });
    // Those beyond it have connections of their own.
    let answer = fetch("GET", &format!("{url}/a"), &token, "");
    let (_, opened) = answer.rsplit_once("connections ").unwrap();
    let opened = opened.split_whitespace().next().unwrap();
    assert_ne!(opened, "1");
}

#[test]
fn callers_that_come_at_once_share_the_first_connection() {
    let Some((_server, _proxy, url, token)) = start("250", &[]) else {
        return;
    };
    let token = [("X-Keyfob-Token", token.as_str())];
    thread::scope(|scope| {
        let ask = || fetch("GET", &format!("{url}/slow"), &token, "");
        let asked: Vec<_> = (0..40).map(|_| scope.spawn(ask)).collect();
        for answer in asked {
            assert_has(&answer.join().unwrap(), &["connections 1"]);
        }
    });
}

#[test]
fn a_request_that_the_server_has_not_processed_is_sent_again_once() {
    let Some((_server, proxy, url, token)) = start("250", &["--service", "sqs"]) else {
        return;
    };
    let token = [("X-Keyfob-Token", token.as_str())];
    let ask =
        |method: &str, path: &str, body: &str| fetch(method, &format!("{url}{path}"), &token, body);
    assert_has(&ask("GET", "/a", ""), &["connections 1"]);
    // A server that takes no more on this connection leaves it; one that refuses has another one.
    let answer = ask("POST", "/unprocessed", "body");
    assert_has(&answer, &["/unprocessed 4 signed true connections 2"]);
    let answer = ask("POST", "/refused", "body");
    assert_has(&answer, &["/refused 4 signed true connections 3"]);
    assert_has(&ask("GET", "/refused?1", ""), &["HTTP/1.1 200"]);
    let never = ask("POST", "/never", "body");
    assert_has(&never, &["HTTP/1.1 502"]);
    let line = std::iter::from_fn(|| proxy.lines.recv_timeout(PATIENCE).ok())
        .find(|line| line.contains("warning:"));
    assert_has(&line.unwrap(), &["broke: stream error received: refused"]);
}

#[test]
fn a_server_that_takes_few_requests_of_a_connection_gets_all_over_few_connections() {
    for path in ["/few/refused", "/few/unprocessed"] {
        let Some((_server, _proxy, url, token)) = start("250", &[]) else {
            return;
        };
        let token = [("X-Keyfob-Token", token.as_str())];
        thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    for _ in 0..6 {
                        let answer = fetch("GET", &format!("{url}{path}"), &token, "");
                        assert_has(&answer, &["HTTP/1.1 200", "2.0 GET"]);
                    }
                });
            }
        });
        // At least 15 connections had to be opened.
        let answer = fetch("GET", &format!("{url}/a"), &token, "");
        let (_, opened) = answer.rsplit_once("connections ").unwrap();
        let opened = opened.split_whitespace().next().unwrap();
        assert!(opened.parse::<u32>().unwrap() < 30, "{path}: {answer}");
    }
}

#[test]
fn informational_answers_are_counted() {
    let Some((_server, _proxy, url, token)) = start("250", &[]) else {
        return;
    };
    let token = [("X-Keyfob-Token", token.as_str())];
    let ask = |path: &str| fetch("GET", &format!("{url}{path}"), &token, "");
    assert_has(&ask("/again"), &["HTTP/1.1 200"]);
    assert_has(
        &ask("/storm"),
        &["HTTP/1.1 502", "more than 100 informational"],
    );
}

#[test]
fn a_body_that_the_server_does_not_take_is_dropped_after_the_answer() {
    const LENGTH: usize = 4_000_000;
    let more = ["--service", "sqs", "--max-body", "4000000"];
    let Some((_server, proxy, url, token)) = start("250", &more) else {
        return;
    };
    let header = [("X-Keyfob-Token", token.as_str())];
    let body = "a".repeat(LENGTH);
    let ask = |path: &str| fetch("POST", &format!("{url}{path}"), &header, &body);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_has(&ask("/untaken"), &["HTTP/1.1 403", "no"]);
                }
            });
        }
    });
    // All of them have 160 MB.
    let taken = resident(&proxy.child);
    assert!(taken < 90, "{taken} MiB");

    // While an answer is not over, its body is in memory, and has its room there.
    let address = url.trim_start_matches("http://");
    let head = format!(
        "POST /held HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n\
         Content-Length: {LENGTH}\r\n\r\n"
    );
    let mut held: Vec<_> = (0..8)
        .map(|_| {
            let mut caller = TcpStream::connect(address).unwrap();
            caller.write_all(head.as_bytes()).unwrap();
            caller.write_all(body.as_bytes()).unwrap();
            read_head(&mut caller);
            caller
        })
        .collect();
    thread::scope(|scope| {
        let other = scope.spawn(|| ask("/a"));
        thread::sleep(Duration::from_secs(2));
        assert!(!other.is_finished());
        held.pop();
        let answer = other.join().unwrap();
        assert_has(&answer, &["2.0 POST localhost:"]);
        assert_has(&answer, &[&format!("/a {LENGTH} signed true")]);
    });
}

#[test]
fn a_body_that_is_not_the_one_that_was_signed_does_not_reach_its_end() {
    let home = resigning::home().with("AWS_CA_BUNDLE", file("ca.pem").to_str().unwrap());
    let Some(server) = Server::start(&home, "250") else {
        return;
    };
    let proxy = resigning::Proxy::start(&home, &server.url, &[]);
    let signed = "a".repeat(200_000);
    let claim = || ("s3", &proxy.keys, Timestamp::now());
    let request = proxy.signed(claim(), ("PUT", "/bucket/key", &signed));
    let answer = exchange(&proxy.address, &request).unwrap();
    assert_has(&answer, &["HTTP/1.1 200", "2.0 PUT", "/bucket/key 200000"]);
    let forged = request.replace(&signed, &"b".repeat(200_000));
    let answer = exchange(&proxy.address, &forged).unwrap();
    assert_has(&answer, &["HTTP/1.1 403", "XAmzContentSHA256Mismatch"]);
}

#[test]
fn callers_that_leave_stop_no_others() {
    let Some((_server, _proxy, url, token)) = start("250", &[]) else {
        return;
    };
    let header = [("X-Keyfob-Token", token.as_str())];
    let ask = || fetch("GET", &format!("{url}/a"), &header, "");
    assert_has(&ask(), &["connections 1"]);
    let address = url.trim_start_matches("http://");
    let get =
        format!("GET /endless HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n\r\n");
    for _ in 0..25 {
        let mut callers: Vec<_> = (0..95)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        for caller in &mut callers {
            caller.write_all(get.as_bytes()).unwrap();
        }
        for caller in &mut callers {
            caller.read_exact(&mut [0; 20]).unwrap();
        }
    }
    assert_has(&ask(), &["HTTP/1.1 200", "connections 1"]);
}

#[test]
fn trailers_of_a_request_are_not_sent() {
    let Some((_server, _proxy, url, token)) = start("250", &["--unsigned-payload"]) else {
        return;
    };
    let mut caller = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let put = format!(
        "PUT /key HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n\
         Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         4\r\nbody\r\n0\r\nx-amz-acl: public-read\r\n\r\n"
    );
    caller.write_all(put.as_bytes()).unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert_has(&answer, &["/key 4 ", "trailers 0"]);
}

#[test]
fn callers_that_do_not_read_stop_no_others() {
    let Some((_server, _proxy, url, token)) = start("250", &[]) else {
        return;
    };
    let header = [("X-Keyfob-Token", token.as_str())];
    let ask = || fetch("GET", &format!("{url}/a"), &header, "");
    assert_has(&ask(), &["connections 1"]);
    let address = url.trim_start_matches("http://");
    let held: Vec<_> = (0..20)
        .map(|_| {
            let mut caller = TcpStream::connect(address).unwrap();
            let get = format!(
                "GET /endless HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n\r\n"
            );
            caller.write_all(get.as_bytes()).unwrap();
            caller
        })
        .collect();
    // Until the server can write no more.
    thread::sleep(Duration::from_secs(2));
    assert_has(&ask(), &["HTTP/1.1 200", "connections 1"]);
    drop(held);
}

#[test]
fn a_request_that_is_sent_again_keeps_the_host_that_was_signed() {
    let Some((_server, _proxy, url, token)) = start("250", &["--sign-host", "bucket.example"])
    else {
        return;
    };
    let token = [("X-Keyfob-Token", token.as_str())];
    for _ in 0..5 {
        // Some find that the connection that they took has ended.
        fetch("GET", &format!("{url}/cut"), &token, "");
        let answer = fetch("PUT", &format!("{url}/a"), &token, "body");
        assert_has(&answer, &["2.0 PUT bucket.example /a 4 signed true"]);
    }
}
