//! `keyfob imds`: instance metadata, by hand.

use std::time::Duration;

use keyfob_imds::{Client, Endpoint, Error, ErrorKind};
use serde_json::json;

use crate::{
    args::ImdsCommand,
    context::{Context, chained},
    failure::Failure,
};

/// Runs the command.
///
/// # Errors
///
/// When the metadata cannot be had.
pub(super) async fn run(context: &Context, command: &ImdsCommand) -> Result<(), Failure> {
    let client = client(context).map_err(|error| failure(&error, "settings"))?;
    let console = context.console();
    match command {
        ImdsCommand::Get { path } => {
            let value = client.get_bytes(path).await;
            let value = value.map_err(|error| failure(&error, path))?;
            console.bytes(&with_line_end(&value))
        }
        ImdsCommand::Ls { path } => {
            let folder = if path.is_empty() {
                "/latest/meta-data/"
            } else {
                path
            };
            let names = client.list(folder).await;
            let names = names.map_err(|error| failure(&error, folder))?;
            console.data(
                &names
                    .iter()
                    .map(|name| format!("{name}\n"))
                    .collect::<String>(),
            )
        }
        ImdsCommand::Role => {
            let role = client.role_name().await;
            let role = role.map_err(|error| failure(&error, "iam/security-credentials/"))?;
            console.data(&format!("{role}\n"))
        }
        ImdsCommand::Credentials { show } => credentials(context, &client, *show).await,
    }
}

/// The role's credentials as the service has them; masked unless asked otherwise.
async fn credentials(context: &Context, client: &Client, show: bool) -> Result<(), Failure> {
    let role = client.credentials().await;
    let role = role.map_err(|error| failure(&error, "iam/security-credentials/"))?;
    let shown = |secret: &str| match show {
        true => secret.to_owned(),
        false => super::masked(secret),
    };
    let key = &role.credentials;
    let mut answer = json!({
        "RoleName": role.name,
        "AccessKeyId": key.access_key_id(),
        "SecretAccessKey": shown(key.secret_access_key().expose()),
        "Token": key.session_token().map(|token| shown(token.expose())),
        "Expiration": key.expiry().map(|expiry| expiry.to_string()),
    });
    if let Some(account) = key.account_id() {
        answer["AccountId"] = account.into();
    }
    context.print("Credentials", &answer)
}

/// A value ends its line on the terminal; what ends one already, or is no text, stays.
fn with_line_end(value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if !value.ends_with(b"\n") && std::str::from_utf8(&value).is_ok() {
        value.push(b'\n');
    }
    value
}

/// The client that the settings ask for.
///
/// Source: SDKs and Tools Reference Guide, "IMDS client".
fn client(context: &Context) -> Result<Client, Error> {
    let setting = |variable, property| context.setting(variable, property);
    let is_true = |text: &str| text.eq_ignore_ascii_case("true");
    let mut builder = Client::builder().disabled(
        setting("AWS_EC2_METADATA_DISABLED", "ec2_metadata_disabled").is_some_and(is_true),
    );
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
    builder.build()
}

/// What the service said no to is its error; what kept it from being asked is another.
fn failure(error: &Error, path: &str) -> Failure {
    let text = chained(error);
    match (error.kind(), error.status()) {
        (ErrorKind::Setting, _) => Failure::usage(text),
        (ErrorKind::Disabled, _) => Failure::configuration(text)
            .with_hint("unset AWS_EC2_METADATA_DISABLED, or try `keyfob --sandbox imds role`"),
        (ErrorKind::NotFound, _) => Failure::service("NotFound", &format!("GET {path}"), text),
        (_, Some(status)) => Failure::service(&status.to_string(), &format!("GET {path}"), text),
        (ErrorKind::Unreachable | ErrorKind::Timeout, _) => {
            Failure::other(text).with_code("EndpointConnection")
        }
        _ => Failure::other(text),
    }
}
