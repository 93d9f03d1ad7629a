use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::actions::AssumedRoleUser;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    files::{self, Lock},
};

/// How long a person may take to answer another process that asks for a code.
const PROMPT_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// The credentials that a service has issued, and for whom.
pub(in crate::providers) struct Session {
    pub(in crate::providers) credentials: Credentials,
    pub(in crate::providers) user: Option<AssumedRoleUser>,
    /// What issued them, if it was not STS.
    pub(in crate::providers) provider: Option<&'static str>,
}

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

    /// Returns the session that expires last. A file that has none is as good as no file.
    pub(super) fn read(&self) -> Option<Credentials> {
        let sessions = self.paths.iter().filter_map(|path| read(path));
        let accepted = sessions.filter(|session| {
            let mut refused = self.refused.iter();
            refused.all(|refused| refused.access_key_id() != session.access_key_id())
        });
        accepted.max_by_key(Credentials::expiry)
    }

    /// Waits until no other process gets a session for this file.
    pub(super) async fn lock(&self, asks: bool) -> Result<Lock, Error> {
        let patience = if asks {
            PROMPT_PATIENCE
        } else {
            Lock::PATIENCE
        };
        Lock::acquire_async(&self.paths[0], patience).await
    }

    pub(super) fn write(&self, lock: &Lock, session: &Session) -> Result<(), Error> {
        let entry = Entry::from(session);
        match serde_json::to_string(&entry).map(Secret::new) {
            Ok(text) => lock.replace(text.expose().as_bytes()),
            Err(error) => Err(files::cannot("write", lock.target(), error)),
        }
    }
}

fn read(path: &Path) -> Option<Credentials> {
    // Opening a pipe would wait for a writer.
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let text = files::read_secret(path).ok()?;
    let entry: Entry<'_> = serde_json::from_str(text.expose()).ok()?;
    let key = entry.credentials;
    // No service accepts a temporary key without its token.
    (!key.session_token.is_empty()).then_some(())?;
    // Plain botocore writes the name of the time zone, which is always this one.
    let expiry = key.expiration.replace("UTC", "Z");
    let expiry: Timestamp = expiry.parse().ok()?;
    let credentials = Credentials::new(key.access_key_id, key.secret_access_key)
        .and_then(|pair| pair.with_session_token(key.session_token));
    let credentials = credentials.ok()?.with_expiry(expiry);
    Some(match key.account_id {
        Some(id) => credentials.with_account_id(id),
        None => credentials,
    })
}

/// An entry of the cache: the answer of STS as botocore has it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    provider_type: Option<&'a str>,
    #[serde(borrow)]
    credentials: Key<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    assumed_role_user: Option<User<'a>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Key<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    account_id: Option<&'a str>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    assumed_role_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    arn: Option<&'a str>,
}

impl<'a> From<&'a Session> for Entry<'a> {
    fn from(session: &'a Session) -> Self {
        let key = &session.credentials;
        let user = session.user.as_ref();
        Self {
            provider_type: session.provider,
            credentials: Key {
                access_key_id: key.access_key_id(),
                secret_access_key: key.secret_access_key().expose(),
                session_token: key.session_token().map_or("", Secret::expose),
                expiration: key
                    .expiry()
                    .map_or_else(Default::default, |at| at.to_string().into()),
                account_id: key.account_id(),
            },
            assumed_role_user: user.map(|user| User {
                assumed_role_id: user.assumed_role_id.as_deref(),
                arn: user.arn.as_deref(),
            }),
        }
    }
}
