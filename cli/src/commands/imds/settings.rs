use std::time::Duration;

use keyfob_imds::{Builder, Client, Endpoint, Error, is_on};

use crate::context::Context;

/// A client as the settings ask for it.
///
/// Source: SDKs and Tools Reference Guide, "IMDS client".
pub(super) fn builder(context: &Context) -> Result<Builder, Error> {
    let setting = |variable, property| context.setting(variable, property);
    let mut builder = Client::builder()
        .disabled(setting("AWS_EC2_METADATA_DISABLED", "ec2_metadata_disabled").is_some_and(is_on));
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
    builder = match (url, mode) {
        (Some(url), _) => builder.endpoint(Endpoint::new(url)?),
        (None, Some(mode)) => builder.endpoint(Endpoint::of_mode(mode.parse()?)),
        (None, None) => builder,
    };
    let number = |variable, property| setting(variable, property)?.parse::<u32>().ok();
    if let Some(seconds) = number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout") {
        builder = builder.attempt_timeout(Duration::from_secs(seconds.into()));
    }
    if let Some(count) = number(
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "metadata_service_num_attempts",
    ) {
        builder = builder.attempts(count);
    }
    if let Some(name) = setting("AWS_EC2_INSTANCE_PROFILE_NAME", "ec2_instance_profile_name") {
        builder = builder.profile_name(name);
    }
    Ok(builder)
}
