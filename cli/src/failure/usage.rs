use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use crate::{
    args::{NumberError, VARIABLE_PREFIX},
    failure::{Failure, meaning},
};

/// Returns the text of `--help` and `--version`. Any other parse error becomes a failure, in the
/// words of `aws` if it has any.
///
/// A word that is not known may be a secret in the wrong place, so the failure names its position
/// among `words`, the command line, and never the word itself.
///
/// # Errors
///
/// The failure, with exit code 252, or 255 where `aws` has that one.
pub(crate) fn explain_usage(error: &Error, words: &[OsString]) -> Result<String, Failure> {
    let text = error.render().to_string();
    let failure = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Ok(without_trailing(&text)),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let command = command_in_usage(&text);
            Failure::usage("a command is missing")
                .with_hint(format!("`{command} --help` lists the commands"))
        }
        ErrorKind::MissingRequiredArgument => Failure::usage(format!(
            "the following arguments are required: {}",
            argument_names(error).join(", ")
        )),
        ErrorKind::InvalidSubcommand => unknown_command(error, &text, words),
        ErrorKind::UnknownArgument => unknown_argument(error, &text, words),
        ErrorKind::ValueValidation => return Err(invalid_value(error)),
        // A variable is not part of the command line.
        ErrorKind::InvalidValue if name(error).starts_with(VARIABLE_PREFIX) => {
            return Err(not_a_choice(error));
        }
        ErrorKind::InvalidValue => not_a_choice(error),
        ErrorKind::TooManyValues => Failure::usage(format!("{}: it takes no value", name(error))),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            Failure::usage(format!("{}: the number of values is wrong", name(error)))
        }
        ErrorKind::InvalidUtf8 => Failure::usage("an argument is not UTF-8 text"),
        // For clap any further word may be meant as a subcommand.
        ErrorKind::ArgumentConflict if error.get(ContextKind::InvalidSubcommand).is_some() => {
            let word = string(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let place = place(word, words);
            let names: Vec<&str> = strings(error, ContextKind::PriorArg)
                .map(without_value)
                .collect();
            Failure::usage(format!("{place} cannot be used with: {}", names.join(", ")))
                .with_hint("put the arguments of a subcommand after its name")
        }
        // The message of any other conflict has the names of arguments only.
        ErrorKind::ArgumentConflict => Failure::usage(message(&text)),
        _ => Failure::usage("the command line is wrong"),
    };
    Err(with_usage(failure, &text))
}

/// Removes the indents of empty lines.
fn without_trailing(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

fn unknown_command(error: &Error, text: &str, words: &[OsString]) -> Failure {
    let word = string(error, ContextKind::InvalidSubcommand).unwrap_or_default();
    let command = command_in_usage(text);
    let group = command.strip_prefix("keyfob").unwrap_or_default().trim();
    let message = format!("{} is not a command of `{command}`", place(word, words));
    // The most similar one is the last.
    let similar = strings(error, ContextKind::SuggestedSubcommand).last();
    if let Some(advice) = meaning::hint_for_command(group, word, similar) {
        return Failure::usage(message).with_hint(advice);
    }
    let hint = match similar {
        Some(similar) => format!("did you mean `{command} {similar}`?"),
        None => format!("`{command} --help` lists the commands"),
    };
    Failure::usage(message).with_hint(hint)
}

fn unknown_argument(error: &Error, text: &str, words: &[OsString]) -> Failure {
    let word = string(error, ContextKind::InvalidArg).unwrap_or_default();
    let command = command_in_usage(text);
    let place = place(word, words);
    if word == "--version" {
        return Failure::usage(format!("{place} is not an option of `{command}`"))
            .with_hint("did you mean `keyfob --version`?");
    }
    if let Some(option) = strings(error, ContextKind::SuggestedArg).next() {
        return Failure::usage(format!("{place} is not an option of `{command}`"))
            .with_hint(format!("did you mean {option}?"));
    }
    if word.starts_with('-') {
        return Failure::usage(format!("{place} is not an option of `{command}`"))
            .with_hint(format!("`{command} --help` lists the options"));
    }
    let failure = Failure::usage(format!("{place} is one word too many for `{command}`"));
    match meaning::hint_for_extra_word(&command) {
        Some(advice) => failure.with_hint(advice),
        None => failure,
    }
}

/// Names a word by its position, as in `word 2`, counted from the program's name.
fn place(word: &str, words: &[OsString]) -> String {
    let is_it = |given: &&OsString| {
        let given = given.to_string_lossy();
        // A short option may be the first of several in one word, and `=` may start a value.
        given == word || given.split('=').next() == Some(word)
    };
    let at = words.iter().skip(1).position(|given| is_it(&given));
    match at {
        Some(at) => format!("word {}", at + 1),
        None => "a word".to_owned(),
    }
}

/// Returns the failure for the number of an option. `aws` has an exit code for text in its place.
pub(crate) fn refused_number(name: &str, reason: &NumberError) -> Failure {
    let text = reason.to_string();
    match reason {
        NumberError::NotForAws | NumberError::NotADecimal => {
            Failure::other(format!("{name}: {text}")).with_code("ParamValidation")
        }
        NumberError::NotANumber | NumberError::OutOfRange { .. } => invalid(name, &text),
    }
}

fn invalid_value(error: &Error) -> Failure {
    let name = name(error);
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<NumberError>()) {
        Some(reason) => refused_number(&name, reason),
        // The texts of other parsers, such as that of addresses, do not repeat the value.
        None => Failure::usage(match source {
            Some(source) => format!("{name}: {source}"),
            None => format!("{name}: the value is invalid"),
        }),
    }
}

fn not_a_choice(error: &Error) -> Failure {
    let name = name(error);
    let choices: Vec<&str> = strings(error, ContextKind::ValidValue).collect();
    if string(error, ContextKind::InvalidValue).is_none_or(str::is_empty) {
        return Failure::usage(format!("{name}: a value is missing"));
    }
    let choices = choices.join(", ");
    invalid(&name, &format!("the value is none of {choices}"))
}

/// Returns the failure for the value of an option, or of the variable that sets it, which is part
/// of the configuration.
fn invalid(name: &str, reason: &str) -> Failure {
    let text = format!("{name}: {reason}");
    if name.starts_with(VARIABLE_PREFIX) {
        Failure::configuration(text)
    } else {
        Failure::usage(text)
    }
}

/// Returns the command in the usage line: `keyfob sts`.
fn command_in_usage(text: &str) -> String {
    let usage = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Usage: "));
    let words: Vec<&str> = usage
        .unwrap_or("keyfob")
        .split(' ')
        .take_while(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
        .collect();
    words.join(" ")
}

/// Returns clap's message on the first line, with the list of items that may follow it.
fn message(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let message = first.trim_start_matches("error: ");
    if !message.ends_with(':') {
        return message.to_owned();
    }
    let items: Vec<&str> = lines.map_while(|line| line.strip_prefix("  ")).collect();
    format!("{message} {}", items.join(", "))
}

/// Adds clap's usage line, which has the names of arguments only.
fn with_usage(failure: Failure, text: &str) -> Failure {
    let line = text.lines().map(str::trim);
    match line.into_iter().find(|line| line.starts_with("Usage:")) {
        Some(line) => failure.with_detail(line),
        None => failure,
    }
}

/// Returns the arguments that the error is about, without the names of their values.
fn argument_names(error: &Error) -> Vec<&str> {
    strings(error, ContextKind::InvalidArg)
        .map(without_value)
        .collect()
}

/// Returns the name of the argument that the error is about.
fn name(error: &Error) -> String {
    let name = string(error, ContextKind::InvalidArg).unwrap_or("an argument");
    without_value(name).to_owned()
}

fn without_value(name: &str) -> &str {
    name.split(' ').next().unwrap_or_default()
}

fn string(error: &Error, kind: ContextKind) -> Option<&str> {
    strings(error, kind).next()
}

fn strings(error: &Error, kind: ContextKind) -> impl Iterator<Item = &str> {
    let strings = match error.get(kind) {
        Some(ContextValue::String(text)) => std::slice::from_ref(text),
        Some(ContextValue::Strings(texts)) => texts.as_slice(),
        _ => &[],
    };
    strings.iter().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{args::Args, generator::Generator};

    const WORDS: [&str; 44] = [
        "whoami",
        "why",
        "sts",
        "assume-role",
        "get-session-token",
        "configure",
        "get",
        "set",
        "list",
        "sign",
        "compare",
        "s3",
        "presign",
        "imds",
        "ls",
        "tree",
        "token",
        "watch",
        "serve",
        "container",
        "sandbox",
        "help",
        "version",
        "--",
        "-",
        "--profile",
        "--prof",
        "--region",
        "--output",
        "--json",
        "--debug",
        "--role-arn",
        "--tags",
        "--duration-seconds",
        "--ttl",
        "--listen",
        "--expires-in",
        "-X",
        "-d",
        "-R",
        "canary",
        "--canary=canary",
        "-canary",
        "--debug=canary",
    ];

    fn check_all(count: u64) {
        Generator::each(count, |generator| {
            let mut words: Vec<OsString> = vec!["keyfob".into()];
            for _ in 0..generator.below(7) {
                words.push(WORDS[generator.below(WORDS.len())].into());
            }
            let Err(error) = Args::from_words(words.clone(), |_| None) else {
                return;
            };
            if let Err(failure) = explain_usage(&error, &words) {
                let text = failure.to_string();
                assert!(!text.contains("canary"), "{words:?}: {text}");
                assert!(matches!(failure.exit_code(), 252 | 255), "{words:?}");
            }
        });
    }

    #[test]
    fn no_line_of_words_is_repeated_by_its_error() {
        check_all(300);
    }

    #[test]
    #[ignore = "long"]
    fn no_line_of_words_is_repeated_by_its_error_long() {
        check_all(30_000);
    }
}
