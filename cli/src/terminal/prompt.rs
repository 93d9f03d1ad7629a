#[cfg(unix)]
use std::fs::File;
use std::io::{self, BufRead as _};

#[cfg(unix)]
use crate::terminal::{hidden::Hidden, stop::with_stops};
use crate::{
    failure::Failure,
    terminal::{console::Console, escape::printable, waiting::asking},
};

/// Asks the user questions at the terminal. They go to stderr, as stdout is for data.
#[derive(Debug)]
pub(crate) struct Prompt(Console);

impl Prompt {
    /// Returns a prompt; `alternative` is the hint of the error.
    ///
    /// # Errors
    ///
    /// If stdin or stderr is not a terminal, or with `--no-input`.
    pub(crate) fn new(console: Console, alternative: &str) -> Result<Self, Failure> {
        if console.can_ask() {
            return Ok(Self(console));
        }
        let reason = if console.is_input_forbidden() {
            "cannot ask: --no-input forbids it"
        } else {
            "cannot ask: stdin or stderr is not a terminal"
        };
        let failure = Failure::configuration(reason).with_code("NoTerminal");
        Err(failure.with_hint(alternative))
    }

    /// Asks for a line until `check` accepts it. An empty answer, which keeps the shown current
    /// value, is `None`.
    ///
    /// # Errors
    ///
    /// If the terminal cannot be read.
    pub(crate) async fn line(
        &self,
        question: &str,
        current: Option<&str>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<String>, Failure> {
        let prompt = with_current(question, current);
        self.ask(question, &prompt, check, Answer::Line).await
    }

    /// Asks for a line in the same way, without a current value.
    ///
    /// # Errors
    ///
    /// If the terminal cannot be read.
    pub(crate) async fn plain(
        &self,
        question: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<String>, Failure> {
        let prompt = format!("{question}: ");
        self.ask(question, &prompt, check, Answer::Line).await
    }

    /// Lists items with numbers, and asks for one of them. Returns its index, which is 0 for an
    /// empty answer.
    ///
    /// # Errors
    ///
    /// If the terminal cannot be read.
    pub(crate) async fn choose(&self, question: &str, items: &[String]) -> Result<usize, Failure> {
        for (index, item) in items.iter().enumerate() {
            let line = format!("{:>3}  {}\n", index + 1, printable(item));
            self.0.write_stderr(&line);
        }
        let count = items.len();
        let index = |answer: &str| {
            let number = answer.parse::<usize>().ok();
            number.filter(|number| (1..=count).contains(number))
        };
        let check = |answer: &str| match index(answer) {
            Some(_) => Ok(()),
            None => Err(format!("type a number from 1 to {count}")),
        };
        let answer = self.line(question, Some("1"), check).await?;
        Ok(answer.as_deref().and_then(index).unwrap_or(1) - 1)
    }

    /// Says that an empty answer does not do.
    pub(crate) fn require(&self, question: &str) {
        self.0.warn(&format!("{question}: a value is required"));
    }

    /// Asks for a secret in the same way, and shows a star for each character typed.
    ///
    /// # Errors
    ///
    /// If the terminal cannot be read, or on Ctrl-C.
    pub(crate) async fn secret(
        &self,
        question: &str,
        current: Option<&str>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<String>, Failure> {
        let prompt = with_current(question, current);
        self.ask(question, &prompt, check, Answer::Secret).await
    }

    /// Asks for a code that is used once. The caller has made sure that there is a terminal. An
    /// empty answer is `None`.
    ///
    /// # Errors
    ///
    /// If the terminal cannot be read; [`io::ErrorKind::Interrupted`] on Ctrl-C.
    pub(crate) async fn code(console: Console, question: &str) -> io::Result<Option<String>> {
        Answer::Secret.read(console, question).await
    }

    async fn ask(
        &self,
        question: &str,
        prompt: &str,
        check: impl Fn(&str) -> Result<(), String>,
        kind: Answer,
    ) -> Result<Option<String>, Failure> {
        loop {
            let read = kind.read(self.0, prompt).await;
            let Some(answer) = read.map_err(|error| Failure::unread_answer(&error))? else {
                return Ok(None);
            };
            // Asking only this question again keeps the answers given so far.
            match check(&answer) {
                Ok(()) => return Ok(Some(answer)),
                Err(reason) => self.0.warn(&format!("{question}: {reason}")),
            }
        }
    }
}

/// What the user types.
#[derive(Clone, Copy)]
enum Answer {
    Line,
    Secret,
}

impl Answer {
    /// Shows the prompt and reads the answer without the spaces around it. An empty one is `None`.
    async fn read(self, console: Console, prompt: &str) -> io::Result<Option<String>> {
        let _asking = asking();
        // Before the prompt: some people answer at once.
        #[cfg(unix)]
        let hidden = match self {
            Self::Secret => Hidden::new(),
            Self::Line => None,
        };
        console.write_stderr(prompt);
        // On another thread, because the answer may take long.
        let work = async {
            let read = match self {
                Self::Line => read_line,
                Self::Secret => read_secret,
            };
            tokio::task::spawn_blocking(read).await
        };
        #[cfg(unix)]
        let work = with_stops(work, hidden.as_ref().map(Hidden::shown));
        let line = work
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))?;
        let answer = line.trim();
        Ok((!answer.is_empty()).then(|| answer.to_owned()))
    }
}

/// Returns a question with the current value, which an empty answer keeps.
fn with_current(question: &str, current: Option<&str>) -> String {
    format!("{question} [{}]: ", printable(current.unwrap_or("None")))
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
        .password_feedback_mask('*');
    #[cfg(unix)]
    let config = config.input_file_path(terminal_of_stdin());
    rpassword::read_password_with_config(config.build())
}

/// Returns the path of the terminal that the other answers come from.
///
/// It need not be the controlling terminal of this process. Only that one can be opened after `su`.
#[cfg(unix)]
fn terminal_of_stdin() -> &'static str {
    const STDIN: &str = "/dev/stdin";
    match File::open(STDIN) {
        Ok(_) => STDIN,
        Err(_) => "/dev/tty",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_current_value_is_escaped() {
        let prompt = with_current("Region", Some("eu\u{1b}[31m"));
        assert_eq!(prompt, "Region [eu\\u{1b}[31m]: ");
        assert_eq!(with_current("Region", None), "Region [None]: ");
    }
}
