//! What a rotation writes down before and after each step that cannot be taken back.

mod document;

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use keyfob_chain::{
    files::{Lock, read_secret_file},
    shell,
};

pub(super) use self::document::{Journal, NewKey};
use crate::{context::Context, failure::Failure, signals::finish_writing};

/// The folder beside the credentials file.
const FOLDER: &str = "keyfob";

impl Journal {
    /// Returns the file of the journal of a user's rotation. The name of a user has no slash, and
    /// that of no other user differs in case only.
    ///
    /// # Errors
    ///
    /// If there is no home folder.
    pub(in crate::commands::keys) fn path(
        context: &Context,
        account: &str,
        user: &str,
    ) -> Result<PathBuf, Failure> {
        let folder = folder(context).ok_or_else(|| {
            Failure::configuration("there is no folder for the credentials file")
                .with_hint("set HOME, or AWS_SHARED_CREDENTIALS_FILE")
        })?;
        let user = user.to_ascii_lowercase();
        Ok(folder.join(format!("rotation-{account}-{user}.json")))
    }

    /// Finds the journal of a rotation whose new key is this one. Files that are no journals are
    /// passed over.
    pub(in crate::commands::keys) fn with_new_key(context: &Context, id: &str) -> Option<Self> {
        let files = fs::read_dir(folder(context)?).ok()?;
        let mut journals = files.filter_map(|file| {
            let file = file.ok()?;
            let is_journal = file.file_name().to_string_lossy().starts_with("rotation-");
            let text = is_journal.then(|| read_secret_file(file.path()).ok())??;
            Self::parse(text.expose())
        });
        journals.find(|journal| journal.new.as_ref().is_some_and(|new| new.id == id))
    }

    /// Reads a journal, if there is one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not a journal.
    pub(in crate::commands::keys) fn read(
        context: &Context,
        path: &Path,
    ) -> Result<Option<Self>, Failure> {
        let shown = || context.shown(&path.to_string_lossy());
        let read = match read_secret_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // Not a regular file.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Err(error.to_string()),
            Err(error) => {
                return Err(Failure::other(format!("cannot read {}: {error}", shown())));
            }
            Ok(text) => Self::parse(text.expose()).ok_or_else(|| "it has another form".to_owned()),
        };
        read.map(Some).map_err(|reason| {
            let text = format!("{} is not the journal of a rotation: {reason}", shown());
            Failure::other(text).with_hint(format!(
                "look at the keys with keyfob iam list-access-keys, then: rm {}",
                shell::path(path)
            ))
        })
    }

    /// Writes the journal, with mode 0600.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(in crate::commands::keys) fn write(&self, lock: &Lock) -> Result<(), Failure> {
        let _guard = finish_writing();
        Ok(lock.replace(self.text().expose().as_bytes())?)
    }
}

/// Returns the folder of all journals, if there is a home folder.
fn folder(context: &Context) -> Option<PathBuf> {
    let credentials = context.variables().credentials_file()?;
    Some(credentials.parent()?.join(FOLDER))
}
