use keyfob_chain::{FileKind, Origin, Region, Section, SectionName};
use keyfob_sigv4::Credentials;

use super::{editor, save};
use crate::{
    args::OutputFormat,
    context::Context,
    failure::Failure,
    terminal::{Prompt, masked},
};

/// What the person answered; nothing where the present value stays.
struct Answers {
    id: Option<String>,
    secret: Option<String>,
    token: Option<String>,
    region: Option<String>,
    output: Option<String>,
}

/// What is set now.
struct Current {
    id: Option<String>,
    secret: Option<String>,
    token: Option<String>,
    region: Option<String>,
    output: Option<String>,
}

/// Asks aws's four questions, and for the session token where the key is temporary, and writes what is new.
///
/// # Errors
///
/// Without a terminal; when a file cannot be written.
pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let instead = "write the files with `keyfob configure set NAME VALUE`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let prompt = Prompt::new(context.console(), instead)?;
    let section = SectionName::profile(context.settings().profile_name());
    let current = context.settings().profiles().find(&section);
    let current = Current::of(current?);
    let answers = ask(&prompt, &current).await?;
    write(context, &section, &answers, &current)
}

impl Current {
    fn of(profile: Option<&Section>) -> Self {
        let get = |name: &str| Some(profile?.get(name)?.non_empty()?.to_owned());
        Self {
            id: get("aws_access_key_id"),
            secret: get("aws_secret_access_key"),
            token: get("aws_session_token"),
            region: get("region"),
            output: get("output"),
        }
    }
}

async fn ask(prompt: &Prompt, current: &Current) -> Result<Answers, Failure> {
    let hidden = |value: &Option<String>| value.as_deref().map(masked);
    let now = hidden(&current.id);
    let id = prompt.line("AWS Access Key ID", now.as_deref(), check_id);
    let id = id.await?;
    let now = hidden(&current.secret);
    let secret = prompt.secret("AWS Secret Access Key", now.as_deref(), check_secret);
    let secret = secret.await?;
    let asks_token = match &id {
        Some(id) => id.starts_with("ASIA"),
        None => current.token.is_some(),
    };
    let now = hidden(&current.token);
    let token = match asks_token {
        true => {
            let token = prompt.secret("AWS Session Token", now.as_deref(), check_token);
            token.await?
        }
        false => None,
    };
    let region = current.region.as_deref();
    let region = prompt.line("Default region name", region, check_region);
    let region = region.await?;
    let output = current.output.as_deref();
    let output = prompt.line("Default output format", output, check_output);
    let output = output.await?;
    Ok(Answers {
        id,
        secret,
        token,
        region,
        output,
    })
}

/// Stands in for the part of a key that is not looked at.
const ANY: &str = "ANY";

fn check_id(id: &str) -> Result<(), String> {
    let key = Credentials::new(id, ANY);
    key.map(drop).map_err(|error| error.to_string())
}

fn check_secret(secret: &str) -> Result<(), String> {
    let key = Credentials::new(ANY, secret);
    key.map(drop).map_err(|error| error.to_string())
}

fn check_token(token: &str) -> Result<(), String> {
    let key = Credentials::new(ANY, ANY).and_then(|key| key.with_session_token(token));
    key.map(drop).map_err(|error| error.to_string())
}

fn check_region(region: &str) -> Result<(), String> {
    let origin = Origin::Argument {
        name: "the answer".to_owned(),
    };
    let region = Region::new(region, origin);
    region.map(drop).map_err(|error| error.to_string())
}

fn check_output(format: &str) -> Result<(), String> {
    match OutputFormat::is_of_aws(format) {
        true => Ok(()),
        false => Err(format!(
            "{format:?} is not known; json, text and table are, and yaml for aws"
        )),
    }
}

fn write(
    context: &Context,
    section: &SectionName,
    answers: &Answers,
    current: &Current,
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
    // The token of an old key would spoil a new long-term one.
    if answers.id.is_some() && answers.token.is_none() && current.token.is_some() {
        keys.remove(section, "aws_session_token")?;
    }
    if answers.id.is_some() || answers.secret.is_some() || answers.token.is_some() {
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
