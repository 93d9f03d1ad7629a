use keyfob_sigv4::Secret;

use super::operation;
use crate::{
    call::{Call, Operation, Reply},
    error::Error,
    pkce::CodeVerifier,
};

/// Trades a code or a refresh token for an access token.
///
/// All of them work once, so the request is sent again only if it was throttled or never sent.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{call::Call, sso::CreateToken};
///
/// let call = CreateToken::refresh_token("client id", "client secret", "refresh token")?;
/// let answer = http::Response::new(
///     r#"{"accessToken": "aoaAAAA", "tokenType": "Bearer", "expiresIn": 3600}"#,
/// );
/// let token = call.parse(&answer)?;
/// assert_eq!((token.access_token.expose(), token.expires_in), ("aoaAAAA", 3600));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CreateToken(Operation);

impl CreateToken {
    /// Creates a request with the code of a device. It is refused until the user has approved; see
    /// [`DeviceAuthorization::wait_after`](super::DeviceAuthorization::wait_after).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if a text is empty.
    pub fn device_code(
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
        device_code: impl Into<Secret>,
    ) -> Result<Self, Error> {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        request(grant, client_id, client_secret)?
            .one_time("deviceCode", device_code, 1..=usize::MAX)
            .map(Self)
    }

    /// Creates a request with the code that a browser brought to `redirect_uri`, which has its port
    /// here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if a text is empty.
    pub fn authorization_code(
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
        redirect_uri: impl Into<String>,
        verifier: &CodeVerifier,
        code: impl Into<Secret>,
    ) -> Result<Self, Error> {
        request("authorization_code", client_id, client_secret)?
            .text("redirectUri", redirect_uri, 1..=usize::MAX)?
            .secret("codeVerifier", verifier.expose(), 1..=usize::MAX)?
            .one_time("code", code, 1..=usize::MAX)
            .map(Self)
    }

    /// Creates a request with a refresh token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if a text is empty.
    pub fn refresh_token(
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
        refresh_token: impl Into<Secret>,
    ) -> Result<Self, Error> {
        request("refresh_token", client_id, client_secret)?
            .one_time("refreshToken", refresh_token, 1..=usize::MAX)
            .map(Self)
    }
}

/// Returns a request without what its grant needs.
fn request(
    grant: &str,
    client_id: impl Into<String>,
    client_secret: impl Into<Secret>,
) -> Result<Operation, Error> {
    operation("CreateToken", &["token"])
        .text("grantType", grant, 1..=usize::MAX)?
        .text("clientId", client_id, 1..=usize::MAX)?
        .secret("clientSecret", client_secret, 1..=usize::MAX)
}

/// The output of [`CreateToken`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Token {
    /// The token for the portal.
    pub access_token: Secret,
    /// The seconds for which it holds.
    pub expires_in: u32,
    /// The token that gets the next one, if there is one.
    pub refresh_token: Option<Secret>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for CreateToken {
    type Output = Token;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<Token, Error> {
        let expires_in = reply.number("expiresIn")?;
        Ok(Token {
            access_token: reply.secret("accessToken")?,
            expires_in: expires_in.ok_or_else(|| reply.unusable("expiresIn is missing"))?,
            refresh_token: reply.optional("refreshToken").map(Secret::from),
            request_id: reply.request_id(),
        })
    }
}
