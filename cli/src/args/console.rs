use clap::Args;

use crate::args::{KEYFOB_OPTIONS_HEADING, number::in_range};

#[derive(Debug, Args)]
pub(crate) struct ConsoleArgs {
    /// The page to open: a URL, or a path of the console such as /s3/home [default: its first page]
    #[arg(long, value_name = "URL")]
    pub(crate) destination: Option<String>,
    /// Print the link instead of opening it in the browser: whoever has it is signed in. To open
    /// it, the browser is started with it, so the list of processes shows it to the users of this
    /// machine for a moment
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// How long the person stays signed in: 900 to 43200 seconds, for roles that no other role
    /// assumed [default: as long as the credentials are valid]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = in_range(900..=43_200),
        allow_negative_numbers = true
    )]
    pub(crate) duration_seconds: Option<u32>,
    /// Print the link as JSON (the same as `--no-browser --output json`)
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) json: bool,
}
