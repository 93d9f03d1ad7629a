use keyfob_sigv4::Credentials;

use crate::{
    call::{Action, Parameters, Reply, SignedAction},
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
pub struct AssumeRoot(Parameters);

impl AssumeRoot {
    /// Creates a request for an account, by its id or ARN. The task is the ARN of the managed
    /// policy that defines it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the account is not 12 to 2048 characters
    /// long, or the ARN of the policy not 20 to 2048.
    pub fn new(
        account: impl Into<String>,
        task_policy_arn: impl Into<String>,
    ) -> Result<Self, Error> {
        Parameters::new()
            .text("TargetPrincipal", account, 12..=2048)?
            .text("TaskPolicyArn.arn", task_policy_arn, 20..=2048)
            .map(Self)
    }

    /// Sets how long the credentials are valid: 0 to 900 seconds. Default: 900.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is outside that range.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.number("DurationSeconds", seconds, 0..=900).map(Self)
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
    /// The request id, by which AWS support can find the request.
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
