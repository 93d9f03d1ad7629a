use keyfob_backoff::Policy;
use keyfob_chain::settings::{
    S3_ADDRESSING_STYLE, S3_PAYLOAD_SIGNING_ENABLED, S3_US_EAST_1_REGIONAL_ENDPOINT,
    S3_USE_ACCELERATE_ENDPOINT, S3_USE_DUALSTACK_ENDPOINT,
};
use keyfob_sts::Endpoint;

use crate::{
    context::Context,
    failure::Failure,
    s3::{Address, Addressing, Client, S3, S3_ACCELERATE, is_accelerated},
    services::check_sandbox,
};

/// How often a request is sent at most, unless `max_attempts` says it: as often as the AWS CLI 1
/// does.
const ATTEMPTS: u32 = 5;

/// Returns a client with the credentials in use, for the endpoint that the settings choose.
///
/// # Errors
///
/// If there are no credentials, if a setting cannot be used, or in the sandbox, which has no S3.
pub(super) async fn client(context: &Context) -> Result<Client, Failure> {
    if context.endpoint_url("s3")?.is_none() {
        check_sandbox(context, "s3")?;
    }
    let credentials = context.credentials_to_sign().await?;
    let address = address(context).await?;
    // After a burst of throttling the next attempt of a file comes late enough.
    let policy = Policy::aws().attempts(ATTEMPTS);
    let connector = context.settings().connections()?.retry(policy);
    let connector = connector.connector()?;
    let signs_payloads = context.settings().flag(&S3_PAYLOAD_SIGNING_ENABLED);
    Ok(Client::new(
        connector,
        address,
        credentials,
        signs_payloads,
        context.pace(),
        context.console(),
        context.refused_by_s3().clone(),
    ))
}

/// Returns the endpoint that the settings choose, and where its URLs have the bucket.
///
/// # Errors
///
/// If a setting cannot be used, or contradicts another one.
pub(super) async fn address(context: &Context) -> Result<Address, Failure> {
    let custom = context.endpoint_url("s3")?;
    for finding in context.settings().s3_findings() {
        context.print_finding(&finding);
    }
    let is_accelerating = context.settings().flag(&S3_USE_ACCELERATE_ENDPOINT);
    let addressing = match &custom {
        None if is_accelerating => Addressing::OnlyVirtual,
        None => addressing(context, None),
        Some((url, _)) if !is_accelerating => addressing(context, Some(url)),
        Some((_, origin)) => {
            return Err(Failure::configuration(format!(
                "s3.use_accelerate_endpoint does not work with a custom endpoint ({origin}): \
                 drop one of the two"
            )));
        }
    };
    let hosts = match addressing {
        Addressing::OnlyVirtual => S3_ACCELERATE,
        _ => S3,
    };
    let builder = Endpoint::builder().hosts(hosts);
    let region = context.region().await?;
    let argument = context.endpoint_argument();
    context.log_endpoint("s3");
    let kind = context.settings().choice(&S3_US_EAST_1_REGIONAL_ENDPOINT)?;
    let is_legacy = kind == Some("legacy");
    let mut builder = context
        .settings()
        .endpoint(builder, "s3", region, argument)?
        .legacy_global(is_legacy);
    if context.settings().flag(&S3_USE_DUALSTACK_ENDPOINT) {
        builder = builder.dual_stack(true);
    }
    Ok(Address::new(builder, addressing).custom(custom.is_some()))
}

/// Reads `addressing_style`, for a custom endpoint if there is one.
///
/// A server that people run themselves often has no DNS entry for each bucket, so a custom endpoint
/// has the bucket in the path unless the setting asks for the host, as in `aws`.
fn addressing(context: &Context, custom: Option<&str>) -> Addressing {
    let style = context.settings().find(&S3_ADDRESSING_STYLE);
    match (style.as_ref().map(|style| style.text), custom) {
        (Some("path"), _) => Addressing::Path,
        (Some("virtual"), _) => Addressing::Virtual,
        (_, Some(url)) if !is_accelerated(url) => Addressing::Path,
        _ => Addressing::Virtual,
    }
}
