//! Credentials of ECS tasks and EKS pods, from the agent next to the container.
//!
//! The agent's URL is in one of two environment variables, `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`
//! and `AWS_CONTAINER_CREDENTIALS_FULL_URI`, and the token that it may require in one of two
//! others. Reading them is left to the caller.
//!
//! ```
//! use keyfob_imds::container::Location;
//!
//! let task = Location::relative("/v2/credentials/1f1d")?;
//! assert_eq!(task.to_string(), "http://169.254.170.2/v2/credentials/1f1d");
//!
//! // Plain http may only lead to the machine itself and to the agents, and a name must only have
//! // such addresses.
//! assert!(Location::full("http://192.0.2.1/credentials").is_err());
//! let named = Location::full("http://agent.example/credentials")?;
//! assert!(named.check(&["127.0.0.1".parse()?]).is_ok());
//! assert!(named.check(&["127.0.0.1".parse()?, "192.0.2.1".parse()?]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authorization;
#[cfg(feature = "client")]
mod client;
mod location;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use keyfob_sigv4::{Credentials, Secret};

pub use self::authorization::authorization;
#[cfg(feature = "server")]
pub(crate) use self::authorization::read_token;
#[cfg(feature = "client")]
pub use self::client::{Client, ClientBuilder, ContainerCredentials};
pub use self::location::Location;
use crate::{
    credentials::parse_hiding,
    error::{Error, shown},
    json::Members,
    wire::USER_AGENT,
};

/// Returns the request for credentials. The token is sent as it is: if there is a scheme such as
/// `Bearer`, it is part of the token.
///
/// # Examples
///
/// ```
/// use keyfob_imds::container::{self, Location};
///
/// let location = Location::full("http://169.254.170.23/v1/credentials")?;
/// let token = container::authorization("eyJhbGciOi\n")?;
/// let request = container::request(&location, Some(&token));
/// assert!(request.headers()["authorization"].is_sensitive());
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
pub fn request(location: &Location, authorization: Option<&HeaderValue>) -> Request<()> {
    let mut request = Request::new(());
    *request.uri_mut() = location.uri().clone();
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, USER_AGENT);
    if let Some(token) = authorization {
        headers.insert(header::AUTHORIZATION, token.clone());
    }
    request
}

/// Returns the credentials in the answer to [`request`]. `authorization` is the one of the request:
/// some agents repeat it in their error, where it is replaced by `(redacted)`.
///
/// # Errors
///
/// One of [`ErrorKind`](crate::ErrorKind)'s if the status is not 200, with the agent's code and
/// message if it sent some; otherwise as
/// [`parse_credentials`](crate::parse_credentials).
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use http::Response;
/// use keyfob_imds::{ErrorKind, container};
///
/// let mut response = Response::new(Bytes::from_static(
///     br#"{"code": "AccessDeniedException", "message": "no pod identity association"}"#,
/// ));
/// *response.status_mut() = http::StatusCode::BAD_REQUEST;
/// let error = container::credentials(&response, None).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::BadRequest);
/// assert_eq!(error.code(), Some("AccessDeniedException"));
/// ```
pub fn credentials(
    response: &Response<Bytes>,
    authorization: Option<&HeaderValue>,
) -> Result<Credentials, Error> {
    let token = authorization.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let token = token.map(Secret::from);
    match response.status() {
        StatusCode::OK => parse_hiding(response.body(), token.as_ref()),
        status => {
            let mut reason = Members::parse(response.body(), "error").ok();
            let secrets: Vec<&Secret> = token.iter().collect();
            // Before it is cut: the rest of a token would not be recognized.
            let hidden = |text: String| shown(&Secret::redact(&text, &secrets));
            let mut member = |name| reason.as_mut()?.text(name).map(hidden);
            let (code, message) = (member("code"), member("message"));
            Err(Error::from_container_status(
                status,
                token.is_some(),
                code,
                message.as_deref(),
            ))
        }
    }
}
