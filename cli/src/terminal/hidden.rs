//! A terminal that does not show what is typed.

use std::{io, thread, time::Duration};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::signals::{Undo, undo_on_signal};

/// How long the reader of secrets may take from its start until it has hidden what is typed.
const READER_STARTS: Duration = Duration::from_millis(100);

/// Hides what is typed at the terminal until it is dropped, or a signal ends the process.
pub(super) struct Hidden {
    shown: Termios,
    _undo: Undo,
}

impl Hidden {
    /// Hides what is typed from now on, if standard input is a terminal.
    pub(super) fn new() -> Option<Self> {
        let shown = tcgetattr(io::stdin()).ok()?;
        let mut hidden = shown.clone();
        // As the reader of secrets sets it, so that nothing is lost that is typed before it starts.
        hidden.local_modes -=
            LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        let settings = shown.clone();
        let _undo = undo_on_signal(move || {
            set(&settings);
            // A reader that has just started hides it once more, on another thread.
            thread::sleep(READER_STARTS);
            set(&settings);
        });
        set(&hidden);
        Some(Self { shown, _undo })
    }

    /// Returns the settings of the terminal before.
    pub(super) const fn shown(&self) -> &Termios {
        &self.shown
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        set(&self.shown);
    }
}

fn set(settings: &Termios) {
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
}
