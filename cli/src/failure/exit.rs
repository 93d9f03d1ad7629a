/// Why the process exits, as in `aws`, or as in shells for commands that it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// A negative answer, such as a setting that does not exist.
    Negative,
    /// Some files were skipped.
    Skipped,
    /// The answer to `request --fail` is an error, as in curl.
    Refused,
    /// Ctrl-C.
    Interrupted,
    /// The code of the command that ran.
    Child(u8),
    /// The command to run cannot be executed.
    NotExecutable,
    /// The command to run does not exist.
    NotFound,
    /// The command line is wrong.
    Usage,
    /// No credentials, no terminal, or a bad configuration.
    Configuration,
    /// The service answered with an error.
    Service,
    /// Anything else.
    Other,
}

impl Exit {
    /// Returns the exit code.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Negative => 1,
            Self::Skipped => 2,
            Self::Refused => 22,
            Self::Child(code) => code,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
            // 128 plus the number of the signal, as shells count.
            Self::Interrupted => 130,
            Self::Usage => 252,
            Self::Configuration => 253,
            Self::Service => 254,
            Self::Other => 255,
        }
    }
}
