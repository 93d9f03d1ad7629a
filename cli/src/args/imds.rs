use clap::{Subcommand, ValueEnum};

use super::number::within;

#[derive(Debug, Subcommand)]
pub(crate) enum ImdsCommand {
    /// A value, by its path: `instance-id`, or `/latest/dynamic/instance-identity/document`
    Get {
        /// The path; unless it begins with `/` or `latest/` it is below `/latest/meta-data/`
        #[arg(value_name = "PATH")]
        path: String,
        /// Show the secrets of credential documents
        #[arg(long)]
        show: bool,
    },
    /// The names in a folder
    Ls {
        /// The folder [default: `/latest/meta-data/`]
        #[arg(value_name = "PATH", default_value = "", hide_default_value = true)]
        path: String,
        /// The paths of everything below it
        #[arg(short = 'R', long)]
        recursive: bool,
    },
    /// Everything below a folder, with its values; secrets are left out
    Tree {
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
    /// The user data
    UserData {
        /// Unpack gzip and MIME multi-part archives
        #[arg(long)]
        decode: bool,
    },
    /// The instance identity document
    Document,
    /// A session token, for other programs
    Token {
        /// How long it lives: 1 to 21600 seconds
        #[arg(
            long,
            value_name = "SECONDS",
            default_value_t = 21_600,
            value_parser = within(1..=21_600),
            allow_negative_numbers = true
        )]
        ttl: u32,
    },
    /// Wait for events and print each as a line of JSON
    Watch {
        /// Which events; a spot notice is the last
        #[arg(value_name = "EVENT")]
        event: WatchEvent,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WatchEvent {
    /// The interruption of a Spot Instance
    Spot,
    /// The recommendation to replace a Spot Instance
    Rebalance,
    /// Maintenance
    Scheduled,
    /// All of them
    All,
}
