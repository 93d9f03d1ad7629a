use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum SsoCommand {
    /// Sign in with a browser, and save the token for Keyfob, aws and the SDKs
    Login(SsoLoginArgs),
    /// Sign out: end and remove all tokens, and the credentials of roles that came from them
    Logout,
}

#[derive(Debug, Args)]
pub(crate) struct SsoLoginArgs {
    /// The SSO session to sign in to [default: that of the profile]
    #[arg(long, value_name = "NAME")]
    pub(crate) sso_session: Option<String>,
    #[command(flatten)]
    pub(crate) browser: SsoBrowserArgs,
}

/// How the user gets to the page of the sign-in.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct SsoBrowserArgs {
    /// Print the URL instead of opening it in the browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Sign in with a code that is typed in the browser of any device
    #[arg(long)]
    pub(crate) use_device_code: bool,
}
