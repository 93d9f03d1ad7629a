//! What is written to stderr, by a thread of its own if nothing may wait for the reader.
//!
//! A reader may stop: a terminal after Ctrl-S, a pipe that a supervisor does not drain. A server
//! goes on then. What is to be written waits in memory of a limited size, and lines for which there
//! is no room are dropped and counted.

use std::{
    io::{self, Write},
    mem,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

/// How many bytes may wait.
const ROOM: usize = 1 << 20;
/// How long the thread sleeps after it has written. Then many lines are written at once, and a line
/// seldom has to wake it, which costs more than to write it.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the end waits for lines that are not written yet.
const PATIENCE: Duration = Duration::from_secs(1);

static QUEUE: Queue = Queue::new();

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
    let (end, ended) = mpsc::channel();
    let thread = thread::Builder::new().name("keyfob-stderr".to_owned());
    QUEUE.open();
    let started = thread.spawn(move || {
        QUEUE.drain(|bytes| {
            write_now(bytes);
            thread::sleep(PAUSE);
        });
        // An error means that nothing waits for the end any more.
        let _ = end.send(());
    });
    if let Err(error) = started {
        QUEUE.close();
        return Err(error);
    }
    Ok(Queued { ended })
}

impl Drop for Queued {
    fn drop(&mut self) {
        QUEUE.close();
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// Returns how many texts were dropped because the reader of stderr had stopped.
pub(crate) fn dropped() -> u64 {
    QUEUE.dropped.load(Relaxed)
}

/// Writes to stderr, or has it written. Errors are ignored, because there is nowhere to report
/// them.
pub(super) fn write(text: &str) {
    if !QUEUE.push(text) {
        write_now(text.as_bytes());
    }
}

/// Writes whole texts as [`write()`] does.
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

fn write_now(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes);
}

/// What waits until a thread has written it.
struct Queue {
    state: Mutex<State>,
    /// Tells that something waits, or that nothing comes any more.
    changed: Condvar,
    dropped: AtomicU64,
}

struct State {
    is_open: bool,
    waiting: String,
}

impl Queue {
    const fn new() -> Self {
        let state = State {
            is_open: false,
            waiting: String::new(),
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            dropped: AtomicU64::new(0),
        }
    }

    fn open(&self) {
        self.state().is_open = true;
    }

    fn close(&self) {
        self.state().is_open = false;
        self.changed.notify_one();
    }

    /// Adds a text, or counts it if there is no room. Returns false if the queue is not open.
    fn push(&self, text: &str) -> bool {
        let mut state = self.state();
        if !state.is_open {
            return false;
        }
        let was_empty = state.waiting.is_empty();
        if was_empty || state.waiting.len() + text.len() <= ROOM {
            state.waiting += text;
        } else {
            self.dropped.fetch_add(1, Relaxed);
        }
        drop(state);
        if was_empty {
            self.changed.notify_one();
        }
        true
    }

    /// Writes what waits, again and again, until the queue is closed and empty.
    fn drain(&self, mut write: impl FnMut(&[u8])) {
        let mut taken = String::new();
        loop {
            let mut state = self.state();
            while state.waiting.is_empty() {
                if !state.is_open {
                    return;
                }
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            }
            mem::swap(&mut taken, &mut state.waiting);
            drop(state);
            write(taken.as_bytes());
            taken.clear();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as the lines of a log.
    fn line(number: usize) -> String {
        format!("{number:0255}\n")
    }

    const LINES: usize = ROOM / 256;

    #[test]
    fn what_has_room_is_written_in_order_and_the_rest_is_counted() {
        let queue = Queue::new();
        assert!(!queue.push("not open"));
        queue.open();
        for number in 0..LINES + 10 {
            assert!(queue.push(&line(number)));
        }
        queue.close();
        let mut written = Vec::new();
        queue.drain(|bytes| written.extend_from_slice(bytes));
        let expected: String = (0..LINES).map(line).collect();
        assert!(written == expected.as_bytes());
        assert_eq!(queue.dropped.load(Relaxed), 10);
    }

    #[test]
    fn a_reader_that_reads_loses_nothing_however_many_lines_there_are() {
        let queue = Queue::new();
        queue.open();
        let (send, took) = mpsc::channel();
        let written = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut written = Vec::new();
                queue.drain(|bytes| {
                    written.extend_from_slice(bytes);
                    let _ = send.send(bytes.len());
                });
                written
            });
            for round in 0..20 {
                for number in 0..LINES {
                    queue.push(&line(round * LINES + number));
                }
                // All of a round has been taken before the next one.
                let mut rest = LINES * 256;
                while rest > 0 {
                    rest -= took.recv().unwrap();
                }
            }
            queue.close();
            reader.join().unwrap()
        });
        let expected: String = (0..20 * LINES).map(line).collect();
        assert!(written == expected.as_bytes());
        assert_eq!(queue.dropped.load(Relaxed), 0);
    }
}
