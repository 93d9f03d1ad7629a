use keyfob_sigv4::{Credentials, Secret};

use crate::{
    call::{Action, Parameters, Reply, SignedAction},
    error::Error,
};

/// Temporary credentials for the user whose long-term keys sign the request, usually to prove an MFA device once
/// for many calls.
///
/// Temporary keys are refused by the service: see [`KeyKind`](crate::KeyKind). What it returns can do all the user can,
/// except IAM calls without MFA, and of STS only `AssumeRole` and `GetCallerIdentity`.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::actions::GetSessionToken;
/// let request = GetSessionToken::new()
///     .duration_seconds(36 * 3600)?
///     .mfa("arn:aws:iam::123456789012:mfa/alice", "123456")?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct GetSessionToken(Parameters);

impl GetSessionToken {
    /// The request for 12 hours, without MFA.
    pub const fn new() -> Self {
        Self(Parameters::new())
    }

    /// How long the credentials are valid: 900 to 129 600 seconds, by default 43 200. For the root user the service
    /// makes it at most 3600.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it is outside that range.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.user_seconds(seconds).map(Self)
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
}

/// The temporary credentials of a user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionToken {
    /// With their session token and expiry.
    pub credentials: Credentials,
    /// The id under which the service knows the request.
    pub request_id: Option<String>,
}

impl Action for GetSessionToken {
    type Output = SessionToken;
    const NAME: &'static str = "GetSessionToken";

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn output(reply: &Reply) -> Result<SessionToken, Error> {
        Ok(SessionToken {
            credentials: reply.credentials()?,
            request_id: reply.request_id(),
        })
    }
}

impl SignedAction for GetSessionToken {}
