//! An HTTP/1.1 listener for small local servers: a function from a request to a response.
//!
//! It reads the whole body first, up to a limit, or hands it on as it comes
//! ([`start_streaming`](ListenerBuilder::start_streaming)). It takes a limited number of
//! connections, rejects requests whose `Host` is not one of its own names, counts what it serves,
//! and stops when it is dropped or, gracefully, with [`Listener::stop`].
//!
//! It speaks TLS if it is given a certificate, with the feature `server-tls`, and never HTTP/2.
//!
//! # Examples
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use keyfob_imds::server::listen::Listener;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let echo = async |request: Request<Bytes>| Response::new(request.into_body());
//! let listener = Listener::builder().max_body(1024).start(echo).await?;
//! assert!(listener.url().starts_with("http://127.0.0.1:"));
//! assert_eq!(listener.counters().requests, 0);
//! listener.stop().await;
//! # Ok(())
//! # }
//! ```

#[cfg(unix)]
use std::path::PathBuf;
use std::{
    convert::Infallible,
    fmt,
    future::{Future, poll_fn},
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{
    Extensions, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts,
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

#[cfg(unix)]
pub use super::socket::Peer;
#[cfg(feature = "server-tls")]
pub use super::tls::Tls;
#[cfg(not(feature = "server-tls"))]
use super::tls::Tls;
use super::{
    places::{Activity, Places, Served},
    reading::Reading,
    socket::{Accepted, Client, Socket, Stream},
};
use crate::{error::Error, server::host::Hosts};

/// How long a client may take for the handshake of TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send the head of a request. An idle connection is closed after
/// this time, too, so idle clients do not use up the connections for long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long [`Listener::stop`] waits for requests in progress.
const GRACE: Duration = Duration::from_secs(5);
/// The pause after a failed `accept`. Most likely the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running listener. Dropping it stops it at once and closes its connections.
#[derive(Debug)]
pub struct Listener {
    scheme: &'static str,
    address: SocketAddr,
    counters: Arc<Counts>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

/// The settings of a [`Listener`].
#[derive(Clone)]
#[must_use = "nothing listens until `start`"]
pub struct ListenerBuilder {
    address: SocketAddr,
    #[cfg(unix)]
    path: Option<PathBuf>,
    tls: Option<Tls>,
    allow_remote: bool,
    hosts: Vec<String>,
    web_pages: bool,
    admit: Option<Arc<Admit>>,
    refusal: Arc<Refusal>,
    failed_handshake: Arc<FailedHandshake>,
    max_body: usize,
    max_connections: usize,
}

/// What a listener served since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerCounters {
    /// Accepted connections.
    pub connections: u64,
    /// Requests of any kind, also those that cannot be read.
    pub requests: u64,
    /// Requests answered with a status of 400 or above.
    pub refused: u64,
}

/// A request that does not reach the handler of a [`Listener`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Refused<'a> {
    /// The status of the answer.
    pub status: StatusCode,
    /// Why it is refused, in words that can be shown.
    pub reason: &'static str,
    /// The method, unless the head cannot be read.
    pub method: Option<&'a Method>,
    /// The [`SocketAddr`] of the client, or on a Unix socket its `Peer`.
    pub extensions: &'a Extensions,
}

type Admit = dyn Fn(&Parts) -> bool + Send + Sync;
type Refusal = dyn Fn(&Refused<'_>) -> Response<Bytes> + Send + Sync;
type FailedHandshake = dyn Fn(&io::Error) + Send + Sync;
type Handler = dyn Fn(Request<Incoming>) -> Answer + Send + Sync;
type Answer = Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>;
type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Listener {
    /// Returns the default settings: `127.0.0.1`, any free port, bodies up to 64 KiB.
    pub fn builder() -> ListenerBuilder {
        ListenerBuilder::default()
    }

    /// Returns the address and port it listens on: `127.0.0.1:0` if it is a Unix socket.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of its root, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Returns what it served so far.
    pub fn counters(&self) -> ListenerCounters {
        ListenerCounters {
            connections: self.counters.connections.load(Relaxed),
            requests: self.counters.requests.load(Relaxed),
            refused: self.counters.refused.load(Relaxed),
        }
    }

    /// Stops accepting connections, closes idle ones, and waits up to 5 seconds for requests in
    /// progress. Connections that are still busy then are closed.
    pub async fn stop(mut self) {
        self.stop.send_replace(());
        let _ = (&mut self.task).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The task owns the connections, so they are closed with it.
        self.task.abort();
    }
}

impl<'a> Refused<'a> {
    fn new(head: &'a Parts, status: StatusCode, reason: &'static str) -> Self {
        Self {
            status,
            reason,
            method: Some(&head.method),
            extensions: &head.extensions,
        }
    }
}

impl ListenerBuilder {
    /// Sets the address and port to listen on. The default is `127.0.0.1` and any free port.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Listens on a Unix socket instead of an address. Only the user of this process and root can
    /// connect, whatever the mode of the file is.
    ///
    /// A file that a listener has left there is replaced. It is removed when this one ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use keyfob_imds::server::listen::{Listener, Peer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let name = format!("keyfob-{}.sock", std::process::id());
    /// let path = std::env::temp_dir().join(name);
    /// let who = async |request: Request<Bytes>| {
    ///     let peer = request.extensions().get::<Peer>();
    ///     Response::new(format!("{:?}", peer.map(|peer| peer.user)).into())
    /// };
    /// let listener = Listener::builder().bind_unix(&path).start(who).await?;
    /// assert!(path.exists());
    /// listener.stop().await;
    /// assert!(!path.exists());
    /// # Ok(()) }
    /// ```
    #[cfg(unix)]
    pub fn bind_unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Speaks TLS, and answers requests without it with HTTP 400. The host names and the addresses
    /// that the certificate is for are names of this listener, too: see [`host`](Self::host).
    #[cfg(feature = "server-tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets whether the address may be one that other machines can reach. The default is no.
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.allow_remote = allow;
        self
    }

    /// Adds a host name to answer to, such as `host.docker.internal`.
    ///
    /// By default requests are admitted if their `Host` is `localhost`, a loopback address, one of
    /// the link-local addresses of AWS, or the address it listens on, and if they have no
    /// `X-Forwarded-For` and no `Origin`. Others get HTTP 403. This keeps out web pages, also those
    /// that reach the listener by DNS rebinding, and requests that a proxy was tricked into
    /// forwarding.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// Sets whether requests with `Origin` are admitted, which web pages make. The default is no.
    ///
    /// A server that a browser posts the form of another site to needs this. `Host` and
    /// `X-Forwarded-For` are checked all the same.
    pub fn allow_web_pages(mut self, allow: bool) -> Self {
        self.web_pages = allow;
        self
    }

    /// Replaces the check of `Host`, `Origin` and `X-Forwarded-For`: a request is admitted if
    /// `admit` returns true for its head. [`host`](ListenerBuilder::host) and
    /// [`allow_web_pages`](ListenerBuilder::allow_web_pages) have no effect then.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::server::listen::Listener;
    ///
    /// // For a proxy, whose requests name the host behind it.
    /// let builder = Listener::builder().admit(|head| {
    ///     let host = head.uri.host().unwrap_or_default();
    ///     host.ends_with(".amazonaws.com")
    /// });
    /// ```
    pub fn admit(mut self, admit: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.admit = Some(Arc::new(admit));
        self
    }

    /// Sets how the listener answers requests that do not reach the handler: HTTP 403 for one that
    /// is not admitted, 408 and 413 for a body that takes too long or is too long, 400 for one that
    /// is cut off. The function gets what is known of the request. The default is the reason as
    /// plain text.
    ///
    /// It is also called for a request whose head cannot be read. The answer to that is HTTP 400,
    /// 414 or 431 without a body, whatever the function returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::Response;
    /// use keyfob_imds::server::listen::{Listener, Refused};
    ///
    /// let as_json = |refused: &Refused<'_>| {
    ///     let text = format!(r#"{{"message":"{}"}}"#, refused.reason);
    ///     let mut response = Response::new(Bytes::from(text));
    ///     *response.status_mut() = refused.status;
    ///     response
    /// };
    /// let builder = Listener::builder().refusal(as_json);
    /// ```
    pub fn refusal(
        mut self,
        refusal: impl Fn(&Refused<'_>) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.refusal = Arc::new(refusal);
        self
    }

    /// Sets what is called when a client's handshake of TLS fails, with the reason: its version is
    /// too old, say, or it does not know the authority of the certificate. The default is nothing.
    /// It is not called for a connection that sends nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::server::listen::Listener;
    ///
    /// let builder = Listener::builder().failed_handshake(|error| eprintln!("{error}"));
    /// ```
    #[cfg(feature = "server-tls")]
    pub fn failed_handshake(mut self, told: impl Fn(&io::Error) + Send + Sync + 'static) -> Self {
        self.failed_handshake = Arc::new(told);
        self
    }

    /// Sets how long the body of a request may be, in bytes. The default is 65,536.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets how many connections may be open at a time. The default is 1,024, and 0 counts as 1.
    /// Further ones wait until one ends, or take the place of the oldest that has sent no request
    /// for a second.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Starts listening. Needs a tokio runtime with I/O and time enabled.
    ///
    /// `handler` is called for each admitted request, for several at a time. The request has the
    /// [`SocketAddr`] of its client among its extensions, or on a Unix socket its `Peer`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the address is in use, or is not a
    /// loopback address and [`allow_remote`](ListenerBuilder::allow_remote) is not set, or if TLS
    /// is set for a Unix socket.
    pub async fn start<H, F>(self, handler: H) -> Result<Listener, Error>
    where
        H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Bytes>> + Send + 'static,
    {
        let (handler, refusal, max_body) =
            (Arc::new(handler), Arc::clone(&self.refusal), self.max_body);
        let handler = move |request| -> Answer {
            let (handler, refusal) = (Arc::clone(&handler), Arc::clone(&refusal));
            Box::pin(async move {
                let response = match read(request, max_body, &*refusal).await {
                    Ok(request) => handler(request).await,
                    Err(response) => response,
                };
                response.map(whole)
            })
        };
        self.listen(Arc::new(handler)).await
    }

    /// Starts listening as [`start`](Self::start), with bodies that are not read first.
    ///
    /// The handler gets the head of an admitted request, and its body as it comes. It limits the
    /// body in size and in time: [`max_body`](Self::max_body) has no effect. A client that expects
    /// `100 Continue` gets it when the body is first read. The body of the response is sent as it
    /// comes, too; if it breaks off, the connection is closed.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{Request, Response};
    /// use hyper::body::Incoming;
    /// use keyfob_imds::server::listen::Listener;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let echo = async |request: Request<Incoming>| Response::new(request.into_body());
    /// let listener = Listener::builder().start_streaming(echo).await?;
    /// # listener.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_streaming<H, F, B>(self, handler: H) -> Result<Listener, Error>
    where
        H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let handler = move |request| -> Answer {
            let answer = handler(request);
            Box::pin(async move {
                let streamed = |body: B| body.map_err(Into::into).boxed_unsync();
                answer.await.map(streamed)
            })
        };
        self.listen(Arc::new(handler)).await
    }

    async fn listen(self, handler: Arc<Handler>) -> Result<Listener, Error> {
        let address = self.address;
        if !self.allow_remote && !address.ip().is_loopback() {
            return Err(Error::setting(format!(
                "{address} is not a loopback address, so other machines could use this server: \
                 allow that, or listen on 127.0.0.1"
            )));
        }
        let (socket, address) = self.socket().await?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let counters = Arc::new(Counts::default());
        let (stop, stopped) = watch::channel(());
        let acceptor = Acceptor {
            socket,
            stopped,
            places: Places::new(self.max_connections),
            server: Arc::new(Server {
                admit: self.admission(),
                refusal: self.refusal,
                failed_handshake: self.failed_handshake,
                counters: Arc::clone(&counters),
                handler,
            }),
            tls: self.tls,
        };
        Ok(Listener {
            scheme,
            address,
            counters,
            stop,
            task: tokio::spawn(acceptor.run()),
        })
    }

    async fn socket(&self) -> Result<(Socket, SocketAddr), Error> {
        #[cfg(unix)]
        if let Some(path) = &self.path {
            if self.tls.is_some() {
                return Err(Error::setting(
                    "there is no TLS on a Unix socket: leave it out, or listen on an address",
                ));
            }
            let socket = Socket::bind_unix(path).map_err(|source| {
                Error::setting(format!("could not listen on {}", path.display()))
                    .with_source(source)
            })?;
            return Ok((socket, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
        }
        let address = self.address;
        Socket::bind(address).await.map_err(|source| {
            Error::setting(format!("could not listen on {address}")).with_source(source)
        })
    }

    /// Returns the check of a request's head: the caller's, or else the one of `Host`.
    fn admission(&self) -> Arc<Admit> {
        if let Some(admit) = &self.admit {
            return Arc::clone(admit);
        }
        let hosts = Hosts::new(self.address.ip(), self.hosts.clone());
        let hosts = hosts.allow_web_pages(self.web_pages);
        let hosts = hosts.with_certificate(self.tls.clone());
        Arc::new(move |head| hosts.admit(head))
    }
}

impl Default for ListenerBuilder {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            #[cfg(unix)]
            path: None,
            tls: None,
            allow_remote: false,
            hosts: Vec::new(),
            web_pages: false,
            admit: None,
            refusal: Arc::new(plain_text),
            failed_handshake: Arc::new(|_| ()),
            max_body: 64 << 10,
            max_connections: 1024,
        }
    }
}

impl fmt::Debug for ListenerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerBuilder")
            .field("address", &self.address)
            .field("tls", &self.tls)
            .field("allow_remote", &self.allow_remote)
            .field("hosts", &self.hosts)
            .field("web_pages", &self.web_pages)
            .field("max_body", &self.max_body)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    requests: AtomicU64,
    refused: AtomicU64,
}

/// The task that accepts connections and owns them.
struct Acceptor {
    socket: Socket,
    stopped: watch::Receiver<()>,
    places: Places,
    server: Arc<Server>,
    tls: Option<Tls>,
}

impl Acceptor {
    async fn run(mut self) {
        while let Some(accepted) = self.next().await {
            let Ok((stream, client)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            self.server.counters.connections.fetch_add(1, Relaxed);
            self.spawn(stream, client);
        }
        drop(self.socket);
        let mut connections = self.places.tasks;
        let ended = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(GRACE, ended).await;
        connections.shutdown().await;
    }

    /// Starts to serve a connection.
    fn spawn(&mut self, stream: Stream, client: Client) {
        let server = Arc::clone(&self.server);
        let (stopped, tls) = (self.stopped.clone(), self.tls.clone());
        self.places.take(move |connections, activity| {
            let guest = Guest {
                client,
                stopped,
                activity,
            };
            match stream {
                Stream::Tcp(stream) => {
                    let _ = stream.set_nodelay(true);
                    match tls {
                        Some(tls) => connections.spawn(server.serve_tls(tls, stream, guest)),
                        None => connections.spawn(server.serve(stream, guest, true)),
                    }
                }
                #[cfg(unix)]
                Stream::Unix(stream) => connections.spawn(server.serve(stream, guest, true)),
            }
        });
    }

    /// Waits for the next connection. Returns `None` when the listener is to stop.
    async fn next(&mut self) -> Option<Accepted> {
        let mut stopped = self.stopped.clone();
        let mut stopped = pin!(stopped.changed());
        poll_fn(|context| {
            if stopped.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            ready!(self.places.poll_free(context));
            let accepted = self.socket.poll_accept(context);
            accepted.map(Some)
        })
        .await
    }
}

/// What a connection knows of its client, and of the end.
struct Guest {
    client: Client,
    stopped: watch::Receiver<()>,
    activity: Activity,
}

/// What all connections of a listener share.
struct Server {
    admit: Arc<Admit>,
    refusal: Arc<Refusal>,
    failed_handshake: Arc<FailedHandshake>,
    counters: Arc<Counts>,
    handler: Arc<Handler>,
}

impl Server {
    /// Serves a connection that begins with the handshake of TLS.
    async fn serve_tls(self: Arc<Self>, tls: Tls, stream: TcpStream, mut guest: Guest) {
        let opened = async {
            Some(match first_byte(&stream).await? {
                letter if letter.is_ascii_alphabetic() => Ok(Err(stream)),
                _ => tls.accept(stream).await.map(Ok),
            })
        };
        let opened = until(&mut guest.stopped, timeout(HANDSHAKE_TIMEOUT, opened)).await;
        match opened {
            Some(Ok(Some(Ok(Ok(stream))))) => self.serve(stream, guest, true).await,
            Some(Ok(Some(Ok(Err(clear))))) => self.serve(clear, guest, false).await,
            // The client does not speak this TLS, or does not like the certificate.
            Some(Ok(Some(Err(error)))) => (self.failed_handshake)(&error),
            // It went away or takes too long, which does not concern the others. Or the listener is
            // to stop.
            Some(Ok(None) | Err(_)) | None => {}
        }
    }

    /// Serves a connection. If it has not the right scheme, all requests are refused.
    async fn serve(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        mut guest: Guest,
        has_scheme: bool,
    ) {
        let (client, activity) = (guest.client, guest.activity);
        let may_send = Arc::new(AtomicBool::new(false));
        let stream = Reading::new(stream, Arc::clone(&may_send));
        let service = service_fn(|mut request: Request<Incoming>| {
            let of_guest = activity.begin();
            client.add_to(request.extensions_mut());
            let (server, may_send) = (Arc::clone(&self), Arc::clone(&may_send));
            async move {
                let has_body = !request.body().is_end_stream();
                may_send.store(false, Relaxed);
                let response = if has_scheme {
                    server.answer(request).await
                } else {
                    server.refuse_clear_text(&request.into_parts().0)
                };
                // Others are sent when the body has been read.
                let is_refusal = response.status().as_u16() >= 400;
                may_send.store(has_body && is_refusal, Relaxed);
                let of_guest = if is_refusal {
                    None
                } else {
                    of_guest.serve();
                    Some(of_guest)
                };
                Ok::<_, Infallible>(response.map(|body| Served::new(body, of_guest)))
            }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
        );
        let mut stop = pin!(guest.stopped.changed());
        let mut is_stopping = false;
        let ended = poll_fn(|context| {
            if !is_stopping && stop.as_mut().poll(context).is_ready() {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(context)
        });
        // Other errors mean that the client went away, which does not concern the others.
        if let Err(error) = ended.await
            && let Some((status, reason)) = unreadable(&error)
        {
            self.counters.requests.fetch_add(1, Relaxed);
            self.counters.refused.fetch_add(1, Relaxed);
            let mut extensions = Extensions::new();
            client.add_to(&mut extensions);
            // It has been answered by now.
            drop((self.refusal)(&Refused {
                status,
                reason,
                method: None,
                extensions: &extensions,
            }));
        }
    }

    fn refuse_clear_text(&self, head: &Parts) -> Response<AnswerBody> {
        self.counters.requests.fetch_add(1, Relaxed);
        self.counters.refused.fetch_add(1, Relaxed);
        let reason = "this port speaks TLS: begin the URL with https://";
        let refused = Refused::new(head, StatusCode::BAD_REQUEST, reason);
        let mut response = (self.refusal)(&refused).map(whole);
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        response
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<AnswerBody> {
        self.counters.requests.fetch_add(1, Relaxed);
        let (head, body) = request.into_parts();
        // Before the body is read: a request that is not for this server costs nothing.
        let response = if (self.admit)(&head) {
            (self.handler)(Request::from_parts(head, body)).await
        } else {
            let reason = "the request was not made for this server, or was forwarded by a proxy or \
                          made by a web page";
            let refused = Refused::new(&head, StatusCode::FORBIDDEN, reason);
            (self.refusal)(&refused).map(whole)
        };
        if response.status().as_u16() >= 400 {
            self.counters.refused.fetch_add(1, Relaxed);
        }
        response
    }
}

/// Waits for a future. Returns `None` if the listener is to stop first.
async fn until<T>(stopped: &mut watch::Receiver<()>, future: impl Future<Output = T>) -> Option<T> {
    let (mut stop, mut future) = (pin!(stopped.changed()), pin!(future));
    poll_fn(|context| {
        if stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Waits for the first byte of a connection. A handshake of TLS begins with 22 (RFC 8446 section
/// 5.1), and a request of HTTP with its method.
async fn first_byte(stream: &TcpStream) -> Option<u8> {
    let mut first = [0];
    let length = stream.peek(&mut first).await.ok()?;
    (length == 1).then_some(first[0])
}

/// Returns the answer to a request whose head could not be read, and the reason.
fn unreadable(error: &hyper::Error) -> Option<(StatusCode, &'static str)> {
    if !error.is_parse() {
        return None;
    }
    let (status, reason) = if error.is_parse_version_h2() {
        // The connection is closed without an answer.
        let reason = "the request is one of HTTP/2, and this server speaks HTTP/1.1";
        (StatusCode::HTTP_VERSION_NOT_SUPPORTED, reason)
    } else if !error.is_parse_too_large() {
        (
            StatusCode::BAD_REQUEST,
            "the head of the request is malformed",
        )
    } else if error.to_string() == "URI too long" {
        // Only the words tell it.
        (
            StatusCode::URI_TOO_LONG,
            "the URL of the request is too long",
        )
    } else {
        let reason = "the head of the request is too long";
        (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
    };
    Some((status, reason))
}

/// Reads the body of a request, which has at most `max` bytes. Returns the answer if it cannot.
async fn read(
    request: Request<Incoming>,
    max: usize,
    refusal: &Refusal,
) -> Result<Request<Bytes>, Response<Bytes>> {
    let (head, body) = request.into_parts();
    let (status, reason) = match timeout(BODY_TIMEOUT, Limited::new(body, max).collect()).await {
        Ok(Ok(body)) => return Ok(Request::from_parts(head, body.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body of the request is too long",
        ),
        Ok(Err(_)) => (
            StatusCode::BAD_REQUEST,
            "the body of the request is incomplete",
        ),
        Err(_) => (
            StatusCode::REQUEST_TIMEOUT,
            "the body of the request did not arrive in time",
        ),
    };
    Err(refusal(&Refused::new(&head, status, reason)))
}

fn whole(body: Bytes) -> AnswerBody {
    let body = Full::new(body).map_err(|never| match never {});
    body.boxed_unsync()
}

fn plain_text(refused: &Refused<'_>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(refused.reason.as_bytes()));
    *response.status_mut() = refused.status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
