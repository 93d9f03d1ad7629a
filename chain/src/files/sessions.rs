//! The cache of sessions in `~/.aws/cli/cache`, which the AWS CLI and other tools share: one file
//! for each role, whose name says what it was requested with ([`names`](super::names)).
//!
//! Keyfob has files of its own there too, `keyfob-….json`, for the credentials of processes. They
//! have the same form, and the AWS CLI never looks for them.

use std::{
    borrow::Cow,
    fs, io,
    path::{Path, PathBuf},
};

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Lock, cannot, names::OWN_PREFIX, read_secret};
use crate::error::Error;

/// All sessions of a cache.
///
/// # Examples
///
/// ```
/// use keyfob_chain::files::sessions::SessionCache;
///
/// # let folder = tempfile::tempdir()?;
/// // The folder of the AWS CLI is ~/.aws/cli/cache.
/// let cache = SessionCache::read(folder.path())?;
/// assert!(cache.sessions.is_empty() && cache.others == 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionCache {
    /// The sessions, by name of the file.
    pub sessions: Vec<CachedSession>,
    /// How many other files and folders there are. The AWS CLI has some of its own, such as
    /// `session.db`.
    pub others: usize,
}

/// A session in a cache, and whom it is for, as far as its file tells. Secrets are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedSession {
    /// The file.
    pub path: PathBuf,
    /// What issued it, if it was not STS: `sso`, or `process` for `credential_process`.
    pub provider: Option<String>,
    /// The ARN of the session of a role.
    pub arn: Option<String>,
    /// The account.
    pub account_id: Option<String>,
    /// The profile whose process printed it.
    pub profile: Option<String>,
    /// When it expires.
    pub expiry: Timestamp,
}

impl SessionCache {
    /// Reads the sessions of a folder. One that does not exist has none.
    ///
    /// A session is a regular file whose name is 40 hexadecimal digits, or `keyfob-` and those, and
    /// `.json`, with temporary credentials in it. Everything else is counted.
    ///
    /// # Errors
    ///
    /// The error of the system if the folder cannot be read.
    pub fn read(folder: impl AsRef<Path>) -> io::Result<Self> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            entries => entries?,
        };
        let mut cache = Self::default();
        for entry in entries {
            match CachedSession::read(entry?.path()) {
                Some(session) => cache.sessions.push(session),
                None => cache.others += 1,
            }
        }
        cache.sessions.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(cache)
    }
}

impl CachedSession {
    /// Reads a session, if the file is one.
    fn read(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
        let hash = name.strip_prefix(OWN_PREFIX).unwrap_or(name);
        let is_hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
        (hash.len() == 40 && hash.bytes().all(is_hex)).then_some(())?;
        let is_file = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
        let session = is_file.then(|| Session::read(&path))??;
        Some(Self {
            path,
            provider: session.provider,
            arn: session.user.and_then(|user| user.arn),
            account_id: session.credentials.account_id().map(str::to_owned),
            profile: session.profile,
            expiry: session.credentials.expiry()?,
        })
    }

    /// Removes the file, if the same session is still in it. Returns true if it was. Waits for a
    /// program that is about to write it, for [`Lock::PATIENCE`] at most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if the file cannot be locked or removed.
    pub fn remove(&self) -> Result<bool, Error> {
        let lock = Lock::acquire(&self.path, Lock::PATIENCE)?;
        if Self::read(self.path.clone()).as_ref() != Some(self) {
            return Ok(false);
        }
        lock.remove()
    }
}

/// The credentials that were issued, and for whom.
pub(crate) struct Session {
    pub(crate) credentials: Credentials,
    pub(crate) user: Option<SessionUser>,
    /// What issued them, if it was not STS.
    pub(crate) provider: Option<String>,
    /// The profile whose process printed them.
    pub(crate) profile: Option<String>,
}

/// The user that a session of a role is.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct SessionUser {
    #[serde(
        rename = "AssumedRoleId",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub(crate) id: Option<String>,
    #[serde(rename = "Arn", skip_serializing_if = "Option::is_none", default)]
    pub(crate) arn: Option<String>,
}

impl Session {
    /// Reads a session, if there is one in the file.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        // Opening a pipe would wait for a writer.
        fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let text = read_secret(path).ok()?;
        let entry: Entry<'_> = serde_json::from_str(text.expose()).ok()?;
        let key = entry.credentials;
        // No service accepts a temporary key without its token.
        (!key.session_token.is_empty()).then_some(())?;
        // Plain botocore writes the name of the time zone, which is always this one.
        let expiry: Timestamp = key.expiration.replace("UTC", "Z").parse().ok()?;
        let secret = Secret::new(key.secret_access_key.into_owned());
        let token = Secret::new(key.session_token.into_owned());
        let credentials = Credentials::new(key.access_key_id, secret)
            .and_then(|pair| pair.with_session_token(token));
        let credentials = credentials.ok()?.with_expiry(expiry);
        Some(Self {
            credentials: match key.account_id {
                Some(id) => credentials.with_account_id(id),
                None => credentials,
            },
            user: entry.assumed_role_user.map(Cow::into_owned),
            provider: entry.provider_type.map(Cow::into_owned),
            profile: entry.profile.map(Cow::into_owned),
        })
    }

    /// Writes it, unless it does not expire: nothing would tell when it counts no more.
    pub(crate) fn write(&self, lock: &Lock) -> Result<(), Error> {
        let key = &self.credentials;
        let (Some(token), Some(expiry)) = (key.session_token(), key.expiry()) else {
            return Ok(());
        };
        let entry = Entry {
            provider_type: self.provider.as_deref().map(Cow::from),
            profile: self.profile.as_deref().map(Cow::from),
            credentials: Key {
                access_key_id: key.access_key_id().into(),
                secret_access_key: key.secret_access_key().expose().into(),
                session_token: token.expose().into(),
                expiration: expiry.to_string().into(),
                account_id: key.account_id().map(Cow::from),
            },
            assumed_role_user: self.user.as_ref().map(Cow::Borrowed),
        };
        match serde_json::to_string(&entry).map(Secret::new) {
            Ok(text) => lock.replace(text.expose().as_bytes()),
            Err(error) => Err(cannot("write", lock.target(), error)),
        }
    }
}

/// An entry of the cache: the answer of STS as botocore has it. A text with a JSON escape, such as
/// the `\/` of some writers, cannot be borrowed.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    provider_type: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    profile: Option<Cow<'a, str>>,
    #[serde(borrow)]
    credentials: Key<'a>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    assumed_role_user: Option<Cow<'a, SessionUser>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Key<'a> {
    #[serde(borrow)]
    access_key_id: Cow<'a, str>,
    #[serde(borrow)]
    secret_access_key: Cow<'a, str>,
    #[serde(borrow)]
    session_token: Cow<'a, str>,
    #[serde(borrow)]
    expiration: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    account_id: Option<Cow<'a, str>>,
}
