use std::{
    fs::{self, File, Metadata},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use keyfob_sigv4::Secret;

use super::{
    FileKind, SectionName,
    edit::{Change, Target, apply, check_value, header},
    lock::Lock,
};
use crate::error::{Error, ErrorKind};

/// Changes to one of the two files, which [`save`](Self::save) makes all together or not at all.
///
/// Every byte that a change is not about stays: comments, order, blank lines, line ends, a byte order mark.
/// Sections and properties are found as the reader finds them, so `Region` is changed where `region` is set.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Editor, FileKind, SectionName};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join(".aws/config");
/// let dev = SectionName::profile("dev");
/// let mut editor = Editor::new(FileKind::Config, &path);
/// editor.set(&dev, "region", "eu-west-1")?;
/// editor.set_nested(&dev, "s3", "addressing_style", "path")?;
/// editor.remove(&dev, "output")?;
/// assert!(editor.save()?.created);
/// assert_eq!(
///     std::fs::read_to_string(&path).unwrap(),
///     "[profile dev]\nregion = eu-west-1\ns3 =\n    addressing_style = path\n",
/// );
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Editor {
    kind: FileKind,
    path: PathBuf,
    changes: Vec<Change>,
}

/// What [`Editor::save`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The file, with symbolic links followed.
    pub path: PathBuf,
    /// Whether there was none before.
    pub created: bool,
    /// Whether anything is different now.
    pub changed: bool,
    /// Whether others than the owner may read or write it. Always false where the system has no such modes.
    pub open_to_others: bool,
}

impl Editor {
    /// Changes to the file at `path`, which need not be there. Nothing is read yet.
    pub fn new(kind: FileKind, path: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            path: path.into(),
            changes: Vec::new(),
        }
    }

    /// Sets a property, whether or not it is there, in a section that need not be there. Blanks around the value are
    /// cut off, as the reader would.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidEdit`] when the file cannot have that section, or the name or the value would not be read
    /// back: a line end, a control character, a `#` or `;` after a blank. No message has the value.
    pub fn set(
        &mut self,
        section: &SectionName,
        name: &str,
        value: impl Into<Secret>,
    ) -> Result<&mut Self, Error> {
        self.push_set(self.target(section, name, None)?, &value.into())
    }

    /// Sets an indented property below another: `addressing_style` below `s3`.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set). That the outer property has a value of its own is found by [`save`](Self::save).
    pub fn set_nested(
        &mut self,
        section: &SectionName,
        name: &str,
        nested: &str,
        value: impl Into<Secret>,
    ) -> Result<&mut Self, Error> {
        self.push_set(self.target(section, name, Some(nested))?, &value.into())
    }

    /// Removes a property with everything below it, if it is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidEdit`] when the section or the name cannot be one.
    pub fn remove(&mut self, section: &SectionName, name: &str) -> Result<&mut Self, Error> {
        let target = self.target(section, name, None)?;
        self.changes.push(Change::Remove(target));
        Ok(self)
    }

    /// Removes an indented property, if it is there.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn remove_nested(
        &mut self,
        section: &SectionName,
        name: &str,
        nested: &str,
    ) -> Result<&mut Self, Error> {
        let target = self.target(section, name, Some(nested))?;
        self.changes.push(Change::Remove(target));
        Ok(self)
    }

    /// Removes a section, if it is there. Comments behind its last property stay: they may be about the next.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidEdit`] when the file cannot have that section.
    pub fn remove_section(&mut self, section: &SectionName) -> Result<&mut Self, Error> {
        header(self.kind, section)?;
        self.changes.push(Change::RemoveSection(section.clone()));
        Ok(self)
    }

    /// The text with the changes made, for a text that is not in a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigFile`] when the text is UTF-16; [`ErrorKind::InvalidEdit`] when an indented property is to
    /// go below one that has a value of its own.
    pub fn apply(&self, text: &[u8]) -> Result<Vec<u8>, Error> {
        apply(self.kind, text, &self.changes)
    }

    /// Makes the changes in the file.
    ///
    /// The file is locked against other writers of this kind, read, written anew beside itself, synced and renamed,
    /// so that a reader sees the old file or the new one and nothing else, even when this process is killed. A
    /// symbolic link is followed; mode and owner are kept. A new file can be read by its owner only, and so can the
    /// folder it needs.
    ///
    /// # Errors
    ///
    /// Those of [`apply`](Self::apply); [`ErrorKind::Write`] when the file cannot be locked within 30 s, read or
    /// written, or is no regular file. It is then as it was.
    pub fn save(&self) -> Result<Saved, Error> {
        let path = follow(&self.path).map_err(|error| cannot("find", &self.path, error))?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Before anything is made beside it: it could be `/dev/null`.
        refuse_special(&path).map_err(|error| cannot("write", &path, error))?;
        create_folder(folder).map_err(|error| cannot("create", folder, error))?;
        let _lock = Lock::take(&path).map_err(|error| cannot("lock", &path, error))?;
        let old = read(&path).map_err(|error| cannot("read", &path, error))?;
        let text = old.as_ref().map_or(&b""[..], |(_, text)| text);
        let new = self.apply(text)?;
        let changed = new != text;
        let metadata = old.as_ref().map(|(metadata, _)| metadata);
        if changed {
            replace(folder, &path, &new, metadata)
                .map_err(|error| cannot("write", &path, error))?;
        }
        Ok(Saved {
            created: changed && metadata.is_none(),
            changed,
            open_to_others: metadata.is_some_and(is_open_to_others),
            path,
        })
    }

    fn target(
        &self,
        section: &SectionName,
        name: &str,
        nested: Option<&str>,
    ) -> Result<Target, Error> {
        let target = Target {
            section: section.clone(),
            name: name.to_owned(),
            nested: nested.map(ToOwned::to_owned),
        };
        target.check(self.kind)?;
        Ok(target)
    }

    fn push_set(&mut self, target: Target, value: &Secret) -> Result<&mut Self, Error> {
        let value = value.expose().trim();
        check_value(&target, value)?;
        self.changes.push(Change::Set(target, value.into()));
        Ok(self)
    }
}

/// The file that a chain of symbolic links ends at, which need not be there.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(to) => path = path.parent().unwrap_or(Path::new("")).join(to),
            // It is no link, or it is not there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// To rename over a device would replace it for everybody.
fn refuse_special(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is no regular file")),
        _ => Ok(()),
    }
}

/// The file, or nothing when it is not there.
fn read(path: &Path) -> io::Result<Option<(Metadata, Vec<u8>)>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata, fs::read(path)?))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn replace(folder: &Path, path: &Path, text: &[u8], old: Option<&Metadata>) -> io::Result<()> {
    // Its mode is 0600 from the start.
    let mut file = tempfile::Builder::new()
        .prefix(".keyfob-")
        .tempfile_in(folder)?;
    file.write_all(text)?;
    if let Some(old) = old {
        keep_owner(file.as_file(), old)?;
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder);
    Ok(())
}

#[cfg(unix)]
fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(file, Some(old.uid()), Some(old.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _old: &Metadata) -> io::Result<()> {
    Ok(())
}

/// So that the rename, too, survives a power cut. Not every file system can do it, and the file is written.
fn sync_folder(folder: &Path) {
    if cfg!(unix) {
        _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

#[cfg(unix)]
fn is_open_to_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_metadata: &Metadata) -> bool {
    false
}

fn cannot(act: &str, path: &Path, error: io::Error) -> Error {
    Error::with_source(
        ErrorKind::Write,
        format!("cannot {act} {}", path.display()),
        error,
    )
}
