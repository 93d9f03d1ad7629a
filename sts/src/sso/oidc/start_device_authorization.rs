use std::time::Duration;

use keyfob_sigv4::Secret;

use super::operation;
use crate::{
    call::{Call, Operation, Reply},
    error::Error,
};

/// The wait between two requests for a token, if the service names none.
///
/// Source: RFC 8628, section 3.2.
const DEFAULT_INTERVAL: u32 = 5;

/// Asks for a code that the user types into a browser, on this machine or on another one.
///
/// # Examples
///
/// ```
/// use keyfob_sts::sso::StartDeviceAuthorization;
///
/// let start_url = "https://d-1234567890.awsapps.com/start";
/// let call = StartDeviceAuthorization::new("client id", "client secret", start_url)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StartDeviceAuthorization(Operation);

impl StartDeviceAuthorization {
    /// Creates a request of a registered client, with the start URL of the user.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if one of them is empty.
    pub fn new(
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
        start_url: impl Into<String>,
    ) -> Result<Self, Error> {
        operation("StartDeviceAuthorization", &["device_authorization"])
            .text("clientId", client_id, 1..=usize::MAX)?
            .secret("clientSecret", client_secret, 1..=usize::MAX)?
            .text("startUrl", start_url, 1..=usize::MAX)
            .map(Self)
    }
}

/// The output of [`StartDeviceAuthorization`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceAuthorization {
    /// The secret of this device, for
    /// [`CreateToken::device_code`](super::CreateToken::device_code).
    pub device_code: Secret,
    /// The code to show to the user, such as `BCDF-GHJK`.
    pub user_code: String,
    /// The page that asks for the code.
    pub verification_uri: String,
    /// The same page with the code filled in.
    pub verification_uri_complete: String,
    /// The seconds for which the codes hold.
    pub expires_in: u32,
    /// How long to wait between two requests for the token.
    pub interval: Duration,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl DeviceAuthorization {
    /// Returns how long to wait before the token is asked for again, after an error of
    /// [`CreateToken`](super::CreateToken): the interval if the user has not decided yet, and 5
    /// seconds more, from now on, if the service asked for fewer requests. `None` if the error is
    /// final.
    ///
    /// Source: RFC 8628, section 3.5.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{call::Call, sso::{CreateToken, DeviceAuthorization}};
    ///
    /// fn is_final(device: &mut DeviceAuthorization, call: &CreateToken) -> bool {
    ///     let pending = http::Response::builder().status(400).body(
    ///         r#"{"error": "authorization_pending"}"#,
    ///     );
    ///     let error = call.parse(&pending.unwrap()).unwrap_err();
    ///     device.wait_after(&error).is_none()
    /// }
    /// ```
    pub fn wait_after(&mut self, error: &Error) -> Option<Duration> {
        let code = error.code()?;
        let is = |exception: &str, oauth: &str| {
            code == exception || error.member("error").unwrap_or(code) == oauth
        };
        if is("SlowDownException", "slow_down") {
            self.interval += Duration::from_secs(5);
            return Some(self.interval);
        }
        is("AuthorizationPendingException", "authorization_pending").then_some(self.interval)
    }
}

impl Call for StartDeviceAuthorization {
    type Output = DeviceAuthorization;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<DeviceAuthorization, Error> {
        let uri = reply.required("verificationUri")?;
        let complete = reply.optional("verificationUriComplete");
        let interval = reply.number("interval")?.unwrap_or(DEFAULT_INTERVAL);
        Ok(DeviceAuthorization {
            device_code: reply.secret("deviceCode")?,
            user_code: reply.required("userCode")?,
            verification_uri_complete: complete.unwrap_or_else(|| uri.clone()),
            verification_uri: uri,
            expires_in: reply.number("expiresIn")?.unwrap_or(600),
            interval: Duration::from_secs(interval.into()),
            request_id: reply.request_id(),
        })
    }
}
