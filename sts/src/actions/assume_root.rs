use keyfob_sigv4::Credentials;

use crate::{
    call::{Call, Operation, Reply, Service},
    error::Error,
};

/// Gets temporary credentials of the root user of a member account, limited to one task.
///
/// Only the management account of an organization and its delegated administrator may send it, and
/// not to the global endpoint.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::AssumeRoot;
///
/// let task = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy";
/// let action = AssumeRoot::new("123456789012", task)?.duration_seconds(300)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AssumeRoot(Operation);

impl AssumeRoot {
    /// Creates a request for an account, by its id or ARN. The task is the ARN of the managed
    /// policy that defines it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the account is shorter than 12 characters,
    /// or the ARN of the policy shorter than 20.
    pub fn new(
        account: impl Into<String>,
        task_policy_arn: impl Into<String>,
    ) -> Result<Self, Error> {
        Operation::new(&Service::STS, "AssumeRoot")
            .text("TargetPrincipal", account, 12..=2048)?
            .text("TaskPolicyArn.arn", task_policy_arn, 20..=2048)
            .map(Self)
    }

    /// Sets how long the credentials are valid: 0 to 900 seconds. Default: 900.
    ///
    /// # Errors
    ///
    /// None today, as the service checks the upper limit; a result, as for the other actions.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.number("DurationSeconds", seconds, 0..=900).map(Self)
    }

    /// Sets how many bytes the session token has at least, to test programs with long tokens: up to
    /// 4096. Default: 0, which leaves the token as it is.
    #[must_use]
    pub fn minimum_session_token_size(self, bytes: u32) -> Self {
        Self(self.0.token_size(bytes))
    }
}

/// The output of [`AssumeRoot`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AssumedRoot {
    /// The temporary credentials, with session token and expiry.
    pub credentials: Credentials,
    /// The source identity of the session, if one was set.
    pub source_identity: Option<String>,
    /// The share of the size limit that the session token uses, in percent.
    pub session_token_utilization: Option<u32>,
    /// The size of the session token in bytes.
    pub session_token_size: Option<u32>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for AssumeRoot {
    type Output = AssumedRoot;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<AssumedRoot, Error> {
        Ok(AssumedRoot {
            credentials: reply.credentials()?,
            source_identity: reply.optional("SourceIdentity"),
            session_token_utilization: reply.number("SessionTokenUtilization")?,
            session_token_size: reply.number("SessionTokenSize")?,
            request_id: reply.request_id(),
        })
    }
}
