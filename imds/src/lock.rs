//! Locks of values that are in order after any panic, because each change replaces or adds a whole
//! value. A poisoned lock is therefore used on.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
