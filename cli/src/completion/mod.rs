//! Completion: what may stand for the word at the cursor of a shell.
//!
//! The scripts know nothing of the commands. They ask this at each Tab, so that new commands and
//! options are completed without more code, and names of profiles and roles are those of the
//! moment. Nothing here uses the network.

mod files;
mod values;

use std::ffi::OsString;

use clap::{Arg, Command};

use self::values::Values;
use crate::args::{Args, CompletionShell, arguments, expand_word};

/// What may stand for a word, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    value: String,
    about: String,
}

impl Candidate {
    fn new(value: impl Into<String>, about: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            about: about.into(),
        }
    }
}

/// Returns the script for a shell.
pub(crate) fn script(shell: CompletionShell) -> &'static str {
    match shell {
        CompletionShell::Bash => include_str!("scripts/keyfob.bash"),
        CompletionShell::Zsh => include_str!("scripts/keyfob.zsh"),
        CompletionShell::Fish => include_str!("scripts/keyfob.fish"),
        CompletionShell::Powershell => include_str!("scripts/keyfob.ps1"),
        CompletionShell::Elvish => include_str!("scripts/keyfob.elv"),
        CompletionShell::Nushell => include_str!("scripts/keyfob.nu"),
    }
}

/// Returns what may stand for `word` after the words `before` it, one a line: the word, a tab, and
/// what it is.
///
/// A first line of a tab and `command N` says that the words from number N on are the line of
/// another program. Shells that can complete that by themselves do so. No candidate begins with a
/// tab, so none can be taken for it.
pub(crate) fn lines(before: &[OsString], word: &str) -> String {
    let root = Args::command_for(before);
    let line = Line::read(&root, before);
    let mut text = String::new();
    if let Some(first) = line.program {
        text += &format!("\tcommand {first}\n");
    }
    let is_plain = |text: &str| !text.chars().any(char::is_control);
    for Candidate { value, about } in line.candidates(word, &Values::from_process()) {
        // A name that could end a line, or control the terminal, is left out.
        if !value.is_empty() && is_plain(&value) && value.starts_with(word) {
            let about = about.lines().next().filter(|about| is_plain(about));
            text += &format!("{value}\t{}\n", about.unwrap_or_default());
        }
    }
    text
}

/// A command line up to the cursor.
struct Line<'a> {
    root: &'a Command,
    command: &'a Command,
    /// The names of the commands on the way to this one.
    path: Vec<&'a str>,
    /// The last option, if it takes more values.
    open: Option<Open<'a>>,
    /// The options on the line.
    given: Vec<&'a Arg>,
    /// Whether the line asks for help.
    is_help: bool,
    /// The words that are neither options nor their values.
    positionals: Vec<&'a str>,
    /// Whether every word is a value, as after `--`.
    is_raw: bool,
    /// How many words have been read.
    count: usize,
    /// The number of the word, counted from the name of this program, that is another one.
    program: Option<usize>,
}

/// An option that takes more values.
#[derive(Clone, Copy)]
struct Open<'a> {
    option: &'a Arg,
    most: usize,
    /// Whether the next word can be nothing else.
    is_needed: bool,
}

impl<'a> Line<'a> {
    fn read(root: &'a Command, words: &'a [OsString]) -> Self {
        let mut line = Self {
            root,
            command: root,
            path: Vec::new(),
            open: None,
            given: Vec::new(),
            is_help: false,
            positionals: Vec::new(),
            is_raw: false,
            count: 0,
            program: None,
        };
        for word in words {
            line.add(word.to_str().unwrap_or_default());
            line.count += 1;
            // Only the name of a program can follow here.
            if line.is_raw {
                line.find_program();
            }
        }
        line
    }

    /// Notes the number of the next word, if the line of another program starts there.
    fn find_program(&mut self) {
        let next = self.positional();
        if self.program.is_none() && next.is_some_and(Arg::is_trailing_var_arg_set) {
            self.program = Some(self.count + 1);
        }
    }

    fn add(&mut self, word: &'a str) {
        if self.is_raw {
            return self.positionals.push(word);
        }
        match self.open.take() {
            Some(open) if open.is_needed => self.continue_option(open),
            _ if word == "--" => self.is_raw = true,
            _ if word.len() > 1 && word.starts_with('-') => self.add_option(word),
            Some(open) => self.continue_option(open),
            None => self.add_word(word),
        }
    }

    fn continue_option(&mut self, open: Open<'a>) {
        let most = open.most.saturating_sub(1);
        self.open = (most > 0).then_some(Open {
            most,
            is_needed: false,
            ..open
        });
    }

    fn add_option(&mut self, word: &str) {
        let Ok((full, most)) = expand_word(self.root, self.command, word) else {
            return;
        };
        let full = full.to_str().unwrap_or_default();
        let Some(option) = self.option(full) else {
            return;
        };
        self.given.push(option);
        let least = option.get_num_args().map_or(1, |range| range.min_values());
        self.open = (most > 0).then_some(Open {
            option,
            most,
            is_needed: least > 0,
        });
    }

    /// Returns the option of a word such as `--region`, `--region=x` or `-X`.
    fn option(&self, word: &str) -> Option<&'a Arg> {
        let (name, _) = word.split_once('=').unwrap_or((word, ""));
        let long = name.strip_prefix("--");
        let short = name.chars().nth(1);
        let mut options = arguments(self.root, self.command);
        options.find(|option| match long {
            Some(_) => option.get_long() == long,
            None => option.get_short().is_some() && option.get_short() == short,
        })
    }

    fn add_word(&mut self, word: &'a str) {
        let is_page = self.path == ["man"];
        let of = if is_page { self.root } else { self.command };
        if let Some(sub) = of.find_subcommand(word) {
            if is_page {
                self.is_help = true;
                self.path.clear();
            }
            self.command = sub;
            self.path.push(sub.get_name());
            self.positionals.clear();
        } else if word == "help" && self.command.has_subcommands() {
            self.is_help = true;
        } else {
            if !self.is_help {
                self.find_program();
            }
            self.is_raw = self.program.is_some();
            self.positionals.push(word);
        }
    }

    /// Returns the argument that the next word is, if it is not an option.
    fn positional(&self) -> Option<&'a Arg> {
        let mut all = self.command.get_positionals();
        let next = all.nth(self.positionals.len());
        let is_many = |last: &&Arg| last.get_num_args().is_some_and(|n| n.max_values() > 1);
        next.or_else(|| self.command.get_positionals().last().filter(is_many))
            .filter(|next| self.is_raw || !next.is_last_set())
    }

    fn candidates(&self, word: &str, values: &Values) -> Vec<Candidate> {
        let mut found = Vec::new();
        if let Some(open) = &self.open {
            found.extend(values.for_argument(open.option, word));
            if open.is_needed {
                return found;
            }
        }
        if !self.is_raw && word.starts_with('-') {
            found.extend(match word.split_once('=') {
                Some((name, value)) => self.values_of(name, value, values),
                None => self.options(true),
            });
            return found;
        }
        let of = if self.path == ["man"] {
            self.root
        } else {
            self.command
        };
        let subcommands = of.get_subcommands();
        let subcommands = subcommands.filter(|sub| !sub.is_hide_set() && !self.is_raw);
        found.extend(subcommands.map(|sub| {
            let about = sub.get_about().map(ToString::to_string);
            Candidate::new(sub.get_name(), about.unwrap_or_default())
        }));
        if self.is_help && self.path.is_empty() {
            found.push(Candidate::new("options", "The options of every command"));
        }
        if self.is_help {
            return found;
        }
        if let Some(next) = self.positional() {
            found.extend(self.values_of_positional(next, word, values));
        }
        if found.is_empty() && word.is_empty() && !self.is_raw {
            found = self.options(false);
        }
        found
    }

    /// Returns the values of `--option=VALUE`, as whole words.
    fn values_of(&self, name: &str, value: &str, values: &Values) -> Vec<Candidate> {
        let takes_values = |option: &&Arg| option.get_action().takes_values();
        let Some(option) = self.option(name).filter(takes_values) else {
            return Vec::new();
        };
        let found = values.for_argument(option, value).into_iter();
        let whole = |found: Candidate| Candidate {
            value: format!("{name}={}", found.value),
            ..found
        };
        found.map(whole).collect()
    }

    fn values_of_positional(&self, next: &Arg, word: &str, values: &Values) -> Vec<Candidate> {
        if next.is_trailing_var_arg_set() {
            return match &self.positionals[..] {
                [] => values.programs(word),
                _ => files::paths(word, values.home()),
            };
        }
        match (&self.path[..], &self.positionals[..]) {
            (["configure", "get" | "set" | "unset"], []) => values::settings(),
            (["configure", "set"], [setting]) => values.for_setting(setting, word),
            _ => values.for_argument(next, word),
        }
    }

    /// Returns the options that are not on the line yet, of the command alone or of every command
    /// as well.
    fn options(&self, all: bool) -> Vec<Candidate> {
        let is_given = |option: &Arg| {
            self.given
                .iter()
                .any(|given| given.get_id() == option.get_id())
        };
        let is_again = |option: &Arg| matches!(option.get_action(), clap::ArgAction::Append);
        let mut found = Vec::new();
        for option in arguments(self.root, self.command) {
            let is_global = option.is_global_set();
            let is_shown = if is_global {
                all
            } else {
                !option.is_hide_set()
            };
            let (true, Some(long)) = (is_shown, option.get_long()) else {
                continue;
            };
            if !is_given(option) || is_again(option) {
                let about = option.get_help().map(ToString::to_string);
                found.push(Candidate::new(
                    format!("--{long}"),
                    about.unwrap_or_default(),
                ));
            }
        }
        if all {
            found.push(Candidate::new("--help", "Print help"));
            if self.path.is_empty() {
                found.push(Candidate::new("--version", "Print the version"));
            }
        }
        found
    }
}
