//! The shared configuration and credentials files: reading them, and editing them without losing a
//! byte.
//!
//! [`ConfigFiles`] reads both files. A [`Section`] is a profile, an SSO session or a group of
//! services, from both files together; each [`Value`] knows its file and line. [`Editor`] changes
//! one of the files.

mod editor;
mod line;
mod parse;
mod problem;
mod section;

use std::{collections::HashMap, fs, io, path::Path, sync::Arc};

pub use editor::{Editor, Saved};
use line::{NAME_CHARACTERS, header, is_meant_for};
use parse::IgnoredSection;
pub use problem::{Problem, ProblemKind};
pub use section::{FileKind, Part, Section, SectionName, Value};

use crate::{
    error::{Error, ErrorKind, shown},
    variables::Variables,
};

/// The contents of both files, with the file and line of every value.
///
/// A missing file counts as empty. A line that cannot be read makes its own section unusable; the
/// others stay usable. If a header cannot be read, its lines may belong to any section, so every
/// section that the same file does not otherwise define is unusable. If a whole file cannot be
/// read, no section is usable.
///
/// # Examples
///
/// ```
/// use keyfob_chain::profiles::{ConfigFiles, FileKind};
///
/// let config = "[default]\nregion = eu-west-1 # home\n";
/// let credentials = "[ci]\naws_access_key_id\n";
/// let files = ConfigFiles::parse([
///     (FileKind::Config, "/home/ada/.aws/config", config.as_bytes()),
///     (FileKind::Credentials, "/home/ada/.aws/credentials", credentials.as_bytes()),
/// ]);
/// let region = files.profile("default")?.get("region").unwrap();
/// assert_eq!(region.as_str(), "eu-west-1");
/// assert_eq!(region.location().to_string(), "/home/ada/.aws/config:2");
/// assert_eq!(
///     files.profile("ci").unwrap_err().to_string(),
///     "/home/ada/.aws/credentials:2: a line without \"=\": write NAME = VALUE",
/// );
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ConfigFiles {
    sections: Vec<Section>,
    index: HashMap<SectionName, usize>,
    ignored: Vec<IgnoredSection>,
    problems: Vec<Problem>,
}

impl ConfigFiles {
    /// Reads the files of [`Variables::config_file`] and [`Variables::credentials_file`].
    ///
    /// A file that exists but cannot be read is among the [`problems`](Self::problems).
    pub fn load(variables: &Variables) -> Self {
        let mut files = Self::default();
        for (kind, file) in [
            (FileKind::Config, variables.config_file()),
            (FileKind::Credentials, variables.credentials_file()),
        ] {
            let Some(file) = file else { continue };
            match fs::read(&file) {
                Ok(bytes) => files.add(kind, &file, &bytes),
                Err(error) if is_absent(&error) => {}
                Err(error) => files.problems.push(Problem {
                    file,
                    file_kind: kind,
                    line: None,
                    section: None,
                    kind: ProblemKind::Unreadable(error.kind().to_string()),
                }),
            }
        }
        files
    }

    /// Parses texts instead of files. The paths appear in locations and messages.
    pub fn parse<'a, P: AsRef<Path>>(
        texts: impl IntoIterator<Item = (FileKind, P, &'a [u8])>,
    ) -> Self {
        let mut files = Self::default();
        for (kind, path, bytes) in texts {
            files.add(kind, path.as_ref(), bytes);
        }
        files
    }

    fn add(&mut self, kind: FileKind, path: &Path, bytes: &[u8]) {
        let mut parsed = parse::parse(kind, &Arc::from(path), bytes);
        for name in parsed.order {
            let Some(part) = parsed.sections.remove(&name) else {
                continue;
            };
            let at = *self.index.entry(name.clone()).or_insert_with(|| {
                self.sections.push(Section::new(name));
                self.sections.len() - 1
            });
            self.sections[at].put(kind, part);
        }
        self.ignored.append(&mut parsed.ignored);
        self.problems.append(&mut parsed.problems);
    }

    /// Returns everything that cannot be used, and everything that other tools read differently.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    ///
    /// let config = b"[dev]\nregion = eu-west-1\n";
    /// let files = ConfigFiles::parse([(FileKind::Config, "config", &config[..])]);
    /// let problem = &files.problems()[0];
    /// assert!(!problem.is_error());
    /// assert!(problem.to_string().starts_with("config:1: the section is ignored"));
    /// ```
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the names of the profiles: those of the config file in its order, then those only in
    /// the credentials file, in its order.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    ///
    /// let config = b"[profile dev]\n[default]\n[sso-session corp]\n";
    /// let files = ConfigFiles::parse([(FileKind::Config, "config", &config[..])]);
    /// assert!(files.names().eq(["dev", "default"]));
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections
            .iter()
            .filter_map(|section| match section.name() {
                SectionName::Profile(name) => Some(name.as_str()),
                _ => None,
            })
    }

    /// Returns all sections, in the order of [`names`](Self::names), even those with errors.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter()
    }

    /// Returns a profile.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::ProfileNotFound`] if no file has it. The message names the profiles that
    ///   exist, or the section that was probably meant and ignored because of its header.
    /// - [`ErrorKind::ConfigFile`] if the profile cannot be used because of a problem: see
    ///   [`ConfigFiles`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    ///
    /// let config = "[profile dév]\n";
    /// let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    /// assert_eq!(
    ///     files.profile("dév").unwrap_err().to_string(),
    ///     "profile \"dév\" not found: [profile dév] at config:1 is ignored because of its \
    ///      header: write [profile 'dév']",
    /// );
    /// ```
    pub fn profile(&self, name: &str) -> Result<&Section, Error> {
        self.section(&SectionName::profile(name))
    }

    /// Returns a section of any kind.
    ///
    /// # Errors
    ///
    /// As for [`profile`](Self::profile).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind, SectionName};
    ///
    /// let config = b"[sso-session corp]\nsso_region = eu-west-1\n";
    /// let files = ConfigFiles::parse([(FileKind::Config, "config", &config[..])]);
    /// let session = files.section(&SectionName::SsoSession("corp".to_owned()))?;
    /// assert_eq!(session.get("sso_region").unwrap().as_str(), "eu-west-1");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn section(&self, name: &SectionName) -> Result<&Section, Error> {
        match self.find(name)? {
            Some(section) => Ok(section),
            None => Err(self.not_found(name)),
        }
    }

    /// Returns a section, or `None` if no file has it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigFile`] as for [`profile`](Self::profile).
    pub fn find(&self, name: &SectionName) -> Result<Option<&Section>, Error> {
        let section = self.index.get(name).map(|&at| &self.sections[at]);
        let mut problems = self.problems.iter();
        match problems.find(|problem| problem.makes_unusable(name, section)) {
            Some(problem) => Err(Error::new(ErrorKind::ConfigFile, problem.to_string())),
            None => Ok(section),
        }
    }

    fn not_found(&self, name: &SectionName) -> Error {
        let mut ignored = self.ignored.iter();
        let reason = match ignored.find(|ignored| is_meant_for(&ignored.inner, name)) {
            Some(ignored) => ignored_reason(ignored, name),
            None => self.existing(name.prefix()),
        };
        let message = format!("{name} not found: {reason}");
        Error::new(ErrorKind::ProfileNotFound, message)
    }

    /// Returns `there are dev, ci`: the names of the sections with that prefix.
    fn existing(&self, prefix: &str) -> String {
        let names: Vec<_> = self
            .sections
            .iter()
            .map(Section::name)
            .filter(|name| name.prefix() == prefix)
            .map(|name| shown(name.name()))
            .collect();
        if names.is_empty() {
            return format!("no configuration file has a {prefix}");
        }
        format!("there are {}", names.join(", "))
    }
}

/// Returns why a section is ignored, and the header to write instead.
fn ignored_reason(ignored: &IgnoredSection, name: &SectionName) -> String {
    let (inner, location) = (shown(&ignored.inner), &ignored.location);
    let cure = match header(ignored.kind, name) {
        Some(header) => format!("write {header}"),
        None => format!("rename it to a name of {NAME_CHARACTERS}"),
    };
    format!("[{inner}] at {location} is ignored because of its header: {cure}")
}

/// Returns true for a missing file, or a path through something that is not a folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
