use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
};

use crate::{
    config::table,
    order::{Order, Paths},
    profiles::FileKind,
};

/// The variable that names another config file.
pub(crate) const CONFIG_FILE: &str = table::CONFIG_FILE.name();

/// The variable that names another credentials file.
pub(crate) const CREDENTIALS_FILE: &str = table::SHARED_CREDENTIALS_FILE.name();

/// A snapshot of the environment: its variables, the kind of operating system, and the home folder.
///
/// This crate reads the environment from here only, so a test needs no process of its own, and two
/// chains in one process can see two environments. `Debug` shows the names of the variables, never
/// a value.
///
/// # Examples
///
/// ```
/// use keyfob_chain::Variables;
///
/// let variables = Variables::from_iter([("HOME", "/home/ada"), ("AWS_PROFILE", " ")]);
/// assert_eq!(variables.text("HOME"), Some("/home/ada"));
/// // Only whitespace counts as not set.
/// assert_eq!(variables.text("AWS_PROFILE"), None);
/// ```
#[derive(Clone, Default)]
pub struct Variables {
    /// In the order in which they were set. Of two with one name, the last one counts.
    variables: Vec<Variable>,
    platform: Platform,
    home: Option<PathBuf>,
}

#[derive(Clone)]
struct Variable {
    name: OsString,
    raw: OsString,
    /// The value with U+FFFD for what is not Unicode, if some of it is not.
    lossy: Option<String>,
}

/// The rules for paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// `/` separates; `HOME` is the home folder.
    Unix,
    /// `\` and `/` separate. If `HOME` is not set, the home folder is `USERPROFILE`, or else
    /// `HOMEDRIVE` followed by `HOMEPATH`.
    Windows,
}

impl Default for Platform {
    fn default() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else {
            Self::Unix
        }
    }
}

impl Variables {
    /// Takes a snapshot of this process's environment.
    pub fn from_process() -> Self {
        Self::from_iter(std::env::vars_os()).with_system_home(std::env::home_dir())
    }

    /// Sets the rules for paths. The default is that of the system this was built for.
    #[must_use]
    pub fn with_platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// Returns the rules for paths and commands.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// Sets the home folder to use if no variable names one.
    #[must_use]
    pub fn with_system_home(mut self, home: Option<PathBuf>) -> Self {
        self.home = home;
        self
    }

    /// Sets a variable.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::Variables;
    ///
    /// let variables = Variables::from_process().with("AWS_PROFILE", "dev");
    /// assert_eq!(variables.text("AWS_PROFILE"), Some("dev"));
    /// ```
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables
            .push(Variable::new(name.into(), value.into()));
        self
    }

    /// Removes variables.
    pub(crate) fn without(mut self, names: &[String]) -> Self {
        let is_gone = |variable: &Variable| names.iter().any(|name| variable.name == **name);
        self.variables.retain(|variable| !is_gone(variable));
        self
    }

    /// Returns the value without surrounding whitespace. Returns `None` if nothing is left.
    ///
    /// Bytes that are not Unicode become U+FFFD, so that such a variable does not look unset.
    pub fn text(&self, name: &str) -> Option<&str> {
        let text = self.untrimmed(name)?.trim();
        Some(text).filter(|text| !text.is_empty())
    }

    /// Returns the value with its surrounding whitespace, unless it is empty.
    pub(crate) fn untrimmed(&self, name: &str) -> Option<&str> {
        let variable = self.get(name)?;
        let text = variable.lossy.as_deref().or(variable.raw.to_str())?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// Returns why a variable has no [`text`](Self::text): it is `empty` or `not set`.
    pub(crate) fn missing_reason(&self, name: &str) -> &'static str {
        match self.raw(name) {
            Some(_) => "empty",
            None => "not set",
        }
    }

    /// Returns the value as the system has it, even if it is empty.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        Some(&self.get(name)?.raw)
    }

    /// Finds a variable. There are few, and most programs look up only some of them, so nothing is
    /// sorted.
    fn get(&self, name: &str) -> Option<&Variable> {
        let named = |variable: &&Variable| variable.name == name;
        self.variables.iter().rfind(named)
    }

    /// Returns the home folder: `HOME`; on Windows then `USERPROFILE`, then `HOMEDRIVE` followed by
    /// `HOMEPATH`; then that of [`with_system_home`](Self::with_system_home).
    ///
    /// Source: SDKs and Tools Reference Guide, "Location of the shared config and credentials
    /// files".
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Platform, Variables};
    ///
    /// let variables = Variables::from_iter([("USERPROFILE", r"C:\Users\ada")]);
    /// let home = variables.with_platform(Platform::Windows).home();
    /// assert_eq!(home, Some(r"C:\Users\ada".into()));
    /// ```
    pub fn home(&self) -> Option<PathBuf> {
        let set = |name| self.raw(name).filter(|value| !value.is_empty());
        let windows = || {
            if self.platform != Platform::Windows {
                return None;
            }
            set("USERPROFILE").map(OsStr::to_owned).or_else(|| {
                let mut home = set("HOMEDRIVE")?.to_owned();
                home.push(set("HOMEPATH")?);
                Some(home)
            })
        };
        set("HOME")
            .map(OsStr::to_owned)
            .or_else(windows)
            .map(PathBuf::from)
            .or_else(|| self.home.clone())
    }

    /// Returns the path of the shared config file: `AWS_CONFIG_FILE`, or else `.aws/config` in the
    /// home folder. Returns `None` if the variable is set but empty, or if there is no home folder.
    ///
    /// In the variable, `$NAME` and `${NAME}` become the value of that variable, and a first
    /// component `~` becomes the home folder, as in botocore.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::Variables;
    ///
    /// let variables = Variables::from_iter([("HOME", "/home/ada")]);
    /// assert_eq!(variables.config_file(), Some("/home/ada/.aws/config".into()));
    /// ```
    pub fn config_file(&self) -> Option<PathBuf> {
        self.file_for(Order::default(), FileKind::Config)
    }

    /// Returns the path of the shared credentials file: `AWS_SHARED_CREDENTIALS_FILE`, or else
    /// `.aws/credentials` in the home folder. Returns `None` as [`config_file`](Self::config_file)
    /// does.
    pub fn credentials_file(&self) -> Option<PathBuf> {
        self.file_for(Order::default(), FileKind::Credentials)
    }

    /// Returns the path of a shared file by the rules of an order.
    pub(crate) fn file_for(&self, order: Order, kind: FileKind) -> Option<PathBuf> {
        let rules = order.rules();
        let name = match kind {
            FileKind::Config => "config",
            FileKind::Credentials => "credentials",
        };
        let is_set = |path: &&OsStr| !path.is_empty() || !rules.passes_over_empty_paths;
        match self.raw(kind.variable()).filter(is_set) {
            Some(path) if path.is_empty() => None,
            Some(path) => Some(self.path_for(rules.paths, path)),
            None => Some(self.under(self.home()?, &[".aws", name])),
        }
    }

    fn path_for(&self, paths: Paths, path: &OsStr) -> PathBuf {
        match paths {
            Paths::Expanded => self.expanded(path),
            Paths::Home => self.with_home(path),
            Paths::Verbatim => path.into(),
        }
    }

    /// Returns the names, each once.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<_> = self
            .variables
            .iter()
            .map(|variable| &variable.name)
            .collect();
        names.into_iter().filter_map(|name| name.to_str())
    }

    /// Returns the path in a variable that is not empty. Only what reads the paths of the shared
    /// files as botocore does replaces something in it.
    #[cfg(feature = "login")]
    pub(crate) fn folder_for(&self, order: Order, name: &str) -> Option<PathBuf> {
        let path = OsStr::new(self.text(name)?);
        Some(match order.rules().paths {
            Paths::Expanded => self.expanded(path),
            Paths::Home | Paths::Verbatim => path.into(),
        })
    }

    /// Returns a path as those of the shared files are read.
    pub(crate) fn expanded(&self, path: &OsStr) -> PathBuf {
        self.with_home(&self.expand(path))
    }

    /// Replaces `$NAME` and `${NAME}`, and on Windows `%NAME%`, by the value of that variable. What
    /// names no variable that is set stays as it is, as in Python's `os.path.expandvars`.
    fn expand(&self, path: &OsStr) -> OsString {
        let Some(mut rest) = path.to_str() else {
            return path.to_owned();
        };
        let mut expanded = OsString::new();
        while let Some(at) = rest.find(['$', '%']) {
            let (before, reference) = rest.split_at(at);
            expanded.push(before);
            let known = reference_at(reference, self.platform)
                .and_then(|(name, length)| Some((self.raw(name)?, length)));
            // Without a known name, only the sign itself is certain.
            let (text, length) = known.unwrap_or((OsStr::new(&reference[..1]), 1));
            expanded.push(text);
            rest = &reference[length..];
        }
        expanded.push(rest);
        expanded
    }

    /// Replaces a first component that is exactly `~` by the home folder. `~user` is not expanded,
    /// as in the AWS SDKs.
    pub(crate) fn with_home(&self, path: &OsStr) -> PathBuf {
        let separators: &[char] = match self.platform {
            Platform::Unix => &['/'],
            Platform::Windows => &['/', '\\'],
        };
        let rest = path
            .to_str()
            .and_then(|path| path.strip_prefix('~'))
            .filter(|rest| rest.is_empty() || rest.starts_with(separators));
        match (rest, self.home()) {
            (Some(rest), Some(home)) => {
                let mut path = home.into_os_string();
                path.push(rest);
                path.into()
            }
            _ => path.into(),
        }
    }

    /// Appends names to a path, with the separator of this platform, not of the one this runs on.
    fn under(&self, folder: PathBuf, names: &[&str]) -> PathBuf {
        let separator = match self.platform {
            Platform::Unix => "/",
            Platform::Windows => "\\",
        };
        let mut path = folder.into_os_string();
        for name in names {
            path.push(separator);
            path.push(name);
        }
        path.into()
    }
}

impl Variable {
    fn new(name: OsString, raw: OsString) -> Self {
        // Decoded once, so that `text` can return a reference.
        let is_text = raw.to_str().is_some();
        let lossy = (!is_text).then(|| raw.to_string_lossy().into_owned());
        let name = key(name);
        Self { name, raw, lossy }
    }
}

/// Returns the name in a reference to a variable at the start of the text, and the length of the
/// reference.
fn reference_at(text: &str, platform: Platform) -> Option<(&str, usize)> {
    if let Some(rest) = text.strip_prefix('%') {
        let (name, _) = rest
            .split_once('%')
            .filter(|_| platform == Platform::Windows)?;
        return Some((name, name.len() + 2));
    }
    let rest = text.strip_prefix('$')?;
    if let Some(rest) = rest.strip_prefix('{') {
        let (name, _) = rest.split_once('}')?;
        return Some((name, name.len() + 3));
    }
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let name = &rest[..end.unwrap_or(rest.len())];
    Some((name, name.len() + 1)).filter(|_| !name.is_empty())
}

/// Returns the key of a variable in the map. On Windows `Path` and `PATH` are the same variable.
fn key(name: OsString) -> OsString {
    if cfg!(windows) {
        name.to_ascii_uppercase()
    } else {
        name
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(name, value)| Variable::new(name.into(), value.into()))
                .collect(),
            ..Self::default()
        }
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: BTreeSet<_> = self
            .variables
            .iter()
            .map(|variable| &variable.name)
            .collect();
        f.debug_struct("Variables")
            .field("variables", &names)
            .field("platform", &self.platform)
            .field("home", &self.home)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_home_only_as_a_whole_component() {
        let variables = Variables::from_iter([("HOME", "/home/ada")]);
        for (given, path) in [
            ("~/aws/config", "/home/ada/aws/config"),
            ("~", "/home/ada"),
            ("~bob/config", "~bob/config"),
            ("/~/config", "/~/config"),
        ] {
            let variables = variables.clone().with("AWS_CONFIG_FILE", given);
            assert_eq!(variables.config_file(), Some(path.into()), "{given}");
        }
    }

    #[test]
    fn variables_in_the_path_of_a_file_are_replaced_as_botocore_does() {
        let variables = Variables::from_iter([
            ("HOME", "/home/ada"),
            ("TEAM", "blue"),
            ("TILDE", "~"),
            ("EMPTY", ""),
        ]);
        for (given, unix, windows) in [
            ("$HOME/aws", "/home/ada/aws", "/home/ada/aws"),
            ("/etc/${TEAM}x/$TEAM", "/etc/bluex/blue", "/etc/bluex/blue"),
            ("$TILDE/aws", "/home/ada/aws", "/home/ada/aws"),
            ("/a$EMPTY/b", "/a/b", "/a/b"),
            ("/%TEAM%/b", "/%TEAM%/b", "/blue/b"),
            ("/$TEAMS/${TEAM", "/$TEAMS/${TEAM", "/$TEAMS/${TEAM"),
            ("/$/$é/100%", "/$/$é/100%", "/$/$é/100%"),
        ] {
            let variables = variables.clone().with("AWS_CONFIG_FILE", given);
            for (platform, path) in [(Platform::Unix, unix), (Platform::Windows, windows)] {
                let file = variables.clone().with_platform(platform).config_file();
                assert_eq!(file, Some(path.into()), "{given}");
            }
        }
    }

    #[test]
    fn without_a_home_or_with_an_empty_variable_there_is_no_file() {
        assert_eq!(Variables::default().config_file(), None);
        let variables = Variables::from_iter([("HOME", "/h"), ("AWS_SHARED_CREDENTIALS_FILE", "")]);
        assert_eq!(variables.credentials_file(), None);
        assert_eq!(variables.config_file(), Some("/h/.aws/config".into()));
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_unicode_does_not_look_unset() {
        use std::os::unix::ffi::OsStrExt as _;

        let variables = Variables::default().with("AWS_PROFILE", OsStr::from_bytes(b"dev\xff"));
        assert_eq!(variables.text("AWS_PROFILE"), Some("dev\u{fffd}"));
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let variables = Variables::from_iter([("AWS_SECRET_ACCESS_KEY", "canary")]);
        let shown = format!("{variables:?}");
        assert!(shown.contains("AWS_SECRET") && !shown.contains("canary"));
    }
}
