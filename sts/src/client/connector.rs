use std::{
    env, fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{
    HeaderMap, HeaderValue, Request, Uri,
    header::{HOST, PROXY_AUTHORIZATION},
    uri::Authority,
};
use hyper_util::client::proxy::matcher::Intercept;
use keyfob_backoff::{ClockSkew, Policy};
use keyfob_sigv4::Timestamp;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    client::{ClientBuilder, clock::Clock, proxy, tls},
    endpoint::{self, Endpoint},
    error::Error,
};

/// The name of HTTP/2 in a handshake of TLS (RFC 9113, section 3.2).
const HTTP2: &[u8] = b"h2";
/// The length in bytes at which the answer of a proxy is cut. It has no body.
const MAX_PROXY_ANSWER: usize = 8 << 10;

/// Opens connections to servers, with the certificates, the proxy and the time limits of the
/// [`ClientBuilder`] that built it. Clones share the configuration of TLS, and the clock.
///
/// A connection carries bytes: put an HTTP/1.1 client, such as that of `hyper`, on top of it. A
/// connector [`with_http2`](Connector::with_http2) also opens connections for one of HTTP/2.
#[derive(Clone)]
pub struct Connector {
    inner: Arc<Inner>,
    /// For servers, but not for proxies on the way to them.
    tls: TlsConnector,
    clock: Arc<Clock>,
}

struct Inner {
    tls: TlsConnector,
    connect_timeout: Duration,
    timeout: Option<Duration>,
    policy: Policy,
    /// The setting that forbids requests.
    offline: Option<String>,
}

impl Connector {
    pub(super) fn new(config: ClientConfig, builder: ClientBuilder) -> Self {
        let tls = TlsConnector::from(Arc::new(config));
        let inner = Inner {
            tls: tls.clone(),
            connect_timeout: builder.connect_timeout,
            timeout: builder.timeout,
            policy: builder.policy(),
            offline: builder.settings.offline,
        };
        Self {
            inner: Arc::new(inner),
            tls,
            clock: Arc::default(),
        }
    }

    /// Returns a connector that offers servers HTTP/2 beside HTTP/1.1, in the handshake of TLS (RFC
    /// 7301). [`Connection::is_http2`] says what the server chose. Without TLS, all connections
    /// are for HTTP/1.1.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use keyfob_sts::{Client, Error};
    ///
    /// # async fn example() -> Result<(), Error> {
    /// let connector = Client::builder().connector()?.with_http2();
    /// let url = "https://bedrock-runtime.us-east-1.amazonaws.com/".parse().expect("a URL");
    /// let connection = connector.connect(&url).await?;
    /// if connection.is_http2() {
    ///     // Put a client of HTTP/2 on top of it, which needs no route.
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_http2(&self) -> Self {
        let mut config = ClientConfig::clone(self.tls.config());
        config.alpn_protocols = [HTTP2, b"http/1.1"].map(<[u8]>::to_vec).into();
        Self {
            tls: TlsConnector::from(Arc::new(config)),
            ..self.clone()
        }
    }

    /// Returns a connector with the same configuration, and a clock of its own, which is right: for
    /// a server whose answers must not change the time that others are told.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use keyfob_sigv4::Timestamp;
    /// use keyfob_sts::{Client, Error};
    ///
    /// # fn example(headers: &http::HeaderMap) -> Result<(), Error> {
    /// let connector = Client::builder().connector()?;
    /// let other = connector.with_own_clock();
    /// let now = Timestamp::now();
    /// // The headers of an answer of the other server.
    /// other.learn_time(headers, now, now);
    /// assert_eq!(connector.service_time(now), now);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_own_clock(&self) -> Self {
        Self {
            clock: Arc::default(),
            ..self.clone()
        }
    }

    /// Connects to the server of an absolute URL, directly or through the proxy that the
    /// environment names for it, and with TLS if the URL begins with `https://`.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Connect`](crate::ErrorKind::Connect) if there is no connection: the message
    ///   names the server;
    /// - [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the URL or a variable for proxies
    ///   cannot be used, or if the builder is [offline](ClientBuilder::offline).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use keyfob_sts::{Client, Error};
    ///
    /// # async fn example() -> Result<(), Error> {
    /// let connector = Client::builder().connector()?;
    /// let url = "https://bucket.s3.eu-west-1.amazonaws.com/".parse().expect("a URL");
    /// let connection = connector.connect(&url).await?;
    /// let mut request = http::Request::new(());
    /// *request.uri_mut() = url;
    /// connection.route().address(&mut request);
    /// // Send it over `connection`, by the connection of an HTTP client such as hyper's.
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(&self, url: &Uri) -> Result<Connection, Error> {
        let inner = &self.inner;
        // Of the rest of the URL, nothing counts here.
        let scheme = url.scheme_str().unwrap_or_default();
        let authority = url.authority().map_or("", Authority::as_str);
        let origin = format!("{scheme}://{authority}");
        let endpoint = Endpoint::builder().url(&origin)?.build()?;
        if let Some(setting) = &inner.offline {
            return Err(Error::offline(&endpoint, setting));
        }
        let proxy = proxy::intercept(&endpoint, &|name| env::var_os(name))?;
        let opened = match timeout(inner.connect_timeout, self.open(url, proxy)).await {
            Ok(opened) => opened,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")),
        };
        opened.map_err(|error| {
            let source = tls::describe(&error).map_or_else(|| error.into(), Into::into);
            Error::unreachable(&endpoint, true).with_boxed_source(source)
        })
    }

    /// Returns the services' time at a time of this machine, as far as their answers have shown
    /// that its clock is wrong. Sign requests with this time.
    pub fn service_time(&self, now: Timestamp) -> Timestamp {
        self.clock.correct(now)
    }

    /// Compares the clocks, by the headers of an answer and the time when its request was sent, and
    /// returns how far the service's was ahead of `signed`, the time that the request says.
    pub fn learn_time(
        &self,
        headers: &HeaderMap,
        sent: Timestamp,
        signed: Timestamp,
    ) -> Option<ClockSkew> {
        self.clock.learn(headers, sent, signed)
    }

    /// Returns how long to wait for an answer, if the builder sets it.
    pub fn timeout(&self) -> Option<Duration> {
        self.inner.timeout
    }

    /// Returns when to repeat requests, with the number of attempts that the builder sets.
    pub fn policy(&self) -> Policy {
        self.inner.policy
    }

    async fn open(&self, url: &Uri, proxy: Option<Intercept>) -> io::Result<Connection> {
        let is_https = url.scheme_str() == Some("https");
        let (host, port) = (host(url)?, port(url));
        let Some(proxy) = proxy else {
            let stream = connect(host, port).await?;
            if is_https {
                return self.secure(stream, host).await;
            }
            return Ok(Connection::new(stream, None));
        };
        let (name, at) = (self::host(proxy.uri())?, self::port(proxy.uri()));
        let mut stream = connect(name, at).await?;
        if proxy.uri().scheme_str() == Some("https") {
            stream = Box::new(secure(&self.inner.tls, stream, name).await?);
        }
        let authorization = proxy.basic_auth().cloned();
        if !is_https {
            return Ok(Connection::new(stream, Some(Forwarding { authorization })));
        }
        tunnel(&mut stream, url, authorization.as_ref()).await?;
        self.secure(stream, host).await
    }

    async fn secure(&self, stream: Stream, host: &str) -> io::Result<Connection> {
        let stream = secure(&self.tls, stream, host).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        let mut connection = Connection::new(Box::new(stream), None);
        connection.is_http2 = is_http2;
        Ok(connection)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("connect_timeout", &self.inner.connect_timeout)
            .field("policy", &self.inner.policy)
            .finish_non_exhaustive()
    }
}

/// A connection to a server, or to a proxy that forwards requests to it.
pub struct Connection {
    stream: Stream,
    route: Route,
    is_http2: bool,
    /// Whether the server has closed it, as far as writing has shown.
    is_closed: bool,
}

/// How the requests of a [`Connection`] are addressed: to the server, or to a proxy that forwards
/// them to it.
#[derive(Clone, Debug)]
pub struct Route {
    /// What the proxy needs, if there is one.
    proxy: Option<Forwarding>,
}

#[derive(Clone, Debug)]
struct Forwarding {
    /// The value of `Proxy-Authorization`, which is sensitive.
    authorization: Option<HeaderValue>,
}

impl Route {
    /// Addresses a request with an absolute URI: adds `Host`, if the request has none. For a
    /// server, the URI becomes the path and the query. For a proxy it stays, and
    /// `Proxy-Authorization` is added if the proxy has a user (RFC 9112, section 3.2).
    pub fn address<B>(&self, request: &mut Request<B>) {
        let host = request.uri().authority().map(|host| host.as_str().parse());
        if let Some(Ok(host)) = host {
            request.headers_mut().entry(HOST).or_insert(host);
        }
        match &self.proxy {
            Some(proxy) => {
                if let Some(authorization) = proxy.authorization.clone() {
                    let headers = request.headers_mut();
                    headers.insert(PROXY_AUTHORIZATION, authorization);
                }
            }
            None => {
                if let Some(path) = request.uri().path_and_query() {
                    *request.uri_mut() = path.clone().into();
                }
            }
        }
    }
}

impl Connection {
    /// Returns how to address the requests of this connection.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use http::Request;
    /// use keyfob_sts::Client;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let connector = Client::builder().connector()?;
    /// let mut request = Request::get("https://s3.eu-west-1.amazonaws.com/bucket").body(())?;
    /// let connection = connector.connect(request.uri()).await?;
    /// connection.route().address(&mut request);
    /// assert_eq!(request.uri(), "/bucket");
    /// assert_eq!(request.headers()["host"], "s3.eu-west-1.amazonaws.com");
    /// # Ok(())
    /// # }
    /// ```
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Returns true if the server chose HTTP/2, which only a connector
    /// [`with_http2`](Connector::with_http2) offers.
    pub fn is_http2(&self) -> bool {
        self.is_http2
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

/// A server may answer and close the connection before it has read the whole request. What is
/// written after that is dropped without an error, so that the answer can be read, or the end.
impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unless_closed(bytes.len(), |stream| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        self.unless_closed(length, |stream| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unless_closed((), |stream| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unless_closed((), |stream| stream.poll_shutdown(context))
    }
}

impl Connection {
    fn new(stream: Stream, proxy: Option<Forwarding>) -> Self {
        Self {
            stream,
            route: Route { proxy },
            is_http2: false,
            is_closed: false,
        }
    }

    /// Writes to a connection that the server has not closed. To a closed one, `dropped` has been
    /// written.
    fn unless_closed<T>(
        &mut self,
        dropped: T,
        write: impl FnOnce(Pin<&mut Stream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};

        if self.is_closed {
            return Poll::Ready(Ok(dropped));
        }
        let written = write(Pin::new(&mut self.stream));
        if let Poll::Ready(Err(error)) = &written
            && matches!(
                error.kind(),
                BrokenPipe | ConnectionReset | ConnectionAborted
            )
        {
            self.is_closed = true;
            return Poll::Ready(Ok(dropped));
        }
        written
    }
}

/// TCP, or TLS over it, or TLS in a tunnel through TLS.
type Stream = Box<dyn ReadWrite>;

trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for T {}

async fn connect(host: &str, port: u16) -> io::Result<Stream> {
    // Many systems do not find these names, which stand for this machine (RFC 6761, section 6.3).
    let host = if endpoint::is_below_localhost(host) {
        "localhost"
    } else {
        host.trim_matches(['[', ']'])
    };
    let stream = TcpStream::connect((host, port)).await?;
    // A request is written in one piece, so waiting for more data only costs time.
    let _ = stream.set_nodelay(true);
    Ok(Box::new(stream))
}

async fn secure(tls: &TlsConnector, stream: Stream, host: &str) -> io::Result<TlsStream<Stream>> {
    let name = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(|_| invalid("the host is not a name"))?;
    tls.connect(name, stream).await
}

/// Makes a proxy connect this stream to the server of the URL (RFC 9110, section 9.3.6).
async fn tunnel(
    stream: &mut Stream,
    url: &Uri,
    authorization: Option<&HeaderValue>,
) -> io::Result<()> {
    let target = format!("{}:{}", host(url)?, port(url));
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(value) = authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    stream.flush().await?;
    // Byte by byte: what follows the answer belongs to the server.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == MAX_PROXY_ANSWER {
            return Err(invalid("the answer of the proxy is too long"));
        }
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return Err(invalid("the proxy closed the connection"));
        }
        answer.push(byte[0]);
    }
    let line = answer.split(|byte| *byte == b'\r').next();
    let status = line.and_then(|line| line.split(|byte| *byte == b' ').nth(1));
    match status {
        Some([b'2', _, _]) => Ok(()),
        Some(b"407") => Err(invalid(
            "the proxy wants a user and a password: write them into its URL",
        )),
        _ => Err(invalid("the proxy refused to connect to the server")),
    }
}

fn host(url: &Uri) -> io::Result<&str> {
    url.host().ok_or_else(|| invalid("the URL has no host"))
}

fn port(url: &Uri) -> u16 {
    let is_https = url.scheme_str() == Some("https");
    url.port_u16().unwrap_or(if is_https { 443 } else { 80 })
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_addressed_to_the_server_or_to_the_proxy_that_forwards_them() {
        let request = |host: Option<&str>| {
            let builder = Request::get("http://a:81/b?c");
            let builder = match host {
                Some(host) => builder.header(HOST, host),
                None => builder,
            };
            builder.body(()).unwrap()
        };
        let direct = Route { proxy: None };
        let mut sent = request(None);
        direct.address(&mut sent);
        assert_eq!(sent.uri(), "/b?c");
        assert_eq!(sent.headers()[HOST], "a:81");
        let mut sent = request(Some("other"));
        direct.address(&mut sent);
        assert_eq!(sent.headers()[HOST], "other");
        let authorization = HeaderValue::from_static("Basic x");
        let forwarded = Route {
            proxy: Some(Forwarding {
                authorization: Some(authorization.clone()),
            }),
        };
        let mut sent = request(None);
        forwarded.address(&mut sent);
        assert_eq!(sent.uri(), "http://a:81/b?c");
        assert_eq!(sent.headers()[HOST], "a:81");
        assert_eq!(sent.headers()[PROXY_AUTHORIZATION], authorization);
    }
}
