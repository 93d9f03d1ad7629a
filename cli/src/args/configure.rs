use clap::ValueEnum;
use keyfob_chain::profiles::SectionName;

use super::{RoleArgs, Text};

/// The section of the config file that settings are in, if it is not the profile.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct SectionArgs {
    /// The settings of this SSO session, instead of those of the profile
    #[arg(long, value_name = "NAME")]
    sso_session: Option<String>,
    /// The settings of this section of services, such as `s3.endpoint_url`
    #[arg(long, value_name = "NAME")]
    services: Option<String>,
}

impl SectionArgs {
    /// Returns the section, or `None` for that of a profile.
    pub(crate) fn section(&self) -> Option<SectionName> {
        let session = self.sso_session.clone().map(SectionName::SsoSession);
        session.or_else(|| self.services.clone().map(SectionName::Services))
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The CSV of the AWS console, as file://PATH, with the headers "User name", "Access key ID"
    /// and "Secret access key"
    #[arg(long, value_name = "CSV")]
    pub(crate) csv: Text,
    /// Pass over entries without a key instead of failing
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Put this before the names of all profiles
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) profile_prefix: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The form of the credentials; json-container, dotenv and github are Keyfob's own
    #[arg(long, value_name = "FORMAT", default_value = "process")]
    pub(crate) format: ExportFormat,
    #[command(flatten)]
    pub(crate) role: RoleArgs,
}

/// A form of credentials for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The JSON that `credential_process` takes
    Process,
    /// Lines for a POSIX shell that export variables
    Env,
    /// The same without `export`
    EnvNoExport,
    /// Lines for PowerShell
    Powershell,
    /// Lines for the command prompt of Windows
    WindowsCmd,
    /// Lines for fish
    Fish,
    /// The JSON of a container's credential agent
    JsonContainer,
    /// Lines of a .env file
    Dotenv,
    /// Variables of the next steps of a job of GitHub Actions, masked in its log
    Github,
}
