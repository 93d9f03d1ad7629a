use keyfob_sigv4::{Credentials, Secret};

use crate::{
    actions::{assume_role::AssumedRoleUser, identity_context::IdentityContext},
    call::{Authorization, Call, Operation, Reply, Service},
    error::Error,
};

/// Gets temporary credentials of a role for an assertion of a SAML 2.0 provider that the role
/// trusts.
///
/// The request is not signed and needs no credentials.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::AssumeRoleWithSaml;
///
/// let role = "arn:aws:iam::123456789012:role/staff";
/// let provider = "arn:aws:iam::123456789012:saml-provider/corp";
/// let assertion = "PHNhbWxwOlJlc3BvbnNl";
/// let action = AssumeRoleWithSaml::new(role, provider, assertion)?.duration_seconds(28_800)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AssumeRoleWithSaml(Operation);

impl AssumeRoleWithSaml {
    /// Creates a request for a role. The assertion is the whole `SAMLResponse`, in Base64.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if an ARN is shorter than 20 characters, or
    /// the assertion shorter than 4.
    pub fn new(
        role_arn: impl Into<String>,
        provider_arn: impl Into<String>,
        assertion: impl Into<Secret>,
    ) -> Result<Self, Error> {
        Operation::new(&Service::STS, "AssumeRoleWithSAML")
            .with_authorization(Authorization::None)
            .text("RoleArn", role_arn, 20..=2048)?
            .text("PrincipalArn", provider_arn, 20..=2048)?
            .secret("SAMLAssertion", assertion, 4..=100_000)
            .map(Self)
    }

    /// Sets how long the credentials are valid: 900 to 43,200 seconds, and at most as long as the
    /// role and the assertion allow. Default: 3600.
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

/// The output of [`AssumeRoleWithSaml`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SamlRole {
    /// The temporary credentials, with session token, expiry and account.
    pub credentials: Credentials,
    /// The principal that the credentials are for. AWS always names it; services that imitate AWS
    /// may not.
    pub user: Option<AssumedRoleUser>,
    /// The assertion's `NameID`.
    pub subject: Option<String>,
    /// The format of the `NameID`, such as `persistent` or `transient`; formats that SAML defines
    /// are without their prefix.
    pub subject_type: Option<String>,
    /// The assertion's `Issuer`.
    pub issuer: Option<String>,
    /// The assertion's `Recipient`.
    pub audience: Option<String>,
    /// A hash of the issuer, account and provider, which together with the subject is unique to a
    /// user.
    pub name_qualifier: Option<String>,
    /// The share of the size limit that session policies and tags use, in percent. `None` if none
    /// were passed. AWS replaces it by `session_token_utilization`.
    pub packed_policy_size: Option<u32>,
    /// The source identity of the session, if the assertion sets one.
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

impl Call for AssumeRoleWithSaml {
    type Output = SamlRole;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<SamlRole, Error> {
        Ok(SamlRole {
            credentials: reply.credentials()?,
            user: AssumedRoleUser::from_reply(reply),
            subject: reply.optional("Subject"),
            subject_type: reply.optional("SubjectType"),
            issuer: reply.optional("Issuer"),
            audience: reply.optional("Audience"),
            name_qualifier: reply.optional("NameQualifier"),
            packed_policy_size: reply.number("PackedPolicySize")?,
            source_identity: reply.optional("SourceIdentity"),
            session_token_utilization: reply.number("SessionTokenUtilization")?,
            session_token_size: reply.number("SessionTokenSize")?,
            identity_context: IdentityContext::from_reply(reply),
            request_id: reply.request_id(),
        })
    }
}
