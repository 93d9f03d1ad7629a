//! The listener of local servers.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming};
use keyfob_imds::{
    ErrorKind,
    server::listen::{Listener, Refused},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

async fn echo(request: Request<Bytes>) -> Response<Bytes> {
    Response::new(request.into_body())
}

async fn slow(_: Request<Bytes>) -> Response<Bytes> {
    sleep(Duration::from_millis(200)).await;
    Response::new(Bytes::from_static(b"done"))
}

/// Sends a request and returns the connection.
async fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Returns all that comes until the connection closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn status(address: SocketAddr, head: &str, body: &str) -> u16 {
    let length = body.len();
    let request = format!(
        "POST / HTTP/1.1\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let answer = rest(send(address, &request).await).await;
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_body_is_read_up_to_the_limit() {
    let listener = Listener::builder().max_body(4).start(echo).await.unwrap();
    let request = "POST /a?b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\
                   Connection: close\r\n\r\nbody";
    let answer = rest(send(listener.address(), request).await).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nbody"),
        "{answer}"
    );
    let host = "Host: localhost\r\n";
    assert_eq!(status(listener.address(), host, "longer").await, 413);
    let counters = listener.counters();
    assert_eq!(
        (counters.connections, counters.requests, counters.refused),
        (2, 2, 1)
    );
}

#[tokio::test]
async fn bodies_stream_in_both_directions() {
    let echo = async |request: Request<Incoming>| Response::new(request.into_body());
    let listener = Listener::builder()
        .max_body(1)
        .start_streaming(echo)
        .await
        .unwrap();
    let request = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\
                   Connection: close\r\n\r\n";
    let mut stream = send(listener.address(), request).await;
    let mut answer = String::new();
    let mut buffer = [0; 1024];
    // Half of the body comes back before the other half is sent.
    for (half, end) in [("half", "half"), ("rest", "halfrest")] {
        stream.write_all(half.as_bytes()).await.unwrap();
        while !answer.ends_with(end) {
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "{answer}");
            answer.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
    }
    let refused = status(listener.address(), "Host: other.example\r\n", "").await;
    assert_eq!(refused, 403);
    assert_eq!(listener.counters().refused, 1);
}

#[tokio::test]
async fn only_requests_for_its_own_names_reach_the_handler() {
    let listener = Listener::builder()
        .host("own.example")
        .start(echo)
        .await
        .unwrap();
    for (head, expected) in [
        ("Host: localhost\r\n", 200),
        ("Host: OWN.example:80\r\n", 200),
        ("Host: other.example\r\n", 403),
        ("Host: localhost\r\nX-Forwarded-For: 10.0.0.1\r\n", 403),
        ("", 403),
    ] {
        assert_eq!(
            status(listener.address(), head, "").await,
            expected,
            "{head}"
        );
    }
}

#[tokio::test]
async fn the_check_and_the_refusals_can_be_replaced() {
    let refusal = |refused: &Refused<'_>| {
        let text = format!("<Message>{}</Message>", refused.reason);
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = refused.status;
        response
    };
    let listener = Listener::builder()
        .admit(|head| head.headers.contains_key("x-own"))
        .refusal(refusal)
        .start(echo)
        .await
        .unwrap();
    let request = |header: &str| {
        format!("GET / HTTP/1.1\r\nHost: a.example\r\n{header}Connection: close\r\n\r\n")
    };
    let admitted = rest(send(listener.address(), &request("X-Own: 1\r\n")).await).await;
    assert!(admitted.starts_with("HTTP/1.1 200 "), "{admitted}");
    let refused = rest(send(listener.address(), &request("")).await).await;
    assert!(
        refused.starts_with("HTTP/1.1 403 ") && refused.contains("<Message>the request was"),
        "{refused}"
    );
}

#[tokio::test]
async fn further_connections_wait_until_one_closes() {
    let listener = Listener::builder()
        .max_connections(1)
        .start(echo)
        .await
        .unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut first = send(listener.address(), request).await;
    let mut second = send(listener.address(), request).await;
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    let waiting = timeout(Duration::from_millis(100), second.read_exact(&mut byte)).await;
    assert!(waiting.is_err());
    drop(first);
    second.read_exact(&mut byte).await.unwrap();
}

#[tokio::test]
async fn the_oldest_connection_without_a_request_gives_its_place_to_one_that_waits() {
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut byte = [0];
    // What takes place here happens after longer than a place is kept for silence.
    let roomy = Listener::builder().start(echo).await.unwrap();
    let mut silent_elsewhere = send(roomy.address(), "GET").await;
    let builder = Listener::builder().max_connections(3);
    let listener = builder.start(echo).await.unwrap();
    let mut spoken = send(listener.address(), request).await;
    spoken.read_exact(&mut byte).await.unwrap();
    let oldest = send(listener.address(), "GET / HTTP/1.1\r\n").await;
    let mut younger = send(listener.address(), "GET / HTTP/1.1\r\n").await;
    // All three may give their places away now.
    sleep(Duration::from_millis(1100)).await;
    let mut waiting = send(listener.address(), request).await;
    tokio::select! {
        biased;
        answered = waiting.read_exact(&mut byte) => drop(answered.unwrap()),
        _ = silent_elsewhere.read_u8() => panic!("the head of a request had all its time"),
    }
    assert_eq!(rest(oldest).await, "");
    for (stream, more) in [(&mut spoken, request), (&mut younger, &request[16..])] {
        stream.write_all(more.as_bytes()).await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
    }
}

#[tokio::test]
async fn refused_and_idle_connections_give_their_places_to_those_that_wait() {
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let refused = "POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 9\r\n\r\n";
    for head in [request, refused] {
        let builder = Listener::builder().max_connections(2);
        let listener = builder.start(echo).await.unwrap();
        let mut byte = [0];
        let mut guests = Vec::new();
        for _ in 0..2 {
            let mut guest = send(listener.address(), head).await;
            guest.read_exact(&mut byte).await.unwrap();
            guests.push(guest);
        }
        let mut waiting = send(listener.address(), request).await;
        waiting.read_exact(&mut byte).await.unwrap();
        // The other one keeps its place.
        drop(rest(guests.remove(0)).await);
        if head == request {
            guests[0].write_all(request.as_bytes()).await.unwrap();
            guests[0].read_exact(&mut byte).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_after_it_has_sent_a_body_that_is_refused_has_its_answer() {
    let listener = Listener::builder().max_body(4).start(echo).await.unwrap();
    // More than fits into the buffers of a connection.
    let body = "x".repeat(64 << 20);
    let length = body.len();
    let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    let stream = send(listener.address(), &(head + &body)).await;
    let answer = rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.ends_with("too long"), "{answer}");
}

/// A body without end, which says when it is dropped.
struct Endless(Option<tokio::sync::oneshot::Sender<()>>);

impl Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = Bytes::from_static(&[0; 65_536]);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.0.take().map(|sender| sender.send(()));
    }
}

// Time passes while nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_disconnected_after_a_time() {
    let (sender, dropped) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let handler = move |_: Request<Incoming>| {
        let body = Endless(sender.lock().unwrap().take());
        async { Response::new(body) }
    };
    let listener = Listener::builder().start_streaming(handler).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let stream = send(listener.address(), request).await;
    let hour = Duration::from_secs(3600);
    assert!(timeout(hour, dropped).await.is_ok());
    drop(stream);
}

#[tokio::test]
async fn stop_finishes_requests_in_progress_and_drop_does_not() {
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let listener = Listener::builder().start(slow).await.unwrap();
    let address = listener.address();
    let idle = TcpStream::connect(address).await.unwrap();
    let busy = send(address, request).await;
    sleep(Duration::from_millis(50)).await;
    listener.stop().await;
    assert!(rest(busy).await.ends_with("done"));
    assert_eq!(rest(idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());

    let listener = Listener::builder().start(slow).await.unwrap();
    let mut busy = send(listener.address(), request).await;
    sleep(Duration::from_millis(50)).await;
    drop(listener);
    let mut answer = Vec::new();
    let _ = busy.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn an_address_that_is_taken_or_remote_is_a_setting() {
    let first = Listener::builder().start(echo).await.unwrap();
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    for address in [first.address(), everywhere] {
        let error = Listener::builder()
            .bind(address)
            .start(echo)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
    let remote = Listener::builder().bind(everywhere).allow_remote(true);
    assert!(remote.start(echo).await.is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_of_its_user_and_replaces_only_one_that_is_left() {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

    use keyfob_imds::server::listen::Peer;

    let name = format!("keyfob-imds-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).unwrap();
    let path: PathBuf = folder.join("socket");
    let who = async |request: Request<Bytes>| {
        let peer: Peer = *request.extensions().get().unwrap();
        Response::new(format!("{} {:?}", peer.user, peer.process).into())
    };
    let start = || Listener::builder().bind_unix(&path).start(who);
    // A file is not a socket.
    fs::write(&path, "kept").unwrap();
    assert_eq!(start().await.unwrap_err().kind(), ErrorKind::Setting);
    assert_eq!(fs::read(&path).unwrap(), b"kept");
    fs::remove_file(&path).unwrap();
    // A listener that was killed leaves its file.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = start().await.unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(start().await.unwrap_err().kind(), ErrorKind::Setting);

    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let process = std::process::id();
    assert!(
        answer.contains(&format!("{process}")) || cfg!(not(target_os = "linux")),
        "{answer}"
    );
    let foreign = b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    stream.write_all(foreign).await.unwrap();
    answer.clear();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(listener.counters().requests, 2);
    // A listener that ends leaves the file of another one.
    fs::remove_file(&path).unwrap();
    let next = start().await.unwrap();
    listener.stop().await;
    assert!(path.exists());
    next.stop().await;
    assert!(!path.exists());
    fs::remove_dir_all(folder).unwrap();
}
