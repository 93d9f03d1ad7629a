use clap::Args;

use crate::args::{KEYFOB_OPTIONS_HEADING, number::port};

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Print a URL for a browser on another machine, and ask for the code that its page shows
    #[arg(long)]
    pub(crate) remote: bool,
    /// The port on 127.0.0.1 that the browser comes back to [default: any free one]
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true,
        value_parser = port,
        allow_negative_numbers = true,
        conflicts_with = "remote"
    )]
    pub(crate) redirect_port: u16,
    /// Print the URL instead of opening it in the browser
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) no_browser: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// Remove the cached credentials of all logins
    #[arg(long)]
    pub(crate) all: bool,
}
