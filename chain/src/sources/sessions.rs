use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use keyfob_sigv4::{Credentials, Timestamp};

use crate::cache::Slot;

/// The credentials that sources have issued in this process, by what they are made of.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Slot>>);

impl Sessions {
    /// Returns the place for the credentials of this key, by which the caller asks for them.
    ///
    /// The sources of a program that runs on have new keys from time to time, and with them the
    /// sessions made of them. A new one takes the place of those that are long over.
    pub(super) fn slot(&self, key: String, now: Timestamp) -> Slot {
        let mut slots = self.lock();
        if let Some(slot) = slots.get(&key) {
            return slot.clone();
        }
        slots.retain(|_, slot| !slot.is_over(now));
        slots.entry(key).or_default().clone()
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

// Tokio has no runtime for tests with `--cfg loom`.
#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{origin::Origin, provider::Found};

    #[tokio::test]
    async fn sessions_of_keys_that_were_rotated_are_forgotten() {
        const HOUR: i64 = 3600;
        let sessions = Sessions::default();
        let start = Timestamp::from_unix_seconds(1_800_000_000);
        let get = async |key: &str, now: Timestamp, lifetime: Option<i64>| {
            let found = async || {
                let mut credentials = Credentials::new("AKIDEXAMPLE", "secret").unwrap();
                if let Some(lifetime) = lifetime {
                    credentials = credentials.with_expiry(now.plus_seconds(lifetime));
                }
                Ok(Found::new(credentials, Origin::Default))
            };
            let slot = sessions.slot(key.to_owned(), now);
            slot.credentials(now, 0, found).await.unwrap();
        };
        get("for ever", start, None).await;
        for hour in 0..1000 {
            let now = start.plus_seconds(hour * HOUR);
            get(&format!("key {hour}"), now, Some(HOUR)).await;
        }
        let slots = sessions.lock();
        assert!(slots.contains_key("for ever") && slots.contains_key("key 999"));
        // One for each hour that a session may be served after its end, and those in use.
        assert!(slots.len() < 20, "{}", slots.len());
    }
}
