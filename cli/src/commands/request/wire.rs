//! One request on a connection of its own.

use std::{error::Error as _, fmt, io};

use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use keyfob_sts::Connector;

use crate::failure::Failure;

/// Sends a request with an absolute URI, and returns the answer as soon as its head is there.
///
/// # Errors
///
/// If there is no connection, or if it breaks.
pub(in crate::commands) async fn send<B>(
    connector: &Connector,
    mut request: Request<B>,
) -> Result<Response<Incoming>, Failure>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let url = request.uri().clone();
    let connection = connector.connect(&url).await;
    let connection = connection.map_err(|error| Failure::from(&error))?;
    connection.route().address(&mut request);
    let broken = |error: hyper::Error| broken(&url, &error);
    let (mut sender, driver) = http1::handshake(TokioIo::new(connection))
        .await
        .map_err(broken)?;
    // It ends with the connection, and the request sees its errors.
    tokio::spawn(driver);
    sender.send_request(request).await.map_err(broken)
}

/// Returns the failure for a connection that broke.
pub(super) fn broken(url: &Uri, error: &hyper::Error) -> Failure {
    // A body of the request that cannot be read is not the fault of the connection.
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>());
    if let Some(cause) = cause.filter(|_| error.is_user()) {
        return Failure::other(format!("--data: {cause}"));
    }
    Failure::other(format!(
        "the connection to {} broke: {}",
        origin(url),
        cause.map_or(error as &dyn fmt::Display, |cause| cause)
    ))
    .with_code("ConnectionClosed")
}

/// Returns the scheme, the host and the port of a URL.
pub(super) fn origin(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("https");
    let authority = url.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}")
}
