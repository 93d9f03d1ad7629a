//! `keyfob serve proxy`, in front of servers that verify signatures and of ones that record.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

#[cfg(unix)]
use crate::signals::send;
use crate::{
    answers::{answer, start_echo, start_server},
    keyfob::{Home, Run, assert_has, assert_lacks},
    python,
    running::{Running, boto3},
    servers::{Server, exchange, fetch, free_port},
};

const SECRET: &str = "canary/secret+access/key";

pub(crate) fn home() -> Home {
    Home::new()
        .with_key("AKIAPROXYEXAMPLE0000", SECRET)
        .with("AWS_REGION", "us-east-1")
}

/// Starts a proxy in front of a server, and returns it with its URL and its token.
pub(crate) fn start(home: &Home, to: &str, more: &[&str]) -> (Running, String, String) {
    let service = ["--service", "s3"];
    let service = &service[..if more.contains(&service[0]) { 0 } else { 2 }];
    let words = [&["--to", to][..], service, more].concat();
    let server = Running::serve(home, "proxy", &words);
    let value = |name: &str| {
        let mut exports = server.exports.iter();
        let found = exports.find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (url, token) = (value("KEYFOB_PROXY_URL"), value("KEYFOB_PROXY_TOKEN"));
    (server, url, token)
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn requests_without_a_key_reach_a_server_that_verifies_signatures() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    let (_proxy, url, token) = start(&home, &server.url, &[]);
    let token = [("X-Keyfob-Token", token.as_str())];
    let at = |path: &str| format!("{url}/{path}");
    let unsigned = fetch("GET", &format!("{}/", server.url), &[], "");
    assert_eq!(status(&unsigned), "400", "{unsigned}");
    assert_eq!(status(&fetch("PUT", &at("bucket"), &token, "")), "200");
    let put = fetch("PUT", &at("bucket/a%20b%2Bc"), &token, "the body");
    assert_eq!(status(&put), "200", "{put}");
    let got = fetch("GET", &at("bucket/a%20b%2Bc"), &token, "");
    assert_has(&got, &["HTTP/1.1 200", "\r\n\r\nthe body"]);
    assert_eq!(
        status(&fetch("GET", &at("bucket/absent"), &token, "")),
        "404"
    );
}

#[test]
fn boto3_needs_no_key_and_a_placeholder_key_is_not_sent_on() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    let (_proxy, url, token) = start(&home, &server.url, &[]);
    let program = format!(
        "
import boto3
from botocore import UNSIGNED
from botocore.config import Config

for bucket, config, key in [('one', Config(signature_version=UNSIGNED), None),
                            ('two', Config(), 'AKIAPLACEHOLDER')]:
    config = config.merge(Config(s3={{'addressing_style': 'path'}}))
    s3 = boto3.client('s3', endpoint_url='{url}', region_name='us-east-1', config=config,
                      aws_access_key_id=key, aws_secret_access_key=key and 'placeholder')
    def add(request, **_):
        request.headers['X-Keyfob-Token'] = '{token}'
    s3.meta.events.register('before-send.s3', add)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key='a b', Body=b'the body')
    print(s3.get_object(Bucket=bucket, Key='a b')['Body'].read().decode())
"
    );
    assert_eq!(boto3(&Home::new(), &program).ok(), "the body\nthe body\n");
}

#[test]
fn what_may_not_pass_reaches_no_server() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let more = ["--allow-method", "GET", "--allow-path", "/public/*"];
    let (_proxy, url, token) = start(&home, &upstream, &more);
    let own = ("X-Keyfob-Token", token.as_str());
    let address = url.trim_start_matches("http://");
    for (method, path, headers, expected) in [
        ("GET", "/public/a", vec![], "401"),
        ("GET", "/public/a", vec![("X-Keyfob-Token", "wrong")], "401"),
        ("GET", "/public/a", vec![own, ("Origin", "null")], "403"),
        (
            "GET",
            "/public/a",
            vec![own, ("Sec-Fetch-Site", "cross-site")],
            "403",
        ),
        (
            "GET",
            "/public/a",
            vec![own, ("X-Forwarded-For", "10.0.0.1")],
            "403",
        ),
        (
            "GET",
            "/public/a",
            vec![own, ("X-Amz-Copy-Source", "/private/a")],
            "403",
        ),
        (
            "GET",
            "/public/a",
            vec![own, ("X-Own", "a"), ("Connection", "close, X-Own")],
            "400",
        ),
        ("PUT", "/public/a", vec![own], "403"),
        ("GET", "/private", vec![own], "403"),
        ("GET", "/public/%2e%2e/private", vec![own], "403"),
    ] {
        let answer = fetch(method, &format!("{url}{path}"), &headers, "");
        assert_eq!(
            status(&answer),
            expected,
            "{method} {path} {headers:?}: {answer}"
        );
        assert_lacks(&answer, &[&token, "canary"]);
    }
    let head = format!("X-Keyfob-Token: {token}\r\nConnection: close\r\n\r\n");
    for (start, expected) in [
        (
            "GET /public/a HTTP/1.1\r\nHost: evil.example\r\n".to_owned(),
            "403",
        ),
        (
            format!("GET http://{address}/public/a HTTP/1.1\r\nHost: {address}\r\n"),
            "400",
        ),
        (
            format!("GET /public/a HTTP/1.1\r\nHost: {address}\r\nHost: b\r\n"),
            "403",
        ),
        (
            format!("GET /public/a HTTP/1.1\r\nHost: {address}\r\nX-A: b\r\n c\r\n"),
            "400",
        ),
        (
            format!("GET /public/a HTTP/1.1\r\nHost: {address}\r\nX-A : b\r\n"),
            "400",
        ),
        (
            format!(
                "GET /public/a HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1\r\n\
                 Content-Length: 2\r\n"
            ),
            "400",
        ),
        (
            format!(
                "GET /{} HTTP/1.1\r\nHost: {address}\r\n",
                "a".repeat(70_000)
            ),
            "414",
        ),
    ] {
        let answer = exchange(address, &format!("{start}{head}")).unwrap();
        assert_eq!(status(&answer), expected, "{start:.200}: {answer}");
    }
    assert!(requests.try_recv().is_err());
    // The same with nothing wrong.
    let passed = fetch("GET", &format!("{url}/public/a"), &[own], "");
    assert_has(&passed, &["HTTP/1.1 200", "passed"]);
}

#[test]
fn the_upstream_gets_a_signature_and_no_token() {
    let (upstream, _requests) = start_echo();
    let home = home();
    std::fs::write(home.path().join("token"), "from-a-file\n").unwrap();
    let more = [
        "--token-file",
        "token",
        "--strip-header",
        "X-Secret",
        "--add-header",
        "X-Add: 1",
    ];
    let (_proxy, url, token) = start(&home, &upstream, &more);
    assert_eq!(token, "");
    let headers = [
        ("Authorization", "Bearer from-a-file"),
        ("X-Secret", "hidden"),
    ];
    let echo = fetch("GET", &format!("{url}/a"), &headers, "");
    assert_has(
        &echo,
        &["AWS4-HMAC-SHA256", "AKIAPROXYEXAMPLE0000", "x-add"],
    );
    assert_lacks(&echo, &["from-a-file", "hidden", "canary"]);
    // The file may change. It is read again within a second.
    std::fs::write(home.path().join("token"), "another").unwrap();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(
        status(&fetch("GET", &format!("{url}/a"), &headers, "")),
        "401"
    );
}

#[test]
fn a_body_above_the_limit_and_a_server_that_is_gone_have_their_answers() {
    let home = home();
    let gone = format!("http://127.0.0.1:{}", free_port());
    let (_proxy, url, token) = start(&home, &gone, &["--max-body", "4"]);
    let own = [("X-Keyfob-Token", token.as_str())];
    assert_eq!(
        status(&fetch("PUT", &format!("{url}/a"), &own, "longer")),
        "413"
    );
    assert_eq!(
        status(&fetch("PUT", &format!("{url}/a"), &own, "four")),
        "502"
    );
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start() {
    let home = home();
    let proxy = |words: &[&str]| {
        home.keyfob([&["serve", "proxy"], words].concat())
            .fails(252)
    };
    proxy(&[]);
    assert_has(&proxy(&["--to", "ftp://a"]), &["--to: write a URL"]);
    assert_has(
        &proxy(&["--to", "https://a.example/path?query"]),
        &["--to: write a URL"],
    );
    for odd in [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://a.example:",
        "http://a.example/#part",
        "http://a.example/a/../b",
        "http://a.example/a/%2e%2E",
        "http://a.example/%zz",
        "http://a.example/%2",
    ] {
        let refused = proxy(&["--to", odd, "--service", "s3"]);
        assert_has(&refused, &["--to: write a URL"]);
    }
    // Requests would go round and round.
    for (listen, to) in [
        ("127.0.0.1:9913", "http://127.0.0.1:9913/a"),
        ("127.0.0.1:80", "http://LocalHost"),
        ("[::1]:9913", "http://[::1]:9913"),
        ("127.0.0.1:9913", "http://0.0.0.0:9913"),
        ("127.0.0.1:9913", "http://localhost.:9913"),
        ("127.0.0.1:9913", "http://[::ffff:127.0.0.1]:9913"),
    ] {
        let refused = proxy(&["--listen", listen, "--to", to, "--service", "s3"]);
        assert_has(&refused, &["--to", "the proxy itself listens on"]);
    }
    let one = ["--to", "https://a.example", "--service", "s3"];
    for (words, expected) in [
        (["--sign-host", ""], "--sign-host: write a host name"),
        (["--sign-host", "a b"], "--sign-host: write a host name"),
        (["--sign-host", "a@b"], "--sign-host: write a host name"),
        (["--allow-path", "b/k"], "begins with a slash"),
        (["--allow-path", ""], "begins with a slash"),
        (["--add-header", "Authorization: a"], "authorization itself"),
        (["--add-header", "X-Amz-Date: a"], "x-amz-date itself"),
        (["--add-header", "TE: trailers"], "te itself"),
        (["--add-header", "Upgrade: a"], "upgrade itself"),
        (["--strip-header", "TE"], "te itself"),
        (["--strip-header", "Authorization"], "authorization itself"),
        (
            ["--strip-header", "X-Amz-Content-Sha256"],
            "x-amz-content-sha256 itself",
        ),
        (
            ["--strip-header", "x-keyfob-token"],
            "x-keyfob-token itself",
        ),
        (["--strip-header", "Origin"], "with origin come from"),
        (["--strip-header", "Sec-Fetch-Site"], "are refused"),
        (["--host", "a:80"], "without a port"),
    ] {
        assert_has(&proxy(&[&one[..], &words].concat()), &[expected]);
    }
    for token in ["two\nlines", "t\u{f6}k", "\u{feff}token", "a b"] {
        std::fs::write(home.path().join("odd"), token).unwrap();
        let refused = proxy(&[&one[..], &["--token-file", "odd"]].concat());
        assert_has(&refused, &["cannot be sent in a header"]);
        assert_lacks(&refused, &[token]);
    }
    std::fs::write(home.path().join("short"), "fifteen-letters\n").unwrap();
    let words = ["--listen-any", "--token-file", "short"];
    let refused = proxy(&[&one[..], &words].concat());
    assert_has(&refused, &["too short", "at least 16"]);
    assert_has(&proxy(&["--to", "https://a.example"]), &["--service"]);
    assert_has(
        &proxy(&["--allow", "a.example"]),
        &["--to URL with --service"],
    );
    let to = ["--to", "https://s3.us-east-1.amazonaws.com"];
    let with = |more: &[&str]| proxy(&[&to, more].concat());
    assert_has(&with(&["--listen", "0.0.0.0:0"]), &["--listen-any"]);
    assert_has(&with(&["--allow-method", "a b"]), &["--allow-method"]);
    assert_has(
        &with(&["--add-header", "Host: a"]),
        &["--add-header", "host"],
    );
    assert_has(&with(&["--token-file", "absent"]), &["--token-file"]);
    // Neither a folder nor a pipe can be read again.
    assert_has(
        &with(&["--token-file", "."]),
        &[
            "not a regular file",
            "only once",
            "write the token to a file",
        ],
    );
}

/// Reads the head of a request.
pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = String::new();
    let mut byte = [0];
    while !head.ends_with("\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
        head.push(byte[0].into());
    }
    head
}

#[test]
fn a_connection_is_used_again_until_the_server_closes_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let (sender, connections) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            sender.send(()).unwrap();
            for answer in [
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                // It closes the connection in the middle of the body.
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
            ] {
                if read_head(&mut stream).is_empty() {
                    break;
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    let home = home();
    let (_proxy, url, token) = start(&home, &upstream, &[]);
    let own = [("X-Keyfob-Token", token.as_str())];
    let get = || fetch("GET", &format!("{url}/a"), &own, "");
    for _ in 0..2 {
        assert_has(&get(), &["HTTP/1.1 200", "ok"]);
        assert_has(&get(), &["HTTP/1.1 200", "ok"]);
        let broken = exchange(
            url.trim_start_matches("http://"),
            &format!("GET /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n\r\n"),
        );
        // The caller sees that the answer has no end.
        assert!(broken.is_err() || broken.is_ok_and(|text| text.ends_with("\r\n\r\nok")));
    }
    assert_eq!(connections.try_iter().count(), 2);
}

#[test]
fn a_server_that_drops_each_connection_gets_one_for_each_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let (sender, connections) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            drop(stream.unwrap());
            sender.send(()).unwrap();
        }
    });
    let home = home();
    let (_proxy, url, token) = start(&home, &upstream, &[]);
    let own = [("X-Keyfob-Token", token.as_str())];
    const REQUESTS: usize = 50;
    for _ in 0..REQUESTS {
        let answer = fetch("GET", &format!("{url}/a"), &own, "");
        assert_eq!(status(&answer), "502", "{answer}");
    }
    // The last one may not have been counted yet.
    assert!(connections.try_iter().count() <= REQUESTS);
}

#[cfg(unix)]
#[test]
fn only_an_answer_that_may_refuse_the_time_changes_the_one_of_signatures() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let (sender, heads) = mpsc::channel();
    thread::spawn(move || {
        for status in ["200 OK", "403 Forbidden", "200 OK"] {
            let (mut stream, _) = listener.accept().unwrap();
            sender.send(read_head(&mut stream)).unwrap();
            let date = "Date: Sun, 29 Nov 2020 07:50:50 GMT\r\nConnection: close";
            let answer = format!("HTTP/1.1 {status}\r\n{date}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let (_proxy, url, token) = start(&home(), &upstream, &[]);
    for is_old in [false, false, true] {
        fetch(
            "GET",
            &format!("{url}/a"),
            &[("X-Keyfob-Token", &token)],
            "",
        );
        let head = heads.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(head.contains("x-amz-date: 20201129T"), is_old, "{head}");
    }
}

#[test]
fn a_signal_lets_a_request_in_progress_come_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let home = home();
    let (mut proxy, url, token) = start(&home, &upstream, &[]);
    let client = thread::spawn(move || {
        fetch(
            "GET",
            &format!("{url}/a"),
            &[("X-Keyfob-Token", &token)],
            "",
        )
    });
    let (mut stream, _) = listener.accept().unwrap();
    read_head(&mut stream);
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst")
        .unwrap();
    send("TERM", &proxy.child);
    thread::sleep(Duration::from_millis(500));
    assert!(proxy.child.try_wait().unwrap().is_none());
    stream.write_all(b"last").unwrap();
    assert_has(&client.join().unwrap(), &["HTTP/1.1 200", "firstlast"]);
    assert_eq!(proxy.child.wait().unwrap().code(), Some(143));
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_at_once_what_still_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    for second in ["TERM", "INT"] {
        let (mut proxy, url, token) = start(&home(), &upstream, &[]);
        let head = format!("GET /a HTTP/1.1\r\nHost: localhost\r\nX-Keyfob-Token: {token}\r\n\r\n");
        let mut client = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
        client.write_all(head.as_bytes()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        send("TERM", &proxy.child);
        thread::sleep(Duration::from_millis(700));
        assert!(proxy.child.try_wait().unwrap().is_none());
        let start = Instant::now();
        send(second, &proxy.child);
        assert_eq!(proxy.child.wait().unwrap().code(), Some(143));
        // It would wait for some more seconds.
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
    }
}

#[cfg(unix)]
#[test]
fn secrets_that_other_users_can_read_or_own_are_told() {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    let (upstream, _requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let keys = "[default]\naws_access_key_id = AKIDSTANDIN\naws_secret_access_key = placeholder\n";
    for (name, text) in [("token", "a-token"), ("keys", keys)] {
        std::fs::write(home.path().join(name), text).unwrap();
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(home.path().join(name), mode).unwrap();
    }
    let files = ["--token-file", "token", "--keys-file", "keys", "--resign"];
    let words = [&["--to", &upstream][..], &files].concat();
    let tell = |expected: &[&str]| {
        let proxy = Running::serve(&home, "proxy", &words);
        for expected in expected {
            let mut lines = std::iter::from_fn(|| {
                Some(proxy.lines.recv_timeout(Duration::from_secs(20)).unwrap())
            });
            assert!(lines.any(|line| line.contains(expected)), "{expected}");
        }
    };
    tell(&[
        "other users can read the token in token: run chmod 600 token",
        "other users can read the placeholder keys in keys: run chmod 600 keys",
    ]);
    // Only root may give a file away.
    let token = home.path().join("token");
    if chown(&token, Some(65534), None).is_err() {
        return;
    }
    let cure = r#"mine=$(mktemp token.XXXXXX) && cp token "$mine" && mv -f "$mine" token"#;
    tell(&[&format!(
        "token belongs to user 65534, who can read and change the token: run {cure}"
    )]);
    let cured = home.program("sh").args(["-c", cure]).status();
    assert!(cured.unwrap().success());
    tell(&["other users can read the placeholder keys"]);
    assert_eq!(
        std::fs::metadata(&token).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[cfg(unix)]
#[test]
fn a_token_in_a_file_is_replaced_with_sighup_or_without() {
    let (upstream, _requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let file = home.path().join("token");
    std::fs::write(&file, "first").unwrap();
    let (mut proxy, url, _) = start(&home, &upstream, &["--token-file", "token"]);
    let with = |token| {
        let answer = fetch("GET", &format!("{url}/a"), &[("X-Keyfob-Token", token)], "");
        status(&answer).to_owned()
    };
    assert_eq!(with("first"), "200");
    std::fs::write(&file, "second").unwrap();
    send("HUP", &proxy.child);
    let until = |token, expected| {
        let end = Instant::now() + Duration::from_secs(20);
        while with(token) != expected {
            assert!(
                Instant::now() < end,
                "{token} has another answer than {expected}"
            );
            thread::sleep(Duration::from_millis(50));
        }
    };
    until("second", "200");
    assert!(proxy.child.try_wait().unwrap().is_none());
    assert_eq!(with("first"), "401");
    // It cannot be sent in a header.
    std::fs::write(&file, "a token").unwrap();
    until("second", "500");
    std::fs::write(&file, "third").unwrap();
    until("third", "200");
    // Opening a named pipe would wait for its writer.
    std::fs::remove_file(&file).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    until("third", "500");
    assert_has(
        &fetch("GET", &format!("{url}/-/health"), &[], ""),
        &["HTTP/1.1 200"],
    );
    send("TERM", &proxy.child);
    assert_eq!(proxy.child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_proxy_that_only_reads_lets_no_other_action_pass() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let words = ["serve", "proxy", "--listen", "127.0.0.1:0", "--no-token"];
    let more = ["--read-only", "--to", &upstream, "--service", "iam"];
    let proxy = Running::start(&home, &[&words[..], &more].concat());
    let url = &proxy.exports[0].1;
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let target = ("X-Amz-Target", "A.ListUsers");
    for (method, path, header, body) in [
        ("PUT", "/", form, "Action=ListUsers"),
        ("POST", "/", form, "Action=DeleteUser"),
        ("POST", "/?Action=DeleteUser", form, "Action=ListUsers"),
        ("GET", "/?Action=DeleteUser", target, ""),
        ("POST", "/", target, "Action=DeleteUser"),
        ("POST", "/", ("X-Other", "a"), "Action=ListUsers"),
    ] {
        let answer = fetch(method, &format!("{url}{path}"), &[header], body);
        assert_eq!(status(&answer), "403", "{method} {path} {body}: {answer}");
        assert_has(&answer, &["--read-only"]);
    }
    // The service would read another form in it.
    let coded = [form, ("Content-Encoding", "gzip")];
    let answer = fetch("POST", &format!("{url}/"), &coded, "Action=ListUsers");
    assert_has(&answer, &["HTTP/1.1 403", "without Content-Encoding"]);
    assert!(requests.try_recv().is_err());
    for (method, path, body) in [("POST", "/", "Action=ListUsers"), ("GET", "/", "")] {
        let answer = fetch(method, &format!("{url}{path}"), &[form], body);
        assert_has(&answer, &["HTTP/1.1 200", "passed"]);
    }
}

#[test]
fn credentials_of_aws_are_given_only_by_a_proxy_that_may() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let words = ["serve", "proxy", "--listen", "127.0.0.1:0", "--no-token"];
    let start = |service: &str, more: &[&str]| {
        let one = ["--to", &upstream, "--service", service];
        Running::start(&home, &[&words[..], &one, more].concat())
    };
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let sts = start("sts", &[]);
    let url = &sts.exports[0].1;
    for (method, path, header, body) in [
        ("POST", "/", form, "Version=1&Action=AssumeRole"),
        (
            "POST",
            "/",
            ("Content-Type", "text/plain"),
            "Action=GetSessionToken",
        ),
        ("PUT", "/", form, "a=1;Action=GetSessionToken"),
        ("GET", "/?Action=GetFederationToken", form, ""),
        ("POST", "/", ("X-Amz-Target", "A.AssumeRoot"), "{}"),
        ("POST", "/", ("Content-Encoding", "gzip"), "coded"),
    ] {
        let answer = fetch(method, &format!("{url}{path}"), &[header], body);
        assert_eq!(status(&answer), "403", "{method} {path} {body}: {answer}");
    }
    let asks = fetch("POST", &format!("{url}/"), &[form], "Action=AssumeRole");
    assert_has(&asks, &["only a proxy with --allow-credentials gives"]);
    let s3 = start("s3", &[]);
    let session = fetch("GET", &format!("{}/b?session", s3.exports[0].1), &[], "");
    assert_eq!(status(&session), "403", "{session}");
    assert!(requests.try_recv().is_err());
    let who = fetch(
        "POST",
        &format!("{url}/"),
        &[form],
        "Action=GetCallerIdentity",
    );
    assert_has(&who, &["HTTP/1.1 200", "passed"]);
    let gives = start("sts", &["--allow-credentials"]);
    let url = format!("{}/", gives.exports[0].1);
    let role = fetch("POST", &url, &[form], "Action=AssumeRole");
    assert_has(&role, &["HTTP/1.1 200", "passed"]);
}

#[test]
fn a_name_of_the_proxy_is_its_own_if_it_is_told() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let names = ["--host", "proxy.internal", "--host", "keyfob"];
    let (_proxy, url, token) = start(&home(), &upstream, &names);
    let address = url.trim_start_matches("http://");
    let by = |host: &str, path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        exchange(address, &format!("{head}X-Keyfob-Token: {token}\r\n\r\n")).unwrap()
    };
    let other = by("evil.example:9913", "/a");
    assert_has(&other, &["HTTP/1.1 403", "--host allows a name"]);
    assert!(requests.try_recv().is_err());
    for host in ["Proxy.Internal:9913", "keyfob"] {
        assert_has(&by(host, "/a"), &["HTTP/1.1 200", "passed"]);
        let metrics = by(host, "/-/metrics");
        assert_has(&metrics, &["HTTP/1.1 200", "requests_total"]);
        // As the log has it.
        assert_has(&metrics, &["--host allows a name\"} 1\n"]);
    }
}

#[test]
fn the_proxy_has_pages_of_its_own_which_are_never_sent_on() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let (_proxy, url, token) = start(&home, &upstream, &["--allow-path", "/a"]);
    let own = [("X-Keyfob-Token", token.as_str())];
    let get = |path: &str, headers: &[_]| fetch("GET", &format!("{url}{path}"), headers, "");
    let health = get("/-/health", &[]);
    assert_has(&health, &["HTTP/1.1 200", "\r\n\r\nok\n"]);
    assert_lacks(&health, &[&token, "AKIA", "canary"]);
    for (method, path, headers, expected) in [
        ("GET", "/-/metrics", &[][..], "401"),
        ("GET", "/-/metrics?a", &[("X-Keyfob-Token", "wrong")], "401"),
        ("POST", "/-/health", &own, "405"),
        ("GET", "/b", &own, "403"),
        ("GET", "/-/metrics", &[own[0], ("Origin", "null")], "403"),
    ] {
        let answer = fetch(method, &format!("{url}{path}"), headers, "");
        assert_eq!(status(&answer), expected, "{method} {path}: {answer}");
    }
    // What is no request at all counts, too.
    let long = "a".repeat(70_000);
    for (head, expected) in [
        ("GET /a b HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET /a HTTP/1.1\r\nHost : a\r\n\r\n".to_owned(), "400"),
        (
            "GET /a HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(),
            "400",
        ),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), "414"),
        (
            format!("GET /a HTTP/1.1\r\nX-A: {}\r\n\r\n", long.repeat(10)),
            "431",
        ),
    ] {
        let answer = exchange(url.trim_start_matches("http://"), &head).unwrap();
        assert_eq!(status(&answer), expected, "{head:.100}");
    }
    assert!(requests.try_recv().is_err());
    assert_eq!(status(&get("/a", &own)), "200");
    let foreign = "GET /a HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    let foreign = exchange(url.trim_start_matches("http://"), foreign).unwrap();
    assert_eq!(status(&foreign), "403");
    let metrics = get("/-/metrics", &own);
    assert_has(
        &metrics,
        &[
            "content-type: text/plain; version=0.0.4",
            "# TYPE keyfob_proxy_requests_total counter\n",
            "keyfob_proxy_requests_total{status=\"2xx\"} 1\n",
            "keyfob_proxy_requests_total{status=\"4xx\"} 11\n",
            "keyfob_proxy_refusals_total{reason=\"the URL of the request is too long\"} 1\n",
            "keyfob_proxy_refusals_total{reason=\"the head of the request is malformed\"} 3\n",
            "keyfob_proxy_refusals_total{reason=\"the head of the request is too long\"} 1\n",
            "keyfob_proxy_refusals_total{reason=\"the path is not one of --allow-path\"} 1\n",
            "keyfob_proxy_refusals_total{reason=\"the token of this proxy is missing or wrong\"} 2\n",
            "keyfob_proxy_request_duration_seconds_count 5\n",
            // The request for this page.
            "keyfob_proxy_in_flight_requests 1\n",
        ],
    );
    assert_lacks(&metrics, &[&token, "AKIA", "canary"]);
}

#[test]
fn a_web_page_whose_name_leads_here_reads_no_page_of_a_proxy_for_many_hosts() {
    let words = ["serve", "proxy", "--listen", "127.0.0.1:0", "--no-token"];
    let proxy = Running::start(&home(), &[&words[..], &["--allow", "*"]].concat());
    let address = proxy.exports[0].1.trim_start_matches("http://");
    let port = address.rsplit(':').next().unwrap();
    for path in ["health", "metrics"] {
        for (host, expected) in [
            (address.to_owned(), "200"),
            (format!("localhost:{port}"), "200"),
            (format!("evil.example:{port}"), "403"),
            ("sts.us-east-1.amazonaws.com".to_owned(), "403"),
        ] {
            let get =
                format!("GET /-/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let answer = exchange(address, &get).unwrap();
            assert_eq!(status(&answer), expected, "{path} {host}: {answer}");
        }
    }
}

#[test]
fn a_log_line_says_what_was_asked_for_and_nothing_that_was_sent() {
    let (upstream, _requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let iam = ["--service", "iam", "--log-format", "json"];
    let words = [&["--to", &upstream][..], &iam].concat();
    let proxy = Running::serve(&home, "proxy", &words);
    let [(_, url), (_, token)] = &proxy.exports[..] else {
        panic!("{:?}", proxy.exports);
    };
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let own = ("X-Keyfob-Token", token.as_str());
    let at = format!("{url}/canary-path?canary-query=1");
    let headers = [own, form, ("X-Canary", "canary-header")];
    // Notes are JSON, too, so that a program can read all of it.
    let note = proxy.lines.recv_timeout(Duration::from_secs(20)).unwrap();
    let note = serde_json::from_str::<serde_json::Value>(&note).unwrap();
    assert!(note["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(note["level"], "note");
    assert_eq!(
        note["message"],
        "requests are signed with the credentials from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
    );
    fetch("POST", &at, &headers, "Action=ListUsers&Secret=canary-body");
    fetch("GET", &at, &[("X-Keyfob-Token", "canary-token")], "");
    // A text that is no name may be a secret, or a whole body.
    let long = "canary".repeat(11);
    fetch("POST", &at, &headers, &format!("Action={long}"));
    fetch("POST", &at, &headers, "Action=canary-secret");
    fetch(&long, &at, &headers[..1], "");
    let in_query = format!("{at}&Action=CreateAccessKey");
    fetch("POST", &in_query, &headers, "a=canary-body");
    let line = || {
        let line = proxy.lines.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_lacks(&line, &["canary", token]);
        serde_json::from_str::<serde_json::Value>(&line).unwrap()
    };
    let passed = line();
    let names: Vec<_> = passed
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        [
            "time",
            "method",
            "host",
            "service",
            "action",
            "status",
            "duration_ms",
            "caller",
            "reason"
        ]
    );
    assert_eq!(passed["method"], "POST");
    assert_eq!(passed["host"], "127.0.0.1");
    assert_eq!(passed["service"], "iam");
    assert_eq!(passed["action"], "ListUsers");
    assert_eq!(passed["status"], 200);
    assert!(passed["duration_ms"].is_u64() && passed["reason"].is_null());
    assert!(passed["caller"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(passed["time"].as_str().unwrap().ends_with('Z'));
    let refused = line();
    assert_eq!(
        (&refused["method"], &refused["status"]),
        (&"GET".into(), &401.into())
    );
    assert!(refused["host"].is_null() && refused["action"].is_null());
    assert_has(refused["reason"].as_str().unwrap(), &["token"]);
    for (name, part) in [("POST", "action"), ("POST", "action"), ("?", "method")] {
        let passed = line();
        assert_eq!(
            (&passed["method"], &passed[part]),
            (&name.into(), &"?".into())
        );
    }
    let refused = line();
    assert_eq!(
        (&refused["host"], &refused["action"], &refused["status"]),
        (&"127.0.0.1".into(), &"CreateAccessKey".into(), &403.into())
    );
    // What the listener refuses has a line, too.
    let web = ("Origin", "http://canary.example");
    assert_eq!(status(&fetch("GET", &at, &[own, web], "")), "403");
    let refused = line();
    assert_eq!(refused["status"], 403);
    assert_eq!(refused["method"], "GET");
    let from = |line: &serde_json::Value| line["caller"].as_str().map(|from| from[..10].to_owned());
    assert_eq!(from(&refused).as_deref(), Some("127.0.0.1:"));
    assert!(refused["reason"].is_string());
    // What is no request at all, too.
    let address = url.trim_start_matches("http://");
    exchange(address, "GET /canary HTTP/1.1\r\ncanary\r\n\r\n").unwrap();
    let refused = line();
    assert_eq!(
        (&refused["method"], &refused["status"]),
        (&().into(), &400.into())
    );
    assert_eq!(refused["reason"], "the head of the request is malformed");
    assert_eq!(from(&refused).as_deref(), Some("127.0.0.1:"));
}

#[test]
fn the_path_of_to_stands_before_those_of_requests_and_is_signed() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    let (_proxy, url, token) = start(&home, &format!("{}/bucket/", server.url), &["--read-only"]);
    let (_writer, root, other) = start(&home, &server.url, &[]);
    let writer = [("X-Keyfob-Token", other.as_str())];
    for path in ["bucket", "bucket/a/token"] {
        let put = fetch("PUT", &format!("{root}/{path}"), &writer, "");
        assert_eq!(status(&put), "200", "{put}");
    }
    let reader = [("X-Keyfob-Token", token.as_str())];
    for (path, expected) in [
        // The key of an object says nothing of what a request does.
        ("a/token", "200"),
        ("bucket/a/token", "404"),
        ("../bucket/a/token", "403"),
    ] {
        let got = fetch("GET", &format!("{url}/{path}"), &reader, "");
        assert_eq!(status(&got), expected, "{path}: {got}");
    }
}

#[test]
fn what_could_be_read_as_two_requests_is_refused_or_sent_as_one() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let (_proxy, url, token) = start(&home, &upstream, &[]);
    let address = url.trim_start_matches("http://");
    let own = format!("Host: {address}\r\nX-Keyfob-Token: {token}\r\nConnection: close\r\n");
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    for request in [
        format!("GET http://evil.example/a HTTP/1.1\r\n{own}\r\n"),
        format!("GET https://{address}/-/metrics HTTP/1.1\r\n{own}\r\n"),
        format!("GET /a HTTP/1.1\r\n{own}X-A: b\r\n c\r\n\r\n"),
        format!("POST /a HTTP/1.1\r\n{own}Transfer-Encoding: gzip\r\n\r\n{hidden}"),
        format!("POST /a HTTP/1.1\r\n{own}Content-Length: 5, 6\r\n\r\n{hidden}"),
        format!("POST /a HTTP/1.1\r\n{own}Content-Length: +5\r\n\r\n{hidden}"),
        format!("POST /a HTTP/1.1\r\n{own}Transfer-Encoding: chunked\r\n\r\nx\r\n{hidden}"),
    ] {
        let answer = exchange(address, &request).unwrap();
        let expected = if request.contains("evil") {
            "403"
        } else {
            "400"
        };
        assert_eq!(status(&answer), expected, "{request}: {answer}");
    }
    // The connection closes by itself, before what is hidden in the body.
    let own = format!("Host: {address}\r\nX-Keyfob-Token: {token}\r\n");
    let body = format!("Content-Length: {}\r\n\r\n{hidden}", hidden.len());
    for odd in [
        "Content-Length: 1\r\n",
        "X-A: b\r\n c\r\n",
        "X-A: b\r\n\tc\r\n",
        " X-A: b\r\n",
        "X-A : b\r\n",
        "X-A\t: b\r\n",
        "X-A: b\0c\r\n",
        "X\0A: b\r\n",
        "X-A: b\rTransfer-Encoding: chunked\r\n",
        "X-A\n: b\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: \r\n",
    ] {
        let answer = exchange(address, &format!("POST /a HTTP/1.1\r\n{own}{odd}{body}")).unwrap();
        assert_has(&answer, &["HTTP/1.1 400 ", "connection: close\r\n"]);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{odd:?}: {answer}");
    }
    assert!(requests.try_recv().is_err());
    let (upstream, requests) = start_echo();
    let (_proxy, url, token) = start(&home, &upstream, &[]);
    let address = url.trim_start_matches("http://");
    let own = format!("Host: {address}\r\nX-Keyfob-Token: {token}\r\nConnection: close\r\n");
    // With both, the length counts for nothing, does not go out, and the connection closes (RFC
    // 9112, section 6.3).
    let stays = own.replace("Connection: close\r\n", "");
    let [both, turned] = [
        "Content-Length: 60\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 60\r\n",
    ]
    .map(|framing| {
        let chunks = "2\r\nok\r\n0\r\n\r\n";
        format!("POST /a HTTP/1.1\r\n{stays}{framing}\r\n{chunks}{hidden}")
    });
    // Two that are equal count as one (section 6.3).
    let equal = "Content-Length: 2\r\nContent-Length: 2\r\n";
    let equal = format!("POST /a HTTP/1.1\r\n{own}{equal}\r\nok");
    // A line may end without a carriage return (section 2.2): it ends so for the signature, too.
    let bare = format!("GET /a HTTP/1.1\n{own}X-A: b\nX-B: c\r\n\r\n");
    for (request, expected) in [
        (both, &["content-length: 2\r\n", "\r\n\r\nok"]),
        (turned, &["content-length: 2\r\n", "\r\n\r\nok"]),
        (equal, &["content-length: 2\r\n", "\r\n\r\nok"]),
        (bare, &["x-a: b\r\n", "x-b: c\r\n"]),
    ] {
        let answer = exchange(address, &request).unwrap();
        assert_has(&answer, &["HTTP/1.1 403", "<Code>Echo</Code>"]);
        let sent = requests.recv_timeout(Duration::from_secs(20)).unwrap();
        let sent = sent.to_ascii_lowercase();
        assert_has(&sent, expected);
        assert_lacks(&sent, &["hidden", "transfer-encoding"]);
        assert!(requests.try_recv().is_err(), "{request}");
    }
}

#[test]
fn the_aws_cli_works_without_a_key() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    let words = ["serve", "proxy", "--listen", "127.0.0.1:0", "--no-token"];
    let more = ["--to", &server.url, "--service", "s3"];
    let proxy = Running::start(&home, &[&words[..], &more].concat());
    let url = &proxy.exports[0].1;
    let caller = Home::new().with("AWS_DEFAULT_REGION", "us-east-1");
    let file = caller.path().join("file");
    std::fs::write(&file, "the body").unwrap();
    let aws = |words: &[&str]| {
        let unsigned = ["--no-sign-request", "--endpoint-url", url, "s3"];
        caller.aws(&[&unsigned, words].concat()).ok()
    };
    aws(&["mb", "s3://bucket"]);
    aws(&["cp", file.to_str().unwrap(), "s3://bucket/a b"]);
    assert_eq!(aws(&["cp", "s3://bucket/a b", "-"]), "the body");
    assert_has(&aws(&["ls", "s3://bucket"]), &["8 a b\n"]);
}

#[test]
fn curl_needs_a_token_and_no_key() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    let (_proxy, url, token) = start(&home, &server.url, &[]);
    let caller = Home::new().with("TOKEN", &token);
    let curl = |words: &str| {
        let mut shell = caller.program("sh");
        let line =
            format!("echo \"header = \\\"X-Keyfob-Token: $TOKEN\\\"\" | curl -sS -f -K - {words}");
        Run::new(shell.args(["-c", &line]).output().unwrap())
    };
    std::fs::write(caller.path().join("file"), "by curl").unwrap();
    curl(&format!("-X PUT {url}/bucket")).ok();
    curl(&format!("-T file {url}/bucket/key")).ok();
    assert_eq!(curl(&format!("{url}/bucket/key")).ok(), "by curl");
    let mut without = caller.program("curl");
    let without = without.args(["-sS", "-f", &format!("{url}/bucket/key")]);
    assert_has(&Run::new(without.output().unwrap()).stderr, &["401"]);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_for_the_programs_of_its_user() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    let serve = [
        "serve",
        "proxy",
        "--to",
        &server.url,
        "--service",
        "s3",
        "--log-format",
        "json",
    ];
    let listen = ["--listen", "unix:socket", "--no-token"];
    let mut proxy = Running::start(&home, &[&serve[..], &listen].concat());
    let path = home.path().join("socket");
    let [(name, value)] = &proxy.exports[..] else {
        panic!("{:?}", proxy.exports);
    };
    assert_eq!(name, "KEYFOB_PROXY_SOCKET");
    assert_eq!(std::path::Path::new(value), path.canonicalize().unwrap());
    let curl = |words: &[&str]| {
        let mut curl = home.program("curl");
        curl.args(["-sS", "-f", "--unix-socket", value]).args(words);
        Run::new(curl.output().unwrap())
    };
    curl(&["-X", "PUT", "http://localhost/bucket"]).ok();
    std::fs::write(home.path().join("file"), "by a socket").unwrap();
    curl(&["-T", "file", "http://localhost/bucket/key"]).ok();
    assert_eq!(curl(&["http://localhost/bucket/key"]).ok(), "by a socket");
    assert_has(&curl(&["http://evil.example/bucket/key"]).stderr, &["403"]);
    let line = || proxy.lines.recv_timeout(Duration::from_secs(20)).unwrap();
    let warning = std::iter::from_fn(|| Some(line())).find(|line| line.contains("warning"));
    assert_has(&warning.unwrap(), &["every program of this user"]);
    let user = rustix::process::getuid().as_raw();
    assert_has(&line(), &["\"PUT\"", &format!("\"caller\":\"user {user}")]);
    // A second one is refused, and a signal removes the file.
    let second = home.keyfob([&serve[..], &listen].concat()).fails(255);
    assert_has(&second, &["could not listen on socket"]);
    send("TERM", &proxy.child);
    assert_eq!(proxy.child.wait().unwrap().code(), Some(143));
    assert!(!path.exists());
    let listen = ["--listen", "unix:socket", "--resign"];
    let resigns = home.keyfob([&serve[..], &listen].concat()).fails(252);
    assert_has(&resigns, &["--listen", "127.0.0.1:9913"]);
    let nowhere = home
        .keyfob([&serve[..], &["--listen", "unix:"]].concat())
        .fails(252);
    assert_has(&nowhere, &["after unix:"]);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_refuses_the_programs_of_another_user_whatever_its_mode_is() {
    use std::{
        fs::{self, Permissions},
        os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    };

    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let serve = ["serve", "proxy", "--to", &upstream, "--service", "s3"];
    let listen = ["--listen", "unix:socket", "--no-token"];
    let _proxy = Running::start(&home, &[&serve[..], &listen].concat());
    let socket = home.path().join("socket");
    // Nothing but the check of the user is in the way.
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o777)).unwrap();
    let curl = || {
        let mut curl = home.program("curl");
        curl.args(["-sS", "-f", "http://localhost/key", "--unix-socket"]);
        curl.arg(&socket);
        curl
    };
    let may_connect = match home
        .program("test")
        .arg("-w")
        .arg(&socket)
        .uid(1234)
        .gid(1234)
        .output()
    {
        Ok(output) => Run::new(output),
        Err(error) => {
            println!("only root can run a program of another user ({error}): nothing is tested");
            return;
        }
    };
    may_connect.ok();
    let refused = Run::new(curl().uid(1234).gid(1234).output().unwrap());
    assert_eq!(refused.stdout, "");
    // The connection is closed: 7 if that is before curl looks at it.
    assert!(matches!(refused.code, 7 | 52 | 55 | 56), "{refused:?}");
    assert!(requests.try_recv().is_err());
    assert_eq!(Run::new(curl().output().unwrap()).ok(), "passed");
}
