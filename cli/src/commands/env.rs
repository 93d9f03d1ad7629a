//! `keyfob env`: lines for a shell that set the credentials in use.

use super::environment::{Changes, NAMES};
use crate::{args::EnvArgs, context::Context, failure::Failure, terminal::Shell};

/// Prints lines that set the credentials and the region, and take away what would lead elsewhere.
///
/// # Errors
///
/// If there are no credentials, or if the shell cannot have a value.
pub(super) async fn run(context: &Context, args: &EnvArgs) -> Result<(), Failure> {
    let shell = args
        .shell
        .unwrap_or_else(|| Shell::from_variables(context.variables()));
    if args.unset {
        let lines = NAMES.map(|name| shell.unset(name) + "\n");
        return context.console().write_stdout(lines.concat());
    }
    let credentials = context
        .credentials_for(&args.role, context.endpoint_argument())
        .await?;
    let region = context.region().await?.name().to_owned();
    let mut changes = Changes::new(&region);
    changes.give(&credentials);
    changes.log();
    let mut text = String::new();
    for (name, value) in changes.list() {
        // A shell cannot have a variable with another name, and would run what is in it.
        let Some(name) = name.to_str().filter(|name| is_name(name)) else {
            continue;
        };
        let line = match value {
            None => shell.unset(name),
            Some(value) => shell.set(name, &value.to_string_lossy()).ok_or_else(|| {
                Failure::configuration(format!(
                    "{name} has a character that this shell cannot have"
                ))
            })?,
        };
        text.push_str(&line);
        text.push('\n');
    }
    context.console().write_stdout(text)
}

/// Returns true for a name that every shell takes.
fn is_name(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
