use std::ffi::OsStr;

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, StringValueParser, TypedValueParser, ValueParserFactory},
};

/// The value of an option, which may stand in a file, as in `aws`: `file://PATH`.
///
/// Every option of a service that takes text or a number has this type. Parsing keeps what was
/// written; [`expand`](crate::syntax::expand) reads the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// The option as people write it, such as `--external-id`.
    pub(crate) flag: String,
    /// The value as it was written.
    pub(crate) written: String,
}

impl Text {
    /// Returns the option, with the number of this value if there are `count` and not only one.
    pub(crate) fn place(&self, index: usize, count: usize) -> String {
        if count == 1 {
            return self.flag.clone();
        }
        format!("{} (number {})", self.flag, index + 1)
    }
}

impl ValueParserFactory for Text {
    type Parser = TextParser;

    fn value_parser() -> TextParser {
        TextParser
    }
}

/// Parses a [`Text`].
#[derive(Clone, Debug)]
pub(crate) struct TextParser;

impl TypedValueParser for TextParser {
    type Value = Text;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Text, Error> {
        let written = StringValueParser::new().parse_ref(command, option, value)?;
        let name = option.and_then(Arg::get_long).unwrap_or_default();
        Ok(Text {
            flag: format!("--{name}"),
            written,
        })
    }
}

/// Parses a [`Text`] that is one of these values, or a newer one that the service knows.
#[derive(Clone, Debug)]
pub(crate) struct ValuesParser(pub(crate) Vec<&'static str>);

impl TypedValueParser for ValuesParser {
    type Value = Text;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Text, Error> {
        TextParser.parse_ref(command, option, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}
