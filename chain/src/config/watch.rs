use std::{
    fmt, fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keyfob_sigv4::Timestamp;

use crate::{
    files::Identity,
    order::Order,
    profiles::{ConfigFiles, is_absent},
    variables::Variables,
};

/// The configuration files that variables name. They are read when they are first needed, and again
/// after one of them has changed. All clones of settings share it.
pub(super) struct Watch {
    order: Order,
    variables: Arc<Variables>,
    /// `None` until the files are first needed.
    seen: Mutex<Option<Seen>>,
}

/// The files as they were read last.
struct Seen {
    files: Arc<ConfigFiles>,
    /// What the files were like just before.
    stamps: [Stamp; 2],
    /// How often they have been read again.
    revision: u64,
    /// When they were looked at last. Reading them for the first time has no time.
    looked_at: Option<Timestamp>,
    /// Whether one of them was missing at the last look.
    is_missing: bool,
}

/// What tells one state of a file from the next.
#[derive(Clone, PartialEq, Eq)]
enum Stamp {
    Absent,
    File(Identity),
    /// A pipe or a device, which can be read only once.
    Special,
    Unreadable,
}

impl Watch {
    pub(super) fn new(order: Order, variables: Arc<Variables>) -> Self {
        Self {
            order,
            variables,
            seen: Mutex::default(),
        }
    }

    /// Returns the files as they were read last. Reads them if nothing has yet.
    pub(super) fn files(&self) -> Arc<ConfigFiles> {
        let mut seen = self.lock();
        Arc::clone(&seen.get_or_insert_with(|| self.read()).files)
    }

    /// Returns the files as they were read last, or `None` if nothing has needed them yet.
    pub(super) fn latest(&self) -> Option<Arc<ConfigFiles>> {
        self.lock().as_ref().map(|seen| Arc::clone(&seen.files))
    }

    /// Reads the files again if they have changed, and looks for that once a second at most.
    /// Returns how often they have been read again, and whether that was now. Files that nothing
    /// has needed yet stay closed.
    pub(super) fn look(&self, now: Timestamp) -> (u64, bool) {
        let mut seen = self.lock();
        let Some(seen) = seen.as_mut() else {
            return (0, false);
        };
        // A clock that was set back says nothing about the files.
        let is_recent = |at: Timestamp| now.unix_seconds() == at.unix_seconds();
        if seen.looked_at.is_some_and(is_recent) {
            return (seen.revision, false);
        }
        seen.looked_at = Some(now);
        match self.changed(seen) {
            Some(changed) => {
                *seen = Seen {
                    revision: seen.revision + 1,
                    looked_at: seen.looked_at,
                    ..changed
                };
                (seen.revision, true)
            }
            None => (seen.revision, false),
        }
    }

    /// Returns the files if they are not as they were seen.
    fn changed(&self, seen: &mut Seen) -> Option<Seen> {
        if seen.stamps.contains(&Stamp::Special) {
            return None;
        }
        let stamps = self.stamps();
        // Editors move the file away for a moment before they write the new one. Only a file that
        // is missing twice is gone: otherwise another source of the chain would take its place.
        let was_missing = seen.is_missing;
        let mut pairs = seen.stamps.iter().zip(&stamps);
        seen.is_missing =
            pairs.any(|(old, new)| matches!((old, new), (Stamp::File(_), Stamp::Absent)));
        if seen.is_missing && !was_missing {
            return None;
        }
        if stamps != seen.stamps {
            return Some(self.read());
        }
        // That a file has become readable does not change its stamp.
        let is_unreadable = |seen: &Seen| seen.files.unreadable().next().is_some();
        is_unreadable(seen)
            .then(|| self.read())
            .filter(|read| !is_unreadable(read))
    }

    fn read(&self) -> Seen {
        Seen {
            // First: what changes while the files are read is a change.
            stamps: self.stamps(),
            files: Arc::new(ConfigFiles::load_for(self.order, &self.variables)),
            revision: 0,
            looked_at: None,
            is_missing: false,
        }
    }

    fn stamps(&self) -> [Stamp; 2] {
        let variables = &self.variables;
        [variables.config_file(), variables.credentials_file()]
            .map(|file| file.map_or(Stamp::Absent, |file| Stamp::new(&file)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Seen>> {
        // Whatever panicked, the value is complete.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stamp {
    fn new(file: &Path) -> Self {
        match fs::metadata(file) {
            Ok(metadata) if metadata.is_file() => Self::File(Identity::new(&metadata)),
            Ok(_) => Self::Special,
            Err(error) if is_absent(&error) => Self::Absent,
            Err(_) => Self::Unreadable,
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
