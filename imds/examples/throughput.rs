//! Measures how fast the server answers requests for credentials, and how soon the client has the
//! first ones.
//!
//! `cargo run --release -p keyfob-imds --features server --example throughput [SECONDS
//! [CONNECTIONS]]`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that fails should say where, and its output is for people"
)]

use std::time::{Duration, Instant};

use keyfob_imds::{Client, Endpoint, server::Imds};
use keyfob_sigv4::{Credentials, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().unwrap());
    let time = Duration::from_secs(arguments.next().unwrap_or(5));
    let connections = arguments.next().unwrap_or(32);
    let key = Credentials::new("ASIAEXAMPLE", "secret")
        .unwrap()
        .with_session_token("t".repeat(800))
        .unwrap()
        .with_expiry(Timestamp::now().plus_seconds(3600));
    let server = Imds::builder()
        .role("web")
        .unwrap()
        .credentials(key)
        .start()
        .await
        .unwrap();

    let mut firsts = Vec::new();
    for _ in 0..50 {
        firsts.push(first_credentials(server.endpoint()).await);
    }
    firsts.sort();
    println!(
        "first credentials: median {:?}, worst {:?} of {}",
        firsts[25],
        firsts[49],
        firsts.len()
    );

    let (before, began) = (memory(), Instant::now());
    let request = request(&server).await;
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(ask(server.address(), request.clone(), time)))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let rate = latencies.len() as f64 / began.elapsed().as_secs_f64();
    latencies.sort();
    let at = |share: f64| latencies[(latencies.len() as f64 * share) as usize];
    println!(
        "{rate:.0} requests/s over {connections} connections: p50 {:?}, p99 {:?}, worst {:?}",
        at(0.5),
        at(0.99),
        at(0.999_999)
    );
    println!("resident memory: {before} kB before, {} kB after", memory());
}

async fn first_credentials(endpoint: Endpoint) -> Duration {
    let began = Instant::now();
    let client = Client::builder().endpoint(endpoint).build().unwrap();
    client.credentials().await.unwrap();
    began.elapsed()
}

/// Returns a complete request for the role's credentials, with a session token.
async fn request(server: &Imds) -> String {
    let address = server.address();
    let put = format!(
        "PUT /latest/api/token HTTP/1.1\r\nHost: {address}\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(put.as_bytes()).await.unwrap();
    let mut buffer = Vec::new();
    let answer = read(&mut stream, &mut buffer).await;
    let token = answer.rsplit("\r\n").next().unwrap();
    format!(
        "GET /latest/meta-data/iam/security-credentials/web HTTP/1.1\r\nHost: {address}\r\n\
         X-aws-ec2-metadata-token: {token}\r\n\r\n"
    )
}

/// Sends one request after another until the time is up. Returns how long each took.
async fn ask(address: std::net::SocketAddr, request: String, time: Duration) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut latencies, mut buffer, began) = (Vec::new(), Vec::new(), Instant::now());
    while began.elapsed() < time {
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read(&mut stream, &mut buffer).await;
        latencies.push(sent.elapsed());
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with('}'),
            "{answer}"
        );
    }
    latencies
}

/// Reads one answer, by its `Content-Length`.
async fn read<'b>(stream: &mut TcpStream, buffer: &'b mut Vec<u8>) -> &'b str {
    buffer.clear();
    loop {
        assert!(
            stream.read_buf(buffer).await.unwrap() > 0,
            "the server closed the connection"
        );
        let text = std::str::from_utf8(buffer).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() == length {
            break;
        }
    }
    std::str::from_utf8(buffer).unwrap()
}

/// Returns the resident memory of this process, server and clients together, in kB; 0 without
/// `/proc`.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.trim().split(' ').next()?.parse().ok())
        .unwrap_or(0)
}
