use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::{KEYFOB_OPTIONS_HEADING, number::in_range};

#[derive(Debug, Subcommand)]
pub(crate) enum SamlCommand {
    /// Trade a SAML response for credentials of a role, and store them under a profile
    Login(SamlLoginArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SamlLoginArgs {
    /// A file with the response, or - for standard input: XML, its Base64, or the posted form
    #[arg(long, value_name = "FILE")]
    pub(crate) assertion: PathBuf,
    /// The role, if the response offers several
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<String>,
    /// The identity provider of the role, for a response that is encrypted
    #[arg(long, value_name = "ARN", requires = "role_arn")]
    pub(crate) principal_arn: Option<String>,
    /// The lifetime of the credentials: 900 seconds to the role's maximum, which is 43200 or less
    /// [default: what the response asks for, or else 3600]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = in_range(900..=43_200),
        allow_negative_numbers = true
    )]
    pub(crate) duration_seconds: Option<u32>,
    /// List the roles that the response offers; nothing is sent
    #[arg(long)]
    pub(crate) list_roles: bool,
    /// Get new credentials even if those of the profile are still valid
    #[arg(long)]
    pub(crate) force: bool,
    /// Print JSON (the same as `--output json`)
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) json: bool,
}
