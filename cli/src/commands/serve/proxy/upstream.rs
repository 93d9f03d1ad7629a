//! Connections to upstreams, which are used again, and bodies on their way.

use std::{
    collections::HashMap,
    error::Error,
    fmt, mem,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, Uri, Version, header::HOST, uri::Scheme};
use http_body_util::{Either, Full};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    client::conn::{TrySendError, http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use keyfob_sigv4::resign::BodyResigner;
use keyfob_sts::{Connector, Route};
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::Notify,
    time::{Sleep, sleep, timeout},
};

use super::record::Record;
use crate::{
    commands::request::{self, broken, handshake},
    failure::Failure,
};

/// How long nothing may come from a server, unless a setting says something else.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a connection may wait for its next request. Servers wait longer, mostly.
const IDLE_TIME: Duration = Duration::from_secs(15);
/// How many connections to one server may wait.
const MAX_IDLE: usize = 256;
/// How many requests share a connection of HTTP/2. A server that takes fewer at a time lets the
/// others wait.
const MAX_SHARED: usize = 100;
/// How many bytes of an answer over HTTP/2 may wait for its caller. A connection has room for those
/// of all its answers, so that a caller that does not read stops no other.
const WINDOW: u32 = 512 << 10;
/// How often a server that answers requests over HTTP/2 is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How many bytes the head of an answer may have over HTTP/2, where hyper allows less by default.
const MAX_HEAD: u32 = 256 << 10;
/// How many informational answers may come before an answer over HTTP/1.1. hyper would read them
/// without end.
const MAX_INFORMATIONAL: usize = 100;

/// The body of a request: in memory, or on its way.
pub(super) type Sent = Either<Full<Bytes>, Passing>;
/// The body of an answer: the proxy's own, or the upstream's.
pub(super) type Received = Either<Full<Bytes>, Answer>;
/// Whose connections may be used for whose requests: the scheme, and the authority, which as a text
/// is found faster.
type Origin = (Scheme, String);

/// Sends requests over connections of HTTP/1.1, or of HTTP/2 if the server chooses it. Never twice:
/// only the caller knows what may be repeated.
pub(super) struct Pool {
    connector: Connector,
    /// How long nothing may happen.
    patience: Duration,
    shelf: Mutex<Shelf>,
}

struct Shelf {
    /// The connections that a request may take. Those of HTTP/2 stay here meanwhile.
    idle: HashMap<Origin, Vec<Connection>>,
    cleared: Instant,
}

struct Connection {
    sender: Sender,
    /// When it was last used.
    used: Instant,
}

enum Sender {
    Http1(http1::SendRequest<request::Sent>, Route),
    /// How many requests share it is seen by the number of its owners.
    Http2(Arc<Shared>),
}

struct Shared {
    sender: http2::SendRequest<request::Sent>,
    /// Whether a request has waited on it in vain.
    is_stuck: AtomicBool,
}

/// Why there is no answer.
pub(super) enum Silence {
    /// There is no connection, or it broke.
    Broken(Failure),
    /// Nothing happened for too long.
    Timeout,
    /// Informational answers come without end.
    Storm,
}

impl Pool {
    pub(super) fn new(connector: &Connector) -> Self {
        Self {
            patience: connector.timeout().unwrap_or(PATIENCE),
            connector: connector.with_http2(),
            shelf: Mutex::new(Shelf {
                idle: HashMap::new(),
                cleared: Instant::now(),
            }),
        }
    }

    /// Sends a request with an absolute URI, and returns the answer as soon as its head is there.
    ///
    /// # Errors
    ///
    /// If there is no connection, if it breaks, or if nothing happens for too long.
    pub(super) async fn send(
        self: &Arc<Self>,
        request: Request<Sent>,
    ) -> Result<Response<Received>, Silence> {
        let url = request.uri().clone();
        let origin = origin(&url);
        let flow = match request.body() {
            Either::Left(_) => None,
            Either::Right(body) => Some(body.flow()),
        };
        let mut request = request.map(request::boxed);
        let storm = count_informational(&mut request);
        loop {
            let waiting = origin.as_ref().and_then(|origin| self.take(origin));
            let has_waited = waiting.is_some();
            let mut connection = match waiting {
                Some(connection) => connection,
                // Boxed, because it is large and rare.
                None => Box::pin(self.connect(&url, origin.as_ref())).await?,
            };
            let answer = connection.sender.send(request, &url);
            let answer = tokio::select! {
                biased;
                answer = self.wait(answer, flow.as_deref()) => answer,
                () = storm.notified() => Err(Silence::Storm),
            };
            match answer.inspect_err(|_| connection.sender.give_up())? {
                Ok(answer) => {
                    let lease = origin.map(|origin| Lease {
                        pool: Arc::clone(self),
                        origin,
                        connection,
                    });
                    return Ok(answer.map(|body| Either::Right(self.answer(body, lease))));
                }
                Err(mut error) => match error.take_message() {
                    // The server had closed a connection that waited: nothing was sent.
                    Some(unsent) if has_waited => request = unsent,
                    // A server that drops new ones would drop the next one, too.
                    _ => return Err(Silence::Broken(broken(&url, error.error()))),
                },
            }
        }
    }

    async fn connect(&self, url: &Uri, origin: Option<&Origin>) -> Result<Connection, Silence> {
        let sender = Sender::connect(&self.connector, url).await;
        let connection = Connection::new(sender.map_err(Silence::Broken)?);
        if let (Some(shared), Some(origin)) = (connection.shared(), origin) {
            self.shelf().put(origin.clone(), shared);
        }
        Ok(connection)
    }

    /// Waits for the head of an answer, for as long as the body of its request makes progress.
    async fn wait<T>(
        &self,
        answer: impl Future<Output = T>,
        flow: Option<&Flow>,
    ) -> Result<T, Silence> {
        let mut answer = pin!(answer);
        let mut before = 0;
        loop {
            if let Ok(answer) = timeout(self.patience, &mut answer).await {
                return Ok(answer);
            }
            let now = flow.map_or(0, |flow| flow.progress.load(Relaxed));
            if now == before {
                return Err(Silence::Timeout);
            }
            before = now;
        }
    }

    fn answer(&self, body: Incoming, lease: Option<Lease>) -> Answer {
        let mut answer = Answer {
            body,
            patience: self.patience,
            sleep: None,
            lease,
            record: None,
        };
        answer.end_if_over();
        answer
    }

    fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut shelf = self.shelf();
        shelf.clear();
        let idle = shelf.idle.get_mut(origin)?;
        for at in (0..idle.len()).rev() {
            let connection = &mut idle[at];
            if !connection.is_usable() {
                idle.remove(at);
            } else if let Some(shared) = connection.shared() {
                if !shared.is_full() {
                    connection.used = Instant::now();
                    return Some(shared);
                }
            } else {
                return Some(idle.remove(at));
            }
        }
        None
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn put(&mut self, origin: Origin, connection: Connection) {
        let idle = self.idle.entry(origin).or_default();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }

    /// Closes the connections that have waited for too long, to any server.
    fn clear(&mut self) {
        if self.cleared.elapsed() > IDLE_TIME {
            self.cleared = Instant::now();
            self.idle.retain(|_, idle| {
                idle.retain(Connection::is_usable);
                !idle.is_empty()
            });
        }
    }
}

impl Connection {
    fn new(sender: Sender) -> Self {
        Self {
            sender,
            used: Instant::now(),
        }
    }

    fn is_usable(&self) -> bool {
        self.sender.is_ready() && self.used.elapsed() < IDLE_TIME
    }

    /// Returns the same connection for another request, if requests can share it.
    fn shared(&self) -> Option<Self> {
        match &self.sender {
            Sender::Http1(..) => None,
            Sender::Http2(sender) => Some(Self::new(Sender::Http2(Arc::clone(sender)))),
        }
    }

    /// Returns true if so many requests share the connection that others need another one.
    fn is_full(&self) -> bool {
        // The shelf has it, too.
        matches!(&self.sender, Sender::Http2(shared) if Arc::strong_count(shared) > MAX_SHARED + 1)
    }
}

impl Sender {
    async fn connect(connector: &Connector, url: &Uri) -> Result<Self, Failure> {
        let connection = connector.connect(url).await;
        let connection = connection.map_err(|error| Failure::from(&error))?;
        if !connection.is_http2() {
            let route = connection.route().clone();
            return Ok(Self::Http1(handshake(connection, url).await?, route));
        }
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .max_header_list_size(MAX_HEAD)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW * (MAX_SHARED as u32 + 1))
            .handshake(TokioIo::new(connection))
            .await
            .map_err(|error| broken(url, &error))?;
        // It ends when the last request does.
        tokio::spawn(driver);
        Ok(Self::Http2(Arc::new(Shared {
            sender,
            is_stuck: AtomicBool::new(false),
        })))
    }

    fn is_ready(&self) -> bool {
        match self {
            Self::Http1(sender, _) => sender.is_ready(),
            Self::Http2(shared) => shared.sender.is_ready() && !shared.is_stuck.load(Relaxed),
        }
    }

    /// Leaves a connection on which nothing comes to the requests that it has.
    fn give_up(&self) {
        if let Self::Http2(shared) = self {
            shared.is_stuck.store(true, Relaxed);
        }
    }

    /// Sends a request for this URL, whose own one may have been changed for a connection before.
    async fn send(
        &mut self,
        mut request: Request<request::Sent>,
        url: &Uri,
    ) -> Result<Response<Incoming>, TrySendError<Request<request::Sent>>> {
        match self {
            Self::Http1(sender, route) => {
                route.address(&mut request);
                sender.try_send_request(request).await
            }
            Self::Http2(shared) => {
                // The authority stands for `Host` (RFC 9113, section 8.3.1). A request that comes
                // back from such a connection has it already.
                let host = request.headers_mut().remove(HOST);
                let host = host.and_then(|host| host.as_bytes().try_into().ok());
                let host = host.or_else(|| request.uri().authority().cloned());
                let mut parts = url.clone().into_parts();
                parts.authority = host.or(parts.authority);
                if let Ok(uri) = Uri::from_parts(parts) {
                    *request.uri_mut() = uri;
                }
                let answer = shared.sender.clone().try_send_request(request).await;
                answer.map(|mut answer| {
                    *answer.version_mut() = Version::HTTP_11;
                    answer
                })
            }
        }
    }
}

/// Returns what is notified if too many informational answers come for a request.
fn count_informational<B>(request: &mut Request<B>) -> Arc<Notify> {
    let storm = Arc::new(Notify::new());
    let (count, too_many) = (AtomicUsize::new(0), Arc::clone(&storm));
    hyper::ext::on_informational(request, move |_| {
        if count.fetch_add(1, Relaxed) == MAX_INFORMATIONAL {
            too_many.notify_one();
        }
    });
    storm
}

/// Returns the scheme and the authority of a URI, which tell one server from others.
fn origin(uri: &Uri) -> Option<Origin> {
    let authority = uri.authority()?.as_str().to_owned();
    Some((uri.scheme()?.clone(), authority))
}

/// A connection in use. It goes back when the whole answer is read.
struct Lease {
    pool: Arc<Pool>,
    origin: Origin,
    connection: Connection,
}

impl Lease {
    fn give_back(mut self) {
        // It is not ready if the server has closed it, or answered before the whole request.
        let is_alone = matches!(self.connection.sender, Sender::Http1(..));
        if is_alone && self.connection.sender.is_ready() {
            self.connection.used = Instant::now();
            self.pool.shelf().put(self.origin, self.connection);
        }
    }
}

/// The body of a request on its way, whose progress can be seen.
pub(super) struct Passing {
    body: Incoming,
    form: Form,
    flow: Arc<Flow>,
}

/// How far a body on its way is.
#[derive(Default)]
pub(super) struct Flow {
    /// Grows with each piece.
    progress: AtomicU64,
    /// Whether the caller is waited for.
    is_waiting: AtomicBool,
    trouble: OnceLock<Trouble>,
}

/// What is wrong with a body on its way. It is the fault of the caller.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    /// The caller has not signed what came.
    Forged,
    /// The rest does not come.
    Incomplete,
    /// The rest does not come in time.
    Late,
}

impl Flow {
    /// Returns why a body did not reach the server, if that is the fault of the caller.
    pub(super) fn trouble(&self, silence: &Silence) -> Option<Trouble> {
        match silence {
            Silence::Broken(_) => self.trouble.get().copied(),
            Silence::Timeout => self.is_waiting.load(Relaxed).then_some(Trouble::Late),
            Silence::Storm => None,
        }
    }

    fn fail(&self, trouble: Trouble) {
        let _ = self.trouble.set(trouble);
    }
}

/// What is done to a body on its way.
enum Form {
    Unchanged,
    /// The last piece waits for the hash of all of them.
    Held {
        hash: Sha256,
        expected: [u8; 32],
        last: Bytes,
    },
    Pieces(Box<BodyResigner>),
    /// All of it has passed.
    Over,
}

impl Passing {
    pub(super) fn new(body: Incoming) -> Self {
        Self::with_form(body, Form::Unchanged)
    }

    /// Lets the last bytes pass only if all have this hash.
    pub(super) fn held(body: Incoming, expected: [u8; 32]) -> Self {
        let form = Form::Held {
            hash: Sha256::new(),
            expected,
            last: Bytes::new(),
        };
        Self::with_form(body, form)
    }

    /// Signs the pieces again.
    pub(super) fn resigned(body: Incoming, resigner: BodyResigner) -> Self {
        Self::with_form(body, Form::Pieces(Box::new(resigner)))
    }

    fn with_form(body: Incoming, form: Form) -> Self {
        Self {
            body,
            form,
            flow: Arc::default(),
        }
    }

    /// Returns what is known of the body when it has been handed over.
    pub(super) fn flow(&self) -> Arc<Flow> {
        Arc::clone(&self.flow)
    }
}

impl Form {
    /// Takes what came, or `None` for the end, and returns what may pass.
    fn take(&mut self, data: Option<Bytes>) -> Result<Bytes, Forged> {
        match (&mut *self, data) {
            (Self::Unchanged | Self::Over, data) => Ok(data.unwrap_or_default()),
            (Self::Held { hash, last, .. }, Some(data)) if !data.is_empty() => {
                hash.update(&data);
                Ok(mem::replace(last, data))
            }
            (Self::Held { .. }, Some(_)) => Ok(Bytes::new()),
            (Self::Pieces(resigner), Some(data)) => {
                let mut out = Vec::with_capacity(data.len());
                resigner.feed(&data, &mut out).map_err(|_| Forged)?;
                Ok(out.into())
            }
            (_, None) => mem::replace(self, Self::Over).finish(),
        }
    }

    fn finish(self) -> Result<Bytes, Forged> {
        match self {
            Self::Unchanged | Self::Over => Ok(Bytes::new()),
            Self::Held {
                hash,
                expected,
                last,
            } => {
                let is_signed = hash.finalize() == expected;
                if is_signed { Ok(last) } else { Err(Forged) }
            }
            Self::Pieces(resigner) => {
                let finished = resigner.finish();
                finished.map(|()| Bytes::new()).map_err(|_| Forged)
            }
        }
    }
}

/// A body is not the one that its caller has signed.
#[derive(Debug)]
struct Forged;

impl fmt::Display for Forged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is not the one that was signed")
    }
}

impl Error for Forged {}

impl Body for Passing {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            if matches!(this.form, Form::Over) {
                return Poll::Ready(None);
            }
            let polled = Pin::new(&mut this.body).poll_frame(context);
            this.flow.is_waiting.store(polled.is_pending(), Relaxed);
            let frame = ready!(polled).transpose();
            let frame = frame.inspect_err(|_| this.flow.fail(Trouble::Incomplete))?;
            this.flow.progress.fetch_add(1, Relaxed);
            if matches!(this.form, Form::Unchanged) {
                return Poll::Ready(frame.map(Ok));
            }
            // Trailers of HTTP are not signed.
            let data = frame.map(|frame| frame.into_data().unwrap_or_default());
            let passing = this.form.take(data);
            let passing = passing.inspect_err(|_| this.flow.fail(Trouble::Forged))?;
            if !passing.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(passing))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.form {
            Form::Unchanged => self.body.is_end_stream(),
            Form::Over => true,
            // What waits is yet to come.
            Form::Held { .. } | Form::Pieces(_) => false,
        }
    }

    /// What is signed again is as long as before.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer on its way. It breaks off if nothing comes for too long.
pub(super) struct Answer {
    body: Incoming,
    patience: Duration,
    /// Runs while the server is waited for.
    sleep: Option<Pin<Box<Sleep>>>,
    lease: Option<Lease>,
    /// What is told about its request at the end.
    record: Option<Record>,
}

impl Answer {
    pub(super) fn record_its_end(&mut self, request: Record) {
        self.record = Some(request);
        self.end_if_over();
    }

    fn end_if_over(&mut self) {
        if self.body.is_end_stream() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
        if let Some(record) = self.record.take() {
            record.end();
        }
    }

    fn break_off(&mut self, reason: &'static str) {
        if let Some(record) = self.record.take() {
            record.break_off(reason);
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.sleep = None;
            match &frame {
                None => this.end(),
                // Nothing comes after trailers, and hyper does not ask.
                Some(Ok(frame)) if frame.is_trailers() => this.end(),
                Some(Ok(_)) => this.end_if_over(),
                Some(Err(_)) => this.break_off("the answer of the server broke off"),
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let patience = this.patience;
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(sleep.as_mut().poll(context));
        let reason = "nothing came from the server for too long";
        if let Some(lease) = &this.lease {
            lease.connection.sender.give_up();
        }
        this.break_off(reason);
        Poll::Ready(Some(Err(reason.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
