//! Tokens, passwords and URLs that some services accept instead of a signed request.
//!
//! Most are presigned URLs in another form. Each function documents the lifetime of its token.
//! [`Token::expiry`] is the end of that lifetime or of the credentials, whichever is earlier.
//!
//! | for | function | lifetime |
//! |---|---|---|
//! | EKS | [`eks`], [`eks_at`] | 15 minutes |
//! | RDS, Aurora | [`rds`] | 15 minutes |
//! | Aurora DSQL | [`dsql`] | chosen, up to 7 days |
//! | ElastiCache, MemoryDB | [`elasticache`], [`memorydb`] | 15 minutes |
//! | MSK | [`msk`] | 15 minutes |
//! | Bedrock | [`bedrock`] | chosen, up to 12 hours |
//! | IoT Core MQTT | [`iot_websocket`] | chosen, up to 1 day |
//! | Transcribe | [`transcribe_websocket`] | chosen, up to 5 minutes |
//! | AppSync | [`AppSync`] | 5 minutes |
//! | CodeCommit | [`codecommit`] | 15 minutes |
//! | SES over SMTP | [`ses_smtp_password`] | that of the access key |

mod appsync;
mod bedrock;
mod cache;
mod codecommit;
mod database;
mod eks;
mod endpoint;
mod msk;
mod ses;
mod websocket;

use core::fmt;

pub use appsync::{AppSync, AppSyncConnection};
pub use bedrock::bedrock;
pub use cache::{CacheKind, elasticache, memorydb};
pub use codecommit::{CodeCommitLogin, codecommit};
pub use database::{DsqlUser, dsql, rds};
pub use eks::{EksToken, ExecApi, eks, eks_at};
pub use msk::msk;
pub use ses::ses_smtp_password;
pub use websocket::{iot_websocket, transcribe_websocket};

use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    request::Request,
    scope::Scope,
    secret::Secret,
    sign::{Presigned, Signer, Ttl},
    timestamp::Timestamp,
};

/// A token or password with a limited lifetime. It is zeroed on drop, and `Debug` does not show it.
#[derive(Clone)]
pub struct Token {
    text: Secret,
    expiry: Timestamp,
}

impl Token {
    fn new(text: impl Into<Secret>, expiry: Timestamp) -> Self {
        Self {
            text: text.into(),
            expiry,
        }
    }

    /// Returns the token, to be sent unchanged: another encoding would break its signature.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// Returns the token as a secret, without a copy.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Secret, token};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let at = "2024-08-26T22:00:00Z".parse()?;
    /// let token = token::rds("db:5432", "app", "us-east-1", &credentials, at)?;
    /// let password: Secret = token.into_secret();
    /// assert!(password.expose().starts_with("db:5432/?Action=connect"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn into_secret(self) -> Secret {
        self.text
    }

    /// Returns when the service stops accepting it for new connections.
    ///
    /// That is the end of its lifetime or of the credentials, whichever is earlier.
    pub fn expiry(&self) -> Timestamp {
        self.expiry
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

/// The lifetime of most of these tokens: 15 minutes, in seconds.
const QUARTER_HOUR: u32 = 900;

/// Presigns the URL of a token by the general rules.
fn presign(
    request: &Request<'_>,
    scope: Scope,
    credentials: &Credentials,
    at: Timestamp,
    ttl: Ttl,
) -> Result<Presigned, Error> {
    Signer::new(scope).presign(request, credentials, at, ttl)
}

/// Returns a token that is a presigned URL without its scheme.
fn presign_without_scheme(
    url: &str,
    scope: Scope,
    credentials: &Credentials,
    at: Timestamp,
    ttl: Ttl,
) -> Result<Token, Error> {
    let request = Request::new("GET", url)?;
    let presigned = presign(&request, scope, credentials, at, ttl)?;
    // The token names host and port as the client connects to them, including a default port, which
    // is not signed.
    let (authority, _) = split_after_authority(url);
    let (_, signed) = split_after_authority(presigned.as_str());
    let text = [authority, signed].concat();
    Ok(Token::new(
        text,
        expiry_after(at, ttl.as_secs(), credentials),
    ))
}

/// Splits an absolute URL, without its scheme, into the authority and everything after it.
fn split_after_authority(url: &str) -> (&str, &str) {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// Refuses an empty name here, because the service would refuse its token only on use.
fn not_empty(text: &str, kind: ErrorKind) -> Result<&str, Error> {
    if text.trim().is_empty() {
        return Err(Error::new(kind, ""));
    }
    Ok(text)
}

/// Returns the end of a lifetime or of the credentials, whichever is earlier.
fn expiry_after(at: Timestamp, seconds: u32, credentials: &Credentials) -> Timestamp {
    let end = at.plus_seconds(seconds.into());
    credentials.expiry().map_or(end, |expiry| expiry.min(end))
}
