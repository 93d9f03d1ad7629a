use keyfob_sigv4::{Credentials, Secret};

use crate::{
    call::{Call, Operation, Reply, Service},
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
/// use keyfob_sts::{actions::AssumeRole, call::Call};
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
pub struct AssumeRole {
    operation: Operation,
    is_chained: bool,
}

impl AssumeRole {
    /// Creates a request for a role. You choose the session name, which logs and the ARN of the
    /// session show.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the ARN is shorter than 20 characters, or
    /// the session name shorter than 2 or with other characters than letters, digits and
    /// `_+=,.@-`.
    pub fn new(
        role_arn: impl Into<String>,
        session_name: impl Into<String>,
    ) -> Result<Self, Error> {
        Operation::new(&Service::STS, "AssumeRole")
            .text("RoleArn", role_arn, 20..=2048)?
            .identifier("RoleSessionName", session_name.into(), 2..=64)
            .map(|operation| Self {
                operation,
                is_chained: false,
            })
    }

    /// Sets how long the credentials are valid: 900 to 43,200 seconds, and at most as long as the
    /// role allows. Default: 3600.
    ///
    /// If the credentials that sign the request are those of a role, the service allows at most
    /// 3600: see [`chained`](Self::chained).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is less than 900.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.with(|operation| operation.role_seconds(seconds))
    }

    /// Sets the MFA device, by serial number or ARN, and its current code of six digits.
    ///
    /// A code works once, so the client repeats the request only if it was throttled or never sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the serial number is shorter than 9
    /// characters, or the code is not six digits.
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
        self.with(|operation| operation.mfa(serial_number.into(), code.into()))
    }

    /// Sets the external id, which the owner of the role may require.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is shorter than 2 characters.
    pub fn external_id(self, id: impl Into<String>) -> Result<Self, Error> {
        self.with(|operation| operation.text("ExternalId", id, 2..=1224))
    }

    /// Sets the source identity: the person or program for which the role is assumed. Roles that
    /// are assumed with the new credentials keep it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is shorter than 2 characters, or has
    /// others than letters, digits and `_+=,.@-`.
    pub fn source_identity(self, identity: impl Into<String>) -> Result<Self, Error> {
        self.with(|operation| operation.identifier("SourceIdentity", identity.into(), 2..=256))
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
        self.with(|operation| operation.text("Policy", json, 1..=usize::MAX))
    }

    /// Adds the ARN of a managed policy, one of at most ten, which limits the session further.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is shorter than 20 characters.
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
        self.with(|operation| operation.policy_arn(arn.into()))
    }

    /// Adds a session tag, one of at most fifty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the key is empty, or if it was set before:
    /// case does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Endpoint, actions::AssumeRole, call::Call};
    ///
    /// let action = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?
    ///     .tag("team", "blue")?;
    /// let endpoint = Endpoint::builder().region("eu-west-1")?.build()?;
    /// let body = action.request(&endpoint)?.into_body();
    /// assert!(body.expose().ends_with("&Tags.member.1.Key=team&Tags.member.1.Value=blue"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Result<Self, Error> {
        self.with(|operation| operation.tag(key.into(), value.into()))
    }

    /// Adds the key of a tag, one of at most fifty, that roles assumed with the new credentials
    /// inherit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the key is empty. A key that is not one of
    /// the [tags](Self::tag) is refused when the request is written, so that their order does not
    /// matter.
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
        self.with(|mut operation| {
            let member = operation.next_member("TransitiveTagKeys", 50);
            operation.text(member, key, 1..=128)
        })
    }

    /// Adds an assertion of a trusted provider, such as IAM Identity Center, about the session; one
    /// of at most five.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the ARN of the provider is shorter than 20
    /// characters, or the assertion shorter than 4.
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
        self.with(|mut operation| {
            let member = operation.next_member("ProvidedContexts", 5);
            operation
                .text(format!("{member}.ProviderArn"), provider_arn, 20..=2048)?
                .secret(format!("{member}.ContextAssertion"), assertion, 4..=3072)
        })
    }

    /// Sets how many bytes the session token has at least, to test programs with long tokens: up to
    /// 4096. Default: 0, which leaves the token as it is.
    #[must_use]
    pub fn minimum_session_token_size(self, bytes: u32) -> Self {
        Self {
            operation: self.operation.token_size(bytes),
            ..self
        }
    }

    /// States that the credentials which sign the request are those of a role. Then the service
    /// refuses more than one hour, and so does [`Call::check`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{actions::AssumeRole, call::Call};
    ///
    /// let role = "arn:aws:iam::123456789012:role/deploy";
    /// let action = AssumeRole::new(role, "alice")?.duration_seconds(7200)?;
    /// assert!(action.check().is_ok());
    /// assert_eq!(action.chained().check().unwrap_err().parameter(), Some("DurationSeconds"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    #[must_use]
    pub fn chained(self) -> Self {
        Self {
            is_chained: true,
            ..self
        }
    }

    fn with(self, set: impl FnOnce(Operation) -> Result<Operation, Error>) -> Result<Self, Error> {
        let operation = set(self.operation)?;
        Ok(Self { operation, ..self })
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
    /// were passed. AWS replaces it by `session_token_utilization`.
    pub packed_policy_size: Option<u32>,
    /// The source identity of the session, if one was set.
    pub source_identity: Option<String>,
    /// The share of the size limit that the session token uses, in percent.
    pub session_token_utilization: Option<u32>,
    /// The size of the session token in bytes.
    pub session_token_size: Option<u32>,
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

impl Call for AssumeRole {
    type Output = AssumedRole;

    fn operation(&self) -> &Operation {
        &self.operation
    }

    fn check(&self) -> Result<(), Error> {
        self.operation.check_transitive_tags()?;
        if self.is_chained {
            self.operation.check_chained_seconds()?;
        }
        Ok(())
    }

    fn output(&self, reply: &Reply<'_>) -> Result<AssumedRole, Error> {
        Ok(AssumedRole {
            credentials: reply.credentials()?,
            user: AssumedRoleUser::from_reply(reply),
            packed_policy_size: reply.number("PackedPolicySize")?,
            source_identity: reply.optional("SourceIdentity"),
            session_token_utilization: reply.number("SessionTokenUtilization")?,
            session_token_size: reply.number("SessionTokenSize")?,
            request_id: reply.request_id(),
        })
    }
}
