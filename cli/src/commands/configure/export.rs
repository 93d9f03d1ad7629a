use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

use keyfob_chain::{ErrorKind, settings, shell};
use keyfob_sigv4::{Credentials, Secret};
use serde_json::{Map, Value, json};

use crate::{
    args::{ExportArgs, ExportFormat},
    context::Context,
    failure::Failure,
    terminal::{Shell, escaped},
};

const GITHUB_ENV: &str = settings::GITHUB_ENV.name();

/// The variables, in the order of [`values`].
const NAMES: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
];

/// Prints the credentials in use for other programs, in the bytes of `aws` where it has the form.
///
/// # Errors
///
/// If there are no credentials, if they have expired, if profiles wait for one another's processes
/// in a circle, or if a value cannot be written in the form.
pub(super) async fn run(context: &Context, args: &ExportArgs) -> Result<(), Failure> {
    let waiting = context.settings().check_waiting_profiles();
    waiting.map_err(|error| match error.kind() {
        ErrorKind::SourceProfile => Failure::configuration(error.to_string()),
        _ => Failure::from_provider(&error, context.settings()),
    })?;
    let credentials = context
        .credentials_to_export(&args.role, context.endpoint_argument())
        .await?;
    let text = match args.format {
        ExportFormat::Process => document(&credentials, "SessionToken", true),
        ExportFormat::JsonContainer => document(&credentials, "Token", false),
        ExportFormat::Github => return for_github(context, &credentials),
        format => lines(format, &credentials)?,
    };
    context.console().write_stdout(text)
}

/// Returns the members that have a value, with the indent of `aws`.
fn document(credentials: &Credentials, token: &str, is_process: bool) -> String {
    let mut members = Map::new();
    if is_process {
        members.insert("Version".to_owned(), json!(1));
    }
    let [id, secret, session, expiry] = values(credentials);
    for (name, value) in [
        ("AccessKeyId", id),
        ("SecretAccessKey", secret),
        (token, session),
        ("Expiration", expiry),
    ] {
        members.extend(value.map(|value| (name.to_owned(), Value::from(value))));
    }
    format!("{:#}\n", Value::Object(members))
}

/// Returns the access key ID, the secret access key, the session token and the expiry, in the form
/// of Python.
fn values(credentials: &Credentials) -> [Option<String>; 4] {
    let expiry = credentials.expiry().map(|expiry| {
        let text = expiry.to_string();
        format!("{}+00:00", text.trim_end_matches('Z'))
    });
    [
        Some(credentials.access_key_id().to_owned()),
        Some(credentials.secret_access_key().expose().to_owned()),
        credentials
            .session_token()
            .map(Secret::expose)
            .map(str::to_owned),
        expiry,
    ]
}

fn variables(credentials: &Credentials) -> impl Iterator<Item = (&'static str, String)> {
    let pairs = NAMES.into_iter().zip(values(credentials));
    pairs.filter_map(|(name, value)| Some((name, value?)))
}

fn lines(format: ExportFormat, credentials: &Credentials) -> Result<String, Failure> {
    let mut out = String::new();
    for (name, value) in variables(credentials) {
        let line = line(format, name, &value).ok_or_else(|| {
            Failure::configuration(format!(
                "{name} has a character that this form cannot have: use the form process"
            ))
        })?;
        out.push_str(&line);
        out.push('\n');
    }
    Ok(out)
}

/// Returns the line that sets a variable, or `None` if its form cannot have the value. Values that
/// need no quotes have the bytes of `aws`.
fn line(format: ExportFormat, name: &str, value: &str) -> Option<String> {
    match format {
        ExportFormat::Powershell => Shell::Powershell.set(name, value),
        ExportFormat::WindowsCmd => Shell::Cmd.set(name, value),
        ExportFormat::Fish => Shell::Fish.set(name, value),
        _ if value.contains(['\n', '\r', '\0']) => None,
        ExportFormat::EnvNoExport => Some(format!("{name}={}", shell::quoted(value))),
        ExportFormat::Dotenv if shell::quoted(value) == value => Some(format!("{name}={value}")),
        ExportFormat::Dotenv => {
            let value = escaped(value, &['\\', '"', '$', '`'], '\\');
            Some(format!("{name}=\"{value}\""))
        }
        _ => Shell::Sh.set(name, value),
    }
}

/// Adds the variables to the file of the job, after its log masks the secrets.
///
/// Source: "Workflow commands for GitHub Actions", Setting an environment variable, Masking a value
/// in a log.
fn for_github(context: &Context, credentials: &Credentials) -> Result<(), Failure> {
    let file = context.variables().raw(GITHUB_ENV).ok_or_else(|| {
        Failure::configuration(format!(
            "{GITHUB_ENV} is not set: the form github is for a step of GitHub Actions"
        ))
    })?;
    let secrets = [
        Some(credentials.secret_access_key()),
        credentials.session_token(),
    ];
    let mut masks = String::new();
    for secret in secrets.into_iter().flatten() {
        let secret = secret.expose().replace('%', "%25");
        masks.push_str(&format!("::add-mask::{secret}\n"));
    }
    context.console().write_stdout(masks)?;
    // Read as far as that is possible: a pipe would be waited for.
    let file = Path::new(file);
    let known = if file.is_file() {
        fs::read(file).unwrap_or_default()
    } else {
        Vec::new()
    };
    let is_known = |name: &str| {
        let start = format!("{name}=");
        let mut lines = known.split(|byte| *byte == b'\n');
        lines.any(|line| line.starts_with(start.as_bytes()))
            || context.variables().raw(name).is_some()
    };
    let mut text = String::new();
    if known.last().is_some_and(|byte| *byte != b'\n') {
        text.push('\n');
    }
    for (name, value) in NAMES.into_iter().zip(values(credentials)) {
        // Nothing unsets a variable of the job, and an empty one counts as not set. One of another
        // key would make this one useless.
        match value {
            Some(value) => text.push_str(&format!("{name}={value}\n")),
            None if is_known(name) => text.push_str(&format!("{name}=\n")),
            None => {}
        }
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // Of a file that is there already, the mode stays.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written
        .map_err(|error| Failure::other(format!("cannot write the file of {GITHUB_ENV}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_value_has_the_bytes_of_aws() {
        for (format, expected) in [
            (ExportFormat::Env, "export NAME=a/b+c="),
            (ExportFormat::EnvNoExport, "NAME=a/b+c="),
            (ExportFormat::Powershell, "$Env:NAME=\"a/b+c=\""),
            (ExportFormat::WindowsCmd, "set NAME=a/b+c="),
            (ExportFormat::Fish, "set -gx NAME \"a/b+c=\""),
            (ExportFormat::Dotenv, "NAME=a/b+c="),
        ] {
            assert_eq!(line(format, "NAME", "a/b+c=").as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_value_with_special_characters_is_quoted_in_a_file() {
        let value = line(ExportFormat::Dotenv, "NAME", "a$b`c\"d\\e'f&g");
        let expected = "NAME=\"a\\$b\\`c\\\"d\\\\e'f&g\"";
        assert_eq!(value.as_deref(), Some(expected));
        assert_eq!(line(ExportFormat::Dotenv, "NAME", "a\nb"), None);
    }
}
