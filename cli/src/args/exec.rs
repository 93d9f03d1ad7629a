use std::ffi::OsString;

use clap::Args;

use crate::args::{KEYFOB_OPTIONS_HEADING, RoleArgs};

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    /// Serve the credentials as a container does, so that they stay fresh for as long as the
    /// command runs
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) serve: bool,
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    /// The command and its arguments, after -- if they have options [default: your shell]
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}
