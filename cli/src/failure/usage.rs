use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use crate::{args::OUT_OF_RANGE, failure::Failure, terminal::Console};

/// Help and version go to stdout; everything else is a failure in the words of `aws` where it has some.
///
/// # Errors
///
/// Code 252; 255 for a number that is none, as `aws` has it.
pub(crate) fn explain_usage(console: Console, error: &Error) -> Result<(), Failure> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => console.data(&text),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let failure = with_rest(Failure::usage("a command is missing"), &text);
            Err(failure.with_hint("`keyfob --help` lists the commands"))
        }
        ErrorKind::MissingRequiredArgument => {
            let names = names(error).join(", ");
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
            Err(failure.with_hint("the arguments of a subcommand go behind its name"))
        }
        _ => Err(with_rest(Failure::usage(first_line(&text)), &text)),
    }
}

/// The message, with the list that it may end in on the same line.
fn first_line(text: &str) -> String {
    let mut lines = text.lines();
    let line = lines.next().unwrap_or_default();
    let line = line.trim_start_matches("error: ");
    if !line.ends_with(':') {
        return line.to_owned();
    }
    let items = lines.map_while(|line| line.strip_prefix("  "));
    format!("{line} {}", items.collect::<Vec<_>>().join(", "))
}

/// clap's advice and the usage, under the message.
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

/// The arguments that an error is about, without the names of their values.
fn names(error: &Error) -> Vec<String> {
    let Some(ContextValue::Strings(names)) = error.get(ContextKind::InvalidArg) else {
        return Vec::new();
    };
    let bare = |name: &String| name.split(' ').next().unwrap_or_default().to_owned();
    names.iter().map(bare).collect()
}
