use std::ffi::OsString;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell that reads the script
    #[arg(value_name = "SHELL", required_unless_present = "word")]
    pub(crate) shell: Option<CompletionShell>,
    /// What the scripts ask for: the words that may stand in place of this one.
    #[arg(long, value_name = "WORD", hide = true, conflicts_with = "shell")]
    pub(crate) word: Option<OsString>,
    /// The words before it, without the name of the program.
    #[arg(value_name = "WORDS", hide = true, last = true, requires = "word")]
    pub(crate) before: Vec<OsString>,
}

/// A shell with a script for completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionShell {
    Bash,
    Zsh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
    Elvish,
    #[value(alias = "nu")]
    Nushell,
}
