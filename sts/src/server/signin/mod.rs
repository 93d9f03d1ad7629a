//! AWS Sign-In: the code grant and the refresh of `aws login`, with a proof of the key in each
//! request.
//!
//! Source: AWS Sign-In API 2023-01-01.

mod dpop;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{Method, Response};
use keyfob_sigv4::{Secret, Timestamp};
use serde_json::json;

use super::{
    account::{Identity, ids::random_text, login::Login},
    api::{Api, Outcome, Request},
    browser::{Query, page},
    code_grant,
    json::{Members, answer, refuse},
    oidc::is_loopback,
    query::escaped,
    refusal::Refusal,
};

pub(super) const API: Api = Api {
    paths: &["/v1/token", "/v1/authorize", CONFIRMATION],
    run,
    refuse: |refusal, _| {
        let object = json!({"error": refusal.reason, "message": refusal.message});
        refuse(refusal, &object)
    },
    throttled: (429, "TooManyRequestsError", "server_error"),
    failed: ("InternalServerException", "server_error"),
};

/// The page that shows the code to a user whose browser is on another machine.
const CONFIRMATION: &str = "/v1/sessions/confirmation";
const SAME_DEVICE: &str = "arn:aws:signin:::devtools/same-device";
const CROSS_DEVICE: &str = "arn:aws:signin:::devtools/cross-device";

/// The seconds for which credentials hold, and a session.
const LIFETIME: i64 = 900;
const SESSION_LIFETIME: i64 = 12 * 3600;

fn run(request: &Request<'_>) -> Outcome {
    let route = (&request.head.method, request.head.uri.path());
    let (operation, result) = match route {
        (&Method::POST, "/v1/token") => ("CreateOAuth2Token", token(request)),
        (&Method::GET, "/v1/authorize") => ("AuthorizeOAuth2Access", authorize(request)),
        (&Method::GET, CONFIRMATION) => ("ConfirmSession", Ok(confirm(request))),
        _ => {
            let refusal = Refusal::with_status(405, "MethodNotAllowed", "Method not allowed");
            return (None, Err(refusal.reason("INVALID_REQUEST")));
        }
    };
    (Some(operation.to_owned()), result)
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad("ValidationException", message).reason("INVALID_REQUEST")
}

fn denied(reason: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::bad("AccessDeniedException", message).reason(reason)
}

/// Answers the browser that a client opened for a code.
fn authorize(request: &Request<'_>) -> Result<Response<String>, Refusal> {
    let query = Query::parse(request.head);
    let client = query.get("client_id").unwrap_or_default();
    if !matches!(client, SAME_DEVICE | CROSS_DEVICE) {
        return Err(invalid("The client is not known"));
    }
    let is_redirect = |redirect: &str| match client {
        SAME_DEVICE => is_loopback(redirect),
        _ => redirect == request.url(CONFIRMATION),
    };
    let users = request.account.users();
    code_grant::authorize(request, &query, "SHA-256", &users, is_redirect).map_err(invalid)
}

/// Shows the code, for the user to copy.
fn confirm(request: &Request<'_>) -> Response<String> {
    let query = Query::parse(request.head);
    let [state, code] = ["state", "code"].map(|name| query.get(name).unwrap_or_default());
    let text = BASE64_STANDARD.encode(format!("state={state}&code={code}"));
    let content = format!("<pre>{}</pre>", escaped(&text));
    page("Copy this text into the program", &content)
}

fn token(request: &Request<'_>) -> Result<Response<String>, Refusal> {
    let members = Members::parse(request.body);
    let required = |name: &str| {
        let missing = || invalid(format!("Missing required parameter: {name}"));
        members.text(name).ok_or_else(missing)
    };
    let (client, grant) = (required("clientId")?, required("grantType")?);
    let thumbprint = dpop::verify(request).map_err(|reason| denied("INVALID_REQUEST", reason))?;
    let account = request.account;
    match grant {
        "authorization_code" => {
            let code = required("code")?;
            let redirect = required("redirectUri")?;
            let verifier = required("codeVerifier")?;
            let user = code_grant::redeem(account, code, client, redirect, verifier, request.now);
            let expired = || denied("AUTHCODE_EXPIRED", "The code is not valid or has expired");
            let login = Login {
                client: client.to_owned(),
                identity: Identity::user(user.ok_or_else(expired)?),
                thumbprint,
                expiry: request.now.plus_seconds(SESSION_LIFETIME),
            };
            let id_token = id_token(request, &login);
            issue(request, login, Some(&id_token))
        }
        "refresh_token" => {
            let token = required("refreshToken")?;
            let login = account.take_login(token, |login| {
                login.client == client && login.thumbprint == thumbprint
            });
            let login = login.filter(|login| request.now < login.expiry);
            let expired = || {
                denied(
                    "TOKEN_EXPIRED",
                    "The refresh token is not valid or has expired",
                )
            };
            issue(request, login.ok_or_else(expired)?, None)
        }
        other => Err(invalid(format!("The grant type {other} is not supported"))),
    }
}

/// Issues credentials, and a refresh token in place of the one that was used.
fn issue(
    request: &Request<'_>,
    login: Login,
    id_token: Option<&Secret>,
) -> Result<Response<String>, Refusal> {
    let now = request.now.unix_seconds();
    let expiry = Timestamp::from_unix_seconds(now + LIFETIME);
    let issued = request.account.issue(login.identity.clone(), expiry);
    let issued = issued.map_err(|_| Refusal::internal())?;
    let refresh_token = random_text(256);
    let mut object = json!({
        "accessToken": {
            "accessKeyId": issued.access_key_id(),
            "secretAccessKey": issued.secret_access_key().expose(),
            "sessionToken": issued.session_token().map(Secret::expose),
        },
        "tokenType": "aws_sigv4",
        "expiresIn": LIFETIME,
        "refreshToken": refresh_token,
    });
    if let Some(token) = id_token {
        object["idToken"] = token.expose().into();
    }
    let logins = &mut request.account.state().logins;
    logins.insert(refresh_token, login);
    Ok(answer(&object))
}

fn id_token(request: &Request<'_>, login: &Login) -> Secret {
    let arn = login.identity.arn(request.account.id());
    let now = request.now.unix_seconds();
    request.account.signed(&json!({
        "iss": request.url("/signin"),
        "sub": arn,
        "aud": login.client,
        "session_arn": arn,
        "iat": now,
        "exp": now + LIFETIME,
    }))
}
