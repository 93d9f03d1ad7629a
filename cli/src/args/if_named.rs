use std::{cell::RefCell, ffi::OsString, ops::Deref};

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

thread_local! {
    /// The only commands whose options are built, if not all are.
    static NAMES: RefCell<Option<Vec<OsString>>> = const { RefCell::new(None) };
}

/// The options of a command, or its commands. Inside [`build_only`], the parser has them only if
/// the command is named: building those of all the others was a third of a short command's time.
#[derive(Debug)]
pub(crate) struct IfNamed<T>(Box<T>);

impl<T> Deref for IfNamed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Builds a parser in which only the commands among the words have options and commands.
pub(super) fn build_only<P>(words: &[OsString], build: impl FnOnce() -> P) -> P {
    NAMES.set(Some(words.to_vec()));
    let parser = build();
    NAMES.set(None);
    parser
}

fn is_named(command: &Command) -> bool {
    NAMES.with_borrow(|names| match names {
        Some(names) => names.iter().any(|name| name == command.get_name()),
        None => true,
    })
}

/// Calls what builds a command. Inlined, all of them together would take as much of the stack as
/// the largest needs, whichever is named.
#[inline(never)]
fn apart(build: impl FnOnce(Command) -> Command, command: Command) -> Command {
    build(command)
}

impl<T: FromArgMatches> FromArgMatches for IfNamed<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(|value| Self(Box::new(value)))
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(|value| Self(Box::new(value)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T: Args> Args for IfNamed<T> {
    fn augment_args(command: Command) -> Command {
        if is_named(&command) {
            apart(T::augment_args, command)
        } else {
            command
        }
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

impl<T: Subcommand> Subcommand for IfNamed<T> {
    fn augment_subcommands(command: Command) -> Command {
        if is_named(&command) {
            apart(T::augment_subcommands, command)
        } else {
            command
        }
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        T::augment_subcommands_for_update(command)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}
