use std::borrow::Cow;

use keyfob_chain::settings::{CLI_ERROR_FORMAT, OUTPUT};
use serde_json::Value;

use crate::{
    args::{ErrorFormat, OutputFormat},
    context::{Context, edit::OWN_FILES},
    failure::Failure,
    output::{self, Query},
    private_folder::PrivateFolder,
};

/// Parses the value of `--query`.
///
/// # Errors
///
/// If it is not JMESPath. The message shows where, as that of `aws` does.
pub(super) fn query(expression: Option<&str>) -> Result<Option<Query>, Failure> {
    let parsed = expression.map(|expression| {
        Query::parse(expression)
            .map_err(|error| Failure::usage(format!("Bad value for --query {expression}: {error}")))
    });
    parsed.transpose()
}

impl Context {
    /// Gives a failure the format that the argument or a setting asks for. A setting that cannot be
    /// used is a hint.
    pub(crate) fn formatted(&self, mut failure: Failure) -> Failure {
        let file = self.variables().config_file();
        if failure.code() == Some("ProfileNotFound")
            && file.is_some_and(|file| PrivateFolder::is_of_exec(&file))
        {
            failure = failure.with_hint(format!(
                "inside `keyfob exec --serve` there is only the profile in use: {OWN_FILES} has \
                 yours"
            ));
        }
        if let Some(format) = self.globals.cli_error_format {
            return failure.with_format(format);
        }
        match self.settings.choice(&CLI_ERROR_FORMAT) {
            Ok(name) => match name.and_then(ErrorFormat::from_name) {
                Some(format) => failure.with_format(format),
                None => failure,
            },
            Err(error) => failure.with_hint(error.to_string()),
        }
    }

    /// Prints the answer of an operation in the configured format, by default as JSON.
    ///
    /// # Errors
    ///
    /// If the format is unknown, or if stdout cannot be written.
    pub(crate) fn print(&self, operation: &str, answer: &Value) -> Result<(), Failure> {
        self.print_as(self.format()?, operation, answer)
    }

    /// Returns the format of [`print`](Self::print).
    ///
    /// # Errors
    ///
    /// If the configured format is unknown.
    pub(crate) fn format(&self) -> Result<OutputFormat, Failure> {
        Ok(self.output_format()?.unwrap_or(OutputFormat::Json))
    }

    /// Returns true if `--query` selects a part of the answer.
    pub(crate) fn has_query(&self) -> bool {
        self.query.is_some()
    }

    /// Prints parameters as JSON, whatever the format of answers is.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(crate) fn print_parameters(&self, parameters: &Value) -> Result<(), Failure> {
        let screen = self.console.screen();
        let mut text = output::render(OutputFormat::Json, "", parameters, screen);
        if text.is_empty() {
            text = "{}\n".to_owned();
        }
        self.console.write_stdout(text)
    }

    /// Fails if [`print`](Self::print) would, before anything is sent.
    ///
    /// # Errors
    ///
    /// If the configured format is unknown.
    pub(crate) fn check_output(&self) -> Result<(), Failure> {
        self.output_format().map(drop)
    }

    /// Prints the answer of an operation in this format, or the part of it that `--query` selects.
    ///
    /// # Errors
    ///
    /// If the answer does not fit the expression of `--query`, or if stdout cannot be written.
    pub(crate) fn print_as(
        &self,
        format: OutputFormat,
        operation: &str,
        answer: &Value,
    ) -> Result<(), Failure> {
        self.print_cow(format, operation, Cow::Borrowed(answer))
    }

    /// Prints an answer that is not needed any more, without a copy of what `--query` selects.
    ///
    /// # Errors
    ///
    /// As [`print_as`](Self::print_as).
    pub(crate) fn print_owned(
        &self,
        format: OutputFormat,
        operation: &str,
        answer: Value,
    ) -> Result<(), Failure> {
        self.print_cow(format, operation, Cow::Owned(answer))
    }

    fn print_cow(
        &self,
        format: OutputFormat,
        operation: &str,
        answer: Cow<'_, Value>,
    ) -> Result<(), Failure> {
        let screen = self.console.screen();
        let text = match &self.query {
            None => output::render(format, operation, &answer, screen),
            Some(query) => {
                let selected = query.apply(answer);
                let selected = selected.map_err(|error| {
                    let failure = Failure::other(format!("--query: {error}"));
                    failure.with_code("JMESPathType")
                })?;
                output::render(format, operation, &selected, screen)
            }
        };
        self.console.write_stdout(text)
    }

    /// Returns the format for a command that `aws` does not have: that of `--output`. A profile's
    /// `output` is for the commands of `aws`; without an option, these print text for people.
    pub(crate) fn own_format(&self, json: bool) -> Option<OutputFormat> {
        if json {
            return Some(OutputFormat::Json);
        }
        // What an expression selects has no text for people.
        let of_query = self.query.as_ref().map(|_| OutputFormat::Json);
        self.globals.output.or(of_query)
    }

    /// Returns the format that an argument or a setting asks for, for a command of `aws`.
    ///
    /// # Errors
    ///
    /// If a setting names an unknown format.
    fn output_format(&self) -> Result<Option<OutputFormat>, Failure> {
        if self.globals.output.is_some() {
            return Ok(self.globals.output);
        }
        if let Some(format) = self.output_format.get() {
            return Ok(*format);
        }
        let format = self.configured_format()?;
        Ok(*self.output_format.get_or_init(|| format))
    }

    fn configured_format(&self) -> Result<Option<OutputFormat>, Failure> {
        let name = self.settings.choice(&OUTPUT)?;
        Ok(name.and_then(OutputFormat::from_name))
    }
}
