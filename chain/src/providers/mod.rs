//! The providers this crate has. Each is an adapter: settings in, an [`Outcome`](crate::Outcome) out.

use keyfob_sigv4::{Credentials, Timestamp};

use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    provider::Found,
};

mod container;
mod environment;
#[cfg(feature = "imds")]
mod instance;
mod plan;
mod profile;
mod role;
mod web_identity;

pub use container::Container;
pub use environment::Environment;
#[cfg(feature = "imds")]
pub use instance::InstanceMetadata;
pub use profile::Profile;
pub use web_identity::WebIdentity;

/// What may come with a key, as its source wrote it; blank texts are left out.
struct Key<'a> {
    token: Option<&'a str>,
    account_id: Option<&'a str>,
    expiry: Option<Timestamp>,
}

impl Key<'_> {
    /// A malformed id, secret or token is an error that says where it stands.
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
