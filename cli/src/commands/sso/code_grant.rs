//! The authorization code grant with PKCE: the browser comes back to this program with a code.
//!
//! Source: RFC 6749, section 4.1; RFC 7636; RFC 8252.

use keyfob_sts::{
    CodeVerifier,
    sso::{AuthorizationUrl, ClientRegistration, CreateToken, Token},
};

use super::{Page, oidc::Oidc};
use crate::{args::SsoBrowserArgs, commands::redirect, failure::Failure};

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
    let (redirect, code) = redirect::listen(0).await?;
    let scopes = oidc.scopes(true);
    let url = AuthorizationUrl {
        client_id: &registration.client_id,
        redirect_uri: &redirect.uri,
        state: &redirect.state,
        scopes: &scopes,
    };
    let url = url.build(oidc.client.endpoint(), &verifier);
    let page = Page {
        url: &url,
        code: None,
    };
    page.show(oidc.context, browser).await?;
    let code = code.await?;
    let secret = registration.client_secret.clone();
    let id = registration.client_id.as_str();
    let call = CreateToken::authorization_code(id, secret, redirect.uri, &verifier, code)?;
    let token = oidc.client.send(oidc.context, &call).await?;
    Ok((registration, token))
}
