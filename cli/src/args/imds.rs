use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ImdsCommand {
    /// A value, by its path: `instance-id`, or `/latest/dynamic/instance-identity/document`
    Get {
        /// The path; without a leading `/` it is below `/latest/meta-data/`
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// The names in a folder
    Ls {
        /// The folder [default: `/latest/meta-data/`]
        #[arg(value_name = "PATH", default_value = "", hide_default_value = true)]
        path: String,
    },
    /// The name of the instance's role
    Role,
    /// The role's credentials, masked
    Credentials {
        /// Show the secret access key and the session token
        #[arg(long)]
        show: bool,
    },
}
