use keyfob_chain::{ErrorKind, Origin, Region};
use keyfob_sigv4::Timestamp;

use crate::{context::Context, failure::Failure, terminal::masked};

/// One line of the list.
struct Line {
    name: &'static str,
    value: Option<String>,
    kind: String,
    location: String,
}

/// Prints what is in use and where it comes from, in the layout of version 2 of `aws`, with every location filled in.
///
/// # Errors
///
/// When a source of credentials is configured and fails. Nothing set at all is no failure.
pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    context.check_profile()?;
    let mut lines = vec![profile(context)];
    lines.extend(keys(context).await?);
    lines.push(region(context).await?);
    let mut text = format!(
        "{:<10} : {:<24} : {:<16} : {}\n",
        "NAME", "VALUE", "TYPE", "LOCATION"
    );
    for line in lines {
        let value = line.value.as_deref().unwrap_or("<not set>");
        text += &format!(
            "{:<10} : {value:<24} : {:<16} : {}\n",
            line.name, line.kind, line.location
        );
    }
    context.console().data(&text)
}

fn profile(context: &Context) -> Line {
    let settings = context.settings();
    match settings.profile_origin() {
        Origin::Default => Line::not_set("profile"),
        origin => Line::of(
            context,
            "profile",
            settings.profile_name().to_owned(),
            origin,
        ),
    }
}

async fn keys(context: &Context) -> Result<[Line; 2], Failure> {
    let resolution = context.chain().resolve(Timestamp::now()).await;
    let key = match resolution.credentials {
        Ok(key) => key,
        Err(error) if error.kind() == ErrorKind::NoCredentials => {
            return Ok([Line::not_set("access_key"), Line::not_set("secret_key")]);
        }
        Err(error) => return Err(Failure::from(&error)),
    };
    let winner = resolution.explanation.winner();
    let origin = winner.and_then(|row| row.origin.clone());
    let origin = origin.unwrap_or(Origin::Default);
    let line = |name, value: &str| Line::of(context, name, masked(value), &origin);
    Ok([
        line("access_key", key.access_key_id()),
        line("secret_key", key.secret_access_key().expose()),
    ])
}

/// The region that is used, the default included: a list says enough about it.
async fn region(context: &Context) -> Result<Line, Failure> {
    let argument = context.globals().region.as_deref();
    let argument = argument.map(|region| ("--region", region));
    let region = Region::resolve(context.settings(), argument).await?;
    let origin = region.origin();
    Ok(Line::of(context, "region", region.to_string(), origin))
}

impl Line {
    fn not_set(name: &'static str) -> Self {
        Self {
            name,
            value: None,
            kind: "None".to_owned(),
            location: "None".to_owned(),
        }
    }

    fn of(context: &Context, name: &'static str, value: String, origin: &Origin) -> Self {
        let credentials = context.env().credentials_file();
        let kind = match origin {
            Origin::Default => "default",
            Origin::Argument { .. } => "manual",
            Origin::Environment { .. } => "env",
            Origin::File { file, .. } if Some(file) == credentials.as_ref() => {
                "shared-credentials-file"
            }
            Origin::File { .. } => "config-file",
            Origin::InstanceMetadata { role: Some(_) } => "iam-role",
            Origin::InstanceMetadata { role: None } => "imds",
            _ => "other",
        };
        let location = match origin {
            Origin::Default => "built in".to_owned(),
            Origin::File { file, line, .. } => format!("{}:{line}", file.display()),
            origin => context.origin(origin),
        };
        Self {
            name,
            value: Some(value),
            kind: kind.to_owned(),
            location,
        }
    }
}
