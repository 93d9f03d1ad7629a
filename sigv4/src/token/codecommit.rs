use alloc::{format, string::String};
use core::fmt;

use super::{QUARTER_HOUR, Token, endpoint::authority, expiry_after};
use crate::{
    codec::{hex, sha256::Sha256},
    credentials::Credentials,
    error::{Error, ErrorKind},
    key::{ALGORITHM, SigningKey},
    scope::Scope,
    secret::Secret,
    timestamp::Timestamp,
};

/// Creates the user name and password with which `git` logs in to CodeCommit over HTTPS.
///
/// They are valid for 15 minutes, for one repository. `host` and `path` are those that `git` passes
/// to a credential helper, such as `git-codecommit.us-east-1.amazonaws.com` and `v1/repos/NAME`. A
/// leading slash of the path and a port make no difference.
///
/// Source: the credential helper of the AWS CLI, `aws codecommit credential-helper`.
///
/// # Errors
///
/// [`ErrorKind::Host`], [`ErrorKind::Url`] (for the path) or [`ErrorKind::Region`] if one is
/// malformed.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// let (host, path) = ("git-codecommit.us-east-1.amazonaws.com", "v1/repos/my");
/// let at = "2024-08-26T22:00:00Z".parse()?;
/// let login = token::codecommit(host, path, "us-east-1", &credentials, at)?;
/// println!("username={}", login.username());
/// assert!(login.password().starts_with("20240826T220000Z"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn codecommit(
    host: &str,
    path: &str,
    region: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<CodeCommitLogin, Error> {
    let scope = Scope::new(region, "codecommit")?;
    let authority = authority(host)?;
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    if [host, path].iter().any(|s| s.contains(char::is_control)) {
        return Err(Error::new(ErrorKind::Url, path));
    }
    // A canonical request with an empty last line instead of a hash.
    let path = path.trim_start_matches('/');
    let request = format!("GIT\n/{path}\n\nhost:{host}\n\nhost\n");
    // Unlike all other strings to sign, this one has no `Z` after the time.
    let date = at.amz_date();
    let time = date.as_str().trim_end_matches('Z');
    let mut text = format!("{ALGORITHM}\n{time}\n{}{}\n", date.date(), scope.suffix());
    text.extend(hex::encode(&Sha256::digest(request.as_bytes())).map(char::from));
    let signature = SigningKey::derive(credentials, &scope, at).sign(text.as_bytes());
    let expiry = expiry_after(at, QUARTER_HOUR, credentials);
    Ok(CodeCommitLogin {
        username: username(credentials),
        password: Token::new(format!("{date}{signature}"), expiry),
    })
}

/// A user name and a password for `git`. `Debug` shows neither.
#[derive(Clone)]
pub struct CodeCommitLogin {
    username: Secret,
    password: Token,
}

impl CodeCommitLogin {
    /// Returns the user name: the access key id; for temporary credentials also `%` and the session
    /// token.
    pub fn username(&self) -> &str {
        self.username.expose()
    }

    /// Returns the password: the time and the signature.
    pub fn password(&self) -> &str {
        self.password.expose()
    }

    /// Returns when the service stops accepting it for new connections.
    pub fn expiry(&self) -> Timestamp {
        self.password.expiry()
    }
}

impl fmt::Debug for CodeCommitLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeCommitLogin")
            .field("expiry", &self.expiry())
            .finish_non_exhaustive()
    }
}

fn username(credentials: &Credentials) -> Secret {
    let mut name = String::from(credentials.access_key_id());
    if let Some(token) = credentials.session_token() {
        name.push('%');
        name.push_str(token.expose());
    }
    name.into()
}
