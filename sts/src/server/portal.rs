//! The portal of IAM Identity Center.
//!
//! Source: AWS SSO portal API 2019-06-10.

use http::{Method, Response};
use keyfob_sigv4::{Secret, Timestamp};
use serde_json::{Value, json};

use crate::server::{
    account::Identity,
    api::{Api, Outcome, Request},
    browser::Query,
    json::{answer, refuse},
    refusal::Refusal,
};

pub(super) const API: Api = Api {
    paths: &[
        "/federation/credentials",
        "/assignment/accounts",
        "/assignment/roles",
        "/logout",
    ],
    run,
    refuse: |refusal, _| {
        let shape = format!("com.amazonaws.switchboard.portal#{}", refusal.code);
        refuse(
            refusal,
            &json!({"message": refusal.message, "__type": shape}),
        )
    },
    throttled: (429, "TooManyRequestsException", ""),
    failed: ("InternalServerException", ""),
};

/// The lifetime of the credentials of a role, in seconds.
const ROLE_LIFETIME: i64 = 3600;

fn run(request: &Request<'_>) -> Outcome {
    let query = Query::parse(request.head);
    let route = (&request.head.method, request.head.uri.path());
    let (operation, result) = match route {
        (&Method::GET, "/federation/credentials") => {
            ("GetRoleCredentials", role_credentials(request, &query))
        }
        (&Method::GET, "/assignment/accounts") => ("ListAccounts", accounts(request, &query)),
        (&Method::GET, "/assignment/roles") => ("ListAccountRoles", roles(request, &query)),
        (&Method::POST, "/logout") => ("Logout", logout(request)),
        _ => {
            let refusal = Refusal::with_status(405, "MethodNotAllowed", "Method not allowed");
            return (None, Err(refusal));
        }
    };
    (Some(operation.to_owned()), result)
}

fn role_credentials(request: &Request<'_>, query: &Query) -> Result<Response<String>, Refusal> {
    let user = user(request)?;
    let name = required(query, "role_name")?;
    let account = account_of(request, query, &user)?;
    let assignments = request.account.assignments(&user);
    if !assignments.contains(&(account.to_owned(), name.to_owned())) {
        let message = "No access";
        return Err(Refusal::with_status(403, "ForbiddenException", message));
    }
    let identity = Identity::PermissionSet {
        account: account.to_owned(),
        name: name.to_owned(),
        user,
    };
    let now = request.now.unix_seconds();
    let expiry = Timestamp::from_unix_seconds(now + ROLE_LIFETIME);
    let issued = request.account.issue(identity, expiry);
    let issued = issued.map_err(|_| Refusal::internal())?;
    Ok(answer(&json!({"roleCredentials": {
        "accessKeyId": issued.access_key_id(),
        "secretAccessKey": issued.secret_access_key().expose(),
        "sessionToken": issued.session_token().map(Secret::expose),
        "expiration": expiry.unix_millis(),
    }})))
}

fn accounts(request: &Request<'_>, query: &Query) -> Result<Response<String>, Refusal> {
    let assignments = request.account.assignments(&user(request)?);
    let mut ids: Vec<String> = assignments.into_iter().map(|(id, _)| id).collect();
    ids.dedup();
    let (ids, next) = page(ids, query)?;
    let accounts = ids.into_iter().map(|id| {
        let name = format!("account-{id}");
        let email = format!("{name}@example.com");
        json!({"accountId": id, "accountName": name, "emailAddress": email})
    });
    let accounts: Value = accounts.collect();
    Ok(answer(&json!({"accountList": accounts, "nextToken": next})))
}

fn roles(request: &Request<'_>, query: &Query) -> Result<Response<String>, Refusal> {
    let user = user(request)?;
    let account = account_of(request, query, &user)?;
    let assignments = request.account.assignments(&user).into_iter();
    let names = assignments.filter_map(|(id, name)| (id == account).then_some(name));
    let (names, next) = page(names.collect(), query)?;
    let roles = names.into_iter();
    let roles: Value = roles
        .map(|name| json!({"roleName": name, "accountId": account}))
        .collect();
    Ok(answer(&json!({"roleList": roles, "nextToken": next})))
}

/// Ends the access of a token.
fn logout(request: &Request<'_>) -> Result<Response<String>, Refusal> {
    user(request)?;
    let token = bearer(request).unwrap_or_default();
    request.account.state().center.tokens.remove(token);
    Ok(Response::new(String::new()))
}

fn bearer<'a>(request: &Request<'a>) -> Option<&'a str> {
    let header = request.head.headers.get("x-amz-sso_bearer_token")?;
    header.to_str().ok()
}

/// Returns the user whose token the request has.
fn user(request: &Request<'_>) -> Result<String, Refusal> {
    let tokens = &request.account.state().center.tokens;
    let token = bearer(request).and_then(|token| tokens.get(token));
    let token = token.filter(|token| request.now < token.expiry);
    let refused = || {
        let message = "Session token not found or invalid";
        Refusal::with_status(401, "UnauthorizedException", message)
    };
    token.map(|token| token.user.clone()).ok_or_else(refused)
}

fn invalid(message: String) -> Refusal {
    Refusal::bad("InvalidRequestException", message)
}

fn required<'a>(query: &'a Query, name: &str) -> Result<&'a str, Refusal> {
    let missing = || invalid(format!("Missing required parameter: {name}"));
    query.get(name).ok_or_else(missing)
}

/// Returns the account that the request names, in which the user must have a role.
fn account_of<'a>(request: &Request<'_>, query: &'a Query, user: &str) -> Result<&'a str, Refusal> {
    let account = required(query, "account_id")?;
    let assignments = request.account.assignments(user);
    if assignments.iter().any(|(id, _)| id == account) {
        return Ok(account);
    }
    let message = format!("The account {account} was not found");
    Err(Refusal::with_status(
        404,
        "ResourceNotFoundException",
        message,
    ))
}

/// Returns the items of the page that the request asks for, and the token of the next one.
fn page(items: Vec<String>, query: &Query) -> Result<(Vec<String>, Option<String>), Refusal> {
    let number = |name: &str, default: usize| match query.get(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| invalid(format!("{name} is not valid"))),
    };
    let (first, size) = (number("next_token", 0)?, number("max_result", 100)?);
    if !(1..=100).contains(&size) {
        return Err(invalid("max_result must be 1 to 100".to_owned()));
    }
    let next = first.saturating_add(size);
    let has_more = next < items.len();
    let page = items.into_iter().skip(first).take(size);
    Ok((page.collect(), has_more.then(|| next.to_string())))
}
