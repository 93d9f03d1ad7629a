use std::fmt;

use http::HeaderValue;
use keyfob_sigv4::{Secret, Timestamp};
use sha1::{Digest as _, Sha1};

use super::{ClientRegistration, CreateToken, Token};
use crate::{error::Error, token_document::TokenDocument};

/// The seconds before its expiry from which on a token is refreshed.
const REFRESH_WINDOW: i64 = 15 * 60;

const WHAT: &str = "token file";

/// The members of a file that a login writes.
const MEMBERS: [&str; 8] = [
    "startUrl",
    "region",
    "accessToken",
    "expiresAt",
    "clientId",
    "clientSecret",
    "registrationExpiresAt",
    "refreshToken",
];

/// The token of a user with what refreshes it: a file in `~/.aws/sso/cache`, which all tools share.
///
/// This type reads and writes the text of the file, and opens nothing.
///
/// Source: the AWS CLI version 2 and botocore, which write such files.
///
/// # Examples
///
/// A token that is about to expire is refreshed and written again:
///
/// ```
/// use keyfob_sigv4::Timestamp;
/// use keyfob_sts::{call::Call, sso::TokenFile};
///
/// let file = TokenFile::parse(
///     r#"{"startUrl": "https://d-1.awsapps.com/start", "region": "eu-west-1", "accessToken": "old",
///         "expiresAt": "2026-11-22T03:10:00Z", "clientId": "id", "clientSecret": "secret",
///         "registrationExpiresAt": "2027-01-01T00:00:00Z", "refreshToken": "refresh"}"#,
/// )?;
/// let now: Timestamp = "2026-11-22T03:00:00Z".parse()?;
/// assert!(file.needs_refresh(now) && !file.is_expired(now));
///
/// let call = file.refresh(now)?;
/// // Sent by a client; here is an answer.
/// let answer = http::Response::new(r#"{"accessToken": "new", "expiresIn": 3600}"#);
/// let file = file.with_token(&call.parse(&answer)?, now);
/// assert_eq!(file.access_token().expose(), "new");
/// assert_eq!(file.expiry(), now.plus_seconds(3600));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TokenFile {
    document: TokenDocument,
    access_token: Secret,
    expiry: Timestamp,
}

impl TokenFile {
    /// Returns the name of the file of an SSO session, or of a start URL for profiles without one.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::sso::TokenFile;
    ///
    /// assert_eq!(TokenFile::name("admin"), "d033e22ae348aeb5660fc2140aec35850c4da997.json");
    /// ```
    pub fn name(session_or_start_url: &str) -> String {
        name_of(session_or_start_url)
    }

    /// Creates the file after a login.
    pub fn new(
        start_url: &str,
        region: &str,
        registration: &ClientRegistration,
        token: &Token,
        now: Timestamp,
    ) -> Self {
        let mut document = TokenDocument::new();
        document.set("startUrl", start_url);
        document.set("region", region);
        let mut this = Self {
            document,
            access_token: token.access_token.clone(),
            expiry: now,
        };
        this.set_token(token, now);
        this.document.set("clientId", &registration.client_id);
        let secret = registration.client_secret.expose();
        this.document.set("clientSecret", secret);
        this.document
            .set_time("registrationExpiresAt", registration.expiry);
        this.set_refresh_token(token);
        this
    }

    /// Parses the text of a file. Members that are not known are kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not a JSON object, or if
    /// `accessToken` or `expiresAt` is missing or malformed. The text is not in the message.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document = TokenDocument::parse(text, WHAT)?;
        let access_token = document.required("accessToken", WHAT)?;
        // The portal takes it in a header.
        if HeaderValue::from_str(access_token).is_err() {
            return Err(Error::setting(format!(
                "accessToken in the {WHAT} has a character that no token has: sign in again"
            )));
        }
        Ok(Self {
            access_token: access_token.into(),
            expiry: document.required_time("expiresAt", WHAT)?,
            document,
        })
    }

    /// Returns the token for the portal.
    pub fn access_token(&self) -> &Secret {
        &self.access_token
    }

    /// Returns when the token expires.
    pub fn expiry(&self) -> Timestamp {
        self.expiry
    }

    /// Returns the start URL, if the file has it.
    pub fn start_url(&self) -> Option<&str> {
        self.document.text("startUrl")
    }

    /// Returns the region of IAM Identity Center, if the file has it.
    pub fn region(&self) -> Option<&str> {
        self.document.text("region")
    }

    /// Returns true if the token has expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expiry
    }

    /// Returns true if the token should be refreshed: from 15 minutes before it expires, as in
    /// botocore. Until it has expired, it can be used if that fails.
    pub fn needs_refresh(&self, now: Timestamp) -> bool {
        self.expiry.seconds_since(now) < REFRESH_WINDOW
    }

    /// Returns the call that refreshes the token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the file has no refresh token or no
    /// registration, or if the registration has expired: then the user must sign in again.
    pub fn refresh(&self, now: Timestamp) -> Result<CreateToken, Error> {
        let member = |name: &str| self.document.required(name, WHAT);
        let (id, secret) = (member("clientId")?, member("clientSecret")?);
        let refresh_token = member("refreshToken")?;
        let name = "registrationExpiresAt";
        if self.document.required_time(name, WHAT)? <= now {
            return Err(Error::setting(
                "the registration in the token file has expired: sign in again",
            ));
        }
        CreateToken::refresh_token(id, secret, refresh_token)
    }

    /// Returns the file after a refresh. Without a new refresh token, the next refresh is a new
    /// login, as in botocore.
    #[must_use]
    pub fn with_token(mut self, token: &Token, now: Timestamp) -> Self {
        self.set_token(token, now);
        self.set_refresh_token(token);
        self
    }

    /// Returns the file after a new login: it keeps the members of the old file that are not known,
    /// which other tools put there.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::sso::TokenFile;
    ///
    /// let expiry = "2026-11-22T03:10:00Z";
    /// let old = r#"{"accessToken": "old", "expiresAt": "E", "refreshToken": "r", "theirs": 1}"#;
    /// let new = r#"{"accessToken": "new", "expiresAt": "E"}"#;
    /// let [old, new] = [old, new].map(|text| TokenFile::parse(&text.replace('E', expiry)));
    /// assert_eq!(
    ///     new?.after(&old?).to_text().expose(),
    ///     r#"{"accessToken": "new", "expiresAt": "2026-11-22T03:10:00Z", "theirs": 1}"#,
    /// );
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    #[must_use]
    pub fn after(mut self, old: &Self) -> Self {
        self.document.keep_others(&old.document, &MEMBERS);
        self
    }

    /// Returns the text of the file, in the form of the AWS CLI: one line, without a line end.
    pub fn to_text(&self) -> Secret {
        self.document.to_text()
    }

    fn set_token(&mut self, token: &Token, now: Timestamp) {
        let expiry = now.unix_seconds().saturating_add(token.expires_in.into());
        self.expiry = Timestamp::from_unix_seconds(expiry);
        self.access_token = token.access_token.clone();
        self.document.set("accessToken", self.access_token.expose());
        self.document.set_time("expiresAt", self.expiry);
    }

    fn set_refresh_token(&mut self, token: &Token) {
        match &token.refresh_token {
            Some(token) => self.document.set("refreshToken", token.expose()),
            None => self.document.remove("refreshToken"),
        }
    }
}

/// Does not show tokens.
impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile")
            .field("start_url", &self.start_url())
            .field("region", &self.region())
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

/// Returns the name of the file for a text: the hex digits of its SHA-1.
pub(super) fn name_of(text: &str) -> String {
    let hash = Sha1::digest(text);
    let digits = hash.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<String>() + ".json"
}
