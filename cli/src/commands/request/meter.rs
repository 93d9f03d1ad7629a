//! How much was sent and received, and for how long nothing has moved.

use std::{
    io::{self, IsTerminal as _},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    failure::Failure,
    terminal::{Console, readable_size},
};

/// How long a request runs before its progress is shown.
const PATIENCE: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(200);
/// How long nothing may move, unless `--cli-read-timeout` says something else. As in `aws`.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// Counts the bytes of one command, and shows them on a terminal.
#[derive(Debug)]
pub(super) struct Meter {
    console: Console,
    is_shown: bool,
    started: Instant,
    sent: AtomicU64,
    received: AtomicU64,
    /// When something moved last, while the server is to answer; `None` otherwise.
    moved: Mutex<Option<Instant>>,
    /// Whether there is a line of progress on the terminal.
    has_line: AtomicBool,
}

impl Meter {
    pub(super) fn new(console: Console, is_shown: bool) -> Self {
        Self {
            console,
            is_shown: is_shown && io::stderr().is_terminal(),
            started: Instant::now(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            moved: Mutex::new(None),
            has_line: AtomicBool::new(false),
        }
    }

    /// Starts to wait for the server, and to count from zero.
    pub(super) fn start(&self) {
        self.sent.store(0, Ordering::Relaxed);
        self.received.store(0, Ordering::Relaxed);
        *self.moved() = Some(Instant::now());
    }

    /// Stops to wait for the server.
    pub(super) fn stop(&self) {
        *self.moved() = None;
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        *self.moved() = Some(Instant::now());
    }

    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        *self.moved() = Some(Instant::now());
    }

    /// Shows the progress, and returns a failure once nothing has moved for as long as `limit`.
    pub(super) async fn watch(&self, limit: Option<Duration>) -> Failure {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        loop {
            sleep(TICK).await;
            let idle = self.moved().map(|moved| moved.elapsed());
            if idle.is_some_and(|idle| idle >= limit) {
                self.clear();
                let text = format!(
                    "no byte was sent or received for {} seconds; --cli-read-timeout sets another \
                     limit, and 0 none",
                    limit.as_secs()
                );
                return Failure::other(text).with_code("ReadTimeout");
            }
            if self.is_shown && self.started.elapsed() >= PATIENCE {
                self.show();
            }
        }
    }

    /// Says something on a terminal after two seconds.
    pub(super) fn say(&self, text: &str) {
        if self.is_shown && self.started.elapsed() >= PATIENCE {
            self.clear();
            self.console.write_stderr(&format!("{text}\n"));
        }
    }

    /// Removes the line of progress.
    pub(super) fn clear(&self) {
        if self.has_line.swap(false, Ordering::Relaxed) {
            self.console.write_stderr("\r\u{1b}[K");
        }
    }

    fn show(&self) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let seconds = self.started.elapsed().as_secs();
        let mut text = format!("{seconds} s");
        for (verb, count) in [
            ("sent", load(&self.sent)),
            ("received", load(&self.received)),
        ] {
            if count > 0 {
                text += &format!(", {verb} {}", readable_size(count));
            }
        }
        let width = self.console.stderr_width().unwrap_or(80);
        text.truncate(width.saturating_sub(1));
        self.has_line.store(true, Ordering::Relaxed);
        self.console.write_stderr(&format!("\r{text}\u{1b}[K"));
    }

    fn moved(&self) -> MutexGuard<'_, Option<Instant>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
