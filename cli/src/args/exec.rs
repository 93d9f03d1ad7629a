use std::ffi::OsString;

use clap::Args;

use crate::args::{
    KEYFOB_OPTIONS_HEADING, MAX_BODY, RoleArgs, number::in_range, serve::MAX_MAX_BODY,
};

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    /// Serve the credentials as a container does, so that they stay fresh for as long as the
    /// command runs
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) serve: bool,
    /// Give the command placeholder keys, and a proxy beside it that signs its requests again: it
    /// never has the real ones, and gets no others with its requests
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING, conflicts_with = "serve")]
    pub(crate) via_proxy: bool,
    /// A host that the proxy may send requests to, or a pattern such as `s3.*.amazonaws.com`
    /// [default: those of all services]
    #[arg(
        long,
        value_name = "HOST",
        help_heading = KEYFOB_OPTIONS_HEADING,
        requires = "via_proxy"
    )]
    pub(crate) allow: Vec<String>,
    /// Let the proxy send on only requests that read, as `serve proxy --read-only`
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING, requires = "via_proxy")]
    pub(crate) read_only: bool,
    /// Let the command also get credentials of AWS with its requests, as by sts AssumeRole
    #[arg(
        long,
        help_heading = KEYFOB_OPTIONS_HEADING,
        requires = "via_proxy",
        conflicts_with = "read_only"
    )]
    pub(crate) allow_credentials: bool,
    /// How many bytes of a body the proxy reads to sign it, as `serve proxy --max-body`
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = MAX_BODY,
        value_parser = in_range(0..=MAX_MAX_BODY),
        allow_negative_numbers = true,
        help_heading = KEYFOB_OPTIONS_HEADING,
        requires = "via_proxy"
    )]
    pub(crate) max_body: u32,
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    /// The command and its arguments, after -- if they have options [default: your shell]
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}
