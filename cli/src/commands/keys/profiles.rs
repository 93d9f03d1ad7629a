//! The profiles that have a key.

use std::path::{Path, PathBuf};

use keyfob_chain::{
    Error, ErrorKind,
    files::{Lock, read},
    profiles::{ConfigFiles, Editor, FileKind, SectionName, Value},
};
use keyfob_sigv4::{Credentials, Secret};

use super::rotation::Holders;
use crate::{context::Context, failure::Failure};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";

/// The profiles of both files, as they are now.
pub(super) struct Profiles(ConfigFiles);

/// A profile of one of the files, and its key.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) name: SectionName,
    /// Whether the profile is a role, for which the key only asks.
    is_role: bool,
    pub(super) id: String,
    secret: Option<Secret>,
    kind: FileKind,
    file: PathBuf,
    pub(super) line: u32,
}

impl Profiles {
    /// Reads what can be read of the files, to show it.
    pub(super) fn read(context: &Context) -> Self {
        Self(ConfigFiles::load(context.variables()))
    }

    /// Reads the whole files.
    ///
    /// # Errors
    ///
    /// If a part of a file cannot be read: a profile in it may have a key that is not seen.
    pub(super) fn read_all(context: &Context) -> Result<Self, Failure> {
        let profiles = Self::read(context);
        let mut problems = profiles.0.problems().iter();
        match problems.find(|problem| problem.is_error()) {
            Some(problem) => Err(Failure::configuration(format!(
                "a profile may have a key that is not seen: {problem}"
            ))),
            None => Ok(profiles),
        }
    }

    /// Returns the profiles that have a key. One that has it in both files is there twice.
    pub(super) fn with_key(&self, id: &str) -> Vec<Holder> {
        let mut holders = holders(&self.0);
        holders.retain(|holder| holder.id == id);
        holders
    }

    /// Returns the access key IDs of all profiles.
    pub(super) fn ids(&self) -> Vec<String> {
        holders(&self.0)
            .into_iter()
            .map(|holder| holder.id)
            .collect()
    }

    /// Returns which of two keys profiles have.
    pub(super) fn holders(&self, old: &str, new: Option<&str>) -> Holders {
        let has = |id| !self.with_key(id).is_empty();
        Holders {
            old: has(old),
            new: new.is_some_and(has),
        }
    }

    /// Returns a key that a profile has, with its secret.
    pub(super) fn credentials(&self, id: &str) -> Option<Credentials> {
        let mut holders = self.with_key(id).into_iter();
        let secret = holders.find_map(|holder| holder.secret)?;
        Credentials::new(id, secret).ok()
    }
}

impl Holder {
    /// Returns such as `[robot] of ~/.aws/credentials`.
    pub(super) fn text(&self, context: &Context) -> String {
        let name = self.name.name();
        context.shown(&format!("[{name}] of {}", self.file.display()))
    }

    /// Returns the name of the profile, if it gives the key itself.
    pub(super) fn direct(&self) -> Option<&str> {
        (!self.is_role).then(|| self.name.name())
    }

    pub(super) fn file(&self) -> PathBuf {
        self.file.clone()
    }
}

/// Writes a new key to each profile that has the old one. What else is in the files stays.
///
/// # Errors
///
/// If a file cannot be written.
pub(super) fn replace(context: &Context, old: &str, new: &Credentials) -> Result<(), Failure> {
    let holders = Profiles::read(context).with_key(old);
    for kind in [FileKind::Credentials, FileKind::Config] {
        let Some(holder) = holders.iter().find(|holder| holder.kind == kind) else {
            continue;
        };
        let path = &holder.file;
        // Again, because another program may have changed the file.
        context.update(path, |text| edited(kind, path, text, old, new))?;
    }
    Ok(())
}

/// Checks that [`replace`] can write both files, and that no place keeps the old key.
///
/// # Errors
///
/// If a file has the key where no profile reads it, could not be read after the change, or cannot
/// be written.
pub(super) fn check_replace(context: &Context, old: &str) -> Result<(), Failure> {
    let new = Credentials::new("NEW", "NEW")?;
    for kind in [FileKind::Credentials, FileKind::Config] {
        let variables = context.variables();
        let path = match kind {
            FileKind::Credentials => variables.credentials_file(),
            FileKind::Config => variables.config_file(),
        };
        // That the files can be read is checked before: what cannot be is not there.
        if let Some((path, text)) = path.and_then(|path| read(&path).ok().map(|text| (path, text)))
            && edited(kind, &path, &text, old, &new)? != text
        {
            let check = || Lock::acquire(&path, Lock::PATIENCE)?.check_update();
            context.told_of_lock(&path, check)?;
        }
    }
    Ok(())
}

/// Returns the text of a file with a new key in each profile that has the old one.
fn edited(
    kind: FileKind,
    path: &Path,
    text: &[u8],
    old: &str,
    new: &Credentials,
) -> Result<Vec<u8>, Error> {
    let files = ConfigFiles::parse([(kind, path, text)]);
    let mut editor = Editor::new(kind, path);
    for holder in holders(&files).iter().filter(|one| one.id == old) {
        editor.set(&holder.name, ID, new.access_key_id())?;
        // A profile that has the id only is of no use, and gets no secret either.
        if holder.secret.is_some() {
            editor.set(&holder.name, SECRET, new.secret_access_key().clone())?;
        }
    }
    let edited = editor.apply(text)?;
    if let Some(section) = section_with(&edited, old) {
        return Err(Error::new(
            ErrorKind::ConfigFile,
            format!(
                "{section} of {} has {old} where no profile reads it: remove it there, because it \
                 would stay when the key is deleted",
                path.display()
            ),
        ));
    }
    let files = ConfigFiles::parse([(kind, path, &*edited)]);
    match files.problems().iter().find(|problem| problem.is_error()) {
        Some(problem) => Err(Error::new(
            ErrorKind::ConfigFile,
            format!("with a new key, the file could not be read: {problem}"),
        )),
        None => Ok(edited),
    }
}

/// Returns the header above the first value that is this id.
fn section_with(text: &[u8], id: &str) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let mut header = "the text before the first section";
    for line in text.lines().map(str::trim) {
        let (_, value) = line.split_once('=').unwrap_or(("", line));
        if line.starts_with('[') {
            header = line;
        } else if !line.starts_with(['#', ';']) && value.split_whitespace().next() == Some(id) {
            return Some(header.to_owned());
        }
    }
    None
}

/// Returns all profiles with a key, those of the credentials file first.
fn holders(files: &ConfigFiles) -> Vec<Holder> {
    let mut holders = Vec::new();
    for kind in [FileKind::Credentials, FileKind::Config] {
        for section in files.sections() {
            let Some(part) = section.part(kind) else {
                continue;
            };
            let (SectionName::Profile(_), Some(id)) = (section.name(), part.get(ID)) else {
                continue;
            };
            let secret = part.get(SECRET).and_then(Value::non_empty);
            holders.push(Holder {
                name: section.name().clone(),
                is_role: section.get("role_arn").is_some(),
                id: id.as_str().to_owned(),
                secret: secret.map(Secret::from),
                kind,
                file: id.location().file().to_owned(),
                line: id.location().line(),
            });
        }
    }
    holders
}
