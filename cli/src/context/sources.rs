use std::{io, path::PathBuf};

use keyfob_chain::{Error, ErrorKind, MfaQuestion, ProcessCommand, ProcessOutput, Sources};
use keyfob_sigv4::Secret;

use crate::{
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

/// How much of the end of what a process says is told, in characters.
const TOLD: usize = 2000;
/// The length in bytes of words that are told whatever they consist of. The shortest secrets,
/// passwords aside, are access keys of 40 characters.
const SHORT: usize = 16;

/// Returns what a process says, without parts of its output and of its arguments that may be
/// secrets, and without other long words that look like one.
fn without_secrets(said: &str, output: &str, arguments: &[String]) -> String {
    let is_plain = |word: &str| {
        let mut chars = word.chars();
        chars.all(|char| char.is_alphabetic() || char.is_ascii_punctuation())
    };
    let is_separator = |char: char| char.is_whitespace() || "\"',:{}".contains(char);
    // A script for a shell has the words of its messages.
    let arguments = arguments.iter();
    let arguments = arguments.flat_map(|argument| argument.split(is_separator));
    let arguments = arguments.filter(|word| !is_plain(word));
    let secrets = output.split(is_separator).chain(arguments);
    let secrets: Vec<Secret> = secrets.map(Secret::from).collect();
    let said = Secret::redact(said, &secrets.iter().collect::<Vec<_>>());
    let start = said.char_indices().rev().nth(TOLD - 1);
    let said = start.map_or(&said[..], |(start, _)| &said[start..]);
    let told = said.split_inclusive(char::is_whitespace).map(|word| {
        let bare = word.trim_end();
        let is_told = bare.len() <= SHORT || is_plain(bare) || bare.starts_with("arn:");
        if is_told {
            word.to_owned()
        } else {
            word.replace(bare, "…")
        }
    });
    told.collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_that_may_be_a_secret() {
        let output = r#"{"Version": 1, "SecretAccessKey": "canary/pass+word", "#;
        let arguments = ["login", "hunter2x", "corp-admin"].map(str::to_owned);
        for (said, expected) in [
            (
                "no session for corp-admin: UnrecognizedClientException\n(login)",
                "no session for corp-admin: UnrecognizedClientException\n(login)",
            ),
            ("got canary/pass+word", "got (redacted)"),
            ("usage: tool hunter2x", "usage: tool (redacted)"),
            (
                "key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\nbad",
                "key …\nbad",
            ),
            (
                "no arn:aws:iam::1:role/a-long-name",
                "no arn:aws:iam::1:role/a-long-name",
            ),
        ] {
            assert_eq!(without_secrets(said, output, &arguments), expected);
        }
        let long = without_secrets(&"é ".repeat(5000), "", &[]);
        assert_eq!(long.chars().count(), TOLD);
    }
}
