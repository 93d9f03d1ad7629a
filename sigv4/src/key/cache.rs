//! Derived keys, kept between signatures.

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

/// What a signer remembers of each of the credentials it saw last: the derived key, and the HMAC state after the part
/// of the string to sign that stays the same within a second.
///
/// Threads that are numbered one after the other do not wait for each other: each has a shard of its own, up to the number of
/// shards. To sign with the
/// same signer and credentials as another thread writes nothing that both have: the lock and the entry are of the shard,
/// the credentials are told by their address, and counted anew only where an entry takes on another snapshot.
pub(crate) struct KeyCache {
    shards: Box<[Shard; SHARDS]>,
}

/// How many credentials a shard remembers.
const ENTRIES: usize = 4;

/// Two cache lines, because some processors fetch them in pairs.
#[repr(align(128))]
struct Shard(Mutex<Entries>);

struct Entries {
    list: [Option<Entry>; ENTRIES],
    /// Which one gives way to the next new one.
    next: usize,
}

/// A key, ready for the last line of a string to sign.
struct Entry {
    credentials: Credentials,
    date: AmzDate,
    key: SigningKey,
    prefixed: HmacKey,
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

    /// The HMAC code of the string to sign that ends with the line `last`.
    pub(crate) fn sign(
        &self,
        credentials: &Credentials,
        scope: &Scope,
        date: &AmzDate,
        last: &[u8; 64],
    ) -> [u8; 32] {
        let shard = &self.shards[shard()];
        // A panic while the lock was held cannot leave an entry half written: each is assigned whole.
        let mut entries = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.entry(credentials, scope, date).prefixed.mac(last)
    }
}

impl Entries {
    /// The entry of these credentials, made or brought up to date.
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

    /// To another second of the day, and to the snapshot that is in use now.
    fn advance(&mut self, credentials: &Credentials, scope: &Scope, date: &AmzDate) {
        if !self.credentials.is_same_snapshot(credentials) {
            self.credentials = credentials.clone();
        }
        if self.date != *date {
            self.prefixed = self.key.prefixed(ALGORITHM, date, scope.suffix());
            self.date = *date;
        }
    }
}
