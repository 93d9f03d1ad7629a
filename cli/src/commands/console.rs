//! `keyfob console`: signs a person in to the AWS console with the credentials in use.

use keyfob_sigv4::{Credentials, Secret};
use keyfob_sts::{
    Partition,
    call::Service,
    console::{GetSigninToken, home_page},
};
use serde_json::json;

use crate::{
    args::ConsoleArgs, context::Context, failure::Failure, services::Client,
    terminal::open_in_browser,
};

/// How to get credentials that the console takes.
const GET_A_SESSION: &str = "get a session of a role first: keyfob sts assume-role --role-arn \
                             ROLE_ARN --role-session-name NAME --update-profile console";
const USE_IT: &str = "then run keyfob console --profile console";

/// Opens the console in the browser, or prints the link.
///
/// # Errors
///
/// If the credentials are not those of a role or of a federated user, or if the sign-in refuses
/// them.
pub(super) async fn run(context: &Context, args: &ConsoleArgs) -> Result<(), Failure> {
    let destination = destination(context, args.destination.as_deref()).await?;
    let credentials = context.credentials().await?;
    if credentials.session_token().is_none() {
        return Err(Failure::configuration(
            "the console does not take long-term keys, and these credentials have no session",
        )
        .with_hint(GET_A_SESSION)
        .with_hint(USE_IT));
    }
    let link = link(context, args, &credentials, &destination).await?;
    if let Some(format) = context.own_format(args.json) {
        return context.print_as(format, "Console", &json!({"url": link.expose()}));
    }
    if !args.no_browser {
        match open_in_browser(context.variables(), link.expose()).await {
            Ok(()) => {
                context.console().note("the console opens in the browser");
                return Ok(());
            }
            Err(reason) => {
                let text = format!("no browser opens ({reason}): open this link within 15 minutes");
                context.console().note(&text);
            }
        }
    }
    context
        .console()
        .write_stdout(format!("{}\n", link.expose()))
}

async fn link(
    context: &Context,
    args: &ConsoleArgs,
    credentials: &Credentials,
    destination: &str,
) -> Result<Secret, Failure> {
    let mut action = GetSigninToken::new(credentials)?;
    if let Some(seconds) = args.duration_seconds {
        action = action.session_duration(seconds)?;
    }
    // Not signed: the credentials are in the body.
    let client = Client::with_credentials(context, &Service::SIGNIN, None).await?;
    let token = match client.try_send(&action).await {
        Ok(token) => token,
        Err(error) => {
            let failure = client.explain(context, &error).await;
            // The sign-in does not say why.
            return Err(match error.status() {
                Some(400 | 403) => with_reasons(failure, args),
                _ => failure,
            });
        }
    };
    Ok(token.login_url(client.endpoint(), destination))
}

fn with_reasons(failure: Failure, args: &ConsoleArgs) -> Failure {
    let failure = failure.with_hint(
        "the console takes sessions of roles and of federated users, not those of \
         get-session-token",
    );
    let failure = failure.with_hint(GET_A_SESSION).with_hint(USE_IT);
    if args.duration_seconds.is_none() {
        return failure;
    }
    failure.with_hint(
        "--duration-seconds does not work for federated users, nor for a role that another role \
         assumed: leave it out",
    )
}

/// Returns the page to open, which is one of the partition in use if only its path is given.
///
/// # Errors
///
/// If it is neither a URL nor a path. The message does not repeat it.
async fn destination(context: &Context, given: Option<&str>) -> Result<String, Failure> {
    if let Some(url) = given.filter(|given| given.starts_with("https://")) {
        return Ok(url.to_owned());
    }
    let home = home_page(Partition::from_region(context.region().await?.name()));
    match given {
        None => Ok(home.to_owned()),
        Some(path) if path.starts_with('/') => Ok(format!("{}{path}", home.trim_end_matches('/'))),
        Some(_) => Err(Failure::usage(
            "--destination: write a URL that starts with https://, or a path that starts with /",
        )),
    }
}
