//! The authorization server of IAM Identity Center.
//!
//! Source: AWS SSO OIDC API 2019-06-10; RFC 6749 (codes and refresh tokens), 7636 (PKCE), 8252
//! (redirects to a loopback address) and 8628 (devices).

mod authorize;
mod client;
mod device;
mod token;

pub(super) use self::client::is_loopback;

use http::Method;
use keyfob_sigv4::Timestamp;
use serde_json::json;

use crate::server::{
    account::identity_center::Client,
    api::{Api, Outcome, Request},
    json::{Members, refuse},
    refusal::Refusal,
};

pub(super) const API: Api = Api {
    paths: &[
        "/client/register",
        "/device_authorization",
        "/token",
        "/authorize",
        "/device",
    ],
    run,
    refuse: |refusal, _| {
        let object = json!({"error": refusal.reason, "error_description": refusal.message});
        refuse(refusal, &object)
    },
    throttled: (400, "SlowDownException", "slow_down"),
    failed: ("InternalServerException", "server_error"),
};

fn run(request: &Request<'_>) -> Outcome {
    let members = Members::parse(request.body);
    let route = (&request.head.method, request.head.uri.path());
    let (operation, result) = match route {
        (&Method::POST, "/client/register") => {
            ("RegisterClient", client::register(request, &members))
        }
        (&Method::POST, "/device_authorization") => (
            "StartDeviceAuthorization",
            device::authorize(request, &members),
        ),
        (&Method::POST, "/token") => ("CreateToken", token::create(request, &members)),
        (&Method::GET, "/authorize") => ("Authorize", authorize::authorize(request)),
        (&Method::GET, "/device") => ("VerifyUserCode", device::verify(request)),
        _ => {
            let refusal = Refusal::with_status(405, "MethodNotAllowed", "Method not allowed");
            return (None, Err(refusal.reason("invalid_request")));
        }
    };
    (Some(operation.to_owned()), result)
}

fn invalid_request(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidRequestException", message).reason("invalid_request")
}

fn invalid_grant(message: &str) -> Refusal {
    Refusal::bad("InvalidGrantException", message).reason("invalid_grant")
}

fn invalid_client() -> Refusal {
    let message = "Client authentication failed";
    Refusal::with_status(401, "InvalidClientException", message).reason("invalid_client")
}

/// Returns a member that must be there.
fn required<'a>(members: &'a Members, name: &str) -> Result<&'a str, Refusal> {
    let missing = || invalid_request(format!("Missing required parameter: {name}"));
    members.text(name).ok_or_else(missing)
}

/// Returns the id of the client that a request comes from, and the client.
fn authenticated<'a>(
    request: &Request<'_>,
    members: &'a Members,
) -> Result<(&'a str, Client), Refusal> {
    let id = required(members, "clientId")?;
    let secret = required(members, "clientSecret")?;
    let client = request.account.state().center.clients.get(id).cloned();
    let client = client.filter(|client| client.secret == secret && request.now < client.expiry);
    Ok((id, client.ok_or_else(invalid_client)?))
}

/// The service counts whole seconds.
fn after(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(now.unix_seconds() + seconds)
}
