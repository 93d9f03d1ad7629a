//! `keyfob serve proxy` with TLS, by the certificates of the tests of `sts`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
    time::{Duration, Instant},
};

use crate::{
    answers::{answer, start_server},
    endpoints::tls::file,
    keyfob::{Home, Run, assert_has, assert_lacks},
    python,
    running::{Running, boto3},
    servers::{Server, exchange, wait_until},
    signals::send,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn home() -> Home {
    Home::new()
        .with_key("AKIAPROXYEXAMPLE0000", "canary/secret+access/key")
        .with("AWS_REGION", "us-east-1")
}

fn pem(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap()
}

/// Writes a certificate and its key, which only its owner can read.
fn write_pair(home: &Home, certificate: &str, key: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    for (name, text) in [("certificate.pem", certificate), ("key.pem", key)] {
        let path = home.path().join(name);
        // At once, as tools that rotate certificates do it.
        fs::write(path.with_extension("new"), text).unwrap();
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(path.with_extension("new"), private).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }
}

/// The lines of the keys, none of which may be printed.
fn secret_lines() -> Vec<String> {
    let mut lines = vec!["canary".to_owned()];
    for name in ["server.pem", "self-signed.pem", "expired.pem"] {
        let text = pem(name);
        let key = &text[text.find("-----BEGIN PRIVATE").unwrap()..];
        let body = key.lines().filter(|line| !line.starts_with("-----"));
        lines.extend(body.map(str::to_owned));
    }
    lines
}

#[track_caller]
fn assert_has_no_secret(text: &str) {
    let lines = secret_lines();
    assert_lacks(text, &lines.iter().map(String::as_str).collect::<Vec<_>>());
}

const PAIR: [&str; 4] = ["--tls-cert", "certificate.pem", "--tls-key", "key.pem"];

struct Proxy {
    running: Running,
    /// `127.0.0.1:PORT`.
    address: String,
    token: String,
}

impl Proxy {
    fn start(home: &Home, to: &str, more: &[&str]) -> Self {
        let words = [&["--to", to, "--service", "s3"], &PAIR[..], more].concat();
        let running = Running::serve(home, "proxy", &words);
        let value = |name: &str| {
            let mut exports = running.exports.iter();
            let found = exports.find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone()).unwrap()
        };
        let url = value("KEYFOB_PROXY_URL");
        Self {
            address: url.strip_prefix("https://").unwrap().to_owned(),
            token: value("KEYFOB_PROXY_TOKEN"),
            running,
        }
    }

    fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// Waits for a line of stderr with this text. No other has a secret.
    #[track_caller]
    fn line(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.running.lines.recv_timeout(left);
            assert!(line.is_ok(), "no line has {text:?}: {line:?}");
            let line = line.unwrap();
            assert_has_no_secret(&line);
            if line.contains(text) {
                return line;
            }
        }
    }
}

/// Runs a program that has a context of TLS for `sys.argv[1:]`, an address and its port.
fn python(home: &Home, address: &str, program: &str) -> std::process::Command {
    let (host, port) = address.rsplit_once(':').unwrap();
    let program = format!(
        "
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_verify_locations('{}')
def connect(context=context, name='localhost'):
    return context.wrap_socket(socket.create_connection(('{host}', {port})), server_hostname=name)
def status(stream, head='Host: localhost\\r\\n'):
    stream.sendall(b'GET /-/health HTTP/1.1\\r\\n' + head.encode() + b'\\r\\n')
    answer = b''
    while not answer.endswith(b'ok\\n') and (piece := stream.recv(4096)):
        answer += piece
    return answer.split(b' ')[1].decode()
{program}
",
        file("ca.pem").display()
    );
    let mut python = home.program("python3");
    python.args(["-c", &program]);
    python
}

#[test]
fn curl_boto3_and_both_versions_of_tls_reach_a_server_that_verifies_signatures() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    write_pair(&home, &pem("server.pem"), &pem("server.pem"));
    let proxy = Proxy::start(&home, &server.url, &[]);
    let (url, ca) = (
        format!("https://localhost:{}", proxy.port()),
        file("ca.pem"),
    );
    let caller = Home::new();
    let head = format!("X-Keyfob-Token: {}", proxy.token);
    let curl = |ca: &str, words: &[&str]| {
        let mut curl = caller.program("curl");
        curl.args(["-sS", "-f", "--cacert", ca, "-H", &head]);
        Run::new(curl.args(words).output().unwrap())
    };
    let own = ca.to_str().unwrap();
    curl(own, &["-X", "PUT", &format!("{url}/bucket")]).ok();
    let key = format!("{url}/bucket/key");
    curl(own, &["-X", "PUT", "--data-binary", "by curl", &key]).ok();
    assert_eq!(curl(own, &[&key]).ok(), "by curl");
    let other = file("other.pem");
    assert_has(
        &curl(other.to_str().unwrap(), &[&key]).stderr,
        &["certificate"],
    );
    let program = format!(
        "
import boto3
from botocore import UNSIGNED
from botocore.config import Config
# With checksums in trailers, as boto3 has them over https, rclone misses the length.
config = Config(signature_version=UNSIGNED, s3={{'addressing_style': 'path'}},
                request_checksum_calculation='when_required')
s3 = boto3.client('s3', endpoint_url='https://{}', region_name='us-east-1', config=config,
                  verify='{own}')
s3.meta.events.register('before-send.s3', lambda request, **_: request.headers.update(
    {{'X-Keyfob-Token': '{}'}}))
long = bytes(range(256)) * 16384
s3.put_object(Bucket='bucket', Key='long', Body=long)
print(s3.get_object(Bucket='bucket', Key='long')['Body'].read() == long)
",
        proxy.address, proxy.token
    );
    assert_eq!(boto3(&Home::new(), &program).ok(), "True\n");
    let versions = "
context.set_alpn_protocols(['h2', 'http/1.1'])
for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
    context.minimum_version = context.maximum_version = version
    with connect() as stream:
        print(stream.version(), stream.selected_alpn_protocol(), status(stream), status(stream))
";
    let run = python(&caller, &proxy.address, versions).output().unwrap();
    assert_eq!(
        Run::new(run).ok(),
        "TLSv1.2 http/1.1 200 200\nTLSv1.3 http/1.1 200 200\n"
    );
}

#[test]
fn placeholder_keys_are_for_https_too() {
    let server = Server::ministack();
    let home = server.home();
    write_pair(&home, &pem("server.pem"), &pem("server.pem"));
    let words = [&["--resign", "--to", &server.url], &PAIR[..]].concat();
    let proxy = Running::serve(&home, "proxy", &words);
    assert_has(&proxy.exports[0].1, &["https://127.0.0.1:"]);
    let names: Vec<_> = proxy
        .exports
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(names.contains(&"KEYFOB_PROXY_TOKEN"), "{names:?}");
    let caller = proxy.home(&["KEYFOB_PROXY_TOKEN"]);
    let caller = caller
        .with("AWS_DEFAULT_REGION", "us-east-1")
        .with("AWS_CA_BUNDLE", file("ca.pem").to_str().unwrap());
    let program = "
import boto3
print(boto3.client('sts').get_caller_identity()['Arn'].split('/')[-1])
s3 = boto3.client('s3')
long = bytes(range(256)) * 4096
s3.put_object(Bucket='bucket', Key='a b', Body=long)
print(s3.get_object(Bucket='bucket', Key='a b')['Body'].read() == long)
";
    assert_eq!(boto3(&caller, program).ok(), "robot\nTrue\n");
}

#[test]
fn handshakes_that_fail_are_counted_and_told_once_in_a_while() {
    let home = home();
    write_pair(&home, &pem("server.pem"), &pem("server.pem"));
    let proxy = Proxy::start(&home, "http://127.0.0.1:9", &[]);
    let caller = Home::new();
    let url = format!("https://localhost:{}/-/metrics", proxy.port());
    let curl = |ca: &str| {
        let mut curl = caller.program("curl");
        curl.args(["-sS", "-f", "--cacert", file(ca).to_str().unwrap(), "-H"]);
        curl.arg(format!("X-Keyfob-Token: {}", proxy.token));
        Run::new(curl.arg(&url).output().unwrap())
    };
    for _ in 0..2 {
        assert_has(&curl("other.pem").stderr, &["certificate"]);
    }
    let counted = "refusals_total{reason=\"a handshake of TLS failed\"} 2\n";
    wait_until(|| curl("ca.pem").ok().contains(counted));
    let told = proxy.line("a handshake of TLS failed");
    assert_has(&told, &["warning: ", "others are only counted"]);
    // All lines come in their order.
    exchange(&proxy.address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines =
        std::iter::from_fn(|| Some(proxy.line(""))).take_while(|line| !line.contains("400"));
    assert!(lines.all(|line| !line.contains("handshake")));
}

#[test]
fn what_is_no_tls_is_told_so_and_stalls_nothing() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    write_pair(&home, &pem("server.pem"), &pem("server.pem"));
    let proxy = Proxy::start(&home, &upstream, &["--log-format", "json"]);
    let connect = || std::net::TcpStream::connect(&proxy.address).unwrap();
    let mut stalled: Vec<_> = (0..50).map(|_| connect()).collect();
    for (at, stream) in stalled.iter_mut().enumerate() {
        // A part of the head of a record, or nothing.
        stream.write_all(&[22, 3, 1, 2, 0][..at % 6]).unwrap();
    }
    for garbage in [
        &b"\x80\x2e\x01\x00\x02"[..],
        b"\x16\x03\x01\xff\xff\xff",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x15\x03\x03\x00\x02\x02\x28",
        &[0; 70_000],
        &[22; 70_000],
    ] {
        // It may be closed before all of it is sent.
        let _ = connect().write_all(garbage);
    }
    let clear = format!(
        "GET /canary HTTP/1.1\r\nHost: {}\r\nX-Keyfob-Token: {}\r\n\r\n",
        proxy.address, proxy.token
    );
    let told = exchange(&proxy.address, &clear).unwrap();
    assert_has(&told, &["HTTP/1.1 400", "connection: close", "https://"]);
    assert_has(&proxy.line("this port speaks TLS"), &["\"status\":400"]);
    let malformed = exchange(&proxy.address, "GET canary\r\n\r\n").unwrap();
    assert_has(&malformed, &["HTTP/1.1 400"]);
    proxy.line("the head of the request is malformed");
    let program = "
with connect() as stream:
    print(status(stream))
with connect() as stream:
    stream.sendall(b'GET /a b HTTP/1.1\\r\\n\\r\\n')
    print(stream.recv(100).split(b' ')[1].decode())
# Not the name of this server, and one that its certificate has.
for name in ['evil.example', '127.0.0.1', 'LOCALHOST']:
    with connect() as stream:
        stream.sendall(f'GET /a HTTP/1.1\\r\\nHost: {name}\\r\\n\\r\\n'.encode())
        print(stream.recv(100).split(b' ')[1].decode())
";
    let run = python(&home, &proxy.address, program).output().unwrap();
    assert_eq!(Run::new(run).ok(), "200\n400\n403\n401\n401\n");
    assert!(requests.try_recv().is_err());
    drop(stalled);
}

#[test]
fn a_certificate_is_replaced_while_connections_are_open_and_a_bad_one_is_not_used() {
    let (upstream, _requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let (first, second) = (pem("server.pem"), pem("self-signed.pem"));
    write_pair(&home, &first, &first);
    let mut proxy = Proxy::start(&home, &upstream, &[]);
    // For each line of input, it asks again over the same connection, and shows which certificate a
    // new one gets.
    let program = "
import hashlib
any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
any.check_hostname, any.verify_mode = False, ssl.CERT_NONE
with connect() as stream:
    for line in sys.stdin:
        with connect(any) as new:
            print(status(stream), ssl.DER_cert_to_PEM_cert(new.getpeercert(True)).split()[2],
                  flush=True)
";
    let mut client = python(&home, &proxy.address, program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    let mut output = BufReader::new(client.stdout.take().unwrap());
    let mut ask = || {
        input.write_all(b"\n").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        line
    };
    let shows = |pem: &str| format!("200 {}\n", pem.split_whitespace().nth(2).unwrap());
    assert_eq!(ask(), shows(&first));
    let key_only = &second[second.find("-----BEGIN PRIVATE").unwrap()..];
    for (certificate, key, reason) in [
        (&*second, &*first, "is not that of the certificate"),
        (&first[..100], &*first, "the certificate is damaged"),
        (&*first, "canary", "there is no private key"),
        (key_only, &*first, "there is no certificate"),
    ] {
        write_pair(&home, certificate, key);
        let line = proxy.line("the previous ones stay in use");
        assert_has(
            &line,
            &["warning: --tls-cert certificate.pem", "key.pem", reason],
        );
        assert_eq!(ask(), shows(&first));
    }
    fs::remove_file(home.path().join("key.pem")).unwrap();
    let line = proxy.line("the previous ones stay in use");
    assert_has(&line, &["--tls-key: cannot read key.pem"]);
    write_pair(&home, &second, &second);
    send("HUP", &proxy.running.child);
    proxy.line("note: the new certificate of --tls-cert is in use");
    assert_eq!(ask(), shows(&second));
    let expired = pem("expired.pem");
    write_pair(&home, &expired, &expired);
    let line = proxy.line("has expired at 2020-01-02T00:00:00Z");
    assert_has(&line, &["warning: --tls-cert: certificate.pem"]);
    assert_eq!(ask(), shows(&expired));
    assert!(proxy.running.child.try_wait().unwrap().is_none());
    send("TERM", &proxy.running.child);
    assert_eq!(proxy.running.child.wait().unwrap().code(), Some(143));
    drop(input);
    client.wait().unwrap();
}

#[test]
fn what_callers_will_not_accept_and_others_can_read_is_told_at_the_start() {
    use std::os::unix::fs::PermissionsExt as _;

    let (upstream, _requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    write_pair(&home, &pem("expired.pem"), &pem("expired.pem"));
    let key = home.path().join("key.pem");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    let proxy = Proxy::start(&home, &upstream, &[]);
    proxy.line("warning: other users can read the private key in key.pem: run chmod 600 key.pem");
    proxy.line("note: the certificate is not for 127.0.0.1: callers use one of its names");
    proxy.line("the certificate has expired at 2020-01-02T00:00:00Z, and callers refuse it");

    // What others reach, with TLS and without.
    write_pair(&home, &pem("server.pem"), &pem("server.pem"));
    let words = [
        "serve",
        "proxy",
        "--listen",
        "0.0.0.0:0",
        "--listen-any",
        "--to",
        &upstream,
    ];
    let words = [&words[..], &["--service", "s3"]].concat();
    let clear = Running::start(&home, &words);
    let warning = loop {
        let line = clear.lines.recv_timeout(PATIENCE).unwrap();
        if line.contains("does not encrypt") {
            break line;
        }
    };
    assert_has(&warning, &["warning:", "--tls-cert and --tls-key"]);
    let encrypted = Running::start(&home, &[&words[..], &PAIR].concat());
    let note = loop {
        let line = encrypted.lines.recv_timeout(PATIENCE).unwrap();
        assert_lacks(&line, &["does not encrypt"]);
        if line.contains("the certificate is not for") {
            break line;
        }
    };
    assert_has(&note, &["0.0.0.0"]);
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_with_its_files_and_without_what_they_hold() {
    let home = home();
    let (server, expired) = (pem("server.pem"), pem("expired.pem"));
    let key_start = server.find("-----BEGIN PRIVATE").unwrap();
    let start = |more: &[&str]| {
        let words = [
            "serve",
            "proxy",
            "--to",
            "https://a.example",
            "--service",
            "s3",
        ];
        let stderr = home.keyfob([&words[..], more].concat()).fails(252);
        assert_has_no_secret(&stderr);
        stderr
    };
    for (certificate, key, reason) in [
        ("", &*server, "there is no certificate"),
        (&server[key_start..], &server, "there is no certificate"),
        (&server[..200], &server, "the certificate is damaged"),
        (&server, "", "there is no private key"),
        (&server, &server[..key_start], "there is no private key"),
        (
            &server,
            &server[..key_start + 100],
            "the private key is damaged",
        ),
        (
            &server,
            &expired,
            "the private key is not that of the certificate",
        ),
        (
            &server,
            &server.replace("PRIVATE", "ENCRYPTED PRIVATE"),
            "the private key is encrypted: decrypt it with `openssl pkey`",
        ),
    ] {
        write_pair(&home, certificate, key);
        let stderr = start(&PAIR);
        let files = "--tls-cert certificate.pem, --tls-key key.pem: ";
        assert_has(&stderr, &[&format!("{files}{reason}")]);
    }
    let der = home.path().join("der");
    fs::write(&der, [0x30, 0x82, 0xff]).unwrap();
    let stderr = start(&["--tls-cert", "der", "--tls-key", "key.pem"]);
    assert_has(&stderr, &["--tls-cert: der", "in PEM"]);
    let stderr = start(&["--tls-cert", "absent.pem", "--tls-key", "key.pem"]);
    assert_has(&stderr, &["--tls-cert: cannot read absent.pem"]);
    let own = format!("--tls-key={}", &server[key_start..]);
    let stderr = start(&["--tls-cert", "certificate.pem", &own]);
    assert_has(&stderr, &["--tls-key: write the name of a file"]);
    assert_has(&start(&PAIR[..2]), &["--tls-key"]);
    write_pair(&home, &server, &server);
    let stderr = start(&[&PAIR[..], &["--listen", "unix:socket"]].concat());
    assert_has(&stderr, &["--tls-cert", "Unix socket"]);
}
