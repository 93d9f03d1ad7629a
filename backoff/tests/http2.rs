//! Tests which requests count as never sent, with a real client and a server that writes the frames
//! of HTTP/2 by hand.

#![cfg(feature = "reqwest-middleware")]
#![allow(
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test does"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyfob_backoff::reqwest_middleware::{RetryMiddleware, classify_error};
use keyfob_backoff::{Failure, Policy};
use reqwest_middleware::ClientBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const QUICK: Policy = Policy::aws()
    .base(Duration::from_millis(1))
    .throttling_base(Duration::from_millis(1))
    .attempts(4);

/// What the server does with a request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Status200,
    /// Resets the stream with this error code.
    Reset(u32),
    /// Closes the connection with this last stream and this error code.
    GoAway(u32, u32),
}

const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

const REFUSED: [Answer; 2] = [Answer::Reset(REFUSED_STREAM), Answer::GoAway(0, NO_ERROR)];
const UNCERTAIN: [Answer; 3] = [
    Answer::Reset(INTERNAL_ERROR),
    Answer::GoAway(0, ENHANCE_YOUR_CALM),
    // The stream is among those that may have been processed.
    Answer::GoAway(1, NO_ERROR),
];

#[tokio::test]
async fn a_refused_stream_and_a_goaway_below_ours_count_as_never_sent() {
    for answer in REFUSED {
        let server = Server::start([answer]).await;
        let error = server.client().get(server.url()).send().await.unwrap_err();
        assert_eq!(classify_error(&error), Failure::connect(), "{answer:?}");
    }
    for answer in UNCERTAIN {
        let server = Server::start([answer]).await;
        let error = server.client().get(server.url()).send().await.unwrap_err();
        assert_eq!(classify_error(&error), Failure::no_response(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_call_that_must_not_happen_twice_is_sent_again_after_a_refused_stream() {
    let policy = QUICK.retry_connect_failures().non_idempotent();
    let [refused, went_away] = REFUSED;
    let server = Server::start([refused, went_away, Answer::Status200]).await;
    assert_eq!(server.post(policy).await, Some(200));
    assert_eq!(server.sent(), 3);
}

#[tokio::test]
async fn a_refused_stream_is_sent_again_only_if_opted_in_and_a_broken_one_never_for_it() {
    let server = Server::start(REFUSED).await;
    assert_eq!(server.post(QUICK).await, None);
    assert_eq!(server.sent(), 1);
    for answer in UNCERTAIN {
        let server = Server::start([answer, Answer::Status200]).await;
        assert_eq!(server.post(QUICK.retry_connect_failures()).await, None);
        assert_eq!(server.sent(), 1, "{answer:?}");
        let server = Server::start([answer, Answer::Status200]).await;
        assert_eq!(server.post(QUICK.retry_unanswered()).await, Some(200));
        assert_eq!(server.sent(), 2, "{answer:?}");
    }
}

/// A server that does these things with the requests it gets, one after the other.
struct Server {
    url: String,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    all: usize,
}

impl Server {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: VecDeque<_> = answers.into_iter().collect();
        let all = answers.len();
        let answers = Arc::new(Mutex::new(answers));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let shared = answers.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, shared.clone()));
            }
        });
        Self { url, answers, all }
    }

    fn url(&self) -> &str {
        &self.url
    }

    /// Returns a client that does not retry by itself.
    fn client(&self) -> reqwest::Client {
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = reqwest::Client::builder().no_proxy();
        let builder = builder.http2_prior_knowledge();
        builder.retry(reqwest::retry::never()).build().unwrap()
    }

    /// Returns the status of the last answer, if there was one.
    async fn post(&self, policy: Policy) -> Option<u16> {
        let client = ClientBuilder::new(self.client()).with(RetryMiddleware::new(policy));
        let answer = client.build().post(self.url()).send().await;
        answer.ok().map(|response| response.status().as_u16())
    }

    fn sent(&self) -> usize {
        self.all - self.answers.lock().unwrap().len()
    }
}

/// Speaks as much HTTP/2 as the test needs (RFC 9113 section 4.1).
async fn serve(mut socket: TcpStream, answers: Arc<Mutex<VecDeque<Answer>>>) -> Option<()> {
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    const ACK: u8 = 1;
    const END_OF_HEADERS_AND_STREAM: u8 = 5;

    socket.read_exact(&mut [0; 24]).await.ok()?;
    write_frame(&mut socket, SETTINGS, 0, 0, &[]).await?;
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        socket.read_exact(&mut payload).await.ok()?;
        let id = u32::from_be_bytes(id);
        if kind == SETTINGS && flags & ACK == 0 {
            write_frame(&mut socket, SETTINGS, ACK, 0, &[]).await?;
        }
        if kind != HEADERS {
            continue;
        }
        let answer = answers.lock().unwrap().pop_front()?;
        match answer {
            // The one byte is `:status: 200` in the static table.
            Answer::Status200 => {
                let flags = END_OF_HEADERS_AND_STREAM;
                write_frame(&mut socket, HEADERS, flags, id, &[0x88]).await?;
            }
            Answer::Reset(code) => {
                write_frame(&mut socket, RST_STREAM, 0, id, &code.to_be_bytes()).await?;
            }
            Answer::GoAway(last, code) => {
                let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
                write_frame(&mut socket, GOAWAY, 0, 0, &payload).await?;
                // A stream that is not refused would wait for its answer.
                return socket.shutdown().await.ok();
            }
        }
    }
}

async fn write_frame(
    socket: &mut TcpStream,
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &[u8],
) -> Option<()> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[..], &[kind, flags], &stream.to_be_bytes()].concat();
    socket.write_all(&[&head, payload].concat()).await.ok()
}
