//! What is written to stderr, by a thread of its own if nothing may wait for the reader.
//!
//! A reader may stop: a terminal after Ctrl-S, a pipe that a supervisor does not drain. A server
//! goes on then. Lines wait in a queue of a limited length, and those for which there is no room
//! are dropped and counted.

use std::{
    io::{self, Write},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

/// How many texts may wait.
const LENGTH: usize = 1024;
/// How many bytes are written at once, unless one text has more.
const BATCH: usize = 16 << 10;
/// How long the thread sleeps after it has written. Then many texts are written at once, and a text
/// seldom has to wake it, which costs more than to write it.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the end waits for texts that are not written yet.
const PATIENCE: Duration = Duration::from_secs(1);

static QUEUE: Mutex<Option<SyncSender<String>>> = Mutex::new(None);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Nothing waits for the reader of stderr until this is dropped. That waits for a moment.
#[derive(Debug)]
pub(crate) struct Queued {
    ended: Receiver<()>,
}

/// Starts a thread that writes what is for stderr.
///
/// # Errors
///
/// If no thread can be started.
pub(crate) fn queue_stderr() -> io::Result<Queued> {
    let (sender, texts) = mpsc::sync_channel(LENGTH);
    let (end, ended) = mpsc::channel();
    let thread = thread::Builder::new().name("keyfob-stderr".to_owned());
    thread.spawn(move || {
        while let Ok(text) = texts.recv() {
            write_now(batch(text, &texts).as_bytes());
            thread::sleep(PAUSE);
        }
        // An error means that nothing waits for the end any more.
        let _ = end.send(());
    })?;
    *queue() = Some(sender);
    Ok(Queued { ended })
}

impl Drop for Queued {
    fn drop(&mut self) {
        *queue() = None;
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// Returns how many texts were dropped because the reader of stderr had stopped.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Relaxed)
}

/// Writes to stderr, or has it written. Errors are ignored, because there is nowhere to report
/// them.
pub(super) fn write(text: &str) {
    let queue = queue();
    let Some(sender) = &*queue else {
        drop(queue);
        return write_now(text.as_bytes());
    };
    if let Err(TrySendError::Full(_)) = sender.try_send(text.to_owned()) {
        DROPPED.fetch_add(1, Relaxed);
    }
}

/// Writes whole texts as [`write`] does.
#[derive(Debug)]
pub(super) struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns a text with those that wait behind it.
fn batch(mut text: String, more: &Receiver<String>) -> String {
    while text.len() < BATCH
        && let Ok(next) = more.try_recv()
    {
        text += &next;
    }
    text
}

fn write_now(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes);
}

fn queue() -> MutexGuard<'static, Option<SyncSender<String>>> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}
