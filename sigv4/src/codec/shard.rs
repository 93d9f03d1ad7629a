//! Copies of state that threads share, so that no thread waits for another to write it.

use core::sync::atomic::{AtomicUsize, Ordering};

/// The number of copies.
///
/// Up to eight threads get one each; more threads share them in turn. A signer has one lock and
/// four cached keys for each.
pub(crate) const SHARDS: usize = 8;

/// Returns the number of this thread's shard.
pub(crate) fn shard() -> usize {
    THREAD.with(|number| *number) % SHARDS
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

std::thread_local! {
    /// Counts threads in the order they sign first, so that the first ones never share a shard.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}
