//! How a command fails: the exit code and the lines on stderr, both as in `aws`.

mod advice;
mod causes;
mod exit;
mod meaning;
mod usage;

use std::{fmt, io, path::PathBuf};

use keyfob_chain::with_tilde;
use serde_json::json;

use self::exit::Exit;
pub(crate) use self::{
    advice::{Refused, with_reasons},
    causes::chained,
    usage::{explain_usage, refused_number},
};
use crate::{
    args::{ErrorFormat, OutputFormat},
    output,
    terminal::{Screen, printable, printable_lines},
};

/// A command's failure. `Display` is the text for stderr, with the empty line `aws` starts with.
#[derive(Debug)]
pub(crate) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` if the command stopped early but nothing went wrong.
    exit: Option<Exit>,
    code: Option<String>,
    operation: Option<String>,
    /// The number of retries, if the call failed after the last one that the policy allows.
    retries: u32,
    /// By which the support of AWS finds the request. As in version 2 of `aws`, the text for people
    /// does not have it.
    request_id: Option<String>,
    message: String,
    details: Vec<String>,
    hints: Vec<String>,
    format: ErrorFormat,
    home: Option<PathBuf>,
}

impl Failure {
    fn new(exit: Option<Exit>, code: Option<&str>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            exit,
            code: code.map(str::to_owned),
            operation: None,
            retries: 0,
            request_id: None,
            message: message.into(),
            details: Vec::new(),
            hints: Vec::new(),
            format: ErrorFormat::default(),
            home: None,
        }))
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Some(Exit::Usage), Some("ParamValidation"), message)
    }

    /// The configuration is wrong or incomplete.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(Some(Exit::Configuration), Some("Configuration"), message)
    }

    /// No provider has credentials.
    pub(crate) fn no_credentials(message: impl Into<String>) -> Self {
        Self::configuration(message).with_code("NoCredentials")
    }

    /// A service answered `operation` with the error `code`.
    pub(crate) fn service(code: &str, operation: &str, message: impl Into<String>) -> Self {
        Self::new(Some(Exit::Service), Some(code), message).with_operation(operation)
    }

    /// The answer to `GET path` is that the item does not exist.
    pub(crate) fn not_found(path: &str, message: impl Into<String>) -> Self {
        Self::service("NotFound", &format!("GET {path}"), message)
    }

    /// Anything else.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(Some(Exit::Other), None, message)
    }

    /// Exits with 1, without a message.
    pub(crate) fn negative() -> Self {
        Self::new(Some(Exit::Negative), None, "")
    }

    /// Exits with 2, without a message: some files were skipped.
    pub(crate) fn skipped() -> Self {
        Self::new(Some(Exit::Skipped), None, "")
    }

    /// Ctrl-C at a prompt that reads keys one by one.
    pub(crate) fn interrupted() -> Self {
        Self::new(Some(Exit::Interrupted), None, "")
    }

    /// Exits with the code of a command that ran, without a message.
    pub(crate) fn from_child(code: u8) -> Self {
        Self::new(Some(Exit::Child(code)), None, "")
    }

    /// The command to run does not exist.
    pub(crate) fn command_not_found(message: impl Into<String>) -> Self {
        Self::new(Some(Exit::NotFound), None, message)
    }

    /// The command to run cannot be executed.
    pub(crate) fn command_not_executable(message: impl Into<String>) -> Self {
        Self::new(Some(Exit::NotExecutable), None, message)
    }

    /// The answer to a question cannot be read.
    pub(crate) fn unread_answer(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => Self::interrupted(),
            _ => Self::other(format!("cannot read the answer: {error}")),
        }
    }

    /// Standard output cannot be written. A reader that closed it early, such as `head`, is not an
    /// error: the exit code is 0 then.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(None, None, "");
        }
        Self::other(format!("cannot write to standard output: {error}"))
    }

    /// Replaces the error code.
    pub(crate) fn with_code(mut self, code: &str) -> Self {
        self.0.code = Some(code.to_owned());
        self
    }

    /// Sets the operation that was called.
    pub(crate) fn with_operation(mut self, operation: &str) -> Self {
        self.0.operation = Some(operation.to_owned());
        self
    }

    /// Sets the number of retries before the call failed for good.
    pub(crate) fn with_retries(mut self, retries: u32) -> Self {
        self.0.retries = retries;
        self
    }

    /// Sets the exit code of curl for an answer that is an error.
    pub(crate) fn with_exit_of_curl(mut self) -> Self {
        self.0.exit = Some(Exit::Refused);
        self
    }

    /// Sets the id that the service gave the request.
    pub(crate) fn with_request_id(mut self, id: &str) -> Self {
        self.0.request_id = Some(id.to_owned());
        self
    }

    /// Adds a line below the message.
    pub(crate) fn with_detail(mut self, line: impl Into<String>) -> Self {
        self.0.details.push(line.into());
        self
    }

    /// Adds a line `hint: …`.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Sets the format of the text for stderr.
    pub(crate) fn with_format(mut self, format: ErrorFormat) -> Self {
        self.0.format = format;
        self
    }

    /// Returns the error code.
    pub(crate) fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns the message alone.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Sets the home folder, for which the text for people has `~`.
    pub(crate) fn with_home(mut self, home: Option<PathBuf>) -> Self {
        self.0.home = home;
        self
    }

    /// Returns the hints.
    pub(crate) fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// Returns the exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        self.0.exit.map_or(0, Exit::code)
    }

    /// Returns true if the exit code alone is the answer. An error is never silent, even one whose
    /// message a service left empty.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(
            self.0.exit,
            None | Some(Exit::Negative | Exit::Skipped | Exit::Interrupted | Exit::Child(_))
        )
    }
}

impl Inner {
    /// Formats the code, the message and the request id as an answer.
    fn render(&self, format: OutputFormat) -> String {
        let mut error = json!({
            "Code": self.code.as_deref().unwrap_or("Unknown"),
            "Message": self.message,
        });
        if let Some(id) = &self.request_id {
            error["RequestId"] = id.as_str().into();
        }
        // A line end in the message must not pass for one of the format.
        let screen = Screen {
            width: 80,
            is_terminal: true,
        };
        output::render(format, "error", &error, screen)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = &self.0;
        let of_answers = match failure.format {
            ErrorFormat::Legacy | ErrorFormat::Enhanced => None,
            ErrorFormat::Json => Some(OutputFormat::Json),
            ErrorFormat::Text => Some(OutputFormat::Text),
            ErrorFormat::Table => Some(OutputFormat::Table),
            ErrorFormat::Yaml => Some(OutputFormat::Yaml),
        };
        if let Some(format) = of_answers {
            return f.write_str(&failure.render(format));
        }
        f.write_str("\nkeyfob: [ERROR]: ")?;
        if let Some(code) = &failure.code {
            write!(f, "An error occurred ({})", printable(code))?;
            if let Some(operation) = &failure.operation {
                let operation = printable(operation);
                write!(f, " when calling the {operation} operation")?;
            }
            if failure.retries > 0 {
                write!(f, " (reached max retries: {})", failure.retries)?;
            }
            f.write_str(": ")?;
        }
        // Any of these texts may contain words of a service or a file.
        let shown = |text| with_tilde(text, failure.home.as_deref());
        writeln!(f, "{}", printable_lines(&shown(&failure.message)))?;
        if failure.format == ErrorFormat::Legacy {
            return Ok(());
        }
        for line in &failure.details {
            writeln!(f, "{}", printable(&shown(line)))?;
        }
        for hint in &failure.hints {
            writeln!(f, "hint: {}", printable(hint))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_error_reads_as_in_aws() {
        let failure = Failure::service("AccessDenied", "AssumeRole", "no").with_hint("ask for it");
        assert_eq!(
            failure.to_string(),
            "\nkeyfob: [ERROR]: An error occurred (AccessDenied) when calling the AssumeRole operation: no\nhint: ask for it\n"
        );
        assert_eq!(failure.exit_code(), 254);
    }

    #[test]
    fn an_error_without_a_message_is_not_silent() {
        let failure = Failure::service("MethodNotAllowed", "GetCallerIdentity", "");
        assert!(!failure.is_silent());
        assert_eq!(
            failure.to_string(),
            "\nkeyfob: [ERROR]: An error occurred (MethodNotAllowed) when calling the GetCallerIdentity operation: \n"
        );
        assert!(!Failure::other("").is_silent());
        assert!(Failure::negative().is_silent());
    }

    #[test]
    fn a_service_cannot_control_the_terminal() {
        let failure = Failure::service("A\u{1b}", "B\n", "c\u{9b}2J\nhint: run it");
        assert_eq!(
            failure.to_string(),
            "\nkeyfob: [ERROR]: An error occurred (A\\u{1b}) when calling the B\\n operation: c\\u{9b}2J\n  hint: run it\n"
        );
    }

    #[test]
    fn a_closed_pipe_is_not_an_error() {
        let failure = Failure::stdout(&io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.exit_code(), failure.is_silent()), (0, true));
    }

    #[test]
    fn the_format_of_errors_is_that_of_the_option() {
        let failure = || {
            let failure = Failure::service("AccessDenied", "AssumeRole", "no\nway");
            failure.with_detail("role r").with_hint("ask")
        };
        let first = "\nkeyfob: [ERROR]: An error occurred (AccessDenied) when calling the \
             AssumeRole operation: no\n  way\n";
        for (format, expected) in [
            (ErrorFormat::Legacy, first),
            (
                ErrorFormat::Json,
                "{\n    \"Code\": \"AccessDenied\",\n    \"Message\": \"no\\nway\"\n}\n",
            ),
            (
                ErrorFormat::Yaml,
                "Code: AccessDenied\nMessage: \"no\\nway\"\n",
            ),
            (ErrorFormat::Text, "AccessDenied\tno\\nway\n"),
        ] {
            assert_eq!(failure().with_format(format).to_string(), expected);
        }
        let enhanced = failure().with_format(ErrorFormat::Enhanced).to_string();
        assert_eq!(enhanced, format!("{first}role r\nhint: ask\n"));
    }
}
