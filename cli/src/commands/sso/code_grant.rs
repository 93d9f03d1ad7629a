//! The authorization code grant with PKCE: the browser comes back to this program with a code.
//!
//! Source: RFC 6749, section 4.1; RFC 7636; RFC 8252.

use http::Method;
use keyfob_sts::{
    CodeVerifier,
    sso::{AuthorizationUrl, ClientRegistration, CreateToken, Token},
};

use super::{Page, oidc::Oidc};
use crate::{
    args::SsoBrowserArgs,
    failure::Failure,
    terminal::{Callback, Parameters},
};

const PATH: &str = "/oauth/callback";
/// The URL that is registered. The port is another one each time.
pub(super) const REDIRECT_URI: &str = "http://127.0.0.1/oauth/callback";

/// Signs a user in with a browser on this machine.
///
/// # Errors
///
/// If the user does not come back, or refuses, or if the service does.
pub(super) async fn sign_in(
    oidc: &Oidc<'_>,
    browser: SsoBrowserArgs,
) -> Result<(ClientRegistration, Token), Failure> {
    let registration = oidc.registration(true).await?;
    let verifier = CodeVerifier::from_random(rand::random());
    let state = format!("{:032x}", rand::random::<u128>());
    let expected = state.clone();
    let callback = Callback {
        method: Method::GET,
        path: PATH.to_owned(),
        port: 0,
    };
    let check = move |parameters: &Parameters| check(parameters, &expected);
    let (port, answer) = callback.listen(check).await?;
    let redirect_uri = format!("http://127.0.0.1:{port}{PATH}");
    let scopes = oidc.scopes(true);
    let url = AuthorizationUrl {
        client_id: &registration.client_id,
        redirect_uri: &redirect_uri,
        state: &state,
        scopes: &scopes,
    };
    let url = url.build(oidc.client.endpoint(), &verifier);
    let page = Page {
        url: &url,
        code: None,
    };
    page.show(oidc.context, browser).await?;
    let answer = answer.await?;
    let Some(code) = answer.get("code") else {
        return Err(refused(&answer));
    };
    let secret = registration.client_secret.clone();
    let id = registration.client_id.as_str();
    let call = CreateToken::authorization_code(id, secret, redirect_uri, &verifier, code)?;
    let token = oidc.client.send(oidc.context, &call).await?;
    Ok((registration, token))
}

/// Accepts the answer of this sign-in. No other page knows its state.
fn check(parameters: &Parameters, state: &str) -> Result<&'static str, &'static str> {
    if parameters.get("state") != Some(state) {
        return Err("This is not the sign-in that the terminal waits for.");
    }
    match (parameters.get("error"), parameters.get("code")) {
        (Some(_), _) => Ok("The sign-in was refused. You can close this page."),
        (None, Some(_)) => Ok("The sign-in goes on in the terminal. You can close this page."),
        (None, None) => Err("The code is missing."),
    }
}

/// Creates the failure for an answer without a code.
fn refused(answer: &Parameters) -> Failure {
    let failure = Failure::other("the sign-in was refused in the browser");
    ["error", "error_description"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}: {}", answer.get(name)?)))
        .fold(failure, Failure::with_detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_url_is_that_of_the_listener_without_its_port() {
        assert_eq!(REDIRECT_URI, format!("http://127.0.0.1{PATH}"));
    }
}
