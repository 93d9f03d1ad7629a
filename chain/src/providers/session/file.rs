use std::{
    error::Error as StdError,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use keyfob_sigv4::Credentials;

use crate::{
    error::Error,
    files::{Lock, cannot, sessions::Session},
};

/// How long a person waits without being told for what.
const SILENCE: Duration = Duration::from_secs(1);

/// The file with a session in the cache of the AWS CLI.
pub(in crate::providers) struct SessionFile {
    /// The file that is written and, after that, others that are read too.
    paths: Vec<PathBuf>,
    /// A session that a service has refused, which does not count.
    refused: Option<Credentials>,
}

impl SessionFile {
    /// Finds the file by its name without `.json`, and those that are read too.
    pub(in crate::providers) fn new(
        folder: &Path,
        names: impl IntoIterator<Item = String>,
        refused: Option<Credentials>,
    ) -> Self {
        let folder = folder.join("cli").join("cache");
        let path = |name| folder.join(format!("{name}.json"));
        Self {
            paths: names.into_iter().map(path).collect(),
            refused,
        }
    }

    /// Returns the file that is written, and those that are read too.
    pub(in crate::providers) fn into_paths(self) -> Vec<PathBuf> {
        self.paths
    }

    /// Returns the session that expires last. A file that has none is as good as no file.
    pub(super) fn read(&self) -> Option<Credentials> {
        let sessions = self.paths.iter().filter_map(|path| Session::read(path));
        let accepted = sessions
            .map(|session| session.credentials)
            .filter(|session| {
                let mut refused = self.refused.iter();
                refused.all(|refused| refused.access_key_id() != session.access_key_id())
            });
        accepted.max_by_key(Credentials::expiry)
    }

    /// Waits for so long until no other process gets a session for this file.
    pub(super) async fn lock(&self, patience: Duration) -> Result<Lock, Error> {
        self.refuse_link()?;
        Lock::acquire_async(&self.paths[0], patience).await
    }

    /// The same if a person may be asked for a new session, here or by another process. `tell` is
    /// called before it takes long.
    pub(super) async fn lock_to_ask(
        &self,
        patience: Duration,
        tell: impl FnOnce(),
    ) -> Result<Lock, Error> {
        match self.lock(SILENCE).await {
            Err(error) if is_held(&error) => tell(),
            locked => return locked,
        }
        self.lock(patience).await
    }

    /// Leaves a symbolic link alone: what it leads to is not a session, and would be replaced.
    fn refuse_link(&self) -> Result<(), Error> {
        let path = &self.paths[0];
        if path.is_symlink() {
            return Err(cannot(
                "write",
                path,
                io::Error::other("it is a symbolic link"),
            ));
        }
        Ok(())
    }
}

/// Returns true for the error of a lock that another process holds.
pub(super) fn is_held(error: &Error) -> bool {
    let source = error.source().and_then(<dyn StdError>::downcast_ref);
    source.is_some_and(|source: &io::Error| source.kind() == io::ErrorKind::TimedOut)
}
