use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
};

/// A snapshot of the environment: the variables, the kind of system, and the home folder the system names.
///
/// Everything in this crate reads the environment from one of these, so a test needs no process of its own and two
/// chains in one process can see two environments. `Debug` shows the names of the variables, never a value.
///
/// # Examples
///
/// ```
/// use keyfob_chain::Env;
///
/// let env = Env::from_iter([("HOME", "/home/ada"), ("AWS_PROFILE", " ")]);
/// assert_eq!(env.text("HOME"), Some("/home/ada"));
/// assert_eq!(env.text("AWS_PROFILE"), None);
/// ```
#[derive(Clone, Default)]
pub struct Env {
    variables: BTreeMap<OsString, Variable>,
    platform: Platform,
    home: Option<PathBuf>,
}

#[derive(Clone)]
struct Variable {
    raw: OsString,
    text: String,
}

/// Which rules for paths apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// `/` separates, `HOME` is home.
    Unix,
    /// `\` separates, `USERPROFILE` or `HOMEDRIVE` and `HOMEPATH` are home when `HOME` is not set.
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

impl Env {
    /// The environment of this process, as it is now.
    pub fn from_process() -> Self {
        Self::from_iter(std::env::vars_os()).with_system_home(std::env::home_dir())
    }

    /// For another kind of system than the one this was built for.
    #[must_use]
    pub fn with_platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// The home folder the system knows of, used when no variable names one.
    #[must_use]
    pub fn with_system_home(mut self, home: Option<PathBuf>) -> Self {
        self.home = home;
        self
    }

    /// With a variable set, or set to something else.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables
            .insert(key(name.into()), Variable::new(value.into()));
        self
    }

    /// The value without the blanks around it, if the variable is set and is not blank. What is not Unicode is
    /// replaced by U+FFFD, so that nobody takes such a variable for one that is not set.
    pub fn text(&self, name: &str) -> Option<&str> {
        let text = self.variables.get(OsStr::new(name))?.text.trim();
        Some(text).filter(|text| !text.is_empty())
    }

    /// What there is to say of a variable without a [`text`](Self::text): that it is `empty`, or `not set`.
    pub(crate) fn lack(&self, name: &str) -> &'static str {
        match self.raw(name) {
            Some(_) => "empty",
            None => "not set",
        }
    }

    /// The value as the system has it, if the variable is set, even to nothing.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        Some(&self.variables.get(OsStr::new(name))?.raw)
    }

    /// The home folder: `HOME`; on Windows then `USERPROFILE`, then `HOMEDRIVE` with `HOMEPATH`; then what the
    /// system says.
    ///
    /// Source: SDKs and Tools Reference Guide, "Location of the shared config and credentials files".
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

    /// Where the shared configuration file is: `AWS_CONFIG_FILE`, or `.aws/config` in the home folder. Nothing when
    /// the variable is set to nothing, or when there is no home folder.
    pub fn config_file(&self) -> Option<PathBuf> {
        self.shared_file("AWS_CONFIG_FILE", "config")
    }

    /// Where the shared credentials file is: `AWS_SHARED_CREDENTIALS_FILE`, or `.aws/credentials` in the home
    /// folder. Nothing as in [`config_file`](Self::config_file).
    pub fn credentials_file(&self) -> Option<PathBuf> {
        self.shared_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")
    }

    fn shared_file(&self, variable: &str, name: &str) -> Option<PathBuf> {
        match self.raw(variable) {
            Some(path) if path.is_empty() => None,
            Some(path) => Some(self.expand(path)),
            None => Some(self.under(self.home()?, &[".aws", name])),
        }
    }

    /// A first component that is exactly `~` stands for the home folder; `~user` stands for itself.
    fn expand(&self, path: &OsStr) -> PathBuf {
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

    /// A path below another, with the separator of this environment's system, not of the one this runs on.
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
    fn new(raw: OsString) -> Self {
        let text = raw.to_string_lossy().into_owned();
        Self { raw, text }
    }
}

/// The name under which a variable is kept: Windows does not tell `Path` from `PATH`.
fn key(name: OsString) -> OsString {
    match cfg!(windows) {
        true => name.to_ascii_uppercase(),
        false => name,
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(name, value)| (key(name.into()), Variable::new(value.into())))
                .collect(),
            ..Self::default()
        }
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("variables", &self.variables.keys())
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
        let env = Env::from_iter([("HOME", "/home/ada")]);
        for (given, path) in [
            ("~/aws/config", "/home/ada/aws/config"),
            ("~", "/home/ada"),
            ("~bob/config", "~bob/config"),
            ("/~/config", "/~/config"),
        ] {
            let env = env.clone().with("AWS_CONFIG_FILE", given);
            assert_eq!(env.config_file(), Some(path.into()), "{given}");
        }
    }

    #[test]
    fn without_a_home_or_with_an_empty_variable_there_is_no_file() {
        assert_eq!(Env::default().config_file(), None);
        let env = Env::from_iter([("HOME", "/h"), ("AWS_SHARED_CREDENTIALS_FILE", "")]);
        assert_eq!(env.credentials_file(), None);
        assert_eq!(env.config_file(), Some("/h/.aws/config".into()));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_unicode_is_not_taken_for_not_set() {
        use std::os::unix::ffi::OsStrExt as _;

        let env = Env::default().with("AWS_PROFILE", OsStr::from_bytes(b"dev\xff"));
        assert_eq!(env.text("AWS_PROFILE"), Some("dev\u{fffd}"));
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let env = Env::from_iter([("AWS_SECRET_ACCESS_KEY", "canary")]);
        let shown = format!("{env:?}");
        assert!(shown.contains("AWS_SECRET") && !shown.contains("canary"));
    }
}
