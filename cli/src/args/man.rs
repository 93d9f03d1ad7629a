use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The command of the page [default: keyfob itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub(crate) command: Vec<String>,
    /// Write the pages of all commands to this folder, such as keyfob-sts.1
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
