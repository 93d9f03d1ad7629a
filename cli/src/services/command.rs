//! The commands of the tables, as clap parses them.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand, error::ErrorKind};
use keyfob_sts::Error;

use crate::{
    args::{NumberError, Text, TextParser, ValuesParser},
    failure::Failure,
    services::{
        SERVICES, Service, View,
        model::{Flag, Kind, Limits, Model, Operation, Pages, Scalar, Shape},
        own::Own,
    },
};

const INPUT_JSON: &str = "cli-input-json";
const SKELETON: &str = "generate-cli-skeleton";
const MAX_ITEMS: &str = "max-items";
const PAGE_SIZE: &str = "page-size";
const STARTING_TOKEN: &str = "starting-token";

/// What the help of a list says below the options.
const PAGES: &str = "\
In text, and in JSON without --query, a page is printed when it is there: if a later one fails, a
part of the list is printed, and the exit code is 254. --rate limits how fast pages are asked for.";

/// A command of a table, with the values of its options as they were written.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(super) service: &'static Service,
    pub(super) operation: &'static Operation,
    pub(super) given: Vec<(&'static Flag, Given)>,
    pub(super) input_json: Option<Text>,
    pub(super) skeleton: Option<Skeleton>,
    pub(super) max_items: Option<i64>,
    pub(super) page_size: Option<i64>,
    pub(super) starting_token: Option<Text>,
    pub(super) own: Own,
    /// What prints the answer, for a command beside those of the table.
    pub(super) view: Option<&'static View>,
}

/// The value of an option.
#[derive(Debug)]
pub(super) enum Given {
    Words(Vec<Text>),
    Boolean(bool),
}

/// What `--generate-cli-skeleton` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skeleton {
    Input,
    Output,
}

/// Adds the operations of the services that are among the words, and the options of the operations
/// among them: parsing costs nothing for the tables of other commands.
pub(crate) fn expand(command: Command, words: &[OsString]) -> Command {
    expand_if(
        command,
        |name| words.iter().any(|word| word == name),
        |_| true,
    )
}

/// Adds the operations that are among the words, with their options.
pub(crate) fn expand_named(command: Command, words: &[OsString]) -> Command {
    let is_there = |name: &str| words.iter().any(|word| word == name);
    expand_if(command, is_there, is_there)
}

/// Adds the operations of all services with their options.
pub(crate) fn expand_all(command: Command) -> Command {
    expand_if(command, |_| true, |_| true)
}

/// Adds the operations that are listed of the services that are there, with the options of those
/// operations that are there.
fn expand_if(
    mut command: Command,
    is_there: impl Fn(&str) -> bool,
    is_listed: impl Fn(&str) -> bool,
) -> Command {
    for service in SERVICES.iter().filter(|service| is_there(service.name)) {
        command = command.mut_subcommand(service.name, |mut command| {
            let operations = service.model.operations().iter();
            for operation in operations.filter(|operation| is_listed(operation.command)) {
                let mut sub = Command::new(operation.command).about(operation.about);
                if is_there(operation.command) {
                    sub = with_options(sub, service, operation);
                }
                command = command.subcommand(sub);
            }
            let views = service.views.iter().map(|view| {
                let sub = Command::new(view.command).about(view.about);
                sub.after_help(view.examples)
            });
            command.subcommands(views)
        });
    }
    command
}

impl Invocation {
    /// Returns the command of a table without any options.
    pub(super) fn from_names(service: &str, command: &str) -> Option<Self> {
        let service = SERVICES.iter().find(|known| known.name == service)?;
        let view = service.views.iter().find(|view| view.command == command);
        let command = view.map_or(command, |view| view.of);
        let mut operations = service.model.operations().iter();
        Some(Self {
            service,
            operation: operations.find(|operation| operation.command == command)?,
            given: Vec::new(),
            input_json: None,
            skeleton: None,
            max_items: None,
            page_size: None,
            starting_token: None,
            own: Own::default(),
            view,
        })
    }

    /// Names the option that set a parameter, before a text about the parameter. `name` is the one
    /// that it has in the request.
    pub(super) fn named(&self, name: &str, text: &str) -> String {
        match self.option_of(name) {
            Some(option) => format!("{option}: {text}"),
            None => text.to_owned(),
        }
    }

    fn option_of(&self, name: &str) -> Option<&'static str> {
        let wire = name.split('.').next();
        let mut members = self.service.model.members(self.operation.input).iter();
        let member = members.find(|member| Some(member.in_request) == wire)?.name;
        let limit = self.operation.pages.as_ref().and_then(|pages| pages.limit);
        let mut given = self.given.iter();
        match given.find(|(flag, _)| flag.member == member) {
            Some((flag, _)) => Some(flag.name),
            None if limit == Some(member) && self.page_size.is_some() => Some("--page-size"),
            None if limit == Some(member) && self.max_items.is_some() => Some("--max-items"),
            None => self.input_json.is_some().then_some("--cli-input-json"),
        }
    }

    /// Returns the failure for parameters that are wrong.
    pub(super) fn refused(&self, error: &Error) -> Failure {
        match error.parameter() {
            Some(name) => Failure::usage(self.named(name, error.message())),
            None => Failure::from(error),
        }
    }
}

impl Subcommand for Invocation {
    fn augment_subcommands(command: Command) -> Command {
        SERVICES.iter().fold(command, |command, service| {
            let sub = Command::new(service.name).about(service.about);
            let sub = sub.after_help(service.examples);
            command.subcommand(sub.subcommand_required(true).arg_required_else_help(true))
        })
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        SERVICES.iter().any(|service| service.name == name)
    }
}

impl FromArgMatches for Invocation {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        find(matches).ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn find(matches: &ArgMatches) -> Option<Invocation> {
    let (service, matches) = matches.subcommand()?;
    let (command, matches) = matches.subcommand()?;
    let invocation = Invocation::from_names(service, command)?;
    if invocation.view.is_some() {
        return Some(invocation);
    }
    let (service, operation) = (invocation.service, invocation.operation);
    let given = operation
        .flags
        .iter()
        .filter(|flag| !is_shadowed(operation, flag));
    let given =
        given.filter_map(|flag| Some((flag, value(matches, &service.model, operation, flag)?)));
    let is_paged = operation.pages.is_some();
    let integer = |name| matches.get_one::<i64>(name).copied();
    Some(Invocation {
        given: given.collect(),
        input_json: matches.get_one(INPUT_JSON).cloned(),
        skeleton: matches
            .get_one::<String>(SKELETON)
            .map(|name| match name.as_str() {
                "output" => Skeleton::Output,
                _ => Skeleton::Input,
            }),
        max_items: is_paged.then(|| integer(MAX_ITEMS)).flatten(),
        page_size: has_limit(operation).then(|| integer(PAGE_SIZE)).flatten(),
        starting_token: is_paged
            .then(|| matches.get_one::<Text>(STARTING_TOKEN).cloned())
            .flatten(),
        own: Own::read(matches, service, operation),
        ..invocation
    })
}

fn value(
    matches: &ArgMatches,
    model: &Model,
    operation: &Operation,
    flag: &'static Flag,
) -> Option<Given> {
    let id = id(flag);
    Some(match model.shape(model.shape_name(operation, flag)) {
        Shape::Scalar(Scalar { kind, .. }) => match kind {
            Kind::Boolean if matches.get_flag(id) => Given::Boolean(true),
            Kind::Boolean if matches.get_flag(flag.member) => Given::Boolean(false),
            Kind::Boolean => return None,
            _ => Given::Words(vec![matches.get_one::<Text>(id)?.clone()]),
        },
        Shape::Structure(_) | Shape::List { .. } | Shape::Map { .. } => {
            Given::Words(matches.get_many::<Text>(id)?.cloned().collect())
        }
    })
}

fn with_options(mut command: Command, service: &Service, operation: &'static Operation) -> Command {
    let members = service.model.members(operation.input);
    // clap leaves out what `--cli-input-json` can replace.
    let mut usage = format!("keyfob {} {} [OPTIONS]", service.name, operation.command);
    for flag in &operation.flags {
        if is_shadowed(operation, flag) {
            continue;
        }
        let shape = service
            .model
            .shape(service.model.shape_name(operation, flag));
        let is_required = members
            .iter()
            .any(|known| known.name == flag.member && known.is_required);
        let pages = operation.pages.as_ref();
        let mut arg = Arg::new(id(flag))
            .long(id(flag))
            .help(help(flag, shape))
            .value_name(value_name(flag))
            // As in aws, where these are for the pages themselves.
            .hide(pages.is_some_and(|pages| pages.has_parameter(flag.member)));
        if is_required {
            usage = format!("{usage} {} <{}>", flag.name, value_name(flag));
            arg = arg.required_unless_present_any([INPUT_JSON, SKELETON]);
        }
        command = match shape {
            Shape::Scalar(Scalar { kind, values, .. }) => match kind {
                Kind::Boolean => with_switch(command, arg, flag),
                // The help has them already.
                Kind::Text if !values.is_empty() => command.arg(
                    arg.value_parser(ValuesParser(values.clone()))
                        .hide_possible_values(true),
                ),
                Kind::Integer | Kind::Float => {
                    command.arg(arg.value_parser(TextParser).allow_negative_numbers(true))
                }
                Kind::Text | Kind::Timestamp | Kind::Blob | Kind::Document => {
                    command.arg(arg.value_parser(TextParser))
                }
            },
            Shape::Structure(_) | Shape::Map { .. } => command.arg(arg.value_parser(TextParser)),
            // As in `aws`, a list that is given twice is the last one.
            Shape::List { .. } => command.arg(
                arg.value_parser(TextParser)
                    .num_args(0..)
                    .allow_negative_numbers(true)
                    .action(ArgAction::Set),
            ),
        };
    }
    command = command.args(Own::options(service, operation));
    with_common_options(command.override_usage(usage), operation)
}

/// Adds a boolean and its opposite. The last one on the line counts.
fn with_switch(command: Command, arg: Arg, flag: &'static Flag) -> Command {
    // The opposite has the name of the member for an id, which no option has.
    let opposite = Arg::new(flag.member)
        .long(opposite(flag))
        .help(format!("The opposite of {}", flag.name))
        .action(ArgAction::SetTrue)
        .overrides_with(id(flag));
    let arg = arg.action(ArgAction::SetTrue).overrides_with(flag.member);
    command.arg(arg).arg(opposite)
}

/// Returns the name of the option that sets a boolean to false.
///
/// Source: `argrename.py` of `aws`.
fn opposite(flag: &'static Flag) -> String {
    match id(flag) {
        "disable-api-termination" => "enable-api-termination".to_owned(),
        id => format!("no-{id}"),
    }
}

/// Adds the options that do not set a member.
fn with_common_options(mut command: Command, operation: &Operation) -> Command {
    if operation.pages.is_some() {
        command = command.after_help(PAGES);
        let number = |name: &'static str, help: &'static str| {
            let arg = Arg::new(name).long(name).help(help).value_name("N");
            arg.value_parser(integer).allow_negative_numbers(true)
        };
        command = command.arg(number(
            MAX_ITEMS,
            "Print at most this many items, and a token for the rest",
        ));
        if has_limit(operation) {
            command = command.arg(number(PAGE_SIZE, "Get this many items with each call"));
        }
        command = command.arg(
            Arg::new(STARTING_TOKEN)
                .long(STARTING_TOKEN)
                .help("Continue after an earlier list: the `NextToken` that it ended with")
                .value_name("TOKEN")
                .value_parser(TextParser),
        );
    }
    command
        .arg(
            Arg::new(INPUT_JSON)
                .long(INPUT_JSON)
                .help("Read parameters from JSON or, with file://, from a file; options come first")
                .value_name("JSON")
                .value_parser(TextParser),
        )
        .arg(
            Arg::new(SKELETON)
                .long(SKELETON)
                .help("Print JSON for --cli-input-json, or an answer with sample values; nothing is sent")
                .value_name("KIND")
                .num_args(0..=1)
                .default_missing_value("input")
                .value_parser(["input", "output"]),
        )
}

/// Returns true for an option whose name an option of paging has, which takes its place.
fn is_shadowed(operation: &Operation, flag: &'static Flag) -> bool {
    let is_name = matches!(id(flag), MAX_ITEMS | PAGE_SIZE | STARTING_TOKEN);
    is_name && operation.pages.is_some()
}

fn has_limit(operation: &Operation) -> bool {
    operation
        .pages
        .as_ref()
        .is_some_and(|Pages { limit, .. }| limit.is_some())
}

/// Returns the name of an option without its dashes.
fn id(flag: &'static Flag) -> &'static str {
    flag.name.trim_start_matches("--")
}

/// Returns the words of the table, or else what the table knows about the value.
fn help(flag: &Flag, shape: &Shape) -> String {
    if !flag.about.is_empty() {
        return flag.about.to_owned();
    }
    match shape {
        Shape::Scalar(scalar) if !scalar.values.is_empty() => scalar.values.join(", "),
        Shape::Scalar(scalar) => match scalar.kind {
            Kind::Boolean => format!("Set {} to true", flag.member),
            Kind::Integer | Kind::Float => format!("A number{}", range(scalar.limits, "")),
            Kind::Timestamp => "A time, such as 2026-11-22T02:42:50Z".to_owned(),
            Kind::Blob => "Bytes: Base64, or a file with fileb://".to_owned(),
            Kind::Text | Kind::Document => {
                format!("A text{}", range(scalar.limits, " characters"))
            }
        },
        Shape::List { limits, .. } => format!("A list{}", range(*limits, " items")),
        Shape::Structure(_) | Shape::Map { .. } => "As shorthand or JSON".to_owned(),
    }
}

fn range(limits: Limits, unit: &str) -> String {
    match (limits.min, limits.max) {
        (Some(min), Some(max)) => format!(" of {min} to {max}{unit}"),
        (Some(min), None) => format!(" of {min}{unit} or more"),
        (None, Some(max)) => format!(" of up to {max}{unit}"),
        (None, None) => String::new(),
    }
}

/// Returns the last word of the option, in capitals.
fn value_name(flag: &'static Flag) -> String {
    let last = id(flag).rsplit('-').next().unwrap_or_default();
    last.to_ascii_uppercase()
}

pub(super) fn integer(text: &str) -> Result<i64, NumberError> {
    text.parse().map_err(|_| NumberError::NotForAws)
}

pub(super) fn float(text: &str) -> Result<f64, NumberError> {
    let number: f64 = text.parse().map_err(|_| NumberError::NotADecimal)?;
    Some(number)
        .filter(|number| number.is_finite())
        .ok_or(NumberError::NotADecimal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};

    fn parse(line: &str) -> Args {
        let words = line.split(' ').map(OsString::from);
        Args::from_words(words, |_| None).unwrap()
    }

    /// Returns the words of the options that set members.
    fn given(line: &str) -> Vec<String> {
        let Command::Service(invocation) = parse(line).command else {
            panic!("{line} is a command of a service");
        };
        let values = invocation
            .given
            .into_iter()
            .flat_map(|(_, given)| match given {
                Given::Words(words) => words,
                Given::Boolean(_) => Vec::new(),
            });
        values.map(|text| text.written).collect()
    }

    #[test]
    fn the_last_one_of_an_option_given_twice_counts_and_options_of_keyfob_add_up() {
        let line = "keyfob ec2 describe-instances --instance-ids i-1 i-2 --instance-ids i-3 i-4";
        assert_eq!(given(line), ["i-3", "i-4"]);
        let line = "keyfob iam get-user --user-name a --user-name b";
        assert_eq!(given(line), ["b"]);
        let args = parse("keyfob --region a iam get-user --region b --offline --offline");
        assert_eq!(args.globals.region.as_deref(), Some("b"));

        let args = parse("keyfob sign -H a:1 -H b:2 -d x -d y https://sts.amazonaws.com/");
        let args = format!("{:?}", args.command);
        for word in ["a:1", "b:2", "\"x\"", "\"y\""] {
            assert!(args.contains(word), "{word}: {args}");
        }
    }
}
