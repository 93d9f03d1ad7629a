//! `keyfob login` and `keyfob logout`: the credentials of a person who is signed in to the AWS
//! console.

mod profile;

use keyfob_chain::{Origin, Region, TokenFolder};
use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::{
    CodeVerifier, Error,
    call::Service,
    signin::{CreateOAuth2Token, DpopKey, LoginFile, LoginToken, LoginUrl},
};

use self::profile::Profile;
use super::redirect;
use crate::{
    args::{LoginArgs, LogoutArgs},
    context::Context,
    failure::Failure,
    services::Client,
    signals::finish_writing,
    terminal::{Prompt, open_url, printable},
};

/// What `aws` says after a logout.
const EXPIRY: &str = "Note, any local developer tools that have already loaded access tokens may \
                      continue to use them until their expiration. Access tokens expire in 15 \
                      minutes.\n";

/// Signs a person in, and stores the credentials and the profile that uses them.
///
/// # Errors
///
/// If the profile has other credentials, if the person or AWS Sign-In refuses, or if a file cannot
/// be written.
pub(super) async fn run(context: &Context, args: &LoginArgs) -> Result<(), Failure> {
    // Before the browser opens, not after it.
    if context.is_offline() {
        return Err(Failure::usage(
            "--offline: a login sends requests, so leave out the option",
        ));
    }
    let folder = TokenFolder::login(context.settings())?;
    let profile = Profile::new(context)?;
    profile.check()?;
    let (region, is_asked) = region(context, &folder, &profile).await?;
    let client = Client::in_region(context, &Service::SIGNIN, &region, None)?;
    let verifier = CodeVerifier::from_random(rand::random());
    let answer = if args.remote {
        ask_elsewhere(context, &client, &verifier).await?
    } else {
        ask_here(context, args, &client, &verifier).await?
    };
    let key = new_key();
    let token = redeem(context, &client, &answer, &verifier, &key).await?;
    let now = Timestamp::now();
    let file = LoginFile::new(answer.client_id, region.name(), &token, &key, now)?;
    // The file has the session of the same token.
    let session = token.session().unwrap_or_default();
    if !profile.may_change_to(context, &session).await? {
        return Ok(());
    }
    {
        let _guard = finish_writing();
        folder.write(&LoginFile::name(&session), |old| {
            match old.and_then(|old| LoginFile::parse(old).ok()) {
                Some(old) => file.after(&old).to_text(),
                None => file.to_text(),
            }
        })?;
    }
    profile.save(context, &session, is_asked.then_some(&region))?;
    context.console().write_stdout(profile.report(&session))
}

/// Removes the cached credentials of the profile, or of all.
///
/// # Errors
///
/// If a file cannot be removed.
pub(super) fn log_out(context: &Context, args: &LogoutArgs) -> Result<(), Failure> {
    let folder = TokenFolder::login(context.settings())?;
    let console = context.console();
    if args.all {
        return console.write_stdout(match folder.remove_all(LoginFile::is_one)? {
            0 => "No cached login session tokens found.\n".to_owned(),
            count => format!(
                "Removed {count} cached login credential{}. {EXPIRY}",
                if count == 1 { "" } else { "s" }
            ),
        });
    }
    let profile = Profile::new(context)?;
    let name = printable(profile.name());
    let Some(session) = profile.session else {
        console.warn(&format!("no login session found for profile '{name}'"));
        return Ok(());
    };
    folder.remove(&LoginFile::name(session))?;
    console.write_stdout(format!(
        "Removed cached login credentials for profile '{name}'. {EXPIRY}"
    ))
}

/// Returns the region to sign in to, and whether the user was asked for it: the one that is set, or
/// that of the login before.
async fn region(
    context: &Context,
    folder: &TokenFolder,
    profile: &Profile<'_>,
) -> Result<(Region, bool), Failure> {
    if let Some(region) = context.settings().region(None)? {
        return Ok((region, false));
    }
    let before = profile.session.map(LoginFile::name);
    let before = before.and_then(|name| folder.read(&name).ok()?);
    let before = before.and_then(|text| LoginFile::parse(text.expose()).ok());
    if let Some(name) = before.as_ref().and_then(LoginFile::sign_in_region) {
        let description = "the login before".to_owned();
        return Ok((Region::new(name, Origin::Other { description })?, false));
    }
    let console = context.console();
    if !console.can_ask() {
        return Ok((context.region().await?.clone(), false));
    }
    console.note("no region is set: choose the one of your resources, or the closest one");
    let prompt = Prompt::new(console, "give --region")?;
    let default = Region::us_east_1();
    let parse = |answer: &str| {
        let name = "the answer".to_owned();
        Region::new(answer, Origin::Argument { name })
    };
    let check = |answer: &str| parse(answer).map(drop).map_err(|error| error.to_string());
    let answer = prompt
        .line("AWS Region", Some(default.name()), check)
        .await?;
    match answer {
        Some(answer) => Ok((parse(&answer)?, true)),
        None => Ok((default, true)),
    }
}

/// What the browser brought.
struct Answer {
    client_id: &'static str,
    redirect_uri: String,
    code: Secret,
}

/// Opens the browser, which comes back to this machine.
async fn ask_here(
    context: &Context,
    args: &LoginArgs,
    client: &Client,
    verifier: &CodeVerifier,
) -> Result<Answer, Failure> {
    let (redirect, code) = redirect::listen(args.redirect_port).await?;
    let url = LoginUrl {
        client_id: LoginUrl::SAME_DEVICE,
        redirect_uri: &redirect.uri,
        state: &redirect.state,
    };
    let page = url.build(client.endpoint(), verifier);
    let (console, variables) = (context.console(), context.variables());
    open_url(console, variables, &page, !args.no_browser).await?;
    Ok(Answer {
        client_id: LoginUrl::SAME_DEVICE,
        code: code.await?,
        redirect_uri: redirect.uri,
    })
}

/// Prints the URL, and asks for the text of the page that a browser elsewhere shows.
async fn ask_elsewhere(
    context: &Context,
    client: &Client,
    verifier: &CodeVerifier,
) -> Result<Answer, Failure> {
    let console = context.console();
    // Before the URL is printed, not after it.
    Prompt::new(console, "sign in with `keyfob login --no-browser`")?;
    let (state, endpoint) = (redirect::new_state(), client.endpoint());
    let redirect_uri = LoginUrl::confirmation_page(endpoint);
    let url = LoginUrl {
        client_id: LoginUrl::CROSS_DEVICE,
        redirect_uri: &redirect_uri,
        state: &state,
    };
    let page = url.build(endpoint, verifier);
    open_url(console, context.variables(), &page, false).await?;
    let question = "\nEnter the authorization code displayed in your browser: ";
    loop {
        let answer = Prompt::code(console, question).await;
        let answer = answer.map_err(|error| Failure::unread_answer(&error))?;
        let answer = answer.ok_or_else(|| Failure::usage("no authorization code was given"))?;
        match url.code_from(&answer) {
            Ok(code) => {
                return Ok(Answer {
                    client_id: LoginUrl::CROSS_DEVICE,
                    code,
                    redirect_uri,
                });
            }
            Err(error) => console.warn(&error.to_string()),
        }
    }
}

/// Trades the code for credentials.
async fn redeem(
    context: &Context,
    client: &Client,
    answer: &Answer,
    verifier: &CodeVerifier,
    key: &DpopKey,
) -> Result<LoginToken, Failure> {
    let call = CreateOAuth2Token::authorization_code(
        answer.client_id,
        answer.code.clone(),
        &answer.redirect_uri,
        verifier,
        key,
        rand::random,
    )?;
    match client.try_send(&call).await {
        Ok(token) => Ok(token),
        Err(error) => Err(explained(client.explain(context, &error).await, &error)),
    }
}

/// Adds what a refusal means.
fn explained(failure: Failure, error: &Error) -> Failure {
    let failure = match error.member("error") {
        Some("AUTHCODE_EXPIRED") => Failure::other(
            "the sign-in is not complete: the authorization code has expired, or was used",
        )
        .with_hint("run `keyfob login` again, and go through the pages within minutes"),
        Some("INSUFFICIENT_PERMISSIONS") => {
            Failure::other(format!("the sign-in is not complete: {}", error.message())).with_hint(
                "ask for the permission signin:CreateOAuth2Token, which the managed policy \
                    SignInLocalDevelopmentAccess has",
            )
        }
        _ => failure,
    };
    match error.clock_skew_seconds() {
        Some(seconds) => failure.with_hint(format!(
            "the clock of this machine is off by {} s, and the request has a time: set the clock",
            seconds.abs()
        )),
        None => failure,
    }
}

fn new_key() -> DpopKey {
    loop {
        // One in 2^32 numbers is too large.
        if let Ok(key) = DpopKey::from_random(rand::random()) {
            return key;
        }
    }
}

#[cfg(test)]
mod tests {
    use keyfob_sts::call::Call as _;

    use super::*;

    /// Returns the failure for a refusal with this reason.
    fn refusal(reason: &str) -> Failure {
        let call = CreateOAuth2Token::refresh_token("client", "token", &new_key(), rand::random);
        let answer = http::Response::builder()
            .status(400)
            .header("x-amzn-errortype", "AccessDeniedException")
            .body(format!(r#"{{"error": "{reason}", "message": "No."}}"#));
        let error = call.unwrap().parse(&answer.unwrap()).unwrap_err();
        explained(Failure::from(&error), &error)
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        for (reason, code, text) in [
            ("AUTHCODE_EXPIRED", 255, "run `keyfob login` again"),
            ("INSUFFICIENT_PERMISSIONS", 255, "signin:CreateOAuth2Token"),
            ("INVALID_REQUEST", 254, "No."),
        ] {
            let failure = refusal(reason);
            assert_eq!(failure.exit_code(), code, "{reason}");
            assert!(failure.to_string().contains(text), "{failure}");
        }
    }
}
