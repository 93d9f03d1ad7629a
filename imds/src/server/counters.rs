use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a server was asked since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Connections taken.
    pub connections: u64,
    /// Requests of any kind.
    pub requests: u64,
    /// Requests for a session token.
    pub tokens: u64,
    /// Requests for credentials, not for their directory.
    pub credentials: u64,
    /// Requests answered with a status of 400 and above.
    pub refused: u64,
}

/// The same, being counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) connections: Count,
    pub(crate) requests: Count,
    pub(crate) tokens: Count,
    pub(crate) credentials: Count,
    pub(crate) refused: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Tally {
    pub(crate) fn read(&self) -> Counters {
        Counters {
            connections: self.connections.0.load(Relaxed),
            requests: self.requests.0.load(Relaxed),
            tokens: self.tokens.0.load(Relaxed),
            credentials: self.credentials.0.load(Relaxed),
            refused: self.refused.0.load(Relaxed),
        }
    }
}
