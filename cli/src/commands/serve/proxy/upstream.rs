//! Connections to upstreams, which are used again, and answers on their way.

use std::{
    collections::HashMap,
    error::Error,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, Uri, uri::Scheme};
use http_body_util::{Either, Full};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    client::conn::http1,
};
use keyfob_sts::{Connector, Route};
use tokio::{
    sync::{self, Notify},
    task::AbortHandle,
    time::{Sleep, sleep, timeout},
};

use super::{
    body::{Flow, InMemory, LATE, Sent},
    http2::{Client, Load, Receiving},
    record::Record,
};
use crate::{
    commands::request::{self, broken, cut, handshake},
    failure::Failure,
};

/// How long nothing may come from a server, unless a setting says something else.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked in that time whether something came.
const CHECKS: u32 = 4;
/// How long a connection may wait for its next request. Servers wait longer, mostly.
const IDLE_TIME: Duration = Duration::from_secs(15);
/// How many connections to one server may wait.
const MAX_IDLE: usize = 256;
/// How many informational answers may come before an answer.
pub(super) const MAX_INFORMATIONAL: usize = 100;
/// How many connections that take no request at all may refuse one before it fails.
const MAX_REFUSALS: u32 = 3;
/// How much longer a request waits after each refusal.
const REFUSAL_PAUSE: Duration = Duration::from_millis(10);
/// How long a request waits for the connection that another one opens, before it opens its own.
const MAX_TURN: Duration = Duration::from_secs(1);
/// Of how many servers that have no connection it is known that they chose HTTP/1.1.
const MAX_KNOWN: usize = 1000;

/// The body of an answer: the proxy's own, or the upstream's.
pub(super) type Received = Either<Full<Bytes>, Answer>;
/// Whose connections may be used for whose requests: the scheme, and the authority, which as a text
/// is found faster.
type Origin = (Scheme, String);

/// Sends requests over connections of HTTP/1.1, or of HTTP/2 if the server chooses it. Never again
/// if the server may have processed it: only the caller knows what may be repeated.
pub(super) struct Pool {
    connector: Connector,
    /// How long nothing may happen.
    patience: Duration,
    shelf: Mutex<Shelf>,
}

struct Shelf {
    servers: HashMap<Origin, Server>,
    cleared: Instant,
}

#[derive(Default)]
struct Server {
    /// The connections that a request may take. Those of HTTP/2 stay here meanwhile.
    idle: Vec<Connection>,
    /// Whether it chose HTTP/1.1 last.
    is_http1: bool,
    /// Held by the request that opens a connection, which others may share.
    turn: Arc<sync::Mutex<()>>,
}

struct Connection {
    sender: Sender,
    /// When it was last used.
    used: Instant,
}

enum Sender {
    Http1(Http1),
    Http2(Arc<Client>),
}

struct Http1 {
    sender: http1::SendRequest<request::Sent>,
    route: Route,
    task: AbortHandle,
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

/// Why a connection has no answer for a request.
pub(super) enum Unanswered {
    /// The connection had ended before: nothing was sent.
    Unsent(Request<request::Sent>, Failure),
    /// The server says that it has not processed the request.
    Refused(Request<request::Sent>, Failure, Arc<Load>),
    Broken(Failure),
    /// Informational answers come without end.
    Storm,
}

impl Pool {
    pub(super) fn new(connector: &Connector) -> Self {
        Self {
            patience: connector.timeout().unwrap_or(PATIENCE),
            connector: connector.with_http2(),
            shelf: Mutex::new(Shelf {
                servers: HashMap::new(),
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
        let (in_memory, flow) = match request.body() {
            Either::Left(body) => (Some(body.clone()), body.flow()),
            Either::Right(body) => (None, body.flow()),
        };
        let mut request = request.map(request::boxed);
        let (mut refusals, mut fruitless, start) = (0, 0, Instant::now());
        loop {
            let waiting = self.take(&origin);
            let has_waited = waiting.is_some();
            let mut connection = match waiting {
                Some(connection) => connection,
                // Boxed, because it is large and rare.
                None => Box::pin(self.connect(&url, &origin)).await?,
            };
            let answer = connection.sender.send(request, &url, in_memory.as_ref());
            let answer = self.wait(answer, &flow).await;
            match answer.inspect_err(|_| connection.sender.give_up())? {
                Ok(answer) => {
                    let lease = Lease {
                        pool: Arc::clone(self),
                        origin,
                        connection,
                    };
                    return Ok(answer.map(|body| Either::Right(self.answer(body, lease, flow))));
                }
                // The server had closed a connection that waited. One that drops new ones would
                // drop the next one, too.
                Err(Unanswered::Unsent(unsent, _)) if has_waited => request = unsent,
                Err(Unanswered::Refused(refused, failure, load)) => {
                    request = refused;
                    refusals += 1;
                    drop(connection);
                    // Of those that are refused with it, each knows it then.
                    sleep(REFUSAL_PAUSE * refusals).await;
                    fruitless += u32::from(load.took_none());
                    if fruitless > MAX_REFUSALS || start.elapsed() > self.patience {
                        return Err(Silence::Broken(failure));
                    }
                }
                Err(Unanswered::Unsent(_, failure) | Unanswered::Broken(failure)) => {
                    return Err(Silence::Broken(failure));
                }
                Err(Unanswered::Storm) => {
                    connection.sender.give_up();
                    return Err(Silence::Storm);
                }
            }
        }
    }

    /// Returns a new connection, or one that another request has opened meanwhile and shares.
    async fn connect(&self, url: &Uri, origin: &Origin) -> Result<Connection, Silence> {
        let others = self.shelf().turn(origin);
        let mut turn = None;
        if let Some(others) = others {
            turn = timeout(MAX_TURN, others.lock_owned()).await.ok();
            if let Some(connection) = self.take(origin) {
                return Ok(connection);
            }
            // It is known now that none can be shared.
            turn = turn.filter(|_| self.shelf().turn(origin).is_some());
        }
        let sender = Sender::connect(&self.connector, url).await;
        let connection = Connection::new(sender.map_err(Silence::Broken)?);
        let shared = connection.shared();
        let mut shelf = self.shelf();
        shelf.server(origin).is_http1 = shared.is_none();
        if let Some(shared) = shared {
            shelf.put(origin, shared);
        }
        drop(turn);
        Ok(connection)
    }

    /// Waits for the head of an answer, for as long as the body of its request makes progress.
    async fn wait<T>(&self, answer: impl Future<Output = T>, flow: &Flow) -> Result<T, Silence> {
        let mut answer = pin!(answer);
        let (mut before, mut silent) = (flow.progress(), 0);
        while silent < CHECKS {
            if let Ok(answer) = timeout(self.patience / CHECKS, &mut answer).await {
                return Ok(answer);
            }
            let now = flow.progress();
            silent = if now == before { silent + 1 } else { 0 };
            before = now;
        }
        Err(Silence::Timeout)
    }

    fn answer(&self, body: Either<Incoming, Receiving>, lease: Lease, flow: Arc<Flow>) -> Answer {
        let mut answer = Answer {
            body,
            patience: self.patience,
            sleep: None,
            progress: flow.progress(),
            flow,
            lease: Some(lease),
            record: None,
        };
        answer.end_if_over();
        answer
    }

    fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut shelf = self.shelf();
        shelf.clear();
        let idle = &mut shelf.servers.get_mut(origin)?.idle;
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
    fn server(&mut self, origin: &Origin) -> &mut Server {
        self.servers.entry(origin.clone()).or_default()
    }

    fn put(&mut self, origin: &Origin, connection: Connection) {
        let idle = &mut self.server(origin).idle;
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }

    /// Returns what a request waits for before it opens a connection, if requests may share it.
    fn turn(&mut self, origin: &Origin) -> Option<Arc<sync::Mutex<()>>> {
        // Without TLS, no server chooses HTTP/2.
        if origin.0 != Scheme::HTTPS {
            return None;
        }
        let server = self.server(origin);
        (!server.is_http1).then(|| Arc::clone(&server.turn))
    }

    /// Closes the connections that have waited for too long, to any server.
    fn clear(&mut self) {
        if self.cleared.elapsed() > IDLE_TIME {
            self.cleared = Instant::now();
            let are_few = self.servers.len() <= MAX_KNOWN;
            self.servers.retain(|_, server| {
                server.idle.retain(Connection::is_usable);
                let is_awaited = Arc::strong_count(&server.turn) > 1;
                !server.idle.is_empty() || is_awaited || server.is_http1 && are_few
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
            Sender::Http1(_) => None,
            Sender::Http2(client) => Some(Self::new(Sender::Http2(Arc::clone(client)))),
        }
    }

    /// Returns true if so many requests share the connection that others need another one.
    fn is_full(&self) -> bool {
        // The shelf has it, too.
        matches!(&self.sender, Sender::Http2(client) if Arc::strong_count(client) > client.room() + 1)
    }
}

impl Sender {
    async fn connect(connector: &Connector, url: &Uri) -> Result<Self, Failure> {
        let connection = connector.connect(url).await;
        let connection = connection.map_err(|error| Failure::from(&error))?;
        if connection.is_http2() {
            let client = Client::new(connection).await;
            return client.map(Self::Http2).map_err(|error| cut(url, &error));
        }
        let route = connection.route().clone();
        let (sender, task) = handshake(connection, url).await?;
        Ok(Self::Http1(Http1 {
            sender,
            route,
            task,
        }))
    }

    fn is_ready(&self) -> bool {
        match self {
            Self::Http1(Http1 { sender, .. }) => sender.is_ready(),
            Self::Http2(client) => client.is_ready(),
        }
    }

    /// Leaves a connection on which nothing comes to the requests that it has.
    fn give_up(&self) {
        if let Self::Http2(client) = self {
            client.give_up();
        }
    }

    /// Sends a request for this URL, whose own one may have been changed for a connection before.
    /// `in_memory` is its body, if that is in memory.
    async fn send(
        &mut self,
        request: Request<request::Sent>,
        url: &Uri,
        in_memory: Option<&InMemory>,
    ) -> Result<Response<Either<Incoming, Receiving>>, Unanswered> {
        match self {
            Self::Http1(http1) => {
                let answer = http1.send(request, url).await?;
                Ok(answer.map(Either::Left))
            }
            Self::Http2(client) => {
                let answer = client.send(request, url, in_memory).await?;
                Ok(answer.map(Either::Right))
            }
        }
    }
}

impl Http1 {
    async fn send(
        &mut self,
        mut request: Request<request::Sent>,
        url: &Uri,
    ) -> Result<Response<Incoming>, Unanswered> {
        self.route.address(&mut request);
        let storm = count_informational(&mut request);
        let answer = tokio::select! {
            biased;
            answer = self.sender.try_send_request(request) => answer,
            () = storm.notified() => return Err(Unanswered::Storm),
        };
        answer.map_err(|mut error| {
            let failure = broken(url, error.error());
            match error.take_message() {
                Some(unsent) => Unanswered::Unsent(unsent, failure),
                None => Unanswered::Broken(failure),
            }
        })
    }
}

impl Drop for Http1 {
    fn drop(&mut self) {
        // hyper would wait until the server takes the rest of a request, and keep it.
        if !self.sender.is_ready() {
            self.task.abort();
        }
    }
}

/// Returns what is notified if too many informational answers come for a request. hyper would read
/// them without end.
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

/// Returns the scheme and the authority of an absolute URI, which tell one server from others.
fn origin(uri: &Uri) -> Origin {
    let scheme = uri.scheme().cloned().unwrap_or(Scheme::HTTPS);
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    (scheme, authority.to_owned())
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
        let is_alone = matches!(self.connection.sender, Sender::Http1(_));
        if is_alone && self.connection.sender.is_ready() {
            self.connection.used = Instant::now();
            self.pool.shelf().put(&self.origin, self.connection);
        }
    }
}

/// The body of an answer on its way. It breaks off if nothing comes for too long, and the body of
/// its request makes no progress either.
pub(super) struct Answer {
    body: Either<Incoming, Receiving>,
    patience: Duration,
    /// Runs while the server is waited for.
    sleep: Option<Pin<Box<Sleep>>>,
    /// The body of the request, which may still be on its way.
    flow: Arc<Flow>,
    /// How far it was when the waiting began.
    progress: u64,
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
            return Poll::Ready(frame);
        }
        loop {
            let (patience, flow) = (this.patience, &this.flow);
            let progress = &mut this.progress;
            let sleep = this.sleep.get_or_insert_with(|| {
                *progress = flow.progress();
                Box::pin(sleep(patience))
            });
            ready!(sleep.as_mut().poll(context));
            this.sleep = None;
            if this.progress == this.flow.progress() {
                break;
            }
        }
        let reason = match this.flow.trouble(&Silence::Timeout) {
            None => "nothing came from the server for too long",
            Some(_) => LATE,
        };
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
