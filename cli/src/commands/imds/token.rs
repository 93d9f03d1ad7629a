use std::{io, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keyfob_imds::{Client, wire};
use tokio::{net::TcpStream, time::timeout};

use super::failure;
use crate::{context::Context, failure::Failure};

/// How long the service gets to answer: it is on the same host.
const PATIENCE: Duration = Duration::from_secs(2);
/// A session token has some 56 characters.
const MAX_TOKEN: usize = 4096;

/// Opens a session and prints its token, for the header `X-aws-ec2-metadata-token` of other programs.
///
/// # Errors
///
/// When the service does not give one.
pub(super) async fn run(context: &Context, client: &Client, ttl: u32) -> Result<(), Failure> {
    let refused = |error| failure(&error, "/latest/api/token");
    let ttl = wire::TokenTtl::from_secs(ttl).map_err(refused)?;
    let request = wire::token_request(client.endpoint(), ttl);
    let response = timeout(PATIENCE, send(request)).await;
    let response = response
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| {
            let endpoint = client.endpoint();
            Failure::other(format!("no session token from {endpoint}: {error}"))
                .with_code("EndpointConnection")
        })?;
    let token = wire::token(&response, ttl).map_err(refused)?;
    let text = token.header_value();
    let text = text.to_str().unwrap_or_default();
    context.console().data(&format!("{text}\n"))
}

/// One request over one connection.
async fn send(request: Request<()>) -> io::Result<Response<Bytes>> {
    let uri = request.uri().clone();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    let (mut head, ()) = request.into_parts();
    if let Some(authority) = uri.authority()
        && let Ok(host) = authority.as_str().parse()
    {
        head.headers.insert(http::header::HOST, host);
    }
    if let Some(target) = uri.path_and_query() {
        head.uri = target.clone().into();
    }
    let request = Request::from_parts(head, Empty::<Bytes>::new());
    let response = sender.send_request(request).await;
    let (head, body) = response.map_err(io::Error::other)?.into_parts();
    let body = Limited::new(body, MAX_TOKEN).collect().await;
    let body = body.map_err(io::Error::other)?.to_bytes();
    Ok(Response::from_parts(head, body))
}
