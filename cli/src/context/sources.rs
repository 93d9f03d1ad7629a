use std::{io, path::PathBuf};

use keyfob_chain::{Error, ErrorKind, MfaQuestion, ProcessCommand, ProcessOutput, Sources};
use keyfob_sigv4::Secret;

use crate::{
    context::said::without_secrets,
    signals::{self, undo_on_signal},
    terminal::{Console, Prompt, asking, printable, printable_lines},
};

/// Returns what this program gives the providers: its terminal, if it has one and may ask there,
/// and a folder for the cache and for tokens.
pub(super) fn sources(console: Console, disk: Option<PathBuf>) -> Sources {
    let mut sources = Sources::default().with_refresh_guard(signals::hold);
    if let Some(disk) = disk {
        sources = sources.with_disk(disk);
    }
    if !console.can_ask() {
        return sources.with_processes(move |command| run_and_tell(console, command));
    }
    sources
        .with_processes(|command| async {
            let _asking = asking();
            run(command.with_terminal()).await
        })
        .with_mfa_prompt(move |question| ask_for_code(console, question))
}

/// Runs a process, which a signal to this one stops too.
pub(crate) async fn run(command: ProcessCommand) -> Result<ProcessOutput, io::Error> {
    signals::watch();
    let running = command.start()?;
    let stop = running.stop();
    let _undo = undo_on_signal(move || stop.stop());
    running.output().await
}

/// Runs a process without a terminal. If it fails, what it has written to standard error is told.
async fn run_and_tell(
    console: Console,
    command: ProcessCommand,
) -> Result<ProcessOutput, io::Error> {
    let arguments = command.arguments().to_vec();
    let output = run(command).await?;
    let said = output.stderr.expose().trim();
    if output.status.success() || said.is_empty() || !console.has_notes() {
        return Ok(output);
    }
    let said = printable_lines(&without_secrets(said, output.stdout.expose(), &arguments));
    console.note(&format!("the process of credential_process says: {said}"));
    Ok(ProcessOutput::new(output.status, output.stdout, ""))
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
