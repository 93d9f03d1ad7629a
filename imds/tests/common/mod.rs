//! A service whose answers are given in advance, for behavior that the real server never has.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
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
    /// Send them half a second later.
    Late(Vec<u8>),
    /// Close the connection.
    Close,
    /// Do not answer, but keep the connection open.
    Hang,
}

impl Reply {
    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::with_headers(status, &[], body.as_bytes())
    }

    pub(crate) fn with_headers(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: {length}\r\n\r\n");
        Self::Raw([head.as_bytes(), body].concat())
    }
}

/// Answers requests in order, over any number of connections. Further requests get a 500.
pub(crate) struct Script {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    heads: Mutex<Vec<String>>,
    replies: Mutex<VecDeque<Reply>>,
    gives_tokens: AtomicBool,
}

impl Script {
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::new(State {
            replies: Mutex::new(replies.into_iter().collect()),
            ..State::default()
        });
        let script = Self {
            address: socket.local_addr().unwrap(),
            state: Arc::clone(&state),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&state)));
            }
        });
        script
    }

    /// Answers requests for a session token with one from now on. They are not part of the script.
    pub(crate) fn give_tokens(&self) {
        self.state.gives_tokens.store(true, Ordering::Relaxed);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the heads of the requests so far, as they were sent.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }

    /// Returns the methods and paths so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let line = |head: &String| head.split(" HTTP/1.1").next().map(str::to_owned);
        self.heads().iter().filter_map(line).collect()
    }

    /// Returns how many replies are left.
    pub(crate) fn left(&self) -> usize {
        self.state.replies.lock().unwrap().len()
    }
}

impl State {
    fn reply(&self, head: String) -> Reply {
        if self.gives_tokens.load(Ordering::Relaxed) && head.starts_with("PUT /latest/api/token ") {
            return Reply::status(200, "TOKEN");
        }
        self.heads.lock().unwrap().push(head);
        let reply = self.replies.lock().unwrap().pop_front();
        reply.unwrap_or_else(|| Reply::status(500, "not in the script"))
    }
}

async fn converse(mut stream: TcpStream, state: Arc<State>) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        match state.reply(String::from_utf8(head).unwrap()) {
            Reply::Raw(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
            Reply::Late(bytes) => {
                tokio::time::sleep(Duration::from_millis(500)).await;
                stream.write_all(&bytes).await.unwrap_or_default();
            }
            Reply::Close => return,
            Reply::Hang => std::future::pending().await,
        }
    }
}
