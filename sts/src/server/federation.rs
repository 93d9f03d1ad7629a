//! The part of AWS Sign-In that signs people in to the console with temporary credentials.
//!
//! Source: IAM user guide, "Enable custom identity broker access to the AWS console".

use http::{Response, header};
use keyfob_sigv4::Timestamp;
use serde_json::{Value, json};

use super::{
    account::{Identity, ids::random_text},
    api::{Api, Outcome, Request},
    browser::{Query, page},
    json::{answer, refuse},
    query::escaped,
    refusal::Refusal,
};

pub(super) const API: Api = Api {
    paths: &["/federation"],
    run,
    refuse: |refusal, _| refuse(refusal, &json!({"message": refusal.message})),
    throttled: (429, "TooManyRequests", ""),
    failed: ("InternalError", ""),
};

/// The seconds within which a token must be used.
const LIFETIME: i64 = 900;

/// Takes the parameters from the body or the query.
fn run(request: &Request<'_>) -> Outcome {
    let query = match request.body {
        [] => Query::parse(request.head),
        body => Query::from_form(body),
    };
    let (operation, result) = match query.get("Action") {
        Some("getSigninToken") => ("GetSigninToken", token(request, &query)),
        Some("login") => ("Login", login(request, &query)),
        _ => return (None, Err(invalid())),
    };
    (Some(operation.to_owned()), result)
}

/// The service does not say why it refuses something.
fn invalid() -> Refusal {
    Refusal::bad("", "Bad Request")
}

fn token(request: &Request<'_>, query: &Query) -> Result<Response<String>, Refusal> {
    let session = query.get("Session").unwrap_or_default();
    let session: Value = serde_json::from_str(session).map_err(|_| invalid())?;
    let text = |name: &str| session[name].as_str().unwrap_or_default();
    let key = request.account.key(text("sessionId")).ok_or_else(invalid)?;
    let (credentials, identity) = (key.credentials, key.identity);
    let token = credentials.session_token().ok_or_else(invalid)?;
    let is_right = credentials.secret_access_key().expose() == text("sessionKey")
        && token.expose() == text("sessionToken")
        && !credentials.is_expired_at(request.now);
    let may_last = match &identity {
        Identity::Session { .. } | Identity::PermissionSet { .. } => true,
        Identity::FederatedUser { .. } => query.get("SessionDuration").is_none(),
        _ => false,
    };
    let seconds = query.get("SessionDuration").map(str::parse::<u32>);
    let is_in_range = seconds
        .is_none_or(|seconds| seconds.is_ok_and(|seconds| (900..=43_200).contains(&seconds)));
    if !(is_right && may_last && is_in_range) {
        return Err(invalid());
    }
    let token = random_text(64);
    let expiry = request.now.plus_seconds(LIFETIME);
    let mut state = request.account.state();
    state
        .console_tokens
        .insert(token.clone(), (identity, expiry));
    Ok(answer(&json!({"SigninToken": token})))
}

/// Shows the browser who is signed in, and a link to the page of the console.
fn login(request: &Request<'_>, query: &Query) -> Result<Response<String>, Refusal> {
    let token = query.get("SigninToken").unwrap_or_default();
    let found = request.account.state().console_tokens.remove(token);
    let is_valid = |(_, expiry): &(Identity, Timestamp)| request.now < *expiry;
    let (identity, _) = found.filter(is_valid).ok_or_else(invalid)?;
    let destination = query.get("Destination").ok_or_else(invalid)?;
    let arn = escaped(&identity.arn(request.account.id()));
    let link = escaped(destination);
    let content = format!("<p>{arn}</p><a href=\"{link}\">{link}</a>");
    let mut response = page("You are signed in", &content);
    let no_store = http::HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}
