use keyfob_sigv4::Credentials;

use crate::{
    call::{Action, Parameters, Reply, SignedAction},
    error::Error,
};

/// Temporary credentials for someone else, named by you, with at most the rights of the user whose long-term keys sign
/// the request.
///
/// Without a policy they can do nothing by themselves. Temporary keys are refused by the service: see
/// [`KeyKind`](crate::KeyKind).
///
/// # Examples
///
/// ```
/// # use keyfob_sts::actions::GetFederationToken;
/// let request = GetFederationToken::new("bob")?
///     .policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess")?
///     .duration_seconds(3600)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetFederationToken(Parameters);

impl GetFederationToken {
    /// The request for a user of that name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the name has not 2 to 32 characters.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        Parameters::new().text("Name", name, 2..=32).map(Self)
    }

    /// How long the credentials are valid: 900 to 129 600 seconds, by default 43 200. For the root user the service
    /// makes it at most 3600.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it is outside that range.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.user_seconds(seconds).map(Self)
    }

    /// What the credentials may do, as JSON of at most 2048 characters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it is empty or longer.
    pub fn policy(self, json: impl Into<String>) -> Result<Self, Error> {
        self.0.policy(json.into()).map(Self)
    }

    /// One more managed policy that says what the credentials may do, of at most ten.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the ARN has not 20 to 2048 characters, or for the eleventh.
    pub fn policy_arn(self, arn: impl Into<String>) -> Result<Self, Error> {
        self.0.policy_arn(arn.into()).map(Self)
    }

    /// One more session tag, of at most fifty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the key has not 1 to 128 characters, the value more than
    /// 256, or for the fifty-first.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Result<Self, Error> {
        self.0.tag(key.into(), value.into()).map(Self)
    }
}

/// The session of a federated user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FederationToken {
    /// With their session token, expiry and account.
    pub credentials: Credentials,
    /// Who the credentials are. AWS always says so; some services that imitate it do not.
    pub user: Option<FederatedUser>,
    /// How much of the room for session policies and tags is used, in percent. `None` when none were passed.
    pub packed_policy_size: Option<u32>,
    /// The id under which the service knows the request.
    pub request_id: Option<String>,
}

/// The principal that the session of a federated user is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FederatedUser {
    /// Such as `arn:aws:sts::123456789012:federated-user/bob`.
    pub arn: String,
    /// The account and the name, `123456789012:bob`.
    pub federated_user_id: String,
}

impl FederatedUser {
    fn from_reply(reply: &Reply) -> Option<Self> {
        Some(Self {
            arn: reply.optional("FederatedUser/Arn")?,
            federated_user_id: reply.optional("FederatedUser/FederatedUserId")?,
        })
    }
}

impl Action for GetFederationToken {
    type Output = FederationToken;
    const NAME: &'static str = "GetFederationToken";

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn output(reply: &Reply) -> Result<FederationToken, Error> {
        Ok(FederationToken {
            credentials: reply.credentials()?,
            user: FederatedUser::from_reply(reply),
            packed_policy_size: reply.number("PackedPolicySize")?,
            request_id: reply.request_id(),
        })
    }
}

impl SignedAction for GetFederationToken {}
