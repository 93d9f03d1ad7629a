//! Files that can be replaced while the proxy runs.

use std::{io, thread, time::Duration};

use crate::{failure::Failure, terminal::Console};

/// A thread that reads a file again and again. Reading may never come to its end, as from a
/// network: no request waits for it.
pub(super) struct Watch {
    /// The name of the thread.
    pub(super) name: &'static str,
    /// How old what was read may be.
    pub(super) age: Duration,
    /// What is told of a file that cannot be used, once, after the reason.
    pub(super) meanwhile: &'static str,
    /// What is told when it can be used again.
    pub(super) again: &'static str,
    pub(super) console: Console,
}

impl Watch {
    /// Starts the thread, which ends when `take` returns false.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub(super) fn start<T>(
        self,
        read: impl Fn() -> Result<T, Failure> + Send + 'static,
        take: impl Fn(Option<T>) -> bool + Send + 'static,
    ) -> io::Result<()> {
        let thread = thread::Builder::new().name(self.name.to_owned());
        thread.spawn(move || {
            let (mut before, mut told) = (None, None);
            loop {
                thread::sleep(self.age);
                let (found, problem) = match read() {
                    Ok(found) => (Some(found), None),
                    Err(failure) => (None, Some(failure.message().to_owned())),
                };
                // What is wrong once may be half written.
                if problem == before && problem != told {
                    match &problem {
                        Some(problem) => {
                            self.console.warn(&format!("{problem}; {}", self.meanwhile));
                        }
                        None => self.console.note(self.again),
                    }
                    told.clone_from(&problem);
                }
                before = problem;
                if !take(found) {
                    break;
                }
            }
        })?;
        Ok(())
    }
}
