//! `keyfob man`: manual pages, made of what the help says.

use std::{fs, path::Path};

use clap::{Arg, Command};
use roff::{Roff, bold, roman};

use crate::{
    args::{Args, ManArgs, command_groups},
    failure::Failure,
    terminal::{Console, printable_path},
};

/// Prints a page, or writes all of them to a folder.
///
/// # Errors
///
/// If there is no such command, or if the folder cannot be written.
pub(super) fn run(console: Console, args: &ManArgs) -> Result<(), Failure> {
    let root = Args::documented_command();
    if let Some(folder) = &args.out {
        let count = write_all(folder, root)?;
        console.note(&format!("{count} pages are in {}", printable_path(folder)));
        return Ok(());
    }
    let mut path = vec![root.get_name().to_owned()];
    let mut command = &root;
    for word in &args.command {
        // The word may be a secret in the wrong place.
        command = command.find_subcommand(word).ok_or_else(|| {
            let failure = Failure::usage("COMMAND: there is no command with this name");
            failure.with_hint(format!("`{} --help` lists the commands", path.join(" ")))
        })?;
        path.push(command.get_name().to_owned());
    }
    console.write_stdout(page(&path, command.clone()))
}

/// Writes the pages of a command and of all below it. Returns how many there are.
fn write_all(folder: &Path, root: Command) -> Result<usize, Failure> {
    let failed = |path: &Path, error| {
        let path = printable_path(path);
        Failure::other(format!("--out: cannot write {path}: {error}"))
            .with_hint("name a folder that you may write to")
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut open = vec![(vec![root.get_name().to_owned()], root)];
    let mut count = 0;
    while let Some((path, command)) = open.pop() {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let path = [&path[..], &[sub.get_name().to_owned()]].concat();
            open.push((path, sub.clone()));
        }
        let file = folder.join(format!("{}.1", path.join("-")));
        fs::write(&file, page(&path, command)).map_err(|error| failed(&file, error))?;
        count += 1;
    }
    Ok(count)
}

/// Returns the page of a command. `path` has the words of its name.
fn page(path: &[String], command: Command) -> String {
    let (name, words) = (path.join("-"), path.join(" "));
    let mut command = command.bin_name(&words);
    command.build();
    let mut page = Roff::new();
    let version = concat!("keyfob ", env!("CARGO_PKG_VERSION"));
    // The date is empty, so that the same version writes the same pages. `roff` leaves out what has
    // no characters.
    page.control("TH", [&name[..], "1", " ", version, "Keyfob Manual"]);
    // Words stay whole, as they are options and names of variables.
    page.control("ad", ["l"]).control("nh", []);
    page.control("SH", ["NAME"]);
    let about = command.get_about().map(ToString::to_string);
    page.text([roman(format!("{name} - {}", about.unwrap_or_default()))]);
    page.control("SH", ["SYNOPSIS"]);
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let rest = usage.strip_prefix(&words).unwrap_or_default();
    page.text([bold(&words), roman(rest)]);
    let help = command.get_after_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    let (about, sections) = split(&help);
    let more = command.get_long_about().map(ToString::to_string);
    if !about.is_empty() || more.is_some() {
        page.control("SH", ["DESCRIPTION"]);
        add_text(&mut page, &more.unwrap_or_default());
        add_text(&mut page, about);
    }
    add_commands(&mut page, path, &command);
    add_options(&mut page, &command);
    for (title, text) in sections {
        let title = match title {
            "Exit codes" => "EXIT STATUS".to_owned(),
            title => title.to_uppercase(),
        };
        page.control("SH", [&title[..]]);
        add_text(&mut page, text);
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(match path {
        [_] => "aws(1)".to_owned(),
        [root, _] => format!("{root}(1)"),
        [above @ .., _] => format!("{}(1), {}(1)", path[0], above.join("-")),
        [] => String::new(),
    })]);
    in_ascii(&page.render())
}

/// Writes other characters as `groff` and `mandoc` name them. A page has no encoding of its own.
fn in_ascii(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    for char in page.chars() {
        if char.is_ascii() {
            text.push(char);
        } else {
            text += &format!("\\[u{:04X}]", u32::from(char));
        }
    }
    text
}

/// Splits the text below the options: what stands before the first line such as `Examples:`, and
/// each such line with what follows it.
fn split(help: &str) -> (&str, Vec<(&str, &str)>) {
    let mut starts = Vec::new();
    let mut at = 0;
    for line in help.split_inclusive('\n') {
        let title = line.trim_end().strip_suffix(':');
        if let Some(title) = title.filter(|title| title.len() < 20 && !title.starts_with(' ')) {
            starts.push((title, at, at + line.len()));
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(_, start, _)| *start);
    let ends = ends.chain([help.len()]);
    let sections = starts.iter().zip(ends);
    let sections = sections.map(|((title, _, start), end)| (*title, &help[*start..end]));
    let first = starts.first().map_or(help.len(), |(_, start, _)| *start);
    (&help[..first], sections.collect())
}

/// Adds text: paragraphs are filled, except for their lines that are indented.
fn add_text(page: &mut Roff, text: &str) {
    for paragraph in text.split("\n\n").filter(|text| !text.trim().is_empty()) {
        page.control("PP", []);
        let mut is_open = false;
        for line in paragraph.trim_matches('\n').lines() {
            let is_verbatim = line.starts_with(' ');
            if is_verbatim != is_open {
                page.control(if is_verbatim { "nf" } else { "fi" }, []);
                is_open = is_verbatim;
            }
            page.text([roman(line.trim_end())]);
        }
        if is_open {
            page.control("fi", []);
        }
    }
}

/// Adds the commands below this one, those of `keyfob` by what people want.
fn add_commands(page: &mut Roff, path: &[String], command: &Command) {
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let mut subs = shown.peekable();
    if subs.peek().is_none() {
        return;
    }
    page.control("SH", ["COMMANDS"]);
    if path.len() > 1 {
        return subs.for_each(|sub| add_command(page, path, sub));
    }
    for (title, names) in command_groups() {
        page.control("SS", [title]);
        let subs = names
            .iter()
            .filter_map(|name| command.find_subcommand(name));
        subs.for_each(|sub| add_command(page, path, sub));
    }
}

fn add_command(page: &mut Roff, path: &[String], command: &Command) {
    page.control("TP", []);
    let name = format!("{}-{}", path.join("-"), command.get_name());
    page.text([bold(name), roman("(1)")]);
    let about = command.get_about().map(ToString::to_string);
    page.text([roman(about.unwrap_or_default())]);
}

/// Adds the arguments, by the headings that the help has.
fn add_options(page: &mut Roff, command: &Command) {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let (values, options): (Vec<&Arg>, Vec<&Arg>) = shown.partition(|arg| arg.is_positional());
    let mut headings: Vec<Option<&str>> = Vec::new();
    for option in &options {
        let heading = option.get_help_heading();
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    if !values.is_empty() {
        page.control("SH", ["ARGUMENTS"]);
        values.into_iter().for_each(|arg| add_option(page, arg));
    }
    for heading in headings {
        let title = heading.unwrap_or("Options").to_uppercase();
        page.control("SH", [&title[..]]);
        let options = options.iter();
        for option in options.filter(|option| option.get_help_heading() == heading) {
            add_option(page, option);
        }
    }
}

fn add_option(page: &mut Roff, option: &Arg) {
    page.control("TP", []);
    let mut names = option.to_string();
    if let (Some(short), Some(_)) = (option.get_short(), option.get_long()) {
        names = format!("-{short}, {names}");
    }
    page.text([bold(names)]);
    let help = option.get_long_help().or_else(|| option.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default();
    let takes_values = option.get_action().takes_values();
    let names: Vec<String> = option
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    if takes_values && !names.is_empty() && !option.is_hide_possible_values_set() {
        text += &format!(" [possible values: {}]", names.join(", "));
    }
    let defaults: Vec<_> = option.get_default_values().iter().collect();
    if takes_values && !option.is_hide_default_value_set() && !defaults.is_empty() {
        let defaults: Vec<_> = defaults.iter().map(|text| text.to_string_lossy()).collect();
        text += &format!(" [default: {}]", defaults.join(" "));
    }
    page.text([roman(text)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_below_the_options_has_sections() {
        let help =
            "Nothing is sent.\n\nExamples:\n  $ keyfob x\n\nExit codes:\n  0  success\n\nend";
        let (about, sections) = split(help);
        assert_eq!(about, "Nothing is sent.\n\n");
        let expected = [
            ("Examples", "  $ keyfob x\n\n"),
            ("Exit codes", "  0  success\n\nend"),
        ];
        assert_eq!(sections, expected);
    }

    #[test]
    fn lines_that_start_like_requests_are_text() {
        let mut page = Roff::new();
        add_text(&mut page, ".so /etc/passwd\n  'sh $ a\\b --c");
        let text = page.to_roff();
        assert_eq!(
            text,
            ".PP\n\\&.so /etc/passwd\n.nf\n  'sh $ a\\\\b \\-\\-c\n.fi\n"
        );
    }
}
