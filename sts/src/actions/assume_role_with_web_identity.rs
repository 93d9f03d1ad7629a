use keyfob_sigv4::{Credentials, Secret};

use crate::{
    actions::assume_role::AssumedRoleUser,
    call::{Action, Parameters, Reply, UnsignedAction},
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
pub struct AssumeRoleWithWebIdentity(Parameters);

impl AssumeRoleWithWebIdentity {
    /// Creates a request for a role, with the provider's token. You choose the session name, which
    /// logs and the ARN of the session show.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the ARN is not 20 to 2048 characters long,
    /// the session name not 2 to 64 letters, digits and `_+=,.@-`, or the token not 4 to 20,000
    /// characters.
    pub fn new(
        role_arn: impl Into<String>,
        session_name: impl Into<String>,
        token: impl Into<Secret>,
    ) -> Result<Self, Error> {
        Parameters::new()
            .text("RoleArn", role_arn, 20..=2048)?
            .name("RoleSessionName", session_name.into(), 2..=64)?
            .secret("WebIdentityToken", token, 4..=20_000)
            .map(Self)
    }

    /// Sets the host name of an OAuth 2.0 provider, `www.amazon.com` or `graph.facebook.com`. Leave
    /// it out for OpenID Connect.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is not 4 to 2048 characters long.
    pub fn provider_id(self, host: impl Into<String>) -> Result<Self, Error> {
        self.0.text("ProviderId", host, 4..=2048).map(Self)
    }

    /// Sets how long the credentials are valid: 900 to 43,200 seconds, and at most as long as the
    /// role allows. Default: 3600.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is outside that range.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.role_seconds(seconds).map(Self)
    }

    /// Sets a session policy, JSON of at most 2048 characters, which limits the session further.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is not 1 to 2048 characters long.
    pub fn policy(self, json: impl Into<String>) -> Result<Self, Error> {
        self.0.policy(json.into()).map(Self)
    }

    /// Adds the ARN of a managed policy, one of at most ten, which limits the session further.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is not 20 to 2048 characters long, or
    /// the eleventh.
    pub fn policy_arn(self, arn: impl Into<String>) -> Result<Self, Error> {
        self.0.policy_arn(arn.into()).map(Self)
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
    /// were passed.
    pub packed_policy_size: Option<u32>,
    /// The source identity of the session, if the token sets one.
    pub source_identity: Option<String>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Action for AssumeRoleWithWebIdentity {
    type Output = WebIdentityRole;
    const NAME: &'static str = "AssumeRoleWithWebIdentity";

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn output(reply: &Reply) -> Result<WebIdentityRole, Error> {
        Ok(WebIdentityRole {
            credentials: reply.credentials()?,
            user: AssumedRoleUser::from_reply(reply),
            subject: reply.optional("SubjectFromWebIdentityToken"),
            provider: reply.optional("Provider"),
            audience: reply.optional("Audience"),
            packed_policy_size: reply.number("PackedPolicySize")?,
            source_identity: reply.optional("SourceIdentity"),
            request_id: reply.request_id(),
        })
    }
}

impl UnsignedAction for AssumeRoleWithWebIdentity {}
