use keyfob_chain::{ErrorKind, Explanation, Origin, Provider as _, Resolution};
use keyfob_sigv4::Timestamp;

use crate::{
    context::Context,
    failure::{Failure, chained},
    terminal::{masked, printable},
};

/// A line of the list.
struct Line {
    name: &'static str,
    value: String,
    kind: &'static str,
    location: String,
}

/// Lists what is in use and where it comes from, in the layout of version 2 of `aws`, with every
/// location filled in.
///
/// # Errors
///
/// If the configuration is wrong. That nothing is set, or that a source fails, is not an error.
pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    context.check_profile()?;
    let resolution = context.chain().resolve(Timestamp::now()).await;
    let mut lines = vec![Line::head(), profile(context)];
    lines.extend(keys(context, &resolution)?);
    lines.push(region(context).await?);
    let width = |cell: fn(&Line) -> &str, least: usize| {
        let widths = lines.iter().map(|line| cell(line).chars().count());
        widths.max().unwrap_or_default().max(least)
    };
    let (values, kinds) = (width(|line| &line.value, 24), width(|line| line.kind, 16));
    let mut text = String::new();
    for line in &lines {
        text += &format!(
            "{:<10} : {:<values$} : {:<kinds$} : {}\n",
            line.name, line.value, line.kind, line.location
        );
    }
    context.console().write_stdout(text)?;
    warn(context, resolution.explanation);
    Ok(())
}

/// Prints what is probably wrong with the variables and the files. No service is asked for it.
fn warn(context: &Context, explanation: Explanation) {
    let explanation = explanation
        .with_findings(context.chain().findings(Timestamp::now()))
        .with_findings(context.settings().findings(None));
    for finding in explanation.warnings() {
        context.print_finding(finding);
    }
}

fn profile(context: &Context) -> Line {
    let settings = context.settings();
    match settings.profile_origin() {
        Origin::Default => Line::not_set("profile"),
        origin => Line::new(context, "profile", settings.profile_name(), origin),
    }
}

fn keys(context: &Context, resolution: &Resolution) -> Result<[Line; 2], Failure> {
    let key = match &resolution.credentials {
        Ok(key) => key,
        Err(error) => {
            // Whether a source works is for `whoami` to say; the list has what is set.
            match error.kind() {
                ErrorKind::NoCredentials => {}
                ErrorKind::Unsupported
                | ErrorKind::Provider
                | ErrorKind::Refused
                | ErrorKind::Expired
                | ErrorKind::SourceProfile => {
                    let reason = chained(error);
                    let warning = format!("no key can be shown: {}", printable(&reason));
                    context.console().warn(&warning);
                }
                _ => return Err(Failure::from_provider(error)),
            }
            return Ok([Line::not_set("access_key"), Line::not_set("secret_key")]);
        }
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
            value: printable(value).into_owned(),
            kind,
            location: printable(&location).into_owned(),
        }
    }

    fn head() -> Self {
        Self {
            name: "NAME",
            value: "VALUE".to_owned(),
            kind: "TYPE",
            location: "LOCATION".to_owned(),
        }
    }

    fn not_set(name: &'static str) -> Self {
        Self {
            name,
            value: "<not set>".to_owned(),
            kind: "None",
            location: "None".to_owned(),
        }
    }
}
