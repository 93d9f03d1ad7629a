use std::ffi::OsString;

use clap::{
    Arg, ArgMatches, Command, CommandFactory as _,
    error::{ContextKind, ContextValue, Error, ErrorKind},
    parser::ValueSource,
};
use keyfob_chain::settings;

use crate::args::{Args, KEYFOB_OPTIONS_HEADING};

/// The values of a variable that set a flag, in any case.
const ON: [&str; 4] = ["true", "1", "yes", "on"];
/// The values of a variable that leave a flag unset, in any case.
const OFF: [&str; 4] = ["false", "0", "no", "off"];

/// How the variables begin that set options. No option begins like that.
pub(crate) const VARIABLE_PREFIX: &str = "KEYFOB_";

/// The variable that `keyfob exec` sets for its command. It sets no option: which profile the
/// command uses is its own choice.
pub(crate) const EXEC_PROFILE: &str = settings::EXEC_PROFILE.variables[0];

/// The variables that Keyfob sets for other programs.
const SET_FOR_OTHERS: [&str; 3] = [
    EXEC_PROFILE,
    settings::PROXY_URL.variables[0],
    settings::PROXY_TOKEN.variables[0],
];

/// Returns the variable that sets an option: `KEYFOB_MAX_ATTEMPTS` for `--max-attempts`.
///
/// Each option that Keyfob adds to every command has one, except for those of the sandbox: a
/// variable that stays set would turn real commands into a demonstration.
fn variable_of(option: &Arg) -> Option<String> {
    let long = option.get_long()?;
    let is_keyfobs = option.get_help_heading() == Some(KEYFOB_OPTIONS_HEADING);
    let has_variable = is_keyfobs && option.is_global_set() && !long.starts_with("sandbox");
    has_variable.then(|| variable_name(long))
}

/// Returns the name of a variable by that of its option, without the dashes.
pub(super) fn variable_name(long: &str) -> String {
    let name = long.replace('-', "_").to_ascii_uppercase();
    format!("{VARIABLE_PREFIX}{name}")
}

/// Adds to the help of each option the variable that sets it.
pub(super) fn with_variables(command: Command) -> Command {
    command.mut_args(|option| match (variable_of(&option), option.get_help()) {
        (Some(variable), Some(help)) => {
            let help = format!("{help} [variable: {variable}]");
            option.help(help)
        }
        _ => option,
    })
}

/// The options that variables set, as words of a command line, and the names of those variables.
#[derive(Default)]
pub(super) struct FromVariables {
    pub(super) words: Vec<OsString>,
    pub(super) names: Vec<String>,
}

impl FromVariables {
    /// Reads the variables of the options that are not on the command line. A variable that is
    /// empty or only whitespace counts as not set, and a flag is set by
    /// `true`, `1`, `yes` or `on` in any case.
    ///
    /// # Errors
    ///
    /// If the variable of a flag is none of these, and not one of their opposites.
    pub(super) fn read(
        command: &Command,
        matches: &ArgMatches,
        read: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Error> {
        let mut found = Self::default();
        for option in command.get_arguments() {
            let Some(name) = variable_of(option) else {
                continue;
            };
            let is_given =
                matches.value_source(option.get_id().as_str()) == Some(ValueSource::CommandLine);
            let value = read(&name).map(trimmed);
            let value = value.filter(|value| !value.is_empty() && !is_given);
            let (Some(value), Some(long)) = (value, option.get_long()) else {
                continue;
            };
            let is_one_of = |known: [&str; 4]| known.iter().any(|&k| value.eq_ignore_ascii_case(k));
            let mut word = OsString::from(format!("--{long}"));
            if option.get_action().takes_values() {
                word.push("=");
                word.push(value);
            } else if is_one_of(OFF) {
                continue;
            } else if !is_one_of(ON) {
                return Err(not_a_flag(&name));
            }
            found.words.push(word);
            found.names.push(name);
        }
        Ok(found)
    }

    /// Names the variable in the error about the option that it sets.
    pub(super) fn explain(&self, command: &Command, mut error: Error) -> Error {
        let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
            return error;
        };
        // The name of the value follows the name of the option.
        let long = argument.split([' ', '=']).next().unwrap_or_default();
        let mut options = command.get_arguments();
        let option = options.find(|option| long.strip_prefix("--") == option.get_long());
        let name = option.and_then(variable_of);
        if let Some(name) = name.filter(|name| self.names.contains(name)) {
            error.insert(ContextKind::InvalidArg, ContextValue::String(name));
        }
        error
    }
}

/// Returns a warning for each name of a variable that begins as those of options, and is of none.
pub(crate) fn unknown<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<_> = names
        .into_iter()
        .filter(|name| name.starts_with(VARIABLE_PREFIX) && !SET_FOR_OTHERS.contains(name))
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let command = Args::command();
    let known: Vec<_> = command.get_arguments().filter_map(variable_of).collect();
    names.retain(|name| !known.iter().any(|known| known == name));
    names.sort_unstable();
    let warning = |name: &str| {
        let near = known.iter().min_by_key(|known| distance(name, known));
        match near.filter(|near| is_near(name, near)) {
            Some(near) => format!("the variable {name} sets no option: did you mean {near}?"),
            None => format!("the variable {name} sets no option, as only those of Keyfob have one"),
        }
    };
    names.into_iter().map(warning).collect()
}

/// The number of letters in which a name may differ from the one that is meant.
const MOST_SLIPS: usize = 2;

/// Returns true if a name is most likely meant for another one.
pub(crate) fn is_near(name: &str, other: &str) -> bool {
    distance(name, other) <= MOST_SLIPS
}

/// Returns how many letters must be added, removed or replaced to get from one name to the other.
///
/// Source: the edit distance of Levenshtein, a row at a time.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, left) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (at, right) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Removes whitespace around a text, as around the variables of `aws`.
fn trimmed(value: OsString) -> OsString {
    match value.to_str() {
        Some(text) => text.trim().into(),
        None => value,
    }
}

fn not_a_flag(name: &str) -> Error {
    let mut error = Error::new(ErrorKind::InvalidValue);
    let choices = [ON, OFF].concat().into_iter().map(str::to_owned).collect();
    for (kind, value) in [
        (
            ContextKind::InvalidArg,
            ContextValue::String(name.to_owned()),
        ),
        // The value itself is never shown.
        (
            ContextKind::InvalidValue,
            ContextValue::String("?".to_owned()),
        ),
        (ContextKind::ValidValue, ContextValue::Strings(choices)),
    ] {
        error.insert(kind, value);
    }
    error
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use super::*;

    /// Returns the options that every command takes, with their variables.
    fn options() -> BTreeMap<String, Option<String>> {
        let command = Args::command();
        let globals = command
            .get_arguments()
            .filter(|option| option.is_global_set());
        let named = globals.filter_map(|option| Some((option.get_long()?, variable_of(option))));
        named
            .map(|(long, variable)| (format!("--{long}"), variable))
            .collect()
    }

    #[test]
    fn the_readme_has_each_option_of_every_command_and_its_variable() {
        let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        let (_, settings) = readme.split_once("\n## Settings\n").unwrap();
        let rows = settings.lines().filter(|line| line.starts_with("| `--"));
        let mut listed = BTreeMap::new();
        for row in rows {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let words = |cell: &str| -> Vec<String> {
                let quoted = cell.split('`').skip(1).step_by(2);
                quoted
                    .filter_map(|text| text.split(' ').next())
                    .map(str::to_owned)
                    .collect()
            };
            let variables = words(cells[2]);
            for (at, option) in words(cells[1]).into_iter().enumerate() {
                listed.insert(option, variables.get(at).cloned());
            }
        }
        assert_eq!(listed, options());
    }

    #[test]
    fn a_variable_sets_its_option_unless_the_command_line_does() {
        let parse = |words: &[&str], variables: &[(&str, &str)]| {
            let words = ["keyfob"].iter().chain(words).map(OsString::from);
            let read = |name: &str| {
                let mut variables = variables.iter();
                let (_, value) = variables.find(|(known, _)| *known == name)?;
                Some(OsString::from(value))
            };
            Args::from_words(words, read).map(|args| format!("{:?}", args.globals))
        };
        for (name, value, words) in [
            ("KEYFOB_MAX_ATTEMPTS", " 7 ", &["--max-attempts", "7"][..]),
            ("KEYFOB_RETRY_MODE", "legacy", &["--retry-mode", "legacy"]),
            ("KEYFOB_OFFLINE", "True", &["--offline"]),
            ("KEYFOB_WHY", "true", &["--why"]),
            ("KEYFOB_NO_INPUT", "true", &["--no-input"]),
            ("KEYFOB_NO_DEFAULT_REGION", "true", &["--no-default-region"]),
        ] {
            let given = parse(&[words, &["why"]].concat(), &[]).unwrap();
            let set = parse(&["why"], &[(name, value)]).unwrap();
            let named = format!("variables: [\"{name}\"]");
            assert_eq!(set, given.replace("variables: []", &named));
            // After the command, too.
            let both = parse(&[&["why"], words].concat(), &[(name, value)]);
            assert_eq!(both.unwrap(), given);
        }
        let off = parse(
            &["why"],
            &[("KEYFOB_OFFLINE", "FALSE"), ("KEYFOB_WHY", " ")],
        );
        assert_eq!(off.unwrap(), parse(&["why"], &[]).unwrap());
    }

    #[test]
    fn a_variable_of_no_option_is_named_with_the_one_that_is_near() {
        let names = ["KEYFOB_OFFLNE", "KEYFOB_REGION", "KEYFOB_WHY", "AWS_REGION"];
        let warnings = unknown(names);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(
            warnings[0].ends_with("KEYFOB_OFFLNE sets no option: did you mean KEYFOB_OFFLINE?")
        );
        assert!(warnings[1].contains("KEYFOB_REGION sets no option, as"));
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(unknown(SET_FOR_OTHERS), [""; 0]);
    }

    #[test]
    fn a_variable_sets_a_flag_by_one_yes_or_on_and_unsets_it_by_zero_no_or_off() {
        let is_offline = |value: &str| {
            let words = ["keyfob", "why"].map(OsString::from);
            let read = |name: &str| (name == "KEYFOB_OFFLINE").then(|| OsString::from(value));
            let args = Args::from_words(words, read);
            args.map(|args| args.globals.connection.offline)
        };
        for value in ["1", "true", "YES", "On"] {
            assert!(is_offline(value).unwrap(), "{value}");
        }
        for value in ["0", "False", "no", "OFF", " "] {
            assert!(!is_offline(value).unwrap(), "{value}");
        }
        for value in ["2", "y", "maybe", "-1"] {
            assert!(is_offline(value).is_err(), "{value}");
        }
    }
}
