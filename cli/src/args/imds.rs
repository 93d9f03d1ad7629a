use clap::{Subcommand, ValueEnum};

use crate::args::number::in_range;

#[derive(Debug, Subcommand)]
pub(crate) enum ImdsCommand {
    /// Print a value by its path: `instance-id`, or `/latest/dynamic/instance-identity/document`
    Get {
        /// The path, below `/latest/meta-data/` unless it starts with `/` or `latest/`
        #[arg(value_name = "PATH")]
        path: String,
        /// Show the secrets of a credential document
        #[arg(long)]
        show: bool,
    },
    /// List the names in a folder
    Ls {
        /// The folder [default: `/latest/meta-data/`]
        #[arg(value_name = "PATH", default_value = "", hide_default_value = true)]
        path: String,
        /// List the paths of everything below the folder
        #[arg(short = 'R', long)]
        recursive: bool,
    },
    /// Print everything below a folder with its values, except for secrets
    Tree {
        /// The folder [default: `/latest/meta-data/`]
        #[arg(value_name = "PATH", default_value = "", hide_default_value = true)]
        path: String,
    },
    /// Print the name of the instance's role
    Role,
    /// Print the role's credentials, masked
    Credentials {
        /// Show the secret access key and the session token
        #[arg(long)]
        show: bool,
    },
    /// Print the user data
    UserData {
        /// Unpack gzip and MIME multi-part archives
        #[arg(long)]
        decode: bool,
    },
    /// Print the instance identity document
    Document,
    /// Print a session token for other programs
    Token {
        /// The token's lifetime: 1 to 21600 seconds
        #[arg(
            long,
            value_name = "SECONDS",
            default_value_t = 21_600,
            value_parser = in_range(1..=21_600),
            allow_negative_numbers = true
        )]
        ttl: u32,
    },
    /// Wait for events and print each as a line of JSON
    Watch {
        /// Which events to print; a spot notice is the last one
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
    /// Every event
    All,
}
