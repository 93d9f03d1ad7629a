use keyfob_sigv4::{Credentials, Timestamp};

use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    provider::Found,
};

/// An access key as its source wrote it.
pub(super) struct Key<'a> {
    pub(super) id: &'a str,
    pub(super) secret: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) account_id: Option<&'a str>,
    pub(super) expiry: Option<Timestamp>,
}

impl Key<'_> {
    /// Checks the key. The error says where a malformed one comes from.
    pub(super) fn into_found(self, origin: Origin) -> Result<Found, Error> {
        let mut credentials = Credentials::new(self.id, self.secret)
            .and_then(|credentials| match self.token {
                Some(token) => credentials.with_session_token(token),
                None => Ok(credentials),
            })
            .map_err(|error| {
                let message = format!("the access key from {} is malformed", origin.raw());
                Error::with_source(ErrorKind::InvalidCredentials, message, error)
            })?;
        if let Some(account) = self.account_id {
            credentials = credentials.with_account_id(account);
        }
        if let Some(expiry) = self.expiry {
            credentials = credentials.with_expiry(expiry);
        }
        Ok(Found::new(credentials, origin))
    }
}
