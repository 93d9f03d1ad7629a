//! `keyfob serve proxy --resign`, for programs with placeholder keys.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use keyfob_sigv4::{
    Credentials, Payload, Request, Scope, Signer, Timestamp,
    chunked::{Checksum, ChunkEncoder, ChunkSigner, Chunked},
    verify::Verifier,
};

use crate::{
    answers::{answer, start_echo, start_server},
    javascript,
    keyfob::{Home, Run, assert_has, assert_lacks},
    python,
    running::{Running, boto3},
    servers::{Server, exchange, fetch},
};

const SECRET: &str = "canary/secret+access/key";

pub(crate) fn home() -> Home {
    Home::new()
        .with_key("AKIAPROXYEXAMPLE0000", SECRET)
        .with("AWS_REGION", "us-east-1")
}

/// Runs a program in Python with `exec --via-proxy`.
pub(crate) fn python_behind_proxy(home: &Home, python: &Path, program: &str) -> Run {
    let python = python.to_str().unwrap();
    home.keyfob(["exec", "--via-proxy", "--", python, "-c", program])
}

/// A proxy in front of a server, and its placeholder keys.
pub(crate) struct Proxy {
    pub(crate) running: Running,
    pub(crate) address: String,
    pub(crate) keys: Credentials,
}

impl Proxy {
    pub(crate) fn start(home: &Home, to: &str, more: &[&str]) -> Self {
        Self::start_for(home, &[&["--to", to][..], more].concat())
    }

    /// Starts one for the servers that these words name.
    fn start_for(home: &Home, words: &[&str]) -> Self {
        let running = Running::serve(home, "proxy", &[&["--resign"], words].concat());
        let value = |name: &str| {
            let mut exports = running.exports.iter();
            let found = exports.find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone()).unwrap()
        };
        let keys = Credentials::new(value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"));
        let address = value("AWS_ENDPOINT_URL")
            .trim_start_matches("http://")
            .to_owned();
        Self {
            running,
            address,
            keys: keys.unwrap(),
        }
    }

    /// Sends a request that these keys have signed for a service, and returns the answer. `change`
    /// gets the head as it is sent.
    fn send(
        &self,
        claim: (&str, &Credentials, Timestamp),
        request: (&str, &str, &str),
        change: impl Fn(String) -> String,
    ) -> String {
        exchange(&self.address, &change(self.signed(claim, request))).unwrap()
    }

    /// Returns a request that these keys have signed for a service, as it is sent.
    pub(crate) fn signed(
        &self,
        (service, keys, at): (&str, &Credentials, Timestamp),
        (method, path, body): (&str, &str, &str),
    ) -> String {
        let url = format!("http://{}{path}", self.address);
        let request = Request::new(method, &url)
            .unwrap()
            .payload(Payload::Bytes(body.as_bytes()));
        let signer = Signer::new(Scope::new("us-east-1", service).unwrap());
        let signature = signer.sign(&request, keys, at).unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n",
            self.address,
            body.len()
        );
        for (name, value) in signature.headers() {
            head += &format!("{name}: {value}\r\n");
        }
        format!("{head}\r\n{body}")
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn programs_with_placeholder_keys_reach_a_server_that_verifies_signatures() {
    let server = Server::ministack();
    let proxy = Proxy::start(&server.home(), &server.url, &[]);
    let program = "
import boto3, urllib.request
from botocore.config import Config
print(boto3.client('sts').get_caller_identity()['Arn'].split('/')[-1])
print(len(boto3.client('iam').list_users()['Users']) > 0)
table = boto3.client('dynamodb').list_tables()['TableNames']
print(table)
s3 = boto3.client('s3')
s3.create_bucket(Bucket='resigned')
long = bytes(range(256)) * 4096
s3.put_object(Bucket='resigned', Key='a b+c', Body=b'the body')
s3.put_object(Bucket='resigned', Key='long', Body=long)
print(s3.get_object(Bucket='resigned', Key='a b+c')['Body'].read().decode())
print(s3.get_object(Bucket='resigned', Key='long')['Body'].read() == long)
whole = boto3.client('s3', config=Config(s3={'payload_signing_enabled': True}))
whole.put_object(Bucket='resigned', Key='signed', Body=long)
print(whole.get_object(Bucket='resigned', Key='signed')['Body'].read() == long)
url = boto3.client('s3', config=Config(signature_version='s3v4')).generate_presigned_url(
    'get_object', Params={'Bucket': 'resigned', 'Key': 'a b+c'})
print(urllib.request.urlopen(url).read().decode())
try:
    s3.get_object(Bucket='resigned', Key='absent')
except Exception as error:
    print(error.response['Error']['Code'])
";
    let caller = proxy
        .running
        .home(&[])
        .with("AWS_DEFAULT_REGION", "us-east-1");
    assert_eq!(
        boto3(&caller, program).ok(),
        "robot\nTrue\n[]\nthe body\nTrue\nTrue\nthe body\nNoSuchKey\n"
    );
    let file = caller.path().join("file");
    std::fs::write(&file, "by the AWS CLI").unwrap();
    let aws = |words: &[&str]| caller.aws(words).ok();
    aws(&["s3", "cp", file.to_str().unwrap(), "s3://resigned/cli"]);
    assert_eq!(
        aws(&["s3", "cp", "s3://resigned/cli", "-"]),
        "by the AWS CLI"
    );
    assert_has(&aws(&["sts", "get-caller-identity"]), &["user/robot"]);
    // Keyfob itself, too.
    let keyfob = caller.with("AWS_REGION", "us-east-1");
    assert_eq!(
        keyfob.keyfob(["s3", "cp", "s3://resigned/cli", "-"]).ok(),
        "by the AWS CLI"
    );
    assert_has(
        &keyfob.keyfob(["sts", "get-caller-identity"]).ok(),
        &["user/robot"],
    );
    // Without the right secret, there is a reason that SDKs can show.
    let wrong = "
import boto3, os
key = os.environ['AWS_ACCESS_KEY_ID']
sts = boto3.client('sts', aws_access_key_id=key, aws_secret_access_key='wrong')
try:
    sts.get_caller_identity()
except Exception as error:
    print(error)
";
    assert_has(
        &boto3(&keyfob, wrong).ok(),
        &["(SignatureDoesNotMatch)", "keyfob: the signature"],
    );
    for line in proxy.running.lines.try_iter() {
        assert_lacks(&line, &[&server.secret, "the body"]);
        assert_lacks(&line, &[proxy.keys.secret_access_key().expose()]);
    }
}

#[test]
fn what_is_not_signed_with_the_placeholder_key_reaches_no_server() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let proxy = Proxy::start(
        &home(),
        &upstream,
        &["--service", "sts", "--allow-method", "POST"],
    );
    let (keys, now) = (&proxy.keys, Timestamp::now());
    let form = ("POST", "/", "Action=GetCallerIdentity");
    let same = |request: String| request;
    let other = Credentials::new(keys.access_key_id(), "other").unwrap();
    let another = Credentials::new("AKIAOTHER", "other").unwrap();
    let temporary = keys.clone().with_session_token("token").unwrap();
    let code = |text: &str| {
        text.split("<Code>")
            .nth(1)
            .unwrap_or(text)
            .split('<')
            .next()
            .unwrap()
            .to_owned()
    };
    for (by, request, change, expected) in [
        (
            ("sts", &other, now),
            form,
            &same as &dyn Fn(String) -> String,
            "SignatureDoesNotMatch",
        ),
        (("sts", &another, now), form, &same, "InvalidClientTokenId"),
        (
            ("sts", &temporary, now),
            form,
            &same,
            "InvalidClientTokenId",
        ),
        (("iam", keys, now), form, &same, "AccessDenied"),
        (
            ("sts", keys, now.plus_seconds(-1_000)),
            form,
            &same,
            "SignatureDoesNotMatch",
        ),
        (
            ("sts", keys, now.plus_seconds(1_000)),
            form,
            &same,
            "SignatureDoesNotMatch",
        ),
        (("sts", keys, now), ("GET", "/", ""), &same, "AccessDenied"),
        // Another body of the same length.
        (
            ("sts", keys, now),
            form,
            &|sent| sent.replace("Action=", "action="),
            "SignatureDoesNotMatch",
        ),
        (
            ("sts", keys, now),
            form,
            &|sent| sent.replace("POST / ", "POST /a "),
            "SignatureDoesNotMatch",
        ),
        (
            ("sts", keys, now),
            form,
            &|sent| sent.replace("\r\nConnection", "\r\nX-Amz-Added: 1\r\nConnection"),
            "SignatureDoesNotMatch",
        ),
        (
            ("sts", keys, now),
            form,
            &|sent| sent.replace("us-east-1", "eu-west-1"),
            "SignatureDoesNotMatch",
        ),
        (
            ("sts", keys, now),
            form,
            &|sent| sent.replace("authorization", "x-authorization"),
            "not signed",
        ),
        (
            ("sts", keys, now),
            form,
            &|sent| sent.replace("\r\nConnection", "\r\nOrigin: null\r\nConnection"),
            "web page",
        ),
    ] {
        let answer = proxy.send(by, request, change);
        assert_eq!(status(&answer), "403", "{expected}: {answer}");
        assert!(code(&answer).contains(expected), "{expected}: {answer}");
        assert_lacks(
            &answer,
            &["canary", "AKIAPROXY", keys.secret_access_key().expose()],
        );
    }
    // As boto3 presigns for S3 by default.
    let head = format!(
        "GET /?AWSAccessKeyId=a&Signature=b&Expires=1 HTTP/1.1\r\nHost: {}\r\n",
        proxy.address
    );
    let old = exchange(&proxy.address, &format!("{head}Connection: close\r\n\r\n")).unwrap();
    assert_has(&old, &["HTTP/1.1 403", "not one of version 4"]);
    let foreign = proxy.send(("sts", keys, now), form, |sent| {
        sent.replace(&format!("Host: {}", proxy.address), "Host: evil.example")
    });
    assert_eq!(status(&foreign), "403");
    let taken_away = proxy.send(("sts", keys, now), form, |sent| {
        sent.replace("Connection: close", "Connection: close, X-Amz-Date")
    });
    assert_has(&taken_away, &["HTTP/1.1 400", "Connection names a header"]);
    assert!(requests.try_recv().is_err());
    assert_has(
        &proxy.send(("sts", keys, now), form, same),
        &["HTTP/1.1 200", "passed"],
    );
}

#[test]
fn the_server_gets_another_signature_for_its_own_host() {
    let (upstream, requests) = start_echo();
    let proxy = Proxy::start(&home(), &upstream, &[]);
    let form = ("POST", "/", "Action=GetCallerIdentity");
    proxy.send(("sts", &proxy.keys, Timestamp::now()), form, |sent| sent);
    let sent = requests.recv_timeout(Duration::from_secs(20)).unwrap();
    let host = upstream.trim_start_matches("http://");
    assert_has(
        &sent,
        &[
            &format!("host: {host}\r\n"),
            "Credential=AKIAPROXYEXAMPLE0000/",
            "/us-east-1/sts/",
        ],
    );
    assert_lacks(
        &sent,
        &[proxy.keys.access_key_id(), &proxy.address, "canary"],
    );
}

/// Reads a request to its end, or to where it breaks off.
fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let mut buffer = [0; 65_536];
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        received.extend_from_slice(&buffer[..length]);
        let head = received.windows(4).position(|end| end == b"\r\n\r\n");
        let Some(head) = head else { continue };
        let text = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        if received.len() >= head + 4 + length {
            break;
        }
    }
    received
}

/// Starts a server that records what it gets.
fn start_recorder() -> (String, mpsc::Receiver<Vec<u8>>) {
    start_recorder_of("200 OK")
}

/// Starts one that answers with this status, and headers behind it.
fn start_recorder_of(status: &'static str) -> (String, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let received = read(&mut stream);
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: 6\r\n\r\npassed"
            );
            sender.send(received).unwrap();
        }
    });
    (url, requests)
}

/// Splits a request into its head and its body.
fn split(request: &[u8]) -> (&str, &[u8]) {
    let end = request
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap();
    (
        str::from_utf8(&request[..end]).unwrap(),
        &request[end + 4..],
    )
}

#[test]
fn a_long_body_that_was_not_signed_has_no_end() {
    let (upstream, requests) = start_recorder();
    let proxy = Proxy::start(&home(), &upstream, &[]);
    let body = "a".repeat(1_000_000);
    let put = ("PUT", "/bucket/key", body.as_str());
    let by = ("s3", &proxy.keys, Timestamp::now());
    let length = || {
        let request = requests.recv_timeout(Duration::from_secs(20)).unwrap();
        split(&request).1.len()
    };
    assert_has(
        &proxy.send(by, put, |sent| sent),
        &["HTTP/1.1 200", "passed"],
    );
    assert_eq!(length(), body.len());
    let forged = proxy.send(by, put, |sent| sent.replacen("aaaa", "aaab", 1));
    assert_eq!(status(&forged), "403", "{forged}");
    assert_has(&forged, &["<Code>XAmzContentSHA256Mismatch</Code>"]);
    assert!(length() < body.len());
}

#[test]
fn each_chunk_is_verified_and_signed_again() {
    let (upstream, requests) = start_recorder();
    let proxy = Proxy::start(&home(), &upstream, &[]);
    let body = "a".repeat(300_000);
    let plan = Chunked::signed(body.len().try_into().unwrap()).checksum(Checksum::Crc32);
    let mut headers = plan.headers();
    headers.push(("host", proxy.address.clone()));
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let url = format!("http://{}/bucket/key", proxy.address);
    let request = Request::new("PUT", &url)
        .unwrap()
        .headers(&headers)
        .unwrap();
    let request = request.payload(Payload::Streaming(plan.streaming()));
    let (signer, now) = (Signer::s3("us-east-1").unwrap(), Timestamp::now());
    let signature = signer.sign(&request, &proxy.keys, now).unwrap();
    let chain = ChunkSigner::new(&signer, &proxy.keys, now, &signature);
    let frames = ChunkEncoder::new(&plan, chain)
        .unwrap()
        .frames([body.as_bytes()]);
    let chunks = frames.map(Result::unwrap).collect::<Vec<_>>().concat();
    let chunks = String::from_utf8(chunks).unwrap();
    let mut head = "PUT /bucket/key HTTP/1.1\r\nConnection: close\r\n".to_owned();
    let length = ("content-length", &*chunks.len().to_string());
    for (name, value) in headers
        .into_iter()
        .chain(signature.headers())
        .chain([length])
    {
        head += &format!("{name}: {value}\r\n");
    }
    let send = |chunks: &str| exchange(&proxy.address, &format!("{head}\r\n{chunks}")).unwrap();
    let forged = send(&chunks.replacen("aaaa", "aaab", 1));
    assert_eq!(status(&forged), "403", "{forged}");
    let received = requests.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(split(&received).1.len() < chunks.len());

    assert_has(&send(&chunks), &["HTTP/1.1 200", "passed"]);
    let received = requests.recv_timeout(Duration::from_secs(20)).unwrap();
    let (head, chunks) = split(&received);
    let real = Credentials::new("AKIAPROXYEXAMPLE0000", SECRET).unwrap();
    assert_eq!(verified_upload(head, chunks, &real), body.as_bytes());
}

/// Verifies the signatures of an upload in chunks to `/bucket/key`, and returns its body.
pub(crate) fn verified_upload(head: &str, chunks: &[u8], key: &Credentials) -> Vec<u8> {
    let lines = head.lines().skip(1).filter(|line| !line.is_empty());
    let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
    let request = Request::from_wire("PUT", "/bucket/key", &headers).unwrap();
    let request = request.payload(Payload::Declared);
    let verifier = Verifier::s3("us-east-1").unwrap();
    let found = |id: &str| (id == key.access_key_id()).then(|| key.clone());
    let verified = verifier.verify(&request, Timestamp::now(), found).unwrap();
    let mut decoder = verifier
        .chunk_decoder(&verified, &request)
        .unwrap()
        .unwrap();
    let mut decoded = Vec::new();
    decoder.feed(chunks, &mut decoded).unwrap();
    decoder.finish().unwrap();
    decoded
}

#[test]
fn a_proxy_that_only_reads_looks_at_the_actions_of_signed_requests() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let proxy = Proxy::start(&home(), &upstream, &["--read-only"]);
    let by = ("iam", &proxy.keys, Timestamp::now());
    let form = |sent: String| {
        let kind = "\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection";
        sent.replacen("\r\nConnection", kind, 1)
    };
    let deletes = ("POST", "/", "Action=DeleteUser");
    assert_has(
        &proxy.send(by, deletes, form),
        &["HTTP/1.1 403", "--read-only"],
    );
    let puts = ("PUT", "/", "a");
    assert_has(
        &proxy.send(by, puts, |sent| sent),
        &["HTTP/1.1 403", "--read-only"],
    );
    assert!(requests.try_recv().is_err());
    let lists = ("POST", "/", "Action=ListUsers");
    assert_has(&proxy.send(by, lists, form), &["HTTP/1.1 200", "passed"]);
}

#[test]
fn placeholder_keys_may_come_from_a_file_that_programs_read_too() {
    let (upstream, _requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let file = |text: &str| std::fs::write(home.path().join("keys"), text).unwrap();
    let serve = [
        "serve",
        "proxy",
        "--resign",
        "--to",
        &upstream,
        "--keys-file",
        "keys",
    ];
    let refused = || home.keyfob(serve).fails(252);
    assert_has(&refused(), &["--keys-file", "cannot read"]);
    for (text, expected) in [
        ("[other]\naws_access_key_id = a\n", "default"),
        (
            "[default]\naws_access_key_id = AKIDSTANDIN\n",
            "no pair of keys",
        ),
        (
            "[default]\naws_access_key_id=AKIDSTANDIN\naws_secret_access_key=canary\n\
             aws_session_token=canary\n",
            "session token",
        ),
    ] {
        file(text);
        let message = refused();
        assert_has(&message, &["--keys-file", expected]);
        assert_lacks(&message, &["canary"]);
    }
    // The cure.
    file(
        "[default]\naws_access_key_id = AKIDSTANDIN\naws_secret_access_key = canary-placeholder\n",
    );
    let words = [
        "--resign",
        "--to",
        &upstream,
        "--keys-file",
        "keys",
        "--token-file",
        "token",
    ];
    std::fs::write(home.path().join("token"), "token-of-the-metrics\n").unwrap();
    let running = Running::serve(&home, "proxy", &words);
    let names: Vec<_> = running
        .exports
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["AWS_ENDPOINT_URL", "AWS_SHARED_CREDENTIALS_FILE"]);
    let caller = running.home(&[]).with("AWS_REGION", "us-east-1");
    let url = &running.exports[0].1;
    let get = ["request", "-f", "--service", "s3", &format!("{url}/a")];
    assert_eq!(caller.keyfob(get).ok(), "passed");
    let metrics = fetch("GET", &format!("{url}/-/metrics"), &[], "");
    assert_eq!(status(&metrics), "401", "{metrics}");
    // What cannot be read changes nothing; new keys count for the caller, too.
    file("[default]\naws_access_key_id =\n");
    #[cfg(unix)]
    crate::signals::send("HUP", &running.child);
    file("[default]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = canary-other\n");
    let end = Instant::now() + Duration::from_secs(20);
    while caller.keyfob(get).code != 0 {
        assert!(Instant::now() < end, "the new keys are not in use");
        thread::sleep(Duration::from_millis(100));
    }
    let keys = std::fs::read_to_string(home.path().join("keys")).unwrap();
    let tells = |expected: &str| {
        loop {
            let line = running.lines.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_lacks(&line, &["canary"]);
            if line.contains(expected) {
                return;
            }
        }
    };
    std::fs::remove_file(home.path().join("keys")).unwrap();
    tells("the previous ones stay in use");
    // Nothing waits for the writer of a pipe.
    #[cfg(unix)]
    {
        let made = home.program("mkfifo").arg("keys").status();
        assert!(made.unwrap().success());
        tells("it is not a regular file; the previous ones stay in use");
        let caller = Home::new().with("AWS_REGION", "us-east-1");
        let caller = caller.with("AWS_ACCESS_KEY_ID", "AKIDOTHER");
        let caller = caller.with("AWS_SECRET_ACCESS_KEY", "canary-other");
        assert_eq!(caller.keyfob(get).ok(), "passed");
        std::fs::remove_file(home.path().join("keys")).unwrap();
        tells("the previous ones stay in use");
    }
    file(&keys);
    tells("the keys of --keys-file are read again");
    assert_eq!(caller.keyfob(get).ok(), "passed");
}

#[test]
fn the_scope_of_a_request_tells_its_host_which_has_to_be_allowed() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home().with("AWS_ENDPOINT_URL_S3", &upstream);
    let words = [
        "--resign",
        "--allow",
        "127.0.0.1",
        "--allow",
        "sts.*.amazonaws.com",
    ];
    let running = Running::serve(&home, "proxy", &words);
    let caller = running.home(&[]).with("AWS_REGION", "us-east-1");
    let url = &running.exports[0].1;
    let get = |service: &str, path: &str| {
        let words = ["request", "--service", service, &format!("{url}{path}")];
        caller.keyfob(words).ok()
    };
    assert_eq!(get("s3", "/bucket/key"), "passed");
    assert!(requests.try_recv().is_ok());
    assert_has(&get("iam", "/"), &["--allow"]);
    assert_has(&get("unknown", "/"), &["--allow"]);
    assert_has(&get("s3", "/-/evil.example/a"), &["no host that is known"]);
    assert!(requests.try_recv().is_err());
    let metrics = fetch("GET", &format!("{url}/-/metrics"), &[], "");
    assert_eq!(status(&metrics), "401", "{metrics}");
    let mut exports = running.exports.iter();
    let token = exports.find(|(name, _)| name == "KEYFOB_PROXY_TOKEN");
    let own = [("X-Keyfob-Token", token.unwrap().1.as_str())];
    let metrics = fetch("GET", &format!("{url}/-/metrics"), &own, "");
    let passed = "keyfob_proxy_requests_total{status=\"2xx\"} 1\n";
    assert_has(&metrics, &["HTTP/1.1 200", passed]);
    // Its callers sign: the token alone lets no request pass.
    let unsigned = fetch("GET", &format!("{url}/bucket/key"), &own, "");
    assert!(status(&unsigned).starts_with('4'), "{unsigned}");
    assert!(requests.try_recv().is_err());
    assert_has(
        &fetch("GET", &format!("{url}/-/health"), &[], ""),
        &["HTTP/1.1 200"],
    );
}

#[test]
fn a_server_with_another_time_changes_the_time_of_no_other() {
    let says = "403 Forbidden\r\nDate: Sun, 29 Nov 2020 07:50:50 GMT";
    let (liar, old) = start_recorder_of(says);
    let (other, new) = start_recorder_of("200 OK");
    let home = home()
        .with("AWS_ENDPOINT_URL_S3", &liar)
        .with("AWS_ENDPOINT_URL_STS", &other);
    let proxy = Proxy::start_for(&home, &["--allow", "127.0.0.1"]);
    let send = |service, expected| {
        let by = (service, &proxy.keys, Timestamp::now());
        let answer = proxy.send(by, ("GET", "/a", ""), |sent| sent);
        assert_eq!(status(&answer), expected, "{answer}");
    };
    let is_old = |heads: &mpsc::Receiver<Vec<u8>>| {
        let head = heads.recv_timeout(Duration::from_secs(20)).unwrap();
        let (head, _) = split(&head);
        assert_has(head, &["x-amz-date: 20"]);
        head.contains("x-amz-date: 2020")
    };
    send("s3", "403");
    assert!(!is_old(&old));
    send("sts", "200");
    assert!(!is_old(&new));
    send("s3", "403");
    assert!(is_old(&old));
    send("sts", "200");
    assert!(!is_old(&new));
}

/// Prints the environment and the files of a program, and what it may find of its parent.
const EVERYTHING: &str = "
import os
for name, value in sorted(os.environ.items()):
    print(f'{name}={value}')
for name in ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']:
    print(open(os.environ[name]).read())
if os.path.exists('/proc/self'):
    print(open(f'/proc/{os.getppid()}/cmdline').read())
";

#[test]
fn a_command_beside_a_proxy_has_placeholder_keys_and_no_others() {
    let files = "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = canary-file\n";
    let home = home()
        .with_file("credentials", files)
        .with_file(
            "config",
            "[default]\noutput = text\nuse_fips_endpoint = true\nendpoint_url = http://evil.example\n\
             s3 =\n  addressing_style = virtual\n  max_concurrent_requests = 3\n\
             s3api =\n  addressing_style = virtual\n",
        )
        .with("AWS_SESSION_TOKEN", "canary-token")
        .with("AWS_ENDPOINT_URL_SQS", "http://evil.example")
        .with("S3_ENDPOINT_URL", "http://evil.example")
        .with("KEYFOB_PROXY_TOKEN", "canary-of-another-proxy")
        .with("EC2_SECRET_KEY", "canary-old")
        .with("HTTP_PROXY", "http://proxy.example:3128")
        .with("NO_PROXY", "corp.example");
    let python = python::tool("python");
    let words = [
        "exec",
        "--via-proxy",
        "--",
        python.to_str().unwrap(),
        "-c",
        EVERYTHING,
    ];
    let printed = home.keyfob(words).ok();
    assert_lacks(
        &printed,
        &[
            "canary",
            "AKIA",
            "evil.example",
            "fips_endpoint = ",
            "addressing_style",
            // Without its only line, boto3 would find a text instead of a block.
            "s3api",
        ],
    );
    assert_has(
        &printed,
        &[
            "AWS_ACCESS_KEY_ID=KFOB",
            "AWS_ENDPOINT_URL=http://127.0.0.1:",
            "AWS_USE_FIPS_ENDPOINT=false",
            "NO_PROXY=corp.example,127.0.0.1\n",
            "max_concurrent_requests = 3",
            "output = text",
            "aws_access_key_id = KFOB",
        ],
    );
    let lines = printed.lines();
    let url = |name: &str| {
        let mut found = lines.clone().filter_map(|line| line.split_once('='));
        found
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.to_owned())
    };
    let base = url("AWS_ENDPOINT_URL").unwrap();
    let runtime = url("AWS_ENDPOINT_URL_BEDROCK_RUNTIME");
    assert_eq!(runtime, Some(format!("{base}/-/bedrock-runtime")));
    assert_eq!(url("AWS_ENDPOINT_URL_SQS"), None);
    // Another run has other keys.
    let again = home.keyfob(words).ok();
    let key = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("AWS_SECRET"))
            .unwrap()
            .to_owned()
    };
    assert_ne!(key(&printed), key(&again));
}

#[test]
fn boto3_and_aws_beside_a_proxy_call_what_is_allowed() {
    let server = Server::ministack();
    let python = python::tool("python");
    let python = python.to_str().unwrap();
    let program = "
import boto3
print(boto3.client('sts').get_caller_identity()['Arn'].split('/')[-1])
s3 = boto3.client('s3')
s3.create_bucket(Bucket='beside')
s3.put_object(Bucket='beside', Key='a', Body=b'the body')
print(s3.get_object(Bucket='beside', Key='a')['Body'].read().decode())
";
    let home = server.home_with_profile();
    let run = |words: &[&str]| home.keyfob([&["exec", "--via-proxy"][..], words].concat());
    assert_eq!(
        run(&["--", python, "-c", program]).ok(),
        "robot\nthe body\n"
    );
    let aws = python::tool("aws");
    let aws = aws.to_str().unwrap();
    assert_eq!(
        run(&["--", aws, "s3", "cp", "s3://beside/a", "-"]).ok(),
        "the body"
    );
    let get = ["s3", "cp", "s3://beside/a", "-"];
    let reads = run(&[
        &["--read-only", "--allow", "127.0.0.1", "--", aws][..],
        &get,
    ]
    .concat());
    assert_eq!(reads.ok(), "the body");
    let deletes = run(&["--read-only", "--", aws, "s3", "rm", "s3://beside/a"]);
    assert_has(&deletes.stderr, &["AccessDenied", "keyfob: --read-only"]);
    let session = "import boto3; print(boto3.client('sts').get_session_token()['Credentials'])";
    let refused = run(&["--", python, "-c", session]);
    assert_has(
        &refused.stderr,
        &["AccessDenied", "only a proxy with --allow-credentials"],
    );
    let gives = run(&["--allow-credentials", "--", python, "-c", session]);
    assert_has(&gives.ok(), &["SessionToken"]);
    let other = run(&[
        "--allow",
        "s3.*.amazonaws.com",
        "--",
        aws,
        "sts",
        "get-caller-identity",
    ]);
    assert_has(&other.stderr, &["AccessDenied", "one that --allow names"]);
    assert_eq!(run(&["--", "sh", "-c", "exit 7"]).code, 7);
    let service = run(&["--allow", "s3", "--", aws, "--version"]).fails(252);
    assert_has(&service, &["--allow", "s3.*.amazonaws.com"]);
    // A role.
    let role = [
        "--role-arn",
        &server.role_arn,
        "--",
        aws,
        "sts",
        "get-caller-identity",
    ];
    assert_has(&run(&role).ok(), &["assumed-role/"]);
}

/// The cure that `--allow s3` is told.
#[test]
fn a_pattern_of_hosts_is_a_service_in_all_regions() {
    let home = home().with("AWS_ENDPOINT_URL", "");
    let run = |words: &[&str]| {
        let words = [
            &["exec", "--via-proxy", "--allow", "s3.*.amazonaws.com", "--"],
            words,
        ];
        home.keyfob(words.concat())
    };
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let other = run(&[keyfob, "sts", "get-caller-identity"]).fails(254);
    assert_has(&other, &["AccessDenied", "one that --allow names"]);
    // It is let through, and fails at the address of a proxy.
    let home = home.with("HTTPS_PROXY", "http://127.0.0.1:9");
    let words = [
        "exec",
        "--via-proxy",
        "--allow",
        "s3.*.amazonaws.com",
        "--",
        keyfob,
    ];
    let passes = [&words[..], &["s3", "ls", "--cli-connect-timeout", "2"]].concat();
    let passes = home.with("AWS_MAX_ATTEMPTS", "1").keyfob(passes);
    assert_lacks(&passes.stderr, &["--allow"]);
    assert_has(&passes.stderr, &["keyfob: the server did not answer"]);
}

#[test]
fn services_that_share_a_name_in_signatures_are_told_apart() {
    let (upstream, requests) = start_echo();
    let home = home().with("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", &upstream);
    let python = python::tool("python");
    let program = "
import boto3
from botocore.config import Config
client = boto3.client('bedrock-runtime', config=Config(retries={'max_attempts': 0}))
try:
    client.converse(modelId='model', messages=[{'role': 'user', 'content': [{'text': 'a'}]}])
except Exception as error:
    print(type(error).__name__)
";
    python_behind_proxy(&home, &python, program).ok();
    let sent = requests.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_has(
        &sent,
        &[
            "POST /model/model/converse HTTP/1.1",
            "/us-east-1/bedrock/aws4_request",
        ],
    );
    assert_lacks(&sent, &["KFOB", "canary"]);
}

/// Both have the same hosts, and the same name in signatures.
#[test]
fn the_endpoint_url_of_one_service_is_for_no_other() {
    let (upstream, requests) = start_echo();
    let home = home()
        .with("AWS_ENDPOINT_URL_SESV2", &upstream)
        .with("HTTPS_PROXY", "http://127.0.0.1:9");
    let python = python::tool("python");
    let program = "
import boto3
from botocore.config import Config
for service, call in [('ses', 'get_account_sending_enabled'), ('sesv2', 'get_account')]:
    client = boto3.client(service, config=Config(retries={'max_attempts': 0}))
    try:
        getattr(client, call)()
    except Exception as error:
        print(service, error)
";
    let printed = python_behind_proxy(&home, &python, program).ok();
    assert_has(&printed, &["ses ", "keyfob: the server did not answer"]);
    let sent = requests.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_has(&sent, &["GET /v2/email/account HTTP/1.1"]);
    assert!(requests.try_recv().is_err());
}

#[test]
fn a_command_beside_a_proxy_has_its_limit_of_bodies() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home().with("AWS_ENDPOINT_URL", &upstream);
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let run = |limit: &str| {
        let exec = ["exec", "--via-proxy", "--max-body", limit, "--", "sh", "-c"];
        let request = format!("{keyfob} request --service sqs -d 12345 $AWS_ENDPOINT_URL/");
        home.keyfob([&exec[..], &[&request]].concat())
    };
    assert_has(&run("4").stdout, &["the body is longer than --max-body"]);
    assert!(requests.try_recv().is_err());
    assert_eq!(run("5").ok(), "passed");
    let alone = home
        .keyfob(["exec", "--max-body", "4", "--", "true"])
        .fails(252);
    assert_has(&alone, &["--via-proxy"]);
    let range = [
        "exec",
        "--via-proxy",
        "--max-body",
        "1073741825",
        "--",
        "true",
    ];
    assert_has(
        &home.keyfob(range).fails(252),
        &["--max-body", "1073741824"],
    );
}

#[test]
fn the_sandbox_is_behind_the_proxy_too() {
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let words = [
        "--sandbox",
        "exec",
        "--via-proxy",
        "--",
        keyfob,
        "sts",
        "get-caller-identity",
    ];
    assert_has(&Home::new().keyfob(words).ok(), &["\"Arn\""]);
}

/// Calls three services: FOLDER.
const SDK: &str = r#"
const load = require("node:module").createRequire(process.argv[1] + "/");
const s3 = load("@aws-sdk/client-s3");
const sts = load("@aws-sdk/client-sts");
const dynamodb = load("@aws-sdk/client-dynamodb");
(async () => {
  const who = await new sts.STSClient().send(new sts.GetCallerIdentityCommand());
  console.log(who.Arn.split("/").pop());
  const tables = await new dynamodb.DynamoDBClient().send(new dynamodb.ListTablesCommand());
  console.log(tables.TableNames.length);
  const client = new s3.S3Client();
  const at = { Bucket: "javascript", Key: "a b" };
  await client.send(new s3.CreateBucketCommand({ Bucket: at.Bucket }));
  await client.send(new s3.PutObjectCommand({ ...at, Body: "the body" }));
  const got = await client.send(new s3.GetObjectCommand(at));
  console.log(await got.Body.transformToString());
  const long = require("node:stream").Readable.from([Buffer.alloc(300000, 97)]);
  await client.send(new s3.PutObjectCommand({ ...at, Body: long, ContentLength: 300000 }));
  const again = await client.send(new s3.GetObjectCommand(at));
  console.log((await again.Body.transformToString()).length);
})().catch((error) => { console.error(error); process.exit(1); });
"#;

#[test]
fn the_sdk_for_javascript_works_beside_a_proxy() {
    let Some(folder) = javascript::clients() else {
        eprintln!("npm is not installed: the SDK for JavaScript is not tested");
        return;
    };
    let server = Server::ministack();
    let home = server.home();
    let words = [
        "exec",
        "--via-proxy",
        "--",
        "node",
        "-e",
        SDK,
        folder.to_str().unwrap(),
    ];
    assert_eq!(home.keyfob(words).ok(), "robot\n0\nthe body\n300000\n");
}

#[test]
fn curl_and_rclone_work_with_placeholder_keys() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    let proxy = Proxy::start(&home, &server.url, &["--service", "s3"]);
    let caller = proxy.running.home(&[]).with("AWS_REGION", "us-east-1");
    let (id, secret) = (proxy.keys.access_key_id(), proxy.keys.secret_access_key());
    let signs = format!(
        "user = \"{id}:{}\"\naws-sigv4 = \"aws:amz:us-east-1:s3\"\n",
        secret.expose()
    );
    std::fs::write(caller.path().join("curlrc"), signs).unwrap();
    let at = |path: &str| format!("http://{}/{path}", proxy.address);
    let curl = |words: &[&str]| {
        let mut curl = caller.program("curl");
        curl.args(["-sS", "-f", "-K", "curlrc"]);
        Run::new(curl.args(words).output().unwrap()).ok()
    };
    curl(&["-X", "PUT", &at("bucket")]);
    curl(&["-X", "PUT", "--data-binary", "@curlrc", &at("bucket/key")]);
    assert_has(&curl(&[&at("bucket/key")]), &["aws-sigv4"]);

    let long = "a".repeat(7_000_000);
    std::fs::write(caller.path().join("long"), &long).unwrap();
    let rclone = |words: &[&str]| {
        let mut rclone = caller.program(python::rclone());
        rclone.env("RCLONE_S3_PROVIDER", "Other");
        rclone.env("RCLONE_S3_ENV_AUTH", "true");
        rclone.env("RCLONE_S3_ENDPOINT", at(""));
        rclone.env("RCLONE_S3_UPLOAD_CUTOFF", "5Mi");
        Run::new(rclone.args(words).output().unwrap()).ok()
    };
    rclone(&["copyto", "long", ":s3:bucket/long"]);
    assert!(rclone(&["cat", ":s3:bucket/long"]) == long);
    assert_has(&rclone(&["lsf", ":s3:bucket"]), &["key\n", "long\n"]);
}

#[test]
fn s5cmd_works_with_placeholder_keys() {
    const SIZE: usize = 12_000_000;

    let server = Server::ministack();
    let proxy = Proxy::start(&server.home(), &server.url, &["--service", "s3"]);
    let caller = proxy.running.home(&[]).with("AWS_REGION", "us-east-1");
    let long: Vec<u8> = (0..SIZE).map(|n| (n % 251) as u8).collect();
    std::fs::write(caller.path().join("long"), &long).unwrap();
    let s5cmd = |words: &[&str]| {
        let mut s5cmd = caller.program(python::s5cmd());
        let url = format!("http://{}", proxy.address);
        s5cmd.args(["--endpoint-url", &url, "--retry-count", "1"]);
        Run::new(s5cmd.args(words).output().unwrap())
    };
    s5cmd(&["mb", "s3://bucket"]).ok();
    s5cmd(&["cp", "--part-size", "5", "long", "s3://bucket/a b+c"]).ok();
    assert_has(
        &s5cmd(&["ls", "s3://bucket/*"]).ok(),
        &["12000000", "a b+c"],
    );
    let back = ["cp", "--part-size", "5", "s3://bucket/a b+c", "back"];
    s5cmd(&back).ok();
    assert!(std::fs::read(caller.path().join("back")).unwrap() == long);
    s5cmd(&["rm", "s3://bucket/*"]).ok();
    assert_has(
        &s5cmd(&["ls", "s3://bucket/*"]).fails(1),
        &["no object found"],
    );
}

#[test]
fn a_proxy_that_only_reads_refuses_each_operation_whose_answer_has_a_secret() {
    let (upstream, _) = start_server(&answer("200 OK", "passed"));
    // A server for all services, to which more is refused than to those of AWS.
    let words = ["--endpoint-url", &upstream, "--allow", "*", "--read-only"];
    let proxy = Proxy::start_for(&home(), &words);
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/reading_models.py");
    let home = proxy.running.home(&[]);
    let mut python = home.program(python::with_botocore());
    let run = Run::new(
        python
            .args([program, &format!("http://{}", proxy.address)])
            .output()
            .unwrap(),
    );
    let counts: Vec<usize> = run
        .stdout
        .split_whitespace()
        .map_while(|n| n.parse().ok())
        .collect();
    let [secrets, passed, refused] = counts[..] else {
        panic!("{run:?}");
    };
    // It still reads what has no secret.
    assert!(
        secrets > 80 && passed > 5_000 && refused * 40 < passed,
        "{run:?}"
    );
}

#[test]
fn credentials_are_not_given_out_under_the_name_of_another_service() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let for_all = Proxy::start_for(
        &home().with("AWS_ENDPOINT_URL", &upstream),
        &["--allow", "*"],
    );
    let for_one = Proxy::start(&home(), &upstream, &["--service", "sts"]);
    let form = "Action=AssumeRole&Version=2011-06-15";
    let now = Timestamp::now();
    for (proxy, service, more) in [
        (&for_all, "foo", ""),
        (&for_all, "rds-db", ""),
        (
            &for_all,
            "dynamodb",
            "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken\r\n",
        ),
        (
            &for_one,
            "sts",
            "X-Amz-Target: A.GetCallerIdentity\r\nContent-Type: application/x-amz-json-1.1\r\n",
        ),
        (&for_one, "sts", "X-Amz-Target: A.GetCallerIdentity\r\n"),
    ] {
        let answer = proxy.send(
            (service, &proxy.keys, now),
            ("POST", "/", form),
            |request| request.replacen("\r\n", &format!("\r\n{more}"), 1),
        );
        assert_has(
            &answer,
            &["HTTP/1.1 403", "only a proxy with --allow-credentials"],
        );
    }
    assert!(requests.try_recv().is_err());
}

#[test]
fn a_long_body_is_not_read_for_a_caller_whose_head_is_not_right() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let proxy = Proxy::start(&home(), &upstream, &[]);
    let other = Credentials::new(proxy.keys.access_key_id(), "another/secret").unwrap();
    let body = "a".repeat(100_000);
    let now = Timestamp::now();
    // Nothing of the body is sent, so that an answer comes only from the head.
    let head_alone = |head: String| head.split("\r\n\r\n").next().unwrap().to_owned() + "\r\n\r\n";
    let sent =
        |service, keys, at| proxy.send((service, keys, at), ("POST", "/", &body), head_alone);
    // Without the hash of its body a request may be right, but not its time.
    let late = sent("dynamodb", &proxy.keys, now.plus_seconds(-3600));
    assert_has(&late, &["HTTP/1.1 403", "too far"]);
    assert!(requests.try_recv().is_err());
    let right = proxy.send(
        ("dynamodb", &proxy.keys, now),
        ("POST", "/", &body),
        |request| request,
    );
    assert_has(&right, &["HTTP/1.1 200"]);
    let forged = proxy.send(("dynamodb", &other, now), ("POST", "/", &body), |request| {
        request
    });
    assert_has(&forged, &["HTTP/1.1 403"]);
}
