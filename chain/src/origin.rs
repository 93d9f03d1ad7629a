use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

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

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line, counted from 1.
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
/// It serializes as an object whose `kind` is the variant's name in kebab case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// Nobody said anything, so it is what this crate documents as its default.
    Default,
    /// The program, or an argument of it, said so.
    Argument {
        /// What the program calls it, such as `--region`.
        name: String,
    },
    /// Variables of the environment.
    Environment {
        /// Their names, in the order in which they are documented.
        variables: Vec<String>,
    },
    /// A line of a configuration file.
    File {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: u32,
        /// The name of the section, without its prefix.
        section: String,
    },
    /// The instance metadata service, version 2.
    InstanceMetadata {
        /// The name of the instance's role, when it was needed.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    },
    /// The agent beside an ECS task or an EKS pod.
    Container {
        /// The variable that has its address.
        variable: String,
    },
    /// A session of a role that STS issued.
    Role {
        /// The ARN of the role.
        arn: String,
        /// Where the role is named.
        named_in: Box<Origin>,
    },
    /// A provider of one's own.
    Other {
        /// What it says of itself.
        description: String,
    },
}

impl Origin {
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

/// For people: `AWS_REGION`, `[dev] in /home/ada/.aws/config:3`, `role "app-prod" (IMDSv2)`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Argument { name } => f.write_str(name),
            Self::Environment { variables } => f.write_str(&variables.join(", ")),
            Self::File {
                file,
                line,
                section,
            } => write!(f, "[{section}] in {}:{line}", file.display()),
            Self::InstanceMetadata { role: Some(role) } => {
                write!(f, "role \"{}\" (IMDSv2)", role.escape_debug())
            }
            Self::InstanceMetadata { role: None } => f.write_str("instance metadata (IMDSv2)"),
            Self::Container { variable } => write!(f, "agent of {variable}"),
            Self::Role { arn, named_in } => write!(f, "{} by {named_in}", arn.escape_debug()),
            Self::Other { description } => f.write_str(description),
        }
    }
}
