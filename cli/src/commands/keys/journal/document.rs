//! The document of a rotation. It stands alone, so that a fuzz target can include it.

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde::{Deserialize, Serialize};

/// A rotation that is not finished.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    /// The user, as IAM writes the name.
    pub(crate) user: String,
    /// The access key ID that is replaced.
    pub(crate) old: String,
    /// With it the old key can take its place again for as long as it is not deleted.
    pub(crate) old_secret: Option<Secret>,
    /// When the rotation began, by the clock of IAM.
    pub(crate) begun: Timestamp,
    pub(crate) grace_seconds: u32,
    /// Whether the old key is not deleted.
    pub(crate) keep_inactive: bool,
    pub(crate) new: Option<NewKey>,
    pub(crate) deactivated: Option<Timestamp>,
    /// Whether the new key does not work although it was stored, so that the old one takes its
    /// place again.
    pub(crate) is_reverted: bool,
}

/// The key that takes the place of the old one.
#[derive(Clone, Debug)]
pub(crate) struct NewKey {
    pub(crate) id: String,
    /// `None` once a profile has it.
    pub(crate) secret: Option<Secret>,
}

/// The text of a journal. Times are those of RFC 3339.
#[derive(Deserialize, Serialize)]
struct Document {
    #[serde(default)]
    user: String,
    old_access_key_id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    old_secret_access_key: Option<String>,
    begun: String,
    grace_seconds: u32,
    keep_inactive: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    new_access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    new_secret_access_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    deactivated: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    reverted: bool,
}

impl Journal {
    /// Returns the old key, if its secret is known.
    pub(crate) fn old_key(&self) -> Option<Credentials> {
        Credentials::new(&*self.old, self.old_secret.clone()?).ok()
    }

    /// Returns how far the rotation is, in a sentence.
    pub(crate) fn state(&self) -> String {
        let old = &self.old;
        if self.is_reverted {
            return format!("the new key does not work, and {old} takes its place again");
        }
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
    pub(crate) fn is_waiting_at(&self, now: Timestamp) -> bool {
        !self.is_reverted && self.until().is_some_and(|until| now < until)
    }

    /// Returns the end of the time of grace.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        let at = self.deactivated?;
        Some(at.plus_seconds(self.grace_seconds.into()))
    }

    /// Reads the text of a journal. `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let document: Document = serde_json::from_str(text).ok()?;
        let secret = document.new_secret_access_key.map(Secret::new);
        let deactivated = document.deactivated.map(|time| time.parse()).transpose();
        Some(Self {
            user: document.user,
            old: document.old_access_key_id,
            old_secret: document.old_secret_access_key.map(Secret::new),
            begun: document.begun.parse().ok()?,
            grace_seconds: document.grace_seconds,
            keep_inactive: document.keep_inactive,
            new: document.new_access_key_id.map(|id| NewKey { id, secret }),
            deactivated: deactivated.ok()?,
            is_reverted: document.reverted,
        })
    }

    /// Returns the text of the journal.
    pub(crate) fn text(&self) -> Secret {
        let new = self.new.as_ref();
        let secret = new.and_then(|new| new.secret.as_ref());
        let text = |secret: &Secret| secret.expose().to_owned();
        let document = Document {
            user: self.user.clone(),
            old_access_key_id: self.old.clone(),
            old_secret_access_key: self.old_secret.as_ref().map(text),
            begun: self.begun.to_string(),
            grace_seconds: self.grace_seconds,
            keep_inactive: self.keep_inactive,
            new_access_key_id: new.map(|new| new.id.clone()),
            new_secret_access_key: secret.map(text),
            deactivated: self.deactivated.map(|time| time.to_string()),
            reverted: self.is_reverted,
        };
        // A structure of texts and numbers always has a form in JSON.
        Secret::new(serde_json::to_string(&document).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_read_as_it_was_written() {
        let begun: Timestamp = "2026-11-22T03:00:00.25Z".parse().unwrap();
        let intent = Journal {
            user: "Ada".to_owned(),
            old: "AKIAOLD".to_owned(),
            old_secret: Some("a secret".into()),
            begun,
            grace_seconds: 86_400,
            keep_inactive: false,
            new: None,
            deactivated: None,
            is_reverted: false,
        };
        let created = Journal {
            new: Some(NewKey {
                id: "AKIANEW".to_owned(),
                secret: Some("a\"b\\/+é".into()),
            }),
            ..intent.clone()
        };
        let deactivated = Journal {
            old_secret: None,
            is_reverted: true,
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
            let secrets = |journal: &Journal| {
                let new = journal.new.as_ref().and_then(|new| new.secret.as_ref());
                [new, journal.old_secret.as_ref()].map(|one| one.map(|one| one.expose().to_owned()))
            };
            assert_eq!(secrets(&read), secrets(&journal));
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
