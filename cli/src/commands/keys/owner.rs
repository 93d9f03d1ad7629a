//! Whose keys they are, and who asks.

use keyfob_chain::{Origin, shell};
use keyfob_sigv4::Credentials;
use keyfob_sts::{
    Principal,
    actions::{CallerIdentity, GetCallerIdentity},
    call::Service,
};

use super::{journal::Journal, proof::is_unknown_key};
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
        Self::find_or_before(context, name, false).await
    }

    /// Finds the owner as [`find`](Self::find) does, to go on with a rotation: if its new key is
    /// the one in use and does not work, the old key asks.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub(super) async fn find_to_resume(
        context: &Context,
        name: Option<&str>,
    ) -> Result<Self, Failure> {
        Self::find_or_before(context, name, true).await
    }

    async fn find_or_before(
        context: &Context,
        name: Option<&str>,
        takes_old_key: bool,
    ) -> Result<Self, Failure> {
        if let Some(name) = name {
            check_name(name)?;
        }
        let (credentials, origin) = context.credentials_and_origin().await?;
        let sts = Client::with_credentials(context, &Service::STS, Some(credentials.clone()));
        let sts = sts.await?;
        let error = match sts.try_send(&GetCallerIdentity::new()).await {
            Ok(identity) => return Self::new(name, &identity, credentials, origin),
            Err(error) => error,
        };
        let failure = sts.explain(context, &error).await;
        let id = credentials.access_key_id();
        let journal = is_unknown_key(&error).then(|| Journal::with_new_key(context, id));
        let Some(journal) = journal.flatten() else {
            return Err(failure);
        };
        if let Some(old) = journal.old_key().filter(|_| takes_old_key) {
            let sts = Client::with_other_key(context, &Service::STS, &old).await?;
            if let Ok(identity) = sts.try_send(&GetCallerIdentity::new()).await {
                return Self::new(name, &identity, old, origin);
            }
        }
        Err(failure.with_detail(journal.state()).with_hint(format!(
            "with credentials that may change the keys of the user, as an administrator: {}",
            resume(context, None, Some(&journal.user))
        )))
    }

    fn new(
        name: Option<&str>,
        identity: &CallerIdentity,
        credentials: Credentials,
        origin: Option<Origin>,
    ) -> Result<Self, Failure> {
        let caller = match Principal::from_arn(&identity.arn) {
            Principal::User { name, .. } => Some(name),
            _ => None,
        };
        // The names of users differ in more than case. That of the caller is as IAM writes it.
        let is_caller = |name: &str| caller.is_some_and(|caller| caller.eq_ignore_ascii_case(name));
        let is_own = name.is_none_or(is_caller);
        let user = if is_own { caller } else { name };
        let Some(user) = user else {
            return Err(refused(&identity.arn));
        };
        check_name(user)?;
        Ok(Self {
            user: user.to_owned(),
            account: identity.account.clone(),
            uses_own_key: is_own && credentials.session_token().is_none(),
            credentials,
            origin,
        })
    }
}

/// Returns the command that goes on with the rotation of a user, or else of the caller.
pub(super) fn resume(context: &Context, profile: Option<&str>, user: Option<&str>) -> String {
    let words = ["keyfob keys rotate --resume".to_owned()].into_iter();
    let user = user.map(|user| shell::option("--user-name", user));
    context.globals().follow_up_with(profile, words.chain(user))
}

/// Returns a command of IAM for a key of a user.
pub(super) fn iam_command(
    context: &Context,
    user: &str,
    command: &str,
    id: &str,
    more: Option<String>,
) -> String {
    let words = [
        format!("keyfob iam {command}"),
        shell::option("--user-name", user),
        shell::option("--access-key-id", id),
    ];
    context.globals().follow_up(words.into_iter().chain(more))
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
