use clap::Args;

use crate::args::{KEYFOB_OPTIONS_HEADING, number::in_range};

/// Parses the ARN of a role. What it names is left to STS.
fn role_arn(text: &str) -> Result<String, &'static str> {
    if text.starts_with("arn:") && text.contains(":role/") {
        return Ok(text.to_owned());
    }
    Err("it is not the ARN of a role, such as arn:aws:iam::123456789012:role/NAME")
}

/// A role that no profile has.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RoleArgs {
    /// Assume this role, which needs no profile
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub(crate) role_arn: Option<String>,
    /// The profile whose credentials assume the role [default: those in use]
    #[arg(
        long,
        value_name = "NAME",
        requires = "role_arn",
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) source_profile: Option<String>,
    /// The name of the session [default: keyfob- and the time; for eks EKSGetTokenAuth, as in aws]
    #[arg(
        long,
        value_name = "NAME",
        requires = "role_arn",
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) role_session_name: Option<String>,
    /// The ID that the owner of the role asks for
    #[arg(
        long,
        value_name = "ID",
        requires = "role_arn",
        allow_hyphen_values = true,
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) external_id: Option<String>,
    /// The lifetime of the session: 900 to 43200 seconds
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "role_arn",
        value_parser = in_range(900..=43_200),
        allow_negative_numbers = true,
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) duration_seconds: Option<u32>,
    /// The serial number or ARN of the MFA device whose code the role needs
    #[arg(
        long,
        value_name = "SERIAL",
        requires = "role_arn",
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) serial_number: Option<String>,
}
