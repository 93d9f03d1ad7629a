use keyfob_sigv4::{Credentials, Secret};

use crate::{
    actions::assume_role::AssumedRoleUser,
    call::{Action, Parameters, Reply, UnsignedAction},
    error::Error,
};

/// Temporary credentials of a role, for a token of an OpenID Connect provider that the role trusts.
///
/// It is not signed and needs no credentials. Read a token file again for each new request: tokens are short-lived.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::actions::AssumeRoleWithWebIdentity;
/// # let token = "eyJhbGciOi.eyJzdWIi.c2ln";
/// let role = "arn:aws:iam::123456789012:role/ci";
/// let request = AssumeRoleWithWebIdentity::new(role, "build-7", token)?.duration_seconds(900)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AssumeRoleWithWebIdentity(Parameters);

impl AssumeRoleWithWebIdentity {
    /// The request for a role, under a name of your choice, with the provider's token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the ARN has not 20 to 2048 characters, the session name not
    /// 2 to 64, or the token not 4 to 20 000.
    pub fn new(
        role_arn: impl Into<String>,
        session_name: impl Into<String>,
        token: impl Into<Secret>,
    ) -> Result<Self, Error> {
        Parameters::new()
            .text("RoleArn", role_arn, 20..=2048)?
            .text("RoleSessionName", session_name, 2..=64)?
            .secret("WebIdentityToken", token, 4..=20_000)
            .map(Self)
    }

    /// The host name of an OAuth 2.0 provider, `www.amazon.com` or `graph.facebook.com`. Leave it out for OpenID
    /// Connect.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it has not 4 to 2048 characters.
    pub fn provider_id(self, host: impl Into<String>) -> Result<Self, Error> {
        self.0.text("ProviderId", host, 4..=2048).map(Self)
    }

    /// How long the credentials are valid: 900 to 43 200 seconds and at most what the role allows, by default 3600.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it is outside that range.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.role_seconds(seconds).map(Self)
    }

    /// A policy, as JSON of at most 2048 characters, that limits the session further.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it is empty or longer.
    pub fn policy(self, json: impl Into<String>) -> Result<Self, Error> {
        self.0.policy(json.into()).map(Self)
    }

    /// One more managed policy that limits the session further, of at most ten.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the ARN has not 20 to 2048 characters, or for the eleventh.
    pub fn policy_arn(self, arn: impl Into<String>) -> Result<Self, Error> {
        self.0.policy_arn(arn.into()).map(Self)
    }
}

/// The session of a role that a web identity assumed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebIdentityRole {
    /// With their session token, expiry and account.
    pub credentials: Credentials,
    /// Who the credentials are. AWS always says so; some services that imitate it do not.
    pub user: Option<AssumedRoleUser>,
    /// The token's subject (`sub`).
    pub subject: Option<String>,
    /// The token's issuer (`iss`), or the provider id that was given.
    pub provider: Option<String>,
    /// The token's audience (`aud`).
    pub audience: Option<String>,
    /// How much of the room for session policies and tags is used, in percent. `None` when none were passed.
    pub packed_policy_size: Option<u32>,
    /// Who is behind the session, if the token said so.
    pub source_identity: Option<String>,
    /// The id under which the service knows the request.
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
