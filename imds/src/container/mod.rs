//! Credentials of ECS tasks and EKS pods, from the agent beside the container.
//!
//! The agent's URL comes in two environment variables, `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` and
//! `AWS_CONTAINER_CREDENTIALS_FULL_URI`, and the token it may want in two others; reading them is left to the caller.
//!
//! ```
//! use keyfob_imds::container::Location;
//!
//! let task = Location::from_settings(Some("/v2/credentials/1f1d"), None)?.unwrap();
//! assert_eq!(task.to_string(), "http://169.254.170.2/v2/credentials/1f1d");
//!
//! // Plain http only to the machine itself and to the agents, and a name only if all its addresses are theirs.
//! assert!(Location::full("http://192.0.2.1/credentials").is_err());
//! let named = Location::full("http://agent.example/credentials")?;
//! assert!(named.check(&["127.0.0.1".parse()?]).is_ok());
//! assert!(named.check(&["127.0.0.1".parse()?, "192.0.2.1".parse()?]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authorization;
#[cfg(feature = "client")]
mod client;
pub(crate) mod location;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use keyfob_sigv4::Credentials;

pub use self::authorization::authorization;
#[cfg(feature = "client")]
pub use self::client::{Client, ClientBuilder};
pub use self::location::Location;
use crate::{
    credentials::parse_credentials,
    error::{Error, shown},
    json::Members,
    wire::USER_AGENT,
};

/// The request for credentials. The token is sent as it is: a scheme such as `Bearer` is part of it or not there at all.
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

/// The credentials in the answer to [`request`].
///
/// # Errors
///
/// One of [`ErrorKind`](crate::ErrorKind)'s for a status other than 200, with the agent's code and message if it sent
/// some; otherwise as [`parse_credentials`].
pub fn credentials(response: &Response<Bytes>) -> Result<Credentials, Error> {
    match response.status() {
        http::StatusCode::OK => parse_credentials(response.body()),
        status => {
            let mut reason = Members::parse(response.body(), "error").ok();
            let mut member = |name| reason.as_mut()?.text(name).map(|text| shown(&text));
            let (code, message) = (member("code"), member("message"));
            Err(Error::of_container_status(status, code, message.as_deref()))
        }
    }
}
