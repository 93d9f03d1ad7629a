//! `keyfob configure`: the shared configuration files.

mod interactive;
mod list;
mod name;

use keyfob_chain::{
    Settings,
    profiles::{Editor, FileKind, SectionName},
    shell,
};
use keyfob_sigv4::Secret;

use self::name::{Known, Name, Target};
use crate::{
    args::ConfigureCommand, context::Context, failure::Failure, signals::finish_writing,
    syntax::standard_input, terminal::Prompt,
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
        Some(ConfigureCommand::List { json }) => list::run(context, *json).await,
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

/// What the files of this command have.
struct InFiles<'a>(&'a Settings);

impl Known for InFiles<'_> {
    fn is_profile(&self, name: &str) -> bool {
        self.0.files().names().any(|known| known == name)
    }

    fn has_property(&self, profile: Option<&str>, name: &str) -> bool {
        let profile = profile.unwrap_or(self.0.profile_name());
        let section = self.0.files().find(&SectionName::profile(profile));
        section.is_ok_and(|section| section.is_some_and(|section| section.get(name).is_some()))
    }
}

/// Prints a setting. One that does not exist gives exit code 1 and no output, as in `aws`.
fn get(context: &Context, name: &str) -> Result<(), Failure> {
    let settings = context.settings();
    let parsed = Name::parse(name, &InFiles(settings))?;
    let profile = match &parsed.profile {
        Some(profile) => settings.files().find(&SectionName::profile(profile)),
        None => settings.profile(),
    }?;
    let value = profile.and_then(|profile| match &parsed.target {
        Target::Property(name) => profile.get(name),
        Target::Nested(name, nested) => profile.get(name)?.nested(nested),
    });
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
async fn set(context: &Context, name: &str, value: Option<&str>) -> Result<(), Failure> {
    let name = Name::parse(name, &InFiles(context.settings()))?;
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

/// Reads the value of a setting. Nothing, as a variable that is not set gives, is no value.
async fn read_value(context: &Context, key: &str) -> Result<Secret, Failure> {
    let console = context.console();
    if console.can_ask() {
        let prompt = Prompt::new(console, "")?;
        let answer = prompt.secret(key, None, |_| Ok(())).await?;
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
        let (path, word) = (saved.path.display(), shell::path(&saved.path));
        context.console().warn(&format!(
            "other users can read {path}: run chmod 600 {word}"
        ));
    }
    Ok(())
}
