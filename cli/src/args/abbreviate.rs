use std::{ffi::OsString, ptr};

use clap::{Arg, Command};

use crate::args::KEYFOB_OPTIONS_HEADING;

/// Expands abbreviated long options: `--dur 900` is `--duration-seconds 900` if no other option
/// starts with `--dur`.
///
/// Every version of `aws` does this, so scripts rely on it. An option of `aws` wins over one of
/// Keyfob's, so that adding one of ours does not break a script. The parser refuses what is
/// ambiguous or unknown, which stays unchanged here.
pub(super) fn expand(root: &Command, words: Vec<OsString>) -> Vec<OsString> {
    let mut command = root;
    let mut words = words.into_iter();
    let mut out: Vec<OsString> = words.next().into_iter().collect();
    while let Some(word) = words.next() {
        let Some(text) = word.to_str() else {
            out.push(word);
            continue;
        };
        // Words after the dashes are values, even if they start with dashes.
        if text == "--" {
            out.push(word);
            break;
        }
        if let Some(sub) = command.find_subcommand(text) {
            command = sub;
            out.push(word);
            continue;
        }
        let (flag, takes_value) = expand_word(root, command, text);
        out.push(flag);
        if takes_value {
            out.extend(words.next());
        }
    }
    out.extend(words);
    out
}

/// Returns the word with its option expanded, and whether the next word is the option's value.
pub(super) fn expand_word(root: &Command, command: &Command, word: &str) -> (OsString, bool) {
    let Some(long) = word.strip_prefix("--") else {
        return (word.into(), is_short_with_value(root, command, word));
    };
    let (name, value) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    let Some(option) = find_option(root, command, name) else {
        return (word.into(), false);
    };
    let full = option.name;
    match value {
        Some(value) => (format!("--{full}={value}").into(), false),
        None => (format!("--{full}").into(), option.takes_value),
    }
}

fn is_short_with_value(root: &Command, command: &Command, word: &str) -> bool {
    let mut chars = word.chars();
    let (Some('-'), Some(short), None) = (chars.next(), chars.next(), chars.next()) else {
        return false;
    };
    arguments(root, command)
        .any(|arg| arg.get_short() == Some(short) && arg.get_action().takes_values())
}

/// Returns the option with this name; else the only option of `aws` that starts with it; else the
/// only option that does.
fn find_option<'a>(root: &'a Command, command: &'a Command, name: &str) -> Option<LongOption<'a>> {
    let candidates = || options(root, command).filter(|option| option.name.starts_with(name));
    candidates()
        .find(|option| option.name == name)
        .or_else(|| only(candidates().filter(|option| !option.is_keyfobs)))
        .or_else(|| only(candidates()))
}

struct LongOption<'a> {
    name: &'a str,
    takes_value: bool,
    /// Whether `aws` does not have it.
    is_keyfobs: bool,
}

/// Returns the long options of a command, with those that the parser adds to it.
fn options<'a>(root: &'a Command, command: &'a Command) -> impl Iterator<Item = LongOption<'a>> {
    let of_arguments = arguments(root, command).filter_map(|arg| {
        Some(LongOption {
            name: arg.get_long()?,
            takes_value: arg.get_action().takes_values(),
            is_keyfobs: arg.get_help_heading() == Some(KEYFOB_OPTIONS_HEADING),
        })
    });
    let added = if ptr::eq(root, command) {
        &["help", "version"][..]
    } else {
        &["help"]
    };
    of_arguments.chain(added.iter().map(|name| LongOption {
        name,
        takes_value: false,
        is_keyfobs: false,
    }))
}

/// Returns the arguments of a command, and those of the root that every command has.
///
/// The parser copies them to the commands, but only on its way to the one that is called: to have
/// them in all commands takes most of the memory of a short command.
fn arguments<'a>(root: &'a Command, command: &'a Command) -> impl Iterator<Item = &'a Arg> {
    let globals = root.get_arguments().filter(|arg| arg.is_global_set());
    let globals = (!ptr::eq(root, command)).then_some(globals);
    command.get_arguments().chain(globals.into_iter().flatten())
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;

    fn expanded(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let command = Args::command_for(&words);
        let expanded = expand(&command, words).join(" ".as_ref());
        expanded.into_string().unwrap()
    }

    #[test]
    fn a_unique_prefix_is_the_option() {
        assert_eq!(
            expanded("keyfob sts get-session-token --dur 900"),
            "keyfob sts get-session-token --duration-seconds 900"
        );
        assert_eq!(
            expanded("keyfob --outp=text sts get-caller-identity"),
            "keyfob --output=text sts get-caller-identity"
        );
        // Options of the root, and those that the parser adds.
        assert_eq!(
            expanded("keyfob sts get-session-token --outp text --hel"),
            "keyfob sts get-session-token --output text --help"
        );
        assert_eq!(expanded("keyfob --vers"), "keyfob --version");
    }

    #[test]
    fn an_option_of_aws_wins_over_one_of_keyfobs() {
        assert_eq!(
            expanded("keyfob sts get-session-token --s x"),
            "keyfob sts get-session-token --serial-number x"
        );
    }

    #[test]
    fn ambiguous_and_unknown_options_and_words_after_the_dashes_stay() {
        for line in [
            "keyfob sts assume-role --role x",
            "keyfob whoami --nonsense",
            "keyfob sign -- --reg",
        ] {
            assert_eq!(expanded(line), line);
        }
    }

    #[test]
    fn a_value_is_not_taken_for_a_command() {
        assert_eq!(
            expanded("keyfob --prof sts sts get-caller-identity --outp text"),
            "keyfob --profile sts sts get-caller-identity --output text"
        );
        assert_eq!(
            expanded("keyfob sign -d compare --serv x"),
            "keyfob sign -d compare --service x"
        );
    }
}
