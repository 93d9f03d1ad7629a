use std::io;

use keyfob_chain::{
    Error, ErrorKind, MfaQuestion, ProcessCommand, ProcessOutput, Sources, Variables,
};
use keyfob_sigv4::Secret;

use crate::{
    signals::undo_on_signal,
    terminal::{Console, Prompt, printable},
};

/// Returns what this program gives the providers: its terminal, if it has one and may ask there,
/// and, with `has_disk`, the cache in the home folder.
pub(super) fn sources(console: Console, variables: &Variables, has_disk: bool) -> Sources {
    let mut sources = Sources::default();
    if let Some(home) = variables.home().filter(|_| has_disk) {
        sources = sources.with_disk(home.join(".aws"));
    }
    if !console.can_ask() {
        return sources.with_processes(run);
    }
    sources
        .with_processes(|command| run(command.with_terminal()))
        .with_mfa_prompt(move |question| ask_for_code(console, question))
}

/// Runs a process, which a signal to this one stops too.
pub(crate) async fn run(command: ProcessCommand) -> Result<ProcessOutput, io::Error> {
    let running = command.start()?;
    let stop = running.stop();
    let _undo = undo_on_signal(move || stop.stop());
    running.output().await
}

async fn ask_for_code(console: Console, question: MfaQuestion) -> Result<Secret, Error> {
    if let Some(reason) = question.refused {
        console.warn(&printable(&reason));
    }
    let serial = printable(&question.serial_number);
    let code = Prompt::code(console, &format!("Enter MFA code for {serial}: ")).await;
    match code {
        Ok(Some(code)) => Ok(code.into()),
        Ok(None) => Err(Error::new(ErrorKind::MfaCode, "no MFA code was given")),
        Err(error) => Err(Error::with_source(
            ErrorKind::MfaCode,
            "cannot read the MFA code",
            error,
        )),
    }
}
