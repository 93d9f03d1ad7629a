//! The providers this crate has. Each is an adapter: settings in, an [`Outcome`](crate::Outcome) out.

use keyfob_sigv4::{Credentials, Timestamp};

use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    provider::Found,
};

mod environment;
#[cfg(feature = "imds")]
mod instance;
mod profile;
mod unsupported;

pub use environment::Environment;
#[cfg(feature = "imds")]
pub use instance::InstanceMetadata;
pub use profile::Profile;
pub(crate) use unsupported::Unsupported;

/// The texts of a key as a source wrote them; blank ones are left out.
#[derive(Default)]
struct Key<'a> {
    id: Option<&'a str>,
    secret: Option<&'a str>,
    token: Option<&'a str>,
    account_id: Option<&'a str>,
    expiry: Option<Timestamp>,
}

impl Key<'_> {
    /// `id` and `secret` have been seen to be there. A malformed one is an error that says where it stands.
    fn credentials(&self, id: &str, secret: &str, origin: Origin) -> Result<Found, Error> {
        let made = Credentials::new(id, secret).and_then(|credentials| match self.token {
            Some(token) => credentials.with_session_token(token),
            None => Ok(credentials),
        });
        let mut credentials = made.map_err(|error| {
            let message = format!("the key of {origin} cannot be one");
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
