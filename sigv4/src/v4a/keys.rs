#[cfg(feature = "std")]
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    vec::Vec,
};

use super::key::SigningKey;
use crate::{credentials::Credentials, error::Error};

/// Derived keys, kept between signatures: deriving one costs about as much as signing.
///
/// Without `std` there is no lock, and each is derived anew.
pub(crate) struct Keys {
    #[cfg(feature = "std")]
    list: Mutex<Vec<(Credentials, SigningKey)>>,
}

/// How many credentials are remembered.
#[cfg(feature = "std")]
const ENTRIES: usize = 8;

impl Keys {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(feature = "std")]
            list: Default::default(),
        }
    }

    /// The key of these credentials, or of others with the same id and secret.
    #[cfg(feature = "std")]
    pub(crate) fn get(&self, credentials: &Credentials) -> Result<SigningKey, Error> {
        if let Some(key) = self.known(credentials) {
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

    #[cfg(not(feature = "std"))]
    #[allow(clippy::unused_self, reason = "the twin of the one that keeps keys")]
    pub(crate) fn get(&self, credentials: &Credentials) -> Result<SigningKey, Error> {
        SigningKey::derive(credentials)
    }

    #[cfg(feature = "std")]
    fn known(&self, credentials: &Credentials) -> Option<SigningKey> {
        let list = self.lock();
        let entry = list
            .iter()
            .find(|(known, _)| known.is_same_key(credentials))?;
        Some(entry.1.clone())
    }

    #[cfg(feature = "std")]
    fn lock(&self) -> MutexGuard<'_, Vec<(Credentials, SigningKey)>> {
        // An entry is pushed whole, so a panic elsewhere cannot have left half of one.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
