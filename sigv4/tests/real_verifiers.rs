//! Servers and signers of other projects accept our signatures, refuse wrong ones, and sign as we
//! do.
//!
//! | form | MiniStack 1.5 | rclone 1.75 | scratchstack 0.11 (in `benches/tests/scratchstack.rs`) |
//! |---|---|---|---|
//! | header | yes | yes | yes |
//! | presigned URL | yes | yes | refused: it does not decode the credential |
//! | S3 path with bare characters | signs the path on the wire, unlike S3 | yes | yes |
//! | signed chunks | yes | only the signature of the request is checked | no chunks |
//! | signed chunks, signed trailer | yes; the trailer's signature is not checked | unknown: stored with its framing (`rclone/gofakes3#17`) | no chunks |
//! | unsigned chunks, trailer | yes | yes; the trailer is not checked | no chunks |
//! | SigV4a | yes, by header and URL | unknown | unknown |
//! | wrong secret | refused | refused | refused |
//! | wrong clock | refused with its own code | refused | refused |
//! | general rules (STS, IAM) | yes | S3 only | only paths without escapes: it does not encode them twice |
//!
//! botocore and awscrt sign the same 3,200 requests as we do. Each has headers that are never
//! signed; a signer is given those that it leaves out itself, and the others are taken off first.
//!
//! Python packages are installed under `target/pytools` on first use.

#![cfg(feature = "diagnose")]
#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on says where"
)]

use std::{
    env, fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use keyfob_sigv4::{
    Credentials, Payload, Request, Rules, Scope, Signer, Timestamp, Ttl,
    chunked::{Checksum, ChunkEncoder, ChunkSigner, Chunked},
    diagnose::{Difference, Part, ServerView},
    uri,
};

use pytools::programs;

#[path = "../../.ci/pytools.rs"]
mod pytools;

/// A server process on a free port, killed on drop.
struct Server {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl Server {
    fn start(command: impl FnOnce(u16, &Path) -> Command) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = Folder::new(port);
        let mut command = command(port, &folder.0);
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            port,
            _folder: folder,
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "no server: {ended:?}"
            );
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }

    /// Sends the bytes of the target as they are.
    fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, String) {
        let mut text = format!(
            "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n",
            self.port
        );
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let answer = read_answer(&mut stream);
        let status = answer.split(' ').nth(1).unwrap_or_default().parse();
        (
            status.unwrap_or_else(|_| panic!("no answer: {answer}")),
            answer,
        )
    }

    /// Signs by header and sends.
    fn call(
        &self,
        signer: &Signer,
        credentials: &Credentials,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, String) {
        let url = self.url(target);
        let request = Request::new(method, &url)
            .unwrap()
            .headers(headers)
            .unwrap();
        let signature = signer
            .sign(
                &request.payload(Payload::Bytes(body)),
                credentials,
                Timestamp::now(),
            )
            .unwrap();
        let mut sent = headers.to_vec();
        for (name, value) in signature.headers() {
            sent.push((name, value));
        }
        self.send(method, target, &sent, body)
    }

    /// Presigns and sends.
    fn call_presigned(
        &self,
        signer: &Signer,
        credentials: &Credentials,
        method: &str,
        target: &str,
    ) -> (u16, String) {
        let url = self.url(target);
        let request = Request::new(method, &url).unwrap();
        let ttl = Ttl::from_secs(60).unwrap();
        let presigned = signer
            .presign(&request, credentials, Timestamp::now(), ttl)
            .unwrap();
        self.send(method, &presigned.as_str()[self.url("").len()..], &[], b"")
    }
}

/// Reads one answer. Our side of the connection stays open: closing it would make a server that
/// answers before it has read a trailer reset the connection.
fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut piece = [0; 8192];
    while !is_whole(&answer) {
        let count = stream.read(&mut piece).unwrap();
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| {
        let value = line.strip_prefix("content-length:")?;
        value.trim().parse::<usize>().ok()
    });
    match length {
        Some(length) => answer.len() >= end + 4 + length,
        None => answer.ends_with(b"\r\n0\r\n\r\n"),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that is removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new(number: u16) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("real-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const KEYS: [&str; 6] = [
    "plain.txt",
    "with blank.txt",
    "libstdc++-docs@2x.png",
    "a(b)=c,d;e'f!.txt",
    "é/ü ~ {x}|y^`.txt",
    "2016-10-07T23:30:38Z&a=b#c?d%41",
];

/// Puts, gets and presigns objects with awkward keys, and checks that a wrong secret is refused.
fn exercise_s3(server: &Server, credentials: &Credentials) {
    let signer = Signer::s3("us-east-1").unwrap();
    let (status, answer) = server.call(&signer, credentials, "PUT", "/bucket", &[], b"");
    assert_eq!(status, 200, "{answer}");
    for key in KEYS {
        let target = format!("/bucket/{}", uri::encode_path(key));
        let headers = [("x-amz-meta-note", "a  b"), ("content-type", "text/plain")];
        let (status, answer) = server.call(&signer, credentials, "PUT", &target, &headers, b"body");
        assert_eq!(status, 200, "PUT {key}: {answer}");
        let (status, answer) = server.call(&signer, credentials, "GET", &target, &[], b"");
        assert!(
            status == 200 && answer.ends_with("body"),
            "GET {key}: {answer}"
        );
        let (status, answer) = server.call_presigned(&signer, credentials, "GET", &target);
        assert!(
            status == 200 && answer.ends_with("body"),
            "presigned GET {key}: {answer}"
        );
    }
    let list = "/bucket?list-type=2&prefix=with%20blank&delimiter=%2F";
    let (status, answer) = server.call(&signer, credentials, "GET", list, &[], b"");
    assert!(
        status == 200 && answer.contains("with blank.txt"),
        "{answer}"
    );
    let wrong = Credentials::new(credentials.access_key_id(), "wrong").unwrap();
    let (status, answer) = server.call(&signer, &wrong, "GET", "/bucket/plain.txt", &[], b"");
    assert!(
        status == 403 && answer.contains("SignatureDoesNotMatch"),
        "{answer}"
    );
    let (status, answer) = server.call_presigned(&signer, &wrong, "GET", "/bucket/plain.txt");
    assert!(
        status == 403 && answer.contains("SignatureDoesNotMatch"),
        "{answer}"
    );
}

/// Checks keys with bare characters, which S3 decodes and encodes again as this server does.
fn exercise_bare_paths(server: &Server, credentials: &Credentials) {
    let signer = Signer::s3("us-east-1").unwrap();
    let target = "/bucket/mac@2x(1)=a,b:c.png";
    let (status, answer) = server.call(&signer, credentials, "PUT", target, &[], b"body");
    assert_eq!(status, 200, "{answer}");
    for target in [target, "/bucket/mac%402x%281%29%3Da%2Cb%3Ac.png"] {
        let (status, answer) = server.call(&signer, credentials, "GET", target, &[], b"");
        assert!(status == 200 && answer.ends_with("body"), "{answer}");
        let (status, answer) = server.call_presigned(&signer, credentials, "GET", target);
        assert!(status == 200 && answer.ends_with("body"), "{answer}");
    }
}

/// Checks that a signature made an hour ago is refused for its time.
fn exercise_clock(server: &Server, credentials: &Credentials) {
    let signer = Signer::s3("us-east-1").unwrap();
    let url = server.url("/bucket/plain.txt");
    let request = Request::new("GET", &url).unwrap();
    let late = Timestamp::now().plus_seconds(-3600);
    let signature = signer.sign(&request, credentials, late).unwrap();
    let sent: Vec<_> = signature.headers().collect();
    let (status, answer) = server.send("GET", "/bucket/plain.txt", &sent, b"");
    assert!(
        status >= 400 && answer.contains("The difference between the request time and"),
        "{answer}"
    );
}

/// Returns the forms of a body of this length: signed or not, with or without a trailer.
fn plans(length: u64) -> [Chunked; 3] {
    [
        Chunked::signed(length),
        Chunked::signed(length).checksum(Checksum::Crc32),
        Chunked::unsigned(length).checksum(Checksum::Sha256),
    ]
}

/// Uploads in chunks, and reads each object back.
fn exercise_chunks(server: &Server, credentials: &Credentials, plans: &[Chunked]) {
    let signer = Signer::s3("us-east-1").unwrap();
    let body = "0123456789".repeat(10_000);
    for plan in plans {
        let (status, answer) = upload(server, &signer, credentials, plan, body.as_bytes());
        assert_eq!(status, 200, "{plan:?}: {answer}");
        let target = "/bucket/chunked.txt";
        let (status, answer) = server.call(&signer, credentials, "GET", target, &[], b"");
        let end = &answer[answer.len().saturating_sub(200)..];
        assert!(
            status == 200 && answer.ends_with(&body),
            "{plan:?}: {status} {end}"
        );
    }
}

/// Sends a body in chunks.
fn upload(
    server: &Server,
    signer: &Signer,
    credentials: &Credentials,
    plan: &Chunked,
    body: &[u8],
) -> (u16, String) {
    let (planned, now) = (plan.headers(), Timestamp::now());
    let mut sent: Vec<_> = planned
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let url = server.url("/bucket/chunked.txt");
    let payload = Payload::Streaming(plan.streaming());
    let request = Request::new("PUT", &url).unwrap().payload(payload);
    let signature = signer
        .sign(&request.headers(&sent).unwrap(), credentials, now)
        .unwrap();
    let chain = ChunkSigner::new(signer, credentials, now, &signature);
    let encoder = ChunkEncoder::new(plan, chain).or_else(|_| ChunkEncoder::unsigned(plan));
    let frames = encoder.unwrap().frames([body]).map(Result::unwrap);
    let encoded = frames.collect::<Vec<_>>().concat();
    sent.extend(signature.headers());
    server.send("PUT", "/bucket/chunked.txt", &sent, &encoded)
}

/// Reads an object with SigV4a, by header and by query, and checks that a wrong secret is refused.
#[cfg(feature = "v4a")]
fn exercise_v4a(server: &Server, credentials: &Credentials) {
    use keyfob_sigv4::v4a::{RegionSet, Signer};
    let wrong = Credentials::new(credentials.access_key_id(), "wrong").unwrap();
    let signer = Signer::s3(RegionSet::ALL);
    let target = "/bucket/plain.txt";
    let url = server.url(target);
    let request = Request::new("GET", &url).unwrap();
    let (now, ttl) = (Timestamp::now(), Ttl::from_secs(60).unwrap());
    for (credentials, expected) in [(credentials, 200), (&wrong, 403)] {
        let signature = signer.sign(&request, credentials, now).unwrap();
        let sent: Vec<_> = signature.headers().collect();
        let (status, answer) = server.send("GET", target, &sent, b"");
        assert_eq!(status, expected, "by header: {answer}");
        let presigned = signer.presign(&request, credentials, now, ttl).unwrap();
        let target = &presigned.as_str()[server.url("").len()..];
        let (status, answer) = server.send("GET", target, &[], b"");
        assert_eq!(status, expected, "by query: {answer}");
    }
}

#[test]
fn rclone_accepts_what_is_signed() {
    let rclone = programs("rclone").join("rclone");
    let credentials = Credentials::new("AKIDEXAMPLE", "secret/with+signs").unwrap();
    let server = Server::start(|port, folder| {
        let mut command = Command::new(rclone);
        command.args(["serve", "s3", "--auth-key", "AKIDEXAMPLE,secret/with+signs"]);
        command
            .arg("--addr")
            .arg(format!("127.0.0.1:{port}"))
            .arg(folder);
        command.env("HOME", folder);
        command
    });
    exercise_s3(&server, &credentials);
    exercise_bare_paths(&server, &credentials);
    exercise_clock(&server, &credentials);
    let [signed, _, unsigned_with_trailer] = plans(100_000);
    exercise_chunks(&server, &credentials, &[signed, unsigned_with_trailer]);
}

#[test]
fn ministack_accepts_what_is_signed_and_shows_what_it_would_sign() {
    let server = ministack();
    let credentials = user(&server);
    exercise_s3(&server, &credentials);
    exercise_clock(&server, &credentials);
    exercise_chunks(&server, &credentials, &plans(100_000));
    #[cfg(feature = "v4a")]
    exercise_v4a(&server, &credentials);

    let sts = Signer::new(Scope::new("us-east-1", "sts").unwrap());
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let (status, answer) = server.call(&sts, &credentials, "POST", "/", &form, body);
    assert!(status == 200 && answer.contains("user/tester"), "{answer}");
    let late = Timestamp::now().plus_seconds(-3600);
    let url = server.url("/");
    let request = Request::new("POST", &url)
        .unwrap()
        .headers(&form)
        .unwrap()
        .payload(Payload::Bytes(body));
    let signature = sts.sign(&request, &credentials, late).unwrap();
    let mut sent = form.to_vec();
    sent.extend(signature.headers());
    let (status, answer) = server.send("POST", "/", &sent, body);
    assert_eq!(status, 403);
    let found = sts
        .explain(&request, &credentials, late)
        .unwrap()
        .compare(&ServerView::parse(&answer));
    assert_eq!(
        found.first().map(Difference::part),
        Some(&Part::Time),
        "{answer}"
    );
    names_the_changed_header(&server, &credentials);
}

/// Starts MiniStack with verification turned on.
fn ministack() -> Server {
    let python = programs("interop").join("python");
    Server::start(|port, folder| {
        let mut command = Command::new(python);
        command
            .args(["-m", "ministack"])
            .env("GATEWAY_PORT", port.to_string());
        for (name, value) in [
            ("AUTH", "true"),
            ("BIND_HOST", "127.0.0.1"),
            ("AWS_ACCESS_KEY_ID", "root"),
            ("AWS_SECRET_ACCESS_KEY", "root"),
            ("MINISTACK_REGION", "us-east-1"),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
        ] {
            command.env(name, value);
        }
        for name in ["S3_DATA_DIR", "STATE_DIR", "HOME"] {
            command.env(name, folder);
        }
        command
    })
}

/// Checks that a header changed after signing is found from the server's answer.
fn names_the_changed_header(server: &Server, credentials: &Credentials) {
    let s3 = Signer::s3("us-east-1").unwrap();
    let url = server.url("/bucket/plain.txt");
    let request = Request::new("GET", &url)
        .unwrap()
        .header("x-amz-meta-a", "signed")
        .unwrap();
    let now = Timestamp::now();
    let signature = s3.sign(&request, credentials, now).unwrap();
    let mut sent = vec![("x-amz-meta-a", "sent")];
    sent.extend(signature.headers());
    let (status, answer) = server.send("GET", "/bucket/plain.txt", &sent, b"");
    assert_eq!(status, 403, "{answer}");
    let found = s3
        .explain(&request, credentials, now)
        .unwrap()
        .compare(&ServerView::parse(&answer));
    let part = Part::Header("x-amz-meta-a".into());
    assert_eq!(found.first().map(Difference::part), Some(&part), "{answer}");
}

/// Creates a user with a key, because signatures of the root key are not checked.
fn user(server: &Server) -> Credentials {
    let iam = Signer::new(Scope::new("us-east-1", "iam").unwrap());
    let root = Credentials::new("root", "root").unwrap();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let policy = uri::encode_component(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    );
    let call = |body: &str| {
        let body = format!("{body}&UserName=tester&Version=2010-05-08");
        let (status, answer) = server.call(&iam, &root, "POST", "/", &form, body.as_bytes());
        assert_eq!(status, 200, "{answer}");
        answer
    };
    call("Action=CreateUser");
    call(&format!(
        "Action=PutUserPolicy&PolicyName=all&PolicyDocument={policy}"
    ));
    let answer = call("Action=CreateAccessKey");
    let element = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    Credentials::new(element("AccessKeyId"), element("SecretAccessKey")).unwrap()
}

#[test]
fn botocore_and_awscrt_sign_as_we_do() {
    let python = programs("signers").join("python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/agree.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        for number in 0..3200 {
            writeln!(stdin, "{}", case(number)).unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let differences = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && differences.is_empty(),
        "{differences}"
    );
}

/// A header for each row of the table `src/canonical/headers.rs`, and one that `Connection` names.
///
/// They are written here again, so that a row that gets lost is a difference to the other signers.
const NEVER_SIGNED: &[&str] = &[
    "Front-End-Https",
    "X-Host",
    "X-Rewrite-URL",
    "X-Scheme",
    "X-URL-Scheme",
    "X-Request-Start",
    "X-Queue-Start",
    "Client-Cert",
    "Client-Cert-Chain",
    "SSL-Client-Verify",
    "X-Client-Cert",
    "X-SSL-Client-S-DN",
    "DO-Connecting-IP",
    "HTTP-Client-IP",
    "WL-Proxy-Client-IP",
    "X-Proxy-User",
    "X-Cache",
    "X-FD-HealthProbe",
    "X-NF-Client-Connection-IP",
    "X-Served-By",
    "X-Timer",
    "X-Vercel-Id",
    "Fly-Client-IP",
    "X-Goog-IAP-JWT-Assertion",
    "X-Istio-Attributes",
    "L5d-Ctx-Trace",
    "Request-Context",
    "Lightstep-TraceId",
    "X-B3",
    "X-Honeycomb-Trace",
    "X-MS-Request-Id",
    "X-Trace-Id",
    "Accept-Charset",
    "Access-Control-Request-Method",
    "Cookie2",
    "Device-Memory",
    "Downlink",
    "DPR",
    "ECT",
    "Last-Event-ID",
    "RTT",
    "Viewport-Width",
    "Width",
    "Authorization",
    "Connection",
    "X-Hop",
    "HTTP2-Settings",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Content-Length",
    "Expect",
    "Proxy-Authorization",
    "Proxy-Authenticate",
    "Proxy-Connection",
    "Forwarded",
    "Max-Forwards",
    "Via",
    "X-Forwarded",
    "X-Forwarded-For",
    "X-Original-URL",
    "X-ProxyUser-IP",
    "Client-IP",
    "True-Client-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Originating-IP",
    "X-Real-IP",
    "X-Remote-Addr",
    "X-Remote-IP",
    "Early-Data",
    "Akamai-Origin-Hop",
    "CDN-Loop",
    "CF-Ray",
    "CloudFront-Viewer-Country",
    "Fastly-Client-IP",
    "X-Akamai-Edgescape",
    "X-Varnish",
    "X-Amzn-ApiGateway-Api-Id",
    "X-Amzn-Mtls-Clientcert",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Tls-Version",
    "X-Appengine-Country",
    "X-ARR-SSL",
    "X-Azure-Ref",
    "X-Envoy-External-Address",
    "X-Kong-Request-Id",
    "Baggage",
    "Traceparent",
    "Tracestate",
    "X-Amzn-Trace-Id",
    "B3",
    "Correlation-Context",
    "Elastic-Apm-Traceparent",
    "Grpc-Trace-Bin",
    "Jaeger-Debug-Id",
    "Newrelic",
    "Ot-Tracer-Traceid",
    "Request-Id",
    "Sentry-Trace",
    "Traceresponse",
    "Uber-Trace-Id",
    "Uberctx-User",
    "X-B3-TraceId",
    "X-Cloud-Trace-Context",
    "X-Correlation-ID",
    "X-Datadog-Trace-Id",
    "X-Dynatrace",
    "X-Instana-T",
    "X-NewRelic-ID",
    "X-Ot-Span-Context",
    "X-Request-ID",
    "User-Agent",
    "Accept-Encoding",
    "Alt-Used",
    "Cookie",
    "DNT",
    "From",
    "Origin",
    "Pragma",
    "Priority",
    "Referer",
    "Save-Data",
    "Sec-WebSocket-Key",
    "Sec-Fetch-Mode",
    "Upgrade-Insecure-Requests",
];

/// Those that are left out even by `Rules::every_header`.
const NEVER_AT_ALL: &[&str] = &[
    "Authorization",
    "Connection",
    "Transfer-Encoding",
    "Upgrade",
    "Expect",
    "X-Amzn-Trace-Id",
    "User-Agent",
    "Sec-WebSocket-Key",
];

#[test]
fn the_signers_are_asked_about_each_row_of_the_table() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/canonical/headers.rs");
    let table = fs::read_to_string(table).unwrap();
    let table: String = table.split_whitespace().collect();
    let names = |list: &[&str]| -> Vec<String> {
        list.iter().map(|name| name.to_ascii_lowercase()).collect()
    };
    for (call, headers) in [
        ("row(\"", names(NEVER_SIGNED)),
        ("always(\"", names(NEVER_AT_ALL)),
    ] {
        let rows = table.split(call).skip(1);
        let rows: Vec<_> = rows.map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(rows.len() >= 7, "{rows:?}");
        for row in rows {
            let is_asked = match row.strip_suffix('*') {
                Some(family) => headers.iter().any(|name| name.starts_with(family)),
                None => headers.iter().any(|name| name == row),
            };
            assert!(is_asked, "NEVER_SIGNED has no header for the row {row}");
        }
    }
}

/// Returns a signed request in the form that the script reads.
fn case(number: u64) -> serde_json::Value {
    let mut random = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let is_s3 = random.pick(&[true, false]);
    let expires = random.pick(&[Some(600), None, None]);
    let token = random.pick(&["", "to/k+en=="]);
    let every = random.pick(&[true, false, false, false]);
    let (method, target, mut headers) = parts(&mut random);
    let turn = usize::try_from(number).unwrap() % NEVER_SIGNED.len();
    for name in [
        NEVER_SIGNED[turn],
        random.pick(NEVER_SIGNED),
        random.pick(NEVER_SIGNED),
        "X-Hop",
        "Connection",
    ] {
        if headers.iter().all(|(other, _)| *other != name) {
            headers.push((name, "close, x-hop"));
        }
    }
    let unsigned = if every { NEVER_AT_ALL } else { NEVER_SIGNED };
    let body = match (method, expires) {
        ("POST", None) => "{}",
        _ => "",
    };
    let at = Timestamp::from_unix_seconds(1_772_355_600 + i64::try_from(number).unwrap() * 977);
    let (region, service) = ("eu-central-1", if is_s3 { "s3" } else { "execute-api" });
    let rules = if is_s3 { Rules::S3 } else { Rules::GENERAL };
    let rules = if every { rules.every_header() } else { rules };
    let signer = Signer::with_rules(Scope::new(region, service).unwrap(), rules);
    let credentials = Credentials::new("AKIDEXAMPLE", "secret/+")
        .unwrap()
        .with_session_token(token)
        .unwrap();
    let request = Request::from_wire(method, &target, &headers)
        .unwrap()
        .payload(Payload::Bytes(body.as_bytes()));
    serde_json::json!({
        "method": method, "target": target, "headers": headers, "body": body, "s3": is_s3, "expires": expires,
        "every": every, "unsigned": unsigned,
        "id": "AKIDEXAMPLE", "secret": "secret/+", "token": token, "region": region, "service": service,
        "at": at.to_string(), "signature": signature(&signer, &request, &credentials, at, expires),
    })
}

/// Returns method, target and headers. The query is in canonical encoding, because botocore signs
/// any other as it is.
fn parts(random: &mut Random) -> (&'static str, String, Vec<(&'static str, &'static str)>) {
    let method = random.pick(&["GET", "PUT", "POST", "DELETE"]);
    let mut target = String::new();
    for _ in 0..3 {
        let segment = ["a", "b%20c", "%C3%A9", "%2F", "x%2By", "~", "d.e", "f%3Dg"];
        target += "/";
        target += random.pick(&segment);
    }
    target += random.pick(&["", "/"]);
    for index in 0..3 {
        let name = random.pick(&["a", "B", "k%20", "%C3%A9"]);
        let value = random.pick(&["", "1", "%2F", "x%20y", "%2B"]);
        let before = if index == 0 { '?' } else { '&' };
        target += &format!("{before}{name}{index}={value}");
    }
    let host = random.pick(&["example.amazonaws.com", "localhost:9000"]);
    let meta = random.pick(&["1", "a  b", "\"a   b\"", " lead"]);
    let kind = random.pick(&["text/plain", "application/json"]);
    let range = random.pick(&["bytes=0-9", "bytes=10-"]);
    let mut headers = vec![
        ("Host", host),
        ("X-Amz-Meta-A", meta),
        ("Content-Type", kind),
        ("Range", range),
    ];
    headers.truncate(random.pick(&[2, 3, 4]));
    (method, target, headers)
}

/// Signs by query if the URL is to expire, else by header.
fn signature(
    signer: &Signer,
    request: &Request<'_>,
    credentials: &Credentials,
    at: Timestamp,
    expires: Option<u64>,
) -> String {
    let Some(seconds) = expires else {
        let signed = signer.sign(request, credentials, at).unwrap();
        return signed.signature().to_owned();
    };
    let ttl = Ttl::from_secs(seconds).unwrap();
    let presigned = signer.presign(request, credentials, at, ttl).unwrap();
    presigned.signature().to_owned()
}

/// A xorshift generator. Its sequence is the same on each machine.
struct Random(u64);

impl Random {
    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        list[usize::try_from(self.0 % list.len() as u64).unwrap()]
    }
}
