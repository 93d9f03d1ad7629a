use std::ffi::OsString;

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

    /// Returns true for a format that programs read, which nothing else may stand beside.
    pub(crate) fn is_data(self) -> bool {
        !matches!(self, Self::Legacy | Self::Enhanced)
    }

    /// Returns the format for a failure before the settings are known: that of the option if it is
    /// among the words in full, or else of `AWS_CLI_ERROR_FORMAT`.
    pub(crate) fn from_words(words: &[OsString], variable: Option<OsString>) -> Self {
        let option = "--cli-error-format";
        let joined = words.iter().filter_map(|word| {
            let (name, value) = word.to_str()?.split_once('=')?;
            (name == option).then_some(value)
        });
        let pairs = words.windows(2).filter(|pair| pair[0] == option);
        let separate = pairs.filter_map(|pair| pair[1].to_str());
        let variable = variable.and_then(|value| value.into_string().ok());
        let name = joined.chain(separate).last().or(variable.as_deref());
        name.and_then(|name| Self::from_name(name.trim()))
            .unwrap_or_default()
    }
}
