//! Connections, and one request on a connection of its own.

use std::{error::Error as _, fmt, io};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use keyfob_sts::{Connection, Connector, Route};
use tokio::task::AbortHandle;

use crate::failure::Failure;

/// How many headers an answer may have.
const MAX_HEADERS: usize = 1000;

/// Any body of a request: a client for each type of body would make the program larger.
pub(in crate::commands) type Sent = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Returns a body of any type as [`Sent`].
pub(in crate::commands) fn boxed<B>(body: B) -> Sent
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    body.map_err(Into::into).boxed_unsync()
}

/// Sends a request with an absolute URI, and returns the answer as soon as its head is there.
///
/// # Errors
///
/// If there is no connection, or if it breaks.
pub(in crate::commands) async fn send(
    connector: &Connector,
    mut request: Request<Sent>,
) -> Result<Response<Incoming>, Failure> {
    let url = request.uri().clone();
    let (mut sender, route) = connect(connector, &url).await?;
    route.address(&mut request);
    let answer = sender.send_request(request).await;
    answer.map_err(|error| broken(&url, &error))
}

/// Returns a new connection to the server of an absolute URI.
///
/// # Errors
///
/// If there is none.
async fn connect(connector: &Connector, url: &Uri) -> Result<(SendRequest<Sent>, Route), Failure> {
    let connection = connector.connect(url).await;
    let connection = connection.map_err(|error| Failure::from(&error))?;
    let route = connection.route().clone();
    let (sender, _) = handshake(connection, url).await?;
    Ok((sender, route))
}

/// Returns what sends requests over a connection for HTTP/1.1, and what closes it at once.
pub(in crate::commands) async fn handshake(
    connection: Connection,
    url: &Uri,
) -> Result<(SendRequest<Sent>, AbortHandle), Failure> {
    // As curl: headers in an old form, or with a value that no header may have, are no reason to
    // lose the answer, and an object of S3 may have hundreds.
    let (sender, driver) = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .handshake(TokioIo::new(connection))
        .await
        .map_err(|error| broken(url, &error))?;
    // It ends with the connection, and the request sees its errors.
    let task = tokio::spawn(driver);
    Ok((sender, task.abort_handle()))
}

/// Returns the failure for a connection that broke.
pub(in crate::commands) fn broken(url: &Uri, error: &hyper::Error) -> Failure {
    // A body of the request that cannot be read is not the fault of the connection.
    let cause = error.source();
    if let Some(cause) = cause.filter(|cause| error.is_user() && cause.is::<io::Error>()) {
        return Failure::other(format!("--data: {cause}"));
    }
    cut(url, cause.map_or(error as &dyn fmt::Display, |cause| cause))
}

/// Returns the failure for a connection that broke for this reason.
pub(in crate::commands) fn cut(url: &Uri, reason: &dyn fmt::Display) -> Failure {
    let origin = origin(url);
    Failure::other(format!("the connection to {origin} broke: {reason}"))
        .with_code("ConnectionClosed")
}

/// Returns the scheme, the host and the port of a URL.
pub(super) fn origin(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("https");
    let authority = url.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}")
}
