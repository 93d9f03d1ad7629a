//! The cache of derived keys. Without the feature `std`, `nocache.rs` takes its place.

use core::array;
use std::{
    boxed::Box,
    sync::{Mutex, PoisonError},
};

use crate::{
    codec::hmac::HmacKey,
    codec::shard::{SHARDS, shard},
    credentials::Credentials,
    key::{ALGORITHM, SigningKey},
    scope::Scope,
    timestamp::AmzDate,
};

/// The keys of the credentials that a signer used last, each ready for the last line of a string to
/// sign.
///
/// Each thread uses its own shard, with its own lock and entries, so threads that share a signer
/// never write to the same cache line, up to the number of shards. Credentials are recognized by
/// address; their reference count changes only when an entry takes another snapshot.
pub(crate) struct KeyCache {
    shards: Box<[Shard; SHARDS]>,
}

/// How many credentials a shard remembers.
const ENTRIES: usize = 4;

/// Aligned to two cache lines, because some processors fetch them in pairs.
#[repr(align(128))]
struct Shard(Mutex<Entries>);

struct Entries {
    list: [Option<Entry>; ENTRIES],
    /// The entry that was replaced last.
    next: usize,
}

/// A key, and the same key after all lines of a string to sign but the last, which change once a
/// second.
struct Entry {
    credentials: Credentials,
    date: AmzDate,
    key: SigningKey,
    prefixed: HmacKey,
}

impl Clone for KeyCache {
    /// Returns an empty cache: two owners of one would wait for each other.
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl KeyCache {
    pub(crate) fn new() -> Self {
        let shard = |_| {
            Shard(Mutex::new(Entries {
                list: array::from_fn(|_| None),
                next: 0,
            }))
        };
        Self {
            shards: Box::new(array::from_fn(shard)),
        }
    }

    /// Returns the HMAC of the string to sign whose last line is `last`.
    pub(crate) fn sign(
        &self,
        credentials: &Credentials,
        scope: &Scope,
        date: &AmzDate,
        last: &[u8; 64],
    ) -> [u8; 32] {
        let shard = &self.shards[shard()];
        // A poisoned lock is safe to use: entries are assigned whole, so none is half written.
        let mut entries = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.entry(credentials, scope, date).prefixed.mac(last)
    }
}

impl Entries {
    /// Returns the entry of these credentials, at this second. It is made or updated if needed.
    fn entry(&mut self, credentials: &Credentials, scope: &Scope, date: &AmzDate) -> &Entry {
        let known = self.list.iter().position(|entry| {
            entry
                .as_ref()
                .is_some_and(|entry| entry.credentials.is_same_key(credentials))
        });
        let index = known.unwrap_or_else(|| {
            self.next = (self.next + 1) % ENTRIES;
            self.next
        });
        let entry = &mut self.list[index];
        if known.is_none()
            || entry
                .as_ref()
                .is_some_and(|e| e.date.date_bytes() != date.date_bytes())
        {
            *entry = None;
        }
        let entry = entry.get_or_insert_with(|| Entry::new(credentials, scope, date));
        entry.advance(credentials, scope, date);
        entry
    }
}

impl Entry {
    fn new(credentials: &Credentials, scope: &Scope, date: &AmzDate) -> Self {
        let key = SigningKey::derive_on(credentials.secret_access_key(), scope, date.date());
        Self {
            credentials: credentials.clone(),
            date: *date,
            prefixed: key.prefixed(ALGORITHM, date, scope.suffix()),
            key,
        }
    }

    /// Moves the entry to another second of the day, and to the clone that is in use now.
    fn advance(&mut self, credentials: &Credentials, scope: &Scope, date: &AmzDate) {
        if !self.credentials.is_clone_of(credentials) {
            self.credentials = credentials.clone();
        }
        if self.date != *date {
            self.prefixed = self.key.prefixed(ALGORITHM, date, scope.suffix());
            self.date = *date;
        }
    }
}
