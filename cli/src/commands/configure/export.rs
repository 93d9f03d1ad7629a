use std::{fs::OpenOptions, io::Write as _};

use keyfob_chain::{ErrorKind, settings, shell};
use keyfob_sigv4::{Credentials, Secret};
use serde_json::{Map, Value, json};

use crate::{
    args::{ExportArgs, ExportFormat},
    context::Context,
    failure::Failure,
};

const GITHUB_ENV: &str = settings::GITHUB_ENV.name();

/// Prints the credentials in use for other programs, in the bytes of `aws` where it has the form.
///
/// # Errors
///
/// If there are no credentials, if profiles wait for one another's processes in a circle, or if a
/// value cannot be written in the form.
pub(super) async fn run(context: &Context, args: &ExportArgs) -> Result<(), Failure> {
    let waiting = context.settings().check_waiting_profiles();
    waiting.map_err(|error| match error.kind() {
        ErrorKind::SourceProfile => Failure::configuration(error.to_string()),
        _ => Failure::from_provider(&error),
    })?;
    let credentials = context.credentials().await?;
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
    let names = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION",
    ];
    let pairs = names.into_iter().zip(values(credentials));
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

/// Returns the line that sets a variable, or `None` if its form cannot have the value. Quotes and
/// escapes are added only to a value that needs them, so that others have the bytes of `aws`.
fn line(format: ExportFormat, name: &str, value: &str) -> Option<String> {
    if value.contains(['\n', '\r', '\0']) {
        return None;
    }
    let escaped = |special: &[char], escape: char| {
        let mut out = String::with_capacity(value.len());
        for char in value.chars() {
            if special.contains(&char) {
                out.push(escape);
            }
            out.push(char);
        }
        out
    };
    Some(match format {
        ExportFormat::EnvNoExport => format!("{name}={}", shell::quoted(value)),
        ExportFormat::Powershell => {
            // PowerShell takes typographic quotes for the plain ones.
            let special = ['"', '`', '$', '\u{201c}', '\u{201d}', '\u{201e}'];
            format!("$Env:{name}=\"{}\"", escaped(&special, '`'))
        }
        // Nothing quotes these two there.
        ExportFormat::WindowsCmd if value.contains(['"', '%']) => return None,
        ExportFormat::WindowsCmd if value.contains(['&', '|', '<', '>', '^', '!', ' ']) => {
            format!("set \"{name}={value}\"")
        }
        ExportFormat::WindowsCmd => format!("set {name}={value}"),
        ExportFormat::Fish => {
            format!("set -gx {name} \"{}\"", escaped(&['\\', '"', '$'], '\\'))
        }
        ExportFormat::Dotenv if shell::quoted(value) == value => format!("{name}={value}"),
        ExportFormat::Dotenv => {
            format!("{name}=\"{}\"", escaped(&['\\', '"', '$', '`'], '\\'))
        }
        _ => format!("export {name}={}", shell::quoted(value)),
    })
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
    let text: String = variables(credentials)
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    let written = OpenOptions::new()
        .append(true)
        .create(true)
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
    fn a_value_with_special_characters_is_quoted_for_its_program() {
        let value = "a$b`c\"d\\e'f&g";
        for (format, expected) in [
            (ExportFormat::Env, Some("export NAME='a$b`c\"d\\e'\\''f&g'")),
            (
                ExportFormat::Powershell,
                Some("$Env:NAME=\"a`$b``c`\"d\\e'f&g\""),
            ),
            (ExportFormat::WindowsCmd, None),
            (
                ExportFormat::Fish,
                Some("set -gx NAME \"a\\$b`c\\\"d\\\\e'f&g\""),
            ),
            (
                ExportFormat::Dotenv,
                Some("NAME=\"a\\$b\\`c\\\"d\\\\e'f&g\""),
            ),
        ] {
            assert_eq!(
                line(format, "NAME", value).as_deref(),
                expected,
                "{format:?}"
            );
            assert_eq!(line(format, "NAME", "a\nb"), None);
        }
        let ampersand = line(ExportFormat::WindowsCmd, "NAME", "a&b");
        assert_eq!(ampersand.as_deref(), Some("set \"NAME=a&b\""));
    }
}
