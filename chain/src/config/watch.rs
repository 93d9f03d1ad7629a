use std::{
    fmt, fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::pipes::Pipes;
use crate::{
    files::{self, Identity},
    order::Order,
    profiles::{ConfigFiles, FileKind, Part, is_absent},
    variables::Variables,
};
use keyfob_sigv4::Timestamp;

/// The configuration files that variables name. They are read when they are first needed, and again
/// after one of them has changed. All clones of settings share it.
pub(super) struct Watch {
    order: Order,
    variables: Arc<Variables>,
    pipes: Arc<Pipes>,
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
    /// What the files were like at the last look, if something in them was gone.
    losing: Option<[Stamp; 2]>,
}

/// What tells one state of a file from the next.
#[derive(Clone, PartialEq, Eq)]
enum Stamp {
    Absent,
    File(Identity),
    /// A pipe or a device. It is read once.
    Pipe,
    Unreadable,
}

impl Watch {
    pub(super) fn new(order: Order, variables: Arc<Variables>, pipes: Arc<Pipes>) -> Self {
        Self {
            order,
            variables,
            pipes,
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
        let losing = seen.losing.take();
        let is_unreadable = |seen: &Seen| seen.files.unreadable().next().is_some();
        if self.stamps() == seen.stamps {
            // That a file has become readable does not change its stamp.
            return is_unreadable(seen)
                .then(|| self.read())
                .filter(|read| !is_unreadable(read));
        }
        let read = self.read();
        // Programs move a file away, or empty it, for a moment before they write it. What is gone
        // counts if it is still gone at the next look: otherwise another source of the chain would
        // take its place for that moment.
        if loses(&seen.files, &read.files) && losing.as_ref() != Some(&read.stamps) {
            seen.losing = Some(read.stamps);
            return None;
        }
        Some(read)
    }

    /// Reads the files, but for pipes whose contents are known.
    fn read(&self) -> Seen {
        // First: what changes while the files are read is a change.
        let stamps = self.stamps();
        let read = |kind, file: &Path| {
            let index = usize::from(kind == FileKind::Credentials);
            if stamps[index] == Stamp::Pipe {
                return Ok(self.pipes.read(file)?.to_vec());
            }
            self.pipes.forget(file);
            files::read(file)
        };
        Seen {
            files: Arc::new(ConfigFiles::load_with(self.order, &self.variables, read)),
            stamps,
            revision: 0,
            looked_at: None,
            losing: None,
        }
    }

    fn stamps(&self) -> [Stamp; 2] {
        let file = |kind| self.variables.file_for(self.order, kind);
        [FileKind::Config, FileKind::Credentials]
            .map(|kind| file(kind).map_or(Stamp::Absent, |file| Stamp::new(&file)))
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
            Ok(metadata) if metadata.is_dir() => Self::Unreadable,
            Ok(_) => Self::Pipe,
            Err(error) if is_absent(&error) => Self::Absent,
            Err(_) => Self::Unreadable,
        }
    }
}

/// Returns true if a property of a file is in no place of it any more.
fn loses(old: &ConfigFiles, new: &ConfigFiles) -> bool {
    old.sections().any(|section| {
        let kept = new.get(section.name());
        [FileKind::Config, FileKind::Credentials]
            .iter()
            .any(|&kind| {
                let kept = kept.and_then(|kept| kept.part(kind));
                let mut names = section
                    .part(kind)
                    .into_iter()
                    .flat_map(Part::iter)
                    .map(|(name, _)| name);
                names.any(|name| kept.and_then(|kept| kept.get(name)).is_none())
            })
    })
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
