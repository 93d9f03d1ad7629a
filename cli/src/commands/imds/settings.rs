use std::time::Duration;

use keyfob_imds::{Client, ClientBuilder, Endpoint, Mode};

use crate::{context::Context, failure::Failure};

/// A client as the settings ask for it.
///
/// # Errors
///
/// When a setting cannot be used.
///
/// Source: SDKs and Tools Reference Guide, "IMDS client".
pub(super) fn builder(context: &Context) -> Result<ClientBuilder, Failure> {
    let setting = |variable, property| context.setting(variable, property);
    let disabled = context.env().text("AWS_EC2_METADATA_DISABLED");
    let mut builder = Client::builder()
        .disabled(disabled.is_some_and(|text| text.trim().eq_ignore_ascii_case("true")));
    let url = context.globals().endpoint_url.as_deref().or_else(|| {
        setting(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            "ec2_metadata_service_endpoint",
        )
    });
    let mode = setting(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "ec2_metadata_service_endpoint_mode",
    );
    let endpoint = match (url, mode) {
        (Some(url), _) => Some(Endpoint::new(url)),
        (None, Some(mode)) => Some(mode.parse::<Mode>().map(Endpoint::from)),
        (None, None) => None,
    };
    if let Some(endpoint) = endpoint {
        builder =
            builder.endpoint(endpoint.map_err(|error| Failure::from_imds(&error, "settings"))?);
    }
    let number = |variable, property| context.number(variable, property);
    if let Some(seconds) = number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout")? {
        builder = builder.attempt_timeout(Duration::from_secs(seconds.into()));
    }
    if let Some(count) = number(
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "metadata_service_num_attempts",
    )? {
        builder = builder.attempts(count);
    }
    if let Some(name) = setting("AWS_EC2_INSTANCE_PROFILE_NAME", "ec2_instance_profile_name") {
        builder = builder.profile_name(name);
    }
    Ok(builder)
}
