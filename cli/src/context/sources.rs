use std::{collections::HashMap, io, ops::Range, path::PathBuf};

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
/// Parts of words that name a secret.
const SECRETS: [&str; 6] = [
    "bearer",
    "passcode",
    "passphrase",
    "passw",
    "secret",
    "token",
];
/// The ends of words that name a secret. `KeyError` and `mapping` name none.
const SECRET_ENDS: [&str; 6] = ["key", "otp", "pass", "pin", "pw", "pwd"];
/// Options whose value is often a secret.
const SECRET_OPTIONS: [&str; 5] = ["--user", "-a", "-p", "-u", "-w"];
/// Words that are mostly told about, and name a secret only where a value follows as with a header.
const HEADERS: [&str; 5] = [
    "auth",
    "authentication",
    "authorization",
    "credential",
    "credentials",
];
/// The words that are told after the name of a secret. Passwords that people like, such as
/// `secret`, are not among them.
const STATES: &[&str] = &[
    "a",
    "access",
    "allowed",
    "and",
    "are",
    "auth",
    "authentication",
    "be",
    "been",
    "but",
    "by",
    "cannot",
    "client",
    "code",
    "could",
    "credentials",
    "denied",
    "does",
    "empty",
    "error",
    "exist",
    "expired",
    "failed",
    "file",
    "for",
    "found",
    "from",
    "has",
    "have",
    "id",
    "in",
    "included",
    "incorrect",
    "invalid",
    "is",
    "it",
    "key",
    "longer",
    "malformed",
    "missing",
    "must",
    "no",
    "not",
    "of",
    "or",
    "provided",
    "refresh",
    "refused",
    "rejected",
    "request",
    "required",
    "session",
    "set",
    "the",
    "to",
    "token",
    "unavailable",
    "valid",
    "was",
    "were",
    "with",
    "wrong",
    "your",
];
/// The names whose values are told, as loggers write them.
const LOGGED: [&str; 8] = [
    "code", "err", "error", "level", "message", "msg", "status", "time",
];

/// Returns what a process says, without parts of its output and of its arguments that may be
/// secrets, without what follows the name of a secret, and without words that may be one by their
/// form. It rather hides a reason than tells a secret.
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
    let mut previous = "";
    let mut lines = String::new();
    for line in said.split_inclusive('\n') {
        let text = line.trim_end();
        let end = if is_value_of(previous, text) {
            Some(0)
        } else {
            end_of_told(text)
                .into_iter()
                .chain(end_of_trace(text))
                .min()
        };
        match end {
            Some(end) => lines.push_str(&format!("{}…{}", &text[..end], &line[text.len()..])),
            None => lines.push_str(line),
        }
        if end == Some(0) {
            previous = "";
        } else if !text.is_empty() {
            previous = text;
        }
    }
    let said = lines;
    let said = Secret::redact(&said, &secrets.iter().collect::<Vec<_>>());
    let start = said.char_indices().rev().nth(TOLD - 1);
    let said = start.map_or(&said[..], |(start, _)| &said[start..]);
    said.split_inclusive(char::is_whitespace)
        .map(told_word)
        .collect()
}

/// Returns true for a line that has the value of the secret that the line before it ends with.
fn is_value_of(previous: &str, line: &str) -> bool {
    let end = end_of_told(&format!("{previous} {}", line.trim_start()));
    let Some(end) = end.filter(|_| !line.is_empty()) else {
        return false;
    };
    let has_value = previous
        .get(end..)
        .is_some_and(|rest| rest.contains(char::is_alphanumeric));
    let is_open = end <= previous.len();
    let is_next = end == previous.len() + 1;
    !has_value && (is_open || is_next && line.split_whitespace().count() == 1)
}

/// Returns where the arguments of a command begin, in the line that `set -x` prints of it.
fn end_of_trace(line: &str) -> Option<usize> {
    let command = line.trim_start_matches('+').strip_prefix(' ')?;
    let is_trace = line.starts_with('+');
    let length = command.find(' ').filter(|_| is_trace)?;
    Some(line.len() - command.len() + length + 1)
}

/// Returns where the line stops being told. After the name of a secret, whose value may follow it
/// in any form, only a few words about its state are told, up to a colon.
fn end_of_told(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let is_end = |word: &str| word.ends_with([':', '=']);
    let mut is_after_name = false;
    let mut before = ["", ""];
    let mut start = 0;
    for piece in lower.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let bare = word.trim_matches(|char: char| char.is_ascii_punctuation());
        let end = start + word.len();
        if is_after_name && !word.is_empty() {
            if !STATES.contains(&bare) {
                return Some(start);
            }
            if is_end(word) {
                return Some(end);
            }
        }
        if let Some(value) = open_value(word) {
            return Some(start + value);
        }
        let is_path = word.starts_with(['/', '~', '.']) || word.contains("://");
        if is_error_code(before, &line[start..end]) || is_path {
            // Its parts are names of something else.
        } else if let Some(name) = name_in(word, is_secret_name) {
            if name < word.len() || is_end(word) {
                return Some(start + name);
            }
            is_after_name = true;
        } else if let Some(name) = name_in(word, |part| HEADERS.contains(&part)) {
            let is_header = word[..name].ends_with([':', '=']);
            if is_header && (name < word.len() || is_short(&lower[end..])) {
                return Some(start + name);
            }
        }
        is_after_name |= SECRET_OPTIONS.contains(&word);
        before = [before[1], word];
        start += piece.len();
    }
    None
}

/// Returns true for the rest of a line that looks like a value and not like a reason.
fn is_short(rest: &str) -> bool {
    matches!(rest.split_whitespace().count(), 1..=2)
}

/// Returns true for a part of a word in small letters that names a secret.
fn is_secret_name(part: &str) -> bool {
    let end = part.trim_end_matches(|char: char| char.is_ascii_digit());
    let end = end
        .strip_suffix('s')
        .filter(|_| !end.ends_with("ss"))
        .unwrap_or(end);
    let is_type = part.ends_with("exception") || part.ends_with("error");
    part == "basic"
        || SECRET_ENDS.iter().any(|name| end.ends_with(name))
        || !is_type && SECRETS.iter().any(|name| part.contains(name))
}

/// Returns where the value of a name begins that is in a word, or the end of the word if that has
/// the name only.
fn name_in(word: &str, is_name: impl Fn(&str) -> bool) -> Option<usize> {
    let is_separator = |char: char| !char.is_alphanumeric();
    let mut has_name = false;
    let mut start = 0;
    for piece in word.split_inclusive(is_separator) {
        let part = piece.trim_end_matches(is_separator);
        // The parts of `AWS_SECRET_ACCESS_KEY` and `--token-code` are those of one name.
        let is_joined = word[..start].ends_with(['_', '-']);
        if has_name && !is_joined && !part.is_empty() {
            return Some(start);
        }
        has_name |= is_name(part);
        start += piece.len();
    }
    has_name.then_some(word.len())
}

/// Returns true for the code of an error of AWS, as its CLI and its SDKs for Python and Go write
/// it.
fn is_error_code(before: [&str; 2], word: &str) -> bool {
    let code = word.trim_matches(['(', ')', ':', ',']);
    let is_code = !code.is_empty() && code.chars().all(|char| char.is_ascii_alphabetic());
    is_code && (before == ["api", "error"] || before == ["error", "occurred"])
}

/// Returns where the value of a variable begins whose quotes end in another word.
fn open_value(word: &str) -> Option<usize> {
    let value = &word[assigned(word)?..];
    let quote = value.chars().next().filter(|char| "\"'".contains(*char))?;
    let is_open = !value[1..].contains(quote);
    is_open.then_some(word.len() - value.len())
}

/// Returns where the value begins in `NAME=VALUE`, unless loggers write that name.
fn assigned(word: &str) -> Option<usize> {
    let (name, value) = word.split_once('=')?;
    let name = name.trim_start_matches(|char: char| char.is_ascii_punctuation());
    let is_logged = LOGGED.contains(&name.to_ascii_lowercase().as_str());
    let is_value = value.contains(char::is_alphanumeric);
    (!name.is_empty() && is_value && !is_logged).then_some(word.len() - value.len())
}

/// Returns the word, with a mark in the place of what may be a secret by its form: a long word, a
/// code of MFA, or a value in an option, a URL or the text of a variable.
fn told_word(word: &str) -> String {
    let bare = word.trim_end();
    let Some(hidden) = hidden_in(bare) else {
        return word.to_owned();
    };
    format!("{}…{}", &word[..hidden.start], &word[hidden.end..])
}

fn hidden_in(word: &str) -> Option<Range<usize>> {
    let digits = word.trim_matches(|char: char| char.is_ascii_punctuation());
    let is_code = matches!(digits.len(), 6..=8) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_told =
        word.len() <= SHORT || is_plain(word.trim_end_matches('…')) || word.starts_with("arn:");
    if is_code || !is_told {
        return Some(0..word.len());
    }
    if word.len() > 2 && (word.starts_with("-p") || word.starts_with("-u")) {
        return Some(2..word.len());
    }
    let after_user = |at: usize| {
        let host = word.find("//").map_or(0, |slashes| slashes + 2);
        Some(host + word.get(host..at)?.find(':')? + 1..at)
    };
    let password = word.rfind('@').and_then(after_user);
    password.or_else(|| Some(assigned(word)?..word.len()))
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
            ("got canary/pass+word", "got (redacted)…"),
            ("usage: tool hunter2x", "usage: tool (redacted)"),
            ("+ login -u me --password x7 host", "+ login …"),
            ("++ MYDB=x7 psql", "++ MYDB=… …"),
            (
                "export AWS_SECRET_ACCESS_KEY=short\nthen",
                "export AWS_SECRET_ACCESS_KEY=…\nthen",
            ),
            ("export MYDB=hunter7 x", "export MYDB=… x"),
            ("MYDB='hunter 7' psql", "MYDB=…"),
            ("PGPW=hunter7 psql", "PGPW=…"),
            ("login --otp=123", "login --otp=…"),
            ("mysql -phunter7 -h host", "mysql -p… -h host"),
            ("mysql -p hunter7", "mysql -p …"),
            ("curl -u bob:hunter7 host", "curl -u …"),
            ("at https://bob:hunter@host/x", "at https://bob:…@host/x"),
            (r#"{"SecretAccessKey":"x","a":"b"}"#, r#"{"(redacted)":"…"#),
            ("Authorization: Bearer a.b.c", "Authorization:…"),
            ("Authorization: Basic Zm9vYmFy", "Authorization:…"),
            (
                "-H 'Authorization: Basic Zm9v' x",
                "-H 'Authorization: Basic …",
            ),
            ("with bearer a.b.c", "with bearer …"),
            ("got CANARYwJalrXUtnFEMI", "got …"),
            ("got se/cretcanary7", "got (redacted)"),
            ("password is: CANARY12", "password is:…"),
            ("my pin 123456CANARY", "my pin …"),
            ("the passphrase is correct horse", "the passphrase is …"),
            ("u?a=b&password=x7 more", "u?a=…"),
            ("api_key = x7", "api_key …"),
            (
                "login with password hunter7: connection refused",
                "login with password …",
            ),
            ("MFA token 123456: rejected", "MFA token …"),
            ("code 123456 rejected", "code … rejected"),
            ("the key Zm9vYmFyYmF6= is bad", "the key …"),
            ("password:\nhunter7 x\nthen", "password:…\n…\nthen"),
            (
                "password\n\n  hunter7\nthen it failed",
                "password\n\n…\nthen it failed",
            ),
            ("no token\nrun login", "no token\nrun login"),
            ("password,hunter7", "password,…"),
            ("pin(1234)", "pin(…"),
            ("<pin>1234</pin>", "<pin>…"),
            ("password secret7", "password …"),
            ("credentials=x7", "credentials=…"),
            ("credentials: bob hunter7", "credentials:…"),
            (
                "An error occurred (X): password=hunter7",
                "An error occurred (X): password=…",
            ),
            (
                "keyfob: [ERROR]: An error occurred (InvalidToken): token=CANARY77",
                "keyfob: [ERROR]: An error occurred (InvalidToken): token=…",
            ),
            (
                "key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\nbad",
                "key …\nbad",
            ),
            (
                "Enter token code for arn:aws:iam::1:mfa/x: 123456",
                "Enter token code for …",
            ),
        ] {
            assert_eq!(without_secrets(said, output, &arguments), expected);
        }
    }

    #[test]
    fn the_reasons_of_other_tools_are_told() {
        for said in [
            "the token has expired",
            "AWS_ACCESS_KEY_ID is not set",
            "keyfob: x7 was not found",
            "no arn:aws:iam::1:role/a-long-name",
            "keyfob: [ERROR]: An error occurred (CredentialRetrieval): the key of a is missing",
            "An error occurred (ExpiredToken) when calling it: The security token is expired",
            "botocore.exceptions.ClientError: An error occurred (InvalidClientTokenId) when \
             calling the GetCallerIdentity operation: The security token included in the request \
             is invalid",
            "Unable to locate credentials. You can configure credentials by running \
             \"aws configure\".",
            "KeyError: 'NAME'",
            "not authorized to perform: sts:AssumeRole",
            // aws-vault
            "aws-vault: error: exec: Failed to get credentials for prod: AccessDenied",
            "Failed to get credentials for prod: operation error STS: AssumeRole, api error \
             ExpiredTokenException: The security token included in the request is expired",
            // saml2aws
            "Error authenticating to IdP: dial tcp: lookup okta.example.com: no such host",
            "time=now level=error msg=\"unable to reach the IdP: timeout\"",
            // granted
            "[x] profile prod: error getting credentials: the SSO session has expired",
            // gimme-aws-creds
            "Multi-factor authentication failed",
            // op
            "[ERROR] you are not currently signed in. Please run `op signin --help`",
            // chamber
            "Error: Failed to list store contents: exit status 1",
            // vault
            "URL: PUT https://vault/auth/x\nCode: 403. Errors:\n\n* permission denied",
            "* missing client token",
        ] {
            assert_eq!(without_secrets(said, "", &[]), said);
        }
    }

    #[test]
    fn the_end_of_a_long_text_is_told() {
        let long = without_secrets(&"é ".repeat(5000), "", &[]);
        assert_eq!(long.chars().count(), TOLD);
    }
}
