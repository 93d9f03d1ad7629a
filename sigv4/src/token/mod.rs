//! The tokens, passwords and URLs that some services take in place of a signed request.
//!
//! Most are presigned URLs in disguise. Each function says how long its token is good; [`Token::expiry`] says until
//! when, and no longer than the credentials.
//!
//! | for | function | good for |
//! |---|---|---|
//! | EKS | [`eks`] | 15 minutes |
//! | RDS, Aurora | [`rds`] | 15 minutes |
//! | Aurora DSQL | [`dsql`] | as asked, up to 7 days |
//! | ElastiCache, MemoryDB | [`elasticache`], [`memorydb`] | 15 minutes |
//! | MSK | [`msk`] | 15 minutes |
//! | Bedrock | [`bedrock`] | as asked, up to 12 hours |
//! | IoT Core MQTT | [`iot_websocket`] | as asked, up to 1 day |
//! | Transcribe | [`transcribe_websocket`] | as asked, up to 5 minutes |
//! | AppSync | [`AppSync`] | 5 minutes |
//! | CodeCommit | [`codecommit`] | 15 minutes |
//! | SES over SMTP | [`ses_smtp_password`] | as the access key |

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
pub use eks::{EksToken, eks};
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

/// Something to log in with, for a while. `Debug` does not show it, and it is zeroed on drop.
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

    /// The token itself, to be sent as it is.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The token itself.
    pub fn into_secret(self) -> Secret {
        self.text
    }

    /// When it stops opening new connections: the end of its own time or of the credentials, whichever comes first.
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

/// The time that most of these tokens are good for: 15 minutes.
const QUARTER_HOUR: u32 = 900;

/// Signs the URL of a token by the general rules.
fn presign(
    request: &Request<'_>,
    scope: Scope,
    credentials: &Credentials,
    at: Timestamp,
    ttl: Ttl,
) -> Presigned {
    Signer::new(scope).presign(request, credentials, at, ttl)
}

/// A token that is a presigned URL without its scheme. Host and port stand in it as the client connects to them, a default
/// port too, which is not signed.
fn schemeless(
    url: &str,
    scope: Scope,
    credentials: &Credentials,
    at: Timestamp,
    ttl: Ttl,
) -> Result<Token, Error> {
    let request = Request::new("GET", url)?;
    let presigned = presign(&request, scope, credentials, at, ttl);
    let signed = after_authority(presigned.as_str()).1;
    let text = [after_authority(url).0, signed].concat();
    Ok(Token::new(text, end_of(at, ttl.as_secs(), credentials)))
}

/// The authority of an absolute URL with a path, and all that follows.
fn after_authority(url: &str) -> (&str, &str) {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// A token for nobody or nothing would be refused only when it is used.
fn not_empty(text: &str, kind: ErrorKind) -> Result<&str, Error> {
    if text.trim().is_empty() {
        return Err(Error::new(kind, ""));
    }
    Ok(text)
}

/// The end of a token's own time or of the credentials.
fn end_of(at: Timestamp, seconds: u32, credentials: &Credentials) -> Timestamp {
    let end = at.plus_seconds(seconds.into());
    credentials.expiry().map_or(end, |expiry| expiry.min(end))
}
