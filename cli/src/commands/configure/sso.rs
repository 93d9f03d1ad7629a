//! `keyfob configure sso` and `keyfob configure sso-session`: the questions of version 2 of `aws`.

use keyfob_chain::{
    Origin, Region, SsoSession,
    profiles::{Editor, FileKind, Section, SectionName},
    shell,
};
use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::{
    Error, ErrorKind,
    call::{Pages, Service},
    sso::{ListAccountRoles, ListAccounts, SsoAccount, StartUrl},
};

use super::answers::{ask, current};
use crate::{
    args::SsoBrowserArgs,
    commands::sso::sign_in,
    context::Context,
    failure::Failure,
    services::Client,
    terminal::{Prompt, printable},
};

const DEFAULT_SCOPES: &str = "sso:account:access";
const WRITE_SESSION: &str = "write sso_start_url, sso_region and sso_registration_scopes below \
                             [sso-session NAME] in the config file";

/// Asks what to sign in to, signs the user in, and writes a profile with a role that the user
/// chooses.
///
/// # Errors
///
/// If there is no terminal, if the user does not sign in or has no role, or if the file cannot be
/// written.
pub(super) async fn run(context: &Context, browser: SsoBrowserArgs) -> Result<(), Failure> {
    let alternative = format!(
        "{WRITE_SESSION}, and sso_session, sso_account_id and sso_role_name below [profile NAME]; \
         then run keyfob sso login --profile NAME"
    );
    let prompt = Prompt::new(context.console(), &alternative)?;
    let settings = context.settings();
    let section = SectionName::profile(settings.profile_name());
    let profile = settings.files().find(&section)?;
    // Refused before the questions, not after them.
    context
        .editor(FileKind::Config)?
        .set(&section, "region", "")?;
    let (mut session, new_scopes) = ask_for_session(context, &prompt, profile).await?;
    // As in `aws`, a session that is configured needs no new token.
    let saved = match new_scopes {
        Some(_) => None,
        None => session.access_token(settings, Timestamp::now()).await.ok(),
    };
    let access_token = match saved {
        Some(token) => token,
        None => {
            let signed_in = sign_in(context, &session, browser).await?;
            session = session.with_region(signed_in.region);
            signed_in.access_token
        }
    };
    let role = choose_role(context, &prompt, session.region(), &access_token).await?;
    let region = ask(&prompt, "Default client Region", "region", profile).await?;
    let question = "CLI default output format (json if not specified)";
    let output = ask(&prompt, question, "output", profile).await?;
    let name = profile_name(context, &prompt, role.as_ref()).await?;
    let mut editor = context.editor(FileKind::Config)?;
    let section = SectionName::profile(&name);
    set_session(context, &mut editor, &section, &session, new_scopes)?;
    let (account, role_name) = role
        .as_ref()
        .map(|role| (&role.account, &role.name))
        .unzip();
    for (property, value) in [
        ("sso_account_id", account),
        ("sso_role_name", role_name),
        ("region", region.as_ref()),
        ("output", output.as_ref()),
    ] {
        if let Some(value) = value {
            editor.set(&section, property, value.as_str())?;
        }
    }
    context.save(&editor)?;
    conclude(context, &name, role.is_some())
}

/// Asks for a session, and writes it.
///
/// # Errors
///
/// If there is no terminal, or if the file cannot be written.
pub(super) async fn run_session(context: &Context) -> Result<(), Failure> {
    let prompt = Prompt::new(context.console(), WRITE_SESSION)?;
    let name = loop {
        match prompt.plain("SSO session name", |_| Ok(())).await? {
            Some(name) => break name,
            None => prompt.require("SSO session name"),
        }
    };
    let section = SectionName::SsoSession(name.clone());
    let mut editor = context.editor(FileKind::Config)?;
    editor.set(&section, "sso_region", "")?;
    let known = context.settings().files().find(&section)?;
    let (start_url, region) = ask_for_place(&prompt, known).await?;
    let scopes = ask_for_scopes(&prompt, known).await?;
    let session = SsoSession::new(Some(name.clone()), start_url, region, Vec::new());
    let mut editor = context.editor(FileKind::Config)?;
    set_place(&mut editor, &section, &session)?;
    editor.set(&section, "sso_registration_scopes", scopes)?;
    context.save(&editor)?;
    let command = shell::option("keyfob sso login --sso-session", &name);
    context.console().write_stdout(format!(
        "\nCompleted configuring SSO session: {}\nRun the following to login and refresh access \
         token for this session:\n\n{command}\n",
        printable(&name)
    ))
}

/// Asks for the session, and for what a new one needs: then the scopes are returned as they were
/// typed, which are empty for a profile without a session.
async fn ask_for_session(
    context: &Context,
    prompt: &Prompt,
    profile: Option<&Section>,
) -> Result<(SsoSession, Option<String>), Failure> {
    let question = "SSO session name";
    let known = profile.and_then(|profile| current(profile, "sso_session"));
    let any = |_: &str| Ok(());
    let name = match known {
        Some(known) => {
            let answer = prompt.line(question, Some(known), any).await?;
            Some(answer.unwrap_or_else(|| known.to_owned()))
        }
        None => prompt.plain("SSO session name (Recommended)", any).await?,
    };
    let Some(name) = name else {
        context.console().write_stdout(
            "WARNING: Configuring using legacy format (e.g. without an SSO session).\nConsider \
             re-running \"configure sso\" command and providing a session name.\n",
        )?;
        let (start_url, region) = ask_for_place(prompt, profile).await?;
        let session = SsoSession::new(None, start_url, region, Vec::new());
        return Ok((session, Some(String::new())));
    };
    let section = SectionName::SsoSession(name.clone());
    let settings = context.settings();
    if settings.files().find(&section)?.is_some() {
        return Ok((SsoSession::named(settings, &name)?, None));
    }
    context
        .editor(FileKind::Config)?
        .set(&section, "sso_region", "")?;
    let (start_url, region) = ask_for_place(prompt, profile).await?;
    let typed = ask_for_scopes(prompt, None).await?;
    let scopes = SsoSession::scopes_of(&typed);
    let session = SsoSession::new(Some(name), start_url, region, scopes);
    Ok((session, Some(typed)))
}

/// Asks for the start URL and the region. The section may have them already.
async fn ask_for_place(
    prompt: &Prompt,
    section: Option<&Section>,
) -> Result<(String, Region), Failure> {
    let known = |name| section.and_then(|section| current(section, name));
    let check = |answer: &str| {
        let url = StartUrl::parse(answer);
        url.map(drop).map_err(|error| error.to_string())
    };
    let start_url = required(prompt, "SSO start URL", known("sso_start_url"), check).await?;
    let origin = || Origin::Argument {
        name: "the answer".to_owned(),
    };
    let check = |answer: &str| {
        let region = Region::new(answer, origin());
        region.map(drop).map_err(|error| error.to_string())
    };
    let region = required(prompt, "SSO region", known("sso_region"), check).await?;
    Ok((start_url, Region::new(&region, origin())?))
}

async fn ask_for_scopes(prompt: &Prompt, section: Option<&Section>) -> Result<String, Failure> {
    let known = section.and_then(|section| current(section, "sso_registration_scopes"));
    let check = |answer: &str| {
        let mut scopes = answer.split(',').map(str::trim);
        if scopes.any(|scope| scope.contains(char::is_whitespace)) {
            return Err("Scope values must be separated by commas".to_owned());
        }
        Ok(())
    };
    let known = Some(known.unwrap_or(DEFAULT_SCOPES));
    required(prompt, "SSO registration scopes", known, check).await
}

/// Asks until there is an answer, or a current value to keep.
async fn required(
    prompt: &Prompt,
    question: &str,
    known: Option<&str>,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<String, Failure> {
    loop {
        match (prompt.line(question, known, &check).await?, known) {
            (Some(answer), _) => return Ok(answer),
            (None, Some(known)) => return Ok(known.to_owned()),
            (None, None) => prompt.require(question),
        }
    }
}

/// A role that the user chose.
struct Role {
    account: String,
    name: String,
}

/// Lists the accounts and roles of the user, who chooses one. Returns `None` if the token is not
/// for accounts.
async fn choose_role(
    context: &Context,
    prompt: &Prompt,
    region: &Region,
    access_token: &Secret,
) -> Result<Option<Role>, Failure> {
    let portal = Client::in_region(context, &Service::SSO, region, None)?;
    let explain = async |error: Error| -> Result<Option<Role>, Failure> {
        let is_unauthorized = error.kind() == ErrorKind::Service && error.status() == Some(401);
        if !is_unauthorized {
            return Err(portal.explain(context, &error).await);
        }
        context.console().write_stdout(
            "Unable to list AWS accounts and/or roles. Skipping configuring AWS credential \
             provider for profile.\n",
        )?;
        Ok(None)
    };
    let accounts = match accounts(&portal, access_token).await {
        Ok(accounts) => accounts,
        Err(error) => return explain(error).await,
    };
    let account = choose_account(context, prompt, accounts).await?;
    let names = match role_names(&portal, access_token, &account).await {
        Ok(names) => names,
        Err(error) => return explain(error).await,
    };
    let name = choose_name(context, prompt, &account, names).await?;
    Ok(Some(Role { account, name }))
}

async fn choose_account(
    context: &Context,
    prompt: &Prompt,
    mut accounts: Vec<SsoAccount>,
) -> Result<String, Failure> {
    accounts.sort_by_cached_key(|account| {
        let named = account.name.as_ref().or(account.email.as_ref());
        (named.is_none(), named.unwrap_or(&account.id).to_lowercase())
    });
    let console = context.console();
    let account = match accounts.len() {
        0 => {
            return Err(Failure::other("No AWS accounts are available to you.").with_hint(
                "ask for an assignment to a permission set of an account in IAM Identity Center",
            ));
        }
        1 => {
            let id = printable(&accounts[0].id);
            console.write_stdout(format!("The only AWS account available to you is: {id}\n"))?;
            accounts.swap_remove(0)
        }
        count => {
            let text = format!("There are {count} AWS accounts available to you.\n");
            console.write_stdout(text)?;
            let lines: Vec<_> = accounts.iter().map(shown).collect();
            let index = prompt.choose("Number of the account", &lines).await?;
            accounts.swap_remove(index)
        }
    };
    let id = account.id;
    console.write_stdout(format!("Using the account ID {}\n", printable(&id)))?;
    Ok(id)
}

async fn choose_name(
    context: &Context,
    prompt: &Prompt,
    account: &str,
    mut names: Vec<String>,
) -> Result<String, Failure> {
    names.sort_by_cached_key(|name| name.to_lowercase());
    let console = context.console();
    let name = match names.len() {
        0 => {
            let text = format!("No roles are available for the account {account}");
            return Err(Failure::other(text));
        }
        1 => {
            let name = printable(&names[0]);
            console.write_stdout(format!("The only role available to you is: {name}\n"))?;
            names.swap_remove(0)
        }
        count => {
            console.write_stdout(format!("There are {count} roles available to you.\n"))?;
            let index = prompt.choose("Number of the role", &names).await?;
            names.swap_remove(index)
        }
    };
    console.write_stdout(format!("Using the role name \"{}\"\n", printable(&name)))?;
    Ok(name)
}

/// Returns an account as version 2 of `aws` shows it.
fn shown(account: &SsoAccount) -> String {
    let id = &account.id;
    match (&account.name, &account.email) {
        (Some(name), Some(email)) => format!("{name}, {email} ({id})"),
        (Some(one), None) | (None, Some(one)) => format!("{one} ({id})"),
        (None, None) => id.clone(),
    }
}

async fn accounts(portal: &Client, access_token: &Secret) -> Result<Vec<SsoAccount>, Error> {
    let (mut all, mut pages) = (Vec::new(), Pages::new());
    while !pages.is_done() {
        let mut call = ListAccounts::new(access_token.clone());
        if let Some(token) = pages.token() {
            call = call.next_token(token)?;
        }
        let page = portal.try_send(&call).await?;
        all.extend(page.accounts);
        pages.advance(page.next_token)?;
    }
    Ok(all)
}

async fn role_names(
    portal: &Client,
    access_token: &Secret,
    account: &str,
) -> Result<Vec<String>, Error> {
    let (mut all, mut pages) = (Vec::new(), Pages::new());
    while !pages.is_done() {
        let mut call = ListAccountRoles::new(access_token.clone(), account)?;
        if let Some(token) = pages.token() {
            call = call.next_token(token)?;
        }
        let page = portal.try_send(&call).await?;
        all.extend(page.roles);
        pages.advance(page.next_token)?;
    }
    Ok(all)
}

/// Returns the profile that is asked for, or asks for its name.
async fn profile_name(
    context: &Context,
    prompt: &Prompt,
    role: Option<&Role>,
) -> Result<String, Failure> {
    let settings = context.settings();
    if *settings.profile_origin() != Origin::Default {
        return Ok(settings.profile_name().to_owned());
    }
    let proposed = role.map(|role| format!("{}-{}", role.name, role.account));
    let check = |answer: &str| {
        let mut editor = context
            .editor(FileKind::Config)
            .map_err(|failure| failure.to_string())?;
        let section = SectionName::profile(answer);
        let checked = editor.set(&section, "region", "").map(drop);
        checked.map_err(|error| error.to_string())
    };
    required(prompt, "Profile name", proposed.as_deref(), check).await
}

/// Sets what the user signs in to: the session, which is written too if it is new, or the start URL
/// in the profile.
fn set_session(
    context: &Context,
    editor: &mut Editor,
    profile: &SectionName,
    session: &SsoSession,
    new_scopes: Option<String>,
) -> Result<(), Failure> {
    let Some(name) = session.name() else {
        return set_place(editor, profile, session);
    };
    editor.set(profile, "sso_session", name)?;
    // A profile may repeat what its session says, but not say anything else.
    let old = context.settings().files().find(profile)?;
    for (property, value) in [
        ("sso_start_url", session.start_url()),
        ("sso_region", session.region().name()),
    ] {
        let old = old.and_then(|old| current(old, property));
        if old.is_some_and(|old| old != value) {
            editor.remove(profile, property)?;
        }
    }
    let section = SectionName::SsoSession(name.to_owned());
    match new_scopes {
        Some(scopes) => {
            set_place(editor, &section, session)?;
            editor.set(&section, "sso_registration_scopes", scopes)?;
        }
        // The start URL may have led to another region.
        None => {
            let known = context.settings().files().find(&section)?;
            let known = known.and_then(|known| current(known, "sso_region"));
            let region = session.region().name();
            if known != Some(region) {
                editor.set(&section, "sso_region", region)?;
            }
        }
    }
    Ok(())
}

fn set_place(
    editor: &mut Editor,
    section: &SectionName,
    session: &SsoSession,
) -> Result<(), Failure> {
    editor.set(section, "sso_start_url", session.start_url())?;
    editor.set(section, "sso_region", session.region().name())?;
    Ok(())
}

fn conclude(context: &Context, profile: &str, has_role: bool) -> Result<(), Failure> {
    let text = if !has_role {
        let name = printable(profile);
        format!("Successfully configured SSO for profile: {name}\n")
    } else if profile.eq_ignore_ascii_case("default") {
        "The default profile is now configured.\nRun the following command to verify your \
         configuration:\n\nkeyfob sts get-caller-identity\n"
            .to_owned()
    } else {
        let command = shell::option("keyfob sts get-caller-identity --profile", profile);
        format!(
            "To use this profile, specify the profile name using --profile, as shown:\n\n{command}\n"
        )
    };
    context.console().write_stdout(text)
}
