use clap::ValueEnum;

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Json,
    Text,
    Table,
    Yaml,
    /// For `AWS_DEFAULT_OUTPUT` and profiles only.
    #[value(skip)]
    YamlStream,
    Off,
}

impl OutputFormat {
    /// Returns the format with this name, as `AWS_DEFAULT_OUTPUT` and profiles write it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "yaml-stream" => Some(Self::YamlStream),
            name => Self::from_str(name, false).ok(),
        }
    }
}

/// The format of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ErrorFormat {
    /// The message without details and hints
    Legacy,
    /// The message with details and hints
    #[default]
    Enhanced,
    Json,
    Text,
    Table,
    Yaml,
}

impl ErrorFormat {
    /// Returns the format with this name, as `AWS_CLI_ERROR_FORMAT` and profiles write it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }
}
