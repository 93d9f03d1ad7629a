//! A service whose every answer is written down, for what the real server would never do.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What to do with the next request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Send these bytes.
    Raw(Vec<u8>),
    /// Close the connection.
    Close,
    /// Say nothing and keep the connection open.
    Hang,
}

impl Reply {
    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::with_headers(status, &[], body)
    }

    pub(crate) fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        Self::Raw(
            format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: {length}\r\n\r\n{body}").into(),
        )
    }
}

/// Answers requests in order, over any number of connections; what is not written down gets a 500.
pub(crate) struct Script {
    pub(crate) address: SocketAddr,
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Script {
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let script = Self {
            address: socket.local_addr().unwrap(),
            heads: Arc::default(),
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
        };
        let (heads, replies) = (script.heads.clone(), script.replies.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(converse(stream, heads.clone(), replies.clone()));
            }
        });
        script
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The request lines so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads
            .iter()
            .map(|head| {
                head.lines()
                    .next()
                    .unwrap()
                    .trim_end_matches(" HTTP/1.1")
                    .to_owned()
            })
            .collect()
    }

    /// How many replies are left.
    pub(crate) fn left(&self) -> usize {
        self.replies.lock().unwrap().len()
    }
}

async fn converse(
    mut stream: TcpStream,
    heads: Arc<Mutex<Vec<String>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        heads.lock().unwrap().push(String::from_utf8(head).unwrap());
        let reply = replies.lock().unwrap().pop_front();
        match reply.unwrap_or_else(|| Reply::status(500, "not in the script")) {
            Reply::Raw(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
            Reply::Close => return,
            Reply::Hang => std::future::pending().await,
        }
    }
}
