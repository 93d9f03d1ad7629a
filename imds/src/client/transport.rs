use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::{Request, Response, Uri, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use keyfob_backoff::retry;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

#[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
use crate::client::tls::Tls;
use crate::{
    client::limits::Limits,
    error::{Error, ErrorKind, Service},
    lock::lock,
};

/// The longest answer, in bytes. User data is the longest item and ends at 16 KiB.
const MAX_BODY: usize = 1 << 20;
/// The most idle connections that are cached for the next request.
const MAX_IDLE: usize = 8;

type Connection = SendRequest<Empty<Bytes>>;

/// Plain HTTP/1.1 to one origin, with time limits, retries and cached connections, and without
/// proxies, redirects and cookies.
///
/// It is hyper itself and not a general client. Once another crate has enabled TLS for the general
/// one, building it reads the system's root certificates, which takes longer than everything else
/// here.
pub(crate) struct Transport {
    service: Service,
    /// Whether it has answered as the service that it should be.
    recognized: AtomicBool,
    /// The origin in messages.
    name: String,
    host: String,
    port: u16,
    /// The addresses that may be asked. All addresses that the host resolves to must be among them.
    allowed: fn(&IpAddr) -> bool,
    limits: Limits,
    idle: Mutex<Vec<Connection>>,
    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    tls: Option<Tls>,
}

impl Transport {
    /// Returns the transport for the origin of an absolute URL.
    pub(crate) fn new(
        service: Service,
        url: &Uri,
        allowed: fn(&IpAddr) -> bool,
        limits: Limits,
    ) -> Result<Self, Error> {
        let host = url.host().unwrap_or_default();
        let is_https = url.scheme_str() == Some("https");
        if is_https && !cfg!(any(feature = "rustls-no-provider", feature = "native-tls")) {
            return Err(Error::setting(format!(
                "https://{host} needs TLS: build keyfob-imds with its feature `rustls` or \
                 `native-tls`"
            )));
        }
        let scheme = if is_https { "https" } else { "http" };
        let authority = url.authority().map_or(host, |name| name.as_str());
        Ok(Self {
            service,
            recognized: AtomicBool::new(false),
            name: format!("{scheme}://{authority}"),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_u16().unwrap_or(80),
            allowed,
            limits,
            idle: Mutex::default(),
            #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
            tls: is_https.then(Tls::default),
        })
    }

    /// Returns the origin, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.limits.total()
    }

    /// Waits for a call until its deadline.
    pub(crate) async fn within<T>(
        &self,
        deadline: Instant,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        timeout_at(deadline, call).await.unwrap_or_else(|_| {
            let late = Error::call_timeout(&self.name, self.limits.total());
            Err(self.marked(late))
        })
    }

    /// Repeats an attempt as the limits allow it.
    ///
    /// It is not an `async fn`, which would hold the attempt twice.
    #[allow(
        clippy::redundant_closure,
        reason = "`retry` accepts a closure as an async one, but not a generic parameter"
    )]
    pub(crate) fn retry<T, F>(
        &self,
        deadline: Instant,
        attempt: impl Fn() -> F,
    ) -> impl Future<Output = Result<T, Error>>
    where
        F: Future<Output = Result<T, Error>>,
    {
        retry(self.limits.policy(), move || attempt())
            .deadline(deadline.saturating_duration_since(Instant::now()))
            .run()
    }

    /// Sends one request and returns its complete answer. Fails at `deadline`, or when the time for
    /// one attempt is up.
    ///
    /// The future is boxed: callers hold several of these, which would otherwise take a good part
    /// of a thread's stack.
    pub(crate) fn send(
        &self,
        request: Request<()>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, Error>> + Send + '_>> {
        Box::pin(async move {
            let answered = self.exchange(request, deadline).await;
            answered.map_err(|error| self.marked(error))
        })
    }

    /// Records that it has answered as the service that it should be.
    pub(crate) fn recognize(&self) {
        self.recognized.store(true, Relaxed);
    }

    pub(crate) fn is_recognized(&self) -> bool {
        self.recognized.load(Relaxed)
    }

    /// Marks an error that came instead of an answer: if nothing at this address ever answered as
    /// instance metadata, this is not EC2.
    fn marked(&self, error: Error) -> Error {
        let is_silence = error.kind() != ErrorKind::Setting;
        let is_unknown = self.service == Service::Instance && !self.is_recognized();
        error.with_no_instance(is_unknown && is_silence)
    }

    async fn exchange(
        &self,
        request: Request<()>,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Error> {
        let began = Instant::now();
        let until = deadline.min(began + self.limits.attempt());
        #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
        if let Some(tls) = &self.tls {
            return tls
                .send(request, self.service, &self.name, MAX_BODY, until - began)
                .await;
        }
        let late = || Error::answer_timeout(&self.name, until - began);
        // The service may have closed a cached connection in the meantime, which only its use
        // shows. Each round uses up one of them; a new connection is not tried twice.
        loop {
            let cached = self.take_idle();
            let is_new = cached.is_none();
            let mut connection = match cached {
                Some(connection) => connection,
                None => self.connect(began, until).await?,
            };
            let head = connection.send_request(origin_form(&request));
            match in_time(until, head).await.ok_or_else(late)? {
                Ok(response) => {
                    let body = self.read_body(response);
                    let response = in_time(until, body).await.ok_or_else(late)??;
                    self.cache(connection);
                    return Ok(response);
                }
                Err(source) if is_new || source.is_parse() => {
                    return Err(Error::transport(&self.name, source));
                }
                Err(_) => {}
            }
        }
    }

    async fn connect(&self, began: Instant, until: Instant) -> Result<Connection, Error> {
        in_time(until, self.open()).await.unwrap_or_else(|| {
            Err(Error::connect_timeout(
                self.service,
                &self.name,
                until - began,
            ))
        })
    }

    async fn open(&self) -> Result<Connection, Error> {
        let failed = |source| Error::connect(self.service, &self.name, source);
        let addresses = self.resolve().await.map_err(failed)?;
        // Checked here, on the addresses that are connected to: another lookup could give others.
        if let Some(foreign) = addresses.iter().find(|at| !(self.allowed)(&at.ip())) {
            return Err(Error::foreign_address(&self.name, foreign.ip()));
        }
        let stream = TcpStream::connect(addresses.as_slice())
            .await
            .map_err(failed)?;
        // Each request is one small packet, so waiting for more data only costs time.
        let _ = stream.set_nodelay(true);
        let (connection, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|source| Error::transport(&self.name, source))?;
        // Ends when the connection is dropped or closed. The request sees its errors.
        tokio::spawn(driver);
        Ok(connection)
    }

    async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        Ok(found.collect())
    }

    async fn read_body(&self, response: Response<Incoming>) -> Result<Response<Bytes>, Error> {
        let (head, body) = response.into_parts();
        match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(source) if source.is::<LengthLimitError>() => {
                Err(Error::too_long(&self.name, MAX_BODY))
            }
            Err(source) => Err(Error::transport(&self.name, source)),
        }
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn cache(&self, connection: Connection) {
        let mut idle = lock(&self.idle);
        if idle.len() < MAX_IDLE && !connection.is_closed() {
            idle.push(connection);
        }
    }
}

/// Returns `None` if the time is up first.
async fn in_time<F: Future>(until: Instant, future: F) -> Option<F::Output> {
    timeout_at(until, future).await.ok()
}

/// Returns the request as it is sent: the path in the request line, the authority in `Host` (RFC
/// 9112 section 3.2).
fn origin_form(request: &Request<()>) -> Request<Empty<Bytes>> {
    let mut sent = request.clone().map(|()| Empty::new());
    let host = request
        .uri()
        .authority()
        .map(|authority| authority.as_str().parse());
    if let Some(Ok(host)) = host {
        sent.headers_mut().insert(header::HOST, host);
    }
    let path = request.uri().path_and_query().cloned();
    *sent.uri_mut() = path
        .unwrap_or_else(|| PathAndQuery::from_static("/"))
        .into();
    sent
}
