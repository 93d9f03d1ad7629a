use keyfob_chain::{Argument, Settings};

use super::{GLOBAL_OPTIONS_HEADING, KEYFOB_OPTIONS_HEADING, NumberError, number};

/// The options of every command about connections and questions.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ConnectionArgs {
    /// Trust the certificates in this file (PEM) instead of the system's
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "FILE")]
    pub(crate) ca_bundle: Option<String>,
    /// Trust every certificate: others on the way can read and change what is sent
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING)]
    pub(crate) no_verify_ssl: bool,
    /// Send requests without a signature, and look for no credentials
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING)]
    pub(crate) no_sign_request: bool,
    /// Wait this many seconds for a connection [default: 3; 0: as long as it takes]
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds())]
    cli_connect_timeout: Option<u32>,
    /// Wait this many seconds for an answer [default: 10; 0: as long as it takes]
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds())]
    cli_read_timeout: Option<u32>,
    /// Print one page of a list as the service returns it, instead of all
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING)]
    pub(crate) no_paginate: bool,
    /// Accepted, and of no effect: output never goes through a pager
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING)]
    no_cli_pager: bool,
    /// Accepted, and of no effect: no command has binary parameters
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL_OPTIONS_HEADING,
        value_name = "FORMAT",
        value_parser = ["base64", "raw-in-base64-out"]
    )]
    cli_binary_format: Option<String>,
    /// Accepted, and of no effect: parameters are never asked for
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING)]
    no_cli_auto_prompt: bool,
    /// Send each call at most this many times [default: 3]
    #[arg(
        long,
        global = true,
        help_heading = KEYFOB_OPTIONS_HEADING,
        value_name = "N",
        value_parser = number::in_range(1..=u32::MAX),
        allow_negative_numbers = true
    )]
    max_attempts: Option<u32>,
    /// Retry by these rules; adaptive is the same as standard, legacy has 5 attempts
    #[arg(
        long,
        global = true,
        help_heading = KEYFOB_OPTIONS_HEADING,
        value_name = "MODE",
        value_parser = ["standard", "adaptive", "legacy"]
    )]
    retry_mode: Option<String>,
    /// Send at most this many requests a second [default: what EC2 documents for lists and S3 for
    /// prefixes, and less after throttling]
    #[arg(
        long,
        global = true,
        help_heading = KEYFOB_OPTIONS_HEADING,
        value_name = "N",
        value_parser = number::in_range(1..=1_000_000),
        allow_negative_numbers = true
    )]
    pub(crate) rate: Option<u32>,
    /// Fail instead of asking a question
    #[arg(long, global = true, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) no_input: bool,
    /// Read and write no cached credentials on disk
    #[arg(long, global = true, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) no_cache: bool,
    /// Send no request: fail where one is needed
    #[arg(long, global = true, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) offline: bool,
    /// Fail instead of using us-east-1 if no region is set
    #[arg(long, global = true, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) no_default_region: bool,
}

impl ConnectionArgs {
    /// Gives the settings the options that come before variables and profiles. `name` returns what
    /// sets an option.
    pub(super) fn apply(&self, mut settings: Settings, name: impl Fn(&str) -> String) -> Settings {
        let text = |number: Option<u32>| number.map(|number| number.to_string());
        let verify = self.no_verify_ssl.then(|| "false".to_owned());
        for (property, option, value) in [
            ("ca_bundle", "ca-bundle", self.ca_bundle.clone()),
            ("verify_ssl", "no-verify-ssl", verify),
            (
                "cli_connect_timeout",
                "cli-connect-timeout",
                text(self.cli_connect_timeout),
            ),
            (
                "cli_read_timeout",
                "cli-read-timeout",
                text(self.cli_read_timeout),
            ),
            ("max_attempts", "max-attempts", text(self.max_attempts)),
            ("retry_mode", "retry-mode", self.retry_mode.clone()),
            (
                "offline",
                "offline",
                self.offline.then(|| "true".to_owned()),
            ),
        ] {
            if let Some(value) = value {
                let name = name(option);
                settings = settings.with_argument(property, Argument::new(&name, &value));
            }
        }
        if self.no_default_region {
            settings = settings.without_default_region();
        }
        settings
    }
}

fn seconds() -> impl Fn(&str) -> Result<u32, NumberError> + Clone + Send + Sync + 'static {
    number::in_range_as_aws(0..=u32::MAX)
}
