use keyfob_sigv4::Credentials;

use crate::{
    call::{Call, Operation, Reply, Service},
    error::Error,
};

/// Gets temporary credentials for a user whom AWS does not know, with at most the permissions of
/// the user who signs the request.
///
/// Without a policy, the credentials have no permissions of their own. The request must be signed
/// with long-term keys (see [`KeyKind`](crate::KeyKind)).
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::GetFederationToken;
///
/// let action = GetFederationToken::new("bob")?
///     .policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess")?
///     .duration_seconds(3600)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetFederationToken(Operation);

impl GetFederationToken {
    /// Creates a request for a user with a name of your choice.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the name is shorter than 2 characters, or
    /// has others than letters, digits and `_+=,.@-`.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        Operation::new(&Service::STS, "GetFederationToken")
            .identifier("Name", name.into(), 2..=32)
            .map(Self)
    }

    /// Sets how long the credentials are valid: 900 to 129,600 seconds. Default: 43,200. For the
    /// root user the service reduces it to 3600.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is less than 900.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.user_seconds(seconds).map(Self)
    }

    /// Sets a session policy, JSON of at most 2048 characters, which says what the credentials
    /// allow.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is empty.
    pub fn policy(self, json: impl Into<String>) -> Result<Self, Error> {
        self.0.policy(json.into()).map(Self)
    }

    /// Adds the ARN of a managed policy, one of at most ten, which says what the credentials allow.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is shorter than 20 characters.
    pub fn policy_arn(self, arn: impl Into<String>) -> Result<Self, Error> {
        self.0.policy_arn(arn.into()).map(Self)
    }

    /// Adds a session tag, one of at most fifty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the key is empty, or if it was set before:
    /// case does not count.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Result<Self, Error> {
        self.0.tag(key.into(), value.into()).map(Self)
    }

    /// Sets how many bytes the session token has at least, to test programs with long tokens: up to
    /// 4096. Default: 0, which leaves the token as it is.
    #[must_use]
    pub fn minimum_session_token_size(self, bytes: u32) -> Self {
        Self(self.0.token_size(bytes))
    }
}

/// The output of [`GetFederationToken`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FederationToken {
    /// The temporary credentials, with session token, expiry and account.
    pub credentials: Credentials,
    /// The principal that the credentials are for. AWS always names it; services that imitate AWS
    /// may not.
    pub user: Option<FederatedUser>,
    /// The share of the size limit that session policies and tags use, in percent. `None` if none
    /// were passed. AWS replaces it by `session_token_utilization`.
    pub packed_policy_size: Option<u32>,
    /// The share of the size limit that the session token uses, in percent.
    pub session_token_utilization: Option<u32>,
    /// The size of the session token in bytes.
    pub session_token_size: Option<u32>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

/// A federated user, as a principal. AWS sends both members; services that imitate AWS may leave
/// one out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FederatedUser {
    /// The ARN, such as `arn:aws:sts::123456789012:federated-user/bob`.
    pub arn: Option<String>,
    /// The account id and the name, such as `123456789012:bob`.
    pub federated_user_id: Option<String>,
}

impl FederatedUser {
    fn from_reply(reply: &Reply) -> Option<Self> {
        let user = Self {
            arn: reply.optional("FederatedUser/Arn"),
            federated_user_id: reply.optional("FederatedUser/FederatedUserId"),
        };
        (user.arn.is_some() || user.federated_user_id.is_some()).then_some(user)
    }
}

impl Call for GetFederationToken {
    type Output = FederationToken;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<FederationToken, Error> {
        Ok(FederationToken {
            credentials: reply.credentials()?,
            user: FederatedUser::from_reply(reply),
            packed_policy_size: reply.number("PackedPolicySize")?,
            session_token_utilization: reply.number("SessionTokenUtilization")?,
            session_token_size: reply.number("SessionTokenSize")?,
            request_id: reply.request_id(),
        })
    }
}
