use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use keyfob_sigv4::Credentials;

use crate::cache::Slot;

/// The credentials that sources have issued in this process, by what they are made of.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Slot>>);

impl Sessions {
    pub(super) fn slot(&self, key: String) -> Slot {
        self.lock().entry(key).or_default().clone()
    }

    pub(super) fn invalidate(&self, refused: &Credentials) {
        for slot in self.lock().values() {
            slot.invalidate(refused);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
