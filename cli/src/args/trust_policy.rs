use std::path::PathBuf;

use clap::Args;

use crate::args::KEYFOB_OPTIONS_HEADING;

#[derive(Debug, Args)]
pub(crate) struct TrustPolicyArgs {
    /// Trust these users, roles and sessions, or these accounts by their 12 digits
    #[arg(long, value_name = "ARN|ACCOUNT", num_args = 1.., conflicts_with = "check")]
    pub(crate) principal: Vec<String>,
    /// Trust these services, such as ec2.amazonaws.com
    #[arg(long, value_name = "NAME", num_args = 1.., conflicts_with = "check")]
    pub(crate) service: Vec<String>,
    /// Ask principals for this external id; with --check, the one that the caller sends
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,
    /// Ask principals for MFA
    #[arg(long, conflicts_with = "check")]
    pub(crate) require_mfa: bool,
    /// Trust this organization, or only those principals and services that belong to it; with
    /// --check, the one of the caller
    #[arg(long, value_name = "ID")]
    pub(crate) org_id: Option<String>,
    /// Trust the people whom this SAML provider signs in
    #[arg(long, value_name = "ARN", conflicts_with = "check")]
    pub(crate) saml_provider: Option<String>,
    /// Trust tokens of this OpenID Connect provider
    #[arg(
        long,
        value_name = "ARN",
        conflicts_with = "check",
        requires = "audience"
    )]
    pub(crate) oidc: Option<String>,
    /// The audience of the tokens, such as sts.amazonaws.com
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: Option<String>,
    /// The subject of the tokens; * and ? stand for any characters and for one
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// Say whether this trust policy lets a caller assume the role, and why not
    #[arg(long, value_name = "FILE", requires = "caller")]
    pub(crate) check: Option<PathBuf>,
    /// The caller: a user, a role, a session, a provider, or the name of a service
    #[arg(long = "as", value_name = "ARN", requires = "check")]
    pub(crate) caller: Option<String>,
    /// The caller uses MFA
    #[arg(long, requires = "check")]
    pub(crate) mfa: bool,
    /// More that the request says, such as aws:SourceIp=192.0.2.1
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., requires = "check")]
    pub(crate) context: Vec<String>,
    /// Print JSON (the same as `--output json`)
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) json: bool,
}
