use keyfob_sigv4::{Credentials, Secret};

use crate::{
    call::{Action, Parameters, Reply, SignedAction},
    error::Error,
};

/// Temporary credentials of a role.
///
/// Every parameter of the operation can be set. Only lengths are checked here; what a name may be made of is left to
/// the service.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::actions::AssumeRole;
/// let request = AssumeRole::new("arn:aws:iam::123456789012:role/deploy", "alice")?
///     .duration_seconds(900)?
///     .external_id("partner-42")?
///     .tag("team", "blue")?
///     .transitive_tag_key("team")?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AssumeRole(Parameters);

impl AssumeRole {
    /// The request for a role, under a name of your choice that logs and the ARN of the session will show.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the ARN has not 20 to 2048 characters or the session name
    /// not 2 to 64.
    pub fn new(
        role_arn: impl Into<String>,
        session_name: impl Into<String>,
    ) -> Result<Self, Error> {
        Parameters::new()
            .text("RoleArn", role_arn, 20..=2048)?
            .text("RoleSessionName", session_name, 2..=64)
            .map(Self)
    }

    /// How long the credentials are valid: 900 to 43 200 seconds and at most what the role allows, by default 3600.
    /// When the credentials that sign come from a role themselves, the service allows at most 3600.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it is outside that range.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.role_seconds(seconds).map(Self)
    }

    /// The MFA device, as a serial number or an ARN such as `arn:aws:iam::123456789012:mfa/alice`, and its present
    /// code of six digits. The code works once: the request is repeated only when it was throttled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the serial number has not 9 to 256 characters or the code
    /// not six.
    pub fn mfa(
        self,
        serial_number: impl Into<String>,
        code: impl Into<Secret>,
    ) -> Result<Self, Error> {
        self.0.mfa(serial_number.into(), code.into()).map(Self)
    }

    /// The id that the owner of the role asked for, 2 to 1224 characters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when its length is another.
    pub fn external_id(self, id: impl Into<String>) -> Result<Self, Error> {
        self.0.text("ExternalId", id, 2..=1224).map(Self)
    }

    /// Who is behind the session, 2 to 64 characters. It stays through a chain of roles.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when its length is another.
    pub fn source_identity(self, identity: impl Into<String>) -> Result<Self, Error> {
        self.0.text("SourceIdentity", identity, 2..=64).map(Self)
    }

    /// A policy, as JSON, that limits the session further. Its packed size is for the service to judge.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it is empty.
    pub fn policy(self, json: impl Into<String>) -> Result<Self, Error> {
        self.0.text("Policy", json, 1..=usize::MAX).map(Self)
    }

    /// One more managed policy that limits the session further, of at most ten.
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

    /// One more tag, by its key, that sessions made from this one inherit; of at most fifty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the key has not 1 to 128 characters, or for the
    /// fifty-first.
    pub fn transitive_tag_key(self, key: impl Into<String>) -> Result<Self, Error> {
        let member = self.0.next_member("TransitiveTagKeys", 50)?;
        self.0.text(member, key, 1..=128).map(Self)
    }

    /// One more statement of a trusted provider about the session (IAM Identity Center makes such), of at most five.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the ARN of the provider has not 20 to 2048 characters, the
    /// assertion not 4 to 2048, or for the sixth.
    pub fn provided_context(
        self,
        provider_arn: impl Into<String>,
        assertion: impl Into<Secret>,
    ) -> Result<Self, Error> {
        let member = self.0.next_member("ProvidedContexts", 5)?;
        self.0
            .text(format!("{member}.ProviderArn"), provider_arn, 20..=2048)?
            .secret(format!("{member}.ContextAssertion"), assertion, 4..=2048)
            .map(Self)
    }
}

/// The session of a role.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AssumedRole {
    /// With their session token, expiry and account.
    pub credentials: Credentials,
    /// Who the credentials are. AWS always says so; some services that imitate it do not.
    pub user: Option<AssumedRoleUser>,
    /// How much of the room for session policies and tags is used, in percent. `None` when none were passed.
    pub packed_policy_size: Option<u32>,
    /// Who is behind the session, if someone said so.
    pub source_identity: Option<String>,
    /// The id under which the service knows the request.
    pub request_id: Option<String>,
}

/// The principal that a role session is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssumedRoleUser {
    /// Such as `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`. The path of the role is not in it.
    pub arn: String,
    /// The role's unique id and the session's name, `AROA…:SESSION`.
    pub assumed_role_id: String,
}

impl AssumedRoleUser {
    pub(super) fn from_reply(reply: &Reply) -> Option<Self> {
        Some(Self {
            arn: reply.optional("AssumedRoleUser/Arn")?,
            assumed_role_id: reply.optional("AssumedRoleUser/AssumedRoleId")?,
        })
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
