//! SIGTSTP at a prompt: the shell gets the terminal as it was.

use std::io;

use rustix::{
    process::{Signal, getpid, getppid, getsid, kill_process},
    termios::{OptionalActions, Termios, tcgetattr, tcsetattr},
};
use tokio::signal::unix::SignalKind;

use crate::signals::unless_ignored;

/// Waits for `work`, which reads from the terminal, and stops the process when SIGTSTP asks for it.
///
/// While it is stopped, the terminal has the settings `before`, or those that it has now. When it
/// goes on, the terminal has those of the prompt again.
pub(super) async fn with_stops<T>(work: impl Future<Output = T>, before: Option<&Termios>) -> T {
    let kind = SignalKind::from_raw(Signal::TSTP.as_raw());
    let shown = before.cloned().map_or_else(|| tcgetattr(io::stdin()), Ok);
    let (Ok(Some(mut stops)), Ok(shown)) = (unless_ignored(kind), shown) else {
        return work.await;
    };
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = stops.recv() => stop(&shown),
        }
    }
}

fn stop(shown: &Termios) {
    // A process whose shell is gone could not be continued: the system does not stop it either.
    let session = |process| getsid(process).ok();
    if getppid().is_none_or(|parent| session(Some(parent)) != session(None)) {
        return;
    }
    let set = |settings| tcsetattr(io::stdin(), OptionalActions::Now, settings);
    let hidden = tcgetattr(io::stdin());
    let _ = set(shown);
    // SIGTSTP is caught, and would come back here.
    let _ = kill_process(getpid(), Signal::STOP);
    if let Ok(hidden) = hidden {
        let _ = set(&hidden);
    }
}
