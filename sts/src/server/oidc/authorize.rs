use http::Response;

use super::{client::is_same_redirect, invalid_client, invalid_request};
use crate::server::{api::Request, browser::Query, code_grant, refusal::Refusal};

/// Answers the browser that a client opened for a code.
pub(super) fn authorize(request: &Request<'_>) -> Result<Response<String>, Refusal> {
    let (account, query) = (request.account, Query::parse(request.head));
    let id = query.get("client_id").unwrap_or_default();
    let client = account.state().center.clients.get(id).cloned();
    let client = client.ok_or_else(invalid_client)?;
    let is_redirect = |redirect: &str| {
        let mut registered = client.redirects.iter();
        registered.any(|registered| is_same_redirect(registered, redirect))
    };
    let users = account.sso_users();
    code_grant::authorize(request, &query, "S256", &users, is_redirect).map_err(invalid_request)
}
