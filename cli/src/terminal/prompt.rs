//! Questions to the person at the terminal, on stderr: stdout is for data.

use std::io::{self, BufRead as _};

use super::Console;
use crate::failure::Failure;

/// Asks questions, if there is somebody to ask.
#[derive(Debug)]
pub(crate) struct Prompt(Console);

impl Prompt {
    /// # Errors
    ///
    /// Without a terminal on stdin and stderr; `instead` says what to do then.
    pub(crate) fn new(console: Console, instead: &str) -> Result<Self, Failure> {
        if console.can_ask() {
            return Ok(Self(console));
        }
        let failure = Failure::configuration("a question needs a terminal, and there is none")
            .with_code("NoTerminal");
        Err(failure.with_hint(instead))
    }

    /// Asks for a line, showing the value that an empty answer keeps, until the answer passes the check.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be read.
    pub(crate) async fn line(
        &self,
        question: &str,
        current: Option<&str>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<String>, Failure> {
        loop {
            self.ask(question, current);
            let answer = blocking(read_line).await?;
            if self.passes(question, answer.as_deref(), &check) {
                return Ok(answer);
            }
        }
    }

    /// Asks for a secret in the same way: what is typed shows as stars.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be read, or on Ctrl-C.
    pub(crate) async fn secret(
        &self,
        question: &str,
        current: Option<&str>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<String>, Failure> {
        loop {
            self.ask(question, current);
            let answer = blocking(read_secret).await?;
            if self.passes(question, answer.as_deref(), &check) {
                return Ok(answer);
            }
        }
    }

    /// What cannot be is said at once, so that nothing else is lost that was typed.
    fn passes(
        &self,
        question: &str,
        answer: Option<&str>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> bool {
        let result = answer.map_or(Ok(()), check);
        if let Err(reason) = &result {
            self.0.warn(&format!("{question}: {reason}"));
        }
        result.is_ok()
    }

    fn ask(&self, question: &str, current: Option<&str>) {
        let current = current.unwrap_or("None");
        self.0.aside(&format!("{question} [{current}]: "));
    }
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}

fn read_secret() -> io::Result<String> {
    let config = rpassword::ConfigBuilder::new()
        .output_writer(io::stderr())
        .password_feedback_mask('*')
        .build();
    rpassword::read_password_with_config(config)
}

/// Waits for the person off the runtime's thread, so that Ctrl-C is heard meanwhile.
async fn blocking(
    read: impl FnOnce() -> io::Result<String> + Send + 'static,
) -> Result<Option<String>, Failure> {
    let read = tokio::task::spawn_blocking(read).await;
    match read.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(line) => Ok(Some(line.trim().to_owned()).filter(|line| !line.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(Failure::interrupted()),
        Err(error) => Err(Failure::other(format!("cannot read the answer: {error}"))),
    }
}
