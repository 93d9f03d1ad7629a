use http::{HeaderName, Method};
use keyfob_sigv4::{Credentials, Secret};

use super::DpopKey;
use crate::{
    call::{Authorization, Call, Operation, Proof, Reply, Service},
    error::Error,
    pkce::CodeVerifier,
};

/// Trades an authorization code or a refresh token for credentials.
///
/// Both work once, so the request is sent again only if it was throttled or never sent. `random`
/// returns 16 random bytes for the proof of each attempt.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{call::{Call, Service}, signin::{CreateOAuth2Token, DpopKey, LoginUrl}};
///
/// let key = DpopKey::from_random([7; 32])?;
/// let client = LoginUrl::SAME_DEVICE;
/// let call = CreateOAuth2Token::refresh_token(client, "refresh token", &key, || [9; 16])?;
/// let endpoint = Service::SIGNIN.endpoint().region("eu-west-1")?.build()?;
/// let request = call.request(&endpoint)?;
/// assert_eq!(request.uri(), "https://eu-west-1.signin.aws.amazon.com/v1/token");
/// let body = request.body().expose();
/// assert!(body.starts_with(r#"{"clientId":"arn:aws:signin:::devtools/same-device","#));
/// assert!(body.ends_with(r#""grantType":"refresh_token","refreshToken":"refresh token"}"#));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CreateOAuth2Token(Operation);

impl CreateOAuth2Token {
    /// Creates a request with the code that a browser brought to `redirect_uri`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if a text is empty, or if the verifier has
    /// fewer than 43 characters.
    pub fn authorization_code(
        client_id: impl Into<String>,
        code: impl Into<Secret>,
        redirect_uri: impl Into<String>,
        verifier: &CodeVerifier,
        key: &DpopKey,
        random: impl Fn() -> [u8; 16] + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        request("authorization_code", client_id, key, random)?
            .one_time("code", code, 1..=512)?
            .text("redirectUri", redirect_uri, 1..=2048)?
            .secret("codeVerifier", verifier.expose(), 43..=128)
            .map(Self)
    }

    /// Creates a request with a refresh token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if a text is empty.
    pub fn refresh_token(
        client_id: impl Into<String>,
        refresh_token: impl Into<Secret>,
        key: &DpopKey,
        random: impl Fn() -> [u8; 16] + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        request("refresh_token", client_id, key, random)?
            .one_time("refreshToken", refresh_token, 1..=12_288)
            .map(Self)
    }
}

fn request(
    grant: &str,
    client_id: impl Into<String>,
    key: &DpopKey,
    random: impl Fn() -> [u8; 16] + Send + Sync + 'static,
) -> Result<Operation, Error> {
    let key = key.clone();
    let proof = Proof::new(HeaderName::from_static("dpop"), move |method, url, at| {
        Ok(key.proof(method, url, at, random()))
    });
    Operation::new(&Service::SIGNIN, "CreateOAuth2Token")
        .with_route(Method::POST, &["v1", "token"])
        .with_authorization(Authorization::Proof(proof))
        .text("clientId", client_id, 1..=usize::MAX)?
        .text("grantType", grant, 1..=usize::MAX)
}

/// The output of [`CreateOAuth2Token`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoginToken {
    /// The credentials, without their expiry.
    pub credentials: Credentials,
    /// The seconds for which the credentials hold, 900 at most.
    pub expires_in: u32,
    /// The kind of the token, `aws_sigv4`.
    pub token_type: String,
    /// The token that gets the next credentials.
    pub refresh_token: Secret,
    /// Who signed in, as a token. It comes with an authorization code only.
    pub id_token: Option<Secret>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for CreateOAuth2Token {
    type Output = LoginToken;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<LoginToken, Error> {
        let names = ["accessKeyId", "secretAccessKey", "sessionToken"];
        let expires_in = reply.number("expiresIn")?;
        Ok(LoginToken {
            credentials: reply.session_keys("accessToken", names)?,
            expires_in: expires_in.ok_or_else(|| reply.unusable("expiresIn is missing"))?,
            token_type: reply.required("tokenType")?,
            refresh_token: reply.secret("refreshToken")?,
            id_token: reply.optional("idToken").map(Secret::from),
            request_id: reply.request_id(),
        })
    }
}
