//! The one place that writes to the terminal: data to stdout, everything else to stderr.

use std::io::{self, IsTerminal as _, Write as _};

use crate::{args::Color, failure::Failure};

/// How wide a table may be where no terminal says so.
const DEFAULT_WIDTH: usize = 80;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    colour: bool,
}

/// What a piece of text is, and so how it looks on a terminal in colour.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Good,
    Warning,
    Strong,
}

impl Console {
    /// Colour is asked for, or stdout is a terminal and nobody objects (<https://no-color.org>).
    pub(crate) fn new(color: Color, no_color: bool) -> Self {
        let colour = match color {
            Color::On => true,
            Color::Off => false,
            Color::Auto => !no_color && io::stdout().is_terminal(),
        };
        Self { colour }
    }

    /// Writes data to stdout.
    ///
    /// # Errors
    ///
    /// When it cannot be written; a closed pipe is a failure that says nothing and exits with 0.
    pub(crate) fn data(self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::stdout(&error))
    }

    /// Writes bytes to stdout as they are.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::stdout(&error))
    }

    /// Writes text to stderr, where nobody may be reading.
    pub(crate) fn aside(self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// A line of remark on stderr.
    pub(crate) fn note(self, text: &str) {
        self.aside(&format!("note: {text}\n"));
    }

    /// A line of warning on stderr.
    pub(crate) fn warn(self, text: &str) {
        self.aside(&format!("warning: {text}\n"));
    }

    /// The text, coloured if colour is on.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Good => 32,
            Style::Warning => 33,
            Style::Strong => 1,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Whether colour is on.
    pub(crate) fn has_colour(self) -> bool {
        self.colour
    }

    /// The width of the terminal on stdout.
    pub(crate) fn width(self) -> usize {
        terminal_size::terminal_size_of(io::stdout())
            .map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0))
    }

    /// Whether a person sits there to be asked: stdin and stderr are terminals.
    pub(crate) fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}
