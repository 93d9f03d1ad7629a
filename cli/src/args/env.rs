use clap::Args;

use crate::{args::RoleArgs, terminal::Shell};

#[derive(Debug, Args)]
pub(crate) struct EnvArgs {
    /// The program that reads the lines [default: that of the variable SHELL]
    #[arg(long, value_name = "SHELL")]
    pub(crate) shell: Option<Shell>,
    /// Take the variables away instead
    #[arg(long, conflicts_with = "role_arn")]
    pub(crate) unset: bool,
    #[command(flatten)]
    pub(crate) role: RoleArgs,
}
