//! The operations of STS that `aws` has too.

mod answer;
mod client;

use keyfob_sts::{
    actions::{AssumeRole, GetCallerIdentity, GetSessionToken},
    call::SignedAction,
};

pub(super) use self::{answer::caller_identity, client::Sts};
use crate::{
    args::{AssumeRoleArgs, GetSessionTokenArgs, StsCommand},
    context::Context,
    failure::Failure,
    syntax::{file_argument, shorthand},
};

/// Runs the command and prints the answer.
///
/// # Errors
///
/// Without credentials; and what STS answers.
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
            let role = send(context, &assume_role(args)?).await?;
            context.print("AssumeRole", &answer::assumed_role(&role))
        }
    }
}

async fn send<A: SignedAction + Sync>(context: &Context, action: &A) -> Result<A::Output, Failure> {
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
    narrowed(action, args)
}

/// With the policies, tags and contexts of the arguments.
fn narrowed(mut action: AssumeRole, args: &AssumeRoleArgs) -> Result<AssumeRole, Failure> {
    if let Some(policy) = &args.policy {
        let policy = file_argument::text("--policy", policy)?;
        action = action.policy(policy)?;
    }
    for [arn] in shorthand::members("--policy-arns", &args.policy_arns, ["arn"])? {
        action = action.policy_arn(arn)?;
    }
    for [key, value] in shorthand::members("--tags", &args.tags, ["Key", "Value"])? {
        action = action.tag(key, value)?;
    }
    for key in &args.transitive_tag_keys {
        action = action.transitive_tag_key(key.as_str())?;
    }
    let names = ["ProviderArn", "ContextAssertion"];
    for [arn, assertion] in
        shorthand::members("--provided-contexts", &args.provided_contexts, names)?
    {
        action = action.provided_context(arn, assertion)?;
    }
    Ok(action)
}

/// The device and its code, of which neither is any good without the other.
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
