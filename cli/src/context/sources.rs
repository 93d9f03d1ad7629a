use std::{collections::HashMap, io, path::PathBuf};

use keyfob_chain::{Error, ErrorKind, MfaQuestion, ProcessCommand, ProcessOutput, Sources};
use keyfob_sigv4::Secret;
use serde_json::Value;

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
/// What stands in the name of a value that is not told, however short it is.
const SECRET_NAMES: [&str; 10] = [
    "auth",
    "bearer",
    "credential",
    "key",
    "otp",
    "pass",
    "pin",
    "pwd",
    "secret",
    "token",
];
/// The words that are told after such a name.
const STATES: [&str; 31] = [
    "access", "a", "and", "are", "be", "been", "cannot", "could", "denied", "empty", "expired",
    "file", "for", "found", "has", "have", "id", "in", "invalid", "is", "longer", "missing", "no",
    "not", "of", "or", "set", "the", "valid", "was", "wrong",
];

/// Returns what a process says, without parts of its output and of its arguments that may be
/// secrets, without what a line has after the name of a secret, and without long words that look
/// like one.
fn without_secrets(said: &str, output: &str, arguments: &[String]) -> String {
    let is_separator = |char: char| char.is_whitespace() || "\"',:{}".contains(char);
    // A script for a shell has the words of its messages.
    let arguments = arguments.iter();
    let arguments = arguments.flat_map(|argument| argument.split(is_separator));
    let arguments = arguments.filter(|word| !is_plain(word));
    // A value of JSON may be escaped in the output.
    let values: HashMap<String, Value> = serde_json::from_str(output).unwrap_or_default();
    let values = values.values().filter_map(Value::as_str);
    let secrets = output.split(is_separator).chain(arguments).chain(values);
    let secrets: Vec<Secret> = secrets.map(Secret::from).collect();
    let lines = said
        .split_inclusive('\n')
        .map(|line| match end_of_told(line) {
            Some(start) if line.ends_with('\n') => format!("{}…\n", &line[..start]),
            Some(start) => format!("{}…", &line[..start]),
            None => line.to_owned(),
        });
    let said: String = lines.collect();
    let said = Secret::redact(&said, &secrets.iter().collect::<Vec<_>>());
    let start = said.char_indices().rev().nth(TOLD - 1);
    let said = start.map_or(&said[..], |(start, _)| &said[start..]);
    said.split_inclusive(char::is_whitespace)
        .map(told_word)
        .collect()
}

/// Returns where the line stops being told. After the name of a secret, whose value may follow it
/// in any form, only a few words about its state are told.
///
/// Messages of errors of the AWS CLI and of this program are told. They are about secrets and have
/// none.
fn end_of_told(line: &str) -> Option<usize> {
    let message = line.trim_start();
    let message = ["keyfob: [ERROR]: ", "aws: [ERROR]: "]
        .iter()
        .find_map(|start| message.strip_prefix(start))
        .unwrap_or(message);
    if message.starts_with("An error occurred (") {
        return None;
    }
    // Of the same length.
    let lower = line.to_ascii_lowercase().replace("keyfob", "______");
    let mut is_after_name = false;
    let mut start = 0;
    for piece in lower.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let name = SECRET_NAMES.iter().filter_map(|name| word.find(name)).min();
        let from = name.or_else(|| is_after_name.then_some(0));
        if let Some(from) = from
            && let Some(at) = word[from..].find(['=', ':'])
        {
            return Some(start + from + at + 1);
        }
        let bare = word.trim_matches(|char: char| char.is_ascii_punctuation());
        if is_after_name && name.is_none() && !word.is_empty() && !STATES.contains(&bare) {
            return Some(start);
        }
        is_after_name |= name.is_some();
        start += piece.len();
    }
    None
}

/// Returns the word, or a mark in its place if it may be a secret.
fn told_word(word: &str) -> String {
    let bare = word.trim_end();
    let is_told =
        bare.len() <= SHORT || is_plain(bare.trim_end_matches('…')) || bare.starts_with("arn:");
    if is_told {
        word.to_owned()
    } else {
        word.replace(bare, "…")
    }
}

/// Returns true if a text looks like one of a language or of a program: each part has letters of
/// one case, or capitals that begin words, such as `AccessDeniedException`.
fn is_plain(text: &str) -> bool {
    text.split(|char: char| char.is_ascii_punctuation())
        .all(|part| {
            let letters: Vec<char> = part.chars().collect();
            let ends_in_capitals = letters.windows(2).any(|two| {
            matches!(two, [first, second] if first.is_uppercase() && second.is_uppercase())
        });
            letters.iter().all(|char| char.is_alphabetic())
                && (part.len() <= SHORT
                    || !ends_in_capitals
                    || !part.chars().any(char::is_lowercase))
        })
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
        let output =
            r#"{"SecretAccessKey": "canary/pass+word", "SessionToken": "s\u0065\/cretcanary7"}"#;
        let arguments = ["login", "hunter2x", "corp-admin"].map(str::to_owned);
        for (said, expected) in [
            (
                "no session for corp-admin: UnrecognizedClientException\n(login)",
                "no session for corp-admin: UnrecognizedClientException\n(login)",
            ),
            ("got canary/pass+word", "got (redacted)"),
            ("usage: tool hunter2x", "usage: tool (redacted)"),
            (
                "+ login -u me --password x7 host",
                "+ login -u me --password …",
            ),
            (
                "export AWS_SECRET_ACCESS_KEY=short\nthen",
                "export AWS_SECRET_ACCESS_KEY=…\nthen",
            ),
            (r#"{"SecretAccessKey":"x","a":"b"}"#, r#"{"(redacted)":…"#),
            ("Authorization: Bearer a.b.c", "Authorization:…"),
            ("with bearer a.b.c", "with bearer …"),
            ("got CANARYwJalrXUtnFEMI", "got …"),
            ("got se/cretcanary7", "got (redacted)"),
            ("the token has expired", "the token has expired"),
            (
                "AWS_ACCESS_KEY_ID is not set",
                "AWS_ACCESS_KEY_ID is not set",
            ),
            ("password is: CANARY12", "password is:…"),
            ("my pin 123456CANARY", "my pin …"),
            ("the passphrase is correct horse", "the passphrase is …"),
            ("u?a=b&password=x7 more", "u?a=b&password=…"),
            ("api_key = x7", "api_key =…"),
            ("keyfob: x7 was not found", "keyfob: x7 was not found"),
            (
                "keyfob: [ERROR]: An error occurred (CredentialRetrieval): the key of a is missing",
                "keyfob: [ERROR]: An error occurred (CredentialRetrieval): the key of a is missing",
            ),
            (
                "An error occurred (ExpiredToken) when calling it: The security token is expired",
                "An error occurred (ExpiredToken) when calling it: The security token is expired",
            ),
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
