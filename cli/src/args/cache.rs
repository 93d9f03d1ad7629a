use clap::Subcommand;

use crate::args::KEYFOB_OPTIONS_HEADING;

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List the cached sessions: whom they are for and when they expire, and never a secret
    Ls {
        /// Print JSON (the same as `--output json`)
        #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
        json: bool,
    },
    /// Delete the cached sessions; with --profile, those that this profile uses
    Clear {
        /// Delete only what has expired
        #[arg(long)]
        expired: bool,
        /// Print what would be deleted, and delete nothing
        #[arg(long)]
        dryrun: bool,
        /// Print JSON (the same as `--output json`)
        #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
        json: bool,
    },
}
