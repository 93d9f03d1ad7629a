use std::{
    collections::HashMap,
    mem,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header::CONTENT_LENGTH,
};
use hyper::{
    body::{Body as _, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use keyfob_sts::{Connector, Route};
use tokio::time::timeout;

use crate::s3::{Call, content::ContentBody};

/// How long a cached connection may take until it can be used.
const READY: Duration = Duration::from_secs(1);

/// Sends requests over HTTP/1.1 connections, which are used again.
pub(super) struct Wire {
    connector: Connector,
    /// How long nothing may happen while an answer is waited for.
    patience: Duration,
    /// The connections that wait for a request, by scheme and authority.
    idle: Mutex<HashMap<String, Vec<Connection>>>,
    /// The number of bytes of objects that were sent, and not refused.
    pub(super) moved: Arc<AtomicU64>,
}

struct Connection {
    sender: SendRequest<ContentBody>,
    route: Route,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// There is no connection.
    Connect(keyfob_sts::Error),
    /// Nothing happened for that time.
    Timeout(Duration),
    /// The connection broke.
    Broken(hyper::Error),
    /// The answer has more bytes than that.
    TooLong(usize),
}

impl Wire {
    pub(super) fn new(connector: Connector, patience: Duration) -> Self {
        Self {
            connector,
            patience,
            idle: Mutex::default(),
            moved: Arc::default(),
        }
    }

    /// Sends a request with an absolute URI, and returns the answer as soon as its head is there.
    pub(super) async fn send(
        self: &Arc<Self>,
        request: &Request<()>,
        call: &Call,
    ) -> Result<Answer, Silence> {
        let origin = origin(request.uri());
        // The server may have closed a cached connection in the meantime, which only its use shows.
        // Each round uses up one of them; a new connection is not tried twice.
        loop {
            let cached = self.take_idle(&origin).await;
            let is_new = cached.is_none();
            let mut connection = match cached {
                Some(connection) => connection,
                None => self.connect(request.uri()).await?,
            };
            match self.exchange(&mut connection, request, call).await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let mut answer = Answer {
                        status: head.status,
                        headers: head.headers,
                        read: None,
                        body,
                        lease: Some(Lease {
                            wire: Arc::clone(self),
                            origin,
                            connection,
                        }),
                    };
                    // Such a body may never be asked for.
                    if answer.body.is_end_stream() {
                        answer.give_back();
                    }
                    return Ok(answer);
                }
                Err(Silence::Broken(error)) if !is_new && !error.is_parse() => {}
                Err(silence) => return Err(silence),
            }
        }
    }

    async fn connect(&self, url: &Uri) -> Result<Connection, Silence> {
        let connection = self.connector.connect(url).await;
        let connection = connection.map_err(Silence::Connect)?;
        let route = connection.route().clone();
        let (sender, driver) = http1::handshake(TokioIo::new(connection))
            .await
            .map_err(Silence::Broken)?;
        // Ends when the connection is dropped or closed. The request sees its errors.
        tokio::spawn(driver);
        Ok(Connection { sender, route })
    }

    async fn exchange(
        &self,
        connection: &mut Connection,
        request: &Request<()>,
        call: &Call,
    ) -> Result<Response<Incoming>, Silence> {
        let progress = Arc::<AtomicU64>::default();
        let moved = call.is_transfer.then(|| Arc::clone(&self.moved));
        let body = call.content.body([Some(Arc::clone(&progress)), moved]);
        let mut sent = request.clone().map(|()| body);
        connection.route.address(&mut sent);
        if sent.body().size_hint().exact() == Some(0)
            && matches!(*sent.method(), Method::POST | Method::PUT)
        {
            // S3 wants a length also of what is empty, which hyper leaves out.
            let none = HeaderValue::from_static("0");
            sent.headers_mut().insert(CONTENT_LENGTH, none);
        }
        let answer = pin!(connection.sender.send_request(sent));
        let answer = self.wait(answer, &progress).await;
        let is_success = |answer: &Response<Incoming>| answer.status().is_success();
        if call.is_transfer && !answer.as_ref().is_ok_and(is_success) {
            // What failed is sent again, or never.
            let written = progress.load(Ordering::Relaxed);
            self.moved.fetch_sub(written, Ordering::Relaxed);
        }
        answer
    }

    /// Waits for an answer, for as long as the request makes progress.
    async fn wait(
        &self,
        mut answer: Pin<&mut impl Future<Output = hyper::Result<Response<Incoming>>>>,
        progress: &AtomicU64,
    ) -> Result<Response<Incoming>, Silence> {
        let mut written = 0;
        loop {
            match timeout(self.patience, &mut answer).await {
                Ok(answer) => return answer.map_err(Silence::Broken),
                Err(_) => {
                    let before = mem::replace(&mut written, progress.load(Ordering::Relaxed));
                    // A large body takes its time.
                    if written == before {
                        return Err(Silence::Timeout(self.patience));
                    }
                }
            }
        }
    }

    async fn take_idle(&self, origin: &str) -> Option<Connection> {
        loop {
            let mut connection = self.idle().get_mut(origin)?.pop()?;
            // A server that answered before it took the whole request may never take the rest.
            let ready = timeout(READY, connection.sender.ready()).await;
            if ready.is_ok_and(|ready| ready.is_ok()) {
                return Some(connection);
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<String, Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer whose body is still on its way.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// What was read of the body already.
    read: Option<Bytes>,
    body: Incoming,
    lease: Option<Lease>,
}

/// A connection in use. It goes back when the whole answer is read.
struct Lease {
    wire: Arc<Wire>,
    origin: String,
    connection: Connection,
}

impl Lease {
    fn give_back(self) {
        if !self.connection.sender.is_closed() {
            let mut idle = self.wire.idle();
            let connections = idle.entry(self.origin).or_default();
            connections.push(self.connection);
        }
    }
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the text of a header, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(text)
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the next piece of the body, or `None` at its end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Silence> {
        if let Some(read) = self.read.take() {
            return Ok(Some(read));
        }
        loop {
            let Some(lease) = &self.lease else {
                return Ok(None);
            };
            let patience = lease.wire.patience;
            let body = &mut self.body;
            let frame = std::future::poll_fn(|context| pin!(&mut *body).poll_frame(context));
            let frame = timeout(patience, frame).await;
            match frame.map_err(|_| Silence::Timeout(patience))? {
                Some(frame) => {
                    // What is not data are trailers.
                    if let Ok(data) = frame.map_err(Silence::Broken)?.into_data() {
                        return Ok(Some(data));
                    }
                }
                None => self.give_back(),
            }
        }
    }

    /// Gives back the connection, when the whole answer is read.
    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    /// Gives back what was read of the body, to be read again.
    pub(super) fn put_back(&mut self, body: Bytes) {
        self.read = Some(body);
    }

    /// Returns the rest of the body, which has at most `max` bytes.
    pub(super) async fn bytes(&mut self, max: usize) -> Result<Bytes, Silence> {
        let Some(first) = self.next().await? else {
            return Ok(Bytes::new());
        };
        let mut all = BytesMut::from(first);
        while let Some(piece) = self.next().await? {
            if all.len() + piece.len() > max {
                return Err(Silence::TooLong(max));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// Returns the scheme and the authority of a URI, which tell one server from others.
fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}")
}
