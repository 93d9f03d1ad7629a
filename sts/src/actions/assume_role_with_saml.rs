use keyfob_sigv4::{Credentials, Secret};

use crate::{
    actions::assume_role::AssumedRoleUser,
    call::{Action, Parameters, Reply, UnsignedAction},
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
pub struct AssumeRoleWithSaml(Parameters);

impl AssumeRoleWithSaml {
    /// Creates a request for a role. The assertion is the whole `SAMLResponse`, in Base64.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if an ARN is not 20 to 2048 characters long,
    /// or the assertion not 4 to 100,000.
    pub fn new(
        role_arn: impl Into<String>,
        provider_arn: impl Into<String>,
        assertion: impl Into<Secret>,
    ) -> Result<Self, Error> {
        Parameters::new()
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
    /// were passed.
    pub packed_policy_size: Option<u32>,
    /// The source identity of the session, if the assertion sets one.
    pub source_identity: Option<String>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Action for AssumeRoleWithSaml {
    type Output = SamlRole;
    const NAME: &'static str = "AssumeRoleWithSAML";

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn output(reply: &Reply) -> Result<SamlRole, Error> {
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
            request_id: reply.request_id(),
        })
    }
}

impl UnsignedAction for AssumeRoleWithSaml {}
