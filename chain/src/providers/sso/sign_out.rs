use std::{
    fs, io,
    path::{Path, PathBuf},
};

use keyfob_sigv4::Secret;
use serde_json::Value;

use crate::{
    config::Settings,
    error::Error,
    files::{self, Lock, read_secret_file},
    json::SecretObject,
    token_folder::TokenFolder,
};

/// The token of a user on disk, for a program that signs the user out. No other process refreshes
/// it as long as this value is there.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Error, Settings, SsoToken};
///
/// fn sign_out(settings: &Settings, end: impl Fn(&SsoToken)) -> Result<(), Error> {
///     for file in SsoToken::files(settings)? {
///         if let Some(token) = SsoToken::lock(&file)? {
///             end(&token);
///             token.remove()?;
///         }
///     }
///     SsoToken::remove_role_sessions(settings)
/// }
/// ```
#[derive(Debug)]
pub struct SsoToken {
    path: PathBuf,
    access_token: Secret,
    region: Option<String>,
    _lock: Lock,
}

impl SsoToken {
    /// Returns the files in the folder of tokens, which has those of registrations too.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if there is no home folder, or
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if the folder cannot be read.
    pub fn files(settings: &Settings) -> Result<Vec<PathBuf>, Error> {
        list(TokenFolder::sso(settings)?.path())
    }

    /// Locks a file and reads its token. Returns `None` if it has none, and leaves it alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if the lock cannot be taken.
    pub fn lock(path: &Path) -> Result<Option<Self>, Error> {
        let token = || {
            let object = read_object(path)?;
            let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
            Some((Secret::from(text("accessToken")?), text("region")))
        };
        if token().is_none() {
            return Ok(None);
        }
        let lock = Lock::acquire(path, Lock::PATIENCE)?;
        // It may have been refreshed meanwhile.
        Ok(token().map(|(access_token, region)| Self {
            path: path.to_owned(),
            access_token,
            region,
            _lock: lock,
        }))
    }

    /// Returns the token for the portal.
    pub fn access_token(&self) -> &Secret {
        &self.access_token
    }

    /// Returns the region of IAM Identity Center, if the file has it.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Removes the file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if it cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        remove(&self.path)
    }

    /// Removes the credentials of roles that were got with tokens, which are in `cli/cache` beside
    /// the sessions of other roles. Those stay.
    ///
    /// # Errors
    ///
    /// As [`files`](Self::files), and [`ErrorKind::Write`](crate::ErrorKind::Write) if one cannot
    /// be removed.
    pub fn remove_role_sessions(settings: &Settings) -> Result<(), Error> {
        let folder = TokenFolder::sso(settings)?;
        let root = folder.path().ancestors().nth(2).unwrap_or(folder.path());
        for path in list(&root.join("cli").join("cache"))? {
            let of_sso = || {
                let object = read_object(&path)?;
                (object.get("ProviderType")?.as_str() == Some("sso")).then_some(())
            };
            if of_sso().is_some() {
                let _lock = Lock::acquire(&path, Lock::PATIENCE)?;
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Returns the JSON files in a folder, which need not exist, in the order of their names.
fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(files::cannot("read the folder", folder, error)),
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    paths.sort_unstable();
    Ok(paths)
}

fn read_object(path: &Path) -> Option<SecretObject> {
    let text = read_secret_file(path).ok()?;
    SecretObject::parse(text.expose()).ok()
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(files::cannot("remove", path, error))
        }
        _ => Ok(()),
    }
}
