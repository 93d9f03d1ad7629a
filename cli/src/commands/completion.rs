//! `keyfob completion`: the scripts for shells, and what they ask for at each Tab.

use crate::{args::CompletionArgs, completion, failure::Failure, terminal::Console};

/// Runs the command.
///
/// # Errors
///
/// If stdout cannot be written.
pub(super) fn run(console: Console, args: &CompletionArgs) -> Result<(), Failure> {
    let word = args
        .word
        .as_deref()
        .map(|word| word.to_str().unwrap_or_default());
    match (args.shell, word) {
        (Some(shell), _) => console.write_stdout(completion::script(shell)),
        (None, word) => {
            console.write_stdout(completion::lines(&args.before, word.unwrap_or_default()))
        }
    }
}
