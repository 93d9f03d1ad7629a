use http::Response;
use serde_json::json;

use super::{after, authenticated, invalid_grant, required};
use crate::server::{
    account::{
        identity_center::{Client, Decision, Token},
        ids::random_text,
    },
    api::Request,
    code_grant,
    json::{Members, answer},
    refusal::Refusal,
};

pub(super) const CODE: &str = "authorization_code";
pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(super) const REFRESH_TOKEN: &str = "refresh_token";

/// The seconds for which an access token holds that can be refreshed, and one that cannot.
const LIFETIME: i64 = 3600;
const LONG_LIFETIME: i64 = 28_800;
/// The seconds for which a refresh token holds.
const REFRESH_LIFETIME: i64 = 90 * 86_400;
/// The seconds that are added to the interval of a device that asks too often.
///
/// Source: RFC 8628, section 3.5.
const SLOWER: i64 = 5;

pub(super) fn create(
    request: &Request<'_>,
    members: &Members,
) -> Result<Response<String>, Refusal> {
    let (id, client) = authenticated(request, members)?;
    let grant = required(members, "grantType")?;
    let user = match grant {
        CODE | DEVICE_CODE | REFRESH_TOKEN if !allows(&client, grant) => {
            let message = "The client is not registered for this grant";
            let refusal = Refusal::bad("UnauthorizedClientException", message);
            return Err(refusal.reason("unauthorized_client"));
        }
        CODE => {
            let code = required(members, "code")?;
            let redirect = required(members, "redirectUri")?;
            let verifier = required(members, "codeVerifier")?;
            let user =
                code_grant::redeem(request.account, code, id, redirect, verifier, request.now);
            user.ok_or_else(|| invalid_grant("Invalid authorization code"))?
        }
        DEVICE_CODE => poll(request, id, required(members, "deviceCode")?)?,
        REFRESH_TOKEN => refresh(request, id, required(members, "refreshToken")?)?,
        _ => {
            let message = format!("The grant type {grant} is not supported");
            let refusal = Refusal::bad("UnsupportedGrantTypeException", message);
            return Err(refusal.reason("unsupported_grant_type"));
        }
    };
    Ok(issue(request, id, &client, &user))
}

/// A client that registered no grants may use those that need no redirect.
fn allows(client: &Client, grant: &str) -> bool {
    let is_named = client.grants.iter().any(|known| known == grant);
    is_named || (client.grants.is_empty() && grant != CODE)
}

/// Answers a device that asks whether its user has decided.
///
/// Source: RFC 8628, section 3.5.
fn poll(request: &Request<'_>, client: &str, code: &str) -> Result<String, Refusal> {
    let devices = &mut request.account.state().center.devices;
    let device = devices.get_mut(code);
    let device = device.filter(|device| device.client == client);
    let device = device.ok_or_else(|| invalid_grant("Invalid device code"))?;
    if request.now >= device.expiry {
        let refusal = Refusal::bad("ExpiredTokenException", "The device code has expired");
        return Err(refusal.reason("expired_token"));
    }
    let decision = device.decision.clone();
    match decision {
        Decision::Pending => {
            let now = request.now.unix_seconds();
            let asked = device.asked.replace(request.now);
            let is_early = |asked: i64| now - asked < device.interval;
            if asked.is_some_and(|asked| is_early(asked.unix_seconds())) {
                device.interval += SLOWER;
                let refusal = Refusal::bad("SlowDownException", "Ask less often");
                return Err(refusal.reason("slow_down"));
            }
            let message = "The user has not decided yet";
            let refusal = Refusal::bad("AuthorizationPendingException", message);
            Err(refusal.reason("authorization_pending"))
        }
        Decision::Denied => {
            let refusal = Refusal::bad("AccessDeniedException", "The user denied the request");
            Err(refusal.reason("access_denied"))
        }
        Decision::Approved(user) => {
            devices.remove(code);
            Ok(user)
        }
    }
}

/// A refresh token works once.
fn refresh(request: &Request<'_>, client: &str, token: &str) -> Result<String, Refusal> {
    let tokens = &mut request.account.state().center.refresh_tokens;
    let is_valid = |token: &Token| token.client == client && request.now < token.expiry;
    if !tokens.get(token).is_some_and(is_valid) {
        return Err(invalid_grant("Invalid refresh token"));
    }
    let token = tokens.remove(token);
    Ok(token.map(|token| token.user).unwrap_or_default())
}

/// Issues an access token, and a refresh token if the client registered a scope.
fn issue(request: &Request<'_>, id: &str, client: &Client, user: &str) -> Response<String> {
    let has_refresh = client.has_scopes && allows(client, REFRESH_TOKEN);
    let seconds = if has_refresh { LIFETIME } else { LONG_LIFETIME };
    let token = |seconds| Token {
        client: id.to_owned(),
        user: user.to_owned(),
        expiry: after(request.now, seconds),
    };
    let access = format!("aoa{}", random_text(120));
    let refresh = has_refresh.then(|| format!("aor{}", random_text(120)));
    let center = &mut request.account.state().center;
    center.tokens.insert(access.clone(), token(seconds));
    if let Some(refresh) = &refresh {
        let token = token(REFRESH_LIFETIME);
        center.refresh_tokens.insert(refresh.clone(), token);
    }
    let mut object = json!({"accessToken": access, "tokenType": "Bearer", "expiresIn": seconds});
    if let Some(refresh) = refresh {
        object["refreshToken"] = refresh.into();
    }
    answer(&object)
}
