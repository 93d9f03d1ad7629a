//! `keyfob sts`: the operations of STS, as in `aws`.

mod answer;
mod client;

use keyfob_sts::{
    actions::{AssumeRole, GetCallerIdentity, GetSessionToken},
    call::Call,
};

use self::answer::caller_identity;
pub(super) use self::client::Sts;
use crate::{
    args::{AssumeRoleArgs, GetSessionTokenArgs, StsCommand},
    context::Context,
    failure::Failure,
    syntax::{file_or_text, parse_structures},
};

/// Runs the command and prints the answer.
///
/// # Errors
///
/// If there are no credentials, or if STS answers with an error.
pub(super) async fn run(context: &Context, command: &StsCommand) -> Result<(), Failure> {
    match command {
        StsCommand::GetCallerIdentity => {
            let identity = send(context, &GetCallerIdentity::new()).await?;
            context.print("GetCallerIdentity", &caller_identity(&identity))
        }
        StsCommand::GetSessionToken(args) => {
            let session = send(context, &get_session_token(args)?).await?;
            context.print("GetSessionToken", &answer::session_token(&session))
        }
        StsCommand::AssumeRole(args) => {
            let action = assume_role(args)?;
            let credentials = context.credentials().await?;
            let sts = Sts::new(context).await?;
            sts.hint_partition(context, &args.role_arn);
            let role = sts.send(context, &action, &credentials).await?;
            context.print("AssumeRole", &answer::assumed_role(&role))
        }
    }
}

async fn send<C: Call + Sync>(context: &Context, action: &C) -> Result<C::Output, Failure> {
    let credentials = context.credentials().await?;
    let sts = Sts::new(context).await?;
    sts.send(context, action, &credentials).await
}

fn get_session_token(args: &GetSessionTokenArgs) -> Result<GetSessionToken, Failure> {
    let mut action = GetSessionToken::new();
    if let Some(seconds) = args.duration_seconds {
        action = action.duration_seconds(seconds)?;
    }
    if let Some((device, code)) = mfa(&args.serial_number, &args.token_code)? {
        action = action.mfa(device, code)?;
    }
    Ok(action)
}

fn assume_role(args: &AssumeRoleArgs) -> Result<AssumeRole, Failure> {
    let mut action = AssumeRole::new(args.role_arn.as_str(), args.role_session_name.as_str())?;
    if let Some(seconds) = args.duration_seconds {
        action = action.duration_seconds(seconds)?;
    }
    if let Some((device, code)) = mfa(&args.serial_number, &args.token_code)? {
        action = action.mfa(device, code)?;
    }
    if let Some(id) = &args.external_id {
        action = action.external_id(id.as_str())?;
    }
    if let Some(identity) = &args.source_identity {
        action = action.source_identity(identity.as_str())?;
    }
    with_session_policies(action, args)
}

/// Adds the policies, tags and contexts of the arguments.
fn with_session_policies(
    mut action: AssumeRole,
    args: &AssumeRoleArgs,
) -> Result<AssumeRole, Failure> {
    if let Some(policy) = &args.policy {
        action = action.policy(file_or_text("--policy", policy)?)?;
    }
    for [arn] in parse_structures("--policy-arns", &args.policy_arns, ["arn"])? {
        action = action.policy_arn(arn)?;
    }
    for [key, value] in parse_structures("--tags", &args.tags, ["Key", "Value"])? {
        action = action.tag(key, value)?;
    }
    for key in &args.transitive_tag_keys {
        action = action.transitive_tag_key(key.as_str())?;
    }
    let names = ["ProviderArn", "ContextAssertion"];
    for [arn, assertion] in parse_structures("--provided-contexts", &args.provided_contexts, names)?
    {
        action = action.provided_context(arn, assertion)?;
    }
    Ok(action)
}

/// Returns the MFA device and its code, if both are given; one needs the other.
fn mfa<'a>(
    device: &'a Option<String>,
    code: &'a Option<String>,
) -> Result<Option<(&'a str, &'a str)>, Failure> {
    match (device, code) {
        (None, None) => Ok(None),
        (Some(device), Some(code)) => Ok(Some((device, code))),
        (Some(_), None) => Err(Failure::usage(
            "--serial-number needs --token-code: the six digits that the device shows",
        )),
        (None, Some(_)) => Err(Failure::usage(
            "--token-code needs --serial-number: the device, such as arn:aws:iam::123456789012:mfa/NAME",
        )),
    }
}
