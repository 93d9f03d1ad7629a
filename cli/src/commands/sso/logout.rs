use keyfob_chain::{Origin, Region, SsoToken};
use keyfob_sts::{call::Service, sso::Logout};
use tracing::debug;

use crate::{context::Context, failure::Failure, services::Client, terminal::printable};

/// Signs the user out everywhere. A portal that cannot be asked does not stop that: what is on disk
/// goes.
///
/// # Errors
///
/// If a file cannot be removed.
pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let settings = context.settings();
    for file in SsoToken::files(settings)? {
        let Some(token) = SsoToken::lock(&file)? else {
            continue;
        };
        if let Err(failure) = end(context, &token).await {
            let (file, reason) = (file.to_string_lossy(), failure.message());
            let text = format!(
                "the token in {} is removed, but may be valid until it expires: {}",
                context.shown(&file),
                printable(reason)
            );
            context.console().warn(&text);
        }
        token.remove()?;
    }
    Ok(SsoToken::remove_role_sessions(settings)?)
}

/// Ends the session of a token. One that the portal does not know has ended.
async fn end(context: &Context, token: &SsoToken) -> Result<(), Failure> {
    let Some(region) = token.region() else {
        return Ok(());
    };
    let description = "a token file".to_owned();
    let region = Region::new(region, Origin::Other { description })?;
    let portal = Client::in_region(context, &Service::SSO, &region, None)?;
    match portal
        .try_send(&Logout::new(token.access_token().clone()))
        .await
    {
        Err(error) if error.status() == Some(401) => {
            debug!("the token had ended");
            Ok(())
        }
        Err(error) => Err(portal.explain(context, &error).await),
        Ok(()) => Ok(()),
    }
}
