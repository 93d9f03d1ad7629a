use keyfob_sigv4::{Credentials, Secret};

use crate::{
    actions::assume_role::AssumedRoleUser,
    call::{Action, Parameters, Reply, UnsignedAction},
    error::Error,
};

/// Temporary credentials of a role, for an assertion of a SAML 2.0 provider that the role trusts.
///
/// It is not signed and needs no credentials.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::actions::AssumeRoleWithSaml;
/// # let assertion = "PHNhbWxwOlJlc3BvbnNl";
/// let role = "arn:aws:iam::123456789012:role/staff";
/// let provider = "arn:aws:iam::123456789012:saml-provider/corp";
/// let request = AssumeRoleWithSaml::new(role, provider, assertion)?.duration_seconds(28_800)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AssumeRoleWithSaml(Parameters);

impl AssumeRoleWithSaml {
    /// The request for a role, with the ARN of the provider and its assertion (the whole `SAMLResponse`, in base64).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when one of the ARNs has not 20 to 2048 characters, or the
    /// assertion not 4 to 100 000.
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

    /// How long the credentials are valid: 900 to 43 200 seconds and at most what the role and the assertion allow, by
    /// default 3600.
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

/// The session of a role that a SAML identity assumed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SamlRole {
    /// With their session token, expiry and account.
    pub credentials: Credentials,
    /// Who the credentials are. AWS always says so; some services that imitate it do not.
    pub user: Option<AssumedRoleUser>,
    /// The assertion's `NameID`.
    pub subject: Option<String>,
    /// The format of the `NameID` without the prefix that SAML's own have, such as `persistent` or `transient`.
    pub subject_type: Option<String>,
    /// The assertion's `Issuer`.
    pub issuer: Option<String>,
    /// The assertion's `Recipient`.
    pub audience: Option<String>,
    /// A hash of issuer, account and provider: with the subject it is unique to a person.
    pub name_qualifier: Option<String>,
    /// How much of the room for session policies and tags is used, in percent. `None` when none were passed.
    pub packed_policy_size: Option<u32>,
    /// Who is behind the session, if the assertion said so.
    pub source_identity: Option<String>,
    /// The id under which the service knows the request.
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
