use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keyfob_chain::{Finding, Severity};

use crate::{context::Context, terminal::Console};

/// Prints findings on stderr, each once for a command. Clones share what was printed.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    console: Console,
    home: Option<PathBuf>,
    printed: Arc<Mutex<HashSet<String>>>,
}

impl Context {
    /// Prints a finding on stderr, with its cure, unless it is already there.
    pub(crate) fn print_finding(&self, finding: &Finding) {
        self.notes.print(finding);
    }

    /// Returns true if a finding was printed on stderr.
    pub(crate) fn has_printed(&self, finding: &Finding) -> bool {
        self.notes.has_printed(finding)
    }
}

impl Notes {
    pub(super) fn new(console: Console, home: Option<PathBuf>) -> Self {
        Self {
            console,
            home,
            printed: Arc::default(),
        }
    }

    /// Prints a finding as a note or a warning.
    pub(crate) fn print(&self, finding: &Finding) {
        let line = finding.line(self.home.as_deref());
        if !self.printed().insert(line.clone()) {
            return;
        }
        if finding.severity == Severity::Note {
            self.console.note(&line);
        } else {
            self.console.warn(&line);
        }
        if let Some(cure) = &finding.cure {
            self.console.write_note(&format!("  cure:  {cure}\n"));
        }
    }

    /// Takes a finding as printed: it is in a table that is printed instead.
    pub(super) fn set_printed(&self, finding: &Finding) {
        let line = finding.line(self.home.as_deref());
        self.printed().insert(line);
    }

    fn has_printed(&self, finding: &Finding) -> bool {
        self.printed().contains(&finding.line(self.home.as_deref()))
    }

    fn printed(&self) -> MutexGuard<'_, HashSet<String>> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
