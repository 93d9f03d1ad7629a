//! From who asks to the user, role or group whose policies IAM can simulate.

use keyfob_chain::shell;
use keyfob_sts::{actions::GetCallerIdentity, call::Service, trust::Caller};
use serde_json::Map;

use crate::{
    context::Context,
    failure::Failure,
    services::{self, Client},
};

/// Returns the ARN of the user or the role in use.
///
/// # Errors
///
/// If there are no credentials, if the caller has no policies of its own, or if the role of a
/// session cannot be read.
pub(super) async fn own(context: &Context) -> Result<String, Failure> {
    let sts = Client::new(context, &Service::STS, true).await?;
    let caller = sts.send(context, &GetCallerIdentity::new()).await?;
    source(context, "--as", "you are", &caller.arn).await
}

/// Returns the ARN of the user, role or group that an option names, by its own ARN or that of a
/// session.
///
/// # Errors
///
/// As [`own`], and if it is no such ARN.
pub(super) async fn named(context: &Context, flag: &str, arn: &str) -> Result<String, Failure> {
    source(context, flag, &format!("{flag} names"), arn).await
}

async fn source(context: &Context, flag: &str, who: &str, arn: &str) -> Result<String, Failure> {
    let parts: Vec<&str> = arn.split(':').collect();
    let is_group =
        matches!(parts[..], ["arn", _, "iam", "", _, name] if name.starts_with("group/"));
    let whoami = context.globals().follow_up(["keyfob whoami".to_owned()]);
    match Caller::from_arn(arn) {
        _ if is_group => Ok(arn.to_owned()),
        Caller::User { arn } => Ok(arn),
        Caller::Session { role_arn, session } if session.is_empty() => Ok(role_arn),
        Caller::Session { role_arn, .. } => role_of_session(context, flag, &role_arn).await,
        Caller::Root { .. } => Err(Failure::other(format!(
            "{who} the root user, which no policy of its account limits: name a user or a role \
             with {flag} ARN"
        ))),
        Caller::FederatedUser { .. } => Err(Failure::other(format!(
            "{who} a federated user, who may do what its session policy and the policies of a \
             user both allow: name that user with {flag} ARN"
        ))),
        _ => Err(Failure::usage(format!(
            "{who} no user, role, group or session: give such an ARN, as `{whoami}` prints it"
        ))),
    }
}

/// Asks IAM for the role of a session, because the ARN of a session does not have the path of its
/// role.
async fn role_of_session(context: &Context, flag: &str, role_arn: &str) -> Result<String, Failure> {
    let name = role_arn.rsplit('/').next().unwrap_or_default();
    let hint = || {
        let option = shell::option(flag, role_arn);
        format!(
            "the ARN of a session does not have the path of its role: name the role, with its \
             path if it has one: {option}"
        )
    };
    let parameters = Map::from_iter([("RoleName".to_owned(), name.into())]);
    let answer = services::call(context, "iam", "get-role", parameters).await;
    let answer = answer.map_err(|failure| failure.with_hint(hint()))?;
    let arn = answer["Role"]["Arn"].as_str().unwrap_or_default();
    // IAM knows the roles of the caller's account only.
    if account(arn) == account(role_arn) {
        return Ok(arn.to_owned());
    }
    let other = account(role_arn).unwrap_or_default();
    Err(Failure::other(format!(
        "the role is in another account: ask with credentials of account {other}"
    )))
}

fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}
