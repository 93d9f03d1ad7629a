use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use crate::{args::OUT_OF_RANGE, failure::Failure};

/// Returns the text of `--help` and `--version`. Any other parse error becomes a failure, in the
/// words of `aws` if it has any.
///
/// # Errors
///
/// The failure, with exit code 252, or 255 for a value that is not a number, as in `aws`.
pub(crate) fn explain_usage(error: &Error) -> Result<String, Failure> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(text),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let failure = with_rest(Failure::usage("a command is missing"), &text);
            Err(failure.with_hint("`keyfob --help` lists the commands"))
        }
        ErrorKind::MissingRequiredArgument => {
            let names = argument_names(error).join(", ");
            let message = format!("the following arguments are required: {names}");
            Err(with_rest(Failure::usage(message), &text))
        }
        ErrorKind::ValueValidation if text.contains(OUT_OF_RANGE) => {
            Err(Failure::usage(first_line(&text)))
        }
        ErrorKind::ValueValidation => {
            Err(Failure::other(first_line(&text)).with_code("ParamValidation"))
        }
        ErrorKind::ArgumentConflict if error.get(ContextKind::InvalidSubcommand).is_some() => {
            let failure = with_rest(Failure::usage(first_line(&text)), &text);
            Err(failure.with_hint("put the arguments of a subcommand after its name"))
        }
        _ => Err(with_rest(Failure::usage(first_line(&text)), &text)),
    }
}

/// Returns clap's message, with the list of items that may follow it on the same line.
fn first_line(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let message = first.trim_start_matches("error: ");
    if !message.ends_with(':') {
        return message.to_owned();
    }
    let items: Vec<&str> = lines.map_while(|line| line.strip_prefix("  ")).collect();
    format!("{message} {}", items.join(", "))
}

/// Adds clap's tips and usage line.
fn with_rest(mut failure: Failure, text: &str) -> Failure {
    for line in text.lines().map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            failure = failure.with_hint(tip);
        } else if line.starts_with("[possible values") || line.starts_with("Usage:") {
            failure = failure.with_detail(line);
        }
    }
    failure
}

/// Returns the arguments that the error is about, without the names of their values.
fn argument_names(error: &Error) -> Vec<String> {
    let Some(ContextValue::Strings(names)) = error.get(ContextKind::InvalidArg) else {
        return Vec::new();
    };
    let without_value = |name: &String| name.split(' ').next().unwrap_or_default().to_owned();
    names.iter().map(without_value).collect()
}
