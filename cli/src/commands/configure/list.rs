use keyfob_chain::{ErrorKind, Origin};
use keyfob_sigv4::Timestamp;

use crate::{context::Context, failure::Failure, terminal::masked};

/// A line of the list.
struct Line {
    name: &'static str,
    value: Option<String>,
    kind: &'static str,
    location: String,
}

/// Lists what is in use and where it comes from, in the layout of version 2 of `aws`, with every
/// location filled in.
///
/// # Errors
///
/// If a provider that is configured fails. That nothing is set is not an error.
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
    context.console().write_stdout(text)
}

fn profile(context: &Context) -> Line {
    let settings = context.settings();
    match settings.profile_origin() {
        Origin::Default => Line::not_set("profile"),
        origin => Line::new(context, "profile", settings.profile_name(), origin),
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
    let origin = winner
        .and_then(|attempt| attempt.origin.as_ref())
        .unwrap_or(&Origin::Default);
    let line = |name, secret: &str| Line::new(context, name, &masked(secret), origin);
    Ok([
        line("access_key", key.access_key_id()),
        line("secret_key", key.secret_access_key().expose()),
    ])
}

/// The list itself says if the region is the default, so it needs no note.
async fn region(context: &Context) -> Result<Line, Failure> {
    let region = context.region_without_note().await?;
    Ok(Line::new(context, "region", region.name(), region.origin()))
}

impl Line {
    fn new(context: &Context, name: &'static str, value: &str, origin: &Origin) -> Self {
        let credentials_file = context.variables().credentials_file();
        // The names are those of aws, as far as it has any.
        let kind = match origin {
            Origin::Default => "default",
            Origin::Argument { .. } => "manual",
            Origin::Environment { .. } => "env",
            Origin::File { file, .. } if Some(file) == credentials_file.as_ref() => {
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
            value: Some(value.to_owned()),
            kind,
            location,
        }
    }

    fn not_set(name: &'static str) -> Self {
        Self {
            name,
            value: None,
            kind: "None",
            location: "None".to_owned(),
        }
    }
}
