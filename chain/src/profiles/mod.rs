use std::{collections::HashMap, fs, io, path::Path, sync::Arc};

use crate::{
    env::Env,
    error::{Error, ErrorKind},
};

mod edit;
mod editor;
mod line;
mod lock;
mod parse;
mod problem;
mod section;

pub use editor::{Editor, Saved};
pub use problem::{Problem, ProblemKind};
pub use section::{FileKind, Part, Section, SectionName, Value};

/// The shared configuration and credentials files, with file and line of every value.
///
/// A file that is not there is an empty one. A line that cannot be read spoils the section it stands in, and only
/// when that section is asked for: the others stay usable. Where the header cannot be read, nobody knows which section
/// that is: it spoils those of which its file says nothing else. A file that cannot be read spoils them all.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{FileKind, Profiles};
///
/// let profiles = Profiles::parse([
///     (FileKind::Config, "/home/ada/.aws/config", "[default]\nregion = eu-west-1 # home\n".as_bytes()),
///     (FileKind::Credentials, "/home/ada/.aws/credentials", b"[ci]\naws_access_key_id\n"),
/// ]);
/// let region = profiles.profile("default")?.get("region").unwrap();
/// assert_eq!(region.as_str(), "eu-west-1");
/// assert_eq!(region.location().to_string(), "/home/ada/.aws/config:2");
/// assert_eq!(
///     profiles.profile("ci").unwrap_err().to_string(),
///     "/home/ada/.aws/credentials:2: a line without \"=\": write NAME = VALUE",
/// );
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    sections: Vec<Section>,
    index: HashMap<SectionName, usize>,
    problems: Vec<Problem>,
}

impl Profiles {
    /// Reads the files that the environment names, see [`Env::config_file`] and [`Env::credentials_file`].
    ///
    /// A file that is there and cannot be read is in [`problems`](Self::problems).
    pub fn load(env: &Env) -> Self {
        let mut profiles = Self::default();
        let files = [
            (FileKind::Config, env.config_file()),
            (FileKind::Credentials, env.credentials_file()),
        ];
        for (kind, file) in files {
            let Some(file) = file else { continue };
            match fs::read(&file) {
                Ok(bytes) => profiles.add(kind, &file, &bytes),
                Err(error) if is_absent(&error) => {}
                Err(error) => profiles.problems.push(Problem {
                    file,
                    file_kind: kind,
                    line: None,
                    section: None,
                    kind: ProblemKind::Unreadable(error.kind().to_string()),
                }),
            }
        }
        profiles
    }

    /// Reads texts instead of files; the paths are what locations and messages say.
    pub fn parse<'a, P: AsRef<Path>>(
        files: impl IntoIterator<Item = (FileKind, P, &'a [u8])>,
    ) -> Self {
        let mut profiles = Self::default();
        for (kind, path, bytes) in files {
            profiles.add(kind, path.as_ref(), bytes);
        }
        profiles
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
        self.problems.append(&mut parsed.problems);
    }

    /// Everything the reader could not use, and everything other tools read otherwise.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The names of the profiles: those of the config file in its order, then those that only the credentials file
    /// has, in its order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections
            .iter()
            .filter_map(|section| match section.name() {
                SectionName::Profile(name) => Some(name.as_str()),
                _ => None,
            })
    }

    /// All sections, in the order of [`names`](Self::names), with or without errors in them.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter()
    }

    /// A profile.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ProfileNotFound`], with the names there are; [`ErrorKind::ConfigFile`] when a line of the
    /// profile or a whole file cannot be read, or when a file does not have the profile and has lines of which nobody
    /// can say to which section they belong.
    pub fn profile(&self, name: &str) -> Result<&Section, Error> {
        self.section(&SectionName::profile(name))
    }

    /// A section of any kind.
    ///
    /// # Errors
    ///
    /// As [`profile`](Self::profile).
    pub fn section(&self, name: &SectionName) -> Result<&Section, Error> {
        match self.find(name)? {
            Some(section) => Ok(section),
            None => Err(self.not_found(name)),
        }
    }

    /// A section, or nothing when no file has it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigFile`] as for [`profile`](Self::profile).
    pub fn find(&self, name: &SectionName) -> Result<Option<&Section>, Error> {
        let section = self.index.get(name).map(|&at| &self.sections[at]);
        let spoils = |problem: &&Problem| problem.spoils(name, section);
        match self.problems.iter().find(spoils) {
            Some(problem) => Err(Error::new(ErrorKind::ConfigFile, problem.to_string())),
            None => Ok(section),
        }
    }

    fn not_found(&self, name: &SectionName) -> Error {
        let same_kind = |section: &&Section| {
            std::mem::discriminant(section.name()) == std::mem::discriminant(name)
        };
        let names: Vec<_> = self
            .sections
            .iter()
            .filter(same_kind)
            .map(|section| section.name().name().escape_debug().to_string())
            .collect();
        let there = match names.is_empty() {
            true => "no file has any".to_owned(),
            false => format!("there are {}", names.join(", ")),
        };
        Error::new(
            ErrorKind::ProfileNotFound,
            format!("{name} not found: {there}"),
        )
    }
}

/// A missing file, or a path through something that is no folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
