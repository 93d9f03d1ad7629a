use std::{
    ffi::{OsStr, OsString},
    io,
    process::{Command, ExitStatus},
};

use tokio::task::spawn_blocking;

use crate::{commands::environment::Changes, failure::Failure, signals, terminal::printable};

/// Returns the command with its environment.
pub(super) fn command(words: &[OsString], changes: &Changes) -> Command {
    changes.log();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    for (name, value) in changes.list() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Runs the command, passes signals on to it, and exits with its code.
pub(super) async fn run(words: &[OsString], changes: &Changes) -> Result<(), Failure> {
    let mut command = command(words, changes);
    // What starts a process in one step runs no script without `#!`, as shells do. This makes it
    // two steps, and changes nothing else.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::gid(&mut command, rustix::process::getgid().as_raw());
    let (mut child, passed_on) =
        signals::spawn(&mut command).map_err(|error| not_started(&words[0], &error))?;
    let status = spawn_blocking(move || child.wait()).await;
    drop(passed_on);
    let status = status
        .map_err(io::Error::from)
        .and_then(|status| status)
        .map_err(|error| Failure::other(format!("cannot wait for the command: {error}")))?;
    match code(status) {
        0 => Ok(()),
        code => Err(Failure::from_child(code)),
    }
}

/// Returns the code of a command that has ended: 128 plus its number for a signal, as in shells.
#[cfg(unix)]
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;

    let signal = || status.signal().map(|signal| 128 + signal);
    let code = status.code().or_else(signal).unwrap_or(255);
    u8::try_from(code).unwrap_or(255)
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> u8 {
    status
        .code()
        .map_or(255, |code| u8::try_from(code).unwrap_or(255))
}

/// Returns the failure for a command that cannot be started, with the codes of shells.
pub(super) fn not_started(program: &OsStr, error: &io::Error) -> Failure {
    let program = program.to_string_lossy();
    let program = printable(&program);
    match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::command_not_found(format!("exec: there is no command {program}"))
        }
        _ => Failure::command_not_executable(format!("exec: cannot run {program}: {error}")),
    }
}
