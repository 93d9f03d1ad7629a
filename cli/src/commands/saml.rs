//! `keyfob saml login`: credentials of a role for the response of an identity provider.

use std::path::Path;

use http::Method;
use keyfob_chain::{
    profiles::SectionName,
    settings::{KEY_EXPIRATION, PRINCIPAL_ARN},
};
use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    actions::AssumeRoleWithSaml,
    call::Service,
    saml::{Assertion, SamlRole},
};
use serde_json::{Value, json};

use crate::{
    args::{SamlCommand, SamlLoginArgs, SamlResponseArgs},
    context::Context,
    failure::Failure,
    services::Client,
    syntax::{authority, read_text_file},
    terminal::{Callback, Parameters, Prompt, is_web_page, open_url, printable},
};

/// The longest response that is read. STS takes 100000 characters at most.
const MAX_RESPONSE: u64 = 1 << 20;
/// The path that the identity provider posts its response to.
const CONSUMER: &str = "/saml";
const WELCOME: &str = "You are logged in. Close this page and go back to the terminal.";

/// Runs the command.
///
/// # Errors
///
/// If the response cannot be read, if it is not clear which role is meant, if STS refuses it, or if
/// the file cannot be written.
pub(super) async fn run(context: &Context, command: &SamlCommand) -> Result<(), Failure> {
    let SamlCommand::Login(args) = command;
    let profile = context.settings().profile_name();
    if !args.list_roles {
        context.check_session_profile("--profile", profile)?;
        if let Some(expiry) = valid_until(context, args) {
            let text = format!(
                "the session of profile \"{}\" is valid until {expiry}: --force gets another one",
                printable(profile)
            );
            context.console().note(&text);
            return Ok(());
        }
    }
    let assertion = match &args.response {
        SamlResponseArgs {
            idp_url: Some(url), ..
        } => from_browser(context, args, url).await?,
        SamlResponseArgs { assertion, .. } => {
            from_file(assertion.as_deref().unwrap_or(Path::new("-")))?
        }
    };
    if args.list_roles {
        return list(context, args, &assertion.roles());
    }
    let role = choose(context, args, &assertion).await?;
    login(context, args, &assertion, &role).await
}

fn from_file(file: &Path) -> Result<Assertion, Failure> {
    let response = read_text_file("--assertion", file, MAX_RESPONSE)?;
    Assertion::parse(&response)
        .map_err(|error| Failure::usage(format!("--assertion: {}", error.message())))
}

/// Opens the page of the identity provider, and waits for the form that it makes the browser post.
async fn from_browser(
    context: &Context,
    args: &SamlLoginArgs,
    url: &str,
) -> Result<Assertion, Failure> {
    if !is_web_page(url) {
        return Err(Failure::usage(
            "--idp-url: write a URL that starts with https:// and has no spaces",
        ));
    }
    if authority(url).contains('@') {
        return Err(Failure::usage(
            "--idp-url: write the URL without a user name and a password, because it is printed",
        ));
    }
    let callback = Callback {
        method: Method::POST,
        path: CONSUMER.to_owned(),
        port: args.port,
    };
    let wanted = args.clone();
    let check = move |form: &Parameters| read_form(form, &wanted).map(|_| WELCOME);
    let (_, answer) = callback.listen(check).await?;
    let (console, variables) = (context.console(), context.variables());
    open_url(console, variables, url, !args.no_browser).await?;
    let form = answer.await?;
    read_form(&form, args).map_err(Failure::other)
}

/// Reads the form. One that is not a response, that has expired, or that does not offer the role is
/// not what is waited for: any page can post one.
fn read_form(form: &Parameters, wanted: &SamlLoginArgs) -> Result<Assertion, &'static str> {
    let response = form
        .get("SAMLResponse")
        .ok_or("There is no SAMLResponse.")?;
    let assertion = Assertion::parse(response)
        .map_err(|_| "This is not the response of a successful login.")?;
    match assertion.expiry() {
        Some(expiry) if expiry <= Timestamp::now() => return Err("This response has expired."),
        _ => {}
    }
    if assertion.is_encrypted() {
        return match wanted.principal_arn {
            Some(_) => Ok(assertion),
            None => Err(
                "The response is encrypted. Give --role-arn and --principal-arn in the terminal.",
            ),
        };
    }
    let is_wanted = |role: &SamlRole| match &wanted.role_arn {
        Some(role_arn) => role.role_arn == *role_arn,
        None => true,
    };
    match (assertion.roles().iter().any(is_wanted), &wanted.role_arn) {
        (true, _) => Ok(assertion),
        (false, Some(_)) => Err("The response does not offer the role that --role-arn names."),
        (false, None) => Err("The response offers no role of AWS."),
    }
}

/// Returns when the stored session expires, if it is of SAML, still valid, and of the role that is
/// asked for.
fn valid_until(context: &Context, args: &SamlLoginArgs) -> Option<Timestamp> {
    if args.force {
        return None;
    }
    stored(context, "aws_access_key_id")?;
    let of = stored_role(context)?;
    if args.role_arn.as_ref().is_some_and(|role| *role != of) {
        return None;
    }
    let expiry = stored(context, KEY_EXPIRATION.properties[0])?;
    let expiry: Timestamp = expiry.parse().ok()?;
    (expiry > Timestamp::now()).then_some(expiry)
}

/// Returns the role of the session that the profile has from this command before. Sessions of other
/// commands have none.
fn stored_role(context: &Context) -> Option<String> {
    stored(context, PRINCIPAL_ARN.properties[0])
}

fn stored(context: &Context, name: &str) -> Option<String> {
    let settings = context.settings();
    let section = SectionName::profile(settings.profile_name());
    let section = settings.files().find(&section).ok()??;
    Some(section.get(name)?.non_empty()?.to_owned())
}

fn list(context: &Context, args: &SamlLoginArgs, roles: &[SamlRole]) -> Result<(), Failure> {
    if let Some(format) = context.own_format(args.json) {
        let role =
            |role: &SamlRole| json!({"role_arn": role.role_arn, "provider_arn": role.provider_arn});
        let roles: Value = roles.iter().map(role).collect();
        return context.print_as(format, "SamlLogin", &json!({"roles": roles}));
    }
    let lines = roles
        .iter()
        .map(|role| format!("{}\n", printable(&role.role_arn)));
    context.console().write_stdout(lines.collect::<String>())
}

/// Returns the role that is asked for, the only one, or the one that the user chooses.
///
/// Any page in the browser can post a response of its own, which may be of another account. So even
/// the only role of one that was posted is asked about, unless the profile has had it before.
async fn choose(
    context: &Context,
    args: &SamlLoginArgs,
    assertion: &Assertion,
) -> Result<SamlRole, Failure> {
    let mut roles = assertion.roles();
    if let Some(role_arn) = &args.role_arn {
        if let Some(provider_arn) = &args.principal_arn {
            return Ok(SamlRole::new(role_arn, provider_arn));
        }
        if let Some(role) = roles.iter().find(|role| role.role_arn == *role_arn) {
            return Ok(role.clone());
        }
    }
    if assertion.is_encrypted() {
        return Err(Failure::usage(
            "the assertion is encrypted, so its roles cannot be read: give --role-arn and \
             --principal-arn",
        ));
    }
    if args.role_arn.is_some() {
        return Err(with_roles(
            Failure::usage("--role-arn: the response does not offer this role, but these:"),
            &roles,
        ));
    }
    match roles.len() {
        0 => Err(Failure::usage(
            "the response offers no role of AWS: ask for one in the identity provider",
        )),
        1 if is_known(context, args, &roles[0]) => Ok(roles.remove(0)),
        _ => ask(context, roles).await,
    }
}

fn is_known(context: &Context, args: &SamlLoginArgs, role: &SamlRole) -> bool {
    args.response.idp_url.is_none() || stored_role(context).as_ref() == Some(&role.role_arn)
}

async fn ask(context: &Context, mut roles: Vec<SamlRole>) -> Result<SamlRole, Failure> {
    let console = context.console();
    if !console.can_ask() {
        let count = match roles.len() {
            1 => "1 role".to_owned(),
            count => format!("{count} roles"),
        };
        let text = format!("the response offers {count}: choose one with --role-arn");
        return Err(with_roles(Failure::usage(text), &roles));
    }
    let prompt = Prompt::new(console, "give --role-arn")?;
    let arns: Vec<_> = roles.iter().map(|role| role.role_arn.clone()).collect();
    let index = prompt.choose("Number of the role", &arns).await?;
    Ok(roles.swap_remove(index))
}

fn with_roles(failure: Failure, roles: &[SamlRole]) -> Failure {
    roles.iter().fold(failure, |failure, role| {
        failure.with_detail(format!("  {}", role.role_arn))
    })
}

async fn login(
    context: &Context,
    args: &SamlLoginArgs,
    assertion: &Assertion,
    role: &SamlRole,
) -> Result<(), Failure> {
    let encoded = assertion.encoded().clone();
    let mut action = AssumeRoleWithSaml::new(&role.role_arn, &role.provider_arn, encoded)?;
    if let Some(seconds) = args.duration_seconds {
        action = action.duration_seconds(seconds)?;
    }
    let client = Client::with_credentials(context, &Service::STS, None).await?;
    client.hint_partition(context, &role.role_arn);
    let session = client
        .send(context, &action)
        .await
        .map_err(|failure| with_expiry(failure, assertion))?;
    let profile = context.settings().profile_name();
    context.store_session(profile, &session.credentials, Some(&role.role_arn))?;
    let of = format!(" of {}", role.role_arn);
    context.note_session(profile, &session.credentials, &of);
    Ok(())
}

/// Adds when the assertion expired: usually minutes after the login.
fn with_expiry(failure: Failure, assertion: &Assertion) -> Failure {
    match assertion.expiry() {
        Some(expiry) if expiry <= Timestamp::now() => failure.with_hint(format!(
            "the response expired at {expiry}: log in to the identity provider again"
        )),
        _ => failure,
    }
}
