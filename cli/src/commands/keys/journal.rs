//! What a rotation writes down before and after each step that cannot be taken back.

use std::path::{Path, PathBuf};

use keyfob_chain::{
    files::{Lock, read_secret},
    shell,
};
use keyfob_sigv4::{Secret, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{context::Context, failure::Failure, signals::finish_writing};

/// The folder beside the credentials file.
const FOLDER: &str = "keyfob";

/// A rotation that is not finished.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    /// The access key ID that is replaced.
    pub(super) old: String,
    /// When the rotation began, by the clock of this machine.
    pub(super) begun: Timestamp,
    pub(super) grace_seconds: u32,
    /// Whether the old key is not deleted.
    pub(super) keep_inactive: bool,
    pub(super) new: Option<NewKey>,
    pub(super) deactivated: Option<Timestamp>,
}

/// The key that takes the place of the old one.
#[derive(Clone, Debug)]
pub(super) struct NewKey {
    pub(super) id: String,
    /// `None` once a profile has it.
    pub(super) secret: Option<Secret>,
}

/// The text of a journal. Times are those of RFC 3339.
#[derive(Deserialize, Serialize)]
struct Document {
    old_access_key_id: String,
    begun: String,
    grace_seconds: u32,
    keep_inactive: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    new_access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    new_secret_access_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    deactivated: Option<String>,
}

impl Journal {
    /// Returns the file of the journal of a user's rotation. The name of a user has no slash.
    ///
    /// # Errors
    ///
    /// If there is no home folder.
    pub(super) fn path(context: &Context, account: &str, user: &str) -> Result<PathBuf, Failure> {
        let credentials = context.variables().credentials_file();
        let folder = credentials.as_deref().and_then(Path::parent);
        let folder = folder.ok_or_else(|| {
            Failure::configuration("there is no folder for the credentials file")
                .with_hint("set HOME, or AWS_SHARED_CREDENTIALS_FILE")
        })?;
        let name = format!("rotation-{account}-{user}.json");
        Ok(folder.join(FOLDER).join(name))
    }

    /// Reads a journal, if there is one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not a journal.
    pub(super) fn read(context: &Context, path: &Path) -> Result<Option<Self>, Failure> {
        let shown = || context.shown(&path.to_string_lossy());
        let text = match read_secret(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => {
                text.map_err(|error| Failure::other(format!("cannot read {}: {error}", shown())))?
            }
        };
        let journal = Self::parse(text.expose());
        journal.map(Some).ok_or_else(|| {
            Failure::other(format!("{} is not the journal of a rotation", shown())).with_hint(
                format!(
                    "look at the keys with keyfob iam list-access-keys, then: rm {}",
                    shell::path(path)
                ),
            )
        })
    }

    /// Returns how far the rotation is, in a sentence.
    pub(super) fn state(&self) -> String {
        let old = &self.old;
        match (&self.new, self.until()) {
            (None, _) => format!(
                "that of {old} was interrupted before it was known whether a new key was created"
            ),
            (
                Some(NewKey {
                    id,
                    secret: Some(_),
                }),
                _,
            ) => {
                format!("{id} is created, and not yet in the place of {old}")
            }
            (Some(NewKey { id, secret: None }), None) => {
                format!("{id} is in the place of {old}, which is not yet deactivated")
            }
            (Some(_), Some(until)) => {
                format!("{old} is inactive and can be deleted from {until} on")
            }
        }
    }

    /// Returns true if nothing is to be done but to wait.
    pub(super) fn is_waiting_at(&self, now: Timestamp) -> bool {
        self.until().is_some_and(|until| now < until)
    }

    /// Returns the end of the time of grace.
    pub(super) fn until(&self) -> Option<Timestamp> {
        let at = self.deactivated?;
        Some(at.plus_seconds(self.grace_seconds.into()))
    }

    fn parse(text: &str) -> Option<Self> {
        let document: Document = serde_json::from_str(text).ok()?;
        let secret = document.new_secret_access_key.map(Secret::new);
        let deactivated = document.deactivated.map(|time| time.parse()).transpose();
        Some(Self {
            old: document.old_access_key_id,
            begun: document.begun.parse().ok()?,
            grace_seconds: document.grace_seconds,
            keep_inactive: document.keep_inactive,
            new: document.new_access_key_id.map(|id| NewKey { id, secret }),
            deactivated: deactivated.ok()?,
        })
    }

    fn text(&self) -> Secret {
        let new = self.new.as_ref();
        let secret = new.and_then(|new| new.secret.as_ref());
        let document = Document {
            old_access_key_id: self.old.clone(),
            begun: self.begun.to_string(),
            grace_seconds: self.grace_seconds,
            keep_inactive: self.keep_inactive,
            new_access_key_id: new.map(|new| new.id.clone()),
            new_secret_access_key: secret.map(|secret| secret.expose().to_owned()),
            deactivated: self.deactivated.map(|time| time.to_string()),
        };
        // A structure of texts and numbers always has a form in JSON.
        Secret::new(serde_json::to_string(&document).unwrap_or_default())
    }

    /// Writes the journal, with mode 0600.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(super) fn write(&self, lock: &Lock) -> Result<(), Failure> {
        let _guard = finish_writing();
        Ok(lock.replace(self.text().expose().as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_read_as_it_was_written() {
        let begun: Timestamp = "2026-11-22T03:00:00.25Z".parse().unwrap();
        let intent = Journal {
            old: "AKIAOLD".to_owned(),
            begun,
            grace_seconds: 86_400,
            keep_inactive: false,
            new: None,
            deactivated: None,
        };
        let created = Journal {
            new: Some(NewKey {
                id: "AKIANEW".to_owned(),
                secret: Some("a\"b\\/+é".into()),
            }),
            ..intent.clone()
        };
        let deactivated = Journal {
            keep_inactive: true,
            new: Some(NewKey {
                id: "AKIANEW".to_owned(),
                secret: None,
            }),
            deactivated: Some(begun),
            ..intent.clone()
        };
        for journal in [intent, created, deactivated] {
            let read = Journal::parse(journal.text().expose()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{journal:?}"));
            let secret = |journal: &Journal| {
                let new = journal.new.as_ref();
                new.and_then(|new| Some(new.secret.as_ref()?.expose().to_owned()))
            };
            assert_eq!(secret(&read), secret(&journal));
        }
    }

    #[test]
    fn a_text_that_is_not_a_journal_is_refused() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"old_access_key_id": "A", "begun": "x", "grace_seconds": 1, "keep_inactive": false}"#,
            r#"{"old_access_key_id": "A", "begun": "2026-11-22T03:00:00Z", "grace_seconds": -1,
                "keep_inactive": false}"#,
        ] {
            assert!(Journal::parse(text).is_none(), "{text}");
        }
    }
}
