use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use zeroize::Zeroizing;

use crate::files::{self, read_in_time};

/// The contents of pipes and devices, which give them once. Settings that are made from each other
/// share it.
pub(super) struct Pipes {
    /// How long one may take. Without it, as long as it takes.
    patience: Option<Duration>,
    /// `None` stands for one that gave nothing in time.
    known: Mutex<Vec<(PathBuf, Option<Content>)>>,
}

type Content = Zeroizing<Vec<u8>>;

impl Pipes {
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self {
            patience,
            known: Mutex::default(),
        }
    }

    #[cfg(feature = "sts")]
    pub(super) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// Returns what the pipe has given, and reads it for the first time if nothing has yet.
    pub(super) fn read(&self, file: &Path) -> io::Result<Content> {
        let mut known = self.lock();
        if let Some((_, content)) = known.iter().find(|(known, _)| known == file) {
            return content.clone().ok_or_else(|| self.silent());
        }
        let read = match self.patience {
            Some(patience) => {
                let path = file.to_owned();
                read_in_time(patience, move || files::read(path).map(Zeroizing::new))
            }
            None => files::read(file).map(Zeroizing::new),
        };
        let content = match read {
            Ok(content) => Some(content),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => None,
            Err(error) => return Err(error),
        };
        known.push((file.to_owned(), content.clone()));
        content.ok_or_else(|| self.silent())
    }

    /// Forgets what a pipe has given, because there is another file in its place.
    pub(super) fn forget(&self, file: &Path) {
        self.lock().retain(|(known, _)| known != file);
    }

    fn silent(&self) -> io::Error {
        let seconds = self.patience.unwrap_or_default().as_secs();
        let message = format!("it is a pipe that gives nothing: it has no end after {seconds} s");
        io::Error::new(io::ErrorKind::TimedOut, message)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(PathBuf, Option<Content>)>> {
        // Whatever panicked, the contents are complete.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pipes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipes").finish_non_exhaustive()
    }
}
