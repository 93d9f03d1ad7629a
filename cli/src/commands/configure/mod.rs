//! `keyfob configure`: the shared configuration files.

mod answers;
mod dump;
mod export;
mod import;
mod interactive;
mod list;
mod mfa_login;
mod name;
mod sso;

use keyfob_chain::{
    Finding, FindingKind, Origin, Settings,
    profiles::{FileKind, Section, SectionName, Value, is_quoted},
    shell,
};
use keyfob_sigv4::Secret;

use self::name::{Known, Name, Target};
use crate::{
    args::ConfigureCommand, context::Context, failure::Failure, syntax::standard_input,
    terminal::Prompt,
};

/// Runs the command.
///
/// # Errors
///
/// If a question needs a terminal and there is none, or if a file cannot be read or written.
pub(super) async fn run(
    context: &Context,
    command: Option<&ConfigureCommand>,
) -> Result<(), Failure> {
    match command {
        None => interactive::run(context).await,
        Some(ConfigureCommand::List { json, section }) => {
            list::run(context, *json, section.section().as_ref()).await
        }
        Some(ConfigureCommand::Get { name, section }) => get(context, name, section.section()),
        Some(ConfigureCommand::Set {
            name,
            value,
            section,
        }) => set(context, name, value.as_deref(), section.section()).await,
        Some(ConfigureCommand::Unset { name, section }) => unset(context, name, section.section()),
        Some(ConfigureCommand::ListProfiles) => {
            list_profiles(context).and_then(|()| check_files(context))
        }
        Some(ConfigureCommand::Import(args)) => import::run(context, args),
        Some(ConfigureCommand::ExportCredentials(args)) => export::run(context, args).await,
        Some(ConfigureCommand::Dump) => dump::run(context).and_then(|()| check_files(context)),
        Some(ConfigureCommand::MfaLogin(args)) => mfa_login::run(context, args).await,
        Some(ConfigureCommand::Sso(browser)) => sso::run(context, **browser).await,
        Some(ConfigureCommand::SsoSession) => sso::run_session(context).await,
    }
}

fn list_profiles(context: &Context) -> Result<(), Failure> {
    let names = context.settings().files().names();
    let lines: String = names.map(|name| format!("{name}\n")).collect();
    context.console().write_stdout(lines)
}

/// Fails if a part of a file could not be read, for the commands that show what could.
fn check_files(context: &Context) -> Result<(), Failure> {
    let mut problems = context.settings().files().problems().iter();
    match problems.find(|problem| problem.is_error()) {
        Some(problem) => {
            let text = context.shown(&problem.to_string());
            Err(Failure::configuration(text).with_code("ConfigParseError"))
        }
        None => Ok(()),
    }
}

/// What the files of this command have.
struct InFiles<'a>(&'a Settings);

impl Known for InFiles<'_> {
    fn is_profile(&self, name: &str) -> bool {
        self.0.files().names().any(|known| known == name)
    }

    fn has_property(&self, profile: Option<&str>, name: &str) -> bool {
        let profile = profile.unwrap_or(self.0.profile_name());
        let section = self.0.files().find(&SectionName::profile(profile));
        let name = name.to_ascii_lowercase();
        section.is_ok_and(|section| section.is_some_and(|section| section.get(&name).is_some()))
    }
}

/// The setting that a name refers to.
struct Place {
    section: SectionName,
    name: Name,
}

impl Place {
    /// Finds the setting with that name in a profile, or in another section.
    fn parse(context: &Context, name: &str, section: Option<SectionName>) -> Result<Self, Failure> {
        let settings = context.settings();
        if let Some(section) = section {
            let name = Name::in_section(name)?;
            return Ok(Self { section, name });
        }
        let name = Name::parse(name, &InFiles(settings))?;
        let profile = name.profile.as_deref().unwrap_or(settings.profile_name());
        let section = SectionName::profile(profile);
        Ok(Self { section, name })
    }

    /// Returns the value that a part of the section has, which `get` looks up.
    fn value<'a>(&self, get: impl Fn(&str) -> Option<&'a Value>) -> Option<&'a Value> {
        match &self.name.target {
            Target::Property(name) => get(&name.to_ascii_lowercase()),
            Target::Nested(name, nested) => {
                get(&name.to_ascii_lowercase())?.nested(&nested.to_ascii_lowercase())
            }
        }
    }
}

/// Returns the value under its name, or those of its block with both names.
fn flat<'a>(name: &str, value: &'a Value) -> Vec<(String, &'a Value)> {
    let nested: Vec<_> = value
        .entries()
        .map(|(nested, value)| (format!("{name}.{nested}"), value))
        .collect();
    if nested.is_empty() {
        return vec![(name.to_owned(), value)];
    }
    nested
}

/// Prints a setting. One that does not exist gives exit code 1 and no output, as in `aws`.
fn get(context: &Context, name: &str, section: Option<SectionName>) -> Result<(), Failure> {
    let settings = context.settings();
    let place = Place::parse(context, name, section)?;
    let section = match &place.section {
        SectionName::Profile(_) if place.name.profile.is_none() => settings.profile(),
        SectionName::Profile(_) => settings.files().find(&place.section),
        other => settings.files().section(other).map(Some),
    }?;
    let value = section.and_then(|section| place.value(|name| section.get(name)));
    match value {
        Some(value) if value.entries().next().is_some() => {
            // The words and the code of aws.
            context.console().write_stderr(&format!(
                "varname ({name}) must reference a value, not a section or sub-section.\n"
            ));
            Err(Failure::negative())
        }
        Some(value) => context
            .console()
            .write_stdout(format!("{}\n", value.as_str())),
        None => Err(Failure::negative()),
    }
}

/// Writes a setting whose value is an argument, or is read from the terminal or standard input.
async fn set(
    context: &Context,
    name: &str,
    value: Option<&str>,
    section: Option<SectionName>,
) -> Result<(), Failure> {
    let Place { section, name } = Place::parse(context, name, section)?;
    let old = context.settings().files().find(&section).ok().flatten();
    let value = match value {
        Some(value) => Secret::new(value),
        None => read_value(context, name.key(), old).await?,
    };
    let is_profile = matches!(section, SectionName::Profile(_));
    let kind = match &name.target {
        Target::Property(key) if is_profile => FileKind::for_property(key),
        _ => FileKind::Config,
    };
    let mut editor = context.editor(kind)?;
    match &name.target {
        Target::Property(key) => editor.set(&section, key, value.clone()),
        Target::Nested(key, nested) => editor.set_nested(&section, key, nested, value.clone()),
    }?;
    context.save(&editor)?;
    let key = name.key().to_ascii_lowercase();
    if key != "credential_process" && is_quoted(value.expose()) {
        let text = "the value has quotes, which are part of it: set it again without them";
        context.print_finding(&Finding::warning(FindingKind::Quotes, text));
    }
    if key == "aws_access_key_id" {
        warn_of_old_token(context, old, value.expose());
    }
    Ok(())
}

/// Removes a setting from each file that has it. One that does not exist gives exit code 1.
fn unset(context: &Context, name: &str, section: Option<SectionName>) -> Result<(), Failure> {
    let place = Place::parse(context, name, section)?;
    let old = context.settings().files().find(&place.section)?;
    let mut is_found = false;
    for kind in [FileKind::Config, FileKind::Credentials] {
        let part = old.and_then(|section| section.part(kind));
        if part
            .and_then(|part| place.value(|name| part.get(name)))
            .is_none()
        {
            continue;
        }
        let mut editor = context.editor(kind)?;
        match &place.name.target {
            Target::Property(key) => editor.remove(&place.section, key),
            Target::Nested(key, nested) => editor.remove_nested(&place.section, key, nested),
        }?;
        context.save(&editor)?;
        is_found = true;
    }
    if is_found {
        Ok(())
    } else {
        Err(Failure::negative())
    }
}

/// Warns if the session token of another key stays beside a new access key ID.
fn warn_of_old_token(context: &Context, old: Option<&Section>, new_id: &str) {
    let get = |name| old.and_then(|section| section.get(name));
    let Some(token) = get("aws_session_token").filter(|token| token.non_empty().is_some()) else {
        return;
    };
    if get("aws_access_key_id").is_some_and(|id| id.as_str() == new_id) {
        return;
    }
    let profile = old.map_or("default", |section| section.name().name());
    let (file, line) = (token.location().file().to_owned(), token.location().line());
    let section = profile.to_owned();
    let text = "aws_session_token stays as it was: if it is that of the old key, set the new one, or \
                empty it";
    let option = shell::option("--profile", profile);
    let finding = Finding::warning(FindingKind::UnneededToken, text)
        .with_origin(Origin::File {
            file,
            line,
            section,
        })
        .with_cure(format!(
            "keyfob configure set aws_session_token '' {option}"
        ));
    context.print_finding(&finding);
}

/// Reads the value of a setting. Nothing, as a variable that is not set gives, is no value.
async fn read_value(
    context: &Context,
    key: &str,
    old: Option<&Section>,
) -> Result<Secret, Failure> {
    let console = context.console();
    if console.can_ask() || console.is_input_forbidden() {
        let prompt = Prompt::new(
            console,
            "give the value after the name, or on standard input",
        )?;
        let answer = answers::ask(&prompt, key, key, old).await?;
        return answer.map(Secret::new).ok_or_else(value_missing);
    }
    let text = standard_input()
        .map_err(|error| Failure::other(format!("cannot read the value: {error}")))?;
    // A byte order mark, as some shells of Windows write it, is no value either.
    match text.expose().trim_start_matches('\u{feff}').trim() {
        "" => Err(value_missing()),
        value => Ok(Secret::new(value)),
    }
}

fn value_missing() -> Failure {
    Failure::usage("the following arguments are required: VALUE")
        .with_hint("an empty VALUE in quotes, \"\", empties the setting")
}
