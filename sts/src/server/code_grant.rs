//! The authorization code grant with PKCE, as both authorization servers have it.
//!
//! Source: RFC 6749, section 4.1; RFC 7636.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::Response;
use keyfob_sigv4::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::server::{
    account::{Account, ids::random_text},
    api::Request,
    browser::{Choice, Query, redirect},
};

/// The seconds for which a code can be redeemed.
const LIFETIME: i64 = 300;

/// An authorization code. It works once, for the client that has the verifier.
pub(super) struct Code {
    client: String,
    redirect: String,
    challenge: String,
    user: String,
    expiry: Timestamp,
}

/// Answers the browser that a client opened. If there is only one user, it approves at once, as one
/// does who is signed in. The error is a reason that the user is told: the client of a request with
/// a wrong redirect is not told anything.
///
/// `method` is what the server calls the only method for challenges, SHA-256.
pub(super) fn authorize(
    request: &Request<'_>,
    query: &Query,
    method: &str,
    users: &[String],
    is_redirect: impl Fn(&str) -> bool,
) -> Result<Response<String>, String> {
    let required = |name: &str| {
        let missing = || format!("Missing required parameter: {name}");
        query.get(name).ok_or_else(missing)
    };
    let (client, url) = (required("client_id")?, required("redirect_uri")?);
    if !is_redirect(url) {
        return Err("The redirect URI is not that of the client".to_owned());
    }
    for (name, value) in [("response_type", "code"), ("code_challenge_method", method)] {
        if required(name)? != value {
            return Err(format!("{name} must be {value}"));
        }
    }
    let (state, challenge) = (required("state")?, required("code_challenge")?);
    let user = match (query.choice(), users) {
        (Choice::Deny, _) => {
            let parameters = [("error", "access_denied"), ("state", state)];
            return Ok(redirect(url, &parameters));
        }
        (Choice::Approve(user), _) if users.contains(&user) => user,
        (Choice::Approve(user), _) => return Err(format!("There is no user {user}")),
        (Choice::Open, [user]) => user.clone(),
        (Choice::Open, _) => return Ok(query.ask("Allow access?", users)),
    };
    let text = random_text(64);
    let code = Code {
        client: client.to_owned(),
        redirect: url.to_owned(),
        challenge: challenge.to_owned(),
        user,
        expiry: request.now.plus_seconds(LIFETIME),
    };
    request.account.state().codes.insert(text.clone(), code);
    Ok(redirect(url, &[("code", &text), ("state", state)]))
}

/// Uses up a code, and returns its user if all that belongs to it is right.
pub(super) fn redeem(
    account: &Account,
    code: &str,
    client: &str,
    redirect: &str,
    verifier: &str,
    now: Timestamp,
) -> Option<String> {
    let code = account.state().codes.remove(code)?;
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let is_right = code.client == client
        && code.redirect == redirect
        && code.challenge == challenge
        && now < code.expiry;
    is_right.then_some(code.user)
}
