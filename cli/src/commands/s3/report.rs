use std::fmt;

use serde_json::{Value, json};

use crate::{
    args::ReportArgs,
    failure::Failure,
    terminal::{Console, printable},
};

/// Prints what was done to each file or object, in the words of `aws`, and counts what was not.
#[derive(Clone)]
pub(super) struct Report {
    console: Console,
    shows_success: bool,
    shows_errors: bool,
    is_json: bool,
    is_terminal: bool,
    failures: u64,
    warnings: u64,
    /// How many downloads could not be compared with a checksum.
    unverified: u64,
}

/// What is done to a file or an object.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    /// `upload`, `download`, `copy`, `move` or `delete`.
    pub(super) operation: &'static str,
    pub(super) source: String,
    pub(super) destination: Option<String>,
}

impl Report {
    /// Returns a report that prints everything.
    pub(super) fn new(console: Console) -> Self {
        Self {
            console,
            shows_success: true,
            shows_errors: true,
            is_json: false,
            is_terminal: console.screen().is_terminal,
            failures: 0,
            warnings: 0,
            unverified: 0,
        }
    }

    /// Returns a report that prints what the arguments ask for.
    pub(super) fn with_args(console: Console, args: &ReportArgs) -> Self {
        Self {
            shows_success: !args.quiet && !args.only_show_errors,
            shows_errors: !args.quiet,
            is_json: args.json_lines,
            ..Self::new(console)
        }
    }

    /// Prints what was done.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) fn done(&self, deed: &Deed) -> Result<(), Failure> {
        self.success(deed, None)
    }

    /// Prints what was downloaded, and in JSON whether it was compared with a checksum.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) fn downloaded(&mut self, deed: &Deed, is_verified: bool) -> Result<(), Failure> {
        self.count(is_verified);
        self.success(deed, Some(("Verified", is_verified.into())))
    }

    /// Counts a download that is not printed.
    pub(super) fn count(&mut self, is_verified: bool) {
        self.unverified += u64::from(!is_verified);
    }

    /// Prints in JSON what was uploaded from standard input. As in `aws`, only errors are printed
    /// otherwise.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) fn streamed(&self, deed: &Deed) -> Result<(), Failure> {
        if self.is_json {
            return self.done(deed);
        }
        Ok(())
    }

    fn success(&self, deed: &Deed, more: Option<(&str, Value)>) -> Result<(), Failure> {
        if !self.shows_success {
            return Ok(());
        }
        if self.is_json {
            return self.json(deed, more);
        }
        self.line(&deed.to_string())
    }

    /// Prints what would be done, also if only errors are asked for, as in `aws`.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) fn dry_run(&self, deed: &Deed) -> Result<(), Failure> {
        if !self.shows_errors {
            return Ok(());
        }
        if self.is_json {
            return self.json(deed, Some(("DryRun", true.into())));
        }
        self.line(&format!("(dryrun) {deed}"))
    }

    /// Prints why something could not be done.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) fn failed(&mut self, deed: &Deed, error: &dyn fmt::Display) -> Result<(), Failure> {
        self.failures += 1;
        if !self.shows_errors {
            return Ok(());
        }
        if self.is_json {
            return self.json(deed, Some(("Error", error.to_string().into())));
        }
        let (operation, places) = (deed.operation, deed.places());
        self.error(&format!("{operation} failed: {places} {error}"));
        Ok(())
    }

    /// Prints that a file was skipped, and why.
    pub(super) fn warn(&mut self, text: &str) {
        self.warnings += 1;
        self.caution(text);
    }

    /// Prints what may not be meant, which is no failure.
    pub(super) fn caution(&self, text: &str) {
        self.notice("Warning", "warning", text);
    }

    /// Returns the failure that ends everything.
    pub(super) fn fatal(&self, error: &dyn fmt::Display) -> Failure {
        self.notice("Error", "fatal error", &error.to_string());
        Failure::negative()
    }

    /// Prints what is about no single file or object, or about one that nothing is done to.
    fn notice(&self, name: &str, word: &str, text: &str) {
        if !self.shows_errors {
            return;
        }
        if !self.is_json {
            return self.error(&format!("{word}: {text}"));
        }
        let mut line = json!({});
        line[name] = text.into();
        // A reader that is gone is told by the next line that must be written.
        let _ = self.console.write_stdout(format!("{line}\n"));
    }

    /// Tells, on a terminal, how many downloads could not be compared with a checksum.
    fn tell_unverified(&self) {
        let noun = match self.unverified {
            0 => return,
            1 => "1 download was",
            several => &format!("{several} downloads were"),
        };
        if self.shows_success && self.console.tells_waits() {
            self.console.note(&format!(
                "{noun} not verified: S3 has no checksum to compare with"
            ));
        }
    }

    /// Fails if something could not be done, with exit code 1, or was skipped, with 2.
    ///
    /// # Errors
    ///
    /// As said.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        self.tell_unverified();
        match (self.failures, self.warnings) {
            (0, 0) => Ok(()),
            (0, _) => Err(Failure::skipped()),
            _ => Err(Failure::negative()),
        }
    }

    fn json(&self, deed: &Deed, more: Option<(&str, Value)>) -> Result<(), Failure> {
        let mut line = json!({"Operation": deed.operation, "Source": deed.source});
        if let Some(destination) = &deed.destination {
            line["Destination"] = destination.as_str().into();
        }
        if let Some((name, value)) = more {
            line[name] = value;
        }
        self.console.write_stdout(format!("{line}\n"))
    }

    fn line(&self, text: &str) -> Result<(), Failure> {
        let line = if self.is_terminal {
            format!("{}\n", printable(text))
        } else {
            format!("{text}\n")
        };
        self.console.write_stdout(line)
    }

    fn error(&self, text: &str) {
        self.console.write_stderr(&format!("{}\n", printable(text)));
    }
}

impl Deed {
    fn places(&self) -> String {
        match &self.destination {
            Some(destination) => format!("{} to {destination}", self.source),
            None => self.source.clone(),
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.places())
    }
}
