//! The cache of derived keys without the feature `std`, and so without a lock: it caches nothing.

use crate::{
    credentials::Credentials,
    key::{ALGORITHM, SigningKey},
    scope::Scope,
    timestamp::AmzDate,
};

#[derive(Clone)]
pub(crate) struct KeyCache;

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self
    }

    /// Returns the HMAC of the string to sign whose last line is `last`.
    #[allow(
        clippy::unused_self,
        reason = "has the interface of the cache with `std`"
    )]
    pub(crate) fn sign(
        &self,
        credentials: &Credentials,
        scope: &Scope,
        date: &AmzDate,
        last: &[u8; 64],
    ) -> [u8; 32] {
        SigningKey::derive_on(credentials.secret_access_key(), scope, date.date())
            .prefixed(ALGORITHM, date, scope.suffix())
            .mac(last)
    }
}
