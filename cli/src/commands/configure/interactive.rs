use keyfob_chain::{
    Origin, Region,
    profiles::{FileKind, Section, SectionName},
};
use keyfob_sigv4::Credentials;

use super::{editor, save};
use crate::{
    args::OutputFormat,
    context::Context,
    failure::Failure,
    terminal::{Prompt, masked},
};

/// The values that `configure` asks for: what is set now, or what the user entered. In answers,
/// `None` keeps the current value.
struct Values {
    id: Option<String>,
    secret: Option<String>,
    token: Option<String>,
    region: Option<String>,
    output: Option<String>,
}

/// Asks the four questions of `aws`, and for the session token of a temporary key, then writes the
/// answers.
///
/// # Errors
///
/// If there is no terminal, or if a file cannot be written.
pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let alternative = "write the files with `keyfob configure set NAME VALUE`, or set \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let prompt = Prompt::new(context.console(), alternative)?;
    let section = SectionName::profile(context.settings().profile_name());
    let profile = context.settings().files().find(&section)?;
    check_name(context, &section)?;
    let current = Values::from_profile(profile);
    let answers = ask(&prompt, &current).await?;
    write(context, &section, &answers, &current)
}

/// Refuses a profile that a file cannot have before the questions, not after them.
fn check_name(context: &Context, section: &SectionName) -> Result<(), Failure> {
    editor(context, FileKind::Credentials)?.set(section, "aws_access_key_id", ANY)?;
    editor(context, FileKind::Config)?.set(section, "region", ANY)?;
    Ok(())
}

impl Values {
    fn from_profile(profile: Option<&Section>) -> Self {
        let get = |name: &str| Some(profile?.get(name)?.non_empty()?.to_owned());
        Self {
            id: get("aws_access_key_id"),
            secret: get("aws_secret_access_key"),
            token: get("aws_session_token"),
            region: get("region"),
            output: get("output"),
        }
    }

    fn has_key(&self) -> bool {
        self.id.is_some() || self.secret.is_some() || self.token.is_some()
    }
}

async fn ask(prompt: &Prompt, current: &Values) -> Result<Values, Failure> {
    let mask = |secret: &Option<String>| secret.as_deref().map(masked);
    let (now_id, now_secret) = (mask(&current.id), mask(&current.secret));
    let id = prompt
        .line("AWS Access Key ID", now_id.as_deref(), check_id)
        .await?;
    let secret = prompt
        .secret("AWS Secret Access Key", now_secret.as_deref(), check_secret)
        .await?;
    let is_temporary = match &id {
        Some(id) => id.starts_with("ASIA"),
        None => current.token.is_some(),
    };
    let token = if is_temporary {
        let now_token = mask(&current.token);
        prompt
            .secret("AWS Session Token", now_token.as_deref(), check_token)
            .await?
    } else {
        None
    };
    let region = current.region.as_deref();
    let output = current.output.as_deref();
    Ok(Values {
        id,
        secret,
        token,
        region: prompt
            .line("Default region name", region, check_region)
            .await?,
        output: prompt
            .line("Default output format", output, check_output)
            .await?,
    })
}

/// Stands in for the parts of a key that are not checked.
const ANY: &str = "ANY";

fn check_id(id: &str) -> Result<(), String> {
    checked(Credentials::new(id, ANY))
}

fn check_secret(secret: &str) -> Result<(), String> {
    checked(Credentials::new(ANY, secret))
}

fn check_token(token: &str) -> Result<(), String> {
    checked(Credentials::new(ANY, ANY).and_then(|key| key.with_session_token(token)))
}

fn check_region(region: &str) -> Result<(), String> {
    let origin = Origin::Argument {
        name: "the answer".to_owned(),
    };
    checked(Region::new(region, origin))
}

fn check_output(format: &str) -> Result<(), String> {
    if OutputFormat::is_known_to_aws(format) {
        return Ok(());
    }
    Err(format!(
        "{format:?} is not known; use json, text or table, or yaml for aws"
    ))
}

fn checked<T, E: ToString>(result: Result<T, E>) -> Result<(), String> {
    result.map(drop).map_err(|error| error.to_string())
}

fn write(
    context: &Context,
    section: &SectionName,
    answers: &Values,
    current: &Values,
) -> Result<(), Failure> {
    let mut keys = editor(context, FileKind::Credentials)?;
    for (name, value) in [
        ("aws_access_key_id", &answers.id),
        ("aws_secret_access_key", &answers.secret),
        ("aws_session_token", &answers.token),
    ] {
        if let Some(value) = value {
            keys.set(section, name, value.as_str())?;
        }
    }
    // The token of the old key would make a new long-term key unusable.
    if answers.id.is_some() && answers.token.is_none() && current.token.is_some() {
        keys.remove(section, "aws_session_token")?;
    }
    if answers.has_key() {
        save(context, &keys)?;
    }
    let mut defaults = editor(context, FileKind::Config)?;
    for (name, value) in [("region", &answers.region), ("output", &answers.output)] {
        if let Some(value) = value {
            defaults.set(section, name, value.as_str())?;
        }
    }
    if answers.region.is_some() || answers.output.is_some() {
        save(context, &defaults)?;
    }
    Ok(())
}
