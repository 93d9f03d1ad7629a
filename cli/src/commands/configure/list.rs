use keyfob_chain::{
    Error, ErrorKind, Explanation, Origin, Provider as _, Resolution,
    profiles::{self, SectionName},
};
use keyfob_sigv4::Timestamp;
use serde_json::{Value, json};

use super::{answers::shown, flat};
use crate::{
    args::OutputFormat,
    context::{Context, has_failed},
    failure::{Failure, chained},
    terminal::{masked, printable},
};

/// A line of the list.
struct Line {
    name: String,
    /// What is set, and where. `None` if nothing is.
    setting: Option<Setting>,
}

struct Setting {
    value: String,
    kind: &'static str,
    location: String,
}

/// Lists what is in use and where it comes from, in the layout of version 2 of `aws`, with every
/// location filled in; for another section than a profile, its settings.
///
/// # Errors
///
/// After the list: if the configuration is wrong. That nothing is set, or that a source fails, is
/// not an error.
pub(super) async fn run(
    context: &Context,
    json: bool,
    section: Option<&SectionName>,
) -> Result<(), Failure> {
    if let Some(name) = section {
        return print(context, json, &lines_of(context, name)?);
    }
    let found = context.check_profile();
    let resolution = context.chain().resolve(Timestamp::now()).await;
    let (keys, key_error) = keys(context, &resolution);
    let region = region(context).await;
    let [access_key, secret_key] = keys;
    let (region, region_error) = match region {
        Ok(region) => (region, None),
        Err(error) => (Line::not_set("region"), Some(error)),
    };
    let lines = [profile(context), access_key, secret_key, region];
    print(context, json, &lines)?;
    // The error of the profile is the reason of the others.
    found?;
    if let Some(error) = key_error.or(region_error) {
        return Err(error);
    }
    warn(context, resolution.explanation);
    Ok(())
}

/// Returns the settings of a section that is not a profile.
fn lines_of(context: &Context, name: &SectionName) -> Result<Vec<Line>, Failure> {
    let section = context.settings().files().section(name)?;
    let values = section.iter().flat_map(|(name, value)| flat(name, value));
    let line = |(name, value): (String, &profiles::Value)| {
        let origin = Origin::File {
            file: value.location().file().to_owned(),
            line: value.location().line(),
            section: section.name().name().to_owned(),
        };
        let shown = shown(&name, value.as_str());
        Line::new(context, name, &shown, &origin)
    };
    Ok(values.map(line).collect())
}

fn print(context: &Context, json: bool, lines: &[Line]) -> Result<(), Failure> {
    if json {
        let data = lines.iter().map(|line| (line.name.clone(), line.json()));
        return context.print_as(OutputFormat::Json, "List", &Value::Object(data.collect()));
    }
    context.console().write_stdout(table(lines))
}

fn table(lines: &[Line]) -> String {
    let head = ["NAME", "VALUE", "TYPE", "LOCATION"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head)
        .chain(lines.iter().map(Line::cells))
        .collect();
    let width = |column: usize, least: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default().max(least)
    };
    let (names, values, kinds) = (width(0, 10), width(1, 24), width(2, 16));
    let lines = rows.iter().map(|[name, value, kind, location]| {
        format!("{name:<names$} : {value:<values$} : {kind:<kinds$} : {location}\n")
    });
    lines.collect()
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

/// Returns the lines of the key, and the error of a configuration that is wrong.
fn keys(context: &Context, resolution: &Resolution) -> ([Line; 2], Option<Failure>) {
    let error = match &resolution.credentials {
        Ok(key) => {
            let winner = resolution.explanation.winner();
            let origin = winner
                .and_then(|attempt| attempt.origin.as_ref())
                .unwrap_or(&Origin::Default);
            let line = |name, secret: &str| Line::new(context, name, &masked(secret), origin);
            let secret_key = line("secret_key", key.secret_access_key().expose());
            return ([line("access_key", key.access_key_id()), secret_key], None);
        }
        Err(error) => error,
    };
    // Whether a source works is for `whoami` to say; the list has what is set.
    let failure = match error.kind() {
        ErrorKind::NoCredentials if !has_failed(&resolution.explanation) => None,
        ErrorKind::NoCredentials
        | ErrorKind::Unsupported
        | ErrorKind::MfaCode
        | ErrorKind::SignIn
        | ErrorKind::Provider
        | ErrorKind::Refused
        | ErrorKind::Expired
        | ErrorKind::SourceProfile => warned(context, error),
        // What needs a request is not wrong because of that.
        _ if context.is_offline() => warned(context, error),
        _ => Some(Failure::from_provider(error, context.settings())),
    };
    let lines = [Line::not_set("access_key"), Line::not_set("secret_key")];
    (lines, failure)
}

fn warned(context: &Context, error: &Error) -> Option<Failure> {
    let reason = chained(error);
    let warning = format!("no key can be shown: {}", printable(&reason));
    context.console().warn(&warning);
    None
}

/// The list itself says if the region is the default, so it needs no note.
async fn region(context: &Context) -> Result<Line, Failure> {
    let region = context.region_without_note().await?;
    Ok(Line::new(context, "region", region.name(), region.origin()))
}

impl Line {
    fn new(context: &Context, name: impl Into<String>, value: &str, origin: &Origin) -> Self {
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
        let setting = Setting {
            value: value.to_owned(),
            kind,
            location,
        };
        Self {
            name: name.into(),
            setting: Some(setting),
        }
    }

    fn not_set(name: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            setting: None,
        }
    }

    fn cells(&self) -> [String; 4] {
        let name = printable(&self.name).into_owned();
        match &self.setting {
            Some(set) => [
                name,
                printable(&set.value).into_owned(),
                set.kind.to_owned(),
                printable(&set.location).into_owned(),
            ],
            None => [name, "<not set>".into(), "None".into(), "None".into()],
        }
    }

    fn json(&self) -> Value {
        match &self.setting {
            Some(set) => json!({"value": set.value, "type": set.kind, "location": set.location}),
            None => Value::Null,
        }
    }
}
