//! What the help says beside the options: the commands by what people want, examples, exit codes.
//!
//! All of it is added only for words that ask for help, so that no other command pays for it.

use std::{ffi::OsString, fmt::Write as _, io};

use clap::Command;

use super::{examples, variables::with_variables};

/// The word after `keyfob help` for the options of every command.
const OPTIONS_TOPIC: &str = "options";

/// The first column of the screen with all commands, in characters.
const COLUMN: usize = 40;

/// The width of the examples.
const WIDTH: usize = 80;
/// What an example begins with that goes on in the next line.
const INDENT: &str = "      ";

/// Commands for the same purpose.
struct Group {
    title: &'static str,
    /// The names, with commas, and what they are for: 24 characters fit.
    rows: &'static [(&'static str, &'static str)],
}

/// All commands. The screen fits 80 columns and 24 rows, with the line of the shell below it.
const GROUPS: [Group; 7] = [
    Group {
        title: "Which credentials",
        rows: &[
            ("whoami", "who AWS says you are"),
            ("why", "what is used, or masked"),
            ("doctor", "what is wrong, and cures"),
            ("cache", "sessions on this disk"),
        ],
    },
    Group {
        title: "Get credentials",
        rows: &[
            ("configure", "keys, profiles, settings"),
            ("login", "with the AWS console"),
            ("logout", "the end of a login"),
            ("sso", "with IAM Identity Center"),
            ("saml", "with another provider"),
            ("keys", "rotate access keys"),
        ],
    },
    Group {
        title: "Use credentials",
        rows: &[
            ("exec", "run a command with them"),
            ("env", "set them in a shell"),
            ("serve", "for other programs"),
            ("console", "open the AWS console"),
        ],
    },
    Group {
        title: "Sign and send",
        rows: &[
            ("sign", "sign a request"),
            ("request", "sign and send, as curl"),
            ("s3", "objects, presigned URLs"),
            ("api", "make any call"),
            ("token, codecommit", "passwords"),
        ],
    },
    Group {
        title: "Calls of AWS, as in aws",
        rows: &[
            ("sts, iam, ec2, service-quotas", ""),
            ("ecr, ecr-public, eks, rds, dsql", ""),
        ],
    },
    Group {
        title: "Permissions",
        rows: &[
            ("can", "what policies allow"),
            ("trust-policy", "who may assume a role"),
        ],
    },
    Group {
        title: "This machine",
        rows: &[
            ("imds", "instance metadata"),
            ("sandbox", "an AWS to try things on"),
            ("completion", "for your shell"),
            ("man", "manual pages"),
        ],
    },
];

/// How many of the groups stand in the first column.
const LEFT_GROUPS: usize = 3;

/// The exit codes of every command.
const EXIT_CODES: [(u8, &str); 5] = [
    (0, "success"),
    (252, "the command line is wrong"),
    (253, "no credentials, or a bad configuration"),
    (254, "the service answered with an error"),
    (255, "anything else, such as no connection"),
];

/// The exit codes that a command has besides, or that mean something else there.
const OWN_EXIT_CODES: [(&str, &[(u8, &str)]); 10] = [
    ("can", &[(1, "an action is denied")]),
    ("configure get", &[(1, "no file has the setting")]),
    ("configure unset", &[(1, "no file has the setting")]),
    ("doctor", &[(1, "there is a warning or a problem")]),
    (
        "ec2",
        &[(
            254,
            "the service answered with an error, or a dry run with what it would have done",
        )],
    ),
    (
        "exec",
        &[
            (0, "COMMAND succeeded; else the code is that of COMMAND"),
            (126, "COMMAND cannot be run"),
            (127, "there is no such COMMAND"),
        ],
    ),
    ("keys check", &[(1, "there is something to do")]),
    (
        "keys rotate",
        &[(
            253,
            "no credentials, no user with access keys, or a bad configuration",
        )],
    ),
    (
        "request",
        &[(22, "-f or --fail-with-body: the answer is an error")],
    ),
    (
        "trust-policy",
        &[(1, "--check: the caller may not assume the role")],
    ),
];

/// The commands that call no service.
const LOCAL: [&str; 12] = [
    "cache",
    "completion",
    "configure dump",
    "configure export-credentials",
    "configure get",
    "configure import",
    "configure list-profiles",
    "configure set",
    "configure sso-session",
    "configure unset",
    "man",
    "trust-policy",
];

/// Returns true if the words may ask for help.
pub(super) fn is_wanted(words: &[OsString]) -> bool {
    let asks = |word: &OsString| {
        let word = word.to_str().unwrap_or_default();
        word == "help"
            || word.len() > 2 && "--help".starts_with(word)
            || word.starts_with('-') && !word.starts_with("--") && word.contains('h')
    };
    words.iter().skip(1).any(asks)
}

/// Returns true for `keyfob help options`.
pub(super) fn asks_for_options(words: &[OsString]) -> bool {
    matches!(words, [_, help, topic] if help == "help" && topic == OPTIONS_TOPIC)
}

/// Returns the names of all commands by what people want: the title of a group, and its commands.
pub(crate) fn command_groups() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    GROUPS.iter().map(|group| {
        let names = group.rows.iter().flat_map(|(names, _)| names.split(", "));
        (group.title, names.collect())
    })
}

/// Adds what only the help has. It does not list the options that every command takes.
pub(super) fn documented(root: Command, words: &[OsString]) -> Command {
    let root = documented_whole(root);
    if asks_for_options(words) {
        let all = Command::new("keyfob").args(root.get_arguments().cloned());
        let all = all.help_template("{all-args}{after-help}");
        return match root.get_after_help() {
            Some(text) => all.after_help(text.clone()),
            None => all,
        };
    }
    let root = root.mut_args(|option| {
        let is_global = option.is_global_set();
        option.hide(is_global)
    });
    let width = terminal_size::terminal_size_of(io::stdout());
    root.override_help(screen(
        width.map_or(WIDTH, |(width, _)| usize::from(width.0)),
    ))
}

/// Adds examples, exit codes and variables to all commands.
pub(super) fn documented_whole(root: Command) -> Command {
    with_variables(root)
        .after_help(format!("{}\n\n{}", examples::REGION, exit_codes("")))
        .mut_subcommands(|command| {
            let path = command.get_name().to_owned();
            with_examples(command, &path)
        })
}

/// Adds examples and exit codes to a command and those below it. `path` has the words of its name.
fn with_examples(command: Command, path: &str) -> Command {
    let own = command.get_after_help().map(ToString::to_string);
    let mut own = own.unwrap_or_default();
    if !own.contains("Examples:\n") {
        own = format!("{own}\n\n{}", examples::for_command(path));
    }
    let mut text = folded(own.trim());
    let _ = write!(
        text,
        "\n\n{}\n\n`keyfob help {OPTIONS_TOPIC}` has the options of every command, such as --profile \
         and --region.",
        exit_codes(path)
    );
    command
        .after_help(text.trim_start().to_owned())
        .mut_subcommands(|sub| {
            let path = format!("{path} {}", sub.get_name());
            with_examples(sub, &path)
        })
}

/// Breaks examples that are too long for a line before an option, as a shell reads them.
fn folded(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let mut folded = String::new();
        let mut rest = line.to_owned();
        while rest.starts_with("  ") && rest.len() >= WIDTH {
            let breaks = rest.match_indices(" --").map(|(at, _)| at);
            let breaks = breaks.filter(|at| *at > INDENT.len());
            let (fitting, others): (Vec<_>, Vec<_>) = breaks.partition(|at| *at < WIDTH - 2);
            let Some(at) = fitting.last().or(others.first()) else {
                break;
            };
            let _ = writeln!(folded, "{} \\", &rest[..*at]);
            rest = format!("{INDENT}{}", &rest[at + 1..]);
        }
        folded + &rest
    });
    let lines: Vec<String> = lines.collect();
    lines.join("\n")
}

/// Lists the exit codes of a command.
fn exit_codes(path: &str) -> String {
    let group = path.split(' ').next().unwrap_or_default();
    let is_of = |name: &str| name == path || name == group;
    let mut codes: Vec<(u8, &str)> = EXIT_CODES.to_vec();
    if LOCAL.iter().any(|name| is_of(name)) {
        codes.retain(|(code, _)| *code != 254);
    }
    for (_, own) in OWN_EXIT_CODES.iter().filter(|(name, _)| is_of(name)) {
        codes.retain(|(code, _)| own.iter().all(|(known, _)| known != code));
        codes.extend_from_slice(own);
    }
    codes.sort_unstable();
    let lines = codes
        .iter()
        .map(|(code, text)| format!("\n  {code:<4} {text}"));
    format!("Exit codes:{}", lines.collect::<String>())
}

/// Returns the screen with all commands, in two columns if the terminal has room for them.
fn screen(width: usize) -> String {
    let is_narrow = width < WIDTH - 1;
    let mut text = "Usage: keyfob [OPTIONS] COMMAND".to_owned();
    if !is_narrow {
        text += "        AWS credentials on the command line";
    }
    text += "\n\n";
    let left_groups = if is_narrow { GROUPS.len() } else { LEFT_GROUPS };
    let (left, right) = GROUPS.split_at(left_groups);
    let (left, right) = (rows(left), rows(right));
    for at in 0..left.len().max(right.len()) {
        let cell = |rows: &[String]| rows.get(at).cloned().unwrap_or_default();
        let row = format!("{:COLUMN$}{}", cell(&left), cell(&right));
        let _ = writeln!(text, "{}", row.trim_end());
    }
    for (line, about) in MORE {
        let _ = match about.split(',').next().filter(|_| is_narrow) {
            Some(about) => write!(text, "\n  {line}\n      {about}"),
            None => write!(text, "\n  {line:<22} {about}"),
        };
    }
    text
}

/// What to run next.
const MORE: [(&str, &str); 3] = [
    (
        "keyfob help COMMAND",
        "its options, examples and exit codes",
    ),
    (
        "keyfob help options",
        "the options of every command, the region, exit codes",
    ),
    ("keyfob --sandbox why", "try any command without an account"),
];

fn rows(groups: &[Group]) -> Vec<String> {
    let mut rows = Vec::new();
    for group in groups {
        rows.push(group.title.to_owned());
        rows.extend(
            group
                .rows
                .iter()
                .map(|(name, text)| format!("  {name:<12} {text}")),
        );
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;

    /// Returns every command with the words of its name, but without `keyfob`.
    fn commands() -> Vec<(String, Command)> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), Args::documented_command())];
        while let Some((path, command)) = open.pop() {
            for sub in command.get_subcommands() {
                let path = format!("{path} {}", sub.get_name());
                open.push((path.trim_start().to_owned(), sub.clone()));
            }
            found.push((path, command));
        }
        found
    }

    #[test]
    fn every_command_has_one_group() {
        let root = Args::documented_command();
        let mut names: Vec<&str> = root.get_subcommands().map(Command::get_name).collect();
        let mut grouped: Vec<&str> = command_groups().flat_map(|(_, names)| names).collect();
        names.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, names, "see GROUPS in this file");
    }

    #[test]
    fn the_commands_fit_a_screen() {
        let screen = screen(WIDTH);
        // The last row is for the line of the shell.
        assert!(screen.lines().count() <= 23, "{screen}");
        assert!(
            screen.lines().all(|line| line.chars().count() < 80),
            "{screen}"
        );
        for row in GROUPS.iter().flat_map(|group| group.rows) {
            assert!(
                rows(&[Group {
                    title: "",
                    rows: std::slice::from_ref(row)
                }])[1]
                    .len()
                    < COLUMN
            );
        }
    }

    #[test]
    fn every_command_has_examples_and_exit_codes() {
        for (path, command) in commands() {
            let text = command.get_after_help().unwrap().to_string();
            if path.is_empty() {
                continue;
            }
            assert!(
                text.contains(&format!("keyfob {path}")) || path.contains("export"),
                "{path}: {text}"
            );
            assert!(text.contains("Exit codes:\n  0    "), "{path}: {text}");
        }
        for path in OWN_EXIT_CODES.iter().map(|(path, _)| path).chain(&LOCAL) {
            assert!(commands().iter().any(|(known, _)| known == path), "{path}");
        }
    }

    /// Returns the command lines of `keyfob` in the examples of a text, without what is around them
    /// in a shell.
    fn examples(text: &str) -> Vec<Vec<OsString>> {
        let text = text.replace(&format!("\\\n{INDENT}"), "");
        let (_, text) = text.split_once("Examples:\n").unwrap_or_default();
        let (text, _) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut found = Vec::new();
        for line in text.lines() {
            let starts = line.match_indices("keyfob ").map(|(at, _)| at);
            let starts = starts.filter(|at| line[..*at].ends_with([' ', '(']));
            found.extend(starts.map(|at| words(&line[at..])));
        }
        found
    }

    /// Splits a command line as a shell does, up to what ends it there, or up to a remark.
    fn words(line: &str) -> Vec<OsString> {
        let mut words = vec![String::new()];
        let mut quote = None;
        let mut before = ' ';
        for letter in line.chars() {
            match quote {
                Some(open) if open == letter => quote = None,
                Some(_) => words.last_mut().unwrap().push(letter),
                None if matches!(letter, '\'' | '"') => quote = Some(letter),
                None if matches!(letter, '|' | '<' | '>' | ')' | ';') => break,
                None if letter == ' ' && before == ' ' && words.len() > 1 => break,
                None if letter == ' ' => words.push(String::new()),
                None => words.last_mut().unwrap().push(letter),
            }
            before = letter;
        }
        words.retain(|word| !word.is_empty());
        words.into_iter().map(OsString::from).collect()
    }

    #[test]
    fn every_example_is_a_command_line() {
        let mut count = 0;
        for (path, command) in commands() {
            let text = command.get_after_help().unwrap().to_string();
            let found = examples(&text);
            assert!(
                !found.is_empty() || path.is_empty() || path.ends_with("credential-helper"),
                "{path}"
            );
            for words in found {
                let parsed = Args::from_words(words.clone(), |_| None);
                assert!(parsed.is_ok(), "{path}: {words:?}: {}", parsed.unwrap_err());
                count += 1;
            }
        }
        assert!(count > 120, "{count}");
    }
}
