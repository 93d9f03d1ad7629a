use keyfob_sigv4::Credentials;

use crate::{
    call::{Call, Operation, Reply, Service},
    error::Error,
};

/// Gets credentials of the same session with fewer permissions or a shorter life, to hand them on.
///
/// The request must be signed with temporary credentials, and not sent to the global endpoint. It
/// needs a policy, a duration or both.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::GetScopedCredentials;
///
/// let read_only = r#"{"Version": "2012-10-17", "Statement": [
///     {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
/// ]}"#;
/// let action = GetScopedCredentials::new().policy(read_only)?.duration_seconds(600)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetScopedCredentials(Operation);

impl GetScopedCredentials {
    /// Creates a request without a policy and a duration, of which it needs at least one.
    pub const fn new() -> Self {
        Self(Operation::new(&Service::STS, "GetScopedCredentials"))
    }

    /// Sets a policy, JSON of at most 2048 characters, which limits the permissions further.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is empty.
    pub fn policy(self, json: impl Into<String>) -> Result<Self, Error> {
        self.0.policy(json.into()).map(Self)
    }

    /// Sets how long the credentials are valid: 1 to 129,600 seconds. Default: as long as those
    /// that sign the request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is 0.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0
            .number("DurationSeconds", seconds, 1..=129_600)
            .map(Self)
    }

    /// Sets how many bytes the session token has at least, to test programs with long tokens: up to
    /// 4096. Default: 0, which leaves the token as it is.
    #[must_use]
    pub fn minimum_session_token_size(self, bytes: u32) -> Self {
        Self(self.0.token_size(bytes))
    }

    /// Sets a text that logs show for the credentials.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is shorter than 2 characters.
    pub fn description(self, text: impl Into<String>) -> Result<Self, Error> {
        self.0
            .text("ScopedSessionDescription", text, 2..=256)
            .map(Self)
    }
}

impl Default for GetScopedCredentials {
    fn default() -> Self {
        Self::new()
    }
}

/// The output of [`GetScopedCredentials`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScopedCredentials {
    /// The temporary credentials, with session token, expiry and account.
    pub credentials: Credentials,
    /// The unique id of the scoped session.
    pub session_id: Option<String>,
    /// The ARN of the principal that the credentials are for.
    pub session_arn: Option<String>,
    /// The share of the size limit that the session token uses, in percent.
    pub session_token_utilization: Option<u32>,
    /// The size of the session token in bytes.
    pub session_token_size: Option<u32>,
    /// How many policies limit the session, one above the other: at most three.
    pub scoped_policies_count: Option<u32>,
    /// The source identity of the session, if one was set.
    pub source_identity: Option<String>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for GetScopedCredentials {
    type Output = ScopedCredentials;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn check(&self) -> Result<(), Error> {
        self.0.check_scope()
    }

    fn output(&self, reply: &Reply<'_>) -> Result<ScopedCredentials, Error> {
        Ok(ScopedCredentials {
            credentials: reply.credentials()?,
            session_id: reply.optional("SessionInfo/ScopedSessionId"),
            session_arn: reply.optional("SessionInfo/Arn"),
            session_token_utilization: reply.number("SessionTokenUtilization")?,
            session_token_size: reply.number("SessionTokenSize")?,
            scoped_policies_count: reply.number("ScopedPoliciesCount")?,
            source_identity: reply.optional("SourceIdentity"),
            request_id: reply.request_id(),
        })
    }
}
