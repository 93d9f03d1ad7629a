//! `keyfob configure`: the shared configuration files.

mod interactive;
mod list;
mod name;

use std::io::{self, Read as _};

use keyfob_chain::profiles::{Editor, FileKind, SectionName};
use keyfob_sigv4::Secret;

use self::name::{Name, Target};
use crate::{
    args::ConfigureCommand, context::Context, failure::Failure, signals::finish_writing,
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
        Some(ConfigureCommand::List) => list::run(context).await,
        Some(ConfigureCommand::Get { name }) => get(context, name),
        Some(ConfigureCommand::Set { name, value }) => set(context, name, value.as_deref()).await,
        Some(ConfigureCommand::ListProfiles) => list_profiles(context),
    }
}

fn list_profiles(context: &Context) -> Result<(), Failure> {
    let names = context.settings().files().names();
    let lines: String = names.map(|name| format!("{name}\n")).collect();
    context.console().write_stdout(lines)
}

/// Prints a setting. One that does not exist gives exit code 1 and no output, as in `aws`.
fn get(context: &Context, name: &str) -> Result<(), Failure> {
    let files = context.settings().files();
    let is_profile = |name: &str| files.names().any(|known| known == name);
    let name = Name::parse(name, is_profile)?;
    let profile = match &name.profile {
        Some(profile) => files.find(&SectionName::profile(profile)),
        None => context.settings().profile(),
    }?;
    let value = profile.and_then(|profile| match &name.target {
        Target::Property(name) => profile.get(name),
        Target::Nested(name, nested) => profile.get(name)?.nested(nested),
    });
    match value.and_then(|value| value.non_empty()) {
        Some(value) => context.console().write_stdout(format!("{value}\n")),
        None => Err(Failure::negative()),
    }
}

/// Writes a setting whose value is an argument, or is read from the terminal or standard input.
async fn set(context: &Context, name: &str, value: Option<&str>) -> Result<(), Failure> {
    // `BLOCK.KEY` names a nested key even if a profile is called BLOCK: aws writes it that way,
    // though it reads it the other way.
    let name = Name::parse(name, |_| false)?;
    let value = match value {
        Some(value) => Secret::new(value),
        None => read_value(context, name.key()).await?,
    };
    let profile = name.profile.as_deref();
    let section = SectionName::profile(profile.unwrap_or(context.settings().profile_name()));
    let kind = match &name.target {
        Target::Property(key) => FileKind::for_property(key),
        Target::Nested(..) => FileKind::Config,
    };
    let mut editor = editor(context, kind)?;
    match &name.target {
        Target::Property(key) => editor.set(&section, key, value),
        Target::Nested(key, nested) => editor.set_nested(&section, key, nested, value),
    }?;
    save(context, &editor)
}

async fn read_value(context: &Context, key: &str) -> Result<Secret, Failure> {
    let console = context.console();
    if console.can_ask() {
        let prompt = Prompt::new(console, "")?;
        let answer = prompt.secret(key, None, |_| Ok(())).await?;
        return answer
            .map(Secret::new)
            .ok_or_else(|| Failure::usage("the following arguments are required: VALUE"));
    }
    let mut text = String::new();
    io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Failure::other(format!("cannot read the value: {error}")))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

fn editor(context: &Context, kind: FileKind) -> Result<Editor, Failure> {
    let path = match kind {
        FileKind::Config => context.variables().config_file(),
        FileKind::Credentials => context.variables().credentials_file(),
    };
    match path {
        Some(path) => Ok(Editor::new(kind, path)),
        None => Err(
            Failure::configuration("there is no home folder for the configuration files")
                .with_hint("set HOME, or AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE"),
        ),
    }
}

fn save(context: &Context, editor: &Editor) -> Result<(), Failure> {
    let saved = {
        let _guard = finish_writing();
        editor.save()?
    };
    for warning in &saved.warnings {
        context.console().warn(warning);
    }
    if saved.open_to_others && saved.path.ends_with("credentials") {
        let path = saved.path.display();
        context.console().warn(&format!(
            "other users can read {path}: run chmod 600 {path}"
        ));
    }
    Ok(())
}
