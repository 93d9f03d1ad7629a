use http::Response;
use serde_json::json;

use super::{after, authenticated, invalid_request, required};
use crate::server::{
    account::{
        identity_center::{Decision, Device, user_code},
        ids::random_text,
    },
    api::Request,
    browser::{Choice, Query, page},
    json::{Members, answer},
    refusal::Refusal,
};

/// The seconds for which a device can wait.
const LIFETIME: i64 = 600;
/// The seconds between two questions of a device.
const INTERVAL: i64 = 1;

pub(super) fn authorize(
    request: &Request<'_>,
    members: &Members,
) -> Result<Response<String>, Refusal> {
    let (client, _) = authenticated(request, members)?;
    if !required(members, "startUrl")?.starts_with("https://") {
        return Err(invalid_request("Invalid start URL"));
    }
    let (code, user_code) = (random_text(86), user_code());
    let page = request.url("/device");
    let object = json!({
        "deviceCode": code,
        "userCode": user_code,
        "verificationUri": page,
        "verificationUriComplete": format!("{page}?user_code={user_code}"),
        "expiresIn": LIFETIME,
        "interval": INTERVAL,
    });
    let device = Device {
        client: client.to_owned(),
        user_code,
        expiry: after(request.now, LIFETIME),
        interval: INTERVAL,
        asked: None,
        decision: Decision::Pending,
    };
    request.account.state().center.devices.insert(code, device);
    Ok(answer(&object))
}

/// Answers the browser of the user who types a code.
pub(super) fn verify(request: &Request<'_>) -> Result<Response<String>, Refusal> {
    let query = Query::parse(request.head);
    let Some(code) = query.get("user_code") else {
        let form = "<form method=\"get\"><input name=\"user_code\"><button>Next</button></form>";
        return Ok(page("Enter the code that the device shows", form));
    };
    let account = request.account;
    let (result, title) = match query.choice() {
        Choice::Open => {
            return Ok(query.ask(&format!("Approve {code}?"), &account.sso_users()));
        }
        Choice::Approve(user) => (account.approve(code, &user), "Request approved"),
        Choice::Deny => (account.deny(code), "Request denied"),
    };
    result.map_err(|error| invalid_request(error.to_string()))?;
    Ok(page(title, ""))
}
