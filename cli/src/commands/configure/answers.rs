use keyfob_chain::{
    Origin, Region,
    profiles::{Section, is_quoted},
    settings::{self, OUTPUT, SettingKey, SettingKind},
};
use keyfob_sigv4::Credentials;

use crate::{
    args::OutputFormat,
    failure::Failure,
    terminal::{Prompt, masked},
};

/// The settings that are shown while they are typed. Any other one may be a secret.
const PLAIN: [&str; 19] = [
    "aws_access_key_id",
    "ca_bundle",
    "cli_pager",
    "credential_source",
    "endpoint_url",
    "mfa_serial",
    "output",
    "region",
    "role_arn",
    "role_session_name",
    "services",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_registration_scopes",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

/// Asks for a setting by its name, in lower case, until the answer can be used. `None` keeps the
/// value that the profile has, which is shown, masked if it is a key.
///
/// # Errors
///
/// If the terminal cannot be read, or on Ctrl-C.
pub(super) async fn ask(
    prompt: &Prompt,
    question: &str,
    name: &str,
    profile: Option<&Section>,
) -> Result<Option<String>, Failure> {
    let name = name.to_ascii_lowercase();
    let now = profile.and_then(|profile| current(profile, &name));
    let now = now.map(|value| shown(&name, value));
    let check = |answer: &str| check(&name, answer);
    if is_plain(&name) {
        prompt.line(question, now.as_deref(), check).await
    } else {
        prompt.secret(question, now.as_deref(), check).await
    }
}

/// Returns a value as it may be shown: masked if it is a key, or may be or have a secret. `name` is
/// that of the setting, in lower case; that of a nested one begins with the name of its block and a
/// dot.
pub(super) fn shown(name: &str, value: &str) -> String {
    if is_plain(name) && name != "aws_access_key_id" && !may_have_password(value) {
        value.to_owned()
    } else {
        masked(value)
    }
}

/// Returns true for a URL with a user, or with a query, which may be a signature.
pub(super) fn may_have_password(value: &str) -> bool {
    value.contains("://") && value.contains(['@', '?'])
}

fn is_plain(name: &str) -> bool {
    let is_word = |key: &&SettingKey| {
        let is_safe = matches!(
            key.kind,
            SettingKind::Flag
                | SettingKind::Number(_)
                | SettingKind::Seconds
                | SettingKind::Bytes
                | SettingKind::Time
                | SettingKind::Choice(_)
        );
        is_safe && key.properties.contains(&name)
    };
    // The name of a service is above its URL.
    let own = name.rsplit('.').next().unwrap_or(name);
    PLAIN.contains(&name) || own == "endpoint_url" || settings::ALL.iter().any(|key| is_word(&key))
}

/// Returns the value that a profile has, unless it is empty.
pub(super) fn current<'a>(profile: &'a Section, name: &str) -> Option<&'a str> {
    profile.get(name)?.non_empty()
}

/// Stands in for the parts of a key that are not checked.
const ANY: &str = "ANY";

fn check(name: &str, answer: &str) -> Result<(), String> {
    // A command has quotes of its own.
    if is_quoted(answer) && name != "credential_process" {
        return Err("the answer has quotes, which would be part of it: leave them out".to_owned());
    }
    match name {
        "aws_access_key_id" => checked(Credentials::new(answer, ANY)),
        "aws_secret_access_key" => checked(Credentials::new(ANY, answer)),
        "aws_session_token" => {
            checked(Credentials::new(ANY, ANY).and_then(|key| key.with_session_token(answer)))
        }
        "region" => {
            let name = "the answer".to_owned();
            checked(Region::new(answer, Origin::Argument { name }))
        }
        "output" if OutputFormat::from_name(answer).is_none() => {
            Err(format!("{answer:?} is not known; use {}", OUTPUT.kind))
        }
        _ => Ok(()),
    }
}

fn checked<T, E: ToString>(result: Result<T, E>) -> Result<(), String> {
    result.map(drop).map_err(|error| error.to_string())
}
