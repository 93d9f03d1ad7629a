//! `keyfob request`, against servers that verify each signature.

use std::{
    collections::VecDeque,
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use flate2::{Compression, write::GzEncoder};
use keyfob_sigv4::{Credentials, Payload, Request, Scope, Timestamp, verify::Verifier};

use crate::{
    keyfob::{Home, Run, assert_has, assert_lacks},
    readme::transcript,
};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "canary/secret+access/key";
const TOKEN: &str = "canary-session-token-that-is-long";

fn home() -> Home {
    Home::new()
        .with_key(ID, SECRET)
        .with("AWS_REGION", "eu-west-1")
}

/// A request, as it was received.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    /// Decoded, if it came in signed chunks.
    body: Vec<u8>,
    /// The scope of a signature that is right, or what is wrong with it.
    verdict: Result<String, String>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }
}

/// A server on this machine that gives the answers in turn, and the last one again and again.
struct Site {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Site {
    fn new(answers: &[&str]) -> Self {
        let left = Mutex::new(answers.iter().map(|text| (*text).to_owned()).collect());
        Self::with(move |_| next(&left).into_bytes())
    }

    fn with(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::at(Timestamp::now, answer)
    }

    fn at(
        clock: fn() -> Timestamp,
        answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&seen);
        // It ends with the tests.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = receive(&mut stream, clock()) else {
                    continue;
                };
                let answer = answer(&request);
                list.lock().unwrap().push(request);
                let _ = stream.write_all(&answer);
            }
        });
        Self { port, seen }
    }

    /// Returns the URL of a path at `localhost`.
    fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Returns the only request.
    #[track_caller]
    fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }
}

fn next(left: &Mutex<VecDeque<String>>) -> String {
    let mut left = left.lock().unwrap();
    if left.len() > 1 {
        return left.pop_front().unwrap();
    }
    left[0].clone()
}

fn receive(stream: &mut TcpStream, now: Timestamp) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => bytes.extend_from_slice(&buffer[..length]),
            _ => return None,
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes.split_off(head);
    while body.len() < length {
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => body.extend_from_slice(&buffer[..length]),
            _ => return None,
        }
    }
    let (verdict, body) = match verify(&method, &target, &headers, &body, now) {
        Ok((scope, decoded)) => (Ok(scope), decoded),
        Err(reason) => (Err(reason), body),
    };
    Some(Seen {
        method,
        target,
        headers,
        body,
        verdict,
    })
}

/// Returns the region and the service of a signature that is right, and the body without chunks.
fn verify(
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
    now: Timestamp,
) -> Result<(String, Vec<u8>), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let all = format!("{target} {headers:?}").replace("%2F", "/");
    let scope = all
        .split_once("Credential=")
        .and_then(|(_, rest)| {
            let mut parts = rest.split('/').skip(2);
            Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
        })
        .ok_or("not signed")?;
    let verifier = Verifier::new(Scope::new(&scope.0, &scope.1).unwrap());
    let has_hash = headers
        .iter()
        .any(|(name, _)| *name == "x-amz-content-sha256");
    let is_presigned_s3 = scope.1 == "s3" && target.contains("X-Amz-Signature");
    let payload = if has_hash || is_presigned_s3 {
        Payload::Declared
    } else {
        Payload::Bytes(body)
    };
    let request = Request::from_wire(method, target, &headers).map_err(|error| text(&error))?;
    let request = request.payload(payload);
    let mut key = Credentials::new(ID, SECRET).unwrap();
    if all.to_ascii_lowercase().contains("x-amz-security-token") {
        key = key.with_session_token(TOKEN).unwrap();
    }
    let verified = verifier
        .verify(&request, now, |id| (id == ID).then(|| key.clone()))
        .map_err(|error| text(&error))?;
    let mut decoded = Vec::new();
    match verifier
        .chunk_decoder(&verified, &request)
        .map_err(|error| text(&error))?
    {
        Some(mut decoder) => {
            decoder
                .feed(body, &mut decoded)
                .map_err(|error| text(&error))?;
            decoder.finish().map_err(|error| text(&error))?;
        }
        None => decoded.extend_from_slice(body),
    }
    if let Some(hash) = verified.content_sha256() {
        use sha2::Digest as _;
        let real: [u8; 32] = sha2::Sha256::digest(&decoded).into();
        if real != hash {
            return Err("the hash is not that of the body".to_owned());
        }
    }
    Ok((format!("{}/{}", scope.0, scope.1), decoded))
}

fn answer(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ok(body: &str) -> String {
    answer("200 OK", &[], body)
}

fn slow_down() -> String {
    let body = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce</Message>\
                <RequestId>R1</RequestId></Error>";
    answer("503 Slow Down", &[], body)
}

fn request(home: &Home, words: &[&str]) -> Run {
    home.keyfob([&["request"], words].concat())
}

#[test]
fn every_form_of_a_request_has_a_signature_that_is_right() {
    let json = &["--json", "{\"a\": 1}"][..];
    for (words, path, service) in [
        (&[][..], "/", "s3"),
        (&[], "/a%20b/c+d//e%2Ff?x=1&y=&z", "s3"),
        (&[], "/ü b?q=ü", "s3"),
        (&[], "/a%20b/c?x=%2F&a=b", "execute-api"),
        (&["-d", "a=b&c=d"], "/", "sts"),
        (json, "/prod", "execute-api"),
        (&["-X", "PUT", "-d", ""], "/empty", "s3"),
        (&["-X", "PUT"], "/empty", "s3"),
        (&["-X", "DELETE"], "/k", "s3"),
        (&["-G", "-d", "a=b c", "--data-urlencode", "d=&"], "/", "es"),
        (&["-H", "X-Custom: a  b", "-H", "X-Custom: c"], "/", "es"),
        (&["-H", "Host: other.example"], "/", "es"),
        (&["--data-raw", "@x"], "/", "es"),
        (&["--unsigned-payload", "-d", "x"], "/", "s3"),
        (
            &["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-d", "x"],
            "/",
            "s3",
        ),
        (&["-I"], "/k", "s3"),
    ] {
        for auth in ["header", "query"] {
            let site = Site::new(&[&ok("")]);
            let url = site.url(path);
            let line = [words, &["--service", service, "--auth", auth, &url]].concat();
            let run = request(&home(), &line);
            assert_eq!(run.code, 0, "{line:?} {run:?}");
            let seen = site.only();
            let expected = Ok(format!("eu-west-1/{service}"));
            assert_eq!(seen.verdict, expected, "{line:?} {seen:?}");
            let in_header = seen.header("authorization").is_some();
            assert_eq!(in_header, auth == "header", "{line:?} {seen:?}");
        }
    }
}

#[test]
fn the_body_and_its_headers_are_those_of_curl() {
    let home = home();
    fs::write(home.path().join("file"), "a\r\nb\0c\n").unwrap();
    for (words, method, kind, body) in [
        (
            &["-d", "x"][..],
            "POST",
            Some("application/x-www-form-urlencoded"),
            &b"x"[..],
        ),
        (
            &["-d", "@file", "-d", "y"],
            "POST",
            Some("application/x-www-form-urlencoded"),
            b"abc&y",
        ),
        (
            &["--data-binary", "@file"],
            "POST",
            Some("application/x-www-form-urlencoded"),
            b"a\r\nb\0c\n",
        ),
        (
            &[
                "--data-binary",
                "@file",
                "-H",
                "Content-Type: a/b",
                "-X",
                "PATCH",
            ],
            "PATCH",
            Some("a/b"),
            b"a\r\nb\0c\n",
        ),
        (
            &["--data-binary", "@file", "-H", "Content-Type:"],
            "POST",
            None,
            b"a\r\nb\0c\n",
        ),
        (
            &["--json", "@file", "--json", "z"],
            "POST",
            Some("application/json"),
            b"a\r\nb\0c\nz",
        ),
        (
            &[
                "--json",
                "{}",
                "-H",
                "content-type: application/x-amz-json-1.1",
            ],
            "POST",
            Some("application/x-amz-json-1.1"),
            b"{}",
        ),
        (&[], "GET", None, b""),
    ] {
        let site = Site::new(&[&ok("")]);
        let url = site.url("/");
        let line = [words, &["--service", "es", &url]].concat();
        request(&home, &line).ok();
        let seen = site.only();
        assert_eq!(seen.verdict, Ok("eu-west-1/es".to_owned()), "{line:?}");
        assert_eq!(seen.method, method, "{line:?}");
        assert_eq!(seen.header("content-type"), kind, "{line:?}");
        assert_eq!(seen.body, body, "{line:?}");
        let agent = concat!("keyfob/", env!("CARGO_PKG_VERSION"));
        assert_eq!(seen.header("user-agent"), Some(agent));
    }
}

#[test]
fn without_a_signature_no_credentials_are_asked_for() {
    let site = Site::new(&[&ok("x")]);
    let url = site.url("/");
    for words in [&["--auth", "none"][..], &["--no-sign-request"]] {
        let bare = Home::new();
        let token = ["-H", "Authorization: Bearer t"];
        assert_eq!(request(&bare, &[words, &token, &[&url]].concat()).ok(), "x");
        let seen = site.seen().pop().unwrap();
        assert_eq!(seen.header("authorization"), Some("Bearer t"));
        assert_eq!(seen.header("x-amz-date"), None);
    }
    let stderr = request(&Home::new(), &["--service", "s3", &url]).fails(253);
    assert_has(&stderr, &["unable to locate credentials"]);
}

#[test]
fn the_session_of_the_credentials_is_signed_and_a_header_of_an_earlier_signature_is_not() {
    let site = Site::new(&[&ok("x")]);
    let home = home().with("AWS_SESSION_TOKEN", TOKEN);
    let url = site.url("/");
    for auth in ["header", "query"] {
        let old = "Authorization: AWS4-HMAC-SHA256 Credential=x/y/z, Signature=0";
        let run = request(&home, &["--service", "s3", "--auth", auth, "-H", old, &url]);
        assert_has(&run.stderr, &["the header authorization is left out"]);
        let seen = site.seen().pop().unwrap();
        assert_eq!(seen.verdict, Ok("eu-west-1/s3".to_owned()), "{seen:?}");
    }
}

#[test]
fn the_endpoint_url_gets_the_request_that_is_signed_for_the_service_of_the_url() {
    let site = Site::new(&[&ok("x")]);
    let endpoint = site.url("/base/");
    let list = "https://iam.amazonaws.com/?Action=ListUsers";
    for (url, target, scope) in [
        (list, "/base/?Action=ListUsers", "us-east-1/iam"),
        (
            "https://kms.eu-north-1.amazonaws.com",
            "/base/",
            "eu-north-1/kms",
        ),
        (
            "https://sqs.eu-north-1.amazonaws.com?a=b",
            "/base/?a=b",
            "eu-north-1/sqs",
        ),
    ] {
        assert_eq!(
            request(&home(), &["--endpoint-url", &endpoint, url]).ok(),
            "x"
        );
        let seen = site.seen().pop().unwrap();
        assert_eq!(seen.target, target);
        assert_eq!(seen.verdict, Ok(scope.to_owned()));
        let host = format!("localhost:{}", site.port);
        assert_eq!(seen.header("host"), Some(&*host));
    }
    // `--region` comes before that of the host.
    let words = ["--endpoint-url", &endpoint, "--region", "us-west-2", list];
    request(&home(), &words).ok();
    let seen = site.seen().pop().unwrap();
    assert_eq!(seen.verdict, Ok("us-west-2/iam".to_owned()));
}

#[test]
fn the_sandbox_is_not_left() {
    let home = Home::new();
    let identity =
        "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
    let out = request(&home, &["--sandbox", "-f", identity]).ok();
    assert_has(&out, &["<GetCallerIdentityResult>", ":assumed-role/app/"]);
    let other = "https://kms.us-east-1.amazonaws.com/";
    let stderr = request(&home, &["--sandbox", other]).fails(252);
    assert_has(&stderr, &["leave out --sandbox"]);
}

#[test]
fn words_that_make_no_sense_are_refused_before_anything_is_sent() {
    let site = Site::new(&[&ok("")]);
    let url = site.url("/");
    for (words, text) in [
        (
            vec!["--output", "json", &url],
            "request does not use --output",
        ),
        (vec!["--query", "a", &url], "request does not use --query"),
        (vec![], "the following arguments are required: URL"),
        (vec![&url], "does not name a known service"),
        (
            vec!["--expires-in", "5", "--service", "s3", &url],
            "--expires-in needs --auth query",
        ),
        (
            vec!["--service", "s3", "-H", "Content-Length: 5", &url],
            "is set by the body",
        ),
        (
            vec!["--service", "s3", "-H", "canary", &url],
            "a header has no colon",
        ),
        (
            vec!["--service", "s3", "--data-binary", "@canary", &url],
            "there is no file with this name",
        ),
        (
            vec!["--service", "s3", "-o", "no/such/file", &url],
            "-o: cannot write no/such/file: there is no such folder",
        ),
        (vec!["--service", "s3", "-o", ".", &url], "-o: cannot write"),
        (
            vec!["--service", "s3", "http://u:canary@localhost/"],
            "contains a user name or a password",
        ),
        (
            vec!["--service", "s3", "http://127.0.0.1:99999/"],
            "the URL has a port that is not one: 1 to 65535",
        ),
        (vec!["--service", "s3", "ftp://localhost/"], "http://…"),
        (vec!["ftp://localhost/"], "http://…"),
        (vec!["--service", "s3", "canary"], ""),
        (
            vec!["-f", "--fail-with-body", "--service", "s3", &url],
            "--fail-with-body",
        ),
    ] {
        let stderr = request(&home(), &words).fails(252);
        assert_has(&stderr, &[text]);
        assert_lacks(&stderr, &["canary"]);
    }
    let stderr = request(&home(), &["--offline", "--service", "s3", &url]).fails(253);
    assert_has(&stderr, &["is not called, because of --offline"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_says_that_it_is_empty_is_read_to_its_end() {
    let site = Site::new(&[&ok("")]);
    let url = site.url("/k");
    let words = ["--service", "es", "--data-binary", "@/proc/self/status"];
    request(&home(), &[&words[..], &[&url]].concat()).ok();
    let seen = site.only();
    assert_has(&String::from_utf8(seen.body).unwrap(), &["Name:\tkeyfob"]);
    assert!(seen.verdict.is_ok(), "{:?}", seen.verdict);
}

/// Objects may have such names. Other services normalize paths, and so do clients.
#[test]
fn dot_segments_are_sent_to_s3_only() {
    for (service, target) in [("s3", "/a/../b?c=/../d"), ("es", "/b?c=/../d")] {
        let site = Site::new(&[&ok("")]);
        let url = site.url("/a/../b?c=/../d");
        request(&home(), &["--service", service, &url]).ok();
        let seen = site.only();
        assert_eq!(seen.target, target);
        assert_eq!(seen.verdict, Ok(format!("eu-west-1/{service}")));
    }
}

#[test]
fn options_of_curl_that_change_nothing_are_taken() {
    let site = Site::new(&[&ok("x")]);
    let url = site.url("/");
    assert_eq!(
        request(&home(), &["--service", "s3", "-sS", &url]).ok(),
        "x"
    );
}

#[test]
fn a_header_that_is_sent_by_default_can_be_left_out() {
    let site = Site::new(&[&ok("")]);
    let url = site.url("/");
    request(&home(), &["--service", "s3", &url]).ok();
    let words = [
        "-H",
        "Accept:",
        "-H",
        "User-Agent:",
        "--service",
        "s3",
        &url,
    ];
    request(&home(), &words).ok();
    let seen = site.seen();
    assert_eq!(seen[0].header("accept"), Some("*/*"));
    for name in ["accept", "user-agent"] {
        assert_eq!(seen[1].header(name), None, "{name}");
    }
}

/// As curl takes them.
#[test]
fn an_answer_with_odd_or_many_headers_is_printed() {
    let many = (0..300).map(|number| format!("X-Amz-Meta-{number}: v\r\n"));
    let text = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Escape: a\u{1b}[2Jb\r\nX-Fold: one\r\n two\r\n\
         {}Content-Length: 4\r\n\r\nbody",
        many.collect::<String>()
    );
    let site = Site::new(&[&text]);
    let printed = request(&home(), &["--service", "s3", "-i", &site.url("/k")]).ok();
    assert_has(&printed, &["x-fold: one two", "x-amz-meta-299: v", "body"]);
    assert_lacks(&printed, &["\u{1b}"]);
}

#[test]
fn a_redirect_to_what_is_no_page_is_not_taken_for_a_path() {
    let away = answer("302 Found", &["Location: mailto:ada"], "");
    let site = Site::new(&[&away, &ok("no")]);
    let line = ["--service", "s3", "-L", &site.url("/k")];
    let stderr = request(&home(), &line).fails(255);
    assert_has(&stderr, &["redirects to a URL that cannot be called"]);
}

#[test]
fn a_missing_folder_for_temporary_files_is_named() {
    let site = Site::new(&[&ok("done")]);
    let home = home().with("TMPDIR", "/no/such/folder");
    let url = site.url("/k");
    let line = ["request", "--service", "s3", "--data-binary", "@-", &url];
    let stderr = home.keyfob_with_input(line, "data").fails(255);
    assert_has(
        &stderr,
        &["in the folder /no/such/folder, which TMPDIR chooses"],
    );
}

/// The proxy reads the whole URL, and its password is neither shown nor passed on.
#[test]
fn a_proxy_gets_the_request() {
    let proxy = Site::new(&[&ok("by proxy")]);
    let url = format!("http://user:canary@localhost:{}", proxy.port);
    let home = home().with("HTTP_PROXY", &url);
    let words = ["--service", "s3", "-v", "http://bucket.example/k"];
    let run = request(&home, &words);
    assert_lacks(&run.stderr, &["canary"]);
    assert_has(&run.stderr, &["http://bucket.example is not encrypted"]);
    assert_eq!(run.ok(), "by proxy");
    let seen = proxy.only();
    assert_eq!(seen.target, "http://bucket.example/k");
    assert_eq!(seen.header("host"), Some("bucket.example"));
    assert!(seen.header("proxy-authorization").is_some());
    assert_eq!(seen.verdict, Ok("eu-west-1/s3".to_owned()));
}

#[test]
fn throttling_and_5xx_are_sent_again_as_often_as_the_profile_says() {
    let busy = answer("429 Too Many Requests", &[], "");
    let throttled = answer(
        "400 Bad Request",
        &["x-amzn-ErrorType: ThrottlingException"],
        "{}",
    );
    let internal = answer("500 Internal Server Error", &[], "oops");
    for error in [&slow_down(), &busy, &throttled, &internal] {
        for (attempts, is_enough) in [("2", false), ("3", true)] {
            let config = format!("[default]\nmax_attempts = {attempts}\n");
            let home = home().with_file("config", &config);
            let site = Site::new(&[error, error, &ok("done")]);
            let url = site.url("/k");
            let run = request(&home, &["--service", "s3", "-f", "-d", "body", &url]);
            let seen = site.seen();
            assert_eq!(seen.len().to_string(), attempts, "{error}");
            for seen in seen {
                assert_eq!(seen.verdict, Ok("eu-west-1/s3".to_owned()));
                assert_eq!(seen.body, b"body");
            }
            if is_enough {
                assert_eq!(run.ok(), "done");
            } else {
                assert_has(&run.fails(22), &["(reached max retries: 1)"]);
            }
        }
    }
    let site = Site::new(&[&internal]);
    let url = site.url("/k");
    let config = "[default]\nretry_mode = legacy\n";
    let home = home().with_file("config", config);
    // Without `-f` the last answer is printed, whatever its status is.
    assert_eq!(request(&home, &["--service", "s3", &url]).ok(), "oops");
    assert_eq!(site.seen().len(), 5);
}

#[test]
fn the_wait_is_as_long_as_the_service_asks_for() {
    let later = answer("503 Busy", &["x-amz-retry-after: 700"], "");
    let site = Site::new(&[&later, &ok("done")]);
    let started = Instant::now();
    let url = site.url("/");
    let run = request(&home(), &["--service", "s3", "--debug", &url]);
    assert!(started.elapsed().as_millis() >= 700);
    assert_has(&run.stderr, &["waiting before the next attempt"]);
    assert_eq!(run.ok(), "done");
}

#[test]
fn another_4xx_is_not_sent_again() {
    for status in [
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "412 No",
    ] {
        let site = Site::new(&[&answer(status, &[], "no")]);
        let url = site.url("/");
        assert_eq!(request(&home(), &["--service", "s3", &url]).ok(), "no");
        assert_eq!(site.seen().len(), 1);
    }
}

/// The server's clock is an hour ahead.
#[test]
fn a_clock_that_is_wrong_is_corrected_once() {
    fn ahead() -> Timestamp {
        Timestamp::now().plus_seconds(3600)
    }
    let site = Site::at(ahead, |seen| {
        if seen.verdict.is_ok() {
            return ok("done").into_bytes();
        }
        let body = "<Error><Code>RequestTimeTooSkewed</Code></Error>";
        let date = format!("Date: {}", http_date(ahead()));
        answer("403 Forbidden", &[&date], body).into_bytes()
    });
    let url = site.url("/");
    for auth in ["header", "query"] {
        let run = request(&home(), &["--service", "s3", "-f", "--auth", auth, &url]);
        assert_has(&run.stderr, &["the clock of this machine is off"]);
        assert_eq!(run.ok(), "done");
    }
    assert_eq!(site.seen().len(), 4);
}

/// Writes a time as servers do.
fn http_date(at: Timestamp) -> String {
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let text = at.to_string();
    let month: usize = text[5..7].parse().unwrap();
    let days = at.unix_millis() / 86_400_000;
    let weekday =
        ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days % 7).unwrap()];
    format!(
        "{weekday}, {} {} {} {} GMT",
        &text[8..10],
        &months[month * 3 - 3..month * 3],
        &text[..4],
        &text[11..19]
    )
}

#[test]
fn an_error_has_its_code_its_message_and_its_request_id_in_every_protocol() {
    let xml = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no canary/secret+access/key\
               </Message></Error><RequestId>R1</RequestId></ErrorResponse>";
    let json = r#"{"__type": "com.x#ValidationException", "message": "bad"}"#;
    let rest = r#"{"Message": "gone"}"#;
    for (status, headers, body, texts) in [
        (
            "403 Forbidden",
            &[][..],
            xml,
            &[
                "An error occurred (AccessDenied) when calling the GET http://localhost:",
                "/k operation: no (redacted) (HTTP 403)",
                "request id: R1",
            ][..],
        ),
        (
            "400 Bad Request",
            &[
                "Content-Type: application/x-amz-json-1.1",
                "x-amzn-RequestId: R2",
            ],
            json,
            &["(ValidationException)", "bad (HTTP 400)", "request id: R2"],
        ),
        (
            "404 Not Found",
            &[
                "x-amzn-ErrorType: ResourceNotFoundException:http://x",
                "x-amzn-RequestId: R3",
            ],
            rest,
            &[
                "(ResourceNotFoundException)",
                "gone (HTTP 404)",
                "request id: R3",
            ],
        ),
        (
            "502 Bad Gateway",
            &[],
            "<html>",
            &["(502)", "HTTP 502 Bad Gateway"],
        ),
        ("404 Not Found", &[], "", &["(404)", "HTTP 404 Not Found"]),
    ] {
        let site = Site::new(&[&answer(status, headers, body)]);
        let url = site.url("/k?secret=canary");
        let home = home().with("AWS_MAX_ATTEMPTS", "1");
        let stderr = request(&home, &["--service", "es", "-f", &url]).fails(22);
        assert_has(&stderr, texts);
        assert_lacks(&stderr, &["canary"]);
        let run = request(&home, &["--service", "es", "--fail-with-body", &url]);
        assert_eq!((run.code, &*run.stdout), (22, body));
        assert_has(&run.stderr, texts);
    }
    let site = Site::new(&[&answer("403 Forbidden", &[], xml)]);
    let url = site.url("/");
    let words = ["--service", "es", "-f", "--cli-error-format", "json", &url];
    let stderr = request(&home(), &words).fails(22);
    assert_has(
        &stderr,
        &["\"Code\": \"AccessDenied\"", "\"RequestId\": \"R1\""],
    );
}

#[test]
fn credentials_that_are_refused_say_where_they_are_from() {
    let body = "<Error><Code>ExpiredToken</Code><Message>old</Message></Error>";
    let site = Site::new(&[&answer("400 Bad Request", &[], body)]);
    let url = site.url("/");
    let stderr = request(&home(), &["--service", "s3", "-f", &url]).fails(22);
    assert_has(
        &stderr,
        &[
            "hint: the session has expired",
            "comes from environment variables",
        ],
    );
}

#[test]
fn a_file_is_replaced_by_a_complete_answer_only() {
    let home = home().with("AWS_MAX_ATTEMPTS", "1");
    let path = home.path().join("out");
    let list = || {
        let names = fs::read_dir(home.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| name.contains("out"))
            .collect::<Vec<_>>()
    };
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let missing = answer("404 Not Found", &[], "no");
    for (text, words, code) in [
        (cut, &[][..], 255),
        (chunked, &[], 255),
        (&missing, &["-f"], 22),
        ("", &[], 255),
        (
            &answer("200 OK", &["Content-Encoding: gzip"], "no gzip"),
            &["--compressed"],
            255,
        ),
        (
            &answer("200 OK", &["Content-Encoding: br"], "x"),
            &["--compressed"],
            255,
        ),
    ] {
        let site = Site::new(&[text]);
        let url = site.url("/k");
        let line = [words, &["--service", "s3", "-o", "out", &url]].concat();
        fs::write(&path, "old").unwrap();
        request(&home, &line).fails(code);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old", "{text}");
        fs::remove_file(&path).unwrap();
        request(&home, &line).fails(code);
        assert_eq!(list(), Vec::<String>::new(), "{text}");
    }
    let site = Site::new(&[&ok("new\0\u{ff}")]);
    let url = site.url("/k");
    let line = ["--service", "s3", "-o", "out", &url];
    assert_eq!(request(&home, &line).ok(), "");
    assert_eq!(fs::read_to_string(&path).unwrap(), "new\0\u{ff}");
    assert_eq!(list(), ["out"]);
    // A file of the user with the name of a lock.
    fs::write(home.path().join("out.lock"), "mine").unwrap();
    request(&home, &line).ok();
    let lock = fs::read_to_string(home.path().join("out.lock"));
    assert_eq!(lock.unwrap(), "mine");
    fs::remove_file(home.path().join("out.lock")).unwrap();
    // As curl does.
    let site = Site::new(&[&missing]);
    let url = site.url("/k");
    for words in [&["--fail-with-body"][..], &[]] {
        let line = [words, &["--service", "s3", "-o", "out", &url]].concat();
        let code = if words.is_empty() { 0 } else { 22 };
        assert_eq!(request(&home, &line).code, code);
        assert_eq!(fs::read_to_string(&path).unwrap(), "no");
    }
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_mode_and_its_links_and_what_is_no_file_is_written_to() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let home = home();
    let path = home.path().join("out");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("out", home.path().join("link")).unwrap();
    let site = Site::new(&[&ok("new")]);
    let url = site.url("/k");
    request(&home, &["--service", "s3", "-o", "link", &url]).ok();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(
        fs::symlink_metadata(home.path().join("link"))
            .unwrap()
            .is_symlink()
    );
    request(&home, &["--service", "s3", "-o", "/dev/null", &url]).ok();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert_eq!(
        request(&home, &["--service", "s3", "-o", "-", &url]).ok(),
        "new"
    );
}

#[test]
fn the_head_is_printed_before_the_body() {
    let site = Site::new(&[&answer("201 Created", &["X-A: b"], "body")]);
    let url = site.url("/");
    let out = request(&home(), &["--service", "s3", "-i", &url]).ok();
    assert_has(
        &out,
        &["HTTP/1.1 201 Created\r\n", "x-a: b\r\n", "\r\n\r\nbody"],
    );
    let site = Site::new(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"]);
    let url = site.url("/");
    let out = request(&home(), &["--service", "s3", "-I", &url]).ok();
    assert!(out.ends_with("\r\n\r\n"), "{out}");
    assert_eq!(site.only().method, "HEAD");
    // With another method, the body that comes is not printed.
    let site = Site::new(&[&ok("body")]);
    let url = site.url("/");
    let out = request(&home(), &["--service", "s3", "-I", "-X", "GET", &url]).ok();
    assert!(out.ends_with("\r\n\r\n"), "{out}");
    assert_eq!(site.only().method, "GET");
}

#[test]
fn compressed_answers_are_decompressed_if_that_was_asked_for() {
    let text = "zipped ".repeat(10_000);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(text.as_bytes()).unwrap();
    let zlib = zlib.finish().unwrap();
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(text.as_bytes()).unwrap();
    let raw = raw.finish().unwrap();
    for (encoding, body) in [("gzip", gzip), ("deflate", zlib), ("deflate", raw)] {
        let length = body.len();
        let site = Site::with(move |_| {
            let head = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n"
            );
            [head.as_bytes(), &body].concat()
        });
        let url = site.url("/");
        let run = request(&home(), &["--service", "s3", "--compressed", &url]);
        assert_eq!(run.ok(), text);
        assert_eq!(site.only().header("accept-encoding"), Some("gzip, deflate"));
        let home = home();
        let line = ["--service", "s3", "-o", "raw", &url];
        request(&home, &line).ok();
        let stored = fs::metadata(home.path().join("raw")).unwrap().len();
        assert_eq!(stored, length as u64);
    }
}

/// S3 says how an object is compressed also where it sends nothing of it.
#[test]
fn an_answer_without_a_body_needs_no_decompression() {
    let home = home();
    for encoding in ["gzip", "deflate"] {
        let header = format!("Content-Encoding: {encoding}");
        let site = Site::new(&[&answer("200 OK", &[&header], "")]);
        let url = site.url("/");
        let line = ["--service", "s3", "--compressed", &url];
        assert_eq!(request(&home, &line).ok(), "");
        let head = request(&home, &[&line[..], &["-I"]].concat()).ok();
        assert_has(&head, &[&format!("content-encoding: {encoding}")]);
    }
    let site = Site::new(&[&answer("200 OK", &["Content-Encoding: gzip"], "part")]);
    let url = site.url("/");
    let line = ["--service", "s3", "--compressed", &url];
    let stderr = request(&home, &line).fails(255);
    assert_has(&stderr, &["leave out --compressed"]);
}

#[test]
fn a_redirect_is_followed_to_the_same_host_and_signed_again() {
    let to = answer("307 Temporary Redirect", &["Location: /b?c=d"], "");
    for (words, method, body) in [(&[][..], "GET", &b""[..]), (&["-d", "x"], "POST", b"x")] {
        let site = Site::new(&[&to, &ok("there")]);
        let url = site.url("/a");
        let line = [words, &["--service", "s3", "-L", &url]].concat();
        assert_eq!(request(&home(), &line).ok(), "there");
        let seen = site.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!((&*seen[1].target, &*seen[1].method), ("/b?c=d", method));
        assert_eq!(seen[1].body, body);
        assert_eq!(seen[1].verdict, Ok("eu-west-1/s3".to_owned()));
    }
    // Without `-L` the redirect is the answer.
    let site = Site::new(&[&to]);
    let url = site.url("/a");
    assert_eq!(request(&home(), &["--service", "s3", &url]).ok(), "");
    // What was sent becomes a GET, as in browsers.
    let see = answer("303 See Other", &["Location: /b"], "");
    let site = Site::new(&[&see, &ok("there")]);
    let url = site.url("/a");
    request(&home(), &["--service", "s3", "-L", "-d", "x", &url]).ok();
    let seen = site.seen();
    assert_eq!(
        (&*seen[1].method, seen[1].header("content-type")),
        ("GET", None)
    );
    let round = answer("302 Found", &["Location: /a"], "");
    let site = Site::new(&[&round]);
    let url = site.url("/a");
    let stderr = request(&home(), &["--service", "s3", "-L", &url]).fails(255);
    assert_has(&stderr, &["more than 10 redirects"]);
}

#[test]
fn another_host_gets_nothing_and_is_named() {
    let other = Site::new(&[&ok("stolen")]);
    for host in [
        format!("127.0.0.1:{}", other.port),
        format!("other.localhost:{}", other.port),
        format!("localhost:{}", other.port),
    ] {
        let location = format!("Location: http://{host}/b");
        let site = Site::new(&[&answer("307 Temporary Redirect", &[&location], "")]);
        let url = site.url("/a");
        let stderr = request(&home(), &["--service", "s3", "-L", &url]).fails(255);
        assert_has(
            &stderr,
            &[&format!(
                "redirects to {host}, which is not a host of the same"
            )],
        );
        assert_eq!(other.seen().len(), 0);
    }
    let region = ["x-amz-bucket-region: eu-north-1"];
    let site = Site::new(&[&answer("301 Moved Permanently", &region, "")]);
    let url = site.url("/a");
    let stderr = request(&home(), &["--service", "s3", "-L", &url]).fails(255);
    assert_has(&stderr, &["the bucket is in eu-north-1"]);
}

/// Every customer has hosts of these services.
#[test]
fn another_host_of_the_service_gets_the_request_but_no_secret() {
    let to = |host: &str| format!("http://{host}.execute-api.eu-west-1.amazonaws.com/x");
    let location = format!("Location: {}", to("bbb"));
    let redirect = answer("307 Temporary Redirect", &[&location], "");
    let headers = [
        "-H",
        "x-amz-meta-author: ada",
        "-H",
        "Cookie: canary",
        "-H",
        "X-Api-Key: canary",
        "-H",
        "X-Plain: a",
    ];
    let unsigned = ["--auth", "none", "-H", "Authorization: Bearer canary"];
    for words in [&unsigned[..], &[]] {
        let url = to("aaa");
        let line = [&["-L"], words, &headers, &[&url]].concat();
        let proxy = Site::new(&[&redirect, &ok("there")]);
        let home = home().with("HTTP_PROXY", &proxy.url(""));
        let run = request(&home, &line);
        assert_has(
            &run.stderr,
            &["note: the header cookie is not sent to http://bbb."],
        );
        assert_eq!(run.ok(), "there");
        let seen = proxy.seen();
        assert_eq!(seen[0].header("cookie"), Some("canary"));
        assert_eq!(seen[1].header("x-plain"), Some("a"));
        assert_eq!(seen[1].header("x-amz-meta-author"), Some("ada"));
        assert_lacks(&format!("{:?}", seen[1]), &["canary"]);
        assert_eq!(seen[1].header("authorization").is_some(), words.is_empty());
    }
    // The same host keeps them.
    let site = Site::new(&[
        &answer("307 Moved", &["Location: /\u{fc} b"], ""),
        &ok("there"),
    ]);
    let url = site.url("/a");
    let line = [&unsigned[..], &["-L", &url]].concat();
    assert_eq!(request(&home(), &line).ok(), "there");
    let seen = site.seen();
    assert_eq!(seen[1].target, "/%C3%BC%20b");
    assert_eq!(seen[1].header("authorization"), Some("Bearer canary"));
}

#[test]
fn a_name_below_localhost_is_this_machine() {
    let site = Site::new(&[&ok("x")]);
    let url = format!("http://bucket.localhost:{}/k", site.port);
    let home = home().with("HTTP_PROXY", "http://127.0.0.1:1");
    assert_eq!(request(&home, &["--service", "s3", &url]).ok(), "x");
    let host = format!("bucket.localhost:{}", site.port);
    assert_eq!(site.only().header("host"), Some(&*host));
}

#[test]
fn standard_input_goes_to_s3_in_signed_chunks_and_to_others_with_its_hash() {
    // Longer than a chunk.
    let input = "0123456789".repeat(20_000);
    let read = |service: &str, words: &[&str], path: &str, answers: &[&str]| {
        let site = Site::new(answers);
        let url = site.url(path);
        let line = ["request", "--service", service, "--data-binary", "@-"];
        let line = [&line, words, &[&url]].concat();
        home().keyfob_with_input(line, &input).ok();
        site.seen()
    };
    let streaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let slow = slow_down();
    for (service, words, path, is_chunked) in [
        ("s3", &["-X", "PUT"][..], "/k", true),
        ("s3", &["-X", "PUT"], "/k?partNumber=1&uploadId=x", true),
        ("s3", &["-X", "PUT"], "/k?tagging", false),
        ("s3", &[], "/k", false),
        ("es", &["-X", "PUT"], "/k", false),
    ] {
        // Each attempt sends all of it.
        let seen = read(service, words, path, &[&slow, &ok("")]);
        assert_eq!(seen.len(), 2);
        for seen in seen {
            let hash = seen.header("x-amz-content-sha256");
            assert_eq!(seen.verdict, Ok(format!("eu-west-1/{service}")), "{path}");
            assert_eq!(hash == Some(streaming), is_chunked, "{path} {hash:?}");
            assert_eq!(seen.body, input.as_bytes());
        }
    }
}

/// Bodies of several megabytes here: whatever their length is, they are never in memory.
#[cfg(target_os = "linux")]
#[test]
fn bodies_of_any_length_take_the_same_memory() {
    const LENGTH: usize = 96 << 20;
    let pid = Arc::new(AtomicUsize::new(0));
    let peak = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/k", listener.local_addr().unwrap());
    let (process, most) = (Arc::clone(&pid), Arc::clone(&peak));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = vec![0; 1 << 20];
            let mut count = stream.read(&mut buffer).unwrap();
            let is_upload = buffer.starts_with(b"PUT");
            while is_upload && count < LENGTH {
                count += stream.read(&mut buffer).unwrap();
            }
            let length = if is_upload { 1 } else { LENGTH };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            let mut left = length - 1;
            while left > 0 {
                let part = left.min(buffer.len());
                stream.write_all(&buffer[..part]).unwrap();
                left -= part;
            }
            while process.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            let status = format!("/proc/{}/status", process.load(Ordering::SeqCst));
            let status = fs::read_to_string(status).unwrap();
            let line = status.split("VmHWM:").nth(1).unwrap();
            let kilobytes = line.split_whitespace().next().unwrap().parse().unwrap();
            most.store(kilobytes, Ordering::SeqCst);
            stream.write_all(b"x").unwrap();
        }
    });
    let home = home();
    let file = fs::File::create(home.path().join("large")).unwrap();
    file.set_len(LENGTH as u64).unwrap();
    let put = ["-X", "PUT", "--service", "s3", "--data-binary"];
    for (words, reads_stdin) in [
        (
            [&put[..], &["@large", "-H", "content-type:"]].concat(),
            false,
        ),
        ([&put[..], &["@-"]].concat(), true),
        (vec!["--service", "s3", "-o", "copy"], false),
    ] {
        pid.store(0, Ordering::SeqCst);
        let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
        command.arg("request").args(&words).arg(&url);
        if reads_stdin {
            command.stdin(fs::File::open(home.path().join("large")).unwrap());
        }
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        pid.store(child.id().try_into().unwrap(), Ordering::SeqCst);
        assert!(child.wait().unwrap().success(), "{words:?}");
        let peak = peak.load(Ordering::SeqCst);
        assert!(peak < 48 << 10, "{words:?} took {peak} KiB");
    }
    let copy = fs::metadata(home.path().join("copy")).unwrap();
    assert_eq!(copy.len(), LENGTH as u64);
}

#[test]
fn a_server_that_is_silent_ends_the_command() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/k", listener.local_addr().unwrap());
    let words = ["--service", "s3", "--cli-read-timeout", "1", &url];
    let stderr = request(&home(), &words).fails(255);
    assert_has(&stderr, &["(ReadTimeout)", "for 1 seconds"]);
    // Also in the middle of an answer.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/k", listener.local_addr().unwrap());
    let held = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart";
        stream.write_all(head.as_bytes()).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    });
    let words = ["--service", "s3", "--cli-read-timeout", "5", &url];
    let run = request(&home(), &words);
    assert_eq!((run.code, &*run.stdout), (255, "part"), "{run:?}");
    held.join().unwrap();
}

/// Starts a server that answers once it has the head of a request, and closes the connection. What
/// it has not read makes its system reset the connection.
fn hasty(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn an_answer_that_comes_before_the_end_of_an_upload_is_read() {
    let body = "<Error><Code>EntityTooLarge</Code><Message>Too large</Message></Error>";
    let url = hasty(answer("400 Bad Request", &[], body));
    let home = home();
    let file = fs::File::create(home.path().join("large")).unwrap();
    file.set_len(32 << 20).unwrap();
    let put = ["-f", "-X", "PUT", "--service", "s3", "--data-binary"];
    let put = [&put[..], &["@large", &url]].concat();
    for _ in 0..5 {
        let stderr = request(&home, &put).fails(22);
        assert_has(&stderr, &["(EntityTooLarge)", "Too large"]);
        let copy = ["s3", "cp", "large", "s3://b/large", "--endpoint-url", &url];
        let run = home.keyfob(copy);
        assert_eq!(run.code, 1, "{run:?}");
        assert_has(&run.stderr, &["(EntityTooLarge)"]);
    }
    // One that says nothing is a broken connection.
    let url = hasty(String::new());
    let stderr = request(
        &home,
        &[
            "-X",
            "PUT",
            "--service",
            "s3",
            "--data-binary",
            "@large",
            &url,
        ],
    );
    assert_has(&stderr.fails(255), &["(ConnectionClosed)"]);
}

#[test]
fn no_secret_is_shown() {
    let headers = [
        "Set-Cookie: a=canary",
        "x-amz-security-token: canary",
        "Location: https://b/?X-Amz-Signature=canary",
        "X-Plain: plain",
    ];
    let site = Site::new(&[&slow_down(), &answer("200 OK", &headers, "")]);
    let home = home().with("AWS_SESSION_TOKEN", TOKEN);
    let url = site.url("/k?apikey=canary");
    for auth in ["header", "query"] {
        let words = [
            "--service",
            "s3",
            "-v",
            "--debug",
            "--auth",
            auth,
            "-H",
            "Cookie: canary",
            "-H",
            "X-Api-Key: canary",
            "-H",
            "Authorization: canary",
            &url,
        ];
        let run = request(&home, &words);
        assert_lacks(&run.stderr, &["canary"]);
        assert_has(
            &run.stderr,
            &["> GET /k?apikey=(redacted)", "< x-plain: plain"],
        );
        let seen = site.seen().pop().unwrap();
        assert_eq!(seen.verdict, Ok("eu-west-1/s3".to_owned()));
        let signature = match seen.header("authorization") {
            Some(value) => value.split("Signature=").nth(1).unwrap().to_owned(),
            None => seen
                .target
                .split("X-Amz-Signature=")
                .nth(1)
                .unwrap()
                .to_owned(),
        };
        assert_lacks(&run.stderr, &[&signature[..32]]);
    }
}

#[test]
fn certificates_that_are_not_checked_are_a_warning() {
    let site = Site::new(&[&ok("x")]);
    let url = site.url("/");
    let run = request(&home(), &["--service", "s3", "-k", &url]);
    assert_has(
        &run.stderr,
        &["warning: the server's certificate is not checked (-k)"],
    );
}

#[test]
fn the_transcript_of_the_readme_is_what_is_printed() {
    for (command, output) in transcript("keyfob --sandbox request") {
        let words = command
            .split(' ')
            .skip(1)
            .map(|word| word.trim_matches('\''));
        let printed = Home::new().keyfob(words).ok();
        let (start, _) = output.split_once('…').unwrap();
        assert!(printed.starts_with(start), "{printed}");
    }
}

/// What `keyfob api` says for services of other protocols.
#[test]
fn the_request_that_api_names_can_be_sent() {
    let stderr = home().keyfob(["api", "lambda", "Invoke"]).fails(252);
    let (_, cure) = stderr.split_once("`keyfob ").unwrap();
    let (cure, _) = cure.split_once('`').unwrap();
    let site = Site::new(&[&ok("{}")]);
    let url = "https://lambda.eu-north-1.amazonaws.com/2015-03-31/functions/f/invocations";
    let cure = cure.replace("URL", url);
    let endpoint = site.url("");
    let words = cure
        .split(' ')
        .chain(["-d", "{}", "--endpoint-url", &endpoint]);
    assert_eq!(home().keyfob(words).ok(), "{}");
    let seen = site.only();
    assert_eq!(seen.verdict, Ok("eu-north-1/lambda".to_owned()));
    assert_eq!(seen.target, "/2015-03-31/functions/f/invocations");
}
