//! The line on a terminal that says what a command waits for.
//!
//! Whatever may take long says what it is for as long as it takes, and this module decides whether
//! to show it: on a terminal, if nothing else was written there for two seconds, and not while
//! something asks there. The line is erased before anything else is written. How far transfers are
//! takes its place, at once, as long as something moves.

use std::{
    io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use keyfob_backoff::{Pause, classify};
use tokio::time::sleep;
use tracing::info;

use crate::{
    output::char_width,
    signals::{lock_soon, undo_on_signal},
    terminal::{console::Console, escape::printable, queue::write},
};

/// How long nothing happens before the line appears.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked at.
const TICK: Duration = Duration::from_millis(250);
/// The width of a terminal that does not say its own.
const WIDTH: usize = 80;

static STATE: Mutex<State> = Mutex::new(State {
    next: 0,
    reasons: Vec::new(),
    questions: 0,
    last: None,
    shown: 0,
    progress: None,
});

struct State {
    next: u64,
    /// What is waited for, since when. The last one is the innermost.
    reasons: Vec<(u64, String, Instant)>,
    /// How many questions are open.
    questions: usize,
    /// When something else was written, or a question was answered.
    last: Option<Instant>,
    /// How many columns of the line are on the terminal.
    shown: usize,
    /// What is said instead, as long as something moves.
    progress: Option<Progress>,
}

struct Progress {
    pace: Pace,
    line: Line,
    /// When it is shown again.
    due: Option<Instant>,
}

/// How often it is shown how far something is, and where.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    pub(crate) every: Duration,
    /// Whether each line stays.
    pub(crate) has_own_lines: bool,
}

/// Returns a text for so many columns.
type Line = Box<dyn Fn(usize) -> Option<String> + Send>;

/// Says what is waited for, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting(u64);

/// Says that `what` is waited for.
pub(crate) fn waiting_for(what: impl Into<String>) -> Waiting {
    let mut state = state();
    let number = state.next;
    state.next += 1;
    state.reasons.push((number, what.into(), Instant::now()));
    Waiting(number)
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = state();
        // How far something is stays there.
        if state.progress.is_none() {
            state.erase();
        }
        state.reasons.retain(|(number, ..)| *number != self.0);
    }
}

/// Changes what the innermost wait is for.
pub(crate) fn now_waiting_for(what: String) {
    if let Some((_, reason, _)) = state().reasons.last_mut() {
        *reason = what;
    }
}

/// Says, in the log and where the innermost wait is told, that the next attempt is waited for, and
/// what the last one brought: an error code or else a status, if there was an answer.
pub(crate) fn waiting_for_attempt(
    console: Console,
    pause: &Pause,
    status: Option<u16>,
    code: Option<&str>,
) {
    // Of the answers, only a wrong clock is retried without being a server error or throttling.
    if status.is_some() && classify(status, code).is_none() {
        console.warn("the clock of this machine is off: signing again with the service's time");
    }
    let reason = match (code, status) {
        (Some(code), _) => printable(code).into_owned(),
        (None, Some(status)) => format!("status {status}"),
        (None, None) => "no answer".to_owned(),
    };
    info!(
        attempt = pause.attempt,
        wait = ?pause.delay,
        "{reason}: waiting before the next attempt"
    );
    let (next, seconds) = (pause.attempt + 1, pause.delay.as_secs_f32());
    now_waiting_for(format!(
        "attempt {next} in {seconds:.1} s, because of {reason}"
    ));
}

/// Shows how far something is, until it is dropped.
#[derive(Debug)]
pub(crate) struct Showing(());

/// Shows on the line how far something is: the text that `line` returns for so many columns, or
/// what is waited for if there is none. Only one is shown at a time.
pub(crate) fn showing(
    pace: Pace,
    line: impl Fn(usize) -> Option<String> + Send + 'static,
) -> Showing {
    state().progress = Some(Progress {
        pace,
        line: Box::new(line),
        due: None,
    });
    Showing(())
}

impl Drop for Showing {
    fn drop(&mut self) {
        let mut state = state();
        state.erase();
        state.progress = None;
    }
}

/// Keeps the terminal free for questions, until it is dropped.
#[derive(Debug)]
pub(crate) struct Asking(());

/// Says that something asks at the terminal.
pub(crate) fn asking() -> Asking {
    let mut state = state();
    state.erase();
    state.questions += 1;
    Asking(())
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut state = state();
        state.questions -= 1;
        state.last = Some(Instant::now());
    }
}

/// Runs `work`, and tells on the terminal what it waits for.
pub(crate) async fn told<T>(console: Console, work: impl Future<Output = T>) -> T {
    if !console.tells_waits() {
        return work.await;
    }
    // The line may be written at this moment.
    let _undo = undo_on_signal(|| {
        if let Some(mut state) = lock_soon(&STATE) {
            state.erase();
        }
    });
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = sleep(TICK) => state().show(),
        }
    }
}

/// Tells what is waited for while this thread is blocked, until it is dropped.
#[derive(Debug)]
pub(crate) struct Telling(Option<(mpsc::Sender<()>, JoinHandle<()>)>);

/// Tells on the terminal what is waited for by work that blocks this thread. Without another
/// thread, that works in silence.
pub(crate) fn telling(console: Console) -> Telling {
    if !console.tells_waits() {
        return Telling(None);
    }
    let (done, is_done) = mpsc::channel();
    let tell = move || {
        while is_done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            state().show();
        }
    };
    let thread = thread::Builder::new().spawn(tell);
    Telling(thread.ok().map(|thread| (done, thread)))
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.0.take() {
            drop(done);
            let _ = thread.join();
        }
    }
}

/// Erases the line, because something else is written.
pub(super) fn make_room() {
    let mut state = state();
    state.erase();
    state.last = Some(Instant::now());
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Writes the line, or writes it again with the seconds that have passed.
    fn show(&mut self) {
        let width = terminal_size::terminal_size_of(io::stderr());
        let width = width.map_or(WIDTH, |(width, _)| usize::from(width.0));
        if let Some(text) = self.line(Instant::now(), width) {
            write(&text);
        }
    }

    /// Returns what replaces the line on a terminal of this width, if it is time for it.
    fn line(&mut self, now: Instant, width: usize) -> Option<String> {
        if self.questions > 0 {
            return None;
        }
        // A line that wraps could not be erased.
        let most = width.saturating_sub(1);
        if let Some(progress) = &mut self.progress {
            if progress.due.is_some_and(|due| now < due) {
                return None;
            }
            if let Some(text) = (progress.line)(most) {
                let pace = progress.pace;
                progress.due = now.checked_add(pace.every);
                let mut text = self.replace(&text, most);
                if pace.has_own_lines {
                    text.push('\n');
                    self.shown = 0;
                }
                return Some(text);
            }
        }
        let (_, what, start) = self.reasons.last()?;
        let quiet = now - self.last.map_or(*start, |last| last.max(*start));
        if self.shown == 0 && quiet < PATIENCE {
            return None;
        }
        let seconds = (now - *start).as_secs();
        let text = format!("waiting for {} ({seconds} s)", printable(what));
        Some(self.replace(&text, most))
    }

    /// Returns what replaces the line by this text.
    fn replace(&mut self, text: &str, most: usize) -> String {
        let mut columns = 0;
        let fits = |char: &char| {
            let after = columns + char_width(*char);
            if after <= most {
                columns = after;
            }
            after <= most
        };
        let text: String = text.chars().take_while(fits).collect();
        let padding = self.shown.min(most).saturating_sub(columns);
        self.shown = columns + padding;
        format!("\r{text}{:padding$}", "")
    }

    fn erase(&mut self) {
        if self.shown > 0 {
            write(&format!("\r{:1$}\r", "", self.shown));
            self.shown = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_of(reasons: &[&str], start: Instant) -> State {
        let reasons = reasons.iter().zip(0..);
        State {
            next: 0,
            reasons: reasons
                .map(|(what, number)| (number, (*what).to_owned(), start))
                .collect(),
            questions: 0,
            last: None,
            shown: 0,
            progress: None,
        }
    }

    #[test]
    fn the_line_appears_after_two_quiet_seconds_and_says_the_innermost_reason() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut state = state_of(&["credentials", "sts\u{1b}"], start);
        assert_eq!(state.line(at(1900), 80), None);
        state.last = Some(at(1000));
        assert_eq!(state.line(at(2900), 80), None);
        let line = state.line(at(3000), 80).unwrap();
        assert_eq!(line, "\rwaiting for sts\\u{1b} (3 s)");
        state.reasons.pop();
        let line = state.line(at(4000), 80).unwrap();
        assert_eq!(line, "\rwaiting for credentials (4 s)");
        // What was longer is overwritten.
        state.reasons[0].1 = "x".to_owned();
        let line = state.line(at(5000), 80).unwrap();
        assert_eq!(line, "\rwaiting for x (5 s)          ");
        assert!(state_of(&[], start).line(at(9000), 80).is_none());
    }

    #[test]
    fn progress_keeps_its_pace_and_may_have_lines_of_its_own() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for (has_own_lines, first, second) in [
            (false, "\r12345", "\r678  "),
            (true, "\r12345\n", "\r678\n"),
        ] {
            let mut state = state_of(&["x"], start);
            let texts = Mutex::new(["678", "12345"].to_vec());
            state.progress = Some(Progress {
                pace: Pace {
                    every: Duration::from_secs(3),
                    has_own_lines,
                },
                line: Box::new(move |_| texts.lock().unwrap().pop().map(str::to_owned)),
                due: None,
            });
            assert_eq!(state.line(at(1), 80).as_deref(), Some(first));
            assert_eq!(state.line(at(3), 80), None);
            assert_eq!(state.line(at(4), 80).as_deref(), Some(second));
            assert_eq!(state.line(at(6), 80), None);
            // Nothing moves.
            let line = state.line(at(7), 80).unwrap();
            assert_eq!(line, "\rwaiting for x (7 s)");
        }
    }

    #[test]
    fn nothing_is_written_beside_a_question() {
        let start = Instant::now();
        let mut state = state_of(&["x"], start);
        state.questions = 1;
        assert_eq!(state.line(start + Duration::from_secs(9), 80), None);
    }

    #[test]
    fn the_line_does_not_wrap_on_any_terminal() {
        let start = Instant::now();
        let later = start + Duration::from_secs(5);
        let mut state = state_of(&["something with a long name"], start);
        for width in [80, 30, 12, 2, 1, 0, 40] {
            let line = state.line(later, width).unwrap();
            assert!(line.chars().count() <= width.max(1), "{width}: {line:?}");
        }
    }
}
