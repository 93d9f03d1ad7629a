use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::{
    KEYFOB_OPTIONS_HEADING,
    number::{in_range, port},
};

#[derive(Debug, Subcommand)]
pub(crate) enum SamlCommand {
    /// Trade a SAML response for credentials of a role, and store them under a profile
    Login(SamlLoginArgs),
}

/// Where the response comes from.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SamlResponseArgs {
    /// A file with the response, or - for standard input: XML, its Base64, or the posted form
    #[arg(long, value_name = "FILE")]
    pub(crate) assertion: Option<PathBuf>,
    /// The page of the identity provider that signs you in to AWS. It must be set up to post its
    /// response to http://127.0.0.1:PORT/saml. Other pages could post one there, so --role-arn is
    /// needed, or an answer at the terminal, until the profile has had the role once
    #[arg(long, value_name = "URL")]
    pub(crate) idp_url: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SamlLoginArgs {
    #[command(flatten)]
    pub(crate) response: SamlResponseArgs,
    /// The port on 127.0.0.1 that the identity provider posts the response to
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 35010,
        value_parser = port,
        allow_negative_numbers = true,
        conflicts_with = "assertion"
    )]
    pub(crate) port: u16,
    /// Print the URL instead of opening it in the browser
    #[arg(long, conflicts_with = "assertion")]
    pub(crate) no_browser: bool,
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
