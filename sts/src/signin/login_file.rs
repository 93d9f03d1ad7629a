use std::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{CreateOAuth2Token, DpopKey, LoginToken};
use crate::{error::Error, principal::account, token_document::TokenDocument};

/// The seconds before their expiry from which on credentials are refreshed.
const REFRESH_WINDOW: i64 = 5 * 60;

const WHAT: &str = "login file";
const ACCESS_TOKEN: &str = "accessToken";

/// The credentials of a login with what refreshes them: a file in `~/.aws/login/cache`, which all
/// tools share.
///
/// This type reads and writes the text of the file, and opens nothing.
///
/// Source: the AWS CLI version 2, botocore, and the SDKs for JavaScript, Go and Rust, which write
/// such files.
///
/// # Examples
///
/// ```
/// use keyfob_sigv4::Timestamp;
/// use keyfob_sts::{call::Call, signin::{DpopKey, LoginFile}};
///
/// let pem = DpopKey::from_random([7; 32])?.to_pem();
/// let pem = pem.expose().replace('\n', "\\n");
/// let file = LoginFile::parse(&format!(
///     r#"{{"accessToken": {{"accessKeyId": "ASIAOLD", "secretAccessKey": "old",
///                           "sessionToken": "old", "accountId": "123456789012",
///                           "expiresAt": "2026-11-22T03:04:00Z"}},
///         "clientId": "arn:aws:signin:::devtools/same-device", "refreshToken": "refresh",
///         "dpopKey": "{pem}"}}"#,
/// ))?;
/// let now: Timestamp = "2026-11-22T03:00:00Z".parse()?;
/// assert!(file.needs_refresh(now) && !file.is_expired(now));
///
/// let call = file.refresh(|| [9; 16])?;
/// // Sent by a client; here is an answer.
/// let answer = http::Response::new(
///     r#"{"accessToken": {"accessKeyId": "ASIANEW", "secretAccessKey": "new",
///                         "sessionToken": "new"},
///         "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "next"}"#,
/// );
/// let file = file.with_token(&call.parse(&answer)?, now)?;
/// assert_eq!(file.credentials().access_key_id(), "ASIANEW");
/// assert_eq!(file.credentials().account_id(), Some("123456789012"));
/// assert_eq!(file.credentials().expiry(), Some(now.plus_seconds(900)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LoginFile {
    document: TokenDocument,
    credentials: Credentials,
    expiry: Timestamp,
    key: DpopKey,
}

impl LoginFile {
    /// Returns the name of the file of a session, the `login_session` of a profile. Whitespace
    /// around it does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::signin::LoginFile;
    ///
    /// let name = LoginFile::name("arn:aws:sts::012345678910:assumed-role/Admin/admin");
    /// assert!(name.starts_with("4b0ba8f99f075c06") && name.ends_with(".json"));
    /// ```
    pub fn name(session: &str) -> String {
        let hash = Sha256::digest(session.trim());
        let digits = hash.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<String>() + ".json"
    }

    /// Creates the file after a login in a region, in which the credentials are refreshed later.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if the ID token is missing or names no
    /// account.
    pub fn new(
        client_id: &str,
        region: &str,
        token: &LoginToken,
        key: &DpopKey,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let session = session_of(token);
        let session = session.ok_or_else(|| {
            Error::response("the answer has no ID token that names who signed in")
        })?;
        let mut document = TokenDocument::new();
        document.set_object(ACCESS_TOKEN, access_token(token, account(&session), now));
        document.set("tokenType", &token.token_type);
        document.set("clientId", client_id);
        document.set("refreshToken", token.refresh_token.expose());
        if let Some(id_token) = &token.id_token {
            document.set("idToken", id_token.expose());
        }
        document.set("dpopKey", key.to_pem().expose());
        document.set("signInRegion", region);
        Self::read(document)
    }

    /// Returns the file after a new login: it keeps the members of the old file that are not known,
    /// which other tools put there.
    #[must_use]
    pub fn after(mut self, old: &Self) -> Self {
        self.document.keep_others(&old.document, &[]);
        self
    }

    /// Returns true if a text is that of a login file, even of one that cannot be used any more.
    ///
    /// Source: the AWS CLI version 2, `aws logout --all`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::signin::LoginFile;
    ///
    /// assert!(LoginFile::is_one(r#"{"accessToken": {"accessKeyId": "ASIAOLD"}}"#));
    /// // A token of IAM Identity Center.
    /// assert!(!LoginFile::is_one(r#"{"accessToken": "aoa", "startUrl": "https://example.com"}"#));
    /// ```
    pub fn is_one(text: &str) -> bool {
        let document = TokenDocument::parse(text, WHAT);
        let token = document.ok().and_then(|file| file.object(ACCESS_TOKEN));
        token.is_some_and(|token| token.text("accessKeyId").is_some())
    }

    /// Parses the text of a file. Members that are not known are kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not a JSON object, or if a member
    /// is missing or malformed that is needed to use or to refresh the credentials. The text is not
    /// in the message.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(TokenDocument::parse(text, WHAT)?)
    }

    fn read(document: TokenDocument) -> Result<Self, Error> {
        for name in ["clientId", "refreshToken"] {
            document.required(name, WHAT)?;
        }
        let key = DpopKey::from_pem(document.required("dpopKey", WHAT)?)?;
        let token = document.object(ACCESS_TOKEN).unwrap_or_default();
        let expiry = token.required_time("expiresAt", WHAT)?;
        let member = |name: &str| token.required(name, WHAT);
        let session_token = member("sessionToken")?;
        let credentials = Credentials::new(member("accessKeyId")?, member("secretAccessKey")?)
            .and_then(|credentials| credentials.with_session_token(session_token))
            .map_err(|error| {
                let message = format!("{ACCESS_TOKEN} in the {WHAT} is malformed: sign in again");
                Error::setting(message).with_source(error)
            })?
            .with_expiry(expiry)
            .with_account_id(token.text("accountId").unwrap_or_default());
        Ok(Self {
            document,
            credentials,
            expiry,
            key,
        })
    }

    /// Returns the credentials, with their expiry and the account.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the region in which the user signed in, if the file has it. The credentials must be
    /// refreshed there.
    pub fn sign_in_region(&self) -> Option<&str> {
        self.document.text("signInRegion")
    }

    /// Returns true if the credentials have expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expiry
    }

    /// Returns true if the credentials should be refreshed: from 5 minutes before they expire, as
    /// in botocore. Until they have expired, they can be used if that fails.
    pub fn needs_refresh(&self, now: Timestamp) -> bool {
        self.expiry.seconds_since(now) <= REFRESH_WINDOW
    }

    /// Returns the call that refreshes the credentials. `random` returns 16 random bytes.
    ///
    /// The refresh token works once: the new file must be written before another process refreshes.
    ///
    /// # Errors
    ///
    /// None in practice, because the file was checked when it was read.
    pub fn refresh(
        &self,
        random: impl Fn() -> [u8; 16] + Send + Sync + 'static,
    ) -> Result<CreateOAuth2Token, Error> {
        let member = |name: &str| self.document.required(name, WHAT);
        let (client_id, token) = (member("clientId")?, member("refreshToken")?);
        CreateOAuth2Token::refresh_token(client_id, token, &self.key, random)
    }

    /// Returns the file after a refresh. The account, which is not in the answer, stays.
    ///
    /// # Errors
    ///
    /// None in practice, because the answer was checked when it was read.
    pub fn with_token(mut self, token: &LoginToken, now: Timestamp) -> Result<Self, Error> {
        let mut object = self.document.object(ACCESS_TOKEN).unwrap_or_default();
        object.update(&access_token(token, "", now));
        self.document.set_object(ACCESS_TOKEN, object);
        self.document
            .set("refreshToken", token.refresh_token.expose());
        if let Some(id_token) = &token.id_token {
            self.document.set("idToken", id_token.expose());
        }
        Self::read(self.document)
    }

    /// Returns the text of the file, in the form of the AWS CLI: one line, without a line end.
    pub fn to_text(&self) -> Secret {
        self.document.to_text()
    }
}

/// Does not show credentials and tokens.
impl fmt::Debug for LoginFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginFile")
            .field("account", &self.credentials.account_id())
            .field("expiry", &self.expiry)
            .field("sign_in_region", &self.sign_in_region())
            .finish_non_exhaustive()
    }
}

impl LoginToken {
    /// Returns the ARN of who signed in, which is the `login_session` of a profile. `None` without
    /// an ID token.
    ///
    /// The token comes from AWS Sign-In itself, so its signature is not verified.
    pub fn session(&self) -> Option<String> {
        session_of(self)
    }
}

fn session_of(token: &LoginToken) -> Option<String> {
    let claims = token.id_token.as_ref()?.expose().split('.').nth(1)?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    let session = claims.get("sub")?.as_str()?;
    (!account(session).is_empty()).then(|| session.to_owned())
}

/// Returns the object of the credentials. Without an account it has no such member.
fn access_token(token: &LoginToken, account: &str, now: Timestamp) -> TokenDocument {
    let credentials = &token.credentials;
    let session_token = credentials.session_token().map_or("", Secret::expose);
    let expiry = now.plus_seconds(token.expires_in.into());
    let mut object = TokenDocument::new();
    object.set("accessKeyId", credentials.access_key_id());
    object.set("secretAccessKey", credentials.secret_access_key().expose());
    object.set("sessionToken", session_token);
    if !account.is_empty() {
        object.set("accountId", account);
    }
    object.set_time("expiresAt", expiry);
    object
}
