//! `keyfob imds`: instance metadata, by hand.

mod events;
mod settings;
mod tree;
mod user_data;

use std::borrow::Cow;

use keyfob_imds::{Client, Error, ErrorKind, wire::TokenTtl};
use serde_json::{Value, json};

use crate::{
    args::ImdsCommand,
    context::Context,
    failure::{Failure, chained},
    terminal::masked,
};

const DOCUMENT: &str = "/latest/dynamic/instance-identity/document";

/// Runs the command.
///
/// # Errors
///
/// When the metadata cannot be had.
pub(super) async fn run(context: &Context, command: &ImdsCommand) -> Result<(), Failure> {
    let client = client(context, command)?;
    let console = context.console();
    match command {
        ImdsCommand::Get { path, show } => {
            let value = client.get_bytes(&on_wire(path)).await;
            let value = value.map_err(|error| failure(&error, path))?;
            match show {
                true => console.bytes(&with_line_end(&value)),
                false => console.bytes(&with_line_end(&without_secrets(context, &value)?)),
            }
        }
        ImdsCommand::Ls { path, recursive } => match recursive {
            true => tree::list(context, &client, &folder(path)).await,
            false => list(context, &client, &folder(path)).await,
        },
        ImdsCommand::Tree { path } => tree::run(context, &client, &folder(path)).await,
        ImdsCommand::Role => {
            let role = client.role_name().await;
            let role = role.map_err(|error| failure(&error, "iam/security-credentials/"))?;
            console.data(&format!("{role}\n"))
        }
        ImdsCommand::Credentials { show } => credentials(context, &client, *show).await,
        ImdsCommand::UserData { decode } => user_data::run(context, &client, *decode).await,
        ImdsCommand::Document => {
            let document = client.identity_document().await;
            let document = document.map_err(|error| failure(&error, DOCUMENT))?;
            console.bytes(&with_line_end(document.as_bytes()))
        }
        ImdsCommand::Token { .. } => {
            let token = client.token().await;
            let token = token.map_err(|error| failure(&error, "/latest/api/token"))?;
            let mut line = token.header_value().as_bytes().to_vec();
            line.push(b'\n');
            console.bytes(&line)
        }
        ImdsCommand::Watch { event } => events::run(context, &client, *event).await,
    }
}

/// The client for the settings; only a session that is given away has a time to live of its own.
fn client(context: &Context, command: &ImdsCommand) -> Result<Client, Failure> {
    let refused = |error| failure(&error, "settings");
    let mut builder = settings::builder(context)?;
    if let ImdsCommand::Token { ttl } = command {
        builder = builder.token_ttl(TokenTtl::from_secs(*ttl).map_err(refused)?);
    }
    builder.build().map_err(refused)
}

/// The whole tree, unless a part of it is asked for.
fn folder(path: &str) -> String {
    match path {
        "" => "/latest/meta-data/".to_owned(),
        path => on_wire(path),
    }
}

/// A path as people write it and lists show it: the slash before `latest/` may be left out, a tag's key may hold blanks.
fn on_wire(path: &str) -> String {
    let slash = if path.starts_with("latest/") { "/" } else { "" };
    format!("{slash}{}", path.replace(' ', "%20"))
}

/// A credential document with its secrets masked; anything else as it is.
fn without_secrets<'a>(context: &Context, value: &'a [u8]) -> Result<Cow<'a, [u8]>, Failure> {
    if !value.windows(SECRET.len()).any(|part| part == SECRET) {
        return Ok(Cow::Borrowed(value));
    }
    let Ok(Value::Object(mut document)) = serde_json::from_slice(value) else {
        return Err(Failure::other("the value holds a secret access key")
            .with_hint("--show prints it all the same"));
    };
    for name in ["SecretAccessKey", "Token"] {
        if let Some(Value::String(secret)) = document.get_mut(name) {
            *secret = masked(secret);
        }
    }
    context
        .console()
        .note("the secrets are masked; --show shows them");
    Ok(Cow::Owned(
        format!("{:#}", Value::Object(document)).into_bytes(),
    ))
}

const SECRET: &[u8] = b"SecretAccessKey";

async fn list(context: &Context, client: &Client, folder: &str) -> Result<(), Failure> {
    let names = client.list(folder).await;
    let names = names.map_err(|error| failure(&error, folder))?;
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    context.console().data(&lines)
}

/// The role's credentials as the service has them; masked unless asked otherwise.
async fn credentials(context: &Context, client: &Client, show: bool) -> Result<(), Failure> {
    let role = client.credentials().await;
    let role = role.map_err(|error| failure(&error, "iam/security-credentials/"))?;
    let shown = |secret: &str| match show {
        true => secret.to_owned(),
        false => masked(secret),
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

/// What the service said no to is its error; what kept it from being asked is another.
fn failure(error: &Error, path: &str) -> Failure {
    let text = chained(error);
    match (error.kind(), error.status()) {
        (ErrorKind::Setting, _) => Failure::usage(text),
        (ErrorKind::Disabled, _) => Failure::configuration(text)
            .with_hint("unset AWS_EC2_METADATA_DISABLED, or try `keyfob --sandbox imds role`"),
        (ErrorKind::NotFound, _) => Failure::service("NotFound", &format!("GET {path}"), text),
        (_, Some(status)) => Failure::service(&status.to_string(), &format!("GET {path}"), text),
        (ErrorKind::Connect | ErrorKind::Timeout, _) => {
            Failure::other(text).with_code("EndpointConnection")
        }
        _ => Failure::other(text),
    }
}
