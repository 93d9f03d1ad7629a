use core::sync::atomic::{AtomicUsize, Ordering};

/// What threads would wait for each other to write is there this many times.
pub(crate) const SHARDS: usize = 8;

/// The number of this thread's shard.
pub(crate) fn shard() -> usize {
    THREAD.with(|number| *number) % SHARDS
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

std::thread_local! {
    /// Numbers threads as they come, so that the first ones never share a shard.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}
