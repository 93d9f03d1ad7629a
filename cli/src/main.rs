//! `keyfob`: AWS credentials on the command line.

mod args;
mod commands;
mod context;
mod failure;
mod output;
mod s3;
mod sandbox;
mod syntax;
mod terminal;

use std::{env, process::ExitCode, time::Duration};

use tokio::{runtime, signal};

use self::{
    args::{Args, Color},
    context::Context,
    failure::{Failure, explain_usage},
    terminal::Console,
};

/// How long a prompt may take after Ctrl-C to restore the terminal.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    // Errors are never colored, so they can be printed before the arguments are known.
    let plain = Console::new(Color::Off, true);
    let Err(failure) = try_main(plain) else {
        return ExitCode::SUCCESS;
    };
    if !failure.is_silent() {
        plain.write_stderr(&failure.to_string());
    }
    ExitCode::from(failure.exit_code())
}

/// Parses the arguments, resolves what they refer to, then runs the command.
fn try_main(plain: Console) -> Result<(), Failure> {
    let args = match Args::from_words(env::args_os()) {
        Ok(args) => args,
        Err(error) => return plain.write_stdout(explain_usage(&error)?),
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other(format!("cannot start: {error}")))?;
    let result = runtime.block_on(async {
        tokio::select! {
            // The signal handlers are in place before the command does anything.
            biased;
            failure = signalled() => {
                plain.write_stderr("\n");
                Err(failure)
            }
            result = run(args) => result,
        }
    });
    runtime.shutdown_timeout(SHUTDOWN_GRACE);
    result
}

/// Waits for Ctrl-C or SIGTERM.
///
/// The command's future is dropped then, and with it the sandbox, which removes its files.
async fn signalled() -> Failure {
    #[cfg(unix)]
    if let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
        return tokio::select! {
            _ = signal::ctrl_c() => Failure::interrupted(),
            _ = terminate.recv() => Failure::terminated(),
        };
    }
    let _ = signal::ctrl_c().await;
    Failure::interrupted()
}

async fn run(args: Args) -> Result<(), Failure> {
    let context = Context::prepare(args.globals).await?;
    commands::run(&context, &args.command).await
}
