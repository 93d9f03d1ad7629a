//! `keyfob sts`: the operations of STS, as in `aws`.

mod answer;
mod client;

use keyfob_chain::Variables;
use keyfob_sts::{
    actions::{AssumeRole, GetCallerIdentity, GetSessionToken},
    call::Call,
};

use self::answer::caller_identity;
pub(super) use self::client::Sts;
use crate::{
    args::{AssumeRoleArgs, GetSessionTokenArgs, StsCommand, Text},
    context::Context,
    failure::Failure,
    syntax::{expand, parse_strings, parse_structures},
};

/// Runs the command and prints the answer.
///
/// # Errors
///
/// If there are no credentials, or if STS answers with an error.
pub(super) async fn run(context: &Context, command: &StsCommand) -> Result<(), Failure> {
    // First, because a session whose keys cannot be printed is lost.
    context.check_output()?;
    match command {
        StsCommand::GetCallerIdentity => {
            let identity = send(context, &GetCallerIdentity::new()).await?;
            context.print("GetCallerIdentity", &caller_identity(&identity))
        }
        StsCommand::GetSessionToken(args) => {
            let action = get_session_token(args, context.variables())?;
            let session = send(context, &action).await?;
            context.print("GetSessionToken", &answer::session_token(&session))
        }
        StsCommand::AssumeRole(args) => {
            let arn = expand(&args.role_arn, context.variables())?;
            let action = assume_role(&arn, args, context.variables())?;
            let credentials = context.credentials_to_sign().await?;
            let sts = Sts::new(context).await?;
            sts.hint_partition(context, &arn);
            let role = sts.send(context, &action, credentials.as_ref()).await?;
            context.print("AssumeRole", &answer::assumed_role(&role))
        }
    }
}

async fn send<C: Call + Sync>(context: &Context, action: &C) -> Result<C::Output, Failure> {
    let credentials = context.credentials_to_sign().await?;
    let sts = Sts::new(context).await?;
    sts.send(context, action, credentials.as_ref()).await
}

fn get_session_token(
    args: &GetSessionTokenArgs,
    variables: &Variables,
) -> Result<GetSessionToken, Failure> {
    let mut action = GetSessionToken::new();
    if let Some(seconds) = args.duration_seconds {
        action = action.duration_seconds(seconds)?;
    }
    let (device, code) = (args.serial_number.as_ref(), args.token_code.as_ref());
    if let Some((device, code)) = mfa(device, code, variables)? {
        action = action.mfa(device, code)?;
    }
    Ok(action)
}

fn assume_role(
    arn: &str,
    args: &AssumeRoleArgs,
    variables: &Variables,
) -> Result<AssumeRole, Failure> {
    let name = expand(&args.role_session_name, variables)?;
    let mut action = AssumeRole::new(arn, name)?;
    if let Some(seconds) = args.duration_seconds {
        action = action.duration_seconds(seconds)?;
    }
    let (device, code) = (args.serial_number.as_ref(), args.token_code.as_ref());
    if let Some((device, code)) = mfa(device, code, variables)? {
        action = action.mfa(device, code)?;
    }
    if let Some(id) = &args.external_id {
        action = action.external_id(expand(id, variables)?)?;
    }
    if let Some(identity) = &args.source_identity {
        action = action.source_identity(expand(identity, variables)?)?;
    }
    with_session_policies(action, args, variables)
}

/// Adds the policies, tags and contexts of the arguments.
fn with_session_policies(
    mut action: AssumeRole,
    args: &AssumeRoleArgs,
    variables: &Variables,
) -> Result<AssumeRole, Failure> {
    if let Some(policy) = &args.policy {
        action = action.policy(expand(policy, variables)?)?;
    }
    for [arn] in parse_structures(&args.policy_arns, ["arn"], variables)? {
        action = action.policy_arn(arn)?;
    }
    for [key, value] in parse_structures(&args.tags, ["Key", "Value"], variables)? {
        action = action.tag(key, value)?;
    }
    for key in parse_strings(&args.transitive_tag_keys, variables)? {
        action = action.transitive_tag_key(key)?;
    }
    let names = ["ProviderArn", "ContextAssertion"];
    for [arn, assertion] in parse_structures(&args.provided_contexts, names, variables)? {
        action = action.provided_context(arn, assertion)?;
    }
    Ok(action)
}

/// Returns the MFA device and its code, if both are given; one needs the other.
fn mfa(
    device: Option<&Text>,
    code: Option<&Text>,
    variables: &Variables,
) -> Result<Option<(String, String)>, Failure> {
    match (device, code) {
        (None, None) => Ok(None),
        (Some(device), Some(code)) => {
            Ok(Some((expand(device, variables)?, expand(code, variables)?)))
        }
        (Some(_), None) => Err(Failure::usage(
            "--serial-number needs --token-code: the six digits that the device shows",
        )),
        (None, Some(_)) => Err(Failure::usage(
            "--token-code needs --serial-number: the device, such as arn:aws:iam::123456789012:mfa/NAME",
        )),
    }
}
