//! Bodies on their way through `keyfob serve proxy`: of any length, in the same memory.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use keyfob_sigv4::{
    Credentials, Payload, Request, Signature, Signer, Timestamp,
    chunked::{ChunkEncoder, ChunkSigner, Chunked},
};
use sha2::{Digest as _, Sha256};

use crate::{
    keyfob::{Home, assert_has},
    proxy::{self, read_head},
    resigning::{self, Proxy, verified_upload},
    s3::streams::peak,
};

const MIB: usize = 1 << 20;
/// How many MiB a proxy may take for a body, whatever its length is.
const MOST: u64 = 12;
/// How long the other end of a transfer reads nothing: what a proxy takes beforehand, it keeps.
const PAUSE: Duration = Duration::from_millis(500);

/// Returns a piece of a body.
fn piece() -> Vec<u8> {
    (0..MIB).map(|at| (at % 251) as u8).collect()
}

/// Returns the hash of a body of so many pieces.
fn hash(pieces: usize) -> [u8; 32] {
    let (piece, mut hash) = (piece(), Sha256::new());
    (0..pieces).for_each(|_| hash.update(&piece));
    hash.finalize().into()
}

/// Reads so many bytes, after a pause, and returns their hash.
fn read_slowly(stream: &mut TcpStream, length: u64) -> io::Result<[u8; 32]> {
    struct Hash(Sha256);

    impl io::Write for Hash {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    thread::sleep(PAUSE);
    let mut hash = Hash(Sha256::new());
    let read = io::copy(&mut stream.take(length), &mut hash)?;
    assert_eq!(read, length);
    Ok(hash.0.finalize().into())
}

/// Returns the value of `Content-Length`.
fn length(head: &str) -> u64 {
    let head = head.to_ascii_lowercase();
    // Not `x-amz-decoded-content-length`.
    let value = head.split("\r\ncontent-length: ").nth(1).unwrap_or("0");
    value.lines().next().unwrap().parse().unwrap()
}

/// Starts a server that answers with so many pieces, and tells the hashes of what it gets.
fn start_server(pieces: usize) -> (String, mpsc::Receiver<[u8; 32]>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, hashes) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            // Its connection may end at any time.
            thread::spawn(move || serve(stream.unwrap(), pieces, &sender));
        }
    });
    (url, hashes)
}

fn serve(mut stream: TcpStream, pieces: usize, hashes: &mpsc::Sender<[u8; 32]>) -> io::Result<()> {
    loop {
        let head = read_head(&mut stream);
        if head.is_empty() {
            return Ok(());
        }
        if head.starts_with("PUT") {
            let _ = hashes.send(read_slowly(&mut stream, length(&head))?);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        let pieces = if head.starts_with("GET /long") {
            pieces
        } else {
            1
        };
        let length = pieces * MIB;
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
        )?;
        let piece = piece();
        for _ in 0..pieces {
            stream.write_all(&piece)?;
        }
    }
}

/// Sends a request, and returns the head of its answer with the connection.
fn send(
    address: &str,
    head: &str,
    body: impl IntoIterator<Item: AsRef<[u8]>>,
) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(120)))
        .unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    for bytes in body {
        stream.write_all(bytes.as_ref()).unwrap();
    }
    (read_head(&mut stream), stream)
}

fn put(address: &str, head: &str, body: impl IntoIterator<Item: AsRef<[u8]>>) {
    let (answer, _) = send(address, head, body);
    assert_has(&answer, &["HTTP/1.1 200"]);
}

fn get(address: &str, head: &str, pieces: usize) {
    let (answer, mut stream) = send(address, head, [[]]);
    assert_has(&answer, &["HTTP/1.1 200"]);
    let length = length(&answer);
    assert_eq!(length, (pieces * MIB) as u64);
    assert_eq!(read_slowly(&mut stream, length).unwrap(), hash(pieces));
}

/// Returns the head of a request with a signature for S3, and the signature.
fn signed(
    (address, keys, at): (&str, &Credentials, Timestamp),
    (method, path): (&str, &str),
    headers: &[(&'static str, String)],
    payload: Payload<'_>,
) -> (String, Signature) {
    let host = [("host", address.to_owned())];
    let headers = headers.iter().chain(&host);
    let headers: Vec<_> = headers.map(|(name, value)| (*name, &**value)).collect();
    let url = format!("http://{address}{path}");
    let request = Request::new(method, &url)
        .unwrap()
        .headers(&headers)
        .unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let signature = signer.sign(&request.payload(payload), keys, at).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers.into_iter().chain(signature.headers()) {
        head += &format!("{name}: {value}\r\n");
    }
    (head, signature)
}

fn without_a_key(pieces: usize) {
    let (upstream, hashes) = start_server(pieces);
    let home = proxy::home();
    let (proxy, url, token) = proxy::start(&home, &upstream, &[]);
    let address = url.trim_start_matches("http://");
    let rest = format!("Host: {address}\r\nX-Keyfob-Token: {token}\r\nConnection: close\r\n");
    let (expected, piece) = (hash(pieces), piece());
    let get = |path: &str, pieces| {
        get(
            address,
            &format!("GET {path} HTTP/1.1\r\n{rest}\r\n"),
            pieces,
        );
    };
    get("/short", 1);
    let before = peak(&proxy.child);
    get("/long", pieces);
    let hex: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
    let length = pieces * MIB;
    let head = format!(
        "PUT /long HTTP/1.1\r\n{rest}x-amz-content-sha256: {hex}\r\nContent-Length: {length}\r\n\r\n"
    );
    put(address, &head, (0..pieces).map(|_| &piece));
    assert_eq!(hashes.recv().unwrap(), expected);
    let after = peak(&proxy.child);
    assert!(after < before + MOST, "{before} MiB, {after} MiB");
}

fn with_placeholder_keys(pieces: usize) {
    let (upstream, hashes) = start_server(pieces);
    let home = resigning::home();
    let proxy = Proxy::start(&home, &upstream, &[]);
    let (address, now) = (&*proxy.address, Timestamp::now());
    let by = (address, &proxy.keys, now);
    let (expected, piece) = (hash(pieces), piece());
    let get = |path: &str, pieces| {
        let (head, _) = signed(by, ("GET", path), &[], Payload::Empty);
        get(address, &format!("{head}\r\n"), pieces);
    };
    get("/bucket/short", 1);
    let before = peak(&proxy.running.child);
    get("/long/key", pieces);
    // With a hash, for which the last bytes wait.
    let (head, _) = signed(by, ("PUT", "/long/key"), &[], Payload::Sha256(expected));
    let head = format!("{head}Content-Length: {}\r\n\r\n", pieces * MIB);
    put(address, &head, (0..pieces).map(|_| &piece));
    assert_eq!(hashes.recv().unwrap(), expected);
    // In chunks, each of which is signed.
    let plan = Chunked::signed((pieces * MIB) as u64);
    let payload = Payload::Streaming(plan.streaming());
    let (head, signature) = signed(by, ("PUT", "/long/key"), &plan.headers(), payload);
    let signer = Signer::s3("us-east-1").unwrap();
    let chain = ChunkSigner::new(&signer, &proxy.keys, now, &signature);
    let encoder = ChunkEncoder::new(&plan, chain).unwrap();
    let frames = encoder.frames((0..pieces).map(|_| &piece));
    let head = format!("{head}Content-Length: {}\r\n\r\n", plan.content_length());
    put(address, &head, frames.map(Result::unwrap));
    hashes.recv().unwrap();
    let after = peak(&proxy.running.child);
    assert!(after < before + MOST, "{before} MiB, {after} MiB");
}

#[test]
fn long_bodies_take_the_same_memory_as_short_ones() {
    without_a_key(128);
    with_placeholder_keys(128);
}

#[test]
#[ignore = "long: 1 GiB"]
fn bodies_of_1_gib_take_no_more_memory() {
    without_a_key(1024);
    with_placeholder_keys(1024);
}

/// Prints a key that expires soon, and another one as soon as there is a file.
const PROCESS: &str = "[default]
credential_process = sh -c 'test -e \"$HOME/second\" && cat \"$HOME/second\" || printf \
'\\''{\"Version\":1,\"AccessKeyId\":\"AKIAFIRST\",\"SecretAccessKey\":\"canary\",\"SessionToken\":\"t\",\"Expiration\":\"%s\"}'\\'' \
$(date -u -d \"+5 seconds\" +%Y-%m-%dT%H:%M:%SZ)'
";

#[test]
fn an_upload_goes_on_with_the_credentials_that_expire_meanwhile() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}", upstream.local_addr().unwrap());
    let home = Home::new()
        .with("AWS_REGION", "us-east-1")
        .with_file("config", PROCESS);
    let proxy = Proxy::start(&home, &to, &[]);
    let by = (&*proxy.address, &proxy.keys, Timestamp::now());
    let piece = piece();
    let plan = Chunked::signed(MIB as u64);
    let payload = Payload::Streaming(plan.streaming());
    let (head, signature) = signed(by, ("PUT", "/bucket/key"), &plan.headers(), payload);
    let signer = Signer::s3("us-east-1").unwrap();
    let chain = ChunkSigner::new(&signer, &proxy.keys, by.2, &signature);
    let frames = ChunkEncoder::new(&plan, chain).unwrap().frames([&piece]);
    let chunks = frames.map(Result::unwrap).collect::<Vec<_>>().concat();
    let head = format!("{head}Content-Length: {}\r\n\r\n", chunks.len());
    let address = proxy.address.clone();
    let mut client = TcpStream::connect(&address).unwrap();
    client.write_all(head.as_bytes()).unwrap();
    let (go_on, waiting) = mpsc::channel();
    let mut writer = client.try_clone().unwrap();
    thread::spawn(move || {
        let (first, last) = chunks.split_at(chunks.len() / 2);
        writer.write_all(first).unwrap();
        waiting.recv().unwrap();
        writer.write_all(last).unwrap();
    });
    let (mut server, _) = upstream.accept().unwrap();
    let head = read_head(&mut server);
    assert_has(&head, &["Credential=AKIAFIRST/"]);

    let second = r#"{"Version": 1, "AccessKeyId": "AKIASECOND", "SecretAccessKey": "canary",
        "SessionToken": "t", "Expiration": "2099-01-01T00:00:00Z"}"#;
    std::fs::write(home.path().join("second"), second).unwrap();
    thread::sleep(Duration::from_secs(6));
    let (next, _) = signed(by, ("GET", "/bucket/key"), &[], Payload::Empty);
    let other = thread::spawn(move || send(&address, &format!("{next}\r\n"), [[]]).0);
    let (mut beside, _) = upstream.accept().unwrap();
    assert_has(&read_head(&mut beside), &["Credential=AKIASECOND/"]);
    let done = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    beside.write_all(done).unwrap();
    assert_has(&other.join().unwrap(), &["HTTP/1.1 200"]);

    go_on.send(()).unwrap();
    let mut chunks = vec![0; usize::try_from(length(&head)).unwrap()];
    server.read_exact(&mut chunks).unwrap();
    server.write_all(done).unwrap();
    assert_has(&read_head(&mut client), &["HTTP/1.1 200"]);
    let first = Credentials::new("AKIAFIRST", "canary").unwrap();
    let first = first.with_session_token("t").unwrap();
    assert_eq!(verified_upload(&head, &chunks, &first), piece);
}
