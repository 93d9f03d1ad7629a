use keyfob_sigv4::Credentials;

use crate::{
    call::{Action, Parameters, Reply, SignedAction},
    error::Error,
};

/// Temporary credentials of the root user of a member account, limited to one task.
///
/// For the management account of an organisation or its delegated administrator; the global endpoint refuses it.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::actions::AssumeRoot;
/// let task = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy";
/// let request = AssumeRoot::new("123456789012", task)?.duration_seconds(300)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AssumeRoot(Parameters);

impl AssumeRoot {
    /// The request for an account, by its id or ARN, and the ARN of the managed policy that describes the task.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the account has not 12 to 2048 characters or the ARN of the
    /// policy not 20 to 2048.
    pub fn new(
        account: impl Into<String>,
        task_policy_arn: impl Into<String>,
    ) -> Result<Self, Error> {
        Parameters::new()
            .text("TargetPrincipal", account, 12..=2048)?
            .text("TaskPolicyArn.arn", task_policy_arn, 20..=2048)
            .map(Self)
    }

    /// How long the credentials are valid: 0 to 900 seconds, by default 900.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it is more.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.number("DurationSeconds", seconds, 0..=900).map(Self)
    }
}

/// The session of a root user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AssumedRoot {
    /// With their session token and expiry.
    pub credentials: Credentials,
    /// Who is behind the session, if someone said so.
    pub source_identity: Option<String>,
    /// The id under which the service knows the request.
    pub request_id: Option<String>,
}

impl Action for AssumeRoot {
    type Output = AssumedRoot;
    const NAME: &'static str = "AssumeRoot";

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn output(reply: &Reply) -> Result<AssumedRoot, Error> {
        Ok(AssumedRoot {
            credentials: reply.credentials()?,
            source_identity: reply.optional("SourceIdentity"),
            request_id: reply.request_id(),
        })
    }
}

impl SignedAction for AssumeRoot {}
