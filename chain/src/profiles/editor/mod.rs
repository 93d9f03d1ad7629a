mod text;

use std::path::{Path, PathBuf};

use keyfob_sigv4::Secret;

use self::text::{Change, Target, apply, checked_header};
use super::{
    ConfigFiles,
    section::{FileKind, SectionName},
};
use crate::{
    error::Error,
    files::{Lock, Saved},
};

/// Changes to one of the two files. [`save`](Self::save) makes all of them or none.
///
/// Every byte that a change does not concern stays: comments, order, empty lines, line ends, a byte
/// order mark. Sections and properties are found as [`ConfigFiles`](super::ConfigFiles) finds them,
/// so setting `region` changes a line with `Region`.
///
/// # Examples
///
/// ```
/// use keyfob_chain::profiles::{Editor, FileKind, SectionName};
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

impl Editor {
    /// Creates an editor for the file at `path`, which may be missing. Reads nothing yet.
    pub fn new(kind: FileKind, path: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            path: path.into(),
            changes: Vec::new(),
        }
    }

    /// Sets a property. Adds the property and the section if they are missing. If the section names
    /// the property more than once, only the last place stays. Removes whitespace around the value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidEdit`](crate::ErrorKind::InvalidEdit) if the file cannot have the
    /// section, or if the name or the value would not be read back: a line end, a control
    /// character, a `#` or `;` after whitespace. The message does not repeat the value.
    /// [`save`](Self::save) fails if indented properties would be replaced.
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
    /// As for [`set`](Self::set). [`save`](Self::save) fails if the outer property has a value of
    /// its own.
    pub fn set_nested(
        &mut self,
        section: &SectionName,
        name: &str,
        nested: &str,
        value: impl Into<Secret>,
    ) -> Result<&mut Self, Error> {
        self.push_set(self.target(section, name, Some(nested))?, &value.into())
    }

    /// Removes a property and the indented lines below it. Does nothing if it is missing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidEdit`](crate::ErrorKind::InvalidEdit) if the file cannot have the
    /// section, or the name is not valid.
    pub fn remove(&mut self, section: &SectionName, name: &str) -> Result<&mut Self, Error> {
        let target = self.target(section, name, None)?;
        self.changes.push(Change::Remove(target));
        Ok(self)
    }

    /// Removes an indented property. Does nothing if it is missing.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{Editor, FileKind, SectionName};
    ///
    /// let default = SectionName::profile("default");
    /// let mut editor = Editor::new(FileKind::Config, "config");
    /// editor.remove_nested(&default, "s3", "addressing_style")?;
    /// let text = b"[default]\ns3 =\n  addressing_style = path\n  max_queue_size = 9\n";
    /// assert_eq!(editor.apply(text)?, b"[default]\ns3 =\n  max_queue_size = 9\n");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
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

    /// Removes a section. Does nothing if it is missing. Comments after its last property stay,
    /// because they may be about the next section.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidEdit`](crate::ErrorKind::InvalidEdit) if the file cannot have the
    /// section.
    pub fn remove_section(&mut self, section: &SectionName) -> Result<&mut Self, Error> {
        checked_header(self.kind, section)?;
        self.changes.push(Change::RemoveSection(section.clone()));
        Ok(self)
    }

    /// Applies the changes to a text instead of the file.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::ConfigFile`](crate::ErrorKind::ConfigFile) if the text is UTF-16, or if a
    ///   damaged line may belong to the section: what is below it is perhaps another section's.
    /// - [`ErrorKind::InvalidEdit`](crate::ErrorKind::InvalidEdit) if an indented property is set
    ///   below one that has a value of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{Editor, FileKind, SectionName};
    ///
    /// let mut editor = Editor::new(FileKind::Config, "config");
    /// editor.set(&SectionName::profile("default"), "region", "eu-west-1")?;
    /// let text = editor.apply(b"[default]\nRegion = us-east-1 # old\n")?;
    /// assert_eq!(text, b"[default]\nRegion = eu-west-1 # old\n");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn apply(&self, text: &[u8]) -> Result<Vec<u8>, Error> {
        let files = ConfigFiles::parse([(self.kind, &self.path, text)]);
        for change in &self.changes {
            files.check_edit(change.section())?;
        }
        apply(self.kind, text, &self.changes)
    }

    /// Applies the changes to the file.
    ///
    /// Takes a [`Lock`] against other editors, for which it waits up to 30 s, and changes the file
    /// as [`Lock::update`] does: beside programs without a lock, with the old version or the new
    /// one at every moment. Symbolic links are followed; mode, owner and attributes stay. A new
    /// file has mode 0600, a new folder 0700.
    ///
    /// # Errors
    ///
    /// - The errors of [`apply`](Self::apply).
    /// - [`ErrorKind::Write`](crate::ErrorKind::Write) as for [`Lock::acquire`] and
    ///   [`Lock::update`]. The file is unchanged.
    pub fn save(&self) -> Result<Saved, Error> {
        Lock::acquire(&self.path, Lock::PATIENCE)?.update(|old| self.apply(old))
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
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
        target.check_value(self.kind, value)?;
        self.changes.push(Change::Set(target, value.into()));
        Ok(self)
    }
}
