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

/// How long a person may take to answer another process that asks for a code.
const PROMPT_PATIENCE: Duration = Duration::from_secs(5 * 60);
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

    /// Waits until no other process gets a session for this file.
    pub(super) async fn lock(&self) -> Result<Lock, Error> {
        self.refuse_link()?;
        Lock::acquire_async(&self.paths[0], Lock::PATIENCE).await
    }

    /// The same if a person is asked for a new session, here or by another process, which may take
    /// longer. `tell` is called before that.
    pub(super) async fn lock_to_ask(&self, tell: impl FnOnce()) -> Result<Lock, Error> {
        self.refuse_link()?;
        match Lock::acquire_async(&self.paths[0], SILENCE).await {
            Err(error) if is_held(&error) => tell(),
            locked => return locked,
        }
        Lock::acquire_async(&self.paths[0], PROMPT_PATIENCE).await
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

fn is_held(error: &Error) -> bool {
    let source = error.source().and_then(<dyn StdError>::downcast_ref);
    source.is_some_and(|source: &io::Error| source.kind() == io::ErrorKind::TimedOut)
}
