//! The client for servers that choose HTTP/2.
//!
//! It stands on `h2` itself, because hyper's client does not say which requests a server has not
//! processed, how many it takes at a time, and that it canceled an answer. It also keeps the body
//! that a server does not take after the answer.

use std::{
    error::Error,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    client::{Builder, Connection, SendRequest},
};
use http::{
    Method, Request, Response, Uri,
    header::{CONNECTION, CONTENT_LENGTH, HOST},
};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};
use tokio::{sync::oneshot, task::AbortHandle, time::sleep};

use super::{
    body::{InMemory, PIECE},
    upstream::{MAX_INFORMATIONAL, Unanswered},
};
use crate::{
    commands::request::{self, cut},
    failure::Failure,
};

/// How many requests share a connection, if the server takes that many.
const MAX_SHARED: usize = 100;
/// How many bytes of an answer may wait for its caller. A connection has room for those of all its
/// answers, so that a caller that does not read stops no other.
const WINDOW: u32 = 512 << 10;
/// How many bytes the head of an answer may have.
const MAX_HEAD: u32 = 256 << 10;
/// How long a connection may take to end when its last request has.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// A connection that requests share. How many is seen by the number of its owners.
pub(super) struct Client {
    sender: SendRequest<Bytes>,
    load: Arc<Load>,
    /// Tells the end of the last owner.
    _owned: oneshot::Sender<()>,
}

/// How much a server takes on a connection, as far as it has shown.
pub(super) struct Load {
    /// How many requests have no answer, or one that is not over.
    in_flight: AtomicUsize,
    /// How many it takes at a time.
    room: AtomicUsize,
    has_answered: AtomicBool,
    has_refused: AtomicBool,
    /// Whether a request has waited in vain, or the server takes no more of them.
    is_stuck: AtomicBool,
}

impl Client {
    /// Begins HTTP/2 on a connection for it.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub(super) async fn new(connection: keyfob_sts::Connection) -> Result<Arc<Self>, h2::Error> {
        let (sender, connection) = Builder::new()
            .enable_push(false)
            .max_header_list_size(MAX_HEAD)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW * (MAX_SHARED as u32 + 1))
            // Answers that go on when their callers have left count as errors, which would end the
            // connection for all others.
            .max_local_error_reset_streams(None)
            .handshake(connection)
            .await?;
        let (owned, end) = oneshot::channel();
        tokio::spawn(drive(connection, end));
        Ok(Arc::new(Self {
            sender,
            load: Arc::new(Load::new()),
            _owned: owned,
        }))
    }

    /// Returns true if the connection takes requests.
    pub(super) fn is_ready(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let polled = self.sender.clone().poll_ready(&mut context);
        matches!(polled, Poll::Ready(Ok(()))) && !self.load.is_stuck.load(Relaxed)
    }

    /// Leaves a connection on which nothing comes to the requests that it has.
    pub(super) fn give_up(&self) {
        self.load.give_up();
    }

    /// Returns how many requests the server takes at a time, as far as it has said or shown so.
    pub(super) fn room(&self) -> usize {
        let told = self.sender.current_max_send_streams();
        told.min(self.load.room.load(Relaxed))
    }

    /// Sends a request for this URL. `in_memory` is its body, if that is in memory: with it, the
    /// request can be sent again.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub(super) async fn send(
        &self,
        request: Request<request::Sent>,
        url: &Uri,
        in_memory: Option<&InMemory>,
    ) -> Result<Response<Receiving>, Unanswered> {
        let (head, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        let mut sent = Request::from_parts(head.clone(), ());
        address(&mut sent, url);
        if let Some(length) = body.size_hint().exact()
            && (length > 0 || matches!(head.method, Method::PATCH | Method::POST | Method::PUT))
        {
            sent.headers_mut()
                .entry(CONTENT_LENGTH)
                .or_insert(length.into());
        }
        let stay = Stay::begin(&self.load);
        let (mut answer, stream) = match self.sender.clone().send_request(sent, !has_body) {
            Ok(sent) => sent,
            Err(error) => {
                let request = Request::from_parts(head, body);
                return Err(stay.refused(request, cut(url, &error)));
            }
        };
        let upload = has_body.then(|| Upload::start(stream, body));
        let mut informational = 0;
        let answer = poll_fn(|context| {
            while let Poll::Ready(Some(Ok(_))) = answer.poll_informational(context) {
                informational += 1;
                if informational > MAX_INFORMATIONAL {
                    return Poll::Ready(None);
                }
            }
            Pin::new(&mut answer).poll(context).map(Some)
        });
        match answer.await {
            Some(Ok(answer)) => {
                self.load.has_answered.store(true, Relaxed);
                Ok(answer.map(|body| Receiving {
                    body,
                    stay,
                    _upload: upload,
                }))
            }
            Some(Err(error)) => {
                self.load.look_at(&error);
                let failure = cut(url, &error);
                Err(match in_memory {
                    Some(body) if is_unprocessed(&error) => {
                        let request = Request::from_parts(head, request::boxed(body.clone()));
                        stay.refused(request, failure)
                    }
                    _ => Unanswered::Broken(failure),
                })
            }
            None => Err(Unanswered::Storm),
        }
    }
}

impl Load {
    fn new() -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            room: AtomicUsize::new(MAX_SHARED),
            has_answered: AtomicBool::new(false),
            has_refused: AtomicBool::new(false),
            is_stuck: AtomicBool::new(false),
        }
    }

    /// Returns true if the server has refused all requests on this connection.
    pub(super) fn took_none(&self) -> bool {
        !self.has_answered.load(Relaxed) && self.in_flight.load(Relaxed) == 0
    }

    fn give_up(&self) {
        self.is_stuck.store(true, Relaxed);
    }

    /// Gives the connection up if the server says that it has too much to do for it.
    fn look_at(&self, error: &h2::Error) {
        if error.reason() == Some(Reason::ENHANCE_YOUR_CALM) {
            self.give_up();
        }
    }
}

/// A request on a connection, until its answer is over.
struct Stay {
    load: Arc<Load>,
    /// Whether one before it was refused there.
    is_after_refusal: bool,
}

impl Stay {
    fn begin(load: &Arc<Load>) -> Self {
        load.in_flight.fetch_add(1, Relaxed);
        Self {
            load: Arc::clone(load),
            is_after_refusal: load.has_refused.load(Relaxed),
        }
    }

    /// Says that the server did not process a request, which may be sent again.
    fn refused(self, request: Request<request::Sent>, failure: Failure) -> Unanswered {
        let load = Arc::clone(&self.load);
        load.has_refused.store(true, Relaxed);
        let is_after_refusal = self.is_after_refusal;
        drop(self);
        // It takes as many as it has now. One that refuses again, when it has fewer, has had its
        // number of requests.
        let taken = load.in_flight.load(Relaxed);
        if load.room.fetch_min(taken, Relaxed).min(taken) == 0 || is_after_refusal {
            load.give_up();
        }
        Unanswered::Refused(request, failure, load)
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.load.in_flight.fetch_sub(1, Relaxed);
    }
}

/// Gives a request the form of HTTP/2: its authority stands for `Host` (RFC 9113, section 8.3.1),
/// and no header is for the connection (section 8.2.2).
fn address(request: &mut Request<()>, url: &Uri) {
    let host = request.headers_mut().remove(HOST);
    let host = host.and_then(|host| host.as_bytes().try_into().ok());
    let mut parts = url.clone().into_parts();
    parts.authority = host.or(parts.authority);
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    // It names `TE`.
    request.headers_mut().remove(CONNECTION);
}

/// Returns true if a server says that it has not processed a request (RFC 9113, section 8.7).
fn is_unprocessed(error: &h2::Error) -> bool {
    // h2 tells the end of a connection to the requests that came after the last one processed.
    let is_after_last = error.is_go_away();
    let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
    error.is_remote() && (is_after_last || is_refused)
}

/// Moves the bytes of a connection until it ends, or some time after its owners are gone: a server
/// that does not read would keep what is on its way. While there are owners, they limit the time in
/// which nothing comes.
async fn drive(connection: Connection<keyfob_sts::Connection, Bytes>, end: oneshot::Receiver<()>) {
    let left = async {
        let _ = end.await;
        sleep(CLOSING_TIME).await;
    };
    tokio::select! {
        _ = connection => {}
        () = left => {}
    }
}

/// The body of a request on its way. If this is dropped before the server has taken all of it, the
/// rest is not sent.
struct Upload(AbortHandle);

impl Upload {
    fn start(mut stream: SendStream<Bytes>, body: request::Sent) -> Self {
        let task = tokio::spawn(async move {
            if upload(&mut stream, body).await.is_err() {
                stream.send_reset(Reason::CANCEL);
            }
        });
        Self(task.abort_handle())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a body. `h2` gets no more of it than the server takes: it would keep the rest.
async fn upload(
    stream: &mut SendStream<Bytes>,
    mut body: request::Sent,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    while let Some(frame) = body.frame().await {
        // Trailers are not signed, and no rule has seen them.
        let mut data = frame?.into_data().unwrap_or_default();
        let is_last = body.is_end_stream() && !data.is_empty();
        while !data.is_empty() {
            stream.reserve_capacity(data.len().min(PIECE));
            while stream.capacity() == 0 {
                let more = poll_fn(|context| stream.poll_capacity(context)).await;
                more.ok_or("the server takes no more")??;
            }
            let piece = data.split_to(data.len().min(stream.capacity()));
            stream.send_data(piece, is_last && data.is_empty())?;
        }
        if is_last {
            return Ok(());
        }
    }
    Ok(stream.send_data(Bytes::new(), true)?)
}

/// The body of an answer on its way.
pub(super) struct Receiving {
    body: RecvStream,
    stay: Stay,
    _upload: Option<Upload>,
}

impl Body for Receiving {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let Self { body, stay, .. } = self.get_mut();
        let Some(data) = ready!(body.poll_data(context)) else {
            let trailers = ready!(body.poll_trailers(context));
            return Poll::Ready(trailers.map(|some| some.map(Frame::trailers)).transpose());
        };
        let data = data.inspect_err(|error| stay.load.look_at(error))?;
        body.flow_control().release_capacity(data.len())?;
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
