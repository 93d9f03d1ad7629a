//! What stands around a proxy in `benches/proxy`: the server behind it, and the load before it.
//! Both read and write bytes, so that little is spent beside the proxy.
//!
//! - `proxy-load upstream` answers each request without a body with the same bytes. Prints its URL.
//! - `proxy-load ADDRESS CONNECTIONS SECONDS RATE [HEADER...]` sends requests on as many
//!   connections, RATE of them a second, or if that is 0 the next one as soon as the last one is
//!   answered. Prints an object in JSON with their number, the seconds, and times of answers in
//!   microseconds. At a rate, these begin when the request was due, which is a millisecond at most
//!   before a timer says so.

use std::env;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyfob_benches::BoxError;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

const HEAD: &str = "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 02:42:50 GMT\r\n\
    Content-Type: application/json\r\nx-amz-request-id: 0123456789ABCDEF\r\n";
const BODY: &str = r#"{"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ada"}"#;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

fn main() -> Result<(), BoxError> {
    let words: Vec<String> = env::args().skip(1).collect();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    match &words[..] {
        [word] if word == "upstream" => runtime.block_on(serve()),
        [address, connections, seconds, rate, headers @ ..] => {
            let load = Load {
                address: address.clone(),
                connections: connections.parse()?,
                time: Duration::from_secs(seconds.parse()?),
                rate: rate.parse()?,
                request: request(address, headers),
            };
            runtime.block_on(load.run())
        }
        _ => Err("write `upstream`, or an address, connections, seconds and a rate".into()),
    }
}

async fn serve() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}\n", listener.local_addr()?);
    io::stdout().write_all(url.as_bytes())?;
    let answer: Arc<str> = format!("{HEAD}Content-Length: {}\r\n\r\n{BODY}", BODY.len()).into();
    loop {
        let answer = Arc::clone(&answer);
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut head = Vec::with_capacity(4096);
            // A client that goes away is none of the server's business.
            while let Ok(1..) = stream.read_buf(&mut head).await {
                if head.ends_with(END_OF_HEAD) {
                    head.clear();
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        break;
                    }
                }
            }
        });
    }
}

fn request(address: &str, headers: &[String]) -> String {
    let mut text = format!(
        "GET /bucket/key HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\n\
         User-Agent: Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux lang/python#3.11.2\r\n"
    );
    for header in headers {
        text += &format!("{header}\r\n");
    }
    text + "\r\n"
}

#[derive(Clone)]
struct Load {
    address: String,
    connections: u32,
    time: Duration,
    rate: u32,
    request: String,
}

impl Load {
    async fn run(self) -> Result<(), BoxError> {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for number in 0..self.connections {
            tasks.spawn(self.clone().connection(number, start));
        }
        let mut times = Vec::new();
        while let Some(done) = tasks.join_next().await {
            times.extend(done??);
        }
        let seconds = start.elapsed().as_secs_f64();
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied();
        let found = json!({
            "requests": times.len(),
            "seconds": seconds,
            "p50": at(50),
            "p99": at(99),
        });
        io::stdout().write_all(format!("{found}\n").as_bytes())?;
        Ok(())
    }

    /// Sends requests on a connection until the time is over, and returns how long each took.
    async fn connection(self, number: u32, start: Instant) -> Result<Vec<u128>, BoxError> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(4096);
        let mut times = Vec::new();
        let pause = match self.rate {
            0 => None,
            rate => Some(Duration::from_secs(self.connections.into()) / rate),
        };
        let mut due = pause.map(|pause| start + pause * number / self.connections);
        while start.elapsed() < self.time {
            if let Some(due) = due {
                sleep_until(due.into()).await;
            }
            let sent = due.unwrap_or_else(Instant::now);
            stream.write_all(self.request.as_bytes()).await?;
            read_answer(&mut stream, &mut buffer).await?;
            times.push(sent.elapsed().as_micros());
            due = due.zip(pause).map(|(due, pause)| due + pause);
        }
        Ok(times)
    }
}

/// Reads one answer with `Content-Length`. One that is not a success is an error.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), BoxError> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the connection was closed".into());
        }
        let ends = buffer
            .windows(END_OF_HEAD.len())
            .position(|end| end == END_OF_HEAD);
        let Some(end) = ends else { continue };
        let head = String::from_utf8_lossy(&buffer[..end]);
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(format!("the answer is not a success: {head}").into());
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        let length = length.ok_or("the answer has no length")?;
        if buffer.len() >= end + END_OF_HEAD.len() + length {
            return Ok(());
        }
    }
}
