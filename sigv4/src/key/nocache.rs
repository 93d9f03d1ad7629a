//! In place of the cache where there is no lock: the key is derived each time.

use crate::{
    credentials::Credentials,
    key::{ALGORITHM, SigningKey},
    scope::Scope,
    timestamp::AmzDate,
};

pub(crate) struct KeyCache;

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self
    }

    /// The HMAC code of the string to sign that ends with the line `last`.
    #[allow(clippy::unused_self, reason = "the twin of the cache that keeps keys")]
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
