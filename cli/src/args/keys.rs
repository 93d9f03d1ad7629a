use clap::Subcommand;

use crate::args::{
    KEYFOB_OPTIONS_HEADING,
    duration::{Span, span},
    examples,
};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Replace the access key of a user with a new one, in IAM and in the profiles that have it
    #[command(after_help = examples::KEYS_ROTATE)]
    Rotate(RotateArgs),
    /// List the access keys of a user: their age, their last use, and the profiles that have them
    List {
        #[command(flatten)]
        user: UserArgs,
        /// Print JSON (the same as `--output json`)
        #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
        json: bool,
    },
    /// Check the access keys of a user; 1 if there is something to do
    Check {
        #[command(flatten)]
        user: UserArgs,
        /// How old a key may be, such as 90d
        #[arg(
            long,
            value_name = "AGE",
            default_value = "90d",
            value_parser = span,
            allow_hyphen_values = true
        )]
        max_age: Span,
        /// Print JSON (the same as `--output json`)
        #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct UserArgs {
    /// The user [default: the one whose credentials are in use]
    #[arg(long, value_name = "NAME")]
    pub(crate) user_name: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RotateArgs {
    /// The user [default: the one whose key is in use]; the new key is written to each profile that
    /// has the old one
    #[arg(long, value_name = "NAME")]
    pub(crate) user_name: Option<String>,
    /// How long the old key stays inactive before it can be deleted, such as 24h, 7d or 0
    #[arg(
        long,
        value_name = "TIME",
        default_value = "24h",
        value_parser = span,
        allow_hyphen_values = true,
        conflicts_with_all = ["keep_inactive", "resume"]
    )]
    pub(crate) grace: Span,
    /// Leave the old key inactive, and never delete it
    #[arg(long, conflicts_with = "resume")]
    pub(crate) keep_inactive: bool,
    /// Go on with a rotation that was interrupted, or whose time of grace is over
    #[arg(long)]
    pub(crate) resume: bool,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON (the same as `--output json`)
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) json: bool,
}
