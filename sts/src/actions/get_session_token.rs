use keyfob_sigv4::{Credentials, Secret};

use crate::{
    call::{Call, Operation, Reply, Service},
    error::Error,
};

/// Gets temporary credentials of the user who signs the request, usually to enter an MFA code once
/// for many calls.
///
/// The request must be signed with long-term keys (see [`KeyKind`](crate::KeyKind)). The
/// credentials have the user's permissions, except that IAM can be called only if MFA was used, and
/// of STS only `AssumeRole` and `GetCallerIdentity`.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::GetSessionToken;
///
/// let action = GetSessionToken::new()
///     .duration_seconds(36 * 3600)?
///     .mfa("arn:aws:iam::123456789012:mfa/alice", "123456")?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetSessionToken(Operation);

impl GetSessionToken {
    /// Creates a request for 12 hours, without MFA.
    pub const fn new() -> Self {
        Self(Operation::new(&Service::STS, "GetSessionToken"))
    }

    /// Sets how long the credentials are valid: 900 to 129,600 seconds. Default: 43,200. For the
    /// root user the service reduces it to 3600.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is less than 900.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0.user_seconds(seconds).map(Self)
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
    /// use keyfob_sts::{Endpoint, actions::GetSessionToken, call::Call};
    ///
    /// let action = GetSessionToken::new().mfa("GAHT12345678", "123456")?;
    /// let endpoint = Endpoint::builder().region("eu-west-1")?.build()?;
    /// let body = action.request(&endpoint)?.into_body();
    /// assert!(body.expose().ends_with("&SerialNumber=GAHT12345678&TokenCode=123456"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn mfa(
        self,
        serial_number: impl Into<String>,
        code: impl Into<Secret>,
    ) -> Result<Self, Error> {
        self.0.mfa(serial_number.into(), code.into()).map(Self)
    }

    /// Sets how many bytes the session token has at least, to test programs with long tokens: up to
    /// 4096. Default: 0, which leaves the token as it is.
    #[must_use]
    pub fn minimum_session_token_size(self, bytes: u32) -> Self {
        Self(self.0.token_size(bytes))
    }
}

impl Default for GetSessionToken {
    fn default() -> Self {
        Self::new()
    }
}

/// The output of [`GetSessionToken`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionToken {
    /// The temporary credentials, with session token and expiry.
    pub credentials: Credentials,
    /// The share of the size limit that the session token uses, in percent.
    pub session_token_utilization: Option<u32>,
    /// The size of the session token in bytes.
    pub session_token_size: Option<u32>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for GetSessionToken {
    type Output = SessionToken;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<SessionToken, Error> {
        Ok(SessionToken {
            credentials: reply.credentials()?,
            session_token_utilization: reply.number("SessionTokenUtilization")?,
            session_token_size: reply.number("SessionTokenSize")?,
            request_id: reply.request_id(),
        })
    }
}
