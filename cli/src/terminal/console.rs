use std::io::{self, IsTerminal as _, Write as _};

use keyfob_sigv4::Timestamp;
use serde_json::json;

use crate::{
    args::Color,
    failure::Failure,
    terminal::{queue, waiting},
};

/// The width of tables in columns if stdout is not a terminal.
const DEFAULT_WIDTH: usize = 80;

/// The only writer of output: data goes to stdout, everything else to stderr.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    color: bool,
    /// Whether questions are allowed.
    input: bool,
    /// Whether notes and warnings are written: not beside errors that a program reads.
    notes: bool,
    /// Whether waits are told: not between the lines of a log.
    waits: bool,
    /// Whether notes and warnings are JSON, as the lines of the log beside them.
    json: bool,
}

/// What a piece of text means, which decides its color.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Good,
    Bad,
    Warning,
    Strong,
}

/// Where an answer is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// The width in columns. A table that would be wider lists the members of an object as rows.
    pub(crate) width: usize,
    pub(crate) is_terminal: bool,
}

impl Console {
    /// Uses color if `color` says so. For `Auto`, stdout must be a terminal.
    pub(crate) fn new(color: Color) -> Self {
        let color = match color {
            Color::On => true,
            Color::Off => false,
            Color::Auto => io::stdout().is_terminal(),
        };
        Self {
            color,
            input: true,
            notes: true,
            waits: true,
            json: false,
        }
    }

    /// Allows or forbids questions.
    pub(crate) fn with_input(self, input: bool) -> Self {
        Self { input, ..self }
    }

    /// Allows or forbids notes and warnings.
    pub(crate) fn with_notes(self, notes: bool) -> Self {
        Self { notes, ..self }
    }

    /// Allows or forbids telling what is waited for.
    pub(crate) fn with_waits(self, waits: bool) -> Self {
        Self { waits, ..self }
    }

    /// Writes notes and warnings as JSON, or as text.
    pub(crate) fn with_json(self, json: bool) -> Self {
        Self { json, ..self }
    }

    /// Writes data to stdout, unchanged.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written. For a closed pipe the failure is silent and exits with 0.
    pub(crate) fn write_stdout(self, data: impl AsRef<[u8]>) -> Result<(), Failure> {
        waiting::make_room();
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(data.as_ref())
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::stdout(&error))
    }

    /// Writes text to stderr. Errors are ignored, because there is nowhere to report them.
    pub(crate) fn write_stderr(self, text: &str) {
        waiting::make_room();
        queue::write(text);
    }

    /// Writes a line `note: …` to stderr, unless notes are forbidden.
    pub(crate) fn note(self, text: &str) {
        self.write_message("note", text);
    }

    /// Writes a line `warning: …` to stderr, unless notes are forbidden.
    pub(crate) fn warn(self, text: &str) {
        self.write_message("warning", text);
    }

    /// Returns true if notes are shown.
    pub(crate) fn has_notes(self) -> bool {
        self.notes
    }

    /// Writes lines that belong to a note or a warning.
    pub(crate) fn write_note(self, text: &str) {
        match (self.notes, self.json) {
            (false, _) => {}
            (true, false) => self.write_stderr(text),
            (true, true) => self.write_message("note", text.trim()),
        }
    }

    fn write_message(self, level: &str, text: &str) {
        if !self.notes {
            return;
        }
        let line = if self.json {
            let time = Timestamp::now().to_string();
            json!({"time": time, "level": level, "message": text}).to_string()
        } else {
            format!("{level}: {text}")
        };
        self.write_stderr(&(line + "\n"));
    }

    /// Colors the text, if color is on.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Good => 32,
            Style::Bad => 31,
            Style::Warning => 33,
            Style::Strong => 1,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Returns true if color is on.
    pub(crate) fn has_color(self) -> bool {
        self.color
    }

    /// Describes stdout for the formats of answers.
    pub(crate) fn screen(self) -> Screen {
        Screen {
            width: self.terminal_width().unwrap_or(DEFAULT_WIDTH),
            is_terminal: io::stdout().is_terminal(),
        }
    }

    /// Returns the width of the terminal on stdout in columns. `None` if stdout is not a terminal.
    pub(crate) fn terminal_width(self) -> Option<usize> {
        let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(usize::from(width.0))
    }

    /// Returns the width of the terminal on stderr in columns. `None` if stderr is not a terminal.
    pub(crate) fn stderr_width(self) -> Option<usize> {
        let (width, _) = terminal_size::terminal_size_of(io::stderr())?;
        Some(usize::from(width.0))
    }

    /// Returns true if the user can be asked: stdin and stderr are terminals, and questions are
    /// allowed.
    pub(crate) fn can_ask(self) -> bool {
        self.input && self.has_terminals()
    }

    /// Returns true if waits are told: on a terminal only.
    pub(crate) fn tells_waits(self) -> bool {
        self.waits && self.notes && io::stderr().is_terminal()
    }

    /// Returns true if only `--no-input` forbids a question.
    pub(crate) fn is_input_forbidden(self) -> bool {
        !self.input && self.has_terminals()
    }

    /// Returns true if there is a terminal, on which the user may see what is written.
    pub(super) fn is_watched(self) -> bool {
        io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
    }

    fn has_terminals(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}
