use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::terminal::readable_size;

/// How long no byte may move before the line says what is waited for instead.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far the transfers of a command are.
pub(crate) struct Progress {
    start: Instant,
    /// The bytes that were sent and received, which the client counts.
    moved: Arc<AtomicU64>,
    bytes: AtomicU64,
    files: AtomicU64,
    done: AtomicU64,
    /// Whether nothing more will be found.
    is_complete: AtomicBool,
    /// How many bytes had moved when it was last looked at, and when that changed.
    last: Mutex<(u64, Instant)>,
}

impl Progress {
    pub(super) fn new(moved: Arc<AtomicU64>) -> Self {
        let start = Instant::now();
        Self {
            start,
            moved,
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            done: AtomicU64::new(0),
            is_complete: AtomicBool::new(false),
            last: Mutex::new((0, start)),
        }
    }

    /// Counts a file or an object that is to be copied. Its size may be told later.
    pub(crate) fn found(&self, size: Option<u64>) {
        self.files.fetch_add(1, Relaxed);
        self.bytes.fetch_add(size.unwrap_or_default(), Relaxed);
    }

    /// Says that nothing more is to be copied. With `false`, the sizes are not all known.
    pub(crate) fn complete(&self, is_complete: bool) {
        self.is_complete.store(is_complete, Relaxed);
    }

    /// Adds the size of the only object, if that was not known.
    pub(super) fn learned(&self, size: u64) {
        if size > 0 && self.files.load(Relaxed) == 1 && self.bytes.load(Relaxed) == 0 {
            self.bytes.store(size, Relaxed);
            self.complete(true);
        }
    }

    /// Counts bytes that are at the target, without the client having moved them.
    pub(super) fn moved(&self, bytes: u64) {
        self.moved.fetch_add(bytes, Relaxed);
    }

    /// Counts a file or an object with which nothing more happens. The size is that of one which
    /// was left alone.
    pub(crate) fn done(&self, skipped: Option<u64>) {
        self.done.fetch_add(1, Relaxed);
        let skipped = skipped.unwrap_or_default();
        // It may have been found without its size.
        let less = |bytes: u64| Some(bytes.saturating_sub(skipped));
        let _ = self.bytes.fetch_update(Relaxed, Relaxed, less);
    }

    /// Returns a line about it that has at most `width` columns, if one fits: in the words of
    /// `aws`, or only the most important numbers. `None` if nothing has moved for some seconds.
    pub(crate) fn line(&self, now: Instant, width: usize) -> Option<String> {
        let moved = self.moved.load(Relaxed);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != moved {
            *last = (moved, now);
        }
        let files = self.files.load(Relaxed);
        if files == 0 || now - last.1 >= PATIENCE {
            return None;
        }
        let done = self.done.load(Relaxed);
        let left = files.saturating_sub(done);
        let is_complete = self.is_complete.load(Relaxed);
        let about = if is_complete { "" } else { "~" };
        let bytes = self
            .bytes
            .load(Relaxed)
            .max(if is_complete { 0 } else { moved });
        // What is sent again, and frames of answers, are not bytes of objects.
        let moved = moved.min(bytes);
        let remaining = format!("with {about}{left} file(s) remaining");
        if bytes == 0 {
            return Some(format!("Completed {done} file(s) {remaining}"));
        }
        let millis = u64::try_from((now - self.start).as_millis()).unwrap_or(u64::MAX);
        let rate = u128::from(moved) * 1000 / u128::from(millis.max(1));
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        let (size, per_second) = (readable_size(moved), readable_size(rate));
        let time = match (is_complete, bytes - moved) {
            (false, _) => " (calculating...)".to_owned(),
            (true, rest) if rate > 0 => format!(", {} left", clock(rest.div_ceil(rate))),
            _ => String::new(),
        };
        let all = readable_size(bytes);
        let percent = u128::from(moved) * 100 / u128::from(bytes);
        let short = if is_complete {
            format!("{percent}%{time}")
        } else {
            size.clone()
        };
        let mut lines = [
            format!("Completed {size}/{about}{all} ({per_second}/s) {remaining}{time}"),
            format!("{size}/{about}{all} ({per_second}/s), {about}{left} file(s){time}"),
            format!("{size}/{about}{all}, {per_second}/s"),
            short,
        ]
        .into_iter();
        lines.find(|line| line.len() <= width)
    }
}

/// Writes a time as clocks do: `0:05`, `1:02:03`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_line_has_files_bytes_rate_and_remaining_as_far_as_it_fits() {
        let progress = Progress::new(Arc::default());
        let at = |seconds| progress.start + Duration::from_secs(seconds);
        assert_eq!(progress.line(at(1), 200), None);
        progress.found(Some(30 * MIB));
        progress.found(Some(10 * MIB));
        progress.moved(5 * MIB);
        let line = |seconds, width| progress.line(at(seconds), width).unwrap();
        assert_eq!(
            line(2, 200),
            "Completed 5.0 MiB/~40.0 MiB (2.5 MiB/s) with ~2 file(s) remaining (calculating...)"
        );
        assert_eq!(line(2, 10), "5.0 MiB");
        progress.complete(true);
        progress.moved(5 * MIB);
        progress.done(None);
        let lines = [
            "Completed 10.0 MiB/40.0 MiB (2.5 MiB/s) with 1 file(s) remaining, 0:12 left",
            "10.0 MiB/40.0 MiB (2.5 MiB/s), 1 file(s), 0:12 left",
            "10.0 MiB/40.0 MiB, 2.5 MiB/s",
            "25%, 0:12 left",
        ];
        for (number, text) in lines.iter().enumerate() {
            assert_eq!(line(4, text.len()), *text);
            let shorter = progress.line(at(4), text.len() - 1);
            assert_eq!(shorter.as_deref(), lines.get(number + 1).copied());
        }
        // What stands still is waited for.
        assert_eq!(progress.line(at(9), 200), None);
        progress.moved(1);
        assert!(progress.line(at(9), 200).is_some());
    }

    #[test]
    fn sizes_that_are_learned_later_and_what_is_left_alone_count() {
        let progress = Progress::new(Arc::default());
        let line = || progress.line(progress.start + Duration::from_secs(1), 99);
        progress.found(None);
        progress.complete(false);
        assert_eq!(
            line().unwrap(),
            "Completed 0 file(s) with ~1 file(s) remaining"
        );
        progress.learned(MIB);
        progress.moved(2 * MIB);
        assert_eq!(
            line().unwrap(),
            "Completed 1.0 MiB/1.0 MiB (1.0 MiB/s) with 1 file(s) remaining, 0:00 left"
        );
        // One byte more than is counted.
        progress.done(Some(MIB + 1));
        assert_eq!(
            line().unwrap(),
            "Completed 1 file(s) with 0 file(s) remaining"
        );
    }

    #[test]
    fn times_are_those_of_clocks() {
        assert_eq!([0, 65, 3723].map(clock), ["0:00", "1:05", "1:02:03"]);
    }
}
