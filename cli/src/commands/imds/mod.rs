//! `keyfob imds`: instance metadata.

mod events;
mod secrets;
mod tree;
mod user_data;

use std::borrow::Cow;

use keyfob_chain::Argument;
use keyfob_imds::{Client, Endpoint, wire::TokenTtl};
use serde_json::json;

use self::secrets::Masked;
use crate::{
    args::{ImdsCommand, OutputFormat},
    context::Context,
    failure::Failure,
    terminal::{masked, printable, waiting_for},
};

const CREDENTIALS: &str = "iam/security-credentials/";
const DOCUMENT: &str = "/latest/dynamic/instance-identity/document";
const TOKEN: &str = "/latest/api/token";

/// Runs the command.
///
/// # Errors
///
/// If a setting or an argument is invalid, or if the metadata cannot be read.
pub(super) async fn run(context: &Context, command: &ImdsCommand) -> Result<(), Failure> {
    let client = client(context, command)?;
    let _waiting = match command {
        // Which tells itself what happens.
        ImdsCommand::Watch { .. } => None,
        _ => Some(waiting_for("instance metadata")),
    };
    match command {
        ImdsCommand::Get { path, show } => get(context, &client, path, *show).await,
        ImdsCommand::Ls { path, recursive } => {
            let folder = folder(path);
            if *recursive {
                tree::list(context, &client, &folder).await
            } else {
                list(context, &client, &folder).await
            }
        }
        ImdsCommand::Tree { path } => tree::run(context, &client, &folder(path)).await,
        ImdsCommand::Role => role(context, &client).await,
        ImdsCommand::Credentials { show } => credentials(context, &client, *show).await,
        ImdsCommand::UserData { decode } => user_data::run(context, &client, *decode).await,
        ImdsCommand::Document => document(context, &client).await,
        ImdsCommand::Token { .. } => token(context, &client).await,
        ImdsCommand::Watch { event } => events::run(context, &client, *event).await,
    }
}

/// Returns a client for the settings. The lifetime of its session token is that of `imds token`, or
/// the default.
fn client(context: &Context, command: &ImdsCommand) -> Result<Client, Failure> {
    let failed = |error| Failure::from_imds(&error, "settings");
    let url = context.globals().endpoint_url.as_deref();
    if let Some(url) = url {
        // A bad argument is an error of the command line, not of the configuration.
        Endpoint::new(url).map_err(failed)?;
    }
    let argument = url.map(|url| Argument::new("--endpoint-url", url));
    let mut builder = context.settings().imds(argument)?;
    if let ImdsCommand::Token { ttl } = command {
        builder = builder.token_ttl(TokenTtl::from_secs(*ttl).map_err(failed)?);
    }
    builder.build().map_err(failed)
}

async fn get(context: &Context, client: &Client, path: &str, show: bool) -> Result<(), Failure> {
    let value = client
        .get_bytes(&to_wire_path(path))
        .await
        .map_err(|error| Failure::from_imds(&error, path))?;
    let printed = if show {
        Cow::Borrowed(&*value)
    } else {
        mask_document(context, &value)?
    };
    context.console().write_stdout(with_line_end(&printed))
}

async fn list(context: &Context, client: &Client, folder: &str) -> Result<(), Failure> {
    let names = client
        .list(folder)
        .await
        .map_err(|error| Failure::from_imds(&error, folder))?;
    let lines: String = names
        .iter()
        .map(|name| format!("{}\n", printable(name)))
        .collect();
    context.console().write_stdout(lines)
}

async fn role(context: &Context, client: &Client) -> Result<(), Failure> {
    let role = client
        .role_name()
        .await
        .map_err(|error| Failure::from_imds(&error, CREDENTIALS))?;
    context
        .console()
        .write_stdout(format!("{}\n", printable(&role)))
}

/// Prints the role's credentials, masked unless `show` is set.
async fn credentials(context: &Context, client: &Client, show: bool) -> Result<(), Failure> {
    let role = client
        .credentials()
        .await
        .map_err(|error| Failure::from_imds(&error, CREDENTIALS))?;
    let shown = |secret: &str| {
        if show {
            secret.to_owned()
        } else {
            masked(secret)
        }
    };
    let key = &role.credentials;
    let mut answer = json!({
        "role_name": role.name,
        "access_key_id": key.access_key_id(),
        "secret_access_key": shown(key.secret_access_key().expose()),
        "session_token": key.session_token().map(|token| shown(token.expose())),
        "expiry": key.expiry().map(|expiry| expiry.to_string()),
    });
    if let Some(account) = key.account_id() {
        answer["account_id"] = account.into();
    }
    let format = context.own_format(false).unwrap_or(OutputFormat::Json);
    context.print_as(format, "Credentials", &answer)
}

async fn document(context: &Context, client: &Client) -> Result<(), Failure> {
    let document = client
        .identity_document()
        .await
        .map_err(|error| Failure::from_imds(&error, DOCUMENT))?;
    context
        .console()
        .write_stdout(with_line_end(document.as_bytes()))
}

async fn token(context: &Context, client: &Client) -> Result<(), Failure> {
    let token = client
        .token()
        .await
        .map_err(|error| Failure::from_imds(&error, TOKEN))?;
    context
        .console()
        .write_stdout([token.header_value().as_bytes(), b"\n"].concat())
}

/// Returns the path of a folder, by default that of all metadata.
fn folder(path: &str) -> String {
    match path {
        "" => "/latest/meta-data/".to_owned(),
        path => to_wire_path(path),
    }
}

/// Adds the slash that may be missing before `latest/`, and encodes the spaces of tag keys.
fn to_wire_path(path: &str) -> String {
    let slash = if path.starts_with("latest/") { "/" } else { "" };
    format!("{slash}{}", path.replace(' ', "%20"))
}

/// Masks the secrets of a document. Other values stay unchanged.
fn mask_document<'a>(context: &Context, value: &'a [u8]) -> Result<Cow<'a, [u8]>, Failure> {
    match secrets::masked_document(value) {
        Masked::Nothing => Ok(Cow::Borrowed(value)),
        Masked::Unreadable => Err(Failure::other("the value contains a secret access key")
            .with_hint("--show prints it unchanged")),
        Masked::Document(text) => {
            context
                .console()
                .note("the secrets are masked; --show shows them");
            Ok(Cow::Owned(text.into_bytes()))
        }
    }
}

/// Adds a line end to text without one. Binary data stays unchanged.
fn with_line_end(value: &[u8]) -> Vec<u8> {
    let mut bytes = value.to_vec();
    if !bytes.ends_with(b"\n") && std::str::from_utf8(value).is_ok() {
        bytes.push(b'\n');
    }
    bytes
}
