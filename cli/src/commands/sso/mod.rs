//! `keyfob sso`: signing in to IAM Identity Center, and out.

mod code_grant;
mod device_grant;
mod logout;
mod oidc;

use keyfob_chain::{
    Region, SsoSession,
    profiles::{FileKind, SectionName},
};
use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::sso::TokenFile;

use self::oidc::Oidc;
use crate::{
    args::{SsoBrowserArgs, SsoCommand, SsoLoginArgs},
    context::Context,
    failure::Failure,
    signals::finish_writing,
    terminal::{open_in_browser, printable},
};

/// Runs the command.
///
/// # Errors
///
/// If it is not configured what to sign in to, if the user does not sign in, or if the token cannot
/// be written.
pub(super) async fn run(context: &Context, command: &SsoCommand) -> Result<(), Failure> {
    match command {
        SsoCommand::Login(args) => login(context, args).await,
        SsoCommand::Logout => logout::run(context).await,
    }
}

async fn login(context: &Context, args: &SsoLoginArgs) -> Result<(), Failure> {
    let settings = context.settings();
    let session = match &args.sso_session {
        Some(name) => SsoSession::named(settings, name),
        None => SsoSession::from_profile(settings),
    }?;
    let signed_in = sign_in(context, &session, args.browser).await?;
    if signed_in.region != *session.region() {
        save_region(context, &session, &signed_in.region)?;
    }
    let url = printable(session.start_url());
    let text = format!("Successfully logged into Start URL: {url}\n");
    context.console().write_stdout(text)
}

/// The token of a user, and the region that it is for.
pub(super) struct SignedIn {
    pub(super) access_token: Secret,
    pub(super) region: Region,
}

/// Signs a user in, and saves the token.
///
/// # Errors
///
/// As [`run`].
pub(super) async fn sign_in(
    context: &Context,
    session: &SsoSession,
    browser: SsoBrowserArgs,
) -> Result<SignedIn, Failure> {
    let oidc = Oidc::new(context, session).await?;
    // The user does not sign in for a token that could not be saved.
    session.check_disk(context.settings())?;
    let (registration, token) = if session.name().is_some() && !browser.use_device_code {
        code_grant::sign_in(&oidc, browser).await?
    } else {
        device_grant::sign_in(&oidc, browser).await?
    };
    let region = oidc.region().clone();
    let now = Timestamp::now();
    let file = TokenFile::new(
        session.start_url(),
        region.name(),
        &registration,
        &token,
        now,
    );
    {
        let _guard = finish_writing();
        session.save_token(context.settings(), &file.to_text())?;
    }
    Ok(SignedIn {
        access_token: token.access_token,
        region,
    })
}

/// Writes the region that the start URL of an organization leads to, as version 2 of `aws` does.
fn save_region(context: &Context, session: &SsoSession, region: &Region) -> Result<(), Failure> {
    let section = match session.name() {
        Some(name) => SectionName::SsoSession(name.to_owned()),
        None => SectionName::profile(context.settings().profile_name()),
    };
    let mut editor = context.editor(FileKind::Config)?;
    editor.set(&section, "sso_region", region.name())?;
    context.save(&editor)?;
    let text = format!("SSO region updated to {region}\n");
    context.console().write_stdout(text)
}

/// The page of a sign-in.
struct Page<'a> {
    url: &'a str,
    /// The code that the user types there, and the page that has it filled in.
    code: Option<(&'a str, &'a str)>,
}

impl Page<'_> {
    /// Prints the texts of version 2 of `aws`, and opens the page in the browser unless that is not
    /// wanted.
    async fn show(&self, context: &Context, browser: SsoBrowserArgs) -> Result<(), Failure> {
        let url = printable(self.url);
        let mut text = match (browser.no_browser, self.code) {
            (true, _) => format!(
                "Browser will not be automatically opened.\nPlease visit the following \
                 URL:\n\n{url}\n"
            ),
            (false, Some(_)) => format!(
                "Attempting to automatically open the SSO authorization page in your default \
                 browser.\nIf the browser does not open or you wish to use a different device to \
                 authorize this request, open the following URL:\n\n{url}\n"
            ),
            (false, None) => format!(
                "Attempting to open your default browser. If the browser does not open, open the \
                 following URL.\nIf you are unable to open the URL on this device, run this \
                 command again with the '--use-device-code' option.\n\n{url}\n"
            ),
        };
        if let Some((code, complete)) = self.code {
            text += &format!("\nThen enter the code:\n\n{}\n", printable(code));
            if browser.no_browser {
                text += &format!(
                    "\nAlternatively, you may visit the following URL which will autofill the code \
                     upon loading:\n{}\n",
                    printable(complete)
                );
            }
        }
        context.console().write_stdout(text)?;
        if browser.no_browser {
            return Ok(());
        }
        let url = self.code.map_or(self.url, |(_, complete)| complete);
        if let Err(reason) = open_in_browser(context.variables(), url).await {
            let text = format!("no browser opens ({reason}): open the URL yourself");
            context.console().note(&text);
        }
        Ok(())
    }
}
