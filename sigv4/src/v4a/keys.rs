#[cfg(feature = "std")]
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    vec::Vec,
};

use super::key::SigningKey;
use crate::{credentials::Credentials, error::Error};

/// The keys of the credentials that were used last. Deriving a key costs about as much as signing.
///
/// Without the feature `std` there is no lock, and a key is derived each time.
pub(crate) struct Keys {
    #[cfg(feature = "std")]
    list: Mutex<Vec<(Credentials, SigningKey)>>,
}

/// The largest number of cached keys.
#[cfg(feature = "std")]
const ENTRIES: usize = 8;

impl Clone for Keys {
    /// Returns an empty cache, as `KeyCache` does.
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(feature = "std")]
            list: Default::default(),
        }
    }

    /// Returns the key of these credentials. Others with the same id and secret share it.
    #[cfg(feature = "std")]
    pub(crate) fn get(&self, credentials: &Credentials) -> Result<SigningKey, Error> {
        if let Some(key) = self.cached(credentials) {
            return Ok(key);
        }
        // Two threads may both derive it; neither waits for the other.
        let key = SigningKey::derive(credentials)?;
        let mut list = self.lock();
        if list.len() == ENTRIES {
            list.remove(0);
        }
        list.push((credentials.clone(), key.clone()));
        Ok(key)
    }

    /// Derives the key of these credentials.
    #[cfg(not(feature = "std"))]
    #[allow(
        clippy::unused_self,
        reason = "has the interface of the cache with `std`"
    )]
    pub(crate) fn get(&self, credentials: &Credentials) -> Result<SigningKey, Error> {
        SigningKey::derive(credentials)
    }

    #[cfg(feature = "std")]
    fn cached(&self, credentials: &Credentials) -> Option<SigningKey> {
        let list = self.lock();
        let entry = list
            .iter()
            .find(|(known, _)| known.is_same_key(credentials))?;
        Some(entry.1.clone())
    }

    #[cfg(feature = "std")]
    fn lock(&self) -> MutexGuard<'_, Vec<(Credentials, SigningKey)>> {
        // A poisoned lock is safe to use: entries are pushed whole, so none is half written.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
