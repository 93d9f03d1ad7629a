use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::error::Error;

/// No answer of these services comes near; user data ends at 16 KiB.
const MAX_BODY: usize = 1 << 20;
/// Connections kept for the next request.
const MAX_IDLE: usize = 8;

type Connection = SendRequest<Empty<Bytes>>;

/// Plain HTTP/1.1 to one origin: no proxy, no redirect, no cookie, a bounded body, and connections kept alive.
///
/// It is hyper itself rather than a general client because a general client that some other crate has given TLS reads
/// the system's root certificates when it is built, which takes longer than everything that is done here.
pub(crate) struct Transport {
    /// For messages.
    name: String,
    host: String,
    port: u16,
    /// Which addresses may be connected to. Every address the host resolves to must pass.
    allowed: fn(&IpAddr) -> bool,
    attempt: Duration,
    idle: Mutex<Vec<Connection>>,
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    tls: Option<super::tls::Tls>,
}

impl Transport {
    /// `origin` is an absolute URL; its path is not looked at. `attempt` bounds one request, connecting included.
    pub(crate) fn new(
        origin: &Uri,
        allowed: fn(&IpAddr) -> bool,
        attempt: Duration,
    ) -> Result<Self, Error> {
        let host = origin.host().unwrap_or_default();
        let tls = origin.scheme_str() == Some("https");
        if tls && !cfg!(any(feature = "rustls", feature = "native-tls")) {
            return Err(Error::setting(format!(
                "https://{host} needs TLS: build keyfob-imds with its feature `rustls` or `native-tls`"
            )));
        }
        let scheme = if tls { "https" } else { "http" };
        let authority = origin.authority().map_or(host, |name| name.as_str());
        Ok(Self {
            name: format!("{scheme}://{authority}"),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: origin.port_u16().unwrap_or(80),
            allowed,
            attempt,
            idle: Mutex::default(),
            #[cfg(any(feature = "rustls", feature = "native-tls"))]
            tls: tls.then(super::tls::Tls::default),
        })
    }

    /// The origin, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// One request and its whole answer, until `deadline` or the end of the attempt, whichever comes first.
    ///
    /// On the heap, because the futures of callers hold several of these, and with them would take a good part of a
    /// thread's stack.
    pub(crate) fn send(
        &self,
        request: Request<()>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, Error>> + Send + '_>> {
        Box::pin(self.exchange(request, deadline))
    }

    async fn exchange(
        &self,
        request: Request<()>,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Error> {
        let began = Instant::now();
        let until = deadline.min(began + self.attempt);
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        if let Some(tls) = &self.tls {
            return tls.send(request, &self.name, MAX_BODY, until - began).await;
        }
        let late = || Error::unanswered(&self.name, until - began);
        // A kept connection may have been closed by the other side in the meantime, which shows only when it is
        // used. Each round takes one of them away; a new connection gets no second chance.
        loop {
            let kept = self.take_idle();
            let is_new = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.connect(began, until).await?,
            };
            let head = connection.send_request(origin_form(&request));
            match in_time(until, head).await.ok_or_else(late)? {
                Ok(response) => {
                    let body = self.body(response);
                    let response = in_time(until, body).await.ok_or_else(late)??;
                    self.keep(connection);
                    return Ok(response);
                }
                Err(source) if is_new || source.is_parse() => {
                    return Err(Error::broken(&self.name, source));
                }
                Err(_) => {}
            }
        }
    }

    async fn connect(&self, began: Instant, until: Instant) -> Result<Connection, Error> {
        in_time(until, self.open())
            .await
            .unwrap_or_else(|| Err(Error::no_connection_within(&self.name, until - began)))
    }

    async fn open(&self) -> Result<Connection, Error> {
        let unreachable = |source| Error::refused_connection(&self.name, source);
        let addresses = self.resolve().await.map_err(unreachable)?;
        if let Some(foreign) = addresses.iter().find(|at| !(self.allowed)(&at.ip())) {
            return Err(Error::foreign_address(&self.name, foreign.ip()));
        }
        let stream = TcpStream::connect(addresses.as_slice())
            .await
            .map_err(unreachable)?;
        // The requests are one small packet each; waiting for more only costs time.
        let _ = stream.set_nodelay(true);
        let (connection, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|source| Error::broken(&self.name, source))?;
        // Ends when the connection is dropped or closed; what it fails with is seen by the request.
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

    async fn body(
        &self,
        response: Response<hyper::body::Incoming>,
    ) -> Result<Response<Bytes>, Error> {
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|source| match source.is::<LengthLimitError>() {
            true => Error::too_long(&self.name, MAX_BODY),
            false => Error::broken(&self.name, source),
        })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle();
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE && !connection.is_closed() {
            idle.push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A list of connections is in order after any panic.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing when time is up first.
async fn in_time<F: Future>(until: Instant, future: F) -> Option<F::Output> {
    timeout_at(until, future).await.ok()
}

/// As it goes over the wire: the path in the request line, the authority in `Host` (RFC 9112 section 3.2).
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
