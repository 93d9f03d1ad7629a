/// The exit codes of `aws`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// A negative answer, such as a setting that does not exist.
    Negative = 1,
    /// Ctrl-C: 128 plus the number of the signal, as shells count.
    Interrupted = 130,
    /// The command line is wrong.
    Usage = 252,
    /// No credentials, no terminal, or a bad configuration.
    Configuration = 253,
    /// The service answered with an error.
    Service = 254,
    /// Anything else.
    Other = 255,
}
