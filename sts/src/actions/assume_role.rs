use keyfob_sigv4::{Credentials, Secret};

use crate::{
    call::{Action, Parameters, Reply, SignedAction},
    error::Error,
};

/// Gets temporary credentials of a role.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::AssumeRole;
///
/// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?
///     .duration_seconds(900)?
///     .external_id("partner-42")?
///     .tag("team", "blue")?
///     .transitive_tag_key("team")?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
///
/// The output, from an answer:
///
/// ```
/// use keyfob_sts::{actions::AssumeRole, call::Action};
///
/// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?;
/// let answer = http::Response::new(
///     "<AssumeRoleResponse><AssumeRoleResult><Credentials>
///        <AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>
///        <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>
///        <SessionToken>AQoDYXdzEPT//////////wEXAMPLE</SessionToken>
///        <Expiration>2026-11-22T03:00:00Z</Expiration></Credentials>
///      </AssumeRoleResult></AssumeRoleResponse>",
/// );
/// let session = action.parse(&answer)?;
/// assert_eq!(session.credentials.access_key_id(), "ASIAIOSFODNN7EXAMPLE");
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AssumeRole(Parameters);

impl AssumeRole {
    /// Creates a request for a role. You choose the session name, which logs and the ARN of the
    /// session show.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the ARN is not 20 to 2048 characters long,
    /// or the session name not 2 to 64 letters, digits and `_+=,.@-`.
    pub fn new(
        role_arn: impl Into<String>,
        session_name: impl Into<String>,
    ) -> Result<Self, Error> {
        Parameters::new()
            .text("RoleArn", role_arn, 20..=2048)?
            .name("RoleSessionName", session_name.into(), 2..=64)
            .map(Self)
    }

    /// Sets how long the credentials are valid: 900 to 43,200 seconds, and at most as long as the
    /// role allows. Default: 3600.
    ///
    /// If the credentials that sign the request are those of a role, the service allows at most
    /// 3600.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is outside that range.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.role_seconds(seconds).map(Self)
    }

    /// Sets the MFA device, by serial number or ARN, and its current code of six digits.
    ///
    /// A code works once, so the client repeats the request only if it was throttled or never sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the serial number is not 9 to 256
    /// characters long, or the code not six.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::actions::AssumeRole;
    ///
    /// let role = "arn:aws:iam::123456789012:role/admin";
    /// let action = AssumeRole::new(role, "alice")?
    ///     .mfa("arn:aws:iam::123456789012:mfa/alice", "123456")?;
    /// assert!(!format!("{action:?}").contains("123456\""));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn mfa(
        self,
        serial_number: impl Into<String>,
        code: impl Into<Secret>,
    ) -> Result<Self, Error> {
        self.0.mfa(serial_number.into(), code.into()).map(Self)
    }

    /// Sets the external id, which the owner of the role may require.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is not 2 to 1224 characters long.
    pub fn external_id(self, id: impl Into<String>) -> Result<Self, Error> {
        self.0.text("ExternalId", id, 2..=1224).map(Self)
    }

    /// Sets the source identity: the person or program for which the role is assumed. Roles that
    /// are assumed with the new credentials keep it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is not 2 to 256 letters, digits and
    /// `_+=,.@-`.
    pub fn source_identity(self, identity: impl Into<String>) -> Result<Self, Error> {
        self.0
            .name("SourceIdentity", identity.into(), 2..=256)
            .map(Self)
    }

    /// Sets a session policy, as JSON, which limits the session further. The service limits its
    /// packed size.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::actions::AssumeRole;
    ///
    /// let read_only = r#"{"Version": "2012-10-17", "Statement": [
    ///     {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
    /// ]}"#;
    /// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?
    ///     .policy(read_only)?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn policy(self, json: impl Into<String>) -> Result<Self, Error> {
        self.0.text("Policy", json, 1..=usize::MAX).map(Self)
    }

    /// Adds the ARN of a managed policy, one of at most ten, which limits the session further.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is not 20 to 2048 characters long, or
    /// the eleventh.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::actions::AssumeRole;
    ///
    /// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?
    ///     .policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess")?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn policy_arn(self, arn: impl Into<String>) -> Result<Self, Error> {
        self.0.policy_arn(arn.into()).map(Self)
    }

    /// Adds a session tag, one of at most fifty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the key is not 1 to 128 characters long,
    /// the value longer than 256, or the tag the fifty-first.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Endpoint, actions::AssumeRole, call::Action};
    ///
    /// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?
    ///     .tag("team", "blue")?;
    /// let endpoint = Endpoint::builder().region("eu-west-1")?.build()?;
    /// let body = action.request(&endpoint).into_body();
    /// assert!(body.expose().ends_with("&Tags.member.1.Key=team&Tags.member.1.Value=blue"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Result<Self, Error> {
        self.0.tag(key.into(), value.into()).map(Self)
    }

    /// Adds the key of a tag, one of at most fifty, that roles assumed with the new credentials
    /// inherit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the key is not 1 to 128 characters long, or
    /// the fifty-first.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::actions::AssumeRole;
    ///
    /// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?
    ///     .tag("team", "blue")?
    ///     .transitive_tag_key("team")?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn transitive_tag_key(self, key: impl Into<String>) -> Result<Self, Error> {
        let member = self.0.next_member("TransitiveTagKeys", 50)?;
        self.0.text(member, key, 1..=128).map(Self)
    }

    /// Adds an assertion of a trusted provider, such as IAM Identity Center, about the session; one
    /// of at most five.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the ARN of the provider is not 20 to 2048
    /// characters long, the assertion not 4 to 3072, or it is the sixth.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::actions::AssumeRole;
    ///
    /// let identity_center = "arn:aws:iam::aws:contextProvider/IdentityCenter";
    /// let assertion = "ZXhhbXBsZSBhc3NlcnRpb24";
    /// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?
    ///     .provided_context(identity_center, assertion)?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn provided_context(
        self,
        provider_arn: impl Into<String>,
        assertion: impl Into<Secret>,
    ) -> Result<Self, Error> {
        let member = self.0.next_member("ProvidedContexts", 5)?;
        self.0
            .text(format!("{member}.ProviderArn"), provider_arn, 20..=2048)?
            .secret(format!("{member}.ContextAssertion"), assertion, 4..=3072)
            .map(Self)
    }
}

/// The output of [`AssumeRole`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AssumedRole {
    /// The temporary credentials, with session token, expiry and account.
    pub credentials: Credentials,
    /// The principal that the credentials are for. AWS always names it; services that imitate AWS
    /// may not.
    pub user: Option<AssumedRoleUser>,
    /// The share of the size limit that session policies and tags use, in percent. `None` if none
    /// were passed.
    pub packed_policy_size: Option<u32>,
    /// The source identity of the session, if one was set.
    pub source_identity: Option<String>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

/// The session of a role, as a principal. AWS sends both members; services that imitate AWS may
/// leave one out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssumedRoleUser {
    /// The ARN, such as `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`, without the role's
    /// path.
    pub arn: Option<String>,
    /// The unique id of the role and the name of the session, `AROA…:SESSION`.
    pub assumed_role_id: Option<String>,
}

impl AssumedRoleUser {
    pub(super) fn from_reply(reply: &Reply) -> Option<Self> {
        let user = Self {
            arn: reply.optional("AssumedRoleUser/Arn"),
            assumed_role_id: reply.optional("AssumedRoleUser/AssumedRoleId"),
        };
        (user.arn.is_some() || user.assumed_role_id.is_some()).then_some(user)
    }
}

impl Action for AssumeRole {
    type Output = AssumedRole;
    const NAME: &'static str = "AssumeRole";

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn output(reply: &Reply) -> Result<AssumedRole, Error> {
        Ok(AssumedRole {
            credentials: reply.credentials()?,
            user: AssumedRoleUser::from_reply(reply),
            packed_policy_size: reply.number("PackedPolicySize")?,
            source_identity: reply.optional("SourceIdentity"),
            request_id: reply.request_id(),
        })
    }
}

impl SignedAction for AssumeRole {}
