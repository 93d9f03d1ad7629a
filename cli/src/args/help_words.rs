use std::ffi::OsString;

use clap::Command;

use super::{abbreviate::expand_word, help::asks_for_options};

/// Replaces the words `help` and `version` by the options, as `aws` has them: `keyfob help`,
/// `keyfob sts help`, `keyfob help sts`, `keyfob sts version`. The option `--version` may stand
/// after any command. `keyfob help options` is the help of a parser of its own.
///
/// Where a command takes other words, `help` counts only directly behind its name and at the end
/// of the line, and `version` is one of those words.
pub(super) fn replace(root: &Command, mut words: Vec<OsString>) -> Vec<OsString> {
    if asks_for_options(&words) {
        // One line for each option, where it is short.
        return vec![words.swap_remove(0), "-h".into()];
    }
    let mut command = root;
    let mut out: Vec<OsString> = Vec::with_capacity(words.len());
    let mut wants_help = false;
    // Whether the words so far are options and names of commands.
    let mut is_at_name = true;
    let count = words.len();
    let mut words = words.into_iter().enumerate();
    out.extend(words.next().map(|(_, program)| program));
    while let Some((at, word)) = words.next() {
        let text = word.to_str().unwrap_or_default();
        let is_last = at + 1 == count;
        let has_commands = command.has_subcommands();
        if text == "--" {
            out.push(word);
            break;
        }
        if text == "--version" && is_at_name {
            return vec![out.swap_remove(0), word];
        }
        if text.starts_with('-') {
            let expanded = expand_word(root, command, text);
            out.push(word);
            if expanded.is_ok_and(|(_, values)| values > 0) {
                out.extend(words.next().map(|(_, value)| value));
            }
        } else if let Some(sub) = command.find_subcommand(text) {
            command = sub;
            out.push(word);
        } else if text == "help" && is_at_name && (has_commands || is_last) {
            wants_help = true;
        } else if text == "version"
            && is_at_name
            && is_last
            && (has_commands || !takes_words(command))
        {
            return vec![out.swap_remove(0), "--version".into()];
        } else {
            is_at_name = false;
            out.push(word);
        }
    }
    out.extend(words.map(|(_, word)| word));
    if wants_help {
        out.push("--help".into());
    }
    out
}

fn takes_words(command: &Command) -> bool {
    command.get_positionals().next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;

    fn replaced(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let command = Args::command_for(&words);
        let words = replace(&command, words).join(" ".as_ref());
        words.into_string().unwrap()
    }

    #[test]
    fn help_and_version_are_words_at_each_level() {
        for (line, expected) in [
            ("keyfob help", "keyfob --help"),
            ("keyfob help sts", "keyfob sts --help"),
            ("keyfob help options", "keyfob -h"),
            ("keyfob sts help", "keyfob sts --help"),
            (
                "keyfob sts help assume-role",
                "keyfob sts assume-role --help",
            ),
            (
                "keyfob --profile help sts assume-role help",
                "keyfob --profile help sts assume-role --help",
            ),
            ("keyfob configure get help", "keyfob configure get --help"),
            ("keyfob version", "keyfob --version"),
            ("keyfob sts version", "keyfob --version"),
            ("keyfob why version", "keyfob --version"),
            ("keyfob sign version", "keyfob --version"),
            ("keyfob sts --version", "keyfob --version"),
            ("keyfob --region x s3 presign --version", "keyfob --version"),
            ("keyfob configure set --version", "keyfob --version"),
        ] {
            assert_eq!(replaced(line), expected);
        }
    }

    #[test]
    fn values_and_names_stay() {
        for line in [
            "keyfob --profile help whoami",
            "keyfob configure get version",
            "keyfob configure set cli_pager --version",
            "keyfob --profile --version whoami",
            "keyfob configure set region help",
            "keyfob configure set help x",
            "keyfob sign -- help",
        ] {
            assert_eq!(replaced(line), line);
        }
    }
}
