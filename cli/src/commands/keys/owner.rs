//! Whose keys they are, and who asks.

use keyfob_chain::Origin;
use keyfob_sigv4::Credentials;
use keyfob_sts::{Principal, actions::GetCallerIdentity, call::Service};

use crate::{context::Context, failure::Failure, services::Client, terminal::printable};

/// A user, and the credentials in use.
pub(super) struct Owner {
    pub(super) user: String,
    pub(super) account: String,
    /// Whether the credentials in use are an access key of this user.
    pub(super) uses_own_key: bool,
    pub(super) credentials: Credentials,
    pub(super) origin: Option<Origin>,
}

impl Owner {
    /// Asks STS whose credentials are in use. The user is the one with that name, or else the
    /// caller.
    ///
    /// # Errors
    ///
    /// If there are no credentials, if STS refuses them, or if no user is named and the caller is
    /// not one.
    pub(super) async fn find(context: &Context, name: Option<&str>) -> Result<Self, Failure> {
        if let Some(name) = name {
            check_name(name)?;
        }
        let (credentials, origin) = context.credentials_and_origin().await?;
        let sts = Client::with_credentials(context, &Service::STS, Some(credentials.clone()));
        let identity = sts.await?.send(context, &GetCallerIdentity::new()).await?;
        let caller = match Principal::from_arn(&identity.arn) {
            Principal::User { name, .. } => Some(name),
            _ => None,
        };
        let Some(user) = name.or(caller) else {
            return Err(refused(&identity.arn));
        };
        check_name(user)?;
        Ok(Self {
            user: user.to_owned(),
            account: identity.account,
            uses_own_key: caller == Some(user) && credentials.session_token().is_none(),
            credentials,
            origin,
        })
    }
}

/// The name of a user is part of the name of a file.
///
/// Source: IAM API reference, `CreateUser`.
fn check_name(name: &str) -> Result<(), Failure> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(is_known) {
        return Ok(());
    }
    Err(Failure::usage(
        "--user-name: the name of a user has 1 to 64 letters, digits or characters of _+=,.@-",
    ))
}

/// Returns why a caller has no access keys to rotate.
fn refused(arn: &str) -> Failure {
    let reason = match Principal::from_arn(arn) {
        Principal::Root => {
            "the root user should have no access keys: delete them in the console, and use a role \
             or a user"
        }
        Principal::AssumedRole { role, .. } if role.starts_with("AWSReservedSSO_") => {
            "an identity of IAM Identity Center has no access keys: its credentials expire by \
             themselves"
        }
        Principal::AssumedRole { .. } => {
            "a role has no access keys: the credentials of its sessions expire by themselves"
        }
        Principal::FederatedUser { .. } => {
            "a federated user has no access keys: its credentials expire by themselves"
        }
        _ => "only users have access keys",
    };
    Failure::configuration(reason)
        .with_detail(format!("the credentials in use are of {}", printable(arn)))
        .with_hint("name a user with --user-name, or another profile with --profile")
}
