//! Tests the middleware in a real client against a real socket.

#![cfg(feature = "reqwest-middleware")]
#![allow(
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test does"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Full;
use keyfob_backoff::{Budget, Policy, reqwest_middleware::RetryMiddleware};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};

const QUICK: Policy = Policy::aws()
    .base(Duration::from_millis(1))
    .throttling_base(Duration::from_millis(1))
    .attempts(4);

const THROTTLED: &str = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>";
const DENIED: &str = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>";

#[tokio::test]
async fn throttling_in_the_body_of_a_400_is_retried() {
    let server = Server::start([(400, "", THROTTLED), (503, "", ""), (200, "", "alice")]).await;
    let response = server
        .client(RetryMiddleware::new(QUICK))
        .post(server.url())
        .body("Action=X")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.url().as_str(), server.url());
    assert_eq!(response.text().await.unwrap(), "alice");
    assert_eq!(server.bodies(), ["Action=X"; 3]);
}

#[tokio::test]
async fn any_other_4xx_is_returned_at_once_with_its_body() {
    let server = Server::start([(403, "x-test: value\r\n", DENIED)]).await;
    let response = server.get(RetryMiddleware::new(QUICK)).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-test"]),
        (403, &"value".parse().unwrap())
    );
    assert_eq!(response.url().as_str(), server.url());
    assert_eq!(response.text().await.unwrap(), DENIED);
    assert_eq!(server.bodies().len(), 1);
}

#[tokio::test]
async fn the_last_error_arrives_whole_however_long_its_body() {
    let long: &'static str = Box::leak("x".repeat(1_000_000).into_boxed_str());
    let server = Server::start([(500, "", long); 4]).await;
    let response = server.get(RetryMiddleware::new(QUICK)).await;
    assert_eq!(response.status(), 500);
    assert_eq!(response.text().await.unwrap(), long);
    assert_eq!(server.bodies().len(), 4);
}

#[tokio::test]
async fn the_wait_is_as_long_as_the_service_asks() {
    for header in ["x-amz-retry-after: 300\r\n", "retry-after: 1\r\n"] {
        let server = Server::start([(503, header, ""), (200, "", "")]).await;
        let started = std::time::Instant::now();
        server.get(RetryMiddleware::new(QUICK)).await;
        assert!(
            started.elapsed() >= Duration::from_millis(300),
            "{header}: {:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_replayed_is_sent_once() {
    let server = Server::start([(503, "", "down")]).await;
    let stream = reqwest::Body::wrap(Full::new(bytes::Bytes::from_static(b"streamed")));
    let response = server
        .client(RetryMiddleware::new(QUICK))
        .put(server.url())
        .body(stream)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), response.text().await.unwrap()),
        (503, "down".into())
    );
    assert_eq!(server.bodies().len(), 1);
}

#[tokio::test]
async fn an_error_in_the_200_of_an_s3_copy_is_retried_if_asked_to() {
    let hidden = "<?xml version=\"1.0\"?>\n <Error><Code>InternalError</Code></Error>";
    let copied = "<CopyObjectResult/>";
    let copy = async |middleware: RetryMiddleware,
                      answers: &[(u16, &'static str, &'static str)]| {
        let server = Server::start(answers.iter().copied()).await;
        let client = server.client(middleware);
        let response = client
            .put(server.url())
            .header("x-amz-copy-source", "/b/k")
            .send()
            .await
            .unwrap();
        response.text().await.unwrap()
    };
    let answers = [(200, "", hidden), (200, "", copied)];
    assert_eq!(
        copy(RetryMiddleware::new(QUICK).s3(), &answers).await,
        copied
    );
    assert_eq!(copy(RetryMiddleware::new(QUICK), &answers).await, hidden);
}

#[tokio::test]
async fn a_connection_refused_is_retried_only_if_opted_in() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    for (policy, left) in [(QUICK, 500), (QUICK.retry_connect_failures(), 500 - 3 * 14)] {
        let budget = Arc::new(Budget::aws());
        let middleware = RetryMiddleware::new(policy).budget(budget.clone());
        let error = client(middleware)
            .get(format!("http://{closed}/"))
            .send()
            .await
            .unwrap_err();
        assert!(error.is_connect());
        assert_eq!(budget.available(), left);
    }
}

#[tokio::test]
async fn a_wait_that_is_dropped_gives_its_tokens_back() {
    let server = Server::start([(503, "retry-after: 20\r\n", "")]).await;
    let budget = Arc::new(Budget::aws());
    let middleware = RetryMiddleware::new(QUICK).budget(budget.clone());
    let wait = async {
        while budget.available() == 500 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        _ = server.get(middleware) => panic!("did not wait"),
        () = wait => {}
    }
    assert_eq!((server.bodies().len(), budget.available()), (1, 500));
}

#[tokio::test]
async fn a_wait_past_the_deadline_does_not_start() {
    let server = Server::start([(503, "retry-after: 60\r\n", "")]).await;
    let middleware = RetryMiddleware::new(QUICK).deadline(Duration::from_secs(10));
    assert_eq!(server.get(middleware).await.status(), 503);
    assert_eq!(server.bodies().len(), 1);
}

#[tokio::test]
async fn an_error_whose_body_breaks_off_keeps_its_status_and_what_was_read() {
    let cut = "x-test: value\r\ncontent-length: 999\r\n";
    let server = Server::start([(400, cut, THROTTLED), (403, cut, DENIED)]).await;
    let mut response = server.get(RetryMiddleware::new(QUICK)).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-test"]),
        (403, &"value".parse().unwrap())
    );
    assert_eq!(response.chunk().await.unwrap().unwrap(), DENIED);
    assert!(response.chunk().await.is_err());
    assert_eq!(server.bodies().len(), 2);
}

#[tokio::test]
async fn an_s3_copy_that_breaks_off_is_retried() {
    for begun in ["", "<CopyObj"] {
        let cut = "content-length: 999\r\n";
        let server = Server::start([(200, cut, begun), (200, "", "<CopyObjectResult/>")]).await;
        let response = server
            .client(RetryMiddleware::new(QUICK).s3())
            .put(server.url())
            .header("x-amz-copy-source", "/b/k")
            .send()
            .await
            .unwrap();
        assert_eq!(response.text().await.unwrap(), "<CopyObjectResult/>");
    }
}

#[tokio::test]
async fn the_wait_for_the_body_of_an_error_ends_after_two_seconds_or_at_the_deadline() {
    for (deadline, at_most) in [(None, 10_000), (Some(Duration::from_secs(1)), 1_900)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut socket = accept_request(&listener).await;
            let head = b"HTTP/1.1 403 X\r\ncontent-length: 999\r\n\r\n";
            socket.write_all(head).await.unwrap();
            while socket.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let mut middleware = RetryMiddleware::new(QUICK);
        if let Some(deadline) = deadline {
            middleware = middleware.deadline(deadline);
        }
        let started = std::time::Instant::now();
        let mut response = client(middleware).get(url).send().await.unwrap();
        let took = started.elapsed();
        assert!(took < Duration::from_millis(at_most), "{took:?}");
        assert_eq!(response.status(), 403);
        // The part that the middleware read, then the part that came later.
        let read = response.chunk().await.unwrap().unwrap().len();
        assert!(read > 1 && response.chunk().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn the_wait_for_an_s3_copy_is_longer_than_for_the_body_of_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut socket = accept_request(&listener).await;
        let head = b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n";
        socket.write_all(head).await.unwrap();
        for _ in 0..25 {
            socket.write_all(b" ").await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        socket.write_all(b"<CopyObjectResult/>").await.unwrap();
    });
    let response = client(RetryMiddleware::new(QUICK.attempts(1)).s3())
        .put(url)
        .header("x-amz-copy-source", "/b/k")
        .send()
        .await
        .unwrap();
    let body = response.text().await.unwrap();
    assert_eq!(body.trim(), "<CopyObjectResult/>");
}

#[tokio::test]
async fn requests_stand_in_the_line_of_a_limiter_which_learns_from_their_answers() {
    use keyfob_backoff::limit::{Limiter, ProbingLimiter, RateLimit, Shared};

    let server = Server::start([(200, "", ""), (200, "", "")]).await;
    let limit = RateLimit::new(1, Duration::from_millis(300));
    let paced = RetryMiddleware::new(QUICK).limiter(Arc::new(Shared::new(limit)));
    let started = std::time::Instant::now();
    server.get(paced.clone()).await;
    server.get(paced).await;
    assert!(started.elapsed() >= Duration::from_millis(290));

    // With a delay of 20 s in its policy, a throttled request is sent again at once if the limiter
    // knows the rate.
    let slow = Policy::aws()
        .throttling_base(Duration::from_secs(20))
        .jitter(keyfob_backoff::Jitter::None);
    let server = Server::start([(200, "", ""), (400, "", THROTTLED), (200, "", "alice")]).await;
    let limiter = Arc::new(Shared::new(ProbingLimiter::new()));
    let paced = RetryMiddleware::new(slow).limiter(limiter.clone());
    let started = std::time::Instant::now();
    server.get(paced.clone()).await;
    let response = server.get(paced).await;
    assert_eq!(response.text().await.unwrap(), "alice");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(limiter.paces());
}

#[tokio::test]
async fn each_request_stands_in_the_line_of_its_own_key() {
    use keyfob_backoff::limit::{KeyedLimit, RateLimit};

    let server = Server::start([(200, "", ""); 4]).await;
    // One request a minute for each path.
    let limit = RateLimit::new(1, Duration::from_secs(60));
    let limits = Arc::new(KeyedLimit::new(limit));
    let keyed = RetryMiddleware::new(QUICK)
        .limiter_for(move |request| limits.shared_key(request.url().path().to_owned()));
    let client = server.client(keyed);
    for path in ["photos", "videos", "texts"] {
        client.get(server.url() + path).send().await.unwrap();
    }
    let again = client.get(server.url() + "photos").send();
    let waited = tokio::time::timeout(Duration::from_millis(100), again).await;
    assert!(waited.is_err());
}

/// A server that gives one answer for each connection and records the request bodies.
struct Server {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: impl IntoIterator<Item = (u16, &'static str, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let (answers, received) = (answers.into_iter().collect::<Vec<_>>(), bodies.clone());
        tokio::spawn(async move {
            for answer in answers {
                let (socket, _) = listener.accept().await.unwrap();
                let body = serve(socket, answer).await;
                received.lock().unwrap().push(body);
            }
        });
        Self { address, bodies }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn client(&self, middleware: RetryMiddleware) -> ClientWithMiddleware {
        client(middleware)
    }

    async fn get(&self, middleware: RetryMiddleware) -> reqwest::Response {
        let request = self.client(middleware).get(self.url());
        request.send().await.unwrap()
    }

    fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }
}

/// Accepts a connection and reads a request without a body.
async fn accept_request(listener: &TcpListener) -> TcpStream {
    let mut socket = listener.accept().await.unwrap().0;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await.unwrap());
    }
    socket
}

fn client(middleware: RetryMiddleware) -> ClientWithMiddleware {
    drop(rustls::crypto::ring::default_provider().install_default());
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    ClientBuilder::new(plain).with(middleware).build()
}

/// Reads one request, answers it, closes the connection, and returns the body it read.
async fn serve(socket: TcpStream, (status, headers, body): (u16, &str, &str)) -> String {
    let mut socket = BufStream::new(socket);
    let (mut line, mut length, mut chunked) = (String::new(), 0, false);
    while line != "\r\n" {
        line.clear();
        socket.read_line(&mut line).await.unwrap();
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        chunked |= header.starts_with("transfer-encoding: chunked");
    }
    let mut received = vec![0; length];
    socket.read_exact(&mut received).await.unwrap();
    while chunked && !received.ends_with(b"0\r\n\r\n") {
        received.push(socket.read_u8().await.unwrap());
    }
    // Headers with a length of their own make a body that breaks off.
    let length = if headers.contains("content-length") {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    let head = format!("HTTP/1.1 {status} X\r\n{headers}{length}connection: close\r\n\r\n");
    // A client that has read enough may close the connection before the end.
    let _ = socket
        .write_all([head.as_bytes(), body.as_bytes()].concat().as_slice())
        .await;
    let _ = socket.shutdown().await;
    String::from_utf8(received).unwrap()
}
