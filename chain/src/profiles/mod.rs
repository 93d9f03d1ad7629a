//! The shared configuration and credentials files: reading them, and editing them without losing a
//! byte.
//!
//! [`ConfigFiles`] reads both files. A [`Section`] is a profile, an SSO session or a group of
//! services, from both files together; each [`Value`] knows its file and line. [`Editor`] changes
//! one of the files.

mod botocore;
mod editor;
mod line;
mod near;
mod parse;
mod problem;
mod properties;
mod section;

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

pub use editor::Editor;
pub use line::is_quoted;
use line::{NAME_CHARACTERS, folded, header, header_for, is_invisible, is_meant_for, is_quotable};
pub(crate) use near::similar_property;
use near::{SHOWN, nearest};
use parse::IgnoredSection;
use problem::MOVE_TO_CONFIG;
pub use problem::{Problem, ProblemKind, Unreadable};
pub use section::{FileKind, Part, Section, SectionName, Value};

use crate::{
    error::{Error, ErrorKind, quotable, quotable_path, shown},
    files,
    order::Order,
    variables::Variables,
};

/// The contents of both files, with the file and line of every value.
///
/// The properties of a section are read when they are first asked for, so a file may have thousands
/// of profiles.
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
    /// What is wrong with the files. What concerns only one section is in its parts.
    problems: Vec<Problem>,
    /// Those of the sections, too, once they are asked for.
    all_problems: OnceLock<Vec<Problem>>,
    /// The files that variables name and that do not exist.
    absent: Vec<(FileKind, PathBuf)>,
    /// Why botocore refuses one of the files, if the rules are its own.
    refusals: Vec<(FileKind, String)>,
}

impl ConfigFiles {
    /// Reads the files of [`Variables::config_file`] and [`Variables::credentials_file`].
    ///
    /// A file that exists but cannot be read, or is longer than [`files::MAX_LENGTH`], is among
    /// the [`problems`](Self::problems). Names are read as [`Order::Cli`] reads them.
    pub fn load(variables: &Variables) -> Self {
        Self::load_for(Order::default(), variables)
    }

    /// Reads the files as [`load`](Self::load) does, by the rules of one order.
    ///
    /// With [`Order::Cli`] a profile may have any name that the AWS CLI can write, such as
    /// `[my team]` in the credentials file. The other orders ignore a section whose name has
    /// characters other than letters, digits and `_-/.%@:+`, except where their SDK reads it. They
    /// also refuse properties that are indented below their header, which the AWS CLI reads. A file
    /// that cannot be read is only a warning for them, and counts as empty.
    pub fn load_for(order: Order, variables: &Variables) -> Self {
        Self::load_with(order, variables, |_, file| files::read(file))
    }

    /// Reads the files as [`load_for`](Self::load_for) does, with a function that reads one.
    pub(crate) fn load_with(
        order: Order,
        variables: &Variables,
        mut read: impl FnMut(FileKind, &Path) -> io::Result<Vec<u8>>,
    ) -> Self {
        let mut all = Self::default();
        for kind in [FileKind::Config, FileKind::Credentials] {
            let Some(file) = variables.file_for(order, kind) else {
                continue;
            };
            match read(kind, &file) {
                Ok(bytes) => {
                    all.add(order, kind, &file, &bytes);
                    if order == Order::Boto3 {
                        all.add_refusal(kind, &file, &bytes);
                    }
                }
                Err(error) if is_absent(&error) => {
                    if variables.raw(kind.variable()).is_some() {
                        all.absent.push((kind, file));
                    }
                }
                Err(error) => all.problems.push(Problem {
                    file,
                    file_kind: kind,
                    line: None,
                    section: None,
                    kind: ProblemKind::Unreadable(Unreadable {
                        kind: error.kind(),
                        reason: reason(&error),
                        is_named: variables.raw(kind.variable()).is_some(),
                        is_passed_over: order.rules().passes_over_unreadable_files
                            && !is_only_refused_here(&error),
                        home: variables.home(),
                    }),
                    damaged: None,
                }),
            }
        }
        all
    }

    /// Parses texts instead of files. The paths appear in locations and messages.
    pub fn parse<'a, P: AsRef<Path>>(
        texts: impl IntoIterator<Item = (FileKind, P, &'a [u8])>,
    ) -> Self {
        Self::parse_for(Order::default(), texts)
    }

    /// Parses texts by the rules of one order, as [`load_for`](Self::load_for) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{
    ///     Order,
    ///     profiles::{ConfigFiles, FileKind},
    /// };
    ///
    /// let text = (FileKind::Credentials, "credentials", &b"[my team]\n"[..]);
    /// assert!(ConfigFiles::parse_for(Order::Cli, [text]).profile("my team").is_ok());
    /// assert!(ConfigFiles::parse_for(Order::Rust, [text]).profile("my team").is_err());
    /// ```
    pub fn parse_for<'a, P: AsRef<Path>>(
        order: Order,
        texts: impl IntoIterator<Item = (FileKind, P, &'a [u8])>,
    ) -> Self {
        let mut files = Self::default();
        for (kind, path, bytes) in texts {
            files.add(order, kind, path.as_ref(), bytes);
            if order == Order::Boto3 {
                files.add_refusal(kind, path.as_ref(), bytes);
            }
        }
        files
    }

    fn add(&mut self, order: Order, kind: FileKind, path: &Path, bytes: &[u8]) {
        let mut parsed = parse::parse(order, kind, &Arc::from(path), bytes);
        self.index.reserve(parsed.sections.len());
        for (name, part) in parsed.sections {
            let at = match self.index.entry(name) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    self.sections.push(Section::new(entry.key().clone()));
                    *entry.insert(self.sections.len() - 1)
                }
            };
            parsed.problems.extend(self.sections[at].add(kind, part));
        }
        parsed.problems.sort_by_key(Problem::place);
        self.ignored.append(&mut parsed.ignored);
        self.problems.append(&mut parsed.problems);
    }

    fn add_refusal(&mut self, kind: FileKind, path: &Path, bytes: &[u8]) {
        if let Some((line, reason)) = botocore::refusal(bytes) {
            let place = path.display();
            let text = format!("{place}:{line}: boto3 and the AWS CLI refuse the file: {reason}");
            self.refusals.push((kind, text));
        }
    }

    /// Fails if botocore refuses one of the files as a whole.
    pub(crate) fn check_refusals(&self) -> Result<(), Error> {
        match self.refusals.first() {
            Some((_, text)) => Err(Error::new(ErrorKind::ConfigFile, text.clone())),
            None => Ok(()),
        }
    }

    /// Returns the contents without those of one of the files.
    pub(crate) fn without(&self, kind: FileKind) -> Self {
        let sections = self.sections.iter();
        let sections: Vec<_> = sections
            .filter_map(|section| section.without(kind))
            .collect();
        let names = sections.iter().map(|section| section.name().clone());
        let mut files = self.clone();
        files.index = names.zip(0..).collect();
        files.sections = sections;
        files.ignored.retain(|ignored| ignored.kind != kind);
        files.problems.retain(|problem| problem.file_kind != kind);
        files.refusals.retain(|(refused, _)| *refused != kind);
        files.all_problems = OnceLock::new();
        files
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
    /// assert!(problem.to_string().starts_with("config:1: [dev] is ignored"));
    /// ```
    pub fn problems(&self) -> &[Problem] {
        self.all_problems.get_or_init(|| {
            let sections = self.sections.iter().flat_map(Section::problems);
            let mut all: Vec<_> = self.problems.iter().chain(sections).cloned().collect();
            all.sort_by_key(Problem::place);
            all
        })
    }

    /// Returns the first problem because of which a file may have any section.
    pub(crate) fn hides_sections(&self) -> Option<&Problem> {
        let mut problems = self.problems.iter();
        problems.find(|problem| problem.hides_sections())
    }

    /// Returns the problems of files that exist and cannot be read at all.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = &Problem> {
        let problems = self.problems.iter();
        problems.filter(|problem| matches!(problem.kind, ProblemKind::Unreadable(_)))
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
    /// - [`ErrorKind::ProfileNotFound`] if no file has it. The message names the section that was
    ///   probably meant: one that is ignored because of its header, or up to five similar names.
    /// - [`ErrorKind::ConfigFile`] if the profile cannot be used because of a problem: see
    ///   [`ConfigFiles`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    ///
    /// let config = "[profile a b]\n";
    /// let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    /// assert_eq!(
    ///     files.profile("a b").unwrap_err().to_string(),
    ///     "profile \"a b\" not found: [profile a b] at config:1 is ignored because of its \
    ///      header: write [profile 'a b']",
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

    /// Returns the section that a property names. That there is none is an error of this kind,
    /// which begins with the line and the name of the property.
    pub(crate) fn section_of(
        &self,
        value: &Value,
        property: &str,
        name: &SectionName,
        kind: ErrorKind,
    ) -> Result<&Section, Error> {
        self.section(name).map_err(|error| match error.kind() {
            ErrorKind::ProfileNotFound => {
                let (place, error) = (value.location(), error.message());
                Error::new(kind, format!("{place}: {property}: {error}"))
            }
            _ => error,
        })
    }

    /// Returns a section as it was read, whatever its problems.
    pub(crate) fn get(&self, name: &SectionName) -> Option<&Section> {
        self.index.get(name).map(|&at| &self.sections[at])
    }

    /// Returns a section, or `None` if no file has it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigFile`] as for [`profile`](Self::profile).
    pub fn find(&self, name: &SectionName) -> Result<Option<&Section>, Error> {
        match self.unusable(name, |_| false) {
            Some(problem) => Err(Error::from_problem(problem)),
            None => Ok(self.get(name)),
        }
    }

    /// Returns the first problem of those that make a section unusable, and of `others`.
    fn unusable(&self, name: &SectionName, others: fn(&Problem) -> bool) -> Option<&Problem> {
        let section = self.get(name);
        let own = section.into_iter().flat_map(Section::problems);
        let problems = self.problems.iter().chain(own);
        problems
            .filter(|problem| others(problem) || problem.makes_unusable(name, section))
            .min_by_key(|problem| (problem.file_kind, problem.line))
    }

    /// Fails if a section cannot be used, or if a new line could make its lines those of another:
    /// an indented header would continue its value. An edit would not make it usable.
    fn check_edit(&self, name: &SectionName) -> Result<(), Error> {
        match self.unusable(name, |problem| problem.kind == ProblemKind::IndentedHeader) {
            Some(problem) => Err(Error::from_problem(problem)),
            None => Ok(()),
        }
    }

    fn not_found(&self, name: &SectionName) -> Error {
        let reason = self.slip(name).unwrap_or_else(|| self.similar(name));
        let name = match (name, quotable(name.name())) {
            (SectionName::Profile(_), _) | (_, Some(_)) => name.to_string(),
            // Only a profile may be named, however long it is.
            (_, None) => format!("{} section", name.prefix()),
        };
        let mut message = format!("{name} not found: {reason}");
        for (kind, file) in &self.absent {
            let variable = kind.variable();
            message.push_str(&match quotable_path(file) {
                Some(file) => format!("; {variable} names {file}, which does not exist"),
                None => format!("; {variable} names a file that does not exist"),
            });
        }
        Error::new(ErrorKind::ProfileNotFound, message)
    }

    /// Returns the section that was certainly meant by one that no file has: it is ignored because
    /// of its header, or differs in quotes or case.
    pub(crate) fn slip(&self, name: &SectionName) -> Option<String> {
        let mut ignored = self.ignored.iter();
        if let Some(ignored) = ignored.find(|ignored| is_meant_for(&ignored.inner, name)) {
            return Some(ignored_reason(ignored, name));
        }
        let find = |wanted: &str| {
            let mut same = self.same_kind(name);
            same.find(|section| folded(section.name().name().trim()) == folded(wanted))
        };
        let unquoted = unquoted(name.name());
        if let Some(section) = find(unquoted) {
            let found = section.name().name();
            let difference = if found.trim() != found {
                "has whitespace inside its brackets, which is part of its name: remove it"
            } else if found == name.name().trim() {
                "has no spaces around its name: remove them"
            } else if found == unquoted {
                "has no quotes: remove them"
            } else if found.contains(is_invisible) {
                "has an invisible character: write the header again"
            } else {
                "differs in case"
            };
            return Some(format!("{} {difference}", located(section)));
        }
        let section = find(without_prefix(name)?)?;
        let (place, found) = (located(section), shown(section.name().name()));
        let prefix = name.prefix();
        Some(format!(
            "{place} has the name {found}: leave out \"{prefix}\""
        ))
    }

    /// Returns the names that are similar, or else some of those that there are.
    fn similar(&self, name: &SectionName) -> String {
        let names: Vec<_> = self
            .same_kind(name)
            .map(|section| section.name().name())
            .collect();
        let near = nearest(unquoted(name.name()), names.iter().copied());
        if names.is_empty() {
            return match name {
                SectionName::Profile(_) => "no configuration file has a profile".to_owned(),
                _ => format!("no configuration file has a [{} NAME]", name.prefix()),
            };
        }
        if names.len() > SHOWN && !near.is_empty() {
            return format!("did you mean {}?", listed(&near));
        }
        match names.split_at_checked(SHOWN) {
            Some((some, more)) if !more.is_empty() => {
                format!("there are {} and {} more", listed(some), more.len())
            }
            _ => format!("there are {}", listed(&names)),
        }
    }

    /// Returns the sections with the same prefix.
    fn same_kind(&self, name: &SectionName) -> impl Iterator<Item = &Section> {
        let prefix = name.prefix();
        self.sections
            .iter()
            .filter(move |section| section.name().prefix() == prefix)
    }
}

/// Returns the name without the prefix that headers of the config file have: `dev` for a profile
/// `profile dev`.
fn without_prefix(name: &SectionName) -> Option<&str> {
    let rest = name.name().trim().strip_prefix(name.prefix())?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim())
}

/// Removes the quotes that a shell or an environment file left around a name.
pub(crate) fn unquoted(name: &str) -> &str {
    name.trim().trim_matches(['"', '\''])
}

fn listed(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| shown(name)).collect();
    names.join(", ")
}

/// Returns `[Default] at credentials:1`.
fn located(section: &Section) -> String {
    let kinds = [FileKind::Config, FileKind::Credentials];
    let mut parts = kinds
        .into_iter()
        .filter_map(|kind| Some((kind, section.part(kind)?)));
    let name = section.name();
    match parts.next() {
        Some((kind, part)) => {
            let header = header(kind, name).unwrap_or_else(|| shown(name.name()));
            format!("{header} at {}", part.location())
        }
        None => name.to_string(),
    }
}

/// Returns why a section is ignored, and the header to write instead.
fn ignored_reason(ignored: &IgnoredSection, name: &SectionName) -> String {
    let (inner, location) = (shown(&ignored.inner), &ignored.location);
    let cure = match header_for(ignored.order, ignored.kind, name) {
        Some(header) => format!("write {header}"),
        None if ignored.kind == FileKind::Credentials && name.prefix() != "profile" => {
            MOVE_TO_CONFIG.to_owned()
        }
        None => match without_prefix(name) {
            // The prefix is not part of a name.
            Some(bare) if is_quotable(bare) => {
                let (bare, prefix) = (shown(bare), name.prefix());
                format!("write [{bare}], and leave out \"{prefix}\" in the name")
            }
            _ => format!("rename it to a name of {NAME_CHARACTERS}"),
        },
    };
    format!("[{inner}] at {location} is ignored because of its header: {cure}")
}

/// Returns why a file cannot be read, without the number of the error.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => text.replace(&format!(" (os error {code})"), ""),
        None => text,
    }
}

/// Returns true if an SDK would not fail to read the file: it would wait for it, or read all of it.
fn is_only_refused_here(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::FileTooLarge | io::ErrorKind::TimedOut
    )
}

/// Returns true for a missing file, a path through something that is not a folder, and a name that
/// no file can have.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}
