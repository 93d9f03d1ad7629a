use std::{ffi::OsString, ptr};

use clap::{
    Arg, Command,
    error::{Error, ErrorKind},
};

use crate::args::KEYFOB_OPTIONS_HEADING;

/// Expands abbreviated long options: `--dur 900` is `--duration-seconds 900` if no other option
/// starts with `--dur`.
///
/// Every version of `aws` does this, so scripts rely on it. What is unknown stays unchanged: the
/// parser refuses it. A value that looks like an option, but is none for `aws`, is joined to its
/// option: a number, or what has a space in it.
///
/// # Errors
///
/// If several options start with the word, and none has that name.
pub(super) fn expand(root: &Command, words: Vec<OsString>) -> Result<Vec<OsString>, Error> {
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
        let (mut flag, values) = expand_word(root, command, text)?;
        let value = if values > 0 { words.next() } else { None };
        match value {
            // One that is joined is the only one.
            Some(value) if values == 1 && text.starts_with("--") && is_value(&value) => {
                flag.push("=");
                flag.push(value);
                out.push(flag);
            }
            value => {
                out.push(flag);
                out.extend(value);
            }
        }
    }
    out.extend(words);
    Ok(out)
}

/// Returns true for a word that is a value although it starts with a dash.
///
/// Source: `ArgumentParser._parse_optional` of Python's argparse.
fn is_value(word: &OsString) -> bool {
    let text = word.to_str().and_then(|text| text.strip_prefix('-'));
    let may_be_option = |text: &str| text.starts_with('-') && text.contains('=');
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = |text: &str| match text.split_once('.') {
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction) && !fraction.is_empty(),
        None => is_digits(text) && !text.is_empty(),
    };
    text.is_some_and(|text| is_number(text) || text.contains(' ') && !may_be_option(text))
}

/// Returns the word with its option expanded, and how many of the next words may be its values.
///
/// # Errors
///
/// If several options start with the word, and none has that name.
pub(crate) fn expand_word(
    root: &Command,
    command: &Command,
    word: &str,
) -> Result<(OsString, usize), Error> {
    let Some(long) = word.strip_prefix("--") else {
        let values = usize::from(is_short_with_value(root, command, word));
        return Ok((word.into(), values));
    };
    let (name, value) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    let Some(option) = find_option(root, command, name)? else {
        return Ok((word.into(), 0));
    };
    let full = option.name;
    Ok(match value {
        Some(value) => (format!("--{full}={value}").into(), 0),
        None => (format!("--{full}").into(), option.values),
    })
}

fn is_short_with_value(root: &Command, command: &Command, word: &str) -> bool {
    let mut chars = word.chars();
    let (Some('-'), Some(short), None) = (chars.next(), chars.next(), chars.next()) else {
        return false;
    };
    arguments(root, command)
        .any(|arg| arg.get_short() == Some(short) && arg.get_action().takes_values())
}

/// Returns the option with this name, or else the only one that starts with it: as in `aws`, among
/// those that every command has, then among those of the command. Options that `aws` does not have
/// come last, so that adding one does not break a script.
fn find_option<'a>(
    root: &'a Command,
    command: &'a Command,
    name: &str,
) -> Result<Option<LongOption<'a>>, Error> {
    let mut candidates: Vec<_> = options(root, command)
        .filter(|option| option.name.starts_with(name))
        .collect();
    if let Some(at) = candidates.iter().position(|option| option.name == name) {
        return Ok(Some(candidates.swap_remove(at)));
    }
    let Some(first) = candidates.iter().map(|option| option.owner).min() else {
        return Ok(None);
    };
    candidates.retain(|option| option.owner == first);
    let names = || {
        let names = candidates.iter().map(|option| format!("--{}", option.name));
        names.collect::<Vec<_>>().join(", ")
    };
    if candidates.len() == 1 {
        return Ok(candidates.pop());
    }
    // The word is the beginning of these names, so it is no secret.
    let text = format!("ambiguous option: --{name} could match {}", names());
    Err(Error::raw(ErrorKind::ArgumentConflict, text))
}

struct LongOption<'a> {
    name: &'a str,
    /// How many values it takes at most.
    values: usize,
    owner: Owner,
}

/// Whose option it is, in the order in which abbreviations are looked up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// Every command of `aws`.
    Globals,
    /// The command.
    Command,
    /// Keyfob.
    Keyfob,
}

/// Returns the long options of a command, with those that the parser adds to it.
fn options<'a>(root: &'a Command, command: &'a Command) -> impl Iterator<Item = LongOption<'a>> {
    let of_arguments = arguments(root, command).filter_map(|arg| {
        Some(LongOption {
            name: arg.get_long()?,
            values: match arg.get_num_args() {
                Some(range) => range.max_values(),
                None => arg.get_action().takes_values().into(),
            },
            owner: match arg.get_help_heading() {
                Some(KEYFOB_OPTIONS_HEADING) => Owner::Keyfob,
                _ if arg.is_global_set() => Owner::Globals,
                _ => Owner::Command,
            },
        })
    });
    let added = if ptr::eq(root, command) {
        &["help", "version"][..]
    } else {
        &["help"]
    };
    of_arguments.chain(added.iter().map(|name| LongOption {
        name,
        values: 0,
        owner: Owner::Command,
    }))
}

/// Returns the arguments of a command, and those of the root that every command has.
///
/// The parser copies them to the commands, but only on its way to the one that is called: to have
/// them in all commands takes most of the memory of a short command.
pub(crate) fn arguments<'a>(
    root: &'a Command,
    command: &'a Command,
) -> impl Iterator<Item = &'a Arg> {
    let globals = root.get_arguments().filter(|arg| arg.is_global_set());
    let globals = (!ptr::eq(root, command)).then_some(globals);
    command.get_arguments().chain(globals.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;

    fn expanded(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let command = Args::command_for(&words);
        let expanded = expand(&command, words).map(|words| words.join(" ".as_ref()));
        match expanded {
            Ok(words) => words.into_string().unwrap(),
            Err(error) => error.to_string(),
        }
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
    fn an_option_of_every_command_comes_before_one_of_the_command() {
        for (line, expected) in [
            // And not --retry-mode, which aws does not have.
            ("keyfob whoami --re x", "keyfob whoami --region x"),
            (
                "keyfob ec2 describe-instances --d",
                "keyfob ec2 describe-instances --debug",
            ),
            (
                "keyfob iam list-access-keys --p x",
                "keyfob iam list-access-keys --profile x",
            ),
            (
                "keyfob iam list-access-keys --page 1",
                "keyfob iam list-access-keys --page-size 1",
            ),
        ] {
            assert_eq!(expanded(line), expected);
        }
    }

    /// Source: aws-cli 1.46.
    #[test]
    fn an_ambiguous_option_is_refused_with_what_it_could_be() {
        for (line, options) in [
            (
                "keyfob ec2 describe-instances --max 3",
                "--max could match --max-results, --max-items",
            ),
            (
                "keyfob sts assume-role --role x",
                "--role could match --role-arn, --role-session-name",
            ),
            (
                "keyfob iam get-user --no",
                "--no could match --no-verify-ssl, --no-sign-request, --no-paginate, \
                 --no-cli-pager, --no-cli-auto-prompt",
            ),
        ] {
            let error = expanded(line);
            assert!(
                error.contains(&format!("ambiguous option: {options}")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_value_with_a_dash_is_joined_to_its_option_if_aws_takes_it_for_a_value() {
        let expanded = |value: &str| {
            let words = ["keyfob", "iam", "get-user", "--user-n", value];
            let words: Vec<OsString> = words.map(OsString::from).into();
            expand(&Args::command_for(&words), words).unwrap()
        };
        for value in ["-1", "-1.5", "-.5", "- x", "-x y", "-a=b c", "--x y"] {
            assert_eq!(
                expanded(value)[3],
                OsString::from(format!("--user-name={value}"))
            );
        }
        for value in ["x", "-", "-x", "-5x", "-1.", "--debug", "--region=a b"] {
            assert_eq!(expanded(value)[3..], ["--user-name", value]);
        }
    }

    #[test]
    fn unknown_options_and_words_after_the_dashes_stay() {
        for line in ["keyfob whoami --nonsense", "keyfob sign -- --reg"] {
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
