use keyfob_sigv4::{Credentials, Secret};

use crate::{
    actions::{assume_role::AssumedRoleUser, identity_context::IdentityContext},
    call::{Authorization, Call, Operation, Reply, Service},
    error::Error,
};

/// Gets temporary credentials of a role for a token of an OpenID Connect provider that the role
/// trusts.
///
/// The request is not signed and needs no credentials. Tokens are short-lived: read a token file
/// again for each request.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::AssumeRoleWithWebIdentity;
///
/// let role = "arn:aws:iam::123456789012:role/ci";
/// let token = "eyJhbGciOi.eyJzdWIi.c2ln";
/// let action = AssumeRoleWithWebIdentity::new(role, "build-7", token)?.duration_seconds(900)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AssumeRoleWithWebIdentity(Operation);

impl AssumeRoleWithWebIdentity {
    /// Creates a request for a role, with the provider's token. You choose the session name, which
    /// logs and the ARN of the session show.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the ARN is shorter than 20 characters, the
    /// session name shorter than 2 or with other characters than letters, digits and `_+=,.@-`, or
    /// the token shorter than 4.
    pub fn new(
        role_arn: impl Into<String>,
        session_name: impl Into<String>,
        token: impl Into<Secret>,
    ) -> Result<Self, Error> {
        Operation::new(&Service::STS, "AssumeRoleWithWebIdentity")
            .with_authorization(Authorization::None)
            .text("RoleArn", role_arn, 20..=2048)?
            .identifier("RoleSessionName", session_name.into(), 2..=64)?
            .secret("WebIdentityToken", token, 4..=20_000)
            .map(Self)
    }

    /// Sets the host name of an OAuth 2.0 provider, `www.amazon.com` or `graph.facebook.com`. Leave
    /// it out for OpenID Connect.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is shorter than 4 characters.
    pub fn provider_id(self, host: impl Into<String>) -> Result<Self, Error> {
        self.0.text("ProviderId", host, 4..=2048).map(Self)
    }

    /// Sets how long the credentials are valid: 900 to 43,200 seconds, and at most as long as the
    /// role allows. Default: 3600.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is less than 900.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.role_seconds(seconds).map(Self)
    }

    /// Sets a session policy, JSON of at most 2048 characters, which limits the session further.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is empty.
    pub fn policy(self, json: impl Into<String>) -> Result<Self, Error> {
        self.0.policy(json.into()).map(Self)
    }

    /// Adds the ARN of a managed policy, one of at most ten, which limits the session further.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is shorter than 20 characters.
    pub fn policy_arn(self, arn: impl Into<String>) -> Result<Self, Error> {
        self.0.policy_arn(arn.into()).map(Self)
    }

    /// Sets how many bytes the session token has at least, to test programs with long tokens: up to
    /// 4096. Default: 0, which leaves the token as it is.
    #[must_use]
    pub fn minimum_session_token_size(self, bytes: u32) -> Self {
        Self(self.0.token_size(bytes))
    }
}

/// The output of [`AssumeRoleWithWebIdentity`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebIdentityRole {
    /// The temporary credentials, with session token, expiry and account.
    pub credentials: Credentials,
    /// The principal that the credentials are for. AWS always names it; services that imitate AWS
    /// may not.
    pub user: Option<AssumedRoleUser>,
    /// The token's subject (`sub`).
    pub subject: Option<String>,
    /// The token's issuer (`iss`), or the provider id if one was set.
    pub provider: Option<String>,
    /// The token's audience (`aud`).
    pub audience: Option<String>,
    /// The share of the size limit that session policies and tags use, in percent. `None` if none
    /// were passed. AWS replaces it by `session_token_utilization`.
    pub packed_policy_size: Option<u32>,
    /// The source identity of the session, if the token sets one.
    pub source_identity: Option<String>,
    /// The share of the size limit that the session token uses, in percent.
    pub session_token_utilization: Option<u32>,
    /// The size of the session token in bytes.
    pub session_token_size: Option<u32>,
    /// The context of the person or program for whom the session acts, if the provider asserts one.
    pub identity_context: Option<IdentityContext>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for AssumeRoleWithWebIdentity {
    type Output = WebIdentityRole;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<WebIdentityRole, Error> {
        Ok(WebIdentityRole {
            credentials: reply.credentials()?,
            user: AssumedRoleUser::from_reply(reply),
            subject: reply.optional("SubjectFromWebIdentityToken"),
            provider: reply.optional("Provider"),
            audience: reply.optional("Audience"),
            packed_policy_size: reply.number("PackedPolicySize")?,
            source_identity: reply.optional("SourceIdentity"),
            session_token_utilization: reply.number("SessionTokenUtilization")?,
            session_token_size: reply.number("SessionTokenSize")?,
            identity_context: IdentityContext::from_reply(reply),
            request_id: reply.request_id(),
        })
    }
}
