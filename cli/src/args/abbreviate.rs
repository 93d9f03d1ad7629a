use std::ffi::OsString;

use clap::{Arg, Command};

use super::OWN;

/// Writes abbreviated long flags out: `--dur 900` is `--duration-seconds 900` wherever only one flag begins so.
///
/// Every version of `aws` does this, so scripts rely on it. A flag of aws's own wins over one of ours, lest an
/// addition of ours break such a script. What is ambiguous or unknown stays as it is, for the parser to refuse.
pub(super) fn expand(root: &Command, words: Vec<OsString>) -> Vec<OsString> {
    let mut command = root;
    let mut words = words.into_iter();
    let mut out: Vec<OsString> = words.next().into_iter().collect();
    while let Some(word) = words.next() {
        let Some(text) = word.to_str() else {
            out.push(word);
            continue;
        };
        if text == "--" {
            out.push(word);
            break;
        }
        if let Some(sub) = command.find_subcommand(text) {
            command = sub;
            out.push(word);
            continue;
        }
        let (flag, takes_value) = written_out(command, text);
        out.push(flag);
        if takes_value {
            out.extend(words.next());
        }
    }
    out.extend(words);
    out
}

/// The word with its flag in full, and whether the next word is its value.
fn written_out(command: &Command, word: &str) -> (OsString, bool) {
    let Some(long) = word.strip_prefix("--") else {
        return (word.into(), is_short_with_value(command, word));
    };
    let (name, value) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    let Some(arg) = flag(command, name) else {
        return (word.into(), false);
    };
    let full = arg.get_long().unwrap_or(name);
    match value {
        Some(value) => (format!("--{full}={value}").into(), false),
        None => (format!("--{full}").into(), arg.get_action().takes_values()),
    }
}

fn is_short_with_value(command: &Command, word: &str) -> bool {
    let mut chars = word.chars();
    let (Some('-'), Some(short), None) = (chars.next(), chars.next(), chars.next()) else {
        return false;
    };
    command
        .get_arguments()
        .any(|arg| arg.get_short() == Some(short) && arg.get_action().takes_values())
}

/// The flag of that name, or the only one of aws's flags that begins so, or the only one of all.
fn flag<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let all = || {
        command
            .get_arguments()
            .filter(|arg| arg.get_long().is_some_and(|long| long.starts_with(name)))
    };
    all()
        .find(|arg| arg.get_long() == Some(name))
        .or_else(|| only(all().filter(|arg| arg.get_help_heading() != Some(OWN))))
        .or_else(|| only(all()))
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Args;

    fn expanded(line: &str) -> String {
        let mut command = Args::command();
        command.build();
        let words = line.split(' ').map(OsString::from).collect();
        let words = expand(&command, words);
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn a_unique_prefix_is_the_flag() {
        assert_eq!(
            expanded("keyfob sts get-session-token --dur 900"),
            "keyfob sts get-session-token --duration-seconds 900"
        );
        assert_eq!(
            expanded("keyfob --outp=text sts get-caller-identity"),
            "keyfob --output=text sts get-caller-identity"
        );
    }

    #[test]
    fn a_flag_of_aws_wins_over_one_of_ours() {
        assert_eq!(
            expanded("keyfob sts get-session-token --s x"),
            "keyfob sts get-session-token --serial-number x"
        );
    }

    #[test]
    fn ambiguous_unknown_and_later_words_stay() {
        for line in [
            "keyfob sts assume-role --role x",
            "keyfob whoami --nonsense",
            "keyfob sign -- --reg",
        ] {
            assert_eq!(expanded(line), line);
        }
    }

    #[test]
    fn a_value_is_no_command() {
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
