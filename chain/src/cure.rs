use crate::{origin::Origin, shell};

/// Changes to a command line and its environment that make a chain skip a provider.
///
/// # Examples
///
/// ```
/// use keyfob_chain::Skip;
///
/// let skip = Skip::unset(["VAULT_ADDR", "VAULT_TOKEN"]);
/// assert_eq!(skip.unset, ["VAULT_ADDR", "VAULT_TOKEN"]);
/// assert!(skip.set.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skip {
    /// Variables to remove.
    pub unset: Vec<String>,
    /// Variables to set, as pairs of name and value.
    pub set: Vec<(String, String)>,
    /// Arguments to leave out, such as `--profile dev`.
    pub without: Vec<String>,
}

/// How a masked provider can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// By [skipping](crate::Provider::skip) the providers before it.
    #[default]
    BySkipping,
    /// By an argument of the program, such as `--profile dev`.
    ByArgument(String),
    /// Not at all: it needs a provider that masks it.
    Impossible,
}

impl Skip {
    /// Skips a provider by removing variables.
    pub fn unset(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut skip = Self::default();
        add(&mut skip.unset, names.into_iter().map(Into::into).collect());
        skip
    }

    /// Skips a provider by setting one variable.
    pub fn set(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            set: vec![(name.into(), value.into())],
            ..Self::default()
        }
    }

    /// Skips a provider by leaving out an argument.
    pub fn without(argument: impl Into<String>) -> Self {
        Self {
            without: vec![argument.into()],
            ..Self::default()
        }
    }

    /// Combines the changes of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        add(&mut self.unset, other.unset);
        add(&mut self.set, other.set);
        add(&mut self.without, other.without);
        self
    }

    /// Returns the command line that makes the changes: `env -u A B=c COMMAND`. An argument to
    /// leave out is a comment, because it is part of the user's `COMMAND`.
    pub(crate) fn command(&self) -> String {
        // POSIX `env` takes options before assignments.
        let unset = self.unset.iter().map(|name| format!("-u {name} "));
        let set = self
            .set
            .iter()
            .map(|(name, value)| format!("{name}={value} "));
        let mut command: String = unset.chain(set).collect();
        if !command.is_empty() {
            command.insert_str(0, "env ");
        }
        command.push_str("COMMAND");
        for argument in &self.without {
            // A comment ends with its line, and what follows would be run.
            command.push_str("  # without ");
            command.push_str(&argument.replace('\n', "\\n"));
        }
        command
    }
}

/// Returns the command line that removes a setting of a profile.
pub(crate) fn unset(name: &str, profile: &str) -> String {
    let option = shell::option("--profile", profile);
    format!("keyfob configure unset {name} {option}")
}

/// Returns the command line without a setting: without its variable, or after it is removed from
/// its file. A setting in a block, such as `s3.addressing_style`, has none.
pub(crate) fn left_out(name: &str, origin: &Origin) -> Option<String> {
    match origin {
        Origin::Environment { variables } => Some(Skip::unset(variables).command()),
        Origin::File { section, .. } if !name.contains('.') => Some(unset(name, section)),
        _ => None,
    }
}

/// Returns the command line with which a user changes what has this origin: without the variables,
/// or in an editor.
pub(crate) fn for_origin(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Environment { variables } => Some(Skip::unset(variables).command()),
        Origin::File { file, .. } => Some(shell::editor(file)),
        _ => None,
    }
}

/// Adds what is not there yet.
fn add<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !all.contains(&item) {
            all.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_to_leave_out_is_a_comment_after_the_command() {
        let skip = Skip::without("--profile dev").and(Skip::unset(["A", "A"]));
        assert_eq!(skip.command(), "env -u A COMMAND  # without --profile dev");
        let skip = Skip::without("--profile dev");
        assert_eq!(skip.command(), "COMMAND  # without --profile dev");
        let skip = Skip::without("--profile 'a\nb\n'");
        assert_eq!(skip.command(), r"COMMAND  # without --profile 'a\nb\n'");
        assert_eq!(
            Skip::unset(["A", "B", "A"]).command(),
            "env -u A -u B COMMAND"
        );
    }
}
