//! A proxy of HTTP with nothing beside the forwarding, for `benches/proxy`: what hyper costs. No
//! proxy that stands on it can go below.
//!
//! The argument is the URL that requests are sent to. Prints its own.

use std::env;
use std::io::{self, Write as _};

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use keyfob_benches::BoxError;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

type Upstream = Client<HttpConnector, Incoming>;

fn main() -> Result<(), BoxError> {
    let to: Uri = env::args().nth(1).unwrap_or_default().parse()?;
    let to = to
        .into_parts()
        .authority
        .ok_or("write the URL of a server")?;
    // As keyfob, which has one thread for its connections.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let upstream = Client::builder(TokioExecutor::new()).build(connector);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}\n", listener.local_addr()?);
        io::stdout().write_all(url.as_bytes())?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (to, upstream) = (to.clone(), upstream.clone());
            let service = service_fn(move |request| forward(request, to.clone(), upstream.clone()));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    })
}

async fn forward(
    mut request: Request<Incoming>,
    to: Authority,
    upstream: Upstream,
) -> Result<Response<BoxBody<Bytes, hyper::Error>>, BoxError> {
    let path = request.uri().path_and_query().cloned();
    let mut parts = Uri::default().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(to);
    parts.path_and_query = Some(path.unwrap_or(PathAndQuery::from_static("/")));
    *request.uri_mut() = Uri::from_parts(parts)?;
    request.headers_mut().remove(header::HOST);
    if let Ok(answer) = upstream.request(request).await {
        return Ok(answer.map(BodyExt::boxed));
    }
    let none = Empty::new().map_err(|never| match never {}).boxed();
    let mut answer = Response::new(none);
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    Ok(answer)
}
