//! A scripted HTTP server on a loopback port, which records its requests and sends each of them the
//! next answer.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How to respond to one request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Send a whole answer: status, extra header lines (each with its line end) and body.
    Full(u16, &'static str, String),
    /// Never answer.
    Silence,
    /// Close the connection before the announced end of the body.
    Broken,
    /// Send a body without an end.
    Endless,
    /// Send a body without an end, one byte at a time.
    Trickle,
}

impl Answer {
    pub(crate) fn error(status: u16, code: &str) -> Self {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>said by the stub</Message></Error>\
             <RequestId>stub-1</RequestId></ErrorResponse>"
        );
        Self::Full(status, "", body)
    }

    pub(crate) fn identity() -> Self {
        let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/alice</Arn>\
                    <UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata>\
                    <RequestId>stub-2</RequestId></ResponseMetadata></GetCallerIdentityResponse>";
        Self::Full(200, "", body.to_owned())
    }
}

pub(crate) struct Stub {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Starts the server. Requests after the last answer get that one again.
    pub(crate) async fn start<const N: usize>(answers: [Answer; N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // A name, not an address, as services have one: it is resolved and signed.
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, answers) = (Arc::clone(&seen), answers.to_vec());
                tokio::spawn(serve(stream, seen, answers));
            }
        });
        Self { url, requests }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the requests so far, each with head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Returns a builder of an HTTP client of the caller's own, for which rustls needs a provider.
pub(crate) fn own_http() -> reqwest::ClientBuilder {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy()
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>, answers: Vec<Answer>) {
    let request = read_request(&mut stream).await;
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request);
        seen.len() - 1
    };
    match answers.get(number).or(answers.last()).unwrap() {
        Answer::Full(status, headers, body) => {
            let head = format!(
                "HTTP/1.1 {status} Stub\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
                body.len()
            );
            // A client stops reading an answer that is too long for it.
            drop(stream.write_all((head + body).as_bytes()).await);
        }
        Answer::Silence => std::future::pending().await,
        Answer::Broken => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<GetCallerIdentityResponse>";
            stream.write_all(head).await.unwrap();
        }
        Answer::Endless => {
            let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<GetCallerIdentityResponse>";
            stream.write_all(head).await.unwrap();
            while stream.write_all(&[b' '; 1 << 16]).await.is_ok() {}
        }
        Answer::Trickle => {
            let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            stream.write_all(head).await.unwrap();
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            return text;
        }
    }
}
