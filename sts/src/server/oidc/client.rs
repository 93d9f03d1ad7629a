use http::{Response, Uri};
use serde_json::json;

use super::{after, invalid_request, required};
use crate::server::{
    account::{identity_center::Client, ids::random_text},
    api::Request,
    json::{Members, answer},
    oidc::token::{CODE, DEVICE_CODE, REFRESH_TOKEN},
    refusal::Refusal,
};

/// The seconds for which a registration holds: 90 days.
const LIFETIME: i64 = 90 * 86_400;

pub(super) fn register(
    request: &Request<'_>,
    members: &Members,
) -> Result<Response<String>, Refusal> {
    required(members, "clientName")?;
    if required(members, "clientType")? != "public" {
        let message = "The client type must be public";
        let refusal = Refusal::bad("InvalidClientMetadataException", message);
        return Err(refusal.reason("invalid_client_metadata"));
    }
    let grants = members.texts("grantTypes");
    if let Some(other) = grants
        .iter()
        .find(|grant| ![CODE, DEVICE_CODE, REFRESH_TOKEN].contains(&grant.as_str()))
    {
        let message = format!("The grant type {other} is not supported");
        let refusal = Refusal::bad("UnsupportedGrantTypeException", message);
        return Err(refusal.reason("unsupported_grant_type"));
    }
    let redirects = members.texts("redirectUris");
    if !redirects.iter().all(|redirect| is_loopback(redirect)) {
        let message = "A redirect URI must be on a loopback address";
        let refusal = Refusal::bad("InvalidRedirectUriException", message);
        return Err(refusal.reason("invalid_redirect_uri"));
    }
    if grants.iter().any(|grant| grant == CODE) {
        if redirects.is_empty() {
            return Err(invalid_request("Missing required parameter: redirectUris"));
        }
        required(members, "issuerUrl")?;
    }
    let scopes = members.texts("scopes");
    if let Some(scope) = scopes.iter().find(|scope| !is_scope(scope)) {
        let refusal = Refusal::bad("InvalidScopeException", format!("Invalid scope: {scope}"));
        return Err(refusal.reason("invalid_scope"));
    }
    let (id, secret) = (random_text(22), random_text(64));
    let expiry = after(request.now, LIFETIME);
    let object = json!({
        "clientId": id,
        "clientSecret": secret,
        "clientIdIssuedAt": request.now.unix_seconds(),
        "clientSecretExpiresAt": expiry.unix_seconds(),
        "authorizationEndpoint": request.url("/authorize"),
        "tokenEndpoint": request.url("/token"),
    });
    let client = Client {
        secret,
        expiry,
        has_scopes: !scopes.is_empty(),
        grants,
        redirects,
    };
    request.account.state().center.clients.insert(id, client);
    Ok(answer(&object))
}

/// Source: RFC 6749, section 3.3, `scope-token`.
fn is_scope(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    !text.is_empty() && text.bytes().all(is_allowed)
}

pub(in crate::server) fn is_loopback(redirect: &str) -> bool {
    let url = redirect.parse::<Uri>().unwrap_or_default();
    url.scheme_str() == Some("http")
        && matches!(url.host(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

/// Returns true if a redirect is the registered one: the port is free.
///
/// Source: RFC 8252, section 7.3.
pub(super) fn is_same_redirect(registered: &str, redirect: &str) -> bool {
    let parts = |text: &str| {
        let url = text.parse::<Uri>().ok()?;
        let path = url.path_and_query()?.as_str().to_owned();
        Some((url.scheme_str()?.to_owned(), url.host()?.to_owned(), path))
    };
    parts(registered).is_some_and(|registered| parts(redirect) == Some(registered))
}
