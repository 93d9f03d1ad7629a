use std::{
    fs, io,
    path::{Path, PathBuf},
};

use keyfob_sigv4::Secret;

use crate::{
    config::Settings,
    error::{Error, ErrorKind},
    files::{Lock, cannot, read_secret_file},
};

/// A folder of tokens of people who are signed in, which all tools share.
///
/// The providers read and refresh the same files, under the same locks. Their names and texts are
/// those of `keyfob_sts::sso::TokenFile` and `keyfob_sts::signin::LoginFile`.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Settings, TokenFolder, Variables};
///
/// # let home = tempfile::tempdir().unwrap();
/// # let home = home.path().to_str().unwrap();
/// let settings = Settings::load(Variables::from_iter([("HOME", home)]));
/// let folder = TokenFolder::login(&settings)?;
/// assert!(folder.path().ends_with(".aws/login/cache"));
/// folder.write("token.json", |_old| "{}".into())?;
/// assert_eq!(folder.read("token.json")?.unwrap().expose(), "{}");
/// assert!(folder.remove("token.json")?);
/// assert!(folder.read("token.json")?.is_none());
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenFolder(PathBuf);

impl TokenFolder {
    /// Returns the folder of the tokens of `aws login`: that of `AWS_LOGIN_CACHE_DIRECTORY`, or
    /// `login/cache` on the disk of the sources, or else in `~/.aws`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`] if there is no home folder.
    #[cfg(feature = "login")]
    pub fn login(settings: &Settings) -> Result<Self, Error> {
        let name = crate::config::table::LOGIN_CACHE_DIRECTORY.name();
        match settings.variables().folder_for(settings.order(), name) {
            Some(folder) => Ok(Self(folder)),
            None => Self::below(settings, "login"),
        }
    }

    /// Returns the folder of the tokens of IAM Identity Center: `sso/cache` on the disk of the
    /// sources, or else in `~/.aws`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`] if there is no home folder.
    #[cfg(feature = "sso")]
    pub fn sso(settings: &Settings) -> Result<Self, Error> {
        Self::below(settings, "sso")
    }

    fn below(settings: &Settings, name: &str) -> Result<Self, Error> {
        let home = || Some(settings.variables().home()?.join(".aws"));
        let disk = settings.sources().disk().map(ToOwned::to_owned);
        let folder = disk.or_else(home).ok_or_else(|| {
            let message = "no home folder, where tokens are: set HOME";
            Error::new(ErrorKind::Setting, message)
        })?;
        Ok(Self(folder.join(name).join("cache")))
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the text of a file, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigFile`] if it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Secret>, Error> {
        let path = self.0.join(name);
        match read_secret_file(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => {
                let message = format!("cannot read {}", path.display());
                Err(Error::with_source(ErrorKind::ConfigFile, message, error))
            }
        }
    }

    /// Writes a file with mode 0600, in a folder with mode 0700 if that is missing. `text` gets the
    /// old text, if there is one. No refresh runs meanwhile.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`] as for [`Lock::acquire`] and [`Lock::replace`].
    pub fn write(
        &self,
        name: &str,
        text: impl FnOnce(Option<&str>) -> Secret,
    ) -> Result<(), Error> {
        let lock = Lock::acquire(self.0.join(name), Lock::PATIENCE)?;
        // One that cannot be read is replaced.
        let old = read_secret_file(lock.target()).ok();
        let text = text(old.as_ref().map(Secret::expose));
        lock.replace(text.expose().as_bytes())
    }

    /// Removes a file, and returns whether there was one. A refresh that runs does not bring it
    /// back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`] as for [`Lock::acquire`], or if the file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<bool, Error> {
        self.remove_if(name, |_| true)
    }

    /// Removes the files `NAME.json` with a text that `is_token` accepts, and returns how many
    /// there were. All others stay.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`] if the folder cannot be read, or as for [`remove`](Self::remove).
    pub fn remove_all(&self, is_token: impl Fn(&str) -> bool) -> Result<usize, Error> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => return Ok(0),
            Err(error) => return Err(cannot("look into", &self.0, error)),
        };
        let mut count = 0;
        for entry in entries {
            let entry = entry.map_err(|error| cannot("look into", &self.0, error))?;
            let name = entry.file_name();
            if let Some(name) = name.to_str().filter(|name| name.ends_with(".json")) {
                count += usize::from(self.remove_if(name, &is_token)?);
            }
        }
        Ok(count)
    }

    fn remove_if(&self, name: &str, is_token: impl Fn(&str) -> bool) -> Result<bool, Error> {
        let path = self.0.join(name);
        let is_there = || read_secret_file(&path).is_ok_and(|text| is_token(text.expose()));
        // Without a lock first: it would create the folder, and a file of another kind is not ours
        // to lock.
        if !is_there() {
            return Ok(false);
        }
        let _lock = Lock::acquire(&path, Lock::PATIENCE)?;
        if !is_there() {
            return Ok(false);
        }
        fs::remove_file(&path).map_err(|error| cannot("remove", &path, error))?;
        Ok(true)
    }
}

/// Returns true if there is no file, and perhaps no folder for it.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
