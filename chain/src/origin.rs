use std::{
    fmt,
    path::{Path, PathBuf, is_separator},
    sync::Arc,
};

use keyfob_sigv4::printable;
use serde::Serialize;

/// A line of a file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    file: Arc<Path>,
    line: u32,
}

impl Location {
    pub(crate) fn new(file: Arc<Path>, line: u32) -> Self {
        Self { file, line }
    }

    /// Returns the file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the line, counted from 1.
    pub fn line(&self) -> u32 {
        self.line
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Where credentials, a region or a profile name came from.
///
/// It serializes as an object whose `kind` is the variant's name in snake case. Its text is for
/// people.
///
/// # Examples
///
/// ```
/// use keyfob_chain::Origin;
///
/// let file = "/home/ada/.aws/config".into();
/// let origin = Origin::File { file, line: 3, section: "dev".to_owned() };
/// assert_eq!(origin.to_string(), "[dev] in /home/ada/.aws/config:3");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// Nothing was configured, so the documented default applies.
    Default,
    /// An argument of the program, or the program itself.
    Argument {
        /// What the program calls it, such as `--region`.
        name: String,
    },
    /// Environment variables.
    Environment {
        /// Their names, in the documented order.
        variables: Vec<String>,
    },
    /// System properties of Java.
    SystemProperties {
        /// Their names, in the documented order.
        names: Vec<String>,
        /// The variable that sets them, or `None` if the program does.
        #[serde(skip_serializing_if = "Option::is_none")]
        variable: Option<String>,
    },
    /// A line of a configuration file.
    File {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: u32,
        /// The name of the section, without its prefix. Empty for a line that is in none.
        section: String,
    },
    /// The instance metadata service, version 2.
    InstanceMetadata {
        /// The name of the instance's role, if it was needed.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    },
    /// The credential agent of an ECS task or an EKS pod.
    Container {
        /// The variable that holds its address.
        variable: String,
    },
    /// A session of a role that STS issued.
    Role {
        /// The ARN of the role.
        arn: String,
        /// Where the role is configured.
        named_in: Box<Origin>,
    },
    /// A role of IAM Identity Center.
    Sso {
        /// The account of the role.
        account_id: String,
        /// The name of the role, which is that of a permission set.
        role_name: String,
        /// Where the role is configured.
        named_in: Box<Origin>,
    },
    /// A console session of `aws login`.
    Login {
        /// The ARN of who signed in.
        session: String,
        /// Where the session is configured.
        named_in: Box<Origin>,
    },
    /// A program that writes credentials.
    Process {
        /// Where it is configured.
        named_in: Box<Origin>,
    },
    /// A custom provider.
    Other {
        /// How the provider describes itself.
        description: String,
    },
}

impl Origin {
    /// Returns the text for people, with `~` for the home folder in the path of a file.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use keyfob_chain::Origin;
    ///
    /// let file = "/home/ada/.aws/config".into();
    /// let origin = Origin::File { file, line: 3, section: "dev".to_owned() };
    /// assert_eq!(origin.text(Some(Path::new("/home/ada"))), "[dev] in ~/.aws/config:3");
    /// ```
    pub fn text(&self, home: Option<&Path>) -> String {
        self.below(home).to_string()
    }

    /// Returns the text as [`text`](Self::text) does, with names and paths as they are: for JSON,
    /// which escapes them itself, and never for a terminal.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::Origin;
    ///
    /// let file = "/home/ada/.aws/config".into();
    /// let origin = Origin::File { file, line: 3, section: "\u{1b}".to_owned() };
    /// let home = Some("/home/ada".as_ref());
    /// assert_eq!(origin.plain_text(home), "[\u{1b}] in ~/.aws/config:3");
    /// assert_eq!(origin.text(home), "[\\u{1b}] in ~/.aws/config:3");
    /// ```
    pub fn plain_text(&self, home: Option<&Path>) -> String {
        self.below(home).raw()
    }

    /// Returns the text as it is, for data and for the message of an error.
    pub(crate) fn raw(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        _ = self.write_raw(&mut text);
        text
    }

    /// Returns `~/.aws/config:3` for a line of a file.
    pub(crate) fn place(&self, home: Option<&Path>) -> Option<String> {
        match self.below(home) {
            Self::File { file, line, .. } => Some(format!("{}:{line}", file.display())),
            _ => None,
        }
    }

    /// Replaces the home folder by `~` in the path of a file.
    fn below(&self, home: Option<&Path>) -> Self {
        match self {
            Self::File {
                file,
                line,
                section,
            } => Self::File {
                file: home
                    .and_then(|home| file.strip_prefix(home).ok())
                    .map_or_else(|| file.clone(), |rest| Path::new("~").join(rest)),
                line: *line,
                section: section.clone(),
            },
            Self::Role { arn, named_in } => Self::Role {
                arn: arn.clone(),
                named_in: Box::new(named_in.below(home)),
            },
            Self::Sso {
                account_id,
                role_name,
                named_in,
            } => Self::Sso {
                account_id: account_id.clone(),
                role_name: role_name.clone(),
                named_in: Box::new(named_in.below(home)),
            },
            Self::Login { session, named_in } => Self::Login {
                session: session.clone(),
                named_in: Box::new(named_in.below(home)),
            },
            Self::Process { named_in } => Self::Process {
                named_in: Box::new(named_in.below(home)),
            },
            other => other.clone(),
        }
    }

    pub(crate) fn environment(variables: &[&str]) -> Self {
        Self::Environment {
            variables: variables.iter().map(ToString::to_string).collect(),
        }
    }

    pub(crate) fn file(location: &Location, section: &str) -> Self {
        Self::File {
            file: location.file().to_owned(),
            line: location.line(),
            section: section.to_owned(),
        }
    }
}

/// Returns a text with `~` for the home folder where one of its paths begins with it. In single
/// quotes, where `~` means nothing to a shell, it stays.
///
/// # Examples
///
/// ```
/// use std::path::Path;
///
/// use keyfob_chain::with_tilde;
///
/// let home = Some(Path::new("/home/ada"));
/// let text = "cannot write /home/ada/.aws/config: http://host/home/ada/x is no file";
/// assert_eq!(
///     with_tilde(text, home),
///     "cannot write ~/.aws/config: http://host/home/ada/x is no file",
/// );
/// assert_eq!(with_tilde("chmod 600 '/home/ada/a b'", home), "chmod 600 '/home/ada/a b'");
/// ```
pub fn with_tilde(text: &str, home: Option<&Path>) -> String {
    let home = home.and_then(Path::to_str).unwrap_or_default();
    let home = home.trim_end_matches(is_separator);
    if home.is_empty() {
        return text.to_owned();
    }
    let starts_path = |last: char| last.is_whitespace() || "\"([".contains(last);
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(home) {
        out += before;
        let is_path = out.chars().next_back().is_none_or(starts_path);
        let is_home = is_path && after.starts_with(is_separator);
        out += if is_home { "~" } else { home };
        rest = after;
    }
    out + rest
}

/// Writes it for people, such as `AWS_REGION` or `[dev] in /home/ada/.aws/config:3`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.raw()))
    }
}

impl Origin {
    fn write_raw(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Argument { name } => f.write_str(name),
            Self::Environment { variables } => f.write_str(&variables.join(", ")),
            Self::SystemProperties { names, variable } => {
                f.write_str(&names.join(", "))?;
                match variable {
                    Some(variable) => write!(f, " in {variable}"),
                    None => Ok(()),
                }
            }
            Self::File {
                file,
                line,
                section,
            } if section.is_empty() => write!(f, "{}:{line}", file.display()),
            Self::File {
                file,
                line,
                section,
            } => write!(f, "[{section}] in {}:{line}", file.display()),
            Self::InstanceMetadata { role: Some(role) } => {
                write!(f, "role \"{role}\" (IMDSv2)")
            }
            Self::InstanceMetadata { role: None } => f.write_str("instance metadata (IMDSv2)"),
            Self::Container { variable } => write!(f, "agent of {variable}"),
            Self::Role { arn, named_in } => write!(f, "{arn} by {}", named_in.raw()),
            Self::Sso {
                account_id,
                role_name,
                named_in,
            } => write!(
                f,
                "SSO role \"{role_name}\" in account {account_id} by {}",
                named_in.raw()
            ),
            Self::Login { session, named_in } => {
                write!(f, "login of {session} by {}", named_in.raw())
            }
            Self::Process { named_in } => write!(f, "credential_process of {}", named_in.raw()),
            Self::Other { description } => f.write_str(description),
        }
    }
}
