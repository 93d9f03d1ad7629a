use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use tempfile::NamedTempFile;

use super::{
    access, cannot,
    folder::{RANDOM, folder_of, sync, temporary_prefix},
    lock::Lock,
    read::{MAX_LENGTH, too_large},
    snapshot::{Identity, Snapshot},
};
use crate::error::Error;

/// How long a new version is watched. A program that read the old version before the rename writes
/// within this time.
const WATCH: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(2);
/// How long another program may have the file open, where that keeps it from being replaced.
const OPEN: Duration = Duration::from_secs(1);
/// How often an update starts over because another program wrote.
const ATTEMPTS: usize = 50;

/// What an update did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The file, with symbolic links followed.
    pub path: PathBuf,
    /// Whether the file is new.
    pub created: bool,
    /// Whether the contents changed.
    pub changed: bool,
    /// Whether users other than the owner may read or write it. Always false on systems without
    /// such modes.
    pub open_to_others: bool,
    /// What could not be kept or made sure of, such as the group of the file, as sentences.
    pub warnings: Vec<String>,
}

impl Lock {
    /// Changes the locked file. `edit` gets its bytes, none if there is no file, and returns the
    /// new ones.
    ///
    /// The new version is a temporary file in the same folder that is synced and renamed: a reader
    /// sees either the old version or the new one, even if this process is killed. Mode, owner,
    /// access control list and extended attributes stay; a new file has mode 0600. Nothing is
    /// written if the bytes are the same.
    ///
    /// Other programs may write the file in place and without the lock, as `aws configure set`
    /// does. So a file that changed a moment ago, or looks truncated, is read again once it is
    /// quiet; if it changes before the rename, or a moment after it, the update starts over, with
    /// what the other program wrote. That is why `edit` may be called more than once, and an
    /// update takes some 100 ms.
    ///
    /// # Errors
    ///
    /// - The errors of `edit`.
    /// - [`ErrorKind::Write`](crate::ErrorKind::Write) if a step fails; the message names the step
    ///   and the file. Also if the file is read-only, has a second name (a hard link) that would
    ///   keep the old version, belongs to another user whom this process cannot keep as the owner,
    ///   is longer than [`MAX_LENGTH`](super::MAX_LENGTH), or is being written all the time.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::files::Lock;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("notes");
    /// let lock = Lock::acquire(&path, Lock::PATIENCE)?;
    /// let saved = lock.update(|old| Ok([old, b"one more line\n"].concat()))?;
    /// assert!(saved.created && saved.changed && saved.warnings.is_empty());
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn update(
        &self,
        mut edit: impl FnMut(&[u8]) -> Result<Vec<u8>, Error>,
    ) -> Result<Saved, Error> {
        let path = self.target();
        let mut saved = Saved {
            path: path.to_owned(),
            created: false,
            changed: false,
            open_to_others: false,
            warnings: Vec::new(),
        };
        // The text of another program that went into a version we had already replaced.
        let mut rescued: Option<Vec<u8>> = None;
        for _ in 0..ATTEMPTS {
            let current = Snapshot::settled(path)?;
            let bytes = current.as_ref().map_or(&b""[..], |old| &old.bytes);
            let new = edit(rescued.as_deref().unwrap_or(bytes))?;
            if new != bytes {
                if new.len() as u64 > MAX_LENGTH {
                    return Err(cannot(
                        "write the new version of",
                        path,
                        too_large(MAX_LENGTH),
                    ));
                }
                let put = put(path, &new, current.as_ref(), &mut saved.warnings)?;
                let Some(written) = put else { continue };
                saved.created |= current.is_none();
                saved.changed = true;
                match watch(path, &written, current.as_ref()) {
                    Ok(Seen::Nothing) => {}
                    Ok(Seen::Overwritten) => {
                        rescued = None;
                        continue;
                    }
                    Ok(Seen::Elsewhere(text)) => {
                        rescued = Some(text);
                        continue;
                    }
                    // The new version is in place all the same.
                    Err(error) => saved.warnings.push(format!(
                        "{} is written, but not watched for changes by other programs: {}",
                        path.display(),
                        error.chain()
                    )),
                }
            }
            let metadata = fs::metadata(path);
            saved.open_to_others = metadata.is_ok_and(|now| access::is_open_to_others(&now));
            return Ok(saved);
        }
        let message = "another program keeps writing to it";
        let timeout = io::Error::new(io::ErrorKind::TimedOut, message);
        Err(cannot("write", path, timeout))
    }

    /// Checks that [`update`](Self::update) could write, before anything is done that needs it:
    /// makes a new version beside the file, with its bytes, owner and mode, and removes it.
    ///
    /// # Errors
    ///
    /// As `update`, but for those of its `edit`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::files::Lock;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("credentials");
    /// let lock = Lock::acquire(&path, Lock::PATIENCE)?;
    /// lock.check_update()?;
    /// assert!(!path.exists());
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn check_update(&self) -> Result<(), Error> {
        let path = self.target();
        let Some(old) = Snapshot::settled(path)? else {
            return create(path, b"").map(drop);
        };
        access::refuse(path, &old.metadata)?;
        let temporary = create(path, &old.bytes)?;
        access::keep(path, &old, temporary.as_file()).map(drop)
    }

    /// Writes a private file: a new version with mode 0600, whatever was there before. A reader
    /// sees either the old version or the new one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if a step fails; the message names the step
    /// and the file.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), Error> {
        let path = self.target();
        let temporary = create(path, bytes)?;
        persist(path, temporary)?;
        sync(folder_of(path));
        Ok(())
    }

    /// Removes the locked file. Returns true if there was one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if it cannot be removed.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::files::Lock;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("journal");
    /// let lock = Lock::acquire(&path, Lock::PATIENCE)?;
    /// lock.replace(b"{}")?;
    /// assert!(lock.remove()? && !lock.remove()?);
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn remove(&self) -> Result<bool, Error> {
        let path = self.target();
        match fs::remove_file(path) {
            Ok(()) => {
                sync(folder_of(path));
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(cannot("remove", path, error)),
        }
    }
}

/// Writes a new version over the `old` one. Returns its identity, or `None` if the file is no
/// longer the old one, and so nothing was done.
fn put(
    path: &Path,
    bytes: &[u8],
    old: Option<&Snapshot>,
    warnings: &mut Vec<String>,
) -> Result<Option<Identity>, Error> {
    if let Some(old) = old {
        access::refuse(path, &old.metadata)?;
    }
    let temporary = create(path, bytes)?;
    let mut lost = Vec::new();
    if let Some(old) = old {
        lost = access::keep(path, old, temporary.as_file())?;
    }
    let mut temporary = synced(path, temporary)?;
    let written = temporary.as_file().metadata();
    let written = written.map_err(|error| cannot("look at the new version of", path, error))?;
    let written = Identity::new(&written);
    let start = Instant::now();
    loop {
        // Right before the rename: what changed until now is noticed.
        if Identity::at(path)? != old.map(Snapshot::identity) {
            return Ok(None);
        }
        let renamed = match old {
            Some(_) => temporary.persist(path),
            // A file that another program has created meanwhile stays.
            None => temporary.persist_noclobber(path),
        };
        let Err(error) = renamed else { break };
        match error.error.kind() {
            io::ErrorKind::AlreadyExists if old.is_none() => return Ok(None),
            _ if is_open(&error.error) && start.elapsed() < OPEN => {
                temporary = error.file;
                thread::sleep(PAUSE);
            }
            _ => return Err(cannot("rename the new version to", path, error.error)),
        }
    }
    lost.extend(sync(folder_of(path)));
    for warning in lost {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    Ok(Some(written))
}

/// What other programs did right after the rename.
enum Seen {
    Nothing,
    /// They changed the new version, or replaced it.
    Overwritten,
    /// They wrote this to the old version, which is no longer at the path.
    Elsewhere(Vec<u8>),
}

/// Waits for programs that opened or read the old version before the rename.
fn watch(path: &Path, written: &Identity, old: Option<&Snapshot>) -> Result<Seen, Error> {
    let start = Instant::now();
    while start.elapsed() < WATCH {
        if let Some(old) = old
            && let Some(text) = old.written_since(path)?
        {
            return Ok(Seen::Elsewhere(text.bytes));
        }
        if Identity::at(path)?.as_ref() != Some(written) {
            return Ok(Seen::Overwritten);
        }
        thread::sleep(PAUSE);
    }
    Ok(Seen::Nothing)
}

fn create(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, Error> {
    // `tempfile` creates it with mode 0600, and removes it if it is dropped.
    let mut temporary = tempfile::Builder::new()
        .prefix(&temporary_prefix(path))
        .rand_bytes(RANDOM)
        .tempfile_in(folder_of(path))
        .map_err(|error| cannot("create a temporary file beside", path, error))?;
    temporary
        .write_all(bytes)
        .map_err(|error| cannot("write the new version of", path, error))?;
    Ok(temporary)
}

fn synced(path: &Path, temporary: NamedTempFile) -> Result<NamedTempFile, Error> {
    match temporary.as_file().sync_all() {
        Ok(()) => Ok(temporary),
        Err(error) => Err(cannot("sync the new version of", path, error)),
    }
}

/// Syncs a new version and renames it.
pub(super) fn persist(path: &Path, temporary: NamedTempFile) -> Result<(), Error> {
    let mut temporary = synced(path, temporary)?;
    let start = Instant::now();
    loop {
        let Err(error) = temporary.persist(path) else {
            return Ok(());
        };
        if !is_open(&error.error) || start.elapsed() >= OPEN {
            return Err(cannot("rename the new version to", path, error.error));
        }
        temporary = error.file;
        thread::sleep(PAUSE);
    }
}

/// Returns true if a file may not have been replaced because another program has it open, which
/// only Windows minds.
fn is_open(error: &io::Error) -> bool {
    cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied
}
