use serde::Serialize;

/// Changes to the environment that make a chain skip a provider.
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
pub struct Skip {
    /// Variables to remove.
    pub unset: Vec<String>,
    /// Variables to set, as pairs of name and value.
    pub set: Vec<(String, String)>,
}

impl Skip {
    /// Skips a provider by removing variables.
    pub fn unset(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            unset: names.into_iter().map(Into::into).collect(),
            set: Vec::new(),
        }
    }

    /// Skips a provider by setting one variable.
    pub fn set(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            unset: Vec::new(),
            set: vec![(name.into(), value.into())],
        }
    }

    /// Combines the changes of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.unset.extend(other.unset);
        self.set.extend(other.set);
        self
    }

    /// Returns the command line that makes the changes: `env -u A B=c COMMAND`.
    fn command(&self) -> String {
        // POSIX `env` takes options before assignments.
        let unset = self.unset.iter().map(|name| format!("-u {name} "));
        let set = self
            .set
            .iter()
            .map(|(name, value)| format!("{name}={value} "));
        format!("env {}COMMAND", unset.chain(set).collect::<String>())
    }
}

/// The command that uses a masked provider instead of the one that masks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cure {
    /// The number of the masked [`Attempt`](crate::Attempt), counted from 1.
    pub number: usize,
    /// The command line, with `COMMAND` in place of the program to run.
    pub command: String,
}

impl Cure {
    /// Creates the cure for attempt `number`, which is masked by the providers that `skip` skips.
    pub(crate) fn new(number: usize, skip: &Skip) -> Self {
        Self {
            number,
            command: skip.command(),
        }
    }
}
