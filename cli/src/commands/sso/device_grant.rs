//! The device grant: the user types a code into any browser, while this program asks again and
//! again whether that is done.
//!
//! Source: RFC 8628.

use std::time::{Duration, Instant};

use keyfob_sts::{
    Error, ErrorKind,
    call::Service,
    sso::{ClientRegistration, CreateToken, DeviceAuthorization, StartDeviceAuthorization, Token},
};

use super::{Page, oidc::Oidc};
use crate::{args::SsoBrowserArgs, failure::Failure, services::Client, terminal::waiting_for};

/// How many requests in a row may fail for a reason that passes.
const MAX_FAILURES: u32 = 3;

/// Signs a user in with a browser anywhere.
///
/// # Errors
///
/// If the user refuses or takes too long, or if the service refuses.
pub(super) async fn sign_in(
    oidc: &Oidc<'_>,
    browser: SsoBrowserArgs,
) -> Result<(ClientRegistration, Token), Failure> {
    let registration = oidc.registration(false).await?;
    let (id, secret) = (&registration.client_id, &registration.client_secret);
    let start = StartDeviceAuthorization::new(id, secret.clone(), oidc.start_url())?;
    let device = oidc.client.send(oidc.context, &start).await?;
    let page = Page {
        url: &device.verification_uri,
        code: Some((
            device.user_code.as_str(),
            device.verification_uri_complete.as_str(),
        )),
    };
    page.show(oidc.context, browser).await?;
    let call = CreateToken::device_code(id, secret.clone(), device.device_code.clone())?;
    let token = wait(oidc, device, &call).await?;
    Ok((registration, token))
}

/// Asks for the token until the user has decided.
async fn wait(
    oidc: &Oidc<'_>,
    mut device: DeviceAuthorization,
    call: &CreateToken,
) -> Result<Token, Failure> {
    // `slow_down` is not for the retries of a client, which would ask faster.
    let client = Client::once(oidc.context, &Service::SSO_OIDC, oidc.region())?;
    let end = Instant::now() + Duration::from_secs(device.expires_in.into());
    let mut failures = 0;
    let _waiting = waiting_for("the sign-in in a browser");
    loop {
        let error = match client.try_send(call).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        let pause = device.wait_after(&error);
        failures = if pause.is_some() { 0 } else { failures + 1 };
        let is_over = is(&error, "ExpiredTokenException", "expired_token");
        let pause = pause.or_else(|| {
            let goes_on = passes(&error) && failures < MAX_FAILURES;
            goes_on.then_some(device.interval)
        });
        match pause {
            Some(pause) if Instant::now() + pause < end => tokio::time::sleep(pause).await,
            None if !is_over => return Err(oidc.client.explain(oidc.context, &error).await),
            _ => {
                let text = "the code has expired before the sign-in was approved";
                return Err(Failure::other(text).with_hint("run the command again"));
            }
        }
    }
}

fn is(error: &Error, exception: &str, oauth: &str) -> bool {
    let code = error.code();
    code == Some(exception) || error.member("error").or(code) == Some(oauth)
}

/// Returns true for a failure that the next request may not meet.
fn passes(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Transport => true,
        ErrorKind::Service => {
            error.is_throttling() || error.status().is_some_and(|status| status >= 500)
        }
        _ => false,
    }
}
