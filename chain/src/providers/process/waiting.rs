//! Profiles whose processes wait for one another.

use std::path::Path;

use crate::{
    config::{Settings, table},
    error::shown,
    profiles::SectionName,
    sources::ProcessCommand,
    variables::Variables,
};

/// The profiles whose processes wait for this one, with commas between them. The AWS CLI has the
/// same variable.
pub(super) const CHAIN: &str = table::PROFILE_CHAIN.name();
/// How many profiles may wait for one another.
const MAX_CHAIN: usize = 4;

/// Returns the profiles whose processes wait for this program, and then `profile`.
///
/// # Errors
///
/// If that one waits already, or if too many do.
pub(super) fn waiting(variables: &Variables, profile: &str) -> Result<Vec<String>, String> {
    let mut chain = names(variables.text(CHAIN).unwrap_or_default());
    let is_circle = chain.iter().any(|name| name == profile);
    let is_long = chain.len() >= MAX_CHAIN;
    chain.push(profile.to_owned());
    if is_circle {
        return Err(circle_of(&chain));
    }
    if is_long {
        return Err(format!(
            "{MAX_CHAIN} profiles already wait for one another's processes"
        ));
    }
    Ok(chain)
}

fn circle_of(chain: &[String]) -> String {
    let chain: Vec<_> = chain.iter().map(|name| shown(name)).collect();
    let chain = chain.join(" → ");
    format!("the processes of profiles wait in a circle: {chain}")
}

/// Returns the circle in which the process of a profile waits for itself, as the files have it. The
/// process that fails in a circle says so only at the terminal.
pub(super) fn circle(settings: &Settings, profile: &str, command: &str) -> Option<String> {
    let mut chain = waiting(settings.variables(), profile).ok()?;
    let mut command = Some(command);
    let mut name;
    loop {
        name = match command {
            Some(command) => exported(settings, command)?,
            // A role waits for its source.
            None => property(settings, chain.last()?, table::SOURCE_PROFILE.property())?.to_owned(),
        };
        let is_circle = chain.contains(&name);
        chain.push(name);
        if is_circle {
            return Some(circle_of(&chain));
        }
        command = property(
            settings,
            chain.last()?,
            table::CREDENTIAL_PROCESS.property(),
        );
    }
}

fn property<'a>(settings: &'a Settings, profile: &str, name: &str) -> Option<&'a str> {
    let section = settings.files().get(&SectionName::profile(profile))?;
    Some(section.get(name)?.as_str())
}

/// Returns the profile whose credentials a command exports, if it is one of `keyfob` or `aws` that
/// does.
fn exported(settings: &Settings, command: &str) -> Option<String> {
    let variables = settings.variables();
    let command = ProcessCommand::parse(command, variables.platform()).ok()?;
    let program = Path::new(command.program()).file_stem()?.to_str()?;
    let words = command.arguments();
    let is_export = words
        .windows(2)
        .any(|two| two == ["configure", "export-credentials"]);
    if !is_export || !matches!(program, "keyfob" | "aws") {
        return None;
    }
    let mut options = (1..).zip(words);
    let named = options.find_map(|(next, word)| match word.strip_prefix("--profile")? {
        "" => words.get(next).map(String::as_str),
        rest => rest.strip_prefix('='),
    });
    let mut chosen = settings.rules().profile_variables.iter();
    let name = named.or_else(|| chosen.find_map(|name| variables.text(name)));
    Some(name.unwrap_or("default").to_owned())
}

/// Reads names with commas between them. One with a comma is in double quotes, as in CSV.
fn names(text: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let (Some(c), Some(name)) = (characters.next(), names.last_mut()) {
        match c {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => names.push(String::new()),
            c => name.push(c),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

pub(super) fn written(names: &[String]) -> String {
    let quoted = |name: &String| {
        if name.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            name.clone()
        }
    };
    names.iter().map(quoted).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_that_wait_are_written_as_csv() {
        for list in [vec![], vec!["a"], vec!["a b", "c,d", "e\"f"]] {
            let list: Vec<_> = list.into_iter().map(str::to_owned).collect();
            assert_eq!(names(&written(&list)), list);
        }
        assert_eq!(written(&["a".to_owned(), "c,d".to_owned()]), "a,\"c,d\"");
    }
}
