use clap::{Args, Subcommand};

use crate::args::{number::in_range_as_aws, text::Text};

#[derive(Debug, Subcommand)]
pub(crate) enum StsCommand {
    /// Print the account, user id and ARN of the credentials in use
    GetCallerIdentity,
    /// Get temporary credentials for the user whose long-term key is in use
    GetSessionToken(GetSessionTokenArgs),
    /// Get temporary credentials of a role
    AssumeRole(Box<AssumeRoleArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct GetSessionTokenArgs {
    /// The lifetime of the credentials: 900 to 129600 seconds [service default: 43200]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = in_range_as_aws(0..=u32::MAX),
        allow_negative_numbers = true
    )]
    pub(crate) duration_seconds: Option<u32>,
    /// The serial number or ARN of the MFA device
    #[arg(long, value_name = "SERIAL")]
    pub(crate) serial_number: Option<Text>,
    /// The six digits that the MFA device shows
    #[arg(long, value_name = "CODE")]
    pub(crate) token_code: Option<Text>,
}

#[derive(Debug, Args)]
pub(crate) struct AssumeRoleArgs {
    /// The ARN of the role
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Text,
    /// A name for the session, which appears in its ARN and in logs
    #[arg(long, value_name = "NAME")]
    pub(crate) role_session_name: Text,
    /// Managed policies that narrow the session: `arn=ARN …`, or JSON
    #[arg(long, value_name = "arn=ARN", num_args = 1..)]
    pub(crate) policy_arns: Vec<Text>,
    /// An inline policy that narrows the session, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) policy: Option<Text>,
    /// The lifetime of the credentials: 900 seconds to the role's maximum, which is 43200 or less
    /// [service default: 3600]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = in_range_as_aws(0..=u32::MAX),
        allow_negative_numbers = true
    )]
    pub(crate) duration_seconds: Option<u32>,
    /// Session tags: `Key=K,Value=V …`, or JSON
    #[arg(long, value_name = "Key=K,Value=V", num_args = 1..)]
    pub(crate) tags: Vec<Text>,
    /// The keys of the tags that are passed on to sessions of further roles
    #[arg(long, value_name = "KEY", num_args = 1..)]
    pub(crate) transitive_tag_keys: Vec<Text>,
    /// The external id that the role's trust policy asks for
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<Text>,
    /// The serial number or ARN of the MFA device
    #[arg(long, value_name = "SERIAL")]
    pub(crate) serial_number: Option<Text>,
    /// The six digits that the MFA device shows
    #[arg(long, value_name = "CODE")]
    pub(crate) token_code: Option<Text>,
    /// The person who uses the session, for logs
    #[arg(long, value_name = "NAME")]
    pub(crate) source_identity: Option<Text>,
    /// Signed contexts: `ProviderArn=ARN,ContextAssertion=TEXT …`, or JSON
    #[arg(long, value_name = "ProviderArn=ARN,ContextAssertion=TEXT", num_args = 1..)]
    pub(crate) provided_contexts: Vec<Text>,
}
