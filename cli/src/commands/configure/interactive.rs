use keyfob_chain::profiles::{FileKind, Section, SectionName};

use super::answers::{ask, current};
use crate::{context::Context, failure::Failure, terminal::Prompt};

/// What the user entered. `None` keeps the current value.
struct Answers {
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
    let has_token = profile.is_some_and(|profile| current(profile, "aws_session_token").is_some());
    let answers = ask_all(&prompt, profile, has_token).await?;
    write(context, &section, &answers, has_token)
}

/// Refuses a profile that a file cannot have before the questions, not after them.
fn check_name(context: &Context, section: &SectionName) -> Result<(), Failure> {
    context
        .editor(FileKind::Credentials)?
        .set(section, "aws_access_key_id", "")?;
    context
        .editor(FileKind::Config)?
        .set(section, "region", "")?;
    Ok(())
}

async fn ask_all(
    prompt: &Prompt,
    profile: Option<&Section>,
    has_token: bool,
) -> Result<Answers, Failure> {
    let ask = |question, name| ask(prompt, question, name, profile);
    let id = ask("AWS Access Key ID", "aws_access_key_id").await?;
    let secret = ask("AWS Secret Access Key", "aws_secret_access_key").await?;
    let is_temporary = match &id {
        Some(id) => id.starts_with("ASIA"),
        None => has_token,
    };
    let token = if is_temporary {
        ask("AWS Session Token", "aws_session_token").await?
    } else {
        None
    };
    Ok(Answers {
        id,
        secret,
        token,
        region: ask("Default region name", "region").await?,
        output: ask("Default output format", "output").await?,
    })
}

fn write(
    context: &Context,
    section: &SectionName,
    answers: &Answers,
    had_token: bool,
) -> Result<(), Failure> {
    let mut keys = context.editor(FileKind::Credentials)?;
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
    if answers.id.is_some() && answers.token.is_none() && had_token {
        keys.remove(section, "aws_session_token")?;
    }
    if answers.id.is_some() || answers.secret.is_some() || answers.token.is_some() {
        context.save(&keys)?;
    }
    let mut defaults = context.editor(FileKind::Config)?;
    for (name, value) in [("region", &answers.region), ("output", &answers.output)] {
        if let Some(value) = value {
            defaults.set(section, name, value.as_str())?;
        }
    }
    if answers.region.is_some() || answers.output.is_some() {
        context.save(&defaults)?;
    }
    Ok(())
}
