use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::server::listen::Listener;

/// What a server was asked since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Accepted connections.
    pub connections: u64,
    /// Requests of any kind.
    pub requests: u64,
    /// Requests for a session token.
    pub tokens: u64,
    /// Requests for a credential document. Listings of the directory do not count.
    pub credentials: u64,
    /// Requests answered with a status of 400 or above.
    pub refused: u64,
}

/// The counters that the listener does not have.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    tokens: AtomicU64,
    credentials: AtomicU64,
}

impl Counts {
    pub(crate) fn add_token(&self) {
        self.tokens.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_credentials(&self) {
        self.credentials.fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self, listener: &Listener) -> Counters {
        let served = listener.counters();
        Counters {
            connections: served.connections,
            requests: served.requests,
            tokens: self.tokens.load(Relaxed),
            credentials: self.credentials.load(Relaxed),
            refused: served.refused,
        }
    }
}
